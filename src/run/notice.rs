//! Notices: what a run tells while it goes, one document each.
//!
//! `apply --json` writes them as they are, one a line; the terminal makes sentences of them. They are made from
//! the events of the journal alone, so that nothing is shown that is not recorded.

use super::event::{Difference, Event, Happened, Intent, Verdict, Way};
use super::machine::{Failure, Machine, Phase, Status, Tally, Wait};
use super::report::Entry;
use crate::model::Address;
use crate::model::change::Action;
use crate::plan::Origin;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One thing that a run tells.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Notice {
    /// The run begins.
    RunStarted {
        /// The run's id, which `show`, `resume` and `rollback` take.
        run: String,
        /// How many steps it has.
        steps: usize,
    },
    /// An earlier run is taken up.
    RunResumed {
        /// The run's id.
        run: String,
        /// What for.
        intent: Intent,
    },
    /// A request is being sent.
    StepStarted {
        /// The step.
        of: StepOf,
        /// The request on one line.
        request: String,
    },
    /// The service accepted a request and works on it.
    StepAccepted {
        /// The step.
        of: StepOf,
    },
    /// A request has succeeded.
    StepFinished {
        /// The step.
        of: StepOf,
        /// How long it took from sending on, in seconds.
        seconds: f64,
    },
    /// A request was refused or has failed.
    StepFailed {
        /// The step.
        of: StepOf,
        /// In the service's words.
        message: String,
        /// Where the spec declares the thing.
        origin: Option<Origin>,
    },
    /// The reply to a request was lost; live will be looked at.
    StepInDoubt {
        /// The step.
        of: StepOf,
        /// What came instead of a reply.
        message: String,
    },
    /// Live was looked at, and a doubt is settled.
    StepSettled {
        /// The step.
        of: StepOf,
        /// Where live stands.
        verdict: Verdict,
    },
    /// The user asked to stop: running steps finish, and then the run turns back or stops, as it was told to.
    Interrupted,
    /// The run does not go forward any more.
    Turned {
        /// Because of which step, if one.
        step: Option<usize>,
        /// Why, as a sentence.
        why: String,
    },
    /// The undoing begins.
    RollbackStarted {
        /// How many steps there are to undo.
        steps: usize,
    },
    /// Live is being re-read and compared.
    ProofStarted {
        /// With the state after, or the state before.
        way: Way,
    },
    /// Live is as it must be.
    Proved {
        /// As after, or as before.
        way: Way,
    },
    /// Live is not as it must be.
    NotProved {
        /// As after, or as before.
        way: Way,
        /// In what.
        differences: Vec<Difference>,
    },
    /// How far the run is.
    Progress {
        /// Steps that are done.
        done: usize,
        /// Steps with a request on its way, followed or in doubt.
        running: usize,
        /// Steps not begun.
        waiting: usize,
        /// Steps taken back.
        undone: usize,
    },
    /// Nothing has ended for a while: what runs, how long, and what waits for it.
    StillRunning {
        /// Steps that are done.
        done: usize,
        /// Steps with a request on its way, followed or in doubt.
        running: Vec<RunningStep>,
        /// Steps not begun, by what they wait for.
        waiting: Vec<Waiting>,
    },
    /// The end, always the last.
    ChangeSummary {
        /// The run's id.
        run: String,
        /// How it ended, in a word.
        outcome: String,
        /// The exit code.
        exit_code: u8,
        /// Steps that are done and stay.
        applied: Vec<Entry>,
        /// Steps that were done and taken back.
        undone: Vec<Entry>,
        /// Steps that had no effect.
        not_run: Vec<Entry>,
        /// Steps of which nobody knows, or which need a person.
        unsettled: Vec<Entry>,
        /// In what live differs from what it should be.
        differences: Vec<Difference>,
        /// What happened and what to do next, in sentences.
        sentences: Vec<String>,
    },
}

/// The step that a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepOf {
    /// Its number in the plan.
    pub step: usize,
    /// What it changes.
    pub address: Address,
    /// What it does to the thing.
    pub action: Action,
    /// Whether it is done or undone.
    pub way: Way,
}

/// A step that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningStep {
    /// The step.
    pub of: StepOf,
    /// Seconds since its request was sent by this process.
    pub seconds: u64,
    /// Seconds that such a step usually takes; on the way back the same is assumed.
    pub expected: u32,
}

/// Steps that wait for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What they wait for, as a noun.
    pub for_what: String,
    /// How many they are.
    pub steps: usize,
}

/// Somebody who is told.
pub trait Observer: Send {
    /// Takes one notice.
    fn notice(&mut self, notice: &Notice);

    /// Takes what came about at once.
    fn notices(&mut self, notices: &[Notice]) {
        notices.iter().for_each(|notice| self.notice(notice));
    }

    /// Whether it shows the requests of steps; their texts are empty otherwise.
    fn shows_requests(&self) -> bool {
        true
    }
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notice(&mut self, _: &Notice) {}
}

/// What an event is told as: the machine as the event left it, the phase it came upon, the seconds since the step's
/// request was sent, and whether that request is shown.
pub(super) fn of_event(
    machine: &Machine,
    event: &Event,
    before: Phase,
    seconds: f64,
    shown: bool,
) -> Option<Notice> {
    let of = |step: usize, way: Way| {
        let planned = &machine.plan().steps[step];
        StepOf { step, address: planned.address.clone(), action: planned.action, way }
    };
    let proved = if before == Phase::ProvingBack { Way::Undo } else { Way::Apply };
    match event {
        Event::Step { step, way, happened } => {
            let (step, way) = (*step, *way);
            match happened {
                Happened::CheckStarted | Happened::CheckPassed | Happened::NotRun => None,
                Happened::Started { .. } => {
                    let request = machine.request(step, way)?;
                    let request = if shown { request.shown() } else { String::new() };
                    Some(Notice::StepStarted { of: of(step, way), request })
                }
                Happened::Begun { .. } => Some(Notice::StepAccepted { of: of(step, way) }),
                Happened::Finished { .. } => Some(Notice::StepFinished { of: of(step, way), seconds }),
                Happened::Refused { message, .. }
                | Happened::Stale { message, .. }
                | Happened::Failed { message, .. } => {
                    let origin = machine.plan().steps[step].origin.clone();
                    Some(Notice::StepFailed { of: of(step, way), message: message.clone(), origin })
                }
                Happened::Lost { why } => {
                    Some(Notice::StepInDoubt { of: of(step, way), message: why.clone() })
                }
                Happened::Settled { verdict, .. } => {
                    Some(Notice::StepSettled { of: of(step, way), verdict: *verdict })
                }
            }
        }
        Event::Interrupted => Some(Notice::Interrupted),
        Event::Resumed { .. } => None,
        Event::Proved => Some(Notice::Proved { way: proved }),
        Event::NotProved { differences } => {
            Some(Notice::NotProved { way: proved, differences: differences.clone() })
        }
    }
}

/// What a change of phase is told as.
pub(super) fn of_phase(machine: &Machine, before: Phase) -> Vec<Notice> {
    let now = machine.phase();
    if now == before {
        return Vec::new();
    }
    let mut notices = Vec::new();
    if before == Phase::Forward || before == Phase::Proving {
        match machine.failure() {
            Some(Failure::Step(step)) => {
                let planned = &machine.plan().steps[*step];
                let message = machine.states()[*step].message.clone().unwrap_or_default();
                let why = format!("{}: {message}", planned.address);
                notices.push(Notice::Turned { step: Some(*step), why });
            }
            Some(Failure::NotProved) => {
                let why = "live is not as the plan says it must be".to_owned();
                notices.push(Notice::Turned { step: None, why });
            }
            Some(Failure::Interrupted | Failure::Requested) | None => {}
        }
    }
    match now {
        Phase::RollingBack | Phase::ProvingBack if before != Phase::RollingBack => {
            notices.push(Notice::RollbackStarted { steps: machine.undoable() });
        }
        _ => {}
    }
    match now {
        Phase::Proving => notices.push(Notice::ProofStarted { way: Way::Apply }),
        Phase::ProvingBack => notices.push(Notice::ProofStarted { way: Way::Undo }),
        Phase::Forward | Phase::Settling | Phase::RollingBack | Phase::Ended(_) => {}
    }
    notices
}

/// What runs, since how many seconds, and what waits for what.
pub(super) fn still_running(machine: &Machine, since: impl Fn(usize) -> u64) -> Notice {
    let mut running = Vec::new();
    let mut waits: BTreeMap<Wait, usize> = BTreeMap::new();
    for (id, state) in machine.states().iter().enumerate() {
        let step = &machine.plan().steps[id];
        if state.status.is_open() {
            let back =
                matches!(state.status, Status::Undoing | Status::UndoPending(_) | Status::UndoDoubt(_));
            let way = if back { Way::Undo } else { Way::Apply };
            let of = StepOf { step: id, address: step.address.clone(), action: step.action, way };
            running.push(RunningStep { of, seconds: since(id), expected: machine.plan().expected(step) });
        } else if let Some(wait) = machine.waits_for(id) {
            *waits.entry(wait).or_default() += 1;
        }
    }
    let shown = |wait: Wait| match wait {
        Wait::Step(need) => format!("step {} ({})", need + 1, machine.plan().steps[need].address),
        other => other.to_string(),
    };
    let waiting = waits.into_iter().map(|(wait, steps)| Waiting { for_what: shown(wait), steps });
    let mut waiting: Vec<Waiting> = waiting.collect();
    waiting.sort_by(|a, b| a.for_what.cmp(&b.for_what));
    Notice::StillRunning { done: machine.tally().done, running, waiting }
}

/// How far the run is.
pub(super) fn progress(machine: &Machine) -> Notice {
    let Tally { done, open, waiting, undone } = machine.tally();
    Notice::Progress { done, running: open, waiting, undone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::machine::Policy;
    use crate::run::testing::plan;
    use std::sync::Arc;

    #[test]
    fn what_runs_is_told_with_its_usual_time_and_what_waits_with_why() {
        let mut plan = plan(3);
        plan.steps[1].needs = vec![0];
        plan.steps[2].needs = vec![0];
        plan.times.insert(("thing".into(), Action::Create), 840);
        let mut machine = Machine::new(Arc::new(plan), Policy::default()).unwrap();
        let started = Happened::Started { part: 0, id: String::new(), at: String::new() };
        machine.apply(&Event::apply(0, started)).unwrap();
        let Notice::StillRunning { done, running, waiting } = still_running(&machine, |_| 130) else {
            panic!("it tells what runs")
        };
        let running: Vec<_> = running.iter().map(|r| (r.of.step, r.seconds, r.expected)).collect();
        let why = "step 1 (clusters.c0.databases.d)".to_owned();
        assert_eq!((done, running), (0, vec![(0, 130, 840)]));
        assert_eq!(waiting, [Waiting { for_what: why, steps: 2 }]);
    }
}
