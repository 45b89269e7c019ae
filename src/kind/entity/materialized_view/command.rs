//! The commands that create and change a view.
//!
//! Invariant: a change of one property is the command for it; everything else alters the definition as a whole
//! (test: `is_altered_property_by_property`).

use super::{ABOUT, is};
use crate::kind::shape;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::kql::Block;

/// Properties of a backfill, with the service's words for them.
pub(super) const OF_BACKFILL: [(&str, &str); 4] = [
    ("effectiveDateTime", ", effectiveDateTime ="),
    ("updateExtentsCreationTime", ", updateExtentsCreationTime ="),
    ("maxSourceRecordsForSingleIngest", ", MaxSourceRecordsForSingleIngest ="),
    ("concurrency", ", Concurrency ="),
];

fn defined(command: Command, name: &str, body: &Body) -> Result<Command, String> {
    let query = Block::new(&format!("{{\n{}\n}}", body.text("query").unwrap_or_default()));
    let query = query.map_err(|why| format!("`query`: {why}"))?;
    let on = match body.text("sourceKind") {
        Some("materialized-view") => "on materialized-view",
        _ => "on table",
    };
    let source = body.text("source").unwrap_or_default();
    Ok(command.name(name).word(on).name(source).block(&query))
}

/// The command that creates a view.
pub(super) fn create(command: Command, name: &str, body: &Body) -> Result<Command, String> {
    let text = |name| body.text(name).unwrap_or_default();
    let mut command =
        command.word("with (docString =").text(text("docString")).word(", folder =").text(text("folder"));
    if let Some(follows) = is(body, "autoUpdateSchema") {
        command = command.word(", autoUpdateSchema =").flag(follows);
    }
    if let Some(lookback) = body.get("lookback").and_then(Value::as_time) {
        command = command.word(", lookback =").time(lookback);
    }
    if !text("lookbackColumn").is_empty() {
        command = command.word(", lookback_column =").text(text("lookbackColumn"));
    }
    command = dimensions(command, ", dimensionTables =", body);
    if is(body, "backfill") == Some(true) {
        command = command.word(", backfill = true");
        for (name, words) in OF_BACKFILL {
            command = match body.get(name) {
                Some(Value::Text(moment)) => command.word(words).moment(moment),
                Some(Value::Bool(value)) => command.word(words).flag(*value),
                Some(Value::Int(value)) => command.word(words).number(*value),
                _ => command,
            };
        }
    }
    defined(command.word(")"), name, body)
}

fn dimensions(command: Command, words: &'static str, body: &Body) -> Command {
    let names = body.get("dimensionTables").and_then(Value::as_list).unwrap_or_default();
    if names.is_empty() {
        return command;
    }
    let names = names.iter().filter_map(Value::as_text);
    command.word(words).word("dynamic([").list(names, Command::text).word("])")
}

/// The command of a change between two stages; between equal bodies, an alter by the same query.
pub(super) fn update(name: &str, before: &Body, after: &Body) -> Result<Command, String> {
    let alter = || Command::new(".alter materialized-view").name(name);
    let text = |name| after.text(name).unwrap_or_default();
    let differs = |name: &str| {
        let field = shape::field(ABOUT.fields, name);
        field.is_some_and(|field| !field.shape.same(before.get(name), after.get(name)))
    };
    for (field, words) in [("docString", "docstring"), ("folder", "folder")] {
        if differs(field) {
            return Ok(alter().word(words).text(text(field)));
        }
    }
    if differs("autoUpdateSchema") {
        return Ok(alter().word("autoUpdateSchema").flag(is(after, "autoUpdateSchema").unwrap_or(false)));
    }
    if differs("lookback") {
        return Ok(match after.get("lookback").and_then(Value::as_time) {
            Some(lookback) => alter().word("lookback").time(lookback),
            None => alter().word("lookback timespan(null)"),
        });
    }
    match is(after, "isEnabled").filter(|_| differs("isEnabled")) {
        Some(true) => return Ok(Command::new(".enable materialized-view").name(name)),
        Some(false) => return Ok(Command::new(".disable materialized-view").name(name)),
        None => {}
    }
    let mut command = Command::new(".alter materialized-view");
    let has_dimensions = after.get("dimensionTables").is_some_and(|names| !names.is_unset());
    if differs("lookbackColumn") {
        command = command.word("with (lookback_column =").text(text("lookbackColumn"));
        command = dimensions(command, ", dimensionTables =", after).word(")");
    } else if has_dimensions {
        command = dimensions(command, "with (dimensionTables =", after).word(")");
    }
    defined(command, name, after)
}
