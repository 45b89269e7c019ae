//! Answers of the management endpoint, version 1.
//!
//! <https://learn.microsoft.com/kusto/api/rest/response-http>

use super::fault::{self, Fault};
use crate::model::Rows;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::fmt;

/// Below this severity a row of the query status is a failure; the rest informs.
const INFORMATIONAL: i64 = 4;

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dataset {
    tables: Vec<Table>,
    one_api_errors: Option<Vec<Json>>,
    exceptions: Option<Vec<Json>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Column {
    column_name: String,
}

/// A row, or what stands in its place when the service broke off: an object with errors.
enum Row {
    Values(Vec<Json>),
    Broken(serde_json::Map<String, Json>),
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row of values, or an object with errors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
                let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0));
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(Row::Values(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut object = serde_json::Map::new();
                while let Some((key, value)) = map.next_entry()? {
                    object.insert(key, value);
                }
                Ok(Row::Broken(object))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Why an answer gives no tables.
pub(super) enum Unread {
    /// The service says within a successful answer that it failed.
    Fault(Fault),
    /// It is not such an answer.
    Garbled(String),
}

/// The result tables of an answer: the first when there are one or two, else those that the table of contents,
/// which is the last, calls results.
pub(super) fn read(body: &[u8]) -> Result<Vec<Rows>, Unread> {
    // Checking UTF-8 once is faster than checking each string of an answer of many megabytes.
    let text = std::str::from_utf8(body).map_err(|why| Unread::Garbled(why.to_string()))?;
    let dataset: Dataset = match serde_json::from_str(text) {
        Ok(dataset) => dataset,
        Err(why) => return Err(other(body, &why)),
    };
    let errors = dataset.one_api_errors.iter().chain(&dataset.exceptions).flatten().next();
    if let Some(error) = errors {
        return Err(Unread::Fault(broken_off(error)));
    }
    let mut tables = Vec::with_capacity(dataset.tables.len());
    for table in dataset.tables {
        let columns: Vec<String> = table.columns.into_iter().map(|column| column.column_name).collect();
        let mut rows = Vec::with_capacity(table.rows.len());
        for row in table.rows {
            match row {
                Row::Values(values) if values.len() == columns.len() => rows.push(values),
                Row::Values(values) => {
                    let why =
                        format!("a row of {} values in a table of {} columns", values.len(), columns.len());
                    return Err(Unread::Garbled(why));
                }
                Row::Broken(object) => return Err(Unread::Fault(broken_off(&Json::Object(object)))),
            }
        }
        tables.push(Rows { columns, rows });
    }
    choose(tables)
}

fn choose(mut tables: Vec<Rows>) -> Result<Vec<Rows>, Unread> {
    if tables.len() <= 2 {
        tables.truncate(1);
        return Ok(tables);
    }
    let Some(contents) = tables.pop() else { return Ok(tables) };
    let mut kinds = vec![""; tables.len()];
    for row in contents.iter() {
        let place = row.number("Ordinal").and_then(|ordinal| kinds.get_mut(usize::try_from(ordinal).ok()?));
        if let Some(kind) = place {
            *kind = row.text("Kind");
        }
    }
    let of = |wanted: &'static str| {
        kinds.iter().enumerate().filter(move |(_, kind)| **kind == wanted).map(|(at, _)| at)
    };
    for row in of("QueryStatus").filter_map(|at| tables.get(at)).flat_map(Rows::iter) {
        let severity = row.get("Severity").and_then(Json::as_i64).unwrap_or(INFORMATIONAL);
        if severity < INFORMATIONAL {
            let message = row.text("StatusDescription").to_owned();
            return Err(Unread::Fault(Fault { code: "QueryStatus".to_owned(), message, ..Fault::default() }));
        }
    }
    let results: Vec<usize> = of("QueryResult").collect();
    let chosen = tables.into_iter().enumerate().filter(|(at, _)| results.contains(at));
    Ok(chosen.map(|(_, table)| table).collect())
}

/// The error of an object that stands where a row should.
fn broken_off(object: &Json) -> Fault {
    let one = ["OneApiErrors", "Exceptions"].iter().find_map(|name| object.get(*name)?.as_array()?.first());
    let inner = one.unwrap_or(object);
    if let Some(text) = inner.as_str() {
        return Fault { code: "PartialFailure".to_owned(), message: text.to_owned(), ..Fault::default() };
    }
    fault::read(inner).unwrap_or_else(|| {
        let message = fault::excerpt(inner.to_string().as_bytes());
        Fault { code: "PartialFailure".to_owned(), message, ..Fault::default() }
    })
}

fn other(body: &[u8], why: &serde_json::Error) -> Unread {
    let json = serde_json::from_slice::<Json>(body).ok();
    match json.as_ref().filter(|json| json.get("error").is_some()).and_then(fault::read) {
        Some(fault) => Unread::Fault(fault),
        None => Unread::Garbled(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn answers_of_any_kind_do_no_harm(
            ordinals in prop::collection::vec(-2..9_i64, 0..5),
            kind in "QueryResult|QueryStatus|\\PC{0,4}",
            rows in prop::collection::vec(0..3_usize, 0..4),
            tables in 0..5_usize,
            broken in "\\PC{0,40}",
        ) {
            let _ = read(broken.as_bytes());
            let row = |n: &usize| (0..*n).map(Json::from).collect::<Vec<_>>();
            let plain = json!({"Columns": [{"ColumnName": "a"}], "Rows": rows.iter().map(row).collect::<Vec<_>>()});
            let contents: Vec<Json> = ordinals.iter().map(|n| json!([n, kind])).collect();
            let contents = json!({"Columns": [{"ColumnName": "Ordinal"}, {"ColumnName": "Kind"}], "Rows": contents});
            let mut all = vec![plain; tables];
            all.push(contents);
            let count = all.len();
            if let Ok(found) = read(json!({"Tables": all}).to_string().as_bytes()) {
                prop_assert!(found.len() <= count);
                prop_assert!(found.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
            }
        }
    }
}
