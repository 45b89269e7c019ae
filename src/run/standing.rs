//! Where a run stands: step by step, and what resuming or rolling back would do.

use super::event::{Difference, Event, Intent};
use super::journal::Recorded;
use super::machine::{Cause, Ending, Failure, Machine, Phase, State, Status, Wait};
use super::report::{Entry, cause, differences, entry, steps, troubles};
use crate::kind::Undo;
use crate::model::change::Action;
use crate::plan::Origin;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// Where a run stands, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Where it stands as a whole, as a sentence.
    pub whole: String,
    /// What turned it from its way forward, as a sentence.
    pub why: Option<String>,
    /// Where each step stands, in the plan's order.
    pub steps: Vec<StepStanding>,
    /// In what live was found to differ from what it should be.
    pub differences: Vec<Difference>,
    /// What `adxform resume` would do, as a sentence.
    pub resume: String,
    /// What `adxform rollback` would do, as a sentence.
    pub rollback: String,
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepStanding {
    /// The step.
    pub of: Entry,
    /// Where it stands, as a clause.
    pub stands: String,
    /// When the journal last told of it, RFC 3339.
    pub at: Option<String>,
    /// What was last said against it or its undo, if anything was.
    pub said: Option<String>,
    /// When something was said: the request that it was said against, on one line.
    pub request: Option<String>,
    /// When something was said: where the spec declares the thing.
    pub origin: Option<Origin>,
}

impl Standing {
    /// Where a machine stands when no process drives it.
    pub fn of(machine: &Machine) -> Self {
        let mut steps: Vec<StepStanding> = machine
            .states()
            .iter()
            .enumerate()
            .map(|(id, state)| {
                let (of, stands) = (entry(machine, id), stands(machine, id, state));
                StepStanding { of, stands, at: None, said: None, request: None, origin: None }
            })
            .collect();
        // What was said against an undo comes after what was said against the step, and is the news.
        for trouble in troubles(machine) {
            let step = &mut steps[trouble.entry.step];
            step.said = Some(trouble.message);
            step.request = Some(trouble.request).filter(|request| !request.is_empty());
            step.origin = trouble.origin;
        }
        Self {
            whole: whole(machine),
            why: cause(machine),
            steps,
            differences: differences(machine),
            resume: resume(machine),
            rollback: rollback(machine),
        }
    }

    /// The same of a run as its journal tells it, with the moments of each step's last record.
    pub fn recorded(recorded: &Recorded, machine: &Machine) -> Self {
        let mut standing = Self::of(machine);
        for frame in &recorded.frames {
            for event in &frame.events {
                if let Event::Step { step, .. } = event
                    && let Some(step) = standing.steps.get_mut(*step)
                {
                    step.at = Some(frame.at.clone());
                }
            }
        }
        standing
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.whole)?;
        if let Some(why) = &self.why {
            writeln!(f, "{why}")?;
        }
        for StepStanding { of, stands, at, said, request, origin } in &self.steps {
            write!(f, "  {:>3}. {} {}: {stands}", of.step + 1, word(of.action), of.address)?;
            match at {
                Some(at) => writeln!(f, " ({at})")?,
                None => writeln!(f)?,
            }
            if let Some(said) = said {
                writeln!(f, "       said: {said}")?;
            }
            if let Some(request) = request {
                writeln!(f, "       request: {request}")?;
            }
            if let Some(Origin { file, line, column }) = origin {
                writeln!(f, "       at {file}:{line}:{column}")?;
            }
        }
        if !self.differences.is_empty() {
            writeln!(f, "When live was last looked at, it differed:")?;
        }
        for of in &self.differences {
            writeln!(f, "  {of}")?;
        }
        writeln!(f, "Resume: {}", self.resume)?;
        write!(f, "Rollback: {}", self.rollback)
    }
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
    }
}

fn whole(machine: &Machine) -> String {
    match machine.phase() {
        Phase::Forward => "The run was cut off while it was doing its steps.",
        Phase::Settling => match machine.failure() {
            Some(Failure::Interrupted) => {
                "The run was interrupted, and cut off before its running steps had ended."
            }
            Some(Failure::Requested) => "A rollback was asked for, and cut off before it undid anything.",
            Some(Failure::Step(_) | Failure::NotProved) | None => {
                "A step failed, and the run was cut off before its running steps had ended."
            }
        },
        Phase::RollingBack => "The run was cut off while it was undoing its steps.",
        Phase::Proving => "Every step was done; the run was cut off before live was proved to be as planned.",
        Phase::ProvingBack => {
            "Every step that can be was undone; the run was cut off before live was proved to be as before."
        }
        Phase::Ended(Ending::Done) => "The run is done, and live was proved to be as planned.",
        Phase::Ended(Ending::RolledBack) => "The run was rolled back, and live was proved to be as before.",
        Phase::Ended(Ending::Stopped) => "The run failed and kept what was done, as it was asked to.",
        Phase::Ended(Ending::StoppedPastLine) => {
            "The run failed past the line of no return and kept what was done."
        }
        Phase::Ended(Ending::NeedsPerson) => {
            "The run was rolled back as far as it could be, and live is not as before: a person is needed. Put right \
             by hand what is listed, then roll back once more."
        }
    }
    .to_owned()
}

fn stands(machine: &Machine, id: usize, state: &State) -> String {
    let parts = machine.undo_of(id).map_or(0, <[_]>::len);
    match &state.status {
        Status::Waiting | Status::Checked => match machine.waits_for(id) {
            Some(Wait::Step(need)) => format!("not begun; it waits for step {}", need + 1),
            Some(Wait::Line { left }) => {
                format!("not begun; it stands behind the line of no return, with {} before it", steps(left))
            }
            Some(Wait::Turn) | None => "not begun".to_owned(),
        },
        Status::Checking => "not begun; the service was checking it".to_owned(),
        Status::Doubt(Cause::Revisit) => "done; live is looked at again before it is undone".to_owned(),
        Status::Sent | Status::Doubt(Cause::Lost | Cause::Failed) => {
            "in doubt: it was sent, and what became of it is not known until live is looked at".to_owned()
        }
        Status::Pending(_) => "begun: the service accepted it and was working on it".to_owned(),
        Status::Done => "done".to_owned(),
        Status::Refused => "refused; nothing of it was done".to_owned(),
        Status::Broken => "failed, and left something behind".to_owned(),
        Status::Stuck => "between before and after".to_owned(),
        Status::ToUndo if parts > 1 => format!("half undone: {} of {parts} requests", state.part),
        Status::ToUndo => "done; an attempt to undo it failed".to_owned(),
        Status::Undoing | Status::UndoDoubt(_) => {
            "in doubt: its undo was sent, and what became of it is not known until live is looked at"
                .to_owned()
        }
        Status::UndoPending(_) => {
            "being undone: the service accepted the undo and was working on it".to_owned()
        }
        Status::Undone => "undone".to_owned(),
        Status::UndoStuck if state.undo_attempts < machine.policy().attempts => {
            "not undone: live is no longer as the run left it".to_owned()
        }
        Status::UndoStuck => "not undone: every attempt failed".to_owned(),
    }
}

/// How many steps stand in a way.
fn count(machine: &Machine, test: impl Fn(&Status) -> bool) -> usize {
    machine.states().iter().filter(|state| test(&state.status)).count()
}

/// What taking the run up begins with, whatever it is for.
fn first(machine: &Machine) -> Vec<String> {
    let doubts = count(machine, |status| {
        matches!(
            status,
            Status::Sent
                | Status::Doubt(_)
                | Status::Undoing
                | Status::UndoDoubt(_)
                | Status::Stuck
                | Status::UndoStuck
        )
    });
    let pending = count(machine, |status| matches!(status, Status::Pending(_) | Status::UndoPending(_)));
    let mut all = Vec::new();
    if pending > 0 {
        all.push(format!("follows {} to the end of the service's work", steps(pending)));
    }
    if doubts > 0 {
        all.push(format!("looks at live to settle {} in doubt", steps(doubts)));
    }
    all
}

fn resume(machine: &Machine) -> String {
    if let Err(why) = machine.may(Intent::Resume) {
        return format!("not possible: {why}.");
    }
    let mut all = first(machine);
    if machine.resumes_backwards() {
        all.push(undoes(machine));
        all.push("proves that live is as before".to_owned());
    } else {
        let again = count(machine, |status| matches!(status, Status::Refused | Status::Broken));
        let left =
            count(machine, |status| matches!(status, Status::Waiting | Status::Checking | Status::Checked));
        if again > 0 {
            all.push(format!("tries {} again", steps(again)));
        }
        if left > 0 {
            all.push(format!("does {} not begun", steps(left)));
        }
        all.push("proves that live is as planned".to_owned());
    }
    sentence(all)
}

/// What is undone, as far as is known by now.
fn undoes(machine: &Machine) -> String {
    let doubtful = count(machine, Status::is_doubtful);
    match (machine.undoable(), doubtful) {
        (0, 0) => "finds nothing to undo".to_owned(),
        (0, _) => "undoes what is found to be done".to_owned(),
        (known, 0) => format!("undoes {}, newest first", steps(known)),
        (known, _) => format!("undoes {} and what else is found to be done, newest first", steps(known)),
    }
}

fn rollback(machine: &Machine) -> String {
    if let Err(why) = machine.may(Intent::Rollback) {
        return format!("not possible: {why}.");
    }
    let mut all = first(machine);
    if count(machine, |status| *status == Status::Done) > 0 {
        all.push("looks whether anybody changed what the run did".to_owned());
    }
    all.push(undoes(machine));
    all.push("proves that live is as before".to_owned());
    let mut text = sentence(all);
    for step in &machine.plan().steps {
        if let Undo::Never(why) = &step.undo
            && !machine.states()[step.id].status.is_without_effect()
        {
            text.push_str(&format!(
                " {} stays, with what it needs, for it cannot be undone: {why}.",
                step.address
            ));
        }
    }
    text
}

/// Clauses as one sentence.
fn sentence(clauses: Vec<String>) -> String {
    let text = clauses.join(", then ");
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
