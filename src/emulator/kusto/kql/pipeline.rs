//! `| operator | operator …`: reading them, and running them over a frame.

use super::aggregate::Aggregate;
use super::expression::Expression;
use super::operators::{Key, Named, Operator};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::{Frame, Heading};
use crate::emulator::kusto::syntax::{Cursor, Kind};

/// Operators after a source.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pipeline(Vec<Operator>);

impl Pipeline {
    /// Reads `| operator …` for as long as a bar stands ahead.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let mut operators = Vec::new();
        while cursor.eat_mark("|") {
            operators.push(operator(cursor)?);
        }
        Ok(Self(operators))
    }

    /// The columns after the operators.
    pub(super) fn columns(&self, columns: Vec<Heading>) -> Result<Vec<Heading>, Fault> {
        self.0.iter().try_fold(columns, |columns, operator| operator.columns(&columns))
    }

    /// The frame after the operators; `now` is in ticks.
    pub(crate) fn apply(&self, frame: Frame, now: i64) -> Result<Frame, Fault> {
        self.0.iter().try_fold(frame, |frame, operator| operator.apply(frame, now))
    }
}

fn operator(cursor: &mut Cursor<'_>) -> Result<Operator, Fault> {
    let at = cursor.clone();
    let Some(word) = cursor.keyword().filter(|word| cursor.eat(word)) else {
        return Err(cursor.expected("an operator such as 'where' or 'project'"));
    };
    Ok(match word {
        "where" | "filter" => Operator::Where(Expression::read(cursor)?),
        "take" | "limit" => Operator::Take(count(cursor)?),
        "count" => Operator::Count,
        "project" => Operator::Project(named_list(cursor)?),
        "extend" => Operator::Extend(named_list(cursor)?),
        "project-away" => Operator::ProjectAway(comma(cursor, plain_name)?),
        "project-rename" => Operator::ProjectRename(comma(cursor, |cursor| {
            let new = cursor.name("a column name")?;
            cursor.expect_mark("=")?;
            Ok((new, cursor.name("a column name")?))
        })?),
        "distinct" if cursor.eat_mark("*") => Operator::Distinct(None),
        "distinct" => Operator::Distinct(Some(named_list(cursor)?)),
        "order" | "sort" => {
            cursor.expect("by")?;
            Operator::Order(comma(cursor, key)?)
        }
        "top" => {
            let most = count(cursor)?;
            cursor.expect("by")?;
            Operator::Top(most, comma(cursor, key)?)
        }
        "summarize" => summarize(cursor)?,
        "as" => {
            cursor.name("a name")?;
            Operator::As
        }
        other if OTHERS.contains(&other) => return Err(Fault::not_modelled(&format!("| {other}"))),
        _ => return Err(at.expected("an operator such as 'where' or 'project'")),
    })
}

/// Operators of the language that are not modelled.
const OTHERS: &[&str] = &[
    "consume",
    "evaluate",
    "facet",
    "find",
    "fork",
    "getschema",
    "graph-match",
    "graph-to-table",
    "invoke",
    "join",
    "lookup",
    "macro-expand",
    "make-graph",
    "make-series",
    "mv-apply",
    "mv-expand",
    "mvapply",
    "mvexpand",
    "parse",
    "parse-kv",
    "parse-where",
    "partition",
    "project-keep",
    "project-reorder",
    "reduce",
    "render",
    "sample",
    "sample-distinct",
    "scan",
    "search",
    "serialize",
    "top-hitters",
    "top-nested",
    "union",
];

fn comma<T>(cursor: &mut Cursor<'_>, item: fn(&mut Cursor<'_>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let mut items = vec![item(cursor)?];
    while cursor.eat_mark(",") {
        items.push(item(cursor)?);
    }
    Ok(items)
}

fn plain_name(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    cursor.name("a column name")
}

fn count(cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
    let token = cursor.peek()?;
    match cursor.slice(&token).parse() {
        Ok(count) if token.kind == Kind::Number => {
            cursor.move_to(token.end);
            Ok(count)
        }
        _ => Err(cursor.expected("a number of rows")),
    }
}

fn named_list(cursor: &mut Cursor<'_>) -> Result<Vec<Named>, Fault> {
    comma(cursor, named)
}

/// `[name =] expression`; in queries, keywords may be names.
pub(super) fn named(cursor: &mut Cursor<'_>) -> Result<Named, Fault> {
    let mut ahead = cursor.clone();
    let token = ahead.peek()?;
    let name = if token.kind == Kind::Word {
        ahead.move_to(token.end);
        Some(ahead.slice(&token).to_owned())
    } else {
        ahead.name("a column name").ok()
    };
    let name = name.filter(|_| ahead.eat_mark("="));
    if name.is_some() {
        *cursor = ahead;
    }
    Ok(Named { name, expression: Expression::read(cursor)? })
}

fn key(cursor: &mut Cursor<'_>) -> Result<Key, Fault> {
    let expression = Expression::read(cursor)?;
    let ascending = cursor.eat("asc");
    if !ascending {
        cursor.eat("desc");
    }
    if cursor.at("nulls") {
        return Err(Fault::not_modelled("order by … nulls first|last"));
    }
    Ok(Key { expression, ascending })
}

fn summarize(cursor: &mut Cursor<'_>) -> Result<Operator, Fault> {
    let mut aggregates = Vec::new();
    if !cursor.at("by") {
        for Named { name, expression } in named_list(cursor)? {
            aggregates.push(Aggregate::of(name, expression)?);
        }
    }
    let by = if cursor.eat("by") { named_list(cursor)? } else { Vec::new() };
    Ok(Operator::Summarize(aggregates, by))
}
