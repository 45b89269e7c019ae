//! Reports: how a run ended, or where it stands, in sentences.

use super::runs::Known;
use super::terminal::Terminal;
use crate::plan::text::counted;
use crate::run::event::{Difference, Intent};
use crate::run::lock::Holder;
use crate::run::report::Report;
use crate::run::standing::Standing;
use crate::run::whereabouts::Whereabouts;
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// Prints how a run ended. With `--json` the run's last notice has said it.
pub(super) fn print(report: &Report, terminal: Terminal) {
    if terminal.json {
        return;
    }
    let mut text = String::new();
    details(&mut text, report);
    terminal.say(&text);
    terminal.result(&format!("{}\n", report.sentences.join("\n")));
}

/// One difference between live and what it should be, as a line.
pub(super) fn difference(of: &Difference) -> String {
    format!("  {of}")
}

/// Where a run stands, step by step, what may be done with it, and who works on it now.
pub(super) fn standing(known: &Known, at_work: Option<&Holder>, whereabouts: &Whereabouts) -> String {
    let header = &known.recorded.header;
    let steps = counted(header.plan.steps.len(), "step");
    let mut text = format!(
        "Run {} on {}, started {} by {} with {}: {steps}.\n",
        known.id, header.target, header.started, header.who, header.tool
    );
    if let Some(last) = known.recorded.frames.last() {
        let _ = writeln!(text, "Its last record is of {}.", last.at);
    }
    if known.recorded.torn {
        text.push_str(
            "A record behind that is cut off, as after a crash; what it would have said is looked up in live.\n",
        );
    }
    if let Some(holder) = at_work {
        let _ = writeln!(
            text,
            "It is being worked on: {holder}. What follows changes, and neither resume nor rollback can begin before that \
             ends."
        );
    }
    let _ = writeln!(text, "{}", Standing::recorded(&known.recorded, &known.machine));
    let id = &known.id;
    for (intent, to, word) in
        [(Intent::Resume, "resume it", "resume"), (Intent::Rollback, "roll it back", "rollback")]
    {
        if known.machine.may(intent).is_ok() {
            let _ = writeln!(text, "To {to}: {}", whereabouts.about(&format!("{word} {id}")));
        }
    }
    text
}

/// The same for programs.
pub(super) fn document(known: &Known, at_work: Option<&Holder>, whereabouts: &Whereabouts) -> Json {
    let header = &known.recorded.header;
    let report = Report::of(&known.id, &known.machine, None, whereabouts);
    json!({
        "run": known.id,
        "target": header.target,
        "started": header.started,
        "who": header.who,
        "ended": known.has_ended(),
        "torn": known.recorded.torn,
        "lastRecord": known.recorded.frames.last().map(|frame| &frame.at),
        "standing": Standing::recorded(&known.recorded, &known.machine),
        "atWork": at_work,
        "applied": report.applied,
        "undone": report.undone,
        "unsettled": report.unsettled,
        "notRun": report.not_run,
        "differences": report.differences,
        "sentences": report.sentences,
    })
}

fn details(text: &mut String, report: &Report) {
    for trouble in &report.troubles {
        let undo = if trouble.undo { " could not be undone" } else { "" };
        let _ = writeln!(text, "{}{undo}: {}", trouble.entry.address, trouble.message);
        if let Some(origin) = &trouble.origin {
            let _ = writeln!(text, "  at {}:{}:{}", origin.file, origin.line, origin.column);
        }
        let _ = writeln!(text, "  request: {}", trouble.request);
    }
    for of in &report.differences {
        let _ = writeln!(text, "{}", difference(of));
    }
}
