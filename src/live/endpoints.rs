//! Endpoints that were found before: a later reading need not wait for a root to tell its own.

use crate::model::{Address, Scope};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The management endpoints of roots as they were last seen. Its clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Endpoints(Arc<Mutex<BTreeMap<Address, String>>>);

impl Endpoints {
    /// Keeps an endpoint to which something was sent.
    pub fn note(&self, root: &Address, uri: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(root).is_none_or(|known| known != uri) {
            known.insert(root.clone(), uri.to_owned());
        }
    }

    /// Keeps what a reading has found.
    pub(super) fn learn(&self, open: impl IntoIterator<Item = (Address, Option<String>)>) {
        let found = open.into_iter().filter_map(|(root, uri)| Some((root, uri?)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }

    /// What is known of the roots of a scope that the control plane tells of.
    pub(super) fn of(&self, scope: &Scope) -> Vec<(Address, String)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = known.iter().filter(|(root, _)| {
            scope.containers.get(root).is_some_and(|container| !container.place.contains_key("uri"))
        });
        asked.map(|(root, uri)| (root.clone(), uri.clone())).collect()
    }
}
