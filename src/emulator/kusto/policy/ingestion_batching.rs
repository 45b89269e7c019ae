//! Ingestion batching: when a batch is sealed (`M:batching-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::Value;

pub(super) struct IngestionBatching;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    maximum_batching_time_span: String,
    maximum_number_of_items: i64,
    #[serde(rename = "MaximumRawDataSizeMB")]
    maximum_raw_data_size_mb: i64,
}

const SHORTEST: i64 = 10 * time::SECOND;
const LONGEST: i64 = 30 * 60 * time::SECOND;

impl Policy for IngestionBatching {
    fn word(&self) -> &'static str {
        "ingestionbatching"
    }

    fn title(&self) -> &'static str {
        "IngestionBatchingPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster, Scope::Database, Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table]
    }

    fn plural(&self) -> bool {
        true
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let name = "MaximumBatchingTimeSpan";
        let span = fields.timespan(name)?.unwrap_or(5 * 60 * time::SECOND);
        if !(SHORTEST..=LONGEST).contains(&span) {
            return Err(fields.wrong(name, "is not from 00:00:10 to 00:30:00"));
        }
        printed(&Canonical {
            maximum_batching_time_span: time::timespan(span),
            maximum_number_of_items: fields.whole("MaximumNumberOfItems", 1..=25_000)?.unwrap_or(500),
            maximum_raw_data_size_mb: fields.whole("MaximumRawDataSizeMB", 100..=4096)?.unwrap_or(1024),
        })
    }
}
