//! Mistakes in an external table that its shapes do not show.

use super::fields::{ONLY, SETTINGS};
use super::write::partitions;
use super::{connection, path};
use crate::kind::Finding;
use crate::kind::entity::table::columns::misnamed;
use crate::model::body::{Body, Value};

/// Every mistake.
pub(super) fn findings(body: &Body) -> Vec<Finding> {
    let Some(kind) = body.text("kind") else { return Vec::new() };
    let given = |name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let mut findings = foreign(body, kind);
    findings.extend(misnamed(body));
    let mut wrong =
        |field: &[&str], message: &str, help: &str| findings.push(Finding::new(field, message, help));
    if kind != "delta" && !given("columns") {
        wrong(&["kind"], &format!("an external table of the kind {kind} needs its columns"), "add `columns`");
    }
    if kind == "storage" && !given("dataFormat") {
        wrong(&["kind"], "the format of the files is not said", "add `dataFormat`");
    }
    let others = given("compressionType") && body.text("compressionType") != Some("gzip");
    if kind == "storage" && others && body.text("dataFormat") != Some("parquet") {
        wrong(&["compressionType"], "this compression goes with parquet only", "use `gzip`, or leave it out");
    }
    if body.get("autoUpdateSchema").and_then(Value::as_bool) == Some(true) && given("columns") {
        let help = "leave `columns` out, or `autoUpdateSchema`";
        wrong(&["autoUpdateSchema"], "only columns that are read from the data follow it", help);
    }
    let path = body.text("pathFormat").unwrap_or_default();
    match path::pieces(path) {
        Err(why) => wrong(&["pathFormat"], &why, "put texts in quotes and partitions by their names"),
        Ok(pieces) => {
            let known: Vec<&str> = partitions(body).filter_map(|known| known.text("name")).collect();
            for name in path::partitions(&pieces).filter(|name| !known.contains(name)) {
                let message = format!("the path names the partition {name:?}, which is not declared");
                wrong(&["pathFormat"], &message, "add it to `partitions`, or correct the name");
            }
        }
    }
    findings.extend(partitioned(body));
    findings.extend(connected(body, kind));
    findings
}

/// Properties of another kind of table.
fn foreign(body: &Body, kind: &str) -> Vec<Finding> {
    let given = |name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let settings = SETTINGS.iter().filter(|(_, _, kinds)| !kinds.contains(&kind)).map(|(name, _, _)| *name);
    let only = ONLY.iter().filter(|(_, of)| *of != kind).map(|(name, _)| *name);
    let names = only.chain(settings).filter(|name| given(name));
    names
        .map(|name| {
            Finding::new(&[name], format!("`{name}` does not go with the kind {kind}"), "take it away")
        })
        .collect()
}

/// Why a body cannot stand, where what the spec leaves out is kept from live.
pub(super) fn impossible(body: &Body) -> Option<String> {
    let finding = partitioned(body).into_iter().next()?;
    Some(format!("`partitions`, as they would stand: {}", finding.message))
}

fn partitioned(body: &Body) -> Vec<Finding> {
    let mut findings = Vec::new();
    let columns = body.get("columns").and_then(Value::as_map);
    for (i, partition) in partitions(body).enumerate() {
        let i = i.to_string();
        let mut wrong = |field: &str, message: String, help: &str| {
            findings.push(Finding::new(&["partitions", &i, field], message, help));
        };
        let name = partition.text("name").unwrap_or_default();
        let has = |field: &str| partition.get(field).is_some_and(|value| !value.is_unset());
        let function = partition.text("function");
        match (partition.text("column"), columns) {
            (Some(column), Some(columns)) => match columns.get(column).map(Value::as_text) {
                None => wrong("column", format!("the table has no column {column:?}"), "correct the name"),
                Some(Some(found)) => {
                    let needed = match function {
                        None => "string",
                        Some("Hash") => found,
                        Some(_) => "datetime",
                    };
                    if found != needed {
                        let message = format!(
                            "the column {column:?} is of type {found}, and this partition needs {needed}"
                        );
                        wrong("column", message, "choose another column or function");
                    }
                }
                Some(None) => {}
            },
            (None, _) if function.is_some() => {
                wrong(
                    "function",
                    format!("the partition {name:?} has a function and no column"),
                    "add `column`",
                );
            }
            (None, _) if !matches!(partition.text("type"), Some("string" | "datetime")) => {
                let help = "add `type: string` or `type: datetime`, or the `column` that it is made of";
                wrong("name", format!("the type of the partition {name:?} is not known"), help);
            }
            _ => {}
        }
        for (field, of) in [("modulus", "Hash"), ("size", "Bin")] {
            match (function == Some(of), has(field)) {
                (true, false) => wrong("function", format!("{of} needs `{field}`"), "add it"),
                (false, true) => wrong(field, format!("`{field}` goes with {of} only"), "take it away"),
                _ => {}
            }
        }
    }
    findings
}

fn connected(body: &Body, kind: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let count = connection::of(body).count();
    if kind != "storage" && count > 1 {
        let message = format!("an external table of the kind {kind} has one connection string");
        findings.push(Finding::new(&["connectionStrings"], message, "keep one of them"));
    }
    for (i, connection) in connection::of(body).enumerate() {
        let i = i.to_string();
        let mut wrong = |field: &str, message: &str, help: &str| {
            findings.push(Finding::new(&["connectionStrings", &i, field], message, help));
        };
        if connection::url(connection).is_some_and(|url| connection::literal_secret(kind, url)) {
            let help = "end the address before it, and give the rest as `secret` or `credential`";
            wrong("url", "the address holds what may be a secret", help);
        }
        let credential = connection.text("credential").unwrap_or_default();
        if !credential.is_empty() && !connection::is_plain(credential) {
            let help = "say `impersonate` or `managed_identity=system`, or refer to a secret by `secret`";
            wrong("credential", "this is no way to sign in that may stand in a spec", help);
        }
        if !credential.is_empty() && connection.get("secret").is_some() {
            wrong("secret", "there are two ways to sign in", "keep `credential` or `secret`");
        }
    }
    findings
}
