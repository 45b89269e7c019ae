//! Consumer groups of an IoT hub's built-in endpoint.

use super::{BASE, ID, Neighbour};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Plane, Source};
use crate::model::body::Body;

/// The kind `iotHubConsumerGroup`.
pub(super) const IOT_HUB_CONSUMER_GROUP: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmGet { provider: "eventHubEndpoints/events/ConsumerGroups", api_version: API_VERSION },
    on: HUB,
    on_type: Some(("Microsoft.Devices/IotHubs", API_VERSION)),
    seconds: [2, 2, 2],
    addressed,
    kept: |name| name.eq_ignore_ascii_case("$Default").then_some("every IoT hub has its group `$Default`"),
    ..BASE
};

/// <https://learn.microsoft.com/rest/api/iothub/iot-hub-resource/create-event-hub-consumer-group>
const API_VERSION: &str = "2023-06-30";

const HUB: &str = "iotHubResourceId";

const ABOUT: About = About {
    name: "iotHubConsumerGroup",
    collection: "iotHubConsumerGroups",
    names: NameRule::Plain { min: 1, max: 50, lower: false, others: "$._-" },
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A consumer group of an IoT hub's built-in endpoint `events`: a reader's view of its messages. Each data \
          connection needs its own.",
    page: "https://learn.microsoft.com/azure/iot-hub/iot-hub-devguide-messages-read-builtin",
    example: "iotHubConsumerGroups:\n  adx: {iotHubResourceId: ${resources.plant-hub.id}}\n",
    fields: &[Field::new(
        HUB,
        Shape::ArmId("Microsoft.Devices/IotHubs"),
        "The IoT hub, often a reference such as `${resources.NAME.id}`. It must be known before apply.",
    )
    .role(Role::Setting)
    .required()],
    outputs: &[ID],
    ..About::BASE
};

/// The service wants the name once more.
fn addressed(at: &At<'_>, _: Body) -> Body {
    Body::new().with("properties", Body::new().with("name", at.name()))
}
