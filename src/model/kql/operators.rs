//! Where each operator of a pipeline has tables, pipelines of its own, or names that it binds.

use super::TokenKind;
use super::reader::{Bound, Place, Reader};
use super::uses::{Sure, What};
use std::ops::Range;

/// Operators that may begin a query.
const FIRST: [&str; 11] = [
    "datatable",
    "evaluate",
    "external_data",
    "externaldata",
    "find",
    "inline_external_table",
    "macro-expand",
    "print",
    "range",
    "search",
    "union",
];

/// Operators that only go on from a table; in an inner pipeline that table may be left out.
const LATER: [&str; 48] = [
    "as",
    "assert-schema",
    "consume",
    "count",
    "distinct",
    "extend",
    "facet",
    "filter",
    "fork",
    "getschema",
    "graph-mark-components",
    "graph-match",
    "graph-shortest-paths",
    "graph-to-table",
    "graph-where-edges",
    "graph-where-nodes",
    "invoke",
    "join",
    "limit",
    "lookup",
    "make-graph",
    "make-series",
    "mv-apply",
    "mv-expand",
    "mvapply",
    "mvexpand",
    "order",
    "parse",
    "parse-kv",
    "parse-where",
    "partition",
    "project",
    "project-away",
    "project-by-names",
    "project-keep",
    "project-rename",
    "project-reorder",
    "reduce",
    "render",
    "sample",
    "sample-distinct",
    "scan",
    "serialize",
    "sort",
    "summarize",
    "take",
    "top",
    "where",
];

impl Reader<'_> {
    /// Whether a piece of a pipeline begins with an operator and not with a table.
    pub(super) fn starts(&self, piece: &Range<usize>, inner: bool) -> bool {
        let (word, end) = self.operator_word(piece.clone());
        let alone = end >= piece.end;
        (FIRST.contains(&word.as_str()) && !alone) || (inner && LATER.contains(&word.as_str()))
    }

    /// The operator's word, hyphens included, and the token behind it.
    fn operator_word(&self, range: Range<usize>) -> (String, usize) {
        let mut word = self.word(range.start).to_owned();
        let mut at = range.start + 1;
        let touches = |at: usize| {
            let (before, next) = (self.tokens.get(at - 1), self.tokens.get(at));
            before.zip(next).is_some_and(|(before, next)| before.span.end == next.span.start)
        };
        while at + 1 < range.end && self.is(at, '-') && touches(at) && touches(at + 1) {
            word = format!("{word}-{}", self.word(at + 1));
            at += 2;
        }
        (word, at)
    }

    /// One operator of a pipeline.
    pub(super) fn operator(&mut self, range: Range<usize>) {
        let (word, start) = self.operator_word(range.clone());
        let rest = start..range.end;
        match word.as_str() {
            "join" | "lookup" => self.joined(rest),
            "union" => self.union(rest),
            "find" | "search" => self.search(rest),
            "as" => {
                let (at, _) = self.options(rest.clone());
                if let Some(path) = self.path(at, rest.end, false) {
                    self.bind(path.parts[0].name.clone(), Bound::Thing);
                }
            }
            "invoke" => self.source(rest, Place::Source),
            "evaluate" => self.plugin(rest),
            "partition" | "__partitionby" => self.partition(rest),
            "fork" => self.inner_pipelines(rest),
            "facet" => {
                let with = self.find(rest.clone(), "with").unwrap_or(rest.end);
                self.expression(rest.start..with);
                self.inner_pipelines(with..rest.end);
            }
            "mv-apply" | "mvapply" => {
                let on = self.find(rest.clone(), "on").unwrap_or(rest.end);
                self.expression(rest.start..on);
                self.inner_pipelines(on..rest.end);
            }
            "make-graph" => self.make_graph(rest),
            "graph-to-table" => self.bind_after_as(rest),
            "graph-match" | "graph-shortest-paths" => {
                let words = ["where", "project"];
                let end = words.iter().filter_map(|word| self.find(rest.clone(), word)).min();
                self.expression(end.unwrap_or(rest.end)..rest.end);
            }
            "macro-expand" => self.macro_expand(rest),
            "datatable"
            | "external_data"
            | "externaldata"
            | "inline_external_table"
            | "render"
            | "consume"
            | "getschema" => {}
            _ => self.expression(rest),
        }
    }

    /// Skips `name=value` and `hint.name=value`, and says whether one of them is `isfuzzy=true`.
    fn options(&self, range: Range<usize>) -> (usize, bool) {
        let (mut at, mut lenient) = (range.start, false);
        while at < range.end {
            let mut equals = at + 1;
            while self.is(equals, '.') && !self.word(equals + 1).is_empty() {
                equals += 2;
            }
            let option = !self.word(at).is_empty() && self.is(equals, '=') && equals + 1 < range.end;
            if !option || self.is(equals + 1, '=') || self.is(equals + 1, '~') {
                break;
            }
            lenient |= self.word(at) == "isfuzzy" && self.word(equals + 1) == "true";
            at = if self.is(equals + 1, '[') { self.mate(equals + 1) + 1 } else { equals + 2 };
        }
        (at.min(range.end), lenient)
    }

    fn leniently(&mut self, lenient: bool, work: impl FnOnce(&mut Self)) {
        let before = self.lenient;
        self.lenient |= lenient;
        work(self);
        self.lenient = before;
    }

    fn joined(&mut self, range: Range<usize>) {
        let (at, _) = self.options(range.clone());
        let on = self.find(at..range.end, "on").unwrap_or(range.end);
        self.source(at..on, Place::Source);
        self.expression(on..range.end);
    }

    fn union(&mut self, range: Range<usize>) {
        let (at, lenient) = self.options(range.clone());
        self.leniently(lenient, |reader| reader.list(at..range.end, Place::Source));
    }

    fn search(&mut self, range: Range<usize>) {
        let (at, _) = self.options(range.clone());
        if self.word(at) == "in" && self.is(at + 1, '(') {
            self.list(self.inside(at + 1, range.end), Place::Source);
            let behind = self.mate(at + 1) + 1;
            self.expression(behind.min(range.end)..range.end);
        } else {
            self.expression(at..range.end);
        }
    }

    fn plugin(&mut self, range: Range<usize>) {
        let (at, _) = self.options(range.clone());
        if self.is(at + 1, '(') {
            self.list(self.inside(at + 1, range.end), Place::Either);
        }
    }

    fn partition(&mut self, range: Range<usize>) {
        let open = |at: &usize| self.is(*at, '(') || self.is(*at, '{');
        let Some(at) = (range.start..range.end).rev().find(open) else { return };
        // The last bracket that opens on the outermost level.
        let outer = (range.start..=at).find(|first| open(first) && self.mate(*first) >= at).unwrap_or(at);
        self.statements(self.inside(outer, range.end), true);
    }

    /// Every parenthesis of a range is a pipeline that goes on from the operator's input.
    fn inner_pipelines(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            if self.is(at, '(') {
                self.statements(self.inside(at, range.end), true);
                at = self.mate(at);
            }
            at += 1;
        }
    }

    fn make_graph(&mut self, range: Range<usize>) {
        let with = self.find(range.clone(), "with").unwrap_or(range.end);
        let by = self.find(with..range.end, "partitioned").unwrap_or(range.end);
        for piece in self.split((with + 1).min(by)..by, ',') {
            if let Some(on) = self.find(piece.clone(), "on") {
                self.source(piece.start..on, Place::Source);
            }
        }
        self.inner_pipelines(by..range.end);
    }

    fn bind_after_as(&mut self, range: Range<usize>) {
        for at in range {
            let name = self.word(at + 1);
            if self.word(at) == "as" && !name.is_empty() {
                self.bind(name, Bound::Thing);
            }
        }
    }

    /// `macro-expand G as X ( … )`, with a name or a written list for the group.
    fn macro_expand(&mut self, range: Range<usize>) {
        let (at, lenient) = self.options(range.clone());
        let Some(end) = self.find(at..range.end, "as") else { return };
        if self.word(at) == "entity_group" {
            self.expression(at + 1..end);
        } else if let Some(path) = self.path(at, end, false) {
            let before = self.found.len();
            self.take(&path, Place::Source);
            for group in &mut self.found[before..] {
                group.what = if group.what == What::Tabular { What::EntityGroup } else { group.what };
                group.sure = if lenient { Sure::Possible } else { group.sure };
            }
        }
        let scope = self.word(end + 1);
        let inner = (end..range.end).find(|at| self.tokens[*at].kind == TokenKind::Mark('('));
        if let Some(inner) = inner {
            self.bind(scope, Bound::Thing);
            self.leniently(lenient, |reader| reader.statements(reader.inside(inner, range.end), false));
        }
    }
}
