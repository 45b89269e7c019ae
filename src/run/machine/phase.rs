//! Where the run as a whole stands, and what moves it on.

use super::{Cause, Left, Machine, OnFailure, State, Status};
use crate::kind::Undo;
use crate::model::Address;
use crate::run::event::{Attributes, Difference, Intent};
use serde::Serialize;
use std::collections::BTreeSet;

/// Where the run as a whole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Steps are being started.
    Forward,
    /// Nothing is started; what is under way comes to its end first.
    Settling,
    /// Steps are being undone.
    RollingBack,
    /// Everything is done; live is re-read and must be as after.
    Proving,
    /// Everything that can be is undone; live is re-read and must be as before.
    ProvingBack,
    /// Nothing is left to do.
    Ended(Ending),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Ending {
    /// Live is as after, proved.
    Done,
    /// Live is as before, proved.
    RolledBack,
    /// It failed, and what was done is kept as asked.
    Stopped,
    /// It failed behind the line of no return; what was done is kept.
    StoppedPastLine,
    /// Live is between before and after; a person is needed.
    NeedsPerson,
}

/// What turned a run from its way forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A step was refused, failed, or is stuck.
    Step(usize),
    /// Everything was done, but live is not as it must be.
    NotProved,
    /// The user asked to stop.
    Interrupted,
    /// The user asked for everything to be undone.
    Requested,
}

impl Machine {
    /// Whether something that contains a step's own was made by this run: what is in it can be nobody's who was there when
    /// the plan was made.
    pub fn stands_in_what_was_made(&self, step: usize) -> bool {
        let address = &self.plan.steps[step].address;
        let made = |above: Address| {
            self.first.get(&above).is_some_and(|id| {
                let change = &self.plan.steps[*id].change;
                change.before.is_none() && change.rename.is_none() && self.steps[*id].status == Status::Done
            })
        };
        address.above().rev().any(&made)
    }

    /// Keeps what is known of a thing by now.
    pub(super) fn learn(&mut self, address: Address, attributes: Attributes) {
        if !attributes.is_empty() {
            self.outputs.entry(address).or_default().extend(attributes);
        }
    }

    /// Turns from the way forward.
    pub(super) fn turn(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.go_to(Phase::Settling);
    }

    /// Moves on to the next phase when nothing of the present one is left.
    pub(super) fn advance(&mut self) {
        loop {
            let next = match self.phase {
                Phase::Forward if self.index.tally.done == self.steps.len() => Phase::Proving,
                Phase::Settling if self.index.tally.open == 0 => self.settled(),
                Phase::RollingBack if self.index.tally.open == 0 && self.index.ready.is_empty() => {
                    Phase::ProvingBack
                }
                Phase::Forward
                | Phase::Settling
                | Phase::RollingBack
                | Phase::Proving
                | Phase::ProvingBack
                | Phase::Ended(_) => return,
            };
            self.go_to(next);
        }
    }

    /// Where a run goes when nothing is under way any more.
    fn settled(&mut self) -> Phase {
        let all_done = self.index.tally.done == self.steps.len();
        match self.failure {
            Some(Failure::Requested) => Phase::RollingBack,
            Some(Failure::Interrupted) | None if all_done => {
                self.failure = None;
                Phase::Proving
            }
            _ if self.is_past_line() => Phase::Ended(Ending::StoppedPastLine),
            _ => match self.policy.on_failure {
                OnFailure::Rollback => Phase::RollingBack,
                OnFailure::Stop => Phase::Ended(Ending::Stopped),
            },
        }
    }

    pub(super) fn interrupted(&mut self) -> Result<(), String> {
        match self.phase {
            Phase::Forward => self.turn(Failure::Interrupted),
            Phase::Settling | Phase::RollingBack | Phase::Proving | Phase::ProvingBack => {}
            Phase::Ended(_) => return Err("the run has ended".to_owned()),
        }
        Ok(())
    }

    pub(super) fn proved(&mut self, differences: Vec<Difference>) -> Result<(), String> {
        let good = differences.is_empty();
        self.differences = differences;
        match self.phase {
            Phase::Proving if good => self.go_to(Phase::Ended(Ending::Done)),
            Phase::Proving => self.turn(Failure::NotProved),
            Phase::ProvingBack => {
                self.go_to(Phase::Ended(if good { Ending::RolledBack } else { Ending::NeedsPerson }));
            }
            Phase::Forward | Phase::Settling | Phase::RollingBack | Phase::Ended(_) => {
                return Err(format!("nothing is proved while the run is {:?}", self.phase));
            }
        }
        Ok(())
    }

    /// Whether a run that stands like this can be taken up with an intent; the error is a sentence.
    ///
    /// # Errors
    /// Why it makes no sense.
    pub const fn may(&self, intent: Intent) -> Result<(), &'static str> {
        match (self.phase, intent) {
            (Phase::Ended(Ending::Done), Intent::Resume) => Err("the run is done; nothing is left to resume"),
            (Phase::Ended(Ending::RolledBack), Intent::Resume) => {
                Err("the run was rolled back; apply makes a new plan and a new run")
            }
            (Phase::Ended(Ending::RolledBack), Intent::Rollback) => {
                Err("the run was rolled back already; nothing of it is left")
            }
            _ => Ok(()),
        }
    }

    /// Whether taking the run up to resume it would go on undoing rather than doing.
    pub const fn resumes_backwards(&self) -> bool {
        match self.phase {
            Phase::RollingBack | Phase::ProvingBack | Phase::Ended(Ending::NeedsPerson) => true,
            Phase::Settling => matches!(self.failure, Some(Failure::Requested)),
            Phase::Forward | Phase::Proving | Phase::Ended(_) => false,
        }
    }

    /// Takes the run up in a new process: whatever was on its way is in doubt, and what failed has another try.
    pub(super) fn resumed(&mut self, intent: Intent) {
        let back = intent == Intent::Rollback || self.resumes_backwards();
        for id in 0..self.steps.len() {
            let now = &self.steps[id].status;
            let status = match now {
                Status::Checking | Status::Checked => Status::Waiting,
                Status::Stuck if self.steps[id].left != Left::Nothing && !back => Status::Broken,
                Status::Sent | Status::Stuck => Status::Doubt(Cause::Lost),
                Status::Refused if !back => Status::Waiting,
                Status::Undoing => Status::UndoDoubt(Cause::Lost),
                Status::UndoStuck => Status::UndoDoubt(Cause::Revisit),
                Status::Refused
                | Status::Broken
                | Status::Waiting
                | Status::Pending(_)
                | Status::Doubt(_)
                | Status::Done
                | Status::ToUndo
                | Status::UndoPending(_)
                | Status::UndoDoubt(_)
                | Status::Undone => now.clone(),
            };
            self.set(id, State { status, attempts: 0, undo_attempts: 0, ..self.steps[id].clone() });
        }
        self.stuck.clear();
        self.differences.clear();
        if intent == Intent::Rollback {
            self.revisit();
            self.failure = Some(Failure::Requested);
        } else if !back {
            self.failure = None;
        }
        self.go_to(match (intent, back) {
            (Intent::Rollback, _) => Phase::Settling,
            (Intent::Resume, true) if self.failure == Some(Failure::Requested) => Phase::Settling,
            (Intent::Resume, true) => Phase::RollingBack,
            (Intent::Resume, false) => Phase::Forward,
        });
    }

    /// Before an old run is undone, live must still be as it left it: the last done step of every thing is looked
    /// at again, so that nobody's later change is overwritten.
    fn revisit(&mut self) {
        let mut seen: BTreeSet<Address> = BTreeSet::new();
        for id in (0..self.steps.len()).rev() {
            let step = &self.plan.steps[id];
            let effective = !self.steps[id].status.is_without_effect();
            if !effective || !seen.insert(step.address.clone()) {
                continue;
            }
            if self.steps[id].status == Status::Done && matches!(step.undo, Undo::By(_)) {
                self.set_status(id, Status::Doubt(Cause::Revisit));
            }
        }
    }
}
