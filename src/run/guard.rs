//! The guard: a thing is looked at again right before its first write, so that nobody's change is overwritten unseen.
//!
//! A plan is made from one reading of live, and a run may take an hour. A step whose before-state was read when the plan
//! was made goes out only while live still stands so; otherwise it is refused with what differs, and the run turns as
//! after any refusal (test: `tests/product/races.rs`, and the law of writes that stand in the simulation). What stands in
//! something that the run itself made is not looked at: when the plan was made there was nothing to be read.

use super::effects::{Effects, Look, LookError};
use super::event::{Attributes, Verdict};
use super::machine::{Machine, Status};
use super::proof;
use crate::model::body::Value;
use crate::model::{Address, Scope};
use crate::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// What a part of live was found to be; batches that go out close together share one look.
type Found = Arc<OnceCell<Result<Look, LookError>>>;

/// When live was last read: the whole for the plan, and parts of it since.
#[derive(Debug, Default)]
pub(super) struct Seen {
    whole: Option<Instant>,
    parts: BTreeMap<(Address, bool), (Instant, Found)>,
}

impl Seen {
    /// The whole was read at a moment.
    pub(super) const fn new(whole: Option<Instant>) -> Self {
        Self { whole, parts: BTreeMap::new() }
    }

    /// The look at a part, or at its root alone, to go by; `None` while the plan itself is as fresh as a look would be.
    fn part(&mut self, part: (Address, bool), fresh: Duration) -> Option<Found> {
        if self.whole.is_some_and(|whole| whole.elapsed() < fresh) {
            return None;
        }
        let (at, found) = self.parts.entry(part).or_insert_with(|| (Instant::now(), Found::default()));
        if at.elapsed() >= fresh {
            (*at, *found) = (Instant::now(), Found::default());
        }
        Some(Arc::clone(found))
    }
}

/// What is looked at before a batch is sent.
#[derive(Debug)]
pub(super) struct Guard {
    plan: Arc<Plan>,
    scope: Scope,
    found: Found,
    /// The steps to be looked at, and whether a request was sent for them before.
    steps: Vec<(usize, bool)>,
    known: BTreeMap<Address, Attributes>,
}

impl Guard {
    /// The guard of a batch that is about to go forward; `None` when nothing of it has to be looked at.
    pub(super) fn of(machine: &Machine, steps: &[usize], seen: &mut Seen, fresh: Duration) -> Option<Self> {
        let plan = machine.plan();
        let concerned: Vec<(usize, bool)> = steps
            .iter()
            .filter(|id| {
                let waits = matches!(machine.states()[**id].status, Status::Waiting | Status::Checked);
                waits
                    && machine.was_read(**id)
                    && !machine.goes_with_another(**id)
                    && !machine.stands_in_what_was_made(**id)
            })
            .map(|id| (*id, machine.states()[*id].sends > 0))
            .collect();
        let within = |container: &Address| {
            concerned.iter().any(|(id, _)| plan.steps[*id].address.is_within(container))
        };
        let root = plan.steps[concerned.first()?.0].address.prefix(1);
        let parts = plan.scope.containers.keys().filter(|at| within(at));
        let deepest = parts.max_by_key(|at| at.segments().len()).cloned().unwrap_or(root);
        let mut scope = plan.scope.clone();
        scope.containers.retain(|at, _| deepest.is_within(at));
        // What is in a container does not matter to its own change, and one that is to be made cannot be asked for it.
        let alone = concerned.iter().all(|(id, _)| plan.steps[*id].address == deepest);
        if alone {
            let above = scope.containers.values().map(|container| container.kind.clone());
            let own = concerned.iter().map(|(id, _)| plan.steps[*id].kind.clone());
            let kinds: BTreeSet<String> = above.chain(own).collect();
            scope.kinds.retain(|kind| kinds.contains(kind));
            scope.containers.values_mut().for_each(|container| container.commands.clear());
        }
        let found = seen.part((deepest, alone), fresh)?;
        Some(Self {
            plan: Arc::clone(plan),
            scope,
            found,
            steps: concerned,
            known: machine.outputs().clone(),
        })
    }

    /// The steps that must not go out, and why: empty when live still stands as it was read.
    pub(super) async fn objections<E: Effects>(&self, effects: &E) -> BTreeMap<usize, String> {
        match self.found.get_or_init(|| effects.look(&self.scope)).await {
            Ok(look) => self.steps.iter().filter_map(|step| self.objection(*step, look)).collect(),
            Err(error) => {
                let why = format!("it could not be looked at right before it was to be written: {error}");
                self.steps.first().map(|(id, _)| (*id, why)).into_iter().collect()
            }
        }
    }

    /// Whether something that contains a thing is made by the plan itself.
    fn came_along(&self, address: &Address) -> bool {
        let mut above = (1..address.segments().len()).map(|depth| address.prefix(depth));
        above.any(|above| self.plan.changes.get(&above).is_some_and(|made| made.change.before.is_none()))
    }

    fn objection(&self, (id, sent): (usize, bool), look: &Look) -> Option<(usize, String)> {
        let step = &self.plan.steps[id];
        if look.hides(&step.address).is_some() {
            return None;
        }
        let known = |address: &Address, path: &[String]| -> Option<Value> {
            self.known.get(address)?.get(&path.join(".")).cloned()
        };
        let (verdict, differences) = proof::verdict(step, true, &look.live, &known);
        let found = match verdict {
            Verdict::Before | Verdict::Either => return None,
            // Its own request, which was taken for lost, has arrived after all; or it came with what the run made.
            Verdict::After if sent || self.came_along(&step.address) => return None,
            Verdict::After => "somebody has made it so already".to_owned(),
            Verdict::Neither => {
                let all: BTreeSet<String> = differences.iter().map(ToString::to_string).collect();
                all.into_iter().collect::<Vec<_>>().join("; ")
            }
        };
        Some((id, format!("somebody has changed it since the plan was made, so it was not written: {found}")))
    }
}
