//! Events: everything that can happen to a run, as the journal keeps it.
//!
//! Invariant: nothing here holds a secret; bodies in differences are shown as people see them
//! (test: `secrets_do_not_show`).

use crate::model::{Address, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// Attributes of one thing by dotted path, as references ask for them.
pub type Attributes = BTreeMap<String, Value>;

/// Which way a request leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// From before to after.
    Apply,
    /// Back.
    Undo,
}

/// An operation that the service runs by itself and that is followed to its end.
///
/// The content is the adapter's own; it may hold a signed URL and is never printed.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Operation(pub Json);

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operation(…)")
    }
}

/// Where live stands between the two ends of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As before the step.
    Before,
    /// As after the step.
    After,
    /// Before and after look alike in live, so looking does not tell.
    Either,
    /// Neither as before nor as after.
    Neither,
}

/// One property of one thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Difference {
    /// The thing.
    pub address: Address,
    /// The property; empty when the thing as a whole is concerned.
    pub property: String,
    /// What it was before the run; `null` when absent.
    pub before: Json,
    /// What it was to become; `null` when absent.
    pub after: Json,
    /// What it is in live; `null` when absent.
    pub found: Json,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, property, before, after, found } = self;
        if property == super::schemas::PROPERTY {
            return super::schemas::told(f, self);
        }
        if property.is_empty() {
            let word = |json: &Json| if json.is_null() { "did not exist" } else { "existed" };
            let wanted = if after.is_null() { "was not to exist" } else { "was to exist" };
            let now = if found.is_null() { "does not exist" } else { "exists" };
            return write!(
                f,
                "{address} {now} in live; it {} before the run and {wanted} after it",
                word(before)
            );
        }
        let word = |json: &Json| if json.is_null() { "unset".to_owned() } else { json.to_string() };
        write!(
            f,
            "{address}: `{property}` is {} in live; it was {} before the run and was to be {} after it",
            word(found),
            word(before),
            word(after)
        )
    }
}

/// What a person asked of a run that is not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Intent {
    /// Finish what it was doing.
    Resume,
    /// Undo what it did.
    Rollback,
}

/// What happened to one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Happened {
    /// The service's own check of the step is about to be asked for. It has no effect.
    CheckStarted,
    /// The service's check has no objection.
    CheckPassed,
    /// A request is about to be sent: the record before the effect.
    Started {
        /// Which request of an undo, from 0; always 0 on the way forward.
        part: usize,
        /// The id of the request; the service logs a command under it.
        id: String,
        /// When, in UTC as the service writes moments.
        at: String,
    },
    /// The service accepted the request and works on it.
    Begun {
        /// How to follow it.
        operation: Operation,
    },
    /// The service reported success.
    Finished {
        /// Attributes that later steps may refer to.
        #[schemars(with = "BTreeMap<String, Json>")]
        outputs: Attributes,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// The service said no, and nothing was done.
    Refused {
        /// In the service's words.
        message: String,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// Live was looked at right before the request, by the run or by the service: somebody has changed the thing, so
    /// nothing was done.
    Stale {
        /// As a clause.
        message: String,
        /// What differs, as far as it was seen.
        differences: Vec<Difference>,
    },
    /// The service began and reported failure; something may have been left behind.
    Failed {
        /// In the service's words.
        message: String,
        /// What the service calls the request, for its support.
        trace: Option<String>,
    },
    /// It stood in a script that ended before its turn: nothing was done.
    NotRun,
    /// No reply came: done or not, nobody knows.
    Lost {
        /// What came instead.
        why: String,
    },
    /// Live was looked at to settle a doubt.
    Settled {
        /// Where live stands.
        verdict: Verdict,
        /// What differs when it stands at neither end.
        differences: Vec<Difference>,
        /// When it stands as after: attributes that later steps may refer to.
        #[schemars(with = "BTreeMap<String, Json>")]
        outputs: Attributes,
    },
}

impl Happened {
    /// Whether live may have changed by the run's own doing when this is known.
    pub(super) const fn may_have_written(&self) -> bool {
        match self {
            Self::Begun { .. }
            | Self::Finished { .. }
            | Self::Failed { .. }
            | Self::Lost { .. }
            | Self::Settled { .. } => true,
            Self::CheckStarted
            | Self::CheckPassed
            | Self::Started { .. }
            | Self::Refused { .. }
            | Self::Stale { .. }
            | Self::NotRun => false,
        }
    }
}

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Event {
    /// Something happened to a step.
    Step {
        /// The step's number in the plan.
        step: usize,
        /// Whether its request or its undo is meant.
        way: Way,
        /// What happened.
        happened: Happened,
    },
    /// The user asked to stop; running steps finish first.
    Interrupted,
    /// A later process took the run up.
    Resumed {
        /// What for.
        intent: Intent,
    },
    /// Live was re-read and is as it must be.
    Proved,
    /// Live was re-read until the deadline and is not as it must be.
    NotProved {
        /// In what.
        differences: Vec<Difference>,
    },
}

impl Event {
    /// Something that happened to a step on the way forward.
    pub const fn apply(step: usize, happened: Happened) -> Self {
        Self::Step { step, way: Way::Apply, happened }
    }

    /// Something that happened to a step on the way back.
    pub const fn undo(step: usize, happened: Happened) -> Self {
        Self::Step { step, way: Way::Undo, happened }
    }
}
