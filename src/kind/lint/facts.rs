//! What several rules ask of a spec.

use super::super::At;
use super::super::entity::texts;
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::kql::{self, Token, TokenKind};
use std::ops::Range;

/// A policy of a thing by its key, when the spec sets it.
pub(super) fn policy<'a>(world: &'a Inventory, of: &Address, key: &str) -> Option<&'a Body> {
    let found = world.child(of, "policies", key)?;
    (found.mode != Mode::Absent).then_some(&found.body)
}

/// Whether a policy that is on or off is on.
pub(super) fn is_on(world: &Inventory, of: &Address, key: &str) -> bool {
    policy(world, of, key).is_some_and(|body| !matches!(body.get("isEnabled"), Some(Value::Bool(false))))
}

/// A length of time that a policy of a thing gives, or that its database does by a policy or a property of its own.
fn inherited(world: &Inventory, of: &Address, (key, part, property): (&str, &str, &str)) -> Option<Ticks> {
    let own = policy(world, of, key).and_then(|body| body.get(part)?.as_time());
    own.or_else(|| {
        let above = of.parent().filter(|_| world.get(of).is_some_and(|thing| thing.kind != "database"));
        match above {
            Some(above) => inherited(world, &above, (key, part, property)),
            None => world.get(of)?.body.get(property)?.as_time(),
        }
    })
}

/// How long the data of a thing is kept.
pub(super) fn kept(world: &Inventory, of: &Address) -> Option<Ticks> {
    inherited(world, of, ("retention", "softDeletePeriod", "softDeletePeriod"))
}

/// How long the data of a thing is hot.
pub(super) fn hot(world: &Inventory, of: &Address) -> Option<Ticks> {
    inherited(world, of, ("caching", "hot", "hotCachePeriod"))
}

/// The columns of a table with their types.
pub(super) fn columns(table: &Resource) -> impl Iterator<Item = (&str, &str)> {
    let columns = table.body.get("columns").and_then(Value::as_map).into_iter().flat_map(Body::iter);
    columns.map(|(name, column)| {
        let of = column.as_map().and_then(|column| column.text("type")).or_else(|| column.as_text());
        (&**name, of.unwrap_or_default())
    })
}

/// The names of a thing's columns; what they hold is not looked at, for there are many.
pub(super) fn column_names(of: &Resource) -> impl Iterator<Item = &str> {
    of.body.get("columns").and_then(Value::as_map).into_iter().flat_map(Body::names)
}

/// The items of a list of maps.
pub(super) fn items<'a>(body: &'a Body, field: &str) -> impl Iterator<Item = (usize, &'a Body)> {
    let list = body.get(field).and_then(Value::as_list).unwrap_or_default();
    list.iter().enumerate().filter_map(|(i, item)| Some((i, item.as_map()?)))
}

/// The declared things of a collection of the database around a thing.
pub(super) fn siblings<'a>(at: &At<'a>, collection: &str) -> Vec<(&'a Address, &'a Resource)> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    at.world.children(&database, collection).filter(|(_, thing)| thing.mode != Mode::Absent).collect()
}

/// A text of KQL with its tokens, comments left out.
pub(super) struct Text<'a> {
    /// The property that holds it.
    pub(super) field: Vec<String>,
    /// The text.
    pub(super) text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Text<'a> {
    /// Every text of KQL in a thing.
    pub(super) fn all(resource: &'a Resource) -> Vec<Self> {
        texts(resource).into_iter().map(|(field, text)| Self::new(field, text)).collect()
    }

    fn new(field: Vec<String>, text: &'a str) -> Self {
        let mut tokens = kql::tokens(text).unwrap_or_default();
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Self { field, text, tokens }
    }

    /// The property's path.
    pub(super) fn path(&self) -> Vec<&str> {
        self.field.iter().map(String::as_str).collect()
    }

    fn word(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| &self.text[token.span.clone()])
    }

    /// The places of operators with one of some words, with the number of each one's token.
    pub(super) fn operators(&self, words: &[&str]) -> Vec<(usize, Range<usize>)> {
        let is = |at: &usize| {
            let first = *at == 0 || matches!(self.word(at - 1), "|" | ";" | "(" | "{");
            first && self.tokens[*at].kind == TokenKind::Word && words.contains(&self.word(*at))
        };
        (0..self.tokens.len()).filter(is).map(|at| (at, self.tokens[at].span.clone())).collect()
    }

    /// The places of calls, with the functions' names.
    pub(super) fn calls(&self) -> impl Iterator<Item = (&'a str, Range<usize>)> {
        let is = |at: &usize| {
            let free = *at == 0 || self.word(at - 1) != ".";
            self.tokens[*at].kind == TokenKind::Word && self.word(at + 1) == "(" && free
        };
        (0..self.tokens.len()).filter(is).map(|at| (self.word(at), self.tokens[at].span.clone()))
    }

    /// Whether `*` is among the arguments of a call.
    pub(super) fn is_of_all(&self, call: &Range<usize>) -> bool {
        let start = self.tokens.iter().position(|token| token.span == *call).unwrap_or(self.tokens.len());
        let mut inside = (start + 1..self.tokens.len()).take_while(|at| self.word(*at) != ")");
        inside.any(|at| self.word(at) == "*")
    }

    /// Whether an operator goes on from a table.
    pub(super) fn preceded(&self, at: usize) -> bool {
        at > 0 && self.word(at - 1) == "|"
    }

    /// Whether a list of tables stands behind an operator and its options.
    pub(super) fn has_list(&self, at: usize) -> bool {
        let ends = |at: &usize| matches!(self.word(*at), "" | "|" | ";" | ")");
        let mut behind = (at + 1..).take_while(|at| !ends(at));
        behind.any(|at| self.word(at) == "in" && self.word(at + 1) == "(")
    }
}

/// Whether data can be streamed into a table.
pub(super) fn streams(world: &Inventory, table: &Address) -> bool {
    match policy(world, table, "streamingIngestion") {
        Some(_) => is_on(world, table, "streamingIngestion"),
        None => table.parent().is_some_and(|database| is_on(world, &database, "streamingIngestion")),
    }
}

/// Whether access to a table is restricted.
pub(super) fn restricts(world: &Inventory, table: &Address) -> bool {
    is_on(world, table, "restrictedViewAccess")
}

/// Whether the rows of a table are secured.
pub(super) fn secures(world: &Inventory, table: &Address) -> bool {
    is_on(world, table, "rowLevelSecurity")
}
