//! Extent tags retention: how long tags stay (`M:extent-tags-retention-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, invalid};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::Value;

pub(super) struct ExtentTagsRetention;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    tag_prefix: String,
    retention_period: String,
}

impl Policy for ExtentTagsRetention {
    fn word(&self) -> &'static str {
        "extent_tags_retention"
    }

    fn title(&self) -> &'static str {
        "ExtentTagsRetentionPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table]
    }

    fn merges(&self) -> bool {
        false
    }

    fn canonical(&self, given: &Value, _before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let Value::Array(elements) = given else {
            return Err(invalid(self.title(), "it is not a JSON list"));
        };
        let mut all: Vec<Canonical> = Vec::new();
        for element in elements {
            let fields = Fields::new(self.title(), element, None)?;
            let prefix = fields.text("TagPrefix")?.unwrap_or_default();
            if prefix.find(':').is_none_or(|at| at + 1 != prefix.len()) {
                return Err(fields.wrong("TagPrefix", "does not end with its only colon"));
            }
            if all.iter().any(|known| known.tag_prefix == prefix) {
                return Err(fields.wrong("TagPrefix", &format!("'{prefix}' is given twice")));
            }
            let period = fields.timespan("RetentionPeriod")?.filter(|ticks| *ticks >= 0);
            let period = period.ok_or_else(|| fields.wrong("RetentionPeriod", "is missing or negative"))?;
            all.push(Canonical { tag_prefix: prefix.to_owned(), retention_period: time::timespan(period) });
        }
        printed(&all)
    }
}
