//! Whether a cluster runs: `start` and `stop`, as stages of a change.
//!
//! A stopped cluster takes no other change, so what else changes is done while it runs: a start comes before it and a
//! stop after it. In a body the property stands where the cluster is stopped or where a change is to start it; a
//! running cluster's body does without.
//!
//! Invariant: a stage changes the state or something else, never both (test: `requests`).

use super::FIELDS;
use crate::kind::At;
use crate::kind::arm::{place, wire};
use crate::kind::shape;
use crate::model::body::{Body, Value};
use crate::model::request::{Method, Request};
use serde_json::Value as Json;

/// The property.
pub(super) const STATE: &str = "state";

const RUNNING: &str = "Running";
const STOPPED: &str = "Stopped";

/// The states in which what is inside of a cluster can be read.
///
/// <https://learn.microsoft.com/rest/api/azurerekusto/clusters/get> (`State`)
const READABLE: [&str; 2] = [RUNNING, "Updating"];

/// Why nothing inside of a cluster can be read, by what the control plane says of it.
pub(super) fn unreadable(said: &Json) -> Option<String> {
    let state = said.pointer("/properties/state").and_then(Json::as_str)?;
    let closed = !READABLE.contains(&state);
    closed.then(|| format!("its state is {state}, and only a running cluster can be read"))
}

/// Whether a body is that of a cluster which does not run.
pub(super) fn is_stopped(body: &Body) -> bool {
    body.text(STATE) == Some(STOPPED)
}

/// What is read: the states on the way to the stop count as the stop, and all others go without saying. So does the
/// engine, to which nobody pays heed.
pub(super) fn read(body: &mut Body) {
    body.remove("engineType");
    match body.text(STATE) {
        Some(STOPPED | "Stopping") => body.set(STATE, STOPPED),
        _ => drop(body.remove(STATE)),
    }
}

/// What stands after a change: `Running` is said only where something has to be started for it.
pub(super) fn settle(live: Option<&Body>, after: &mut Body) {
    let starts = live.is_some_and(is_stopped);
    if !starts && after.get(STATE).is_some() && !is_stopped(after) {
        after.remove(STATE);
    }
}

/// A change between stages, wrapped where it is one of a cluster that does not run before or afterwards.
pub(super) fn stages(before: Option<&Body>, after: &Body, between: Vec<Body>) -> Vec<Body> {
    let running = |body: &Body| {
        let mut body = body.clone();
        if is_stopped(&body) {
            body.set(STATE, RUNNING);
        }
        body
    };
    let was_stopped = before.is_some_and(is_stopped);
    let others = before.is_none_or(|before| {
        let differing = shape::differing(FIELDS, before, after);
        differing.iter().any(|field| field.name != STATE)
    });
    if !(was_stopped || is_stopped(after)) || !others {
        return between;
    }
    let mut stages: Vec<Body> = Vec::new();
    stages.extend(before.filter(|_| was_stopped).map(running));
    stages.extend(between.iter().map(running));
    if is_stopped(after) {
        stages.push(running(after));
    }
    stages
}

/// The request of a change of the state alone; `None` for any other change.
///
/// # Errors
/// When the cluster's resource id cannot be built.
pub(super) fn request(at: &At<'_>, before: &Body, after: &Body) -> Option<Result<Request, String>> {
    if is_stopped(before) == is_stopped(after) {
        return None;
    }
    let action = if is_stopped(after) { "stop" } else { "start" };
    let id = wire::resource_id(at);
    Some(id.map(|id| {
        Request::arm(
            Method::Post,
            format!("{id}/{action}"),
            place::api_version(at, wire::API_VERSION),
            Value::Null,
        )
    }))
}

/// Whether the change that a plan makes starts a cluster first: the etag that was read is another one by then.
pub(super) fn was_started(at: &At<'_>) -> bool {
    matches!(at.resource.attributes.text(STATE), Some(STOPPED | "Stopping"))
}

/// What a person should know of a start or a stop.
pub(super) fn notes(before: Option<&Body>, after: Option<&Body>) -> Vec<String> {
    let (was, is) = (before.is_some_and(is_stopped), after.is_some_and(is_stopped));
    let note = match (was, is) {
        (true, true) => {
            "the cluster is stopped, and changes only while it runs: it is started for this and stopped again"
        }
        (true, false) if after.is_some() => "starting the cluster takes about 11 minutes",
        (false, true) => {
            "while the cluster is stopped nothing in it can be read, queried, ingested or changed; stopping takes about 7 \
             minutes and comes after every other change in it"
        }
        _ => return Vec::new(),
    };
    vec![note.to_owned()]
}

/// The seconds of a start or a stop; `None` for any other change.
pub(super) fn seconds(before: Option<&Body>, after: Option<&Body>) -> Option<u32> {
    match (before?, after?) {
        (before, after) if is_stopped(before) && !is_stopped(after) => Some(651),
        (before, after) if !is_stopped(before) && is_stopped(after) => Some(441),
        _ => None,
    }
}
