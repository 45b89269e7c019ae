//! A mapping as it is sent: its elements in the service's own words.
//!
//! Invariant: what is sent reads back as what was wanted (test: the states in `tests/states/mapping`).

use crate::model::body::{Body, Value};
use serde::Serialize;

/// An element of a mapping as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::kind::entity) struct Sent<'a> {
    column: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_type: Option<&'a str>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    const_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordinal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform: Option<&'a str>,
}

/// The elements of a mapping, csv by position, others in the order of the columns.
pub(in crate::kind::entity) fn sent<'a>(kind: &str, body: &'a Body) -> Vec<Sent<'a>> {
    let columns = body.get("columns").and_then(Value::as_map).into_iter().flat_map(Body::iter);
    let mut elements: Vec<(&str, &Body)> =
        columns.filter_map(|(name, element)| Some((&**name, element.as_map()?))).collect();
    let position =
        |element: &Body| if let Some(Value::Int(n)) = element.get("ordinal") { *n } else { i64::MAX };
    elements.sort_by_key(|(_, element)| if kind == "csv" { position(element) } else { 0 });
    elements.into_iter().map(|(name, element)| Sent::of(name, element)).collect()
}

impl<'a> Sent<'a> {
    fn of(column: &'a str, element: &'a Body) -> Self {
        let text = |part: &str| element.text(part).filter(|text| !text.is_empty());
        let ordinal = match element.get("ordinal") {
            Some(Value::Int(ordinal)) => Some(ordinal.to_string()),
            _ => None,
        };
        let properties = Properties {
            const_value: text("constValue"),
            field: text("field"),
            ordinal,
            path: text("path"),
            transform: text("transform"),
        };
        Self { column, data_type: element.text("type"), properties }
    }
}
