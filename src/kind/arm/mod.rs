//! Kinds of the control plane: clusters, databases and who may use them.

use super::Kind;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[];
