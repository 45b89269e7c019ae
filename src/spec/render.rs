//! Diagnostics as people read them, with the lines concerned underlined, and as programs do.

use super::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use super::files::{Files, Place};
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet,
    normalize_untrusted_str,
};
use serde_json::json;
use std::ops::Range;

/// How many diagnostics are rendered; the rest is counted.
pub const SHOWN: usize = 50;

/// Places at most this many lines apart share an excerpt.
const NEAR: usize = 8;

/// Lines longer than this many bytes are not shown.
const LONG: usize = 2000;

impl Diagnostics {
    /// The first [`SHOWN`] diagnostics, errors before warnings when there are more, as text for a terminal.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let errors = self.errors();
        let mut room = (errors.min(SHOWN), SHOWN - errors.min(SHOWN));
        let mut hidden = (0, 0);
        let mut text = String::new();
        for diagnostic in self.iter() {
            let (room, hidden) = match diagnostic.severity {
                Severity::Error => (&mut room.0, &mut hidden.0),
                Severity::Warning => (&mut room.1, &mut hidden.1),
            };
            if *room == 0 {
                *hidden += 1;
                continue;
            }
            *room -= 1;
            text += &one(diagnostic, self.files(), &renderer);
            text += "\n\n";
        }
        for (count, word) in [(hidden.0, "error"), (hidden.1, "warning")] {
            if count > 0 {
                text += &format!("… and {count} more {word}{}\n", if count == 1 { "" } else { "s" });
            }
        }
        text
    }

    /// All diagnostics as a JSON list.
    pub fn to_json(&self) -> serde_json::Value {
        let at = |place: Place| {
            let files = self.files();
            let (line, column) = files.position(place.file, place.start);
            let (end_line, end_column) = files.position(place.file, place.end);
            json!({
                "file": files.get(place.file).shown, "line": line, "column": column,
                "endLine": end_line, "endColumn": end_column, "bytes": [place.start, place.end],
            })
        };
        let with = |place: Place, text: &str| {
            let mut json = at(place);
            json["text"] = text.into();
            json
        };
        let one = |d: &Diagnostic| {
            json!({
                "severity": if d.severity == Severity::Error { "error" } else { "warning" },
                "code": d.code.id(),
                "message": d.message,
                "labels": d.labels.iter().map(|l| with(l.place, &l.text)).collect::<Vec<_>>(),
                "help": if d.help.is_empty() { None } else { Some(&d.help) },
                "patch": d.patch.as_ref().map(|p| with(p.place, &p.text)),
            })
        };
        self.iter().map(one).collect()
    }
}

/// One diagnostic without the line end behind it.
fn one(diagnostic: &Diagnostic, files: &Files, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let help = normalize_untrusted_str(&diagnostic.help);
    let title = level.primary_title(&*diagnostic.message).id(diagnostic.code.id());
    let mut group = Group::with_title(title).elements(excerpts(diagnostic, files));
    let mut groups = Vec::new();
    match &diagnostic.patch {
        Some(patch) if window(files, patch.place, patch.place).is_some() => {
            groups.push(group);
            groups.push(suggestion(help, patch, files));
        }
        _ => {
            if !help.is_empty() {
                group = group.element(Level::HELP.message(help));
            }
            groups.push(group);
        }
    }
    renderer.render(&groups)
}

fn suggestion<'a>(help: String, patch: &'a super::diagnostic::Patch, files: &'a Files) -> Group<'a> {
    let title = Level::HELP.secondary_title(help);
    let Some(window) = window(files, patch.place, patch.place) else { return Group::with_title(title) };
    let snippet = Snippet::source(window.text).path(window.shown).line_start(window.line);
    Group::with_title(title)
        .element(snippet.patch(Patch::new(window.within(patch.place), patch.text.as_str())))
}

/// One excerpt for each run of labels that stand near each other in one file, the first label's run first.
fn excerpts<'a>(diagnostic: &'a Diagnostic, files: &'a Files) -> Vec<Element<'a>> {
    let line = |label: &Label| files.get(label.place.file).line(label.place.start);
    let mut runs: Vec<Vec<(usize, &Label)>> = Vec::new();
    for entry in diagnostic.labels.iter().enumerate() {
        let near = runs.iter_mut().find(|run| {
            let same = run.iter().filter(|(_, other)| other.place.file == entry.1.place.file);
            same.into_iter().any(|(_, other)| line(other).abs_diff(line(entry.1)) <= NEAR)
        });
        match near {
            Some(run) => run.push(entry),
            None => runs.push(vec![entry]),
        }
    }
    runs.iter().flat_map(|run| excerpt(run, files)).collect()
}

fn excerpt<'a>(run: &[(usize, &'a Label)], files: &'a Files) -> Vec<Element<'a>> {
    let places = || run.iter().map(|(_, label)| label.place);
    let (Some(first), Some(last)) = (places().min_by_key(|p| p.start), places().max_by_key(|p| p.end)) else {
        return Vec::new();
    };
    let Some(window) = window(files, first, last) else {
        let (line, column) = files.position(run[0].1.place.file, run[0].1.place.start);
        let origin = Origin::path(&*files.get(first.file).shown);
        return vec![origin.line(line as usize).char_column(column as usize).into()];
    };
    let annotations = run.iter().map(|(at, label)| -> Annotation<'a> {
        let kind = if *at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let text = (!label.text.is_empty()).then_some(label.text.as_str());
        kind.span(window.within(label.place)).label(text)
    });
    let snippet = Snippet::source(window.text).path(window.shown).line_start(window.line);
    vec![snippet.annotations(annotations).into()]
}

/// Some whole lines of a text.
struct Window<'a> {
    text: &'a str,
    start: usize,
    line: usize,
    shown: &'a str,
}

impl Window<'_> {
    /// A place as bytes of the window; one that runs over many lines is cut at the end of its first.
    fn within(&self, place: Place) -> Range<usize> {
        let start = (place.start as usize).clamp(self.start, self.start + self.text.len()) - self.start;
        let end = (place.end as usize).clamp(self.start + start, self.start + self.text.len()) - self.start;
        let line = self.text[start..end].find(['\r', '\n']).map_or(end, |at| start + at);
        start..line
    }
}

/// The lines from where one place starts to where another starts; none when they are too long to show.
fn window(files: &Files, first: Place, last: Place) -> Option<Window<'_>> {
    let file = files.get(first.file);
    let (from, to) = (file.line(first.start), file.line(last.start.max(first.start)));
    let range = file.range(from, to);
    let text = file.text().get(range.clone())?;
    let short = text.lines().all(|line| line.len() <= LONG);
    short.then_some(Window { text, start: range.start, line: from + 1, shown: &file.shown })
}
