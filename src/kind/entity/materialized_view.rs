//! Materialized views.
//!
//! Invariant: a change that `.alter` cannot make replaces the view, which is irreversible and so never happens
//! without being allowed (test: `what_cannot_be_altered_is_dropped_and_made_again`).

mod command;
mod rename;
mod summary;

use super::{database, in_database, used};
use crate::kind::replies::{Reply, Row};
use crate::kind::shape::{self, Field, KqlForm, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source, Undo};
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss, LossClass};
use crate::model::command::Command;
use crate::model::inventory::Inventory;
use crate::model::kql::Block;
use crate::model::request::Request;
use crate::model::{Address, Resource};
use command::{OF_BACKFILL, create, update};
use summary::Summary;

/// A materialized view: an aggregation that the service keeps up to date.
pub(super) struct MaterializedView;

const SHOW: &str = ".show materialized-views";
/// How the service's names of the operations begin that create views.
const CREATES: &str = "MaterializedViewCreate";

const ABOUT: About = About {
    name: "materializedView",
    collection: "materializedViews",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "A materialized view: an aggregation over a table that the service keeps up to date. A new query holds for \
          records ingested from then on; existing ones are not computed anew. Another source, other group-by keys or \
          another lookback column make it a new view: the old one is dropped, which is refused until irreversible \
          data loss is allowed. With `renamedFrom` it keeps its data under another name. The backfill properties \
          hold only when it is created.",
    page: "https://learn.microsoft.com/kusto/management/materialized-views/materialized-view-overview",
    example: "materializedViews:\n  LastByState:\n    source: StormEvents\n    query: StormEvents | summarize arg_max(StartTime, *) by State\n    backfill: true\n    lookback: 6h\n",
    fields: &[
        Field::new("source", Shape::Name(NameRule::Entity), "The table, or the view, that it reads.").required(),
        Field::new(
            "sourceKind",
            Shape::Enum(&["table", "materialized-view"]),
            "What the source is; default `table`. A view as a source keeps one record of each key by `take_any(*)`.",
        ),
        Field::new("query", Shape::Kql(KqlForm::Body), "The query, which ends with its only `summarize`; text or `{file: PATH}`.").required(),
        Field::new("docString", Shape::Text, "What the view gives; unset when empty."),
        Field::new("folder", Shape::Text, "The folder in which tools show it; unset when empty."),
        Field::new("isEnabled", Shape::Bool, "Whether the service fills it; true when it is created. The service itself disables a view whose source has got other columns."),
        Field::new("autoUpdateSchema", Shape::Bool, "Whether it takes in new columns of the source; only for `arg_max(ts, *)`, `arg_min(ts, *)` and `take_any(*)`; default false."),
        Field::new("lookback", Shape::Duration, "How late a duplicate may come; only for `arg_max`, `arg_min` and `take_any`; null for no bound."),
        Field::new("lookbackColumn", Shape::Name(NameRule::Entity), "The datetime column of the source by which `lookback` counts, instead of the ingestion time; set once."),
        Field::new("dimensionTables", Shape::Set(&Shape::Name(NameRule::Entity)), "The other tables that the query reads; the service does not give them back, so they are never compared.")
            .role(Role::CreateOnly),
        Field::new("backfill", Shape::Bool, "Whether records that the source holds already are taken in; default false. Never compared.")
            .role(Role::CreateOnly),
        Field::new("effectiveDateTime", Shape::DateTime, "With `backfill`: the ingestion time from which records are taken in. Never compared.")
            .role(Role::CreateOnly),
        Field::new("updateExtentsCreationTime", Shape::Bool, "With `backfill`: whether the creation time of the view's extents follows its datetime key. Never compared.")
            .role(Role::CreateOnly),
        Field::new("maxSourceRecordsForSingleIngest", Shape::Int(1, i64::MAX), "With `backfill`: how many source records one ingestion takes for each node; default 2 million. Never compared.")
            .role(Role::CreateOnly),
        Field::new("concurrency", Shape::Int(1, 1000), "With `backfill`: how many ingestions run together; default 1. Never compared.")
            .role(Role::CreateOnly),
    ],
    may_rename: true,
    ..About::BASE
};

/// Properties that no stage compares, which a definition carries along.
const WRITE_ONLY: [&str; 6] = [
    "dimensionTables",
    "backfill",
    "effectiveDateTime",
    "updateExtentsCreationTime",
    "maxSourceRecordsForSingleIngest",
    "concurrency",
];

impl Kind for MaterializedView {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[SHOW] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Some(views) = database(reply)?.shows.get(SHOW) else { return Ok(Vec::new()) };
        let is_view = |name: &str| views.iter().any(|row| row.text("Name") == name);
        let found = views.iter().map(|row| {
            let source = row.text("SourceTable");
            let mut raw = Body::new()
                .with("source", source)
                .with("query", query_of(row.text("Query"), source))
                .with("docString", row.text("DocString"))
                .with("folder", row.text("Folder"));
            if is_view(source) {
                raw.set("sourceKind", "materialized-view");
            }
            for (name, column) in [("isEnabled", "IsEnabled"), ("autoUpdateSchema", "AutoUpdateSchema")] {
                if let Some(value) = flag(row, column) {
                    raw.set(name, value);
                }
            }
            for (name, column) in [("lookback", "Lookback"), ("lookbackColumn", "LookbackColumn")] {
                if !row.text(column).is_empty() {
                    raw.set(name, row.text(column));
                }
            }
            let body = shape::canonical_body(ABOUT.fields, &raw)?;
            let path = vec![("materializedViews", row.text("Name").to_owned())];
            Ok(Found { path, body, ..Found::default() })
        });
        found.collect()
    }

    /// The default kind of source is its absence, so that saying it and not saying it are the same.
    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let mut after = shape::overlay(ABOUT.fields, live.unwrap_or(&Body::new()), wanted);
        let kind = match (wanted.text("sourceKind"), live) {
            (Some(kind), _) => Some(kind.to_owned()),
            (None, Some(live)) if live.text("source") == wanted.text("source") => {
                live.text("sourceKind").map(str::to_owned)
            }
            (None, _) => None,
        };
        after.remove("sourceKind");
        if kind.as_deref() == Some("materialized-view") {
            after.set("sourceKind", "materialized-view");
        }
        for (name, usual) in [("isEnabled", true), ("autoUpdateSchema", false)] {
            if after.get(name) == Some(&Value::Null) {
                after.set(name, usual);
            }
        }
        settle_by_query(&mut after, wanted);
        after
    }

    fn replaces(&self, change: &Change) -> bool {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
        let other = |name| before.text(name).unwrap_or_default() != after.text(name).unwrap_or_default();
        let moved = before.text("lookbackColumn").is_some() && other("lookbackColumn");
        other("source") || other("sourceKind") || moved || has_other_keys(before, after)
    }

    /// What a new query could contradict is turned off before it, and what needs it comes after.
    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let Some(after) = &change.after else { return Vec::new() };
        let Some(before) = &change.before else {
            // A view is enabled when it is created.
            let is_off = is(after, "isEnabled") == Some(false);
            return is_off.then(|| after.clone().with("isEnabled", true)).into_iter().collect();
        };
        let mut stages = Vec::new();
        let mut now = before.clone();
        let mut to = |names: &[&str], now: &mut Body| {
            let mut next = now.clone();
            names.iter().for_each(|name| take(&mut next, after, name));
            if !shape::same_bodies(ABOUT.fields, now, &next) {
                *now = next.clone();
                stages.push(next);
            }
        };
        if is(after, "autoUpdateSchema") == Some(false) {
            to(&["autoUpdateSchema"], &mut now);
        }
        if after.get("lookback").is_none_or(Value::is_unset) {
            to(&["lookback"], &mut now);
        }
        to(&[["query"].as_slice(), &WRITE_ONLY].concat(), &mut now);
        let is_same = now.get("query") == before.get("query");
        for name in ["docString", "folder", "autoUpdateSchema", "lookback", "lookbackColumn"] {
            to(&[name], &mut now);
        }
        // A view that the service has disabled fits its source only after it is altered, be it by the same query.
        if is_same && is(before, "isEnabled") == Some(false) && is(after, "isEnabled") == Some(true) {
            stages.push(now.clone());
        }
        if shape::same_bodies(ABOUT.fields, &now, after) {
            stages.pop();
        }
        stages
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        if let Some(names) = &change.rename {
            return Ok(in_database(at, rename::command(names)));
        }
        let command = match (&change.before, &change.after) {
            (_, None) => Command::new(".drop materialized-view").name(at.name()),
            (Some(before), Some(after)) if !self.replaces(change) => update(at.name(), before, after)?,
            (_, Some(after)) if is(after, "backfill") == Some(true) => {
                let create = create(Command::new(".create async materialized-view"), at.name(), after)?;
                return Ok(Request::kusto_operation(&at.cluster(), at.database(), create, CREATES));
            }
            (_, Some(after)) => create(Command::new(".create materialized-view"), at.name(), after)?,
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        let (rows, bytes) = (at.resource.rows, at.resource.bytes);
        let what = match (&change.before, &change.after) {
            (None, _) => return Loss::none(),
            (Some(_), None) => dropped(at),
            (Some(_), Some(_)) if self.replaces(change) => dropped(at),
            (Some(before), Some(after)) => match lost(before, after) {
                Some(what) => what,
                None => return Loss::none(),
            },
        };
        Loss::new(LossClass::Irreversible, what).of(rows, bytes)
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let loss = self.loss(at, change);
        let back = change.invert();
        match loss.class {
            LossClass::Irreversible => Undo::Never(loss.what),
            _ if self.replaces(&back) => Undo::Never("a lookback column that is set stays".to_owned()),
            _ => self.requests(at, &back).map_or_else(Undo::Never, Undo::By),
        }
    }

    fn notes(&self, _at: &At<'_>, change: &Change) -> Vec<String> {
        let Some(after) = &change.after else { return Vec::new() };
        let fills = is(after, "backfill") == Some(true);
        let mut notes = Vec::new();
        match &change.before {
            Some(before) if self.replaces(change) => {
                let why = reason(before, after);
                notes.push(format!(
                    "it is dropped and created again, because {why}; until then it cannot be queried"
                ));
                if !fills {
                    notes.push("without `backfill` it begins empty".to_owned());
                }
            }
            Some(before) if before.get("query") != after.get("query") => notes.push(
                "the new query holds for records ingested from now on; existing ones are not computed anew"
                    .to_owned(),
            ),
            _ => {}
        }
        let is_created = change.before.is_none() || self.replaces(change);
        if fills && is_created {
            notes.push("it can be queried only when its backfill has ended, which takes the longer the more the source holds".to_owned());
        }
        notes
    }

    fn seconds(&self, change: &Change) -> u32 {
        let fills = |body: &Body| is(body, "backfill") == Some(true);
        if change.before.is_none() && change.after.as_ref().is_some_and(fills) { 60 } else { 1 }
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some((parent, _)) = at.ancestor("database") else { return Vec::new() };
        let body = &at.resource.body;
        let need = |collection, name: &str, field: &str| {
            let (parent, name, field) = (parent.clone(), name.to_owned(), vec![field.to_owned()]);
            Need { parent, collection, name, field, required: true }
        };
        let collection = match body.text("sourceKind") {
            Some("materialized-view") => "materializedViews",
            _ => "tables",
        };
        let mut needs: Vec<Need> =
            body.text("source").map(|name| need(collection, name, "source")).into_iter().collect();
        let dimensions = body.get("dimensionTables").and_then(Value::as_list).unwrap_or_default();
        needs.extend(
            dimensions.iter().filter_map(Value::as_text).map(|name| need("tables", name, "dimensionTables")),
        );
        needs.extend(used(at));
        needs
    }

    fn reads_columns(&self) -> bool {
        true
    }

    /// No view reads a table that keeps nothing, has no ingestion times, or is restricted.
    fn waits(&self, at: &At<'_>, live: &Inventory) -> Vec<Address> {
        let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
        let mut found = rename::readers(at, live);
        let source = at.resource.body.text("source").unwrap_or_default();
        let Some((table, _)) = at.named(&database, "tables", source) else { return found };
        let policies = ["ingestionTime", "retention", "restrictedViewAccess"];
        let policies = policies.into_iter().map(|policy| table.child("policies", policy));
        found.extend(policies.filter(|policy| live.get(policy).is_some()));
        found
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let body = &at.resource.body;
        let mut findings = Vec::new();
        let mut complain = |field: &str, message: String, help: &str| {
            findings.push(Finding::new(&[field], message, help));
        };
        if is(body, "backfill") != Some(true) {
            for (name, _) in OF_BACKFILL.iter().filter(|(name, _)| body.get(name).is_some()) {
                complain(
                    name,
                    format!("`{name}` tunes a backfill, and there is none"),
                    "say `backfill: true`",
                );
            }
        }
        let query = body.text("query").unwrap_or_default();
        if let Err(why) = Block::new(&format!("{{\n{query}\n}}")) {
            complain("query", format!("this is not KQL: {why}"), "correct the text");
            return findings;
        }
        let Some(summary) = summary::read(query) else {
            if body.text("query").is_some() {
                let help = "end it with the aggregation that the view keeps";
                complain("query", "the query of a materialized view ends with `summarize`".to_owned(), help);
            }
            return findings;
        };
        if is(body, "autoUpdateSchema") == Some(true) && !summary.takes_all {
            let message = "only a view that takes every column can follow the source's schema".to_owned();
            complain("autoUpdateSchema", message, "aggregate by arg_max(…, *), arg_min(…, *) or take_any(*)");
        }
        if body.get("lookback").and_then(Value::as_time).is_some() && !summary.picks {
            let message = "a lookback is for views of arg_max, arg_min and take_any".to_owned();
            complain("lookback", message, "leave it out");
        }
        findings
    }
}

/// The query as the spec would have it: without braces, and with the source at its head.
fn query_of(text: &str, source: &str) -> String {
    let text = KqlForm::Body.canonical(text);
    if text.starts_with('|') {
        format!("{}\n{text}", crate::model::command::quoted_name(source))
    } else {
        text
    }
}

/// A column of a reply that is true or false, be it as a number or a text.
fn flag(row: Row<'_>, column: &str) -> Option<bool> {
    let value = row.get(column)?;
    value.as_bool().or_else(|| value.as_i64().map(|n| n != 0)).or_else(|| match value.as_str()? {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    })
}

fn is(body: &Body, name: &str) -> Option<bool> {
    body.get(name).and_then(Value::as_bool)
}

/// Takes one property over, be it present or absent.
fn take(body: &mut Body, from: &Body, name: &str) {
    match from.get(name) {
        Some(value) => body.set(name, value.clone()),
        None => drop(body.remove(name)),
    }
}

/// What the query cannot have, and the spec does not ask for, does not stay.
fn settle_by_query(after: &mut Body, wanted: &Body) {
    let Some(summary) = summary::read(after.text("query").unwrap_or_default()) else { return };
    if !summary.takes_all
        && wanted.get("autoUpdateSchema").is_none()
        && is(after, "autoUpdateSchema") == Some(true)
    {
        after.set("autoUpdateSchema", false);
    }
    if !summary.picks && wanted.get("lookback").is_none() {
        after.remove("lookback");
    }
}

fn summaries(before: &Body, after: &Body) -> Option<(Summary, Summary)> {
    let read = |body: &Body| summary::read(body.text("query").unwrap_or_default());
    Some((read(before)?, read(after)?))
}

fn has_other_keys(before: &Body, after: &Body) -> bool {
    summaries(before, after).is_some_and(|(before, after)| before.keys != after.keys)
}

/// Why a view must be made anew.
fn reason(before: &Body, after: &Body) -> &'static str {
    let same = |name| before.text(name) == after.text(name);
    if !same("source") || !same("sourceKind") {
        "its `source` cannot change"
    } else if has_other_keys(before, after) {
        "the group-by keys of its `query` cannot change"
    } else {
        "its `lookbackColumn` cannot change"
    }
}

fn dropped(at: &At<'_>) -> String {
    let fills = is(&at.resource.body, "backfill") == Some(true);
    let back = if fills {
        "a backfill brings back only what the source still holds"
    } else {
        "nothing brings them back"
    };
    format!("the view and its records are dropped; {back}")
}

/// What a change of the query takes from the records that are there.
fn lost(before: &Body, after: &Body) -> Option<String> {
    if before.get("query") == after.get("query") {
        return None;
    }
    let Some((before, after)) = summaries(before, after) else {
        return Some("the values that the new query no longer gives are gone for good".to_owned());
    };
    let gone: Vec<String> = before.values.difference(&after.values).map(|name| format!("`{name}`")).collect();
    (!gone.is_empty()).then(|| format!("the values of {} are gone for good", gone.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    const AT: &str = "materializedViews.V";

    #[test]
    fn is_altered_property_by_property() {
        let one = json!({"source": "T", "query": "T | summarize arg_max(a, *) by b", "autoUpdateSchema": true, "lookback": "6h"});
        let two = json!({"source": "T", "query": "{ T | summarize max(a) by b }", "autoUpdateSchema": false, "lookback": null,
            "docString": "d", "dimensionTables": ["D"]});
        assert_eq!(
            steps("materializedView", AT, one, two),
            [
                ".alter materialized-view V autoUpdateSchema false",
                "  undo .alter materialized-view V autoUpdateSchema true",
                ".alter materialized-view V lookback timespan(null)",
                "  undo .alter materialized-view V lookback time(06:00:00)",
                r#".alter materialized-view with (dimensionTables = dynamic([ "D" ])) V on table T { T | summarize max(a) by b } [irreversible]"#,
                "  never: the values of `arg_max(a,*)` are gone for good",
                r#".alter materialized-view V docstring "d""#,
                r#"  undo .alter materialized-view V docstring """#,
            ]
        );
    }

    #[test]
    fn is_altered_before_it_is_enabled() {
        let body = |on: bool| json!({"source": "T", "query": "T | summarize count() by b", "isEnabled": on});
        let alter = ".alter materialized-view V on table T { T | summarize count() by b }";
        assert_eq!(
            steps("materializedView", AT, body(false), body(true)),
            [
                alter.to_owned(),
                format!("  undo {alter}"),
                ".enable materialized-view V".to_owned(),
                "  undo .disable materialized-view V".to_owned(),
            ]
        );
    }

    #[test]
    fn what_cannot_be_altered_is_dropped_and_made_again() {
        let read = |json: serde_json::Value| crate::kind::entity::tests::body("materializedView", &json);
        let live = read(
            json!({"source": "T", "query": "T | summarize n = count() by a, b", "lookbackColumn": "ts"}),
        );
        for (property, value, replaced) in [
            ("source", "U", true),
            ("query", "T | summarize n = count() by a", true),
            ("query", "T | where a > 1 | summarize m = count() by b, a", false),
            ("lookbackColumn", "other", true),
            ("folder", "f", false),
        ] {
            let change = Change::new(Some(live.clone()), Some(live.clone().with(property, value)));
            assert_eq!(MaterializedView.replaces(&change), replaced, "{property}: {value}");
        }
        let given_once = Change::new(Some(live.clone().without("lookbackColumn")), Some(live));
        assert!(!MaterializedView.replaces(&given_once));
    }

    #[test]
    fn reads_a_query_without_its_source() {
        assert_eq!(query_of("| summarize count()", "my T"), "['my T']\n| summarize count()");
        assert_eq!(query_of("{ T | summarize count() }", "T"), "T | summarize count()");
    }
}
