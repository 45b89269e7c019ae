//! Reading, listing and deleting any kind of resource, and its actions.
//!
//! Invariant: parents in an answer are spelled as the caller spelled them (reference: arm-api §2.6).

use super::core::{Begin, Core};
use super::front::{Ask, not_modelled, value_list};
use super::kind::{KINDS, Kind, Located, Manner, Verb, kind_of, object, properties};
use super::path::{Id, display_location};
use super::reply::Reply;
use super::state::{Effect, Resource, Style};
use super::write;
use serde_json::{Value, json};

/// Serves a request for one resource.
pub(super) fn serve(core: &mut Core, ask: &Ask, kind: &'static dyn Kind, id: &Id) -> Result<Reply, Reply> {
    match ask.method.as_str() {
        "GET" | "HEAD" => get(core, ask, kind, id),
        "PUT" if kind.creatable() || core.state.get(id).is_some() => {
            write::write(core, ask, kind, id, Verb::Put)
        }
        "PATCH" if kind.patchable() => write::write(core, ask, kind, id, Verb::Patch),
        "DELETE" => delete(core, ask, kind, id),
        "POST" => Err(not_modelled(&format!("POST {}", id.type_text()), &ask.api)),
        method => {
            let message = format!("The requested resource does not support http method '{method}'.");
            Err(Reply::service(405, "MethodNotAllowed", message))
        }
    }
}

/// The form in which an absent resource is reported.
pub(super) fn absent(id: &Id) -> Reply {
    if id.names.len() > 1 {
        let message = format!("The resource with identifier '{}' is not found.", id.text());
        return Reply::service(404, "ResourceNotFound", message);
    }
    let collection = id.collections.first().map(|name| lower_first(name)).unwrap_or_default();
    let message = format!(
        "The Resource '{}/{collection}/{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        id.provider,
        id.name(),
        id.group
    );
    Reply::gateway(404, "ResourceNotFound", message)
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Whether the parents of `id` are there and can be asked: the gateway's and the provider's checks.
pub(super) fn reach(core: &Core, ask: &Ask, id: &Id) -> Result<(), Reply> {
    let below =
        if id.collections.len() > id.names.len() { id.names.len() } else { id.names.len().saturating_sub(1) };
    if below == 0 {
        return Ok(());
    }
    let top = id.ancestor(1);
    let Some(cluster) = core.state.get(&top) else {
        let verb = if ask.method == "DELETE" { "delete" } else { "write" };
        let message = if matches!(ask.method.as_str(), "GET" | "HEAD" | "POST") {
            format!(
                "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                top.name()
            )
        } else {
            format!(
                "Failed to perform '{verb}' on resource(s) of type '{}', because the parent resource '{}' could not be found.",
                id.type_text(),
                top.text()
            )
        };
        return Err(Reply::gateway(404, "ParentResourceNotFound", message));
    };
    if id.is_kusto() && !matches!(cluster.phase.as_str(), "Running" | "Updating") {
        let verb = match ask.method.as_str() {
            "GET" | "HEAD" => "fetch",
            "DELETE" => "delete",
            _ => "write",
        };
        let what = id.collections.get(1).map(|name| lower_first(name)).unwrap_or_default();
        return Err(Reply::bad(format!(
            "Cannot {verb} {what} while resource is in state '{}'.",
            cluster.phase
        )));
    }
    for depth in 2..=below {
        let parent = id.ancestor(depth);
        if core.state.get(&parent).is_none_or(Resource::is_unborn) && ask.method != "DELETE" {
            return Err(absent(&parent));
        }
    }
    Ok(())
}

fn get(core: &Core, ask: &Ask, kind: &dyn Kind, id: &Id) -> Result<Reply, Reply> {
    reach(core, ask, id)?;
    let found = core.state.get(id).ok_or_else(|| absent(id))?;
    let reply = Reply::json(200, view(core, kind, found, id, &ask.api));
    Ok(if has_etag(kind) { reply.with("etag", found.etag.clone()) } else { reply })
}

/// Whether the kind has an etag: only clusters do.
pub(super) fn has_etag(kind: &dyn Kind) -> bool {
    kind.provider() == "Microsoft.Kusto" && kind.collections().len() == 1
}

/// What GET shows, with the parents spelled as `spelled` spells them.
pub(super) fn view(core: &Core, kind: &dyn Kind, resource: &Resource, spelled: &Id, api: &str) -> Value {
    let mut body = kind.show(core, resource, api);
    properties(&mut body).insert("provisioningState".to_owned(), json!(resource.provisioning));
    match kind.located() {
        Located::Display => {
            if let Some(location) = resource.body.get("location").and_then(Value::as_str) {
                object(&mut body).insert("location".to_owned(), json!(display_location(location)));
            }
        }
        Located::Constant(location) => {
            object(&mut body).insert("location".to_owned(), json!(location));
        }
        Located::Plain | Located::Nowhere => {}
    }
    if has_etag(kind) {
        object(&mut body).insert("etag".to_owned(), json!(resource.etag));
    }
    if kind.always_says_who() || (kind.provider() == "Microsoft.Kusto" && api >= "2025-02-14") {
        object(&mut body).insert("systemData".to_owned(), resource.made.clone());
    }
    let own = resource.id.names.last().cloned().unwrap_or_default();
    let mut id = resource.id.spelled_under(spelled);
    if let Some(name) = id.names.last_mut() {
        *name = own;
    }
    identify(&mut body, &id);
    if id.collections.last().is_some_and(|last| last == "privateEndpointConnections") {
        object(&mut body).insert("name".to_owned(), json!(id.name()));
    }
    body
}

/// Adds id, name and type. Only what stands in clusters is named by the whole chain, and what extends a resource has the
/// type of its own provider.
pub(super) fn identify(body: &mut Value, id: &Id) {
    let body = object(body);
    let extends = id.collections.last().and_then(|last| last.strip_prefix(super::kind::EXTENSION));
    let is_chain = id.is_kusto() && extends.is_none();
    let name = if is_chain { id.full_name() } else { id.name().to_owned() };
    body.insert("id".to_owned(), json!(id.text()));
    body.insert("name".to_owned(), json!(name));
    body.insert("type".to_owned(), json!(extends.map_or_else(|| id.type_text(), str::to_owned)));
}

/// Lists the resources of a type: in a subscription (`under.group` empty), a group, or below a parent.
pub(super) fn list(core: &Core, ask: &Ask, collections: &[String], under: &Id) -> Reply {
    let parent = if under.names.is_empty() {
        None
    } else {
        Some(format!("{}/", under.ancestor(under.names.len()).key()))
    };
    let same = |own: &[String]| {
        own.len() == collections.len() && own.iter().zip(collections).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    let wanted = |resource: &Resource| {
        resource.id.provider.eq_ignore_ascii_case(&under.provider)
            && same(&resource.id.collections)
            && resource.id.subscription.eq_ignore_ascii_case(&under.subscription)
            && (under.group.is_empty() || resource.id.group.eq_ignore_ascii_case(&under.group))
            && parent.as_ref().is_none_or(|parent| resource.id.key().starts_with(parent))
    };
    let is_whole = under.group.is_empty() && under.provider == "Microsoft.Kusto" && collections.len() == 1;
    let gone = is_whole.then(|| super::deleted::listed(core, &under.subscription, &ask.api));
    let found = core.state.find(wanted).into_iter().filter_map(|resource| {
        let kind = kind_of(&resource.id.provider, &resource.id.collections)?;
        let spelled = if under.group.is_empty() { &resource.id } else { under };
        Some(view(core, kind, resource, spelled, &ask.api))
    });
    value_list(found.chain(gone.into_iter().flatten()).collect())
}

/// `…/resources`: what a subscription or a group tracks, in short
/// (<https://learn.microsoft.com/rest/api/resources/resources/list>).
pub(super) fn tracked(core: &Core, subscription: &str, group: Option<&str>) -> Reply {
    let wanted = |resource: &Resource| {
        let id = &resource.id;
        id.names.len() == 1
            && id.subscription.eq_ignore_ascii_case(subscription)
            && group.map_or(!id.group.is_empty(), |group| id.group.eq_ignore_ascii_case(group))
            && kind_of(&id.provider, &id.collections).is_some_and(|kind| !kind.extends())
    };
    let short = |resource: &&Resource| {
        let mut body = json!({});
        identify(&mut body, &resource.id);
        for name in ["location", "tags", "kind", "sku", "identity"] {
            if let Some(value) = resource.body.get(name) {
                body[name] = value.clone();
            }
        }
        body
    };
    value_list(core.state.find(wanted).iter().map(short).collect())
}

fn delete(core: &mut Core, ask: &Ask, kind: &'static dyn Kind, id: &Id) -> Result<Reply, Reply> {
    if id.names.len() == 1 && core.state.get(id).is_none() {
        return Ok(Reply::empty(204));
    }
    reach(core, ask, id)?;
    let Some(old) = core.state.get(id).cloned() else { return Ok(Reply::empty(204)) };
    write::free(core, id)?;
    let nothing = json!({});
    let change = super::kind::Change { ask, id, verb: Verb::Delete, old: Some(&old), asked: &nothing };
    kind.check(core, &change)?;
    if kind.manner() != Manner::Operation {
        core.remove(id);
        return Ok(Reply::empty(200));
    }
    let (operation, milliseconds) = kind.work(Verb::Delete);
    let failure = write::excluded(core, kind, id);
    // What is refused for other work fails at once and leaves what there was untouched.
    let untouched = failure.is_some();
    let location = write::place(core, kind, &change);
    let guid = core.begin(
        ask,
        Begin {
            style: Style::Status,
            kind: operation,
            milliseconds: if untouched { 0 } else { milliseconds },
            location,
            on: id.clone(),
            lane: kind.lane().to_owned(),
            effect: if untouched { Effect::Nothing } else { Effect::Remove },
            failed: (!untouched).then(|| Box::new(old.clone())),
            failure,
            result: None,
        },
    );
    if untouched {
        return Ok(core.follow(ask, Reply::empty(202), &guid, true));
    }
    let mut interim = old;
    interim.operation = Some(guid.clone());
    "Deleting".clone_into(&mut interim.provisioning);
    if has_etag(kind) {
        "Deleting".clone_into(&mut interim.phase);
    }
    core.state.put(interim);
    Ok(core.follow(ask, Reply::empty(202), &guid, true))
}

/// An action below a resource, or a collection that the kind computes.
pub(super) fn act(
    core: &mut Core,
    ask: &Ask,
    kind: &'static dyn Kind,
    id: &Id,
    action: &str,
) -> Result<Reply, Reply> {
    let unknown = || not_modelled(&format!("{} {}/{action}", ask.method, id.type_text()), &ask.api);
    let name = action.to_lowercase();
    if !core.state.get(id).is_some_and(|_| true) {
        let mut nested = id.clone();
        nested.collections.push(action.to_owned());
        reach(core, ask, &nested)?;
        return Err(absent(id));
    }
    let own_work = matches!(name.as_str(), "start" | "stop" | "skus" | "checknameavailability");
    if has_etag(kind) && !own_work || id.names.len() > 1 {
        let mut nested = id.clone();
        nested.collections.push(action.to_owned());
        reach(core, ask, &nested)?;
    }
    let Some(mut resource) = core.state.get(id).cloned() else { return Err(absent(id)) };
    let own = resource.id.names.last().cloned();
    resource.id = resource.id.spelled_under(id);
    if let (Some(name), Some(own)) = (resource.id.names.last_mut(), own) {
        *name = own;
    }
    if ask.method == "POST" && name.ends_with("nameavailability") {
        return check_child_name(core, ask, id);
    }
    kind.act(core, ask, &resource, &name).ok_or_else(unknown)
}

fn check_child_name(core: &Core, ask: &Ask, under: &Id) -> Result<Reply, Reply> {
    let body = ask.object()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (name, wanted) = (text("name"), text("type"));
    let kind = KINDS.iter().find(|kind| {
        format!("{}/{}", kind.provider(), kind.collections().join("/")).eq_ignore_ascii_case(wanted)
    });
    let Some(kind) = kind.filter(|kind| kind.collections().len() == under.names.len() + 1) else {
        return Err(Reply::bad(format!("The type '{wanted}' cannot be checked here.")));
    };
    let collection = kind.collections()[kind.collections().len() - 1];
    let taken = core.state.get(&under.child(collection, name)).is_some();
    Ok(name_answer(name, kind.name_fault(name), taken))
}

/// `checkNameAvailability` in a location: names of clusters are global.
pub(super) fn check_global_name(core: &Core, ask: &Ask) -> Result<Reply, Reply> {
    let body = ask.object()?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    let kind = &super::cluster::Cluster;
    let (fault, taken) = (kind.name_fault(name), super::cluster::taken(core, name));
    if fault.is_none() && taken {
        let message = super::cluster::taken_name(name);
        return Ok(name_answer_of(name, Some(("AlreadyExists", message))));
    }
    Ok(name_answer(name, fault, taken))
}

/// The same of providers that have no location in the question.
pub(super) fn check_name_of_neighbour(core: &Core, ask: &Ask, provider: &str) -> Result<Reply, Reply> {
    let body = ask.object()?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    let top =
        |kind: &&&dyn Kind| kind.provider().eq_ignore_ascii_case(provider) && kind.collections().len() == 1;
    let Some(kind) = KINDS.iter().find(top).filter(|kind| !kind.extends()) else {
        return Err(not_modelled(&format!("POST {provider}/checkNameAvailability"), &ask.api));
    };
    let taken = core.state.find(|other| {
        other.id.provider.eq_ignore_ascii_case(provider)
            && other.id.names.len() == 1
            && other.id.name().eq_ignore_ascii_case(name)
    });
    Ok(name_answer(name, kind.name_fault(name), !taken.is_empty()))
}

fn name_answer(name: &str, fault: Option<String>, taken: bool) -> Reply {
    let taken = || {
        let message = format!("Name '{name}' is already taken. Please specify a different name");
        taken.then_some(("AlreadyExists", message))
    };
    name_answer_of(name, fault.map(|fault| ("Invalid", fault)).or_else(taken))
}

fn name_answer_of(name: &str, why: Option<(&str, String)>) -> Reply {
    let (reason, message) = why.unzip();
    let answer =
        json!({"nameAvailable": reason.is_none(), "name": name, "message": message, "reason": reason});
    Reply::json(200, answer)
}
