//! Ingestion mappings.

mod sent;

use super::{database, in_database};
use crate::kind::replies::Reply;
use crate::kind::script::Says;
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss, word};
use arcstr::ArcStr;
use serde::Deserialize;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(super) use sent::sent;

/// An ingestion mapping: which part of incoming data goes into which column.
pub(super) struct Mapping;

const KIND_WORDS: &[&str] =
    &["csv", "json", "avro", "apacheavro", "parquet", "orc", "w3clogfile", "azmonstream"];

pub(super) const TRANSFORMS: &[&str] = &[
    "PropertyBagArrayToDictionary",
    "SourceLocation",
    "SourceLineNumber",
    "DateTimeFromUnixSeconds",
    "DateTimeFromUnixMilliseconds",
    "DateTimeFromUnixMicroseconds",
    "DateTimeFromUnixNanoseconds",
    "DropMappedFields",
    "BytesAsBase64",
];

const ELEMENT: &[Field] = &[
    Field::new("ordinal", Shape::Int(0, 9_999), "The position in the line, from 0 (csv)."),
    Field::new("path", Shape::Text, "The path of the value, such as `$.state` (all formats but csv)."),
    Field::new(
        "field",
        Shape::Text,
        "The name of the value's field (avro, apacheavro, parquet, orc, w3clogfile): the same as the path `$.NAME`.",
    ),
    Field::new("constValue", Shape::Text, "A constant in place of a value."),
    Field::new("transform", Shape::OpenEnum(TRANSFORMS), "What is done to the value."),
    Field::new(
        "type",
        Shape::ScalarType,
        "The column's type, used by the service only to create missing columns.",
    ),
];

const COLUMN: Shape = Shape::Object { fields: ELEMENT, short: &["ordinal", "path"] };

const ABOUT: About = About {
    name: "mapping",
    collection: "mappings",
    parents: &["table", "database"],
    names: NameRule::Label,
    told_by: "kind",
    plane: Plane::Kusto,
    doc: "An ingestion mapping: which part of incoming data goes into which column of the table. Data connections \
          refer to it by name. One of a database serves every table that has none of that name.",
    page: "https://learn.microsoft.com/kusto/management/create-ingestion-mapping-command",
    example: "mappings:\n  StormEvents_CSV_Mapping: {kind: csv, columns: {StartTime: 0, State: 1}}\n  Storms_JSON: {kind: json, columns: {State: $.state, Source: {constValue: feed}}}\n",
    fields: &[
        Field::new("kind", Shape::Enum(KIND_WORDS), "The format's family; `csv` serves every delimited format.")
            .required()
            .role(Role::Immutable),
        Field::new(
            "columns",
            Shape::OrderedMap(&COLUMN),
            "Per column its place in the data: a position (csv), a path, or `{ordinal, path, field, constValue, transform, \
             type}`.",
        )
        .required(),
    ],
    ..About::BASE
};

/// The formats that one kind of mapping serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The mapping's kind.
    pub kind: &'static str,
    /// The data formats, in the service's spelling.
    pub formats: &'static [&'static str],
}

/// Which kind of mapping a data format needs; `None` for a format that knows no mapping.
///
/// <https://learn.microsoft.com/kusto/management/mappings>
pub fn family_of(format: &str) -> Option<Family> {
    const FAMILIES: [Family; 8] = [
        Family { kind: "csv", formats: &["CSV", "TSV", "PSV", "SCSV", "SOHSV", "TSVE", "TXT", "RAW"] },
        Family { kind: "json", formats: &["JSON", "MULTIJSON", "SINGLEJSON"] },
        Family { kind: "avro", formats: &["AVRO"] },
        Family { kind: "apacheavro", formats: &["APACHEAVRO"] },
        Family { kind: "parquet", formats: &["PARQUET"] },
        Family { kind: "orc", formats: &["ORC"] },
        Family { kind: "w3clogfile", formats: &["W3CLOGFILE"] },
        Family { kind: "azmonstream", formats: &["AZMONSTREAM"] },
    ];
    FAMILIES.into_iter().find(|family| family.formats.iter().any(|f| f.eq_ignore_ascii_case(format)))
}

impl Kind for Mapping {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let mut found: Vec<Found> = Vec::new();
        let mut places = Places::new();
        for statement in &database(reply)?.script {
            let Says::Mapping { scope, entity, kind, name, json } = &statement.says else { continue };
            let parent = match scope.as_str() {
                "table" => Some(("tables", entity.clone())),
                "database" => None,
                _ => continue,
            };
            let of = |columns: Body| Body::new().with("kind", word(kind)).with("columns", columns);
            let short = plain(json, &mut places).filter(|_| KIND_WORDS.contains(&kind.as_str()));
            let body = match short {
                Some(columns) => of(columns),
                None => {
                    let json = serde_json::from_str(json);
                    let json = json.map_err(|why| format!("{why}, in the mapping `{name}`"))?;
                    shape::canonical_body(ABOUT.fields, &of(elements(&json, &mut places)?))?
                }
            };
            let path = parent.into_iter().chain([("mappings", name.clone())]).collect();
            found.push(Found { path, body, ..Found::default() });
        }
        Ok(found)
    }

    /// A type that the spec leaves out is the service's affair, and so is which of its two spellings a source has.
    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let after = shape::overlay(ABOUT.fields, live.unwrap_or(&Body::new()), wanted);
        let Some(live) = live.map(columns_of) else { return after };
        let columns = columns_of(&after);
        if columns == live {
            return after;
        }
        let columns = columns.into_iter().enumerate().map(|(at, (name, element))| {
            let mut element = element.as_map().cloned().unwrap_or_default();
            if let Some(live) = live.near(at, &name).and_then(Value::as_map) {
                if let (None, Some(word)) = (element.get("type"), live.get("type")) {
                    element.set("type", word.clone());
                }
                element = respelt(element, live);
            }
            (name, Value::Map(element))
        });
        let columns: Body = columns.collect();
        after.with("columns", ordered(columns, &live))
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (_, parent) = at.parent().ok_or("a mapping stands in something that is not there")?;
        let body = change.after.as_ref().or(change.before.as_ref()).ok_or("nothing changes")?;
        let text = body.text("kind").unwrap_or_default();
        let kind = KIND_WORDS.iter().find(|word| **word == text).ok_or("`kind` is missing")?;
        let words = match (&change.after, parent.kind) {
            (Some(_), "database") => ".create-or-alter database",
            (Some(_), _) => ".create-or-alter table",
            (None, "database") => ".drop database",
            (None, _) => ".drop table",
        };
        let command = Command::new(words)
            .name(&parent.name)
            .word("ingestion")
            .word(kind)
            .word("mapping")
            .text(at.name());
        let command = if change.after.is_some() { command.json(&sent(kind, body)) } else { command };
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let kind = at.resource.body.text("kind").unwrap_or_default();
        let table = at.parent().map(|(_, table)| &table.body).and_then(|body| body.get("columns")?.as_map());
        let columns = columns_of(&at.resource.body);
        let elements = columns.iter().filter_map(|(name, element)| Some((name, element.as_map()?)));
        let elements = elements.enumerate();
        elements.flat_map(|(at, (name, element))| findings(kind, table, (at, name), element)).collect()
    }
}

/// Columns in the order of live, where nothing else differs: their order means nothing.
pub(super) fn ordered(columns: Body, live: &Body) -> Body {
    let is_same = columns.iter().count() == live.iter().count()
        && columns.iter().enumerate().all(|(at, (name, element))| live.near(at, name) == Some(element));
    if is_same { live.clone() } else { columns }
}

/// An element whose path or field is spelt as in live, where both mean the same.
pub(super) fn respelt(element: Body, live: &Body) -> Body {
    let meant = |body: &Body| match (body.text("path"), body.text("field")) {
        (Some(path), None) => plain_field(path),
        (None, Some(field)) => Some(field.to_owned()),
        _ => None,
    };
    let same = meant(&element).is_some_and(|field| meant(live) == Some(field));
    let spelling = ["path", "field"].into_iter().find_map(|word| Some((word, live.get(word)?.clone())));
    match spelling.filter(|_| same) {
        Some((word, value)) => element.without("path").without("field").with(word, value),
        None => element,
    }
}

/// The field that a path of one step names.
fn plain_field(path: &str) -> Option<String> {
    let step = path.strip_prefix('$')?;
    let plain = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.is_empty();
    let quoted =
        |quote: &str| step.strip_prefix('[')?.strip_prefix(quote)?.strip_suffix(']')?.strip_suffix(quote);
    let found = step.strip_prefix('.').filter(plain).or_else(|| quoted("'")).or_else(|| quoted("\""));
    found.filter(|name| !name.contains(['\'', '"', '\\'])).map(str::to_owned)
}

fn findings(kind: &str, table: Option<&Body>, (at, name): (usize, &ArcStr), element: &Body) -> Vec<Finding> {
    let mut findings = Vec::new();
    let has = table.is_none_or(|table| table.near(at, name).is_some());
    let is_plain =
        kind == "csv" && element.len() == 1 && matches!(element.get("ordinal"), Some(Value::Int(_)));
    if has && is_plain {
        return findings;
    }
    let name: &str = name;
    if let Some(table) = table.filter(|_| !has) {
        let message = format!("the mapping names the column `{name}`, which its table does not have");
        let mut finding =
            Finding::new(&["columns", name], message, "add the column to the table, or correct the name");
        finding.candidates = table.names().map(str::to_owned).collect();
        findings.push(finding);
    }
    let given = |part| element.get(part).is_some_and(|value| !value.is_unset());
    let sources: Vec<&str> =
        ["ordinal", "path", "field", "constValue"].into_iter().filter(|part| given(part)).collect();
    let source_location = element.text("transform").is_some_and(|t| t.starts_with("Source"));
    let wrong = match (kind, sources.as_slice()) {
        ("csv", ["path", ..]) => {
            Some(("path", "a csv mapping goes by position: give `ordinal`, counted from 0"))
        }
        ("csv", ["field", ..]) => {
            Some(("field", "a csv mapping goes by position: give `ordinal`, counted from 0"))
        }
        ("json" | "azmonstream", ["field", ..]) => {
            Some(("field", "this format has no fields: give `path`, such as `$.state`"))
        }
        (kind, ["ordinal", ..]) if kind != "csv" => {
            Some(("ordinal", "only csv mappings go by position: give `path`"))
        }
        (_, []) if !source_location => {
            Some(("", "say where the value comes from: a position, a path or a constant"))
        }
        (_, [_, second, ..]) => Some((*second, "a column has one source; take the other away")),
        _ => None,
    };
    if let Some((part, help)) = wrong {
        let field: Vec<&str> =
            ["columns", name].into_iter().chain((!part.is_empty()).then_some(part)).collect();
        findings.push(Finding::new(
            &field,
            format!("the column `{name}` cannot be filled by this {kind} mapping"),
            help,
        ));
    }
    findings
}

pub(super) fn columns_of(body: &Body) -> Body {
    body.get("columns").and_then(Value::as_map).cloned().unwrap_or_default()
}

/// The elements of a mapping by column, from any of the forms in which the service gives them back.
pub(super) fn elements(json: &Json, places: &mut Places) -> Result<Body, String> {
    let list = json.as_array().ok_or_else(|| format!("a mapping is a list, found {json}"))?;
    list.iter().map(|json| element(json).map(|(name, element)| (name, shared(element, places)))).collect()
}

/// Elements that are nothing but a position, by it: each kept once.
pub(super) type Places = BTreeMap<i64, Value>;

/// An element that is nothing but a position or a path, as the service writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(borrow, alias = "Column")]
    column: Cow<'a, str>,
    #[serde(borrow, default, alias = "DataType")]
    datatype: Cow<'a, str>,
    #[serde(borrow, rename = "Properties")]
    properties: Whence<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whence<'a> {
    #[serde(borrow, default, rename = "Ordinal")]
    ordinal: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "Path")]
    path: Option<Cow<'a, str>>,
}

/// What [`elements`] gives for a mapping whose elements are all nothing but positions or paths, which most are; `None`
/// for any other (test: `plain_elements_are_read_like_any`).
fn plain(json: &str, places: &mut Places) -> Option<Body> {
    let all: Vec<Plain<'_>> = serde_json::from_str(json).ok()?;
    let one = |Plain { column, datatype, properties }: Plain<'_>| {
        if column.is_empty() || !datatype.is_empty() {
            return None;
        }
        let element = match (properties.ordinal, properties.path) {
            (Some(ordinal), None) => {
                let ordinal = ordinal.parse::<i64>().ok()?;
                let place = places.entry(ordinal);
                place.or_insert_with(|| Value::Map(Body::new().with("ordinal", ordinal))).clone()
            }
            (None, Some(path)) if !path.is_empty() => Value::Map(Body::new().with("path", &*path)),
            _ => return None,
        };
        Some((word(&column), element))
    };
    all.into_iter().map(one).collect()
}

fn shared(element: Body, places: &mut Places) -> Value {
    match (element.len(), element.get("ordinal")) {
        (1, Some(Value::Int(ordinal))) => {
            places.entry(*ordinal).or_insert_with(|| Value::Map(element.clone())).clone()
        }
        _ => Value::Map(element),
    }
}

fn element(json: &Json) -> Result<(ArcStr, Body), String> {
    let member = |names: &[&str]| {
        let object = [&json["Properties"], &json["properties"], json].into_iter().filter_map(Json::as_object);
        let mut found = object
            .flat_map(|o| o.iter())
            .filter(|(key, _)| names.iter().any(|n| key.eq_ignore_ascii_case(n)));
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        found
            .find(|(_, value)| !value.is_null())
            .map(|(_, value)| text(value))
            .filter(|text| !text.is_empty())
    };
    let name = member(&["column", "columnName", "name"])
        .ok_or_else(|| format!("an element without a column: {json}"))?;
    let mut element = Body::new();
    let constant = member(&["constValue"]);
    let transform = member(&["transform"]).filter(|t| t != "None");
    if let Some(ordinal) = member(&["ordinal"]).filter(|_| constant.is_none() && transform.is_none()) {
        element.set("ordinal", ordinal.parse::<i64>().map_err(|_| format!("`{ordinal}` is not a position"))?);
    }
    let path = member(&["path"]);
    let field = member(&["field"]).filter(|_| path.is_none());
    let parts = [
        ("path", path),
        ("field", field),
        ("constValue", constant),
        ("transform", transform),
        ("type", member(&["datatype"])),
    ];
    for (part, value) in parts {
        if let Some(value) = value {
            element.set(part, value);
        }
    }
    Ok((word(&name), element))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::{body, steps};
    use serde_json::json;

    #[test]
    fn is_created_altered_and_dropped() {
        let csv = json!({"kind": "csv", "columns": {"State": 1, "Start": {"ordinal": 0, "type": "datetime"}, "From": {"transform": "SourceLocation"}}});
        let create = concat!(
            r#".create-or-alter table T ingestion csv mapping "m" '[{"Column":"Start","DataType":"datetime","Properties":{"Ordinal":"0"}},"#,
            r#"{"Column":"State","Properties":{"Ordinal":"1"}},{"Column":"From","Properties":{"Transform":"SourceLocation"}}]'"#
        );
        let drop = r#".drop table T ingestion csv mapping "m""#;
        let at = "tables.T.mappings.m";
        assert_eq!(
            steps("mapping", at, json!(null), csv.clone()),
            [create.to_owned(), format!("  undo {drop}")]
        );
        assert_eq!(steps("mapping", at, csv, json!(null)), [drop.to_owned(), format!("  undo {create}")]);
    }

    #[test]
    fn quotes_in_paths_stay_in_the_text() {
        let after = json!({"kind": "json", "columns": {"a": "$['it''s']"}});
        assert_eq!(
            steps("mapping", "tables.T.mappings.m", json!(null), after)[0],
            r#".create-or-alter table T ingestion json mapping "m" "[{\"Column\":\"a\",\"Properties\":{\"Path\":\"$['it''s']\"}}]""#
        );
    }

    #[test]
    fn reads_every_form_of_the_service() {
        let wanted =
            body("mapping", &json!({"kind": "csv", "columns": {"a": {"ordinal": 0, "type": "int"}}}));
        for element in [
            json!({"Name": "a", "DataType": "int", "CsvDataType": null, "Ordinal": 0, "ConstValue": null}),
            json!({"Properties": {"Ordinal": "0"}, "column": "a", "datatype": "int32"}),
            json!({"Column": "a", "DataType": "int", "Properties": {"Ordinal": "0", "ConstValue": ""}}),
        ] {
            let read = Body::new()
                .with("kind", "csv")
                .with("columns", elements(&json!([element]), &mut Places::new()).unwrap());
            assert_eq!(shape::canonical_body(ABOUT.fields, &read).unwrap(), wanted, "{element}");
        }
        let (name, read) =
            self::element(&json!({"ColumnName": "x", "Properties": {"Field": "f"}, "datatype": ""})).unwrap();
        assert_eq!((&*name, read.text("field")), ("x", Some("f")));
    }

    #[test]
    fn plain_elements_are_read_like_any() {
        for (text, is_short) in [
            (
                r#"[{"Column":"a","Properties":{"Ordinal":"0"}},{"column":"b\"","datatype":"","Properties":{"Ordinal":"7"}}]"#,
                true,
            ),
            ("[]", true),
            (r#"[{"Column":"a","DataType":"int","Properties":{"Ordinal":"0"}}]"#, false),
            (r#"[{"Column":"a","Properties":{"Ordinal":"0","ConstValue":"x"}}]"#, false),
            (
                r#"[{"Column":"a","Properties":{"Path":"$.a"}},{"Column":"b","Properties":{"Path":"$['b c']"}}]"#,
                true,
            ),
            (r#"[{"Column":"a","Properties":{"Path":""}}]"#, false),
            (r#"[{"Column":"a","Properties":{"Path":"$.a","Ordinal":"1"}}]"#, false),
            (r#"[{"Column":"a","Properties":{}}]"#, false),
            (r#"[{"Column":"a","Properties":{"Path":"$.a","Transform":"SourceLocation"}}]"#, false),
            (r#"[{"Column":"","Properties":{"Ordinal":"0"}}]"#, false),
            (r#"[{"Column":"a","Properties":{"Ordinal":"x"}}]"#, false),
        ] {
            let short = plain(text, &mut Places::new());
            assert_eq!(short.is_some(), is_short, "{text}");
            let json = serde_json::from_str(text).unwrap();
            let long = elements(&json, &mut Places::new());
            assert!(short.is_none_or(|short| long.is_ok_and(|long| long == short)), "{text}");
        }
    }

    #[test]
    fn a_field_and_its_path_are_one_source() {
        let at = "tables.T.mappings.m";
        let of = |element| json!({"kind": "parquet", "columns": {"a": element, "b": {"field": "b"}}});
        for (one, other, same) in [
            (json!({"path": "$.x"}), json!({"field": "x"}), true),
            (json!({"path": "$['x y']"}), json!({"field": "x y"}), true),
            (json!({"path": "$.x.y"}), json!({"field": "x.y"}), false),
            (json!({"path": "$.x"}), json!({"field": "y"}), false),
            (json!({"path": "$.x"}), json!({"constValue": "x"}), false),
        ] {
            for (from, to) in [(&one, &other), (&other, &one)] {
                let steps = steps("mapping", at, of(from.clone()), of(to.clone()));
                let is_same = steps[1] == format!("  undo {}", steps[0]);
                assert_eq!(is_same, same, "{from} {to}: {steps:?}");
            }
        }
        let made = steps("mapping", at, json!(null), of(json!({"field": "x y"})));
        assert!(made[0].contains(r#"{"Column":"a","Properties":{"Field":"x y"}}"#), "{}", made[0]);
    }
}
