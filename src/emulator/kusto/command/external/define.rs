//! `.create|.alter|.create-or-alter external table E …` (`M:external-tables-azure-storage.md`,
//! `M:external-tables-delta-lake.md`, `M:external-sql-tables.md`).

use super::super::Command;
use crate::emulator::kusto::catalog::{
    Assignment, Deed, Editor, ExternalKind, ExternalTable, FORMATS, Partition, PartitionBy, Policies, Role,
    STARTS, Setting, Takes,
};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{ALTERED_EXTERNAL_TABLE, EXTERNAL_TABLES};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::names;
use crate::emulator::kusto::show::external;
use crate::emulator::kusto::syntax::{Cursor, Kind, Properties, Property};
use crate::emulator::kusto::types::Type;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a command does with an external table that exists, and with one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Fails when it exists.
    Create,
    /// Replaces it when it exists.
    CreateOrAlter,
    /// Fails when it does not exist.
    Alter,
}

/// Properties that act at once and are not kept.
const ACTIONS: [&str; 3] = ["dryRun", "filesPreview", "sampleUris"];

/// What follows the name, up to the end of the command.
pub(super) fn parse(verb: Verb, name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let columns = if cursor.at_mark("(") {
        Some(cursor.list(|inner| inner.typed_name("a column name"))?)
    } else {
        None
    };
    cursor.expect("kind")?;
    cursor.expect_mark("=")?;
    let kind = kind(cursor)?;
    if columns.is_none() && kind != ExternalKind::Delta {
        return Err(cursor.expected("the columns in parentheses before 'kind'"));
    }
    let mut table = ExternalTable {
        name,
        folder: String::new(),
        doc_string: String::new(),
        kind,
        inferred: columns.is_none(),
        columns: columns.unwrap_or_else(choices::inferred_columns),
        partitions: Vec::new(),
        path_format: String::new(),
        format: None,
        target: String::new(),
        connections: Vec::new(),
        settings: BTreeMap::new(),
        mappings: Vec::new(),
        policies: Policies::new(),
        principals: Vec::new(),
    };
    match kind {
        ExternalKind::Storage => storage(&mut table, cursor)?,
        ExternalKind::Sql => target(&mut table, cursor)?,
        ExternalKind::Delta => {}
    }
    table.connections = cursor.list(|inner| inner.text("a connection string"))?;
    if kind != ExternalKind::Storage && table.connections.len() > 1 {
        return Err(cursor.expected("one connection string"));
    }
    settings(&mut table, &cursor.properties()?)?;
    Ok(command(verb, table))
}

fn kind(cursor: &mut Cursor<'_>) -> Result<ExternalKind, Fault> {
    Ok(match cursor.expect_one(&["storage", "delta", "sql", "blob", "adl"])? {
        "delta" => ExternalKind::Delta,
        "sql" => ExternalKind::Sql,
        _ => ExternalKind::Storage,
    })
}

/// `partition by (…) pathformat = (…) dataformat = …`.
fn storage(table: &mut ExternalTable, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    if cursor.eat_all(&["partition", "by"]) {
        table.partitions = cursor.list(partition)?;
        if cursor.eat("pathformat") {
            cursor.expect_mark("=")?;
            table.path_format = path_format(&table.partitions, cursor)?;
        }
    }
    if cursor.at("catalog") {
        return Err(Fault::not_modelled("catalog of an external table"));
    }
    cursor.expect("dataformat")?;
    cursor.expect_mark("=")?;
    let words = FORMATS.map(|(word, _)| word);
    let word = cursor.expect_one(&words)?;
    table.format = words.iter().position(|known| *known == word);
    Ok(())
}

/// `P:type`, or with `= expression` behind it.
fn partition(cursor: &mut Cursor<'_>) -> Result<Partition, Fault> {
    let at = cursor.clone();
    let (name, of) = cursor.typed_name("a partition's name")?;
    let by = if cursor.eat_mark("=") { made_of(cursor)? } else { PartitionBy::Virtual };
    let fits = match &by {
        PartitionBy::Virtual => matches!(of, Type::String | Type::DateTime),
        PartitionBy::Column(_) => of == Type::String,
        PartitionBy::Hash(..) => of == Type::Long,
        PartitionBy::Start(..) | PartitionBy::Bin(..) => of == Type::DateTime,
    };
    if fits {
        Ok(Partition { name, of, by })
    } else {
        Err(at.expected("a partition of a type that fits what it is made of"))
    }
}

fn made_of(cursor: &mut Cursor<'_>) -> Result<PartitionBy, Fault> {
    let called = STARTS.iter().position(|(word, _)| cursor.eat(word));
    if let Some(at) = called {
        cursor.expect_mark("(")?;
        let column = cursor.name("a column name")?;
        cursor.expect_mark(")")?;
        return Ok(PartitionBy::Start(at, column));
    }
    let mut ahead = cursor.clone();
    let function = ["hash", "bin"].into_iter().find(|word| ahead.eat(word));
    let Some(function) = function.filter(|_| ahead.eat_mark("(")) else {
        return cursor.name("a column name").map(PartitionBy::Column);
    };
    let column = ahead.name("a column name")?;
    ahead.expect_mark(",")?;
    let by = if function == "bin" {
        PartitionBy::Bin(column, ahead.timespan()?)
    } else {
        PartitionBy::Hash(column, whole(&mut ahead)?)
    };
    ahead.expect_mark(")")?;
    *cursor = ahead;
    Ok(by)
}

fn whole(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    let at = cursor.clone();
    let token = cursor.take()?;
    let number = cursor.slice(&token).parse().ok().filter(|number| token.kind == Kind::Number && *number > 0);
    number.ok_or_else(|| at.expected("a whole number from 1"))
}

/// The pieces in parentheses: texts, partitions, and `datetime_pattern("…", partition)`; on one line as they are shown.
fn path_format(partitions: &[Partition], cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    cursor.expect_mark("(")?;
    let mut pieces = Vec::new();
    while !cursor.eat_mark(")") {
        let token = cursor.peek()?;
        if let Kind::Text { .. } = token.kind {
            cursor.take()?;
            pieces.push(cursor.slice(&token).to_owned());
        } else if cursor.eat("datetime_pattern") {
            cursor.expect_mark("(")?;
            let at = cursor.peek()?;
            cursor.text("the pattern")?;
            let pattern = cursor.slice(&at).to_owned();
            cursor.expect_mark(",")?;
            let name = declared(partitions, cursor)?;
            cursor.expect_mark(")")?;
            pieces.push(format!("datetime_pattern({pattern},{name})"));
        } else {
            pieces.push(declared(partitions, cursor)?);
        }
    }
    if pieces.is_empty() { Err(cursor.expected("a path format before ')'")) } else { Ok(pieces.join(" ")) }
}

fn declared(partitions: &[Partition], cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let at = cursor.clone();
    let name = cursor.name("a partition's name")?;
    match partitions.iter().any(|partition| partition.name == name) {
        true => Ok(names::print(&name).into_owned()),
        false => Err(at.expected("the name of a partition that 'partition by' declares")),
    }
}

/// `table = T`, a name or a text.
fn target(table: &mut ExternalTable, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    if !cursor.eat("table") {
        return Ok(());
    }
    cursor.expect_mark("=")?;
    let is_text = matches!(cursor.peek()?.kind, Kind::Text { .. });
    table.target =
        if is_text { cursor.text("the table's name")? } else { cursor.name("the table's name")? };
    Ok(())
}

/// The `with` clause.
fn settings(table: &mut ExternalTable, given: &Properties) -> Result<(), Fault> {
    let own = table.kind.settings();
    let mut known: Vec<&str> = own.iter().map(|setting| setting.word).collect();
    known.extend(["folder", "docString", "validateNotEmpty"]);
    if table.kind == ExternalKind::Storage {
        known.extend(ACTIONS);
    }
    given.only(&known)?;
    if let Some(action) = ACTIONS.iter().find(|action| given.get(action).is_some()) {
        return Err(Fault::not_modelled(&format!("property {action} of an external table")));
    }
    given.flag("validateNotEmpty")?;
    table.folder = given.text("folder")?.unwrap_or_default().to_owned();
    table.doc_string = given.text("docString")?.unwrap_or_default().to_owned();
    for setting in own {
        if let Some(value) = value(setting, given)? {
            table.settings.insert(setting.word.to_owned(), value);
        }
    }
    Ok(())
}

fn value(setting: &Setting, given: &Properties) -> Result<Option<Value>, Fault> {
    let word = setting.word;
    match setting.takes {
        Takes::Flag => Ok(given.flag(word)?.filter(|flag| *flag).map(Value::Bool)),
        Takes::Text => Ok(given.text(word)?.filter(|text| !text.is_empty()).map(|text| json!(text))),
        Takes::Word(words, default) => {
            let Some(Property::Text(text) | Property::Bare(text)) = given.get(word) else { return Ok(None) };
            let found = words.iter().find(|known| known.eq_ignore_ascii_case(text));
            let found = found.ok_or_else(|| {
                let words = words.join(", ");
                Fault::bad_request(format!("Property '{word}' takes one of {words}, not '{text}'."))
            })?;
            Ok(Some(json!(found)).filter(|_| default != Some(found)))
        }
    }
}

fn command(verb: Verb, wanted: ExternalTable) -> Command {
    let kind = format!("ExternalTable{verb:?}");
    Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let name = &wanted.name;
        let known = edit.database.external_tables.get(name).cloned();
        match (&known, verb) {
            (Some(_), Verb::Create) => return Err(Fault::already_exists("ExternalTable", name)),
            (None, Verb::Alter) => return Err(Fault::not_found("ExternalTable", name)),
            (Some(known), _) => alterable(known, &wanted)?,
            (None, _) => room(&edit, name)?,
        }
        check(&edit, &wanted)?;
        let mut table = wanted.clone();
        match &known {
            Some(known) => {
                table.mappings.clone_from(&known.mappings);
                table.policies.clone_from(&known.policies);
                table.principals.clone_from(&known.principals);
            }
            None if choices::CREATOR_BECOMES_ADMIN => {
                table.principals.push(Assignment::by_creation(Role::Admin, &edit.request().caller.holder));
            }
            None => {}
        }
        let event = if known.is_some() { "ALTER-EXTERNAL-TABLE" } else { "CREATE-EXTERNAL-TABLE" };
        let before = known.as_ref().map(|known| external::define(known, false)).unwrap_or_default();
        let after = external::define(&table, false);
        edit.touch_external(name);
        edit.database.external_tables.insert(name.clone(), table.clone());
        edit.record(Deed { event, entity: name, before, after, schema: true, ..Deed::default() });
        Ok(match verb {
            Verb::Create => Frame::new(EXTERNAL_TABLES, vec![external::row(&table)]),
            _ => Frame::new(ALTERED_EXTERNAL_TABLE, vec![external::altered_row(&table)]),
        })
    })
}

/// Refuses what an alteration cannot change.
fn alterable(known: &ExternalTable, wanted: &ExternalTable) -> Result<(), Fault> {
    let name = &wanted.name;
    if known.kind != wanted.kind && !choices::EXTERNAL_TABLE_CHANGES_KIND {
        let (was, is) = (known.kind.word(), wanted.kind.word());
        return Err(Fault::bad_request(format!(
            "External table '{name}' is of kind {was} and cannot become {is}."
        )));
    }
    if known.kind == ExternalKind::Sql && known.columns != wanted.columns {
        return Err(Fault::bad_request(format!(
            "The schema of SQL external table '{name}' cannot be altered."
        )));
    }
    Ok(())
}

/// Refuses a name that is not allowed or taken, and a table too many.
fn room(edit: &Editor<'_>, name: &str) -> Result<(), Fault> {
    names::check("ExternalTable", name)?;
    let database = &edit.database;
    if database.tables.contains_key(name) {
        return Err(Fault::already_exists("Table", name));
    }
    if database.views.contains_key(name) {
        return Err(Fault::already_exists("MaterializedView", name));
    }
    let limit = edit.request().limits.external_tables;
    if database.external_tables.len() >= limit {
        return Err(Fault::bad_request(format!(
            "Database '{}' holds {limit} external tables, which is the limit; '{name}' was not created.",
            database.name
        )));
    }
    Ok(())
}

/// Refuses a definition that contradicts itself.
fn check(edit: &Editor<'_>, table: &ExternalTable) -> Result<(), Fault> {
    let wrong = |why: String| {
        Err(Fault::bad_request(format!("External table '{}' is not valid: {why}.", table.name)))
    };
    for (at, (column, _)) in table.columns.iter().enumerate() {
        names::check("Column", column)?;
        if table.columns[..at].iter().any(|(known, _)| known == column) {
            return wrong(format!("column '{column}' is given twice"));
        }
    }
    for (at, partition) in table.partitions.iter().enumerate() {
        names::check("Partition", &partition.name)?;
        let name = &partition.name;
        let before = table.partitions[..at].iter().any(|known| known.name == *name);
        if before {
            return wrong(format!("partition '{name}' is given twice"));
        }
        let (column, of) = match &partition.by {
            PartitionBy::Virtual => continue,
            PartitionBy::Column(column) => (column, Some(Type::String)),
            PartitionBy::Hash(column, _) => (column, None),
            PartitionBy::Start(_, column) | PartitionBy::Bin(column, _) => (column, Some(Type::DateTime)),
        };
        let known = table.columns.iter().find(|(known, _)| known == column);
        match known {
            None => {
                return wrong(format!(
                    "partition '{name}' is made of the column '{column}', which is not there"
                ));
            }
            Some((_, found)) if of.is_some_and(|of| of != *found) => {
                return wrong(format!(
                    "partition '{name}' cannot be made of the column '{column}' of type {}",
                    found.name()
                ));
            }
            Some(_) => {}
        }
    }
    let parquet = FORMATS.iter().position(|(word, _)| *word == "parquet");
    let compression = table.settings.get("compressionType").and_then(Value::as_str);
    if let Some(word) = compression.filter(|word| *word != "Gzip")
        && table.kind == ExternalKind::Storage
        && table.format != parquet
    {
        return wrong(format!("compression {word} goes with parquet only"));
    }
    updates_schema(edit, table)
}

/// `AutoUpdateSchema` needs inferred columns and acceleration.
fn updates_schema(edit: &Editor<'_>, table: &ExternalTable) -> Result<(), Fault> {
    if !table.is_on("AutoUpdateSchema") {
        return Ok(());
    }
    let wrong =
        |why: &str| Err(Fault::bad_request(format!("External table '{}' is not valid: {why}.", table.name)));
    if !table.inferred {
        return wrong("AutoUpdateSchema goes with columns that are inferred only");
    }
    if !choices::SCHEMA_UPDATES_NEED_ACCELERATION {
        return Ok(());
    }
    let known = edit.database.external_tables.get(&table.name);
    let policy = known.and_then(|known| known.policies.get("query_acceleration"));
    match policy.is_some_and(|text| text.contains("\"IsEnabled\":true")) {
        true => Ok(()),
        false => wrong("AutoUpdateSchema needs query acceleration, which is not enabled"),
    }
}
