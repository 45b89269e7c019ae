//! The query acceleration policy: data of a Delta Lake that is kept on fast storage.
//!
//! The schema script is not known to give it, so that it is read by the command for all external tables.

use super::{BASE, Policy, flag};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{self, About, At, Finding, Keyed};
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::inventory::Inventory;
use crate::model::request::Request;
use crate::model::{Address, Change};

const WINDOW: &[Field] = &[
    Field::new("minValue", Shape::DateTime, "When the window begins.").required(),
    Field::new("maxValue", Shape::DateTime, "When it ends.").required(),
];

const ABOUT: About = About {
    name: "queryAccelerationPolicy",
    keyed: Keyed::Fixed("queryAcceleration"),
    parents: &["externalTable"],
    doc: "Which data of a Delta Lake is kept on fast storage, so that queries of the external table do not wait for \
          it.",
    page: "https://learn.microsoft.com/kusto/management/query-acceleration-policy",
    example: "policies:\n  queryAcceleration: {hot: 30d, maxAge: 10m}\n",
    short: &["hot"],
    fields: &[
        Field::new("isEnabled", Shape::Bool, "Whether data is kept; default true."),
        Field::new("hot", Shape::Duration, "How far back data is kept, at least one day.").required(),
        Field::new("hotWindows", Shape::List(&Shape::object(WINDOW)), "Other times whose data is kept."),
        Field::new(
            "maxAge",
            Shape::Duration,
            "How old an answer may be, at least one minute; default 5 minutes.",
        ),
        Field::new(
            "managedIdentity",
            Shape::Text,
            "The identity that reads the data: `system`, or its object id.",
        ),
        Field::new(
            "hotDateTimeColumn",
            Shape::Name(NameRule::Entity),
            "The datetime column by which `hot` and `hotWindows` go; when left out, the files' own age.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || {
        Body::new()
            .with("isEnabled", true)
            .with("hotWindows", Vec::new())
            .with("maxAge", Value::Time(Ticks::seconds(300)))
    },
    database_shows: &[".show external table * policy query_acceleration"],
    before_undo: Some(before_undo),
    waits,
    check,
    ..Policy::of(&ABOUT, "query_acceleration")
};

/// A schema that follows the lake stops doing so before the policy is switched off again.
fn before_undo(at: &At<'_>, change: &Change) -> Vec<Request> {
    let Some((address, table)) = at.parent().filter(|(_, table)| flag(Some(&table.body), FOLLOWS)) else {
        return Vec::new();
    };
    let stays = flag(change.before.as_ref(), "isEnabled");
    let Some(kind) = kind::by_name(table.kind).filter(|_| !stays) else { return Vec::new() };
    let at = At { address: &address, resource: table, world: at.world };
    let still = table.body.clone().with(FOLLOWS, false);
    kind.request(&at, &Change::new(Some(table.body.clone()), Some(still))).into_iter().collect()
}

/// The property of the table by which its schema follows the lake.
const FOLLOWS: &str = "autoUpdateSchema";

/// A schema that follows the lake needs the policy, so that the table changes first.
fn waits(at: &At<'_>, live: &Inventory) -> Vec<Address> {
    let table = at.parent().and_then(|(address, _)| live.get(&address).map(|table| (address, table)));
    table
        .filter(|(_, table)| flag(Some(&table.body), FOLLOWS))
        .map(|(address, _)| address)
        .into_iter()
        .collect()
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let mut findings = Vec::new();
    let mut wrong =
        |field: &[&str], message: String, help: &str| findings.push(Finding::new(field, message, help));
    let table = at.parent().map(|(_, table)| &table.body);
    if let Some(kind) = table.and_then(|table| table.text("kind")).filter(|kind| *kind != "delta") {
        let message = format!("an external table of the kind {kind} is not accelerated");
        wrong(&[], message, "take the policy away; only `delta` has it");
    }
    for (name, least) in [("hot", Ticks::days(1)), ("maxAge", Ticks::seconds(60))] {
        if body.get(name).and_then(Value::as_time).is_some_and(|time| time < least) {
            wrong(&[name], format!("`{name}` is less than {least}"), "make it longer");
        }
    }
    let columns = table.and_then(|table| table.get("columns")).and_then(Value::as_map);
    if let (Some(columns), Some(column)) = (columns, body.text("hotDateTimeColumn"))
        && columns.get(column).and_then(Value::as_text) != Some("datetime")
    {
        let message = format!("the table has no datetime column {column:?}");
        wrong(&["hotDateTimeColumn"], message, "correct the name");
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_sample_of_the_service_is_read() {
        for json in [
            json!({"IsEnabled": true, "Hot": "1.00:00:00", "HotWindows": [{"MinValue": "2025-07-07 07:00:00", "MaxValue": "2025-07-08"}], "MaxAge": "5m"}),
            json!({"IsEnabled": true, "Hot": "1.00:00:00", "HotWindows": [{"MinValue": "2025-07-07T07:00:00Z", "MaxValue": "2025-07-08T00:00:00Z"}], "MaxAge": "00:05:00", "ManagedIdentity": null}),
        ] {
            let body = (POLICY.from_json)(&POLICY, &json).unwrap();
            assert_eq!(
                body.shown(),
                json!({"isEnabled": true, "hot": "1.00:00:00", "maxAge": "00:05:00",
                    "hotWindows": [{"minValue": "2025-07-07T07:00:00Z", "maxValue": "2025-07-08T00:00:00Z"}]})
            );
        }
    }
}
