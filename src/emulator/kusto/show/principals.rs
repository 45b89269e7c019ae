//! Role assignments as rows and as the JSON of `AuthorizedPrincipals`.

use crate::emulator::kusto::catalog::Assignment;
use serde::Serialize;
use serde_json::{Value, json};

/// A row of a principals answer; `prose` stands before the role: `Table T `.
pub(crate) fn row(held: &Assignment, prose: &str) -> Vec<Value> {
    vec![
        json!(format!("{prose}{}", held.role.name())),
        json!(held.holder.kind()),
        json!(held.holder.display_name()),
        json!(held.holder.object_id),
        json!(held.holder.fqn()),
        json!(held.notes),
        json!(held.id),
    ]
}

#[derive(Serialize)]
struct Authorized<'a> {
    #[serde(rename = "Type")]
    kind: &'a str,
    #[serde(rename = "DisplayName")]
    display_name: String,
    #[serde(rename = "ObjectId")]
    object_id: &'a str,
    #[serde(rename = "FQN")]
    fqn: String,
    #[serde(rename = "Notes")]
    notes: &'a str,
    #[serde(rename = "RoleAssignmentIdentifier")]
    id: &'a str,
}

/// The text of `AuthorizedPrincipals`.
pub(crate) fn as_json(held: &[Assignment]) -> String {
    let all: Vec<Authorized<'_>> = held
        .iter()
        .map(|held| Authorized {
            kind: held.holder.kind(),
            display_name: held.holder.display_name(),
            object_id: &held.holder.object_id,
            fqn: held.holder.fqn(),
            notes: &held.notes,
            id: &held.id,
        })
        .collect();
    serde_json::to_string(&all).unwrap_or_default()
}
