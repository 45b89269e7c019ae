//! Sharding: when an extent is full (`M:sharding-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope};
use crate::emulator::kusto::error::Fault;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct Sharding;

/// The legacy members stand where old clusters print them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    max_row_count: i64,
    max_extent_size_in_mb: i64,
    max_original_size_in_mb: i64,
    use_shard_engine: bool,
    shard_engine_max_row_count: i64,
    shard_engine_max_extent_size_in_mb: i64,
    shard_engine_max_original_size_in_mb: i64,
}

impl Policy for Sharding {
    fn word(&self) -> &'static str {
        "sharding"
    }

    fn title(&self) -> &'static str {
        "ShardingPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster, Scope::Database, Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table]
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let whole =
            |name: &str, default: i64| Ok::<_, Fault>(fields.whole(name, 1..=i64::MAX)?.unwrap_or(default));
        printed(&Canonical {
            max_row_count: whole("MaxRowCount", 750_000)?,
            max_extent_size_in_mb: whole("MaxExtentSizeInMb", 1024)?,
            max_original_size_in_mb: whole("MaxOriginalSizeInMb", 2048)?,
            use_shard_engine: fields.flag("UseShardEngine")?.unwrap_or(true),
            shard_engine_max_row_count: whole("ShardEngineMaxRowCount", 1_048_576)?,
            shard_engine_max_extent_size_in_mb: whole("ShardEngineMaxExtentSizeInMb", 8192)?,
            shard_engine_max_original_size_in_mb: whole("ShardEngineMaxOriginalSizeInMb", 3072)?,
        })
    }

    /// Set on every new database.
    fn of_new(&self, scope: Scope) -> Option<String> {
        if scope == Scope::Database { self.canonical(&json!({}), None, 0).ok() } else { None }
    }

    fn in_force(&self) -> Option<String> {
        self.canonical(&json!({}), None, 0).ok()
    }
}
