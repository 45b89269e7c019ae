//! Data connections from blob storage by Event Grid, read by a managed identity alone: the service never asks for keys,
//! and checks the identity's roles only.

use super::{BASE, Connection, MANAGED_IDENTITY, MAPPING_OF_TABLE};
use crate::kind::shape::Field;
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

const FIELDS: &[Field] = &super::event_grid::fields(
    &["EventGridWithManagedIdentity"],
    "storageAccountResourceIdForManagedIdentity",
    MANAGED_IDENTITY.required(),
);
