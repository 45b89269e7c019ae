//! Query weak consistency: which nodes answer weakly consistent queries (`M:query-weak-consistency-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope};
use crate::emulator::kusto::error::Fault;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct QueryWeakConsistency;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    percentage_of_nodes: i64,
    minimum_number_of_nodes: i64,
    maximum_number_of_nodes: i64,
    super_slacker_number_of_nodes_threshold: i64,
    enable_metadata_prefetch: bool,
    maximum_lag_allowed_in_minutes: i64,
    refresh_period_in_seconds: i64,
}

impl Policy for QueryWeakConsistency {
    fn word(&self) -> &'static str {
        "query_weak_consistency"
    }

    fn title(&self) -> &'static str {
        "QueryWeakConsistencyPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster]
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let whole = |name: &str, most: i64| Ok::<_, Fault>(fields.whole(name, -1..=most)?.unwrap_or(-1));
        printed(&Canonical {
            percentage_of_nodes: whole("PercentageOfNodes", 100)?,
            minimum_number_of_nodes: whole("MinimumNumberOfNodes", i64::MAX)?,
            maximum_number_of_nodes: whole("MaximumNumberOfNodes", i64::MAX)?,
            super_slacker_number_of_nodes_threshold: whole("SuperSlackerNumberOfNodesThreshold", i64::MAX)?,
            enable_metadata_prefetch: fields.flag("EnableMetadataPrefetch")?.unwrap_or(false),
            maximum_lag_allowed_in_minutes: whole("MaximumLagAllowedInMinutes", i64::MAX)?,
            refresh_period_in_seconds: whole("RefreshPeriodInSeconds", i64::MAX)?,
        })
    }

    fn never_unset(&self) -> Option<String> {
        self.canonical(&json!({}), None, 0).ok()
    }
}
