//! The layout of a spec's files: one style, for small diffs.
//!
//! The work is `pretty_yaml`'s; what stands here finds the files, chooses the style, and holds the result against what
//! was there.
//!
//! Invariants: nothing but the layout changes: every value, key, anchor and comment stays, in its order
//! (test: `nothing_but_the_layout_changes`); what is formatted stays as it is, and so does what `import` writes
//! (tests: `twice_is_once`, `any_name_and_text_reads_back` of `write`).

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::files::{Files, Place, offset};
use super::read::{clean, no_spec, plain};
use super::source::{self, Disk, MAX_BYTES, Source};
use super::tree::Tree;
use super::yaml;
use granit_parser::{Event, Parser, ScalarStyle};
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, LineBreak};
use std::path::{Path, PathBuf};

/// How wide a line may be before what stands in braces is laid over several.
const WIDTH: usize = 120;

/// A file whose layout is another than the one it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formatted {
    /// The file, as it is opened from where the program runs.
    pub path: PathBuf,
    /// The same as messages call it.
    pub shown: String,
    /// The file's text.
    pub before: String,
    /// The text as it should be.
    pub after: String,
}

/// The files of the spec at a path, overlays of environments included, whose layout is to change; sorted.
///
/// # Errors
/// Files that cannot be read, and texts that are not YAML.
pub fn spec(root: &Path) -> Result<Vec<Formatted>, Diagnostics> {
    let mut files = Files::default();
    let mut report = Vec::new();
    let mut found = Vec::new();
    for path in paths(root).map_err(|diagnostic| Diagnostics::new(vec![*diagnostic], Files::default()))? {
        let shown = clean(&path);
        match read(&path) {
            Ok(before) => match text_of(&mut files, shown.clone(), &before) {
                Ok(after) if after == before => {}
                Ok(after) => found.push(Formatted { path, shown, before, after }),
                Err(mistakes) => report.extend(mistakes),
            },
            Err(why) => {
                report.push(Diagnostic::error(Code::Unreadable, format!("{shown} cannot be read: {why}")));
            }
        }
    }
    if report.is_empty() { Ok(found) } else { Err(Diagnostics::new(report, files)) }
}

/// A text as it should be laid out; `name` is what messages call it.
///
/// # Errors
/// What is not YAML in it.
pub fn text(name: &str, text: &str) -> Result<String, Diagnostics> {
    let mut files = Files::default();
    text_of(&mut files, name.to_owned(), text).map_err(|report| Diagnostics::new(report, files))
}

/// The YAML files at a path: those of the spec, and those of its environments.
fn paths(root: &Path) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let layout = source::layout(&Disk, root).map_err(|(path, error)| Box::new(no_spec(&path, &error)))?;
    let mut paths: Vec<PathBuf> = layout.files.iter().map(|file| layout.folder.join(file)).collect();
    let environments = root.join("environments");
    if Disk.is_folder(&environments).unwrap_or(false) {
        let names = Disk.list(&environments).map_err(|error| Box::new(no_spec(&environments, &error)))?;
        let overlays = names.into_iter().filter(|(name, folder)| !folder && source::is_yaml(name));
        paths.extend(overlays.map(|(name, _)| environments.join(name)));
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = Disk.read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::FileTooLarge => format!("it holds more than {} MiB", MAX_BYTES >> 20),
        _ => plain(&error),
    })?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn text_of(files: &mut Files, name: String, before: &str) -> Result<String, Vec<Diagnostic>> {
    let bare = before.strip_prefix('\u{feff}').unwrap_or(before);
    let file = files.add(name.clone(), name, bare.to_owned());
    let mut tree = Tree::over(files.clone());
    let mut report = Vec::new();
    if !yaml::read(&mut tree, file, &mut report).complete || !report.is_empty() {
        return Err(report);
    }
    let at = |start: usize| Place { file, start: offset(start), end: offset(start + 1) };
    let refused = |diagnostic| Err(vec![diagnostic]);
    let after = match pretty_yaml::format_text(bare, &style(bare)) {
        Ok(after) => after,
        Err(error) => {
            let message = "this YAML cannot be laid out anew, though it can be read";
            let help = "write it in a plainer way, or leave `fmt` out for this file";
            return refused(
                Diagnostic::error(Code::Unsupported, message).at(at(error.offset()), "").help(help),
            );
        }
    };
    if meaning(bare) == meaning(&after) {
        return Ok(after);
    }
    let message = "laid out anew, this file would mean something else, so it is left as it is";
    let help =
        "write what is unusual in it in a plainer way: tags, several documents, comments inside of values";
    refused(Diagnostic::error(Code::Unsupported, message).at(at(0), "").help(help))
}

/// The style; line ends stay what the first one is.
fn style(text: &str) -> FormatOptions {
    let first = text.find('\n').unwrap_or_default();
    let line_break = if text[..first].ends_with('\r') { LineBreak::Crlf } else { LineBreak::Lf };
    FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, indent_width: 2, line_break },
        language: LanguageOptions {
            trailing_comma: false,
            brace_spacing: false,
            ignore_comment_directive: "adxform: as it is".to_owned(),
            ..LanguageOptions::default()
        },
    }
}

/// Whatever a text says, without how it is laid out: what a reader meets, one after the other, then the comments.
/// None when it is not YAML.
fn meaning(text: &str) -> Option<(Vec<Event<'_>>, Vec<String>)> {
    let mut options = granit_parser::options! { emit_unresolved_aliases: true, emit_anchor_events: true };
    options.set_emit_comments(true);
    let (mut events, mut comments) = (Vec::new(), Vec::new());
    for event in Parser::new_from_str_with_options(text, options) {
        match event.ok()?.0 {
            Event::Comment(text, _) => comments.push(text.trim_end().to_owned()),
            Event::Scalar(text, ScalarStyle::SingleQuoted, anchor, tag) => {
                events.push(Event::Scalar(text, ScalarStyle::DoubleQuoted, anchor, tag));
            }
            event => events.push(event),
        }
    }
    Some((events, comments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every YAML file of the project that is a spec of sound YAML.
    fn specs() -> Vec<(PathBuf, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut open: Vec<PathBuf> = ["examples", "tests/states", "tests/specs/valid", "tests/plans"]
            .map(|name| root.join(name))
            .into();
        let mut found = BTreeSet::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|ext| ext == "yaml") {
                found.insert(path);
            }
        }
        assert!(found.len() > 100);
        let sound = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap();
            meaning(&text).is_some().then_some((path, text))
        };
        found.into_iter().filter_map(sound).collect()
    }

    #[test]
    fn nothing_but_the_layout_changes() {
        for (path, before) in specs() {
            let after = text("a.yaml", &before).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            assert_eq!(meaning(&before), meaning(&after), "{}", path.display());
        }
    }

    #[test]
    fn twice_is_once() {
        for (path, before) in specs() {
            let once = text("a.yaml", &before).unwrap();
            assert_eq!(text("a.yaml", &once).unwrap(), once, "{}", path.display());
        }
    }

    #[test]
    fn examples_are_in_the_style() {
        let examples = specs().into_iter().filter(|(path, _)| path.to_string_lossy().contains("/examples/"));
        for (path, before) in examples {
            assert_eq!(text("a.yaml", &before).unwrap(), before, "run `adxform fmt {}`", path.display());
        }
    }

    #[test]
    fn one_style() {
        let before = "a:   1 # why\nb: {  c: 'x', d:   [1,2 ] }\ne:\n    - f:   2\n\n\n\n    - g\n";
        let after = "a: 1 # why\nb: {c: \"x\", d: [1, 2]}\ne:\n  - f: 2\n\n  - g\n";
        assert_eq!(text("a.yaml", before).unwrap(), after);
        assert_eq!(text("a.yaml", "\u{feff}a:  1\r\nb:  2\r\n").unwrap(), "a: 1\r\nb: 2\r\n");
        let kept = "# adxform: as it is\na: [1,   2]\n";
        assert_eq!(text("a.yaml", kept).unwrap(), kept);
    }

    #[test]
    fn what_is_not_yaml_is_said() {
        let report = text("a.yaml", "a: [1\nb: 2\n").unwrap_err();
        assert_eq!(report.errors(), 1);
        assert!(report.to_string().contains("a.yaml:"), "{report}");
    }
}
