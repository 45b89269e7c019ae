//! Scalar values of small queries, and their JSON forms in answers.

use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// A scalar value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum {
    /// No value; strings are never null.
    Null,
    /// true or false
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A floating point number.
    Real(f64),
    /// Text, or a GUID.
    Text(String),
    /// Ticks since the year 1.
    DateTime(i64),
    /// Ticks.
    TimeSpan(i64),
    /// JSON.
    Dynamic(Value),
}

impl Datum {
    /// The value of a cell of a column.
    pub(super) fn of_cell(cell: &Value, of: Type) -> Self {
        match (of, cell) {
            (_, Value::Null) if of != Type::Dynamic => Self::Null,
            (Type::Dynamic, value) => Self::Dynamic(value.clone()),
            (Type::DateTime, Value::String(text)) => {
                time::any_datetime(text).map_or(Self::Null, Self::DateTime)
            }
            (Type::TimeSpan, Value::String(text)) => {
                time::dotnet_timespan(text).map_or(Self::Null, Self::TimeSpan)
            }
            (Type::Decimal, Value::String(text)) => text.parse().map_or(Self::Null, Self::Real),
            (_, Value::Bool(flag)) => Self::Bool(*flag),
            (_, Value::Number(number)) => match number.as_i64() {
                Some(whole) if of != Type::Real => Self::Long(whole),
                _ => number.as_f64().map_or(Self::Null, Self::Real),
            },
            (_, Value::String(text)) => Self::Text(text.clone()),
            (_, other) => Self::Dynamic(other.clone()),
        }
    }

    /// The cell of a column of this type.
    pub(super) fn into_cell(self, of: Type) -> Value {
        match self {
            Self::Null if of == Type::String => json!(""),
            Self::Null => Value::Null,
            Self::Bool(flag) => json!(flag),
            Self::Long(whole) if of == Type::Real => json!(whole_as_real(whole)),
            Self::Long(whole) if of == Type::Decimal => json!(whole.to_string()),
            Self::Long(whole) => json!(whole),
            Self::Real(number) if of == Type::Decimal => json!(number.to_string()),
            Self::Real(number) if number.is_nan() => json!("NaN"),
            Self::Real(number) if number.is_infinite() => {
                json!(if number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Self::Real(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::DateTime(ticks) => json!(time::datetime(ticks)),
            Self::TimeSpan(ticks) => json!(time::timespan(ticks)),
            Self::Dynamic(value) => value,
        }
    }

    /// The value as text, as `tostring` gives it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Null | Self::Dynamic(Value::Null) => String::new(),
            Self::Bool(flag) => flag.to_string(),
            Self::Long(whole) => whole.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) | Self::Dynamic(Value::String(text)) => text.clone(),
            Self::DateTime(ticks) => time::datetime(*ticks),
            Self::TimeSpan(ticks) => time::timespan(*ticks),
            Self::Dynamic(value) => value.to_string(),
        }
    }

    /// The value without its dynamic wrapping.
    pub(super) fn bare(self) -> Self {
        match self {
            Self::Dynamic(Value::Null) => Self::Null,
            Self::Dynamic(Value::Bool(flag)) => Self::Bool(flag),
            Self::Dynamic(Value::String(text)) => Self::Text(text),
            Self::Dynamic(Value::Number(number)) => match number.as_i64() {
                Some(whole) => Self::Long(whole),
                None => number.as_f64().map_or(Self::Null, Self::Real),
            },
            other => other,
        }
    }

    /// The value as a number, when it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Long(whole) => Some(whole_as_real(*whole)),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }

    /// The order of two values of comparable types.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Long(one), Self::Long(other))
            | (Self::DateTime(one), Self::DateTime(other))
            | (Self::TimeSpan(one), Self::TimeSpan(other)) => Some(one.cmp(other)),
            (Self::Dynamic(_), _) | (_, Self::Dynamic(_)) => {
                let (one, other) = (self.clone().bare(), other.clone().bare());
                match (&one, &other) {
                    (Self::Dynamic(one), Self::Dynamic(other)) => (one == other).then_some(Ordering::Equal),
                    (Self::Dynamic(_), _) | (_, Self::Dynamic(_)) => None,
                    _ => one.compare(&other),
                }
            }
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// Nulls order first.
    pub(super) fn rank(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            _ => self.compare(other).unwrap_or_else(|| self.text().cmp(&other.text())),
        }
    }
}

/// A whole number as the nearest floating point one.
#[expect(clippy::cast_precision_loss, reason = "Kusto's own conversion of long to real rounds likewise")]
pub(super) fn whole_as_real(whole: i64) -> f64 {
    whole as f64
}

/// A floating point number without its fraction; `None` beyond the range of long.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
pub(super) fn real_as_whole(number: f64) -> Option<i64> {
    if number.abs() < 9.2e18 { Some(number.trunc() as i64) } else { None }
}
