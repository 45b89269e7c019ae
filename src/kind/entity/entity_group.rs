//! Entity groups: named lists of databases that a query runs over.
//!
//! Invariant: a member enters a command by its quoted names only, never as the text that the spec gave (test:
//! `members_are_rebuilt_from_their_names`).

use super::{database, in_database};
use crate::kind::replies::Reply;
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::{Command, quoted_text};
use crate::model::kql::{self, TokenKind};
use crate::model::request::Request;
use crate::model::{Change, Loss};

/// An entity group.
pub(super) struct EntityGroup;

const SHOW: &str = ".show entity_groups";

const ABOUT: About = About {
    name: "entityGroup",
    collection: "entityGroups",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "A named list of databases, here or on other clusters, that a query runs over by `macro-expand`. The service \
          looks the databases up when a query runs.",
    page: "https://learn.microsoft.com/kusto/management/entity-groups",
    example: "entityGroups:\n  Plants: [\"cluster('north').database('iot')\", \"cluster('south').database('iot')\"]\n",
    short: &["entities"],
    fields: &[Field::new(
        "entities",
        Shape::List(&Shape::Text),
        "The members in order, each `cluster('NAME').database('NAME')`, or one of the two.",
    )
    .required()],
    ..About::BASE
};

/// A member by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    cluster: Option<String>,
    database: Option<String>,
}

impl Member {
    /// Reads `cluster('c').database('d')` in any spelling.
    fn parse(text: &str) -> Option<Self> {
        let tokens = kql::tokens(text).ok()?;
        let mut tokens = tokens.iter().filter(|token| token.kind != TokenKind::Comment).peekable();
        let mut member = Self { cluster: None, database: None };
        loop {
            let word = tokens.next().filter(|token| token.kind == TokenKind::Word)?;
            tokens.next().filter(|token| token.kind == TokenKind::Mark('('))?;
            let name = tokens.next().filter(|token| token.kind == TokenKind::Text)?;
            tokens.next().filter(|token| token.kind == TokenKind::Mark(')'))?;
            let name = kql::unquoted(&text[name.span.clone()])?;
            match &text[word.span.clone()] {
                "cluster" if member == (Self { cluster: None, database: None }) => {
                    member.cluster = Some(name)
                }
                "database" if member.database.is_none() => member.database = Some(name),
                _ => return None,
            }
            match tokens.next() {
                None => return Some(member),
                Some(dot) if dot.kind == TokenKind::Mark('.') => {}
                Some(_) => return None,
            }
        }
    }

    /// The one text for all spellings of a member.
    fn canonical(&self) -> String {
        let literal = |name: &str| match name.contains(|c: char| c.is_control() || matches!(c, '\'' | '\\')) {
            true => quoted_text(name),
            false => format!("'{name}'"),
        };
        let piece = |(word, name): (&str, &Option<String>)| {
            name.as_ref().map(|name| format!("{word}({})", literal(name)))
        };
        let pieces = [("cluster", &self.cluster), ("database", &self.database)].into_iter().filter_map(piece);
        pieces.collect::<Vec<_>>().join(".")
    }

    fn write(&self, command: Command) -> Command {
        match (&self.cluster, &self.database) {
            (Some(cluster), Some(database)) => {
                command.word("cluster(").text(cluster).word(")").word(".database(").text(database).word(")")
            }
            (Some(cluster), None) => command.word("cluster(").text(cluster).word(")"),
            (None, database) => {
                command.word("database(").text(database.as_deref().unwrap_or_default()).word(")")
            }
        }
    }
}

fn texts(body: &Body) -> impl Iterator<Item = &str> {
    body.get("entities").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_text)
}

/// The body with every member in its one spelling; what is no member stays, to be refused by [`Kind::check`].
fn normal(body: &Body) -> Body {
    let Some(Value::List(items)) = body.get("entities") else { return body.clone() };
    let one = |item: &Value| match item.as_text().and_then(Member::parse) {
        Some(member) => Value::from(member.canonical()),
        None => item.clone(),
    };
    body.clone().with("entities", items.iter().map(one).collect::<Vec<_>>())
}

impl Kind for EntityGroup {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[SHOW] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Some(groups) = database(reply)?.shows.get(SHOW) else { return Ok(Vec::new()) };
        let found = groups.iter().map(|row| {
            let name = row.text("Name").to_owned();
            let entities: Vec<String> = serde_json::from_str(row.text("Entities"))
                .map_err(|why| format!("the entities of entity group {name:?}: {why}"))?;
            let entities: Vec<Value> = entities.into_iter().map(Value::from).collect();
            let body = normal(&Body::new().with("entities", entities));
            Ok(Found { path: vec![("entityGroups", name)], body, ..Found::default() })
        });
        found.collect()
    }

    fn settle(&self, _live: Option<&Resource>, wanted: &Body) -> Body {
        normal(wanted)
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let verb = match (&change.before, &change.after) {
            (_, None) => return Ok(in_database(at, Command::new(".drop entity_group").name(at.name()))),
            (Some(_), Some(_)) if !self.replaces(change) => ".alter entity_group",
            (_, Some(_)) => ".create entity_group",
        };
        let after = change.after.as_ref().into_iter().flat_map(texts);
        let member = |text: &str| {
            Member::parse(text)
                .ok_or_else(|| format!("`entities`: {text:?} is not cluster('…').database('…')"))
        };
        let members = after.map(member).collect::<Result<Vec<_>, _>>()?;
        let command = Command::new(verb).name(at.name()).word("(");
        Ok(in_database(at, command.list(&members, |command, member| member.write(command)).word(")")))
    }

    /// Only `.create` takes a cluster without a database, there and on the way back.
    fn replaces(&self, change: &Change) -> bool {
        let whole = |text: &str| Member::parse(text).is_some_and(|member| member.database.is_none());
        let ends = change.before.as_ref().zip(change.after.as_ref());
        ends.is_some_and(|(before, after)| texts(before).chain(texts(after)).any(whole))
    }

    fn notes(&self, _at: &At<'_>, change: &Change) -> Vec<String> {
        let why =
            "it is dropped and created again, because no other command takes a cluster without a database";
        self.replaces(change).then(|| why.to_owned()).into_iter().collect()
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let Some(items) = at.resource.body.get("entities").and_then(Value::as_list) else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        if items.is_empty() {
            let message = "an entity group has at least one member";
            findings.push(Finding::new(&["entities"], message, "name a database, or remove the group"));
        }
        for (i, text) in items.iter().enumerate().filter_map(|(i, item)| Some((i, item.as_text()?))) {
            if Member::parse(text).is_none() {
                let message = format!("{text:?} is not a member of an entity group");
                let help = "write `cluster('NAME').database('NAME')`, or one of the two";
                findings.push(Finding::new(&["entities", &i.to_string()], message, help));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn spellings_of_a_member_are_one() {
        for (text, canonical) in [
            ("cluster('c').database('d')", Some("cluster('c').database('d')")),
            (" cluster ( \"c\" ) . database(@'d') // x", Some("cluster('c').database('d')")),
            ("database(\"it's\")", Some("database(\"it's\")")),
            ("cluster('c')", Some("cluster('c')")),
            ("database('d').cluster('c')", None),
            ("cluster('c').database('d').T", None),
            ("cluster('c'), database('d')", None),
            ("cluster('c').database(d)", None),
            ("T", None),
            ("", None),
        ] {
            assert_eq!(Member::parse(text).map(|m| m.canonical()).as_deref(), canonical, "{text}");
            assert_eq!(canonical.and_then(Member::parse), Member::parse(text), "{text}");
        }
    }

    #[test]
    fn members_are_rebuilt_from_their_names() {
        let one = json!({"entities": ["cluster( 'c' ).database('d')"]});
        let two = json!({"entities": ["database('a\\')) .drop table T')", "cluster('c')"]});
        let first = r#".create entity_group G (cluster("c").database("d"))"#;
        assert_eq!(
            steps("entityGroup", "entityGroups.G", json!(null), one.clone()),
            [first, "  undo .drop entity_group G"]
        );
        let made = steps("entityGroup", "entityGroups.G", json!(null), two.clone());
        assert_eq!(made[0], r#".create entity_group G (database("a')) .drop table T"), cluster("c"))"#);
        assert_eq!(steps("entityGroup", "entityGroups.G", one.clone(), two)[0], made[0]);
        let three = json!({"entities": ["database('a')"]});
        assert_eq!(
            steps("entityGroup", "entityGroups.G", one, three),
            [
                r#".alter entity_group G (database("a"))"#,
                r#"  undo .alter entity_group G (cluster("c").database("d"))"#
            ]
        );
    }
}
