//! The schema script: the service's own description of a database as commands.
//!
//! Statements that no kind understands stay opaque and are reported, never fatal.

/// One statement of `.show database schema as csl script`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text as the service gave it.
    pub text: String,
}
