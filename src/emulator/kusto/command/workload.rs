//! Workload groups (`M:workload-groups-commands.md`).

use super::{Command, Parsed};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::columns::WORKLOAD_GROUPS;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::policy::workload_group::{self, DEFAULT, INTERNAL, VIEWS};
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Groups that every cluster has and that cannot be dropped.
const BUILT_IN: &[&str] = &[VIEWS, DEFAULT, INTERNAL];
const MOST_CUSTOM: usize = 16;

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("workload_groups") {
        return Ok(Some(Command::read("WorkloadGroupsShow", |view| {
            let custom = view.cluster()?.workload_groups.keys().map(String::as_str);
            let all: BTreeSet<&str> = BUILT_IN.iter().copied().chain(custom).collect();
            let row = |name| Ok(row(name, &text(view, name)?.unwrap_or_default()));
            Ok(Frame::new(WORKLOAD_GROUPS, all.into_iter().map(row).collect::<Result<_, Fault>>()?))
        })));
    }
    if !cursor.eat("workload_group") {
        return Ok(None);
    }
    let name =
        if cursor.eat("default") { DEFAULT.to_owned() } else { cursor.name("a workload group name")? };
    Ok(Some(match verb {
        "show" => Command::read("WorkloadGroupShow", move |view| {
            let text = text(view, &name)?.ok_or_else(|| Fault::not_found("WorkloadGroup", &name))?;
            Ok(Frame::new(WORKLOAD_GROUPS, vec![row(&name, &text)]))
        }),
        "create-or-alter" => write(name, false, cursor)?,
        "alter-merge" => write(name, true, cursor)?,
        "drop" => drop(name),
        _ => return Ok(None),
    }))
}

/// What a group holds; `None` when there is none of this name.
fn text(view: &View<'_>, name: &str) -> Result<Option<String>, Fault> {
    if let Some(text) = view.cluster()?.workload_groups.get(name) {
        return Ok(Some(text.clone()));
    }
    match BUILT_IN.contains(&name) {
        true => workload_group::canonical(name, &json!({}), None).map(Some),
        false => Ok(None),
    }
}

fn row(name: &str, text: &str) -> Vec<Value> {
    vec![json!(name), json!(text)]
}

fn write(name: String, merge: bool, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let json = cursor.text("the workload group as JSON")?;
    let given: Value = serde_json::from_str(&json)
        .map_err(|error| Fault::bad_request(format!("The workload group is not a JSON object: {error}.")))?;
    let kind = if merge { "WorkloadGroupAlterMerge" } else { "WorkloadGroupCreateOrAlter" };
    Ok(Command::change(kind, move |transaction| {
        let view = transaction.view();
        if name == INTERNAL {
            return Err(Fault::bad_request("Workload group 'internal' cannot be altered."));
        }
        let known = text(&view, &name)?;
        let custom = view.cluster()?.workload_groups.keys().filter(|name| !BUILT_IN.contains(&name.as_str()));
        match &known {
            None if merge => return Err(Fault::not_found("WorkloadGroup", &name)),
            None if custom.count() >= MOST_CUSTOM => {
                return Err(Fault::bad_request(format!(
                    "A cluster holds {MOST_CUSTOM} custom workload groups at most."
                )));
            }
            _ => {}
        }
        let before = known.filter(|_| merge).map(|text| serde_json::from_str(&text)).transpose();
        let before: Option<Value> = before.map_err(|error| Fault::internal(error.to_string()))?;
        let text = workload_group::canonical(&name, &given, before.as_ref())?;
        transaction.cluster_mut()?.workload_groups.insert(name.clone(), text.clone());
        Ok(Frame::new(WORKLOAD_GROUPS, vec![row(&name, &text)]))
    }))
}

fn drop(name: String) -> Command {
    Command::change("WorkloadGroupDrop", move |transaction| {
        if BUILT_IN.contains(&name.as_str()) {
            return Err(Fault::bad_request(format!(
                "Workload group '{name}' is built in and cannot be dropped."
            )));
        }
        let groups = &mut transaction.cluster_mut()?.workload_groups;
        let text = groups.remove(&name).ok_or_else(|| Fault::not_found("WorkloadGroup", &name))?;
        Ok(Frame::new(WORKLOAD_GROUPS, vec![row(&name, &text)]))
    })
}
