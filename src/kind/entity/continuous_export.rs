//! Continuous exports.

use super::{database, in_database, used};
use crate::kind::replies::{Reply, Row};
use crate::kind::shape::{self, Field, KqlForm, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss, LossClass};
use crate::model::command::Command;
use crate::model::duration::Ticks;
use crate::model::inventory::Inventory;
use crate::model::kql::{self, Block, TokenKind};
use crate::model::request::Request;
use crate::model::{Address, Resource};
use serde_json::Value as Json;

/// A continuous export: a query whose result is written to an external table again and again.
pub(super) struct ContinuousExport;

const SHOW: &str = ".show continuous-exports";
/// 100 MB.
const SIZE_LIMIT: i64 = 104_857_600;
const ROW_GROUP_SIZE: i64 = 100_000;

const ABOUT: About = About {
    name: "continuousExport",
    collection: "continuousExports",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "A continuous export: a query whose result is written to an external table again and again. A cursor keeps \
          that each record of the tables it goes over is written once; it begins when the export is created and stays \
          through every change, and goes when the export is dropped. To pause an export, say `isDisabled: true`.",
    page: "https://learn.microsoft.com/kusto/management/data-export/continuous-data-export",
    example: "continuousExports:\n  Damages:\n    externalTableName: DamagesLake\n    over: [StormEvents]\n    query: StormEvents | where Damage > 0\n    intervalBetweenRuns: 1h\n",
    fields: &[
        Field::new("externalTableName", Shape::Name(NameRule::Entity), "The external table that it writes to; its columns are those of the query.").required(),
        Field::new("over", Shape::Set(&Shape::Name(NameRule::Entity)), "The tables of which each record is exported once; others are read whole by every run. When left out, all that the query reads.")
            .role(Role::Filled),
        Field::new("query", Shape::Kql(KqlForm::Query), "The query; text or `{file: PATH}`.").required(),
        Field::new("intervalBetweenRuns", Shape::Duration, "The time between runs; at least 1 minute.").required(),
        Field::new("forcedLatency", Shape::Duration, "Only records ingested so long before a run are exported; null for none."),
        Field::new("sizeLimit", Shape::Int(SIZE_LIMIT, 1_073_741_824), "The largest file before compression, in bytes; default 100 MB."),
        Field::new("distributed", Shape::Bool, "Whether all nodes write; default true."),
        Field::new("distribution", Shape::Enum(&["single", "per_node", "per_shard"]), "How the writing is spread; default `per_node`."),
        Field::new("distributionKind", Shape::Enum(&["uniform", "default"]), "Whether records are spread evenly over the nodes; default `default`."),
        Field::new("parquetRowGroupSize", Shape::Int(1, i64::MAX), "Records in a row group of Parquet files; default 100000."),
        Field::new("managedIdentity", Shape::Text, "The identity to run as: an object id or `system`; default none."),
        Field::new("isDisabled", Shape::Bool, "Whether it is paused; default false. The service itself disables an export that has failed for 7 days."),
    ],
    outputs: &[
        ("startCursor", "The cursor from which on records are exported."),
        ("exportedTo", "The ingestion time up to which records were exported when it was read."),
    ],
    ..About::BASE
};

/// What the service names in the properties of an export, and what it leaves out.
fn defaults() -> Body {
    Body::new()
        .with("sizeLimit", SIZE_LIMIT)
        .with("distributed", true)
        .with("distribution", "per_node")
        .with("distributionKind", "default")
        .with("parquetRowGroupSize", ROW_GROUP_SIZE)
}

impl Kind for ContinuousExport {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[SHOW] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Some(exports) = database(reply)?.shows.get(SHOW) else { return Ok(Vec::new()) };
        let found = exports.iter().map(|row| {
            let body = shape::canonical_body(ABOUT.fields, &read(row)?)?;
            let attributes = Body::new()
                .with("startCursor", row.text("StartCursor"))
                .with("exportedTo", row.text("ExportedTo"));
            let path = vec![("continuousExports", row.text("Name").to_owned())];
            Ok(Found { path, body, attributes, ..Found::default() })
        });
        found.collect()
    }

    /// What the service fills in stands from the beginning, so that every command says all of it.
    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let filled = defaults().with("isDisabled", false);
        shape::overlay(ABOUT.fields, live.map_or(&filled, |live| &live.body), wanted)
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let Some(after) = &change.after else {
            return Ok(in_database(at, Command::new(".drop continuous-export").name(at.name())));
        };
        let switch = |before: &Body| {
            let differing = shape::differing(ABOUT.fields, before, after);
            differing.len() == 1 && differing.iter().all(|field| field.name == "isDisabled")
        };
        if change.before.as_ref().is_some_and(switch) {
            let command = match after.get("isDisabled").and_then(Value::as_bool) {
                Some(true) => Command::new(".disable continuous-export"),
                _ => Command::new(".enable continuous-export"),
            };
            return Ok(in_database(at, command.name(at.name())));
        }
        Ok(in_database(at, define(at.name(), after)?))
    }

    /// Nothing is lost here; what is ingested until an export stands again is not written there.
    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        match (&change.before, &change.after) {
            (Some(_), None) => {
                let cursor = match at.resource.attributes.text("startCursor") {
                    Some(cursor) if !cursor.is_empty() => format!(" ({cursor})"),
                    _ => String::new(),
                };
                let what = format!(
                    "the export's cursor{cursor} is dropped with it; one that is created again exports only what is \
                     ingested from then on"
                );
                Loss::new(LossClass::IngestionGap, what)
            }
            (None, _) | (Some(_), Some(_)) => Loss::none(),
        }
    }

    fn notes(&self, at: &At<'_>, change: &Change) -> Vec<String> {
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            let begins = "it exports what is ingested from its creation on; what the tables hold already is not exported";
            return vec![begins.to_owned()];
        };
        let differs = |name| before.get(name) != after.get(name);
        if !["query", "over", "externalTableName"].into_iter().any(differs) {
            return Vec::new();
        }
        let until = match at.resource.attributes.text("exportedTo") {
            Some(moment) if !moment.is_empty() => format!(" up to {moment}"),
            _ => String::new(),
        };
        vec![format!("its cursor stays: what was exported{until} is not exported again in the new form")]
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some((parent, _)) = at.ancestor("database") else { return Vec::new() };
        let need = |collection, name: &str, field: &str| {
            let (parent, name, field) = (parent.clone(), name.to_owned(), vec![field.to_owned()]);
            Need { parent, collection, name, field, required: true }
        };
        let body = &at.resource.body;
        let target =
            body.text("externalTableName").map(|name| need("externalTables", name, "externalTableName"));
        let mut needs: Vec<Need> = target.into_iter().collect();
        needs.extend(over(body).map(|name| need("tables", name, "over")));
        needs.extend(used(at));
        needs
    }

    fn reads_columns(&self) -> bool {
        true
    }

    /// No export goes over a table that has no ingestion times or is restricted.
    fn waits(&self, at: &At<'_>, live: &Inventory) -> Vec<Address> {
        let tables = self.needs(at).into_iter().filter(|need| need.collection == "tables");
        let tables = tables.filter_map(|need| at.named(&need.parent, need.collection, &need.name));
        let policies = tables.flat_map(|(table, _)| {
            ["ingestionTime", "restrictedViewAccess"].map(|policy| table.child("policies", policy))
        });
        policies.filter(|policy| live.get(policy).is_some()).collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let body = &at.resource.body;
        let mut findings = Vec::new();
        if let Err(why) = Block::new(body.text("query").unwrap_or_default()) {
            findings.push(Finding::new(&["query"], format!("this is not KQL: {why}"), "correct the text"));
        }
        let interval = body.get("intervalBetweenRuns").and_then(Value::as_time);
        if interval.is_some_and(|interval| interval < Ticks::seconds(60)) {
            let message = "an export runs once a minute at most";
            findings.push(Finding::new(&["intervalBetweenRuns"], message, "say `1m` or longer"));
        }
        findings
    }
}

fn over(body: &Body) -> impl Iterator<Item = &str> {
    body.get("over").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_text)
}

fn read(row: Row<'_>) -> Result<Body, String> {
    let mut raw = defaults()
        .with("externalTableName", row.text("ExternalTableName"))
        .with("query", row.text("Query"))
        .with("intervalBetweenRuns", row.text("IntervalBetweenRuns"));
    if !row.text("ForcedLatency").is_empty() {
        raw.set("forcedLatency", row.text("ForcedLatency"));
    }
    let tables = tables(row)?;
    if !tables.is_empty() {
        raw.set("over", tables.into_iter().map(Value::from).collect::<Vec<_>>());
    }
    let disabled = row.get("IsDisabled").and_then(|value| value.as_bool().or(value.as_i64().map(|n| n != 0)));
    raw.set("isDisabled", disabled.unwrap_or(false));
    let told = json(row, "ExportProperties")?;
    for (name, value) in told.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let field = ABOUT.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        if let Some(field) = field.filter(|_| value.as_str() != Some("")) {
            raw.set(field.name, Value::from_json(value));
        }
    }
    Ok(raw)
}

/// A column that holds JSON, as text or as it is.
fn json(row: Row<'_>, column: &str) -> Result<Json, String> {
    match row.get(column) {
        None | Some(Json::Null) => Ok(Json::Null),
        Some(Json::String(text)) if text.is_empty() => Ok(Json::Null),
        Some(Json::String(text)) => {
            serde_json::from_str(text).map_err(|why| format!("`{column}` is not JSON: {why}, in {text}"))
        }
        Some(json) => Ok(json.clone()),
    }
}

/// The tables in `["['DB'].['T']"]`, without their database.
fn tables(row: Row<'_>) -> Result<Vec<String>, String> {
    let listed = json(row, "CursorScopedTables")?;
    let names = listed.as_array().into_iter().flatten().filter_map(Json::as_str);
    names.map(|text| last_name(text).ok_or_else(|| format!("`CursorScopedTables` names {text:?}"))).collect()
}

/// The last part of a qualified name.
fn last_name(text: &str) -> Option<String> {
    let tokens = kql::tokens(text).ok()?;
    let named = tokens.iter().rev().find(|token| matches!(token.kind, TokenKind::Word | TokenKind::Text))?;
    let piece = &text[named.span.clone()];
    if named.kind == TokenKind::Text { kql::unquoted(piece) } else { Some(piece.to_owned()) }
}

fn define(name: &str, body: &Body) -> Result<Command, String> {
    let text = |name| body.text(name).unwrap_or_default();
    let query = Block::new(text("query")).map_err(|why| format!("`query`: {why}"))?;
    let interval = body.get("intervalBetweenRuns").and_then(Value::as_time);
    let interval = interval.ok_or("`intervalBetweenRuns` is not known")?;
    let mut command = Command::new(".create-or-alter continuous-export").name(name);
    if over(body).next().is_some() {
        command = command.word("over (").list(over(body), Command::name).word(")");
    }
    command = command.word("to table").name(text("externalTableName"));
    command = command.word("with (intervalBetweenRuns =").time(interval);
    if let Some(latency) = body.get("forcedLatency").and_then(Value::as_time) {
        command = command.word(", forcedLatency =").time(latency);
    }
    for (name, words) in [
        ("sizeLimit", ", sizeLimit ="),
        ("distributed", ", distributed ="),
        ("distribution", ", distribution ="),
        ("distributionKind", ", distributionKind ="),
        ("parquetRowGroupSize", ", parquetRowGroupSize ="),
        ("managedIdentity", ", managedIdentity ="),
        ("isDisabled", ", isDisabled ="),
    ] {
        command = match body.get(name) {
            Some(Value::Int(value)) => command.word(words).number(*value),
            Some(Value::Bool(value)) => command.word(words).flag(*value),
            Some(Value::Text(value)) if !value.is_empty() => command.word(words).text(value),
            _ => command,
        };
    }
    Ok(command.word(") <|").block(&query))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_whole_and_switched_alone() {
        let one = json!({"externalTableName": "E", "query": "T | where a > 1 // why", "over": ["T", "a b"], "intervalBetweenRuns": "1h"});
        let off = json!({"externalTableName": "E", "query": "T | where a > 1 // why", "over": ["T", "a b"], "intervalBetweenRuns": "60m",
            "isDisabled": true, "sizeLimit": SIZE_LIMIT, "distributed": true, "distribution": "per_node", "distributionKind": "default",
            "parquetRowGroupSize": ROW_GROUP_SIZE});
        let on = {
            let mut on = off.clone();
            on["isDisabled"] = json!(false);
            on
        };
        let at = "continuousExports.X";
        let made = ".create-or-alter continuous-export X over (T, ['a b']) to table E with (intervalBetweenRuns = time(01:00:00), \
                    sizeLimit = 104857600, distributed = true, distribution = \"per_node\", distributionKind = \"default\", \
                    parquetRowGroupSize = 100000, isDisabled = false) <| T | where a > 1";
        assert_eq!(
            steps("continuousExport", at, json!(null), one),
            [made.to_owned(), "  undo .drop continuous-export X".to_owned()]
        );
        assert_eq!(
            steps("continuousExport", at, on.clone(), off.clone()),
            [".disable continuous-export X", "  undo .enable continuous-export X"]
        );
        assert_eq!(
            steps("continuousExport", at, on, json!(null)),
            [".drop continuous-export X [ingestion-gap]".to_owned(), format!("  undo {made}")]
        );
    }

    #[test]
    fn scoped_tables_are_read_by_their_own_name() {
        for (text, name) in [
            ("['DB'].['T']", "T"),
            ("['a.b'].['it\\'s [x]']", "it's [x]"),
            ("DB.T", "T"),
            ("T", "T"),
            ("[\"T\"]", "T"),
        ] {
            assert_eq!(last_name(text).as_deref(), Some(name), "{text}");
        }
    }
}
