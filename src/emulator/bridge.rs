//! The Kusto plane as the control plane needs it.

use super::kusto::{self, Engine, EngineError};
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

const fn periods(from: Periods) -> kusto::Periods {
    kusto::Periods { soft_delete: from.soft_delete, hot_cache: from.hot_cache }
}

fn principal(from: &Principal) -> kusto::Principal {
    kusto::Principal {
        role: from.role.clone(),
        principal_type: from.principal_type.clone(),
        principal_id: from.principal_id.clone(),
        tenant_id: from.tenant_id.clone(),
        object_id: from.object_id.clone(),
        name: from.name.clone(),
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
        kept(self.0.create_database(cluster, database, periods(given)));
    }

    fn drop_database(&self, cluster: &str, database: &str) {
        kept(self.0.drop_database(cluster, database));
    }

    fn set_periods(&self, cluster: &str, database: &str, given: Periods) {
        kept(self.0.set_periods(cluster, database, periods(given)));
    }

    fn periods(&self, cluster: &str, database: &str) -> Option<Periods> {
        let found = self.0.periods(cluster, database)?;
        Some(Periods { soft_delete: found.soft_delete, hot_cache: found.hot_cache })
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
        kept(self.0.add_principal(cluster, database, &principal(given)));
    }

    fn drop_principal(&self, cluster: &str, database: Option<&str>, given: &Principal) {
        kept(self.0.drop_principal(cluster, database, &principal(given)));
    }

    fn principals(&self, cluster: &str, database: Option<&str>) -> Vec<Principal> {
        let found = self.0.principals(cluster, database).into_iter();
        let spelled = found.map(|p| Principal {
            role: p.role,
            principal_type: p.principal_type,
            principal_id: p.principal_id,
            tenant_id: p.tenant_id,
            object_id: p.object_id,
            name: p.name,
        });
        spelled.collect()
    }

    fn router(&self, cluster: &str) -> axum::Router {
        self.0.router(cluster)
    }
}
