//! Mappings of external tables. There is no command that creates or alters: a new one is created, another altered.

use super::mapping::{Places, TRANSFORMS, columns_of, elements, ordered, respelt, sent};
use super::{database, in_database};
use crate::kind::replies::Reply;
use crate::kind::script::Says;
use crate::kind::shape::{self, Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Source};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss, Resource};

/// A mapping of an external table.
pub(super) struct ExternalMapping;

const ELEMENT: &[Field] = &[
    Field::new("ordinal", Shape::Int(0, 9_999), "The position in the line, from 0 (delimited formats)."),
    Field::new("path", Shape::Text, "The path of the value, such as `$.state` (all other formats)."),
    Field::new("field", Shape::Text, "The name of the value's field: the same as the path `$.NAME`."),
    Field::new("constValue", Shape::Text, "A constant in place of a value."),
    Field::new("transform", Shape::OpenEnum(TRANSFORMS), "What is done to the value."),
];

const COLUMN: Shape = Shape::Object { fields: ELEMENT, short: &["ordinal", "path"] };

const ABOUT: About = About {
    name: "externalMapping",
    collection: "mappings",
    parents: &["externalTable"],
    names: NameRule::Label,
    doc: "A mapping of an external table: which part of its files is read as which column.",
    page: "https://learn.microsoft.com/kusto/management/external-table-mapping-create",
    example: "mappings:\n  Paths: {columns: {State: $.state, Source: {constValue: feed}}}\n",
    fields: &[Field::new(
        "columns",
        Shape::OrderedMap(&COLUMN),
        "Per column its place in the data: a position, a path, or `{ordinal, path, field, constValue, transform}`.",
    )
    .required()],
    ..About::BASE
};

/// By position in the line, as only delimited formats are.
fn family(body: &Body) -> &'static str {
    let columns = columns_of(body);
    let ordinal = |(_, element): (_, &Value)| element.as_map().is_some_and(|e| e.get("ordinal").is_some());
    if columns.iter().any(ordinal) { "csv" } else { "json" }
}

impl Kind for ExternalMapping {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        for statement in &database(reply)?.script {
            let Says::Mapping { scope, entity, name, json, .. } = &statement.says else { continue };
            if scope != "external table" {
                continue;
            }
            let json = serde_json::from_str(json).map_err(|why| format!("{why}, in the mapping `{name}`"))?;
            let body = shape::canonical_body(
                ABOUT.fields,
                &Body::new().with("columns", elements(&json, &mut Places::new())?),
            )?;
            let path = vec![("externalTables", entity.clone()), ("mappings", name.clone())];
            found.push(Found { path, body, ..Found::default() });
        }
        Ok(found)
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map_or_else(Body::new, |live| live.body.clone());
        let after = shape::overlay(ABOUT.fields, &live, wanted);
        let known = columns_of(&live);
        let columns = columns_of(&after).into_iter().map(|(name, element)| {
            let both = element.as_map().zip(known.get(&name).and_then(Value::as_map));
            let respelt = both.map(|(element, live)| Value::Map(respelt(element.clone(), live)));
            (name, respelt.unwrap_or(element))
        });
        let columns: Body = columns.collect();
        after.with("columns", ordered(columns, &known))
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (_, table) = at.parent().ok_or("a mapping stands in an external table that is not there")?;
        let words = match (&change.before, &change.after) {
            (_, None) => ".drop external table",
            (None, Some(_)) => ".create external table",
            (Some(_), Some(_)) => ".alter external table",
        };
        let command = Command::new(words).name(&table.name).word("mapping").text(at.name());
        let command = match &change.after {
            Some(after) => command.json(&sent(family(after), after)),
            None => command,
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let table = at.parent().map(|(_, table)| &table.body);
        if table.and_then(|body| body.text("kind")) == Some("sql") {
            let message = "a table of another database has no mappings";
            findings.push(Finding::new(&[], message, "take the mapping away"));
        }
        let known = table.and_then(|body| body.get("columns")?.as_map());
        for name in columns_of(&at.resource.body).names() {
            if let Some(known) = known.filter(|known| known.get(name).is_none()) {
                let message = format!("the mapping names the column `{name}`, which its table does not have");
                let help = "add the column to the table, or correct the name";
                let mut finding = Finding::new(&["columns", name], message, help);
                finding.candidates = known.names().map(str::to_owned).collect();
                findings.push(finding);
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_created_then_altered_and_dropped() {
        let (one, two) =
            (json!({"columns": {"a": "$.x"}}), json!({"columns": {"a": {"constValue": "it's"}}}));
        let at = "externalTables.E.mappings.m";
        let text = r#"'[{"Column":"a","Properties":{"Path":"$.x"}}]'"#;
        let drop = r#".drop external table E mapping "m""#;
        assert_eq!(
            steps("externalMapping", at, json!(null), one.clone()),
            [format!(r#".create external table E mapping "m" {text}"#), format!("  undo {drop}")]
        );
        assert_eq!(
            steps("externalMapping", at, one.clone(), two)[1],
            format!(r#"  undo .alter external table E mapping "m" {text}"#)
        );
        assert_eq!(
            steps("externalMapping", at, one, json!(null)),
            [drop.to_owned(), format!(r#"  undo .create external table E mapping "m" {text}"#)]
        );
    }
}
