//! Replies: what the service said about a region, parsed once and shared by all kinds that read it.

use super::script::Statement;
pub use crate::model::rows::{Row, Rows};
use crate::model::words::Word;
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
    /// What a cluster says of itself, by the commands that asked ([`super::Kind::cluster_shows`]).
    Cluster(&'a BTreeMap<String, Rows>),
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
    /// `.show tables details`, as far as it is read.
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
    pub ordered_columns: Vec<TableColumn>,
}

/// A column of a table in the schema; there are many, and many alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TableColumn {
    /// The name.
    pub name: Word,
    /// The .NET type's name; old services give nothing else.
    #[serde(rename = "Type")]
    pub clr_type: Word,
    /// The KQL type's name.
    pub csl_type: Option<Word>,
    /// The docstring; absent, null or empty when unset.
    pub doc_string: Option<Word>,
}

/// A parameter of a function in the schema, or a column of a tabular one.
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
    /// `ViewFunction` for one that takes part in `union *`, as far as that is known.
    pub function_kind: String,
    /// The folder; absent, null or empty when unset.
    pub folder: Option<String>,
    /// The docstring, likewise.
    pub doc_string: Option<String>,
}
