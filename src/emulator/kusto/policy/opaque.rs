//! Policies whose members are not documented: any JSON object or list is kept as it comes.

use super::{Policy, Scope, invalid};
use crate::emulator::kusto::error::Fault;
use serde_json::Value;

/// A policy that is only known by its word.
pub(super) struct Opaque {
    word: &'static str,
    title: &'static str,
    scopes: &'static [Scope],
}

/// `policy shards_grouping`, of databases.
pub(super) static SHARDS_GROUPING: Opaque =
    Opaque { word: "shards_grouping", title: "ShardsGroupingPolicy", scopes: &[Scope::Database] };

/// `policy diagnostics`, of the cluster and of databases.
pub(super) static DIAGNOSTICS: Opaque =
    Opaque { word: "diagnostics", title: "DiagnosticsPolicy", scopes: &[Scope::Cluster, Scope::Database] };

/// `policy multidatabaseadmins`, of the cluster.
pub(super) static MULTI_DATABASE_ADMINS: Opaque =
    Opaque { word: "multidatabaseadmins", title: "MultiDatabaseAdminsPolicy", scopes: &[Scope::Cluster] };

/// `policy rowstore`, of the cluster.
pub(super) static ROW_STORE: Opaque =
    Opaque { word: "rowstore", title: "RowStorePolicy", scopes: &[Scope::Cluster] };

impl Policy for Opaque {
    fn word(&self) -> &'static str {
        self.word
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn scopes(&self) -> &'static [Scope] {
        self.scopes
    }

    fn merges(&self) -> bool {
        false
    }

    fn deletes(&self, scope: Scope) -> bool {
        scope != Scope::Cluster || self.word == "rowstore"
    }

    fn canonical(&self, given: &Value, _before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        match given {
            Value::Object(_) | Value::Array(_) => Ok(given.to_string()),
            _ => Err(invalid(self.title, "it is neither a JSON object nor a list")),
        }
    }
}
