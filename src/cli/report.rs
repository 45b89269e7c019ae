//! Reports: how a run ended, or where it stands, in sentences.

use super::runs::Known;
use super::terminal::Terminal;
use crate::plan::text::counted;
use crate::run::event::Difference;
use crate::run::lock::Holder;
use crate::run::report::{Entry, Report};
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

/// Where a run stands and why, and who works on it now.
pub(super) fn standing(known: &Known, at_work: Option<&Holder>) -> String {
    let header = &known.recorded.header;
    let steps = counted(header.plan.steps.len(), "step");
    let mut text = format!(
        "Run {} on {}, started {} by {} with {}: {steps}.\n",
        known.id, header.target, header.started, header.who, header.tool
    );
    if known.recorded.torn {
        text.push_str(
            "Its last record is cut off, as after a crash; what it would have said is looked up in live.\n",
        );
    }
    let report = Report::of(&known.id, &known.machine, None);
    listed(&mut text, "Done", &report.applied);
    listed(&mut text, "Undone", &report.undone);
    listed(&mut text, "In doubt", &report.unsettled);
    listed(&mut text, "Not run", &report.not_run);
    details(&mut text, &report);
    if let Some(holder) = at_work {
        let _ = writeln!(text, "It is being worked on: {holder}.");
    } else if known.has_ended() {
        let _ = writeln!(text, "{}", report.sentences.join("\n"));
    } else {
        let id = &known.id;
        let _ = writeln!(
            text,
            "It did not come to its end. `adxform resume {id}` looks at what is in doubt and finishes the rest; \
             `adxform rollback {id}` looks at what is in doubt and undoes what is done."
        );
    }
    text
}

/// The same for programs.
pub(super) fn document(known: &Known, at_work: Option<&Holder>) -> Json {
    let header = &known.recorded.header;
    let report = Report::of(&known.id, &known.machine, None);
    json!({
        "run": known.id,
        "target": header.target,
        "started": header.started,
        "who": header.who,
        "ended": known.has_ended(),
        "torn": known.recorded.torn,
        "atWork": at_work,
        "applied": report.applied,
        "undone": report.undone,
        "unsettled": report.unsettled,
        "notRun": report.not_run,
        "differences": report.differences,
        "sentences": report.sentences,
    })
}

fn listed(text: &mut String, title: &str, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}:");
    for entry in entries {
        let _ = writeln!(text, "  {:>3}. {} ({})", entry.step + 1, entry.address, entry.kind);
    }
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
