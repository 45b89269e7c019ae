//! Entity groups and graph models.

use super::Policies;
use super::principal::Assignment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A named list of databases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntityGroup {
    /// The name.
    pub(crate) name: String,
    /// Its members in order, each as `cluster('c').database('d')`.
    pub(crate) entities: Vec<String>,
}

/// A graph model with everything that it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphModel {
    /// The name.
    pub(crate) name: String,
    /// Its versions, the newest last; there is always one.
    pub(crate) versions: Vec<GraphVersion>,
    /// Model policies.
    pub(crate) policies: Policies,
    /// Who holds a role on the model.
    pub(crate) principals: Vec<Assignment>,
}

/// What a graph model was from one alteration to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphVersion {
    /// Identifies the version.
    pub(crate) id: Uuid,
    /// When it was made, in ticks.
    pub(crate) created: i64,
    /// The definition as the service writes it back.
    pub(crate) model: Value,
}
