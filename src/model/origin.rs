//! Origins: places in a spec, as plans, journals and messages give them.

use arcstr::ArcStr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in the spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The file, relative to the spec's folder.
    #[schemars(with = "String")]
    pub file: ArcStr,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}
