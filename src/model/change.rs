//! Changes and what they may cost in data.

use super::body::Body;
use super::duration::Ticks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a thing is before and after; `None` where it does not exist.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Change {
    /// The body as read, or `None` when the thing is to be created.
    pub before: Option<Body>,
    /// The body wanted, or `None` when the thing is to be deleted.
    pub after: Option<Body>,
    /// Its old and new name, when the change gives it another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<Box<Rename>>,
}

/// Two names of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// The service's name before.
    pub from: String,
    /// The service's name after.
    pub to: String,
}

/// What a change does to the thing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It does not exist before.
    Create,
    /// It exists before and after.
    Update,
    /// It does not exist after.
    Delete,
}

impl Change {
    /// A change from `before` to `after`.
    pub const fn new(before: Option<Body>, after: Option<Body>) -> Self {
        Self { before, after, rename: None }
    }

    /// The change that only gives a thing another name.
    pub fn renaming(body: &Body, rename: Rename) -> Self {
        Self { before: Some(body.clone()), after: Some(body.clone()), rename: Some(Box::new(rename)) }
    }

    /// The change that leads back.
    #[must_use]
    pub fn invert(&self) -> Self {
        let rename = self
            .rename
            .as_deref()
            .cloned()
            .map(|Rename { from, to }| Box::new(Rename { from: to, to: from }));
        Self { before: self.after.clone(), after: self.before.clone(), rename }
    }

    /// What the change does to the thing as a whole.
    pub const fn action(&self) -> Action {
        match (&self.before, &self.after) {
            (None, _) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (Some(_), None) => Action::Delete,
        }
    }
}

/// How bad a loss of data is; a greater class includes the permission for the lesser ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LossClass {
    /// No data is lost.
    None,
    /// Data that arrives while the step runs may not be ingested.
    IngestionGap,
    /// Data goes, and the service can bring it back for some time.
    Recoverable,
    /// Data goes for good.
    Irreversible,
}

impl LossClass {
    /// Every class, the least bad first.
    pub const ALL: [Self; 4] = [Self::None, Self::IngestionGap, Self::Recoverable, Self::Irreversible];

    /// The word that the command line and `--json` use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::IngestionGap => "ingestion-gap",
            Self::Recoverable => "recoverable",
            Self::Irreversible => "irreversible",
        }
    }
}

/// What a step may cost in data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// How bad it is.
    pub class: LossClass,
    /// What is lost and why, as a clause without a full stop; empty when nothing is.
    pub what: String,
    /// How many rows, where the service says so (its figure may be 15 minutes old).
    pub rows: Option<u64>,
    /// How many bytes of original data, likewise.
    pub bytes: Option<u64>,
    /// For how long after the step the service can bring the data back.
    #[schemars(with = "Option<String>")]
    pub recoverable_for: Option<Ticks>,
}

impl Loss {
    /// No loss.
    pub const fn none() -> Self {
        Self { class: LossClass::None, what: String::new(), rows: None, bytes: None, recoverable_for: None }
    }

    /// A loss of some class with its reason; figures are added by [`Loss::of`].
    pub fn new(class: LossClass, what: impl Into<String>) -> Self {
        Self { class, what: what.into(), ..Self::none() }
    }

    /// The same loss with the figures of the data concerned.
    #[must_use]
    pub const fn of(mut self, rows: Option<u64>, bytes: Option<u64>) -> Self {
        self.rows = rows;
        self.bytes = bytes;
        self
    }
}
