//! The state as documents of the store: one per entity, so that a change writes what it changed.
//!
//! Invariant: [`State::load`] of what [`State::writes`] wrote is the same state
//! (test: every transcript of `tests/kusto_wire.rs`).

use super::{
    Cluster, Database, Dropped, Event, Extent, ExternalTable, Function, MaterializedView, Operation, State,
    Table,
};
use crate::emulator::store::{Store, StoreError, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

const CLUSTERS: &str = "kusto.clusters";
const DATABASES: &str = "kusto.databases";
const TABLES: &str = "kusto.tables";
const FUNCTIONS: &str = "kusto.functions";
const VIEWS: &str = "kusto.views";
const EXTERNAL_TABLES: &str = "kusto.external_tables";
const DROPPED: &str = "kusto.dropped";
const EVENTS: &str = "kusto.events";
const EXTENTS: &str = "kusto.extents";
const OPERATIONS: &str = "kusto.operations";

/// One document; clusters and databases are named by their folded names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Document {
    /// A cluster, without its databases.
    Cluster(String),
    /// A database, without what is in it.
    Database(String, String),
    /// A table, without its rows.
    Table(String, String, String),
    /// A stored function.
    Function(String, String, String),
    /// A materialized view.
    View(String, String, String),
    /// An external table.
    External(String, String, String),
    /// The last drop of a table name.
    Dropped(String, String, String),
    /// A journal entry.
    Event(String, String, u64),
    /// Rows of the table with the first id; the second is the extent's.
    Extent(String, String, Uuid, Uuid),
    /// A long-running operation.
    Operation(String, Uuid),
}

impl Document {
    /// The store's table, and the key in it: the names as a JSON array, so that no name runs into the next.
    fn place(&self) -> (&'static str, String) {
        let key = |parts: &[&str]| serde_json::json!(parts).to_string();
        match self {
            Self::Cluster(cluster) => (CLUSTERS, key(&[cluster])),
            Self::Database(cluster, database) => (DATABASES, key(&[cluster, database])),
            Self::Table(cluster, database, name) => (TABLES, key(&[cluster, database, name])),
            Self::Function(cluster, database, name) => (FUNCTIONS, key(&[cluster, database, name])),
            Self::View(cluster, database, name) => (VIEWS, key(&[cluster, database, name])),
            Self::External(cluster, database, name) => (EXTERNAL_TABLES, key(&[cluster, database, name])),
            Self::Dropped(cluster, database, name) => (DROPPED, key(&[cluster, database, name])),
            Self::Event(cluster, database, number) => {
                (EVENTS, key(&[cluster, database, &format!("{number:020}")]))
            }
            Self::Extent(cluster, database, table, extent) => {
                (EXTENTS, key(&[cluster, database, &table.to_string(), &extent.to_string()]))
            }
            Self::Operation(cluster, id) => (OPERATIONS, key(&[cluster, &id.to_string()])),
        }
    }
}

impl State {
    /// Reads the whole state.
    ///
    /// # Errors
    /// When the store cannot be read or holds documents of another shape.
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let mut state = Self::default();
        for (key, cluster) in documents::<Cluster>(store, CLUSTERS)? {
            state.clusters.insert(part(&key, 0), cluster);
        }
        for (key, database) in documents::<Database>(store, DATABASES)? {
            if let Some(cluster) = state.clusters.get_mut(&part(&key, 0)) {
                cluster.databases.insert(part(&key, 1), database);
            }
        }
        for (key, operation) in documents::<Operation>(store, OPERATIONS)? {
            if let Some(cluster) = state.clusters.get_mut(&part(&key, 0)) {
                cluster.operations.push_back(operation);
            }
        }
        for cluster in state.clusters.values_mut() {
            cluster.operations.make_contiguous().sort_by_key(|operation| (operation.at, operation.id));
        }
        state.load_entities(store)?;
        Ok(state)
    }

    fn load_entities(&mut self, store: &Store) -> Result<(), StoreError> {
        for (key, table) in documents::<Table>(store, TABLES)? {
            self.within(&key, |database, name| drop(database.tables.insert(name, table)));
        }
        for (key, function) in documents::<Function>(store, FUNCTIONS)? {
            self.within(&key, |database, name| drop(database.functions.insert(name, function)));
        }
        for (key, view) in documents::<MaterializedView>(store, VIEWS)? {
            self.within(&key, |database, name| drop(database.views.insert(name, view)));
        }
        for (key, table) in documents::<ExternalTable>(store, EXTERNAL_TABLES)? {
            self.within(&key, |database, name| drop(database.external_tables.insert(name, table)));
        }
        for (key, dropped) in documents::<Dropped>(store, DROPPED)? {
            self.within(&key, |database, name| drop(database.dropped.insert(name, dropped)));
        }
        for (key, event) in documents::<Event>(store, EVENTS)? {
            self.within(&key, |database, _| database.journal.push_back(event));
        }
        for (key, extent) in documents::<Extent>(store, EXTENTS)? {
            self.within(&key, |database, id| {
                if let Some(table) = Uuid::try_parse(&id).ok().and_then(|id| database.table_of_id_mut(id)) {
                    table.extents.push(extent);
                }
            });
        }
        for database in self.clusters.values_mut().flat_map(|cluster| cluster.databases.values_mut()) {
            let dropped = database.dropped.values_mut().map(|dropped| &mut dropped.table);
            for table in database.tables.values_mut().chain(dropped) {
                table.extents.sort_by_key(|extent| (extent.created, extent.id));
            }
        }
        Ok(())
    }

    fn within(&mut self, key: &[String], put: impl FnOnce(&mut Database, String)) {
        let cluster = self.clusters.get_mut(&part(key, 0));
        if let Some(database) = cluster.and_then(|cluster| cluster.databases.get_mut(&part(key, 1))) {
            put(database, part(key, 2));
        }
    }

    /// What the store must be told so that it holds these documents as they are now, or as gone.
    pub(crate) fn writes(&self, changed: &BTreeSet<Document>) -> Result<Vec<Write>, serde_json::Error> {
        let write = |document: &Document| {
            let (table, key) = document.place();
            Ok(Write { table, key, value: self.document(document)? })
        };
        changed.iter().map(write).collect()
    }

    fn document(&self, document: &Document) -> Result<Option<Value>, serde_json::Error> {
        match document {
            Document::Cluster(cluster) => value(self.clusters.get(cluster)),
            Document::Operation(cluster, id) => value(
                self.clusters
                    .get(cluster)
                    .and_then(|cluster| cluster.operations.iter().find(|known| known.id == *id)),
            ),
            Document::Database(cluster, database)
            | Document::Table(cluster, database, _)
            | Document::Function(cluster, database, _)
            | Document::View(cluster, database, _)
            | Document::External(cluster, database, _)
            | Document::Dropped(cluster, database, _)
            | Document::Event(cluster, database, _)
            | Document::Extent(cluster, database, _, _) => {
                let found = self.clusters.get(cluster).and_then(|cluster| cluster.databases.get(database));
                found.map_or(Ok(None), |found| found.document(document))
            }
        }
    }
}

impl Database {
    fn document(&self, document: &Document) -> Result<Option<Value>, serde_json::Error> {
        match document {
            Document::Cluster(_) | Document::Operation(..) => Ok(None),
            Document::Database(..) => value(Some(self)),
            Document::Table(_, _, name) => value(self.tables.get(name)),
            Document::Function(_, _, name) => value(self.functions.get(name)),
            Document::View(_, _, name) => value(self.views.get(name)),
            Document::External(_, _, name) => value(self.external_tables.get(name)),
            Document::Dropped(_, _, name) => value(self.dropped.get(name)),
            Document::Event(_, _, number) => {
                let found = self.journal.binary_search_by_key(number, |event| event.number);
                value(found.ok().and_then(|at| self.journal.get(at)))
            }
            Document::Extent(_, _, table, extent) => {
                let tables = self.tables.values().chain(self.dropped.values().map(|dropped| &dropped.table));
                let extents = tables.filter(|known| known.id == *table).flat_map(|table| &table.extents);
                value(extents.into_iter().find(|known| known.id == *extent))
            }
        }
    }

    fn table_of_id_mut(&mut self, id: Uuid) -> Option<&mut Table> {
        let dropped = self.dropped.values_mut().map(|dropped| &mut dropped.table);
        self.tables.values_mut().chain(dropped).find(|table| table.id == id)
    }

    /// Every document of this database.
    pub(crate) fn documents(&self, cluster: &str, database: &str) -> BTreeSet<Document> {
        let (cluster, database) = (cluster.to_owned(), database.to_owned());
        let of = |name: &String| (cluster.clone(), database.clone(), name.clone());
        let mut all = BTreeSet::from([Document::Database(cluster.clone(), database.clone())]);
        all.extend(self.tables.keys().map(of).map(|(c, d, name)| Document::Table(c, d, name)));
        all.extend(self.functions.keys().map(of).map(|(c, d, name)| Document::Function(c, d, name)));
        all.extend(self.views.keys().map(of).map(|(c, d, name)| Document::View(c, d, name)));
        all.extend(self.external_tables.keys().map(of).map(|(c, d, name)| Document::External(c, d, name)));
        all.extend(self.dropped.keys().map(of).map(|(c, d, name)| Document::Dropped(c, d, name)));
        all.extend(
            self.journal.iter().map(|event| Document::Event(cluster.clone(), database.clone(), event.number)),
        );
        for table in self.tables.values().chain(self.dropped.values().map(|dropped| &dropped.table)) {
            all.extend(
                table
                    .extents
                    .iter()
                    .map(|extent| Document::Extent(cluster.clone(), database.clone(), table.id, extent.id)),
            );
        }
        all
    }
}

fn value<T: Serialize>(found: Option<&T>) -> Result<Option<Value>, serde_json::Error> {
    found.map(serde_json::to_value).transpose()
}

fn part(key: &[String], at: usize) -> String {
    key.get(at).cloned().unwrap_or_default()
}

/// The documents of one table of the store, with their keys taken apart.
fn documents<T: DeserializeOwned>(store: &Store, table: &str) -> Result<Vec<(Vec<String>, T)>, StoreError> {
    let read = |(key, value): (String, Value)| {
        let parts: Result<Vec<String>, _> = serde_json::from_str(&key);
        match parts.and_then(|parts| Ok((parts, serde_json::from_value(value)?))) {
            Ok(document) => Ok(document),
            Err(source) => Err(StoreError::Document { table: table.to_owned(), key, source }),
        }
    };
    store.load(table)?.into_iter().map(read).collect()
}
