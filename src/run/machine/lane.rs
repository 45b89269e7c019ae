//! What may be on its way beside what.
//!
//! Invariant: what has entered the traffic leaves it by the same lane (test:
//! `decisions_are_those_of_looking_at_every_step`).

use super::{State, Status};
use crate::kind::{self, Undo};
use crate::model::Address;
use crate::model::request::{KustoRequest, Request};
use crate::plan::Step;
use crate::run::event::Way;
use std::collections::BTreeMap;

/// What a request may not be beside, in its root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// Anything: it writes to the root itself, which the service does with nothing else beside it.
    Exclusive,
    /// Others of its kind, by its word: the service does one such thing at a time in a root.
    Alone(String),
    /// Another script of its database; it may join one.
    Script(String),
    /// What writes to the root itself.
    Shared,
}

/// Where a request goes, for what may run beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    /// The root of its address: a cluster.
    pub(super) root: Address,
    /// What it may not be beside there.
    pub(super) slot: Slot,
}

impl Lane {
    /// The lane of a step's request.
    pub(super) fn of(step: &Step, request: &Request) -> Self {
        let address = &step.address;
        match request {
            Request::Arm(_) => {
                let alone = || kind::by_name(&step.kind).is_some_and(|kind| kind.alone());
                let slot = match address.depth() {
                    1 => Slot::Exclusive,
                    _ if alone() => Slot::Alone(step.kind.to_string()),
                    _ => Slot::Shared,
                };
                Self { root: address.prefix(1), slot }
            }
            Request::Kusto(KustoRequest { cluster, database, lookup, alone, begins, .. }) => {
                let joins = !alone && lookup.is_none() && begins.is_none();
                let slot = if joins { Slot::Script(database.clone()) } else { Slot::Shared };
                Self { root: cluster.clone(), slot }
            }
        }
    }

    /// The lane of the service's check of a step, which writes nothing.
    fn for_check(self) -> Self {
        Self { slot: Slot::Shared, ..self }
    }

    /// The lane in which a step is that has something on its way.
    pub(super) fn taken(step: &Step, state: &State) -> Option<Self> {
        let way = match state.status {
            Status::Undoing | Status::UndoPending(_) | Status::UndoDoubt(_) => Way::Undo,
            _ if state.status.is_open() => Way::Apply,
            _ => return None,
        };
        let lane = Self::of(step, request(step, state, way)?);
        Some(if state.status == Status::Checking { lane.for_check() } else { lane })
    }

    /// The lane of what a step would send next in a direction.
    pub(super) fn next(step: &Step, state: &State, way: Way) -> Option<Self> {
        let lane = Self::of(step, request(step, state, way)?);
        Some(if is_check(step, state, way) { lane.for_check() } else { lane })
    }
}

/// The request that a step would send next in a direction.
pub(super) fn request<'a>(step: &'a Step, state: &State, way: Way) -> Option<&'a Request> {
    match (way, &step.undo) {
        (Way::Apply, _) => Some(&step.request),
        (Way::Undo, Undo::By(requests)) => requests.get(state.part),
        (Way::Undo, Undo::Never(_)) => None,
    }
}

/// Whether the service's check of a step comes next.
pub(super) fn is_check(step: &Step, state: &State, way: Way) -> bool {
    way == Way::Apply && step.validation.is_some() && state.status == Status::Waiting
}

/// Whether something may go out beside what is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Granted,
    /// Nothing of its slot may.
    Taken,
    /// Nothing in its root may: something has it for itself, or waits for that.
    Closed,
}

/// What is on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    requests: usize,
    roots: BTreeMap<Address, BTreeMap<Slot, usize>>,
}

impl Traffic {
    /// How many requests there are; a script counts as one.
    pub(super) const fn requests(&self) -> usize {
        self.requests
    }

    /// Whether a lane may be entered.
    pub(super) fn admission(&self, root: &Address, slot: &Slot) -> Admission {
        let Some(slots) = self.roots.get(root) else { return Admission::Granted };
        match slot {
            Slot::Exclusive => Admission::Closed,
            _ if slots.contains_key(&Slot::Exclusive) => Admission::Closed,
            Slot::Alone(_) | Slot::Script(_) if slots.contains_key(slot) => Admission::Taken,
            Slot::Alone(_) | Slot::Script(_) | Slot::Shared => Admission::Granted,
        }
    }

    /// Something goes out.
    pub(super) fn enter(&mut self, Lane { root, slot }: Lane) {
        let is_script = matches!(slot, Slot::Script(_));
        let count = self.roots.entry(root).or_default().entry(slot).or_default();
        *count += 1;
        self.requests += usize::from(!is_script || *count == 1);
    }

    /// Something that went out has come to its end.
    pub(super) fn leave(&mut self, Lane { root, slot }: &Lane) {
        let Some(slots) = self.roots.get_mut(root) else { return };
        let Some(count) = slots.get_mut(slot) else { return };
        *count -= 1;
        let is_last = *count == 0;
        self.requests -= usize::from(is_last || !matches!(slot, Slot::Script(_)));
        if is_last {
            slots.remove(slot);
        }
        if slots.is_empty() {
            self.roots.remove(root);
        }
    }
}
