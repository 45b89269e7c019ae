//! `Microsoft.EventHub`: namespaces, hubs and consumer groups (reference: arm-api §4.2).

use super::core::Core;
use super::kind::{Change, Kind, Located, Manner, Verb, object, with_defaults};
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// A namespace.
pub(super) struct Namespace;

/// An event hub.
pub(super) struct Hub;

/// A consumer group; `$Default` is always there and is not stored.
pub(super) struct ConsumerGroup;

impl Kind for Namespace {
    fn provider(&self) -> &'static str {
        "Microsoft.EventHub"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["namespaces"]
    }

    fn located(&self) -> Located {
        Located::Display
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        let good = (6..=50).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (!good).then(|| format!("The namespace name '{name}' is not valid: 6 to 50 letters, digits and hyphens, beginning with a letter."))
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        if verb == Verb::Delete { ("NamespaceDelete", 30_000) } else { ("NamespaceCreateOrUpdate", 40_000) }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let name = change.id.name();
        let same = |other: &Resource| {
            other.id.type_text() == "Microsoft.EventHub/namespaces"
                && other.id.name().eq_ignore_ascii_case(name)
                && other.id.key() != change.id.key()
        };
        if change.verb != Verb::Delete && !core.state.find(same).is_empty() {
            return Err(Reply::service(
                409,
                "NamespaceUnavailable",
                format!("The namespace name '{name}' is not available."),
            ));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, _: &Change<'_>, target: &mut Resource) {
        let id = target.id.key();
        super::cluster::identity(&mut target.body, &id);
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        object(&mut body).entry("tags").or_insert_with(|| json!({}));
        let name =
            resource.body.pointer("/sku/name").and_then(Value::as_str).unwrap_or("Standard").to_owned();
        let sku = object(object(&mut body).entry("sku").or_insert_with(|| json!({})));
        for (key, value) in [("name", json!(name)), ("tier", json!(name)), ("capacity", json!(1))] {
            sku.entry(key).or_insert(value);
        }
        with_defaults(
            &mut body,
            json!({
                "minimumTlsVersion": "1.2", "publicNetworkAccess": "Enabled", "disableLocalAuth": false, "zoneRedundant": false,
                "isAutoInflateEnabled": false, "maximumThroughputUnits": 0, "kafkaEnabled": name != "Basic", "status": "Active",
                "createdAt": resource.made.get("createdAt"), "updatedAt": resource.made.get("lastModifiedAt"),
                "metricId": format!("{}:{}", resource.id.subscription, resource.id.name()),
                "serviceBusEndpoint": format!("https://{}.servicebus.windows.net:443/", resource.id.name()),
            }),
        );
        body
    }
}

impl Kind for Hub {
    fn provider(&self) -> &'static str {
        "Microsoft.EventHub"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["namespaces", "eventhubs"]
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(200)
    }

    fn patchable(&self) -> bool {
        false
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 256, "._-")
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn check(&self, _: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let count = |body: &Value| body.pointer("/properties/partitionCount").and_then(Value::as_i64);
        if let (Some(before), Some(asked)) =
            (change.old.map(|old| count(&old.body).unwrap_or(4)), count(change.asked))
            && before != asked
        {
            return Err(Reply::bad("The partition count of an event hub cannot be changed."));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, change: &Change<'_>, target: &mut Resource) {
        if let Some(count) = change.old.and_then(|old| old.body.pointer("/properties/partitionCount")) {
            super::kind::properties(&mut target.body).insert("partitionCount".to_owned(), count.clone());
        }
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        let count = resource.body.pointer("/properties/partitionCount").and_then(Value::as_i64).unwrap_or(4);
        let ids: Vec<String> = (0..count).map(|id| id.to_string()).collect();
        with_defaults(
            &mut body,
            json!({"partitionCount": count, "messageRetentionInDays": 7, "status": "Active", "partitionIds": ids}),
        );
        body
    }
}

impl Kind for ConsumerGroup {
    fn provider(&self) -> &'static str {
        "Microsoft.EventHub"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["namespaces", "eventhubs", "consumergroups"]
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(200)
    }

    fn patchable(&self) -> bool {
        false
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 50, "$._-")
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        with_defaults(
            &mut body,
            json!({"createdAt": resource.made.get("createdAt"), "updatedAt": resource.made.get("lastModifiedAt")}),
        );
        body
    }
}
