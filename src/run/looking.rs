//! Looking: when live is read during a run, and what a look settles.
//!
//! A look that shows a lost request's effect is believed at once. One that does not is believed only when the loss
//! is [`Timing::settle_quiet`] old, for the request may still be on its way; and a thing on which the service says
//! it is working is looked at again.

use super::effects::{Look, LookError};
use super::event::{Attributes, Event, Happened, Verdict, Way};
use super::machine::{Cause, Machine, Status};
use super::{proof, schemas};
use crate::kind;
use crate::model::Address;
use crate::model::body::Body;
use crate::plan::Step;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a run waits for what.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From a lost reply to the first look.
    pub settle_first: Duration,
    /// Between looks that settled nothing.
    pub settle_pause: Duration,
    /// How old a loss must be for "not done" to be believed.
    pub settle_quiet: Duration,
    /// How long the service may be at work on a thing before a person is asked.
    pub settle_deadline: Duration,
    /// Between looks of a proof.
    pub proof_pause: Duration,
    /// How long live may take to become as it must be.
    pub proof_deadline: Duration,
    /// Between tries to read live.
    pub look_pause: Duration,
    /// How long live may be out of reach.
    pub look_deadline: Duration,
    /// How old a reading of a thing may be when the thing is first written.
    pub fresh: Duration,
    /// Between two notices of how far a run is that waits for long operations.
    pub tick: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            settle_first: seconds(1),
            settle_pause: seconds(5),
            settle_quiet: seconds(10),
            settle_deadline: seconds(3600),
            proof_pause: seconds(2),
            proof_deadline: seconds(60),
            look_pause: seconds(5),
            look_deadline: seconds(120),
            fresh: seconds(5),
            tick: seconds(10),
        }
    }
}

impl Timing {
    /// For a service on this machine, which answers at once and is its own network.
    pub const fn local() -> Self {
        let millis = Duration::from_millis;
        Self {
            settle_first: millis(50),
            settle_pause: millis(100),
            settle_quiet: millis(300),
            settle_deadline: Duration::from_secs(60),
            proof_pause: millis(200),
            proof_deadline: Duration::from_secs(5),
            look_pause: millis(200),
            look_deadline: Duration::from_secs(10),
            fresh: millis(500),
            tick: Duration::from_secs(10),
        }
    }
}

/// What a look is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Purpose {
    /// To settle the doubts of steps.
    Settle(Vec<usize>),
    /// To compare the whole with what must be.
    Prove(Way),
}

/// What a look came to.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// What it settles.
    pub(super) events: Vec<Event>,
    /// Why the run cannot go on, if it cannot.
    pub(super) halt: Option<String>,
}

/// What is remembered from look to look; at most one is under way.
#[derive(Debug)]
pub(super) struct Looking {
    timing: Timing,
    under_way: bool,
    doubt_since: BTreeMap<usize, Instant>,
    proof_since: Option<Instant>,
    blind_since: Option<Instant>,
}

impl Looking {
    pub(super) const fn new(timing: Timing) -> Self {
        Self { timing, under_way: false, doubt_since: BTreeMap::new(), proof_since: None, blind_since: None }
    }

    /// How long to wait before the look; `None` when one is under way already.
    pub(super) fn begin(&mut self, purpose: &Purpose, machine: &Machine) -> Option<Duration> {
        if self.under_way {
            return None;
        }
        self.under_way = true;
        let now = Instant::now();
        if self.blind_since.is_some() {
            return Some(self.timing.look_pause);
        }
        match purpose {
            Purpose::Settle(steps) => {
                let mut pause = self.timing.settle_pause;
                for step in steps {
                    let first = !self.doubt_since.contains_key(step);
                    self.doubt_since.entry(*step).or_insert(now);
                    let lost = is_lost(&machine.states()[*step].status);
                    match (first, lost) {
                        (true, true) => pause = pause.min(self.timing.settle_first),
                        (true, false) => pause = Duration::ZERO,
                        (false, _) => {}
                    }
                }
                Some(pause)
            }
            Purpose::Prove(_) => match self.proof_since {
                Some(_) => Some(self.timing.proof_pause),
                None => {
                    self.proof_since = Some(now);
                    Some(Duration::ZERO)
                }
            },
        }
    }

    /// What a look settles.
    pub(super) fn end(
        &mut self,
        purpose: &Purpose,
        seen: Result<Look, LookError>,
        at: Instant,
        machine: &Machine,
    ) -> Round {
        self.under_way = false;
        let look = match seen {
            Ok(look) => look,
            Err(error) => return self.blind(&error, at),
        };
        self.blind_since = None;
        match purpose {
            Purpose::Settle(steps) => self.settled(steps, &look, at, machine),
            Purpose::Prove(way) => self.proved(*way, &look, at, machine),
        }
    }

    fn blind(&mut self, error: &LookError, at: Instant) -> Round {
        let since = *self.blind_since.get_or_insert(at);
        let over = !error.transient || at - since >= self.timing.look_deadline;
        let why = || format!("Live cannot be read: {}", error.message.trim_end_matches('.'));
        Round { events: Vec::new(), halt: over.then(why) }
    }

    fn settled(&mut self, steps: &[usize], look: &Look, at: Instant, machine: &Machine) -> Round {
        let mut round = Round::default();
        let known = |address: &_, path: &[String]| machine.known(address, path);
        for id in steps {
            let status = &machine.states()[*id].status;
            let way = match status {
                Status::Doubt(_) => Way::Apply,
                Status::UndoDoubt(_) => Way::Undo,
                _ => continue,
            };
            let step = &machine.plan().steps[*id];
            let since = *self.doubt_since.entry(*id).or_insert(at);
            let age = at.saturating_duration_since(since);
            if look.is_busy(&step.address) {
                if age >= self.timing.settle_deadline {
                    round.halt =
                        Some(format!("The service has been at work on {} for too long", step.address));
                }
                continue;
            }
            if let Some((hidden, why)) = look.hides(&step.address) {
                if age >= self.timing.look_deadline {
                    round.halt = Some(unseen(hidden, why));
                }
                continue;
            }
            let (verdict, differences) = proof::verdict(step, machine.was_read(*id), &look.live, &known);
            let shows = matches!((way, verdict), (Way::Apply, Verdict::After) | (Way::Undo, Verdict::Before));
            if is_lost(status) && !shows && age < self.timing.settle_quiet {
                continue;
            }
            self.doubt_since.remove(id);
            let found = look.live.get(&step.address).filter(|_| shows && way == Way::Apply);
            let outputs = found.map(|found| attributes(&found.attributes)).unwrap_or_default();
            let outputs = machine.wanted(*id, outputs);
            let happened = Happened::Settled { verdict, differences, outputs };
            round.events.push(Event::Step { step: *id, way, happened });
        }
        round
    }

    fn proved(&mut self, way: Way, look: &Look, at: Instant, machine: &Machine) -> Round {
        let known = |address: &_, path: &[String]| machine.known(address, path);
        let plan = machine.plan();
        let mut differences = proof::residue(plan, way, &look.live, &known);
        if way == Way::Undo {
            // What the run never touched is not its to put back: somebody else is at work there.
            let untouched = machine.untouched();
            differences.retain(|of| !untouched.contains(&of.address));
        }
        // What the run itself put out of reach was confirmed step by step before.
        let closed = closed(machine, way);
        let is_closed = |address: &Address| closed.iter().any(|at| *at != address && address.is_within(at));
        differences.retain(|of| !is_closed(&of.address));
        differences.extend(schemas::fresh(&plan.violations, &look.violations));
        let busy = plan.changes.keys().any(|address| look.busy.contains(address));
        let since = *self.proof_since.get_or_insert(at);
        let over = at.saturating_duration_since(since) >= self.timing.proof_deadline;
        let mut changed = plan.changes.keys().filter(|address| !is_closed(address));
        let hidden = changed.find_map(|address| look.hides(address));
        if !over && (busy || hidden.is_some() || !differences.is_empty()) {
            return Round::default();
        }
        self.proof_since = None;
        if let Some((hidden, why)) = hidden {
            return Round { events: Vec::new(), halt: Some(unseen(hidden, why)) };
        }
        let event = if differences.is_empty() { Event::Proved } else { Event::NotProved { differences } };
        Round { events: vec![event], halt: None }
    }
}

/// Attributes by dotted path, at every depth.
pub(super) fn attributes(body: &Body) -> Attributes {
    body.paths().into_iter().map(|(path, value)| (path, value.clone())).collect()
}

/// The things whose steps, done or undone, put what is inside of them out of reach.
fn closed(machine: &Machine, way: Way) -> Vec<&Address> {
    let closes = |step: &&Step| {
        let change = if way == Way::Apply { step.change.clone() } else { step.change.invert() };
        kind::by_name(&step.kind).is_some_and(|kind| kind.closes(&change))
    };
    machine.plan().steps.iter().filter(closes).map(|step| &step.address).collect()
}

fn unseen(hidden: &Address, why: &str) -> String {
    format!("{hidden} cannot be read: {}", why.trim_end_matches('.'))
}

/// Whether a doubt comes from a lost reply, so that the request may still be on its way.
const fn is_lost(status: &Status) -> bool {
    matches!(status, Status::Doubt(Cause::Lost) | Status::UndoDoubt(Cause::Lost))
}
