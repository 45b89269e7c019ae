//! What stands around a cluster: the resources that data comes from, and what lets the cluster read them.
//!
//! A kind here is a [`Neighbour`]: its table of fields and a few facts. What they share stands in this file.
//!
//! Invariant: what the spec leaves out stays as it is, whether a change is a PATCH or a PUT (test:
//! `what_is_left_out_stays`).

mod attached_database_configuration;
mod blob_container;
mod consumer_group;
mod cosmos_role_assignment;
mod diagnostic_setting;
mod event_hub;
mod event_hub_namespace;
mod event_subscription;
mod iot_hub_consumer_group;
mod managed_private_endpoint;
mod private_endpoint_connection;
mod resource;
mod resource_group;
mod role_assignment;
mod roles;
mod storage_account;
mod system_topic;
#[cfg(test)]
mod tests;

pub use consumer_group::consumer_group;
pub use role_assignment::{granted, grants};
pub use roles::id as role_id;

use super::arm::cluster::{identity_on_wire, with_fitting_identity};
use super::arm::place;
use super::arm::wire::{self, Defaults};
use super::question::{Question, Seen};
use super::replies::Reply;
use super::roster::{self, Enrolled, Roster};
use super::shape::{self, Field, Role, Shape};
use super::{About, At, Claim, Finding, Found, Kind, Need, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::change::{Action, Change, Loss, LossClass};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{ArmRequest, Method, Request};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[
    &resource_group::ResourceGroup,
    &event_hub_namespace::EVENT_HUB_NAMESPACE,
    &event_hub::EVENT_HUB,
    &consumer_group::CONSUMER_GROUP,
    &storage_account::STORAGE_ACCOUNT,
    &blob_container::BLOB_CONTAINER,
    &system_topic::SYSTEM_TOPIC,
    &event_subscription::OF_TOPIC,
    &event_subscription::OF_ACCOUNT,
    &role_assignment::RoleAssignment,
    &resource::OtherResource,
    &attached_database_configuration::ATTACHED_DATABASE_CONFIGURATION,
    &managed_private_endpoint::MANAGED_PRIVATE_ENDPOINT,
    &private_endpoint_connection::PRIVATE_ENDPOINT_CONNECTION,
    &diagnostic_setting::DIAGNOSTIC_SETTING,
    &iot_hub_consumer_group::IOT_HUB_CONSUMER_GROUP,
    &cosmos_role_assignment::COSMOS_ROLE_ASSIGNMENT,
];

/// A kind of resource beside Microsoft.Kusto.
#[derive(Debug)]
pub struct Neighbour {
    pub(super) about: &'static About,
    pub(super) source: Source,
    pub(super) defaults: Defaults,
    /// Whether a change is a PATCH of what differs; else it is a PUT of everything.
    pub(super) patches: bool,
    /// For what stands in a resource that is named by its id: the property that names it; else `""`.
    pub(super) on: &'static str,
    /// The type of that resource, with its `api-version`, where it is always of one.
    pub(super) on_type: Option<(&'static str, &'static str)>,
    /// Whether its name is a GUID that follows from where it stands and from its key.
    pub(super) guid: bool,
    /// Whether it says its region, which is that of the cluster that it stands in.
    pub(super) located: bool,
    /// Whether the service does one such thing at a time on a cluster.
    pub(super) alone: bool,
    /// The properties whose change makes a new one.
    pub(super) replaced_by: &'static [&'static str],
    /// How many seconds a creation, a change and a deletion take.
    pub(super) seconds: [u32; 3],
    /// For a name that nobody else in Azure may have: the provider that tells whether it is free, and the type.
    pub(super) unique: Option<(&'static str, &'static str)>,
    /// What is lost with it, as a sentence; `""` for nothing.
    pub(super) lost: &'static str,
    /// What the service says, before it is read.
    pub(super) raw: fn(Json) -> Json,
    /// What is read, made complete where the service leaves defaults out.
    pub(super) read: fn(Body) -> Body,
    /// What stands after apply, corrected: the settled body and the wanted one.
    pub(super) settled: fn(Body, &Body) -> Body,
    /// What a request says, in the service's words.
    pub(super) written: fn(Body) -> Body,
    /// The same, with what follows from where it stands.
    pub(super) addressed: fn(&At<'_>, Body) -> Body,
    /// The kind's own mistakes, offline.
    pub(super) rules: fn(&At<'_>) -> Vec<Finding>,
    /// What it needs beyond its group.
    pub(super) needs: fn(&At<'_>) -> Vec<Need>,
    /// Why the service keeps it, by its name.
    pub(super) kept: fn(&str) -> Option<&'static str>,
    /// Whether clusters that are pools of Synapse have such things too.
    pub(super) in_pools: bool,
    /// The properties that it does not have in such a pool.
    pub(super) strange_in_pools: &'static [&'static str],
    /// See [`Kind::endpoint`].
    pub(super) endpoint: fn(&At<'_>) -> Result<String, String>,
}

/// What most kinds are.
pub(super) const BASE: Neighbour = Neighbour {
    about: &About::BASE,
    source: Source::Cluster,
    defaults: &[],
    patches: false,
    on: "",
    on_type: None,
    guid: false,
    located: false,
    alone: false,
    replaced_by: &[],
    seconds: [1, 1, 1],
    unique: None,
    lost: "",
    raw: |json| json,
    read: |body| body,
    settled: |body, _| body,
    written: |body| body,
    addressed: |_, body| body,
    rules: |_| Vec::new(),
    needs: |_| Vec::new(),
    kept: |_| None,
    in_pools: true,
    strange_in_pools: &[],
    endpoint: |at| Err(format!("{} has no interface of its own", at.address)),
};

/// What the kinds that stand in a resource group have in common.
pub(super) const ROOT: About =
    About { names_ignore_case: true, plane: Plane::Arm, may_exist: true, ..About::BASE };

/// The id, which every resource has.
pub(super) const ID: (&str, &str) = ("id", "The resource id; it is known before apply.");
/// The id of a system-assigned identity.
pub(super) const PRINCIPAL_ID: (&str, &str) =
    ("identity.principalId", "The object id of the system-assigned identity.");
/// The tenant of a system-assigned identity.
pub(super) const TENANT_ID: (&str, &str) =
    ("identity.tenantId", "The tenant of the system-assigned identity.");
/// How the last operation ended.
pub(super) const PROVISIONING_STATE: (&str, &str) = ("provisioningState", "How its last operation ended.");

impl Kind for Neighbour {
    fn about(&self) -> &'static About {
        self.about
    }

    fn source(&self) -> Source {
        self.source
    }

    fn stands_in(&self, place: &BTreeMap<String, String>) -> bool {
        self.in_pools || !place.contains_key(place::SYNAPSE_WORKSPACE.name)
    }

    fn endpoint(&self, at: &At<'_>) -> Result<String, String> {
        (self.endpoint)(at)
    }

    fn resource_id(&self, at: &At<'_>) -> Result<String, String> {
        if self.on.is_empty() {
            return place::resource_id(at);
        }
        let Source::ArmGet { provider, .. } = self.source else {
            return Err(format!("{} is read in no way by itself", at.address));
        };
        let on = at.resource.body.text(self.on).filter(|on| !on.is_empty());
        let on = on.ok_or_else(|| format!("the `{}` of {} is not known", self.on, at.address))?;
        let on = on.trim_end_matches('/');
        let name = if self.guid { guid_name(on, at.name()) } else { at.name().to_owned() };
        Ok(format!("{on}/{provider}/{name}"))
    }

    fn rosters(&self) -> Vec<Roster> {
        match self.source {
            Source::ArmGet { provider, api_version } if self.on_type.is_some() => {
                vec![Roster { segment: provider.to_owned(), api_version, within: self.on_type }]
            }
            source => Roster::of_type(source).into_iter().collect(),
        }
    }

    fn enrolled(&self, item: &Json, above: &str) -> Enrolled {
        let name = roster::name(item);
        if self.on.is_empty() {
            return roster::in_group(self.about, item);
        }
        // What comes with its container is nobody's to manage.
        if (self.kept)(name).is_some() {
            return Enrolled::Not;
        }
        roster::at(self.about, name, Body::new().with(self.on, above), Mode::Managed)
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let json = (self.raw)((*json).clone());
        let mut found = wire::read(self.about.collection, self.about.fields, self.defaults, &json)?;
        if !self.on.is_empty() {
            // What the service calls it may mean nothing to people: it is known by its key.
            found.path = Vec::new();
        }
        let body = shape::overlay(self.about.fields, &Body::new(), &(self.read)(found.body));
        let place = self.is_root().then(|| place::of_id(&found.attributes, self.about.fields));
        found.body = place.into_iter().flatten().chain(body).collect();
        Ok(vec![found])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let Some(after) = &change.after else { return self.arm(at, Method::Delete, Value::Null) };
        match &change.before {
            Some(before) if self.patches => {
                let fields = shape::differing(self.about.fields, before, after);
                let mut body = wire::part(&fields, after);
                identify(&mut body, after, Some(before));
                if body.get("properties").is_some_and(Value::is_unset) {
                    body.remove("properties");
                }
                self.arm(at, Method::Patch, (self.written)(body))
            }
            before => {
                let all = before.as_ref().map_or_else(
                    || after.clone(),
                    |before| (self.settled)(kept(self.about.fields, before, after), after),
                );
                let mut body = wire::whole(self.about.fields, &all);
                identify(&mut body, &all, before.as_ref());
                if self.is_root() {
                    body.set("location", place::location(at, &all)?);
                } else if self.located {
                    body.set("location", wire::location(at, &all)?);
                }
                self.arm(at, Method::Put, (self.addressed)(at, (self.written)(body)))
            }
        }
    }

    fn loss(&self, _at: &At<'_>, change: &Change) -> Loss {
        match change.action() {
            Action::Delete if !self.lost.is_empty() => Loss::new(LossClass::Irreversible, self.lost),
            _ => Loss::none(),
        }
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let fields = self.about.fields;
        let wanted = wire::defaulted(fields, self.defaults, wanted);
        let after = shape::overlay(fields, live.map_or(&Body::new(), |live| &live.body), &wanted);
        // In the order of the fields again.
        let after =
            shape::overlay(fields, &Body::new(), &(self.settled)(with_fitting_identity(after), &wanted));
        // What names the resource around it is no part of what stands in live, and is kept so that it is found again.
        let on = wanted.get(self.on).or_else(|| live?.body.get(self.on)).filter(|_| !self.on.is_empty());
        match on {
            Some(on) => Body::new().with(self.on, on.clone()).into_iter().chain(after).collect(),
            None => after,
        }
    }

    fn stays(&self, at: &At<'_>) -> Option<&'static str> {
        (self.kept)(at.name())
    }

    fn replaces(&self, change: &Change) -> bool {
        let ends = change.before.as_ref().zip(change.after.as_ref());
        ends.is_some_and(|(before, after)| {
            let differing = shape::differing(self.about.fields, before, after);
            differing.iter().any(|field| self.replaced_by.contains(&field.name))
        })
    }

    fn alone(&self) -> bool {
        self.alone
    }

    fn seconds(&self, change: &Change) -> u32 {
        let [create, update, delete] = self.seconds;
        match change.action() {
            Action::Create => create,
            Action::Update => update,
            Action::Delete => delete,
        }
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let mut needs = (self.needs)(at);
        needs.extend(place::group(at));
        needs
    }

    fn claims(&self, at: &At<'_>) -> Vec<Claim> {
        let claim = |(provider, _): (&str, &str)| Claim {
            key: format!("{provider} {}", at.name().to_ascii_lowercase()),
            what: format!("the name {}", at.name()),
            field: Vec::new(),
        };
        self.unique.map(claim).into_iter().collect()
    }

    fn prerequisites(&self, at: &At<'_>, change: &Change) -> Vec<Question> {
        self.name_question(at, change).into_iter().collect()
    }

    fn check_live(&self, at: &At<'_>, change: &Change, seen: Seen<'_>) -> Vec<Finding> {
        let taken = self.name_question(at, change).and_then(|question| seen(&question).taken());
        let finding = |why: String| {
            let message = format!("the name {} is not free in Azure: {why}", at.name());
            Finding::new(&[], message, "choose another name: nobody else may have it")
        };
        taken.map(finding).into_iter().collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        if at.ancestor("cluster").is_some() {
            found.extend(wire::needs_control_plane(at));
        }
        if self.is_root() {
            found = place::check(at, &[place::SUBSCRIPTION_ID.name, place::RESOURCE_GROUP.name]);
        }
        if !self.on.is_empty() && at.resource.body.get(self.on).is_some_and(Value::has_unknown) {
            let message =
                format!("`{}` must be known before anything is read, and this is known after apply", self.on);
            found.push(Finding::new(&[self.on], message, "refer to an `id`, or write it out"));
        }
        if at.resource.mode != Mode::Managed {
            return found;
        }
        if self.is_root() {
            found.extend(place::check(at, &[place::LOCATION.name]));
        }
        if !self.in_pools {
            found.extend(place::not_in_pool(at));
        }
        found.extend(place::strange_in_pool(at, self.strange_in_pools));
        found.extend((self.rules)(at));
        found
    }
}

impl Neighbour {
    /// Whether the name is free, for what is to be created.
    fn name_question(&self, at: &At<'_>, change: &Change) -> Option<Question> {
        let (provider, of) = self.unique.filter(|_| change.before.is_none())?;
        let Source::ArmGet { api_version, .. } = self.source else { return None };
        let subscription = place::subscription(at).ok()?;
        let path = format!("{subscription}/providers/{provider}/checkNameAvailability");
        Some(Question::name(path, api_version, at.name(), of))
    }

    const fn is_root(&self) -> bool {
        self.about.parents.is_empty() && self.on.is_empty()
    }

    fn arm(&self, at: &At<'_>, method: Method, body: impl Into<Value>) -> Result<Request, String> {
        let api_version = match self.source {
            Source::ArmGet { api_version, .. } | Source::ArmList { api_version, .. } => api_version,
            _ => "",
        };
        Ok(Request::Arm(ArmRequest {
            method,
            path: self.resource_id(at)?,
            api_version: place::api_version(at, api_version).to_owned(),
            body: body.into(),
            if_match: None,
            create_only: false,
        }))
    }
}

/// The GUID that stands for a key in a place: a name that is a GUID stands for itself.
fn guid_name(place: &str, key: &str) -> String {
    let of = format!("{}|{key}", place.to_ascii_lowercase());
    let made = || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, of.as_bytes());
    uuid::Uuid::try_parse(key).unwrap_or_else(|_| made()).to_string()
}

/// Everything that is wanted, and what the service chose by itself where nothing is wanted instead.
fn kept(fields: &[Field], before: &Body, after: &Body) -> Body {
    let mut all = after.clone();
    for field in fields {
        match (before.get(field.name), all.get(field.name), &field.shape) {
            (Some(old), None, _) if field.role == Role::Filled => all.set(field.name, old.clone()),
            (Some(Value::Map(old)), Some(Value::Map(new)), Shape::Object { fields, .. }) => {
                let merged = kept(fields, old, new);
                all.set(field.name, merged);
            }
            _ => {}
        }
    }
    all
}

/// Writes the identity with its user-assigned ones as keys.
fn identify(body: &mut Body, after: &Body, before: Option<&Body>) {
    if body.get("identity").is_none() {
        return;
    }
    let empty = Body::new();
    let of = |body: &Body| body.get("identity").and_then(Value::as_map).unwrap_or(&empty).clone();
    body.set("identity", identity_on_wire(&of(after), before.map(of).as_ref()));
}

/// A body without one of two properties that exclude each other, where the other is there instead.
fn without(body: Body, name: &str, given: &Body, instead: &str) -> Body {
    let there = |body: &Body, name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let chosen = there(given, instead) && !there(given, name);
    let left = there(&body, instead) && !there(&body, name);
    if chosen || left { body.without(name) } else { body }
}

/// The field in the role of one that only a creation can set.
pub(super) const fn fixed(field: Field) -> Field {
    field.role(Role::Immutable)
}
