//! Any other resource of Azure, at any `api-version`: only what the spec gives is compared.
//!
//! A change is a PUT of what stands with what is given laid over it, because not every type takes a PATCH and a PUT
//! may reset what it does not name.

use super::ID;
use crate::kind::arm::place::{self, RESOURCE_GROUP, SUBSCRIPTION_ID};
use crate::kind::replies::Reply;
use crate::kind::roster::{self, Enrolled, Roster};
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::change::{Action, Change, Loss, LossClass};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{ArmRequest, Method, Request};
use serde_json::Value as Json;

/// The kind `resource`.
#[derive(Debug)]
pub(super) struct OtherResource;

const ABOUT: About = About {
    name: "resource",
    collection: "resources",
    names: NameRule::Label,
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "Any other resource of Azure, by its type and `api-version`. Of its `body` only what is given is compared and \
          changed. A nested or extending resource names its `parent`.",
    page: "https://learn.microsoft.com/azure/templates/",
    example: "resources:\n  plant-hub:\n    type: Microsoft.Devices/IotHubs@2023-06-30\n    location: westeurope\n    \
              body:\n      sku: {name: S1, capacity: 1}\n",
    fields: FIELDS,
    outputs: &[
        ID,
        ("properties.*", "Anything that the service shows below `properties`."),
        ("identity.*", "Its identities, such as `identity.principalId`."),
        ("sku.*", "Its size."),
        ("etag", "Its version, where the service says so."),
    ],
    may_exist: true,
    ..About::BASE
};

const TYPE: &str = "type";
const PARENT: &str = "parent";
const LOCATION: &str = "location";
const BODY: &str = "body";

const FIELDS: &[Field] = &[
    Field::new(TYPE, Shape::Text, "The type and the version, such as `Microsoft.Devices/IotHubs@2023-06-30`.")
        .role(Role::Setting)
        .required(),
    SUBSCRIPTION_ID,
    RESOURCE_GROUP,
    Field::new(
        PARENT,
        Shape::ArmId(""),
        "The id of the resource that contains it or that it extends, often a reference; it must be known before apply. \
         Default: none, for a resource directly in a group.",
    )
    .role(Role::Setting),
    Field::new(
        LOCATION,
        Shape::Location,
        "The region; from `azure:` when left out, except below a `parent`. It cannot change.",
    )
    .role(Role::Immutable),
    Field::new(
        BODY,
        Shape::Given,
        "What it is, as the service writes it: `properties`, `sku`, `identity`, `tags`, `kind` and so on. What is left \
         out stays as it is, and a null takes away. Default: nothing.",
    ),
];

/// The types that clusters and connections refer to, in the version in which they are read: an import takes them as
/// existing, because what of them is somebody's wish and what the service's doing is not known.
const ADOPTED: [(&str, &str); 9] = [
    ("Microsoft.Devices/IotHubs", "2023-06-30"),
    ("Microsoft.DocumentDB/databaseAccounts", "2024-05-15"),
    ("Microsoft.Insights/components", "2020-02-02"),
    ("Microsoft.KeyVault/vaults", "2023-07-01"),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "2023-01-31"),
    ("Microsoft.Network/privateEndpoints", "2023-09-01"),
    ("Microsoft.Network/virtualNetworks", "2023-09-01"),
    ("Microsoft.OperationalInsights/workspaces", "2023-09-01"),
    ("Microsoft.Synapse/workspaces", place::WORKSPACE_API_VERSION),
];

/// What the service owns at the top of a body.
const OWNED: [&str; 7] = ["id", "name", "type", "systemData", "etag", "location", "managedByExtended"];

/// The type's provider and collections, and the version.
struct Type<'a> {
    provider: &'a str,
    collections: Vec<&'a str>,
    version: &'a str,
}

fn parse(text: &str) -> Option<Type<'_>> {
    let (path, version) = text.split_once('@')?;
    let (provider, collections) = path.split_once('/')?;
    let collections: Vec<&str> = collections.split('/').collect();
    let date = version.get(..10)?;
    let is_date =
        date.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    let rest = &version[10..];
    let ends =
        rest.is_empty() || (rest.starts_with('-') && rest[1..].bytes().all(|b| b.is_ascii_alphabetic()));
    let good = is_date && ends && provider.contains('.') && collections.iter().all(|word| !word.is_empty());
    good.then_some(Type { provider, collections, version })
}

/// The type of an id without its version: provider and collections.
fn type_of(id: &str) -> String {
    let Some((_, below)) = id.rsplit_once("/providers/") else { return String::new() };
    let parts: Vec<&str> = below.split('/').collect();
    let words = parts.iter().take(1).chain(parts.iter().skip(1).step_by(2));
    words.copied().collect::<Vec<_>>().join("/")
}

impl Kind for OtherResource {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::ArmGet { provider: "", api_version: "" }
    }

    fn read_version(&self, body: &Body) -> Option<String> {
        body.text(TYPE).and_then(parse).map(|of| of.version.to_owned())
    }

    fn resource_id(&self, at: &At<'_>) -> Result<String, String> {
        let body = &at.resource.body;
        let of = body.text(TYPE).and_then(parse);
        // What was read knows where it is.
        let Some(of) = of else {
            let known = at.resource.attributes.text("id");
            return known
                .map(str::to_owned)
                .ok_or_else(|| format!("the `type` of {} is not known", at.address));
        };
        let path = format!("{}/{}", of.provider, of.collections.join("/"));
        match body.get(PARENT).filter(|parent| !matches!(parent, Value::Null)) {
            None => Ok(format!("{}/providers/{path}/{}", place::group_id(at)?, at.name())),
            Some(Value::Text(parent)) => {
                let parent = parent.trim_end_matches('/');
                let above = type_of(parent).to_ascii_lowercase();
                let nested = path.to_ascii_lowercase().strip_prefix(&format!("{above}/")).map(str::len);
                match nested {
                    Some(length) if !above.is_empty() => {
                        Ok(format!("{parent}/{}/{}", &path[path.len() - length..], at.name()))
                    }
                    _ => Ok(format!("{parent}/providers/{path}/{}", at.name())),
                }
            }
            Some(_) => Err(format!("the `parent` of {} is not known", at.address)),
        }
    }

    fn rosters(&self) -> Vec<Roster> {
        vec![Roster { segment: "resources".to_owned(), api_version: "2021-04-01", within: None }]
    }

    fn enrolled(&self, item: &Json, _above: &str) -> Enrolled {
        let of = item.get(TYPE).and_then(Json::as_str).unwrap_or_default();
        let same = |other: &str| other.eq_ignore_ascii_case(of);
        let of_a_kind =
            |kind: &dyn Kind| matches!(kind.source(), Source::ArmGet { provider, .. } if same(provider));
        // What stands in something else is a matter of that.
        if of.split('/').count() != 2 || crate::kind::within(None).any(of_a_kind) {
            return Enrolled::Not;
        }
        let Some((_, version)) = ADOPTED.iter().find(|(known, _)| same(known)) else {
            return Enrolled::Left(
                "there is no kind for it; declare it under `resources:` with the properties that matter",
            );
        };
        let Value::Map(attributes) = Value::from_json(item) else { return Enrolled::Not };
        let body = Body::new().with(TYPE, format!("{of}@{version}"));
        let body = body.into_iter().chain(place::of_id(&attributes, FIELDS)).collect();
        roster::at(&ABOUT, roster::name(item), body, Mode::Existing)
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let Value::Map(all) = Value::from_json(json) else {
            return Err(format!("this is no resource: {json}"));
        };
        let mut inner: Body = all
            .iter()
            .filter(|(name, _)| !OWNED.contains(&&***name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        if let Some(Value::Map(properties)) = inner.get("properties") {
            let properties = properties.clone().without("provisioningState");
            inner.set("properties", properties);
        }
        let place = place::of_id(&all, FIELDS);
        let location = all.get(LOCATION).filter(|value| !value.is_unset()).cloned();
        let location = location.map_or_else(Body::new, |value| Body::new().with(LOCATION, value));
        let body = place.into_iter().chain(location).chain(Body::new().with(BODY, inner)).collect();
        Ok(vec![Found { body, attributes: all, ..Found::default() }])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let path = self.resource_id(at)?;
        let version = self
            .read_version(&at.resource.body)
            .or_else(|| at.world.get(at.address).and_then(|known| self.read_version(&known.body)));
        let version = version.ok_or_else(|| "`type` does not say its version".to_owned())?;
        let Some(after) = &change.after else {
            return Ok(Request::arm(Method::Delete, path, &version, Value::Null));
        };
        let mut body = after.get(BODY).and_then(Value::as_map).cloned().unwrap_or_default();
        body = no_nulls(&body);
        if let Some(location) = after.get(LOCATION).filter(|_| is_located(at, change)) {
            body = Body::new().with(LOCATION, location.clone()).into_iter().chain(body).collect();
        }
        let mut request = Request::arm(Method::Put, path, &version, body.into());
        if let (Request::Arm(arm), Some(_)) = (&mut request, &change.before) {
            arm.if_match = Some(ArmRequest::AS_SEEN.to_owned());
        }
        Ok(request)
    }

    fn loss(&self, _at: &At<'_>, change: &Change) -> Loss {
        match change.action() {
            Action::Delete => {
                Loss::new(LossClass::Irreversible, "what the resource holds is deleted with it")
            }
            _ => Loss::none(),
        }
    }

    /// What names it is no part of what stands in live, and is kept so that it can be found again.
    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let mut after = shape::overlay(FIELDS, live.map_or(&Body::new(), |live| &live.body), wanted);
        for name in [TYPE, PARENT] {
            if let Some(value) = wanted.get(name) {
                after.set(name, value.clone());
            }
        }
        if live.is_some_and(|live| live.body.get(LOCATION).is_none()) {
            after.remove(LOCATION);
        }
        after
    }

    fn seconds(&self, _change: &Change) -> u32 {
        30
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        place::group(at).into_iter().collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let body = &at.resource.body;
        let mut found = Vec::new();
        if body.text(TYPE).is_some_and(|text| parse(text).is_none()) {
            let help = "write it as PROVIDER/TYPE@VERSION, such as Microsoft.Devices/IotHubs@2023-06-30";
            found.push(Finding::new(&[TYPE], "this is not a type with its version", help));
        }
        match body.get(PARENT) {
            Some(parent) if parent.has_unknown() => {
                let message = "`parent` must be known before anything is read, and this is known after apply";
                found.push(Finding::new(&[PARENT], message, "refer to an `id`, or write it out"));
            }
            None | Some(Value::Null) => {
                found.extend(place::check(at, &[SUBSCRIPTION_ID.name, RESOURCE_GROUP.name]));
                let nested = body.text(TYPE).and_then(parse).is_some_and(|of| of.collections.len() > 1);
                if nested {
                    let help = "give the id of what contains it as `parent`";
                    found.push(Finding::new(&[TYPE], "a resource of this type stands in another one", help));
                }
            }
            _ => {}
        }
        if at.resource.mode == Mode::Managed {
            found.extend(own_words(body));
        }
        found
    }
}

/// What does not belong into a body.
fn own_words(body: &Body) -> Vec<Finding> {
    let Some(inner) = body.get(BODY) else { return Vec::new() };
    let mut found = Vec::new();
    match inner {
        Value::Map(inner) => {
            let owned = inner.names().filter(|name| OWNED.contains(name));
            found.extend(owned.map(|name| {
                let help = if name == LOCATION { "give it beside the `body`" } else { "leave it out" };
                Finding::new(&[BODY, name], format!("`{name}` is not said in the body"), help)
            }));
        }
        Value::Null | Value::Unknown(_) => {}
        _ => found.push(Finding::new(&[BODY], "the body of a resource is a map", "give `properties: {…}`")),
    }
    if !inner.secrets().is_empty() {
        let message = "a secret cannot stand here: the service would show it, and it could not be compared";
        found.push(Finding::new(&[BODY], message, "let an identity and a role take its place"));
    }
    found
}

/// Whether the region is written: by default for what stands directly in a group, and where there is one in live.
fn is_located(at: &At<'_>, change: &Change) -> bool {
    let nested = at.resource.body.get(PARENT).is_some_and(|parent| !matches!(parent, Value::Null));
    !nested || change.before.as_ref().is_some_and(|before| before.get(LOCATION).is_some())
}

/// The same without what is taken away.
fn no_nulls(body: &Body) -> Body {
    let given = body.iter().filter(|(_, value)| !matches!(value, Value::Null));
    let inner = |value: &Value| match value {
        Value::Map(inner) => Value::Map(no_nulls(inner)),
        other => other.clone(),
    };
    given.map(|(name, value)| (name.clone(), inner(value))).collect()
}
