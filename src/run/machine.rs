//! The machine: decides what may be started, and is moved by events alone.
//!
//! It holds a plan and where each step stands. [`Machine::decide`] says what may be started now;
//! [`Machine::apply`] is the only way anything moves, for a running driver and for a journal read back alike, so
//! the state after a crash is the state before it.
//!
//! Invariant: pure. No I/O, clock, randomness or hash-ordered output (test: `tests/tidy.rs`).
//! Invariant: an event that breaks an edge, the line or the order of undo is refused, whoever brings it
//! (test: `tests/laws/machine/14-edges-hold-in-replay.txt`).

mod decide;
mod index;
mod lane;
mod phase;
mod ready;
mod status;

pub use decide::{Decision, Wait};
pub use index::Tally;
pub use phase::{Ending, Failure, Phase};
pub use status::{Cause, Left, State, Status, Terms};

use super::event::{Attributes, Difference, Event, Happened, Intent, Way};
use crate::kind::{DELETED_AT, Undo};
use crate::model::{Address, Body, Request, Value};
use crate::plan::{Plan, Step, dependents};
use index::Index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a run does when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// Undo what was done, newest first.
    #[default]
    Rollback,
    /// Keep what was done.
    Stop,
}

/// How a run goes about its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// What happens when a step fails.
    pub on_failure: OnFailure,
    /// How many requests may be on their way at once; a script counts as one.
    pub parallelism: usize,
    /// How many commands travel in one script at most.
    pub script_commands: usize,
    /// How many bytes of commands travel in one script at most, unless one command alone is longer.
    pub script_bytes: usize,
    /// How often a request is sent, with live seen unchanged in between, before its failure is final.
    pub attempts: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            on_failure: OnFailure::Rollback,
            parallelism: 10,
            script_commands: 1_000,
            script_bytes: 512 * 1024,
            attempts: 3,
        }
    }
}

/// An event that cannot happen in a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen here: {why}")]
pub struct IllegalTransition {
    /// The event, in short.
    pub event: String,
    /// Which rule it breaks.
    pub why: String,
}

/// A run as it stands.
#[derive(Debug, Clone)]
pub struct Machine {
    plan: Arc<Plan>,
    policy: Policy,
    steps: Vec<State>,
    dependents: Vec<Vec<usize>>,
    tails: Vec<u64>,
    phase: Phase,
    failure: Option<Failure>,
    outputs: BTreeMap<Address, Attributes>,
    referenced: BTreeMap<Address, BTreeSet<String>>,
    first: BTreeMap<Address, usize>,
    gone: BTreeMap<Address, usize>,
    differences: Vec<Difference>,
    stuck: BTreeMap<usize, Vec<Difference>>,
    index: Index,
}

impl Machine {
    /// A run of a plan from its beginning.
    ///
    /// # Errors
    /// When the plan's numbers do not hold together: a step whose id is not its place, or a need that does not
    /// come before it.
    pub fn new(plan: Arc<Plan>, policy: Policy) -> Result<Self, IllegalTransition> {
        for (place, step) in plan.steps.iter().enumerate() {
            let wrong = step.id != place || step.needs.iter().any(|need| *need >= place);
            if wrong {
                return Err(IllegalTransition {
                    event: "start".to_owned(),
                    why: format!("the plan is damaged: step {place} is out of order"),
                });
            }
        }
        let dependents = dependents(&plan.steps);
        let steps = vec![State::default(); plan.steps.len()];
        let index = Index::of(&plan);
        let mut machine = Self {
            outputs: plan.outputs.clone(),
            referenced: referenced(&plan),
            tails: plan.tails(),
            first: plan.steps.iter().rev().map(|step| (step.address.clone(), step.id)).collect(),
            gone: plan
                .steps
                .iter()
                .rev()
                .filter(|step| step.change.after.is_none())
                .map(|step| (step.address.clone(), step.id))
                .collect(),
            plan,
            policy,
            steps,
            dependents,
            phase: Phase::Forward,
            failure: None,
            differences: Vec::new(),
            stuck: BTreeMap::new(),
            index,
        };
        machine.go_to(Phase::Forward);
        machine.advance();
        Ok(machine)
    }

    /// What it runs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// How it goes about it.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Changes how many requests may be on their way at once, which no past event depends on.
    pub const fn set_parallelism(&mut self, parallelism: usize) {
        self.policy.parallelism = parallelism;
    }

    /// Where the run as a whole stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What turned the run from its way forward, if anything did.
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Where each step stands, by its number.
    pub fn states(&self) -> &[State] {
        &self.steps
    }

    /// The attribute of a thing, as far as it is known by now.
    pub fn known(&self, address: &Address, path: &[String]) -> Option<Value> {
        self.outputs.get(address)?.get(&path.join(".")).cloned()
    }

    /// Whether a step's before-state is what was read when the plan was made, rather than an earlier step's doing.
    pub fn was_read(&self, step: usize) -> bool {
        self.first.get(&self.plan.steps[step].address) == Some(&step)
    }

    /// Whether a thing that contains a step's own is deleted in the same plan, and takes it away before the step's turn.
    pub fn goes_with_another(&self, step: usize) -> bool {
        let address = &self.plan.steps[step].address;
        address.above().filter_map(|above| self.gone.get(&above)).any(|gone| *gone < step)
    }

    /// Whether undoing something in a step's own thing began with a change of that thing itself: what it holds now is the
    /// run's own doing.
    pub fn was_touched_by_an_undo(&self, step: usize) -> bool {
        let own = &self.plan.steps[step].address;
        self.dependents[step].iter().map(|other| &self.plan.steps[*other]).any(|other| {
            let above = other.address.parent().is_some_and(|parent| parent == *own);
            let begins =
                || crate::kind::by_name(&other.kind).is_some_and(crate::kind::Kind::undo_begins_above);
            above && self.steps[other.id].status == Status::Undone && begins()
        })
    }

    /// The things that surely no request of the run has reached: nothing was sent, or the only one was refused.
    pub fn untouched(&self) -> BTreeSet<&Address> {
        let reached = |id: usize| match self.steps[id].status {
            Status::Waiting | Status::Checking | Status::Checked => self.steps[id].sends > 0,
            Status::Refused => self.steps[id].sends > 1,
            _ => true,
        };
        let (reached, others): (Vec<&Step>, Vec<&Step>) =
            self.plan.steps.iter().partition(|step| reached(step.id));
        let reached: BTreeSet<&Address> = reached.into_iter().map(|step| &step.address).collect();
        others.into_iter().map(|step| &step.address).filter(|address| !reached.contains(address)).collect()
    }

    /// Whether the run turned because somebody has changed what it was about to write.
    pub fn is_stale(&self) -> bool {
        matches!(self.failure, Some(Failure::Step(id)) if self.steps[id].stale)
    }

    /// The attributes of things that are known by now.
    pub const fn outputs(&self) -> &BTreeMap<Address, Attributes> {
        &self.outputs
    }

    /// Those attributes of a thing that something in the plan may ask for; the others need not be kept.
    #[must_use]
    pub fn wanted(&self, step: usize, mut attributes: Attributes) -> Attributes {
        let wanted = self.referenced.get(&self.plan.steps[step].address);
        attributes.retain(|path, _| wanted.is_some_and(|wanted| wanted.contains(path)));
        attributes
    }

    /// What the last proof found to be wrong.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// What was found where a person is needed, by step.
    pub const fn stuck(&self) -> &BTreeMap<usize, Vec<Difference>> {
        &self.stuck
    }

    /// The steps that hold something in doubt.
    pub fn doubts(&self) -> impl Iterator<Item = usize> {
        self.index.doubts.iter().copied()
    }

    /// The requests that take a step back, or `None` when nothing does.
    pub fn undo_of(&self, step: usize) -> Option<&[Request]> {
        match &self.plan.steps[step].undo {
            Undo::By(requests) => Some(requests),
            Undo::Never(_) => None,
        }
    }

    /// The request that a step would send next in a direction.
    pub fn request(&self, step: usize, way: Way) -> Option<&Request> {
        lane::request(&self.plan.steps[step], &self.steps[step], way)
    }

    /// Whether something that cannot be undone is done, or may be.
    pub fn is_past_line(&self) -> bool {
        self.plan.steps.iter().any(|step| {
            matches!(step.undo, Undo::Never(_)) && !self.steps[step.id].status.is_without_effect()
        })
    }

    /// How many steps undoing everything would take back, as far as is known by now: those whose effect stands, and
    /// which nothing needs that stays.
    pub fn undoable(&self) -> usize {
        let mut stays = vec![false; self.steps.len()];
        let mut count = 0;
        for id in (0..self.steps.len()).rev() {
            let status = &self.steps[id].status;
            let blocked = self.dependents[id].iter().any(|later| stays[*later]);
            let goes = status.is_undoable() && self.undo_of(id).is_some() && !blocked;
            count += usize::from(goes);
            stays[id] = !goes && !status.is_without_effect() && !status.is_doubtful();
        }
        count
    }

    /// Moves the run by one event.
    ///
    /// # Errors
    /// When the event cannot happen in this state; the state is then unchanged.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        let refuse = |why: String| Err(IllegalTransition { event: brief(event), why });
        match event {
            Event::Step { step, way, happened } => match self.step_event(*step, *way, happened) {
                Ok(()) => {}
                Err(why) => return refuse(why),
            },
            Event::Interrupted => match self.interrupted() {
                Ok(()) => {}
                Err(why) => return refuse(why),
            },
            Event::Resumed { intent } => {
                if let Err(why) = self.may(*intent) {
                    return refuse(why.to_owned());
                }
                self.resumed(*intent);
            }
            Event::Proved => match self.proved(Vec::new()) {
                Ok(()) => {}
                Err(why) => return refuse(why),
            },
            Event::NotProved { differences } if !differences.is_empty() => {
                match self.proved(differences.clone()) {
                    Ok(()) => {}
                    Err(why) => return refuse(why),
                }
            }
            Event::NotProved { .. } => return refuse("a failed proof names what differs".to_owned()),
        }
        self.advance();
        Ok(())
    }

    fn step_event(&mut self, id: usize, way: Way, happened: &Happened) -> Result<(), String> {
        let Some(step) = self.plan.steps.get(id) else {
            return Err(format!("the plan has no step {id}"));
        };
        self.gate(step, way, happened)?;
        let terms = Terms {
            undo_parts: self.undo_of(id).map(<[Request]>::len),
            forward: self.phase == Phase::Forward,
            attempts: self.policy.attempts,
        };
        let state = &self.steps[id];
        let Some(next) = state.next(way, happened, terms) else {
            return Err(format!("step {id} is {:?}", state.status));
        };
        let address = step.address.clone();
        self.set(id, next);
        match happened {
            Happened::Finished { outputs, .. } | Happened::Settled { outputs, .. } if way == Way::Apply => {
                self.learn(address, outputs.clone());
            }
            // The moment before a deletion is known even when its reply is lost.
            Happened::Started { at, .. }
                if way == Way::Apply && self.plan.steps[id].change.after.is_none() =>
            {
                let moment = Attributes::from([(DELETED_AT.to_owned(), Value::from(at.as_str()))]);
                let moment = self.wanted(id, moment);
                self.learn(address, moment);
            }
            _ => {}
        }
        if let Happened::Settled { differences, .. } | Happened::Stale { differences, .. } = happened {
            let stuck = matches!(self.steps[id].status, Status::Stuck | Status::UndoStuck);
            if stuck {
                self.stuck.insert(id, differences.clone());
            } else {
                self.stuck.remove(&id);
            }
        }
        let failed = matches!(self.steps[id].status, Status::Refused | Status::Broken | Status::Stuck);
        if failed && self.phase == Phase::Forward && *happened != Happened::NotRun {
            self.turn(Failure::Step(id));
        }
        Ok(())
    }

    /// The rules that tie a step to others; its own state is [`State::next`]'s matter.
    fn gate(&self, step: &Step, way: Way, happened: &Happened) -> Result<(), String> {
        match (way, happened) {
            (Way::Apply, Happened::CheckStarted | Happened::Started { .. }) => {
                let status = &self.steps[step.id].status;
                let due = step.validation.is_some() && !matches!(status, Status::Checked | Status::Broken);
                if self.phase != Phase::Forward {
                    Err(format!("nothing starts while the run is {:?}", self.phase))
                } else if due != matches!(happened, Happened::CheckStarted) {
                    Err("the service's check comes once, before the request".to_owned())
                } else if let Some(wait) = self.needs_of(step).filter(|_| !self.goes_along(step)) {
                    Err(format!("the step waits for {wait}"))
                } else {
                    Ok(())
                }
            }
            (Way::Undo, Happened::Started { .. }) => {
                if self.phase != Phase::RollingBack {
                    Err(format!("nothing is undone while the run is {:?}", self.phase))
                } else if let Some(later) = self.undo_needs(step.id) {
                    Err(format!("step {later}, which needs it, is not undone"))
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }
}

/// The attributes that something in a plan refers to, and the URI of every cluster that commands go to.
fn referenced(plan: &Plan) -> BTreeMap<Address, BTreeSet<String>> {
    let mut all: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
    let mut add = |address: &Address, path: String| {
        all.entry(address.clone()).or_default().insert(path);
    };
    for step in &plan.steps {
        let undos = match &step.undo {
            Undo::By(requests) => requests.as_slice(),
            Undo::Never(_) => &[],
        };
        for request in undos.iter().chain([&step.request]).chain(step.validation.as_deref()) {
            match request {
                Request::Arm(arm) => {
                    let body = Body::new().with("", arm.body.clone());
                    body.references().into_iter().for_each(|(at, path)| add(at, path.join(".")));
                }
                Request::Kusto(kusto) => add(&kusto.cluster, "uri".to_owned()),
            }
        }
    }
    let bodies = plan.changes.values().flat_map(|resolution| &resolution.change.after);
    let bodies = bodies.chain(plan.steps.iter().flat_map(|step| &step.change.after));
    bodies.flat_map(Body::references).for_each(|(at, path)| add(at, path.join(".")));
    all
}

/// An event in a few words, for errors.
fn brief(event: &Event) -> String {
    match event {
        Event::Step { step, way, happened } => {
            let word = match happened {
                Happened::CheckStarted => "check started",
                Happened::CheckPassed => "check passed",
                Happened::Started { .. } => "started",
                Happened::Begun { .. } => "begun",
                Happened::Finished { .. } => "finished",
                Happened::Refused { .. } => "refused",
                Happened::Stale { .. } => "stale",
                Happened::Failed { .. } => "failed",
                Happened::NotRun => "not run",
                Happened::Lost { .. } => "reply lost",
                Happened::Settled { .. } => "settled",
            };
            let way = if *way == Way::Apply { "" } else { "undo " };
            format!("`{way}{word}` of step {step}")
        }
        Event::Interrupted => "`interrupted`".to_owned(),
        Event::Resumed { intent: Intent::Resume } => "`resume`".to_owned(),
        Event::Resumed { intent: Intent::Rollback } => "`rollback`".to_owned(),
        Event::Proved => "`proved`".to_owned(),
        Event::NotProved { .. } => "`not proved`".to_owned(),
    }
}
