//! Columns: type, name, docstring, drop (`M:alter-column.md`, `M:rename-column.md`, `M:drop-column.md`).

use super::table::schema_row;
use super::{Command, Parsed, policy};
use crate::emulator::kusto::catalog::{Deed, Editor, Table, Transaction};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::COLUMN;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy::Scope;
use crate::emulator::kusto::show::schema::table_json;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::json;

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "rename" && cursor.eat("columns") {
        return swap(cursor).map(Some);
    }
    if !cursor.eat("column") {
        return Ok(None);
    }
    match verb {
        "rename" => rename(cursor).map(Some),
        "drop" => drop_one(cursor).map(Some),
        "alter" | "alter-merge" | "delete" | "show" => {
            let place = Place::read(cursor)?;
            if cursor.eat("policy") {
                let parts = place.database.into_iter().chain([place.table, place.column]).collect();
                return policy::parse(verb, Scope::Column, parts, cursor).map(Some);
            }
            if verb == "alter" { alter_type(place, cursor).map(Some) } else { Ok(None) }
        }
        _ => Ok(None),
    }
}

/// A column as commands name it: `[database.]table.column`.
#[derive(Debug, Clone)]
struct Place {
    database: Option<String>,
    table: String,
    column: String,
}

impl Place {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let mut parts = cursor.dotted("a column name", 3)?;
        match (parts.pop(), parts.pop(), parts.pop()) {
            (Some(column), Some(table), database) => Ok(Self { database, table, column }),
            _ => Err(cursor.expected("'.' and a column name")),
        }
    }

    /// The place of the column in its table.
    fn find(&self, table: &Table) -> Result<usize, Fault> {
        find(table, &self.column)
    }

    /// The one row of a rename or a new type.
    fn answer(&self, transaction: &Transaction<'_>, column: &str) -> Result<Frame, Fault> {
        let view = transaction.view();
        let database = view.database(self.database.as_deref())?;
        let of = database.table(&self.table)?.column(column).map_or("", |found| found.of.dotnet());
        let name = format!("[{}].[{}].[{column}]", database.name, self.table);
        Ok(Frame::new(COLUMN, vec![vec![json!(name), json!(of), json!("null")]]))
    }
}

fn find(table: &Table, column: &str) -> Result<usize, Fault> {
    let found = table.columns.iter().position(|known| known.name == column);
    found.ok_or_else(|| Fault::not_found("Column", column))
}

/// Changes a table's columns and records it; `schema` tells whether names or types change.
fn change(
    edit: &mut Editor<'_>,
    name: &str,
    schema: bool,
    change: impl FnOnce(&mut Table) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let table = edit.table_mut(name)?;
    let before = table_json(table);
    change(table)?;
    let after = table_json(table);
    if before != after {
        edit.record(Deed { event: "ALTER-TABLE", entity: name, before, after, schema, ..Deed::default() });
    }
    Ok(())
}

/// `.alter column T.C type=t`: every value becomes null, and stays so.
fn alter_type(place: Place, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.expect("type")?;
    cursor.expect_mark("=")?;
    let of = cursor.scalar_type()?;
    Ok(Command::change("ColumnAlterType", move |transaction| {
        let mut edit = transaction.edit(place.database.as_deref())?;
        place.find(edit.database.table(&place.table)?)?;
        change(&mut edit, &place.table, true, |table| {
            let at = place.find(table)?;
            if table.columns[at].of != of {
                let id = table.fresh_column_id();
                table.columns[at].id = id;
                table.columns[at].of = of;
            }
            Ok(())
        })?;
        place.answer(transaction, &place.column)
    }))
}

/// `.rename column T.C to N`.
fn rename(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let place = Place::read(cursor)?;
    cursor.expect("to")?;
    let new = cursor.name("the new column name")?;
    Ok(Command::change("ColumnRename", move |transaction| {
        names::check("Column", &new)?;
        let mut edit = transaction.edit(place.database.as_deref())?;
        let table = edit.database.table(&place.table)?;
        place.find(table)?;
        if new != place.column && table.column(&new).is_some() {
            return Err(Fault::already_exists("Column", &new));
        }
        change(&mut edit, &place.table, true, |table| {
            let at = place.find(table)?;
            table.columns[at].name.clone_from(&new);
            Ok(())
        })?;
        place.answer(transaction, &new)
    }))
}

/// `.rename columns A=T.B, B=T.A`: swaps two columns of one table.
fn swap(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let pair = |cursor: &mut Cursor<'_>| {
        let new = cursor.name("the new column name")?;
        cursor.expect_mark("=")?;
        Ok::<_, Fault>((new, Place::read(cursor)?))
    };
    let first = pair(cursor)?;
    cursor.expect_mark(",")?;
    let second = pair(cursor)?;
    Ok(Command::change("ColumnsRename", move |transaction| {
        let ((new_first, first), (new_second, second)) = (&first, &second);
        let swaps = *new_first == second.column && *new_second == first.column;
        if !swaps || first.table != second.table || first.database != second.database {
            return Err(Fault::bad_request(
                ".rename columns swaps exactly two columns of one table: A=T.B, B=T.A.",
            ));
        }
        let mut edit = transaction.edit(first.database.as_deref())?;
        let table = edit.database.table(&first.table)?;
        first.find(table)?;
        second.find(table)?;
        change(&mut edit, &first.table, true, |table| {
            let (one, other) = (first.find(table)?, second.find(table)?);
            table.columns[one].name.clone_from(new_first);
            table.columns[other].name.clone_from(new_second);
            Ok(())
        })?;
        let mut answer = first.answer(transaction, new_first)?;
        answer.rows.extend(second.answer(transaction, new_second)?.rows);
        Ok(answer)
    }))
}

/// `.drop column T.C [ifexists]`.
fn drop_one(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let mut parts = cursor.dotted("a column name", 2)?;
    let (Some(column), Some(table)) = (parts.pop(), parts.pop()) else {
        return Err(cursor.expected("'.' and a column name"));
    };
    let if_exists = cursor.eat("ifexists");
    Ok(dropping("ColumnDrop", table, vec![column], if_exists))
}

/// What follows `.drop table T columns`.
pub(super) fn drop_many(table: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let columns = cursor.list(|inner| inner.name("a column name"))?;
    Ok(dropping("TableDropColumns", table, columns, false))
}

fn dropping(kind: &str, name: String, columns: Vec<String>, if_exists: bool) -> Command {
    Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let table = edit.database.table(&name)?;
        for column in &columns {
            match find(table, column) {
                Err(missing) if !if_exists => return Err(missing),
                _ => {}
            }
        }
        let stays = table.columns.iter().any(|column| !columns.contains(&column.name));
        if choices::LAST_COLUMN_STAYS && !stays {
            return Err(Fault::bad_request(format!("Table '{name}' would be left without columns.")));
        }
        change(&mut edit, &name, true, |table| {
            table.columns.retain(|column| !columns.contains(&column.name));
            Ok(())
        })?;
        show(transaction, &name)
    })
}

fn show(transaction: &Transaction<'_>, name: &str) -> Result<Frame, Fault> {
    let view = transaction.view();
    let database = view.database(None)?;
    let table = database.table(name)?;
    Ok(schema_row(database, table, table_json(table)))
}

/// What follows `column-docstrings`: without merging, columns that are not given lose theirs.
pub(super) fn docstrings(name: String, merge: bool, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let given = cursor.list(|inner| {
        let column = inner.name("a column name")?;
        inner.expect_mark(":")?;
        Ok((column, inner.text("a docstring")?))
    })?;
    let kind = if merge { "TableAlterMergeColumnDocStrings" } else { "TableAlterColumnDocStrings" };
    Ok(Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let table = edit.database.table(&name)?;
        for (column, _) in &given {
            find(table, column)?;
        }
        change(&mut edit, &name, false, |table| {
            for column in &mut table.columns {
                match given.iter().find(|(known, _)| *known == column.name) {
                    Some((_, text)) => column.doc_string.clone_from(text),
                    None if !merge => column.doc_string.clear(),
                    None => {}
                }
            }
            Ok(())
        })?;
        show(transaction, &name)
    }))
}
