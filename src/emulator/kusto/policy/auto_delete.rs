//! Auto delete: when the whole table goes (`M:auto-delete-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Target, invalid};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::Value;

pub(super) struct AutoDelete;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    expiry_date: String,
    delete_if_not_empty: bool,
}

impl Policy for AutoDelete {
    fn word(&self) -> &'static str {
        "auto_delete"
    }

    fn title(&self) -> &'static str {
        "AutoDeletePolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn merges(&self) -> bool {
        false
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let expiry =
            fields.datetime("ExpiryDate")?.ok_or_else(|| fields.wrong("ExpiryDate", "is missing"))?;
        printed(&Canonical {
            expiry_date: time::datetime(expiry).trim_end_matches('Z').to_owned(),
            delete_if_not_empty: fields.flag("DeleteIfNotEmpty")?.unwrap_or(false),
        })
    }

    fn check(&self, view: &View<'_>, _target: &Target, policy: &Value) -> Result<(), Fault> {
        let expiry = policy["ExpiryDate"].as_str().and_then(time::any_datetime);
        if expiry.is_some_and(|expiry| expiry > view.request.now) {
            Ok(())
        } else {
            Err(invalid(self.title(), "ExpiryDate is not in the future"))
        }
    }
}
