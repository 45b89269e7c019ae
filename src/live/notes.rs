//! What was found and is nobody's: said, so that nothing is passed over in silence.

use crate::kind::replies::{DatabaseReplies, Reply};
use crate::kind::script::{Says, Statement};
use crate::kind::{self, Source};
use crate::model::Address;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// How many names stand in a note before the rest is counted.
const NAMED: usize = 3;

/// The entries of a list that no kind manages.
pub(super) fn items(container: &Address, segment: &str, unclaimed: &[&Json]) -> Option<String> {
    let name = |item: &&Json| {
        // What is no resource of the control plane has an id and a type of its own.
        let text = |name: &str| item.get(name).and_then(Json::as_str);
        let named = text("name").map(|name| (name, text("kind")));
        let (name, kind) = named.or_else(|| Some((text("id")?, text("type")))).unwrap_or(("?", None));
        let name = name.rsplit('/').next().unwrap_or(name);
        kind.map_or_else(|| name.to_owned(), |kind| format!("{name} (kind {kind})"))
    };
    let names: Vec<String> = unclaimed.iter().map(name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{container}: {} of {segment} are of kinds that adxform does not manage: {}",
            names.len(),
            few(&names)
        )
    })
}

/// The statements of a schema script that no kind reads, by their beginning.
pub(super) fn script(database: &Address, replies: &DatabaseReplies) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    for statement in &replies.script {
        let beginning = match &statement.says {
            Says::Elsewhere | Says::Mapping { .. } => continue,
            Says::ExternalTable { .. } if is_read(statement) => continue,
            Says::ExternalTable { .. } => "external table of another form".to_owned(),
            Says::Policy { scope, policy, .. } => {
                format!("policy {policy} of {}", scope.trim_end_matches('s'))
            }
            Says::Principals { scope, role, .. } => format!("{role} of {scope}"),
            Says::Opaque => beginning(&statement.text),
        };
        let read = !matches!(statement.says, Says::Opaque | Says::ExternalTable { .. })
            && *known.entry(beginning.clone()).or_insert_with(|| is_read(statement));
        if !read {
            *counts.entry(beginning).or_default() += 1;
        }
    }
    let total: usize = counts.values().sum();
    let each: Vec<String> = counts.into_iter().map(|(what, count)| format!("{what} ({count})")).collect();
    (total > 0)
        .then(|| format!("{database}: {total} statements of its schema are not managed: {}", each.join(", ")))
}

/// Whether some kind finds something in a statement.
fn is_read(statement: &Statement) -> bool {
    if kind::policy::reads(statement) {
        return true;
    }
    let replies = DatabaseReplies { script: vec![statement.clone()], ..DatabaseReplies::default() };
    let reply = Reply::Database(&replies);
    let by_script = kind::all().filter(|kind| matches!(kind.source(), Source::Database { .. }));
    by_script.into_iter().any(|kind| kind.found(&reply).map_or(true, |found| !found.is_empty()))
}

/// The fixed words at the start of a command.
fn beginning(text: &str) -> String {
    let words = text
        .split_whitespace()
        .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '-' | '_')));
    let words: Vec<&str> = words.take(3).collect();
    if words.is_empty() { "a text that is not a command".to_owned() } else { words.join(" ") }
}

fn few(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::script;

    #[test]
    fn what_no_kind_reads_is_counted() {
        let replies = DatabaseReplies {
            script: script::parse([
                ".create-merge table T (a:string)",
                ".alter table T policy retention '{\"SoftDeletePeriod\":\"1.00:00:00\",\"Recoverability\":\"Enabled\"}'",
                ".alter tables (T) policy no_such_policy True",
                ".alter table U policy no_such_policy True",
                ".create entity_group G (x)",
                "??",
            ]),
            ..DatabaseReplies::default()
        };
        let at: Address = "clusters.c.databases.d".parse().unwrap();
        let note = script(&at, &replies).unwrap();
        let expected = "clusters.c.databases.d: 4 statements of its schema are not managed: .create entity_group (1), \
                        a text that is not a command (1), policy no_such_policy of table (2)";
        assert_eq!(note, expected);
        assert_eq!(script(&at, &DatabaseReplies::default()), None);
    }

    #[test]
    fn entries_of_no_kind_are_named() {
        let item = |name: &str| serde_json::json!({"name": format!("c/d/{name}"), "kind": "New"});
        let (items_, at) = ([item("a"), item("b"), item("c"), item("e")], "clusters.c".parse().unwrap());
        let all: Vec<&Json> = items_.iter().collect();
        let note = items(&at, "dataConnections", &all).unwrap();
        assert_eq!(
            note,
            "clusters.c: 4 of dataConnections are of kinds that adxform does not manage: a (kind New), b (kind New), c (kind New) and 1 more"
        );
    }
}
