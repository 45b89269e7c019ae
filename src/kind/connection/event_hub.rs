//! Data connections from an event hub.

use super::{
    BASE, CONSUMER_GROUP, Connection, DATA_FORMAT, DATABASE_ROUTING, EVENT_SYSTEM_PROPERTIES, LOCATION,
    MANAGED_IDENTITY, MAPPING_OF_TABLE, MAPPING_RULE_NAME, RETRIEVAL_START_DATE, TABLE_NAME, kind,
    no_prerequisites, nothing_live,
};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Keyed};

/// The kind `eventHubDataConnection`.
pub const EVENT_HUB: Connection = Connection {
    about: &ABOUT,
    tag: "EventHub",
    defaults: &[("compression", r#""None""#), ("databaseRouting", r#""Single""#)],
    replaced_by: &["eventHubResourceId", "consumerGroup", "compression", "databaseRouting"],
    follow: &[MAPPING_OF_TABLE],
    hub: Some("eventHubResourceId"),
    gap: "events that arrive at the hub are not ingested",
    strange_in_pools: Some(&["databaseRouting", "retrievalStartDate"]),
    rules,
    prerequisites: no_prerequisites,
    check_live: nothing_live,
};

const ABOUT: About = About {
    name: "eventHubDataConnection",
    keyed: Keyed::Tagged("kind", "EventHub"),
    doc: "Ingests the events of an event hub. Table, mapping, format, identity and system properties change in place; \
          hub, consumer group, compression and routing make a new connection.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-event-hubs-connection",
    example: "dataConnections:\n  vitals:\n    kind: EventHub\n    eventHubResourceId: /subscriptions/\
              00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.EventHub/namespaces/ns/\
              eventhubs/vitals\n    consumerGroup: adx\n    tableName: Vitals\n    mappingRuleName: Vitals_JSON\n    \
              dataFormat: MULTIJSON\n    compression: None\n    managedIdentityResourceId: ${clusters.telemetry.id}\n",
    fields: FIELDS,
    ..BASE
};

const FIELDS: &[Field] = &fields(&["EventHub"], "eventHubResourceId", MANAGED_IDENTITY);

/// The properties of a connection from a hub: the values of `kind`, the property that names the hub, and the identity.
pub(super) const fn fields(tag: &'static [&'static str], hub: &'static str, identity: Field) -> [Field; 12] {
    [
        kind(tag),
        LOCATION,
        Field::new(
            hub,
            Shape::ArmId("Microsoft.EventHub/namespaces/eventhubs"),
            "The event hub, not its namespace. A change makes a new connection.",
        )
        .required(),
        CONSUMER_GROUP,
        TABLE_NAME,
        MAPPING_RULE_NAME,
        DATA_FORMAT,
        EVENT_SYSTEM_PROPERTIES,
        Field::new(
            "compression",
            Shape::Enum(&["None", "GZip"]),
            "How events are compressed; not for binary formats. A change makes a new connection. Default: `None`.",
        ),
        identity,
        DATABASE_ROUTING,
        RETRIEVAL_START_DATE,
    ]
}

const BINARY: [&str; 4] = ["AVRO", "APACHEAVRO", "PARQUET", "ORC"];

pub(super) fn rules(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let mut found = Vec::new();
    let Some(format) = body.text("dataFormat") else { return found };
    if format == "RAW" {
        let message = "an event hub cannot be read as RAW";
        found.push(Finding::new(
            &["dataFormat"],
            message,
            "read it as TXT, one record per line, or as another format",
        ));
    }
    if BINARY.contains(&format) && body.text("compression") == Some("GZip") {
        let message = format!("events in {format} cannot be compressed besides");
        found.push(Finding::new(&["compression"], message, "write `compression: None`"));
    }
    found
}
