//! A Kusto plane for tests of the control plane: it keeps databases, periods and principals in memory, and no tables.

use adxform::emulator::kusto_port::{KustoPlane, Periods, Principal};
use axum::Router;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// Everything by lower-case cluster and database name; a principal of the cluster has an empty database.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Held>);

#[derive(Default)]
struct Held {
    clusters: BTreeSet<String>,
    databases: BTreeMap<(String, String), Periods>,
    principals: Vec<(String, String, Principal)>,
}

fn at(cluster: &str, database: &str) -> (String, String) {
    (cluster.to_lowercase(), database.to_owned())
}

impl Memory {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap()
    }
}

impl KustoPlane for Memory {
    fn create_cluster(&self, cluster: &str) {
        self.held().clusters.insert(cluster.to_lowercase());
    }

    fn drop_cluster(&self, cluster: &str) {
        let name = cluster.to_lowercase();
        let mut held = self.held();
        held.clusters.remove(&name);
        held.databases.retain(|(of, _), _| *of != name);
        held.principals.retain(|(of, _, _)| *of != name);
    }

    fn create_database(&self, cluster: &str, database: &str, periods: Periods) {
        self.held().databases.entry(at(cluster, database)).or_insert(periods);
    }

    fn drop_database(&self, cluster: &str, database: &str) {
        let (cluster, database) = at(cluster, database);
        let mut held = self.held();
        held.databases.remove(&(cluster.clone(), database.clone()));
        held.principals.retain(|(of, name, _)| (of, name) != (&cluster, &database));
    }

    fn set_periods(&self, cluster: &str, database: &str, periods: Periods) {
        self.held().databases.insert(at(cluster, database), periods);
    }

    fn periods(&self, cluster: &str, database: &str) -> Option<Periods> {
        self.held().databases.get(&at(cluster, database)).copied()
    }

    fn has_table(&self, _: &str, _: &str, _: &str) -> bool {
        false
    }

    fn has_mapping(&self, _: &str, _: &str, _: &str, _: &str, _: Option<&str>) -> bool {
        false
    }

    fn add_principal(&self, cluster: &str, database: Option<&str>, principal: &Principal) {
        let (cluster, database) = at(cluster, database.unwrap_or_default());
        let entry = (cluster, database, principal.clone());
        let mut held = self.held();
        if !held.principals.contains(&entry) {
            held.principals.push(entry);
        }
    }

    fn drop_principal(&self, cluster: &str, database: Option<&str>, principal: &Principal) {
        let (cluster, database) = at(cluster, database.unwrap_or_default());
        self.held().principals.retain(|(of, name, other)| {
            (of, name) != (&cluster, &database)
                || other.role != principal.role
                || other.principal_id != principal.principal_id
        });
    }

    fn principals(&self, cluster: &str, database: Option<&str>) -> Vec<Principal> {
        let (cluster, database) = at(cluster, database.unwrap_or_default());
        let held = self.held();
        held.principals
            .iter()
            .filter(|(of, name, _)| (of, name) == (&cluster, &database))
            .map(|(_, _, found)| found.clone())
            .collect()
    }

    fn router(&self, cluster: &str) -> Router {
        let name = cluster.to_owned();
        Router::new().fallback(move || async move { format!("cluster {name}") })
    }
}
