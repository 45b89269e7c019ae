//! Principals: who holds a role on a database or on something in it.
//!
//! A role is additive: what the spec gives is added to what is there, and only that is taken away again. With
//! `exclusive` it is complete. Whoever joins is added before anybody is dropped.
//!
//! Invariant: the row that the service makes for the creator of an entity is neither a difference nor dropped (test:
//! `the_creator_stays`).

mod lock_out;
mod member;
mod read;

pub(in crate::kind) use lock_out::{callers, connections_of};

use super::in_database;
use crate::kind::replies::Reply;
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::inventory::{Mode, Resource};
use crate::model::request::Request;
use crate::model::{Address, Change, Loss};
use member::{Known, MEMBER, Move, Who, canonical, member, members, moved, moves, notes, with_members};

/// The members of one role.
pub(super) struct Principals;

const MEMBERS: Shape = Shape::Set(&Shape::Object { fields: MEMBER, short: &["fqn"] });

const FIELDS: &[Field] = &[
    Field::new(
        "members",
        MEMBERS,
        "Who holds the role, each `aaduser=…`, `aadgroup=…` or `aadapp=…;TENANT`, or `{fqn, notes}`.",
    )
    .required(),
    Field::new(
        "exclusive",
        Shape::Bool,
        "Whether nobody else may hold the role, so that others are dropped; default false.",
    )
    .role(Role::Setting),
];

const ABOUT: About = About {
    name: "principals",
    collection: "principals",
    parents: &["database", "table", "function", "materializedView", "externalTable", "graphModel"],
    names: NameRule::Label,
    names_ignore_case: true,
    plane: Plane::Kusto,
    doc: "Who holds a role, on a database or on something in it; the key is the role. Databases have `admins`, `users`, \
          `viewers`, `unrestrictedViewers`, `ingestors` and `monitors`, tables `admins` and `ingestors`, everything \
          else `admins`. Members are added to those that are there, unless `exclusive` says that the list is complete.",
    page: "https://learn.microsoft.com/kusto/management/security-roles",
    example: "principals:\n  viewers: [aadgroup=analysts@contoso.com]\n  ingestors:\n    members:\n      - {fqn: \
              aadapp=11111111-2222-3333-4444-555555555555;contoso.com, notes: The pipeline}\n    exclusive: true\n",
    short: &["members"],
    fields: FIELDS,
    ..About::BASE
};

/// What may hold roles: the kind, its words in commands, its collection, and the roles.
struct Scope {
    kind: &'static str,
    words: &'static str,
    collection: &'static str,
    roles: &'static [&'static str],
}

const OF_DATABASE: &[&str] = &["admins", "users", "viewers", "unrestrictedViewers", "ingestors", "monitors"];

const SCOPES: &[Scope] = &[
    Scope { kind: "database", words: "database", collection: "databases", roles: OF_DATABASE },
    Scope { kind: "table", words: "table", collection: "tables", roles: &["admins", "ingestors"] },
    Scope { kind: "function", words: "function", collection: "functions", roles: &["admins"] },
    Scope {
        kind: "materializedView",
        words: "materialized-view",
        collection: "materializedViews",
        roles: &["admins"],
    },
    Scope {
        kind: "externalTable",
        words: "external table",
        collection: "externalTables",
        roles: &["admins"],
    },
    Scope { kind: "graphModel", words: "graph_model", collection: "graphModels", roles: &["admins"] },
];

/// The words of roles in commands.
const WORDS: &[&str] = &["admins", "users", "viewers", "unrestrictedviewers", "ingestors", "monitors"];

/// Where a role is held, with the entity that it is held on.
fn scope<'a>(at: &At<'a>) -> Option<(&'static Scope, &'a Resource)> {
    let (_, parent) = at.parent()?;
    SCOPES.iter().find(|scope| scope.kind == parent.kind).map(|scope| (scope, parent))
}

/// What was read of the members of a live role beyond their names.
fn known(live: &Resource) -> Vec<Known> {
    let all = live.attributes.get("members").and_then(Value::as_list).unwrap_or_default();
    all.iter().map(Known::from_value).collect()
}

/// Whether a spec's member is one of the live ones.
fn is_one(wanted: &Value, live: &Body, known: &[Known]) -> bool {
    let Some(fqn) = wanted.as_text() else { return live.get("fqn") == Some(wanted) };
    let canonical = canonical(fqn);
    let name = live.text("fqn").unwrap_or_default();
    name == canonical || known.iter().any(|known| known.fqn == name && known.is(fqn))
}

/// Whether a member is there because the caller made the entity.
fn is_creator(live: &Resource, member: &Body) -> bool {
    let all = live.attributes.get("creator").and_then(Value::as_list).unwrap_or_default();
    notes(member).is_empty() && all.iter().any(|fqn| Some(fqn) == member.get("fqn"))
}

impl Kind for Principals {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[read::OF_DATABASE, read::OF_CALLER] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        Ok(read::found(super::database(reply)?))
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let (known, rows) = live.map(|live| (known(live), members(&live.body))).unwrap_or_default();
        let exclusive = wanted.get("exclusive").and_then(Value::as_bool) == Some(true);
        let mut after: Vec<Body> = Vec::new();
        for entry in members(wanted) {
            let Some(fqn) = entry.get("fqn") else { continue };
            let row = rows.iter().find(|row| is_one(fqn, row, &known));
            let name = match (row.and_then(|row| row.get("fqn")), fqn) {
                (Some(name), _) => name.clone(),
                (None, Value::Text(text)) => Value::from(canonical(text)),
                (None, other) => other.clone(),
            };
            let settled = member(name, entry.text("notes").or_else(|| row.map(notes)).unwrap_or_default());
            if !after.iter().any(|other| member::same(other, &settled)) {
                after.push(settled);
            }
        }
        for row in rows {
            let named = after.iter().any(|other| member::same(other, &row));
            if !named && (!exclusive || live.is_some_and(|live| is_creator(live, &row))) {
                after.push(row);
            }
        }
        let body = with_members(after);
        if exclusive { body.with("exclusive", true) } else { body }
    }

    fn remains(&self, live: &Resource, wanted: &Body) -> Option<Body> {
        let known = known(live);
        let declared = members(wanted);
        let exclusive = wanted.get("exclusive").and_then(Value::as_bool) == Some(true);
        let whole = wanted.get("members").is_none() || (exclusive && declared.is_empty());
        let goes = |row: &Body| {
            let named = |entry: &Body| entry.get("fqn").is_some_and(|fqn| is_one(fqn, row, &known));
            if whole { !is_creator(live, row) } else { declared.iter().any(named) }
        };
        let left: Vec<Body> = members(&live.body).into_iter().filter(|row| !goes(row)).collect();
        (!left.is_empty()).then(|| with_members(left).with("exclusive", true))
    }

    fn exactly(&self, wanted: &Body) -> Body {
        wanted.clone().with("exclusive", true)
    }

    fn is_absence(&self, _at: &At<'_>, body: &Body) -> bool {
        members(body).is_empty()
    }

    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let ends = [&change.before, &change.after].map(|end| end.as_ref().map(members).unwrap_or_default());
        let all = moves(&ends[0], &ends[1]);
        let [first @ .., _] = all.as_slice() else { return Vec::new() };
        let mut now = ends[0].clone();
        let mut dropped = false;
        let stage = |by: &Move| {
            now = moved(&now, by);
            dropped |= matches!(by, Move::Drop(_));
            let body = with_members(now.clone());
            if dropped { body.with("exclusive", true) } else { body }
        };
        first.iter().map(stage).collect()
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (scope, parent) = scope(at).ok_or("a role is held on something that is not there")?;
        let role = WORDS.iter().find(|word| word.eq_ignore_ascii_case(at.name()));
        let role = *role.ok_or_else(|| format!("{:?} is no role", at.name()))?;
        let ends = [&change.before, &change.after].map(|end| end.as_ref().map(members).unwrap_or_default());
        let all = moves(&ends[0], &ends[1]);
        let (verb, list, notes) = match all.as_slice() {
            [Move::Add(list, notes)] => (".add", list, notes.as_str()),
            [Move::Drop(list)] => (".drop", list, ""),
            _ => return Err("the members cannot change by one command".to_owned()),
        };
        let command = Command::new(verb).word(scope.words).name(&parent.name).word(role).word("(");
        let command = command.list(list, |command, member| match member.get("fqn") {
            Some(Value::Text(text)) => command.text(text),
            Some(other) => command.composed(std::slice::from_ref(other), false),
            None => command,
        });
        let command = command.word(")");
        Ok(in_database(at, if notes.is_empty() { command } else { command.text(notes) }))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn locks_out(&self, at: &At<'_>, change: &Change, gone: &dyn Fn(&Address) -> bool) -> Vec<String> {
        lock_out::reasons(at, change, gone)
    }

    /// A role on an entity needs one on the database.
    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
        if at.address.parent().as_ref() == Some(&database) {
            return Vec::new();
        }
        let mut needs = Vec::new();
        for (parent, collection) in [
            (database.clone(), "principals"),
            (database, "principalAssignments"),
            (at.cluster(), "principalAssignments"),
        ] {
            let there =
                at.world.children(&parent, collection).filter(|(_, found)| found.mode != Mode::Absent);
            let need = |name: String| {
                let (parent, field) = (parent.clone(), vec!["members".to_owned()]);
                Need { parent, collection, name, field, required: false }
            };
            needs.extend(there.map(|(_, found)| need(found.name.to_string())));
        }
        needs
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some((scope, parent)) = scope(at)
            && !scope.roles.iter().any(|role| role.eq_ignore_ascii_case(at.name()))
        {
            let message = format!("a {} has no role {:?}", parent.kind, at.name());
            let help = format!("give one of {}", scope.roles.join(", "));
            let candidates = scope.roles.iter().map(|role| (*role).to_owned()).collect();
            findings.push(Finding { candidates, ..Finding::new(&[], message, help) });
        }
        for (i, entry) in members(&at.resource.body).iter().enumerate() {
            let Some(fqn) = entry.text("fqn") else { continue };
            let (message, help) = match Who::parse(fqn) {
                None => (
                    format!("{fqn:?} is not the name of a principal"),
                    "write aaduser=MAIL, aadgroup=MAIL or aadapp=ID;TENANT, or object ids in place of the mail",
                ),
                Some(who) if who.lacks_tenant() => (
                    format!("{fqn:?} names an application without its tenant"),
                    "add `;` and the tenant, or give the application's id",
                ),
                Some(_) => continue,
            };
            findings.push(Finding::new(&["members", &i.to_string(), "fqn"], message, help));
        }
        findings
    }
}

#[cfg(test)]
mod tests;
