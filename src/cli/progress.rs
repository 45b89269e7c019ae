//! Progress: the notices of a run as lines on stderr, or as NDJSON on stdout.

use super::terminal::Terminal;
use crate::model::change::Action;
use crate::plan::text::{counted, duration};
use crate::run::event::{Verdict, Way};
use crate::run::notice::{Notice, Observer, RunningStep, StepOf, Waiting};

/// Tells a run's notices to whoever started the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    terminal: Terminal,
}

impl Progress {
    /// An observer that talks to a terminal.
    pub(super) const fn new(terminal: Terminal) -> Self {
        Self { terminal }
    }
}

impl Observer for Progress {
    fn notice(&mut self, notice: &Notice) {
        self.notices(std::slice::from_ref(notice));
    }

    /// Says them in one piece: a run of thousands of steps says as many lines.
    fn notices(&mut self, notices: &[Notice]) {
        if self.terminal.json {
            let lines = notices.iter().map(|notice| serde_json::to_string(notice).unwrap_or_default() + "\n");
            self.terminal.result(&lines.collect::<String>());
        } else {
            let lines = notices.iter().filter_map(|notice| line(notice, self.terminal.verbose));
            self.terminal.say(&lines.collect::<Vec<_>>().join("\n"));
        }
    }

    fn shows_requests(&self) -> bool {
        self.terminal.json || self.terminal.verbose > 0
    }
}

/// A notice as a line; what the last report says, or nobody waits for, is left out.
fn line(notice: &Notice, verbose: u8) -> Option<String> {
    let text = match notice {
        Notice::RunStarted { run, steps } => {
            format!("Run {run}: {}", counted(*steps, "step"))
        }
        Notice::RunResumed { run, .. } => format!("Run {run} is taken up again"),
        Notice::StepStarted { of, request } if verbose > 0 => format!("{}: {request}", step(of)),
        Notice::StepStarted { .. }
        | Notice::Progress { .. }
        | Notice::ChangeSummary { .. }
        | Notice::Interrupted => {
            return None;
        }
        Notice::StillRunning { done, running, waiting } => still_running(*done, running, waiting),
        Notice::StepAccepted { of } => format!("{}: accepted, the service works on it", step(of)),
        Notice::StepFinished { of, seconds } if *seconds >= 1.0 => {
            format!("{}: done ({seconds:.0} s)", step(of))
        }
        Notice::StepFinished { of, .. } => format!("{}: done", step(of)),
        Notice::StepFailed { of, message, origin } => {
            let place = origin
                .as_ref()
                .map_or(String::new(), |o| format!("\n  at {}:{}:{}", o.file, o.line, o.column));
            format!("{}: FAILED: {message}{place}", step(of))
        }
        Notice::StepInDoubt { of, message } => format!("{}: in doubt ({message}); looking at live", step(of)),
        Notice::StepSettled { of, verdict } => {
            let found = match verdict {
                Verdict::Before => "live is as before the step",
                Verdict::After => "live is as after the step",
                _ => "live is neither as before nor as after the step",
            };
            format!("{}: {found}", step(of))
        }
        Notice::Turned { step: Some(_), .. } => "Not going on".to_owned(),
        Notice::Turned { why, .. } => format!("Not going on: {why}"),
        Notice::RollbackStarted { steps } => {
            format!("Undoing {}", counted(*steps, "step"))
        }
        Notice::ProofStarted { .. } => "Reading live again".to_owned(),
        Notice::Proved { way: Way::Apply } => "Proved: live is as planned".to_owned(),
        Notice::Proved { .. } => "Proved: live is as it was before".to_owned(),
        Notice::NotProved { differences, .. } => {
            let lines: Vec<String> = differences.iter().map(super::report::difference).collect();
            format!("Not proved; live differs:\n{}", lines.join("\n"))
        }
    };
    Some(text)
}

fn still_running(done: usize, running: &[RunningStep], waiting: &[Waiting]) -> String {
    const SHOWN: usize = 4;
    let waits: usize = waiting.iter().map(|waiting| waiting.steps).sum();
    let mut text = format!("{done} done, {} running, {waits} waiting", running.len());
    for RunningStep { of, seconds, expected } in running.iter().take(SHOWN) {
        let usual =
            if *expected < 2 { String::new() } else { format!(", usually {}", duration((*expected).into())) };
        text.push_str(&format!("\n{}: {seconds} s{usual}", step(of)));
    }
    for Waiting { for_what, steps } in waiting.iter().take(SHOWN) {
        text.push_str(&format!("\n     {} waiting for {for_what}", counted(*steps, "step")));
    }
    text
}

fn step(of: &StepOf) -> String {
    let verb = match (of.way, of.action) {
        (Way::Undo, _) => "undo",
        (_, Action::Create) => "create",
        (_, Action::Update) => "change",
        (_, Action::Delete) => "delete",
    };
    format!("{:>3}. {verb} {}", of.step + 1, of.address)
}
