//! What the endpoint knows: clusters, their databases, and what is in them.
//!
//! Invariant: after every request the state in memory equals what a reader of the store would load
//! (test: every transcript of `tests/kusto_wire.rs` is reopened and compared).

mod documents;
mod edit;
mod export;
mod external;
mod function;
mod group;
mod journal;
mod mapping;
mod operation;
mod principal;
mod table;
mod view;

pub(crate) use documents::Document;
pub(crate) use edit::{Deed, Editor, Limits, Request, Transaction, View};
pub(crate) use export::ContinuousExport;
pub(crate) use external::{
    ExternalKind, ExternalTable, FORMATS, Partition, PartitionBy, STARTS, Setting, Takes,
};
pub(crate) use function::Function;
pub(crate) use group::{EntityGroup, GraphModel, GraphVersion};
pub(crate) use journal::{Event, Version};
pub(crate) use mapping::{Mapping, MappingKind, canonical as canonical_mapping, merged as merged_mapping};
pub(crate) use operation::Operation;
pub(crate) use principal::{Assignment, Caller, Holder, Role};
pub(crate) use table::{Column, Dropped, Extent, Table, parse_cell};
pub(crate) use view::{MaterializedView, columns as source_columns};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// Policies that are set, by command word; the value is the canonical JSON text that every read gives back.
pub(crate) type Policies = BTreeMap<String, String>;

/// Every cluster by lower-case name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// The clusters.
    pub(crate) clusters: BTreeMap<String, Cluster>,
}

/// One cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    /// The name as created.
    pub(crate) name: String,
    /// Who holds a role on the whole cluster.
    pub(crate) principals: Vec<Assignment>,
    /// Cluster policies.
    pub(crate) policies: Policies,
    /// Custom workload groups: canonical JSON text by name.
    pub(crate) workload_groups: BTreeMap<String, String>,
    /// Databases by lower-case name.
    #[serde(skip)]
    pub(crate) databases: BTreeMap<String, Database>,
    /// Long-running operations, oldest first.
    #[serde(skip)]
    pub(crate) operations: VecDeque<Operation>,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Database {
    /// The name as created; found without case.
    pub(crate) name: String,
    /// Stays the same for the life of the database.
    pub(crate) id: Uuid,
    /// The name for people, when one is set.
    pub(crate) pretty_name: Option<String>,
    /// Moves with every change.
    pub(crate) version: Version,
    /// The number of the next journal entry.
    pub(crate) next_event: u64,
    /// Database policies.
    pub(crate) policies: Policies,
    /// Who holds a role on the database.
    pub(crate) principals: Vec<Assignment>,
    /// Ingestion mappings of the database itself.
    pub(crate) mappings: Vec<Mapping>,
    /// Entity groups by name.
    #[serde(default)]
    pub(crate) entity_groups: BTreeMap<String, EntityGroup>,
    /// Graph models by name.
    #[serde(default)]
    pub(crate) graph_models: BTreeMap<String, GraphModel>,
    /// Continuous exports by name.
    #[serde(default)]
    pub(crate) exports: BTreeMap<String, ContinuousExport>,
    /// Tables by name.
    #[serde(skip)]
    pub(crate) tables: BTreeMap<String, Table>,
    /// Stored functions by name.
    #[serde(skip)]
    pub(crate) functions: BTreeMap<String, Function>,
    /// Materialized views by name.
    #[serde(skip)]
    pub(crate) views: BTreeMap<String, MaterializedView>,
    /// External tables by name.
    #[serde(skip)]
    pub(crate) external_tables: BTreeMap<String, ExternalTable>,
    /// The last drop of each table name, for `.undo drop table`.
    #[serde(skip)]
    pub(crate) dropped: BTreeMap<String, Dropped>,
    /// What happened, oldest first.
    #[serde(skip)]
    pub(crate) journal: VecDeque<Event>,
}

impl Database {
    /// A database with nothing in it but the policies every new one has.
    pub(crate) fn new(name: &str, policies: Policies) -> Self {
        Self {
            name: name.to_owned(),
            id: Uuid::new_v4(),
            pretty_name: None,
            version: Version::FIRST,
            next_event: 0,
            policies,
            principals: Vec::new(),
            mappings: Vec::new(),
            entity_groups: BTreeMap::new(),
            graph_models: BTreeMap::new(),
            exports: BTreeMap::new(),
            tables: BTreeMap::new(),
            functions: BTreeMap::new(),
            views: BTreeMap::new(),
            external_tables: BTreeMap::new(),
            dropped: BTreeMap::new(),
            journal: VecDeque::new(),
        }
    }
}

/// The key under which a cluster or database name is found.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}
