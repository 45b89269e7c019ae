//! The built-in roles that matter here, by name and id.
//!
//! <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>

/// The roles, by name.
#[rustfmt::skip]
const ROLES: &[(&str, &str)] = &[
    ("Azure Event Hubs Data Owner", "f526a384-b230-433a-b45c-95f59c4a2dec"),
    ("Azure Event Hubs Data Receiver", "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"),
    ("Azure Event Hubs Data Sender", "2b629674-e913-4c01-ae53-ef4638d8f975"),
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("Cosmos DB Account Reader Role", "fbdf93bf-df7d-467e-a4d2-9458aa1360c8"),
    ("Key Vault Crypto Service Encryption User", "e147488a-f6f5-4113-8e2d-b22465e65bf6"),
    ("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6"),
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("Storage Blob Data Owner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
    ("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"),
    ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
];

/// The names of the roles that are known.
pub(super) fn names() -> Vec<String> {
    ROLES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// The id of a role given by its name, by its id, or by the whole id of its definition.
pub fn id(role: &str) -> Option<String> {
    let last = role.trim_end_matches('/').rsplit('/').next().unwrap_or(role);
    let known =
        ROLES.iter().find(|(name, _)| name.eq_ignore_ascii_case(role)).map(|(_, id)| (*id).to_owned());
    known.or_else(|| uuid::Uuid::try_parse(last).ok().map(|id| id.to_string()))
}

/// A role as it is kept and compared: its name where it is known, else its id.
pub(super) fn canonical(role: &str) -> String {
    let Some(id) = id(role) else { return role.to_owned() };
    ROLES.iter().find(|(_, known)| *known == id).map_or(id, |(name, _)| (*name).to_owned())
}
