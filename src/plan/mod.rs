//! Two inventories become a plan: what changes, by which requests, in which order, and how it is taken back.
//!
//! The walk is [`make`]: `scope` shapes the inputs, `diff` compares, `order` makes steps and sorts them, `judge`
//! looks at the finished plan with fresh eyes, `text` and `document` print it.
//!
//! Invariant: pure. No I/O, clock, randomness or hash-ordered output; the same inventories give the same bytes
//! (test: `tests/tidy.rs` and `tests/laws/main.rs`).

mod apart;
mod beside;
mod circle;
pub mod diff;
pub mod document;
pub mod drawing;
pub mod earlier;
mod exact;
pub mod graph;
pub mod judge;
mod make;
pub mod names;
pub mod order;
pub mod rights;
pub mod scope;
mod sight;
pub mod text;

pub use make::{MaxDeletes, Options, make};

use crate::kind::Undo;
pub use crate::model::Origin;
use crate::model::change::Action;
use crate::model::inventory::Resource;
use crate::model::{Address, Change, Loss, Request, Scope, word};
use arcstr::ArcStr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the stored form of plans; raised when a field that matters is added.
pub const FORMAT: u32 = 1;

/// Everything apply will do, with nothing left to choose.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// Where live was read, so that proofs can read it again without the spec.
    pub scope: Scope,
    /// Every thing that changes, by address.
    #[serde(serialize_with = "beside::map")]
    pub changes: BTreeMap<Address, Resolution>,
    /// The requests, in an order that respects every edge; `steps[i].id == i`.
    #[serde(serialize_with = "beside::list")]
    pub steps: Vec<Step>,
    /// What keeps the plan from being applied, if anything.
    pub refusals: Vec<Refusal>,
    /// What a user should know besides: unmanaged things, ignored differences.
    pub notes: Vec<String>,
    /// Attributes of live things that references may need during the run, by address and dotted path.
    pub outputs: BTreeMap<Address, BTreeMap<String, crate::model::Value>>,
    /// What the service found wrong with the schemas of databases before the run, as sentences.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub violations: BTreeMap<Address, Vec<String>>,
    /// What past runs took, where there were any; no part of what is stored and applied.
    #[serde(skip)]
    pub times: Times,
}

/// Seconds by kind and action.
pub type Times = BTreeMap<(ArcStr, Action), u32>;

/// One thing that changes, as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resolution {
    /// The kind's word.
    pub kind: ArcStr,
    /// The service's name.
    pub name: ArcStr,
    /// Before and after, complete: what the spec does not mention is carried over.
    pub change: Change,
    /// Why it changes.
    pub reason: Reason,
    /// The worst that its steps may cost.
    pub loss: Loss,
    /// Where the spec declares it.
    pub origin: Option<Origin>,
    /// When it goes together with its container: the container's address. It then has no step of its own.
    pub with: Option<Address>,
}

impl Resolution {
    /// A change of a thing as a whole, by itself and without a loss.
    pub(crate) fn new(thing: &Resource, change: Change, reason: Reason) -> Self {
        let (kind, name) = (word(thing.kind), thing.name.clone());
        Self { kind, name, change, reason, loss: Loss::none(), origin: None, with: None }
    }
}

/// Why a thing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The spec declares it and it does not exist.
    Declared,
    /// Properties differ from the spec.
    Differs,
    /// `removed:` lists it, or the spec says `null`.
    Removed,
    /// It is undeclared in a collection that is pruned.
    Pruned,
    /// `destroy` takes everything declared away.
    Destroyed,
    /// It goes with its container, or is made again with it.
    Contained,
    /// It has another name in live (`renamedFrom`).
    Renamed,
}

/// One request with its reverse, its cause and its edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Its number, which is its place in [`Plan::steps`].
    pub id: usize,
    /// What it changes.
    pub address: Address,
    /// The kind's word.
    pub kind: ArcStr,
    /// What the whole change does to the thing.
    pub action: Action,
    /// Before and after this step alone.
    pub change: Change,
    /// The exact effect.
    pub request: Request,
    /// How it is taken back.
    pub undo: Undo,
    /// What it may cost in data.
    pub loss: Loss,
    /// The steps that must be done before it.
    pub needs: Vec<usize>,
    /// `false` before the point of no return, `true` behind it. Nothing behind it starts until everything before
    /// it is done.
    pub behind_line: bool,
    /// A check by the service to run right before the step, when its answer depends on earlier steps of the plan.
    pub validation: Option<Box<Request>>,
    /// Where the spec declares the thing.
    pub origin: Option<Origin>,
}

/// Of each step those that need it, in order.
pub fn dependents(steps: &[Step]) -> Vec<Vec<usize>> {
    let mut dependents = vec![Vec::new(); steps.len()];
    for step in steps {
        step.needs.iter().for_each(|needs| dependents[*needs].push(step.id));
    }
    dependents
}

/// Why a plan may not be applied as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The thing concerned.
    pub address: Address,
    /// Where the spec declares it.
    pub origin: Option<Origin>,
    /// Which rule refuses it.
    pub rule: Rule,
    /// What would happen and why it is refused, as a sentence.
    pub message: String,
    /// What to do, as a sentence.
    pub help: String,
}

/// The rules that refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A property that the service fixes at creation.
    Immutable,
    /// The step's class of data loss is not allowed.
    DataLoss,
    /// The spec says `preventDestroy`.
    PreventDestroy,
    /// More deletions than `--max-deletes`.
    MaxDeletes,
    /// The spec says it exists and it does not, or the like.
    Missing,
    /// The last admin, the caller's own admin, or an identity that is in use would lose its role.
    LockOut,
    /// The service or a prerequisite objects.
    Invalid,
}
