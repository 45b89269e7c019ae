//! The command that makes an external table.

use super::fields::SETTINGS;
use super::{connection, path};
use crate::kind::shape::scalar_types;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::duration::Ticks;

/// What is known of a table of which a secret is not.
pub(super) const STARRED: &str = "its connection string holds a secret that the service does not give back, and the \
                                  spec holds no reference to it";

/// The command that makes the table as it is to be, whatever stands there.
///
/// # Errors
/// What is missing, as a sentence that names the property.
pub(super) fn create_or_alter(name: &str, body: &Body) -> Result<Command, String> {
    let kind = body.text("kind").unwrap_or_default();
    let mut command = Command::new(".create-or-alter external table").name(name);
    if let Some(Value::Map(columns)) = body.get("columns") {
        command = command.word("(").list(columns.iter(), |command, (name, of)| {
            let command = command.name(name).word(":");
            word(command, scalar_types(), of)
        });
        command = command.word(")");
    }
    command = match kind {
        "storage" => storage(command.word("kind = storage"), body)?,
        "delta" => command.word("kind = delta"),
        _ => match body.text("table").filter(|table| !table.is_empty()) {
            Some(table) => command.word("kind = sql table =").name(table),
            None => command.word("kind = sql"),
        },
    };
    let mut connections = Vec::new();
    for connection in connection::of(body) {
        connections.push(connection::written(connection).ok_or(STARRED)?);
    }
    let add = |command: Command, parts: Vec<Value>| command.composed(&parts, true);
    Ok(settings(command.word("(").list(connections, add).word(")"), kind, body))
}

/// `partition by (…) pathformat = (…) dataformat = …`.
fn storage(mut command: Command, body: &Body) -> Result<Command, String> {
    let partitions: Vec<&Body> = partitions(body).collect();
    if !partitions.is_empty() {
        command = command.word("partition by (").list(partitions, partition).word(")");
    }
    if let Some(text) = body.text("pathFormat").filter(|text| !text.is_empty()) {
        let pieces = path::pieces(text).map_err(|why| format!("`pathFormat`: {why}"))?;
        command = path::write(command.word("pathformat = ("), &pieces).word(")");
    }
    let format = body.text("dataFormat").ok_or("`dataFormat` is missing")?;
    command.word("dataformat =").plain(format)
}

/// The partitions of a body.
pub(super) fn partitions(body: &Body) -> impl Iterator<Item = &Body> {
    body.get("partitions").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_map)
}

fn partition(command: Command, partition: &Body) -> Command {
    let text = |name| partition.text(name).unwrap_or_default();
    let command = command.name(text("name")).word(":");
    let command = word(command, ["string", "datetime", "long"].into_iter(), &Value::from(text("type")));
    if text("column").is_empty() {
        return command;
    }
    let command = command.word("=");
    let of = |words| command.clone().word(words).name(text("column"));
    match text("function") {
        "StartOfDay" => of("startofday (").word(")"),
        "StartOfWeek" => of("startofweek (").word(")"),
        "StartOfMonth" => of("startofmonth (").word(")"),
        "StartOfYear" => of("startofyear (").word(")"),
        "Bin" => {
            let size = partition.get("size").and_then(Value::as_time).unwrap_or(Ticks::days(1));
            of("bin (").word(",").time(size).word(")")
        }
        "Hash" => {
            let modulus = if let Some(Value::Int(modulus)) = partition.get("modulus") { *modulus } else { 1 };
            of("hash (").word(",").number(modulus).word(")")
        }
        _ => command.name(text("column")),
    }
}

/// `with (…)`, of what is given.
fn settings(command: Command, kind: &str, body: &Body) -> Command {
    let given = SETTINGS.iter().filter(|(_, _, kinds)| kinds.contains(&kind));
    let given = given.filter_map(|(name, words, _)| Some((*name, *words, body.get(name)?)));
    let given: Vec<_> = given.filter(|(_, _, value)| !value.is_unset()).collect();
    if given.is_empty() {
        return command;
    }
    let add = |command: Command, (_, words, value): (&str, &'static str, &Value)| match value {
        Value::Bool(flag) => command.word(words).flag(*flag),
        value => command.word(words).composed(std::slice::from_ref(value), false),
    };
    command.word("with (").list(given, add).word(")")
}

/// Adds one of some words.
fn word(command: Command, mut words: impl Iterator<Item = &'static str>, value: &Value) -> Command {
    let found = value.as_text().and_then(|text| words.find(|word| *word == text));
    command.word(found.unwrap_or("string"))
}
