//! Stored functions.

use super::principal::Assignment;
use crate::emulator::kusto::syntax::Declaration;
use serde::{Deserialize, Serialize};

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
