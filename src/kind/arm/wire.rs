//! Bodies as Azure Resource Manager writes them, and resource ids.
//!
//! A field stands under its own name: at the top for the few that every resource has, else below `properties`.
//! Lengths of time are ISO 8601 there.
//!
//! Invariant: reading what was written gives the same body (test: `reads_what_it_writes`), and what a newer
//! service adds is passed through, never fatal (test: `unknown_words_pass`).

pub use super::place::{only_uri, resource_id};

use super::place;
use crate::kind::shape::{self, Field, Role, Shape};
use crate::kind::{At, Finding, Found};
use crate::model::body::{Body, Piece, Value};
use crate::model::request::{ArmRequest, Method, Request};
use serde_json::Value as Json;

/// The `api-version` of reads and of writes that need nothing newer.
pub const API_VERSION: &str = "2024-04-13";

/// The `api-version` of writes that use what came later: `SecuredByPerimeter`, `AZMONSTREAM`,
/// `federatedIdentityClientId`, and connections that read by an identity alone.
pub const NEWER_API_VERSION: &str = "2025-02-14";

/// What a property is when the service never heard of it: its name and its value as JSON.
///
/// Live bodies are read with these filled in, and a null in the spec asks for them.
pub type Defaults = &'static [(&'static str, &'static str)];

const TOP: [&str; 6] = ["location", "kind", "tags", "zones", "sku", "identity"];

/// The region to create a thing in: its own, or its cluster's.
///
/// # Errors
/// When neither is known.
pub fn location(at: &At<'_>, body: &Body) -> Result<Value, String> {
    let root = at.address.prefix(1);
    let around = at.world.get(&root).filter(|_| root != *at.address).unwrap_or(at.resource);
    let found =
        [body, &around.body].into_iter().find_map(|body| body.get("location").filter(|v| !v.is_unset()));
    match found {
        Some(Value::Text(text)) => Ok(Value::from(shape::location(text))),
        Some(other) => Ok(other.clone()),
        None => Err(format!("the `location` of {root} is not known")),
    }
}

/// A thing below a cluster that is said to be in another region than the cluster.
pub fn other_region(at: &At<'_>) -> Option<Finding> {
    let (root, cluster) = at.ancestor("cluster")?;
    let (own, of) = (at.resource.body.text("location")?, cluster.body.text("location")?);
    (shape::location(own) != shape::location(of)).then(|| {
        let message = format!("{own} is not the region of {root}, which is {of}");
        Finding::new(&["location"], message, "leave `location` out: it follows from the cluster")
    })
}

/// A mistake of things that need the control plane below a cluster that is known only by its `uri`.
pub fn needs_control_plane(at: &At<'_>) -> Option<Finding> {
    let (root, cluster) = at.ancestor("cluster")?;
    only_uri(cluster).then(|| {
        let message =
            format!("this is made through the control plane, and {root} is known only by its `uri`");
        Finding::new(&[], message, "give the cluster's `subscriptionId` and `resourceGroup` instead of `uri`")
    })
}

/// Whether a value is the resource id of the thing's own cluster, written out or as a reference.
pub fn is_own_cluster(at: &At<'_>, value: &Value) -> bool {
    let Some((root, cluster)) = at.ancestor("cluster") else { return false };
    match value {
        Value::Text(text) => {
            let id = resource_id(&At { address: &root, resource: cluster, world: at.world });
            id.is_ok_and(|id| id.eq_ignore_ascii_case(text.trim_end_matches('/')))
        }
        Value::Unknown(expr) => match expr.0.as_slice() {
            [Piece::Of { address, path }] => *address == root && *path == ["id"],
            _ => false,
        },
        _ => false,
    }
}

/// A request on a thing, at the oldest `api-version` that knows what it says, or at that of pools.
///
/// # Errors
/// When the thing's resource id cannot be built.
pub fn request(at: &At<'_>, method: Method, body: impl Into<Value>) -> Result<ArmRequest, String> {
    let body = body.into();
    Ok(ArmRequest {
        method,
        path: resource_id(at)?,
        api_version: place::api_version(at, api_version(&body)).to_owned(),
        body,
        if_match: None,
        create_only: false,
    })
}

/// The deletion of a thing.
///
/// # Errors
/// When the thing's resource id cannot be built.
pub fn delete(at: &At<'_>) -> Result<Request, String> {
    request(at, Method::Delete, Value::Null).map(Request::Arm)
}

/// The oldest `api-version` that knows what a body says.
pub fn api_version(body: &Value) -> &'static str {
    if is_newer(body) { NEWER_API_VERSION } else { API_VERSION }
}

fn is_newer(value: &Value) -> bool {
    match value {
        Value::Text(text) => matches!(
            &**text,
            "SecuredByPerimeter"
                | "AZMONSTREAM"
                | "EventHubWithManagedIdentity"
                | "EventGridWithManagedIdentity"
        ),
        Value::List(items) => items.iter().any(is_newer),
        Value::Map(body) => body.iter().any(|(name, value)| {
            (&**name == "federatedIdentityClientId" && !value.is_unset()) || is_newer(value)
        }),
        _ => false,
    }
}

/// The whole body of a thing that is to be created; what is null or empty text is left out.
pub fn whole(fields: &[Field], body: &Body) -> Body {
    let given = fields.iter().filter_map(|f| {
        let value = body.get(f.name)?;
        let empty = matches!(value, Value::Null) || value.as_text() == Some("");
        (!empty).then(|| (f, wire(f, value)))
    });
    stand(given)
}

/// The part of a body that holds some fields, all others left out; what is unset is cleared.
pub fn part(fields: &[&Field], body: &Body) -> Body {
    stand(fields.iter().map(|f| match body.get(f.name) {
        Some(value) if !value.is_unset() => (*f, wire(f, value)),
        _ => (*f, cleared(&f.shape)),
    }))
}

/// The value that clears a property.
fn cleared(shape: &Shape) -> Value {
    match shape {
        Shape::Set(_) | Shape::List(_) => Value::from(Vec::new()),
        Shape::Map(_) | Shape::OrderedMap(_) => Value::Map(Body::new()),
        _ => Value::Null,
    }
}

/// Puts wire values where they belong, `properties` last.
fn stand<'a>(values: impl Iterator<Item = (&'a Field, Value)>) -> Body {
    let (mut top, mut below) = (Body::new(), Body::new());
    for (f, value) in values.filter(|(f, _)| !matches!(f.role, Role::Place | Role::Setting)) {
        let home = if TOP.contains(&f.name) { &mut top } else { &mut below };
        home.set(f.name, value);
    }
    top.with("properties", below)
}

fn wire(field: &Field, value: &Value) -> Value {
    match (&field.shape, value) {
        (Shape::Location, Value::Text(text)) => Value::from(shape::location(text)),
        _ => iso(value),
    }
}

/// The value with lengths of time in ISO 8601 and without nulls in maps.
fn iso(value: &Value) -> Value {
    match value {
        Value::Time(ticks) => Value::from(ticks.iso8601()),
        Value::List(items) => Value::List(items.iter().map(iso).collect()),
        Value::Map(body) => {
            let given = body.iter().filter(|(_, value)| !matches!(value, Value::Null));
            Value::Map(given.map(|(name, value)| (name.clone(), iso(value))).collect())
        }
        other => other.clone(),
    }
}

/// The last part of the `name` of a resource, which is its own.
///
/// # Errors
/// When there is no name, with the JSON concerned.
pub fn short_name(json: &Json) -> Result<&str, String> {
    let name = json.get("name").and_then(Json::as_str).and_then(|name| name.rsplit('/').next());
    name.filter(|name| !name.is_empty()).ok_or_else(|| format!("a resource without a name: {json}"))
}

/// Reads a resource as ARM gives it: its body, canonical, and everything else as attributes.
///
/// # Errors
/// When it has no name.
pub fn read(
    collection: &'static str,
    fields: &[Field],
    defaults: Defaults,
    json: &Json,
) -> Result<Found, String> {
    let name = short_name(json)?.to_owned();
    let written = fields.iter().filter(|f| !matches!(f.role, Role::Place | Role::Setting));
    let body: Body = written
        .filter_map(|f| {
            let raw =
                if TOP.contains(&f.name) { json.get(f.name) } else { json.get("properties")?.get(f.name) };
            let value = lenient(&f.shape, &Value::from_json(raw.unwrap_or(&Json::Null)));
            let given = matches!(value, Value::List(_)) || !value.is_unset();
            Some((f.name.into(), if given { value } else { default_of(defaults, f)? }))
        })
        .collect();
    let attributes = attributes(json, &name, &body);
    Ok(Found { path: vec![(collection, name)], body, attributes, ..Found::default() })
}

/// What a property is when unset, canonical.
fn default_of(defaults: Defaults, field: &Field) -> Option<Value> {
    let (_, json) = defaults.iter().find(|(name, _)| *name == field.name)?;
    let json: Json = serde_json::from_str(json).ok()?;
    Some(lenient(&field.shape, &Value::from_json(&json)))
}

/// The same body with each null replaced by what the service makes of unset.
pub fn defaulted(fields: &[Field], defaults: Defaults, body: &Body) -> Body {
    let value = |name: &str, value: &Value| match (value, shape::field(fields, name)) {
        (Value::Null, Some(f)) => default_of(defaults, f).unwrap_or(Value::Null),
        _ => value.clone(),
    };
    body.iter().map(|(name, old)| (name.clone(), value(name, old))).collect()
}

/// The canonical form of a live value; where the service says what the shape does not know, as it stands.
fn lenient(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Object { fields, .. }, Value::Map(body)) => {
            let members = fields.iter().filter_map(|f| {
                let value = lenient(&f.shape, body.get(f.name)?);
                (!value.is_unset()).then(|| (f.name.into(), value))
            });
            Value::Map(members.collect())
        }
        (Shape::Set(item), Value::List(items)) => {
            let items = Value::List(items.iter().map(|i| lenient(item, i)).collect());
            shape.canonical(&items).unwrap_or(items)
        }
        (Shape::Set(_), Value::Map(keys)) => {
            let keys = Value::List(keys.names().map(Value::from).collect());
            shape.canonical(&keys).unwrap_or(keys)
        }
        (Shape::Enum(_) | Shape::OpenEnum(_), Value::Text(text)) => {
            let spaced = Value::from(text.replace(", ", ",").replace(',', ", "));
            shape.canonical(&spaced).unwrap_or_else(|_| value.clone())
        }
        _ => shape.canonical(value).unwrap_or_else(|_| value.clone()),
    }
}

/// Everything that references may ask for: what stands at the top and below `properties`, canonical where known.
fn attributes(json: &Json, name: &str, body: &Body) -> Body {
    let mut all = Body::new().with("name", name);
    let below = json.get("properties").and_then(Json::as_object);
    for (key, value) in below.into_iter().chain(json.as_object()).flatten() {
        if !matches!(key.as_str(), "properties" | "name" | "systemData") {
            all.set(key, Value::from_json(value));
        }
    }
    for (key, value) in body.iter() {
        let merged = match (all.get(key), value) {
            (Some(Value::Map(raw)), Value::Map(known)) => {
                let raw = raw.clone();
                Value::Map(known.iter().fold(raw, |all, (key, value)| all.with(key, value.clone())))
            }
            _ => value.clone(),
        };
        all.set(key, merged);
    }
    all
}
