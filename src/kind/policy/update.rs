//! The update policy: queries that fill a table from what is ingested into another.

use super::{BASE, Policy, flag, json, of, retention, row_level_security};
use crate::kind::entity::uses;
use crate::kind::shape::{Field, KqlForm, NameRule, Shape};
use crate::kind::{About, At, Finding, Keyed, Need};
use crate::model::Loss;
use crate::model::body::{Body, Value};
use crate::model::inventory::Inventory;
use crate::model::{Address, Change, LossClass};

const WILD_CARD: &str = "sourceIsWildCard";

const ENTRY: &[Field] = &[
    Field::new("isEnabled", Shape::Bool, "Whether the entry is in force; default true."),
    Field::new("source", Shape::Name(NameRule::Entity), "The table whose ingestion triggers the query.")
        .required(),
    Field::new("query", Shape::Kql(KqlForm::Query), "The query whose result is appended to the table.")
        .required(),
    Field::new(
        "isTransactional",
        Shape::Bool,
        "Whether a failing query fails the ingestion too; default false.",
    ),
    Field::new(
        "propagateIngestionProperties",
        Shape::Bool,
        "Whether tags and creation time carry over; default false.",
    ),
    Field::new(WILD_CARD, Shape::Bool, "Whether `source` is a pattern of names with `*`; default false."),
    Field::new(
        "managedIdentity",
        Shape::Text,
        "The identity to run as: an object id or `system`; default none.",
    ),
];

const ABOUT: About = About {
    name: "updatePolicy",
    keyed: Keyed::Fixed("update"),
    parents: &["table"],
    short: &["entries"],
    doc: "Queries that fill this table from what is ingested into others of the same database. The list is complete.",
    page: "https://learn.microsoft.com/kusto/management/update-policy",
    example: "policies:\n  update:\n    - {source: Raw, query: \"Raw | project Time = todatetime(t)\", isTransactional: true}\n",
    fields: &[Field::new(
        "entries",
        Shape::List(&Shape::object(ENTRY)),
        "The entries, each a source and a query.",
    )],
    ..BASE
};

/// No entries and no policy are the same to the service.
pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("entries", Vec::new()),
    // The order of the entries means nothing to the service.
    complete: |body| {
        let mut entries: Vec<Body> = entries(&body).map(filled).collect();
        let key =
            |entry: &Body| (entry.text("source").map(str::to_owned), entry.text("query").map(str::to_owned));
        entries.sort_by_key(key);
        body.with("entries", entries.into_iter().map(Value::Map).collect::<Vec<_>>())
    },
    from_json: |_, json| json::list(ABOUT.fields, "entries", &[], json),
    write: |command, body| command.json_of(&json::entries(body)),
    is_absence: |_, _, body| entries(body).next().is_none(),
    loss,
    needs,
    waits,
    check,
    ..Policy::of(&ABOUT, "update")
};

fn entries(body: &Body) -> impl Iterator<Item = &Body> {
    body.get("entries").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_map)
}

/// The entry with what the service would fill in, so that it is compared and sent whole.
fn filled(entry: &Body) -> Body {
    let default = |name: &str| match name {
        "isEnabled" => Some(Value::Bool(true)),
        "isTransactional" | "propagateIngestionProperties" => Some(Value::Bool(false)),
        _ => None,
    };
    let is_given = |f: &Field, v: &Value| !v.is_unset() && (f.name != WILD_CARD || *v == Value::Bool(true));
    let value = |f: &Field| entry.get(f.name).filter(|v| is_given(f, v)).cloned().or_else(|| default(f.name));
    ENTRY.iter().filter_map(|f| value(f).map(|value| (f.name.into(), value))).collect()
}

/// An entry in force that reads a table.
pub(super) struct Reading {
    /// The table that it fills.
    pub table: Address,
    /// The policy that it stands in.
    pub policy: Address,
    /// Whether it runs as a managed identity.
    pub is_identified: bool,
}

/// The entries of a database, as it stands in some world, that read one of its tables.
pub(super) fn reading<'a>(world: &'a Inventory, source: &Address) -> impl Iterator<Item = Reading> + use<'a> {
    let database = source.parent().unwrap_or_default();
    let name = world.get(source).map_or_else(|| source.key().into(), |table| table.name.clone());
    world.children(&database, "tables").flat_map(move |(table, _)| {
        let found = of(world, table, "update");
        let entries = found
            .into_iter()
            .flat_map(|(policy, resource)| entries(&resource.body).map(move |entry| (policy.clone(), entry)));
        let reads = entries.filter(|(_, entry)| {
            let is_on = entry.get("isEnabled").and_then(Value::as_bool).unwrap_or(true);
            is_on && entry.text("source") == Some(&name)
        });
        let reads = reads.map(|(policy, entry)| Reading {
            table: table.clone(),
            policy,
            is_identified: is_identified(entry),
        });
        reads.collect::<Vec<_>>()
    })
}

/// Whether an entry runs as a managed identity.
fn is_identified(entry: &Body) -> bool {
    entry.get("managedIdentity").is_some_and(|id| !id.is_unset())
}

/// The tables that the entries of a body in force read, with the entry.
fn sources<'a>(at: &'a At<'_>, body: &'a Body) -> impl Iterator<Item = (Address, &'a Body)> {
    let database = at.ancestor("database").map(|(database, _)| database).unwrap_or_default();
    entries(body).filter_map(move |entry| {
        let is_on = entry.get("isEnabled").and_then(Value::as_bool).unwrap_or(true);
        let (source, _) = at.named(&database, "tables", entry.text("source").filter(|_| is_on)?)?;
        Some((source, entry))
    })
}

/// What a source keeps nothing of is lost when nothing reads it any more.
fn loss(at: &At<'_>, change: &Change) -> Loss {
    let read = |body: &Option<Body>| {
        let all =
            body.iter().flat_map(|body| sources(at, body).map(|(source, _)| source).collect::<Vec<_>>());
        all.collect::<Vec<_>>()
    };
    let after = read(&change.after);
    let left = read(&change.before).into_iter().filter(|source| !after.contains(source));
    let mut left = left.filter(|source| retention::keeps_nothing(at.world, source));
    left.next().map_or_else(Loss::none, |source| {
        let what =
            format!("rows that come into {:?}, which keeps nothing, are no longer passed on", source.key());
        Loss::new(LossClass::IngestionGap, what)
    })
}

/// A source that keeps nothing until an entry is no longer transactional, and one that is secured until an entry has
/// no identity any more.
fn waits(at: &At<'_>, live: &Inventory) -> Vec<Address> {
    let mut waits = Vec::new();
    for (source, entry) in sources(at, &at.resource.body) {
        if row_level_security::secures(live, &source) && !is_identified(entry) {
            waits.push(source.child("policies", "rowLevelSecurity"));
        }
        if retention::keeps_nothing(live, &source) && !flag(Some(entry), "isTransactional") {
            waits.push(source.child("policies", "retention"));
        }
    }
    waits
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let body = &at.resource.body;
    for (i, entry) in entries(body).enumerate() {
        let mut complain = |part: &str, message: String, help: &str| {
            findings.push(Finding::new(&["entries", &i.to_string(), part], message, help));
        };
        let name = entry.text("source").unwrap_or_default();
        if at.parent().is_some_and(|(_, table)| *table.name == *name) {
            let help = "name the table whose ingestion triggers the query";
            complain("source", "a table cannot be filled from itself".to_owned(), help);
        }
        let one = Body::new().with("entries", vec![Value::Map(entry.clone())]);
        for (source, _) in sources(at, &one) {
            if row_level_security::secures(at.world, &source) && !is_identified(entry) {
                let message = format!(
                    "{name:?} has row level security, which an entry without an identity must not read"
                );
                complain("source", message, "add `managedIdentity:`, an object id or `system`");
            }
            if retention::keeps_nothing(at.world, &source) && !flag(Some(entry), "isTransactional") {
                let message =
                    format!("{name:?} keeps nothing of what comes in, and what this entry fails on is lost");
                complain("source", message, "say `isTransactional: true`");
            }
        }
    }
    findings
}

fn needs(at: &At<'_>) -> Vec<Need> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let mut needs = Vec::new();
    for (i, entry) in entries(&at.resource.body).enumerate() {
        if let Some(source) = entry.text("source").filter(|_| !flag(Some(entry), WILD_CARD)) {
            let field = vec!["entries".to_owned(), i.to_string(), "source".to_owned()];
            let (parent, name) = (database.clone(), source.to_owned());
            needs.push(Need { parent, collection: "tables", name, field, required: true });
        }
        let query = entry.text("query").unwrap_or_default();
        needs.extend(uses(at, &["entries", &i.to_string(), "query"], query));
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_whole_and_unset_by_delete() {
        assert_eq!(
            steps(
                "updatePolicy",
                "tables.T.policies.update",
                json!(null),
                json!({"entries": [{"source": "Raw", "query": "Raw | extend a = 'x'"}]})
            ),
            [
                r#".alter table T policy update "[{\"IsEnabled\":true,\"IsTransactional\":false,\"PropagateIngestionProperties\":false,\"Query\":\"Raw | extend a = 'x'\",\"Source\":\"Raw\"}]""#,
                "  undo .delete table T policy update",
            ]
        );
    }

    #[test]
    fn reads_back_what_the_service_adds() {
        let json = json!([
            {"IsEnabled": true, "Source": "Raw", "SourceIsWildCard": false, "Query": "Raw", "ManagedIdentity": null},
        ]);
        let body = (POLICY.complete)((POLICY.from_json)(&POLICY, &json).unwrap());
        assert_eq!(
            entries(&body).next().unwrap().shown(),
            json!({"isEnabled": true, "source": "Raw", "query": "Raw", "isTransactional": false, "propagateIngestionProperties": false})
        );
    }
}
