//! What a view's query keeps: the keys and aggregates of its last `summarize`, by its tokens.
//!
//! Invariant: what cannot be read is said not to be, never guessed (test: `reads_the_last_summarize`).

use crate::model::kql::{self, Token, TokenKind};
use std::collections::BTreeSet;

/// The last `summarize` of a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// The group-by keys, without blanks.
    pub(super) keys: BTreeSet<String>,
    /// What names the values of each aggregate: its given name, or its text without blanks.
    pub(super) values: BTreeSet<String>,
    /// Whether an aggregate takes every column: `arg_max(ts, *)`.
    pub(super) takes_all: bool,
    /// Whether an aggregate picks one record of each group: `arg_max`, `arg_min`, `take_any`.
    pub(super) picks: bool,
}

/// Reads the last stage of a query, when it is a `summarize`.
pub(super) fn read(query: &str) -> Option<Summary> {
    let mut tokens = kql::tokens(query).ok()?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    let depths = depths(&tokens);
    let top = |at: usize, mark: char| depths[at] == 0 && tokens[at].kind == TokenKind::Mark(mark);
    let bar = (0..tokens.len()).rev().find(|at| top(*at, '|'))?;
    let word = |at: usize| &query[tokens[at].span.clone()];
    if bar + 1 >= tokens.len() || word(bar + 1) != "summarize" {
        return None;
    }
    let end = (bar + 1..tokens.len()).find(|at| top(*at, ';')).unwrap_or(tokens.len());
    let by = (bar + 2..end).find(|at| depths[*at] == 0 && word(*at) == "by").unwrap_or(end);
    let text = |range: &[usize]| range.iter().map(|at| word(*at)).collect::<String>();
    let parts = |from: usize, to: usize| -> Vec<Vec<usize>> {
        let all: Vec<usize> = (from..to.max(from)).collect();
        let parts = all.split(|at| top(*at, ',')).map(<[usize]>::to_vec);
        parts.filter(|part| !part.is_empty()).collect()
    };
    let keys = parts(by + 1, end).iter().map(|part| text(part)).collect();
    let mut summary = Summary { keys, values: BTreeSet::new(), takes_all: false, picks: false };
    for part in parts(bar + 2, by) {
        let named = part.get(1).is_some_and(|at| top(*at, '='));
        let call = if named { &part[2..] } else { &part[..] };
        let function = call.first().map(|at| word(*at)).unwrap_or_default();
        let picks = matches!(function, "arg_max" | "arg_min" | "take_any" | "any");
        summary.picks |= picks;
        let last = call.len().checked_sub(2).and_then(|at| call.get(at)).map(|at| word(*at));
        summary.takes_all |= picks && last == Some("*");
        summary.values.insert(if named { word(part[0]).to_owned() } else { text(&part) });
    }
    Some(summary)
}

/// How deep in brackets each token stands; a bracket stands outside of itself.
fn depths(tokens: &[Token]) -> Vec<usize> {
    let mut depth = 0_usize;
    let of = |token: &Token| match token.kind {
        TokenKind::Mark('(' | '[' | '{') => {
            depth += 1;
            depth - 1
        }
        TokenKind::Mark(')' | ']' | '}') => {
            depth = depth.saturating_sub(1);
            depth
        }
        _ => depth,
    };
    tokens.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_last_summarize() {
        let sets = |query: &str| {
            let summary = read(query)?;
            let all = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
            Some((all(summary.values), all(summary.keys), summary.takes_all, summary.picks))
        };
        let some =
            |values: &str, keys: &str, all, picks| Some((values.to_owned(), keys.to_owned(), all, picks));
        assert_eq!(
            sets("T | where a > 1 | summarize n = count( ), max(x) by a, d = bin(ts, 1d)"),
            some("max(x) n", "a d=bin(ts,1d)", false, false)
        );
        assert_eq!(sets("T | summarize arg_max(ts, *) by a // last"), some("arg_max(ts,*)", "a", true, true));
        assert_eq!(sets("let x = 5;\nT | summarize take_any(a, b)"), some("take_any(a,b)", "", false, true));
        for query in ["T | take 1", "T", "summarize count()", "T | summarize 'open", ""] {
            assert_eq!(sets(query), None, "{query}");
        }
    }
}
