//! Exit codes and the failures that lead to them.

use std::fmt;

/// What the program's end means; the numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error; nothing was changed.
    Error = 1,
    /// Changes are present (`plan --detailed-exitcode` only).
    Changes = 2,
    /// Apply failed and was rolled back; live was proved to be as before.
    RolledBack = 3,
    /// Live is between before and after: a person is needed.
    NeedsPerson = 4,
    /// The saved plan is stale.
    Stale = 5,
    /// A safety rule refused.
    Refused = 6,
    /// Another run holds the lock.
    Locked = 7,
    /// The command line is wrong.
    Usage = 64,
    /// The spec is invalid.
    InvalidSpec = 65,
    /// Interrupted.
    Interrupted = 130,
}

/// A failure as the user reads it: what happened, then what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    /// What happened; several lines when there is more than one thing to say. Empty when all is said already.
    pub message: String,
    /// What to do next; empty when the message says it.
    pub help: String,
}

impl Failure {
    /// A failure with what happened and what to do next.
    pub fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: help.into() }
    }

    /// An error after which nothing has changed.
    pub fn error(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Error, message, help)
    }

    /// A code whose reasons are printed already.
    pub const fn told(exit: Exit) -> Self {
        Self { exit, message: String::new(), help: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            return Ok(());
        }
        writeln!(f, "error: {}", self.message.trim_end())?;
        if self.help.is_empty() { Ok(()) } else { writeln!(f, "help: {}", self.help) }
    }
}
