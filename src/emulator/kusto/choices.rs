//! Every answer of the emulator that the documentation leaves open, in one place.
//!
//! Each entry says what is open, what was chosen, and why. A client must not rely on any of them: where the
//! service may answer either way, the emulator takes the way that is harder on the client.
//!
//! Some choices are a form rather than a switch, and stand where the form is made: the members of a policy that are not
//! known are ignored (`policy/fields.rs`); the JSON of a row order (`policy/row_order.rs`); the
//! JSON of an encoding (`policy/encoding.rs`); policies of views in the csl script (`show/script.rs`); the number or the name of a
//! merge policy's lookback (`policy/merge.rs`); the newer of the two forms of ingestion mappings
//! (`catalog/mapping.rs`); the members of `Properties` and `Partitions` of external tables that no sample shows, and what
//! of a connection string is starred (`catalog/external.rs`); the order of the rows of a csl script (`show/script.rs`);
//! a view is listed only when its backfill has ended (`catalog/operation.rs`); a view whose source's columns have moved
//! is not enabled before it is altered, and keeps its name while another view reads it (`command/view/mod.rs`); what
//! `.create-or-alter continuous-export` leaves out takes its default, and its cursor stays (`command/export.rs`).
//!
//! Whether `schema as csl script` holds entity groups, graph models, and the principals of functions, views, graph
//! models and external tables is open: it does (`show/script.rs`), so that the script makes the database again.
//!
//! Invariant: code elsewhere never decides such a question by itself.

use super::catalog::Version;
use super::types::Type;
use serde_json::{Value, json};

/// Whether the creator of a table or function becomes its admin (`M:security-roles.md`): documented, and so a row
/// that nobody asked for appears in `.show table T principals`. It is left out of `schema as csl script`.
pub(crate) const CREATOR_BECOMES_ADMIN: bool = true;

/// Whether `.show table * policy P` lists tables on which P is not set, with the text `null`. Open; a client must
/// treat a missing row and `null` alike, so the longer answer is given.
pub(crate) const STAR_LISTS_UNSET: bool = true;

/// Whether `.show database D ingestion mappings` also lists the mappings of tables. Open; the documentation's
/// wording says mappings of the database.
pub(crate) const DATABASE_MAPPINGS_INCLUDE_TABLES: bool = false;

/// Whether `.create-merge table … with (…)` sets docstring and folder of a table that exists. Open; what is given
/// is set, what is not given stays.
pub(crate) const CREATE_MERGE_SETS_PROPERTIES: bool = true;

/// Whether `.alter function` and `.create-or-alter function` clear the properties that they do not give. Open; they
/// replace the function, so what is omitted is cleared.
pub(crate) const ALTER_FUNCTION_CLEARS_OMITTED: bool = true;

/// Whether commands after the first failure of a script appear as rows when neither option is given. Open; they do
/// not: they were not run.
pub(crate) const SCRIPT_LISTS_COMMANDS_NOT_RUN: bool = false;

/// Whether `.undo drop table` brings back policies, mappings, docstrings and rows with the columns. Open; all of it
/// comes back, because the drop is soft and the container is restored whole.
pub(crate) const UNDO_RESTORES_EVERYTHING: bool = true;

/// Whether principals come back with `.undo drop table`. Open; they do, for the same reason.
pub(crate) const UNDO_RESTORES_PRINCIPALS: bool = true;

/// Whether `.show tables (A, B)` fails when one of them does not exist. Open; it lists those that exist.
pub(crate) const SHOW_TABLES_REFUSES_MISSING: bool = false;

/// Whether a table that a materialized view reads refuses `.drop table`. Open; it does, so that clients order drops.
pub(crate) const SOURCE_OF_VIEW_STAYS: bool = true;

/// Whether the last column of a table refuses to be dropped. Open; it does: no command creates a table without
/// columns.
pub(crate) const LAST_COLUMN_STAYS: bool = true;

/// Whether an update policy is refused when its query gives other column names than the target table. The
/// documentation says both "names, types and order" and "types and order"; only the second is enforced.
pub(crate) const UPDATE_POLICY_COMPARES_NAMES: bool = false;

/// Whether `.create-or-alter graph_model` refuses steps that name tables or functions that do not exist. When it is
/// checked is open; at once, so that clients order what they create.
pub(crate) const GRAPH_MODEL_CHECKS_NAMES: bool = true;

/// Whether `schema as csl script` says of a table without an ingestion time policy that it is off. Open; deleting the
/// policy is documented to be the same as switching it off, and a script that said nothing would make a table on
/// which it is on.
pub(crate) const SCRIPT_SAYS_UNSET_INGESTION_TIME: bool = true;

/// Whether `schema as csl script` holds the query acceleration policies of external tables. Open; it does not, so
/// that clients read them by the command that the documentation has for them.
pub(crate) const SCRIPT_SAYS_QUERY_ACCELERATION: bool = false;

/// Whether `.alter external table` and `.create-or-alter external table` change the kind of a table. Open; they do not.
pub(crate) const EXTERNAL_TABLE_CHANGES_KIND: bool = false;

/// Whether `AutoUpdateSchema` is refused while query acceleration is not enabled. Open; the documentation says that it
/// works only then, and a table must exist before it can be accelerated, so it is not.
pub(crate) const SCHEMA_UPDATES_NEED_ACCELERATION: bool = false;

/// The columns that are "read from the data" of a delta table that is created without columns: there is no data here.
pub(crate) fn inferred_columns() -> Vec<(String, Type)> {
    vec![("Timestamp".to_owned(), Type::DateTime), ("Value".to_owned(), Type::Dynamic)]
}

/// Whether `.add` of a principal that holds the role, and `.drop` of one that does not, are refused. Open; they
/// change nothing and answer with the members, and the notes of who was there stay.
pub(crate) const PRINCIPALS_REFUSE_NO_CHANGE: bool = false;

/// The tenant of principals that are named without one.
pub(crate) const HOME_TENANT: &str = "b3f1c0de-7e9a-4d5c-8a44-0d1e2f3a4b5c";

/// Whether `schema as csl script` says of a table that restricted view access is off. Open; deleting the policy is
/// documented to be nearly the same as switching it off, so there is nothing to say.
pub(crate) const SCRIPT_SAYS_UNRESTRICTED: bool = false;

/// Whether restricted view access on a table refuses update policies and materialized views that read it, and the
/// other way round. Documented as not supported; when it is checked is open. Definitions are accepted.
pub(crate) const RESTRICTED_VIEW_REFUSES_READERS: bool = false;

/// The rows of the callout policy that the service sets itself and gives as `Cluster immutable policy`. That there are
/// such rows is documented, which they are is not.
pub(crate) const FIXED_CALLOUTS: &[&str] = &[
    r#"[{"CalloutType":"kusto","CalloutUriRegex":"[a-z0-9]{3,22}\\.(\\w+\\.)?kusto\\.windows\\.net/?$","CanCall":true}]"#,
];

/// `MaxMemoryMbPerSandbox` where it is not given. 1024 or 20480, by the kind of node.
pub(crate) const SANDBOX_MEMORY_MB: i64 = 1024;

/// The concurrent requests of a workload group that says none: the service adds a limit of its own, here ten times the
/// two cores of the one node.
pub(crate) const CONCURRENT_REQUESTS: i64 = 20;

/// A limit of the workload group `default` that nobody set. Memory per query depends on the node; whether a caller's
/// age of cached results is limited is open, and so is what `default` says of consistency.
pub(crate) fn default_limit(name: &str) -> Option<Value> {
    let value = match name {
        "DataScope" => json!("All"),
        "MaxMemoryPerQueryPerNode" => json!(8_589_699_072_i64),
        "MaxMemoryPerIterator" => json!(5_368_709_120_i64),
        "MaxFanoutThreadsPercentage" | "MaxFanoutNodesPercentage" => json!(100),
        "MaxResultRecords" => json!(500_000),
        "MaxResultBytes" => json!(67_108_864),
        "MaxExecutionTime" => json!("00:04:00"),
        "QueryConsistency" => json!("Strong"),
        _ => return None,
    };
    Some(json!({"IsRelaxable": true, "Value": value}))
}

/// The capacity policy of a new cluster, as documented. Where the page's table and its sample disagree
/// (`ExtentsMergeCapacity`, `MaterializedViewsCapacity`), the sample is taken.
pub(crate) fn capacity() -> Value {
    json!({
        "IngestionCapacity": {"ClusterMaximumConcurrentOperations": 512, "CoreUtilizationCoefficient": 0.75},
        "ExtentsMergeCapacity": {"MinimumConcurrentOperationsPerNode": 1, "MaximumConcurrentOperationsPerNode": 3},
        "ExtentsPurgeRebuildCapacity": {"MaximumConcurrentOperationsPerNode": 1},
        "ExportCapacity": {"ClusterMaximumConcurrentOperations": 100, "CoreUtilizationCoefficient": 0.25},
        "ExtentsPartitionCapacity": {
            "ClusterMinimumConcurrentOperations": 1, "ClusterMaximumConcurrentOperations": 32
        },
        "MaterializedViewsCapacity": {
            "ClusterMaximumConcurrentOperations": 1,
            "ExtentsRebuildCapacity": {
                "ClusterMaximumConcurrentOperations": 50, "MaximumConcurrentOperationsPerNode": 5
            },
        },
        "StoredQueryResultsCapacity": {
            "MaximumConcurrentOperationsPerDbAdmin": 250, "CoreUtilizationCoefficient": 0.75
        },
        "StreamingIngestionPostProcessingCapacity": {"MaximumConcurrentOperationsPerNode": 4},
        "PurgeStorageArtifactsCleanupCapacity": {"MaximumConcurrentOperationsPerCluster": 2},
        "PeriodicStorageArtifactsCleanupCapacity": {"MaximumConcurrentOperationsPerCluster": 2},
        "QueryAccelerationCapacity": {
            "ClusterMaximumConcurrentOperations": 100, "CoreUtilizationCoefficient": 0.5
        },
        "GraphSnapshotsCapacity": {"ClusterMaximumConcurrentOperations": 5},
    })
}

/// Whether what tunes a backfill is refused on a view that is created without one. Open; it is.
pub(crate) const BACKFILL_TUNING_NEEDS_BACKFILL: bool = true;

/// Whether a continuous export that names no tables it goes over lists all that its query reads. Open; it does.
pub(crate) const EXPORT_SCOPES_ALL_WHEN_OMITTED: bool = true;

/// Whether `schema as csl script` holds the commands that create materialized views. Open; it does, so that the
/// policies of views, which it holds too, can be run after it.
pub(crate) const SCRIPT_HOLDS_VIEWS: bool = true;

/// Journal entries kept for one database; the service keeps more, the number is not documented.
pub(crate) const JOURNAL_KEPT: usize = 50_000;

/// The longest state of an entity, in bytes, that a journal entry keeps; the journal's content is declared to be no
/// contract, and the states of wide tables would outweigh the tables.
pub(crate) const LONGEST_JOURNAL_STATE: usize = 1_000;

/// Operations kept for one cluster; the service keeps two weeks of them.
pub(crate) const OPERATIONS_KEPT: usize = 1_000;

/// The largest request body, in bytes; the length of a command is not documented.
pub(crate) const LARGEST_REQUEST: usize = 256 * 1024 * 1024;

/// The version after a change. Every change moves it; which part moves is open: a change of an entity's existence,
/// name or schema moves the first, any other the second.
pub(crate) const fn next_version(version: Version, schema: bool) -> Version {
    if schema {
        Version { major: version.major + 1, minor: 0 }
    } else {
        Version { major: version.major, minor: version.minor + 1 }
    }
}

/// The text of a command in the rows of `.execute script`: line breaks and the blanks around them become one blank.
pub(crate) fn collapsed(command: &str) -> String {
    let lines: Vec<&str> = command.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}
