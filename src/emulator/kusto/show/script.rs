//! A database as the commands that make it: `schema as csl script` (`M:show-schema-database.md`).
//!
//! Invariant: the script of a database, run in an empty one, makes the same tables, functions and policies; views are
//! not part of it, and principals given by creation are the runner's (test: `scripts_rebuild_databases`).
//!
//! Invariant: running the script in an empty database makes the same database, principals given by creation and
//! retired values aside (test: `scripts_rebuild_databases` in `tests/kusto_wire.rs`).

use crate::emulator::kusto::catalog::{
    Assignment, Column, Database, EntityGroup, Function, GraphModel, Mapping, Policies, Table,
};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy;
use crate::emulator::kusto::show::external;
use crate::emulator::kusto::syntax::{mask_hidden, quote};

/// What a script holds beside tables and functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Principals of the database and its tables, row level security, restricted view access.
    pub(crate) security: bool,
    /// Ingestion mappings.
    pub(crate) mappings: bool,
    /// Encoding policies.
    pub(crate) encoding: bool,
    /// Whether obfuscated strings stand in the clear.
    pub(crate) obfuscated: bool,
}

/// Policies that are security settings.
const SECURITY: &[&str] = &["restricted_view_access", "row_level_security"];

/// The commands, one after the other: tables, functions, then what refers to them.
pub(crate) fn commands(database: &Database, options: Options) -> Vec<String> {
    let mut out = Vec::new();
    for table in database.tables.values() {
        out.push(create(table));
        out.extend(column_docs(table));
        if options.mappings {
            let entity = entity_of(table);
            out.extend(table.mappings.iter().map(|mapping| mapping_command(&entity, mapping)));
        }
    }
    for table in database.external_tables.values() {
        out.push(external::define(table, options.obfuscated));
        if options.mappings {
            out.extend(table.mappings.iter().map(|mapping| external::mapping(table, mapping)));
        }
    }
    out.extend(database.functions.values().map(|function| define(function, options.obfuscated)));
    out.extend(groups_and_models(database));
    let of_new = policy::of_new_table();
    let allowed = |word: &str| {
        (options.security || !SECURITY.contains(&word)) && (options.encoding || word != "encoding")
    };
    // A retention of zero needs an update policy that reads the table, so update policies come before the others.
    for table in database.tables.values() {
        out.extend(policies(&entity_of(table), &table.policies, &of_new, |word| word == "update"));
    }
    for table in database.tables.values() {
        let others = |word: &str| word != "update" && allowed(word);
        out.extend(policies(&entity_of(table), &table.policies, &of_new, others));
        if choices::SCRIPT_SAYS_UNSET_INGESTION_TIME && !table.policies.contains_key("ingestiontime") {
            out.push(format!(".alter {} policy ingestiontime false", entity_of(table)));
        }
        if options.encoding {
            out.extend(column_policies(table));
        }
        if options.security {
            out.extend(principals(&entity_of(table), &table.principals));
        }
    }
    for view in database.views.values() {
        let entity = format!("materialized-view {}", names::print(&view.name));
        out.extend(policies(&entity, &view.policies, &Policies::new(), allowed));
    }
    for table in database.external_tables.values() {
        let entity = format!("external table {}", names::print(&table.name));
        let said = |word: &str| {
            allowed(word) && (choices::SCRIPT_SAYS_QUERY_ACCELERATION || word != "query_acceleration")
        };
        out.extend(policies(&entity, &table.policies, &Policies::new(), said));
    }
    let entity = format!("database {}", names::print(&database.name));
    out.extend(policies(&entity, &database.policies, &Policies::new(), allowed));
    if options.mappings {
        out.extend(database.mappings.iter().map(|mapping| mapping_command(&entity, mapping)));
    }
    if options.security {
        out.extend(principals(&entity, &database.principals));
        out.extend(of_entities(database));
    }
    out
}

/// Groups and models; what a model's steps name stands before it.
fn groups_and_models(database: &Database) -> impl Iterator<Item = String> + '_ {
    let group = |group: &EntityGroup| {
        format!(".create-or-alter entity_group {} ({})", names::print(&group.name), group.entities.join(", "))
    };
    let model = |model: &GraphModel| {
        let newest = model.versions.last()?;
        let text = quote(&newest.model.to_string());
        Some(format!(".create-or-alter graph_model {} {text}", names::print(&model.name)))
    };
    let groups = database.entity_groups.values().map(group);
    groups.chain(database.graph_models.values().filter_map(model))
}

/// The principals of what is no table.
fn of_entities(database: &Database) -> Vec<String> {
    let named = |word: &str, name: &str| format!("{word} {}", names::print(name));
    let functions = database.functions.iter().map(|(name, f)| (named("function", name), &f.principals));
    let views = database.views.iter().map(|(name, v)| (named("materialized-view", name), &v.principals));
    let models = database.graph_models.iter().map(|(name, m)| (named("graph_model", name), &m.principals));
    let externals = database.external_tables.iter();
    let externals = externals.map(|(name, e)| (named("external table", name), &e.principals));
    let all = functions.chain(views).chain(models).chain(externals);
    all.flat_map(|(entity, held)| principals(&entity, held).collect::<Vec<_>>()).collect()
}

fn column_policies(table: &Table) -> Vec<String> {
    let set = table.columns.iter().filter(|column| !column.policies.is_empty());
    let of = |column: &Column| {
        let entity = format!("column {}.{}", names::print(&table.name), names::print(&column.name));
        policies(&entity, &column.policies, &Policies::new(), |_| true)
    };
    set.flat_map(of).collect()
}

fn entity_of(table: &Table) -> String {
    format!("table {}", names::print(&table.name))
}

fn create(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{}:{}", names::print(&column.name), column.of.name()))
        .collect();
    format!(
        ".create-merge table {} ({}) with (folder = {}, docstring = {})",
        names::print(&table.name),
        columns.join(", "),
        quote(&table.folder),
        quote(&table.doc_string)
    )
}

fn column_docs(table: &Table) -> Option<String> {
    let docs: Vec<String> = table
        .columns
        .iter()
        .filter(|column| !column.doc_string.is_empty())
        .map(|column| format!("{}:{}", names::print(&column.name), quote(&column.doc_string)))
        .collect();
    if docs.is_empty() {
        return None;
    }
    Some(format!(".alter-merge table {} column-docstrings ({})", names::print(&table.name), docs.join(", ")))
}

fn mapping_command(entity: &str, mapping: &Mapping) -> String {
    let (kind, name) = (mapping.kind.word(), quote(&mapping.name));
    format!(".create-or-alter {entity} ingestion {kind} mapping {name} {}", quote(&mapping.mapping))
}

/// `skipvalidation` is how the script avoids an order among functions, not a stored setting.
fn define(function: &Function, obfuscated: bool) -> String {
    let body = &function.declaration.body;
    let view = if function.view { ", view = \"true\"" } else { "" };
    format!(
        ".create-or-alter function with (folder = {}, docstring = {}, skipvalidation = \"true\"{view}) {} {} {}",
        quote(&function.folder),
        quote(&function.doc_string),
        names::print(&function.name),
        function.declaration.parameter_list(),
        if obfuscated { body.clone() } else { mask_hidden(body) }
    )
}

/// The commands that set the policies that are wanted and differ from those of a new entity.
fn policies(entity: &str, set: &Policies, of_new: &Policies, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let differ = set.iter().filter(|(word, text)| wanted(word) && of_new.get(*word) != Some(*text));
    differ.filter_map(|(word, text)| Some(policy::find(word)?.statement(entity, text))).collect()
}

fn principals<'a>(entity: &'a str, held: &'a [Assignment]) -> impl Iterator<Item = String> + 'a {
    held.iter().filter(|held| !held.by_creation).map(move |held| {
        let notes = if held.notes.is_empty() { String::new() } else { format!(" {}", quote(&held.notes)) };
        format!(".add {entity} {} ({}){notes}", held.role.word(), quote(&held.holder.fqn()))
    })
}
