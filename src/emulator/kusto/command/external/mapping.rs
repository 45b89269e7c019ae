//! `.create|.alter|.drop|.show external table E mapping "M"` (`M:external-table-mapping-create.md` and its siblings).
//!
//! No command says a kind: it is that of the table's format.

use super::super::{Command, Parsed};
use crate::emulator::kusto::catalog::{
    Database, Deed, ExternalKind, ExternalTable, FORMATS, Mapping, MappingKind, canonical_mapping,
};
use crate::emulator::kusto::columns::TABLE_MAPPINGS;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use serde_json::{Value, json};

/// What stands after the name of the table, `mapping` or `mappings`.
pub(super) fn parse(verb: &str, table: String, cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.eat("mappings") {
        return Ok(Some(show(table, None)));
    }
    cursor.expect("mapping")?;
    let name = cursor.text("the mapping's name")?;
    Ok(Some(match verb {
        "create" => write(true, table, name, cursor.joined_text("the mapping as JSON")?),
        "alter" => write(false, table, name, cursor.joined_text("the mapping as JSON")?),
        "drop" => drop(table, name),
        "show" => show(table, Some(name)),
        _ => return Ok(None),
    }))
}

/// The kind of the mappings of a table, which follows from the format of its files.
fn kind(table: &ExternalTable) -> Result<MappingKind, Fault> {
    let format = match table.kind {
        ExternalKind::Storage => table.format.and_then(|at| FORMATS.get(at)).map(|(word, _)| *word),
        ExternalKind::Delta => Some("parquet"),
        ExternalKind::Sql => None,
    };
    let kind = format.and_then(|format| match format {
        "apacheavro" => Some(MappingKind::ApacheAvro),
        format => MappingKind::ALL.into_iter().find(|kind| kind.reads(format)),
    });
    kind.ok_or_else(|| Fault::bad_request(format!("External table '{}' takes no mappings.", table.name)))
}

fn missing(name: &str) -> Fault {
    let text = format!("Mapping reference '{name}' was not found.");
    Fault::coded("BadRequest_MappingReferenceWasNotFound", "MappingNotFoundException", text)
}

/// The canonical text; an external table's elements say `ColumnName`, and no type.
fn canonical(kind: MappingKind, text: &str) -> Result<String, Fault> {
    let elements: Vec<Value> = serde_json::from_str(&canonical_mapping(kind, text)?)
        .map_err(|error| Fault::internal(format!("a canonical mapping does not parse: {error}")))?;
    let shown =
        elements.iter().map(|one| json!({"ColumnName": one["column"], "Properties": one["Properties"]}));
    Ok(Value::Array(shown.collect()).to_string())
}

fn write(create: bool, table: String, name: String, text: String) -> Command {
    let kind_of_command = if create { "ExternalTableMappingCreate" } else { "ExternalTableMappingAlter" };
    Command::change(kind_of_command, move |transaction| {
        let now = transaction.request().now;
        let mut edit = transaction.edit(None)?;
        let found = edit.external_mut(&table)?;
        let kind = kind(found)?;
        let known = found.mappings.iter_mut().find(|known| known.name == name);
        let before = known.as_ref().map(|known| known.mapping.clone()).unwrap_or_default();
        match (&known, create) {
            (Some(_), true) => return Err(Fault::already_exists("ExternalTableMapping", &name)),
            (None, false) => return Err(missing(&name)),
            (None, true) => crate::emulator::kusto::command::mapping::check_name(&name)?,
            (Some(_), false) => {}
        }
        let mapping = Mapping { name: name.clone(), kind, mapping: canonical(kind, &text)?, updated: now };
        let after = mapping.mapping.clone();
        match known {
            Some(known) => *known = mapping,
            None => found.mappings.push(mapping),
        }
        edit.record(Deed {
            event: "ALTER-EXTERNAL-TABLE-MAPPING",
            entity: &name,
            before,
            after,
            ..Deed::default()
        });
        let view = transaction.view();
        answer(view.database(None)?, &table, Some(&name))
    })
}

fn drop(table: String, name: String) -> Command {
    Command::change("ExternalTableMappingDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let answer = answer(edit.database, &table, Some(&name))?;
        let found = edit.external_mut(&table)?;
        let at = found.mappings.iter().position(|known| known.name == name);
        let before = found.mappings.remove(at.ok_or_else(|| missing(&name))?).mapping;
        edit.record(Deed { event: "DROP-EXTERNAL-TABLE-MAPPING", entity: &name, before, ..Deed::default() });
        Ok(answer)
    })
}

fn show(table: String, name: Option<String>) -> Command {
    Command::read("ExternalTableMappingsShow", move |view| {
        let found = answer(view.database(None)?, &table, name.as_deref())?;
        match &name {
            Some(name) if found.rows.is_empty() => Err(missing(name)),
            _ => Ok(found),
        }
    })
}

fn answer(database: &Database, table: &str, name: Option<&str>) -> Result<Frame, Fault> {
    let mappings = database.external(table)?.mappings.iter();
    let rows = mappings.filter(|mapping| name.is_none_or(|name| name == mapping.name)).map(|mapping| {
        vec![
            json!(mapping.name),
            json!(mapping.kind.shown()),
            json!(mapping.mapping),
            json!(time::datetime(mapping.updated)),
            json!(database.name),
            json!(table),
        ]
    });
    Ok(Frame::new(TABLE_MAPPINGS, rows.collect()))
}
