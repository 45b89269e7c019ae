//! Consumer groups of an event hub.

use super::event_hub_namespace::API_VERSION;
use super::{BASE, ID, Neighbour};
use crate::kind::arm::place::resource_id;
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Need, Plane, Source};
use crate::model::Address;
use crate::model::body::Value;
use crate::model::inventory::Resource;

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

/// The consumer group of an event hub by the hub's resource id, where the world declares the hub: who reads through it
/// waits for it (test: the scenario `tests/scenarios/findings-of-the-service`).
pub fn consumer_group(at: &At<'_>, hub: &str, group: &str) -> Option<Need> {
    let is_hub = |(address, resource): &(&Address, &Resource)| {
        let at = At { address, resource, world: at.world };
        resource_id(&at).is_ok_and(|id| id.eq_ignore_ascii_case(hub.trim_end_matches('/')))
    };
    let root = Address::root();
    let namespaces = at.world.children(&root, "eventHubNamespaces");
    let hubs = namespaces.flat_map(|(namespace, _)| at.world.children(namespace, "eventHubs"));
    let (parent, _) = hubs.into_iter().find(is_hub)?;
    let (parent, name) = (parent.clone(), group.to_owned());
    Some(Need { parent, collection: ABOUT.collection, name, field: Vec::new(), required: false })
}

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
