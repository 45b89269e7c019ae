//! Event Grid system topics: what a resource of Azure tells about itself.

use super::{BASE, ID, Neighbour, PRINCIPAL_ID, PROVISIONING_STATE, TENANT_ID, fixed};
use crate::kind::arm::cluster::IDENTITY;
use crate::kind::arm::place::{LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID, TAGS};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, Source};

/// The kind `systemTopic`.
pub(super) const SYSTEM_TOPIC: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmGet { provider: "Microsoft.EventGrid/systemTopics", api_version: API_VERSION },
    defaults: &[("identity", r#"{"type":"None"}"#)],
    patches: true,
    seconds: [10, 5, 10],
    settled: |body, _| {
        if body.get("topicType").is_none() { body.with("topicType", OF_STORAGE) } else { body }
    },
    ..BASE
};

/// <https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topics>
pub(super) const API_VERSION: &str = "2025-02-15";

const OF_STORAGE: &str = "Microsoft.Storage.StorageAccounts";

const ABOUT: About = About {
    name: "systemTopic",
    collection: "systemTopics",
    names: NameRule::Plain { min: 3, max: 64, lower: false, others: "-" },
    doc: "An Event Grid system topic: the events of one resource, to which event subscriptions are made. A resource \
          has at most one. It can have an identity to deliver with.",
    page: "https://learn.microsoft.com/azure/event-grid/system-topics",
    example: "systemTopics:\n  stormfiles:\n    source: ${storageAccounts.stormfiles.id}\n    identity: \
              SystemAssigned\n",
    fields: &[
        SUBSCRIPTION_ID,
        RESOURCE_GROUP,
        LOCATION,
        TAGS,
        Field::new("identity", IDENTITY, "Its managed identities, to deliver with. Default: `None`."),
        fixed(
            Field::new("source", Shape::ArmId(""), "The resource whose events these are; fixed at creation.")
                .required(),
        ),
        fixed(Field::new(
            "topicType",
            Shape::Text,
            "The type of the source. Default: `Microsoft.Storage.StorageAccounts`.",
        )),
    ],
    outputs: &[
        ID,
        PRINCIPAL_ID,
        TENANT_ID,
        ("metricResourceId", "What metrics call it."),
        PROVISIONING_STATE,
    ],
    ..super::ROOT
};
