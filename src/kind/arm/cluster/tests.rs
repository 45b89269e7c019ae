//! Requests, replies and rules of clusters.

use super::*;
use crate::kind::arm::testing::{Bench, SUBSCRIPTION, check};
use serde_json::json;

const CASES: &str = r#"
== a cluster is made by one PUT, which only creates
+ {"location": "West Europe", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}, "identity": "SystemAssigned", "tags": {"env": "dev"}, "enableStreamingIngest": true, "trustedExternalTenants": []}
> PUT ~/clusters/c if none {"identity":{"type":"SystemAssigned"},"location":"westeurope","properties":{"enableStreamingIngest":true,"trustedExternalTenants":[]},"sku":{"capacity":2,"name":"Standard_E8ads_v5","tier":"Standard"},"tags":{"env":"dev"}}
>   undo DELETE ~/clusters/c
> note: creating a cluster takes 10 to 15 minutes

== short forms, and the tier that follows from the size
+ {"location": "westeurope", "sku": "Dev(No SLA)_Standard_E2a_v4", "languageExtensions": ["R", "PYTHON"], "trustedExternalTenants": ["*"]}
> PUT ~/clusters/c if none {"location":"westeurope","properties":{"languageExtensions":{"value":[{"languageExtensionName":"PYTHON"},{"languageExtensionName":"R"}]},"trustedExternalTenants":[{"value":"*"}]},"sku":{"name":"Dev(No SLA)_Standard_E2a_v4","tier":"Basic"}}
>   undo DELETE ~/clusters/c
> note: creating a cluster takes 10 to 15 minutes

== autoscale needs a capacity within its bounds at creation
+ {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "capacity": 2}, "optimizedAutoscale": {"isEnabled": true, "minimum": 3, "maximum": 6}}
> PUT ~/clusters/c if none {"location":"westeurope","properties":{"optimizedAutoscale":{"isEnabled":true,"maximum":6,"minimum":3,"version":1}},"sku":{"capacity":3,"name":"Standard_E8ads_v5","tier":"Standard"}}
>   undo DELETE ~/clusters/c
> note: creating a cluster takes 10 to 15 minutes

== every property at creation
+ {"location": "westeurope", "tags": {}, "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}, "zones": [2, 1], "identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": ["/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"]}, "trustedExternalTenants": [{"value": "99999999-8888-7777-6666-555555555555"}], "enableDiskEncryption": true, "enableStreamingIngest": true, "enablePurge": true, "enableDoubleEncryption": true, "enableAutoStop": false, "publicNetworkAccess": "secuREDbyperimeter", "allowedIpRangeList": ["10.0.0.0/8"], "restrictOutboundNetworkAccess": "Enabled", "calloutPolicies": [{"calloutType": "kusto", "calloutUriRegex": ".*", "outboundAccess": "Allow"}], "publicIPType": "DualStack", "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v.vault.azure.net", "userIdentity": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"}, "languageExtensions": {"value": [{"languageExtensionName": "PYTHON", "languageExtensionImageName": "Python3_11_7"}]}, "acceptedAudiences": ["https://a.example"], "virtualClusterGraduationProperties": "g"}
> PUT ~/clusters/c at 2025-02-14 if none {"identity":{"type":"SystemAssigned, UserAssigned","userAssignedIdentities":{"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u":{}}},"location":"westeurope","properties":{"acceptedAudiences":[{"value":"https://a.example"}],"allowedIpRangeList":["10.0.0.0/8"],"calloutPolicies":[{"calloutType":"kusto","calloutUriRegex":".*","outboundAccess":"Allow"}],"enableAutoStop":false,"enableDiskEncryption":true,"enableDoubleEncryption":true,"enablePurge":true,"enableStreamingIngest":true,"keyVaultProperties":{"keyName":"k","keyVaultUri":"https://v.vault.azure.net","userIdentity":"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"},"languageExtensions":{"value":[{"languageExtensionImageName":"Python3_11_7","languageExtensionName":"PYTHON"}]},"publicIPType":"DualStack","publicNetworkAccess":"SecuredByPerimeter","restrictOutboundNetworkAccess":"Enabled","trustedExternalTenants":[{"value":"99999999-8888-7777-6666-555555555555"}],"virtualClusterGraduationProperties":"g"},"sku":{"capacity":2,"name":"Standard_E8ads_v5","tier":"Standard"},"tags":{},"zones":["1","2"]}
>   undo DELETE ~/clusters/c
> note: creating a cluster takes 10 to 15 minutes

== what the spec does not mention is neither sent nor compared
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}, "identity": {"type": "SystemAssigned"}, "enableAutoStop": false}
+ {"location": "WestEurope"}
> same

== defaults written out are the same as nothing
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}}
+ {"sku": "Standard_E8ads_v5", "identity": "None", "enablePurge": false, "enableAutoStop": true, "publicNetworkAccess": "enabled", "publicIPType": null, "allowedIpRangeList": [], "keyVaultProperties": {"keyName": "", "keyVaultUri": ""}, "tags": {}}
> same

== one switch is a PATCH of that switch
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}, "tags": {"a": "1"}}
+ {"enablePurge": true, "tags": {"b": "2"}}
> PATCH ~/clusters/c if "e1" {"properties":{"enablePurge":true},"tags":{"b":"2"}}
>   undo PATCH ~/clusters/c if * {"properties":{"enablePurge":false},"tags":{"a":"1"}}
> note: a change of `enablePurge` restarts the cluster

== null goes back to the default
- {"location": "westeurope", "tags": {"a": "1"}, "enableAutoStop": false, "allowedIpRangeList": ["1.2.3.4"], "trustedExternalTenants": [], "optimizedAutoscale": {"version": 1, "isEnabled": true, "minimum": 2, "maximum": 4}, "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v"}, "languageExtensions": {"value": [{"languageExtensionName": "R"}]}}
+ {"tags": null, "enableAutoStop": null, "allowedIpRangeList": null, "trustedExternalTenants": null, "optimizedAutoscale": null, "keyVaultProperties": null, "languageExtensions": null}
> PATCH ~/clusters/c if "e1" {"properties":{"allowedIpRangeList":[],"enableAutoStop":true,"keyVaultProperties":{},"languageExtensions":{"value":[]},"optimizedAutoscale":null,"trustedExternalTenants":[{"value":"*"}]},"tags":{}}
>   undo PATCH ~/clusters/c if * {"properties":{"allowedIpRangeList":["1.2.3.4"],"enableAutoStop":false,"keyVaultProperties":{"keyName":"k","keyVaultUri":"https://v"},"languageExtensions":{"value":[{"languageExtensionName":"R"}]},"optimizedAutoscale":{"isEnabled":true,"maximum":4,"minimum":2,"version":1},"trustedExternalTenants":[]},"tags":{"a":"1"}}
> note: a change of `languageExtensions` takes up to an hour

== the own tenant alone is an empty list
- {"location": "westeurope", "trustedExternalTenants": [{"value": "*"}]}
+ {"trustedExternalTenants": []}
> PATCH ~/clusters/c if "e1" {"properties":{"trustedExternalTenants":[]}}
>   undo PATCH ~/clusters/c if * {"properties":{"trustedExternalTenants":[{"value":"*"}]}}

== a new size keeps the number of machines
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 3}}
+ {"sku": "Standard_E16ads_v5"}
> PATCH ~/clusters/c if "e1" {"sku":{"capacity":3,"name":"Standard_E16ads_v5","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"sku":{"capacity":3,"name":"Standard_E8ads_v5","tier":"Standard"}}
> note: a change of `sku` takes minutes to tens of minutes

== a size with a service level agreement does not keep the one machine
- {"location": "westeurope", "sku": {"name": "Dev(No SLA)_Standard_E2a_v4", "tier": "Basic", "capacity": 1}}
+ {"sku": "Standard_E2a_v4"}
> PATCH ~/clusters/c if "e1" {"sku":{"name":"Standard_E2a_v4","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"sku":{"capacity":1,"name":"Dev(No SLA)_Standard_E2a_v4","tier":"Basic"}}
> note: a change of `sku` takes minutes to tens of minutes

== capacity is autoscale's own
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 5}, "optimizedAutoscale": {"version": 1, "isEnabled": true, "minimum": 2, "maximum": 8}}
+ {"sku": {"name": "Standard_E8ads_v5", "capacity": 2}, "optimizedAutoscale": {"isEnabled": true, "minimum": 2, "maximum": 8}}
> same

== size and autoscale are two steps
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}}
+ {"sku": {"name": "Standard_E16ads_v5", "capacity": 2}, "optimizedAutoscale": {"isEnabled": true, "minimum": 3, "maximum": 6}}
> PATCH ~/clusters/c if "e1" {"sku":{"capacity":3,"name":"Standard_E16ads_v5","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"sku":{"capacity":2,"name":"Standard_E8ads_v5","tier":"Standard"}}
> PATCH ~/clusters/c if * {"properties":{"optimizedAutoscale":{"isEnabled":true,"maximum":6,"minimum":3,"version":1}}}
>   undo PATCH ~/clusters/c if * {"properties":{"optimizedAutoscale":null}}
> note: a change of `sku` takes minutes to tens of minutes

== autoscale goes off with a new size in one step, and comes back in two
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 4}, "optimizedAutoscale": {"version": 1, "isEnabled": true, "minimum": 3, "maximum": 6}}
+ {"sku": {"name": "Standard_E16ads_v5", "capacity": 2}, "optimizedAutoscale": null}
> PATCH ~/clusters/c if "e1" {"properties":{"optimizedAutoscale":null},"sku":{"capacity":2,"name":"Standard_E16ads_v5","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"sku":{"capacity":3,"name":"Standard_E8ads_v5","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"properties":{"optimizedAutoscale":{"isEnabled":true,"maximum":6,"minimum":3,"version":1}}}
> note: a change of `sku` takes minutes to tens of minutes

== a new size keeps the machines that autoscale chose
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 5}, "optimizedAutoscale": {"version": 1, "isEnabled": true, "minimum": 2, "maximum": 8}}
+ {"sku": {"name": "Standard_E16ads_v5", "capacity": 2}}
> PATCH ~/clusters/c if "e1" {"sku":{"capacity":5,"name":"Standard_E16ads_v5","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"sku":{"capacity":5,"name":"Standard_E8ads_v5","tier":"Standard"}}
> note: a change of `sku` takes minutes to tens of minutes

== a size that cannot scale by itself ends autoscale
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 5}, "optimizedAutoscale": {"version": 1, "isEnabled": true, "minimum": 2, "maximum": 8}}
+ {"sku": {"name": "Dev(No SLA)_Standard_E2a_v4", "capacity": 1}}
> PATCH ~/clusters/c if "e1" {"properties":{"optimizedAutoscale":null},"sku":{"capacity":1,"name":"Dev(No SLA)_Standard_E2a_v4","tier":"Basic"}}
>   undo PATCH ~/clusters/c if * {"sku":{"capacity":2,"name":"Standard_E8ads_v5","tier":"Standard"}}
>   undo PATCH ~/clusters/c if * {"properties":{"optimizedAutoscale":{"isEnabled":true,"maximum":8,"minimum":2,"version":1}}}
> note: a change of `sku` takes minutes to tens of minutes

== identities come and go by key
- {"location": "westeurope", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"]}}
+ {"identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": ["/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/w"]}}
> PATCH ~/clusters/c if "e1" {"identity":{"type":"SystemAssigned, UserAssigned","userAssignedIdentities":{"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u":null,"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/w":{}}}}
>   undo PATCH ~/clusters/c if * {"identity":{"type":"UserAssigned","userAssignedIdentities":{"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u":{},"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/w":null}}}

== the spelling of an identity's id does not count
- {"location": "westeurope", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"]}}
+ {"identity": {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/U"]}}
> same

== without the type UserAssigned none is left
- {"location": "westeurope", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"]}}
+ {"identity": "SystemAssigned"}
> PATCH ~/clusters/c if "e1" {"identity":{"type":"SystemAssigned"}}
>   undo PATCH ~/clusters/c if * {"identity":{"type":"UserAssigned","userAssignedIdentities":{"/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u":{}}}}

== zones come last, for they cannot be taken back
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}}
+ {"zones": ["1", "2"], "enablePurge": true}
> PATCH ~/clusters/c if "e1" {"properties":{"enablePurge":true}}
>   undo PATCH ~/clusters/c if * {"properties":{"enablePurge":false}}
> PATCH ~/clusters/c if * {"zones":["1","2"]}
>   never undone: availability zones cannot be taken back once a cluster has them
> note: a change of `enablePurge` restarts the cluster

== zones cannot be taken away
- {"location": "westeurope", "zones": ["1"]}
+ {"zones": []}
> error: `zones` cannot be taken away from a cluster

== double encryption is fixed at creation
- {"location": "westeurope"}
+ {"enableDoubleEncryption": true}
> fixed: enableDoubleEncryption

== the region is fixed at creation
- {"location": "westeurope"}
+ {"location": "northeurope"}
> fixed: location

== a deleted cluster is gone
- {"location": "westeurope", "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2}}
> DELETE ~/clusters/c
>   never undone: every database of the cluster is deleted with all its data; if it was active for more than 14 days, Azure support can bring it back within 14 days
>   loss irreversible: every database of the cluster is deleted with all its data; if it was active for more than 14 days, Azure support can bring it back within 14 days (12 bytes)
> note: if it was in use for more than 14 days, its name stays taken for 14 more; the tag `opt-out-of-soft-delete: "true"`, set before, frees it at once

== a running cluster is stopped by an action
- {"location": "westeurope"}
+ {"state": "Stopped"}
> POST ~/clusters/c/stop
>   undo POST ~/clusters/c/start
> note: while the cluster is stopped nothing in it can be read, queried, ingested or changed; stopping takes about 7 minutes and comes after every other change in it

== and a stopped one started; running goes without saying otherwise
- {"location": "westeurope", "state": "Stopped"}
+ {"state": "Running"}
> POST ~/clusters/c/start
>   undo POST ~/clusters/c/stop
> note: starting the cluster takes about 11 minutes

== running, wanted running
- {"location": "westeurope"}
+ {"state": "Running"}
> same

== stopped, and nothing is said of it
- {"location": "westeurope", "state": "Stopped"}
+ {}
> same

== what changes else changes while it runs
- {"location": "westeurope", "state": "Stopped", "tags": {"a": "1"}}
+ {"tags": {"b": "2"}}
> POST ~/clusters/c/start
>   undo POST ~/clusters/c/stop
> PATCH ~/clusters/c if * {"tags":{"b":"2"}}
>   undo PATCH ~/clusters/c if * {"tags":{"a":"1"}}
> POST ~/clusters/c/stop
>   undo POST ~/clusters/c/start
> note: the cluster is stopped, and changes only while it runs: it is started for this and stopped again

== a cluster leaves its virtual network for good
- {"location": "westeurope", "virtualNetworkConfiguration": {"subnetId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/a", "enginePublicIpId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/e", "dataManagementPublicIpId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/d", "state": "Enabled"}}
+ {"virtualNetworkConfiguration": {"state": "Disabled"}}
> PATCH ~/clusters/c if "e1" {"properties":{"virtualNetworkConfiguration":{"dataManagementPublicIpId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/d","enginePublicIpId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/e","state":"Disabled","subnetId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/a"}}}
>   never undone: a cluster cannot be put back into a virtual network
> note: the cluster leaves its virtual network and has a public endpoint from then on: make private endpoints, or set `publicNetworkAccess: Disabled`

== and cannot go back
- {"location": "westeurope", "virtualNetworkConfiguration": {"subnetId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/a", "state": "Disabled"}}
+ {"virtualNetworkConfiguration": {"state": "Enabled"}}
> error: `virtualNetworkConfiguration` cannot be enabled again

== nor in at all
+ {"location": "westeurope", "sku": "Standard_E8ads_v5", "virtualNetworkConfiguration": {"subnetId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/a"}}
> error: `virtualNetworkConfiguration` cannot be given to a cluster any more: use private endpoints instead
"#;

fn bench() -> Bench {
    let place = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "rg"});
    Bench::new(
        &Cluster,
        "clusters.c",
        &json!({
            "clusters.c": {"kind": "cluster", "body": place},
            "clusters.c.databases.d": {"kind": "database", "bytes": 7},
            "clusters.c.databases.e": {"kind": "database", "bytes": 5}
        }),
    )
}

#[test]
fn requests() {
    bench().run(CASES, &[]);
}

/// A GET of production, api-version 2024-04-13, after a PUT of location, size and identity alone.
fn fresh() -> serde_json::Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Kusto/Clusters/c"),
        "name": "c", "type": "Microsoft.Kusto/Clusters", "etag": "\"2025-08-06T15:34:45.7083917Z\"",
        "location": "West Europe", "tags": {},
        "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2},
        "identity": {"type": "SystemAssigned", "principalId": "8be1f333-a07f-4511-b062-f056df1b196d",
            "tenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47"},
        "properties": {
            "state": "Running", "stateReason": "", "provisioningState": "Succeeded",
            "uri": "https://c.westeurope.kusto.windows.net",
            "dataIngestionUri": "https://ingest-c.westeurope.kusto.windows.net",
            "trustedExternalTenants": [{"value": "*"}], "virtualNetworkConfiguration": null,
            "optimizedAutoscale": null, "enableDiskEncryption": false, "enableStreamingIngest": false,
            "keyVaultProperties": null, "languageExtensions": {"value": []}, "enablePurge": null,
            "enableDoubleEncryption": false, "engineType": "V3", "acceptedAudiences": [],
            "restrictOutboundNetworkAccess": "Disabled", "allowedFqdnList": [], "calloutPolicies": null,
            "publicNetworkAccess": "Enabled", "allowedIpRangeList": [], "enableAutoStop": true,
            "publicIPType": "IPv4", "virtualClusterGraduationProperties": null, "migrationCluster": null,
            "privateEndpointConnections": [], "zoneStatus": "NonZonal"
        }
    })
}

#[test]
fn a_fresh_cluster_reads_as_its_defaults() {
    let live = bench().read(&fresh());
    assert_eq!(
        live.body.shown(),
        json!({
            "subscriptionId": SUBSCRIPTION, "resourceGroup": "RG", "location": "West Europe",
            "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2},
            "identity": {"type": "SystemAssigned"}, "trustedExternalTenants": [{"value": "*"}],
            "enableDiskEncryption": false, "enableStreamingIngest": false, "enablePurge": false,
            "enableDoubleEncryption": false, "enableAutoStop": true, "publicNetworkAccess": "Enabled",
            "allowedIpRangeList": [], "restrictOutboundNetworkAccess": "Disabled", "allowedFqdnList": [],
            "publicIPType": "IPv4", "acceptedAudiences": []
        })
    );
    for (path, value) in [
        ("uri", "https://c.westeurope.kusto.windows.net"),
        ("identity.principalId", "8be1f333-a07f-4511-b062-f056df1b196d"),
        ("identity.type", "SystemAssigned"),
        ("etag", "\"2025-08-06T15:34:45.7083917Z\""),
        ("state", "Running"),
        ("name", "c"),
        ("zoneStatus", "NonZonal"),
    ] {
        let path: Vec<&str> = path.split('.').collect();
        assert_eq!(live.attributes.at(&path).and_then(Value::as_text), Some(value), "{path:?}");
    }
}

#[test]
fn unknown_words_pass() {
    let mut reply = fresh();
    reply["sku"]["name"] = json!("Standard_E96ads_v9");
    reply["sku"]["tier"] = json!("Premium");
    reply["identity"] =
        json!({"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {"/u": {"clientId": "x"}}});
    reply["properties"]["publicNetworkAccess"] = json!("SecuredByMoon");
    reply["properties"]["allowedIpRangeList"] = json!("none");
    reply["properties"]["languageExtensions"] =
        json!({"value": [{"languageExtensionName": "python"}, {"languageExtensionName": "JULIA"}]});
    let body = bench().read(&reply).body.shown();
    assert_eq!(body["sku"], json!({"name": "Standard_E96ads_v9", "tier": "Premium", "capacity": 2}));
    assert_eq!(
        body["identity"],
        json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": ["/u"]})
    );
    assert_eq!(body["publicNetworkAccess"], "SecuredByMoon");
    assert_eq!(body["allowedIpRangeList"], "none");
    let names = json!([{"languageExtensionName": "PYTHON"}, {"languageExtensionName": "JULIA"}]);
    assert_eq!(body["languageExtensions"]["value"], names);
}

#[test]
fn a_soft_deleted_cluster_is_not_there() {
    let mut reply = fresh();
    reply["properties"]["state"] = json!("Deleted");
    assert_eq!(Cluster.found(&Reply::Arm(&reply)).unwrap(), []);
}

const CHECKS: &str = r#"
== {"location": "westeurope", "sku": "Standard_E8ads_v5"}
== {}
> : the cluster's `location` is missing; give it here or once for all under `azure:`
> : the cluster's `sku` is missing; give one, such as `sku: {name: Standard_E8ads_v5, tier: Standard, capacity: 2}`, or say `existing: true`
== {"mode": "existing"}
== {"mode": "existing", "subscriptionId": null}
> : the cluster's `subscriptionId` is missing; give it here or once for all under `azure:`; a cluster known by its `uri` needs none
> : the cluster's `resourceGroup` is missing; give it here or once for all under `azure:`; a cluster known by its `uri` needs none
== {"subscriptionId": "00000000-0000-0000-0000-000000000001", "resourceGroup": "${clusters.b.id}", "mode": "existing"}
> resourceGroup: `resourceGroup` must be known before anything is read, and this is known after apply; write it out, or use a variable
== {"uri": "https://help.kusto.windows.net"}
== {"uri": "help.kusto.windows.net", "location": "westeurope", "sku": "Standard_E8ads_v5"}
> uri: a cluster's `uri` starts with https://; write it as https://NAME.REGION.kusto.windows.net
> sku: `sku` is set through the control plane, and this cluster is known only by its `uri`; leave it out, or give `subscriptionId` and `resourceGroup` instead of `uri`
== {"uri": "http://127.0.0.1:8080/c"}
== {"location": "x", "sku": {"name": "Dev(No SLA)_Standard_E2a_v4", "tier": "Standard", "capacity": 2}}
> sku.tier: `Dev(No SLA)_…` sizes are of the tier Basic; write `tier: Basic`, or leave it out
> sku.capacity: Dev(No SLA)_Standard_E2a_v4 runs on one machine, not on 2; choose another capacity or another size
== {"location": "x", "sku": {"name": "Standard_D11_v2", "tier": "Basic", "capacity": 9}, "optimizedAutoscale": {"isEnabled": true, "minimum": 10, "maximum": 9}}
> sku.tier: this size is of the tier Standard; write `tier: Standard`, or leave it out
> sku.capacity: Standard_D11_v2 runs on 2 to 8 machines, not on 9; choose another capacity or another size
> optimizedAutoscale.minimum: the minimum of 10 machines is above the maximum of 9
> optimizedAutoscale.maximum: this size runs on at most 8 machines; lower the maximum or choose another size
== {"location": "x", "sku": {"name": "Standard_E8ads_v5", "capacity": 1}}
> sku.capacity: Standard_E8ads_v5 runs on 2 to 1000 machines, not on 1; choose another capacity or another size
== {"location": "x", "sku": "Dev(No SLA)_Standard_E2a_v4", "optimizedAutoscale": {"isEnabled": true, "minimum": 2, "maximum": 4}}
> optimizedAutoscale: a `Dev(No SLA)_…` cluster has one machine and cannot scale by itself; leave `optimizedAutoscale` out, or choose another size
== {"location": "x", "sku": "Standard_E99_v9", "identity": "UserAssigned"}
> identity: the type UserAssigned needs `userAssignedIdentities`; list the resource ids of the identities
== {"location": "x", "sku": "Standard_E8ads_v5", "identity": {"type": "SystemAssigned", "userAssignedIdentities": ["UAI"]}}
> identity.userAssignedIdentities: the type SystemAssigned has no user-assigned identities; write `type: "SystemAssigned, UserAssigned"`, or leave the list out
== {"location": "x", "sku": "Standard_E8ads_v5", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["${clusters.b.id}"]}}
> identity.userAssignedIdentities: the ids of identities must be known before the cluster is written, and this is known after apply; write the resource id out, or use a variable
== {"location": "x", "sku": "Standard_E8ads_v5", "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v"}}
== {"location": "x", "sku": "Standard_E8ads_v5", "identity": "None", "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v"}}
> keyVaultProperties: a key of one's own needs an identity that may use it; add `identity: {type: SystemAssigned}` and let it use the key
== {"location": "x", "sku": "Standard_E8ads_v5", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["UAI"]}, "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v"}}
> keyVaultProperties: the cluster has no system-assigned identity to use the key with; name one of its user-assigned identities as `userIdentity`
== {"location": "x", "sku": "Standard_E8ads_v5", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["UAI"]}, "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v", "userIdentity": "UAI2"}}
> keyVaultProperties.userIdentity: the cluster does not have this identity; add it to `identity.userAssignedIdentities`
== {"location": "x", "sku": "Standard_E8ads_v5", "identity": {"type": "UserAssigned", "userAssignedIdentities": ["UAI"]}, "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v", "userIdentity": "UAI"}}
== {"location": "x", "sku": "Standard_E8ads_v5", "allowedFqdnList": ["a.example"], "calloutPolicies": [{"calloutType": "sql", "calloutUriRegex": ".*", "outboundAccess": "Deny"}]}
> allowedFqdnList: `allowedFqdnList` and `calloutPolicies` exclude each other; keep one of the two
"#;

#[test]
fn rules() {
    let uai =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u";
    check(CHECKS, |case| {
        let mut body: serde_json::Value = serde_json::from_str(&case.replace("UAI", uai)).unwrap();
        if body.get("uri").is_none() && body.get("subscriptionId").is_none() {
            body["subscriptionId"] = json!(SUBSCRIPTION);
            body["resourceGroup"] = json!("rg");
        }
        let mode = body.as_object_mut().unwrap().remove("mode").unwrap_or_default();
        (&Cluster, "clusters.c", json!({"clusters.c": {"kind": "cluster", "mode": mode, "body": body}}))
    });
}
