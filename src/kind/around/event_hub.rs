//! Event hubs of a namespace.

use super::event_hub_namespace::API_VERSION;
use super::{BASE, ID, Neighbour, fixed};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, Plane, Source};
use crate::model::body::Body;

/// The kind `eventHub`.
pub(super) const EVENT_HUB: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmList { segment: "eventhubs", api_version: API_VERSION },
    seconds: [2, 2, 2],
    lost: "the events that nobody has read yet are deleted with the event hub",
    settled,
    ..BASE
};

const ABOUT: About = About {
    name: "eventHub",
    collection: "eventHubs",
    parents: &["eventHubNamespace"],
    names: NameRule::Plain { min: 1, max: 256, lower: false, others: "._-" },
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "An event hub of a namespace. The number of partitions is fixed at creation.",
    page: "https://learn.microsoft.com/azure/event-hubs/event-hubs-features",
    example: "eventHubs:\n  vitals:\n    partitionCount: 4\n    messageRetentionInDays: 3\n    consumerGroups:\n      \
              adx: {}\n",
    fields: &[
        fixed(Field::new(
            "partitionCount",
            Shape::Int(1, 1024),
            "How many partitions; fixed at creation. Default: 4.",
        )),
        Field::new(
            DAYS,
            Shape::Int(1, 90),
            "For how many days events are kept; or `retentionDescription`. Default: that of the service.",
        )
        .role(Role::Filled),
        Field::new(
            DESCRIPTION,
            Shape::object(&[
                Field::new(
                    "cleanupPolicy",
                    Shape::Enum(&["Delete", "Compact"]),
                    "What ends an event's life.",
                )
                .role(Role::Filled),
                Field::new(
                    "retentionTimeInHours",
                    Shape::Int(1, 2160),
                    "For how many hours events are kept.",
                )
                .role(Role::Filled),
                Field::new(
                    "tombstoneRetentionTimeInHours",
                    Shape::Int(1, 2160),
                    "For how many hours marks of deletion are kept, with `Compact`.",
                )
                .role(Role::Filled),
            ]),
            "For how long events are kept, in hours, and how they end. Default: that of the service.",
        )
        .role(Role::Filled),
        Field::new(
            "captureDescription",
            Shape::Given,
            "What is captured to storage, as the service writes it. Default: nothing.",
        ),
        Field::new("userMetadata", Shape::Text, "A text for people. Default: none."),
    ],
    outputs: &[ID, ("partitionIds", "The partitions."), ("status", "Whether it is `Active`.")],
    may_exist: true,
    ..About::BASE
};

const DAYS: &str = "messageRetentionInDays";
const DESCRIPTION: &str = "retentionDescription";

/// Days and hours are two words for one thing: where one is given, the other follows.
fn settled(body: Body, wanted: &Body) -> Body {
    let body = super::without(body, DAYS, wanted, DESCRIPTION);
    super::without(body, DESCRIPTION, wanted, DAYS)
}
