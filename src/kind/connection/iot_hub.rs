//! Data connections from an IoT hub.

use super::{
    BASE, CONSUMER_GROUP, Connection, DATA_FORMAT, DATABASE_ROUTING, EVENT_SYSTEM_PROPERTIES, LOCATION,
    MAPPING_OF_TABLE, MAPPING_RULE_NAME, RETRIEVAL_START_DATE, TABLE_NAME, kind, no_prerequisites,
    nothing_live,
};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};

/// The kind `iotHubDataConnection`.
pub const IOT_HUB: Connection = Connection {
    about: &ABOUT,
    tag: "IotHub",
    defaults: &[("databaseRouting", r#""Single""#)],
    replaced_by: &["iotHubResourceId", "consumerGroup", "sharedAccessPolicyName", "databaseRouting"],
    follow: &[MAPPING_OF_TABLE],
    hub: Some("iotHubResourceId"),
    gap: "messages that arrive at the IoT hub are not ingested",
    strange_in_pools: Some(&["databaseRouting", "retrievalStartDate"]),
    rules: |_| Vec::new(),
    prerequisites: no_prerequisites,
    check_live: nothing_live,
};

const ABOUT: About = About {
    name: "iotHubDataConnection",
    keyed: Keyed::Tagged("kind", "IotHub"),
    doc: "Ingests the device messages of an IoT hub. Table, mapping, format and system properties change in place; hub, \
          consumer group, policy and routing make a new connection.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-iot-hub-connection",
    example: "dataConnections:\n  devices:\n    kind: IotHub\n    iotHubResourceId: /subscriptions/\
              00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Devices/IotHubs/plant\n    \
              consumerGroup: adx\n    sharedAccessPolicyName: service\n    tableName: Devices\n    mappingRuleName: \
              Devices_JSON\n    dataFormat: JSON\n    eventSystemProperties: [iothub-connection-device-id]\n",
    fields: FIELDS,
    ..BASE
};

const FIELDS: &[Field] = &[
    kind(&["IotHub"]),
    LOCATION,
    Field::new(
        "iotHubResourceId",
        Shape::ArmId("Microsoft.Devices/IotHubs"),
        "The IoT hub. A change makes a new connection.",
    )
    .required(),
    CONSUMER_GROUP,
    Field::new(
        "sharedAccessPolicyName",
        Shape::Text,
        "The name of the hub's shared access policy to read with, which has the right to connect to the service; \
         managed identities do not work here. A change makes a new connection.",
    )
    .required(),
    TABLE_NAME,
    MAPPING_RULE_NAME,
    DATA_FORMAT,
    EVENT_SYSTEM_PROPERTIES,
    DATABASE_ROUTING,
    RETRIEVAL_START_DATE,
];
