//! Policies that have no kind of their own: raw JSON under the service's word.
//!
//! <https://learn.microsoft.com/kusto/management/policies>

use super::{BASE, Scope, is_claimed};
use crate::kind::entity::in_database;
use crate::kind::replies::{Reply, Rows};
use crate::kind::script::{self, Says, Statement};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Found, Keyed, Kind, Source};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss, Resource};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A policy known only by its word.
pub(super) struct Raw;

/// What of a cluster's policies has no kind of its own; each is read by a command of its own.
const OF_CLUSTER: [(&str, &str); 3] = [
    ("diagnostics", ".show cluster policy diagnostics"),
    ("multidatabaseadmins", ".show cluster policy multidatabaseadmins"),
    ("rowstore", ".show cluster policy rowstore"),
];

/// Those among them that no command deletes.
const STAYING: [&str; 2] = ["diagnostics", "multidatabaseadmins"];

/// The one property.
const POLICY: &str = "policy";

const ABOUT: About = About {
    name: "rawPolicy",
    keyed: Keyed::Other(POLICY),
    parents: &["cluster", "database", "table", "materializedView", "externalTable", "graphModel"],
    doc: "A policy that has no kind of its own, under the word that it has in commands: JSON text, or the same in YAML \
          with the service's own names. It is replaced whole and compared as JSON; what it may cost is not known. On a \
          cluster these are `diagnostics`, `multidatabaseadmins` and `rowstore`, the first two of which no command \
          unsets.",
    page: "https://learn.microsoft.com/kusto/management/policies",
    example: "policies:\n  shards_grouping: '{\"IsEnabled\": true}'\n",
    fields: &[Field::new(POLICY, Shape::Any, "The policy: a JSON object or list.").required()],
    ..BASE
};

/// The policy that a statement sets and no other kind reads, if it is JSON.
fn set(statement: &Statement) -> Option<(&'static Scope, &[Vec<String>], &str, Value)> {
    let Says::Policy { scope, entities, policy, argument } = &statement.says else { return None };
    let scope = Scope::of_words(scope).filter(|scope| ABOUT.parents.contains(&scope.kind))?;
    if is_claimed(scope, policy) {
        return None;
    }
    let json = script::json_argument(argument).filter(|json| json.is_object() || json.is_array())?;
    Some((scope, entities.as_slice(), policy.as_str(), sorted(&json)))
}

/// Whether a statement sets a policy of this kind.
pub(super) fn reads(statement: &Statement) -> bool {
    set(statement).is_some()
}

/// A document in the form in which two are compared: members by name, whole numbers as such.
fn sorted(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::List(items.iter().map(sorted).collect()),
        Json::Object(members) => {
            let mut body: Body =
                members.iter().map(|(name, value)| (name.as_str().into(), sorted(value))).collect();
            body.sort();
            Value::Map(body)
        }
        Json::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() < 1e15) =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            number.as_f64().map_or(Value::Null, |n| Value::Int(n as i64))
        }
        other => Value::from_json(other),
    }
}

/// What the spec gives, with texts of JSON read; references stay as they are.
fn given(value: &Value) -> Value {
    match value {
        Value::Text(text) => serde_json::from_str(text).map_or_else(|_| value.clone(), |json| sorted(&json)),
        value if value.has_unknown() => value.clone(),
        value => sorted(&value.shown()),
    }
}

/// The policies of a cluster that are set.
fn of_cluster(replies: &BTreeMap<String, Rows>) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    for (word, show) in OF_CLUSTER {
        let rows = replies.get(show).into_iter().flat_map(Rows::iter);
        for row in rows.filter(|row| matches!(row.text("EntityType"), "Cluster" | "")) {
            let text = row.text("Policy");
            let json: Json = match text {
                "" => Json::Null,
                text => serde_json::from_str(text).map_err(|why| format!("the policy {word}: {why}"))?,
            };
            if json.is_object() || json.is_array() {
                let (path, body) =
                    (vec![(BASE.collection, word.to_owned())], Body::new().with(POLICY, sorted(&json)));
                found.push(Found { path, body, ..Found::default() });
            }
        }
    }
    Ok(found)
}

/// Whether a policy stands directly in a cluster.
fn is_of_cluster(at: &At<'_>) -> bool {
    Scope::of(at).is_ok_and(|scope| scope.kind == "cluster")
}

impl Kind for Raw {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn cluster_shows(&self) -> &'static [&'static str] {
        const { &[OF_CLUSTER[0].1, OF_CLUSTER[1].1, OF_CLUSTER[2].1] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        if let Reply::Cluster(replies) = reply {
            return of_cluster(replies);
        }
        let replies = crate::kind::entity::database(reply)?;
        let mut found = Vec::new();
        for (scope, entities, word, policy) in replies.script.iter().filter_map(set) {
            for entity in entities {
                let entity = entity.last().map(String::as_str).unwrap_or_default();
                let body = Body::new().with(POLICY, policy.clone());
                found.push(Found { path: scope.path(entity, word), body, ..Found::default() });
            }
        }
        Ok(found)
    }

    fn stays(&self, at: &At<'_>) -> Option<&'static str> {
        let stays = is_of_cluster(at) && STAYING.contains(&at.name());
        stays.then_some("the service has no command that unsets this policy")
    }

    fn settle(&self, _live: Option<&Resource>, wanted: &Body) -> Body {
        wanted.get(POLICY).map_or_else(Body::new, |policy| Body::new().with(POLICY, given(policy)))
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let (scope, (_, parent)) = (Scope::of(at)?, at.parent().ok_or("it stands in nothing")?);
        let named = |verb| scope.named(Command::new(verb), &parent.name).word("policy").plain(at.name());
        let command = match change.after.as_ref().and_then(|after| after.get(POLICY)) {
            Some(policy) => named(".alter")?.json_of(policy),
            None if self.stays(at).is_some() => {
                return Err("the service has no command that unsets this policy".to_owned());
            }
            None => named(".delete")?,
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn notes(&self, _at: &At<'_>, _change: &Change) -> Vec<String> {
        vec!["adxform does not know this policy, nor what it may cost in data".to_owned()]
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        if is_of_cluster(at) && !OF_CLUSTER.iter().any(|(word, _)| *word == at.name()) {
            let words = OF_CLUSTER.map(|(word, _)| word).join(", ");
            let message = format!("a cluster's policy of this word is not known; known so are {words}");
            let mut finding = Finding::new(&[], message, "correct the word");
            finding.candidates = OF_CLUSTER.iter().map(|(word, _)| (*word).to_owned()).collect();
            return vec![finding];
        }
        let policy = at.resource.body.get(POLICY).map(given);
        if matches!(policy, None | Some(Value::Null | Value::Map(_) | Value::List(_) | Value::Unknown(_))) {
            return Vec::new();
        }
        vec![Finding::new(&[POLICY], "this is neither a JSON object nor a list", "correct the text")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use crate::kind::replies::DatabaseReplies;
    use serde_json::json;

    #[test]
    fn is_written_under_its_word() {
        let wanted = json!({"policy": "{\"B\": 2.0, \"A\": [1.5]}"});
        assert_eq!(
            steps("rawPolicy", "tables.T.policies.some_new", json!(null), wanted),
            [
                r#".alter table T policy some_new '{"A":[1.5],"B":2}'"#,
                "  undo .delete table T policy some_new"
            ]
        );
    }

    #[test]
    fn reads_what_no_other_kind_reads() {
        let script = script::parse([
            ".alter table ['a b'] policy some_new '{\"B\": 2, \"A\": 1}'",
            ".alter table T policy retention '{}'",
            ".alter table T policy some_new True",
        ]);
        let replies = DatabaseReplies { script, ..DatabaseReplies::default() };
        let found = Raw.found(&Reply::Database(&replies)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, [("tables", "a b".to_owned()), ("policies", "some_new".to_owned())]);
        assert_eq!(found[0].body.shown(), json!({"policy": {"A": 1, "B": 2}}));
    }
}
