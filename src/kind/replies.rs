//! Replies: what the service said about a region, parsed once and shared by all kinds that read it.

use super::script::Statement;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// One reply of a [`super::Source`].
#[derive(Debug, Clone, Copy)]
pub enum Reply<'a> {
    /// One resource as ARM gives it, from a GET or out of a list.
    Arm(&'a Json),
    /// Everything read of one database.
    Database(&'a DatabaseReplies),
}

/// Everything read of one database.
#[derive(Debug, Clone, Default)]
pub struct DatabaseReplies {
    /// The database's name as the service spells it.
    pub name: String,
    /// `.show database schema as json`
    pub schema: DatabaseSchema,
    /// `.show database schema as csl script`, statement by statement.
    pub script: Vec<Statement>,
    /// `.show tables details`
    pub details: Rows,
    /// The kinds' own commands, by their text.
    pub shows: BTreeMap<String, Rows>,
}

/// A database in `.show database schema as json`.
///
/// <https://learn.microsoft.com/kusto/management/show-schema-database>
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DatabaseSchema {
    /// The database's name.
    pub name: String,
    /// Tables by name.
    pub tables: BTreeMap<String, TableSchema>,
    /// Stored functions by name.
    pub functions: BTreeMap<String, FunctionSchema>,
}

/// A table in the schema.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TableSchema {
    /// The folder; absent, null or empty when unset.
    pub folder: Option<String>,
    /// The docstring, likewise.
    pub doc_string: Option<String>,
    /// The columns in order.
    pub ordered_columns: Vec<ColumnSchema>,
}

/// A column or a scalar parameter in the schema.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ColumnSchema {
    /// The name.
    pub name: String,
    /// The .NET type's name; old services give nothing else.
    #[serde(rename = "Type")]
    pub clr_type: String,
    /// The KQL type's name.
    pub csl_type: Option<String>,
    /// The docstring; absent, null or empty when unset.
    pub doc_string: Option<String>,
    /// A scalar parameter's default, as a literal.
    pub csl_default_value: Option<String>,
    /// A tabular parameter's columns.
    pub columns: Option<Vec<ColumnSchema>>,
}

/// A stored function in the schema.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FunctionSchema {
    /// The parameters in order.
    pub input_parameters: Vec<ColumnSchema>,
    /// The body with its braces.
    pub body: String,
    /// The folder; absent, null or empty when unset.
    pub folder: Option<String>,
    /// The docstring, likewise.
    pub doc_string: Option<String>,
}

/// A table of a reply: columns by name, rows of values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, as long as the columns.
    pub rows: Vec<Vec<Json>>,
}

impl Rows {
    /// The rows as functions from a column's name to its value.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }
}

/// One row of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Json],
}

impl<'a> Row<'a> {
    /// The value of a column, if the reply has it.
    pub fn get(&self, column: &str) -> Option<&'a Json> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.values.get(at)
    }

    /// The text of a column, or `""`.
    pub fn text(&self, column: &str) -> &'a str {
        self.get(column).and_then(Json::as_str).unwrap_or_default()
    }

    /// The number of a column, whole.
    pub fn number(&self, column: &str) -> Option<u64> {
        let value = self.get(column)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes come as reals")]
        value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
    }
}
