//! The row order policy: how rows are sorted within new extents.

use super::{BASE, Policy, absent_columns};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::kql::{self, TokenKind};
use serde_json::Value as Json;

const KEY: Shape = Shape::Object {
    fields: &[
        Field::new("column", Shape::Name(NameRule::Entity), "The column.").required(),
        Field::new("direction", Shape::Enum(&["asc", "desc"]), "Which way; default `asc`."),
    ],
    short: &["column"],
};

const ABOUT: About = About {
    name: "rowOrderPolicy",
    keyed: Keyed::Fixed("rowOrder"),
    parents: &["table"],
    short: &["keys"],
    doc: "How rows are sorted within new extents; the service advises two columns at most. Data that is there already \
          stays as it is.",
    page: "https://learn.microsoft.com/kusto/management/row-order-policy",
    example: "policies:\n  rowOrder: [TenantId, {column: Timestamp, direction: desc}]\n",
    fields: &[Field::new(
        "keys",
        Shape::List(&KEY),
        "The columns in order, each its name or `{column, direction}`.",
    )],
    ..BASE
};

/// An order by nothing cannot be written, and is absence.
pub(super) static POLICY: Policy = Policy {
    complete: |body| {
        let keys: Vec<Value> = keys(&body).map(|(column, direction)| key(column, direction)).collect();
        body.with("keys", keys)
    },
    from_json,
    from_words,
    write: |command, body| command.word("(").list(keys(body), ordered).word(")"),
    is_absence: |_, _, body| keys(body).next().is_none(),
    check,
    ..Policy::of(&ABOUT, "roworder")
};

/// The columns are written as names, which nothing can stand for (test: `tests/specs/invalid/row-order-by-reference.yaml`).
fn check(at: &At<'_>) -> Vec<Finding> {
    if entries(&at.resource.body).any(|key| matches!(key.get("column"), Some(Value::Unknown(_)))) {
        let message =
            "a column by which rows are sorted must be known before apply, and this is known after it";
        return vec![Finding::new(&["keys"], message, "write it out, or use a variable")];
    }
    absent_columns(at, "keys", keys(&at.resource.body).map(|(column, _)| column))
}

fn key(column: &str, direction: &str) -> Value {
    Value::Map(Body::new().with("column", column).with("direction", direction))
}

fn entries(body: &Body) -> impl Iterator<Item = &Body> {
    body.get("keys").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_map)
}

fn keys(body: &Body) -> impl Iterator<Item = (&str, &'static str)> {
    entries(body).map(|key| {
        let down = key.text("direction") == Some("desc");
        (key.text("column").unwrap_or_default(), if down { "desc" } else { "asc" })
    })
}

fn ordered(command: Command, (column, direction): (&str, &'static str)) -> Command {
    command.name(column).word(direction)
}

/// `[{"ColumnName":"a","IsAscending":true}]`, or the direction in words; the documentation does not show the form.
fn from_json(_: &Policy, json: &Json) -> Result<Body, String> {
    let keys = json.as_array().ok_or("it is not a list")?.iter().map(|item| {
        let named = item["ColumnName"]
            .as_str()
            .or_else(|| item["Column"].as_str())
            .ok_or("a key without a column")?;
        let word = item["Direction"].as_str().or_else(|| item["Order"].as_str()).unwrap_or_default();
        let down = item["IsAscending"] == false || word.to_lowercase().starts_with("desc");
        Ok(key(named, if down { "desc" } else { "asc" }))
    });
    Ok(Body::new().with("keys", keys.collect::<Result<Vec<_>, String>>()?))
}

/// `(a asc, ['b c'] desc)`.
fn from_words(words: &str) -> Result<Body, String> {
    let tokens = kql::tokens(words).map_err(|why| why.to_string())?;
    let mut keys = Vec::new();
    let mut column: Option<String> = None;
    for token in tokens {
        let text = &words[token.span.clone()];
        match (token.kind, text, &column) {
            (TokenKind::Word, "asc" | "desc", Some(named)) => {
                keys.push(key(named, text));
                column = None;
            }
            (TokenKind::Word, _, None) => column = Some(text.to_owned()),
            (TokenKind::Text, _, None) => column = kql::unquoted(text),
            (TokenKind::Mark(_), ..) => {}
            _ => return Err(format!("`{text}` was not expected")),
        }
    }
    Ok(Body::new().with("keys", keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_and_read_in_order() {
        let wanted = json!({"keys": ["a", {"column": "b c", "direction": "desc"}]});
        let order = "(a asc, ['b c'] desc)";
        assert_eq!(
            steps("rowOrderPolicy", "tables.T.policies.rowOrder", json!(null), wanted),
            [
                format!(".alter table T policy roworder {order}"),
                "  undo .delete table T policy roworder".to_owned()
            ]
        );
        let json =
            json!([{"ColumnName": "a", "IsAscending": true}, {"ColumnName": "b c", "IsAscending": false}]);
        assert_eq!(from_words(order), from_json(&POLICY, &json));
    }
}
