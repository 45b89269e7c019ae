//! Specs as users write them, right and wrong, with exactly what the reader makes of each.
//!
//! A case is a file or a folder under `tests/specs/valid/` or `tests/specs/invalid/` and the text that is expected of it
//! beside it (`.txt`, `.stderr`). The first line of a file may say how it is read: `# args: --env dev --var a=1 HOME=x`;
//! for a folder that line stands in its file `args`. `BLESS=1 cargo test --test specs` writes the expected texts anew.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use adxform::kind::{self, Kind, shape};
use adxform::model::{Mode, Resource};
use adxform::spec::source::Source;
use adxform::spec::{Code, Diagnostics, Options, Spec, load, load_with};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

/// The files and folders of a folder of cases, but for what is expected of them.
fn cases(folder: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_none_or(|ext| ext != "txt" && ext != "stderr"));
    found.sort();
    found
}

/// How a case is read.
#[derive(Default)]
struct Args {
    environment: Option<String>,
    vars: Vec<(String, String)>,
    var_files: Vec<PathBuf>,
    env: BTreeMap<String, String>,
}

fn args(case: &Path) -> Args {
    let text = if case.is_dir() {
        std::fs::read_to_string(case.join("args")).unwrap_or_default()
    } else {
        let bytes = std::fs::read(case).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().next().and_then(|line| line.strip_prefix("# args: ")).unwrap_or_default().to_owned()
    };
    let mut args = Args::default();
    let mut words = text.split_whitespace();
    let pair = |word: &str| word.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap();
    while let Some(word) = words.next() {
        match word {
            "--env" => args.environment = words.next().map(str::to_owned),
            "--var" => args.vars.push(pair(words.next().unwrap())),
            "--var-file" => args.var_files.push(case.parent().unwrap().join(words.next().unwrap())),
            other => args.env.extend([pair(other)]),
        }
    }
    args
}

fn read(case: &Path) -> Result<Spec, Diagnostics> {
    let Args { environment, vars, var_files, env } = args(case);
    let env = |name: &str| env.get(name).cloned();
    load(&Options { root: case.to_owned(), environment, vars, var_files, env: &env })
}

/// Compares every case with what is expected of it, or writes that.
fn check(folder: &str, ending: &str, outcome: impl Fn(&Path) -> String) {
    let mut wrong = String::new();
    let found = cases(folder);
    assert!(!found.is_empty());
    for case in &found {
        let beside = case.with_extension(ending);
        let actual = outcome(case);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&beside, &actual).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if expected != actual {
            let diff = similar::TextDiff::from_lines(&expected, &actual);
            let diff = diff.unified_diff().header("expected", "actual").to_string();
            write!(wrong, "\n{}:\n{diff}", case.display()).unwrap();
        }
    }
    let texts = std::fs::read_dir(folder).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|ext| ext == "txt" || ext == "stderr")
    });
    assert_eq!(texts.count(), found.len(), "{folder}: a text is expected of a case that is not there");
    assert!(wrong.is_empty(), "{wrong}\nIf this is right: BLESS=1 cargo test --test specs\n");
}

#[test]
fn invalid() {
    check("tests/specs/invalid", "stderr", |case| match read(case) {
        Ok(_) => panic!("{}: this is valid", case.display()),
        Err(mistakes) => {
            places_are_inside(&mistakes);
            mistakes.render(false)
        }
    });
    assert!(cases("tests/specs/invalid").len() >= 60);
}

/// Kinds as they are cannot give this one: none that can be unset holds others (`src/spec/tests.rs` has one).
const NOT_SHOWN: [Code; 1] = [Code::Below];

#[test]
fn every_code_is_shown() {
    let mut texts = String::new();
    for folder in ["tests/specs/valid", "tests/specs/invalid"] {
        for case in cases(folder) {
            let beside = ["txt", "stderr"].map(|ending| std::fs::read_to_string(case.with_extension(ending)));
            texts.extend(beside.into_iter().flatten());
        }
    }
    for code in Code::ALL.iter().filter(|code| !NOT_SHOWN.contains(code)) {
        assert!(texts.contains(&format!("[{}]", code.id())), "{}: add a case: {}", code.id(), code.doc());
    }
    for rule in kind::lint::rules().filter(|rule| !rule.of.iter().all(|of| kind::by_name(of).is_none())) {
        assert!(texts.contains(&format!("[{}]", rule.code)), "{}: add a case: {}", rule.code, rule.title);
    }
}

#[test]
fn valid() {
    check("tests/specs/valid", "txt", |case| match read(case) {
        Ok(spec) => {
            values_are_canonical(&spec);
            shown(&spec)
        }
        Err(mistakes) => panic!("{}: this is invalid\n{mistakes}", case.display()),
    });
}

/// A decoded spec as text.
fn shown(spec: &Spec) -> String {
    let mut text = String::new();
    for (address, resource) in spec.desired.inventory.iter() {
        let Resource { kind, name, mode, lifecycle, body, .. } = resource;
        write!(text, "{address}: {kind} {name:?}").unwrap();
        if *mode != Mode::Managed {
            write!(text, " {mode:?}").unwrap();
        }
        let origin = spec.origins.get(address).unwrap();
        writeln!(text, " ({}:{}:{})", origin.file, origin.line, origin.column).unwrap();
        if *lifecycle != adxform::model::inventory::Lifecycle::default() {
            writeln!(text, "  {lifecycle:?}").unwrap();
        }
        for (field, value) in body.iter() {
            let place = spec.origins.field(address, &[field]).unwrap();
            let value = serde_json::to_string(value).unwrap();
            writeln!(text, "  {field}: {value} ({}:{})", place.line, place.column).unwrap();
        }
    }
    for (address, collections) in &spec.desired.prune {
        writeln!(text, "prune {address}: {collections:?}").unwrap();
    }
    for (from, to) in &spec.references {
        writeln!(text, "{from} → {to}").unwrap();
    }
    text + &spec.warnings.render(false)
}

fn values_are_canonical(spec: &Spec) {
    for (address, resource) in spec.desired.inventory.iter() {
        let fields = kind::by_name(resource.kind).unwrap().about().fields;
        assert_eq!(shape::canonical_body(fields, &resource.body).as_ref(), Ok(&resource.body), "{address}");
    }
}

/// Every error says where it is, and that is inside of its file.
fn places_are_inside(mistakes: &Diagnostics) {
    for diagnostic in mistakes.iter() {
        assert!(!diagnostic.message.is_empty() && !diagnostic.message.ends_with('.'), "{diagnostic:?}");
        let patched = diagnostic.patch.iter().map(|patch| patch.place);
        for place in diagnostic.labels.iter().map(|label| label.place).chain(patched) {
            let text = &mistakes.files().get(place.file).text();
            let (start, end) = (place.start as usize, place.end as usize);
            assert!(start <= end && text.get(start..end).is_some(), "{diagnostic:?}");
        }
    }
    assert_eq!(mistakes.to_json().as_array().map(Vec::len), Some(mistakes.iter().len()));
}

/// Files in memory.
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Source for Memory {
    fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(!self.0.contains_key(path))
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, bool)>> {
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(folder).ok());
        Ok(inside.map(|path| (path.to_string_lossy().into_owned(), false)).collect())
    }
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        self.0.get(file).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// Reads bytes as a spec, and looks at what comes of it.
fn survives(bytes: Vec<u8>) {
    let kinds: Vec<&'static dyn Kind> = kind::all().collect();
    let env = |name: &str| (name != "UNSET").then(|| "from-env".to_owned());
    let (environment, vars, var_files) = (None, Vec::new(), Vec::new());
    let options = Options { root: "spec".into(), environment, vars, var_files, env: &env };
    let source = Memory([(PathBuf::from("spec/a.yaml"), bytes)].into());
    match load_with(&options, &source, &kinds) {
        Ok(spec) => {
            values_are_canonical(&spec);
            shown(&spec);
        }
        Err(mistakes) => {
            assert!(mistakes.errors() > 0);
            places_are_inside(&mistakes);
            assert!(!mistakes.render(true).is_empty());
        }
    }
}

/// The texts of all valid cases that are one file.
fn valid_texts() -> Vec<String> {
    let files = cases("tests/specs/valid").into_iter().filter(|case| case.is_file());
    files.map(|case| std::fs::read_to_string(case).unwrap()).collect()
}

/// What a mutation puts into a text.
const BITS: [&str; 24] = [
    "",
    ":",
    ": ",
    "- ",
    "\n",
    "  ",
    "\t",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: *a",
    "${",
    "${var.x}",
    "null",
    "é",
    "\u{0}",
    "#",
    "|\n",
    "${clusters.a.id}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(bytes);
    }

    #[test]
    fn never_panics_on_what_is_nearly_right(
        which in any::<proptest::sample::Index>(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..30, 0..BITS.len()), 1..6),
    ) {
        let texts = valid_texts();
        let mut text: Vec<char> = which.get(&texts).chars().collect();
        for (at, length, bit) in edits {
            let at = at.index(text.len().max(1));
            let end = (at + length).min(text.len());
            text.splice(at.min(end)..end, BITS[bit].chars());
        }
        survives(text.into_iter().collect::<String>().into_bytes());
    }

    #[test]
    fn never_panics_on_moved_lines(
        which in any::<proptest::sample::Index>(),
        moves in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 0_usize..8), 1..5),
    ) {
        let texts = valid_texts();
        let mut lines: Vec<String> = which.get(&texts).lines().map(str::to_owned).collect();
        for (from, to, indent) in moves {
            let line = lines[from.index(lines.len())].trim_start().to_owned();
            let to = to.index(lines.len());
            lines.insert(to, format!("{}{line}", "  ".repeat(indent)));
        }
        survives(lines.join("\n").into_bytes());
    }
}
