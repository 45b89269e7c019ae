//! Data connections: what feeds a database, one file per kind.

use super::Kind;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[];
