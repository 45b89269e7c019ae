//! Effects: what the driver asks of the world, and how the world answers.
//!
//! The real cloud implements [`Effects`] in `run/azure.rs`; tests bring a simulated one. Both give the three
//! classes that matter: refused (surely not done), lost (nobody knows) and, by never answering, crashed.

use super::event::{Attributes, Difference, Happened, Operation, Way};
use super::schemas::{Touched, Violations};
use crate::model::request::Lookup;
use crate::model::{Address, Inventory, Request, Scope};
use arcstr::ArcStr;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

/// One request as it goes out, its references resolved. Secrets are still by reference: the adapter reads them
/// as it writes to the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The step's number in the plan.
    pub step: usize,
    /// Whether the step is done or undone.
    pub way: Way,
    /// Which request of an undo, from 0.
    pub part: usize,
    /// The id to send along, under which the service logs it.
    pub id: String,
    /// What it changes.
    pub address: Address,
    /// The kind's word.
    pub kind: ArcStr,
    /// The request.
    pub request: Request,
    /// For a command: the cluster's URI.
    pub endpoint: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Success.
    Done {
        /// Attributes of the thing that later steps may refer to, by dotted path.
        outputs: Attributes,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// Accepted; to be followed.
    Begun(Operation),
    /// Surely not done: the service refused the only delivery of it. An adapter that delivered a request twice
    /// answers [`Answer::Lost`] instead.
    Refused {
        /// In the service's words.
        message: String,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// Surely not done: the service says that the thing is no longer the one of the etag that went along, or that
    /// there is one already where only a new one was to be made.
    Stale {
        /// As a clause, or in the service's words.
        message: String,
        /// What differs, as far as it was seen.
        differences: Vec<Difference>,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// Begun and failed; something may have been left behind.
    Failed {
        /// In the service's words.
        message: String,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// Surely not done: the script ended before its turn.
    NotRun,
    /// No reply: done or not, nobody knows.
    Lost {
        /// What came instead.
        why: String,
    },
}

impl Answer {
    /// As the answer to a request.
    pub(super) fn sent(self) -> Happened {
        match self {
            Self::Done { outputs, trace } => Happened::Finished { outputs, trace },
            Self::Begun(operation) => Happened::Begun { operation },
            Self::Refused { message, trace } => Happened::Refused { message, trace },
            Self::Stale { message, differences, .. } => Happened::Stale { message, differences },
            Self::Failed { message, trace } => Happened::Failed { message, trace },
            Self::NotRun => Happened::NotRun,
            Self::Lost { why } => Happened::Lost { why },
        }
    }

    /// As the end of an operation: what was begun is never certain to have left nothing.
    pub(super) fn followed(self) -> Happened {
        match self {
            Self::Refused { message, trace } | Self::Stale { message, trace, .. } => {
                Happened::Failed { message, trace }
            }
            Self::Begun(_) | Self::NotRun => Happened::Lost { why: "the operation was lost sight of".into() },
            other @ (Self::Done { .. } | Self::Failed { .. } | Self::Lost { .. }) => other.sent(),
        }
    }

    /// As the answer to the service's own check.
    pub(super) fn checked(self) -> Happened {
        match self {
            Self::Done { .. } => Happened::CheckPassed,
            Self::Refused { message, trace }
            | Self::Stale { message, trace, .. }
            | Self::Failed { message, trace } => Happened::Refused { message, trace },
            Self::Begun(_) | Self::NotRun => Happened::Lost { why: "the check came to no end".to_owned() },
            Self::Lost { why } => Happened::Lost { why },
        }
    }
}

/// Live as seen at one moment.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Everything in the scope.
    pub live: Inventory,
    /// Things on which the service is still working, so that their state does not count yet.
    pub busy: BTreeSet<Address>,
    /// Things whose contents could not be read, and why; the things themselves too unless they are in `live`.
    pub hidden: BTreeMap<Address, String>,
    /// What is wrong with the schemas that the run changes; read only for the proof after apply.
    pub violations: Violations,
}

impl Look {
    /// What hides a thing from sight, and why, if anything does.
    pub fn hides(&self, address: &Address) -> Option<(&Address, &str)> {
        let covers = |hidden: &Address| {
            address.is_within(hidden) && (address != hidden || self.live.get(address).is_none())
        };
        let hidden = self.hidden.iter().find(|(hidden, _)| covers(hidden));
        hidden.map(|(hidden, why)| (hidden, why.as_str()))
    }

    /// Whether the service is still working on a thing, or on what hides it.
    pub fn is_busy(&self, address: &Address) -> bool {
        self.busy.contains(address)
            || self.hides(address).is_some_and(|(hidden, _)| self.busy.contains(hidden))
    }
}

/// Why live could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LookError {
    /// What happened and where, as a sentence.
    pub message: String,
    /// Whether trying again may help.
    pub transient: bool,
}

/// The world, as far as the driver needs it.
pub trait Effects: Send + Sync + 'static {
    /// Sends one request, or several commands of one database in one script, and answers each in order.
    fn send(&self, batch: Vec<Outgoing>) -> impl Future<Output = Vec<Answer>> + Send;

    /// Follows an operation to its end. Never answers [`Answer::Begun`].
    fn follow(&self, of: Outgoing, operation: Operation) -> impl Future<Output = Answer> + Send;

    /// Asks the service to check a step: [`Answer::Done`] when it has no objection, [`Answer::Refused`] with its
    /// findings, or [`Answer::Lost`].
    fn check(&self, of: Outgoing) -> impl Future<Output = Answer> + Send;

    /// Reads the value that a command needs right before it is sent.
    ///
    /// # Errors
    /// Why there is none, as an answer that had no effect: [`Answer::Refused`] or [`Answer::NotRun`].
    fn lookup(&self, of: &Outgoing, lookup: &Lookup) -> impl Future<Output = Result<String, Answer>> + Send;

    /// The things on which the service is at work for requests whose replies were lost, as far as live does not show
    /// it: operations of which nobody has the id.
    fn working(
        &self,
        doubts: Vec<Outgoing>,
    ) -> impl Future<Output = Result<BTreeSet<Address>, LookError>> + Send;

    /// Reads everything in a scope.
    fn look(&self, scope: &Scope) -> impl Future<Output = Result<Look, LookError>> + Send;

    /// What the service finds wrong with the schemas of databases; a world without schemas finds nothing.
    fn violations(
        &self,
        _of: BTreeSet<Touched>,
    ) -> impl Future<Output = Result<Violations, LookError>> + Send {
        async { Ok(Violations::new()) }
    }
}
