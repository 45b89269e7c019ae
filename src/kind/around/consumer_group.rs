//! Consumer groups of an event hub.

use super::event_hub_namespace::API_VERSION;
use super::{BASE, ID, Neighbour};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Plane, Source};
use crate::model::body::Value;

/// The kind `consumerGroup`.
pub(super) const CONSUMER_GROUP: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmList { segment: "consumergroups", api_version: API_VERSION },
    seconds: [1, 1, 1],
    rules,
    kept: |name| name.eq_ignore_ascii_case("$Default").then_some("every event hub has its group `$Default`"),
    ..BASE
};

const ABOUT: About = About {
    name: "consumerGroup",
    collection: "consumerGroups",
    parents: &["eventHub"],
    names: NameRule::Plain { min: 1, max: 50, lower: false, others: "$._-" },
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A consumer group of an event hub: a reader's view of its events. Each data connection needs its own.",
    page: "https://learn.microsoft.com/azure/event-hubs/event-hubs-features",
    example: "consumerGroups:\n  adx: {userMetadata: read by the cluster telemetry}\n",
    fields: &[Field::new("userMetadata", Shape::Text, "A text for people. Default: none.")],
    outputs: &[ID],
    ..About::BASE
};

/// The Basic tier has `$Default` alone.
fn rules(at: &At<'_>) -> Vec<Finding> {
    let tier = at
        .ancestor("eventHubNamespace")
        .and_then(|(_, namespace)| namespace.body.at(&["sku", "name"]).and_then(Value::as_text));
    if tier != Some("Basic") || at.name().eq_ignore_ascii_case("$Default") {
        return Vec::new();
    }
    let help = "choose `sku: Standard` for the namespace, or read with `$Default`";
    vec![Finding::new(&[], "a namespace of the Basic tier has no consumer groups of one's own", help)]
}
