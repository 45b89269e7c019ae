//! The members that a body may have: what a kind does not know is refused, so that a misspelt property never
//! looks as if it had taken effect (reference: arm-api §3, the tables).
//!
//! Data connections check their own, which differ by kind of connection. Neighbours of Microsoft.Kusto are not
//! modelled in full and take any member.

use super::kind::Kind;
use super::reply::Reply;
use serde_json::Value;

/// Beside `properties`, and in it, by the last collection of the type.
const MEMBERS: &[(&str, &[&str], &[&str])] = &[
    (
        "Clusters",
        &["location", "tags", "sku", "zones", "identity"],
        &[
            "trustedExternalTenants",
            "virtualNetworkConfiguration",
            "optimizedAutoscale",
            "enableDiskEncryption",
            "enableStreamingIngest",
            "keyVaultProperties",
            "languageExtensions",
            "enablePurge",
            "enableDoubleEncryption",
            "engineType",
            "acceptedAudiences",
            "restrictOutboundNetworkAccess",
            "allowedFqdnList",
            "calloutPolicies",
            "publicNetworkAccess",
            "allowedIpRangeList",
            "enableAutoStop",
            "publicIPType",
            "virtualClusterGraduationProperties",
            "state",
            "stateReason",
            "uri",
            "dataIngestionUri",
            "privateEndpointConnections",
            "migrationCluster",
            "zoneStatus",
        ],
    ),
    (
        "Databases",
        &["location", "kind"],
        &[
            "softDeletePeriod",
            "hotCachePeriod",
            "keyVaultProperties",
            "statistics",
            "isFollowed",
            "suspensionDetails",
            "leaderClusterResourceId",
            "attachedDatabaseConfigurationName",
            "principalsModificationKind",
            "tableLevelSharingProperties",
            "originalDatabaseName",
            "databaseShareOrigin",
        ],
    ),
    (
        "PrincipalAssignments",
        &[],
        &["principalId", "role", "tenantId", "principalType", "tenantName", "principalName", "aadObjectId"],
    ),
    (
        "AttachedDatabaseConfigurations",
        &["location"],
        &[
            "databaseName",
            "clusterResourceId",
            "attachedDatabaseNames",
            "defaultPrincipalsModificationKind",
            "tableLevelSharingProperties",
            "databaseNameOverride",
            "databaseNamePrefix",
        ],
    ),
    (
        "Scripts",
        &[],
        &[
            "scriptUrl",
            "scriptUrlSasToken",
            "scriptContent",
            "forceUpdateTag",
            "continueOnErrors",
            "scriptLevel",
            "principalPermissionsAction",
            "managedIdentityResourceId",
        ],
    ),
    (
        "ManagedPrivateEndpoints",
        &["location"],
        &["privateLinkResourceId", "privateLinkResourceRegion", "groupId", "requestMessage"],
    ),
    ("privateEndpointConnections", &[], &["privateEndpoint", "privateLinkServiceConnectionState", "groupId"]),
];

/// The same in pools of Synapse, where it is less (reference: arm-api §5).
const IN_POOLS: &[(&str, &[&str], &[&str])] = &[
    (
        "Clusters",
        &["location", "tags", "sku"],
        &[
            "optimizedAutoscale",
            "enableStreamingIngest",
            "enablePurge",
            "workspaceUID",
            "state",
            "stateReason",
            "uri",
            "dataIngestionUri",
            "languageExtensions",
        ],
    ),
    ("Databases", &["location", "kind"], &["softDeletePeriod", "hotCachePeriod", "statistics", "isFollowed"]),
    (
        "AttachedDatabaseConfigurations",
        &["location"],
        &[
            "databaseName",
            "clusterResourceId",
            "attachedDatabaseNames",
            "defaultPrincipalsModificationKind",
            "tableLevelSharingProperties",
        ],
    ),
];

fn members(
    in_pool: bool,
) -> impl Iterator<Item = &'static (&'static str, &'static [&'static str], &'static [&'static str])> {
    let pools = IN_POOLS.iter().filter(move |_| in_pool);
    pools.chain(MEMBERS)
}

/// Refuses a member that the kind does not have. `asked` is without what every resource has.
pub(super) fn check(kind: &dyn Kind, in_pool: bool, asked: &Value) -> Result<(), Reply> {
    let last = kind.collections().last().copied().unwrap_or_default();
    let Some((_, beside, within)) =
        members(in_pool).find(|(name, ..)| kind.provider() == "Microsoft.Kusto" && *name == last)
    else {
        return Ok(());
    };
    let stray = |body: Option<&Value>, known: &[&str]| {
        let names = body.and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        names.filter(|name| !known.contains(&name.as_str())).map(String::to_owned).next()
    };
    if let Some(name) = stray(Some(asked), &[*beside, &["properties"]].concat()) {
        return Err(unknown(last, &name, &name));
    }
    match asked.get("properties") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(other) => {
            return Err(content(&format!("Error converting value {other}. Path 'properties'")));
        }
    }
    match stray(asked.get("properties"), within) {
        Some(name) => Err(unknown(last, &name, &format!("properties.{name}"))),
        None => Ok(()),
    }
}

fn unknown(sort: &str, name: &str, path: &str) -> Reply {
    content(&format!("Could not find member '{name}' on object of type '{sort}'. Path '{path}'"))
}

fn content(why: &str) -> Reply {
    let message = format!("The request content was invalid and could not be deserialized: '{why}'.");
    Reply::gateway(400, "InvalidRequestContent", message)
}

#[cfg(test)]
mod tests {
    use super::super::kind::KINDS;
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kusto_kind_but_connections_has_its_members() {
        let without: Vec<&str> = KINDS
            .iter()
            .filter(|kind| kind.provider() == "Microsoft.Kusto")
            .filter_map(|kind| kind.collections().last().copied())
            .filter(|last| !MEMBERS.iter().any(|(name, ..)| name == last))
            .collect();
        assert_eq!(without, ["DataConnections"]);
    }

    #[test]
    fn strays_are_refused_at_their_path() {
        let cluster = &super::super::cluster::Cluster;
        for (body, refused) in [
            (json!({"location": "x", "properties": {"enablePurge": true}}), false),
            (json!({"properties": null}), false),
            (json!({"properties": {"enablepurge": true}}), true),
            (json!({"Sku": {}}), true),
            (json!({"properties": []}), true),
        ] {
            assert_eq!(check(cluster, false, &body).is_err(), refused, "{body}");
        }
    }
}
