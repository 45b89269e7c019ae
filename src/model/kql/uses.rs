//! Which entities a text of KQL refers to: the names in the places where a query has tables and functions.
//!
//! It is not a whole parser. It follows brackets, statements and pipelines, knows where each operator has tables,
//! and keeps track of the names that the text itself binds. A column is never taken for an entity
//! (test: `columns_are_not_entities`); where a name could be either, the use is only [`Sure::Possible`].

use super::reader::Reader;
use super::{Token, TokenKind};
use std::ops::Range;

/// What a name may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A table, a materialized view, or a function without parameters: a name in a table's place.
    Tabular,
    /// Every table whose name fits a pattern with `*`.
    Pattern,
    /// A function that is called.
    Function,
    /// An argument of `external_table()`.
    ExternalTable,
    /// An argument of `materialized_view()`.
    MaterializedView,
    /// A name after `macro-expand`.
    EntityGroup,
    /// An argument of `graph()`.
    Graph,
    /// A database by itself, as in an entity group; its name is the use's own.
    Database,
}

/// How sure it is that a name stands for an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    /// It can be nothing else.
    Certain,
    /// It is called inside of an expression; a function that a newer service brings is possible too.
    Called,
    /// It may be a column or something else of the query's own.
    Possible,
}

/// A name that a text uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What it may stand for.
    pub what: What,
    /// The name, without quotes and brackets.
    pub name: String,
    /// The database that is said to contain it; none for the text's own.
    pub database: Option<String>,
    /// The cluster that is said to contain that: a name, a host or a URI; none for the text's own.
    pub cluster: Option<String>,
    /// The bytes of the name in the text.
    pub span: Range<usize>,
    /// How sure it is.
    pub sure: Sure,
}

/// What a text uses, in the order of the text. Names in `bound`, such as a function's parameters, are the text's own.
///
/// A text that is not lexically KQL uses nothing.
pub fn uses(text: &str, bound: &[String]) -> Vec<Use> {
    let Some(mut reader) = Reader::new(text, bound) else { return Vec::new() };
    reader.all();
    let mut found = reader.found;
    found.sort_by_key(|u| (u.span.start, u.span.end, u.what));
    found.dedup();
    found
}

/// The names in a parameter list such as `(s: string, T: (a: long))`, each with its place.
pub fn parameters(list: &str) -> Vec<(String, Range<usize>)> {
    let Some(reader) = Reader::new(list, &[]) else { return Vec::new() };
    let tokens = &reader.tokens;
    let outer = match tokens.first() {
        Some(first) if first.kind == TokenKind::Mark('(') => 1..reader.mate(0),
        _ => 0..tokens.len(),
    };
    reader.parameters(outer)
}

/// A piece of a path such as `cluster('c').database('d').T`.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub name: String,
    pub span: Range<usize>,
    /// Whether it stood in brackets, and so is a name whatever its word.
    pub quoted: bool,
    /// The tokens between the parentheses behind it.
    pub args: Option<Range<usize>>,
}

/// A path, and the token behind it.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub parts: Vec<Part>,
    pub end: usize,
}

impl Reader<'_> {
    /// The path that starts at a token, when one does. With `wild`, `*` belongs to names.
    pub(super) fn path(&self, start: usize, end: usize, wild: bool) -> Option<Path> {
        let mut at = start;
        let mut parts = Vec::new();
        loop {
            let (mut part, next) = self.part(at, end, wild)?;
            at = next;
            if at < end && self.is(at, '(') {
                let close = self.mate(at);
                part.args = Some(at + 1..close.min(end));
                at = (close + 1).min(end);
            }
            parts.push(part);
            let more = at < end && self.is(at, '.') && self.part(at + 1, end, wild).is_some();
            if !more {
                return Some(Path { parts, end: at });
            }
            at += 1;
        }
    }

    fn part(&self, at: usize, end: usize, wild: bool) -> Option<(Part, usize)> {
        let token = self.tokens.get(at).filter(|_| at < end)?;
        if token.kind == TokenKind::Mark('[') {
            return self.bracketed(at, end);
        }
        let starts = token.kind == TokenKind::Word || (wild && token.kind == TokenKind::Mark('*'));
        if !starts {
            return None;
        }
        let (mut span, mut next) = (token.span.clone(), at + 1);
        while wild && next < end && self.continues(next, span.end) {
            span.end = self.tokens[next].span.end;
            next += 1;
        }
        let name = self.text[span.clone()].to_owned();
        Some((Part { name, span, quoted: false, args: None }, next))
    }

    /// Whether a token carries on a name with wildcards: it touches it, and one of them is `*`.
    fn continues(&self, at: usize, end: usize) -> bool {
        let Token { kind, span } = &self.tokens[at];
        let fits = matches!(kind, TokenKind::Word | TokenKind::Number | TokenKind::Mark('*'));
        let star = *kind == TokenKind::Mark('*') || self.text[..end].ends_with('*');
        span.start == end && fits && star
    }

    /// A name in brackets: `['a b']`, `["a"]` or `[a]`.
    fn bracketed(&self, at: usize, end: usize) -> Option<(Part, usize)> {
        let close = self.mate(at);
        let inner = at + 1..close;
        if close >= end || inner.is_empty() {
            return None;
        }
        let span = self.tokens[inner.start].span.start..self.tokens[inner.end - 1].span.end;
        let name = match self.tokens[inner.start].kind {
            TokenKind::Word if inner.len() == 1 => self.text[span.clone()].to_owned(),
            _ => self.literal(inner)?,
        };
        Some((Part { name, span, quoted: true, args: None }, close + 1))
    }

    /// The value of some tokens that are one text literal, or several that stand for one.
    pub(super) fn literal(&self, range: Range<usize>) -> Option<String> {
        let tokens = self.tokens.get(range).filter(|tokens| !tokens.is_empty())?;
        let piece = |t: &Token| {
            let text = &self.text[t.span.clone()];
            (t.kind == TokenKind::Text).then(|| super::unquoted(text)).flatten()
        };
        tokens.iter().map(piece).collect()
    }

    /// The text literal that is the first argument of a call, with its place.
    pub(super) fn first_text(&self, args: Range<usize>) -> Option<(String, Range<usize>)> {
        let first = self.split(args, ',').into_iter().next()?;
        let span =
            self.tokens.get(first.start)?.span.start..self.tokens.get(first.end.checked_sub(1)?)?.span.end;
        Some((self.literal(first)?, span))
    }
}

#[cfg(test)]
mod tests;
