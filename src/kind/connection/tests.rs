//! Requests, replies and rules of every kind of data connection.

use super::*;
use crate::kind::arm::testing::{Bench, SUBSCRIPTION, check, landing};
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
