//! Entities of a database: tables, mappings, functions.

use super::Kind;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[];
