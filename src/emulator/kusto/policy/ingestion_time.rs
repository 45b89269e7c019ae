//! Ingestion time: whether records remember when they came (`M:ingestion-time-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Verb};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::Cursor;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct IngestionTime;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Enabled {
    pub(super) is_enabled: bool,
}

impl Policy for IngestionTime {
    fn word(&self) -> &'static str {
        "ingestiontime"
    }

    fn title(&self) -> &'static str {
        "IngestionTimePolicy"
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

    /// On for every new table.
    fn of_new(&self, scope: Scope) -> Option<String> {
        if scope == Scope::Table { Some(r#"{"IsEnabled":true}"#.to_owned()) } else { None }
    }

    fn statement(&self, entity: &str, text: &str) -> String {
        format!(".alter {entity} policy ingestiontime {}", text == r#"{"IsEnabled":true}"#)
    }
}
