//! The schema script: the service's own description of a database as commands.
//!
//! Statements that no kind understands stay opaque and are reported, never fatal (test: `opaque_is_not_fatal`).
//!
//! <https://learn.microsoft.com/kusto/management/show-schema-database>

use crate::model::kql::{self, Token, TokenKind};
use serde_json::Value as Json;

/// One statement of `.show database schema as csl script`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// The text as the service gave it; left out where nothing more is read from it.
    pub text: String,
    /// What it says, as far as it is understood.
    pub says: Says,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Says {
    /// Something that is read elsewhere: tables, functions, their texts.
    Elsewhere,
    /// A policy of one or several entities.
    Policy {
        /// The word of the scope, such as `table` or `database`.
        scope: String,
        /// The entities' names; a column's has two parts.
        entities: Vec<Vec<String>>,
        /// The policy's word, such as `retention`.
        policy: String,
        /// Everything behind that word.
        argument: String,
    },
    /// An ingestion mapping.
    Mapping {
        /// The words of the scope: `table`, `database` or `external table`.
        scope: String,
        /// The entity's name.
        entity: String,
        /// The format's word, such as `csv`; empty for that of an external table.
        kind: String,
        /// The mapping's name.
        name: String,
        /// The mapping's JSON.
        json: String,
    },
    /// Principals that hold a role on an entity of the database.
    Principals {
        /// The words of the scope, such as `table` or `external table`.
        scope: String,
        /// The entity's name.
        entity: String,
        /// The role's word, such as `admins`.
        role: String,
        /// Their fully qualified names.
        members: Vec<String>,
        /// The remark that is kept with each.
        notes: String,
    },
    /// The definition of an external table, in the statement's text.
    ExternalTable {
        /// The table's name.
        name: String,
    },
    /// Something that this reader does not know.
    #[default]
    Opaque,
}

/// Reads the statements of a script, one text each.
pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Statement> {
    texts.into_iter().filter(|text| !text.trim().is_empty()).map(Statement::parse).collect()
}

impl Statement {
    /// Reads one statement; what is not understood becomes [`Says::Opaque`].
    pub fn parse(text: &str) -> Self {
        // Nothing is read of a table or function beyond its first words, and they are most of a script.
        let is_long =
            [".create-merge table ", ".create-or-alter function "].iter().any(|s| text.starts_with(s));
        if is_long {
            return Self { text: String::new(), says: Says::Elsewhere };
        }
        let tokens = kql::tokens(text).unwrap_or_default();
        match (Reader { text, tokens: &tokens, at: 0 }).statement().unwrap_or_default() {
            says @ (Says::Elsewhere | Says::Mapping { .. } | Says::Principals { .. }) => {
                Self { text: String::new(), says }
            }
            says => Self { text: text.to_owned(), says },
        }
    }
}

/// The value of a policy's argument that is one JSON text, or several adjoining ones.
pub fn json_argument(argument: &str) -> Option<Json> {
    let tokens = kql::tokens(argument).ok()?;
    let pieces: Option<String> = tokens
        .iter()
        .map(|t| if t.kind == TokenKind::Text { kql::unquoted(&argument[t.span.clone()]) } else { None })
        .collect();
    serde_json::from_str(&pieces?).ok()
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    fn statement(&mut self) -> Option<Says> {
        self.mark('.')?;
        let verb = self.words();
        let mut scope = self.words();
        if scope == "external" && verb != "add" && verb != "set" {
            (self.word()? == "table").then_some(())?;
            scope.push_str(" table");
        }
        match (verb.as_str(), scope.as_str()) {
            ("create-merge" | "create", "table" | "tables")
            | ("create-or-alter" | "create", "function" | "materialized-view")
            | ("create-or-alter", "entity_group" | "graph_model" | "continuous-export")
            | ("create", "ifnotexists") => {
                return Some(Says::Elsewhere);
            }
            // The principals of the database come with those inherited from the cluster, by a command of their own.
            ("add" | "set", "database") => return Some(Says::Elsewhere),
            ("add" | "set", _) => return self.principals(scope),
            ("alter" | "alter-merge" | "create-or-alter" | "create", _) => {}
            _ => return None,
        }
        let mut entities = self.entities()?;
        if scope == "external table" && self.mark('(').is_some() {
            return entities.pop()?.pop().map(|name| Says::ExternalTable { name });
        }
        let mut clause = self.word()?.to_owned();
        while self.mark('-').is_some() {
            clause = format!("{clause}-{}", self.word()?);
        }
        match clause.as_str() {
            "policy" => {
                let policy = self.word()?.to_owned();
                let start = self.tokens.get(self.at).map_or(self.text.len(), |t| t.span.start);
                Some(Says::Policy { scope, entities, policy, argument: self.text[start..].trim().to_owned() })
            }
            "kind" if scope == "external table" => {
                entities.pop()?.pop().map(|name| Says::ExternalTable { name })
            }
            "mapping" if scope == "external table" => self.mapping_of(scope, entities, String::new()),
            "ingestion" => {
                let kind = self.word()?.to_lowercase();
                (self.word()? == "mapping").then_some(())?;
                self.mapping_of(scope, entities, kind)
            }
            "column-docstrings" | "docstring" | "folder" => Some(Says::Elsewhere),
            _ => None,
        }
    }

    fn principals(&mut self, mut scope: String) -> Option<Says> {
        if scope == "external" {
            (self.word()? == "table").then_some(())?;
            scope.push_str(" table");
        }
        let entity = self.name()?;
        let role = self.word()?.to_owned();
        self.mark('(')?;
        let mut members = vec![self.literal()?];
        while self.mark(',').is_some() {
            members.push(self.literal()?);
        }
        self.mark(')')?;
        let mut notes = self.literal();
        if notes.is_none() && self.words() == "skip-results" {
            notes = self.literal();
        }
        Some(Says::Principals { scope, entity, role, members, notes: notes.unwrap_or_default() })
    }

    fn mapping_of(&mut self, scope: String, entities: Vec<Vec<String>>, kind: String) -> Option<Says> {
        let name = self.literal()?;
        let mut json = self.literal()?;
        while let Some(more) = self.literal() {
            json.push_str(&more);
        }
        let entity = entities.into_iter().next()?.pop()?;
        Some(Says::Mapping { scope, entity, kind, name, json })
    }

    /// `create-or-alter` and the like.
    fn words(&mut self) -> String {
        let mut verb = self.word().unwrap_or_default().to_owned();
        while self.mark('-').is_some() {
            verb = format!("{verb}-{}", self.word().unwrap_or_default());
        }
        verb
    }

    /// One entity, or several in parentheses.
    fn entities(&mut self) -> Option<Vec<Vec<String>>> {
        if self.mark('(').is_none() {
            return Some(vec![self.entity()?]);
        }
        let mut entities = vec![self.entity()?];
        while self.mark(',').is_some() {
            entities.push(self.entity()?);
        }
        self.mark(')')?;
        Some(entities)
    }

    fn entity(&mut self) -> Option<Vec<String>> {
        let mut parts = vec![self.name()?];
        while self.mark('.').is_some() {
            parts.push(self.name()?);
        }
        Some(parts)
    }

    fn name(&mut self) -> Option<String> {
        if self.mark('[').is_some() {
            let name = self.literal()?;
            self.mark(']')?;
            return Some(name);
        }
        self.word().map(str::to_owned)
    }

    fn literal(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).filter(|t| t.kind == TokenKind::Text)?;
        self.at += 1;
        kql::unquoted(&self.text[token.span.clone()])
    }

    fn word(&mut self) -> Option<&'a str> {
        let token = self.tokens.get(self.at).filter(|t| t.kind == TokenKind::Word)?;
        self.at += 1;
        Some(&self.text[token.span.clone()])
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.tokens.get(self.at).filter(|t| t.kind == TokenKind::Mark(mark))?;
        self.at += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(scope: &str, entities: &[&[&str]], policy: &str, argument: &str) -> Says {
        let names = |parts: &&[&str]| parts.iter().map(|s| (*s).to_owned()).collect();
        let (scope, policy, argument) = (scope.to_owned(), policy.to_owned(), argument.to_owned());
        Says::Policy { scope, entities: entities.iter().map(names).collect(), policy, argument }
    }

    #[test]
    fn reads_every_form_the_service_prints() {
        let hot = "hotdata = time(31.00:00:00) hotindex = time(31.00:00:00)";
        for (text, says) in [
            (".create-merge table T (a:string) with (folder = \"\")", Says::Elsewhere),
            (".create-or-alter entity_group G (cluster('c'))", Says::Elsewhere),
            (".create-or-alter function with (folder = 'f') F (x:long) {\n T\n}", Says::Elsewhere),
            (".alter-merge table T column-docstrings (a:\"d\")", Says::Elsewhere),
            (".alter table ['my T'] policy update \"[]\"", policy("table", &[&["my T"]], "update", "\"[]\"")),
            (
                ".alter tables (A,['B c']) policy restricted_view_access True",
                policy("tables", &[&["A"], &["B c"]], "restricted_view_access", "True"),
            ),
            (
                &format!(".alter database D policy caching {hot}"),
                policy("database", &[&["D"]], "caching", hot),
            ),
            (
                ".alter column T.['C d'] policy encoding '{}'",
                policy("column", &[&["T", "C d"]], "encoding", "'{}'"),
            ),
            (
                ".create-or-alter table T ingestion CSV mapping \"m\" '[]' ' '",
                Says::Mapping {
                    scope: "table".to_owned(),
                    entity: "T".to_owned(),
                    kind: "csv".to_owned(),
                    name: "m".to_owned(),
                    json: "[] ".to_owned(),
                },
            ),
            (".add database D viewers ('aaduser=a')", Says::Elsewhere),
            (
                ".add external table ['E 1'] admins ('aaduser=a', \"aadapp=b;c\") skip-results 'it'",
                Says::Principals {
                    scope: "external table".to_owned(),
                    entity: "E 1".to_owned(),
                    role: "admins".to_owned(),
                    members: vec!["aaduser=a".to_owned(), "aadapp=b;c".to_owned()],
                    notes: "it".to_owned(),
                },
            ),
        ] {
            assert_eq!(Statement::parse(text).says, says, "{text}");
        }
    }

    #[test]
    fn opaque_is_not_fatal() {
        for text in [
            ".create entity_group G (x)",
            "hello",
            ".alter",
            ".alter table T 'unfinished",
            ".alter table T policy",
        ] {
            assert_eq!(Statement::parse(text).says, Says::Opaque, "{text}");
        }
    }

    #[test]
    fn arguments_may_be_split_over_literals() {
        assert_eq!(json_argument("\"[1,\" '2]'"), Some(serde_json::json!([1, 2])));
        assert_eq!(json_argument("hot = 3d"), None);
    }
}
