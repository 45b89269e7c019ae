//! PUT and PATCH of any kind of resource.
//!
//! The first answer echoes the request; what the resource becomes shows only when the operation is over
//! (reference: arm-api §2.2, §2.7). Invariant: one resource has at most one operation
//! (test: `tests/wire/arm/conflicts.jsonl`).

use super::core::{Begin, Core};
use super::front::Ask;
use super::kind::{Change, Kind, Located, Manner, Verb, object, properties};
use super::path::{Id, LOCATIONS, display_location, is_location, plain_location};
use super::reply::Reply;
use super::resource::{absent, has_etag, identify, reach, view};
use super::state::{Effect, Failure, Resource, Style};
use crate::emulator::clock::{Clock, stamp};
use serde_json::{Value, json};

/// Creates, replaces or changes a resource.
pub(super) fn write(
    core: &mut Core,
    ask: &Ask,
    kind: &'static dyn Kind,
    id: &Id,
    verb: Verb,
) -> Result<Reply, Reply> {
    let asked = settable(ask.object()?);
    super::member::check(kind, id.workspace().is_some(), &asked)?;
    reach(core, ask, id)?;
    let old = core.state.get(id).cloned();
    if verb == Verb::Patch && old.is_none() {
        return Err(absent(id));
    }
    if old.is_none()
        && let Some(fault) = kind.name_fault(id.name())
    {
        return Err(Reply::service(
            400,
            if has_etag(kind) { "InvalidClusterName" } else { "InvalidResourceName" },
            fault,
        ));
    }
    if has_etag(kind) {
        condition(ask, old.as_ref())?;
    }
    let change = Change { ask, id, verb, old: old.as_ref(), asked: &asked };
    in_place(core, kind, &change)?;
    if has_etag(kind) && verb == Verb::Put && old.as_ref().is_some_and(|old| old.phase == "Creating") {
        return Ok(second_creation(core, kind, &change));
    }
    free(core, id)?;
    kind.check(core, &change)?;
    let target = target(core, kind, &change);
    match kind.manner() {
        Manner::Operation => Ok(operate(core, kind, &change, target)),
        Manner::Immediate(new) => {
            let status = if old.is_none() { new } else { 200 };
            core.state.put(target.clone());
            kind.applied(core, &target);
            Ok(Reply::json(status, view(core, kind, &target, id, &ask.api)))
        }
        Manner::Location => Ok(by_location(core, kind, &change, target)),
    }
}

/// The request body without what the service owns.
fn settable(body: &Value) -> Value {
    let mut asked = body.clone();
    for name in ["id", "name", "type", "etag", "systemData"] {
        object(&mut asked).remove(name);
    }
    if asked.get("properties").is_some_and(Value::is_object) {
        properties(&mut asked).remove("provisioningState");
    }
    asked
}

/// If-Match and If-None-Match.
fn condition(ask: &Ask, old: Option<&Resource>) -> Result<(), Reply> {
    let failed = |what: &str| {
        Err(Reply::service(
            412,
            "PreconditionFailed",
            format!("The condition {what} does not hold; the resource is unchanged."),
        ))
    };
    if let Some(wanted) = ask.if_match.as_deref()
        && old.is_none_or(|old| wanted != "*" && wanted != old.etag)
    {
        return failed(&format!("If-Match: {wanted}"));
    }
    if let (Some(wanted), Some(old)) = (ask.if_none_match.as_deref(), old)
        && (wanted == "*" || wanted == old.etag)
    {
        return failed(&format!("If-None-Match: {wanted}"));
    }
    Ok(())
}

/// The checks of `location`.
fn in_place(core: &Core, kind: &dyn Kind, change: &Change<'_>) -> Result<(), Reply> {
    if !matches!(kind.located(), Located::Display | Located::Plain) {
        return Ok(());
    }
    let asked = change.asked.get("location").and_then(Value::as_str).unwrap_or_default();
    if asked.trim().is_empty() {
        let message = "The value for property 'location' in the input object cannot be empty.";
        return if change.verb == Verb::Put {
            Err(Reply::service(400, "LocationRequired", message))
        } else {
            Ok(())
        };
    }
    if change.old.is_none() && !is_location(asked) {
        let known: Vec<String> = LOCATIONS.iter().map(|known| plain_location(known)).collect();
        let message = format!(
            "The provided location '{asked}' is not available for resource type '{}'. List of available regions for the resource type is '{}'.",
            change.id.type_text(),
            known.join(",")
        );
        return Err(Reply::gateway(400, "LocationNotAvailableForResourceType", message));
    }
    let of_old = change.old.and_then(|old| old.body.get("location")?.as_str());
    if let Some(old) = of_old.filter(|old| plain_location(old) != plain_location(asked)) {
        let message = format!(
            "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name cannot be created in location '{}'. Please select a new resource name.",
            change.id.name(),
            plain_location(old),
            change.id.group,
            plain_location(asked)
        );
        return Err(Reply::gateway(409, "InvalidResourceLocation", message));
    }
    let nested = change.id.names.len() > 1 && kind.provider() == "Microsoft.Kusto";
    let home = core.cluster_location(change.id);
    if nested && !home.is_empty() && plain_location(&home) != plain_location(asked) {
        return Err(Reply::bad(format!("The location '{asked}' is not that of the cluster, '{home}'.")));
    }
    Ok(())
}

/// Refuses a write while an operation runs on the resource or on a parent below the cluster.
pub(super) fn free(core: &Core, id: &Id) -> Result<(), Reply> {
    let lowest = if id.names.len() > 1 { 2 } else { 1 };
    for depth in lowest..=id.names.len() {
        let at = id.ancestor(depth);
        let busy = core.state.get(&at).is_some_and(|found| {
            found.operation.is_some()
                && (depth == id.names.len() || matches!(found.provisioning.as_str(), "Creating" | "Deleting"))
        });
        if busy {
            let message = format!(
                "Cannot modify resource with id '{}' because the resource entity provisioning state is not terminal. Please wait for the provisioning state to become terminal and then retry the request.",
                at.text()
            );
            return Err(Reply::service(409, "RequestConflict", message));
        }
    }
    Ok(())
}

/// The failure of work that other work on the cluster excludes.
pub(super) fn excluded(core: &Core, kind: &dyn Kind, id: &Id) -> Option<Failure> {
    if kind.provider() != "Microsoft.Kusto" {
        return None;
    }
    core.maintenance(&id.ancestor(1), if has_etag(kind) { "cluster" } else { kind.lane() })
}

/// What the resource will be.
fn target(core: &Core, kind: &dyn Kind, change: &Change<'_>) -> Resource {
    let now = stamp(Clock::now());
    let mut target = change.old.cloned().unwrap_or_else(|| Resource::new(change.id.clone()));
    target.body = match (change.verb, change.old) {
        (Verb::Patch, Some(old)) => kind.merge(&old.body, change.asked),
        _ => change.asked.clone(),
    };
    let location = change.old.and_then(|old| old.body.get("location"));
    if let Some(location) = location.or_else(|| change.asked.get("location")) {
        let location = location.clone();
        object(&mut target.body).insert("location".to_owned(), location);
    }
    let (who, sort) = match &change.ask.caller {
        Some(caller) => (caller.id.clone(), if caller.is_user { "User" } else { "Application" }),
        None => ("anonymous".to_owned(), "Application"),
    };
    let made = object(&mut target.made);
    for (name, value) in [("createdBy", who.as_str()), ("createdByType", sort), ("createdAt", now.as_str())] {
        made.entry(name).or_insert_with(|| json!(value));
    }
    for (name, value) in
        [("lastModifiedBy", who.as_str()), ("lastModifiedByType", sort), ("lastModifiedAt", now.as_str())]
    {
        made.insert(name.to_owned(), json!(value));
    }
    object(&mut target.hidden).remove("unborn");
    target.operation = None;
    "Succeeded".clone_into(&mut target.provisioning);
    kind.fill(core, change, &mut target);
    target
}

/// The location segment of the operation's URL: where the resource is, or what it stands in.
pub(super) fn place(core: &Core, kind: &dyn Kind, change: &Change<'_>) -> String {
    let asked = change.asked.get("location").and_then(Value::as_str);
    let of = |found: Option<&Resource>| Some(found?.body.get("location")?.as_str()?.to_owned());
    match (kind.located(), change.verb, change.old) {
        (Located::Display | Located::Plain, Verb::Put, None) => asked.unwrap_or_default().to_owned(),
        _ if kind.provider() == "Microsoft.Kusto" => core.cluster_location(change.id),
        _ => {
            let group = super::path::Id::of_group(&change.id.subscription, &change.id.group);
            let around = [Some(change.id.ancestor(1)), Some(group)].into_iter().flatten();
            of(change.old)
                .or_else(|| asked.map(str::to_owned))
                .or_else(|| around.into_iter().find_map(|id| of(core.state.get(&id))))
                .unwrap_or_else(|| "global".to_owned())
        }
    }
}

/// A PUT of a cluster that is being created is taken for a second creation, which soon fails; the first goes on
/// (reference: arm-api §2.3, after a 504).
fn second_creation(core: &mut Core, kind: &'static dyn Kind, change: &Change<'_>) -> Reply {
    let target = target(core, kind, change);
    let mut first = first(core, kind, change, &target);
    properties(&mut first).insert("provisioningState".to_owned(), json!("Creating"));
    let location = change.asked.get("location").and_then(Value::as_str).unwrap_or_default().to_owned();
    let begin = Begin {
        style: Style::Status,
        kind: kind.work(Verb::Put).0,
        milliseconds: 0,
        location,
        on: change.id.clone(),
        lane: String::new(),
        effect: Effect::Nothing,
        failed: None,
        failure: core.maintenance(change.id, "cluster"),
        result: None,
    };
    let guid = core.begin(change.ask, begin);
    core.follow(change.ask, Reply::json(201, first), &guid, false)
}

/// What a failed creation leaves.
fn unborn(target: &Resource) -> Resource {
    let mut failed = Resource { provisioning: "Failed".to_owned(), ..target.clone() };
    failed.hidden["unborn"] = json!(true);
    if !failed.phase.is_empty() {
        "Unavailable".clone_into(&mut failed.phase);
    }
    failed
}

fn operate(core: &mut Core, kind: &'static dyn Kind, change: &Change<'_>, target: Resource) -> Reply {
    let excluded = excluded(core, kind, change.id);
    let (operation, milliseconds) = kind.work(change.verb);
    // What is refused for other work fails at once and leaves what there was untouched.
    let untouched = excluded.is_some() && change.old.is_some();
    let milliseconds = if excluded.is_some() { 0 } else { milliseconds };
    let failure = excluded.or_else(|| kind.late(core, change, &target));
    let first = first(core, kind, change, &target);
    // The etag of the first answer is the one from before.
    let etag = change.old.map_or_else(|| target.etag.clone(), |old| old.etag.clone());
    if !untouched {
        // The place in the order of creation is taken now, not when the work ends.
        core.state.put(interim(kind, change, &target));
    }
    let sequence = core.state.get(change.id).map_or(0, |now| now.sequence);
    let location = place(core, kind, change);
    let failed = Resource { sequence, ..failed(change, &target) };
    let begin = Begin {
        style: Style::Status,
        kind: operation,
        milliseconds,
        location,
        on: change.id.clone(),
        lane: kind.lane().to_owned(),
        effect: Effect::Put(Box::new(Resource { sequence, ..target })),
        failed: (!untouched).then(|| Box::new(failed)),
        failure,
        result: None,
    };
    let guid = core.begin(change.ask, begin);
    if let Some(mut now) = core.state.get(change.id).filter(|_| !untouched).cloned() {
        now.operation = Some(guid.clone());
        core.state.put(now);
    }
    let status = match (change.verb, change.old) {
        (Verb::Patch, _) => 202,
        (_, None) => 201,
        _ => 200,
    };
    let reply = core.follow(change.ask, Reply::json(status, first), &guid, change.verb == Verb::Patch);
    if has_etag(kind) { reply.with("etag", etag) } else { reply }
}

/// What the resource is while the work goes on.
fn interim(kind: &dyn Kind, change: &Change<'_>, target: &Resource) -> Resource {
    let mut interim = change.old.unwrap_or(target).clone();
    let (state, phase) =
        if change.old.is_none() { ("Creating", "Creating") } else { ("Running", "Updating") };
    state.clone_into(&mut interim.provisioning);
    if has_etag(kind) {
        phase.clone_into(&mut interim.phase);
    }
    interim
}

/// What the resource is when the work fails: as before, or a record of a thing that is not there.
fn failed(change: &Change<'_>, target: &Resource) -> Resource {
    change
        .old
        .map_or_else(|| unborn(target), |old| Resource { provisioning: "Failed".to_owned(), ..old.clone() })
}

/// The first answer: the request, the states, and the location as it will be shown.
fn first(core: &Core, kind: &dyn Kind, change: &Change<'_>, target: &Resource) -> Value {
    let mut body = kind.first(core, change, target);
    let state = if change.old.is_none() { "Creating" } else { "Accepted" };
    properties(&mut body).insert("provisioningState".to_owned(), json!(state));
    let location = match (kind.located(), change.old) {
        (Located::Display, Some(old)) => {
            old.body.get("location").and_then(Value::as_str).map(display_location)
        }
        (Located::Constant(location), _) => Some(location.to_owned()),
        _ => None,
    };
    if let Some(location) = location {
        object(&mut body).insert("location".to_owned(), json!(location));
    }
    if has_etag(kind) {
        let etag = change.old.map_or("\"\"", |old| old.etag.as_str());
        object(&mut body).insert("etag".to_owned(), json!(etag));
    }
    if kind.provider() == "Microsoft.Kusto" && change.ask.api.as_str() >= "2025-02-14" {
        object(&mut body).insert("systemData".to_owned(), target.made.clone());
    }
    identify(&mut body, &kind.first_id(change.id));
    body
}

/// Creation that is followed by its URL only; a change is done when answered.
fn by_location(core: &mut Core, kind: &'static dyn Kind, change: &Change<'_>, target: Resource) -> Reply {
    if change.old.is_some() {
        core.state.put(target.clone());
        return Reply::json(200, view(core, kind, &target, change.id, &change.ask.api));
    }
    let (operation, milliseconds) = kind.work(change.verb);
    let location = place(core, kind, change);
    let mut interim = target.clone();
    "Creating".clone_into(&mut interim.provisioning);
    core.state.put(interim);
    let sequence = core.state.get(change.id).map_or(0, |now| now.sequence);
    let guid = core.begin(
        change.ask,
        Begin {
            style: Style::Location,
            kind: operation,
            milliseconds,
            location: plain_location(&location),
            on: change.id.clone(),
            lane: String::new(),
            effect: Effect::Put(Box::new(Resource { sequence, ..target })),
            failed: None,
            failure: None,
            result: None,
        },
    );
    if let Some(mut now) = core.state.get(change.id).cloned() {
        now.operation = Some(guid.clone());
        core.state.put(now);
    }
    let url = format!(
        "{}/subscriptions/{}/providers/{}/locations/{}/asyncoperations/{guid}?monitor=true&api-version={}",
        change.ask.origin,
        change.id.subscription,
        change.id.provider,
        plain_location(&location),
        change.ask.api
    );
    Reply::empty(202).with("location", url)
}
