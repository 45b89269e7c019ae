//! The result columns that Microsoft's parser declares for each command family, in their order.

use super::frame::Schema;
use super::types::Type::{Bool, DateTime, Dynamic, Guid, Int, Long, Real, String, TimeSpan};

/// `.show tables` and what answers like it.
pub(crate) const TABLES: Schema =
    &[("TableName", String), ("DatabaseName", String), ("Folder", String), ("DocString", String)];

/// `.drop table`: the tables that remain.
pub(crate) const REMAINING_TABLES: Schema = &[("TableName", String), ("DatabaseName", String)];

/// `.show table T cslschema` and what answers like it.
pub(crate) const TABLE_SCHEMA: Schema = &[
    ("TableName", String),
    ("Schema", String),
    ("DatabaseName", String),
    ("Folder", String),
    ("DocString", String),
];

/// `.show table T`: storage per column.
pub(crate) const TABLE_STORAGE: Schema = &[
    ("AttributeName", String),
    ("AttributeType", String),
    ("ExtentSize", Long),
    ("CompressionRatio", Real),
    ("IndexSize", Long),
    ("IndexSizePercent", Real),
    ("OriginalSize", Long),
    ("AttributeId", Guid),
    ("SharedIndexSize", Long),
    ("StorageEngineVersion", String),
];

/// `.show tables details`.
pub(crate) const TABLE_DETAILS: Schema = &[
    ("TableName", String),
    ("DatabaseName", String),
    ("Folder", String),
    ("DocString", String),
    ("TotalExtents", Long),
    ("TotalExtentSize", Real),
    ("TotalOriginalSize", Real),
    ("TotalRowCount", Long),
    ("HotExtents", Long),
    ("HotExtentSize", Real),
    ("HotOriginalSize", Real),
    ("HotRowCount", Long),
    ("AuthorizedPrincipals", String),
    ("RetentionPolicy", String),
    ("CachingPolicy", String),
    ("ShardingPolicy", String),
    ("MergePolicy", String),
    ("StreamingIngestionPolicy", String),
    ("IngestionBatchingPolicy", String),
    ("MinExtentsCreationTime", DateTime),
    ("MaxExtentsCreationTime", DateTime),
    ("RowOrderPolicy", String),
    ("TableId", Guid),
];

/// `.undo drop table`.
pub(crate) const UNDO: Schema =
    &[("ExtentId", Guid), ("NumberOfRecords", Long), ("Status", String), ("FailureReason", String)];

/// Renaming a column or altering its type.
pub(crate) const COLUMN: Schema = &[("EntityName", String), ("DataType", String), ("Policy", String)];

/// Mappings of a table.
pub(crate) const TABLE_MAPPINGS: Schema = &[
    ("Name", String),
    ("Kind", String),
    ("Mapping", String),
    ("LastUpdatedOn", DateTime),
    ("Database", String),
    ("Table", String),
];

/// Mappings of a database.
pub(crate) const DATABASE_MAPPINGS: Schema = &[
    ("Name", String),
    ("Kind", String),
    ("Mapping", String),
    ("LastUpdatedOn", DateTime),
    ("Database", String),
];

/// Stored functions.
pub(crate) const FUNCTIONS: Schema =
    &[("Name", String), ("Parameters", String), ("Body", String), ("Folder", String), ("DocString", String)];

/// `.drop function`.
pub(crate) const DROPPED_FUNCTION: Schema = &[("Name", String)];

/// Every policy command.
pub(crate) const POLICY: Schema = &[
    ("PolicyName", String),
    ("EntityName", String),
    ("Policy", String),
    ("ChildEntities", String),
    ("EntityType", String),
];

/// Role assignments.
pub(crate) const PRINCIPALS: Schema = &[
    ("Role", String),
    ("PrincipalType", String),
    ("PrincipalDisplayName", String),
    ("PrincipalObjectId", String),
    ("PrincipalFQN", String),
    ("Notes", String),
    ("RoleAssignmentIdentifier", String),
];

/// The caller's own roles.
pub(crate) const OWN_ROLES: Schema =
    &[("Scope", String), ("DisplayName", String), ("AADObjectID", String), ("Role", String)];

/// `.show databases`.
pub(crate) const DATABASES: Schema = &[
    ("DatabaseName", String),
    ("PersistentStorage", String),
    ("Version", String),
    ("IsCurrent", Bool),
    ("DatabaseAccessMode", String),
    ("PrettyName", String),
    ("ReservedSlot1", Bool),
    ("DatabaseId", Guid),
    ("InTransitionTo", String),
];

/// `.show databases identity`.
pub(crate) const DATABASE_IDENTITY: Schema = &[
    ("DatabaseName", String),
    ("PersistentStorage", String),
    ("Version", String),
    ("IsCurrent", Bool),
    ("DatabaseAccessMode", String),
    ("PrettyName", String),
    ("CurrentUserIsUnrestrictedViewer", Bool),
    ("DatabaseId", Guid),
    ("InTransitionTo", String),
];

/// `.show databases details`.
pub(crate) const DATABASE_DETAILS: Schema = &[
    ("DatabaseName", String),
    ("PersistentStorage", String),
    ("Version", String),
    ("IsCurrent", Bool),
    ("DatabaseAccessMode", String),
    ("PrettyName", String),
    ("AuthorizedPrincipals", String),
    ("RetentionPolicy", String),
    ("MergePolicy", String),
    ("ReservedSlot1", String),
    ("CachingPolicy", String),
    ("ShardingPolicy", String),
    ("StreamingIngestionPolicy", String),
    ("IngestionBatchingPolicy", String),
    ("TotalSize", Real),
    ("DatabaseId", Guid),
    ("InTransitionTo", String),
];

/// `.show databases policies`.
pub(crate) const DATABASE_POLICIES: Schema = &[
    ("DatabaseName", String),
    ("PersistentStorage", String),
    ("Version", String),
    ("IsCurrent", Bool),
    ("DatabaseAccessMode", String),
    ("PrettyName", String),
    ("DatabaseId", Guid),
    ("AuthorizedPrincipals", String),
    ("RetentionPolicy", String),
    ("MergePolicy", String),
    ("CachingPolicy", String),
    ("ShardingPolicy", String),
    ("StreamingIngestionPolicy", String),
    ("IngestionBatchingPolicy", String),
];

/// Setting or dropping a pretty name.
pub(crate) const PRETTY_NAME: Schema = &[("DatabaseName", String), ("PrettyName", String)];

/// `.show database schema`.
pub(crate) const DATABASE_SCHEMA: Schema = &[
    ("DatabaseName", String),
    ("TableName", String),
    ("ColumnName", String),
    ("ColumnType", String),
    ("IsDefaultTable", Bool),
    ("IsDefaultColumn", Bool),
    ("PrettyName", String),
    ("Version", String),
    ("Folder", String),
    ("DocString", String),
];

/// `.show database schema as json`.
pub(crate) const SCHEMA_JSON: Schema = &[("DatabaseSchema", String)];

/// `.show database schema as csl script`.
pub(crate) const SCHEMA_SCRIPT: Schema = &[("DatabaseSchemaScript", String)];

/// `.show database schema violations`.
pub(crate) const VIOLATIONS: Schema =
    &[("EntityKind", String), ("EntityName", String), ("Property", String), ("Reason", String)];

/// `.show databases entities`.
pub(crate) const ENTITIES: Schema = &[
    ("DatabaseName", String),
    ("EntityType", String),
    ("EntityName", String),
    ("DocString", String),
    ("Folder", String),
    ("CslInputSchema", String),
    ("Content", String),
    ("CslOutputSchema", String),
    ("Properties", Dynamic),
];

/// `.show database D journal`.
pub(crate) const JOURNAL: Schema = &[
    ("Event", String),
    ("EventTimestamp", DateTime),
    ("Database", String),
    ("EntityName", String),
    ("UpdatedEntityName", String),
    ("EntityVersion", String),
    ("EntityContainerName", String),
    ("OriginalEntityState", String),
    ("UpdatedEntityState", String),
    ("ChangeCommand", String),
    ("Principal", String),
    ("RootActivityId", Guid),
    ("ClientRequestId", String),
    ("User", String),
    ("OriginalEntityVersion", String),
];

/// `.show operations`.
pub(crate) const OPERATIONS: Schema = &[
    ("OperationId", Guid),
    ("Operation", String),
    ("NodeId", String),
    ("StartedOn", DateTime),
    ("LastUpdatedOn", DateTime),
    ("Duration", TimeSpan),
    ("State", String),
    ("Status", String),
    ("RootActivityId", Guid),
    ("ShouldRetry", Bool),
    ("Database", String),
    ("Principal", String),
    ("User", String),
    ("AdminEpochStartTime", DateTime),
    ("VirtualCluster", String),
];

/// A command run with `async`.
pub(crate) const OPERATION_ID: Schema = &[("OperationId", Guid)];

/// `.show version`.
pub(crate) const VERSION: Schema =
    &[("BuildVersion", String), ("BuildTime", DateTime), ("ServiceType", String), ("ProductVersion", String)];

/// `.show cluster`.
pub(crate) const CLUSTER: Schema = &[
    ("NodeId", String),
    ("Address", String),
    ("Name", String),
    ("StartTime", DateTime),
    ("IsAdmin", Bool),
    ("MachineTotalMemory", Long),
    ("MachineAvailableMemory", Long),
    ("ProcessorCount", Int),
    ("EnvironmentDescription", String),
];

/// Rows of `.execute script`.
pub(crate) const SCRIPT: Schema = &[
    ("OperationId", Guid),
    ("CommandType", String),
    ("CommandText", String),
    ("Result", String),
    ("Reason", String),
];

/// Clearing a cache of the nodes.
pub(crate) const NODE_STATUS: Schema = &[("NodeId", String), ("Status", String)];

/// `.clear table T data`.
pub(crate) const STATUS: Schema = &[("Status", String)];

/// `.ingest inline`.
pub(crate) const INGESTED: Schema = &[("ExtentId", Guid)];

/// `.set-or-append` and its siblings.
pub(crate) const APPENDED: Schema = &[
    ("ExtentId", Guid),
    ("OriginalSize", Long),
    ("ExtentSize", Long),
    ("ColumnSize", Long),
    ("IndexSize", Long),
    ("RowCount", Long),
];

/// Workload groups.
pub(crate) const WORKLOAD_GROUPS: Schema = &[("WorkloadGroupName", String), ("WorkloadGroup", String)];

/// Materialized views.
pub(crate) const VIEWS: Schema = &[
    ("Name", String),
    ("SourceTable", String),
    ("Query", String),
    ("MaterializedTo", DateTime),
    ("LastRun", DateTime),
    ("LastRunResult", String),
    ("IsHealthy", Bool),
    ("IsEnabled", Bool),
    ("Folder", String),
    ("DocString", String),
    ("AutoUpdateSchema", Bool),
    ("EffectiveDateTime", DateTime),
    ("Lookback", TimeSpan),
    ("LookbackColumn", String),
];

/// `.show materialized-views details`.
pub(crate) const VIEW_DETAILS: Schema = &[
    ("MaterializedViewName", String),
    ("DatabaseName", String),
    ("Folder", String),
    ("DocString", String),
    ("TotalExtents", Long),
    ("TotalExtentSize", Real),
    ("TotalOriginalSize", Real),
    ("TotalRowCount", Long),
    ("HotExtents", Long),
    ("HotExtentSize", Real),
    ("HotOriginalSize", Real),
    ("HotRowCount", Long),
    ("AuthorizedPrincipals", String),
    ("RetentionPolicy", String),
    ("CachingPolicy", String),
    ("ShardingPolicy", String),
    ("MergePolicy", String),
    ("MinExtentsCreationTime", DateTime),
    ("MaxExtentsCreationTime", DateTime),
];

/// `.clear materialized-view V data`.
pub(crate) const CLEARED_VIEW: Schema = &[("ExtentId", Guid), ("TableName", String), ("CreatedOn", DateTime)];

/// `.cancel operation`.
pub(crate) const CANCELED: Schema = &[
    ("OperationId", Guid),
    ("Operation", String),
    ("StartedOn", DateTime),
    ("CancellationState", String),
    ("ReasonPhrase", String),
];

/// Entity groups.
pub(crate) const ENTITY_GROUPS: Schema = &[("Name", String), ("Entities", String)];

/// `.create-or-alter graph_model`.
pub(crate) const GRAPH_MODELS: Schema = &[
    ("Name", String),
    ("CreationTime", DateTime),
    ("Id", Guid),
    ("SnapshotCount", Long),
    ("Model", String),
    ("RetentionPolicy", String),
    ("CachingPolicy", String),
];

/// `.show graph_models details`.
pub(crate) const GRAPH_MODEL_DETAILS: Schema = &[
    ("Name", String),
    ("CreationTime", DateTime),
    ("Id", Guid),
    ("SnapshotsCount", Long),
    ("Model", Dynamic),
    ("AuthorizedPrincipals", String),
    ("RetentionPolicy", String),
];

/// Graph models, and versions of one.
pub(crate) const GRAPH_MODEL_IDS: Schema = &[("Name", String), ("CreationTime", DateTime), ("Id", Guid)];

/// Continuous exports.
pub(crate) const EXPORTS: Schema = &[
    ("Name", String),
    ("ExternalTableName", String),
    ("Query", String),
    ("ForcedLatency", TimeSpan),
    ("IntervalBetweenRuns", TimeSpan),
    ("CursorScopedTables", String),
    ("ExportProperties", String),
    ("LastRunTime", DateTime),
    ("StartCursor", String),
    ("IsDisabled", Bool),
    ("LastRunResult", String),
    ("ExportedTo", DateTime),
    ("IsRunning", Bool),
];

/// `.show continuous-export N failures`.
pub(crate) const EXPORT_FAILURES: Schema = &[
    ("Timestamp", DateTime),
    ("OperationId", String),
    ("Name", String),
    ("LastSuccessRun", DateTime),
    ("FailureKind", String),
    ("Details", String),
];

/// `.show continuous-export N exported-artifacts`.
pub(crate) const EXPORTED: Schema =
    &[("Timestamp", DateTime), ("ExternalTableName", String), ("Path", String), ("NumRecords", Long)];

/// External tables.
pub(crate) const EXTERNAL_TABLES: Schema = &[
    ("TableName", String),
    ("TableType", String),
    ("Folder", String),
    ("DocString", String),
    ("Properties", String),
    ("ConnectionStrings", Dynamic),
    ("Partitions", Dynamic),
    ("PathFormat", String),
];

/// Altering an external table.
pub(crate) const ALTERED_EXTERNAL_TABLE: Schema = &[
    ("TableName", String),
    ("TableType", String),
    ("Folder", String),
    ("DocString", String),
    ("Schema", String),
    ("Properties", String),
];

/// `.show external tables details`.
pub(crate) const EXTERNAL_TABLE_DETAILS: Schema =
    &[("TableName", String), ("QueryAccelerationPolicy", String), ("QueryAccelerationState", String)];
