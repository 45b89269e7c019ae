//! Data connections from blob storage by Event Grid, read by a managed identity alone: the service never asks for keys,
//! and checks the identity's roles only.

use super::{
    BASE, CONSUMER_GROUP, Connection, DATA_FORMAT, DATABASE_ROUTING, LOCATION, MANAGED_IDENTITY,
    MAPPING_OF_TABLE, MAPPING_RULE_NAME, TABLE_NAME, kind,
};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};

/// The kind `eventGridWithManagedIdentityDataConnection`.
pub const EVENT_GRID_BY_IDENTITY: Connection = Connection {
    about: &ABOUT,
    tag: "EventGridWithManagedIdentity",
    defaults: &[
        ("ignoreFirstRecord", "false"),
        ("blobStorageEventType", r#""Microsoft.Storage.BlobCreated""#),
        ("databaseRouting", r#""Single""#),
    ],
    replaced_by: &[
        "storageAccountResourceIdForManagedIdentity",
        "eventHubResourceId",
        "consumerGroup",
        "databaseRouting",
    ],
    follow: &[
        MAPPING_OF_TABLE,
        ("eventGridResourceId", &["storageAccountResourceIdForManagedIdentity", "eventHubResourceId"]),
    ],
    hub: Some("eventHubResourceId"),
    gap: "blobs that arrive are not ingested and have to be ingested by hand",
    strange_in_pools: None,
    rules: super::event_grid::rules,
    prerequisites: super::event_grid::prerequisites,
    check_live: super::event_grid::check_live,
};

const ABOUT: About = About {
    name: "eventGridWithManagedIdentityDataConnection",
    keyed: Keyed::Tagged("kind", "EventGridWithManagedIdentity"),
    doc: "Ingests the blobs of a storage account as they are created or renamed, by a managed identity whose roles alone \
          are checked. Table, mapping, format, event type and identity change in place; storage account, hub, consumer \
          group and routing make a new connection.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-event-grid-connection",
    example: "dataConnections:\n  storms:\n    kind: EventGridWithManagedIdentity\n    \
              storageAccountResourceIdForManagedIdentity: ${storageAccounts.stormfiles.id}\n    eventHubResourceId: \
              ${eventHubNamespaces.storms-dev.eventHubs.storm-files.id}\n    consumerGroup: adx\n    tableName: \
              StormEvents\n    dataFormat: CSV\n    managedIdentityResourceId: ${clusters.telemetry.id}\n",
    fields: FIELDS,
    ..BASE
};

const FIELDS: &[Field] = &[
    kind(&["EventGridWithManagedIdentity"]),
    LOCATION,
    Field::new(
        "storageAccountResourceIdForManagedIdentity",
        Shape::ArmId("Microsoft.Storage/storageAccounts"),
        "The storage account, of kind StorageV2 or BlobStorage. A change makes a new connection.",
    )
    .required(),
    Field::new(
        "eventHubResourceId",
        Shape::ArmId("Microsoft.EventHub/namespaces/eventhubs"),
        "The event hub that Event Grid delivers to. A change makes a new connection.",
    )
    .required(),
    Field::new(
        "eventGridResourceId",
        Shape::ArmId(""),
        "The Event Grid subscription that delivers the account's events to the hub, by its own id: that of an \
         `eventSubscriptions` resource of the account or of a system topic. Default: none.",
    ),
    CONSUMER_GROUP,
    TABLE_NAME,
    MAPPING_RULE_NAME,
    DATA_FORMAT,
    Field::new(
        "ignoreFirstRecord",
        Shape::Bool,
        "Whether the first record of each blob is a header to skip, for CSV and its likes. Default: `false`.",
    ),
    Field::new(
        "blobStorageEventType",
        Shape::Enum(&[CREATED, RENAMED]),
        "Which events to act on. `Microsoft.Storage.BlobRenamed` needs a storage account with a hierarchical namespace \
         (Data Lake Storage Gen2). Default: `Microsoft.Storage.BlobCreated`.",
    ),
    MANAGED_IDENTITY.required(),
    DATABASE_ROUTING,
];

const CREATED: &str = "Microsoft.Storage.BlobCreated";
const RENAMED: &str = "Microsoft.Storage.BlobRenamed";
