//! A database as rows: entities, columns, and what in it names things that are not there.

use crate::emulator::kusto::catalog::Database;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::policy;
use crate::emulator::kusto::syntax::mask_hidden;
use serde_json::{Value, json};

/// The rows of `.show database schema`: the database, then each table, then its columns.
pub(crate) fn schema_rows(database: &Database) -> Vec<Vec<Value>> {
    let row = |table: &str, column: &str, of: &str, version: &str, folder: &str, doc: &str| {
        let pretty = json!(database.pretty_name.as_deref().filter(|_| table.is_empty()).unwrap_or_default());
        let name = json!(database.name);
        let (table, column, of) = (json!(table), json!(column), json!(of));
        vec![
            name,
            table,
            column,
            of,
            json!(false),
            json!(false),
            pretty,
            json!(version),
            json!(folder),
            json!(doc),
        ]
    };
    let mut rows = vec![row("", "", "", &database.version.to_string(), "", "")];
    for table in database.tables.values() {
        rows.push(row(&table.name, "", "", "", &table.folder, &table.doc_string));
        for column in &table.columns {
            rows.push(row(&table.name, &column.name, column.of.dotnet(), "", "", &column.doc_string));
        }
    }
    rows
}

/// The rows of `.show databases entities`.
pub(crate) fn rows(database: &Database) -> Vec<Vec<Value>> {
    let row = |kind: &str, name: &str, doc: &str, folder: &str, text: [String; 3]| {
        let [input, content, output] = text;
        vec![
            json!(database.name),
            json!(kind),
            json!(name),
            json!(doc),
            json!(folder),
            json!(input),
            json!(content),
            json!(output),
            json!({}),
        ]
    };
    let mut rows = Vec::new();
    for table in database.tables.values() {
        let text = [String::new(), String::new(), table.csl_schema()];
        rows.push(row("Table", &table.name, &table.doc_string, &table.folder, text));
    }
    for view in database.views.values() {
        let text = [String::new(), view.query.clone(), String::new()];
        rows.push(row("MaterializedView", &view.name, &view.doc_string, &view.folder, text));
    }
    for table in database.external_tables.values() {
        let text = [String::new(), String::new(), table.csl_schema()];
        rows.push(row("ExternalTable", &table.name, &table.doc_string, &table.folder, text));
    }
    for function in database.functions.values() {
        let body = mask_hidden(&function.declaration.body);
        let text = [function.declaration.parameter_list(), body, String::new()];
        rows.push(row("Function", &function.name, &function.doc_string, &function.folder, text));
    }
    for group in database.entity_groups.values() {
        let text = [String::new(), json!(group.entities).to_string(), String::new()];
        rows.push(row("EntityGroup", &group.name, "", "", text));
    }
    rows
}

/// The rows of `.show database schema violations`.
pub(crate) fn violations(database: &Database) -> Vec<Vec<Value>> {
    let row = |kind: &str, name: &str, property: &str, reason: String| {
        vec![json!(kind), json!(name), json!(property), json!(reason)]
    };
    let mut rows = Vec::new();
    for function in database.functions.values() {
        let parameters: Vec<&str> = function.declaration.parameter_names().collect();
        if let Err(fault) = kql::check_names(database, &function.declaration.body, &parameters) {
            rows.push(row("Function", &function.name, "Body", fault.text));
        }
    }
    for view in database.views.values() {
        if let Err(fault) = kql::check_names(database, &view.query, &[]) {
            rows.push(row("MaterializedView", &view.name, "Query", fault.text));
        }
    }
    for (table, source) in policy::update_sources(database) {
        if !source.wild_card && !database.tables.contains_key(&source.table) {
            let reason = format!("Entity ID '{}' of kind 'Table' was not found.", source.table);
            rows.push(row("Table", table, "UpdatePolicy", reason));
        } else if let Err(fault) = kql::check_names(database, &source.query, &[]) {
            rows.push(row("Table", table, "UpdatePolicy", fault.text));
        }
    }
    rows
}
