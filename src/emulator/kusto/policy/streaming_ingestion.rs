//! Streaming ingestion: whether small writes go through the row store (`M:streaming-ingestion-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Verb, json_argument};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::Cursor;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct StreamingIngestion;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    is_enabled: bool,
    hint_allocated_rate: Option<f64>,
}

impl Policy for StreamingIngestion {
    fn word(&self) -> &'static str {
        "streamingingestion"
    }

    fn title(&self) -> &'static str {
        "StreamingIngestionPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster, Scope::Database, Scope::Table]
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    fn read(&self, verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        if verb == Verb::Alter {
            for (word, enabled) in [("enable", true), ("disable", false)] {
                if cursor.eat(word) {
                    return Ok(json!({"IsEnabled": enabled}));
                }
            }
        }
        json_argument(self.title(), cursor)
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let is_enabled = fields.flag("IsEnabled")?.ok_or_else(|| fields.wrong("IsEnabled", "is missing"))?;
        let hint_allocated_rate = fields.real("HintAllocatedRate")?;
        if hint_allocated_rate.is_some_and(|rate| rate < 0.0) {
            return Err(fields.wrong("HintAllocatedRate", "is negative"));
        }
        printed(&Canonical { is_enabled, hint_allocated_rate })
    }
}
