//! Policies, one file each; the scope is a parameter.
//!
//! An explicit policy differs from an absent one: `null` in the spec unsets it, `{}` sets every default, and what
//! a given policy leaves out stays as it is (test: `tests/states/`).
//!
//! <https://learn.microsoft.com/kusto/management/policies>

mod caching;
mod ingestion_batching;
mod retention;
mod streaming_ingestion;
mod update;

use super::entity::in_database;
use super::replies::Reply;
use super::script::{self, Says};
use super::shape::{self, Field, NameRule};
use super::{About, At, Found, Keyed, Kind, Need, Plane, Source};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss};
use crate::model::command::Command;
use crate::model::request::Request;
use serde_json::Value as Json;

pub use retention::drop_loss;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[
    &caching::POLICY,
    &ingestion_batching::POLICY,
    &retention::POLICY,
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

/// What the policies' files fill in.
struct Policy {
    about: &'static About,
    /// The policy's word in commands.
    word: &'static str,
    /// Every default, for `{}` and for what a new policy leaves out.
    defaults: fn() -> Body,
    /// Fills in what a given body implies.
    complete: fn(Body) -> Body,
    /// Reads the argument of a schema-script statement.
    read: fn(&str) -> Result<Body, String>,
    /// Adds the argument to a command.
    write: fn(Command, &Body) -> Command,
    /// What setting, changing or unsetting it may cost in data.
    loss: fn(&At<'_>, &Change) -> Loss,
    /// The names it uses.
    needs: fn(&At<'_>) -> Vec<Need>,
}

impl Policy {
    const fn key(&self) -> &'static str {
        if let Keyed::Fixed(key) = self.about.keyed { key } else { self.word }
    }
}

/// Reads a JSON object in Pascal case into a body with these fields; unknown members are left out.
fn from_pascal(fields: &[Field], json: &Json) -> Result<Body, String> {
    let members = json.as_object().ok_or_else(|| format!("a JSON object was expected, found {json}"))?;
    let raw: Body = fields
        .iter()
        .filter_map(|f| {
            let (_, value) = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(f.name))?;
            (!value.is_null()).then(|| (f.name.into(), Value::from_json(value)))
        })
        .collect();
    shape::canonical_body(fields, &raw)
}

/// Reads an argument that is a JSON object in Pascal case.
fn json_object(fields: &[Field], argument: &str) -> Result<Body, String> {
    let json = script::json_argument(argument).ok_or("its argument is not a JSON text")?;
    from_pascal(fields, &json)
}

/// A body as a JSON object in Pascal case, as policies are written.
fn to_pascal(body: &Body) -> Json {
    let member = |(name, value): (&std::sync::Arc<str>, &Value)| {
        let mut chars = name.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        (first.chain(chars).collect::<String>(), value.shown())
    };
    body.iter().filter(|(_, value)| **value != Value::Null).map(member).collect()
}

impl Kind for Policy {
    fn about(&self) -> &'static About {
        self.about
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let replies = super::entity::database(reply)?;
        let mut found = Vec::new();
        for statement in &replies.script {
            let Says::Policy { scope, entities, policy, argument } = &statement.says else { continue };
            let scope = scope.trim_end_matches('s');
            if policy != self.word || !self.about.parents.contains(&scope) {
                continue;
            }
            if argument.trim_matches(['"', '\'', '`', ' ']) == "null" {
                continue;
            }
            let body = (self.read)(argument).map_err(|why| format!("{why}, in `{}`", statement.text))?;
            for entity in entities {
                let mut path = match (scope, entity.last()) {
                    ("table", Some(table)) => vec![("tables", table.clone())],
                    _ => Vec::new(),
                };
                path.push(("policies", self.key().to_owned()));
                found.push(Found { path, body: body.clone(), ..Found::default() });
            }
        }
        Ok(found)
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let defaults = (self.defaults)();
        let below = if wanted.is_empty() { &defaults } else { live.unwrap_or(&defaults) };
        let wanted = if wanted.is_empty() { &defaults } else { wanted };
        (self.complete)(shape::overlay(self.about.fields, below, wanted))
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (_, parent) = at.parent().ok_or("a policy stands in something that is not there")?;
        let named =
            |command: Command, scope| command.word(scope).name(&parent.name).word("policy").word(self.word);
        let scope = if parent.kind == "database" { "database" } else { "table" };
        let command = match &change.after {
            Some(after) => (self.write)(named(Command::new(".alter"), scope), after),
            None => named(Command::new(".delete"), scope),
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        (self.loss)(at, change)
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        (self.needs)(at)
    }
}
