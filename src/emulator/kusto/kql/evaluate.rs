//! Scalar expressions: their types and their values.

use super::expression::{Expression, Operator, TextOperator};
use super::functions;
use super::value::Datum;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Heading;
use crate::emulator::kusto::types::Type;
use serde_json::Value;
use std::cmp::Ordering;

/// Finds a column by name.
pub(super) fn place(columns: &[Heading], name: &str) -> Result<usize, Fault> {
    columns.iter().position(|column| column.name == name).ok_or_else(|| {
        Fault::semantic("SEM0100", format!("Failed to resolve scalar expression named '{name}'"))
    })
}

impl Expression {
    /// The type of the expression over these columns; also proves that its names exist.
    pub(super) fn type_of(&self, columns: &[Heading]) -> Result<Type, Fault> {
        Ok(match self {
            Self::Literal(_, of) => *of,
            Self::Column(name) => columns[place(columns, name)?].of,
            Self::Member(of, member) => {
                member.type_of(columns)?;
                match of.type_of(columns)? {
                    Type::Dynamic => Type::Dynamic,
                    other => {
                        return Err(Fault::semantic(
                            "SEM0100",
                            format!("a value of type {} has no members", other.name()),
                        ));
                    }
                }
            }
            Self::Call(name, arguments) => {
                let types =
                    arguments.iter().map(|one| one.type_of(columns)).collect::<Result<Vec<_>, _>>()?;
                functions::type_of(name, &types)?
            }
            Self::Not(inner) => {
                inner.type_of(columns)?;
                Type::Bool
            }
            Self::Minus(inner) => inner.type_of(columns)?,
            Self::In(value, items, _) => {
                value.type_of(columns)?;
                for item in items {
                    item.type_of(columns)?;
                }
                Type::Bool
            }
            Self::Between(value, from, to) => {
                for one in [value, from, to] {
                    one.type_of(columns)?;
                }
                Type::Bool
            }
            Self::Binary(operator, left, right) => {
                operator.type_of(left.type_of(columns)?, right.type_of(columns)?)
            }
        })
    }

    /// The value of the expression for a row.
    pub(super) fn value(&self, columns: &[Heading], row: &[Value], now: i64) -> Result<Datum, Fault> {
        let of = |inner: &Self| inner.value(columns, row, now);
        Ok(match self {
            Self::Literal(value, _) => value.clone(),
            Self::Column(name) => {
                let at = place(columns, name)?;
                Datum::of_cell(&row[at], columns[at].of)
            }
            Self::Member(whole, member) => match (of(whole)?, of(member)?) {
                (Datum::Dynamic(whole), Datum::Text(name)) => {
                    Datum::Dynamic(whole.get(name).cloned().unwrap_or(Value::Null))
                }
                (Datum::Dynamic(whole), Datum::Long(at)) => {
                    let found = usize::try_from(at).ok().and_then(|at| whole.get(at));
                    Datum::Dynamic(found.cloned().unwrap_or(Value::Null))
                }
                _ => Datum::Null,
            },
            Self::Call(name, arguments) => {
                let values = arguments.iter().map(of).collect::<Result<Vec<_>, _>>()?;
                functions::call(name, &values, now)?
            }
            Self::Not(inner) => match of(inner)?.bare() {
                Datum::Bool(flag) => Datum::Bool(!flag),
                _ => Datum::Null,
            },
            Self::Minus(inner) => match of(inner)? {
                Datum::Long(whole) => whole.checked_neg().map_or(Datum::Null, Datum::Long),
                Datum::Real(number) => Datum::Real(-number),
                Datum::TimeSpan(ticks) => ticks.checked_neg().map_or(Datum::Null, Datum::TimeSpan),
                _ => Datum::Null,
            },
            Self::In(value, items, folded) => {
                let value = of(value)?;
                let operator = if *folded { Operator::EqualFolded } else { Operator::Equal };
                let mut found = false;
                for item in items {
                    found |= operator.apply(&value, &of(item)?) == Datum::Bool(true);
                }
                Datum::Bool(found)
            }
            Self::Between(value, from, to) => {
                let value = of(value)?;
                let above = Operator::GreaterOrEqual.apply(&value, &of(from)?);
                let below = Operator::LessOrEqual.apply(&value, &of(to)?);
                Datum::Bool(above == Datum::Bool(true) && below == Datum::Bool(true))
            }
            Self::Binary(operator, left, right) => operator.apply(&of(left)?, &of(right)?),
        })
    }
}

impl Operator {
    fn type_of(self, left: Type, right: Type) -> Type {
        match self {
            Self::Divide if left == Type::TimeSpan && right == Type::TimeSpan => Type::Real,
            Self::Subtract if left == Type::DateTime && right == Type::DateTime => Type::TimeSpan,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo => {
                [Type::DateTime, Type::TimeSpan, Type::Decimal, Type::Real]
                    .into_iter()
                    .find(|wide| left == *wide || right == *wide)
                    .unwrap_or(if left == Type::Int && right == Type::Int { Type::Int } else { Type::Long })
            }
            _ => Type::Bool,
        }
    }

    /// Nulls make nulls, except that `==` and `!=` compare them.
    fn apply(self, left: &Datum, right: &Datum) -> Datum {
        let ordered = |wanted: fn(Ordering) -> bool| {
            left.compare(right).map_or(Datum::Bool(false), |order| Datum::Bool(wanted(order)))
        };
        match self {
            Self::Or => Datum::Bool(is_true(left) || is_true(right)),
            Self::And => Datum::Bool(is_true(left) && is_true(right)),
            Self::Equal => ordered(Ordering::is_eq),
            Self::NotEqual => Datum::Bool(left.compare(right) != Some(Ordering::Equal)),
            Self::Less => ordered(Ordering::is_lt),
            Self::LessOrEqual => ordered(Ordering::is_le),
            Self::Greater => ordered(Ordering::is_gt),
            Self::GreaterOrEqual => ordered(Ordering::is_ge),
            Self::EqualFolded => Datum::Bool(left.text().to_lowercase() == right.text().to_lowercase()),
            Self::Text(operator, case) => Datum::Bool(operator.apply(&left.text(), &right.text(), case)),
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo => {
                self.arithmetic(&left.clone().bare(), &right.clone().bare()).unwrap_or(Datum::Null)
            }
        }
    }

    fn arithmetic(self, left: &Datum, right: &Datum) -> Option<Datum> {
        let whole = |one: i64, other: i64| match self {
            Self::Add => one.checked_add(other),
            Self::Subtract => one.checked_sub(other),
            Self::Multiply => one.checked_mul(other),
            Self::Divide => one.checked_div(other),
            Self::Modulo => one.checked_rem(other),
            _ => None,
        };
        Some(match (left, right) {
            (Datum::Long(one), Datum::Long(other)) => Datum::Long(whole(*one, *other)?),
            (Datum::TimeSpan(one), Datum::TimeSpan(other)) if self == Self::Divide => {
                Datum::Real(super::value::whole_as_real(*one) / super::value::whole_as_real(*other))
            }
            (Datum::TimeSpan(one), Datum::TimeSpan(other)) => Datum::TimeSpan(whole(*one, *other)?),
            (Datum::DateTime(one), Datum::TimeSpan(other)) => Datum::DateTime(whole(*one, *other)?),
            (Datum::DateTime(one), Datum::DateTime(other)) if self == Self::Subtract => {
                Datum::TimeSpan(one.checked_sub(*other)?)
            }
            (Datum::TimeSpan(one), Datum::Long(other)) if matches!(self, Self::Multiply | Self::Divide) => {
                Datum::TimeSpan(whole(*one, *other)?)
            }
            _ => {
                let (one, other) = (left.number()?, right.number()?);
                Datum::Real(match self {
                    Self::Add => one + other,
                    Self::Subtract => one - other,
                    Self::Multiply => one * other,
                    Self::Divide => one / other,
                    _ => one % other,
                })
            }
        })
    }
}

/// Whether a condition holds.
pub(super) fn is_true(value: &Datum) -> bool {
    value.clone().bare() == Datum::Bool(true)
}

impl TextOperator {
    fn apply(self, text: &str, part: &str, case: bool) -> bool {
        if !case {
            return self.apply(&text.to_lowercase(), &part.to_lowercase(), true);
        }
        match self {
            Self::Contains => text.contains(part),
            Self::StartsWith => text.starts_with(part),
            Self::EndsWith => text.ends_with(part),
            Self::Has => text.match_indices(part).any(|(at, found)| {
                let before = text[..at].chars().next_back();
                let after = text[at + found.len()..].chars().next();
                let within = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
                !within(before) && !within(after)
            }),
        }
    }
}
