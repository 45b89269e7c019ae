//! What the kinds' lint rules find, at its place, unless a comment allows it.

use super::Origins;
use super::diagnostic::{Code, Diagnostic};
use super::files::{Files, Place};
use crate::kind::{At, lint};

/// What a comment says that allows a rule, as in `# adxform: allow L012`.
const ALLOW: &str = "adxform: allow ";

/// Warnings about a thing.
pub(super) fn of(at: &At<'_>, origins: &Origins, files: &Files) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (rule, lint) in lint::of(at) {
        let place = match &lint.inside {
            Some((text, span)) => origins.inside(&lint.address, &lint.field, text, span),
            None => origins.place(&lint.address, &lint.field),
        };
        if let Some(place) = place.filter(|place| !is_allowed(files, *place, rule.code)) {
            let warning = Diagnostic::warning(Code::Lint(rule.code), lint.message);
            found.push(warning.at(place, "").help(lint.help));
        }
    }
    found
}

/// Whether a comment on the line of a place, or on the lines of comments above it, allows a rule.
fn is_allowed(files: &Files, place: Place, code: &str) -> bool {
    let file = files.get(place.file);
    let line = |n: usize| &file.text()[file.range(n, n)];
    let allows = |n: usize| {
        let comment = line(n).split_once(ALLOW).map_or("", |(_, codes)| codes);
        comment.split([',', ' ']).map(str::trim).any(|word| word == code)
    };
    let own = file.line(place.start);
    let is_comment = |n: &usize| line(*n).trim_start().starts_with(['#', '/']);
    allows(own) || (0..own).rev().take_while(is_comment).any(allows)
}
