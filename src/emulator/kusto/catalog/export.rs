//! Continuous exports.

use serde::{Deserialize, Serialize};

/// A query whose result the service writes to an external table again and again; the emulator keeps its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContinuousExport {
    /// The name.
    pub(crate) name: String,
    /// The external table that it writes to.
    pub(crate) external_table: String,
    /// The query.
    pub(crate) query: String,
    /// The tables of which each record is exported once.
    pub(crate) scoped: Vec<String>,
    /// The time between runs, in ticks.
    pub(crate) interval: i64,
    /// How late records are taken in, in ticks.
    pub(crate) forced_latency: Option<i64>,
    /// The largest file, in bytes.
    pub(crate) size_limit: i64,
    /// Whether all nodes write.
    pub(crate) distributed: bool,
    /// How the writing is spread: `single`, `per_node`, `per_shard`.
    pub(crate) distribution: String,
    /// Whether records are spread evenly: `uniform`, `default`.
    pub(crate) distribution_kind: String,
    /// Records in a row group of Parquet.
    pub(crate) row_group_size: i64,
    /// The identity that it runs as; empty for none.
    pub(crate) managed_identity: String,
    /// Whether it does not run.
    pub(crate) disabled: bool,
    /// From where on records are exported.
    pub(crate) cursor: String,
    /// Until when records were exported, in ticks.
    pub(crate) exported_to: i64,
}
