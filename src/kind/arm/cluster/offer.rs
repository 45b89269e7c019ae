//! What the region offers: whether a cluster's name is free, and whether its size and zones are to be had.

use super::{differs, quota};
use crate::kind::arm::{place, wire};
use crate::kind::question::{Answer, Question, Seen};
use crate::kind::{At, Finding};
use crate::model::body::{Body, Value};
use crate::model::change::Change;
use serde_json::Value as Json;

/// Where the questions go: the subscription's provider, and the region; there is none for a pool of Synapse.
pub(super) fn region(at: &At<'_>) -> Option<(String, String)> {
    if place::is_pool(at) {
        return None;
    }
    let subscription = place::subscription(at).ok()?;
    let location = wire::location(at, &at.resource.body).ok()?.as_text()?.to_owned();
    Some((format!("{subscription}/providers/Microsoft.Kusto/locations/{location}"), location))
}

fn name(at: &At<'_>, change: &Change) -> Option<Question> {
    let (path, _) = region(at).filter(|_| change.before.is_none())?;
    let path = format!("{path}/checkNameAvailability");
    Some(Question::name(path, wire::API_VERSION, at.name(), "Microsoft.Kusto/clusters"))
}

fn sizes(at: &At<'_>, change: &Change) -> Option<Question> {
    let size = |body: &Body| body.at(&["sku", "name"]).cloned();
    let concerns = match (&change.before, &change.after) {
        (None, Some(_)) => true,
        (Some(before), Some(after)) => size(before) != size(after) || differs("zones", before, after),
        _ => false,
    };
    let (path, _) = region(at).filter(|_| concerns)?;
    Some(Question::get(format!("{path}/skus"), wire::API_VERSION))
}

/// What Azure is asked before a cluster is made, or made another size.
pub(super) fn questions(at: &At<'_>, change: &Change) -> Vec<Question> {
    let about_room = quota::clusters(at, change).into_iter().chain(quota::scales(at, change));
    name(at, change).into_iter().chain(sizes(at, change)).chain(about_room).collect()
}

/// What the answers show to be wrong.
pub(super) fn findings(at: &At<'_>, change: &Change, seen: Seen<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(why) = name(at, change).and_then(|question| seen(&question).taken()) {
        let message = format!("the name {} is not free: {why}", at.name());
        let help = "choose another one: no other cluster of Azure may have it, and one that was deleted keeps its name for 14 \
                    days if it was in use";
        found.push(Finding::new(&[], message, help));
    }
    let answer = sizes(at, change).map(|question| seen(&question));
    if let (Some(Answer::There(json)), Some((_, location))) = (answer, region(at)) {
        found.extend(offered(&at.resource.body, &json, &location));
    }
    found.extend(quota::too_many(at, change, seen));
    found.extend(quota::out_of_range(at, change, seen));
    found
}

/// Whether a region offers a size, and it in some zones; an answer that lists nothing says nothing.
fn offered(body: &Body, json: &Json, location: &str) -> Option<Finding> {
    let wanted = body.at(&["sku", "name"]).and_then(Value::as_text)?;
    let all = json.get("value").and_then(Json::as_array).filter(|all| !all.is_empty())?;
    let name = |entry: &Json| entry.get("name").and_then(Json::as_str).map(str::to_owned);
    let is_free = |entry: &&Json| {
        let restrictions = entry.get("restrictions").and_then(Json::as_array);
        restrictions.is_none_or(Vec::is_empty)
    };
    let entry = all
        .iter()
        .filter(is_free)
        .find(|entry| name(entry).is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
    let Some(entry) = entry else {
        let message = format!("the size {wanted} is not offered in {location}");
        return Some(Finding::new(&["sku", "name"], message, "choose another size or another region"));
    };
    let places = entry.get("locationInfo").and_then(Json::as_array)?;
    let has: Vec<&str> = places
        .iter()
        .filter_map(|place| place.get("zones").and_then(Json::as_array))
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let zones = body.get("zones").and_then(Value::as_list).unwrap_or_default();
    let missing = zones.iter().filter_map(Value::as_text).find(|zone| !has.contains(zone))?;
    let there = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
    let message = format!("{location} does not offer {wanted} in zone {missing}; it has zones: {there}");
    Some(Finding::new(&["zones"], message, "choose other zones, or leave them out"))
}
