//! What the control plane remembers: resources and operations, written through to the store.
//!
//! Invariant: whatever a request or a finished operation changed is in the store before its reply leaves
//! (test: `tests/wire.rs`, `an_operation_in_flight_completes_after_a_restart`).

use super::path::Id;
use crate::emulator::store::{Store, StoreError, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TABLE: &str = "arm";

/// How many finished operations can still be asked about.
const KEPT: usize = 2_000;

/// One resource. `body` holds what the user set and what the service filled in; defaults are added when it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Resource {
    pub(super) id: Id,
    /// The order of creation.
    pub(super) sequence: u64,
    pub(super) body: Value,
    /// Facts that are never shown: a port, the hash of a script.
    pub(super) hidden: Value,
    /// `provisioningState`.
    pub(super) provisioning: String,
    /// `state` of a cluster.
    pub(super) phase: String,
    /// The time of the last finished operation, in quotes (clusters).
    pub(super) etag: String,
    /// Who made it, when and when changed: `systemData`.
    pub(super) made: Value,
    /// The operation that now runs on it.
    pub(super) operation: Option<String>,
}

impl Resource {
    /// A new record with nothing in it.
    pub(super) fn new(id: Id) -> Self {
        Self {
            id,
            sequence: 0,
            body: json!({}),
            hidden: json!({}),
            provisioning: "Succeeded".to_owned(),
            phase: String::new(),
            etag: "\"\"".to_owned(),
            made: json!({}),
            operation: None,
        }
    }

    /// Whether its creation failed: the record is there, the thing is not.
    pub(super) fn is_unborn(&self) -> bool {
        self.hidden.get("unborn").is_some()
    }

    /// `properties.{name}` as text; `None` when absent, null or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get("properties")?.get(name)?.as_str().filter(|text| !text.is_empty())
    }
}

/// What a finished operation leaves behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Effect {
    /// Nothing: the operation only computed a result.
    Nothing,
    /// The resource as it is then.
    Put(Box<Resource>),
    /// The resource and all below it are gone.
    Remove,
}

/// Why an operation fails at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
    /// `operationState`, for example `BadInput`.
    pub(super) state: String,
}

/// How an operation is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Style {
    /// 200 with a status body.
    Status,
    /// 202 until it is over, then 200 with the resource.
    Location,
}

/// A long-running operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Operation {
    pub(super) guid: String,
    pub(super) subscription: String,
    pub(super) style: Style,
    /// `operationKind`; empty: the body has no details.
    pub(super) kind: String,
    /// The location as it stands in the URL, blanks as they are.
    pub(super) location: String,
    /// Nanoseconds since 1970.
    pub(super) started: i64,
    pub(super) ends: i64,
    /// The id of the resource it runs on.
    pub(super) on: Id,
    /// Operations that share a lane on a cluster exclude each other.
    pub(super) lane: String,
    pub(super) effect: Effect,
    /// What the resource is when the operation fails; `None`: as before.
    pub(super) failed: Option<Box<Resource>>,
    pub(super) failure: Option<Failure>,
    /// The result that `location` answers with.
    pub(super) result: Option<Value>,
    pub(super) over: bool,
}

/// Everything, by key.
pub(super) struct State {
    store: Option<Arc<Store>>,
    resources: BTreeMap<String, Resource>,
    operations: BTreeMap<String, Operation>,
    dirty: BTreeSet<String>,
    sequence: u64,
}

impl State {
    /// Reads the store.
    pub(super) fn load(store: Arc<Store>) -> Result<Self, StoreError> {
        let (mut resources, mut operations) = (BTreeMap::new(), BTreeMap::new());
        for (key, document) in store.load(TABLE)? {
            let damaged = |source| StoreError::Document { table: TABLE.to_owned(), key: key.clone(), source };
            if let Some(guid) = key.strip_prefix("operation:") {
                operations.insert(guid.to_owned(), serde_json::from_value(document).map_err(damaged)?);
            } else {
                resources.insert(key.clone(), serde_json::from_value(document).map_err(damaged)?);
            }
        }
        let sequence = resources.values().map(|resource: &Resource| resource.sequence).max().unwrap_or(0);
        Ok(Self { store: Some(store), resources, operations, dirty: BTreeSet::new(), sequence })
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Resource> {
        self.resources.get(&id.key())
    }

    /// Writes a resource; a new one gets its place in the order of creation.
    pub(super) fn put(&mut self, mut resource: Resource) {
        let key = resource.id.key();
        if resource.sequence == 0 {
            self.sequence += 1;
            resource.sequence = self.sequence;
        }
        self.dirty.insert(key.clone());
        self.resources.insert(key, resource);
    }

    /// Removes a resource with all below it, and gives back what was removed, innermost last.
    pub(super) fn remove(&mut self, id: &Id) -> Vec<Resource> {
        let (key, below) = (id.key(), format!("{}/", id.key()));
        let keys: Vec<String> =
            self.resources.keys().filter(|have| **have == key || have.starts_with(&below)).cloned().collect();
        self.dirty.extend(keys.iter().cloned());
        keys.iter().filter_map(|key| self.resources.remove(key)).collect()
    }

    /// All resources that `wanted` accepts, in the order of creation.
    pub(super) fn find(&self, wanted: impl Fn(&Resource) -> bool) -> Vec<&Resource> {
        let mut found: Vec<&Resource> = self.resources.values().filter(|resource| wanted(resource)).collect();
        found.sort_by_key(|resource| resource.sequence);
        found
    }

    pub(super) fn operation(&self, guid: &str) -> Option<&Operation> {
        self.operations.get(&guid.to_lowercase())
    }

    /// Writes an operation; of those that are over, only the newest [`KEPT`] are remembered.
    pub(super) fn put_operation(&mut self, operation: Operation) {
        if self.operations.len() > 2 * KEPT {
            let mut over: Vec<(i64, String)> = self
                .operations
                .values()
                .filter(|old| old.over)
                .map(|old| (old.ends, old.guid.clone()))
                .collect();
            over.sort();
            for (_, guid) in over.iter().rev().skip(KEPT) {
                self.operations.remove(guid);
                self.dirty.insert(format!("operation:{guid}"));
            }
        }
        self.dirty.insert(format!("operation:{}", operation.guid));
        self.operations.insert(operation.guid.clone(), operation);
    }

    /// The operations that have not ended.
    pub(super) fn running(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values().filter(|operation| !operation.over)
    }

    /// Writes everything that changed since the last call in one transaction.
    pub(super) fn write_through(&mut self) -> Result<(), StoreError> {
        let Some(store) = self.store.as_ref().filter(|_| !self.dirty.is_empty()) else { return Ok(()) };
        let document = |key: &String| match key.strip_prefix("operation:") {
            Some(guid) => {
                self.operations.get(guid).and_then(|operation| serde_json::to_value(operation).ok())
            }
            None => self.resources.get(key).and_then(|resource| serde_json::to_value(resource).ok()),
        };
        let writes: Vec<Write> = self
            .dirty
            .iter()
            .map(|key| Write { table: TABLE, key: key.clone(), value: document(key) })
            .collect();
        store.commit(&writes)?;
        self.dirty.clear();
        Ok(())
    }

    /// Lets go of the store: nothing is written from now on.
    pub(super) fn close(&mut self) {
        self.store = None;
    }
}
