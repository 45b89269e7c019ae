//! Rules about update policies.

use super::facts::{Text, items, kept, restricts, streams};
use super::{Lint, Rule};
use crate::kind::At;
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::kql::{self, Use, What};
use std::collections::BTreeSet;

const PAGE: &str = "https://learn.microsoft.com/kusto/management/update-policy";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L021",
        title: "an update policy does not read its source",
        doc: "The query of an update policy runs over what was just ingested into the source, by naming the source. One \
              that does not name it reads whole other tables at every ingestion, and appends the same rows again and \
              again.",
        page: PAGE,
        of: &["updatePolicy"],
        finds: source_not_read,
    },
    Rule {
        code: "L022",
        title: "an update policy aggregates",
        doc: "The query of an update policy sees one batch of data at a time, so that `summarize` gives one row per batch \
              and not one in all. A materialized view aggregates over everything.",
        page: "https://learn.microsoft.com/kusto/management/materialized-views/materialized-view-overview",
        of: &["updatePolicy"],
        finds: aggregates,
    },
    Rule {
        code: "L023",
        title: "update policies go round in a circle",
        doc: "Tables that fill one another would do so for ever; the service cuts the chain at run time, and which rows \
              are lost depends on where. Break the circle.",
        page: PAGE,
        of: &["updatePolicy"],
        finds: circle,
    },
    Rule {
        code: "L024",
        title: "what an update policy fails on is soon gone",
        doc: "A policy that is not transactional lets the ingestion into the source succeed when its query fails, and \
              does not run again for those rows. A source that keeps its rows for a day or less leaves no time to notice \
              and to fill the gap. Say `isTransactional: true`, or keep the source longer.",
        page: PAGE,
        of: &["updatePolicy"],
        finds: soon_gone,
    },
    Rule {
        code: "L025",
        title: "an update policy on streamed data reads other tables",
        doc: "For data that is streamed in, an update policy can read only the new rows of its source. A query that \
              reads other tables fails there, and a transactional one sends every request back to batching. Join in a \
              function or a materialized view, or take streaming off the source.",
        page: "https://learn.microsoft.com/azure/data-explorer/ingest-data-streaming",
        of: &["updatePolicy"],
        finds: streamed,
    },
    Rule {
        code: "L026",
        title: "an update policy reads what is elsewhere",
        doc: "The query of an update policy must not read other clusters, and other databases only with a managed \
              identity. The policy is refused, or fails at the next ingestion.",
        page: PAGE,
        of: &["updatePolicy"],
        finds: elsewhere,
    },
    Rule {
        code: "L027",
        title: "an update policy reads a restricted table",
        doc: "An update policy has no right to read a table with restricted view access, so its query fails at \
              ingestion. Restrict access by row level security with a managed identity instead, or read another table.",
        page: "https://learn.microsoft.com/kusto/management/restricted-view-access-policy",
        of: &["updatePolicy"],
        finds: restricted,
    },
];

/// The entries that are in force, each with its number.
fn entries<'a>(at: &At<'a>) -> impl Iterator<Item = (usize, &'a Body)> {
    let off = |entry: &Body| entry.get("isEnabled") == Some(&Value::Bool(false));
    let wild = |entry: &Body| entry.get("sourceIsWildCard") == Some(&Value::Bool(true));
    items(&at.resource.body, "entries").filter(move |(_, entry)| !off(entry) && !wild(entry))
}

fn query(entry: &Body) -> &str {
    entry.text("query").unwrap_or_default()
}

/// A finding at a part of an entry.
fn lint(at: &At<'_>, i: usize, part: &str, message: impl Into<String>, help: &str) -> Lint {
    Lint::new(at, &["entries", &i.to_string(), part], message, help)
}

/// The source's address, when it is declared.
fn source(at: &At<'_>, entry: &Body) -> Option<Address> {
    let (database, _) = at.ancestor("database")?;
    at.named(&database, "tables", entry.text("source")?).map(|(address, _)| address)
}

/// What a text and the functions that it calls use; `None` when it calls one that is not declared.
fn all_uses(at: &At<'_>, text: &str) -> Option<Vec<Use>> {
    let (database, _) = at.ancestor("database")?;
    let (mut open, mut seen, mut found) = (vec![text.to_owned()], BTreeSet::new(), Vec::new());
    while let Some(text) = open.pop() {
        for used in kql::uses(&text, &[]) {
            let near = used.database.is_none() && matches!(used.what, What::Tabular | What::Function);
            if near && seen.insert((used.what, used.name.clone())) {
                match at.named(&database, "functions", &used.name) {
                    Some((_, function)) => {
                        open.push(function.body.text("body").unwrap_or_default().to_owned())
                    }
                    None if used.what == What::Function => return None,
                    None => {}
                }
            }
            found.push(used);
        }
    }
    Some(found)
}

fn source_not_read(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (i, entry) in entries(at) {
        let name = entry.text("source").unwrap_or_default();
        let reads = |uses: &[Use]| uses.iter().any(|used| used.name == name || used.what == What::Pattern);
        if all_uses(at, query(entry)).is_some_and(|uses| !uses.is_empty() && !reads(&uses)) {
            let message = format!("the query does not read its source `{name}`");
            found.push(lint(at, i, "query", message, "name the source in the query, or correct `source`"));
        }
    }
    found
}

fn aggregates(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        for (_, span) in text.operators(&["summarize"]) {
            let message = "this aggregates each batch of data by itself";
            let help = "aggregate in a materialized view over this table";
            found.push(Lint::new(at, &text.path(), message, help).inside(text.text, span));
        }
    }
    found
}

fn circle(at: &At<'_>) -> Vec<Lint> {
    let Some((table, _)) = at.parent() else { return Vec::new() };
    let sources = |table: &Address| -> Vec<Address> {
        let Some(policy) = at.world.child(table, "policies", "update") else { return Vec::new() };
        let address = table.child("policies", "update");
        let there = At { address: &address, resource: policy, world: at.world };
        entries(&there).filter_map(|(_, entry)| source(&there, entry)).collect()
    };
    let (mut open, mut seen) = (sources(&table), BTreeSet::new());
    while let Some(next) = open.pop() {
        if seen.insert(next.clone()) {
            open.extend(sources(&next));
        }
    }
    // Each circle is told once, at its first table.
    if !seen.contains(&table)
        || seen.iter().any(|other| {
            *other < table && {
                let mut open = sources(other);
                let mut back = BTreeSet::new();
                while let Some(next) = open.pop() {
                    if back.insert(next.clone()) {
                        open.extend(sources(&next));
                    }
                }
                back.contains(&table)
            }
        })
    {
        return Vec::new();
    }
    let message = format!("what `{}` is filled from is filled from it in turn", table.key());
    vec![Lint::new(at, &[], message, "break the circle")]
}

fn soon_gone(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (i, entry) in
        entries(at).filter(|(_, entry)| entry.get("isTransactional") != Some(&Value::Bool(true)))
    {
        let Some(source) = source(at, entry) else { continue };
        let short = kept(at.world, &source).filter(|kept| *kept <= Ticks::days(1) && *kept > Ticks::days(0));
        if let Some(short) = short {
            let message = format!("rows on which this fails are gone from `{}` after {short}", source.key());
            found.push(lint(
                at,
                i,
                "source",
                message,
                "say `isTransactional: true`, or keep the source longer",
            ));
        }
    }
    found
}

fn streamed(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    let Some((database, _)) = at.ancestor("database") else { return found };
    for (i, entry) in entries(at) {
        let Some(source) = source(at, entry).filter(|source| streams(at.world, source)) else { continue };
        let uses = all_uses(at, query(entry)).unwrap_or_default();
        let other = uses.iter().find(|used| {
            let table = at.named(&database, "tables", &used.name).filter(|_| used.what == What::Tabular);
            table.is_some_and(|(table, _)| table != source)
        });
        if let Some(other) = other {
            let message =
                format!("`{}` is streamed into, and the query reads `{}` too", source.key(), other.name);
            found.push(lint(at, i, "query", message, "read only the source, or take streaming off it"));
        }
    }
    found
}

fn elsewhere(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (i, entry) in entries(at) {
        let identified = entry.get("managedIdentity").is_some_and(|value| !value.is_unset());
        for used in kql::uses(query(entry), &[]) {
            let message = match (&used.cluster, &used.database) {
                (Some(cluster), _) => format!("an update policy cannot read the cluster `{cluster}`"),
                (None, Some(database)) if !identified && !database.eq_ignore_ascii_case(at.database()) => {
                    format!("reading the database `{database}` takes a managed identity")
                }
                _ => continue,
            };
            let help = "bring the data into this database, or give `managedIdentity` where that is enough";
            found.push(lint(at, i, "query", message, help).inside(query(entry), used.span));
        }
    }
    found
}

fn restricted(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    let Some((database, _)) = at.ancestor("database") else { return found };
    for (i, entry) in entries(at) {
        for used in kql::uses(query(entry), &[]).into_iter().filter(|u| u.database.is_none()) {
            let table = at.named(&database, "tables", &used.name).map(|(address, _)| address);
            if table.is_some_and(|table| restricts(at.world, &table)) {
                let message =
                    format!("`{}` has restricted view access, which keeps this query out", used.name);
                let help = "restrict access otherwise, or read another table";
                found.push(lint(at, i, "query", message, help).inside(query(entry), used.span));
            }
        }
    }
    found
}
