//! The sandbox policy: how much of a node the Python and R plugins may use.

use super::{BASE, Policy, json};
use crate::kind::shape::{Field, Role, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};

const ENTRY: &[Field] = &[
    Field::new(
        "sandboxKind",
        Shape::OpenEnum(&["PythonExecution", "RExecution"]),
        "Which plugin it is about.",
    )
    .required(),
    Field::new("isEnabled", Shape::Bool, "Whether the plugin may run.").required(),
    Field::new("initializeOnStartup", Shape::Bool, "Whether sandboxes start with the node; default false.")
        .role(Role::Filled),
    Field::new("targetCountPerNode", Shape::Int(1, i64::MAX), "How many sandboxes a node keeps; default 16.")
        .role(Role::Filled),
    Field::new(
        "maxCpuRatePerSandbox",
        Shape::Int(1, 100),
        "The most of all cores that one may use, in percent; default 50.",
    )
    .role(Role::Filled),
    Field::new(
        "maxMemoryMbPerSandbox",
        Shape::Int(1, i64::MAX),
        "The most memory that one may use, in MB; the default depends on the node.",
    )
    .role(Role::Filled),
];

const ABOUT: About = About {
    name: "sandboxPolicy",
    keyed: Keyed::Fixed("sandbox"),
    parents: &["cluster"],
    short: &["entries"],
    doc: "How much of each node the Python and R plugins may use. The list replaces the one that stands there; a plugin \
          that it does not name runs with the service's defaults.",
    page: "https://learn.microsoft.com/kusto/management/sandbox-policy",
    example: "policies:\n  sandbox: [{sandboxKind: PythonExecution, isEnabled: true, targetCountPerNode: 4}]\n",
    fields: &[Field::new(
        "entries",
        Shape::Set(&Shape::object(ENTRY)),
        "The plugins, each once. What an entry leaves out is the service's choice and is not compared.",
    )],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("entries", Vec::new()),
    from_json: |policy, json| json::list(ABOUT.fields, "entries", policy.numbered, json),
    write: |command, body| command.json_of(&json::entries(body)),
    shows: &[".show cluster policy sandbox"],
    check,
    ..Policy::of(&ABOUT, "sandbox")
};

fn check(at: &At<'_>) -> Vec<Finding> {
    let entries = at.resource.body.get("entries").and_then(Value::as_list).unwrap_or_default();
    let kinds: Vec<&str> = entries
        .iter()
        .filter_map(Value::as_map)
        .filter_map(|entry: &Body| entry.text("sandboxKind"))
        .collect();
    let again = kinds.iter().enumerate().find(|(place, kind)| kinds[..*place].contains(kind));
    let finding = |kind: &str| {
        Finding::new(&["entries"], format!("{kind} is given twice"), "give each plugin one entry")
    };
    again.map(|(_, kind)| finding(kind)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::cluster_steps;
    use serde_json::json;

    #[test]
    fn is_a_list_that_is_replaced() {
        let python = json!({"entries": [{"sandboxKind": "pythonexecution", "isEnabled": true, "targetCountPerNode": 4}]});
        assert_eq!(
            cluster_steps("sandboxPolicy", "policies.sandbox", json!(null), python),
            [
                r#".alter cluster policy sandbox '[{"IsEnabled":true,"SandboxKind":"PythonExecution","TargetCountPerNode":4}]'"#,
                "  undo .delete cluster policy sandbox",
            ]
        );
    }
}
