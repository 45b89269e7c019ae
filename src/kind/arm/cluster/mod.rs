//! Clusters.
//!
//! Changes are minimal PATCHes under the etag that was read, so that what the spec does not mention stays and a
//! change by somebody else meanwhile is noticed. Zones travel in a PATCH too, which the service takes since
//! `api-version` 2023-08-15: a PUT would reset whatever it does not name.

mod check;
mod fields;
mod network;
mod offer;
mod pool;
mod quota;
mod state;
#[cfg(test)]
mod tests;

pub use fields::{FIELDS, IDENTITY, KEY_VAULT};
pub use quota::too_many_databases;

use super::database::figures;
use super::place;
use super::wire::{self, Defaults};
use crate::kind::question::{Question, Seen};
use crate::kind::replies::Reply;
use crate::kind::roster::Roster;
use crate::kind::shape::{self, Field, NameRule};
use crate::kind::{About, At, Claim, ETAG, Finding, Found, Kind, Need, Plane, Source, Spelling, Undo};
use crate::model::body::{Body, Value};
use crate::model::change::{Action, Change, Loss, LossClass};
use crate::model::inventory::Resource;
use crate::model::request::{ArmRequest, Method, Request};

/// The kind `cluster`.
#[derive(Debug)]
pub struct Cluster;

const ABOUT: About = About {
    name: "cluster",
    collection: "clusters",
    spelled: Some(Spelling {
        group: "synapseWorkspaces",
        word: "kustoPools",
        between: Some(place::SYNAPSE_WORKSPACE.name),
    }),
    names: NameRule::Cluster,
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "An Azure Data Explorer cluster. It is created, altered in place and, when asked for, deleted with all its \
          data; it is never replaced. With `existing: true` it is only read and its databases are managed; with `uri` \
          alone only what its management commands reach is managed; with `synapseWorkspace` it is a \
          Data Explorer pool of that workspace, for which `synapseWorkspaces: {WORKSPACE: {kustoPools: …}}` is another \
          spelling.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-cluster-and-database",
    example: "clusters:\n  telemetry:\n    location: westeurope\n    sku: {name: Standard_E8ads_v5, tier: Standard, \
              capacity: 2}\n    identity: {type: SystemAssigned}\n    enableStreamingIngest: true\n",
    fields: FIELDS,
    outputs: &[
        ("id", "The resource id."),
        ("uri", "The address for queries and management commands."),
        ("dataIngestionUri", "The address for queued ingestion."),
        ("identity.principalId", "The object id of the system-assigned identity."),
        ("identity.tenantId", "The tenant of the system-assigned identity."),
        ("stateReason", "Why it is in that state, where the service says so."),
        ("provisioningState", "How its last operation ended."),
        ("etag", "The version that a change must meet."),
        ("zoneStatus", "`NonZonal`, `ZonalInconsistency` or `Zonal`."),
        ("privateEndpointConnections", "The private endpoints that connect to it."),
        ("migrationCluster", "The other cluster of a migration."),
    ],
    may_exist: true,
    ..About::BASE
};

/// What the service makes of a property that was never set, as production GETs show it.
const DEFAULTS: Defaults = &[
    ("identity", r#"{"type":"None"}"#),
    ("trustedExternalTenants", r#"[{"value":"*"}]"#),
    ("enableDiskEncryption", "false"),
    ("enableStreamingIngest", "false"),
    ("enablePurge", "false"),
    ("enableDoubleEncryption", "false"),
    ("enableAutoStop", "true"),
    ("publicNetworkAccess", r#""Enabled""#),
    ("restrictOutboundNetworkAccess", r#""Disabled""#),
    ("publicIPType", r#""IPv4""#),
];

impl Kind for Cluster {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::ArmGet { provider: "Microsoft.Kusto/clusters", api_version: wire::API_VERSION }
    }

    fn read_version(&self, body: &Body) -> Option<String> {
        place::workspace(body).map(|_| place::POOL_API_VERSION.to_owned())
    }

    fn rosters(&self) -> Vec<Roster> {
        let pools = Roster {
            segment: "kustoPools".to_owned(),
            api_version: place::POOL_API_VERSION,
            within: Some(("Microsoft.Synapse/workspaces", place::WORKSPACE_API_VERSION)),
        };
        Roster::of_type(self.source()).into_iter().chain([pools]).collect()
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let mut found = wire::read("clusters", FIELDS, DEFAULTS, json)?;
        if place::is_of_pool(json) {
            found.body = pool::known(found.body);
        }
        if found.attributes.text("state") == Some("Deleted") {
            return Ok(Vec::new());
        }
        if is_autoscaled(&found.body) {
            without_capacity(&mut found.body);
        }
        state::read(&mut found.body);
        found.body = place::of_id(&found.attributes, FIELDS).into_iter().chain(found.body).collect();
        Ok(vec![found])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        match (&change.before, &change.after) {
            (_, None) => wire::delete(at),
            (None, Some(after)) => create(at, after),
            (Some(before), Some(after)) => update(at, before, after),
        }
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        if change.action() != Action::Delete {
            return Loss::none();
        }
        let (rows, bytes) = figures(at);
        let what = "every database of the cluster is deleted with all its data; if it was active for more than 14 \
                    days, Azure support can bring it back within 14 days";
        Loss::new(LossClass::Irreversible, what).of(rows, bytes)
    }

    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let Some(after) = &change.after else { return Vec::new() };
        let between = change.before.as_ref().map(|before| stages(before, after)).unwrap_or_default();
        state::stages(change.before.as_ref(), after, between)
    }

    fn unreadable(&self, said: &serde_json::Value) -> Option<String> {
        state::unreadable(said)
    }

    fn closed(&self, body: &Body) -> Option<&'static str> {
        state::is_stopped(body).then_some("say `state: Running` to have it started, or start it yourself")
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        settle(live, wanted)
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let loss = self.loss(at, change);
        if loss.class == LossClass::Irreversible {
            return Undo::Never(loss.what);
        }
        if let Some(why) = network::one_way(change) {
            return Undo::Never(why.to_owned());
        }
        let zones =
            change.before.as_ref().zip(change.after.as_ref()).is_some_and(|(b, a)| differs("zones", b, a));
        if zones {
            return Undo::Never("availability zones cannot be taken back once a cluster has them".to_owned());
        }
        let back = self.requests(at, &change.invert());
        back.map_or_else(Undo::Never, |back| Undo::By(back.into_iter().map(as_seen).collect()))
    }

    fn notes(&self, _at: &At<'_>, change: &Change) -> Vec<String> {
        let mut said = state::notes(change.before.as_ref(), change.after.as_ref());
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            let created = change.action() == Action::Create;
            said.extend(created.then(|| "creating a cluster takes 10 to 15 minutes".to_owned()));
            said.extend(change.before.as_ref().filter(|before| keeps_name(before)).map(|_| {
                "if it was in use for more than 14 days, its name stays taken for 14 more; the tag \
                 `opt-out-of-soft-delete: \"true\"`, set before, frees it at once"
                    .to_owned()
            }));
            return said;
        };
        let notes = [
            ("sku", "a change of `sku` takes minutes to tens of minutes"),
            (
                "enableDiskEncryption",
                "a change of `enableDiskEncryption` interrupts service for up to 20 minutes",
            ),
            ("enablePurge", "a change of `enablePurge` restarts the cluster"),
            ("languageExtensions", "a change of `languageExtensions` takes up to an hour"),
            (
                "virtualNetworkConfiguration",
                "the cluster leaves its virtual network and has a public endpoint from then on: make private endpoints, or \
                 set `publicNetworkAccess: Disabled`",
            ),
        ];
        let notes = notes.iter().filter(|(name, _)| differs(name, before, after));
        said.extend(notes.map(|(_, note)| (*note).to_owned()));
        said
    }

    fn seconds(&self, change: &Change) -> u32 {
        let extensions = |(before, after): (&Body, &Body)| differs("languageExtensions", before, after);
        if let Some(seconds) = state::seconds(change.before.as_ref(), change.after.as_ref()) {
            return seconds;
        }
        match change.action() {
            Action::Create => 780,
            Action::Delete => 444,
            Action::Update if change.before.as_ref().zip(change.after.as_ref()).is_some_and(extensions) => {
                1266
            }
            Action::Update => 353,
        }
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        place::group(at).into_iter().collect()
    }

    fn claims(&self, at: &At<'_>) -> Vec<Claim> {
        let is_elsewhere = place::is_pool(at) || wire::only_uri(at.resource);
        let key = format!("cluster {}", at.name().to_ascii_lowercase());
        let claim = Claim { key, what: format!("the name {}", at.name()), field: Vec::new() };
        Vec::from_iter((!is_elsewhere).then_some(claim))
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        check::findings(at)
    }

    fn prerequisites(&self, at: &At<'_>, change: &Change) -> Vec<Question> {
        offer::questions(at, change)
    }

    fn check_live(&self, at: &At<'_>, change: &Change, seen: Seen<'_>) -> Vec<Finding> {
        offer::findings(at, change, seen)
    }
}

fn differs(name: &str, before: &Body, after: &Body) -> bool {
    shape::differing(FIELDS, before, after).iter().any(|f| f.name == name)
}

/// Whether the service keeps a cluster that is deleted, and so its name, for some days.
/// <https://learn.microsoft.com/azure/data-explorer/delete-cluster>
fn keeps_name(before: &Body) -> bool {
    let tag = before.at(&["tags", "opt-out-of-soft-delete"]).and_then(Value::as_text);
    place::workspace(before).is_none() && !tag.is_some_and(|tag| tag.eq_ignore_ascii_case("true"))
}

fn is_autoscaled(body: &Body) -> bool {
    body.at(&["optimizedAutoscale", "isEnabled"]).and_then(Value::as_bool) == Some(true)
}

fn int(body: &Body, path: [&str; 2]) -> Option<i64> {
    if let Some(Value::Int(n)) = body.at(&path) { Some(*n) } else { None }
}

fn without_capacity(body: &mut Body) {
    if let Some(Value::Map(sku)) = body.get("sku") {
        let mut sku = sku.clone();
        sku.remove("capacity");
        body.set("sku", sku);
    }
}

/// The bounds of autoscale, if it is enabled.
fn bounds(body: &Body) -> Option<(i64, i64)> {
    let bound = |name| int(body, ["optimizedAutoscale", name]);
    is_autoscaled(body).then_some((bound("minimum")?, bound("maximum")?)).filter(|(min, max)| min <= max)
}

fn create(at: &At<'_>, after: &Body) -> Result<Request, String> {
    network::check(&Body::new(), after)?;
    let mut after = after.clone();
    if let (Some((min, max)), Some(Value::Map(sku))) = (bounds(&after), after.get("sku")) {
        let capacity = int(&after, ["sku", "capacity"]).unwrap_or(min).clamp(min, max);
        let sku = sku.clone().with("capacity", capacity);
        after.set("sku", sku);
    }
    let location = wire::location(at, &after)?;
    let mut body = wire::whole(FIELDS, &after.clone().without(state::STATE)).with("location", location);
    if let Some(Value::Map(identity)) = after.get("identity") {
        body.set("identity", identity_on_wire(identity, None));
    }
    let mut request = wire::request(at, Method::Put, body)?;
    request.create_only = true;
    Ok(Request::Arm(request))
}

/// One PATCH with what differs, under the etag that was read; a null in `before` tells a later stage, whose etag is
/// known only then.
fn update(at: &At<'_>, before: &Body, after: &Body) -> Result<Request, String> {
    if let Some(request) = state::request(at, before, after) {
        return request;
    }
    network::check(before, after)?;
    let mut fields: Vec<&Field> = shape::differing(FIELDS, before, after);
    fields.retain(|field| field.name != state::STATE);
    if fields.iter().any(|f| f.name == "zones") && after.get("zones").is_none_or(Value::is_unset) {
        return Err("`zones` cannot be taken away from a cluster".to_owned());
    }
    let mut body = wire::part(&fields, after);
    let mut properties = body.get("properties").and_then(Value::as_map).cloned().unwrap_or_default();
    for (name, empty) in [("keyVaultProperties", Body::new()), ("languageExtensions", no_extensions())] {
        if properties.get(name) == Some(&Value::Null) {
            properties.set(name, empty);
        }
    }
    if properties.is_empty() {
        body.remove("properties");
    } else {
        body.set("properties", properties);
    }
    if let Some(Value::Map(sku)) = body.get("sku") {
        let sku = sku_on_wire(at, sku, before, after);
        body.set("sku", sku);
    }
    if body.get("identity").is_some() {
        let empty = Body::new();
        let of = |body: &'_ Body| body.get("identity").and_then(Value::as_map).unwrap_or(&empty).clone();
        body.set("identity", identity_on_wire(&of(after), Some(&of(before))));
    }
    let mut request = wire::request(at, Method::Patch, body)?;
    let later = before.iter().any(|(_, value)| matches!(value, Value::Null));
    let later = later || state::was_started(at);
    let etag = at.resource.attributes.text(ETAG).filter(|etag| !later && etag.len() > 2);
    request.if_match = Some(etag.unwrap_or(ArmRequest::AS_SEEN).to_owned());
    Ok(Request::Arm(request))
}

/// A request whose etag is known only when it is sent.
fn as_seen(request: Request) -> Request {
    match request {
        Request::Arm(mut arm) => {
            arm.if_match = arm.if_match.map(|_| ArmRequest::AS_SEEN.to_owned());
            Request::Arm(arm)
        }
        other => other,
    }
}

fn no_extensions() -> Body {
    Body::new().with("value", Value::from(Vec::new()))
}

/// The size with the number of machines that it keeps, which the service wants together.
fn sku_on_wire(at: &At<'_>, sku: &Body, before: &Body, after: &Body) -> Body {
    let dev = |body: &Body| body.at(&["sku", "name"]).and_then(Value::as_text).map(fields::is_dev);
    let known = || int(&at.resource.attributes, ["sku", "capacity"]).filter(|_| is_autoscaled(before));
    let kept = int(before, ["sku", "capacity"]).or_else(known).filter(|_| dev(before) == dev(after));
    let kept = kept.map(|kept| bounds(after).map_or(kept, |(min, max)| kept.clamp(min, max)));
    match (sku.get("capacity"), kept) {
        (None, Some(capacity)) => sku.clone().with("capacity", capacity),
        _ => sku.clone(),
    }
}

/// The identity with its user-assigned ones as keys; a null takes one away.
pub fn identity_on_wire(after: &Body, before: Option<&Body>) -> Body {
    let listed = |body: &Body| match body.get("userAssignedIdentities") {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new().into(),
    };
    let kind = after.get("type").cloned().unwrap_or_else(|| Value::from("None"));
    let assigned = kind.as_text().is_none_or(|text| text.contains("UserAssigned"));
    let identity = Body::new().with("type", kind);
    if !assigned {
        return identity;
    }
    let (kept, old) = (listed(after), before.map(listed).unwrap_or_default());
    let key = |value: &Value| match value {
        Value::Unknown(expr) => expr.to_string(),
        other => other.as_text().unwrap_or_default().to_owned(),
    };
    let gone = old.iter().filter(|old| !kept.iter().any(|new| key(new).eq_ignore_ascii_case(&key(old))));
    let kept = kept.iter().map(|id| (key(id), Value::Map(Body::new())));
    let ids: Body = kept.chain(gone.map(|id| (key(id), Value::Null))).map(|(id, v)| (id.into(), v)).collect();
    identity.with("userAssignedIdentities", ids)
}

/// The size is changed before autoscale, and zones last because they cannot be taken back.
fn stages(before: &Body, after: &Body) -> Vec<Body> {
    let fields = shape::differing(FIELDS, before, after);
    let touched = |name: &str| fields.iter().any(|f| f.name == name);
    let no_zones = before.get("zones").is_none_or(Value::is_unset);
    let zones_alone = touched("zones") && no_zones && fields.len() > 1;
    let all_but_zones = if zones_alone { after.clone().with("zones", Value::Null) } else { after.clone() };
    let mut stages = Vec::new();
    if touched("sku")
        && touched("optimizedAutoscale")
        && after.get("optimizedAutoscale").is_some_and(|v| !v.is_unset())
    {
        let mut first = all_but_zones.clone().with("optimizedAutoscale", Value::Null);
        let capacity = int(before, ["sku", "capacity"]);
        if let (Some((min, max)), Some(capacity), Some(Value::Map(sku))) =
            (bounds(after), capacity, after.get("sku"))
        {
            first.set("sku", sku.clone().with("capacity", capacity.clamp(min, max)));
        }
        stages.push(first);
    }
    if zones_alone {
        stages.push(all_but_zones);
    }
    stages
}

/// A body whose identity lists user-assigned ones only where its type says that there are some.
pub fn with_fitting_identity(body: Body) -> Body {
    let Some(Value::Map(identity)) = body.get("identity") else { return body };
    let listed = identity.text("type").is_none_or(|kind| kind.contains("UserAssigned"));
    let identity = identity.clone();
    if listed { body } else { body.with("identity", identity.without("userAssignedIdentities")) }
}

fn settle(live: Option<&Resource>, wanted: &Body) -> Body {
    let wanted = wire::defaulted(FIELDS, DEFAULTS, wanted);
    let after = shape::overlay(FIELDS, live.map_or(&Body::new(), |live| &live.body), &wanted);
    let mut after = with_fitting_identity(after);
    if let Some(Value::Map(sku)) = wanted.get("sku") {
        let by_itself = place::workspace(&wanted).is_none();
        let name = sku.text("name").filter(|_| by_itself && sku.get("tier").is_none());
        if let (Some(name), Some(Value::Map(sku))) = (name, after.get("sku")) {
            let tier = if fields::is_dev(name) { "Basic" } else { "Standard" };
            let sku = sku.clone().with("tier", tier);
            after.set("sku", sku);
        }
    }
    if let Some(Value::Map(autoscale)) = after.get("optimizedAutoscale")
        && autoscale.get("version").is_none()
    {
        let autoscale = Body::new().with("version", 1).into_iter().chain(autoscale.clone()).collect::<Body>();
        after.set("optimizedAutoscale", autoscale);
    }
    let dev = after.at(&["sku", "name"]).and_then(Value::as_text).is_some_and(fields::is_dev);
    if dev && wanted.get("optimizedAutoscale").is_none() {
        after.remove("optimizedAutoscale");
    }
    if live.is_some() && is_autoscaled(&after) {
        without_capacity(&mut after);
    }
    if let Some(Value::Map(identity)) = after.get("identity")
        && identity.text("type").is_some_and(|kind| !kind.contains("UserAssigned"))
    {
        let mut identity = identity.clone();
        identity.remove("userAssignedIdentities");
        after.set("identity", identity);
    }
    state::settle(live.map(|live| &live.body), &mut after);
    after
}
