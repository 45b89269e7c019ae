//! `.drop table(s)`, `.undo drop table` (`M:drop-table-command.md`, `M:undo-drop-table-command.md`).

use super::super::Command;
use crate::emulator::kusto::catalog::{Deed, Dropped, Editor, Transaction, Version};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{REMAINING_TABLES, UNDO};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::show::schema;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::json;

/// `.drop table T [ifexists]`.
pub(super) fn table(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let if_exists = cursor.eat("ifexists");
    let names = [name];
    Ok(Command::change("TableDrop", move |transaction| run(transaction, &names, if_exists)))
}

/// `.drop tables (A, B) [ifexists]`.
pub(super) fn tables(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let names = cursor.list(|inner| inner.name("a table name"))?;
    let if_exists = cursor.eat("ifexists");
    Ok(Command::change("TablesDrop", move |transaction| run(transaction, &names, if_exists)))
}

fn run(transaction: &mut Transaction<'_>, names: &[String], if_exists: bool) -> Result<Frame, Fault> {
    let mut edit = transaction.edit(None)?;
    for name in names {
        match edit.database.table(name) {
            Ok(_) => refuse_source_of_view(&edit, name)?,
            Err(missing) if !if_exists => return Err(missing),
            Err(_) => {}
        }
    }
    for name in names {
        drop_one(&mut edit, name);
    }
    transaction.answer(REMAINING_TABLES, |view| {
        let database = view.database(None)?;
        Ok(database.tables.keys().map(|name| vec![json!(name), json!(database.name)]).collect())
    })
}

fn refuse_source_of_view(edit: &Editor<'_>, name: &str) -> Result<(), Fault> {
    let mut views = edit.database.views.values();
    match views.find(|view| choices::SOURCE_OF_VIEW_STAYS && !view.over_view && view.source == name) {
        None => Ok(()),
        Some(view) => Err(Fault::bad_request(format!(
            "Table '{name}' is the source of materialized view '{}'; drop the view first.",
            view.name
        ))),
    }
}

fn drop_one(edit: &mut Editor<'_>, name: &str) {
    let Some(table) = edit.database.tables.remove(name) else { return };
    edit.touch_table(name);
    edit.touch_dropped(name);
    let before = schema::table_json(&table);
    let dropped = Dropped { version: edit.database.version, table };
    if let Some(older) = edit.database.dropped.insert(name.to_owned(), dropped) {
        let extents: Vec<_> = older.table.extents.iter().map(|extent| extent.id).collect();
        edit.touch_extents(older.table.id, &extents);
    }
    edit.record(Deed { event: "DROP-TABLE", entity: name, before, schema: true, ..Deed::default() });
}

/// `.undo drop table T [as N] version="v24.3"`.
pub(super) fn undo(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let name = cursor.name("a table name")?;
    let new = if cursor.eat("as") { Some(cursor.name("the new table name")?) } else { None };
    cursor.expect("version")?;
    cursor.expect_mark("=")?;
    let at = cursor.clone();
    let text = cursor.text("a database version such as \"v24.3\"")?;
    let version = Version::parse(&text).ok_or_else(|| at.expected("a database version such as \"v24.3\""))?;
    cursor.eat("internal");
    Ok(Command::change("TableUndoDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        bring_back(&mut edit, &name, new.as_deref().unwrap_or(&name), version)
    }))
}

fn bring_back(edit: &mut Editor<'_>, name: &str, new: &str, version: Version) -> Result<Frame, Fault> {
    if edit.database.tables.contains_key(new) || edit.database.views.contains_key(new) {
        return Err(Fault::already_exists("Table", new));
    }
    let dropped = edit.database.dropped.get(name).ok_or_else(|| Fault::not_found("Table", name))?;
    if dropped.version != version {
        return Err(Fault::bad_request(format!(
            "Table '{name}' was not dropped at version {version} of the database. The version just before the drop \
             is in the journal: .show database {} journal | where Event==\"DROP-TABLE\" and \
             EntityName==\"{name}\" | project OriginalEntityVersion",
            edit.database.name
        )));
    }
    let mut table = dropped.table.clone();
    new.clone_into(&mut table.name);
    if !choices::UNDO_RESTORES_EVERYTHING {
        table.policies.clear();
        table.mappings.clear();
    }
    if !choices::UNDO_RESTORES_PRINCIPALS {
        table.principals.clear();
    }
    let rows = table.extents.iter();
    let rows =
        rows.map(|extent| vec![json!(extent.id), json!(extent.rows.len()), json!("Recovered"), json!("")]);
    let answer = Frame::new(UNDO, rows.collect());
    let after = schema::table_json(&table);
    edit.insert_table(table)?;
    edit.database.dropped.remove(name);
    edit.touch_dropped(name);
    edit.record(Deed {
        event: "UNDO-DROP-TABLE",
        entity: name,
        renamed: Some(new),
        after,
        schema: true,
        ..Deed::default()
    });
    Ok(answer)
}
