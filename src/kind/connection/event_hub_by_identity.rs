//! Data connections from an event hub, read by a managed identity alone: the service never asks for keys, and checks the
//! identity's role only.

use super::{BASE, Connection, MANAGED_IDENTITY, MAPPING_OF_TABLE, no_prerequisites, nothing_live};
use crate::kind::shape::Field;
use crate::kind::{About, Keyed};

/// The kind `eventHubWithManagedIdentityDataConnection`.
pub const EVENT_HUB_BY_IDENTITY: Connection = Connection {
    about: &ABOUT,
    tag: "EventHubWithManagedIdentity",
    defaults: &[("compression", r#""None""#), ("databaseRouting", r#""Single""#)],
    replaced_by: &["eventHubResourceIdForManagedIdentity", "consumerGroup", "compression", "databaseRouting"],
    follow: &[MAPPING_OF_TABLE],
    hub: Some("eventHubResourceIdForManagedIdentity"),
    gap: "events that arrive at the hub are not ingested",
    strange_in_pools: None,
    rules: super::event_hub::rules,
    prerequisites: no_prerequisites,
    check_live: nothing_live,
};

const ABOUT: About = About {
    name: "eventHubWithManagedIdentityDataConnection",
    keyed: Keyed::Tagged("kind", "EventHubWithManagedIdentity"),
    doc: "Ingests the events of an event hub by a managed identity, whose role alone is checked. Table, mapping, format, \
          identity and system properties change in place; hub, consumer group, compression and routing make a new \
          connection.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-event-hubs-connection",
    example: "dataConnections:\n  vitals:\n    kind: EventHubWithManagedIdentity\n    \
              eventHubResourceIdForManagedIdentity: ${eventHubNamespaces.telemetry-dev.eventHubs.vitals.id}\n    \
              consumerGroup: adx\n    tableName: Vitals\n    dataFormat: MULTIJSON\n    managedIdentityResourceId: \
              ${clusters.telemetry.id}\n",
    fields: FIELDS,
    ..BASE
};

const FIELDS: &[Field] = &super::event_hub::fields(
    &["EventHubWithManagedIdentity"],
    "eventHubResourceIdForManagedIdentity",
    MANAGED_IDENTITY.required(),
);
