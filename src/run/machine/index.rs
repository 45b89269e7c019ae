//! What follows from where the steps stand, kept so that no event and no decision costs a walk over the plan.
//!
//! Invariant: a step moves in [`Machine::set`] alone, and the run in [`Machine::go_to`] alone; what is kept is what
//! looking at every step would give (test: `decisions_are_those_of_looking_at_every_step`).

use super::lane::{Lane, Traffic};
use super::ready::{Rank, Ready};
use super::{Machine, Phase, State, Status, Wait};
use crate::plan::{Plan, Step};
use crate::run::event::Way;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// How many steps stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Done.
    pub done: usize,
    /// On their way, followed or in doubt.
    pub open: usize,
    /// Not sent yet.
    pub waiting: usize,
    /// Taken back.
    pub undone: usize,
}

impl Tally {
    fn count_of(&mut self, status: &Status) -> Option<&mut usize> {
        match status {
            Status::Done => Some(&mut self.done),
            Status::Waiting | Status::Checked => Some(&mut self.waiting),
            Status::Undone => Some(&mut self.undone),
            status if status.is_open() => Some(&mut self.open),
            _ => None,
        }
    }
}

/// What is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// How many steps stand where.
    pub(super) tally: Tally,
    /// How many steps before the line of no return are not done.
    pub(super) left_before_line: usize,
    /// The steps whose operations are followed.
    pub(super) followed: BTreeSet<usize>,
    /// The steps in doubt.
    pub(super) doubts: BTreeSet<usize>,
    /// What is on its way.
    pub(super) traffic: Traffic,
    /// What may be started, as far as other steps are concerned.
    pub(super) ready: Ready,
    /// Of each step how many others hold it back, while steps are started at all.
    pub(super) held: Vec<u32>,
    /// The direction in which steps are started, if they are.
    way: Option<Way>,
    /// The steps behind the line of no return.
    behind_line: Vec<usize>,
}

impl Index {
    /// For a plan of which nothing is done.
    pub(super) fn of(plan: &Plan) -> Self {
        let behind_line: Vec<usize> =
            plan.steps.iter().filter(|step| step.behind_line).map(|step| step.id).collect();
        Self {
            tally: Tally { waiting: plan.steps.len(), ..Tally::default() },
            left_before_line: plan.steps.len() - behind_line.len(),
            behind_line,
            ..Self::default()
        }
    }
}

/// Whether a step that stands like this holds others back.
fn holds(way: Way, status: &Status) -> bool {
    match way {
        Way::Apply => *status != Status::Done,
        Way::Undo => !status.is_without_effect(),
    }
}

/// The steps that a step may hold back.
fn held_by<'a>(plan: &'a Plan, dependents: &'a [Vec<usize>], way: Way, id: usize) -> &'a [usize] {
    match way {
        Way::Apply => &dependents[id],
        Way::Undo => &plan.steps[id].needs,
    }
}

impl Machine {
    /// How many steps stand where.
    pub const fn tally(&self) -> Tally {
        self.index.tally
    }

    /// What must be done before a step may start.
    pub(super) fn needs_of(&self, step: &Step) -> Option<Wait> {
        if let Some(need) = step.needs.iter().find(|need| self.steps[**need].status != Status::Done) {
            return Some(Wait::Step(*need));
        }
        let left = self.index.left_before_line;
        (step.behind_line && left > 0).then_some(Wait::Line { left })
    }

    /// A step that must be undone before this one.
    pub(super) fn undo_needs(&self, id: usize) -> Option<usize> {
        self.dependents[id].iter().copied().find(|later| !self.steps[*later].status.is_without_effect())
    }

    /// Turns to a phase.
    pub(super) fn go_to(&mut self, phase: Phase) {
        self.phase = phase;
        let way = match phase {
            Phase::Forward => Some(Way::Apply),
            Phase::RollingBack => Some(Way::Undo),
            Phase::Settling | Phase::Proving | Phase::ProvingBack | Phase::Ended(_) => None,
        };
        if way != self.index.way {
            self.index.way = way;
            self.index.ready = Ready::default();
            self.index.held = way.map_or_else(Vec::new, |way| self.all_held(way));
            (0..self.index.held.len()).for_each(|id| self.queue(id));
        }
    }

    fn all_held(&self, way: Way) -> Vec<u32> {
        let mut held = vec![0; self.steps.len()];
        for id in (0..self.steps.len()).filter(|id| holds(way, &self.steps[*id].status)) {
            held_by(&self.plan, &self.dependents, way, id).iter().for_each(|other| held[*other] += 1);
        }
        held
    }

    /// Moves a step.
    pub(super) fn set(&mut self, id: usize, next: State) {
        let had_line = self.has_line();
        self.unqueue(id);
        self.count(id, false);
        let before = std::mem::replace(&mut self.steps[id], next);
        self.count(id, true);
        self.queue(id);
        self.release(id, &before.status);
        if had_line != self.has_line() {
            let behind_line = std::mem::take(&mut self.index.behind_line);
            behind_line.iter().for_each(|id| self.requeue(*id));
            self.index.behind_line = behind_line;
        }
    }

    /// Whether steps are left before the line of no return.
    const fn has_line(&self) -> bool {
        self.index.left_before_line > 0
    }

    /// Moves a step that otherwise stays as it is.
    pub(super) fn set_status(&mut self, id: usize, status: Status) {
        let state = State { status, ..self.steps[id].clone() };
        self.set(id, state);
    }

    /// Counts a step where it stands, or no more.
    fn count(&mut self, id: usize, is_there: bool) {
        let (step, state, index) = (&self.plan.steps[id], &self.steps[id], &mut self.index);
        let change = |count: &mut usize| if is_there { *count += 1 } else { *count -= 1 };
        index.tally.count_of(&state.status).map(change);
        if state.status != Status::Done && !step.behind_line {
            change(&mut index.left_before_line);
        }
        let keep = |all: &mut BTreeSet<usize>| if is_there { all.insert(id) } else { all.remove(&id) };
        if state.status.is_doubt() {
            keep(&mut index.doubts);
        } else if matches!(state.status, Status::Pending(_) | Status::UndoPending(_)) {
            keep(&mut index.followed);
        }
        match Lane::taken(step, state) {
            Some(lane) if is_there => index.traffic.enter(lane),
            Some(lane) => index.traffic.leave(&lane),
            None => {}
        }
    }

    /// Holds back what waits for a step, or lets it go, after the step has moved.
    fn release(&mut self, id: usize, before: &Status) {
        let Some(way) = self.index.way else { return };
        let (held, holds_now) = (holds(way, before), holds(way, &self.steps[id].status));
        if held == holds_now {
            return;
        }
        let mut turned = Vec::new();
        for other in held_by(&self.plan, &self.dependents, way, id) {
            let held = &mut self.index.held[*other];
            let was_held = *held > 0;
            *held = if holds_now { *held + 1 } else { *held - 1 };
            if was_held != (*held > 0) {
                turned.push(*other);
            }
        }
        turned.into_iter().for_each(|id| self.requeue(id));
    }

    /// Whether a step may be started, as far as other steps are concerned.
    fn is_ready(&self, id: usize, way: Way) -> bool {
        let status = &self.steps[id].status;
        let is_due = match way {
            Way::Apply => matches!(status, Status::Waiting | Status::Checked | Status::Broken),
            Way::Undo => status.is_undoable(),
        };
        let is_before_line = way == Way::Undo || !self.plan.steps[id].behind_line;
        is_due && self.index.held[id] == 0 && (is_before_line || !self.has_line())
    }

    /// Puts a step among those that are ready, if it is.
    fn queue(&mut self, id: usize) {
        if let Some(way) = self.index.way
            && self.is_ready(id, way)
        {
            self.put(id, way, true);
        }
    }

    /// Takes a step that is about to move from among those that are ready, if it is.
    fn unqueue(&mut self, id: usize) {
        if let Some(way) = self.index.way
            && self.is_ready(id, way)
        {
            self.put(id, way, false);
        }
    }

    /// Puts a step among those that are ready or takes it from there, after others have moved.
    fn requeue(&mut self, id: usize) {
        if let Some(way) = self.index.way {
            self.put(id, way, self.is_ready(id, way));
        }
    }

    fn put(&mut self, id: usize, way: Way, is_ready: bool) {
        let rank: Rank = match way {
            Way::Apply => (Reverse(self.tails[id]), id),
            Way::Undo => (Reverse(id as u64), id),
        };
        if let Some(lane) = Lane::next(&self.plan.steps[id], &self.steps[id], way) {
            self.index.ready.put(lane, rank, is_ready);
        }
    }
}
