//! Reports: how a run ended, what it leaves, and what to do next.

use super::event::Difference;
use super::machine::{Ending, Failure, Machine, Phase, State, Status};
use super::notice::Notice;
use super::whereabouts::Whereabouts;
use crate::kind::Undo;
use crate::model::Address;
use crate::model::change::Action;
use crate::plan::{Origin, Reason};
use arcstr::ArcStr;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// How a run, or a process's part of it, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
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
    /// It was left at once, with requests on their way.
    Left,
    /// It cannot go on by itself: live cannot be read, or an operation does not end.
    Blocked(String),
    /// A record could not be synced, so nothing more was started.
    JournalLost(String),
    /// The lock was lost, so nothing more was started.
    LockLost(String),
}

impl Outcome {
    /// Whether the run came to its end, so that nothing is left to be taken up.
    pub const fn is_end(&self) -> bool {
        match self {
            Self::Done | Self::RolledBack | Self::Stopped | Self::StoppedPastLine | Self::NeedsPerson => true,
            Self::Left | Self::Blocked(_) | Self::JournalLost(_) | Self::LockLost(_) => false,
        }
    }
}

/// What kept a run from going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The user asked a second time.
    Left,
    /// Live cannot be read, or an operation does not end.
    Blocked(String),
    /// A record could not be synced.
    Journal(String),
    /// The lock was lost.
    Unlocked(String),
}

/// One step in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number in the plan.
    pub step: usize,
    /// What it changes.
    pub address: Address,
    /// The kind's word.
    #[schemars(with = "String")]
    pub kind: ArcStr,
    /// What it does to the thing.
    pub action: Action,
}

/// What went wrong with a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The step.
    pub entry: Entry,
    /// Where the spec declares the thing.
    pub origin: Option<Origin>,
    /// The request on one line.
    pub request: String,
    /// What was said.
    pub message: String,
    /// Whether it concerns taking the step back.
    pub undo: bool,
}

/// How a run ended, what it leaves, and what to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The run's id.
    pub run: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of that, as the command line documents it.
    pub exit_code: u8,
    /// Steps that are done and stay.
    pub applied: Vec<Entry>,
    /// Steps that were done and taken back.
    pub undone: Vec<Entry>,
    /// Steps that had no effect.
    pub not_run: Vec<Entry>,
    /// Steps of which nobody knows, or which need a person.
    pub unsettled: Vec<Entry>,
    /// What went wrong, step by step.
    pub troubles: Vec<Trouble>,
    /// In what live differs from what it should be.
    pub differences: Vec<Difference>,
    /// What happened and what to do next.
    pub sentences: Vec<String>,
}

impl Report {
    /// The report of a run that stands like this; the commands that it tells to give are whole with `whereabouts`.
    pub fn of(run: &str, machine: &Machine, halt: Option<&Halt>, whereabouts: &Whereabouts) -> Self {
        let outcome = outcome(machine, halt);
        let pick = |test: &dyn Fn(&State) -> bool| {
            let states = machine.states().iter().enumerate().filter(|(_, state)| test(state));
            states.map(|(step, _)| entry(machine, step)).collect::<Vec<_>>()
        };
        let mut report = Self {
            run: run.to_owned(),
            exit_code: 0,
            applied: pick(&|state| state.status == Status::Done),
            undone: pick(&|state| state.status == Status::Undone),
            not_run: pick(&|state| {
                matches!(state.status, Status::Waiting | Status::Checking | Status::Checked | Status::Refused)
            }),
            unsettled: pick(&|state| is_unsettled(&state.status)),
            troubles: troubles(machine),
            differences: differences(machine),
            sentences: Vec::new(),
            outcome,
        };
        report.exit_code = report.code(machine);
        report.sentences = report.sentences(machine, whereabouts);
        report
    }

    /// Whether live is as the run found it, and nothing had to be undone for that.
    fn nothing(&self) -> bool {
        self.applied.is_empty() && self.undone.is_empty() && self.unsettled.is_empty()
    }

    /// The exit code: 0 done, 1 nothing changed, 3 failed and undone, 4 between, 5 stale before anything was changed,
    /// 130 interrupted.
    fn code(&self, machine: &Machine) -> u8 {
        let ended = matches!(self.outcome, Outcome::RolledBack | Outcome::Stopped);
        if ended && machine.is_stale() && self.nothing() {
            return 5;
        }
        let interrupted = machine.failure() == Some(&Failure::Interrupted);
        let requested = machine.failure() == Some(&Failure::Requested);
        match &self.outcome {
            Outcome::Done => 0,
            Outcome::RolledBack if requested => 0,
            Outcome::RolledBack | Outcome::Stopped if interrupted => 130,
            Outcome::RolledBack => 3,
            Outcome::Stopped if self.applied.is_empty() && self.unsettled.is_empty() => 1,
            Outcome::Left => 130,
            Outcome::JournalLost(_) if self.applied.is_empty() && self.unsettled.is_empty() => 1,
            Outcome::Stopped
            | Outcome::StoppedPastLine
            | Outcome::NeedsPerson
            | Outcome::Blocked(_)
            | Outcome::JournalLost(_)
            | Outcome::LockLost(_) => 4,
        }
    }

    fn sentences(&self, machine: &Machine, whereabouts: &Whereabouts) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(cause(machine));
        let kept = match self.unsettled.len() {
            0 => format!("{} done", steps(self.applied.len())),
            left => format!("{} done or left half-way", steps(self.applied.len() + left)),
        };
        let about = |command: &str| format!("`{}`", whereabouts.about(&format!("{command} {}", self.run)));
        let (show, resume, rollback) = (about("show"), about("resume"), about("rollback"));
        let destroys = machine.plan().changes.values().any(|change| change.reason == Reason::Destroyed);
        let (planning, doing) = if destroys { ("plan --destroy", "destroy") } else { ("plan", "apply") };
        match &self.outcome {
            Outcome::Done => {
                all.push(format!("{kept}; live was read again and is as the plan says."));
            }
            Outcome::RolledBack | Outcome::Stopped if self.exit_code == 5 => all.push(format!(
                "Nothing was changed: the plan is stale. `{}` shows what is left to do; `{}` makes a new plan and \
                 carries it out.",
                whereabouts.on_spec(planning),
                whereabouts.on_spec(doing),
            )),
            Outcome::RolledBack => all.push(format!(
                "{}; what the run had touched was read again and is as it was before the run. {}",
                match self.undone.len() {
                    0 => "Nothing had to be undone".to_owned(),
                    count => format!("{} undone", steps(count)),
                },
                match self.exit_code {
                    3 => format!(
                        "When the cause is removed, `{}` makes a new plan and tries again.",
                        whereabouts.on_spec(doing)
                    ),
                    _ => "Nothing is left to do.".to_owned(),
                }
            )),
            Outcome::Stopped if self.applied.is_empty() && self.unsettled.is_empty() => {
                all.push("Nothing was changed. When the cause is removed, give the command again.".to_owned());
            }
            Outcome::Stopped => all.push(format!(
                "{kept} and kept, as --on-failure stop asks. When the cause is removed, {resume} \
                 goes on; {rollback} undoes it."
            )),
            Outcome::StoppedPastLine => all.extend(self.past_line(machine, &kept, &resume, &rollback)),
            Outcome::NeedsPerson => all.push(format!(
                "Live is between before and after: {} not undone, {} from the state before the run. Put right by hand \
                 what is listed, then {rollback} looks again and finishes.",
                steps(self.applied.len() + self.unsettled.len()),
                match self.differences.len() {
                    1 => "1 difference".to_owned(),
                    count => format!("{count} differences"),
                }
            )),
            Outcome::Left => all.push(format!(
                "Stopped at once; {} in doubt. {resume} looks at live and goes on, \
                 {rollback} looks at live and undoes.",
                steps(self.unsettled.len())
            )),
            Outcome::Blocked(why) => all.push(format!(
                "{why}. The run stands still with {} in doubt; nothing more was started. When that is mended, \
                 {resume} looks at live and goes on, {rollback} undoes.",
                steps(self.unsettled.len())
            )),
            Outcome::JournalLost(why) if self.applied.is_empty() && self.unsettled.is_empty() => {
                all.push(format!(
                    "{why}. Without its record no request was started: nothing was changed. Make room, or make the \
                     directory writable, and give the command again."
                ));
            }
            Outcome::LockLost(why) => all.push(format!(
                "{why}. Nothing more was started, with {} in doubt. {show} says where it stands. When \
                 nobody else takes it up, {resume} looks at live and goes on, {rollback} undoes.",
                steps(self.unsettled.len())
            )),
            Outcome::JournalLost(why) => all.push(format!(
                "{why}. Without its record no further request was started: {} done, {} in doubt, {} not begun. Make \
                 room, or make the directory writable; then {resume} looks at live and goes on, \
                 {rollback} looks at live and undoes.",
                steps(self.applied.len()),
                self.unsettled.len(),
                self.not_run.len()
            )),
        }
        all
    }

    fn past_line(&self, machine: &Machine, kept: &str, resume: &str, rollback: &str) -> Vec<String> {
        let never = machine.plan().steps.iter().find_map(|step| match &step.undo {
            Undo::Never(why) if !machine.states()[step.id].status.is_without_effect() => {
                Some(format!("{} cannot be undone: {why}.", step.address))
            }
            Undo::Never(_) | Undo::By(_) => None,
        });
        let mut all: Vec<String> = never.into_iter().collect();
        all.push(format!(
            "The run stopped past the line of no return, and is kept: {kept}. When the cause is removed, {resume} goes \
             on; {rollback} undoes what can be undone."
        ));
        all
    }

    /// The report as the last notice.
    pub fn summary(&self) -> Notice {
        let outcome = match &self.outcome {
            Outcome::Done => "done",
            Outcome::RolledBack => "rolled_back",
            Outcome::Stopped => "stopped",
            Outcome::StoppedPastLine => "stopped_past_line",
            Outcome::NeedsPerson => "needs_person",
            Outcome::Left => "left",
            Outcome::Blocked(_) => "blocked",
            Outcome::JournalLost(_) => "journal_lost",
            Outcome::LockLost(_) => "lock_lost",
        };
        Notice::ChangeSummary {
            run: self.run.clone(),
            outcome: outcome.to_owned(),
            exit_code: self.exit_code,
            applied: self.applied.clone(),
            undone: self.undone.clone(),
            not_run: self.not_run.clone(),
            unsettled: self.unsettled.clone(),
            differences: self.differences.clone(),
            sentences: self.sentences.clone(),
        }
    }
}

/// Why a run does not go forward, as a sentence.
pub(super) fn cause(machine: &Machine) -> Option<String> {
    match machine.failure()? {
        Failure::Step(step) => {
            let planned = &machine.plan().steps[*step];
            let message = machine.states()[*step].message.as_deref();
            let message = message.unwrap_or("live is neither as before nor as after the step");
            let word = match planned.action {
                Action::Create => "created",
                Action::Update => "changed",
                Action::Delete => "deleted",
            };
            let message = message.trim_end_matches('.');
            Some(format!("{} could not be {word}: {message}.", planned.address))
        }
        Failure::NotProved => {
            Some("Every step was done, but live is not as the plan says it must be.".to_owned())
        }
        Failure::Interrupted => Some("The run was interrupted.".to_owned()),
        Failure::Requested => None,
    }
}

fn outcome(machine: &Machine, halt: Option<&Halt>) -> Outcome {
    match (machine.phase(), halt) {
        (Phase::Ended(Ending::Done), _) => Outcome::Done,
        (Phase::Ended(Ending::RolledBack), _) => Outcome::RolledBack,
        (Phase::Ended(Ending::Stopped), _) => Outcome::Stopped,
        (Phase::Ended(Ending::StoppedPastLine), _) => Outcome::StoppedPastLine,
        (Phase::Ended(Ending::NeedsPerson), _) => Outcome::NeedsPerson,
        (_, Some(Halt::Blocked(why))) => Outcome::Blocked(why.clone()),
        (_, Some(Halt::Unlocked(why))) => Outcome::LockLost(why.clone()),
        (_, Some(Halt::Journal(why))) => Outcome::JournalLost(why.clone()),
        (_, Some(Halt::Left) | None) => Outcome::Left,
    }
}

pub(super) fn entry(machine: &Machine, step: usize) -> Entry {
    let planned = &machine.plan().steps[step];
    Entry { step, address: planned.address.clone(), kind: planned.kind.clone(), action: planned.action }
}

const fn is_unsettled(status: &Status) -> bool {
    match status {
        Status::Sent
        | Status::Pending(_)
        | Status::Doubt(_)
        | Status::Broken
        | Status::Stuck
        | Status::ToUndo
        | Status::Undoing
        | Status::UndoPending(_)
        | Status::UndoDoubt(_)
        | Status::UndoStuck => true,
        Status::Waiting
        | Status::Checking
        | Status::Checked
        | Status::Done
        | Status::Refused
        | Status::Undone => false,
    }
}

pub(super) fn troubles(machine: &Machine) -> Vec<Trouble> {
    let mut all = Vec::new();
    for (step, state) in machine.states().iter().enumerate() {
        let planned = &machine.plan().steps[step];
        for (message, undo) in [(&state.message, false), (&state.undo_message, true)] {
            let Some(message) = message else { continue };
            let request = match &planned.undo {
                Undo::By(requests) if undo => {
                    requests.get(state.part).map(crate::model::Request::shown).unwrap_or_default()
                }
                Undo::By(_) | Undo::Never(_) => planned.request.shown(),
            };
            let origin = planned.origin.clone();
            all.push(Trouble {
                entry: entry(machine, step),
                origin,
                request,
                message: message.clone(),
                undo,
            });
        }
    }
    all
}

pub(super) fn differences(machine: &Machine) -> Vec<Difference> {
    let mut all = machine.differences().to_vec();
    let mut known: BTreeSet<(&Address, &str)> =
        machine.differences().iter().map(|known| (&known.address, &*known.property)).collect();
    for found in machine.stuck().values().flatten() {
        if known.insert((&found.address, &found.property)) {
            all.push(found.clone());
        }
    }
    all
}

/// `1 step`, `2 steps`.
pub(super) fn steps(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}
