//! Data connections: what feeds a database, one file per kind.
//!
//! A kind here is a [`Connection`]: its fields, which of them make a new connection, and its own rules. What they
//! share stands in this file.
//!
//! Invariant: every write carries the full set of properties, because the service clears what a PATCH does not
//! name (test: `every_pair_converges_and_comes_back`).

mod cosmos_db;
mod event_grid;
mod event_grid_by_identity;
mod event_hub;
mod event_hub_by_identity;
mod iot_hub;
mod rules;
mod source;
#[cfg(test)]
mod tests;

pub use cosmos_db::COSMOS_DB;
pub use event_grid::EVENT_GRID;
pub use event_grid_by_identity::EVENT_GRID_BY_IDENTITY;
pub use event_hub::EVENT_HUB;
pub use event_hub_by_identity::EVENT_HUB_BY_IDENTITY;
pub use iot_hub::IOT_HUB;

use super::arm::place;
use super::arm::wire::{self, Defaults};
use super::question::{Question, Seen};
use super::replies::Reply;
use super::shape::{self, Field, NameRule, Role, Shape};
use super::{About, At, Claim, DELETED_AT, Finding, Found, Kind, Need, Plane, Source, Undo};
use crate::model::body::{Body, Expr, Piece, Value};
use crate::model::change::{Action, Change, Loss, LossClass};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{ArmRequest, Method, Request};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] =
    &[&EVENT_HUB, &EVENT_GRID, &IOT_HUB, &COSMOS_DB, &EVENT_HUB_BY_IDENTITY, &EVENT_GRID_BY_IDENTITY];

/// A kind of data connection.
#[derive(Debug)]
pub struct Connection {
    about: &'static About,
    /// The service's word in the property `kind`.
    tag: &'static str,
    defaults: Defaults,
    /// The properties whose change makes a new connection.
    replaced_by: &'static [&'static str],
    /// Properties that go with others: when one of those changes and the spec does not give the property, it is
    /// not carried over.
    follow: &'static [(&'static str, &'static [&'static str])],
    /// The property that names the hub, which only one connection may read with a consumer group.
    hub: Option<&'static str>,
    /// What does not arrive while there is no connection, as a clause.
    gap: &'static str,
    /// The properties that it does not have in a pool of Synapse; `None` when pools have no such connections.
    strange_in_pools: Option<&'static [&'static str]>,
    /// The kind's own mistakes, offline.
    rules: fn(&At<'_>) -> Vec<Finding>,
    /// See [`Kind::prerequisites`].
    prerequisites: fn(&At<'_>) -> Vec<Question>,
    /// See [`Kind::check_live`].
    check_live: fn(&At<'_>, Seen<'_>) -> Vec<Finding>,
}

/// What the kinds have in common.
const BASE: About = About {
    collection: "dataConnections",
    parents: &["database"],
    names: NameRule::Arm(40),
    names_ignore_case: true,
    plane: Plane::Arm,
    outputs: &[
        ("id", "The resource id."),
        ("managedIdentityObjectId", "The object id of the identity that reads the source."),
        ("provisioningState", "How its last operation ended."),
    ],
    ..About::BASE
};

const LOCATION: Field =
    Field::new("location", Shape::Location, "The region: that of the cluster, also when left out.")
        .role(Role::Immutable);

const CONSUMER_GROUP: Field = Field::new(
    "consumerGroup",
    Shape::Text,
    "The hub's consumer group, such as `$Default`; no other connection may read the hub with it. A change makes a new \
     connection.",
)
.required();

const TABLE_NAME: Field = Field::new(
    "tableName",
    Shape::Name(NameRule::Entity),
    "The table to ingest into, which is made first when the spec declares it. Without one, events say it themselves. \
     Default: none.",
);

const MAPPING_RULE_NAME: Field = Field::new(
    "mappingRuleName",
    Shape::Name(NameRule::Label),
    "The ingestion mapping of that table, of the kind that goes with `dataFormat`. Default: none.",
);

const DATA_FORMAT: Field = Field::new(
    "dataFormat",
    Shape::Enum(&[
        "MULTIJSON",
        "JSON",
        "CSV",
        "TSV",
        "SCSV",
        "SOHSV",
        "PSV",
        "TXT",
        "RAW",
        "SINGLEJSON",
        "AVRO",
        "TSVE",
        "PARQUET",
        "ORC",
        "APACHEAVRO",
        "W3CLOGFILE",
        "AZMONSTREAM",
    ]),
    "The format of the data, in any case. Default: none; events may say it, and JSON is read as `MULTIJSON`.",
);

const DATABASE_ROUTING: Field = Field::new(
    "databaseRouting",
    Shape::Enum(&["Single", "Multi"]),
    "Whether events may name another database of the cluster. A change makes a new connection. Default: `Single`.",
);

const MANAGED_IDENTITY: Field = Field::new(
    "managedIdentityResourceId",
    Shape::ArmId(""),
    "The identity that reads the source: the cluster's own resource id for its system-assigned identity (as \
     `${clusters.NAME.id}`), or the id of one of its user-assigned identities. Without one the service keeps keys, \
     and stops when they are renewed. Default: none.",
);

const EVENT_SYSTEM_PROPERTIES: Field = Field::new(
    "eventSystemProperties",
    Shape::Set(&Shape::Text),
    "Names of the events' system properties to ingest as columns, such as `x-opt-enqueued-time`. Default: none.",
);

const RETRIEVAL_START_DATE: Field = Field::new(
    "retrievalStartDate",
    Shape::DateTime,
    "From when on to read, as far as the source still keeps it: `2026-01-31T08:00:00Z`. When left out, a new \
     connection reads from its creation on, and one that replaces another from that one's deletion on; what the \
     service keeps is then not compared.",
)
.role(Role::Start);

/// The word of the kind in a spec and on the wire.
const fn kind(tag: &'static [&'static str]) -> Field {
    Field::new("kind", Shape::Enum(tag), "What the connection reads from; fixed at creation.")
        .role(Role::Immutable)
        .required()
}

impl Kind for Connection {
    fn about(&self) -> &'static About {
        self.about
    }

    fn source(&self) -> Source {
        Source::ArmList { segment: "dataConnections", api_version: self.api_version() }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let tag = json.get("kind").and_then(Json::as_str).unwrap_or_default();
        if !tag.eq_ignore_ascii_case(self.tag) {
            return Ok(Vec::new());
        }
        let mut found = wire::read("dataConnections", self.about.fields, self.defaults, json)?;
        if place::is_of_pool(json) {
            found.body = self.as_in_pools(found.body);
        }
        Ok(vec![found])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        match (&change.before, &change.after) {
            (_, None) => match wire::delete(at)? {
                Request::Arm(arm) => {
                    let api_version = place::api_version(at, self.api_version()).to_owned();
                    Ok(Request::Arm(ArmRequest { api_version, ..arm }))
                }
                other => Ok(other),
            },
            (None, Some(after)) => self.put(at, after),
            (Some(before), Some(after)) if self.is_new(before, after) => {
                self.put(at, &self.resuming(at, after, after))
            }
            (Some(before), Some(after)) => self.patch(at, before, after),
        }
    }

    fn stands_in(&self, place: &BTreeMap<String, String>) -> bool {
        self.strange_in_pools.is_some() || !place.contains_key(place::SYNAPSE_WORKSPACE.name)
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        let surroundings = &at.resource.body;
        let what = match (&change.before, &change.after) {
            // The first half of a replacement stands in the world as it will be.
            (Some(before), None) if self.is_new(before, surroundings) => {
                self.gap_of_replacement(at, surroundings)
            }
            (Some(_), None) => format!("from then on {}", self.gap),
            (Some(before), Some(after)) if self.is_new(before, after) => self.gap_of_replacement(at, after),
            _ => return Loss::none(),
        };
        Loss::new(LossClass::IngestionGap, what)
    }

    fn replaces(&self, change: &Change) -> bool {
        let ends = change.before.as_ref().zip(change.after.as_ref());
        ends.is_some_and(|(before, after)| self.is_new(before, after))
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let wanted = wire::defaulted(self.about.fields, self.defaults, wanted);
        let Some(live) = live else { return shape::overlay(self.about.fields, &Body::new(), &wanted) };
        let after = shape::overlay(self.about.fields, &live.body, &wanted);
        let moved: Vec<&str> = shape::differing(self.about.fields, &live.body, &after)
            .into_iter()
            .filter(|f| f.name != DATA_FORMAT.name || !rules::same_family(&live.body, &after))
            .map(|f| f.name)
            .collect();
        let silent = |name: &str| wanted.get(name).is_none();
        let left = self.follow.iter().filter(|(_, leaders)| leaders.iter().any(|name| moved.contains(name)));
        left.filter(|(name, _)| silent(name)).fold(after, |after, (name, _)| after.without(name))
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let request = match (&change.before, &change.after) {
            (Some(before), None) => self.put(at, &self.resuming(at, before, &Body::new())),
            _ => self.request(at, &change.invert()),
        };
        request.map_or_else(Undo::Never, |request| Undo::By(vec![request]))
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        rules::needs(at)
    }

    fn claims(&self, at: &At<'_>) -> Vec<Claim> {
        self.hub.and_then(|hub| rules::claim(&at.resource.body, hub)).into_iter().collect()
    }

    fn seconds(&self, change: &Change) -> u32 {
        match change.action() {
            Action::Create => 28,
            Action::Update => 4,
            Action::Delete => 3,
        }
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        if let Some(objection) = wire::needs_control_plane(at) {
            return vec![objection];
        }
        if at.resource.mode != Mode::Managed {
            return Vec::new();
        }
        let mut found = Vec::new();
        if self.strange_in_pools.is_none() {
            found.extend(place::not_in_pool(at));
        }
        found.extend(place::strange_in_pool(at, self.strange_in_pools.unwrap_or_default()));
        found.extend(rules::shared(at));
        found.extend((self.rules)(at));
        found
    }

    fn validation(&self, at: &At<'_>) -> Option<Request> {
        let (address, database) = at.parent()?;
        let database =
            wire::resource_id(&At { address: &address, resource: database, world: at.world }).ok()?;
        let connection = self.whole(at, &at.resource.body).ok()?;
        let body = Body::new().with("dataConnectionName", at.name()).with("properties", connection);
        let path = format!("{database}/dataConnectionValidation");
        let version = wire::api_version(&Value::Map(body.clone()));
        Some(Request::arm(Method::Post, path, place::api_version(at, version), body.into()))
    }

    fn prerequisites(&self, at: &At<'_>, _change: &Change) -> Vec<Question> {
        let mut all = source::questions(at);
        all.extend((self.prerequisites)(at));
        all
    }

    fn check_live(&self, at: &At<'_>, _change: &Change, seen: Seen<'_>) -> Vec<Finding> {
        let mut found = source::findings(at, seen);
        found.extend((self.check_live)(at, seen));
        found
    }

    fn notes(&self, _at: &At<'_>, change: &Change) -> Vec<String> {
        let created = change.action() == Action::Create;
        let keys = change.after.as_ref().filter(|after| {
            let identity = after.get(MANAGED_IDENTITY.name).is_none_or(Value::is_unset);
            created && identity && shape::field(self.about.fields, MANAGED_IDENTITY.name).is_some()
        });
        let note = "without `managedIdentityResourceId` the service keeps the source's keys, and stops when they are renewed";
        keys.map(|_| note.to_owned()).into_iter().collect()
    }
}

impl Connection {
    /// The oldest `api-version` that knows connections of this kind.
    fn api_version(&self) -> &'static str {
        wire::api_version(&Value::from(self.tag))
    }

    /// Whether the ends of a change are two connections rather than one that is altered.
    fn is_new(&self, before: &Body, after: &Body) -> bool {
        let differing = shape::differing(self.about.fields, before, after);
        differing.iter().any(|f| self.replaced_by.contains(&f.name))
    }

    /// The connection as it stands in a request, complete.
    fn whole(&self, at: &At<'_>, body: &Body) -> Result<Body, String> {
        let location = wire::location(at, body)?;
        let whole = wire::whole(self.about.fields, body);
        Ok(Body::new()
            .with("location", location)
            .with("kind", self.tag)
            .with("properties", whole.get("properties").cloned().unwrap_or(Value::Null)))
    }

    fn put(&self, at: &At<'_>, after: &Body) -> Result<Request, String> {
        wire::request(at, Method::Put, self.whole(at, after)?).map(Request::Arm)
    }

    /// A PATCH of everything that is set, and of what was and no longer is.
    fn patch(&self, at: &At<'_>, before: &Body, after: &Body) -> Result<Request, String> {
        let start = RETRIEVAL_START_DATE.name;
        let after = match (after.get(start), before.get(start)) {
            (None, Some(kept)) => after.clone().with(start, kept.clone()),
            _ => after.clone(),
        };
        let set = |body: &Body, f: &Field| body.get(f.name).is_some_and(|value| !value.is_unset());
        let fields: Vec<&Field> =
            self.about.fields.iter().filter(|f| set(before, f) || set(&after, f)).collect();
        let properties = wire::part(&fields, &after).get("properties").cloned().unwrap_or(Value::Null);
        let body = Body::new()
            .with("location", wire::location(at, &after)?)
            .with("kind", self.tag)
            .with("properties", properties);
        wire::request(at, Method::Patch, body).map(Request::Arm)
    }

    /// The connection that carries on where one stopped that the run deletes, unless `given` says from when on.
    fn resuming(&self, at: &At<'_>, body: &Body, given: &Body) -> Body {
        let start = RETRIEVAL_START_DATE.name;
        let resumes = shape::field(self.about.fields, start).is_some() && !place::is_pool(at);
        if !resumes || given.get(start).is_some_and(|value| !value.is_unset()) {
            return body.clone();
        }
        let moment = Piece::Of { address: at.address.clone(), path: vec![DELETED_AT.to_owned()] };
        body.clone().with(start, Value::Unknown(Expr(vec![moment].into())))
    }

    /// A connection without what it does not have in a pool.
    fn as_in_pools(&self, body: Body) -> Body {
        let strange = self.strange_in_pools.unwrap_or_default();
        body.into_iter().filter(|(name, _)| !strange.contains(&&**name)).collect()
    }

    fn gap_of_replacement(&self, at: &At<'_>, after: &Body) -> String {
        let start = RETRIEVAL_START_DATE.name;
        match after.get(start) {
            _ if place::is_pool(at) || shape::field(self.about.fields, start).is_none() => {
                format!("until the new connection stands, {}", self.gap)
            }
            Some(given) if !given.is_unset() => format!(
                "the new connection reads again from {} on, so what was ingested since then comes twice",
                shape::describe(given)
            ),
            _ => "the new connection reads on from the deletion of the old one, as far as the source still keeps it; \
                  around that moment something may be missing or come twice"
                .to_owned(),
        }
    }
}

/// A mapping is one of its table, and of the formats that it can read.
const MAPPING_OF_TABLE: (&str, &[&str]) = (MAPPING_RULE_NAME.name, &[TABLE_NAME.name, DATA_FORMAT.name]);

/// For kinds without prerequisites.
const fn no_prerequisites(_: &At<'_>) -> Vec<Question> {
    Vec::new()
}

/// For kinds without prerequisites.
fn nothing_live(_: &At<'_>, _: Seen<'_>) -> Vec<Finding> {
    Vec::new()
}
