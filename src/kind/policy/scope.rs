//! Where a policy may stand: the scope is a parameter of every policy, never a second file.
//!
//! Invariant: a scope is found by the kind of the policy's parent when writing and by the word of the statement when
//! reading, from one table (test: `every_parent_of_a_policy_has_a_scope`).

use crate::kind::At;
use crate::model::command::Command;

/// What a policy is set on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The kind of the parent.
    pub kind: &'static str,
    /// The parent's collection below what is read; empty when the parent is what is read.
    pub collection: &'static str,
    /// The words in commands and in the schema script.
    pub words: &'static str,
}

/// Every scope.
const SCOPES: [Scope; 6] = [
    Scope { kind: "cluster", collection: "", words: "cluster" },
    Scope { kind: "database", collection: "", words: "database" },
    Scope { kind: "table", collection: "tables", words: "table" },
    Scope { kind: "materializedView", collection: "materializedViews", words: "materialized-view" },
    Scope { kind: "externalTable", collection: "externalTables", words: "external table" },
    Scope { kind: "graphModel", collection: "graphModels", words: "graph_model" },
];

impl Scope {
    /// The scope of policies that stand in a kind.
    pub(super) fn of_kind(kind: &str) -> Option<&'static Self> {
        SCOPES.iter().find(|scope| scope.kind == kind)
    }

    /// The scope that a statement names; tables may be named in the plural.
    pub(super) fn of_words(words: &str) -> Option<&'static Self> {
        SCOPES.iter().find(|scope| words.strip_suffix('s').unwrap_or(words) == scope.words)
    }

    /// The scope of one policy.
    pub(super) fn of(at: &At<'_>) -> Result<&'static Self, String> {
        let parent = at.parent().and_then(|(_, parent)| Self::of_kind(parent.kind));
        parent.ok_or_else(|| "a policy stands in something that is not there".to_owned())
    }

    /// The words and the name of what a policy is set on; a cluster goes without its name.
    pub(super) fn named(&self, command: Command, name: &str) -> Command {
        let command = command.word(self.words);
        if self.kind == "cluster" { command } else { command.name(name) }
    }

    /// The path from what is read down to the policy.
    pub(super) fn path(&self, entity: &str, key: &str) -> Vec<(&'static str, String)> {
        let policy = ("policies", key.to_owned());
        match self.collection {
            "" => vec![policy],
            collection => vec![(collection, entity.to_owned()), policy],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::policy;

    #[test]
    fn every_parent_of_a_policy_has_a_scope() {
        for kind in policy::KINDS {
            for parent in kind.about().parents {
                assert!(Scope::of_kind(parent).is_some(), "{parent} of {}", kind.about().name);
            }
        }
    }

    #[test]
    fn statements_name_scopes() {
        for (words, kind) in [
            ("table", Some("table")),
            ("tables", Some("table")),
            ("materialized-view", Some("materializedView")),
            ("external table", Some("externalTable")),
            ("column", None),
        ] {
            assert_eq!(Scope::of_words(words).map(|scope| scope.kind), kind, "{words}");
        }
    }
}
