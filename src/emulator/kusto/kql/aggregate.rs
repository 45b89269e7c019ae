//! The aggregations of `summarize`.

use super::evaluate::is_true;
use super::expression::Expression;
use super::value::{Datum, whole_as_real};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Heading;
use crate::emulator::kusto::types::Type;
use serde_json::Value;
use std::collections::BTreeSet;

/// One aggregation: what, of what, under which name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aggregate {
    name: String,
    function: Function,
    argument: Option<Expression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Avg,
    Count,
    CountIf,
    DCount,
    MakeList,
    MakeSet,
    Max,
    Min,
    Sum,
    TakeAny,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("avg", Function::Avg),
    ("count", Function::Count),
    ("countif", Function::CountIf),
    ("dcount", Function::DCount),
    ("make_list", Function::MakeList),
    ("make_set", Function::MakeSet),
    ("max", Function::Max),
    ("min", Function::Min),
    ("sum", Function::Sum),
    ("take_any", Function::TakeAny),
];

impl Aggregate {
    /// Takes a call of an aggregation apart; `name` is what it was given.
    pub(super) fn of(name: Option<String>, expression: Expression) -> Result<Self, Fault> {
        let Expression::Call(word, mut arguments) = expression else {
            return Err(Fault::semantic("SEM0139", "summarize takes aggregations such as count()"));
        };
        let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == word) else {
            return Err(Fault::not_modelled(&format!("aggregation {word}()")));
        };
        let wanted = usize::from(*function != Function::Count);
        if arguments.len() != wanted {
            return Err(Fault::semantic("SEM0219", format!("{word}() takes {wanted} arguments")));
        }
        let argument = arguments.pop();
        let of = argument.as_ref().and_then(Expression::own_name).unwrap_or_default();
        let own = match function {
            Function::TakeAny => of,
            Function::MakeList => format!("list_{of}"),
            Function::MakeSet => format!("set_{of}"),
            _ => format!("{word}_{of}"),
        };
        Ok(Self { name: name.unwrap_or(own), function: *function, argument })
    }

    /// The column that it makes.
    pub(super) fn heading(&self, columns: &[Heading]) -> Result<Heading, Fault> {
        let argument = self.argument.as_ref().map(|argument| argument.type_of(columns)).transpose()?;
        let of = match self.function {
            Function::Count | Function::CountIf | Function::DCount => Type::Long,
            Function::Avg => match argument {
                Some(kept @ (Type::TimeSpan | Type::DateTime)) => kept,
                _ => Type::Real,
            },
            Function::MakeList | Function::MakeSet => Type::Dynamic,
            Function::Sum => match argument {
                Some(Type::Int) => Type::Long,
                other => other.unwrap_or(Type::Long),
            },
            Function::Max | Function::Min | Function::TakeAny => argument.unwrap_or(Type::Long),
        };
        Ok(Heading { name: self.name.clone().into(), of })
    }

    /// The value over the rows of a group.
    pub(super) fn value(&self, columns: &[Heading], rows: &[&Vec<Value>], now: i64) -> Result<Datum, Fault> {
        let Some(argument) = &self.argument else { return Ok(count(rows.len())) };
        let mut values = Vec::new();
        for row in rows {
            let value = argument.value(columns, row, now)?;
            if value != Datum::Null {
                values.push(value);
            }
        }
        Ok(match self.function {
            Function::Count => count(rows.len()),
            Function::CountIf => count(values.iter().filter(|value| is_true(value)).count()),
            Function::DCount => count(values.iter().map(Datum::text).collect::<BTreeSet<_>>().len()),
            Function::Max => values.into_iter().max_by(Datum::rank).unwrap_or(Datum::Null),
            Function::Min => values.into_iter().min_by(Datum::rank).unwrap_or(Datum::Null),
            Function::TakeAny => values.into_iter().next().unwrap_or(Datum::Null),
            Function::Sum => sum(&values),
            Function::Avg => average(&values),
            Function::MakeList => list(values, argument.type_of(columns)?),
            Function::MakeSet => {
                let mut seen = BTreeSet::new();
                values.retain(|value| seen.insert(value.text()));
                list(values, argument.type_of(columns)?)
            }
        })
    }
}

fn count(rows: usize) -> Datum {
    i64::try_from(rows).map_or(Datum::Null, Datum::Long)
}

fn list(values: Vec<Datum>, of: Type) -> Datum {
    Datum::Dynamic(Value::Array(values.into_iter().map(|value| value.into_cell(of)).collect()))
}

fn sum(values: &[Datum]) -> Datum {
    let mut whole = 0_i64;
    for value in values {
        let (Datum::Long(more) | Datum::TimeSpan(more)) = value else {
            return Datum::Real(values.iter().filter_map(Datum::number).sum());
        };
        whole = whole.wrapping_add(*more);
    }
    if matches!(values.first(), Some(Datum::TimeSpan(_))) {
        Datum::TimeSpan(whole)
    } else {
        Datum::Long(whole)
    }
}

fn average(values: &[Datum]) -> Datum {
    let Ok(count) = i64::try_from(values.len()) else { return Datum::Null };
    match (sum(values), count) {
        (_, 0) => Datum::Null,
        (Datum::TimeSpan(ticks), count) => Datum::TimeSpan(ticks / count),
        (total, count) => {
            total.number().map_or(Datum::Null, |total| Datum::Real(total / whole_as_real(count)))
        }
    }
}
