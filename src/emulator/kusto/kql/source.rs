//! Small queries: a source with operators after it, and the columns that a query gives.

use super::expression::Expression;
use super::operators::Named;
use super::pipeline::{Pipeline, named};
use super::value::Datum;
use crate::emulator::kusto::catalog::{Database, Table};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::{Frame, Heading};
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::types::Type;
use serde_json::{Value, json};

/// A query that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    source: Source,
    then: Pipeline,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Table(String),
    Print(Vec<Named>),
    Range { name: String, from: Expression, to: Expression, step: Expression },
    Rows { columns: Vec<(String, Type)>, cells: Vec<Expression> },
}

/// How far functions are followed to find columns.
const DEEPEST: usize = 8;
/// The most rows that `range` makes.
const LONGEST_RANGE: usize = 100_000;

impl Query {
    /// Reads a whole query.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(text);
        let source = Source::read(&mut cursor)?;
        let then = Pipeline::read(&mut cursor)?;
        cursor.eat_mark(";");
        cursor.expect_end()?;
        Ok(Self { source, then })
    }

    /// Runs the query; `now` is in ticks.
    pub(crate) fn run(&self, database: &Database, now: i64) -> Result<Frame, Fault> {
        self.then.apply(self.source.frame(database, now)?, now)
    }
}

impl Source {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        if cursor.eat("print") {
            let mut all = vec![named(cursor)?];
            while cursor.eat_mark(",") {
                all.push(named(cursor)?);
            }
            for (at, one) in all.iter_mut().enumerate() {
                one.name.get_or_insert_with(|| format!("print_{at}"));
            }
            return Ok(Self::Print(all));
        }
        if cursor.eat("range") {
            let name = cursor.name("a column name")?;
            cursor.expect("from")?;
            let from = Expression::read(cursor)?;
            cursor.expect("to")?;
            let to = Expression::read(cursor)?;
            cursor.expect("step")?;
            return Ok(Self::Range { name, from, to, step: Expression::read(cursor)? });
        }
        if cursor.eat("datatable") {
            let columns = cursor.list(|inner| inner.typed_name("a column name"))?;
            cursor.expect_mark("[")?;
            let mut cells = Vec::new();
            while !cursor.eat_mark("]") {
                cells.push(Expression::read(cursor)?);
                if !cursor.at_mark("]") {
                    cursor.expect_mark(",")?;
                }
            }
            if cells.len() % columns.len() != 0 {
                return Err(cursor.expected("as many values as fill whole rows"));
            }
            return Ok(Self::Rows { columns, cells });
        }
        for word in
            ["let", "set", "declare", "union", "search", "find", "externaldata", "external_table", "evaluate"]
        {
            if cursor.at(word) {
                return Err(Fault::not_modelled(&format!("a query that begins with '{word}'")));
            }
        }
        let name = cursor.name("a table name")?;
        if cursor.at_mark("(") || cursor.at_mark(".") {
            return Err(Fault::not_modelled("a query over a function or another database"));
        }
        Ok(Self::Table(name))
    }

    fn columns(&self, database: &Database) -> Result<Vec<Heading>, Fault> {
        match self {
            Self::Table(name) => {
                if database.functions.contains_key(name) || database.views.contains_key(name) {
                    return Err(Fault::not_modelled("a query over a function or a view"));
                }
                Ok(headings(table(database, name)?))
            }
            Self::Print(all) => {
                let heading = |one: &Named| {
                    let name = one.name.clone().unwrap_or_default();
                    Ok(Heading { name: name.into(), of: one.expression.type_of(&[])? })
                };
                all.iter().map(heading).collect()
            }
            Self::Range { name, from, .. } => {
                Ok(vec![Heading { name: name.clone().into(), of: from.type_of(&[])? }])
            }
            Self::Rows { columns, .. } => {
                Ok(columns.iter().map(|(name, of)| Heading { name: name.clone().into(), of: *of }).collect())
            }
        }
    }

    fn frame(&self, database: &Database, now: i64) -> Result<Frame, Fault> {
        let columns = self.columns(database)?;
        let rows = match self {
            Self::Table(name) => table(database, name)?.rows().collect(),
            Self::Print(all) => {
                let cells = all.iter().zip(&columns);
                let cell = |(one, column): (&Named, &Heading)| {
                    Ok(one.expression.value(&[], &[], now)?.into_cell(column.of))
                };
                vec![cells.map(cell).collect::<Result<Vec<Value>, Fault>>()?]
            }
            Self::Range { from, to, step, .. } => {
                let value = |one: &Expression| one.value(&[], &[], now);
                range(&value(from)?, &value(to)?, &value(step)?, columns[0].of)?
            }
            Self::Rows { columns, cells } => {
                let cell = |(at, one): (usize, &Expression)| {
                    Ok(one.value(&[], &[], now)?.into_cell(columns[at % columns.len()].1))
                };
                let all = cells.iter().enumerate().map(cell).collect::<Result<Vec<Value>, Fault>>()?;
                all.chunks(columns.len()).map(<[Value]>::to_vec).collect()
            }
        };
        Ok(Frame { columns, rows })
    }
}

fn table<'a>(database: &'a Database, name: &str) -> Result<&'a Table, Fault> {
    database.tables.get(name).ok_or_else(|| {
        let text = format!("'table' operator: Failed to resolve table or column expression named '{name}'");
        Fault::semantic("SEM0100", text)
    })
}

fn headings(table: &Table) -> Vec<Heading> {
    table.columns.iter().map(|column| Heading { name: column.name.clone().into(), of: column.of }).collect()
}

fn range(from: &Datum, to: &Datum, step: &Datum, of: Type) -> Result<Vec<Vec<Value>>, Fault> {
    let wrong = || {
        Fault::semantic(
            "SEM0064",
            "range takes whole numbers, or moments or spans and a span, and a step above zero",
        )
    };
    let (Some(first), Some(last), Some(step)) = (whole(from), whole(to), whole(step)) else {
        return Err(wrong());
    };
    if step <= 0 {
        return Err(wrong());
    }
    let mut rows = Vec::new();
    let mut at = first;
    while at <= last {
        if rows.len() >= LONGEST_RANGE {
            return Err(Fault::bad_request(format!("range makes {LONGEST_RANGE} rows at most.")));
        }
        let value = match from {
            Datum::DateTime(_) => Datum::DateTime(at),
            Datum::TimeSpan(_) => Datum::TimeSpan(at),
            _ => Datum::Long(at),
        };
        rows.push(vec![value.into_cell(of)]);
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(rows)
}

fn whole(value: &Datum) -> Option<i64> {
    match value {
        Datum::Long(number) | Datum::DateTime(number) | Datum::TimeSpan(number) => Some(*number),
        _ => None,
    }
}

/// The columns that a query gives, where they can be known for sure.
pub(crate) fn output(database: &Database, text: &str) -> Option<Vec<(String, Type)>> {
    let columns = output_at(database, text, DEEPEST)?;
    Some(columns.into_iter().map(|column| (column.name.into_owned(), column.of)).collect())
}

/// Follows functions without parameters, whose body stands in for them.
fn output_at(database: &Database, text: &str, depth: usize) -> Option<Vec<Heading>> {
    let mut cursor = Cursor::new(text);
    let mut ahead = cursor.clone();
    let called = ahead.name("a name").ok().and_then(|name| database.functions.get(&name));
    let columns = match called {
        Some(function) if depth > 0 && function.declaration.parameters.is_empty() => {
            if ahead.eat_mark("(") && !ahead.eat_mark(")") {
                return None;
            }
            cursor = ahead;
            let body = function.declaration.body.strip_prefix('{')?.strip_suffix('}')?;
            output_at(database, body, depth - 1)?
        }
        Some(_) => return None,
        None => Source::read(&mut cursor).ok()?.columns(database).ok()?,
    };
    let then = Pipeline::read(&mut cursor).ok()?;
    cursor.eat_mark(";");
    if cursor.at_end() { then.columns(columns).ok() } else { None }
}

/// A frame's rows as cells of the columns of a table, by name or else by place, for appending.
pub(crate) fn fitted(frame: &Frame, table: &Table) -> Result<Vec<Vec<Value>>, Fault> {
    let given: Vec<Type> = frame.columns.iter().map(|column| column.of).collect();
    let wanted: Vec<Type> = table.columns.iter().map(|column| column.of).collect();
    if given == wanted {
        return Ok(frame.rows.clone());
    }
    Err(Fault::bad_request(format!(
        "Query schema does not match table schema. QuerySchema=({}), TableSchema=({})",
        json!(given.iter().map(|of| of.name()).collect::<Vec<_>>()),
        json!(wanted.iter().map(|of| of.name()).collect::<Vec<_>>())
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::kusto::catalog::Policies;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn running_never_panics(
            atoms in proptest::collection::vec(
                "(a|b|9223372036854775807|-|2|1\\.5|1d|datetime\\(9999-12-31\\)|'x'|true|dynamic\\(\\[1\\]\\)|\\+|/|%|\\*|==|<|and|in \\(1\\)|bin\\(a, 2\\)|strlen\\('x'\\)|now\\(\\)|ago\\(1d\\)|todatetime\\('1'\\)|a\\[0\\])",
                1..6,
            ),
            then in "(| \\| summarize sum\\(a\\), avg\\(a\\) by b| \\| order by a| \\| distinct \\*| \\| extend c = a| \\| top 1 by b)",
        ) {
            let database = Database::new("d", Policies::new());
            for text in [
                format!("print a = {}{then}", atoms.join(" ")),
                format!("datatable(a:long, b:dynamic)[1, dynamic([2])] | extend a = {}{then}", atoms.join(" ")),
                format!("range a from {} to 5 step 1{then}", atoms.join(" ")),
            ] {
                if let Ok(query) = Query::read(&text) {
                    let _ = query.run(&database, 0);
                }
            }
        }
    }
}
