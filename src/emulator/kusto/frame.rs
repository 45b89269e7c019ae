//! Results as v1 and v2 answers (`R:response.md`, `R:response-v2.md`).
//!
//! Invariant: a plain management command answers with exactly one table; a command with query operators after it
//! answers with four, the last of which is the table of contents (test: `tests/wire/kusto/queries.txt`).

use super::text;
use super::types::Type;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use uuid::Uuid;

/// Result columns that a command declares.
pub(crate) type Schema = &'static [(&'static str, Type)];

/// One column of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heading {
    /// The name.
    pub(crate) name: Cow<'static, str>,
    /// The type.
    pub(crate) of: Type,
}

/// One table of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// The columns.
    pub(crate) columns: Vec<Heading>,
    /// The rows; each as long as the columns.
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Frame {
    /// A result with the columns of a schema.
    pub(crate) fn new(schema: Schema, rows: Vec<Vec<Value>>) -> Self {
        debug_assert!(rows.iter().all(|row| row.len() == schema.len()), "a row is as long as its schema");
        let columns =
            schema.iter().map(|(name, of)| Heading { name: Cow::Borrowed(*name), of: *of }).collect();
        Self { columns, rows }
    }

    /// About how many bytes the frame prints to, so that large answers are not copied while they grow.
    fn weight(&self) -> usize {
        let cell = |cell: &Value| cell.as_str().map_or(8, |text| text.len() + text.len() / 8 + 4);
        let rows: usize = self.rows.iter().flatten().map(cell).sum();
        rows + 2 * self.rows.len() + 100 * self.columns.len()
    }
}

struct Columns<'a> {
    columns: &'a [Heading],
    data_type: bool,
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.columns.len()))?;
        for column in self.columns {
            let mut entry = json!({"ColumnName": column.name, "ColumnType": column.of.name()});
            if self.data_type {
                entry["DataType"] = json!(column.of.data_type());
            }
            all.serialize_element(&entry)?;
        }
        all.end()
    }
}

/// The v1 answer of a plain management command.
pub(crate) fn v1_plain(frame: &Frame) -> Result<Vec<u8>, serde_json::Error> {
    v1(&[frame])
}

/// The tables of an answer, one after the other; nearly all of it is texts of many kilobytes
/// (test: `tables_are_json`).
fn v1(frames: &[&Frame]) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::with_capacity(frames.iter().map(|frame| frame.weight()).sum());
    body.extend_from_slice(b"{\"Tables\":");
    let mut next = b'[';
    for (at, frame) in frames.iter().enumerate() {
        body.push(std::mem::replace(&mut next, b','));
        body.extend_from_slice(format!("{{\"TableName\":\"Table_{at}\",\"Columns\":").as_bytes());
        serde_json::to_writer(&mut body, &Columns { columns: &frame.columns, data_type: true })?;
        body.extend_from_slice(b",\"Rows\":[");
        for (number, row) in frame.rows.iter().enumerate() {
            body.extend_from_slice(if number == 0 { b"[" } else { b",[" });
            for (number, cell) in row.iter().enumerate() {
                body.extend_from_slice(if number == 0 { b"" } else { b"," });
                match cell {
                    Value::String(text) => text::push_json(&mut body, text),
                    cell => serde_json::to_writer(&mut body, cell)?,
                }
            }
            body.push(b']');
        }
        body.extend_from_slice(b"]}");
    }
    body.extend_from_slice(if frames.is_empty() { b"[]}" } else { b"]}" });
    Ok(body)
}

/// Who asked, for the status tables of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// When, as a datetime.
    pub(crate) at: String,
    /// The server's id of the request.
    pub(crate) activity: Uuid,
    /// The client's id of the request.
    pub(crate) client: String,
}

const PROPERTIES: Schema = &[("Value", Type::String)];
const STATUS: Schema = &[
    ("Timestamp", Type::DateTime),
    ("Severity", Type::Int),
    ("SeverityName", Type::String),
    ("StatusCode", Type::Int),
    ("StatusDescription", Type::String),
    ("Count", Type::Int),
    ("RequestId", Type::Guid),
    ("ActivityId", Type::Guid),
    ("SubActivityId", Type::Guid),
    ("ClientActivityId", Type::String),
];
const CONTENTS: Schema = &[
    ("Ordinal", Type::Long),
    ("Kind", Type::String),
    ("Name", Type::String),
    ("Id", Type::String),
    ("PrettyName", Type::String),
];

/// The v1 answer of a query, or of a command with query operators after it.
pub(crate) fn v1_query(frame: &Frame, asked: &Asked) -> Result<Vec<u8>, serde_json::Error> {
    let properties = Frame::new(PROPERTIES, vec![vec![json!(r#"{"Visualization":null}"#)]]);
    let activity = json!(asked.activity);
    let status = vec![
        json!(asked.at),
        json!(4),
        json!("Info"),
        json!(0),
        json!("Query completed successfully"),
        json!(1),
        activity.clone(),
        activity.clone(),
        activity,
        json!(asked.client),
    ];
    let status = Frame::new(STATUS, vec![status]);
    let row = |ordinal: u8, kind: &str, name: &str| {
        vec![json!(ordinal), json!(kind), json!(name), json!(Uuid::new_v4()), json!("")]
    };
    let contents = Frame::new(
        CONTENTS,
        vec![
            row(0, "QueryResult", "PrimaryResult"),
            row(1, "QueryProperties", "@ExtendedProperties"),
            row(2, "QueryStatus", "QueryStatus"),
        ],
    );
    v1(&[frame, &properties, &status, &contents])
}

/// The v2 answer of a query.
pub(crate) fn v2_query(frame: &Frame, asked: &Asked) -> Result<Vec<u8>, serde_json::Error> {
    let table = |id: u8, kind: &str, name: &str, frame: &Frame| -> Result<Value, serde_json::Error> {
        let columns = serde_json::to_value(Columns { columns: &frame.columns, data_type: false })?;
        Ok(json!({"FrameType": "DataTable", "TableId": id, "TableKind": kind, "TableName": name,
            "Columns": columns, "Rows": frame.rows}))
    };
    let properties = Frame::new(
        &[("TableId", Type::Int), ("Key", Type::String), ("Value", Type::Dynamic)],
        vec![vec![json!(1), json!("Visualization"), json!("{\"Visualization\":null}")]],
    );
    let completion = Frame::new(
        &[
            ("Timestamp", Type::DateTime),
            ("ClientRequestId", Type::String),
            ("ActivityId", Type::Guid),
            ("Level", Type::Int),
            ("LevelName", Type::String),
            ("StatusCode", Type::Int),
            ("StatusCodeName", Type::String),
        ],
        vec![vec![
            json!(asked.at),
            json!(asked.client),
            json!(asked.activity),
            json!(4),
            json!("Info"),
            json!(0),
            json!("S_OK (0)"),
        ]],
    );
    serde_json::to_vec(&json!([
        {"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"},
        table(0, "QueryProperties", "@ExtendedProperties", &properties)?,
        table(1, "PrimaryResult", "PrimaryResult", frame)?,
        table(2, "QueryCompletionInformation", "QueryCompletionInformation", &completion)?,
        {"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false},
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tables_are_json(rows in prop::collection::vec(("\\PC{0,9}", any::<Option<i64>>()), 0..4), count in 0..3_usize) {
            let rows: Vec<Vec<Value>> = rows.into_iter().map(|(text, number)| vec![json!(text), json!(number)]).collect();
            let frame = Frame::new(&[("Text", Type::String), ("Number", Type::Long)], rows.clone());
            let read: Value = serde_json::from_slice(&v1(&vec![&frame; count]).unwrap()).unwrap();
            let columns = json!([
                {"ColumnName": "Text", "ColumnType": "string", "DataType": "String"},
                {"ColumnName": "Number", "ColumnType": "long", "DataType": "Int64"},
            ]);
            let table = |at| json!({"TableName": format!("Table_{at}"), "Columns": columns, "Rows": rows});
            prop_assert_eq!(read, json!({"Tables": (0..count).map(table).collect::<Vec<_>>()}));
        }
    }
}
