//! A database as the commands that make it: `schema as csl script` (`M:show-schema-database.md`).
//!
//! Invariant: running the script in an empty database makes the same database, principals given by creation and
//! retired values aside (test: `scripts_rebuild_databases` in `tests/kusto_wire.rs`).

use crate::emulator::kusto::catalog::{
    Assignment, Column, Database, EntityGroup, Function, GraphModel, Mapping, MaterializedView, Policies,
    Table,
};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::command::export;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy;
use crate::emulator::kusto::show::external;
use crate::emulator::kusto::syntax::{mask_hidden, quote};
use crate::emulator::kusto::time;
use std::borrow::Cow;

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
    if choices::SCRIPT_HOLDS_VIEWS {
        let over = |over_view| database.views.values().filter(move |view| view.over_view == over_view);
        out.extend(over(false).chain(over(true)).map(define_view));
    }
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
        out.extend(policies(&entity_of(table), &said(table), &of_new, others));
        if options.encoding {
            out.extend(column_policies(table));
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
    for model in database.graph_models.values() {
        let entity = format!("graph_model {}", names::print(&model.name));
        out.extend(policies(&entity, &model.policies, &Policies::new(), allowed));
    }
    out.extend(database.exports.values().map(export::statement));
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

/// The principals of what is in a database, who hold a role on the database already.
fn of_entities(database: &Database) -> Vec<String> {
    let tables = database.tables.values().map(|table| (entity_of(table), &table.principals));
    let named = |word: &str, name: &str| format!("{word} {}", names::print(name));
    let functions = database.functions.iter().map(|(name, f)| (named("function", name), &f.principals));
    let views = database.views.iter().map(|(name, v)| (named("materialized-view", name), &v.principals));
    let models = database.graph_models.iter().map(|(name, m)| (named("graph_model", name), &m.principals));
    let externals = database.external_tables.iter();
    let externals = externals.map(|(name, e)| (named("external table", name), &e.principals));
    let all = tables.chain(functions).chain(views).chain(models).chain(externals);
    all.flat_map(|(entity, held)| principals(&entity, held).collect::<Vec<_>>()).collect()
}

/// The policies of a table as far as the script speaks of them.
fn said(table: &Table) -> Cow<'_, Policies> {
    let mut said = Cow::Borrowed(&table.policies);
    if choices::SCRIPT_SAYS_UNSET_INGESTION_TIME && !said.contains_key("ingestiontime") {
        said.to_mut().insert("ingestiontime".to_owned(), r#"{"IsEnabled":false}"#.to_owned());
    }
    said
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
    let mut text = format!(".create-merge table {} (", names::print(&table.name));
    for (at, column) in table.columns.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        [comma, &names::print(&column.name), ":", column.of.name()]
            .iter()
            .for_each(|part| text.push_str(part));
    }
    text + &format!(") with (folder = {}, docstring = {})", quote(&table.folder), quote(&table.doc_string))
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

/// Whether a view is enabled is no part of the script.
fn define_view(view: &MaterializedView) -> String {
    let (verb, source) = match view.over_view {
        false => (".create-or-alter materialized-view", "table"),
        true => (".create ifnotexists materialized-view", "materialized-view"),
    };
    let mut with = vec![
        format!("folder = {}", quote(&view.folder)),
        format!("docstring = {}", quote(&view.doc_string)),
        format!("autoUpdateSchema = {}", view.auto_update_schema),
    ];
    with.extend(view.lookback.map(|ticks| format!("lookback = time({})", time::timespan(ticks))));
    if !view.lookback_column.is_empty() {
        with.push(format!("lookback_column = {}", quote(&view.lookback_column)));
    }
    if !view.dimension_tables.is_empty() {
        with.push(format!("dimensionTables = dynamic({})", serde_json::json!(view.dimension_tables)));
    }
    format!(
        "{verb} with ({}) {} on {source} {} {{ {}\n}}",
        with.join(", "),
        names::print(&view.name),
        names::print(&view.source),
        mask_hidden(&view.query)
    )
}

/// The commands that set the policies that are wanted and differ from those of a new entity.
fn policies(entity: &str, set: &Policies, of_new: &Policies, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let silent = |word: &str, text: &str| {
        !choices::SCRIPT_SAYS_UNRESTRICTED && word == "restricted_view_access" && text.contains("false")
    };
    let differ = set.iter().filter(|(word, text)| wanted(word) && of_new.get(*word) != Some(*text));
    let differ = differ.filter(|(word, text)| !silent(word, text));
    differ.filter_map(|(word, text)| Some(policy::find(word)?.statement(entity, text))).collect()
}

fn principals<'a>(entity: &'a str, held: &'a [Assignment]) -> impl Iterator<Item = String> + 'a {
    held.iter().filter(|held| !held.by_creation).map(move |held| {
        let notes = if held.notes.is_empty() { String::new() } else { format!(" {}", quote(&held.notes)) };
        format!(".add {entity} {} ({}){notes}", held.role.word(), quote(&held.holder.fqn()))
    })
}
