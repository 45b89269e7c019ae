//! `.alter table`, `.alter-merge table` (`M:alter-table-command.md`).

use super::super::Command;
use super::{Described, answers_schema, check_columns, columns};
use crate::emulator::kusto::catalog::{Deed, Transaction};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::show::schema;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::types::Type;

/// Reads what follows `.alter table T` or `.alter-merge table T`.
pub(super) fn table(name: String, merge: bool, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if !merge && (cursor.at("docstring") || cursor.at("folder")) {
        return property(name, cursor);
    }
    let wanted = columns(cursor)?;
    let described = Described::read(cursor)?;
    let kind = if merge { "TableAlterMerge" } else { "TableAlter" };
    Ok(answers_schema(kind, move |transaction| {
        if merge {
            add_columns(transaction, &name, &wanted, &described)?;
        } else {
            replace_columns(transaction, &name, &wanted, &described)?;
        }
        Ok(name.clone())
    }))
}

/// `.alter table T docstring|folder "x"`.
fn property(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let folder = cursor.expect_one(&["docstring", "folder"])? == "folder";
    let text = cursor.text("the new text")?;
    let kind = if folder { "TableAlterFolder" } else { "TableAlterDocString" };
    let described = if folder {
        Described { folder: Some(text), doc_string: None }
    } else {
        Described { doc_string: Some(text), folder: None }
    };
    Ok(answers_schema(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let table = edit.table_mut(&name)?;
        let before = schema::table_json(table);
        described.apply(table);
        let after = schema::table_json(table);
        edit.record(Deed { event: "ALTER-TABLE", entity: &name, before, after, ..Deed::default() });
        Ok(name.clone())
    }))
}

fn add_columns(
    transaction: &mut Transaction<'_>,
    name: &str,
    wanted: &[(String, Type)],
    described: &Described,
) -> Result<(), Fault> {
    let most = transaction.request().limits.columns;
    check_columns(wanted, most)?;
    let mut edit = transaction.edit(None)?;
    edit.database.table(name)?.check_merge(wanted, most)?;
    let table = edit.table_mut(name)?;
    let before = schema::table_json(table);
    table.add_missing(wanted);
    described.apply(table);
    let after = schema::table_json(table);
    edit.record(Deed { event: "ALTER-TABLE", entity: name, before, after, schema: true, ..Deed::default() });
    Ok(())
}

/// Makes the columns, docstring and folder exactly what is given; columns that are not given are gone with their
/// values.
fn replace_columns(
    transaction: &mut Transaction<'_>,
    name: &str,
    wanted: &[(String, Type)],
    described: &Described,
) -> Result<(), Fault> {
    check_columns(wanted, transaction.request().limits.columns)?;
    let mut edit = transaction.edit(None)?;
    edit.database.table(name)?.refuse_other_types(wanted)?;
    let table = edit.table_mut(name)?;
    let before = schema::table_json(table);
    let mut known = std::mem::take(&mut table.columns);
    for (column, of) in wanted {
        match known.iter().position(|kept| kept.name == *column) {
            Some(at) => table.columns.push(known.swap_remove(at)),
            None => table.add_column(column, *of),
        }
    }
    table.folder.clear();
    table.doc_string.clear();
    described.apply(table);
    let after = schema::table_json(table);
    edit.record(Deed { event: "ALTER-TABLE", entity: name, before, after, schema: true, ..Deed::default() });
    Ok(())
}
