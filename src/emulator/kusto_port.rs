//! What the control plane needs from the Kusto plane, and nothing more.
//!
//! Invariant: every method is idempotent; at start the control plane repeats `create_cluster`,
//! `create_database` and `add_principal` for all that it hosts, and a plane that kept its own state keeps it.

/// The retention and caching periods of a database, as its policies hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Periods {
    /// Soft-delete period in ticks of 100 ns; `None` = not set.
    pub soft_delete: Option<i64>,
    /// Hot-cache period in ticks of 100 ns; `None` = not set.
    pub hot_cache: Option<i64>,
}

/// A principal in a role on a cluster or a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The role as the control plane names it: `Admin`, `Viewer`, `AllDatabasesAdmin`, …
    pub role: String,
    /// `App`, `Group` or `User`.
    pub principal_type: String,
    /// The id the user gave: client id, object id, e-mail address or group.
    pub principal_id: String,
    /// The tenant of the principal.
    pub tenant_id: String,
    /// The object id in the directory.
    pub object_id: String,
    /// The display name.
    pub name: String,
}

/// The Kusto plane as the control plane uses it. Cluster names are those of the resources; they compare without
/// regard to case. Database names are case-sensitive.
pub trait KustoPlane: Send + Sync {
    /// Begins to host a cluster.
    fn create_cluster(&self, cluster: &str);
    /// Forgets a cluster and all in it.
    fn drop_cluster(&self, cluster: &str);
    /// Creates a database; an existing one keeps what it has.
    fn create_database(&self, cluster: &str, database: &str, periods: Periods);
    /// Drops a database and all in it.
    fn drop_database(&self, cluster: &str, database: &str);
    /// Writes both periods; `None` removes the policy.
    fn set_periods(&self, cluster: &str, database: &str, periods: Periods);
    /// The periods now in force; `None` when the database is not there.
    fn periods(&self, cluster: &str, database: &str) -> Option<Periods>;
    /// Whether the table exists.
    fn has_table(&self, cluster: &str, database: &str, table: &str) -> bool;
    /// Whether the table (or the database) has an ingestion mapping of this name that fits the data format.
    fn has_mapping(
        &self,
        cluster: &str,
        database: &str,
        table: &str,
        mapping: &str,
        data_format: Option<&str>,
    ) -> bool;
    /// Grants a role on the cluster, or on one database.
    fn add_principal(&self, cluster: &str, database: Option<&str>, principal: &Principal);
    /// Revokes a role.
    fn drop_principal(&self, cluster: &str, database: Option<&str>, principal: &Principal);
    /// All grants on the cluster itself, or on one database.
    fn principals(&self, cluster: &str, database: Option<&str>) -> Vec<Principal>;
    /// The Kusto endpoint of one cluster.
    fn router(&self, cluster: &str) -> axum::Router;
}
