//! Resources of which nothing is known but that they are resources: any type of any provider but those modelled in
//! full. Their group and parents must exist; what is written is what is read.
//!
//! Invariant: what was written is shown, with an identity filled in where one is asked for (test:
//! `tests/wire/arm/generic.jsonl`).

use super::cluster::identity;
use super::core::Core;
use super::kind::{Change, Kind, Verb, object};
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// A resource of some other provider.
pub(super) struct Generic;

/// The providers of which every type is modelled, or none.
const WHOLE: [&str; 2] = ["microsoft.kusto", "microsoft.resources"];

/// The generic kind, for a provider that may have one.
pub(super) fn of(provider: &str) -> Option<&'static dyn Kind> {
    let lower = provider.to_lowercase();
    let named = lower.split_once('.').is_some_and(|(owner, rest)| !owner.is_empty() && !rest.is_empty());
    (named && !WHOLE.contains(&lower.as_str())).then_some(&Generic)
}

/// Whether an api-version is a date, with or without `-preview`.
pub(super) fn is_version(api: &str) -> bool {
    let date = api.strip_suffix("-preview").unwrap_or(api);
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    matches!(date.split('-').collect::<Vec<_>>().as_slice(), [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2))
}

impl Kind for Generic {
    fn provider(&self) -> &'static str {
        "*"
    }

    fn collections(&self) -> &'static [&'static str] {
        &[]
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 10_000)
    }

    fn check(&self, _: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        let known = ["location", "tags", "kind", "sku", "identity", "zones", "plan", "properties"];
        let more = ["extendedLocation", "managedBy", "scale", "placement"];
        let names = change.asked.as_object().into_iter().flat_map(|body| body.keys());
        let strange: Vec<&String> =
            names.filter(|name| !known.iter().chain(&more).any(|word| word == name)).collect();
        if let Some(name) = strange.first() {
            let message = format!(
                "The request content was invalid and could not be deserialized: 'Could not find member '{name}' on object of type 'ResourceDefinition'.'"
            );
            return Err(Reply::gateway(400, "InvalidRequestContent", message));
        }
        if change.asked.get("properties").is_some_and(|own| !own.is_object()) {
            return Err(Reply::gateway(400, "InvalidRequestContent", "The 'properties' are not an object."));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, _: &Change<'_>, target: &mut Resource) {
        let id = target.id.key();
        identity(&mut target.body, &id);
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        object(&mut body).entry("properties").or_insert_with(|| json!({}));
        body
    }
}
