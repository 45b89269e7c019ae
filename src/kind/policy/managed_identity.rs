//! The managed identity policy: which identities may be used, and for what.

use super::{BASE, Policy, json};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};
use crate::model::body::{Body, Value};
use serde_json::Value as Json;

const USAGES: &[&str] = &[
    "All",
    "AutomatedFlows",
    "AzureAI",
    "DataConnection",
    "ExportRequest",
    "ExternalDataRequest",
    "ExternalTable",
    "NativeIngestion",
    "SandboxArtifacts",
    "SqlRequest",
];

const ENTRY: &[Field] = &[
    Field::new("objectId", Shape::Text, "The identity's object id, or `system` for the cluster's own.")
        .required(),
    Field::new("allowedUsages", Shape::Set(&Shape::OpenEnum(USAGES)), "What it may be used for.").required(),
];

const ABOUT: About = About {
    name: "managedIdentityPolicy",
    keyed: Keyed::Fixed("managedIdentity"),
    parents: &["cluster", "database"],
    short: &["entries"],
    doc: "Which managed identities may be used, and for what; what the cluster's policy allows is allowed as well.",
    page: "https://learn.microsoft.com/kusto/management/managed-identity-policy",
    example: "policies:\n  managedIdentity: [{objectId: system, allowedUsages: [NativeIngestion, ExternalTable]}]\n",
    fields: &[Field::new(
        "entries",
        Shape::Set(&Shape::object(ENTRY)),
        "The identities, each with what it may be used for.",
    )],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("entries", Vec::new()),
    from_json,
    write: |command, body| {
        let entries = body.get("entries").and_then(Value::as_list).unwrap_or_default();
        command.json_of(&Value::List(entries.iter().filter_map(Value::as_map).map(written).collect()))
    },
    shows: &[".show cluster policy managed_identity"],
    ..Policy::of(&ABOUT, "managed_identity")
};

/// The usages are one text with commas.
fn written(entry: &Body) -> Value {
    let usages = entry.get("allowedUsages").and_then(Value::as_list).unwrap_or_default();
    let usages: Vec<&str> = usages.iter().filter_map(Value::as_text).collect();
    json::written(&entry.clone().with("allowedUsages", usages.join(", ")))
}

/// The cluster's own identity comes back with its id.
fn from_json(_: &Policy, json: &Json) -> Result<Body, String> {
    let mut json = json.clone();
    for entry in json.as_array_mut().into_iter().flatten() {
        if entry["IsSystem"] == true {
            entry["ObjectId"] = Json::from("system");
        }
        let usages = entry["AllowedUsages"].as_str().unwrap_or_default().split(',').map(str::trim);
        entry["AllowedUsages"] = usages.filter(|usage| !usage.is_empty()).collect();
    }
    json::list(ABOUT.fields, "entries", &[], &json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn usages_are_a_set_in_one_text() {
        let wanted = json!({"entries": [{"objectId": "system", "allowedUsages": ["NativeIngestion", "ExternalTable"]}]});
        assert_eq!(
            steps("managedIdentityPolicy", "policies.managedIdentity", json!(null), wanted.clone())[0],
            r#".alter database d policy managed_identity '[{"AllowedUsages":"ExternalTable, NativeIngestion","ObjectId":"system"}]'"#
        );
        let json = json!([{"ObjectId": "1d4c5f4e-0000-0000-0000-000000000000", "IsSystem": true, "ClientId": "x", "AllowedUsages": "NativeIngestion,ExternalTable"}]);
        let body = crate::kind::entity::tests::body("managedIdentityPolicy", &wanted);
        assert_eq!(from_json(&POLICY, &json).unwrap(), body);
    }
}
