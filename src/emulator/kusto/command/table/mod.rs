//! `.create|.alter|.drop|.show table(s) …` (`M:tables.md`).

mod alter;
mod create;
mod drop;
mod rename;
mod show;

use super::{Command, Parsed, column, data, mapping, policy, principal};
use crate::emulator::kusto::catalog::{Database, Table, Transaction};
use crate::emulator::kusto::columns::{TABLE_SCHEMA, TABLES};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy::{Scope, Verb};
use crate::emulator::kusto::show::schema;
use crate::emulator::kusto::syntax::{Cursor, Properties};
use crate::emulator::kusto::types::Type;
use serde_json::{Value, json};

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "undo" && cursor.eat_all(&["drop", "table"]) {
        return drop::undo(cursor).map(Some);
    }
    if verb == "clear" && cursor.eat_all(&["async", "table"]) {
        return data::clear(cursor, true).map(Some);
    }
    if cursor.eat("tables") {
        return parse_plural(verb, cursor);
    }
    if cursor.eat("table") { parse_one(verb, cursor) } else { Ok(None) }
}

fn parse_plural(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    Ok(Some(match verb {
        "create" => create::tables(cursor, false)?,
        "create-merge" => create::tables(cursor, true)?,
        "alter" => policy::alter_tables(Verb::Alter, cursor)?,
        "alter-merge" => policy::alter_tables(Verb::Merge, cursor)?,
        "rename" => rename::tables(cursor)?,
        "drop" => drop::tables(cursor)?,
        "show" => show::tables(cursor)?,
        _ => return Ok(None),
    }))
}

fn parse_one(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat_mark("*") {
        return policy::show_all(Scope::Table, cursor).map(Some);
    }
    let parts = cursor.dotted("a table name", 2)?;
    if cursor.eat("policy") {
        return policy::parse(verb, Scope::Table, parts, cursor).map(Some);
    }
    let [name] = parts.as_slice() else { return Err(cursor.expected("'policy'")) };
    let name = name.clone();
    Ok(Some(match verb {
        "create" if cursor.eat("ingestion") => mapping::write(mapping::Verb::Create, Some(name), cursor)?,
        "create-or-alter" => {
            cursor.expect("ingestion")?;
            mapping::write(mapping::Verb::CreateOrAlter, Some(name), cursor)?
        }
        "alter" if cursor.eat("ingestion") => mapping::write(mapping::Verb::Alter, Some(name), cursor)?,
        "alter-merge" if cursor.eat("ingestion") => mapping::write(mapping::Verb::Merge, Some(name), cursor)?,
        "drop" if cursor.eat("ingestion") => mapping::drop(Some(name), cursor)?,
        "drop" if cursor.eat("columns") => column::drop_many(name, cursor)?,
        "alter" if cursor.eat("column-docstrings") => column::docstrings(name, false, cursor)?,
        "alter-merge" if cursor.eat("column-docstrings") => column::docstrings(name, true, cursor)?,
        "create" if cursor.eat("based-on") => create::based_on(name, cursor)?,
        "create" => create::table(name, false, cursor)?,
        "create-merge" => create::table(name, true, cursor)?,
        "alter" | "alter-merge" => alter::table(name, verb == "alter-merge", cursor)?,
        "rename" => rename::table(name, cursor)?,
        "clear" => data::clear_table(name, cursor)?,
        "show" => show::table(name, cursor)?,
        "add" | "set" => principal::change(verb, principal::Of::Table(name), cursor)?,
        "drop" if cursor.at("admins") || cursor.at("ingestors") => {
            principal::change(verb, principal::Of::Table(name), cursor)?
        }
        "drop" => drop::table(name, cursor)?,
        _ => return Ok(None),
    }))
}

/// The columns of a table in a command, with the names checked.
fn columns(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Type)>, Fault> {
    cursor.list(|inner| inner.typed_name("a column name"))
}

/// Refuses columns whose names are not allowed or are given twice, or are too many.
fn check_columns(columns: &[(String, Type)], most: usize) -> Result<(), Fault> {
    if columns.len() > most {
        return Err(Fault::bad_request(format!(
            "A table holds {most} columns at most, not {}.",
            columns.len()
        )));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (name, _) in columns {
        names::check("Column", name)?;
        if !seen.insert(name) {
            return Err(Fault::bad_request(format!("Column '{name}' is given twice.")));
        }
    }
    Ok(())
}

/// Docstring and folder as a command gives them.
#[derive(Debug, Clone, Default)]
struct Described {
    doc_string: Option<String>,
    folder: Option<String>,
}

impl Described {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let properties: Properties = cursor.properties()?;
        properties.only(&["docstring", "folder"])?;
        Ok(Self {
            doc_string: properties.text("docstring")?.map(str::to_owned),
            folder: properties.text("folder")?.map(str::to_owned),
        })
    }

    /// Sets what is given.
    fn apply(&self, table: &mut Table) {
        if let Some(text) = &self.doc_string {
            table.doc_string.clone_from(text);
        }
        if let Some(text) = &self.folder {
            table.folder.clone_from(text);
        }
    }
}

/// A row of `.show tables`.
fn listed(database: &Database, table: &Table) -> Vec<Value> {
    vec![json!(table.name), json!(database.name), json!(table.folder), json!(table.doc_string)]
}

/// The answer of commands that list tables.
fn listing<'a>(database: &Database, tables: impl Iterator<Item = &'a Table>) -> Frame {
    Frame::new(TABLES, tables.map(|table| listed(database, table)).collect())
}

/// The answer of commands that show a table's schema in `text` form.
pub(super) fn schema_row(database: &Database, table: &Table, schema: String) -> Frame {
    let row = vec![
        json!(table.name),
        json!(schema),
        json!(database.name),
        json!(table.folder),
        json!(table.doc_string),
    ];
    Frame::new(TABLE_SCHEMA, vec![row])
}

/// A command whose answer is the new schema of its table.
fn answers_schema(
    command: &str,
    run: impl Fn(&mut Transaction<'_>) -> Result<String, Fault> + Send + 'static,
) -> Command {
    Command::change(command, move |transaction| {
        let name = run(transaction)?;
        let view = transaction.view();
        let database = view.database(None)?;
        let table = database.table(&name)?;
        Ok(schema_row(database, table, schema::table_json(table)))
    })
}
