//! `.rename table`, `.rename tables` (`M:rename-table-command.md`).

use super::super::Command;
use super::listing;
use crate::emulator::kusto::catalog::{Deed, Editor, Table, Transaction};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::Cursor;
use std::collections::BTreeSet;

/// One table and its new name.
#[derive(Debug, Clone)]
struct Move {
    from: String,
    to: String,
    if_exists: bool,
}

/// `.rename table A to B [with (updateMaterializedViews=true)]`.
pub(super) fn table(from: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.expect("to")?;
    let to = cursor.name("the new table name")?;
    let properties = cursor.properties()?;
    properties.only(&["updateMaterializedViews"])?;
    let with_views = properties.flag("updateMaterializedViews")?.unwrap_or(false);
    let moves = [Move { from, to, if_exists: false }];
    Ok(Command::change("TableRename", move |transaction| run(transaction, &moves, with_views)))
}

/// `.rename tables B=A [ifexists], …`: all or none; swaps are allowed.
pub(super) fn tables(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let mut moves = Vec::new();
    loop {
        let to = cursor.name("the new table name")?;
        cursor.expect_mark("=")?;
        let from = cursor.name("a table name")?;
        moves.push(Move { from, to, if_exists: cursor.eat("ifexists") });
        if !cursor.eat_mark(",") {
            break;
        }
    }
    Ok(Command::change("TablesRename", move |transaction| run(transaction, &moves, false)))
}

fn run(
    transaction: &mut Transaction<'_>,
    moves: &[Move],
    with_views: bool,
) -> Result<crate::emulator::kusto::frame::Frame, Fault> {
    let mut edit = transaction.edit(None)?;
    let known = |edit: &Editor<'_>, name: &str| edit.database.tables.contains_key(name);
    let mut moves: Vec<&Move> = moves.iter().collect();
    moves.retain(|each| !each.if_exists || known(&edit, &each.from));
    check(&edit, &moves, with_views)?;
    let mut taken: Vec<(&Move, Table)> = Vec::new();
    for each in moves {
        edit.touch_table(&each.from);
        if let Some(table) = edit.database.tables.remove(&each.from) {
            taken.push((each, table));
        }
    }
    let mut renamed = Vec::new();
    for (each, mut table) in taken {
        table.name.clone_from(&each.to);
        edit.touch_table(&each.to);
        edit.database.tables.insert(each.to.clone(), table);
        follow_in_views(&mut edit, each);
        edit.record(Deed {
            event: "RENAME-TABLE",
            entity: &each.from,
            renamed: Some(&each.to),
            schema: true,
            ..Deed::default()
        });
        renamed.push(each.to.clone());
    }
    let view = transaction.view();
    let database = view.database(None)?;
    Ok(listing(database, renamed.iter().filter_map(|name| database.tables.get(name))))
}

fn check(edit: &Editor<'_>, moves: &[&Move], with_views: bool) -> Result<(), Fault> {
    let mut from = BTreeSet::new();
    let mut to = BTreeSet::new();
    for each in moves {
        edit.database.table(&each.from)?;
        names::check("Table", &each.to)?;
        if !from.insert(&each.from) || !to.insert(&each.to) {
            return Err(Fault::bad_request(format!(
                "Renaming '{}' to '{}' names a table twice.",
                each.from, each.to
            )));
        }
    }
    for each in moves {
        let stays = edit.database.tables.contains_key(&each.to) && !from.contains(&each.to);
        if stays || edit.database.views.contains_key(&each.to) {
            return Err(Fault::already_exists("Table", &each.to));
        }
        let reads = |view: &&crate::emulator::kusto::catalog::MaterializedView| {
            !view.over_view && view.source == each.from
        };
        if let Some(view) = edit.database.views.values().find(reads).filter(|_| !with_views) {
            return Err(Fault::bad_request(format!(
                "Table '{}' is the source of materialized view '{}'; rename it with (updateMaterializedViews=true).",
                each.from, view.name
            )));
        }
    }
    Ok(())
}

/// Lets the views that read the table by its name go on reading it.
fn follow_in_views(edit: &mut Editor<'_>, each: &Move) {
    let reading: Vec<String> = edit
        .database
        .views
        .values()
        .filter(|view| !view.over_view && view.source == each.from)
        .map(|view| view.name.clone())
        .collect();
    for name in reading {
        edit.touch_view(&name);
        if let Some(view) = edit.database.views.get_mut(&name) {
            view.source.clone_from(&each.to);
            let mut cursor = Cursor::new(&view.query);
            if cursor.name("a table name").is_ok_and(|head| head == each.from) {
                view.query = format!("{}{}", names::print(&each.to), cursor.rest());
            }
        }
    }
}
