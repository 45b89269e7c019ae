//! Tables: columns, rows and everything that hangs on a table.

use super::Policies;
use super::journal::Version;
use super::mapping::Mapping;
use super::principal::Assignment;
use crate::emulator::kusto::names;
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// A column of a table.
///
/// Rows belong to the `id`, not to the name: a renamed column keeps its values; a dropped one, or one whose type
/// was altered, gets another id, and the values are gone for good (`M:alter-column.md`, `M:drop-column.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Column {
    /// Identifies the column's values within its table.
    pub(crate) id: u32,
    /// The name.
    pub(crate) name: String,
    /// The type.
    pub(crate) of: Type,
    /// The docstring; empty when unset.
    pub(crate) doc_string: String,
    /// Column policies.
    #[serde(default, skip_serializing_if = "Policies::is_empty")]
    pub(crate) policies: Policies,
}

/// Rows that were ingested together; they never change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Extent {
    /// Identifies the extent.
    pub(crate) id: Uuid,
    /// When it was made, in ticks.
    pub(crate) created: i64,
    /// The ids of the columns that the rows hold, in their order.
    pub(crate) columns: Vec<u32>,
    /// The rows.
    pub(crate) rows: Vec<Vec<Value>>,
    /// The size of the rows before compression, in bytes.
    pub(crate) bytes: u64,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Identifies the table through renames.
    pub(crate) id: Uuid,
    /// The name.
    pub(crate) name: String,
    /// The folder; empty when unset.
    pub(crate) folder: String,
    /// The docstring; empty when unset.
    pub(crate) doc_string: String,
    /// The columns in order.
    pub(crate) columns: Vec<Column>,
    /// The id of the next new column.
    pub(crate) next_column: u32,
    /// Table policies.
    pub(crate) policies: Policies,
    /// Ingestion mappings.
    pub(crate) mappings: Vec<Mapping>,
    /// Who holds a role on the table.
    pub(crate) principals: Vec<Assignment>,
    /// The rows.
    #[serde(skip)]
    pub(crate) extents: Vec<Extent>,
}

impl Table {
    /// A table without columns.
    pub(crate) fn new(name: &str, policies: Policies) -> Self {
        Self {
            id: Uuid::new_v4(),
            name: name.to_owned(),
            folder: String::new(),
            doc_string: String::new(),
            columns: Vec::new(),
            next_column: 0,
            policies,
            mappings: Vec::new(),
            principals: Vec::new(),
            extents: Vec::new(),
        }
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Appends a column that has no values yet.
    pub(crate) fn add_column(&mut self, name: &str, of: Type) {
        let id = self.fresh_column_id();
        self.columns.push(Column {
            id,
            name: name.to_owned(),
            of,
            doc_string: String::new(),
            policies: Policies::new(),
        });
    }

    /// An id that no column of this table has had.
    pub(crate) fn fresh_column_id(&mut self) -> u32 {
        let id = self.next_column;
        self.next_column += 1;
        id
    }

    /// The columns as `a:string,['b c']:int`, the text of `cslschema`.
    pub(crate) fn csl_schema(&self) -> String {
        let mut out = String::with_capacity(self.columns.len() * 16);
        for column in &self.columns {
            if !out.is_empty() {
                out.push(',');
            }
            out.push_str(&names::print(&column.name));
            out.push(':');
            out.push_str(column.of.name());
        }
        out
    }

    /// The number of rows.
    pub(crate) fn row_count(&self) -> usize {
        self.extents.iter().map(|extent| extent.rows.len()).sum()
    }

    /// The size of the rows before compression, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.extents.iter().map(|extent| extent.bytes).sum()
    }

    /// Every row, with a null for each value that its extent does not hold.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Vec<Value>> + '_ {
        self.extents.iter().flat_map(|extent| {
            let places: Vec<Option<usize>> = self
                .columns
                .iter()
                .map(|column| extent.columns.iter().position(|id| *id == column.id))
                .collect();
            let cells = move |row: &Vec<Value>| {
                places
                    .iter()
                    .map(|place| place.and_then(|at| row.get(at)).cloned().unwrap_or(Value::Null))
                    .collect()
            };
            extent.rows.iter().map(cells)
        })
    }
}

/// A dropped table that can come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    /// The version of the database just before the drop.
    pub(crate) version: Version,
    /// The table as it was.
    pub(crate) table: Table,
}

/// The cell that CSV text makes in a column; text that does not fit the type makes a null.
pub(crate) fn parse_cell(text: &str, of: Type) -> Value {
    let trimmed = text.trim();
    let found = match of {
        Type::String => Some(json!(text)),
        Type::Bool => match trimmed.to_lowercase().as_str() {
            "true" | "1" => Some(json!(true)),
            "false" | "0" => Some(json!(false)),
            _ => None,
        },
        Type::Int => trimmed.parse::<i32>().ok().map(|number| json!(number)),
        Type::Long => trimmed.parse::<i64>().ok().map(|number| json!(number)),
        Type::Real => trimmed.parse::<f64>().ok().map(|number| json!(number)),
        Type::Decimal => trimmed.parse::<f64>().ok().map(|_| json!(trimmed)),
        Type::DateTime => time::any_datetime(trimmed).map(|ticks| json!(time::datetime(ticks))),
        Type::TimeSpan => time::any_timespan(trimmed).map(|ticks| json!(time::timespan(ticks))),
        Type::Guid => Uuid::try_parse(trimmed).ok().map(|id| json!(id)),
        Type::Dynamic if trimmed.is_empty() => None,
        Type::Dynamic => Some(serde_json::from_str(trimmed).unwrap_or_else(|_| json!(text))),
    };
    found.unwrap_or(Value::Null)
}
