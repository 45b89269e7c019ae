//! `.show tables`, `.show table T …` (`M:show-tables-command.md`).

use super::super::{Command, mapping, principal};
use super::{listing, schema_row};
use crate::emulator::kusto::catalog::{Database, Table, View};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{TABLE_DETAILS, TABLE_STORAGE};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::policy;
use crate::emulator::kusto::show::{principals, schema};
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use serde_json::{Value, json};
use uuid::Uuid;

/// `.show tables [(A, B)] [details]`.
pub(super) fn tables(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let names =
        if cursor.at_mark("(") { Some(cursor.list(|inner| inner.name("a table name"))?) } else { None };
    let details = cursor.eat("details");
    let kind = if details { "TablesDetailsShow" } else { "TablesShow" };
    Ok(Command::read(kind, move |view| {
        let database = view.database(None)?;
        let tables = chosen(database, names.as_deref())?;
        if details { details_of(view, database, &tables) } else { Ok(listing(database, tables.into_iter())) }
    }))
}

fn chosen<'a>(database: &'a Database, names: Option<&[String]>) -> Result<Vec<&'a Table>, Fault> {
    let Some(names) = names else { return Ok(database.tables.values().collect()) };
    let found = names.iter().filter_map(|name| match database.table(name) {
        Err(_) if !choices::SHOW_TABLES_REFUSES_MISSING => None,
        result => Some(result),
    });
    found.collect()
}

/// What follows `.show table T`.
pub(super) fn table(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if cursor.eat("cslschema") || cursor.eat("kqlschema") {
        return Ok(schema_of("TableSchemaShow", name, Table::csl_schema));
    }
    if cursor.eat_all(&["schema", "as"]) {
        cursor.expect("json")?;
        return Ok(schema_of("TableSchemaShowAsJson", name, schema::table_json));
    }
    if cursor.eat("details") {
        return Ok(Command::read("TableDetailsShow", move |view| {
            let database = view.database(None)?;
            details_of(view, database, &[database.table(&name)?])
        }));
    }
    if cursor.eat("ingestion") {
        return mapping::show(Some(name), cursor);
    }
    if cursor.eat("principals") || cursor.at("principal") {
        return principal::show(principal::Of::Table(name), cursor);
    }
    Ok(Command::read("TableShow", move |view| Ok(storage_of(view.table(None, &name)?))))
}

fn schema_of(kind: &str, name: String, text: fn(&Table) -> String) -> Command {
    Command::read(kind, move |view| {
        let database = view.database(None)?;
        let table = database.table(&name)?;
        Ok(schema_row(database, table, text(table)))
    })
}

/// Storage statistics per column; sizes are spread evenly, because the emulator does not encode columns.
fn storage_of(table: &Table) -> Frame {
    let share = table.bytes() / u64::try_from(table.columns.len().max(1)).unwrap_or(1);
    let row = |column: &crate::emulator::kusto::catalog::Column| {
        let id = Uuid::new_v5(&table.id, &column.id.to_be_bytes());
        vec![
            json!(column.name),
            json!(column.of.dotnet()),
            json!(share),
            json!(if share == 0 { 0.0 } else { 1.0 }),
            json!(0),
            json!(0.0),
            json!(share),
            json!(id),
            json!(0),
            json!("3.0"),
        ]
    };
    Frame::new(TABLE_STORAGE, table.columns.iter().map(row).collect())
}

/// The rows of `details`; policies are the effective ones, inherited where the table sets none.
fn details_of(view: &View<'_>, database: &Database, tables: &[&Table]) -> Result<Frame, Fault> {
    let cluster = view.cluster()?;
    let inherited = policy::Inherited::new(&cluster.policies, &database.policies);
    let rows = tables.iter().map(|table| {
        let extents = json!(table.extents.len());
        let size = json!(table.bytes());
        let count = json!(table.row_count());
        let policy = |word: &str| json!(inherited.effective(&table.policies, word));
        let created = table.extents.iter().map(|extent| extent.created);
        let moment = |ticks: Option<i64>| ticks.map_or(Value::Null, |ticks| json!(time::datetime(ticks)));
        vec![
            json!(table.name),
            json!(database.name),
            json!(table.folder),
            json!(table.doc_string),
            extents.clone(),
            size.clone(),
            size.clone(),
            count.clone(),
            extents,
            size.clone(),
            size,
            count,
            json!(principals::as_json(&table.principals)),
            policy("retention"),
            policy("caching"),
            policy("sharding"),
            policy("merge"),
            policy("streamingingestion"),
            policy("ingestionbatching"),
            moment(created.clone().min()),
            moment(created.max()),
            policy("roworder"),
            json!(table.id),
        ]
    });
    Ok(Frame::new(TABLE_DETAILS, rows.collect()))
}
