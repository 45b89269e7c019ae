//! External tables: their definitions; no data is ever looked at (`kusto/management/external-table-commands.md`).

mod define;
mod mapping;

use super::{Command, Parsed, policy, principal};
use crate::emulator::kusto::catalog::{Deed, ExternalTable};
use crate::emulator::kusto::columns::{EXTERNAL_TABLE_DETAILS, EXTERNAL_TABLES, TABLE_SCHEMA};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::policy::Scope;
use crate::emulator::kusto::show::{external, schema};
use crate::emulator::kusto::syntax::Cursor;
use define::Verb;
use serde_json::{Value, json};

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat_all(&["external", "tables"]) {
        return show_all(cursor);
    }
    if !cursor.eat_all(&["external", "table"]) {
        return Ok(None);
    }
    if verb == "show" && cursor.eat_mark("*") {
        return policy::show_all(Scope::External, cursor).map(Some);
    }
    let name = cursor.name("an external table name")?;
    if cursor.eat("policy") {
        return policy::parse(verb, Scope::External, vec![name], cursor).map(Some);
    }
    if cursor.at("mapping") || (verb == "show" && cursor.at("mappings")) {
        return mapping::parse(verb, name, cursor);
    }
    let of = || principal::Of::External(name.clone());
    Ok(Some(match verb {
        "create" => define::parse(Verb::Create, name, cursor)?,
        "create-or-alter" => define::parse(Verb::CreateOrAlter, name, cursor)?,
        "alter" if cursor.eat("docstring") => described(name, "docstring", cursor)?,
        "alter" if cursor.eat("folder") => described(name, "folder", cursor)?,
        "alter" => define::parse(Verb::Alter, name, cursor)?,
        "show" if cursor.eat("principals") || cursor.at("principal") => principal::show(of(), cursor)?,
        "show" => return show_one(name, cursor),
        "add" | "set" => principal::change(verb, of(), cursor)?,
        "drop" if cursor.at("admins") => principal::change(verb, of(), cursor)?,
        "drop" => {
            let if_exists = cursor.eat("ifexists");
            drop(name, if_exists)
        }
        _ => return Ok(None),
    }))
}

/// What follows `.show external tables`.
fn show_all(cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.eat("details") {
        return Ok(Some(Command::read("ExternalTablesShowDetails", |view| {
            let all = view.database(None)?.external_tables.values();
            Ok(Frame::new(EXTERNAL_TABLE_DETAILS, all.map(details).collect()))
        })));
    }
    if cursor.at("operations") || cursor.at("principals") {
        return Ok(None);
    }
    Ok(Some(Command::read("ExternalTablesShow", |view| {
        let all = view.database(None)?.external_tables.values();
        Ok(Frame::new(EXTERNAL_TABLES, all.map(external::row).collect()))
    })))
}

/// What follows `.show external table E`.
fn show_one(name: String, cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.at("artifacts") || cursor.at("operations") {
        return Ok(None);
    }
    if cursor.eat("details") {
        return Ok(Some(Command::read("ExternalTableShowDetails", move |view| {
            let table = view.database(None)?.external(&name)?;
            Ok(Frame::new(EXTERNAL_TABLE_DETAILS, vec![details(table)]))
        })));
    }
    let as_json = if cursor.eat("schema") {
        cursor.expect("as")?;
        Some(cursor.expect_one(&["json", "csl"])? == "json")
    } else {
        cursor.eat("cslschema").then_some(false)
    };
    let Some(as_json) = as_json else {
        return Ok(Some(Command::read("ExternalTableShow", move |view| {
            let table = view.database(None)?.external(&name)?;
            Ok(Frame::new(EXTERNAL_TABLES, vec![external::row(table)]))
        })));
    };
    Ok(Some(Command::read("ExternalTableShowSchema", move |view| {
        let database = view.database(None)?;
        let table = database.external(&name)?;
        let text = if as_json { schema::external_json(table) } else { table.csl_schema() };
        let row = [&table.name, &text, &database.name, &table.folder, &table.doc_string];
        Ok(Frame::new(TABLE_SCHEMA, vec![row.map(|cell| json!(cell)).to_vec()]))
    })))
}

fn details(table: &ExternalTable) -> Vec<Value> {
    let policy = table.policies.get("query_acceleration");
    let state =
        if policy.is_some_and(|text| text.contains("\"IsEnabled\":true")) { "Enabled" } else { "Disabled" };
    vec![json!(table.name), json!(policy.map_or("null", String::as_str)), json!(state)]
}

/// `.alter external table E docstring|folder "x"`.
fn described(name: String, property: &'static str, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let text = cursor.text("the text")?;
    let kind = if property == "folder" { "ExternalTableAlterFolder" } else { "ExternalTableAlterDocString" };
    Ok(Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let table = edit.external_mut(&name)?;
        let field = if property == "folder" { &mut table.folder } else { &mut table.doc_string };
        let before = std::mem::replace(field, text.clone());
        let row = external::row(table);
        edit.record(Deed {
            event: "ALTER-EXTERNAL-TABLE",
            entity: &name,
            before,
            after: text.clone(),
            ..Deed::default()
        });
        Ok(Frame::new(EXTERNAL_TABLES, vec![row]))
    }))
}

/// The data stays where it is; what is gone is the definition, with its mappings, policies and principals.
fn drop(name: String, if_exists: bool) -> Command {
    Command::change("ExternalTableDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let Some(table) = edit.database.external_tables.remove(&name) else {
            return match if_exists {
                true => Ok(Frame::new(EXTERNAL_TABLES, Vec::new())),
                false => Err(Fault::not_found("ExternalTable", &name)),
            };
        };
        edit.touch_external(&name);
        let before = external::define(&table, false);
        edit.record(Deed {
            event: "DROP-EXTERNAL-TABLE",
            entity: &name,
            before,
            schema: true,
            ..Deed::default()
        });
        Ok(Frame::new(EXTERNAL_TABLES, vec![external::row(&table)]))
    })
}
