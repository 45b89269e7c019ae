//! Rules about how data comes in: batches, mappings, connections.

use super::facts::{columns, policy, streams};
use super::{Lint, Rule};
use crate::kind::At;
use crate::kind::shape::scalar_type;
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::inventory::{Mode, Resource};
use crate::model::kql;
use arcstr::ArcStr;
use std::collections::BTreeMap;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L041",
        title: "small batches without streaming",
        doc: "Each batch is an ingestion with its own extents. Batches of less than 30 seconds keep the cluster busy with \
              merging them. Where data must be there within seconds, streaming ingestion costs less.",
        page: "https://learn.microsoft.com/kusto/management/batching-policy",
        of: &["ingestionBatchingPolicy"],
        finds: small_batches,
    },
    Rule {
        code: "L042",
        title: "no mapping fills a column",
        doc: "The table has mappings, and none of them fills the column, so it stays empty in everything that comes in by \
              them. Mostly the column was added and the mapping forgotten.",
        page: "https://learn.microsoft.com/kusto/management/mappings",
        of: &["table"],
        finds: unfilled,
    },
    Rule {
        code: "L043",
        title: "two columns take the same field",
        doc: "A csv mapping that gives two columns the same position mostly counts wrong, and everything behind it is \
              shifted.",
        page: "https://learn.microsoft.com/kusto/management/csv-mapping",
        of: &["mapping"],
        finds: same_ordinal,
    },
    Rule {
        code: "L044",
        title: "a mapping and its table differ in a type",
        doc: "The type in a mapping matters only where the service makes a column by it. One that differs from the \
              table's misleads, and makes a column of the wrong type in a copy of the table. Leave it out, or correct it.",
        page: "https://learn.microsoft.com/kusto/management/mappings",
        of: &["mapping"],
        finds: other_type,
    },
    Rule {
        code: "L045",
        title: "a csv mapping skips positions",
        doc: "A csv mapping says for each column which field it takes, counted from 0. One that starts at 1 is mostly off \
              by one, and leaves out the first field.",
        page: "https://learn.microsoft.com/kusto/management/csv-mapping",
        of: &["mapping"],
        finds: off_by_one,
    },
    Rule {
        code: "L047",
        title: "fields go to columns by their order",
        doc: "Without a mapping, the fields of csv and its kin go to the columns in the order of the table. A column that \
              is added or moved silently shifts all others. Name a mapping in the connection.",
        page: "https://learn.microsoft.com/azure/data-explorer/ingest-data-event-hub-overview",
        of: &["eventHubDataConnection", "eventGridDataConnection", "iotHubDataConnection"],
        finds: by_order,
    },
    Rule {
        code: "L048",
        title: "rows without ingestion time under a view or an export",
        doc: "Materialized views and continuous exports go on where they stopped by the time of ingestion. Without the \
              ingestion time policy of their source they stop, and rows that come in meanwhile never get a time.",
        page: "https://learn.microsoft.com/kusto/management/ingestion-time-policy",
        of: &["materializedView", "continuousExport"],
        finds: timeless,
    },
];

fn small_batches(at: &At<'_>) -> Vec<Lint> {
    let span = at.resource.body.get("maximumBatchingTimeSpan").and_then(Value::as_time);
    let small = span.filter(|span| *span < Ticks::seconds(30) && *span >= Ticks::seconds(10));
    let streamed = at.parent().is_some_and(|(owner, thing)| match thing.kind {
        "database" => policy(at.world, &owner, "streamingIngestion").is_some(),
        _ => streams(at.world, &owner),
    });
    let lint = |span: Ticks| {
        let message = format!("a batch is closed after {span}, and nothing is streamed");
        Lint::new(at, &["maximumBatchingTimeSpan"], message, "give it 30s or more, or stream")
    };
    small.filter(|_| !streamed).map(lint).into_iter().collect()
}

/// The elements of a mapping by column.
fn elements(mapping: &Resource) -> impl Iterator<Item = (&str, Option<&Body>)> {
    let columns = mapping.body.get("columns").and_then(Value::as_map).into_iter().flat_map(Body::iter);
    columns.map(|(name, element)| (&**name, element.as_map()))
}

fn mappings<'a>(at: &At<'a>, table: &Address) -> Vec<&'a Resource> {
    let all = at.world.children(table, "mappings");
    all.filter(|(_, mapping)| mapping.mode != Mode::Absent).map(|(_, mapping)| mapping).collect()
}

fn unfilled(at: &At<'_>) -> Vec<Lint> {
    let mappings = mappings(at, at.address);
    if mappings.is_empty() || policy(at.world, at.address, "update").is_some() {
        return Vec::new();
    }
    let mapped: Vec<&Body> =
        mappings.iter().filter_map(|mapping| mapping.body.get("columns")?.as_map()).collect();
    let own = at.resource.body.get("columns").and_then(Value::as_map).into_iter().flat_map(Body::iter);
    let filled = |place: usize, column| mapped.iter().any(|mapped| mapped.near(place, column).is_some());
    let empty = own.enumerate().filter(|(place, (column, _))| !filled(*place, column));
    let lint = |(_, (column, _)): (usize, (&ArcStr, &Value))| {
        let message = format!("no mapping of the table fills the column `{column}`");
        Lint::new(at, &["columns", column], message, "add it to the mappings, or remove the column")
    };
    empty.map(lint).collect()
}

/// The columns of a csv mapping with the positions that they take.
fn ordinals<'a>(at: &At<'a>) -> Vec<(&'a str, i64)> {
    if at.resource.body.text("kind") != Some("csv") {
        return Vec::new();
    }
    let ordinal = |element: &Body| match element.get("ordinal") {
        Some(Value::Int(ordinal)) => Some(*ordinal),
        _ => None,
    };
    elements(at.resource).filter_map(|(name, element)| Some((name, ordinal(element?)?))).collect()
}

fn same_ordinal(at: &At<'_>) -> Vec<Lint> {
    let mut seen: BTreeMap<i64, &str> = BTreeMap::new();
    let mut found = Vec::new();
    let ordinals = ordinals(at);
    if ordinals.is_sorted_by(|a, b| a.1 < b.1) {
        return found;
    }
    for (column, ordinal) in ordinals {
        if let Some(other) = seen.get(&ordinal) {
            let message = format!("`{other}` and `{column}` both take field {ordinal}");
            found.push(Lint::new(at, &["columns", column], message, "correct one of the positions"));
        } else {
            seen.insert(ordinal, column);
        }
    }
    found
}

fn off_by_one(at: &At<'_>) -> Vec<Lint> {
    let ordinals = ordinals(at);
    let mut all: Vec<i64> = ordinals.iter().map(|(_, ordinal)| *ordinal).collect();
    all.sort_unstable();
    let off = ordinals.len() > 1 && all.iter().zip(1..).all(|(ordinal, n)| *ordinal == n);
    let lint = |(column, _): &(&str, i64)| {
        let message = "the fields are counted from 1, and the first one is field 0";
        Lint::new(at, &["columns", column], message, "count from 0")
    };
    ordinals.iter().filter(|(_, ordinal)| off && *ordinal == 1).map(lint).collect()
}

fn other_type(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    let Some((_, table)) = at.parent() else { return found };
    for (column, element) in elements(at.resource) {
        let said = element.and_then(|element| element.text("type"));
        let Some(said) = said.and_then(scalar_type) else { continue };
        let of = columns(table).find(|(name, _)| *name == column).map(|(_, of)| of);
        if let Some(of) = of.filter(|of| said != *of) {
            let message =
                format!("the mapping says that `{column}` is of type {said}, and the table says {of}");
            found.push(Lint::new(at, &["columns", column], message, "leave the type out, or correct it"));
        }
    }
    found
}

fn by_order(at: &At<'_>) -> Vec<Lint> {
    let body = &at.resource.body;
    let format = body.text("dataFormat").unwrap_or_default().to_ascii_lowercase();
    let ordered = matches!(&*format, "csv" | "tsv" | "tsve" | "psv" | "scsv" | "sohsv");
    let mapped = body.get("mappingRuleName").is_some_and(|name| !name.is_unset());
    let fixed = body.get("tableName").is_some_and(|name| !name.is_unset());
    if !ordered || mapped || !fixed {
        return Vec::new();
    }
    let message = format!("the fields of {format} go to the columns in the order of the table");
    vec![Lint::new(at, &["dataFormat"], message, "name a mapping: `mappingRuleName`")]
}

fn timeless(at: &At<'_>) -> Vec<Lint> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let off = |name: &str| {
        let table = at.named(&database, "tables", name).map(|(address, _)| address);
        let policy = table.and_then(|table| policy(at.world, &table, "ingestionTime"));
        policy.is_some_and(|policy| policy.get("isEnabled") == Some(&Value::Bool(false)))
    };
    let query = at.resource.body.text("query").unwrap_or_default();
    let named =
        kql::uses(query, &[]).into_iter().filter(|used| used.database.is_none()).map(|used| used.name);
    let source = at.resource.body.text("source").map(str::to_owned);
    let lint = |name: String| {
        let message = format!("`{name}` does not tell when its rows came in");
        Lint::new(at, &["query"], message, "leave its ingestion time policy out")
    };
    named.chain(source).find(|name| off(name)).map(lint).into_iter().collect()
}
