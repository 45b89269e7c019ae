//! `fmt`: the files of a spec in one layout.
//!
//! Invariant: with one file that is not YAML, none is written (`tests/scenarios/fmt.yaml`).

use super::args::FmtArgs;
use super::exit::{Exit, Failure};
use super::files;
use super::terminal::Terminal;
use crate::plan::text::counted;
use crate::spec::Diagnostics;
use crate::spec::format::{self, Formatted};
use serde_json::json;
use similar::TextDiff;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;

/// Lays the files out and prints the names of those that changed, or would.
///
/// # Errors
/// Files that are not YAML or cannot be written; with `--check`, files that are not in the style.
pub(super) fn run(args: &FmtArgs, terminal: Terminal) -> Result<Exit, Failure> {
    if args.spec == Path::new("-") {
        return piped(args, terminal);
    }
    let changed = format::spec(&args.spec).map_err(|mistakes| told(&mistakes, terminal))?;
    if !args.check {
        for file in &changed {
            files::overwrite(&file.path, &file.after)?;
        }
    }
    if terminal.json {
        let names: Vec<_> = changed.iter().map(|file| file.shown.as_str()).collect();
        terminal.document(&json!({ "changed": names }));
    } else {
        terminal.result(&shown(&changed, args.diff));
    }
    ended(changed.len(), args, terminal)
}

/// From stdin to stdout.
fn piped(args: &FmtArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let mut before = String::new();
    std::io::stdin().read_to_string(&mut before).map_err(|error| {
        Failure::error(format!("stdin cannot be read: {error}"), "pipe the text of a YAML file into it")
    })?;
    let after = format::text("stdin", &before).map_err(|mistakes| told(&mistakes, terminal))?;
    let differs = usize::from(after != before);
    if args.diff {
        terminal.result(&difference("stdin", &before, &after));
    } else if !args.check {
        terminal.result(&after);
    }
    ended(differs, args, terminal)
}

fn told(mistakes: &Diagnostics, terminal: Terminal) -> Failure {
    terminal.say(&mistakes.render(terminal.color));
    Failure::told(Exit::InvalidSpec)
}

fn ended(changed: usize, args: &FmtArgs, terminal: Terminal) -> Result<Exit, Failure> {
    if args.check && changed > 0 {
        let (files, are) = (counted(changed, "file"), if changed == 1 { "is" } else { "are" });
        return Err(Failure::error(
            format!("{files} {are} not laid out in the style"),
            "run `adxform fmt`, and look at what it changes with `--diff`",
        ));
    }
    if !args.check && changed > 0 && args.spec != Path::new("-") {
        terminal.say(&format!("{} laid out anew.", counted(changed, "file")));
    }
    Ok(Exit::Done)
}

/// The names of files, or what changes in them.
fn shown(changed: &[Formatted], diff: bool) -> String {
    let mut text = String::new();
    for file in changed {
        let _ = if diff {
            write!(text, "{}", difference(&file.shown, &file.before, &file.after))
        } else {
            writeln!(text, "{}", file.shown)
        };
    }
    text
}

/// What changes in a text, as `diff -u` prints it.
fn difference(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(name, name).to_string()
}
