//! External tables as rows, and as the commands that make them.
//!
//! Invariant: the command with its secrets in the clear makes the same table (test: `scripts_rebuild_databases`).

use super::schema;
use crate::emulator::kusto::catalog::{ExternalTable, FORMATS, Mapping, PartitionBy, STARTS};
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::quote;
use crate::emulator::kusto::time;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The row of an external table in most answers.
pub(crate) fn row(table: &ExternalTable) -> Vec<Value> {
    vec![
        json!(table.name),
        json!(table.kind.shown()),
        json!(table.folder),
        json!(table.doc_string),
        json!(table.properties()),
        json!(table.shown_connections()),
        table.shown_partitions(),
        json!(table.path_format),
    ]
}

/// The row that an alteration answers with.
pub(crate) fn altered_row(table: &ExternalTable) -> Vec<Value> {
    vec![
        json!(table.name),
        json!(table.kind.shown()),
        json!(table.folder),
        json!(table.doc_string),
        json!(schema::external_json(table)),
        json!(table.properties()),
    ]
}

/// The command that makes an external table, over several lines as the service prints it.
pub(crate) fn define(table: &ExternalTable, in_the_clear: bool) -> String {
    let columns = table.columns.iter().map(|(name, of)| format!("{}:{}", names::print(name), of.name()));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let mut text = format!(".create-or-alter external table {}", names::print(&table.name));
    // Columns that follow the data are never given.
    text.push_str(&if table.is_on("AutoUpdateSchema") { "\n".to_owned() } else { format!(" ({columns})\n") });
    let _ = writeln!(text, "kind = {}", table.kind.word());
    if !table.target.is_empty() {
        let _ = writeln!(text, "table = {}", names::print(&table.target));
    }
    let partitions: Vec<String> = table.partitions.iter().map(partition).collect();
    if !partitions.is_empty() {
        let _ = writeln!(text, "partition by ({})", partitions.join(", "));
    }
    if !table.path_format.is_empty() {
        let _ = writeln!(text, "pathformat = ({})", table.path_format);
    }
    if let Some((word, _)) = table.format.and_then(|at| FORMATS.get(at)) {
        let _ = writeln!(text, "dataformat = {word}");
    }
    let connections = if in_the_clear { table.connections.clone() } else { table.shown_connections() };
    let connections: Vec<String> = connections.iter().map(|text| format!("\n    {}", hidden(text))).collect();
    let _ = writeln!(text, "({}\n)", connections.join(","));
    let mut properties = vec![
        format!("folder = {}", quote(&table.folder)),
        format!("docstring = {}", quote(&table.doc_string)),
    ];
    properties.extend(table.settings.iter().map(|(word, value)| match value {
        Value::String(text) => format!("{word} = {}", quote(text)),
        other => format!("{word} = {other}"),
    }));
    let _ = write!(text, "with ({})", properties.join(", "));
    text
}

fn partition(partition: &crate::emulator::kusto::catalog::Partition) -> String {
    let by = match &partition.by {
        PartitionBy::Virtual => String::new(),
        PartitionBy::Column(column) => format!(" = {}", names::print(column)),
        PartitionBy::Hash(column, modulus) => format!(" = hash({}, {modulus})", names::print(column)),
        PartitionBy::Start(at, column) => format!(" = {}({})", STARTS[*at].0, names::print(column)),
        PartitionBy::Bin(column, size) => {
            format!(" = bin({}, time({}))", names::print(column), time::timespan(*size))
        }
    };
    format!("{}:{}{by}", names::print(&partition.name), partition.of.name())
}

/// An obfuscated verbatim literal, or one with escapes where the text cannot be verbatim.
fn hidden(text: &str) -> String {
    if text.contains(['\n', '\r']) {
        format!("h{}", quote(text))
    } else {
        format!("h@\"{}\"", text.replace('"', "\"\""))
    }
}

/// The command that makes a mapping of an external table.
pub(crate) fn mapping(table: &ExternalTable, mapping: &Mapping) -> String {
    let (name, text) = (quote(&mapping.name), quote(&mapping.mapping));
    format!(".create external table {} mapping {name} {text}", names::print(&table.name))
}
