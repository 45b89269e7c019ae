//! Workload groups (`M:workload-groups-commands.md`).

use super::{Command, Parsed};
use crate::emulator::kusto::columns::WORKLOAD_GROUPS;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Map, Value, json};

/// Groups that every cluster has and that cannot be dropped.
const BUILT_IN: &[&str] = &["$materialized-views", "default", "internal"];
const MOST_CUSTOM: usize = 16;

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("workload_groups") {
        return Ok(Some(Command::read("WorkloadGroupsShow", |view| {
            let custom = &view.cluster()?.workload_groups;
            let unset = BUILT_IN.iter().filter(|name| !custom.contains_key(**name)).map(|name| (*name, "{}"));
            let all = unset.chain(custom.iter().map(|(name, text)| (name.as_str(), text.as_str())));
            Ok(Frame::new(WORKLOAD_GROUPS, all.map(|(name, text)| row(name, text)).collect()))
        })));
    }
    if !cursor.eat("workload_group") {
        return Ok(None);
    }
    let name =
        if cursor.eat("default") { "default".to_owned() } else { cursor.name("a workload group name")? };
    Ok(Some(match verb {
        "show" => Command::read("WorkloadGroupShow", move |view| {
            let found = view.cluster()?.workload_groups.get(&name).map(String::as_str);
            let found = found.or_else(|| BUILT_IN.contains(&name.as_str()).then_some("{}"));
            let text = found.ok_or_else(|| Fault::not_found("WorkloadGroup", &name))?;
            Ok(Frame::new(WORKLOAD_GROUPS, vec![row(&name, text)]))
        }),
        "create-or-alter" => write(name, false, cursor)?,
        "alter-merge" => write(name, true, cursor)?,
        "drop" => drop(name),
        _ => return Ok(None),
    }))
}

fn row(name: &str, text: &str) -> Vec<Value> {
    vec![json!(name), json!(text)]
}

fn write(name: String, merge: bool, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let text = cursor.text("the workload group as JSON")?;
    let given: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| Fault::bad_request(format!("The workload group is not a JSON object: {error}.")))?;
    let kind = if merge { "WorkloadGroupAlterMerge" } else { "WorkloadGroupCreateOrAlter" };
    Ok(Command::change(kind, move |transaction| {
        let cluster = transaction.view().cluster()?;
        let custom = cluster.workload_groups.keys().filter(|name| !BUILT_IN.contains(&name.as_str())).count();
        let known = cluster.workload_groups.get(&name);
        if name == "internal" {
            return Err(Fault::bad_request("Workload group 'internal' cannot be altered."));
        }
        if known.is_none() && !BUILT_IN.contains(&name.as_str()) {
            if merge {
                return Err(Fault::not_found("WorkloadGroup", &name));
            }
            if custom >= MOST_CUSTOM {
                return Err(Fault::bad_request(format!(
                    "A cluster holds {MOST_CUSTOM} custom workload groups at most."
                )));
            }
        }
        let before =
            known.filter(|_| merge).and_then(|text| serde_json::from_str(text).ok()).unwrap_or(json!({}));
        let text = merged(before, &Value::Object(given.clone())).to_string();
        transaction.cluster_mut()?.workload_groups.insert(name.clone(), text.clone());
        Ok(Frame::new(WORKLOAD_GROUPS, vec![row(&name, &text)]))
    }))
}

/// Objects merge member by member; anything else replaces.
fn merged(before: Value, given: &Value) -> Value {
    match (before, given) {
        (Value::Object(mut before), Value::Object(given)) => {
            for (key, value) in given {
                let kept = before.remove(key).unwrap_or(Value::Null);
                before.insert(key.clone(), merged(kept, value));
            }
            Value::Object(before)
        }
        (_, given) => given.clone(),
    }
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
