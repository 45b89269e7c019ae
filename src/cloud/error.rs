//! What may come of a request other than success.

use super::retry::Again;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a request that did not succeed; callers branch on this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The service said no. Nothing happened.
    Refused,
    /// The service said no because of who asks. Nothing happened.
    Denied,
    /// The service said that the thing, or what should contain it, does not exist. Nothing happened.
    Missing,
    /// The service kept asking to come back later, until patience ran out. Nothing happened.
    Busy,
    /// No connection could be made. Nothing happened.
    Unreachable,
    /// The service accepted the request, worked on it and gave up: something may be left behind.
    Failed,
    /// The reply was lost, or says nothing about what was done: a write is in doubt.
    Lost,
    /// The reply to a read is not what the service's documentation promises.
    Garbled,
}

impl Class {
    /// Whether a write that ended so may have had an effect, so that live must be looked at.
    pub const fn in_doubt(self) -> bool {
        matches!(self, Self::Failed | Self::Lost)
    }
}

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudError {
    /// What became of it.
    pub class: Class,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's code for it, or ours; empty for none.
    pub code: String,
    /// The service's own words, or ours when it said nothing.
    pub message: String,
    /// The request: verb and path, or the command on one line.
    pub request: Box<str>,
    /// By what the service's support finds the request: its request or activity id.
    pub id: Option<Box<str>>,
    /// What to do, as a sentence without a full stop.
    pub hint: Option<String>,
    #[serde(skip)]
    pub(super) again: Again,
}

impl CloudError {
    /// An error of a class, with its code, what happened, and the request concerned.
    pub fn new(class: Class, code: &str, message: impl Into<String>, request: impl AsRef<str>) -> Self {
        Self {
            class,
            status: None,
            code: code.to_owned(),
            message: message.into(),
            request: request.as_ref().into(),
            id: None,
            hint: None,
            again: Again::Never,
        }
    }

    /// The error of an answer that was received and cannot be understood.
    pub fn garbled(message: impl Into<String>, request: &str) -> Self {
        Self::new(Class::Garbled, "NotUnderstood", message, request)
            .hint("the service may be newer than this adxform; a newer release may know it")
    }

    /// The error of a request that cannot be made from what is known; nothing was sent.
    pub fn unsent(message: impl Into<String>, request: &str) -> Self {
        Self::new(Class::Refused, "NotSent", message, request)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn again(mut self, again: Again) -> Self {
        self.again = again;
        self
    }

    /// Whether children of a thing could not be read because the thing is not running.
    pub fn is_not_running(&self) -> bool {
        self.status == Some(400) && self.message.contains("while resource is in state")
            || self.code == "ClusterSuspendedException"
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        let status = self.status.map(|status| status.to_string());
        let id = self.id.as_ref().map(|id| format!("request id {id}"));
        let parts = [status.as_deref(), Some(&self.code), Some(&self.request), id.as_deref()];
        let known: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if known.is_empty() { Ok(()) } else { write!(f, " ({})", known.join(", ")) }
    }
}

impl std::error::Error for CloudError {}
