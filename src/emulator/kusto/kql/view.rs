//! What can be told of a materialized view's query by its tokens (`M:materialized-view-create.md`): its fact table,
//! its one `summarize`, its keys and aggregates.
//!
//! Invariant: a query is refused only for what its tokens surely show (test: `judges_by_tokens`).

use crate::emulator::kusto::syntax::{Kind, lexer};
use std::collections::BTreeSet;

/// Aggregates that a view keeps (`M:materialized-view-create.md`).
const AGGREGATES: &[&str] = &[
    "any",
    "arg_max",
    "arg_min",
    "avg",
    "avgif",
    "count",
    "countif",
    "dcount",
    "dcountif",
    "hll",
    "make_bag",
    "make_list",
    "make_set",
    "max",
    "min",
    "percentile",
    "percentiles",
    "sum",
    "sumif",
    "take_any",
    "take_anyif",
    "tdigest",
];

/// Operators that no view may use, wherever they stand.
const FORBIDDEN: &[&str] = &["sort", "order", "top", "top-nested", "partition", "serialize"];

/// Functions that no view may call.
const UNSTEADY: &[&str] = &["now", "ago", "external_table", "cluster", "database"];

/// A view's query, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViewQuery {
    /// The group-by keys, without blanks.
    pub(crate) keys: BTreeSet<String>,
    /// Whether an aggregate takes every column: `arg_max(ts, *)`, `take_any(*)`.
    pub(crate) takes_all: bool,
    /// Whether an aggregate picks one record of each group: `arg_max`, `arg_min`, `take_any`.
    pub(crate) picks: bool,
    /// Whether all it does is `take_any(*)`, which another view may read.
    pub(crate) only_dedups: bool,
    /// Every name in it, columns included.
    pub(crate) names: BTreeSet<String>,
}

/// A token as its text, brackets of names taken away.
struct Piece<'a> {
    text: &'a str,
    name: Option<String>,
    depth: usize,
}

impl Piece<'_> {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// Takes a view's query over a source apart.
///
/// # Errors
/// Why the service would refuse it, as a clause.
pub(crate) fn read(text: &str, source: &str) -> Result<ViewQuery, String> {
    let pieces = pieces(text);
    let names: BTreeSet<String> = pieces.iter().filter_map(|piece| piece.name.clone()).collect();
    if !names.contains(source) {
        return Err(format!("its query does not read '{source}'"));
    }
    refuse_forbidden(&pieces)?;
    let start = pieces.iter().rposition(|piece| piece.depth == 0 && piece.is(";"));
    let tail: Vec<&Piece<'_>> = pieces[start.map_or(0, |at| at + 1)..].iter().collect();
    let stages: Vec<&[&Piece<'_>]> = split(&tail, 0, "|");
    let is_summarize = |stage: &&[&Piece<'_>]| stage.first().is_some_and(|piece| piece.is("summarize"));
    let last = stages.last().copied().filter(|stage| is_summarize(stage));
    let Some(last) = last.filter(|_| stages.iter().filter(|stage| is_summarize(stage)).count() == 1) else {
        return Err("its query does not end with its only summarize".to_owned());
    };
    let by = last.iter().position(|piece| piece.depth == 0 && piece.is("by"));
    let (aggregates, keys) = last[1..].split_at(by.map_or(last.len() - 1, |at| at - 1));
    let keys = split(keys.get(1..).unwrap_or_default(), 0, ",");
    let keys = keys.into_iter().filter(|key| !key.is_empty()).map(joined).collect();
    let (mut takes_all, mut picks, mut only_dedups) = (false, false, true);
    for aggregate in split(aggregates, 0, ",").into_iter().filter(|aggregate| !aggregate.is_empty()) {
        let (function, all) = read_aggregate(aggregate)?;
        takes_all |= all;
        picks |= matches!(function, "arg_max" | "arg_min" | "take_any" | "any");
        only_dedups &= all && matches!(function, "take_any" | "any");
    }
    Ok(ViewQuery { keys, takes_all, picks, only_dedups: takes_all && only_dedups, names })
}

/// The function of `[name =] function(…)`, and whether it takes every column.
fn read_aggregate<'a>(aggregate: &[&Piece<'a>]) -> Result<(&'a str, bool), String> {
    let named = aggregate.get(1).is_some_and(|piece| piece.is("="));
    let call = if named { &aggregate[2..] } else { aggregate };
    let composite = || format!("'{}' is not one aggregation", joined(aggregate));
    let (Some(function), Some(open)) = (call.first(), call.get(1)) else { return Err(composite()) };
    let closed = call.iter().position(|piece| piece.depth == open.depth && piece.is(")"));
    if !open.is("(") || closed != Some(call.len() - 1) {
        return Err(composite());
    }
    if !AGGREGATES.contains(&function.text) {
        return Err(format!("a view cannot keep '{}'", function.text));
    }
    let arguments = split(&call[2..call.len() - 1], open.depth + 1, ",");
    let all = arguments.last().is_some_and(|last| last.len() == 1 && last[0].is("*"));
    let takes_all = all && matches!(function.text, "arg_max" | "arg_min" | "take_any" | "any");
    Ok((function.text, takes_all))
}

fn refuse_forbidden(pieces: &[Piece<'_>]) -> Result<(), String> {
    for (at, piece) in pieces.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &pieces[before]);
        if before.is_some_and(|before| before.is("|")) && FORBIDDEN.contains(&piece.text) {
            return Err(format!("its query uses '{}'", piece.text));
        }
        let called = pieces.get(at + 1).is_some_and(|next| next.is("("));
        if called && UNSTEADY.contains(&piece.text) {
            return Err(format!("its query calls '{}()'", piece.text));
        }
    }
    Ok(())
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found: Vec<Piece<'_>> = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Ok(token) = lexer::next(text, at) {
        at = token.end;
        let slice = &text[token.start..token.end];
        let name = match token.kind {
            Kind::End => break,
            Kind::Word => Some(slice.to_owned()),
            Kind::Text { value, .. } if found.last().is_some_and(|last| last.is("[")) => Some(value),
            _ => None,
        };
        // A hyphen makes one operator of two words.
        if slice == "nested" && found.len() > 1 && found[found.len() - 1].is("-") {
            found.pop();
            if let Some(top) = found.last_mut() {
                top.text = "top-nested";
            }
            continue;
        }
        let closes = matches!(slice, ")" | "]" | "}");
        if closes {
            depth = depth.saturating_sub(1);
        }
        found.push(Piece { text: slice, name, depth });
        if matches!(slice, "(" | "[" | "{") {
            depth += 1;
        }
    }
    found
}

/// The parts between separators of one depth.
fn split<'p, 'a>(pieces: &'p [&'p Piece<'a>], depth: usize, mark: &str) -> Vec<&'p [&'p Piece<'a>]> {
    pieces.split(|piece| piece.depth == depth && piece.is(mark)).collect()
}

fn joined(pieces: &[&Piece<'_>]) -> String {
    pieces.iter().map(|piece| piece.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(text: &str) -> Vec<String> {
        read(text, "T").unwrap().keys.into_iter().collect()
    }

    #[test]
    fn judges_by_tokens() {
        assert_eq!(
            keys("T | where a > 1 | summarize n = count(), max(x) by a, d = bin(ts, 1d)"),
            ["a", "d=bin(ts,1d)"]
        );
        assert_eq!(keys("let f = 5; ['T'] // by x\n | summarize count()"), Vec::<String>::new());
        let view = |text: &str| read(text, "T").unwrap();
        assert!(view("T | summarize arg_max(ts, *) by a").takes_all);
        assert!(!view("T | summarize arg_max(ts, *) by a").only_dedups);
        assert!(view("T | summarize take_any(*) by a").only_dedups);
        assert!(!view("T | summarize arg_max(ts, b) by a").takes_all);
        for (text, why) in [
            ("U | summarize count()", "its query does not read 'T'"),
            ("T | take 1", "its query does not end with its only summarize"),
            ("T | summarize count() by a | where a > 1", "its query does not end with its only summarize"),
            (
                "T | summarize count() by a | summarize count()",
                "its query does not end with its only summarize",
            ),
            ("T | order by a | summarize count()", "its query uses 'order'"),
            ("T | top-nested 3 of a by max(b) | summarize count()", "its query uses 'top-nested'"),
            ("T | where ts > ago(1d) | summarize count()", "its query calls 'ago()'"),
            ("T | summarize a = sum(x) / count()", "'a=sum(x)/count()' is not one aggregation"),
            ("T | summarize stdev(x)", "a view cannot keep 'stdev'"),
        ] {
            assert_eq!(read(text, "T"), Err(why.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s)(T|summarize|by|\\||,|\\(|\\)|\\{|\\}|\\[|'s'|;|=|-|nested|count|arg_max|\\*| ){0,30}") {
            let _ = read(&text, "T");
        }
    }
}
