//! Rows: a little inline data and small queries, and clearing (`M:data-ingestion/ingest-inline.md`,
//! `M:data-ingestion/ingest-from-query.md`, `M:clear-table-data-command.md`).

use super::{Command, Parsed};
use crate::emulator::kusto::catalog::{Deed, Editor, Extent, Table, Transaction, parse_cell};
use crate::emulator::kusto::columns::{APPENDED, INGESTED, NODE_STATUS, OPERATION_ID, STATUS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql::{Query, fitted};
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy;
use crate::emulator::kusto::syntax::{Cursor, Properties, Property};
use serde_json::{Value, json};
use uuid::Uuid;

/// Words after `.set` that name an entity whose roles or settings are meant.
const SET_ENTITIES: &[&str] = &[
    "access",
    "cluster",
    "continuous-export",
    "database",
    "external",
    "function",
    "graph_model",
    "materialized-view",
    "stored_query_result",
    "table",
];

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    match verb {
        "ingest" if cursor.eat_all(&["inline", "into", "table"]) => inline(cursor).map(Some),
        "set" if SET_ENTITIES.iter().any(|word| cursor.at(word)) => Ok(None),
        "set-or-replace" | "set-or-append" if cursor.at("stored_query_result") => Ok(None),
        "set" => from_query(Verb::Set, cursor).map(Some),
        "append" => from_query(Verb::Append, cursor).map(Some),
        "set-or-append" => from_query(Verb::SetOrAppend, cursor).map(Some),
        "set-or-replace" => from_query(Verb::SetOrReplace, cursor).map(Some),
        _ => Ok(None),
    }
}

/// `.ingest inline into table T [with (…)] <| a,b…` or `[a,b…]`, as CSV.
fn inline(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let name = cursor.name("a table name")?;
    let properties = cursor.properties()?;
    refuse_other_formats(&properties)?;
    let text = if cursor.eat_mark("[") {
        let rest = cursor.rest().trim_end();
        rest.strip_suffix(']').ok_or_else(|| cursor.expected("']'"))?
    } else {
        cursor.expect_mark("<|")?;
        cursor.rest()
    };
    let records = csv(text);
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    Ok(Command::change("DataIngestPull", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let table = edit.database.table(&name)?;
        let row = |record: &Vec<String>| {
            let cells = table.columns.iter().enumerate();
            cells
                .map(|(at, column)| parse_cell(record.get(at).map_or("", String::as_str), column.of))
                .collect()
        };
        let rows: Vec<Vec<Value>> = records.iter().map(row).collect();
        let id = add(&mut edit, &name, rows, bytes)?;
        Ok(Frame::new(INGESTED, vec![vec![json!(id)]]))
    }))
}

fn refuse_other_formats(properties: &Properties) -> Result<(), Fault> {
    match properties.get("format") {
        Some(Property::Text(format) | Property::Bare(format)) if !format.eq_ignore_ascii_case("csv") => {
            Err(Fault::not_modelled(&format!(".ingest inline of format {format}")))
        }
        _ => Ok(()),
    }
}

/// The records of CSV text: quotes are doubled within quotes; blank lines hold no record.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    record.push(field);
    records.push(record);
    records.retain(|record| record.len() > 1 || record.iter().any(|field| !field.trim().is_empty()));
    records
}

/// Adds an extent to a table, and gives back its id.
fn add(edit: &mut Editor<'_>, name: &str, rows: Vec<Vec<Value>>, bytes: u64) -> Result<Uuid, Fault> {
    let created = edit.request().now;
    let table = edit.table_mut(name)?;
    let columns = table.columns.iter().map(|column| column.id).collect();
    let extent = Extent { id: Uuid::new_v4(), created, columns, rows, bytes };
    let (table_id, extent_id) = (table.id, extent.id);
    table.extents.push(extent);
    edit.touch_extents(table_id, &[extent_id]);
    edit.record(Deed { event: "INGEST-DATA", entity: name, ..Deed::default() });
    Ok(extent_id)
}

/// Removes every row of a table.
fn clear_rows(edit: &mut Editor<'_>, name: &str) -> Result<(), Fault> {
    let table = edit.table_mut(name)?;
    let gone: Vec<Uuid> = std::mem::take(&mut table.extents).iter().map(|extent| extent.id).collect();
    let id = table.id;
    edit.touch_extents(id, &gone);
    edit.record(Deed { event: "CLEAR-TABLE-DATA", entity: name, ..Deed::default() });
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Set,
    Append,
    SetOrAppend,
    SetOrReplace,
}

/// `.set|.append|.set-or-append|.set-or-replace [async] T [with (…)] <| query`.
fn from_query(verb: Verb, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let run_async = cursor.eat("async");
    let name = cursor.name("a table name")?;
    cursor.properties()?;
    cursor.expect_mark("<|")?;
    let query = Query::read(cursor.rest())?;
    let kind = format!("Table{verb:?}");
    let command = kind.clone();
    Ok(Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let known = edit.database.tables.contains_key(&name);
        match (verb, known) {
            (Verb::Set, true) => return Err(Fault::already_exists("Table", &name)),
            (Verb::Append, false) => return Err(Fault::not_found("Table", &name)),
            _ => {}
        }
        let frame = query.run(edit.database, edit.request().now)?;
        let rows = match edit.database.tables.get(&name) {
            Some(table) => fitted(&frame, table)?,
            None => {
                create(&mut edit, &name, &frame)?;
                frame.rows
            }
        };
        if known && verb == Verb::SetOrReplace {
            clear_rows(&mut edit, &name)?;
        }
        let (count, bytes) = (rows.len(), json!(rows).to_string().len());
        let id = add(&mut edit, &name, rows, u64::try_from(bytes).unwrap_or(u64::MAX))?;
        if run_async {
            return operation(transaction, &command);
        }
        let bytes = json!(bytes);
        let row = vec![json!(id), bytes.clone(), bytes.clone(), bytes, json!(0), json!(count)];
        Ok(Frame::new(APPENDED, vec![row]))
    }))
}

fn create(edit: &mut Editor<'_>, name: &str, frame: &Frame) -> Result<(), Fault> {
    let mut table = Table::new(name, policy::of_new_table());
    for column in &frame.columns {
        names::check("Column", &column.name)?;
        table.add_column(&column.name, column.of);
    }
    edit.insert_table(table)?;
    edit.record(Deed { event: "CREATE-TABLE", entity: name, schema: true, ..Deed::default() });
    Ok(())
}

/// The answer of a command that was run with `async`.
fn operation(transaction: &mut Transaction<'_>, kind: &str) -> Result<Frame, Fault> {
    let database = transaction.view().database(None)?.name.clone();
    let id = transaction.complete(kind, &database)?;
    Ok(Frame::new(OPERATION_ID, vec![vec![json!(id)]]))
}

/// What follows `.clear table T`.
pub(super) fn clear_table(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if cursor.eat_all(&["cache", "streamingingestion", "schema"]) {
        return Ok(clear_schema_cache(Some(name)));
    }
    cursor.expect("data")?;
    Ok(clearing(name, false))
}

/// What follows `.clear async table`.
pub(super) fn clear(cursor: &mut Cursor<'_>, run_async: bool) -> Result<Command, Fault> {
    let name = cursor.name("a table name")?;
    cursor.expect("data")?;
    Ok(clearing(name, run_async))
}

fn clearing(name: String, run_async: bool) -> Command {
    Command::change("TableClearData", move |transaction| {
        let mut edit = transaction.edit(None)?;
        edit.database.table(&name)?;
        clear_rows(&mut edit, &name)?;
        if run_async {
            return operation(transaction, "TableClearData");
        }
        Ok(Frame::new(STATUS, vec![vec![json!("Succeeded")]]))
    })
}

/// `.clear database cache streamingingestion schema`, and the same of a table: there is no cache to clear.
pub(super) fn clear_schema_cache(table: Option<String>) -> Command {
    Command::change("StreamingIngestionSchemaCacheClear", move |transaction| {
        let view = transaction.view();
        let database = view.database(None)?;
        if let Some(table) = &table {
            database.table(table)?;
        }
        Ok(Frame::new(NODE_STATUS, vec![vec![json!("KEngine000000"), json!("Succeeded")]]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_csv() {
        let cases = [
            ("1,a\n2,\"b,\"\"c\"\"\nd\"\r\n\n", vec![vec!["1", "a"], vec!["2", "b,\"c\"\nd"]]),
            ("x", vec![vec!["x"]]),
            (",\n", vec![vec!["", ""]]),
            ("\n \n", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(csv(text), expected, "{text:?}");
        }
    }
}
