//! External tables.
//!
//! Invariant: a secret of a connection string is written only: one for the same address equals whatever the service
//! shows in its place, and what would need a secret that nobody gave is refused or never undone
//! (tests: `secrets_are_written_only`, `tests/states/externalTable`).

mod connection;
mod path;
mod statement;

use super::{database, in_database, with_children};
use crate::kind::replies::Reply;
use crate::kind::script::Says;
use crate::kind::shape::{self, Field, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source, Undo};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss};

/// An external table: a name and columns for data that stays where it is.
pub(super) struct ExternalTable;

const KINDS: &[&str] = &["storage", "delta", "sql"];

const FORMATS: &[&str] = &[
    "csv", "tsv", "tsve", "psv", "scsv", "sohsv", "txt", "raw", "json", "multijson", "parquet", "avro", "apacheavro",
    "orc", "w3clogfile", "azmonstream",
];

const FUNCTIONS: &[&str] = &["hash", "bin", "startofday", "startofweek", "startofmonth", "startofyear"];

/// The properties of the `with` clause.
const PROPERTIES: &[&str] = &[
    "docString", "folder", "compressed", "compressionType", "includeHeaders", "namePrefix", "fileExtension", "encoding",
    "sqlDialect", "fireTriggers", "createIfNotExists", "primaryKey",
];

/// The property that query acceleration switches; its policy has it.
pub const AUTO_UPDATE_SCHEMA: &str = "autoUpdateSchema";
const EXTRA: &[&str] = &[AUTO_UPDATE_SCHEMA];

/// The properties that are true or false.
const FLAGS: &[&str] = &["compressed", "fireTriggers", "createIfNotExists", AUTO_UPDATE_SCHEMA];

/// What the service takes where nothing is said: the kind, the property and the word.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("storage", "includeHeaders", "None"),
    ("sql", "sqlDialect", "SqlServer"),
];

/// Words that mean the same as nothing.
const USUAL: &[(&str, &str)] = &[("compressionType", "gzip"), ("encoding", "UTF8NoBOM")];

const PARTITION: Shape = Shape::Object {
    fields: &[
        Field::new("type", Shape::Enum(&["string", "datetime", "long"]), "The type of its value; follows from the rest where there is any."),
        Field::new("column", Shape::Text, "The column that it is made of; none for one that only the path says."),
        Field::new("function", Shape::Enum(FUNCTIONS), "What is made of the column; its own value when left out."),
        Field::new("modulus", Shape::Int(1, i64::MAX), "For `hash`: how many values there are."),
        Field::new("size", Shape::Duration, "For `bin`: the length of time that one value stands for."),
    ],
    short: &["type"],
};

const ABOUT: About = About {
    name: "externalTable",
    collection: "externalTables",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "An external table: a name and columns for data that stays where it is, in files, in a Delta Lake or in \
          another database. A change of its definition writes it whole, and so needs its secrets. Dropping it touches \
          no data; continuous exports to it fail.",
    page: "https://learn.microsoft.com/kusto/query/schema-entities/external-tables",
    example: "externalTables:\n  Sales:\n    kind: storage\n    columns: {Timestamp: datetime, Customer: string}\n    partitions:\n      Id: {function: hash, column: Customer, modulus: 10}\n      Date: {function: startofday, column: Timestamp}\n    pathFormat: '\"id=\" Id \"/dt=\" datetime_pattern(\"yyyyMMdd\", Date)'\n    dataFormat: parquet\n    connectionStrings:\n      - {url: https://acct.blob.core.windows.net/sales, credential: \"${secret.env.SALES_KEY}\"}\n",
    fields: &[
        Field::new("kind", Shape::Enum(KINDS), "Where the data is: `storage` (files), `delta` (a Delta Lake) or `sql` (another database).")
            .required()
            .role(Role::Immutable),
        Field::new(
            "columns",
            Shape::OrderedMap(&Shape::ScalarType),
            "The columns in order, each its type. For `delta` the service reads them from the data when they are left \
             out; for `sql` they cannot change after creation.",
        )
        .role(Role::Filled),
        Field::new("connectionStrings", Shape::List(&connection::SHAPE), "Where the data is, each an address or `{url, credential}`; one for `delta` and `sql`.")
            .required(),
        Field::new("dataFormat", Shape::Enum(FORMATS), "The format of the files (storage)."),
        Field::new("partitions", Shape::OrderedMap(&PARTITION), "The partitions in order, each `{column, function, …}`, or its type alone when only the path says its value (storage)."),
        Field::new("pathFormat", Shape::Text, "How a path is made of partitions, texts and `datetime_pattern(\"…\", PARTITION)`, as the service writes it (storage)."),
        Field::new("table", Shape::Text, "The table of the other database (sql; none for Cosmos DB)."),
        Field::new("docString", Shape::Text, "What the table holds; unset when empty."),
        Field::new("folder", Shape::Text, "The folder in which tools show the table, levels separated by `\\`; unset when empty."),
        Field::new("compressed", Shape::Bool, "Whether the files are compressed when data is exported; default false (storage, delta)."),
        Field::new("compressionType", Shape::Enum(&["gzip", "snappy", "lz4_raw", "brotli", "zstd"]), "How; default `gzip`, others for parquet only (storage, delta)."),
        Field::new("includeHeaders", Shape::Enum(&["All", "FirstFile", "None"]), "Which delimited files begin with a header; default `None` (storage)."),
        Field::new("namePrefix", Shape::Text, "What the names of exported files begin with (storage, delta)."),
        Field::new("fileExtension", Shape::Text, "What the names of files end in; others are passed over (storage, delta)."),
        Field::new("encoding", Shape::Enum(&["UTF8NoBOM", "UTF8BOM"]), "The encoding of text files; default `UTF8NoBOM` (storage, delta)."),
        Field::new("sqlDialect", Shape::Enum(&["SqlServer", "MySQL", "PostgreSQL", "CosmosDbSql"]), "The kind of the other database; default `SqlServer` (sql)."),
        Field::new("fireTriggers", Shape::Bool, "Whether exported rows fire triggers; default false (sql)."),
        Field::new("createIfNotExists", Shape::Bool, "Whether an export creates the other table when it is missing; default false (sql)."),
        Field::new("primaryKey", Shape::Text, "The column that is the primary key of a table so created (sql)."),
    ],
    ..About::BASE
};

/// The properties that only some kinds have.
const OF_SOME: &[(&str, &[&str])] = &[
    ("dataFormat", &["storage"]),
    ("partitions", &["storage"]),
    ("pathFormat", &["storage"]),
    ("includeHeaders", &["storage"]),
    ("compressed", &["storage", "delta"]),
    ("compressionType", &["storage", "delta"]),
    ("namePrefix", &["storage", "delta"]),
    ("fileExtension", &["storage", "delta"]),
    ("encoding", &["storage", "delta"]),
    ("table", &["sql"]),
    ("sqlDialect", &["sql"]),
    ("fireTriggers", &["sql"]),
    ("createIfNotExists", &["sql"]),
    ("primaryKey", &["sql"]),
];

fn has(kind: &str, property: &str) -> bool {
    OF_SOME.iter().find(|(name, _)| *name == property).is_none_or(|(_, kinds)| kinds.contains(&kind))
}

impl Kind for ExternalTable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        for statement in &database(reply)?.script {
            let Says::ExternalTable { name, definition } = &statement.says else { continue };
            let Some(read) = statement::read(definition) else { continue };
            let body = shape::canonical_body(ABOUT.fields, &read.body)
                .map_err(|why| format!("{why}, in `{}`", statement.text))?;
            let mut attributes = Body::new();
            if let Some(flag) = read.body.get(AUTO_UPDATE_SCHEMA) {
                attributes.set(AUTO_UPDATE_SCHEMA, flag.clone());
            }
            if !read.unknown.is_empty() {
                attributes.set(UNKNOWN, read.unknown.join(", "));
            }
            let path = vec![("externalTables", name.clone())];
            found.push(Found { path, body: complete(normal(body)), attributes, ..Found::default() });
        }
        Ok(found)
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let wanted = normal(wanted.clone());
        let after = shape::overlay(ABOUT.fields, live.map_or(&Body::new(), |live| &live.body), &wanted);
        // A secret is kept, though it equals what the service shows in its place.
        match wanted.get("connectionStrings") {
            Some(connections) => after.with("connectionStrings", connections.clone()),
            None => after,
        }
    }

    /// Texts have commands of their own, which need no secret.
    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
        let differ = |name: &str| before.text(name).unwrap_or_default() != after.text(name).unwrap_or_default();
        match only_texts(before, after) && differ("docString") && differ("folder") {
            true => vec![before.clone().with("docString", after.text("docString").unwrap_or_default())],
            false => Vec::new(),
        }
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let Some(after) = &change.after else {
            return Ok(in_database(at, Command::new(".drop external table").name(at.name())));
        };
        if let Some(before) = change.before.as_ref().filter(|before| only_texts(before, after)) {
            let text = |body: &Body, name: &str| body.text(name).unwrap_or_default().to_owned();
            let name = ["docString", "folder"].into_iter().find(|name| text(before, name) != text(after, name));
            let word = if name == Some("folder") { "folder" } else { "docstring" };
            let command = Command::new(".alter external table").name(at.name()).word(word);
            return Ok(in_database(at, command.text(&text(after, name.unwrap_or("docString")))));
        }
        if let Some(before) = &change.before
            && after.text("kind") == Some("sql")
            && !same("columns", before, after)
        {
            let why = "the service cannot change the `columns` of a sql external table; list it under `removed:`, apply, \
                       and declare it anew";
            return Err(why.to_owned());
        }
        define(at, after).map(|command| in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn notes(&self, at: &At<'_>, change: &Change) -> Vec<String> {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
        let unknown = at.resource.attributes.text(UNKNOWN).filter(|_| !only_texts(before, after));
        let note = |names| format!("the definition is written anew without what adxform does not know of it: {names}");
        unknown.map(note).into_iter().collect()
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let known = |before: &Body| shape::recalled(ABOUT.fields, before, &at.resource.body);
        let before = change.before.as_ref().map(known);
        match self.requests(at, &Change::new(change.after.clone(), before)) {
            Err(why) => Undo::Never(why),
            Ok(requests) if change.after.is_some() => Undo::By(requests),
            Ok(requests) => requests.into_iter().next().map_or_else(|| Undo::By(Vec::new()), |first| with_children(at, first)),
        }
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some((parent, _)) = at.ancestor("database") else { return Vec::new() };
        let uses = connections(&at.resource.body).iter().filter_map(Value::as_map);
        let uses = uses.filter_map(|item| item.text("credential")).any(|word| word.starts_with("managed_identity="));
        let field = vec!["connectionStrings".to_owned()];
        let need = Need { parent, collection: "policies", name: "managedIdentity".to_owned(), field, required: false };
        uses.then_some(need).into_iter().collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        findings(&at.resource.body)
    }
}

/// The attribute that names what of a definition is not known.
const UNKNOWN: &str = "unknownProperties";

fn connections(body: &Body) -> &[Value] {
    body.get("connectionStrings").and_then(Value::as_list).unwrap_or_default()
}

fn same(name: &str, before: &Body, after: &Body) -> bool {
    shape::field(ABOUT.fields, name).is_some_and(|field| field.shape.same(before.get(name), after.get(name)))
}

/// Whether docstring and folder are all that differs.
fn only_texts(before: &Body, after: &Body) -> bool {
    let plain = |body: &Body| body.clone().without("docString").without("folder");
    shape::same_bodies(ABOUT.fields, &plain(before), &plain(after))
}

/// Brings what can be said in several ways to one.
fn normal(mut body: Body) -> Body {
    let kind = body.text("kind").unwrap_or_default().to_owned();
    if let Some(Value::List(items)) = body.get("connectionStrings") {
        let items: Vec<Value> = items.iter().map(|item| connection::normal(&kind, item)).collect();
        body.set("connectionStrings", items);
    }
    if let Some(Value::Map(partitions)) = body.get("partitions") {
        let partitions: Body = partitions.iter().map(|(name, one)| (name.clone(), typed(one))).collect();
        body.set("partitions", partitions);
    }
    if let Some(text) = body.text("pathFormat").and_then(path::canonical) {
        body.set("pathFormat", text);
    }
    for (name, usual) in USUAL {
        if body.text(name) == Some(usual) {
            body.set(name, Value::Null);
        }
    }
    body
}

/// Fills in what the service takes where nothing is said, as live has it.
fn complete(mut body: Body) -> Body {
    let kind = body.text("kind").unwrap_or_default().to_owned();
    for name in FLAGS.iter().filter(|name| !EXTRA.contains(name) && has(&kind, name)) {
        if body.get(name).is_none() {
            body.set(name, false);
        }
    }
    for (_, name, word) in DEFAULTS.iter().filter(|(of, ..)| *of == kind) {
        if body.get(name).is_none() {
            body.set(name, *word);
        }
    }
    for name in ["docString", "folder"] {
        if body.get(name).is_none() {
            body.set(name, "");
        }
    }
    shape::overlay(ABOUT.fields, &Body::new(), &body)
}

/// A partition with its type.
fn typed(partition: &Value) -> Value {
    let Some(body) = partition.as_map().filter(|body| body.get("type").is_none()) else { return partition.clone() };
    let word = match body.text("function") {
        None => "string",
        Some("hash") => "long",
        Some(_) => "datetime",
    };
    Value::Map(Body::new().with("type", word).into_iter().chain(body.clone()).collect())
}

/// The whole definition as a command.
fn define(at: &At<'_>, body: &Body) -> Result<Command, String> {
    let kind = body.text("kind").unwrap_or_default();
    let word = KINDS.iter().find(|word| **word == kind).ok_or("`kind` is missing")?;
    let mut command = Command::new(".create-or-alter external table").name(at.name());
    let updated = kind == "delta" && at.resource.attributes.get(AUTO_UPDATE_SCHEMA) == Some(&Value::Bool(true));
    if let Some(columns) = body.get("columns").and_then(Value::as_map).filter(|_| !updated) {
        command = command.word("(").list(columns.iter(), |command, (name, of)| {
            let of = shape::scalar_types().find(|word| Some(*word) == of.as_text()).unwrap_or("string");
            command.name(name).word(":").word(of)
        });
        command = command.word(")");
    }
    command = command.word("kind =").word(word);
    if kind == "storage" {
        command = storage(command, body)?;
    }
    if let Some(table) = body.text("table").filter(|table| !table.is_empty()) {
        command = command.word("table =").name(table);
    }
    let hidden = |item: &Value| item.as_map().and_then(|item| item.get("credential")).is_some_and(shape::is_hidden);
    if connections(body).iter().any(hidden) {
        let why = "`connectionStrings` holds a secret in live that the service does not give back, and its definition \
                   cannot be written without it";
        return Err(why.to_owned());
    }
    command = command.word("(").list(connections(body), connection::write).word(")");
    Ok(with(command, body, updated))
}

/// `partition by (…) pathformat = (…) dataformat = …`.
fn storage(mut command: Command, body: &Body) -> Result<Command, String> {
    if let Some(partitions) = body.get("partitions").and_then(Value::as_map).filter(|all| !all.is_empty()) {
        let partitions = partitions.iter().filter_map(|(name, one)| Some((name, one.as_map()?)));
        command = command.word("partition by (").list(partitions, |command, (name, one)| partition(command, name, one));
        command = command.word(")");
        if let Some(format) = body.text("pathFormat").filter(|format| !format.is_empty()) {
            command = path::write(command.word("pathformat = ("), format)?.word(")");
        }
    }
    let format = FORMATS.iter().find(|word| Some(**word) == body.text("dataFormat"));
    Ok(command.word("dataformat =").word(format.ok_or("`dataFormat` is missing")?))
}

fn partition(command: Command, name: &str, one: &Body) -> Command {
    let of = ["string", "datetime", "long"].into_iter().find(|word| Some(*word) == one.text("type"));
    let command = command.name(name).word(":").word(of.unwrap_or("string"));
    let Some(column) = one.text("column").filter(|column| !column.is_empty()) else { return command };
    let command = command.word("=");
    let Some(function) = FUNCTIONS.iter().find(|word| Some(**word) == one.text("function")) else {
        return command.name(column);
    };
    let command = command.word(function).word("(").name(column);
    let command = match (one.get("modulus"), one.get("size").and_then(Value::as_time)) {
        (Some(Value::Int(modulus)), _) if *function == "hash" => command.word(",").number(*modulus),
        (_, Some(size)) if *function == "bin" => command.word(",").time(size),
        _ => command,
    };
    command.word(")")
}

/// `with (…)`; docstring and folder always, the rest where it is set.
fn with(mut command: Command, body: &Body, updated: bool) -> Command {
    let text = |name: &str| body.text(name).unwrap_or_default();
    command = command.word("with (docstring =").text(text("docString")).word(", folder =").text(text("folder"));
    for name in PROPERTIES.iter().filter(|name| !matches!(**name, "docString" | "folder")) {
        match body.get(name) {
            Some(Value::Bool(true)) => command = command.word(",").word(name).word("= true"),
            Some(Value::Text(text)) if !text.is_empty() => command = command.word(",").word(name).word("=").text(text),
            _ => {}
        }
    }
    if updated { command.word(", AutoUpdateSchema = true)") } else { command.word(")") }
}

/// Switches `AutoUpdateSchema` of a delta table, whose definition is written anew for it.
///
/// # Errors
/// Why the definition cannot be written.
pub fn switch_auto_update(at: &At<'_>, on: bool) -> Result<Request, String> {
    let body = at.resource.body.clone();
    let body = if on { body.without("columns") } else { body };
    let attributes = Body::new().with(AUTO_UPDATE_SCHEMA, on);
    let resource = Resource { attributes, ..at.resource.clone() };
    define(&At { resource: &resource, ..*at }, &body).map(|command| in_database(at, command))
}

fn findings(body: &Body) -> Vec<Finding> {
    let kind = body.text("kind").unwrap_or_default();
    let given = |name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let mut found = Vec::new();
    for (name, kinds) in OF_SOME.iter().filter(|(name, kinds)| given(name) && !kinds.contains(&kind)) {
        let message = format!("a {kind} external table has no `{name}`");
        found.push(Finding::new(&[name], message, format!("take it away; it is for {}", kinds.join(" and "))));
    }
    let needed: &[&str] = match kind {
        "storage" => &["columns", "dataFormat"],
        "sql" => &["columns"],
        _ => &[],
    };
    for name in needed.iter().filter(|name| !given(name)) {
        let message = format!("a {kind} external table needs `{name}`");
        found.push(Finding::new(&[], message, format!("add `{name}`")));
    }
    let items = connections(body);
    if items.is_empty() || (items.len() > 1 && kind != "storage") {
        let message = format!("a {kind} external table has {} connection strings", items.len());
        let help = if items.is_empty() { "say where the data is" } else { "leave one" };
        found.push(Finding::new(&["connectionStrings"], message, help));
    }
    for item in items.iter().filter_map(Value::as_map) {
        if let Some((message, help)) = connection::objection(kind, item) {
            found.push(Finding::new(&["connectionStrings"], message, help));
        }
    }
    let compression = body.text("compressionType").filter(|word| *word != "gzip");
    if let Some(word) = compression.filter(|_| kind == "storage" && body.text("dataFormat") != Some("parquet")) {
        let message = format!("compression `{word}` goes with parquet only");
        found.push(Finding::new(&["compressionType"], message, "use gzip, or another `dataFormat`"));
    }
    found.extend(path::findings(body));
    found
}

#[cfg(test)]
mod tests;
