//! Holes: places in a command for what is known, or may be shown, only when the command is sent.
//!
//! A hole stands in the text as a literal that shows what will be there, such as `h"https://…;${secret.env.KEY}"`,
//! so that a command with holes is still a command that can be printed and read.
//!
//! Invariant: a secret enters a command only in [`Command::filled`], whose result is sent and never kept
//! (test: `secrets_are_filled_in_last`).

use super::{Command, quoted_text};
use crate::model::Address;
use crate::model::body::{SecretRef, Value};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A place in a command, and what goes there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hole {
    /// The literal that stands for it, in bytes of the text.
    span: Range<usize>,
    /// What goes there.
    filling: Filling,
}

/// What goes into a hole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Filling {
    /// One text made of these values; `true` when the service must not show it.
    Text(Vec<Value>, bool),
    /// A JSON document as a text.
    Json(Value),
}

/// The stored form: a text where there are no holes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Stored {
    Plain(String),
    Holed { text: String, holes: Vec<Hole> },
}

impl From<Command> for Stored {
    fn from(command: Command) -> Self {
        match command.holes.is_empty() {
            true => Self::Plain(command.text),
            false => Self::Holed { text: command.text, holes: command.holes },
        }
    }
}

impl From<Stored> for Command {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Plain(text) => Self { text, holes: Vec::new() },
            Stored::Holed { text, holes } => Self { text, holes },
        }
    }
}

impl Filling {
    /// The literal for it: complete when nothing is open, else showing what is.
    fn literal(&self) -> String {
        match self {
            Self::Text(parts, hidden) => {
                let text: String = parts.iter().map(words).collect();
                let mark = if *hidden { "h" } else { "" };
                format!("{mark}{}", quoted_text(&text))
            }
            Self::Json(value) => super::json_text(&shown(value)),
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Text(parts, _) => parts.iter().any(is_open),
            Self::Json(value) => is_open(value),
        }
    }

    fn map(&self, of: &impl Fn(&Value) -> Value) -> Self {
        match self {
            Self::Text(parts, hidden) => Self::Text(parts.iter().map(of).collect(), *hidden),
            Self::Json(value) => Self::Json(of(value)),
        }
    }

    fn values(&self) -> &[Value] {
        match self {
            Self::Text(parts, _) => parts,
            Self::Json(value) => std::slice::from_ref(value),
        }
    }
}

impl Command {
    /// Adds one text literal made of several values: texts, references and secrets.
    ///
    /// With `hidden` it is an obfuscated literal (`h"…"`), which the service neither logs nor gives back.
    #[must_use]
    pub fn composed(self, parts: &[Value], hidden: bool) -> Self {
        self.hole(Filling::Text(parts.to_vec(), hidden))
    }

    /// Adds a JSON document as a text literal on one line, references within it left to be answered.
    #[must_use]
    pub fn json_of(self, value: &Value) -> Self {
        self.hole(Filling::Json(value.clone()))
    }

    /// Commands that run one after another in one request, none after the first that fails.
    ///
    /// <https://learn.microsoft.com/kusto/management/execute-database-script>
    pub fn script(commands: impl IntoIterator<Item = Self>) -> Self {
        let start = Self::new(".execute database script with (ThrowOnErrors = true) <|");
        commands.into_iter().fold(start, |mut script, command| {
            script.text.push('\n');
            let by = script.text.len();
            let moved = |hole: Hole| Hole { span: hole.span.start + by..hole.span.end + by, ..hole };
            script.text.push_str(&command.text);
            script.holes.extend(command.holes.into_iter().map(moved));
            script
        })
    }

    fn hole(mut self, filling: Filling) -> Self {
        self.gap();
        let start = self.text.len();
        self.text.push_str(&filling.literal());
        if filling.is_open() {
            self.holes.push(Hole { span: start..self.text.len(), filling });
        }
        self
    }

    /// The same command with every reference answered that `known` can answer.
    #[must_use]
    pub fn resolved(&self, known: &impl Fn(&Address, &[String]) -> Option<Value>) -> Self {
        self.mapped(&|value| value.resolved(known))
    }

    /// The references that are not answered.
    pub fn references(&self) -> Vec<(&Address, &[String])> {
        let values = self.holes.iter().flat_map(|hole| hole.filling.values());
        let mut found = Vec::new();
        values.for_each(|value| value.collect_references(&mut found));
        found
    }

    /// The secrets that are to be filled in.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let values = self.holes.iter().flat_map(|hole| hole.filling.values());
        let mut found = Vec::new();
        values.for_each(|value| value.collect_secrets(&mut found));
        found
    }

    /// The same command with every secret in its place: to be sent, and neither kept nor shown.
    #[must_use]
    pub fn filled(&self, secret: &impl Fn(&SecretRef) -> Option<String>) -> Self {
        self.mapped(&|value| value.with_secrets(secret))
    }

    fn mapped(&self, of: &impl Fn(&Value) -> Value) -> Self {
        let mut made = Self::default();
        let mut at = 0;
        for hole in &self.holes {
            made.text.push_str(&self.text[at..hole.span.start]);
            let start = made.text.len();
            let filling = hole.filling.map(of);
            made.text.push_str(&filling.literal());
            if filling.is_open() {
                made.holes.push(Hole { span: start..made.text.len(), filling });
            }
            at = hole.span.end;
        }
        made.text.push_str(&self.text[at..]);
        made
    }
}

fn is_open(value: &Value) -> bool {
    let mut secrets = Vec::new();
    value.collect_secrets(&mut secrets);
    value.has_unknown() || !secrets.is_empty()
}

fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Unknown(expr) => expr.to_string(),
        Value::Secret(place) => place.to_string(),
        Value::Null => String::new(),
        other => other.shown().to_string().trim_matches('"').to_owned(),
    }
}

fn shown(value: &Value) -> serde_json::Value {
    match value {
        Value::Unknown(_) | Value::Secret(_) => words(value).into(),
        Value::List(items) => items.iter().map(shown).collect(),
        Value::Map(body) => body.iter().map(|(name, value)| (name.to_string(), shown(value))).collect(),
        other => other.shown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::body::{Body, Expr, Piece};

    fn reference() -> Value {
        let address = "clusters.c".parse().unwrap();
        Value::Unknown(Expr(vec![Piece::Of { address, path: vec!["id".to_owned()] }].into()))
    }

    #[test]
    fn secrets_are_filled_in_last() {
        let key = Value::Secret(SecretRef::Env("KEY".into()));
        let command = Command::new(".x (").composed(&["https://a/c;".into(), key], true).word(")");
        assert_eq!(command.as_str(), r#".x (h"https://a/c;${secret.env.KEY}")"#);
        let stored = serde_json::to_string(&command).unwrap();
        assert!(!stored.contains("s\\\"ecret"), "{stored}");
        let read: Command = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, command);
        let filled = read.filled(&|_| Some("s\"ecret".to_owned()));
        assert_eq!(filled.as_str(), r#".x (h"https://a/c;s\"ecret")"#);
        assert!(filled.secrets().is_empty());
    }

    #[test]
    fn holes_move_into_scripts() {
        let key = Value::Secret(SecretRef::Env("KEY".into()));
        let script = Command::script([Command::new(".a"), Command::new(".b").composed(&[key], true)]);
        let filled = script.filled(&|_| Some("k".to_owned()));
        let expected = ".execute database script with (ThrowOnErrors = true) <|\n.a\n.b h\"k\"";
        assert_eq!(filled.as_str(), expected);
    }

    #[test]
    fn references_are_answered_wherever_they_stand() {
        let body = Body::new().with("ObjectId", reference()).with("n", 1);
        let command = Command::new(".x").composed(&["app=".into(), reference()], false).word("policy");
        let command = command.json_of(&Value::from(vec![body.into()])).word("end");
        let open = r#".x "app=${clusters.c.id}" policy '[{"ObjectId":"${clusters.c.id}","n":1}]' end"#;
        assert_eq!(command.as_str(), open);
        assert_eq!(command.references().len(), 2);
        let same = command.resolved(&|_, _| None);
        assert_eq!(same, command);
        let done = command.resolved(&|_, _| Some("i'd".into()));
        assert_eq!(done.as_str(), r#".x "app=i'd" policy "[{\"ObjectId\":\"i'd\",\"n\":1}]" end"#);
        assert!(done.references().is_empty());
    }
}
