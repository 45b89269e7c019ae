//! Partitions and paths of an external table of storage.
//!
//! Invariant: a path enters a command piece by piece, texts and names quoted anew (test: `paths_are_rebuilt`).

use crate::kind::Finding;
use crate::model::body::{Body, Value};
use crate::model::command::{Command, quoted_name, quoted_text};
use crate::model::kql::{self, TokenKind};

/// A piece of a path.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Partition(String),
    Pattern(String, String),
}

/// The pieces of a path in any spelling.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut tokens = kql::tokens(text).ok()?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    let mut reader = crate::kind::script::Reader { text, tokens: &tokens, at: 0 };
    let mut pieces = Vec::new();
    while reader.at < tokens.len() {
        if let Some(text) = reader.literal() {
            pieces.push(Piece::Text(text));
            continue;
        }
        let name = reader.name()?;
        if name != "datetime_pattern" || reader.mark('(').is_none() {
            pieces.push(Piece::Partition(name));
            continue;
        }
        let pattern = reader.literal()?;
        reader.mark(',')?;
        let name = reader.name()?;
        reader.mark(')')?;
        pieces.push(Piece::Pattern(pattern, name));
    }
    Some(pieces)
}

/// The one spelling of a path, if it is one.
pub(super) fn canonical(text: &str) -> Option<String> {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => quoted_text(text),
        Piece::Partition(name) => quoted_name(name),
        Piece::Pattern(pattern, name) => {
            format!("datetime_pattern({}, {})", quoted_text(pattern), quoted_name(name))
        }
    };
    Some(pieces(text)?.iter().map(piece).collect::<Vec<_>>().join(" "))
}

/// Adds the pieces of a path to a command.
pub(super) fn write(command: Command, text: &str) -> Result<Command, String> {
    let pieces = pieces(text).ok_or("`pathFormat` is not made of texts, partitions and datetime_pattern()")?;
    Ok(pieces.iter().fold(command, |command, piece| match piece {
        Piece::Text(text) => command.text(text),
        Piece::Partition(name) => command.name(name),
        Piece::Pattern(pattern, name) => {
            command.word("datetime_pattern(").text(pattern).word(",").name(name).word(")")
        }
    }))
}

/// Mistakes in partitions and in the path.
pub(super) fn findings(body: &Body) -> Vec<Finding> {
    let columns = body.get("columns").and_then(Value::as_map);
    let empty = Body::new();
    let partitions = body.get("partitions").and_then(Value::as_map).unwrap_or(&empty);
    let mut found = Vec::new();
    for (name, one) in partitions.iter().filter_map(|(name, one)| Some((name, one.as_map()?))) {
        let mut wrong = |field: &str, message: String, help: &str| {
            let mut finding = Finding::new(&["partitions", name, field], message, help);
            finding.candidates = columns.map(|all| all.names().map(str::to_owned).collect()).unwrap_or_default();
            found.push(finding);
        };
        let column = one.text("column").filter(|column| !column.is_empty());
        if let Some(column) = column.filter(|column| columns.is_some_and(|all| all.get(column).is_none())) {
            wrong("column", format!("the table has no column {column:?}"), "");
        }
        let function = one.text("function");
        if let Some(problem) = mismatch(function, one) {
            wrong(problem.0, problem.1, "correct the partition");
        }
        let wanted = match (function, column) {
            (Some("hash"), _) => "long",
            (Some(_), _) => "datetime",
            (None, Some(_)) => "string",
            (None, None) => continue,
        };
        if one.text("type").is_some_and(|word| word != wanted) {
            wrong("type", format!("a partition so made is of type {wanted}"), "leave `type` out");
        }
    }
    let Some(path) = body.text("pathFormat").filter(|path| !path.is_empty()) else { return found };
    match pieces(path) {
        None => {
            let message = "this is not made of texts, partitions and datetime_pattern(\"…\", PARTITION)";
            let help = "quote texts, and separate the pieces by blanks: \"dt=\" datetime_pattern(\"yyyyMMdd\", Date)";
            found.push(Finding::new(&["pathFormat"], message, help));
        }
        Some(pieces) => {
            let names = pieces.into_iter().filter_map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Partition(name) | Piece::Pattern(_, name) => Some(name),
            });
            for name in names.filter(|name| partitions.get(name).is_none()) {
                let message = format!("`pathFormat` names the partition {name:?}, which `partitions` does not have");
                let mut finding = Finding::new(&["pathFormat"], message, "");
                finding.candidates = partitions.names().map(str::to_owned).collect();
                found.push(finding);
            }
        }
    }
    found
}

/// A property of a partition that its function needs and has not, or has and does not need.
fn mismatch(function: Option<&str>, one: &Body) -> Option<(&'static str, String)> {
    let given = |name: &str| one.get(name).is_some_and(|value| !value.is_unset());
    match function {
        Some(function) if !given("column") => Some(("function", format!("`{function}` is made of a column: add `column`"))),
        Some("hash") if !given("modulus") => Some(("function", "`hash` needs `modulus`".to_owned())),
        Some("bin") if !given("size") => Some(("function", "`bin` needs `size`".to_owned())),
        function if given("modulus") && function != Some("hash") => {
            Some(("modulus", "`modulus` goes with `hash` only".to_owned()))
        }
        function if given("size") && function != Some("bin") => {
            Some(("size", "`size` goes with `bin` only".to_owned()))
        }
        None if one.text("type") == Some("long") && !given("column") => {
            Some(("type", "a partition that only the path says is of type string or datetime".to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_rebuilt() {
        let text = "'a=' P  \"/b\\\"=\" datetime_pattern('yyyy',['my D']) ['order']";
        let same = r#""a=" P "/b\"=" datetime_pattern("yyyy", ['my D']) ['order']"#;
        assert_eq!(canonical(text).as_deref(), Some(same));
        assert_eq!(canonical(same).as_deref(), Some(same));
        assert_eq!(write(Command::new("("), text).unwrap().as_str(), format!("({same}"));
        for text in ["P)", "P; .drop table T", "datetime_pattern(P)", "1", "'open"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
