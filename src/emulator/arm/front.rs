//! The gateway: who calls, with which api-version, for which resource.
//!
//! Invariant: the checks run in the order of the service: token, api-version, resource group, type, parents
//! (test: `tests/wire/arm/gateway.jsonl`).

use super::core::{Core, status_body};
use super::kind::{EXTENSION, KINDS, Kind, kind_of};
use super::path::{Id, POOLS, of_pools, parameter, steps};
use super::reply::Reply;
use super::state::{Failure, Style};
use super::{group, iot_app, iot_data, login, resource, sku};
use crate::emulator::clock::Clock;
use crate::emulator::server::FailOperation;
use serde_json::{Value, json};

/// Who calls, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The e-mail address of a user, the client id of an application.
    pub(super) id: String,
    pub(super) object_id: String,
    pub(super) tenant: String,
    pub(super) is_user: bool,
    /// Whether the token said so.
    pub(super) is_named: bool,
}

/// A request to the control plane.
pub(super) struct Ask {
    pub(super) method: String,
    /// The path in decoded segments.
    pub(super) segments: Vec<String>,
    pub(super) query: String,
    pub(super) api: String,
    /// Scheme and host, as the caller knows this server.
    pub(super) origin: String,
    pub(super) authorization: Option<String>,
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) text: String,
    /// The JSON body; `None` when there is none or it is not JSON.
    pub(super) body: Option<Value>,
    pub(super) caller: Option<Caller>,
    pub(super) fail: Option<FailOperation>,
}

impl Ask {
    /// The failure a fault asks of the operation that this request begins.
    pub(super) fn failure(&self) -> Option<Failure> {
        let fail = self.fail.as_ref()?;
        Some(Failure { code: fail.code.clone(), message: fail.message.clone(), state: "Failed".to_owned() })
    }

    /// The JSON object in the body.
    pub(super) fn object(&self) -> Result<&Value, Reply> {
        self.body.as_ref().filter(|body| body.is_object()).ok_or_else(|| {
            Reply::gateway(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: a JSON object was expected.",
            )
        })
    }
}

/// Serves one request.
pub(super) fn handle(core: &mut Core, ask: &mut Ask) -> Reply {
    route(core, ask).unwrap_or_else(|refused| refused)
}

fn route(core: &mut Core, ask: &mut Ask) -> Result<Reply, Reply> {
    if let Some(reply) = login::open(ask).or_else(|| iot_data::serve(core, ask)) {
        return Ok(reply);
    }
    ask.caller = Some(super::token::caller(ask.authorization.as_deref(), &ask.origin)?);
    ask.api = parameter(&ask.query, "api-version").unwrap_or_default();
    if ask.api.is_empty() {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(Reply::gateway(400, "MissingApiVersionParameter", message));
    }
    let segments = ask.segments.clone();
    let lower: Vec<String> = segments.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        ["subscriptions"] => Ok(group::subscriptions(core)),
        ["providers", "microsoft.kusto", "operations"] => Ok(login::operations()),
        ["subscriptions", subscription, ..] if uuid::Uuid::try_parse(subscription).is_err() => {
            let message =
                format!("The provided subscription identifier '{subscription}' is malformed or invalid.");
            Err(Reply::gateway(400, "InvalidSubscriptionId", message))
        }
        ["subscriptions", subscription] => Ok(Reply::json(200, group::subscription(subscription))),
        ["subscriptions", _, "resourcegroups", rest @ ..] if rest.len() < 2 => {
            group::serve(core, ask, &segments[1], segments.get(3).map(String::as_str))
        }
        ["subscriptions", _, "resources"] if ask.method == "GET" => {
            Ok(resource::tracked(core, &segments[1], None))
        }
        ["subscriptions", _, "resourcegroups", name, "resources"] if ask.method == "GET" => {
            group_of(core, &segments[1], name)?;
            Ok(resource::tracked(core, &segments[1], Some(name)))
        }
        ["subscriptions", _, "providers", provider, ..] => {
            versions(provider, &ask.api)?;
            subscription_level(core, ask, &segments[1], &segments[3], &segments[4..])
        }
        ["subscriptions", _, "resourcegroups", _, "providers", provider, _, ..] => {
            let group = group_of(core, &segments[1], &segments[3])?;
            // What extends a resource is served by its own provider.
            let extends = lower.iter().skip(6).rposition(|word| *word == "providers");
            let server = extends.and_then(|at| lower.get(at + 7)).unwrap_or(provider);
            if let Some((workspace, rest)) = of_pools(&segments[5], &segments[6..]) {
                versions(POOLS, &ask.api)?;
                return pool_level(core, ask, group, &workspace, &rest);
            }
            versions(server, &ask.api)?;
            group_level(core, ask, group, &segments[5], &segments[6..])
        }
        _ => Err(not_modelled(&format!("the path /{}", segments.join("/")), &ask.api)),
    }
}

/// A group that must be there.
fn group_of(core: &Core, subscription: &str, name: &str) -> Result<Id, Reply> {
    let group = Id::of_group(subscription, name);
    if core.state.get(&group).is_none() {
        let message = format!("Resource group '{}' could not be found.", group.group);
        return Err(Reply::gateway(404, "ResourceGroupNotFound", message));
    }
    Ok(group)
}

/// 501: nothing is wrong with the request, but this emulator does not know the type.
pub(super) fn not_modelled(what: &str, api: &str) -> Reply {
    let message = format!("The emulator does not model {what} with api-version '{api}'.");
    Reply::gateway(501, "NotModelled", message)
}

fn versions(provider: &str, api: &str) -> Result<(), Reply> {
    let supported: &[&str] = match provider.to_lowercase().as_str() {
        "microsoft.kusto" => &["2022-02-01", "2024-04-13", "2025-02-14"],
        "microsoft.eventhub" => {
            &["2017-04-01", "2021-11-01", "2022-10-01-preview", "2024-01-01", "2026-01-01"]
        }
        "microsoft.storage" => {
            &["2021-09-01", "2022-09-01", "2023-01-01", "2023-05-01", "2024-01-01", "2026-09-01"]
        }
        "kustopools" => &["2021-06-01-preview"],
        "microsoft.iotcentral" => &["2018-09-01", "2021-06-01"],
        "microsoft.network" => &["2021-05-01", "2023-09-01", "2024-05-01"],
        _ if super::generic::is_version(api) => return Ok(()),
        _ => &["2024-01-01"],
    };
    if supported.contains(&api) {
        return Ok(());
    }
    let message = format!(
        "The api-version '{api}' is not supported by the namespace '{provider}'. The supported api-versions are '{}'.",
        supported.join(", ")
    );
    Err(Reply::gateway(400, "InvalidApiVersionParameter", message))
}

fn subscription_level(
    core: &mut Core,
    ask: &Ask,
    subscription: &str,
    provider: &str,
    rest: &[String],
) -> Result<Reply, Reply> {
    let lower: Vec<String> = rest.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match (ask.method.as_str(), lower.as_slice()) {
        (
            "GET",
            [
                "locations",
                _,
                "operationresults"
                | "operations"
                | "operationsstatus"
                | "asyncoperations"
                | "namespaceoperationresults",
                guid,
            ],
        ) => operation(core, ask, guid),
        ("GET", ["skus"]) => Ok(sku::offered(None)),
        ("GET", ["locations", location, "skus"]) => Ok(sku::offered(Some(location))),
        ("POST", ["locations", _, "checknameavailability"]) => resource::check_global_name(core, ask),
        ("POST", [word @ ("checknameavailability" | "checksubdomainavailability")])
            if provider.eq_ignore_ascii_case("Microsoft.IoTCentral") =>
        {
            iot_app::check_name(core, ask, word.contains("subdomain"))
        }
        ("POST", ["checknameavailability"]) => resource::check_name_of_neighbour(core, ask, provider),
        ("GET", ["permissions"]) if provider.eq_ignore_ascii_case("Microsoft.Authorization") => {
            Ok(permissions())
        }
        ("GET", ["roleassignments"]) if provider.eq_ignore_ascii_case("Microsoft.Authorization") => {
            super::role::list(core, ask, &Id::of_group(subscription, ""))
        }
        ("GET", [_]) => {
            let kind = kind_of(provider, rest)
                .ok_or_else(|| not_modelled(&format!("{provider}/{}", rest.join("/")), &ask.api))?;
            let id = named(kind, provider, rest, Id::of_group(subscription, ""), Vec::new());
            let collections = id.collections.clone();
            Ok(resource::list(core, ask, &collections, &id))
        }
        _ => Err(not_modelled(&format!("{} {provider}/{}", ask.method, rest.join("/")), &ask.api)),
    }
}

/// What stands in a workspace of Synapse, which is a resource like any other.
fn pool_level(
    core: &mut Core,
    ask: &Ask,
    group: Id,
    workspace: &str,
    rest: &[String],
) -> Result<Reply, Reply> {
    let mut parent = group.clone();
    "Microsoft.Synapse".clone_into(&mut parent.provider);
    let parent = parent.child("workspaces", workspace.rsplit('/').next().unwrap_or_default());
    if core.state.get(&parent).is_none() {
        let message = format!(
            "Failed to perform 'write' on resource(s) of type 'workspaces/kustoPools', because the parent resource '{}' could not be found.",
            parent.text()
        );
        return Err(Reply::gateway(404, "ParentResourceNotFound", message));
    }
    group_level(core, ask, group, workspace, rest)
}

fn group_level(
    core: &mut Core,
    ask: &Ask,
    group: Id,
    provider: &str,
    rest: &[String],
) -> Result<Reply, Reply> {
    let (collections, names) = steps(rest);
    let last = collections.last().map(|word| word.to_lowercase()).unwrap_or_default();
    let authorization = provider.eq_ignore_ascii_case("Microsoft.Authorization");
    if ask.method == "GET" && (authorization && last == "permissions" || last == PERMISSIONS) {
        return Ok(permissions());
    }
    if let Some(kind) = kind_of(provider, &collections) {
        let mut id = named(kind, provider, &collections, group.clone(), names.clone());
        if names.len() == collections.len() {
            return resource::serve(core, ask, kind, &id);
        }
        let all = id.collections.clone();
        if ask.method == "GET" {
            resource::reach(core, ask, &id)?;
            id.collections.truncate(names.len());
            if kind.collections().last() == Some(&"PrincipalAssignments") {
                super::principal::adopt(core, &id.ancestor(id.names.len()));
            }
            if last == super::role::COLLECTION || authorization && last == "roleassignments" {
                return super::role::list(core, ask, &id);
            }
            return Ok(resource::list(core, ask, &all, &id));
        }
    }
    let owner = collections.len().checked_sub(1).and_then(|depth| kind_of(provider, &collections[..depth]));
    if let (Some(kind), true) = (owner, names.len() < collections.len()) {
        let mut id = named(kind, provider, &collections[..collections.len() - 1], group, names);
        id.collections.truncate(id.names.len());
        return resource::act(core, ask, kind, &id, &rest[rest.len() - 1]);
    }
    let known = KINDS.iter().any(|kind| kind.provider().eq_ignore_ascii_case(provider));
    let hint = if known { "" } else { " (provider)" };
    Err(not_modelled(
        &format!(
            "{} {provider}/{}{hint}",
            ask.method,
            collections.iter().map(|part| part.as_str()).collect::<Vec<_>>().join("/")
        ),
        &ask.api,
    ))
}

const PERMISSIONS: &str = "providers/microsoft.authorization/permissions";

/// What the caller may do: here everybody may do everything; a rule of faults says otherwise.
fn permissions() -> Reply {
    value_list(vec![json!({
        "actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": [],
    })])
}

/// The id of a resource, with the words of its kind where a kind models it.
pub(super) fn named(
    kind: &dyn Kind,
    provider: &str,
    collections: &[String],
    mut id: Id,
    names: Vec<String>,
) -> Id {
    let modelled = !kind.extends() && !kind.collections().is_empty();
    if modelled || collections.len() == 1 && kind.extends() && !collections[0].starts_with(EXTENSION) {
        let workspace = provider.contains('/');
        let own = if workspace { provider } else { kind.provider() };
        own.clone_into(&mut id.provider);
        id.collections = kind.collections().iter().map(|part| (*part).to_owned()).collect();
        if let Some(first) = id.collections.first_mut().filter(|_| workspace) {
            POOLS.clone_into(first);
        }
    } else {
        provider.clone_into(&mut id.provider);
        id.collections = collections.to_vec();
        // What it extends is told by the words of its own kind.
        let extended = collections.len().saturating_sub(1);
        if let Some(kind) = kind_of(provider, &collections[..extended]).filter(|_| extended > 0) {
            let parents = named(kind, provider, &collections[..extended], id.clone(), Vec::new());
            id.provider.clone_from(&parents.provider);
            id.collections.splice(..extended, parents.collections);
        }
    }
    id.names = names;
    id
}

/// Answers about an operation.
fn operation(core: &Core, ask: &Ask, guid: &str) -> Result<Reply, Reply> {
    let Some(operation) = core.state.operation(guid) else {
        return Err(Reply::service(404, "ResourceNotFound", format!("The operation '{guid}' is not found.")));
    };
    let now = Clock::now();
    let by_location =
        operation.style == Style::Location || parameter(&ask.query, "operationResultResponseType").is_some();
    if !by_location {
        return Ok(
            Reply::json(200, status_body(operation, now)).with("x-ms-operation-root-activity-id", guid)
        );
    }
    if !operation.over {
        return Ok(Reply::empty(202).with(
            "location",
            format!("{}/{}?{}", ask.origin, ask.segments.join("/").replace(' ', "%20"), ask.query),
        ));
    }
    if let Some(failure) = &operation.failure {
        return Err(Reply::service(400, &failure.code, failure.message.clone()));
    }
    if operation.style == Style::Location
        && let Some(found) = core.state.get(&operation.on)
        && let Some(kind) = kind_of(&found.id.provider, &found.id.collections)
    {
        return Ok(Reply::json(200, resource::view(core, kind, found, &found.id, &ask.api)));
    }
    Ok(match &operation.result {
        Some(result) => Reply::json(200, result.clone()),
        None => Reply::empty(200),
    })
}

/// `{"value": […]}`.
pub(super) fn value_list(items: Vec<Value>) -> Reply {
    Reply::json(200, json!({"value": items}))
}
