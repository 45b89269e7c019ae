//! The columns of a table as a body: by name, in order, each with its type and texts.

use crate::kind::Finding;
use crate::kind::replies::TableColumn;
use crate::kind::shape::{self, NameRule};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use arcstr::ArcStr;
use std::collections::BTreeMap;

pub(super) fn known_type(text: Option<&str>) -> Result<&'static str, String> {
    text.and_then(shape::scalar_type).ok_or_else(|| "a column has no type".to_owned())
}

pub(super) fn columns(command: Command, columns: &Body) -> Command {
    let of = |column: &Value| known_type(column.as_map().and_then(|column| column.text("type")));
    let types = columns.iter().map(|(name, column)| (name, of(column).unwrap_or("dynamic")));
    command.word("(").list(types, |c, (name, word)| c.name(name).word(":").word(word)).word(")")
}

/// Columns without any text, by their type: each kept once.
pub(super) type Plain = BTreeMap<&'static str, Value>;

pub(super) fn column(column: &TableColumn, plain: &mut Plain) -> Result<(ArcStr, Value), String> {
    let given = &column.csl_type.as_ref().unwrap_or(&column.clr_type).0;
    let of = shape::scalar_type(given)
        .ok_or_else(|| format!("the column `{}` has the unknown type `{given}`", column.name.0))?;
    let body = || Body::new().with("type", of);
    let value = match column.doc_string.as_ref().filter(|doc| !doc.0.is_empty()) {
        Some(doc) => Value::Map(body().with("docString", &*doc.0)),
        None => plain.entry(of).or_insert_with(|| Value::Map(body())).clone(),
    };
    Ok((column.name.0.clone(), value))
}

/// Columns whose names the service would refuse (test: the spec `tests/specs/invalid/column-names.yaml`).
pub(in crate::kind::entity) fn misnamed(body: &Body) -> Vec<Finding> {
    let columns = columns_of(body);
    let of = |name: &str| {
        let objection = NameRule::Entity.objection(name)?;
        let message = format!("{name:?} cannot be the name of a column: {objection}");
        Some(Finding::new(&["columns", name], message, "choose another name"))
    };
    columns.names().filter_map(of).collect()
}

pub(super) fn columns_of(body: &Body) -> Body {
    body.get("columns").and_then(Value::as_map).cloned().unwrap_or_default()
}

pub(super) fn type_of<'a>(columns: &'a Body, name: &str) -> Option<&'a str> {
    columns.get(name)?.as_map()?.text("type")
}

pub(super) fn doc_of<'a>(columns: &'a Body, name: &str) -> &'a str {
    columns.get(name).and_then(Value::as_map).and_then(|c| c.text("docString")).unwrap_or_default()
}

pub(super) fn owned((name, value): (&ArcStr, &Value)) -> (ArcStr, Value) {
    (name.clone(), value.clone())
}

pub(super) fn undocumented(columns: &Body) -> Body {
    let bare = |column: &Value| {
        column.as_map().map(|c| c.iter().filter(|(n, _)| &***n != "docString").map(owned).collect::<Body>())
    };
    columns
        .iter()
        .map(|(name, column)| (name.clone(), Value::Map(bare(column).unwrap_or_default())))
        .collect()
}

pub(super) fn with_added(now: &Body, wanted: &Body) -> Body {
    let added = undocumented(wanted).into_iter().filter(|(name, _)| now.get(name).is_none());
    now.clone().into_iter().chain(added).collect()
}

pub(super) fn with_docs(now: &Body, wanted: &Body) -> Body {
    let documented = now.iter().map(|(name, column)| {
        let mut column = column.as_map().cloned().unwrap_or_default();
        if wanted.get(name).is_some() && doc_of(now, name) != doc_of(wanted, name) {
            column.set("docString", doc_of(wanted, name));
        }
        (name.clone(), Value::Map(column))
    });
    documented.collect()
}

/// The wanted order, with the columns that are to go at the end.
pub(super) fn reordered(now: &Body, wanted: &Body) -> Body {
    let in_order = wanted.names().filter_map(|name| now.iter().find(|(n, _)| ***n == *name));
    let rest = now.iter().filter(|(name, _)| wanted.get(name).is_none());
    let stays: Vec<&str> = now.names().filter(|name| wanted.get(name).is_some()).collect();
    if stays == wanted.names().collect::<Vec<_>>() {
        now.clone()
    } else {
        in_order.chain(rest).map(owned).collect()
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [one] => format!("column {one}"),
        many => format!("columns {}", many.join(", ")),
    }
}

/// The columns that get another name: those of `new` that say so, where `old` has the former name and not the new.
pub(super) fn renames<'a>(old: &'a Body, new: &'a Body) -> Vec<(&'a str, &'a str)> {
    let former = |name: &'a str| {
        let from = new.get(name)?.as_map()?.text("renamedFrom")?;
        let moves = old.get(from).is_some() && old.get(name).is_none() && new.get(from).is_none();
        moves.then_some((from, name))
    };
    new.names().filter_map(former).collect()
}

/// The columns of `now` under their new names, in the places that they have.
pub(super) fn with_names(now: &Body, (from, to): (&str, &str)) -> Body {
    let named = |(name, column): (&ArcStr, &Value)| match column.as_map() {
        Some(body) if **name == *from => (to.into(), body.clone().with("renamedFrom", from).into()),
        _ => (name.clone(), column.clone()),
    };
    now.iter().map(named).collect()
}
