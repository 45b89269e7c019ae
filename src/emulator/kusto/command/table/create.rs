//! `.create table`, `.create tables`, `.create-merge table(s)` (`M:create-table-command.md`).

use super::super::Command;
use super::{Described, answers_schema, check_columns, columns, listing};
use crate::emulator::kusto::catalog::{Deed, Editor, Table, Transaction};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::policy;
use crate::emulator::kusto::show::schema;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::types::Type;

/// A table as a command describes it.
#[derive(Debug, Clone)]
struct Wanted {
    name: String,
    columns: Vec<(String, Type)>,
}

impl Wanted {
    /// Refuses what cannot be created or merged, before anything is.
    fn check(&self, edit: &Editor<'_>, merge: bool) -> Result<(), Fault> {
        check_columns(&self.columns, edit.request().limits.columns)?;
        let Some(table) = edit.database.tables.get(&self.name) else {
            if edit.database.views.contains_key(&self.name) {
                return Err(Fault::already_exists("MaterializedView", &self.name));
            }
            if edit.database.external_tables.contains_key(&self.name) {
                return Err(Fault::already_exists("ExternalTable", &self.name));
            }
            return crate::emulator::kusto::names::check("Table", &self.name);
        };
        if merge { table.check_merge(&self.columns, edit.request().limits.columns) } else { Ok(()) }
    }

    /// Creates the table, or adds the columns that it lacks.
    fn put(&self, edit: &mut Editor<'_>, merge: bool, described: &Described) -> Result<(), Fault> {
        let Some(known) = edit.database.tables.get(&self.name) else {
            let mut table = Table::new(&self.name, policy::of_new_table());
            for (name, of) in &self.columns {
                table.add_column(name, *of);
            }
            described.apply(&mut table);
            let after = schema::table_json(&table);
            edit.insert_table(table)?;
            edit.record(Deed {
                event: "CREATE-TABLE",
                entity: &self.name,
                after,
                schema: true,
                ..Deed::default()
            });
            return Ok(());
        };
        if !merge {
            return Ok(());
        }
        let before = schema::table_json(known);
        let table = edit.table_mut(&self.name)?;
        table.add_missing(&self.columns);
        if choices::CREATE_MERGE_SETS_PROPERTIES {
            described.apply(table);
        }
        let after = schema::table_json(table);
        if after != before {
            let deed = Deed {
                event: "ALTER-TABLE",
                entity: &self.name,
                before,
                after,
                schema: true,
                ..Deed::default()
            };
            edit.record(deed);
        }
        Ok(())
    }
}

impl Table {
    /// Refuses columns that the table has with another type.
    pub(super) fn refuse_other_types(&self, columns: &[(String, Type)]) -> Result<(), Fault> {
        for (name, of) in columns {
            if let Some(column) = self.column(name).filter(|column| column.of != *of) {
                return Err(Fault::bad_request(format!(
                    "Column '{name}' of table '{}' has type '{}' and cannot become '{}' this way; \
                     use .alter column, which loses its values.",
                    self.name,
                    column.of.name(),
                    of.name()
                )));
            }
        }
        Ok(())
    }

    fn lacks<'a>(&'a self, columns: &'a [(String, Type)]) -> impl Iterator<Item = &'a (String, Type)> {
        columns.iter().filter(|(name, _)| self.column(name).is_none())
    }

    /// Refuses columns that cannot be added: of another type, or too many.
    pub(super) fn check_merge(&self, columns: &[(String, Type)], most: usize) -> Result<(), Fault> {
        self.refuse_other_types(columns)?;
        if self.columns.len() + self.lacks(columns).count() > most {
            return Err(Fault::bad_request(format!(
                "Table '{}' would hold more than {most} columns.",
                self.name
            )));
        }
        Ok(())
    }

    /// Appends the columns that the table lacks.
    pub(super) fn add_missing(&mut self, columns: &[(String, Type)]) {
        let missing: Vec<_> = self.lacks(columns).cloned().collect();
        for (name, of) in missing {
            self.add_column(&name, of);
        }
    }
}

/// `.create table T (…)` and `.create-merge table T (…)`.
pub(super) fn table(name: String, merge: bool, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let wanted = Wanted { name, columns: columns(cursor)? };
    let described = Described::read(cursor)?;
    Ok(answers_schema("TableCreate", move |transaction| {
        let mut edit = transaction.edit(None)?;
        wanted.check(&edit, merge)?;
        wanted.put(&mut edit, merge, &described)?;
        Ok(wanted.name.clone())
    }))
}

/// `.create tables A (…), B (…)` and `.create-merge tables …`: all or none.
pub(super) fn tables(cursor: &mut Cursor<'_>, merge: bool) -> Result<Command, Fault> {
    let mut all: Vec<Wanted> = Vec::new();
    loop {
        let name = cursor.name("a table name")?;
        all.push(Wanted { name, columns: columns(cursor)? });
        if !cursor.eat_mark(",") {
            break;
        }
    }
    let described = Described::read(cursor)?;
    Ok(Command::change("TablesCreate", move |transaction: &mut Transaction<'_>| {
        let mut edit = transaction.edit(None)?;
        let mut names = std::collections::BTreeSet::new();
        for wanted in &all {
            wanted.check(&edit, merge)?;
            if !names.insert(wanted.name.as_str()) {
                return Err(Fault::bad_request(format!("Table '{}' is given twice.", wanted.name)));
            }
        }
        let new = names.iter().filter(|name| !edit.database.tables.contains_key(**name)).count();
        if edit.database.tables.len() + new > edit.request().limits.tables {
            return Err(Fault::bad_request(format!(
                "Database '{}' may hold {} tables; none of the {new} new ones was created.",
                edit.database.name,
                edit.request().limits.tables
            )));
        }
        for wanted in &all {
            wanted.put(&mut edit, merge, &described)?;
        }
        let view = transaction.view();
        let database = view.database(None)?;
        Ok(listing(database, all.iter().filter_map(|wanted| database.tables.get(&wanted.name))))
    }))
}

/// `.create table N based-on O [ifnotexists]` (`M:create-table-based-on-command.md`): columns, folder and policies
/// come along, the update policy and the principals do not.
pub(super) fn based_on(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let source = cursor.name("a table name")?;
    let if_not_exists = cursor.eat("ifnotexists");
    let described = Described::read(cursor)?;
    Ok(answers_schema("TableCreateBasedOnAnother", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let original = edit.database.table(&source)?.clone();
        if edit.database.tables.contains_key(&name) {
            return if if_not_exists { Ok(name.clone()) } else { Err(Fault::already_exists("Table", &name)) };
        }
        let mut table = Table::new(&name, original.policies);
        table.policies.remove("update");
        for column in &original.columns {
            table.add_column(&column.name, column.of);
        }
        for (column, model) in table.columns.iter_mut().zip(&original.columns) {
            column.doc_string.clone_from(&model.doc_string);
        }
        table.folder = original.folder;
        table.doc_string = format!("Created based on {source}");
        described.apply(&mut table);
        let after = schema::table_json(&table);
        edit.insert_table(table)?;
        edit.record(Deed { event: "CREATE-TABLE", entity: &name, after, schema: true, ..Deed::default() });
        Ok(name.clone())
    }))
}
