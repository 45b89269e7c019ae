//! What may be started now.
//!
//! Invariant: work on a cluster itself runs alone on that cluster, what the service does one at a time runs beside nothing
//! of its kind, and never more requests than the policy's parallelism are on their way (tests: `tests/laws/main.rs`,
//! `tests/product/makespan.rs`); what most is waiting for goes first, so that a run takes hardly longer than it must (test:
//! `a_run_takes_hardly_longer_than_it_must`); what only waits for commands of a script goes along behind them, for the
//! service runs a script in its order and stops at the first command that fails (test:
//! `tests/laws/machine/46-what-needs-one-another-in-one-script.txt`).

use super::{Machine, Phase, Policy, Status};
use crate::kind;
use crate::model::Address;
use crate::model::request::{KustoRequest, Request};
use crate::plan::Step;
use crate::run::event::{Operation, Way};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something to be done now.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Ask the service to check a step.
    Check {
        /// The step.
        step: usize,
    },
    /// Send the next request of each step: one request, or several commands in one script.
    Send {
        /// Whether the steps are done or undone.
        way: Way,
        /// The steps, in the order of their commands.
        steps: Vec<usize>,
    },
    /// Follow an operation, unless that is being done already.
    Follow {
        /// The step.
        step: usize,
        /// Whether its request or its undo is followed.
        way: Way,
        /// How to follow it.
        operation: Operation,
    },
    /// Look at live to settle doubts, unless that is being done already.
    Settle {
        /// The steps in doubt.
        steps: Vec<usize>,
    },
    /// Re-read live and compare it with what must be, unless that is being done already.
    Prove {
        /// Whether live must be as after or as before.
        way: Way,
    },
}

/// Why a step is not started yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A step that must be done before.
    Step(usize),
    /// It stands behind the line of no return, and steps before the line are left.
    Line {
        /// How many.
        left: usize,
    },
    /// Its needs are met; it waits for its turn.
    Turn,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(f, "step {step}"),
            Self::Line { left: 1 } => f.write_str("the last step before the line of no return"),
            Self::Line { left } => write!(f, "{left} steps before the line of no return"),
            Self::Turn => f.write_str("its turn"),
        }
    }
}

/// What tells scripts apart: their root and database.
type Key<'a> = (&'a Address, &'a str);

/// Where a request goes, for what may run beside it.
#[derive(Debug, Clone, PartialEq)]
struct Lane<'a> {
    /// The root of its address: a cluster.
    root: Address,
    /// Whether it writes to the root itself, which the service does with nothing else beside it.
    exclusive: bool,
    /// The word of its kind, where the service does one such thing at a time in a root.
    alone: Option<&'a str>,
    /// The script that it may join, and its length in bytes.
    script: Option<(Key<'a>, usize)>,
}

fn lane<'a>(step: &'a Step, request: &'a Request) -> Lane<'a> {
    let address = &step.address;
    match request {
        Request::Arm(_) => {
            let alone = kind::by_name(&step.kind).is_some_and(|kind| kind.alone());
            let alone = alone.then_some(step.kind.as_str());
            Lane { root: address.prefix(1), exclusive: address.depth() == 1, alone, script: None }
        }
        Request::Kusto(KustoRequest { cluster, database, command, lookup, alone, begins }) => {
            let joins = !alone && lookup.is_none() && begins.is_none();
            let script = joins.then(|| ((cluster, database.as_str()), command.as_str().len() + 1));
            Lane { root: cluster.clone(), exclusive: false, alone: None, script }
        }
    }
}

impl Lane<'_> {
    /// The lane of the service's check of a step, which writes nothing.
    fn for_check(self) -> Self {
        Self { exclusive: false, alone: None, script: None, ..self }
    }
}

/// What is on its way, and what a round of decisions adds to it.
#[derive(Default)]
struct Traffic<'a> {
    on_their_way: usize,
    shared: BTreeSet<Address>,
    closed: BTreeSet<Address>,
    alone: BTreeSet<(Address, &'a str)>,
    scripts: BTreeSet<Key<'a>>,
}

impl<'a> Traffic<'a> {
    fn add(&mut self, lane: &Lane<'a>) {
        if lane.exclusive {
            self.closed.insert(lane.root.clone());
        } else {
            self.shared.insert(lane.root.clone());
        }
        self.alone.extend(lane.alone.map(|kind| (lane.root.clone(), kind)));
        let first = lane.script.is_none_or(|(key, _)| self.scripts.insert(key));
        self.on_their_way += usize::from(first);
    }

    /// Whether the lane may be entered. A root that an exclusive request waits for is closed to those after it.
    fn admits(&mut self, lane: &Lane<'a>) -> bool {
        if self.closed.contains(&lane.root) {
            return false;
        }
        if lane.alone.is_some_and(|kind| self.alone.contains(&(lane.root.clone(), kind))) {
            return false;
        }
        if lane.exclusive && self.shared.contains(&lane.root) {
            self.closed.insert(lane.root.clone());
            return false;
        }
        true
    }
}

/// A script that is being put together.
struct Script {
    place: usize,
    commands: usize,
    bytes: usize,
}

/// The scripts that are being put together.
type Scripts<'a> = BTreeMap<Key<'a>, Script>;

impl Script {
    /// Takes a command in where it fits.
    fn takes(&mut self, id: usize, bytes: usize, policy: &Policy, decisions: &mut [Decision]) -> bool {
        let fits = self.commands < policy.script_commands && self.bytes + bytes <= policy.script_bytes;
        match &mut decisions[self.place] {
            Decision::Send { steps, .. } if fits => {
                self.commands += 1;
                self.bytes += bytes;
                steps.push(id);
                true
            }
            _ => false,
        }
    }
}

impl Machine {
    /// What may be started now. The same state gives the same decisions; those that are being carried out
    /// already and have no event of their own (following, looking, proving) are named again.
    pub fn decide(&self) -> Vec<Decision> {
        match self.phase {
            Phase::Ended(_) => Vec::new(),
            Phase::Proving => vec![Decision::Prove { way: Way::Apply }],
            Phase::ProvingBack => vec![Decision::Prove { way: Way::Undo }],
            Phase::Settling => self.carried_on(),
            Phase::Forward => {
                let mut ready: Vec<usize> = (0..self.steps.len()).filter(|id| self.is_ready(*id)).collect();
                ready.sort_by_key(|id| Reverse(self.tails[*id]));
                self.started(Way::Apply, ready.into_iter())
            }
            Phase::RollingBack => {
                let ready = (0..self.steps.len()).rev().filter(|id| self.is_ready_to_undo(*id));
                self.started(Way::Undo, ready)
            }
        }
    }

    /// Why a step has not been started; `None` when it has, or never will be in this phase.
    pub fn waits_for(&self, id: usize) -> Option<Wait> {
        let waiting = matches!(self.steps[id].status, Status::Waiting | Status::Checked);
        if self.phase != Phase::Forward || !waiting {
            return None;
        }
        Some(self.needs_of(&self.plan.steps[id]).unwrap_or(Wait::Turn))
    }

    fn is_ready(&self, id: usize) -> bool {
        matches!(self.steps[id].status, Status::Waiting | Status::Checked | Status::Broken)
            && self.needs_of(&self.plan.steps[id]).is_none()
    }

    /// What is on its way already and must be seen to its end.
    fn carried_on(&self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for (step, state) in self.steps.iter().enumerate() {
            let (way, operation) = match &state.status {
                Status::Pending(operation) => (Way::Apply, operation),
                Status::UndoPending(operation) => (Way::Undo, operation),
                _ => continue,
            };
            decisions.push(Decision::Follow { step, way, operation: operation.clone() });
        }
        let steps: Vec<usize> = self.doubts().collect();
        if !steps.is_empty() {
            decisions.push(Decision::Settle { steps });
        }
        decisions
    }

    fn traffic(&self) -> Traffic<'_> {
        let mut traffic = Traffic::default();
        for (id, state) in self.steps.iter().enumerate().filter(|(_, state)| state.status.is_open()) {
            let way = match state.status {
                Status::Undoing | Status::UndoPending(_) | Status::UndoDoubt(_) => Way::Undo,
                _ => Way::Apply,
            };
            let Some(request) = self.request(id, way) else { continue };
            let mut lane = lane(&self.plan.steps[id], request);
            if state.status == Status::Checking {
                lane = lane.for_check();
            }
            traffic.add(&lane);
        }
        traffic
    }

    fn started(&self, way: Way, ready: impl Iterator<Item = usize>) -> Vec<Decision> {
        let mut decisions = self.carried_on();
        let mut traffic = self.traffic();
        let mut scripts = Scripts::new();
        for id in ready {
            let Some(request) = self.request(id, way) else { continue };
            let step = &self.plan.steps[id];
            let mut lane = lane(step, request);
            let check =
                way == Way::Apply && step.validation.is_some() && self.steps[id].status == Status::Waiting;
            if check {
                lane = lane.for_check();
            }
            if !traffic.admits(&lane) {
                continue;
            }
            let free = traffic.on_their_way < self.policy.parallelism.max(1);
            match lane.script {
                Some((key, bytes)) => {
                    if let Some(script) = scripts.get_mut(&key) {
                        if script.takes(id, bytes, &self.policy, &mut decisions) {
                            traffic.add(&lane);
                        }
                    } else if free && !traffic.scripts.contains(&key) {
                        scripts.insert(key, Script { place: decisions.len(), commands: 1, bytes });
                        decisions.push(Decision::Send { way, steps: vec![id] });
                        traffic.add(&lane);
                    }
                }
                None if !free => {}
                None if check => {
                    decisions.push(Decision::Check { step: id });
                    traffic.add(&lane);
                }
                None => {
                    decisions.push(Decision::Send { way, steps: vec![id] });
                    traffic.add(&lane);
                }
            }
        }
        if way == Way::Apply {
            self.joined(&traffic, &mut scripts, &mut decisions);
        }
        decisions
    }

    /// What only waits for commands of one script goes along behind them: the service runs a script in its order, and stops
    /// at the first command that fails.
    fn joined<'a>(&'a self, traffic: &Traffic<'a>, scripts: &mut Scripts<'a>, decisions: &mut [Decision]) {
        if scripts.is_empty() {
            return;
        }
        let mut places = vec![None; self.steps.len()];
        for script in scripts.values() {
            if let Decision::Send { steps, .. } = &decisions[script.place] {
                steps.iter().for_each(|id| places[*id] = Some(script.place));
            }
        }
        for (id, step) in self.plan.steps.iter().enumerate() {
            let behind = |need: &usize| self.steps[*need].status == Status::Done || places[*need].is_some();
            if places[id].is_some() || !step.needs.iter().all(behind) || !self.may_join(step) {
                continue;
            }
            let Some((key, bytes)) = lane(step, &step.request).script else { continue };
            let Some(script) = scripts.get_mut(&key) else { continue };
            let place = Some(script.place);
            let beside = |need: &usize| places[*need].is_some() && places[*need] != place;
            if !step.needs.iter().any(beside)
                && !traffic.closed.contains(&step.address.prefix(1))
                && script.takes(id, bytes, &self.policy, decisions)
            {
                places[id] = place;
            }
        }
    }

    /// Whether a step may go out while what it needs is on its way with it: it is looked at as if nothing of that were
    /// done yet, and nothing that comes of it is part of its request.
    fn may_join(&self, step: &Step) -> bool {
        let known = |(address, path): &(&Address, &[String])| self.known(address, path).is_some();
        self.steps[step.id].status == Status::Waiting
            && !step.behind_line
            && step.validation.is_none()
            && self.was_read(step.id)
            && step.request.references().iter().all(known)
    }

    /// Whether all that a step waits for is on its way in the same script, before it.
    pub(super) fn goes_along(&self, step: &Step) -> bool {
        let Some((own, _)) = lane(step, &step.request).script else { return false };
        let before = |need: &usize| match self.steps[*need].status {
            Status::Done => true,
            Status::Sent => {
                let need = &self.plan.steps[*need];
                lane(need, &need.request).script.is_some_and(|(key, _)| key == own)
            }
            _ => false,
        };
        step.needs.iter().all(before) && self.may_join(step)
    }
}
