//! What each tabular operator does to the columns and to the rows.

use super::aggregate::Aggregate;
use super::evaluate::{is_true, place};
use super::expression::Expression;
use super::value::Datum;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::{Frame, Heading};
use crate::emulator::kusto::types::Type;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A tabular operator.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    Where(Expression),
    Take(usize),
    Count,
    Project(Vec<Named>),
    Extend(Vec<Named>),
    ProjectAway(Vec<String>),
    /// New name, old name.
    ProjectRename(Vec<(String, String)>),
    /// `None` stands for `*`.
    Distinct(Option<Vec<Named>>),
    Order(Vec<Key>),
    Top(usize, Vec<Key>),
    Summarize(Vec<Aggregate>, Vec<Named>),
    As,
}

/// An expression and the name of the column that it makes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) name: Option<String>,
    pub(super) expression: Expression,
}

/// A key of `order by`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) expression: Expression,
    pub(super) ascending: bool,
}

fn headings(named: &[Named], columns: &[Heading]) -> Result<Vec<Heading>, Fault> {
    let mut unnamed = 0;
    let heading = |one: &Named| {
        let name = one.name.clone().or_else(|| one.expression.own_name()).unwrap_or_else(|| {
            unnamed += 1;
            format!("Column{unnamed}")
        });
        Ok(Heading { name: name.into(), of: one.expression.type_of(columns)? })
    };
    let made = named.iter().map(heading).collect::<Result<Vec<Heading>, Fault>>()?;
    for (at, one) in made.iter().enumerate() {
        if made[..at].iter().any(|other| other.name == one.name) {
            return Err(Fault::semantic("SEM0043", format!("the column '{}' is made twice", one.name)));
        }
    }
    Ok(made)
}

impl Operator {
    /// The columns after the operator; also proves that its names exist.
    pub(super) fn columns(&self, columns: &[Heading]) -> Result<Vec<Heading>, Fault> {
        let condition = |expression: &Expression| match expression.type_of(columns)? {
            Type::Bool | Type::Dynamic => Ok(columns.to_vec()),
            other => Err(Fault::semantic(
                "SEM0053",
                format!("'where' operator: the condition is of type {}, not bool", other.name()),
            )),
        };
        match self {
            Self::Where(expression) => condition(expression),
            Self::Take(_) | Self::As | Self::Distinct(None) => Ok(columns.to_vec()),
            Self::Count => Ok(vec![Heading { name: "Count".into(), of: Type::Long }]),
            Self::Project(named) | Self::Distinct(Some(named)) => headings(named, columns),
            Self::Extend(named) => {
                let mut out = columns.to_vec();
                for made in headings(named, columns)? {
                    match out.iter_mut().find(|known| known.name == made.name) {
                        Some(known) => *known = made,
                        None => out.push(made),
                    }
                }
                Ok(out)
            }
            Self::ProjectAway(names) => {
                for name in names {
                    place(columns, name)?;
                }
                let stays = |column: &&Heading| !names.iter().any(|name| column.name == *name);
                Ok(columns.iter().filter(stays).cloned().collect())
            }
            Self::ProjectRename(pairs) => {
                let mut out = columns.to_vec();
                for (new, old) in pairs {
                    out[place(columns, old)?].name = new.clone().into();
                }
                Ok(out)
            }
            Self::Order(keys) | Self::Top(_, keys) => {
                for key in keys {
                    key.expression.type_of(columns)?;
                }
                Ok(columns.to_vec())
            }
            Self::Summarize(aggregates, by) => {
                let mut out = headings(by, columns)?;
                for aggregate in aggregates {
                    out.push(aggregate.heading(columns)?);
                }
                Ok(out)
            }
        }
    }

    /// The frame after the operator.
    pub(super) fn apply(&self, frame: Frame, now: i64) -> Result<Frame, Fault> {
        let columns = self.columns(&frame.columns)?;
        let (before, mut rows) = (frame.columns, frame.rows);
        let rows = match self {
            Self::As | Self::ProjectRename(_) => rows,
            Self::Take(most) => {
                rows.truncate(*most);
                rows
            }
            Self::Count => vec![vec![json!(rows.len())]],
            Self::Where(condition) => {
                let mut kept = Vec::new();
                for row in rows {
                    if is_true(&condition.value(&before, &row, now)?) {
                        kept.push(row);
                    }
                }
                kept
            }
            Self::Project(named) => projected(named, &columns, &before, &rows, now)?,
            Self::Distinct(named) => {
                if let Some(named) = named {
                    rows = projected(named, &columns, &before, &rows, now)?;
                }
                let mut seen = std::collections::BTreeSet::new();
                rows.retain(|row| seen.insert(json!(row).to_string()));
                rows
            }
            Self::Extend(named) => extended(named, &columns, &before, rows, now)?,
            Self::ProjectAway(names) => {
                let stays: Vec<bool> =
                    before.iter().map(|column| !names.iter().any(|name| column.name == *name)).collect();
                let keep = |row: Vec<Value>| {
                    row.into_iter().zip(&stays).filter(|(_, stays)| **stays).map(|(cell, _)| cell).collect()
                };
                rows.into_iter().map(keep).collect()
            }
            Self::Order(keys) => ordered(keys, &before, rows, now)?,
            Self::Top(most, keys) => {
                let mut rows = ordered(keys, &before, rows, now)?;
                rows.truncate(*most);
                rows
            }
            Self::Summarize(aggregates, by) => summarized(aggregates, by, &columns, &before, &rows, now)?,
        };
        Ok(Frame { columns, rows })
    }
}

fn projected(
    named: &[Named],
    made: &[Heading],
    columns: &[Heading],
    rows: &[Vec<Value>],
    now: i64,
) -> Result<Vec<Vec<Value>>, Fault> {
    let cell =
        |row: &[Value], one: &Named, of: Type| Ok(one.expression.value(columns, row, now)?.into_cell(of));
    let row = |row: &Vec<Value>| named.iter().zip(made).map(|(one, made)| cell(row, one, made.of)).collect();
    rows.iter().map(row).collect()
}

fn extended(
    named: &[Named],
    after: &[Heading],
    before: &[Heading],
    rows: Vec<Vec<Value>>,
    now: i64,
) -> Result<Vec<Vec<Value>>, Fault> {
    let made = headings(named, before)?;
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let mut whole = row.clone();
        whole.resize(after.len(), Value::Null);
        for (one, made) in named.iter().zip(&made) {
            whole[place(after, &made.name)?] = one.expression.value(before, &row, now)?.into_cell(made.of);
        }
        out.push(whole);
    }
    Ok(out)
}

/// Sorts by the keys; nulls stand first when ascending and last when descending.
fn ordered(
    keys: &[Key],
    columns: &[Heading],
    rows: Vec<Vec<Value>>,
    now: i64,
) -> Result<Vec<Vec<Value>>, Fault> {
    let mut ranked = Vec::with_capacity(rows.len());
    for row in rows {
        let values = keys.iter().map(|key| key.expression.value(columns, &row, now));
        ranked.push((values.collect::<Result<Vec<Datum>, _>>()?, row));
    }
    ranked.sort_by(|(one, _), (other, _)| {
        let mut order = Ordering::Equal;
        for ((key, one), other) in keys.iter().zip(one).zip(other) {
            let by_key = one.rank(other);
            order = order.then(if key.ascending { by_key } else { by_key.reverse() });
        }
        order
    });
    Ok(ranked.into_iter().map(|(_, row)| row).collect())
}

/// Groups in the order of their first row.
fn summarized(
    aggregates: &[Aggregate],
    by: &[Named],
    made: &[Heading],
    columns: &[Heading],
    rows: &[Vec<Value>],
    now: i64,
) -> Result<Vec<Vec<Value>>, Fault> {
    let keys = projected(by, &made[..by.len()], columns, rows, now)?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<Value>, Vec<&Vec<Value>>)> = Vec::new();
    for (key, row) in keys.into_iter().zip(rows) {
        let at = *places.entry(json!(key).to_string()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[at].1.push(row);
    }
    if groups.is_empty() && by.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    let mut out = Vec::new();
    for (mut whole, rows) in groups {
        for (aggregate, heading) in aggregates.iter().zip(&made[by.len()..]) {
            whole.push(aggregate.value(columns, &rows, now)?.into_cell(heading.of));
        }
        out.push(whole);
    }
    Ok(out)
}
