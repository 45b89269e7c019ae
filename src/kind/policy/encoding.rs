//! The encoding policy: how the values of a table's columns are stored.

use super::{BASE, absent_columns};
use crate::kind::entity::in_database;
use crate::kind::replies::Reply;
use crate::kind::script::{self, Says, Statement};
use crate::kind::shape::{self, Field, Role, Shape};
use crate::kind::{About, At, Finding, Found, Keyed, Kind, Source};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::kql;
use crate::model::request::Request;
use crate::model::{Change, Loss};
use std::collections::BTreeMap;

/// One policy for all columns of a table, each with its profile.
pub(super) struct Encoding;

const PROFILES: &[&str] = &["Identifier", "BigObject", "BigObject32", "Vector16"];

const COLUMN: Shape = Shape::Object {
    fields: &[
        Field::new(
            "type",
            Shape::OpenEnum(PROFILES),
            "The profile; compared where the service says which it is.",
        )
        .role(Role::Filled),
        Field::new("policy", Shape::Any, "What the service says of it otherwise; read only.")
            .role(Role::Filled),
    ],
    short: &["type"],
};

const ABOUT: About = About {
    name: "encodingPolicy",
    keyed: Keyed::Fixed("encoding"),
    parents: &["table"],
    doc: "How the values of columns are stored. The list is complete: columns that it leaves out have the default. \
          Data that is there already stays as it is.",
    page: "https://learn.microsoft.com/kusto/management/encoding-policy",
    example: "policies:\n  encoding: {columns: {Embedding: Vector16}}\n",
    fields: &[Field::new("columns", Shape::Map(&COLUMN), "The columns that have a profile, each with it.")],
    ..BASE
};

fn columns(body: Option<&Body>) -> Body {
    body.and_then(|body| body.get("columns")).and_then(Value::as_map).cloned().unwrap_or_default()
}

/// What a statement says of a column: its table, its name, and its profile.
fn set(statement: &Statement) -> Option<(&str, &str, Body)> {
    let Says::Policy { scope, entities, policy, argument } = &statement.says else { return None };
    let [entity] = entities.as_slice() else { return None };
    let [.., table, column] = entity.as_slice() else { return None };
    if scope != "column" || policy != "encoding" {
        return None;
    }
    let body = match (script::json_argument(argument), argument.split_once('=')) {
        (Some(json), _) => {
            let named = json.as_object().and_then(|members| {
                members.iter().find(|(name, value)| name.eq_ignore_ascii_case("type") && value.is_string())
            });
            match named {
                Some((_, name)) => Body::new().with("type", name.as_str().unwrap_or_default()),
                None if json.is_null() => return None,
                None => Body::new().with("policy", Value::from_json(&json)),
            }
        }
        (None, Some((_, name))) => Body::new().with("type", kql::unquoted(name.trim())?),
        (None, None) => return None,
    };
    Some((table, column, body))
}

/// Whether a statement is about the encoding of a column.
pub(super) fn reads(statement: &Statement) -> bool {
    matches!(&statement.says, Says::Policy { scope, policy, .. } if scope == "column" && policy == "encoding")
}

impl Kind for Encoding {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let replies = crate::kind::entity::database(reply)?;
        let mut tables: BTreeMap<&str, Body> = BTreeMap::new();
        for (table, column, body) in replies.script.iter().filter_map(set) {
            if body.text("type").is_none_or(|name| !name.eq_ignore_ascii_case("null")) {
                tables.entry(table).or_default().set(column, body);
            }
        }
        let found = tables.into_iter().map(|(table, columns)| {
            let path = vec![("tables", table.to_owned()), ("policies", "encoding".to_owned())];
            let body = shape::canonical_body(ABOUT.fields, &Body::new().with("columns", columns))?;
            Ok(Found { path, body, ..Found::default() })
        });
        found.collect()
    }

    fn is_absence(&self, _at: &At<'_>, body: &Body) -> bool {
        columns(Some(body)).is_empty()
    }

    /// One column at a time.
    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let (mut now, after) = (columns(change.before.as_ref()), columns(change.after.as_ref()));
        let mut stages = Vec::new();
        let names: Vec<String> = after.names().chain(now.clone().names()).map(str::to_owned).collect();
        for name in names {
            if COLUMN.same(now.get(&name), after.get(&name)) {
                continue;
            }
            match after.get(&name) {
                Some(wanted) => now.set(&name, wanted.clone()),
                None => drop(now.remove(&name)),
            }
            now.sort();
            stages.push(Body::new().with("columns", now.clone()));
        }
        stages.pop();
        stages
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (_, table) = at.parent().ok_or("it stands in nothing")?;
        let (before, after) = (columns(change.before.as_ref()), columns(change.after.as_ref()));
        let differs = |name: &&str| !COLUMN.same(before.get(name), after.get(name));
        let column = after.names().chain(before.names()).find(differs);
        let column = column.ok_or("no column changes its encoding")?;
        let command = Command::new(".alter column").name(&table.name).word(".").name(column);
        let command = command.word("policy encoding");
        let wanted = after.get(column).and_then(Value::as_map);
        let command = match wanted.map(|wanted| (wanted.text("type"), wanted.get("policy"))) {
            Some((None, Some(policy))) => command.json_of(policy),
            Some((Some(name), _)) => command.word("type =").text(name),
            _ => command.word("type =").text("Null"),
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        absent_columns(at, "columns", columns(Some(&at.resource.body)).names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use crate::kind::replies::DatabaseReplies;
    use serde_json::json;

    #[test]
    fn is_set_column_by_column() {
        let at = "tables.T.policies.encoding";
        let set =
            |column: &str, name: &str| format!(".alter column T.{column} policy encoding type = \"{name}\"");
        assert_eq!(
            steps(
                "encodingPolicy",
                at,
                json!({"columns": {"a": "BigObject"}}),
                json!({"columns": {"b": "Vector16"}})
            ),
            [
                set("b", "Vector16"),
                format!("  undo {}", set("b", "Null")),
                set("a", "Null"),
                format!("  undo {}", set("a", "BigObject")),
            ]
        );
    }

    #[test]
    fn reads_every_form_of_the_service() {
        let script = script::parse([
            ".alter column T.a policy encoding type='Vector16'",
            r#".alter column T.['b c'] policy encoding "{\"Type\":\"bigobject\",\"MaxValueSize\":2097152}""#,
            r#".alter column T.d policy encoding "{\"MaxValueSize\":2097152}""#,
            ".alter column T.e policy encoding \"null\"",
        ]);
        let replies = DatabaseReplies { script, ..DatabaseReplies::default() };
        let found = Encoding.found(&Reply::Database(&replies)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].body.shown(),
            json!({"columns": {"a": {"type": "Vector16"}, "b c": {"type": "BigObject"}, "d": {"policy": {"MaxValueSize": 2_097_152}}}})
        );
    }
}
