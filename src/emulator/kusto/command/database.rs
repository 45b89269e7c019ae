//! Databases: identity, details, schema, journal, pretty name (`M:show-databases.md`, `M:show-schema-database.md`).

use super::{Command, Parsed, mapping, policy, principal};
use crate::emulator::kusto::catalog::{Database, Deed, Event, Version, View};
use crate::emulator::kusto::columns as schemas;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::{Frame, Schema};
use crate::emulator::kusto::policy::Scope;
use crate::emulator::kusto::show::{entities, principals, schema, script};
use crate::emulator::kusto::syntax::{Cursor, Properties};
use crate::emulator::kusto::time;
use serde_json::{Value, json};

/// Words after `.show database` that are no name.
const WORDS: &[&str] = &[
    "schema",
    "cslschema",
    "kqlschema",
    "principals",
    "ingestion",
    "policy",
    "details",
    "verbose",
    "identity",
    "policies",
    "cache",
    "datastats",
    "metadata",
    "extents",
    "extent",
];

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("databases") {
        return show_many(cursor).map(Some);
    }
    if !cursor.eat("database") {
        return Ok(None);
    }
    if verb == "clear" && cursor.eat_all(&["cache", "streamingingestion", "schema"]) {
        return Ok(Some(super::data::clear_schema_cache(None)));
    }
    if verb == "show" {
        return show_one(cursor);
    }
    if cursor.eat("policy") && matches!(verb, "alter" | "alter-merge") {
        return policy::parse(verb, Scope::Database, Vec::new(), cursor).map(Some);
    }
    if verb == "add" && principal::Of::Database(None).is_role(cursor) {
        return principal::change(verb, principal::Of::Database(None), cursor).map(Some);
    }
    let name = cursor.name("a database name")?;
    if cursor.eat("policy") {
        return policy::parse(verb, Scope::Database, vec![name], cursor).map(Some);
    }
    if cursor.eat("ingestion") {
        return match verb {
            "create" => mapping::write_in_database(mapping::Verb::Create, name, cursor),
            "create-or-alter" => mapping::write_in_database(mapping::Verb::CreateOrAlter, name, cursor),
            "alter" => mapping::write_in_database(mapping::Verb::Alter, name, cursor),
            "alter-merge" => mapping::write_in_database(mapping::Verb::Merge, name, cursor),
            "drop" => mapping::drop_in_database(name, cursor),
            _ => return Ok(None),
        }
        .map(Some);
    }
    match verb {
        "alter" if cursor.eat("prettyname") => {
            let pretty = cursor.text("the pretty name")?;
            Ok(Some(pretty_name(name, Some(pretty))))
        }
        "drop" if cursor.eat("prettyname") => Ok(Some(pretty_name(name, None))),
        "add" | "set" | "drop" => {
            principal::change(verb, principal::Of::Database(Some(name)), cursor).map(Some)
        }
        _ => Ok(None),
    }
}

/// `.alter database D prettyname 'x'` and `.drop database D prettyname`.
fn pretty_name(name: String, new: Option<String>) -> Command {
    Command::change("DatabaseSetPrettyName", move |transaction| {
        let mut edit = transaction.edit(Some(&name))?;
        let before = edit.database.pretty_name.clone().unwrap_or_default();
        edit.database.pretty_name = new.clone().filter(|pretty| !pretty.is_empty());
        let after = new.clone().unwrap_or_default();
        let row = vec![json!(edit.database.name), json!(edit.database.pretty_name)];
        let entity = edit.database.name.clone();
        edit.record(Deed { event: "ALTER-DATABASE", entity: &entity, before, after, ..Deed::default() });
        Ok(Frame::new(schemas::PRETTY_NAME, vec![row]))
    })
}

fn show_one(cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.eat_mark("*") {
        return policy::show_all(Scope::Database, cursor).map(Some);
    }
    let unnamed = cursor.at_end()
        || cursor.at_mark("|")
        || cursor.at("with")
        || WORDS.iter().any(|word| cursor.at(word));
    let name = if unnamed { None } else { Some(cursor.name("a database name")?) };
    if cursor.eat("policy") {
        return policy::parse("show", Scope::Database, name.into_iter().collect(), cursor).map(Some);
    }
    if cursor.eat("schema") {
        return schema_of_one(name, cursor).map(Some);
    }
    if cursor.eat("cslschema") || cursor.eat("kqlschema") {
        let script = cursor.eat("script");
        let later = if_later_than(cursor)?;
        return Ok(Some(if script { as_script(name, later, WHOLE_SCRIPT) } else { as_rows(name, later) }));
    }
    if cursor.eat("ingestion") {
        return mapping::show_in_database(name, cursor).map(Some);
    }
    if cursor.eat("principals") || (name.is_some() && cursor.at("principal")) {
        return principal::show(principal::Of::Database(name), cursor).map(Some);
    }
    if name.is_some() && cursor.eat("journal") {
        return Ok(Some(journal(name)));
    }
    if name.is_some() && cursor.eat("entity") {
        let entity = cursor.name("an entity name")?;
        cursor.properties()?;
        return Ok(Some(Command::read("DatabaseEntityShow", move |view| {
            let rows = entities::rows(view.database(name.as_deref())?);
            let rows = rows.into_iter().filter(|row| row[2] == json!(entity));
            Ok(Frame::new(schemas::ENTITIES, rows.collect()))
        })));
    }
    let Some(flavor) = Flavor::read(cursor)? else { return Ok(None) };
    Ok(Some(Command::read("DatabaseShow", move |view| {
        Ok(Frame::new(flavor.schema(), vec![flavor.row(view, view.database(name.as_deref())?)]))
    })))
}

/// Which columns of databases are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavor {
    Plain,
    Identity,
    Details,
    Policies,
}

impl Flavor {
    /// The word, then properties; `None` when something else follows.
    fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, Fault> {
        let flavor = if cursor.eat("details") || cursor.eat("verbose") {
            Self::Details
        } else if cursor.eat("identity") {
            Self::Identity
        } else if cursor.eat("policies") {
            Self::Policies
        } else {
            Self::Plain
        };
        cursor.properties()?;
        Ok(Some(flavor).filter(|_| cursor.at_end() || cursor.at_mark("|") || cursor.at_mark(";")))
    }

    fn schema(self) -> Schema {
        match self {
            Self::Plain => schemas::DATABASES,
            Self::Identity => schemas::DATABASE_IDENTITY,
            Self::Details => schemas::DATABASE_DETAILS,
            Self::Policies => schemas::DATABASE_POLICIES,
        }
    }

    fn row(self, view: &View<'_>, database: &Database) -> Vec<Value> {
        let policy = |word: &str| json!(database.policies.get(word).map_or("null", String::as_str));
        let current = database.name.eq_ignore_ascii_case(&view.request.database);
        let mut row = vec![
            json!(database.name),
            json!(""),
            json!(database.version.to_string()),
            json!(current),
            json!("ReadWrite"),
            json!(database.pretty_name.as_deref().unwrap_or_default()),
        ];
        let id = json!(database.id);
        let held = json!(principals::as_json(&database.principals));
        match self {
            Self::Plain | Self::Identity => row.extend([json!(false), id, json!("")]),
            Self::Details => {
                let size: u64 = database.tables.values().map(|table| table.bytes()).sum();
                row.extend([held, policy("retention"), policy("merge"), json!("")]);
                row.extend(["caching", "sharding", "streamingingestion", "ingestionbatching"].map(policy));
                row.extend([json!(size), id, json!("")]);
            }
            Self::Policies => {
                row.extend([id, held]);
                row.extend(
                    ["retention", "merge", "caching", "sharding", "streamingingestion", "ingestionbatching"]
                        .map(policy),
                );
            }
        }
        row
    }
}

/// Databases that a command names, each with the version that it must be later than.
type Named = Vec<(String, Option<Version>)>;

/// What follows `.show databases`.
pub(super) fn show_many(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let named = if cursor.at_mark("(") {
        Some(cursor.list(|inner| Ok((inner.name("a database name")?, if_later_than(inner)?)))?)
    } else {
        None
    };
    if cursor.eat("schema") {
        return schema_of_many(named, cursor);
    }
    if named.is_none() && cursor.eat("entities") {
        cursor.properties()?;
        return Ok(Command::read("DatabasesEntitiesShow", |view| {
            let rows = view.cluster()?.databases.values().flat_map(entities::rows);
            Ok(Frame::new(schemas::ENTITIES, rows.collect()))
        }));
    }
    let Some(flavor) = Flavor::read(cursor)? else {
        return Err(cursor.expected("'details', 'identity', 'policies', 'schema' or the end of the command"));
    };
    Ok(Command::read("DatabasesShow", move |view| {
        let rows = chosen(view, named.as_ref())?.into_iter().map(|database| flavor.row(view, database));
        Ok(Frame::new(flavor.schema(), rows.collect()))
    }))
}

fn chosen<'a>(view: &View<'a>, named: Option<&Named>) -> Result<Vec<&'a Database>, Fault> {
    let Some(named) = named else { return Ok(view.cluster()?.databases.values().collect()) };
    let mut found = Vec::new();
    for (name, later) in named {
        let database = view.database(Some(name))?;
        if is_later(database, *later) {
            found.push(database);
        }
    }
    Ok(found)
}

fn if_later_than(cursor: &mut Cursor<'_>) -> Result<Option<Version>, Fault> {
    if !cursor.eat("if_later_than") {
        return Ok(None);
    }
    let at = cursor.clone();
    let text = cursor.text("a database version such as \"v24.3\"")?;
    Version::parse(&text).map(Some).ok_or_else(|| at.expected("a database version such as \"v24.3\""))
}

fn is_later(database: &Database, than: Option<Version>) -> bool {
    than.is_none_or(|than| database.version > than)
}

/// What follows `.show schema`: all databases.
pub(super) fn schema_of_all(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    schema_of_many(None, cursor)
}

/// What follows `.show databases … schema`.
fn schema_of_many(named: Option<Named>, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.eat("details");
    if cursor.eat("as") {
        cursor.expect("json")?;
        let kinds = kinds(cursor)?;
        return Ok(Command::read("DatabasesSchemaShow", move |view| {
            let databases = chosen(view, named.as_ref())?;
            if databases.is_empty() {
                return Ok(Frame::new(schemas::SCHEMA_JSON, Vec::new()));
            }
            Ok(Frame::new(
                schemas::SCHEMA_JSON,
                vec![vec![Value::String(schema::databases_json(&databases, kinds))]],
            ))
        }));
    }
    Ok(Command::read("DatabasesSchemaShow", move |view| {
        let rows = chosen(view, named.as_ref())?.into_iter().flat_map(entities::schema_rows);
        Ok(Frame::new(schemas::DATABASE_SCHEMA, rows.collect()))
    }))
}

/// What follows `.show database [X] schema`.
fn schema_of_one(name: Option<String>, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if cursor.eat("violations") {
        return Ok(Command::read("DatabaseSchemaViolationsShow", move |view| {
            Ok(Frame::new(schemas::VIOLATIONS, entities::violations(view.database(name.as_deref())?)))
        }));
    }
    let details = cursor.eat("details");
    let later = if_later_than(cursor)?;
    if details || !cursor.eat("as") {
        return Ok(Command::read("DatabaseSchemaShow", move |view| {
            let database = view.database(name.as_deref())?;
            let rows = if is_later(database, later) { entities::schema_rows(database) } else { Vec::new() };
            Ok(Frame::new(schemas::DATABASE_SCHEMA, rows))
        }));
    }
    match cursor.expect_one(&["json", "csl", "kql"])? {
        "json" => {
            let kinds = kinds(cursor)?;
            Ok(Command::read("DatabaseSchemaShowAsJson", move |view| {
                let database = view.database(name.as_deref())?;
                let json = || vec![Value::String(schema::databases_json(&[database], kinds))];
                let rows = if is_later(database, later) { vec![json()] } else { Vec::new() };
                Ok(Frame::new(schemas::SCHEMA_JSON, rows))
            }))
        }
        _ if cursor.eat("script") => {
            let options = script_options(cursor)?;
            Ok(as_script(name, later, options))
        }
        _ => Ok(as_rows(name, later)),
    }
}

fn kinds(cursor: &mut Cursor<'_>) -> Result<schema::Kinds, Fault> {
    let properties: Properties = cursor.properties()?;
    let words = ["Tables", "ExternalTables", "MaterializedViews", "Functions"];
    properties.only(&words)?;
    if words.iter().all(|word| properties.get(word).is_none()) {
        return Ok(schema::Kinds::ALL);
    }
    let wanted = |word: &str| Ok::<_, Fault>(properties.flag(word)?.unwrap_or(false));
    Ok(schema::Kinds {
        tables: wanted("Tables")?,
        external_tables: wanted("ExternalTables")?,
        views: wanted("MaterializedViews")?,
        functions: wanted("Functions")?,
    })
}

const WHOLE_SCRIPT: script::Options =
    script::Options { security: true, mappings: true, encoding: true, obfuscated: false };

fn script_options(cursor: &mut Cursor<'_>) -> Result<script::Options, Fault> {
    let properties = cursor.properties()?;
    properties.only(&[
        "IncludeEncodingPolicies",
        "IncludeSecuritySettings",
        "IncludeIngestionMappings",
        "ShowObfuscatedStrings",
    ])?;
    Ok(script::Options {
        security: properties.flag("IncludeSecuritySettings")?.unwrap_or(WHOLE_SCRIPT.security),
        mappings: properties.flag("IncludeIngestionMappings")?.unwrap_or(WHOLE_SCRIPT.mappings),
        encoding: properties.flag("IncludeEncodingPolicies")?.unwrap_or(WHOLE_SCRIPT.encoding),
        obfuscated: properties.flag("ShowObfuscatedStrings")?.unwrap_or(WHOLE_SCRIPT.obfuscated),
    })
}

fn as_script(name: Option<String>, later: Option<Version>, options: script::Options) -> Command {
    Command::read("DatabaseSchemaShowAsCsl", move |view| {
        let database = view.database(name.as_deref())?;
        let commands =
            if is_later(database, later) { script::commands(database, options) } else { Vec::new() };
        Ok(Frame::new(
            schemas::SCHEMA_SCRIPT,
            commands.into_iter().map(|command| vec![Value::String(command)]).collect(),
        ))
    })
}

/// One row per table, with its columns as `cslschema` text.
fn as_rows(name: Option<String>, later: Option<Version>) -> Command {
    Command::read("DatabaseSchemaShowAsCsl", move |view| {
        let database = view.database(name.as_deref())?;
        let tables = database.tables.values().filter(|_| is_later(database, later));
        let row = |table: &crate::emulator::kusto::catalog::Table| {
            let (folder, doc_string) = (json!(table.folder), json!(table.doc_string));
            vec![json!(table.name), json!(table.csl_schema()), json!(database.name), folder, doc_string]
        };
        Ok(Frame::new(schemas::TABLE_SCHEMA, tables.map(row).collect()))
    })
}

/// `.show database D journal`.
fn journal(name: Option<String>) -> Command {
    Command::read("DatabaseJournalShow", move |view| {
        let database = view.database(name.as_deref())?;
        let row = |event: &Event| {
            vec![
                json!(event.event),
                json!(time::datetime(event.at)),
                json!(database.name),
                json!(event.entity),
                json!(event.updated_entity),
                json!(event.version.to_string()),
                json!(event.container),
                json!(event.before),
                json!(event.after),
                json!(event.command),
                json!(event.principal),
                json!(event.activity),
                json!(event.client_request_id),
                json!(event.principal),
                json!(event.original_version.to_string()),
            ]
        };
        Ok(Frame::new(schemas::JOURNAL, database.journal.iter().map(row).collect()))
    })
}
