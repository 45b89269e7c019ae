//! What may be started now.
//!
//! Invariant: work on a cluster itself runs alone on that cluster, what the service does one at a time runs beside nothing
//! of its kind, and never more requests than the policy's parallelism are on their way (tests: `tests/laws/main.rs`,
//! `tests/product/makespan.rs`); what most is waiting for goes first, so that a run takes hardly longer than it must (test:
//! `a_run_takes_hardly_longer_than_it_must`); what only waits for commands of a script goes along behind them, for the
//! service runs a script in its order and stops at the first command that fails (test:
//! `tests/laws/machine/46-what-needs-one-another-in-one-script.txt`).

use super::lane::{self, Admission, Lane, Slot};
use super::ready::{Look, Looks};
use super::{Machine, Phase, Policy, Status};
use crate::model::Address;
use crate::model::request::Request;
use crate::plan::Step;
use crate::run::event::{Operation, Way};
use std::collections::BTreeMap;
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// A script that is being put together.
struct Script<'a> {
    root: &'a Address,
    slot: &'a Slot,
    /// Whether nothing more goes out to its root, for something waits to have that for itself.
    is_closed: bool,
    steps: Vec<usize>,
    bytes: usize,
}

impl Script<'_> {
    /// Whether no other command fits.
    const fn is_full(&self, policy: &Policy) -> bool {
        self.steps.len() >= policy.script_commands || self.bytes >= policy.script_bytes
    }

    /// Takes a command in where it fits.
    fn takes(&mut self, id: usize, request: Option<&Request>, policy: &Policy) -> bool {
        let bytes = match request {
            Some(Request::Kusto(kusto)) => kusto.command.as_str().len() + 1,
            _ => 0,
        };
        let fits = self.steps.len() < policy.script_commands && self.bytes + bytes <= policy.script_bytes;
        if fits || self.steps.is_empty() {
            self.bytes += bytes;
            self.steps.push(id);
            return true;
        }
        false
    }
}

/// What waits for commands that go out now: for how many, and the place of the script that they are in, if it is one.
type Behind = BTreeMap<usize, (u32, Option<usize>)>;

impl Machine {
    /// What may be started now. The same state gives the same decisions; those that are being carried out
    /// already and have no event of their own (following, looking, proving) are named again.
    pub fn decide(&self) -> Vec<Decision> {
        match self.phase {
            Phase::Ended(_) => Vec::new(),
            Phase::Proving => vec![Decision::Prove { way: Way::Apply }],
            Phase::ProvingBack => vec![Decision::Prove { way: Way::Undo }],
            Phase::Settling => self.carried_on(),
            Phase::Forward => self.started(Way::Apply, &mut self.index.ready.looks()),
            Phase::RollingBack => self.started(Way::Undo, &mut self.index.ready.looks()),
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

    /// What is on its way already and must be seen to its end.
    fn carried_on(&self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for step in self.index.followed.iter().copied() {
            let (way, operation) = match &self.steps[step].status {
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

    fn started<'a>(&'a self, way: Way, looks: &mut Looks<'a>) -> Vec<Decision> {
        let mut decisions = self.carried_on();
        let mut traffic = self.index.traffic.clone();
        let mut scripts = BTreeMap::new();
        while traffic.requests() < self.policy.parallelism.max(1) {
            let Some(look) = looks.next() else { break };
            match traffic.admission(look.root, look.slot) {
                Admission::Granted => {}
                Admission::Taken => continue,
                Admission::Closed => {
                    looks.close(look.root);
                    continue;
                }
            }
            let (_, id) = look.rank;
            if matches!(look.slot, Slot::Script(_)) {
                scripts.insert(decisions.len(), self.script(way, &look));
            }
            decisions.push(if lane::is_check(&self.plan.steps[id], &self.steps[id], way) {
                Decision::Check { step: id }
            } else {
                Decision::Send { way, steps: vec![id] }
            });
            traffic.enter(Lane { root: look.root.clone(), slot: look.slot.clone() });
        }
        if way == Way::Apply {
            self.joined(&mut scripts);
        }
        for (place, script) in scripts {
            decisions[place] = Decision::Send { way, steps: script.steps };
        }
        decisions
    }

    /// A script of what is ready and comes before what waits to have the root for itself. Of what does not fit it passes over
    /// as many commands as it may hold, so that putting it together never costs more than what it may hold.
    fn script<'a>(&'a self, way: Way, look: &Look<'a>) -> Script<'a> {
        let (root, slot) = (look.root, look.slot);
        let closes = self.index.ready.first(root, &Slot::Exclusive);
        let mut script = Script { root, slot, is_closed: closes.is_some(), steps: Vec::new(), bytes: 0 };
        let mut passed = 0;
        for rank in self.index.ready.from(look).take_while(|rank| closes.is_none_or(|closes| *rank < closes))
        {
            let (_, id) = rank;
            passed += usize::from(!script.takes(id, self.request(id, way), &self.policy));
            if script.is_full(&self.policy) || passed >= self.policy.script_commands {
                break;
            }
        }
        script
    }

    /// What only waits for commands of one script goes along behind them: the service runs a script in its order, and stops
    /// at the first command that fails.
    fn joined(&self, scripts: &mut BTreeMap<usize, Script<'_>>) {
        let mut behind = Behind::new();
        let is_open = |script: &Script<'_>| !script.is_closed && !script.is_full(&self.policy);
        for (place, script) in scripts.iter().filter(|(_, script)| is_open(script)) {
            script.steps.iter().for_each(|id| self.follow(&mut behind, *id, *place));
        }
        while let Some((id, (count, place))) = behind.pop_first() {
            let step = &self.plan.steps[id];
            let Some((place, script)) = place.and_then(|place| Some((place, scripts.get_mut(&place)?)))
            else {
                continue;
            };
            let lane = Lane::of(step, &step.request);
            let joins = (&lane.root, &lane.slot) == (script.root, script.slot);
            if joins
                && count == self.index.held[id]
                && self.may_join(step)
                && script.takes(id, Some(&step.request), &self.policy)
            {
                self.follow(&mut behind, id, place);
            }
        }
    }

    /// Notes what waits for a command that goes out in the script at a place.
    fn follow(&self, behind: &mut Behind, id: usize, place: usize) {
        for later in &self.dependents[id] {
            let (count, script) = behind.entry(*later).or_insert((0, Some(place)));
            *count += 1;
            *script = script.filter(|script| *script == place);
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
        let own = Lane::of(step, &step.request);
        let before = |need: &usize| match self.steps[*need].status {
            Status::Done => true,
            Status::Sent => {
                let need = &self.plan.steps[*need];
                Lane::of(need, &need.request) == own
            }
            _ => false,
        };
        matches!(own.slot, Slot::Script(_)) && step.needs.iter().all(before) && self.may_join(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind;
    use crate::model::Command;
    use crate::run::event::{Attributes, Event, Happened};
    use crate::run::testing::plan;
    use std::sync::Arc;

    /// A plan of so many steps on three clusters. Some are commands, some go one at a time, and every tenth waits to have
    /// its cluster for itself.
    fn mixed(steps: usize) -> Machine {
        let alone = kind::all().find(|kind| kind.alone()).unwrap().about().name;
        let mut plan = plan(steps);
        for step in &mut plan.steps {
            let cluster = Address::root().child("clusters", &format!("c{}", step.id % 3));
            let within = cluster.child("databases", &format!("d{}", step.id % 7));
            step.address = within.child("things", &step.id.to_string());
            match step.id % 10 {
                0 => step.address = cluster,
                1 | 2 => step.kind = alone.into(),
                3..6 => step.request = Request::kusto(&cluster, within.key(), Command::new(".write")),
                _ => {}
            }
        }
        let policy = Policy { script_commands: 5, ..Policy::default() };
        Machine::new(Arc::new(plan), policy).unwrap()
    }

    /// Of a run of so many steps: the requests that go out, and at how many places is looked for them.
    fn looked_for(steps: usize) -> (usize, usize) {
        let mut machine = mixed(steps);
        let (mut sent, mut looked) = (0, 0);
        let mut on_their_way: Vec<usize> = Vec::new();
        while machine.phase() == Phase::Forward {
            let mut looks = machine.index.ready.looks();
            let decisions = machine.started(Way::Apply, &mut looks);
            looked += looks.looked();
            for decision in decisions {
                let Decision::Send { steps, .. } = decision else { continue };
                sent += 1;
                for step in steps {
                    let started = Happened::Started { part: 0, id: String::new(), at: String::new() };
                    machine.apply(&Event::apply(step, started)).unwrap();
                    on_their_way.push(step);
                }
            }
            let finished = Happened::Finished { outputs: Attributes::new(), trace: None };
            machine.apply(&Event::apply(on_their_way.remove(0), finished)).unwrap();
        }
        (sent, looked)
    }

    #[test]
    fn a_decision_looks_at_little_more_than_it_starts() {
        let (few, many) = (looked_for(300), looked_for(3000));
        assert!(many.1 <= 11 * few.1, "{few:?} grows to {many:?}");
        assert!(many.1 <= Policy::default().parallelism * many.0, "{many:?}");
    }
}
