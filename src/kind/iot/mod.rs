//! IoT Central: applications, and what they export to a database.
//!
//! An application is a resource of the control plane. Its exports stand in the application itself, behind an address
//! of its own ([`Kind::endpoint`]), and their JSON is flat: it has an `id` where a resource has a name and
//! `properties`.
//!
//! Invariant: a secret that the service shows as stars is never written (test: `stars_are_never_written`).

mod application;
mod destination;
mod export;
#[cfg(test)]
mod tests;

use super::arm::wire::{self, Defaults};
use super::replies::Reply;
use super::shape::{self, Field, NameRule};
use super::{About, At, Faring, Found, Kind, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::inventory::Resource;
use crate::model::request::{Method, Request};
use serde_json::{Value as Json, json};

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[&application::APPLICATION, &destination::Destination, &export::Export];

/// The `api-version` of an application's own interface; the stable ones have no exports.
///
/// <https://learn.microsoft.com/rest/api/iotcentral/dataplane-preview>
const API_VERSION: &str = "2022-10-31-preview";

/// What stands in an application.
const INSIDE: About = About {
    parents: &["iotCentralApplication"],
    names: NameRule::Plain { min: 1, max: 128, lower: false, others: "-_" },
    plane: Plane::Rest,
    ..About::BASE
};

/// How what stands in an application is read.
const fn listed(segment: &'static str) -> Source {
    Source::RestList { segment, api_version: API_VERSION }
}

/// An entry of an application's list.
fn read(about: &About, defaults: Defaults, json: &Json) -> Result<Found, String> {
    let id = json.get("id").and_then(Json::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| format!("an entry without an id: {json}"))?;
    let mut found = wire::read(
        about.collection,
        about.fields,
        defaults,
        &json!({"name": id.replace('/', "-"), "properties": json}),
    )?;
    found.path = vec![(about.collection, id.to_owned())];
    found.attributes.set("name", id);
    found.body = shape::overlay(about.fields, &Body::new(), &found.body);
    Ok(found)
}

/// The entry of a reply, where it is one of an application's.
const fn entry<'a>(reply: &Reply<'a>) -> Option<&'a Json> {
    match reply {
        Reply::Arm(json) => Some(json),
        _ => None,
    }
}

/// Properties as the interface takes them; the unset ones cleared.
fn part(fields: &[&Field], body: &Body) -> Body {
    below(wire::part(fields, body))
}

/// Everything that is set.
fn whole(fields: &[Field], body: &Body) -> Body {
    below(wire::whole(fields, body))
}

fn below(body: Body) -> Body {
    body.get("properties").and_then(Value::as_map).cloned().unwrap_or_default()
}

/// A request on an entry.
fn request(kind: &dyn Kind, at: &At<'_>, method: Method, body: impl Into<Value>) -> Result<Request, String> {
    Ok(Request::arm(method, kind.resource_id(at)?, API_VERSION, body.into()))
}

/// How a destination or an export fares, by what the application says of it.
fn faring(live: &Resource) -> Faring {
    let said = &live.attributes;
    match said.text("status") {
        Some(status @ ("starting" | "waiting" | "notStarted")) => Faring::Coming(format!("it is `{status}`")),
        Some("error") => {
            let errors = said.get("errors").and_then(Value::as_list).unwrap_or_default().iter();
            let errors = errors.filter_map(Value::as_map).map(|error| {
                let part = |name| error.text(name).unwrap_or_default();
                format!("{}: {}", part("code"), part("message"))
            });
            let errors: Vec<String> = errors.collect();
            Faring::Ill(if errors.is_empty() {
                "it says no more than that".to_owned()
            } else {
                errors.join("; ")
            })
        }
        _ => Faring::Well,
    }
}
