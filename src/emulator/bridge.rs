//! The Kusto plane as the control plane needs it.

use super::kusto::{Engine, EngineError};
use super::kusto_port::{KustoPlane, Periods, Principal};
use std::sync::Arc;

/// The engine behind the control plane's port.
pub(super) struct Bridge(pub(super) Arc<Engine>);

/// An emulator whose state file fails has no truth left to serve, so it stops with the reason.
fn kept(result: Result<(), EngineError>) {
    if let Err(error) = result {
        panic!("the Kusto plane cannot follow the control plane: {error}");
    }
}

impl KustoPlane for Bridge {
    fn create_cluster(&self, cluster: &str) {
        kept(self.0.create_cluster(cluster));
    }

    fn drop_cluster(&self, cluster: &str) {
        kept(self.0.drop_cluster(cluster));
    }

    fn create_database(&self, cluster: &str, database: &str, given: Periods) {
        kept(self.0.create_database(cluster, database, given));
    }

    fn drop_database(&self, cluster: &str, database: &str) {
        kept(self.0.drop_database(cluster, database));
    }

    fn set_periods(&self, cluster: &str, database: &str, given: Periods) {
        kept(self.0.set_periods(cluster, database, given));
    }

    fn periods(&self, cluster: &str, database: &str) -> Option<Periods> {
        self.0.periods(cluster, database)
    }

    fn has_table(&self, cluster: &str, database: &str, table: &str) -> bool {
        self.0.has_table(cluster, database, table)
    }

    fn has_mapping(
        &self,
        cluster: &str,
        database: &str,
        table: &str,
        mapping: &str,
        data_format: Option<&str>,
    ) -> bool {
        self.0.has_mapping(cluster, database, table, mapping, data_format)
    }

    fn add_principal(&self, cluster: &str, database: Option<&str>, given: &Principal) {
        kept(self.0.add_principal(cluster, database, given));
    }

    fn drop_principal(&self, cluster: &str, database: Option<&str>, given: &Principal) {
        kept(self.0.drop_principal(cluster, database, given));
    }

    fn principals(&self, cluster: &str, database: Option<&str>) -> Vec<Principal> {
        self.0.principals(cluster, database)
    }

    fn router(&self, cluster: &str) -> axum::Router {
        self.0.router(cluster)
    }
}
