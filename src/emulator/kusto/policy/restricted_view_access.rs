//! Restricted view access: a table that only unrestricted viewers read (`M:restricted-view-access-policy.md`).

use super::fields::{Fields, printed};
use super::ingestion_time::Enabled;
use super::{Policy, Scope, Target, Verb, invalid};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Value, json};

pub(super) struct RestrictedViewAccess;

impl Policy for RestrictedViewAccess {
    fn word(&self) -> &'static str {
        "restricted_view_access"
    }

    fn title(&self) -> &'static str {
        "RestrictedViewAccessPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn plural(&self) -> bool {
        true
    }

    fn merges(&self) -> bool {
        false
    }

    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        Ok(json!({"IsEnabled": cursor.flag()?}))
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let is_enabled = Fields::new(self.title(), given, before)?.flag("IsEnabled")?.unwrap_or(false);
        printed(&Enabled { is_enabled })
    }

    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        let database = view.database(target.database())?;
        let Some(table) = target.table(database).filter(|_| policy["IsEnabled"] == true) else {
            return Ok(());
        };
        if table.policies.get("row_level_security").is_some_and(|text| text.contains("\"IsEnabled\":true")) {
            let why = format!("table '{}' has row level security enabled; remove it first", table.name);
            return Err(invalid(self.title(), &why));
        }
        let has_view = database.views.values().any(|view| !view.over_view && view.source == table.name);
        if choices::RESTRICTED_VIEW_REFUSES_READERS && has_view {
            let why = format!("table '{}' is the source of a materialized view", table.name);
            return Err(invalid(self.title(), &why));
        }
        Ok(())
    }

    fn statement(&self, entity: &str, text: &str) -> String {
        let name = entity.strip_prefix("table ").unwrap_or(entity);
        let flag = if text == r#"{"IsEnabled":true}"# { "True" } else { "False" };
        format!(".alter tables ({name}) policy restricted_view_access {flag}")
    }
}
