//! Continuous exports: their definitions (`kusto/management/data-export/`). Nothing is written.

use super::{Command, Parsed};
use crate::emulator::kusto::catalog::{ContinuousExport, Database, Deed, Editor, FORMATS};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{EXPORT_FAILURES, EXPORTED, EXPORTS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::{Cursor, Properties, Property};
use crate::emulator::kusto::time;
use serde_json::{Map, Value, json};

const KIND: &str = "ContinuousExport";
/// The bounds of a file's size (`M:data-export/create-alter-continuous.md`).
const SIZES: std::ops::RangeInclusive<i64> = 104_857_600..=1_073_741_824;
/// The formats of files that exports write.
const WRITTEN: &[&str] = &["csv", "json", "parquet", "tsv"];
const ROW_GROUP_SIZE: i64 = 100_000;
const MINUTE: i64 = 60 * time::SECOND;

const PROPERTIES: &[&str] = &[
    "distributed",
    "distribution",
    "distributionKind",
    "forcedLatency",
    "intervalBetweenRuns",
    "isDisabled",
    "managedIdentity",
    "parquetRowGroupSize",
    "sizeLimit",
];

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("continuous-exports") {
        return Ok(Some(Command::read("ContinuousExportsShow", |view| {
            let database = view.database(None)?;
            Ok(Frame::new(EXPORTS, database.exports.values().map(|export| row(database, export)).collect()))
        })));
    }
    if !cursor.eat("continuous-export") {
        return Ok(None);
    }
    let name = cursor.name("the export's name")?;
    Ok(Some(match verb {
        "create-or-alter" => define(name, cursor)?,
        "show" => show(name, cursor),
        "enable" | "disable" => {
            let off = verb == "disable";
            let kind = if off { "ContinuousExportDisable" } else { "ContinuousExportEnable" };
            changing(kind, name, move |export| export.disabled = off)
        }
        "set" => {
            cursor.expect("cursor")?;
            cursor.expect("to")?;
            let to = cursor.text("a cursor")?;
            changing("ContinuousExportSetCursor", name, move |export| export.cursor.clone_from(&to))
        }
        "drop" => drop(name),
        _ => return Ok(None),
    }))
}

fn find<'a>(database: &'a Database, name: &str) -> Result<&'a ContinuousExport, Fault> {
    database.exports.get(name).ok_or_else(|| Fault::not_found(KIND, name))
}

fn row(database: &Database, export: &ContinuousExport) -> Vec<Value> {
    let scoped = export.scoped.iter().map(|table| format!("['{}'].['{table}']", database.name));
    vec![
        json!(export.name),
        json!(export.external_table),
        json!(export.query),
        json!(export.forced_latency.map(time::timespan)),
        json!(time::timespan(export.interval)),
        json!(json!(scoped.collect::<Vec<_>>()).to_string()),
        json!(properties(export).to_string()),
        Value::Null,
        json!(export.cursor),
        json!(export.disabled),
        json!(""),
        json!(time::datetime(export.exported_to)),
        json!(false),
    ]
}

/// What is at its default is not told, the size aside.
fn properties(export: &ContinuousExport) -> Value {
    let mut all = Map::new();
    all.insert("SizeLimit".to_owned(), json!(export.size_limit));
    if !export.distributed {
        all.insert("Distributed".to_owned(), json!(false));
    }
    for (name, value, default) in [
        ("Distribution", &export.distribution, "per_node"),
        ("DistributionKind", &export.distribution_kind, "default"),
        ("ManagedIdentity", &export.managed_identity, ""),
    ] {
        if value != default {
            all.insert(name.to_owned(), json!(value));
        }
    }
    if export.row_group_size != ROW_GROUP_SIZE {
        all.insert("ParquetRowGroupSize".to_owned(), json!(export.row_group_size));
    }
    Value::Object(all)
}

/// `.create-or-alter continuous-export N [over (T, U)] to table E [with (…)] <| query`.
fn define(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let over = if cursor.eat("over") { Some(cursor.list(|inner| inner.name("a table name"))?) } else { None };
    cursor.expect("to")?;
    cursor.expect("table")?;
    let target = cursor.name("an external table's name")?;
    let properties = cursor.properties()?;
    properties.only(PROPERTIES)?;
    cursor.expect_mark("<|")?;
    let query = cursor.rest().trim().to_owned();
    if query.is_empty() {
        return Err(cursor.expected("a query"));
    }
    let wanted = read(&name, target, &query, &properties)?;
    Ok(Command::change("ContinuousExportCreateOrAlter", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let mut export = wanted.clone();
        export.scoped = check(edit.database, &wanted, over.as_deref())?;
        let now = edit.request().now;
        let known = edit.database.exports.get(&name);
        export.cursor = known.map_or_else(|| now.to_string(), |known| known.cursor.clone());
        export.exported_to = known.map_or(now, |known| known.exported_to);
        put(&mut edit, export)
    }))
}

/// An export as a command describes it; what is left out takes its default.
fn read(name: &str, target: String, query: &str, properties: &Properties) -> Result<ContinuousExport, Fault> {
    let wrong = |property: &str, wants: &str| {
        Fault::bad_request(format!("Property '{property}' of continuous export '{name}' takes {wants}."))
    };
    let word = |property: &str, words: &[&str], default: &str| {
        let found = properties.text(property)?.unwrap_or(default);
        let known = words.iter().find(|word| word.eq_ignore_ascii_case(found));
        known.map(|word| (*word).to_owned()).ok_or_else(|| wrong(property, &words.join(", ")))
    };
    let number = |property: &str, default: i64| match properties.get(property) {
        None => Ok(default),
        Some(Property::Text(text) | Property::Bare(text)) => {
            text.parse::<i64>().map_err(|_| wrong(property, "a whole number"))
        }
    };
    let interval = properties.timespan("intervalBetweenRuns")?.flatten();
    let size_limit = number("sizeLimit", *SIZES.start())?;
    if !SIZES.contains(&size_limit) {
        return Err(wrong("sizeLimit", "100 MB to 1 GB, in bytes"));
    }
    Ok(ContinuousExport {
        name: name.to_owned(),
        external_table: target,
        query: query.to_owned(),
        scoped: Vec::new(),
        interval: interval
            .filter(|ticks| *ticks >= MINUTE)
            .ok_or_else(|| wrong("intervalBetweenRuns", "a timespan of one minute at least"))?,
        forced_latency: properties.timespan("forcedLatency")?.flatten(),
        size_limit,
        distributed: properties.flag("distributed")?.unwrap_or(true),
        distribution: word("distribution", &["single", "per_node", "per_shard"], "per_node")?,
        distribution_kind: word("distributionKind", &["uniform", "default"], "default")?,
        row_group_size: number("parquetRowGroupSize", ROW_GROUP_SIZE)?,
        managed_identity: properties.text("managedIdentity")?.unwrap_or_default().to_owned(),
        disabled: properties.flag("isDisabled")?.unwrap_or(false),
        cursor: String::new(),
        exported_to: 0,
    })
}

/// Checks what an export names, and gives back the tables that it goes over.
fn check(
    database: &Database,
    export: &ContinuousExport,
    over: Option<&[String]>,
) -> Result<Vec<String>, Fault> {
    names::check(KIND, &export.name)?;
    check_target(database, export)?;
    kql::check_names(database, &export.query, &[])?;
    let fault = |why: String| Fault::bad_request(format!("Continuous export '{}' {why}.", export.name));
    for table in over.unwrap_or_default() {
        database.table(table)?;
    }
    let read = kql::tables(database, &export.query);
    let facts: Vec<String> = over.map_or_else(|| read.iter().cloned().collect(), <[String]>::to_vec);
    for table in &facts {
        let policies = &database.table(table)?.policies;
        let set = |word: &str, text: &str| policies.get(word).is_some_and(|policy| policy.contains(text));
        if !set("ingestiontime", "true") {
            return Err(fault(format!("goes over table '{table}', which has no ingestion time policy")));
        }
        if set("restricted_view_access", "true") {
            return Err(fault(format!("reads table '{table}', which has restricted view access")));
        }
        if set("row_level_security", "\"IsEnabled\":true") && export.managed_identity.is_empty() {
            let why = "which has row level security, so that it needs a managed identity";
            return Err(fault(format!("reads table '{table}', {why}")));
        }
    }
    let told = over.is_some() || choices::EXPORT_SCOPES_ALL_WHEN_OMITTED;
    Ok(if told { facts } else { Vec::new() })
}

/// The external table is there, in a format that is written, and has the columns of the query.
fn check_target(database: &Database, export: &ContinuousExport) -> Result<(), Fault> {
    let table = database.external(&export.external_table)?;
    let fault = |why: String| Fault::bad_request(format!("Continuous export '{}' {why}.", export.name));
    let format = table.format.and_then(|at| FORMATS.get(at)).map(|(word, _)| *word);
    if let Some(format) = format.filter(|format| !WRITTEN.contains(format)) {
        return Err(fault(format!("writes csv, tsv, json or parquet, and '{}' is of {format}", table.name)));
    }
    match kql::output(database, &export.query) {
        Some(columns) if !table.inferred && columns != table.columns => {
            Err(fault(format!("does not give the columns of external table '{}'", table.name)))
        }
        _ => Ok(()),
    }
}

fn put(edit: &mut Editor<'_>, export: ContinuousExport) -> Result<Frame, Fault> {
    let (name, after) = (export.name.clone(), export.query.clone());
    let known = edit.database.exports.insert(name.clone(), export).is_some();
    let event = if known { "ALTER-CONTINUOUS-EXPORT" } else { "CREATE-CONTINUOUS-EXPORT" };
    edit.record(Deed { event, entity: &name, after, ..Deed::default() });
    answer(edit.database, &name)
}

fn answer(database: &Database, name: &str) -> Result<Frame, Fault> {
    Ok(Frame::new(EXPORTS, vec![row(database, find(database, name)?)]))
}

fn changing(kind: &str, name: String, change: impl Fn(&mut ContinuousExport) + Send + 'static) -> Command {
    Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let mut export = find(edit.database, &name)?.clone();
        change(&mut export);
        put(&mut edit, export)
    })
}

/// `.drop continuous-export N`: answers with those that remain.
fn drop(name: String) -> Command {
    Command::change("ContinuousExportDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        find(edit.database, &name)?;
        edit.database.exports.remove(&name);
        edit.record(Deed { event: "DROP-CONTINUOUS-EXPORT", entity: &name, ..Deed::default() });
        transaction.answer(EXPORTS, |view| {
            let database = view.database(None)?;
            Ok(database.exports.values().map(|export| row(database, export)).collect())
        })
    })
}

/// What follows `.show continuous-export N`: nothing ever ran.
fn show(name: String, cursor: &mut Cursor<'_>) -> Command {
    let empty = if cursor.eat("failures") {
        Some(EXPORT_FAILURES)
    } else if cursor.eat("exported-artifacts") {
        Some(EXPORTED)
    } else {
        None
    };
    Command::read("ContinuousExportShow", move |view| {
        let database = view.database(None)?;
        match empty {
            Some(columns) => find(database, &name).map(|_| Frame::new(columns, Vec::new())),
            None => answer(database, &name),
        }
    })
}

/// The command that makes an export.
pub(crate) fn statement(export: &ContinuousExport) -> String {
    let mut with = vec![format!("intervalBetweenRuns=time({})", time::timespan(export.interval))];
    with.extend(export.forced_latency.map(|ticks| format!("forcedLatency=time({})", time::timespan(ticks))));
    with.push(format!("sizeLimit={}", export.size_limit));
    with.push(format!("distributed={}", export.distributed));
    with.push(format!("distribution=\"{}\"", export.distribution));
    with.push(format!("distributionKind=\"{}\"", export.distribution_kind));
    with.push(format!("parquetRowGroupSize={}", export.row_group_size));
    with.push(format!("isDisabled={}", export.disabled));
    if !export.managed_identity.is_empty() {
        let identity = crate::emulator::kusto::syntax::quote(&export.managed_identity);
        with.push(format!("managedIdentity={identity}"));
    }
    let over: Vec<String> = export.scoped.iter().map(|table| names::print(table).to_string()).collect();
    let over = if over.is_empty() { String::new() } else { format!("over ({}) ", over.join(", ")) };
    format!(
        ".create-or-alter continuous-export {} {over}to table {} with ({}) <| {}",
        names::print(&export.name),
        names::print(&export.external_table),
        with.join(", "),
        export.query
    )
}
