//! A run before it begins.

use super::journal::{Header, JournalError};
use super::line::Opening;
use super::machine::{IllegalTransition, Machine};
use super::schemas::Violations;
use std::sync::Arc;

/// Why a run could not be begun or taken up.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plan does not hold together.
    #[error(transparent)]
    Plan(#[from] IllegalTransition),
    /// What is asked makes no sense for a run that stands like this.
    #[error("{0}")]
    Refused(&'static str),
}

/// A run that waits for nothing but what is wrong before it: all that takes long without asking anybody is done.
#[derive(Debug)]
pub struct Prepared {
    pub(super) run: String,
    pub(super) machine: Machine,
    pub(super) opening: Opening,
    pub(super) violations: Violations,
}

impl Prepared {
    /// The run of a header.
    ///
    /// # Errors
    /// When the plan does not hold together or cannot be written.
    pub fn of(header: &Header) -> Result<Self, RunError> {
        let machine = Machine::new(Arc::clone(&header.plan), header.policy)?;
        let opening = Opening::of(header)?;
        Ok(Self { run: header.run.clone(), machine, opening, violations: header.violations.clone() })
    }

    /// The same with what the service found wrong with schemas meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn with(self, violations: Violations) -> Result<Self, RunError> {
        Ok(Self { opening: self.opening.with(&violations)?, violations, ..self })
    }
}
