//! Stored functions and materialized views.

use super::Policies;
use super::principal::Assignment;
use crate::emulator::kusto::syntax::Declaration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A stored function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Function {
    /// The name.
    pub(crate) name: String,
    /// The parameters and the body.
    pub(crate) declaration: Declaration,
    /// The folder; empty when unset.
    pub(crate) folder: String,
    /// The docstring; empty when unset.
    pub(crate) doc_string: String,
    /// Whether it takes part in `union *`; cannot be read back.
    pub(crate) view: bool,
    /// Who holds a role on the function.
    pub(crate) principals: Vec<Assignment>,
}

/// A materialized view; the emulator keeps its definition and never fills it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MaterializedView {
    /// Identifies the view through renames.
    pub(crate) id: Uuid,
    /// The name.
    pub(crate) name: String,
    /// The table, or the view, that it reads.
    pub(crate) source: String,
    /// Whether the source is a view.
    pub(crate) over_view: bool,
    /// The query, without its braces.
    pub(crate) query: String,
    /// The folder; empty when unset.
    pub(crate) folder: String,
    /// The docstring; empty when unset.
    pub(crate) doc_string: String,
    /// Whether it follows new columns of the source.
    pub(crate) auto_update_schema: bool,
    /// From when records are materialized, in ticks.
    pub(crate) effective: i64,
    /// How late duplicates may arrive, in ticks.
    pub(crate) lookback: Option<i64>,
    /// The column that `lookback` goes by; empty when unset.
    pub(crate) lookback_column: String,
    /// Whether it is being filled.
    pub(crate) enabled: bool,
    /// View policies.
    pub(crate) policies: Policies,
    /// Who holds a role on the view.
    pub(crate) principals: Vec<Assignment>,
}
