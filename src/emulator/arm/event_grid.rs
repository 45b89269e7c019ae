//! `Microsoft.EventGrid`: system topics, and event subscriptions below a topic or beside the source itself
//! (reference: arm-api §4.4).
//!
//! Invariant: a source has one system topic, and what is delivered to must be there when this emulator hosts what it
//! is in (test: `tests/wire/arm/event-grid.jsonl`).

use super::cluster::identity;
use super::core::Core;
use super::data_connection::resource_id;
use super::kind::{Change, Kind, Located, Manner, Verb, object, properties, with_defaults};
use super::path::Id;
use super::reply::Reply;
use super::state::{Failure, Resource};
use serde_json::{Value, json};

/// A system topic.
pub(super) struct Topic;

/// An event subscription of a system topic.
pub(super) struct OfTopic;

/// An event subscription of any resource.
pub(super) struct OfResource;

/// The event types of a storage account.
const BLOBS: [&str; 4] = [
    "Microsoft.Storage.BlobCreated",
    "Microsoft.Storage.BlobDeleted",
    "Microsoft.Storage.BlobRenamed",
    "Microsoft.Storage.BlobTierChanged",
];

/// The role that lets an identity deliver to an event hub, and the one that includes it.
pub(super) const SENDERS: [&str; 2] =
    ["2b629674-e913-4c01-ae53-ef4638d8f975", "f526a384-b230-433a-b45c-95f59c4a2dec"];

fn name_fault(name: &str) -> Option<String> {
    let good = (3..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (!good).then(|| format!("The name '{name}' must have 3 to 64 letters, digits and dashes."))
}

fn invalid(message: impl Into<String>) -> Reply {
    Reply::service(400, "InvalidRequest", message.into())
}

impl Kind for Topic {
    fn provider(&self) -> &'static str {
        "Microsoft.EventGrid"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["systemTopics"]
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(201)
    }

    fn located(&self) -> Located {
        Located::Plain
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        name_fault(name)
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb != Verb::Put {
            return Ok(());
        }
        let (Some(source), Some(_)) = (change.text("source"), change.text("topicType")) else {
            return Err(invalid("The properties 'source' and 'topicType' are required for a system topic."));
        };
        let of = resource_id(source)
            .ok_or_else(|| invalid(format!("The source '{source}' is not a resource id.")))?;
        if core.state.get(&of).is_none() && of.provider == "Microsoft.Storage" {
            return Err(Reply::service(
                400,
                "ResourceNotFound",
                format!("The source '{source}' does not exist."),
            ));
        }
        let taken = core.state.find(|other| {
            other.id.type_text() == "Microsoft.EventGrid/systemTopics"
                && other.id.key() != change.id.key()
                && other.text("source").is_some_and(|theirs| theirs.eq_ignore_ascii_case(source))
        });
        if !taken.is_empty() {
            let message = format!("Only one system topic is allowed per source, and '{source}' has one.");
            return Err(invalid(message));
        }
        let moved = change
            .old
            .and_then(|old| old.text("source"))
            .is_some_and(|old| !old.eq_ignore_ascii_case(source));
        if moved {
            return Err(invalid("The source of a system topic cannot be changed."));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, change: &Change<'_>, target: &mut Resource) {
        let id = target.id.key();
        identity(&mut target.body, &id);
        let metric = change
            .old
            .and_then(|old| old.body.pointer("/properties/metricResourceId").cloned())
            .unwrap_or_else(|| json!(super::token::directory_id(&format!("{id}/metric"))));
        properties(&mut target.body).insert("metricResourceId".to_owned(), metric);
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        object(&mut body).entry("tags").or_insert(Value::Null);
        body
    }
}

/// What is common to both homes of a subscription.
fn check(core: &Core, change: &Change<'_>) -> Result<(), Reply> {
    if change.verb == Verb::Delete {
        return Ok(());
    }
    let own = change.asked.get("properties").cloned().unwrap_or_default();
    let present = |name: &str| own.get(name).filter(|value| !value.is_null());
    let (plain, with_identity) = (present("destination"), present("deliveryWithResourceIdentity"));
    if plain.is_some() == with_identity.is_some() {
        return Err(invalid("Exactly one of 'destination' and 'deliveryWithResourceIdentity' is required."));
    }
    let destination = plain.or_else(|| with_identity?.get("destination"));
    let to = destination.and_then(|to| to.pointer("/properties/resourceId")?.as_str()).unwrap_or_default();
    let sort = destination.and_then(|to| to.get("endpointType")?.as_str()).unwrap_or_default();
    if sort == "EventHub" {
        let hub = resource_id(to).ok_or_else(|| invalid(format!("'{to}' is not the id of an event hub.")))?;
        let hosted = core.state.get(&hub.ancestor(1));
        if hosted.is_some() && core.state.get(&hub).is_none() {
            return Err(invalid(format!("The event hub '{to}' does not exist.")));
        }
        let keyless = hosted.and_then(|found| found.body.pointer("/properties/disableLocalAuth")?.as_bool());
        if keyless == Some(true) && plain.is_some() {
            return Err(invalid("Local authentication is disabled: deliver with an identity."));
        }
    } else if sort.is_empty() {
        return Err(invalid("The destination has no 'endpointType'."));
    }
    let types = own.pointer("/filter/includedEventTypes").and_then(Value::as_array);
    for name in types.into_iter().flatten().filter_map(Value::as_str) {
        if name.starts_with("Microsoft.Storage.") && !BLOBS.contains(&name) {
            return Err(invalid(format!("The event type '{name}' is not one of the topic's.")));
        }
    }
    let schema = own.get("eventDeliverySchema").and_then(Value::as_str).unwrap_or("EventGridSchema");
    let schemas = ["EventGridSchema", "CloudEventSchemaV1_0", "CustomInputSchema"];
    if !schemas.contains(&schema) {
        return Err(invalid(format!("The schema '{schema}' is not known.")));
    }
    Ok(())
}

/// Delivery by an identity needs a topic that has one, and a role of it at the hub where roles are checked.
fn undeliverable(core: &Core, change: &Change<'_>, target: &Resource) -> Option<Failure> {
    let delivery = target.body.pointer("/properties/deliveryWithResourceIdentity")?;
    let failure = |message: String| Failure {
        code: "InvalidRequest".to_owned(),
        message,
        state: "BadInput".to_owned(),
    };
    let topic = core.state.get(&change.id.ancestor(1))?;
    let principal = topic.body.pointer("/identity/principalId").and_then(Value::as_str);
    let system = delivery.pointer("/identity/type").and_then(Value::as_str) == Some("SystemAssigned");
    let Some(principal) = principal.filter(|_| system).or(if system { None } else { Some("") }) else {
        return Some(failure(
            "[BadRequest] The topic has no system-assigned identity to deliver with.".to_owned(),
        ));
    };
    let hub = delivery
        .pointer("/destination/properties/resourceId")
        .and_then(Value::as_str)
        .and_then(resource_id)?;
    let allowed = !core.roles || !system || super::role::has(core, principal, &SENDERS, &hub);
    (!allowed)
        .then(|| failure(format!("[Forbidden] The identity '{principal}' may not send to '{}'.", hub.text())))
}

fn show(resource: &Resource, topic: &Id) -> Value {
    let mut body = resource.body.clone();
    let own = properties(&mut body);
    if own.get("deliveryWithResourceIdentity").is_some_and(|value| !value.is_null()) {
        own.insert("destination".to_owned(), Value::Null);
    }
    own.insert("topic".to_owned(), json!(topic.text().to_lowercase()));
    let filter = object(own.entry("filter").or_insert_with(|| json!({})));
    for name in ["subjectBeginsWith", "subjectEndsWith"] {
        filter.entry(name).or_insert_with(|| json!(""));
    }
    if filter.get("isSubjectCaseSensitive") == Some(&json!(false)) {
        filter.remove("isSubjectCaseSensitive");
    }
    if filter.get("includedEventTypes").is_none_or(Value::is_null) {
        filter.insert("includedEventTypes".to_owned(), json!(BLOBS[..2]));
    }
    with_defaults(
        &mut body,
        json!({
            "labels": null, "eventDeliverySchema": "EventGridSchema",
            "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
        }),
    );
    body
}

impl Kind for OfTopic {
    fn provider(&self) -> &'static str {
        "Microsoft.EventGrid"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["systemTopics", "eventSubscriptions"]
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        name_fault(name)
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 10_000)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        check(core, change)
    }

    fn late(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Option<Failure> {
        undeliverable(core, change, target)
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        show(resource, &resource.id.ancestor(1))
    }
}

impl Kind for OfResource {
    fn provider(&self) -> &'static str {
        "Microsoft.EventGrid"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["eventSubscriptions"]
    }

    fn extends(&self) -> bool {
        true
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        name_fault(name)
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 10_000)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let with_identity = change.asked.pointer("/properties/deliveryWithResourceIdentity");
        if with_identity.is_some_and(|value| !value.is_null()) {
            return Err(invalid("Delivery with an identity needs a system topic that has one."));
        }
        check(core, change)
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        show(resource, &resource.id.ancestor(resource.id.names.len() - 1))
    }
}
