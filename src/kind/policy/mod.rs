//! Policies, one file each; the scope is a parameter.

use super::Kind;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[];
