//! Schemas as JSON, in the shape that the editors of the service read (`M:show-schema-database.md`).
//!
//! Invariant: the text holds no policy, mapping, principal or view query: clients must read those elsewhere
//! (test: `tests/wire/kusto/csl_script.txt`).

use crate::emulator::kusto::catalog::{Database, ExternalTable, Function, MaterializedView, Table};
use crate::emulator::kusto::columns::TABLE_SCHEMA;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::syntax::{Parameter, ParameterType, mask_hidden, quote};
use crate::emulator::kusto::types::Type;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

/// Which kinds of entities a schema holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// Tables.
    pub(crate) tables: bool,
    /// External tables.
    pub(crate) external_tables: bool,
    /// Materialized views.
    pub(crate) views: bool,
    /// Stored functions.
    pub(crate) functions: bool,
}

impl Kinds {
    /// All of them.
    pub(crate) const ALL: Self = Self { tables: true, external_tables: true, views: true, functions: true };
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A table as JSON text.
pub(crate) fn table_json(table: &Table) -> String {
    text(&TableJson(table))
}

/// An external table as JSON text.
pub(crate) fn external_json(table: &ExternalTable) -> String {
    text(&ExternalJson(table))
}

/// A function as JSON text.
pub(crate) fn function_json(function: &Function) -> String {
    text(&FunctionJson(function))
}

/// A materialized view as JSON text.
pub(crate) fn view_json(database: &Database, view: &MaterializedView) -> String {
    text(&ViewJson(database, view))
}

/// The row of `.show function F schema as json`.
pub(crate) fn function_row(database: &Database, function: &Function) -> Result<Frame, Fault> {
    let row = vec![
        json!(function.name),
        json!(function_json(function)),
        json!(database.name),
        json!(function.folder),
        json!(function.doc_string),
    ];
    Ok(Frame::new(TABLE_SCHEMA, vec![row]))
}

/// Databases as JSON text.
pub(crate) fn databases_json(databases: &[&Database], kinds: Kinds) -> String {
    text(&Whole { databases, kinds })
}

struct Whole<'a> {
    databases: &'a [&'a Database],
    kinds: Kinds,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut whole = serializer.serialize_map(None)?;
        whole.serialize_entry("Plugins", &json!([]))?;
        let databases =
            self.databases.iter().map(|database| (&database.name, DatabaseJson(database, self.kinds)));
        whole.serialize_entry("Databases", &Entries(databases))?;
        whole.end()
    }
}

/// A map that is written from an iterator, in its order.
struct Entries<I>(I);

impl<K: Serialize, V: Serialize, I: Iterator<Item = (K, V)> + Clone> Serialize for Entries<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

struct DatabaseJson<'a>(&'a Database, Kinds);

impl Serialize for DatabaseJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(database, kinds) = self;
        let mut whole = serializer.serialize_map(None)?;
        whole.serialize_entry("Name", &database.name)?;
        let tables =
            database.tables.iter().filter(|_| kinds.tables).map(|(name, table)| (name, TableJson(table)));
        whole.serialize_entry("Tables", &Entries(tables))?;
        let external = database.external_tables.iter().filter(|_| kinds.external_tables);
        let external = external.map(|(name, table)| (name, ExternalJson(table)));
        whole.serialize_entry("ExternalTables", &Entries(external))?;
        let views = database.views.iter().filter(|_| kinds.views);
        let views = views.map(|(name, view)| (name, ViewJson(database, view)));
        whole.serialize_entry("MaterializedViews", &Entries(views))?;
        let functions = database.functions.iter().filter(|_| kinds.functions);
        let functions = functions.map(|(name, function)| (name, FunctionJson(function)));
        whole.serialize_entry("Functions", &Entries(functions))?;
        let groups = database.entity_groups.iter().map(|(name, group)| (name, &group.entities));
        whole.serialize_entry("EntityGroups", &Entries(groups))?;
        whole.serialize_entry("MajorVersion", &database.version.major)?;
        whole.serialize_entry("MinorVersion", &database.version.minor)?;
        whole.serialize_entry("PrettyName", &database.pretty_name)?;
        whole.serialize_entry("DatabaseAccessMode", "ReadWrite")?;
        whole.end()
    }
}

/// Name, folder and docstring; the last two only when they are set.
fn described<M: SerializeMap>(
    map: &mut M,
    name: &str,
    folder: &str,
    doc_string: &str,
) -> Result<(), M::Error> {
    map.serialize_entry("Name", name)?;
    if !folder.is_empty() {
        map.serialize_entry("Folder", folder)?;
    }
    if !doc_string.is_empty() {
        map.serialize_entry("DocString", doc_string)?;
    }
    Ok(())
}

struct TableJson<'a>(&'a Table);

impl Serialize for TableJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.0;
        let mut whole = serializer.serialize_map(None)?;
        described(&mut whole, &table.name, &table.folder, &table.doc_string)?;
        let columns =
            table.columns.iter().map(|column| (column.name.as_str(), column.of, column.doc_string.as_str()));
        whole.serialize_entry("OrderedColumns", &Columns(columns))?;
        whole.end()
    }
}

struct ExternalJson<'a>(&'a ExternalTable);

impl Serialize for ExternalJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.0;
        let mut whole = serializer.serialize_map(None)?;
        described(&mut whole, &table.name, &table.folder, &table.doc_string)?;
        let columns = table.columns.iter().map(|(name, of)| (name.as_str(), *of, ""));
        whole.serialize_entry("OrderedColumns", &Columns(columns))?;
        whole.end()
    }
}

struct Columns<I>(I);

impl<'a, I: Iterator<Item = (&'a str, Type, &'a str)> + Clone> Serialize for Columns<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone().map(|(name, of, doc_string)| ColumnJson {
            name,
            of,
            doc_string,
        }))
    }
}

struct ColumnJson<'a> {
    name: &'a str,
    of: Type,
    doc_string: &'a str,
}

impl Serialize for ColumnJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut whole = serializer.serialize_map(None)?;
        whole.serialize_entry("Name", self.name)?;
        whole.serialize_entry("Type", self.of.dotnet())?;
        whole.serialize_entry("CslType", self.of.name())?;
        if !self.doc_string.is_empty() {
            whole.serialize_entry("DocString", self.doc_string)?;
        }
        whole.end()
    }
}

/// A view shows the columns of its query where the emulator can derive them, and none otherwise.
struct ViewJson<'a>(&'a Database, &'a MaterializedView);

impl Serialize for ViewJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(database, view) = self;
        let mut whole = serializer.serialize_map(None)?;
        described(&mut whole, &view.name, &view.folder, &view.doc_string)?;
        let columns = kql::output(database, &view.query).unwrap_or_default();
        whole.serialize_entry(
            "OrderedColumns",
            &Columns(columns.iter().map(|(name, of)| (name.as_str(), *of, ""))),
        )?;
        whole.end()
    }
}

struct FunctionJson<'a>(&'a Function);

impl Serialize for FunctionJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let function = self.0;
        let mut whole = serializer.serialize_map(None)?;
        whole.serialize_entry("Name", &function.name)?;
        let parameters: Vec<_> = function.declaration.parameters.iter().map(ParameterJson).collect();
        whole.serialize_entry("InputParameters", &parameters)?;
        whole.serialize_entry("Body", &mask_hidden(&function.declaration.body))?;
        whole.serialize_entry("Folder", &function.folder)?;
        whole.serialize_entry("DocString", &function.doc_string)?;
        let kind = if function.view { "ViewFunction" } else { "Unknown" };
        whole.serialize_entry("FunctionKind", kind)?;
        whole.serialize_entry("OutputColumns", &json!([]))?;
        whole.end()
    }
}

struct ParameterJson<'a>(&'a Parameter);

impl Serialize for ParameterJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut whole = serializer.serialize_map(None)?;
        whole.serialize_entry("Name", &self.0.name)?;
        match &self.0.takes {
            ParameterType::Scalar { of, default } => {
                whole.serialize_entry("Type", of.dotnet())?;
                whole.serialize_entry("CslType", of.name())?;
                if let Some(value) = default {
                    whole.serialize_entry("CslDefaultValue", &typed(*of, value))?;
                }
            }
            ParameterType::Table { columns, .. } => {
                let columns = columns.iter().map(|(name, of)| (name.as_str(), *of, ""));
                whole.serialize_entry("Columns", &Columns(columns))?;
            }
        }
        whole.end()
    }
}

/// A default value with its type around it, `long(5)`; strings stay literals.
fn typed(of: Type, literal: &str) -> String {
    let wrapped = literal.contains('(');
    match of {
        Type::String => {
            let mut cursor = crate::emulator::kusto::syntax::Cursor::new(literal);
            cursor.text("a default").map_or_else(|_| literal.to_owned(), |value| quote(&value))
        }
        _ if wrapped => literal.to_owned(),
        _ => format!("{}({literal})", of.name()),
    }
}
