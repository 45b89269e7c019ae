//! What may be started now.
//!
//! Invariant: work on a cluster itself runs alone on that cluster, what the service does one at a time runs beside nothing
//! of its kind, and never more requests than the policy's parallelism are on their way (tests: `tests/laws/main.rs`,
//! `tests/product/makespan.rs`); what most is waiting for goes first, so that a run takes hardly longer than it must (test:
//! `a_run_takes_hardly_longer_than_it_must`).

use super::{Machine, Phase, Status};
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

/// Where a request goes, for what may run beside it.
#[derive(Debug, Clone, PartialEq)]
struct Lane {
    /// The root of its address: a cluster.
    root: Address,
    /// Whether it writes to the root itself, which the service does with nothing else beside it.
    exclusive: bool,
    /// The word of its kind, where the service does one such thing at a time in a root.
    alone: Option<String>,
    /// The database whose script it may join, and its length in bytes.
    script: Option<(String, usize)>,
}

fn lane(step: &Step, request: &Request) -> Lane {
    let address = &step.address;
    match request {
        Request::Arm(_) => {
            let alone = kind::by_name(&step.kind).is_some_and(|kind| kind.alone());
            let alone = alone.then(|| step.kind.clone());
            Lane { root: address.prefix(1), exclusive: address.segments().len() == 1, alone, script: None }
        }
        Request::Kusto(KustoRequest { cluster, database, command, lookup, alone, begins }) => {
            let joins = !alone && lookup.is_none() && begins.is_none();
            let script = joins.then(|| (database.clone(), command.as_str().len() + 1));
            Lane { root: cluster.clone(), exclusive: false, alone: None, script }
        }
    }
}

impl Lane {
    /// The lane of the service's check of a step, which writes nothing.
    fn for_check(self) -> Self {
        Self { exclusive: false, alone: None, script: None, ..self }
    }
}

/// What is on its way, and what a round of decisions adds to it.
#[derive(Default)]
struct Traffic {
    on_their_way: usize,
    shared: BTreeSet<Address>,
    closed: BTreeSet<Address>,
    alone: BTreeSet<(Address, String)>,
    scripts: BTreeSet<(Address, String)>,
}

impl Traffic {
    fn add(&mut self, lane: &Lane) {
        if lane.exclusive {
            self.closed.insert(lane.root.clone());
        } else {
            self.shared.insert(lane.root.clone());
        }
        self.alone.extend(lane.alone.iter().map(|kind| (lane.root.clone(), kind.clone())));
        let first = match &lane.script {
            Some((database, _)) => self.scripts.insert((lane.root.clone(), database.clone())),
            None => true,
        };
        self.on_their_way += usize::from(first);
    }

    /// Whether the lane may be entered. A root that an exclusive request waits for is closed to those after it.
    fn admits(&mut self, lane: &Lane) -> bool {
        if self.closed.contains(&lane.root) {
            return false;
        }
        let taken = |kind: &String| self.alone.contains(&(lane.root.clone(), kind.clone()));
        if lane.alone.as_ref().is_some_and(taken) {
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

    fn traffic(&self) -> Traffic {
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
        let mut scripts: BTreeMap<(Address, String), Script> = BTreeMap::new();
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
            let key =
                lane.script.as_ref().map(|(database, bytes)| ((lane.root.clone(), database.clone()), *bytes));
            match key {
                Some((key, bytes)) => {
                    if let Some(script) = scripts.get_mut(&key) {
                        let fits = script.commands < self.policy.script_commands
                            && script.bytes + bytes <= self.policy.script_bytes;
                        if fits && let Decision::Send { steps, .. } = &mut decisions[script.place] {
                            script.commands += 1;
                            script.bytes += bytes;
                            steps.push(id);
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
        decisions
    }
}
