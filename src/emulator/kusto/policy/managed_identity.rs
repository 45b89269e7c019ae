//! Managed identity: which identities may be used, and for what (`M:managed-identity-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, invalid};
use crate::emulator::kusto::error::Fault;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

pub(super) struct ManagedIdentity;

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

/// The object id that `system` comes back as.
const SYSTEM: Uuid = Uuid::from_u128(0x5e57_e300_0000_4000_8000_0000_0000_0001);
const TENANT: Uuid = Uuid::from_u128(0x7e4a_4700_0000_4000_8000_0000_0000_0001);

/// `ClientId`, `TenantId`, `DisplayName` and `IsSystem` are the service's own.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    object_id: String,
    client_id: String,
    tenant_id: String,
    display_name: String,
    is_system: bool,
    allowed_usages: String,
}

impl ManagedIdentity {
    fn entry(&self, element: &Value) -> Result<Canonical, Fault> {
        let fields = Fields::new(self.title(), element, None)?;
        let id = fields.text("ObjectId")?.ok_or_else(|| fields.wrong("ObjectId", "is missing"))?;
        let is_system = id.eq_ignore_ascii_case("system") || id == SYSTEM.to_string();
        let object = if is_system { Some(SYSTEM) } else { Uuid::try_parse(id).ok() };
        let object = object.ok_or_else(|| fields.wrong("ObjectId", "is neither a GUID nor 'system'"))?;
        let given = fields.text("AllowedUsages")?.unwrap_or_default();
        let mut usages = Vec::new();
        for usage in given.split(',').map(str::trim) {
            let known = USAGES.iter().find(|known| known.eq_ignore_ascii_case(usage));
            usages.push(*known.ok_or_else(|| fields.wrong("AllowedUsages", &format!("has no '{usage}'")))?);
        }
        Ok(Canonical {
            object_id: object.to_string(),
            client_id: Uuid::from_u128(!object.as_u128()).to_string(),
            tenant_id: TENANT.to_string(),
            display_name: if is_system { "the cluster".to_owned() } else { format!("identity {id}") },
            is_system,
            allowed_usages: usages.join(", "),
        })
    }
}

impl Policy for ManagedIdentity {
    fn word(&self) -> &'static str {
        "managed_identity"
    }

    fn title(&self) -> &'static str {
        "ManagedIdentityPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster, Scope::Database]
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    /// Merging replaces the entry of a known identity and adds the others.
    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let Value::Array(given) = given else { return Err(invalid(self.title(), "it is not a JSON list")) };
        let mut all: Vec<Canonical> = Vec::new();
        for element in before.and_then(Value::as_array).into_iter().flatten() {
            all.push(self.entry(element)?);
        }
        let kept = all.len();
        for element in given {
            let entry = self.entry(element)?;
            match all.iter().position(|known| known.object_id == entry.object_id) {
                Some(at) if at < kept => all[at] = entry,
                Some(_) => return Err(invalid(self.title(), "an identity is given twice")),
                None => all.push(entry),
            }
        }
        printed(&all)
    }
}
