//! `… ingestion KIND mapping …` on tables and databases (`M:create-ingestion-mapping-command.md`).

use super::Command;
use crate::emulator::kusto::catalog::{Database, Deed, Editor, Mapping, MappingKind};
use crate::emulator::kusto::catalog::{canonical_mapping, merged_mapping};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{DATABASE_MAPPINGS, TABLE_MAPPINGS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use serde_json::{Value, json};

/// What a command does with a mapping that exists, and with one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Fails when it exists.
    Create,
    /// Replaces it when it exists.
    CreateOrAlter,
    /// Fails when it does not exist.
    Alter,
    /// Fails when it does not exist; adds to it.
    Merge,
}

fn kind(cursor: &mut Cursor<'_>) -> Option<MappingKind> {
    MappingKind::ALL.into_iter().find(|kind| cursor.eat(kind.word()))
}

fn expect_kind(cursor: &mut Cursor<'_>) -> Result<MappingKind, Fault> {
    let words: Vec<_> = MappingKind::ALL.iter().map(|kind| kind.word()).collect();
    kind(cursor).ok_or_else(|| cursor.expected(&format!("one of {}", words.join(", "))))
}

/// The mappings of a table, or of the database itself.
fn mappings<'a>(edit: &'a mut Editor<'_>, table: Option<&str>) -> Result<&'a mut Vec<Mapping>, Fault> {
    match table {
        Some(table) => Ok(&mut edit.table_mut(table)?.mappings),
        None => {
            edit.touch();
            Ok(&mut edit.database.mappings)
        }
    }
}

/// Refuses a blank name; any other text is one.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if name.trim().is_empty() {
        Err(Fault::bad_name("IngestionMapping", name, "it is empty"))
    } else {
        Ok(())
    }
}

fn missing(kind: MappingKind, name: &str) -> Fault {
    let text = format!("Mapping reference '{name}' of kind '{}' was not found.", kind.shown());
    Fault::coded("BadRequest_MappingReferenceWasNotFound", "MappingNotFoundException", text)
}

/// What follows `.create table T ingestion` and its siblings; without a table, `database` names the database.
pub(super) fn write(verb: Verb, table: Option<String>, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    write_in(verb, None, table, cursor)
}

/// The same for a mapping of the database itself.
pub(super) fn write_in_database(
    verb: Verb,
    database: String,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Fault> {
    write_in(verb, Some(database), None, cursor)
}

fn write_in(
    verb: Verb,
    database: Option<String>,
    table: Option<String>,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Fault> {
    let kind = expect_kind(cursor)?;
    cursor.expect("mapping")?;
    let name = cursor.text("the mapping's name")?;
    let text = cursor.joined_text("the mapping as JSON")?;
    let properties = cursor.properties()?;
    properties.only(&["removeOldestIfRequired"])?;
    properties.flag("removeOldestIfRequired")?;
    let action = match verb {
        Verb::Create => "Create",
        Verb::CreateOrAlter => "CreateOrAlter",
        Verb::Alter => "Alter",
        Verb::Merge => "AlterMerge",
    };
    Ok(Command::change(format!("IngestionMapping{action}"), move |transaction| {
        check_name(&name)?;
        let mut edit = transaction.edit(database.as_deref())?;
        if let Some(table) = &table {
            edit.database.table(table)?;
        }
        let now = edit.request().now;
        let all = mappings(&mut edit, table.as_deref())?;
        let known = all.iter_mut().find(|known| known.kind == kind && known.name == name);
        let before = known.as_ref().map(|known| known.mapping.clone()).unwrap_or_default();
        let mapping = match (&known, verb) {
            (Some(_), Verb::Create) => return Err(Fault::already_exists("IngestionMapping", &name)),
            (None, Verb::Alter | Verb::Merge) => return Err(missing(kind, &name)),
            (Some(known), Verb::Merge) => merged_mapping(kind, &known.mapping, &text)?,
            _ => canonical_mapping(kind, &text)?,
        };
        match known {
            Some(known) => {
                known.mapping.clone_from(&mapping);
                known.updated = now;
            }
            None => all.push(Mapping { name: name.clone(), kind, mapping: mapping.clone(), updated: now }),
        }
        edit.record(Deed {
            event: "ALTER-INGESTION-MAPPING",
            entity: &name,
            before,
            after: mapping,
            ..Deed::default()
        });
        let view = transaction.view();
        answer(view.database(database.as_deref())?, table.as_deref(), Some(kind), Some(&name))
    }))
}

/// What follows `.drop table T ingestion`.
pub(super) fn drop(table: Option<String>, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    drop_in(None, table, cursor)
}

/// What follows `.drop database D ingestion`.
pub(super) fn drop_in_database(database: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    drop_in(Some(database), None, cursor)
}

fn drop_in(
    database: Option<String>,
    table: Option<String>,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Fault> {
    let kind = expect_kind(cursor)?;
    cursor.expect("mapping")?;
    let name = cursor.text("the mapping's name")?;
    Ok(Command::change("IngestionMappingDrop", move |transaction| {
        let mut edit = transaction.edit(database.as_deref())?;
        if let Some(table) = &table {
            edit.database.table(table)?;
        }
        let answer = answer(edit.database, table.as_deref(), Some(kind), Some(&name))?;
        let all = mappings(&mut edit, table.as_deref())?;
        let at = all.iter().position(|known| known.kind == kind && known.name == name);
        let before = all.remove(at.ok_or_else(|| missing(kind, &name))?).mapping;
        edit.record(Deed { event: "DROP-INGESTION-MAPPING", entity: &name, before, ..Deed::default() });
        Ok(answer)
    }))
}

/// What follows `.show table T ingestion`.
pub(super) fn show(table: Option<String>, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let kind = kind(cursor);
    let name = if cursor.eat("mapping") {
        Some(cursor.text("the mapping's name")?)
    } else {
        cursor.expect("mappings")?;
        None
    };
    Ok(Command::read("IngestionMappingsShow", move |view| {
        let database = view.database(None)?;
        let found = answer(database, table.as_deref(), kind, name.as_deref())?;
        match (&name, kind) {
            (Some(name), _) if found.rows.is_empty() => Err(missing(kind.unwrap_or(MappingKind::Csv), name)),
            _ => Ok(found),
        }
    }))
}

/// What follows `.show database [D] ingestion`.
pub(super) fn show_in_database(database: Option<String>, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let kind = kind(cursor);
    cursor.expect("mappings")?;
    let named = !cursor.at("with") && !cursor.at_end() && !cursor.at_mark("|");
    let name = if named { Some(cursor.text("the mapping's name")?) } else { None };
    cursor.properties()?;
    Ok(Command::read("IngestionMappingsShow", move |view| {
        answer(view.database(database.as_deref())?, None, kind, name.as_deref())
    }))
}

/// The rows of the mappings of a table, or of the database itself.
fn answer(
    database: &Database,
    table: Option<&str>,
    kind: Option<MappingKind>,
    name: Option<&str>,
) -> Result<Frame, Fault> {
    let wanted = |mapping: &&Mapping| {
        kind.is_none_or(|kind| kind == mapping.kind) && name.is_none_or(|name| name == mapping.name)
    };
    let row = |mapping: &Mapping, table: Option<&str>| {
        let mut row: Vec<Value> = vec![
            json!(mapping.name),
            json!(mapping.kind.shown()),
            json!(mapping.mapping),
            json!(time::datetime(mapping.updated)),
            json!(database.name),
        ];
        row.extend(table.map(|table| json!(table)));
        row
    };
    if let Some(table) = table {
        let mappings = database.table(table)?.mappings.iter().filter(wanted);
        return Ok(Frame::new(TABLE_MAPPINGS, mappings.map(|mapping| row(mapping, Some(table))).collect()));
    }
    let of_tables = database.tables.values().filter(|_| choices::DATABASE_MAPPINGS_INCLUDE_TABLES);
    let of_tables = of_tables.flat_map(|table| &table.mappings);
    let mappings = database.mappings.iter().chain(of_tables).filter(wanted);
    Ok(Frame::new(DATABASE_MAPPINGS, mappings.map(|mapping| row(mapping, None)).collect()))
}
