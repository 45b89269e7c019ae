//! The scalar functions that small queries may call, each with the type that it gives.

use super::value::{Datum, real_as_whole};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde_json::Value;

/// A scalar function: name, number of arguments, type, what it does with its arguments at a moment in ticks.
struct Function {
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    of: Gives,
    run: fn(&[Datum], i64) -> Datum,
}

/// The type that a function gives.
enum Gives {
    Always(Type),
    /// That of the argument at this place.
    SameAs(usize),
}

const fn function(
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    of: Gives,
    run: fn(&[Datum], i64) -> Datum,
) -> Function {
    Function { name, arguments, of, run }
}

use Gives::{Always, SameAs};

static FUNCTIONS: &[Function] = &[
    function("ago", 1..=1, Always(Type::DateTime), |given, now| match given {
        [Datum::TimeSpan(ticks)] => now.checked_sub(*ticks).map_or(Datum::Null, Datum::DateTime),
        _ => Datum::Null,
    }),
    function("array_length", 1..=1, Always(Type::Long), |given, _| match given {
        [Datum::Dynamic(Value::Array(items))] => i64::try_from(items.len()).map_or(Datum::Null, Datum::Long),
        _ => Datum::Null,
    }),
    function("bin", 2..=2, SameAs(0), |given, _| bin(given)),
    function("coalesce", 1..=64, SameAs(0), |given, _| {
        given.iter().find(|value| !is_null(value)).cloned().unwrap_or(Datum::Null)
    }),
    function("iff", 3..=3, SameAs(1), |given, _| choose(given)),
    function("iif", 3..=3, SameAs(1), |given, _| choose(given)),
    function("isempty", 1..=1, Always(Type::Bool), |given, _| {
        Datum::Bool(given.iter().all(|one| one.text().is_empty()))
    }),
    function("isnotempty", 1..=1, Always(Type::Bool), |given, _| {
        Datum::Bool(given.iter().all(|one| !one.text().is_empty()))
    }),
    function("isnotnull", 1..=1, Always(Type::Bool), |given, _| Datum::Bool(!given.iter().any(is_null))),
    function("isnull", 1..=1, Always(Type::Bool), |given, _| Datum::Bool(given.iter().any(is_null))),
    function("now", 0..=0, Always(Type::DateTime), |_, now| Datum::DateTime(now)),
    function("parse_json", 1..=1, Always(Type::Dynamic), |given, _| dynamic(given)),
    function("strcat", 1..=64, Always(Type::String), |given, _| {
        Datum::Text(given.iter().map(Datum::text).collect())
    }),
    function("strlen", 1..=1, Always(Type::Long), |given, _| {
        let length = given.iter().map(|one| one.text().chars().count()).sum::<usize>();
        i64::try_from(length).map_or(Datum::Null, Datum::Long)
    }),
    function("tobool", 1..=1, Always(Type::Bool), |given, _| match bare(given) {
        flag @ Datum::Bool(_) => flag,
        Datum::Long(whole) => Datum::Bool(whole != 0),
        other => other.text().to_lowercase().parse().map_or(Datum::Null, Datum::Bool),
    }),
    function("todatetime", 1..=1, Always(Type::DateTime), |given, _| match bare(given) {
        moment @ Datum::DateTime(_) => moment,
        other => time::any_datetime(&other.text()).map_or(Datum::Null, Datum::DateTime),
    }),
    function("todouble", 1..=1, Always(Type::Real), |given, _| real(given)),
    function("todynamic", 1..=1, Always(Type::Dynamic), |given, _| dynamic(given)),
    function("toint", 1..=1, Always(Type::Int), |given, _| whole(given)),
    function("tolong", 1..=1, Always(Type::Long), |given, _| whole(given)),
    function("tolower", 1..=1, Always(Type::String), |given, _| {
        Datum::Text(bare(given).text().to_lowercase())
    }),
    function("toreal", 1..=1, Always(Type::Real), |given, _| real(given)),
    function("tostring", 1..=1, Always(Type::String), |given, _| Datum::Text(bare(given).text())),
    function("totimespan", 1..=1, Always(Type::TimeSpan), |given, _| match bare(given) {
        span @ Datum::TimeSpan(_) => span,
        other => time::any_timespan(&other.text()).map_or(Datum::Null, Datum::TimeSpan),
    }),
    function("toupper", 1..=1, Always(Type::String), |given, _| {
        Datum::Text(bare(given).text().to_uppercase())
    }),
];

fn find(name: &str, count: usize) -> Result<&'static Function, Fault> {
    let found = FUNCTIONS.iter().find(|function| function.name == name);
    let found = found.ok_or_else(|| Fault::not_modelled(&format!("function {name}()")))?;
    if found.arguments.contains(&count) {
        return Ok(found);
    }
    Err(Fault::semantic("SEM0219", format!("{name}(): the function does not take {count} arguments")))
}

/// The type of a call whose arguments have these types.
pub(super) fn type_of(name: &str, arguments: &[Type]) -> Result<Type, Fault> {
    Ok(match find(name, arguments.len())?.of {
        Always(of) => of,
        SameAs(place) => arguments[place],
    })
}

/// The value of a call.
pub(super) fn call(name: &str, arguments: &[Datum], now: i64) -> Result<Datum, Fault> {
    Ok((find(name, arguments.len())?.run)(arguments, now))
}

fn is_null(value: &Datum) -> bool {
    matches!(value, Datum::Null | Datum::Dynamic(Value::Null))
}

fn bare(given: &[Datum]) -> Datum {
    given.first().cloned().unwrap_or(Datum::Null).bare()
}

fn choose(given: &[Datum]) -> Datum {
    match given {
        [Datum::Bool(true), yes, _] => yes.clone(),
        [_, _, no] => no.clone(),
        _ => Datum::Null,
    }
}

fn dynamic(given: &[Datum]) -> Datum {
    match given {
        [Datum::Text(text)] => {
            Datum::Dynamic(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())))
        }
        [value @ Datum::Dynamic(_)] => value.clone(),
        [other] => Datum::Dynamic(Value::String(other.text())),
        _ => Datum::Null,
    }
}

fn whole(given: &[Datum]) -> Datum {
    let found = match bare(given) {
        Datum::Long(whole) => Some(whole),
        Datum::Bool(flag) => Some(i64::from(flag)),
        Datum::Real(number) => real_as_whole(number),
        Datum::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    found.map_or(Datum::Null, Datum::Long)
}

fn real(given: &[Datum]) -> Datum {
    let value = bare(given);
    value.number().or_else(|| value.text().trim().parse().ok()).map_or(Datum::Null, Datum::Real)
}

fn bin(given: &[Datum]) -> Datum {
    let down = |value: i64, size: i64| if size > 0 { value.div_euclid(size).checked_mul(size) } else { None };
    match given {
        [Datum::Long(value), Datum::Long(size)] => down(*value, *size).map_or(Datum::Null, Datum::Long),
        [Datum::DateTime(value), Datum::TimeSpan(size)] => {
            down(*value, *size).map_or(Datum::Null, Datum::DateTime)
        }
        [Datum::TimeSpan(value), Datum::TimeSpan(size)] => {
            down(*value, *size).map_or(Datum::Null, Datum::TimeSpan)
        }
        [value, size] => match (value.number(), size.number()) {
            (Some(value), Some(size)) if size > 0.0 => Datum::Real((value / size).floor() * size),
            _ => Datum::Null,
        },
        _ => Datum::Null,
    }
}
