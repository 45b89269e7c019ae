//! The data export of an IoT Central application, at the application's own host (reference: arm-api §6.2).
//!
//! A request is for an application when its `Host` is `SUBDOMAIN.azureiotcentral.com`, or when that is the first
//! segment of its path. Invariants: a destination that an export uses is not deleted, and no secret is shown again
//! (test: `tests/wire/arm/iot_central.jsonl`).

use super::core::Core;
use super::front::Ask;
use super::iot_app;
use super::path::{Id, parameter};
use super::reply::Reply;
use super::state::Resource;
use crate::emulator::clock::{Clock, stamp};
use serde_json::{Value, json};

const HOST: &str = ".azureiotcentral.com";

/// How many milliseconds an export takes to begin; nobody has measured it.
const STARTING: u64 = 30_000;
/// The versions that have data exports; the stable ones have none.
const VERSIONS: [&str; 4] = ["1.1-preview", "1.2-preview", "2022-06-30-preview", "2022-10-31-preview"];
/// What the service shows in place of a secret.
const STARS: &str = "*****";
/// How many entries stand on one page.
const PAGE: usize = 25;

const DESTINATIONS: &str = "dataExport/destinations";
const EXPORTS: &str = "dataExport/exports";

/// Serves a request for an application; `None` when it is for the control plane.
pub(super) fn serve(core: &mut Core, ask: &Ask) -> Option<Reply> {
    let host = ask.origin.trim_start_matches("http://").split(':').next().unwrap_or_default();
    let by_host = host.strip_suffix(HOST);
    let first = ask.segments.first().and_then(|segment| segment.strip_suffix(HOST));
    let (subdomain, rest) = match (by_host, first) {
        (Some(subdomain), _) => (subdomain, ask.segments.as_slice()),
        (None, Some(subdomain)) => (subdomain, ask.segments.get(1..).unwrap_or_default()),
        (None, None) => return None,
    };
    Some(route(core, ask, subdomain, rest).unwrap_or_else(|refused| refused))
}

fn refuse(status: u16, code: &'static str, message: impl Into<String>) -> Reply {
    let (id, message): (_, String) = (uuid::Uuid::new_v4().simple().to_string(), message.into());
    let error = json!({"code": code, "message": message, "requestId": id, "time": stamp(Clock::now())});
    Reply::json(status, json!({"error": error})).with("x-ms-error-code", code)
}

fn invalid(message: impl Into<String>) -> Reply {
    refuse(422, "UnprocessableEntity", message)
}

fn route(core: &mut Core, ask: &Ask, subdomain: &str, rest: &[String]) -> Result<Reply, Reply> {
    let signed =
        ask.authorization.as_deref().is_some_and(|header| header.starts_with("SharedAccessSignature "));
    if !signed && super::token::caller(ask.authorization.as_deref(), &ask.origin).is_err() {
        return Err(refuse(
            401,
            "Unauthorized",
            "You are not authorized: the token is missing or has expired.",
        ));
    }
    let api = parameter(&ask.query, "api-version").unwrap_or_default();
    if api.is_empty() {
        return Err(refuse(400, "InvalidApiVersion", "The query parameter 'api-version' is required."));
    }
    let application = iot_app::taken(core, subdomain).filter(|found| found.provisioning != "Creating");
    let Some(application) = application.map(|found| found.id.clone()) else {
        return Err(refuse(404, "NotFound", format!("There is no application at '{subdomain}'.")));
    };
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let nothing =
        || refuse(404, "NotFound", format!("Nothing is at '{}' in version '{api}'.", words.join("/")));
    if !VERSIONS.contains(&api.as_str()) {
        return Err(nothing());
    }
    let (collection, rest) = match words.as_slice() {
        ["api", "dataExport", "destinations", rest @ ..] => (DESTINATIONS, rest),
        ["api", "dataExport", "exports", rest @ ..] => (EXPORTS, rest),
        _ => return Err(nothing()),
    };
    match (ask.method.as_str(), rest) {
        ("GET", []) => list(core, ask, &application, collection),
        ("GET", [id]) => {
            let found = core.state.get(&application.child(collection, id));
            let found = found.ok_or_else(|| missing(id))?;
            Ok(Reply::json(200, shown(core, found)))
        }
        ("GET", [id, "exports"]) if collection == DESTINATIONS => {
            core.state.get(&application.child(collection, id)).ok_or_else(|| missing(id))?;
            let users: Vec<Value> =
                users(core, &application, id).into_iter().map(|one| shown(core, one)).collect();
            Ok(Reply::json(200, json!({"value": users})))
        }
        ("PUT" | "PATCH", [id]) => write(core, ask, &application.child(collection, id)),
        ("DELETE", [id]) => delete(core, &application, collection, id),
        _ => Err(refuse(405, "MethodNotAllowed", format!("'{}' is not supported here.", ask.method))),
    }
}

fn missing(id: &str) -> Reply {
    refuse(404, "NotFound", format!("Could not find the requested resource '{id}'."))
}

/// Everything of a collection of an application.
fn all<'a>(core: &'a Core, application: &Id, collection: &str) -> Vec<&'a Resource> {
    let under = format!("{}/", application.child(collection, "").key().trim_end_matches('/'));
    core.state.find(|resource| {
        resource.id.collections.last().is_some_and(|own| own == collection)
            && resource.id.key().starts_with(&under)
    })
}

fn list(core: &Core, ask: &Ask, application: &Id, collection: &str) -> Result<Reply, Reply> {
    let from = match parameter(&ask.query, "$skiptoken") {
        None => 0,
        Some(token) => {
            token.parse().map_err(|_| refuse(400, "InvalidQuery", "The token of the page is not known."))?
        }
    };
    let all = all(core, application, collection);
    let page: Vec<Value> = all.iter().skip(from).take(PAGE).map(|one| shown(core, one)).collect();
    let mut body = json!({"value": page});
    if from + PAGE < all.len() {
        let api = parameter(&ask.query, "api-version").unwrap_or_default();
        let (path, next) = (ask.segments.join("/"), from + PAGE);
        body["nextLink"] = json!(format!("{}/{path}?api-version={api}&$skiptoken={next}", ask.origin));
    }
    Ok(Reply::json(200, body))
}

/// The exports that use a destination.
fn users<'a>(core: &'a Core, application: &Id, id: &str) -> Vec<&'a Resource> {
    let mut exports = all(core, application, EXPORTS);
    exports.retain(|export| destinations(&export.body).iter().any(|used| used == id));
    exports
}

fn destinations(export: &Value) -> Vec<String> {
    let list = export.get("destinations").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|one| Some(one.get("id")?.as_str()?.to_owned())).collect()
}

fn delete(core: &mut Core, application: &Id, collection: &str, id: &str) -> Result<Reply, Reply> {
    let at = application.child(collection, id);
    core.state.get(&at).ok_or_else(|| missing(id))?;
    if collection == DESTINATIONS {
        let users: Vec<&str> =
            users(core, application, id).into_iter().map(|export| export.id.name()).collect();
        if !users.is_empty() {
            let message = format!("The destination '{id}' is used by the exports {}.", users.join(", "));
            return Err(refuse(409, "Conflict", message));
        }
    }
    core.remove(&at);
    Ok(Reply::empty(204))
}

fn write(core: &mut Core, ask: &Ask, at: &Id) -> Result<Reply, Reply> {
    let asked = ask.body.as_ref().filter(|body| body.is_object());
    let mut asked =
        asked.cloned().ok_or_else(|| refuse(400, "InvalidBody", "The body must be a JSON object."))?;
    for read_only in ["id", "status", "errors", "lastExportTime"] {
        asked.as_object_mut().map(|body| body.remove(read_only));
    }
    let old = core.state.get(at).cloned();
    if asked.pointer("/authorization/clientSecret").and_then(Value::as_str) == Some(STARS) {
        return Err(invalid("The property 'authorization.clientSecret' is masked, and is no secret."));
    }
    let body = match (&old, ask.method.as_str()) {
        (None, "PATCH") => return Err(missing(at.name())),
        (Some(old), "PATCH") => merged(&old.body, &asked),
        _ => asked,
    };
    let is_export = at.collections.last().is_some_and(|own| own == EXPORTS);
    if is_export {
        check_export(core, at, &body)?;
    } else {
        check_destination(&body)?;
        if let Some(old) = old.as_ref().filter(|old| old.body.get("type") != body.get("type")) {
            return Err(invalid(format!("The type of a destination is fixed: it is {}.", old.body["type"])));
        }
    }
    let mut resource = old.unwrap_or_else(|| Resource::new(at.clone()));
    resource.body = masked(body);
    resource.hidden["since"] = json!(Clock::now());
    core.state.put(resource.clone());
    let mut first = shown(core, &resource);
    first["status"] = json!(match is_export {
        true if resource.body["enabled"] == json!(true) => "starting",
        true => "notStarted",
        false => "waiting",
    });
    first.as_object_mut().map(|body| body.remove("errors"));
    Ok(Reply::json(200, first))
}

/// JSON merge patch (RFC 7396); the way to sign in is replaced as a whole where its type changes.
fn merged(old: &Value, asked: &Value) -> Value {
    let (Value::Object(old), Value::Object(asked)) = (old, asked) else { return asked.clone() };
    let mut out = old.clone();
    for (name, value) in asked {
        let before = out
            .get(name)
            .filter(|before| before.get("type") == value.get("type") || value.get("type").is_none());
        match (value, before) {
            (Value::Null, _) => {
                out.remove(name);
            }
            (Value::Object(_), Some(before)) => {
                let value = merged(before, value);
                out.insert(name.clone(), value);
            }
            _ => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

fn masked(mut body: Value) -> Value {
    if let Some(secret) = body.pointer_mut("/authorization/clientSecret") {
        *secret = json!(STARS);
    }
    body
}

/// Refuses members that are not known, and texts that are missing.
fn members(what: &str, body: &Value, known: &[&str], required: &[&str]) -> Result<(), Reply> {
    let body = body.as_object().ok_or_else(|| invalid(format!("'{what}' must be an object.")))?;
    if let Some(stray) = body.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(format!("'{what}' has no property '{stray}'.")));
    }
    let empty = |name: &&&str| body.get(**name).and_then(Value::as_str).is_none_or(str::is_empty);
    match required.iter().find(empty) {
        Some(name) => Err(invalid(format!("The property '{name}' of '{what}' is required."))),
        None => Ok(()),
    }
}

const OTHERS: [&str; 5] =
    ["blobstorage@v1", "eventhubs@v1", "servicebusqueue@v1", "servicebustopic@v1", "webhook@v1"];

fn check_destination(body: &Value) -> Result<(), Reply> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if OTHERS.contains(&text("type")) {
        return if text("displayName").is_empty() {
            Err(invalid("The property 'displayName' is required."))
        } else {
            Ok(())
        };
    }
    if text("type") != "dataexplorer@v1" {
        return Err(invalid(format!("The type of destination '{}' is not known.", text("type"))));
    }
    let required = ["displayName", "type", "clusterUrl", "database", "table"];
    members("destination", body, &[&required[..], &["authorization"]].concat(), &required)?;
    let url = text("clusterUrl");
    if !(url.starts_with("https://") || url.starts_with("http://127.0.0.1:")) {
        return Err(invalid(format!("The property 'clusterUrl' is not the address of a cluster: '{url}'.")));
    }
    let given = body.get("authorization").cloned().unwrap_or_default();
    match given.get("type").and_then(Value::as_str) {
        Some("systemAssignedManagedIdentity") => members("authorization", &given, &["type"], &["type"]),
        Some("servicePrincipal") => {
            let own = ["type", "clientId", "tenantId", "clientSecret"];
            members("authorization", &given, &own, &own)
        }
        other => Err(invalid(format!("The way to sign in is not known: '{}'.", other.unwrap_or_default()))),
    }
}

const SOURCES: [&str; 6] =
    ["telemetry", "properties", "deviceLifecycle", "deviceTemplateLifecycle", "deviceConnectivity", "audit"];

fn check_export(core: &Core, at: &Id, body: &Value) -> Result<(), Reply> {
    let known = ["displayName", "enabled", "source", "filter", "enrichments", "destinations"];
    members("export", body, &known, &["displayName", "source"])?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if !SOURCES.contains(&text("source")) {
        return Err(invalid(format!("The source '{}' is not known.", text("source"))));
    }
    if !body.get("enabled").is_some_and(Value::is_boolean) {
        return Err(invalid("The property 'enabled' of 'export' is required."));
    }
    if body.get("filter").is_some_and(|filter| !filter.is_string()) {
        return Err(invalid("The property 'filter' must be a text."));
    }
    for (key, one) in body.get("enrichments").and_then(Value::as_object).into_iter().flatten() {
        let required: &[&str] = if one.get("value").is_some() { &["value"] } else { &["path"] };
        let known: &[&str] = if one.get("value").is_some() { &["value"] } else { &["path", "target"] };
        members(&format!("enrichments.{key}"), one, known, required)?;
    }
    let application = at.ancestor(1);
    let list = body.get("destinations").and_then(Value::as_array).cloned().unwrap_or_default();
    if list.is_empty() {
        return Err(invalid("An export needs at least one destination."));
    }
    let mut seen = std::collections::BTreeSet::new();
    for one in &list {
        members("destinations", one, &["id", "transform"], &["id"])?;
        let id = one["id"].as_str().unwrap_or_default();
        if core.state.get(&application.child(DESTINATIONS, id)).is_none() {
            return Err(invalid(format!("The destination '{id}' does not exist.")));
        }
        if !seen.insert(id) {
            return Err(invalid(format!("The destination '{id}' is named twice.")));
        }
    }
    Ok(())
}

/// An entry with how it fares.
fn shown(core: &Core, resource: &Resource) -> Value {
    let application = resource.id.ancestor(1);
    let mut body = resource.body.clone();
    body["id"] = json!(resource.id.name());
    let runs = |export: &Resource| export.body["enabled"] == json!(true);
    let starts = |export: &Resource| {
        let since = export.hidden.get("since").and_then(Value::as_i64).unwrap_or_default();
        Clock::now() < since.saturating_add(core.clock.spanning(STARTING))
    };
    let troubles = if resource.id.collections.last().is_some_and(|own| own == DESTINATIONS) {
        let users = users(core, &application, resource.id.name());
        let running: Vec<_> = users.into_iter().filter(|export| runs(export)).collect();
        if running.iter().all(|export| starts(export)) {
            body["status"] = json!(if running.is_empty() { "waiting" } else { "starting" });
            return body;
        }
        trouble(core, &application, resource).into_iter().collect()
    } else {
        if !runs(resource) {
            body["status"] = json!("notStarted");
            return body;
        }
        if starts(resource) {
            body["status"] = json!("starting");
            return body;
        }
        let used = destinations(&resource.body);
        let used = used.iter().filter_map(|id| core.state.get(&application.child(DESTINATIONS, id)));
        used.filter_map(|destination| trouble(core, &application, destination)).collect::<Vec<_>>()
    };
    body["status"] = json!(if troubles.is_empty() { "healthy" } else { "error" });
    if !troubles.is_empty() {
        body["errors"] = json!(troubles);
    }
    body
}

/// Why nothing arrives at a destination, as far as the emulator hosts it.
fn trouble(core: &Core, application: &Id, destination: &Resource) -> Option<Value> {
    let text = |name: &str| destination.body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("type") != "dataexplorer@v1" {
        return None;
    }
    let error = |code: &str, message: String| Some(json!({"code": code, "message": message}));
    let same = |a: &str, b: &str| a.trim_end_matches('/').eq_ignore_ascii_case(b.trim_end_matches('/'));
    let uri = |cluster: &Resource| super::cluster::uri(cluster).unwrap_or_default();
    let is = |resource: &Resource| resource.id.is_cluster() && same(&uri(resource), text("clusterUrl"));
    let found = core.state.find(is);
    let cluster = found.first()?.id.name().to_owned();
    let database = text("database");
    if core.kusto.periods(&cluster, database).is_none() {
        return error("DatabaseNotFound", format!("There is no database '{database}'."));
    }
    if !core.kusto.has_table(&cluster, database, text("table")) {
        return error("TableNotFound", format!("There is no table '{}'.", text("table")));
    }
    let own = core.state.get(application)?.body.pointer("/identity/principalId").and_then(Value::as_str);
    let whom = match destination.body.pointer("/authorization/type").and_then(Value::as_str) {
        Some("servicePrincipal") => {
            destination.body.pointer("/authorization/clientId").and_then(Value::as_str)
        }
        _ => own,
    };
    let Some(whom) = whom else {
        return error("IdentityNotFound", "The application has no identity.".to_owned());
    };
    let may = |scope: Option<&str>| {
        core.kusto.principals(&cluster, scope).iter().any(|principal| {
            let is = [&principal.principal_id, &principal.object_id]
                .iter()
                .any(|id| id.eq_ignore_ascii_case(whom));
            is && ["Admin", "AllDatabasesAdmin", "Ingestor"].contains(&principal.role.as_str())
        })
    };
    if may(Some(database)) || may(None) {
        return None;
    }
    error("Unauthorized", format!("The principal '{whom}' may not write to the database '{database}'."))
}
