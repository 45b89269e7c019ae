//! Requests, replies and rules of every kind of data connection.

use super::*;
use crate::kind::arm::testing::{Bench, SUBSCRIPTION, check, landing};
use crate::kind::question::Answer;
use serde_json::json;

const AT: &str = "clusters.c.databases.d.dataConnections.dc";
const HUB: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/h";
const ACCOUNT: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a";
const IOT: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/i";
const COSMOS: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/m";
const USER: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u";

/// Short words for resource ids.
const WORDS: &[(&str, &str)] =
    &[("@hub", HUB), ("@account", ACCOUNT), ("@iot", IOT), ("@cosmos", COSMOS), ("@user", USER)];

const EVENT_HUB_CASES: &str = r#"
== a connection is made by one PUT of all that is given
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "M", "dataFormat": "multijson", "eventSystemProperties": ["x-opt-enqueued-time"], "compression": "gzip", "managedIdentityResourceId": "${clusters.c.id}", "databaseRouting": "multi", "retrievalStartDate": "2026-01-31 08:00:00.1234567+01:00"}
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"GZip","consumerGroup":"$Default","dataFormat":"MULTIJSON","databaseRouting":"Multi","eventHubResourceId":"@hub","eventSystemProperties":["x-opt-enqueued-time"],"managedIdentityResourceId":"${clusters.c.id}","mappingRuleName":"M","retrievalStartDate":"2026-01-31T07:00:00.1234567Z","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== a connection without a table routes by what events say
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx", "databaseRouting": "Multi"}
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"consumerGroup":"adx","databaseRouting":"Multi","eventHubResourceId":"@hub"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc
> note: without `managedIdentityResourceId` the service keeps the source's keys, and stops when they are renewed

== Azure Monitor's format needs the newer version
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx", "dataFormat": "AZMONSTREAM"}
> PUT ~/clusters/c/databases/d/dataConnections/dc at 2025-02-14 {"kind":"EventHub","location":"westeurope","properties":{"consumerGroup":"adx","dataFormat":"AZMONSTREAM","eventHubResourceId":"@hub"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc
> note: without `managedIdentityResourceId` the service keeps the source's keys, and stops when they are renewed

== unset is the default
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "retrievalStartDate": "2026-01-01"}
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "", "dataFormat": null, "compression": "None", "databaseRouting": null, "eventSystemProperties": []}
> same

== what changes in place goes with all the rest
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "T", "mappingRuleName": "M", "dataFormat": "CSV", "retrievalStartDate": "2026-01-01T00:00:00Z", "managedIdentityResourceId": "@user"}
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "U", "mappingRuleName": null, "managedIdentityResourceId": null, "eventSystemProperties": ["a"]}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","dataFormat":"CSV","databaseRouting":"Single","eventHubResourceId":"@hub","eventSystemProperties":["a"],"managedIdentityResourceId":null,"mappingRuleName":null,"retrievalStartDate":"2026-01-01T00:00:00Z","tableName":"U"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","dataFormat":"CSV","databaseRouting":"Single","eventHubResourceId":"@hub","eventSystemProperties":[],"managedIdentityResourceId":"@user","mappingRuleName":"M","retrievalStartDate":"2026-01-01T00:00:00Z","tableName":"T"}}

== another start is a change in place
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "retrievalStartDate": "2026-01-01T00:00:00Z"}
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx", "retrievalStartDate": "2026-02-01"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"2026-02-01T00:00:00Z"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"2026-01-01T00:00:00Z"}}

== another consumer group is another connection, which reads on
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "T", "retrievalStartDate": "2026-01-01T00:00:00Z"}
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx2"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}","tableName":"T"}}
>   loss ingestion-gap: the new connection reads on from the deletion of the old one, as far as the source still keeps it; around that moment something may be missing or come twice
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx2","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== unless the spec says from when on
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "retrievalStartDate": "2026-01-01T00:00:00Z"}
+ {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "adx", "compression": "GZip", "retrievalStartDate": "2026-01-01"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}"}}
>   loss ingestion-gap: the new connection reads again from "2026-01-01T00:00:00Z" on, so what was ingested since then comes twice
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"GZip","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"2026-01-01T00:00:00Z"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== a mapping does not follow to another table
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "T", "mappingRuleName": "M"}
+ {"kind": "EventHub", "tableName": "U"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","mappingRuleName":null,"tableName":"U"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","mappingRuleName":"M","tableName":"T"}}

== nor to a format that it cannot read
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "T", "mappingRuleName": "M", "dataFormat": "CSV"}
+ {"kind": "EventHub", "dataFormat": "JSON"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","dataFormat":"JSON","databaseRouting":"Single","eventHubResourceId":"@hub","mappingRuleName":null,"tableName":"T"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","dataFormat":"CSV","databaseRouting":"Single","eventHubResourceId":"@hub","mappingRuleName":"M","tableName":"T"}}

== but to one that it can
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "tableName": "T", "mappingRuleName": "M", "dataFormat": "CSV"}
+ {"kind": "EventHub", "dataFormat": "TSV"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","dataFormat":"TSV","databaseRouting":"Single","eventHubResourceId":"@hub","mappingRuleName":"M","tableName":"T"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","dataFormat":"CSV","databaseRouting":"Single","eventHubResourceId":"@hub","mappingRuleName":"M","tableName":"T"}}

== the region is fixed
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx"}
+ {"kind": "EventHub", "location": "northeurope"}
> fixed: location

== a deleted connection comes back where it stopped
- {"kind": "EventHub", "location": "westeurope", "eventHubResourceId": "@hub", "consumerGroup": "adx", "retrievalStartDate": "2026-01-01T00:00:00Z"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventHub","location":"westeurope","properties":{"compression":"None","consumerGroup":"adx","databaseRouting":"Single","eventHubResourceId":"@hub","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}"}}
>   loss ingestion-gap: from then on events that arrive at the hub are not ingested
"#;

const EVENT_GRID_CASES: &str = r#"
== every property
+ {"kind": "EventGrid", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "eventGridResourceId": "@account/providers/Microsoft.EventGrid/eventSubscriptions/e", "consumerGroup": "$Default", "tableName": "StormEvents", "mappingRuleName": "StormEvents_CSV_Mapping", "dataFormat": "CSV", "ignoreFirstRecord": true, "blobStorageEventType": "microsoft.storage.blobrenamed", "managedIdentityResourceId": "@user", "databaseRouting": "Multi", "location": "West Europe"}
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobRenamed","consumerGroup":"$Default","dataFormat":"CSV","databaseRouting":"Multi","eventGridResourceId":"@account/providers/Microsoft.EventGrid/eventSubscriptions/e","eventHubResourceId":"@hub","ignoreFirstRecord":true,"managedIdentityResourceId":"@user","mappingRuleName":"StormEvents_CSV_Mapping","storageAccountResourceId":"@account","tableName":"StormEvents"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== the least
+ {"kind": "EventGrid", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default"}
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"consumerGroup":"$Default","eventHubResourceId":"@hub","storageAccountResourceId":"@account"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc
> note: without `managedIdentityResourceId` the service keeps the source's keys, and stops when they are renewed

== the case of ids does not count, and defaults are nothing
- {"kind": "EventGrid", "location": "westeurope", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default"}
+ {"kind": "EventGrid", "storageAccountResourceId": "/subscriptions/S/resourcegroups/g/providers/microsoft.storage/storageaccounts/A", "ignoreFirstRecord": false, "blobStorageEventType": "Microsoft.Storage.BlobCreated", "databaseRouting": "Single"}
> same

== in place
- {"kind": "EventGrid", "location": "westeurope", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T", "dataFormat": "CSV", "ignoreFirstRecord": true}
+ {"kind": "EventGrid", "blobStorageEventType": "Microsoft.Storage.BlobRenamed", "ignoreFirstRecord": null, "eventGridResourceId": "@account/providers/Microsoft.EventGrid/eventSubscriptions/e"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobRenamed","consumerGroup":"$Default","dataFormat":"CSV","databaseRouting":"Single","eventGridResourceId":"@account/providers/Microsoft.EventGrid/eventSubscriptions/e","eventHubResourceId":"@hub","ignoreFirstRecord":false,"storageAccountResourceId":"@account","tableName":"T"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobCreated","consumerGroup":"$Default","dataFormat":"CSV","databaseRouting":"Single","eventGridResourceId":null,"eventHubResourceId":"@hub","ignoreFirstRecord":true,"storageAccountResourceId":"@account","tableName":"T"}}

== another routing is another connection
- {"kind": "EventGrid", "location": "westeurope", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T"}
+ {"kind": "EventGrid", "databaseRouting": "Multi"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobCreated","consumerGroup":"$Default","databaseRouting":"Single","eventHubResourceId":"@hub","ignoreFirstRecord":false,"storageAccountResourceId":"@account","tableName":"T"}}
>   loss ingestion-gap: until the new connection stands, blobs that arrive are not ingested and have to be ingested by hand
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobCreated","consumerGroup":"$Default","databaseRouting":"Multi","eventHubResourceId":"@hub","ignoreFirstRecord":false,"storageAccountResourceId":"@account","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== a subscription does not follow to another account
- {"kind": "EventGrid", "location": "westeurope", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "eventGridResourceId": "@account/providers/Microsoft.EventGrid/eventSubscriptions/e"}
+ {"kind": "EventGrid", "storageAccountResourceId": "@account2"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobCreated","consumerGroup":"$Default","databaseRouting":"Single","eventGridResourceId":"@account/providers/Microsoft.EventGrid/eventSubscriptions/e","eventHubResourceId":"@hub","ignoreFirstRecord":false,"storageAccountResourceId":"@account"}}
>   loss ingestion-gap: until the new connection stands, blobs that arrive are not ingested and have to be ingested by hand
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobCreated","consumerGroup":"$Default","databaseRouting":"Single","eventHubResourceId":"@hub","ignoreFirstRecord":false,"storageAccountResourceId":"@account2"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== deleted
- {"kind": "EventGrid", "location": "westeurope", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"EventGrid","location":"westeurope","properties":{"blobStorageEventType":"Microsoft.Storage.BlobCreated","consumerGroup":"$Default","databaseRouting":"Single","eventHubResourceId":"@hub","ignoreFirstRecord":false,"storageAccountResourceId":"@account","tableName":"T"}}
>   loss ingestion-gap: from then on blobs that arrive are not ingested and have to be ingested by hand
"#;

const IOT_HUB_CASES: &str = r#"
== every property
+ {"kind": "IotHub", "iotHubResourceId": "@iot", "consumerGroup": "adx", "sharedAccessPolicyName": "service", "tableName": "T", "mappingRuleName": "M", "dataFormat": "JSON", "eventSystemProperties": ["iothub-connection-device-id"], "databaseRouting": "Single", "retrievalStartDate": "2026-01-01"}
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"IotHub","location":"westeurope","properties":{"consumerGroup":"adx","dataFormat":"JSON","databaseRouting":"Single","eventSystemProperties":["iothub-connection-device-id"],"iotHubResourceId":"@iot","mappingRuleName":"M","retrievalStartDate":"2026-01-01T00:00:00Z","sharedAccessPolicyName":"service","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== in place
- {"kind": "IotHub", "location": "westeurope", "iotHubResourceId": "@iot", "consumerGroup": "adx", "sharedAccessPolicyName": "service", "tableName": "T"}
+ {"kind": "IotHub", "tableName": "U"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"IotHub","location":"westeurope","properties":{"consumerGroup":"adx","databaseRouting":"Single","iotHubResourceId":"@iot","sharedAccessPolicyName":"service","tableName":"U"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"IotHub","location":"westeurope","properties":{"consumerGroup":"adx","databaseRouting":"Single","iotHubResourceId":"@iot","sharedAccessPolicyName":"service","tableName":"T"}}

== another policy is another connection
- {"kind": "IotHub", "location": "westeurope", "iotHubResourceId": "@iot", "consumerGroup": "adx", "sharedAccessPolicyName": "service", "tableName": "T"}
+ {"kind": "IotHub", "sharedAccessPolicyName": "iothubowner"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"IotHub","location":"westeurope","properties":{"consumerGroup":"adx","databaseRouting":"Single","iotHubResourceId":"@iot","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}","sharedAccessPolicyName":"service","tableName":"T"}}
>   loss ingestion-gap: the new connection reads on from the deletion of the old one, as far as the source still keeps it; around that moment something may be missing or come twice
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"IotHub","location":"westeurope","properties":{"consumerGroup":"adx","databaseRouting":"Single","iotHubResourceId":"@iot","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}","sharedAccessPolicyName":"iothubowner","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc
"#;

const COSMOS_DB_CASES: &str = r#"
== every property
+ {"kind": "CosmosDb", "cosmosDbAccountResourceId": "@cosmos", "cosmosDbDatabase": "shop", "cosmosDbContainer": "orders", "tableName": "T", "mappingRuleName": "M", "managedIdentityResourceId": "${clusters.c.id}", "retrievalStartDate": "2026-01-01T00:00:00.1234567Z"}
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"CosmosDb","location":"westeurope","properties":{"cosmosDbAccountResourceId":"@cosmos","cosmosDbContainer":"orders","cosmosDbDatabase":"shop","managedIdentityResourceId":"${clusters.c.id}","mappingRuleName":"M","retrievalStartDate":"2026-01-01T00:00:00.1234567Z","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc

== in place
- {"kind": "CosmosDb", "location": "westeurope", "cosmosDbAccountResourceId": "@cosmos", "cosmosDbDatabase": "shop", "cosmosDbContainer": "orders", "tableName": "T", "managedIdentityResourceId": "@user", "retrievalStartDate": "2026-01-01T00:00:00Z"}
+ {"kind": "CosmosDb", "mappingRuleName": "M"}
> PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"CosmosDb","location":"westeurope","properties":{"cosmosDbAccountResourceId":"@cosmos","cosmosDbContainer":"orders","cosmosDbDatabase":"shop","managedIdentityResourceId":"@user","mappingRuleName":"M","retrievalStartDate":"2026-01-01T00:00:00Z","tableName":"T"}}
>   undo PATCH ~/clusters/c/databases/d/dataConnections/dc {"kind":"CosmosDb","location":"westeurope","properties":{"cosmosDbAccountResourceId":"@cosmos","cosmosDbContainer":"orders","cosmosDbDatabase":"shop","managedIdentityResourceId":"@user","mappingRuleName":null,"retrievalStartDate":"2026-01-01T00:00:00Z","tableName":"T"}}

== another container is another connection
- {"kind": "CosmosDb", "location": "westeurope", "cosmosDbAccountResourceId": "@cosmos", "cosmosDbDatabase": "shop", "cosmosDbContainer": "orders", "tableName": "T", "managedIdentityResourceId": "@user", "retrievalStartDate": "2026-01-01T00:00:00Z"}
+ {"kind": "CosmosDb", "cosmosDbContainer": "returns"}
> DELETE ~/clusters/c/databases/d/dataConnections/dc
>   undo PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"CosmosDb","location":"westeurope","properties":{"cosmosDbAccountResourceId":"@cosmos","cosmosDbContainer":"orders","cosmosDbDatabase":"shop","managedIdentityResourceId":"@user","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}","tableName":"T"}}
>   loss ingestion-gap: the new connection reads on from the deletion of the old one, as far as the source still keeps it; around that moment something may be missing or come twice
> PUT ~/clusters/c/databases/d/dataConnections/dc {"kind":"CosmosDb","location":"westeurope","properties":{"cosmosDbAccountResourceId":"@cosmos","cosmosDbContainer":"returns","cosmosDbDatabase":"shop","managedIdentityResourceId":"@user","retrievalStartDate":"${clusters.c.databases.d.dataConnections.dc.deletedAt}","tableName":"T"}}
>   undo DELETE ~/clusters/c/databases/d/dataConnections/dc
"#;

fn bench(kind: &'static Connection) -> Bench {
    Bench::new(kind, AT, &landing()).forgetful()
}

#[test]
fn event_hub_requests() {
    bench(&EVENT_HUB).run(EVENT_HUB_CASES, WORDS);
}

#[test]
fn event_grid_requests() {
    bench(&EVENT_GRID).run(EVENT_GRID_CASES, WORDS);
}

#[test]
fn iot_hub_requests() {
    bench(&IOT_HUB).run(IOT_HUB_CASES, WORDS);
}

#[test]
fn cosmos_db_requests() {
    bench(&COSMOS_DB).run(COSMOS_DB_CASES, WORDS);
}

/// What a service answers to a GET of each kind, and what is read of it.
fn replies() -> Vec<(&'static Connection, Json, Json)> {
    let common = |kind: &str, properties: Json| {
        json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Kusto/Clusters/c/Databases/d/DataConnections/dc"),
            "name": "c/d/dc", "type": "Microsoft.Kusto/Clusters/Databases/DataConnections",
            "location": "West Europe", "kind": kind, "properties": properties
        })
    };
    vec![
        (
            &EVENT_HUB,
            common(
                "EventHub",
                json!({
                    "eventHubResourceId": HUB, "consumerGroup": "$Default", "tableName": "", "mappingRuleName": null,
                    "dataFormat": "", "eventSystemProperties": [], "compression": "None",
                    "managedIdentityResourceId": null, "managedIdentityObjectId": null, "databaseRouting": "Single",
                    "retrievalStartDate": "2025-08-06T15:34:45.7083917Z", "provisioningState": "Succeeded"
                }),
            ),
            json!({
                "kind": "EventHub", "location": "West Europe", "eventHubResourceId": HUB, "consumerGroup": "$Default",
                "eventSystemProperties": [], "compression": "None", "databaseRouting": "Single",
                "retrievalStartDate": "2025-08-06T15:34:45.7083917Z"
            }),
        ),
        (
            &EVENT_GRID,
            common(
                "EventGrid",
                json!({
                    "storageAccountResourceId": ACCOUNT, "eventGridResourceId": null, "eventHubResourceId": HUB,
                    "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "M", "dataFormat": "csv",
                    "ignoreFirstRecord": true, "blobStorageEventType": "Microsoft.Storage.BlobCreated",
                    "managedIdentityResourceId": "", "managedIdentityObjectId": "", "databaseRouting": "Multi",
                    "provisioningState": "Succeeded"
                }),
            ),
            json!({
                "kind": "EventGrid", "location": "West Europe", "storageAccountResourceId": ACCOUNT,
                "eventHubResourceId": HUB, "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "M",
                "dataFormat": "CSV", "ignoreFirstRecord": true,
                "blobStorageEventType": "Microsoft.Storage.BlobCreated", "databaseRouting": "Multi"
            }),
        ),
        (
            &IOT_HUB,
            common(
                "IotHub",
                json!({
                    "iotHubResourceId": IOT, "consumerGroup": "adx", "sharedAccessPolicyName": "service", "tableName": "T",
                    "mappingRuleName": "", "dataFormat": "PROTOBUF", "eventSystemProperties": ["b", "a"],
                    "databaseRouting": null, "provisioningState": "Succeeded"
                }),
            ),
            json!({
                "kind": "IotHub", "location": "West Europe", "iotHubResourceId": IOT, "consumerGroup": "adx",
                "sharedAccessPolicyName": "service", "tableName": "T", "dataFormat": "PROTOBUF",
                "eventSystemProperties": ["a", "b"], "databaseRouting": "Single"
            }),
        ),
        (
            &COSMOS_DB,
            common(
                "cosmosDb",
                json!({
                    "cosmosDbAccountResourceId": COSMOS, "cosmosDbDatabase": "shop", "cosmosDbContainer": "orders",
                    "tableName": "T", "managedIdentityResourceId": USER,
                    "managedIdentityObjectId": "8be1f333-a07f-4511-b062-f056df1b196d",
                    "retrievalStartDate": "2026-01-01T00:00:00.1234567Z", "provisioningState": "Failed"
                }),
            ),
            json!({
                "kind": "CosmosDb", "location": "West Europe", "cosmosDbAccountResourceId": COSMOS,
                "cosmosDbDatabase": "shop", "cosmosDbContainer": "orders", "tableName": "T",
                "managedIdentityResourceId": USER, "retrievalStartDate": "2026-01-01T00:00:00.1234567Z"
            }),
        ),
    ]
}

#[test]
fn each_kind_reads_its_own_replies() {
    for (kind, reply, expected) in replies() {
        let live = bench(kind).read(&reply);
        assert_eq!((&*live.name, live.body.shown()), ("dc", expected));
        assert_eq!(
            live.attributes.text("provisioningState"),
            reply["properties"]["provisioningState"].as_str()
        );
        assert_eq!(live.attributes.text("id"), reply["id"].as_str());
        let again = kind.settle(Some(&live), &live.body);
        assert!(shape::same_bodies(kind.about.fields, &live.body, &again), "{:?} {again:?}", live.body);
        let others =
            [&EVENT_HUB, &EVENT_GRID, &IOT_HUB, &COSMOS_DB].into_iter().filter(|k| k.tag != kind.tag);
        others.for_each(|other| assert_eq!(other.found(&Reply::Arm(&reply)).unwrap(), []));
    }
}

const CHECKS: &str = r#"
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "C", "dataFormat": "TXT"}
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default"}
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "mappingRuleName": "C", "dataFormat": "CSV"}
> mappingRuleName: a mapping is one of a table, and no `tableName` is given; give `tableName`, or leave the mapping out
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "C", "dataFormat": "MULTIJSON"}
> dataFormat: the mapping C is of kind csv, and MULTIJSON is read with one of kind json; choose the format and the mapping to fit each other
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "A", "dataFormat": "APACHEAVRO"}
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T", "mappingRuleName": "Both", "dataFormat": "JSON"}
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "dataFormat": "RAW"}
> dataFormat: an event hub cannot be read as RAW; read it as TXT, one record per line, or as another format
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "dataFormat": "PARQUET", "compression": "GZip"}
> compression: events in PARQUET cannot be compressed besides; write `compression: None`
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "location": "northeurope"}
> location: northeurope is not the region of clusters.c, which is westeurope; leave `location` out: it follows from the cluster
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "012345678901234567890123456789012345678901234567890"}
> consumerGroup: the name of a consumer group has 1 to 50 characters, and this has 51
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "${clusters.c.id}"}
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/RG/providers/Microsoft.Kusto/Clusters/C"}
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Kusto/clusters/other"}
> managedIdentityResourceId: this is not clusters.c, whose identity reads the source; write ${clusters.c.id} for its system-assigned identity, or the id of a user-assigned one
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "@account"}
> managedIdentityResourceId: this is neither the cluster nor a user-assigned identity; write ${clusters.c.id} for its system-assigned identity, or the id of a user-assigned one
== {"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "@user"}
> managedIdentityResourceId: clusters.c does not have this identity; add it to `identity.userAssignedIdentities` of clusters.c
== {"cluster": {"identity": {"type": "UserAssigned", "userAssignedIdentities": ["@user"]}}, "kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "@user"}
== {"cluster": {"identity": {"type": "UserAssigned", "userAssignedIdentities": ["@user"]}}, "kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "managedIdentityResourceId": "${clusters.c.id}"}
> managedIdentityResourceId: clusters.c has no system-assigned identity to read the source with; add `identity: {type: SystemAssigned}` to clusters.c
== {"cluster": {"uri": "https://help.kusto.windows.net"}, "kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "dataFormat": "RAW"}
> : this is made through the control plane, and clusters.c is known only by its `uri`; give the cluster's `subscriptionId` and `resourceGroup` instead of `uri`
== {"kind": "EventGrid", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "eventGridResourceId": "@account/providers/Microsoft.EventGrid/eventSubscriptions/e"}
== {"kind": "EventGrid", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "eventGridResourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/systemTopics/t/eventSubscriptions/e"}
== {"kind": "EventGrid", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "eventGridResourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/systemTopics/t", "dataFormat": "RAW"}
> eventGridResourceId: this is not an Event Grid subscription; its id ends in /eventSubscriptions/NAME, below the storage account or a system topic
== {"kind": "CosmosDb", "cosmosDbAccountResourceId": "@cosmos", "cosmosDbDatabase": "shop", "cosmosDbContainer": "o", "tableName": "T", "mappingRuleName": "C", "managedIdentityResourceId": "${clusters.c.id}"}
> mappingRuleName: the mapping C is of kind csv, and JSON is read with one of kind json; choose the format and the mapping to fit each other
== {"kind": "IotHub", "iotHubResourceId": "@iot", "consumerGroup": "adx", "sharedAccessPolicyName": "service", "tableName": "T", "mappingRuleName": "C", "dataFormat": "JSON"}
> dataFormat: the mapping C is of kind csv, and JSON is read with one of kind json; choose the format and the mapping to fit each other
"#;

/// The landing with a table and mappings, and a connection in it.
fn landed(connection: &str) -> (&'static Connection, Json) {
    let text = WORDS.iter().fold(connection.to_owned(), |text, (word, id)| text.replace(word, id));
    let mut body: Json = serde_json::from_str(&text).unwrap();
    let mut things = landing();
    let table = "clusters.c.databases.d.tables.T";
    things[table] = json!({"kind": "table", "body": {"columns": {"a": "string"}}});
    for (name, kind) in [("C", "csv"), ("J", "json"), ("A", "avro")] {
        things[format!("{table}.mappings.{name}")] =
            json!({"kind": "mapping", "body": {"kind": kind, "columns": {}}});
    }
    if let Some(cluster) = body.as_object_mut().unwrap().remove("cluster") {
        let old = things["clusters.c"]["body"].as_object_mut().unwrap();
        if cluster.get("uri").is_some() {
            old.clear();
        }
        old.extend(cluster.as_object().unwrap().clone());
    }
    let kinds = [&EVENT_HUB, &EVENT_GRID, &IOT_HUB, &COSMOS_DB];
    let kind = kinds.into_iter().find(|kind| body["kind"] == kind.tag).unwrap();
    things[AT] = json!({"kind": kind.about.name, "body": body});
    (kind, things)
}

#[test]
fn rules_of_connections() {
    check(CHECKS, |case| {
        let (kind, things) = landed(case);
        (kind as &dyn Kind, AT, things)
    });
}

/// Asks something of a connection in the landing.
fn ask<T>(connection: &str, question: impl Fn(&'static Connection, &At<'_>) -> T) -> T {
    let (kind, things) = landed(connection);
    let world = crate::kind::arm::testing::world(&things);
    let address = AT.parse().unwrap();
    let resource = world.get(&address).unwrap();
    question(kind, &At { address: &address, resource, world: &world })
}

#[test]
fn a_connection_needs_its_table_and_its_mapping() {
    let needs = |text: &str| {
        let needs = ask(text, |kind, at| kind.needs(at));
        needs.iter().map(|n| format!("{} {} {}", n.parent, n.collection, n.name)).collect::<Vec<_>>()
    };
    assert_eq!(needs(r#"{"kind": "EventHub"}"#), [""; 0]);
    assert_eq!(
        needs(r#"{"kind": "EventHub", "tableName": "T", "mappingRuleName": "C"}"#),
        ["clusters.c.databases.d tables T", "clusters.c.databases.d.tables.T mappings C"]
    );
    assert_eq!(
        needs(r#"{"kind": "CosmosDb", "tableName": "my table", "mappingRuleName": "m"}"#),
        ["clusters.c.databases.d tables my table", "clusters.c.databases.d.tables[\"my table\"] mappings m"]
    );
}

#[test]
fn a_hub_and_a_consumer_group_are_claimed() {
    let claims = |text: &str| {
        ask(text, |kind, at| kind.claims(at))
            .into_iter()
            .map(|claim| (claim.key, claim.what))
            .collect::<Vec<_>>()
    };
    let one = claims(r#"{"kind": "EventHub", "eventHubResourceId": "@hub", "consumerGroup": "$Default"}"#);
    let other = claims(
        r#"{"kind": "EventGrid", "eventHubResourceId": "/subscriptions/S/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/H", "consumerGroup": "$default"}"#,
    );
    assert_eq!(one[0].0, other[0].0);
    assert_eq!(one[0].1, "the consumer group $Default of the hub h");
    assert_eq!(claims(r#"{"kind": "EventHub", "eventHubResourceId": "@hub"}"#), []);
    assert_eq!(claims(r#"{"kind": "CosmosDb"}"#), []);
}

#[test]
fn the_service_validates_the_whole_connection() {
    let request = ask(
        r#"{"kind": "EventGrid", "storageAccountResourceId": "@account", "eventHubResourceId": "@hub", "consumerGroup": "$Default", "tableName": "T"}"#,
        |kind, at| kind.validation(at),
    );
    let Some(Request::Arm(arm)) = request else { panic!("a POST") };
    assert_eq!(arm.method, Method::Post);
    assert!(arm.path.ends_with("/clusters/c/databases/d/dataConnectionValidation"), "{}", arm.path);
    assert_eq!(
        arm.body.shown(),
        json!({"dataConnectionName": "dc", "properties": {"location": "westeurope", "kind": "EventGrid", "properties": {
            "storageAccountResourceId": ACCOUNT, "eventHubResourceId": HUB, "consumerGroup": "$Default", "tableName": "T"}}})
    );
}

#[test]
fn renamed_blobs_need_a_hierarchical_namespace() {
    let created = r#"{"kind": "EventGrid", "storageAccountResourceId": "@account"}"#;
    let renamed = r#"{"kind": "EventGrid", "storageAccountResourceId": "@account", "blobStorageEventType": "Microsoft.Storage.BlobRenamed"}"#;
    let account_of = |connection: &str| {
        let change = Change::new(None, Some(Body::new()));
        let asked = ask(connection, |kind, at| kind.prerequisites(at, &change));
        asked.into_iter().filter(|question| question.path == ACCOUNT).count()
    };
    assert_eq!(
        (account_of(created), account_of(renamed)),
        (1, 2),
        "it is there, and it is of the right kind"
    );
    for (account, fields) in [
        (None, vec![]),
        (Some(json!({"kind": "StorageV2", "properties": {"isHnsEnabled": true}})), vec![]),
        (
            Some(json!({"kind": "StorageV2", "properties": {"isHnsEnabled": false}})),
            vec!["blobStorageEventType"],
        ),
        (Some(json!({"kind": "StorageV2", "properties": {}})), vec!["blobStorageEventType"]),
        (
            Some(json!({"kind": "FileStorage", "properties": {"isHnsEnabled": true}})),
            vec!["storageAccountResourceId"],
        ),
    ] {
        let change = Change::new(None, Some(Body::new()));
        let said = |question: &Question| match &account {
            Some(account) if question.path == ACCOUNT => Answer::There(account.clone()),
            _ => Answer::Unknown,
        };
        let found = ask(renamed, |kind, at| kind.check_live(at, &change, &said));
        let found: Vec<&str> = found.iter().map(|f| f.field[0].as_str()).collect();
        assert_eq!(found, fields, "{account:?}");
    }
}
