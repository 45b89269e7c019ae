//! Policies, one file each; the scope is a parameter.
//!
//! An explicit policy differs from an absent one: `null` in the spec unsets it, `{}` sets every default, and what
//! a given policy leaves out stays as it is (test: `tests/states/`). Where the service itself does not tell a
//! body from absence, that body is absence ([`Kind::is_absence`]).
//!
//! <https://learn.microsoft.com/kusto/management/policies>

mod auto_delete;
mod caching;
mod callout;
mod capacity;
mod encoding;
mod extent_tags_retention;
mod ingestion_batching;
mod ingestion_time;
pub(super) mod json;
mod managed_identity;
mod merge;
mod mirroring;
mod partitioning;
mod query_acceleration;
mod query_weak_consistency;
mod raw;
mod request_classification;
mod restricted_view_access;
mod retention;
mod row_level_security;
mod row_order;
mod sandbox;
mod scope;
mod sharding;
mod streaming_ingestion;
mod update;

use super::entity::in_database;
use super::replies::{DatabaseReplies, Reply, Row, Rows};
use super::script::{self, Says, Statement};
use super::shape::{self, Field, NameRule};
use super::{About, At, Finding, Found, Keyed, Kind, Need, Plane, Source, Undo};
use crate::model::body::Body;
use crate::model::change::{Change, Loss, LossClass};
use crate::model::command::Command;
use crate::model::inventory::Inventory;
use crate::model::request::Request;
use crate::model::{Address, Resource, Value};
use json::Numbered;
use scope::Scope;
use serde_json::Value as Json;
use std::collections::BTreeMap;

pub use retention::drop_loss;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[
    &auto_delete::POLICY,
    &caching::POLICY,
    &callout::POLICY,
    &capacity::POLICY,
    &encoding::Encoding,
    &extent_tags_retention::POLICY,
    &ingestion_batching::POLICY,
    &ingestion_time::POLICY,
    &managed_identity::POLICY,
    &merge::POLICY,
    &mirroring::POLICY,
    &partitioning::POLICY,
    &query_acceleration::POLICY,
    &query_weak_consistency::POLICY,
    &raw::Raw,
    &request_classification::POLICY,
    &restricted_view_access::POLICY,
    &retention::POLICY,
    &row_level_security::POLICY,
    &row_order::POLICY,
    &sandbox::POLICY,
    &sharding::POLICY,
    &streaming_ingestion::POLICY,
    &update::POLICY,
];

/// What every policy is; a policy's own description says the rest.
const BASE: About = About {
    collection: "policies",
    names: NameRule::Label,
    plane: Plane::Kusto,
    may_be_unset: true,
    ..About::BASE
};

/// What the policies' files fill in, over [`Policy::of`].
struct Policy {
    about: &'static About,
    /// The policy's word in commands.
    word: &'static str,
    /// Every default, for `{}` and for what a new policy leaves out.
    defaults: fn() -> Body,
    /// Adds to what is wanted what it implies, before it is laid over live.
    imply: fn(Body) -> Body,
    /// Brings a whole policy to the one form in which it is compared and written.
    complete: fn(Body) -> Body,
    /// Enums that the service gives as numbers.
    numbered: Numbered,
    /// Reads the policy's JSON.
    from_json: fn(&Policy, &Json) -> Result<Body, String>,
    /// Reads a schema-script argument that is not a JSON text.
    from_words: fn(&str) -> Result<Body, String>,
    /// Adds the argument to a command.
    write: fn(Command, &Body) -> Command,
    /// The verb that sets it.
    verb: &'static str,
    /// In a scope, the verb of the command for absence, and what stands behind the policy's word there.
    unset: fn(&Scope) -> (&'static str, &'static str),
    /// Whether the verb keeps what is not named, so that only what differs is written.
    keeps: bool,
    /// Why no command deletes it, if none does.
    stays: Option<&'static str>,
    /// Whether a body in a scope is the same to the service as absence.
    is_absence: fn(&Policy, &Scope, &Body) -> bool,
    /// The commands that read it from a cluster.
    shows: &'static [&'static str],
    /// The commands that read it from a database, where the schema script is not known to give it.
    database_shows: &'static [&'static str],
    /// What setting, changing or unsetting it may cost in data.
    loss: fn(&At<'_>, &Change) -> Loss,
    /// Whether a loss for good still lies ahead, so that the step can be taken back.
    can_be_undone: bool,
    /// What must be sent before a change is taken back.
    before_undo: Option<fn(&At<'_>, &Change) -> Vec<Request>>,
    /// The names it uses.
    needs: fn(&At<'_>) -> Vec<Need>,
    /// What, as it stands in live, forbids it.
    waits: fn(&At<'_>, &Inventory) -> Vec<Address>,
    /// Mistakes that the shapes do not show.
    check: fn(&At<'_>) -> Vec<Finding>,
}

impl Policy {
    /// A policy that is a JSON object of its fields and costs, needs and forbids nothing.
    const fn of(about: &'static About, word: &'static str) -> Self {
        Self {
            about,
            word,
            defaults: Body::new,
            imply: |body| body,
            complete: |body| body,
            numbered: &[],
            from_json: |policy, json| json::read(policy.about.fields, policy.numbered, json),
            from_words: |_| Err("its argument is not a JSON text".to_owned()),
            write: |command, body| command.json_of(&json::written(body)),
            verb: ".alter",
            unset: |_| (".delete", ""),
            keeps: false,
            stays: None,
            is_absence: |_, _, _| false,
            shows: &[],
            database_shows: &[],
            loss: |_, _| Loss::none(),
            can_be_undone: false,
            before_undo: None,
            needs: |_| Vec::new(),
            waits: |_, _| Vec::new(),
            check: |_| Vec::new(),
        }
    }

    const fn key(&self) -> &'static str {
        if let Keyed::Fixed(key) = self.about.keyed { key } else { self.word }
    }

    /// On a database, which a new one has set already, the defaults and no policy are the same.
    fn is_default_of_database(&self, scope: &Scope, body: &Body) -> bool {
        scope.kind == "database" && shape::same_bodies(self.about.fields, body, &(self.defaults)())
    }

    /// Whether the policy may stand in this scope and goes by this word.
    fn is(&self, scope: &Scope, word: &str) -> bool {
        word == self.word && self.about.parents.contains(&scope.kind)
    }

    /// The policy that a text of the service means; `null` is none, and so is what equals absence.
    fn read(&self, scope: &Scope, argument: &str, is_script: bool) -> Result<Option<Body>, String> {
        let json = match is_script {
            true if is_null(argument) => None,
            true => script::json_argument(argument),
            false => serde_json::from_str(argument).ok(),
        };
        let body = match json {
            Some(Json::Null) => return Ok(None),
            Some(json) => (self.from_json)(self, &json)?,
            None if is_null(argument) => return Ok(None),
            None => (self.from_words)(argument)?,
        };
        let body = (self.complete)(body);
        Ok((!(self.is_absence)(self, scope, &body)).then_some(body))
    }

    fn in_database(&self, replies: &DatabaseReplies) -> Result<Vec<Found>, String> {
        let rows: Vec<&Rows> =
            self.database_shows.iter().filter_map(|show| replies.shows.get(*show)).collect();
        if !rows.is_empty() {
            return self.in_rows(&replies.name, rows.into_iter().flat_map(Rows::iter));
        }
        let mut found = Vec::new();
        // Most policies of a kind are alike: one that was read is not read again, and not kept twice.
        let mut known: BTreeMap<(&str, &str), Option<Body>> = BTreeMap::new();
        for statement in &replies.script {
            let Says::Policy { scope, entities, policy, argument } = &statement.says else { continue };
            let words = scope.as_str();
            let Some(scope) = Scope::of_words(scope).filter(|scope| self.is(scope, policy)) else { continue };
            let body = match known.get(&(words, argument.as_str())) {
                Some(body) => body.clone(),
                None => {
                    let body = self.read(scope, argument, true);
                    let body = body.map_err(|why| format!("{why}, in `{}`", statement.text))?;
                    known.entry((words, argument)).or_insert(body).clone()
                }
            };
            let Some(body) = body else { continue };
            for entity in entities {
                let entity = entity.last().map(String::as_str).unwrap_or_default();
                let path = scope.path(entity, self.key());
                found.push(Found { path, body: body.clone(), ..Found::default() });
            }
        }
        Ok(found)
    }

    /// The policies in the rows of a command that reads them of all entities: `[database].[entity]`.
    fn in_rows<'a>(&self, database: &str, rows: impl Iterator<Item = Row<'a>>) -> Result<Vec<Found>, String> {
        let prefix = format!("[{database}].[");
        let mut found = Vec::new();
        for row in rows {
            let name = row.text("EntityName");
            let entity = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
            for scope in self.about.parents.iter().filter_map(|parent| Scope::of_kind(parent)) {
                if let Some(body) = self.read(scope, row.text("Policy"), false)? {
                    found.push(Found { path: scope.path(entity, self.key()), body, ..Found::default() });
                }
            }
        }
        Ok(found)
    }
}

fn is_null(argument: &str) -> bool {
    matches!(argument.trim_matches(['"', '\'', '`', ' ']), "" | "null")
}

/// Whether some policy reads what a statement of a schema script says, be it that nothing is set.
pub fn reads(statement: &Statement) -> bool {
    let Says::Policy { scope, policy, .. } = &statement.says else { return false };
    raw::reads(statement)
        || encoding::reads(statement)
        || Scope::of_words(scope).is_some_and(|scope| is_claimed(scope, policy))
}

/// Whether a kind of its own stands for the policy of this word in a scope.
fn is_claimed(scope: &Scope, word: &str) -> bool {
    let plain = |word: &str| word.replace('_', "").to_lowercase();
    let word = plain(word);
    super::within(Some(scope.kind)).any(|kind| {
        let about = kind.about();
        about.collection == BASE.collection && matches!(about.keyed, Keyed::Fixed(key) if plain(key) == word)
    })
}

/// The properties of `after` that are others than before.
fn changed(fields: &'static [Field], before: &Body, after: &Body) -> Body {
    let differs = shape::differing(fields, before, after).into_iter();
    differs.filter_map(|f| Some((f.name.into(), after.get(f.name)?.clone()))).collect()
}

/// A flag of a body, once the body is there.
fn flag(body: Option<&Body>, name: &str) -> bool {
    body.and_then(|body| body.get(name)).and_then(Value::as_bool).unwrap_or_default()
}

/// Reads `true`, `True` and the like into the one flag of a policy.
fn switched(words: &str) -> Result<Body, String> {
    match words.to_ascii_lowercase().as_str() {
        "true" => Ok(Body::new().with("isEnabled", true)),
        "false" => Ok(Body::new().with("isEnabled", false)),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

/// Columns that the declared table above does not have.
fn absent_columns<'a>(at: &At<'_>, field: &str, columns: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    let owner = at.parent().map(|(_, owner)| &owner.body);
    let known = owner.filter(|owner| owner.text("undeclaredColumns") != Some("keep"));
    let Some(Value::Map(known)) = known.and_then(|owner| owner.get("columns")) else { return Vec::new() };
    let finding = |column: &str| {
        let mut finding = Finding::new(&[field], format!("the table has no column {column:?}"), "");
        finding.candidates = known.names().map(str::to_owned).collect();
        finding
    };
    columns.filter(|column| known.get(column).is_none()).map(finding).collect()
}

/// The policy beside another, or of another thing, in what surrounds both.
fn of<'a>(world: &'a Inventory, owner: &Address, key: &str) -> Option<(Address, &'a Resource)> {
    let address = owner.child("policies", key);
    let found = world.get(&address).filter(|found| found.mode == crate::model::Mode::Managed)?;
    Some((address, found))
}

impl Kind for Policy {
    fn about(&self) -> &'static About {
        self.about
    }

    fn source(&self) -> Source {
        Source::Database { shows: self.database_shows }
    }

    fn cluster_shows(&self) -> &'static [&'static str] {
        self.shows
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Cluster(replies) = reply else { return self.in_database(super::entity::database(reply)?) };
        let Some(scope) = Scope::of_kind("cluster") else { return Ok(Vec::new()) };
        let rows = self.shows.iter().filter_map(|show| replies.get(*show)).flat_map(|rows| rows.iter());
        let mut found = Vec::new();
        for row in rows.filter(|row| matches!(row.text("EntityType"), "Cluster" | "")) {
            if let Some(body) = self.read(scope, row.text("Policy"), false)? {
                found.push(Found { path: scope.path("", self.key()), body, ..Found::default() });
            }
        }
        Ok(found)
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let defaults = (self.defaults)();
        // What is never unset has no defaults to be set: there nothing given is nothing managed.
        let is_reset = wanted.is_empty() && self.stays.is_none();
        let below = if is_reset { &defaults } else { live.unwrap_or(&defaults) };
        let wanted = if wanted.is_empty() { defaults.clone() } else { (self.imply)(wanted.clone()) };
        (self.complete)(shape::overlay(self.about.fields, below, &wanted))
    }

    fn stays(&self, _at: &At<'_>) -> Option<&'static str> {
        self.stays
    }

    fn is_absence(&self, at: &At<'_>, body: &Body) -> bool {
        Scope::of(at).is_ok_and(|scope| (self.is_absence)(self, scope, body))
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (scope, (_, parent)) = (Scope::of(at)?, at.parent().ok_or("it stands in nothing")?);
        let named = |verb| scope.named(Command::new(verb), &parent.name).word("policy").word(self.word);
        let defaults = (self.defaults)();
        let command = match (&change.before, &change.after) {
            (Some(before), Some(after)) if self.keeps => {
                (self.write)(named(self.verb), &changed(self.about.fields, before, after))
            }
            (_, Some(after)) => (self.write)(named(self.verb), after),
            // Where the defaults are the same as nothing they are what stood there when it was new.
            (_, None)
                if matches!(scope.kind, "database" | "cluster")
                    && (self.is_absence)(self, scope, &defaults) =>
            {
                (self.write)(named(self.verb), &defaults)
            }
            (_, None) => match (self.unset)(scope) {
                (verb, "") => named(verb),
                (verb, words) => named(verb).word(words),
            },
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        (self.loss)(at, change)
    }

    fn undo_begins_above(&self) -> bool {
        self.before_undo.is_some()
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let loss = self.loss(at, change);
        if loss.class == LossClass::Irreversible && !self.can_be_undone {
            return Undo::Never(loss.what);
        }
        let first = self.before_undo.map_or_else(Vec::new, |before| before(at, change));
        let back = self.request(at, &change.invert());
        back.map_or_else(Undo::Never, |request| Undo::By(first.into_iter().chain([request]).collect()))
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        (self.needs)(at)
    }

    fn waits(&self, at: &At<'_>, live: &Inventory) -> Vec<Address> {
        (self.waits)(at, live)
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        (self.check)(at)
    }
}
