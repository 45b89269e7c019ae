//! Keeps the shape of the code: layers, purity, sizes, and that what documentation names exists.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files with an ending below a folder, by their path from the root, in order.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                walk(&entry, ending, found);
            } else if entry.extension().is_some_and(|e| e == ending) {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The part of a source file before its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// What each module may import of ours; itself is always allowed.
const LAYERS: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("kind", &["model"]),
    ("spec", &["model", "kind"]),
    ("plan", &["model", "kind"]),
    ("cloud", &["model"]),
    ("live", &["model", "kind", "cloud"]),
    ("run", &["model", "kind", "plan", "cloud", "live"]),
    ("cli", &["model", "kind", "spec", "plan", "cloud", "live", "run", "emulator"]),
    ("emulator", &[]),
    ("main", &["cli"]),
];

#[test]
fn layers() {
    let mut complaints = Vec::new();
    for (file, text) in files("src", "rs") {
        let module = file.split('/').nth(1).unwrap().trim_end_matches(".rs");
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            assert_eq!(module, "lib", "{file}: a new module needs a line in LAYERS");
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            let mut rest = line;
            while let Some(at) = rest.find("crate::").or_else(|| rest.find("adxform::")) {
                rest = rest[at..].split_once("::").unwrap().1;
                let used: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !used.is_empty() && used != module && !allowed.contains(&used.as_str()) {
                    complaints.push(format!("{file}:{}: `{module}` may not import `{used}`", number + 1));
                }
            }
        }
    }
    complain(&complaints);
}

/// The modules that decide: no I/O, clock, randomness, environment or hash-ordered output.
#[test]
fn deciding_is_pure() {
    const PURE: [&str; 4] = ["src/model", "src/kind", "src/plan", "src/run/machine"];
    const BANNED: [&str; 15] = [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::thread",
        "rayon",
        "SystemTime",
        "Instant::",
        "tokio",
        "reqwest",
        "async fn",
        ".await",
        "HashSet<",
        "rand::",
        "println!",
    ];
    // Spreads pure work over processors: what comes of it is the same on any number (test: `keeps_the_order`).
    const THREADS: &str = "src/model/parallel.rs";
    let mut complaints = Vec::new();
    for (file, text) in files("src", "rs") {
        if !PURE.iter().any(|pure| file.starts_with(pure)) {
            continue;
        }
        for (number, line) in code(&text).lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            let is_meant = |word: &&&str| file == THREADS && matches!(**word, "rayon" | "std::thread");
            let banned = BANNED.iter().filter(|word| line.contains(**word)).filter(|word| !is_meant(word));
            complaints.extend(
                banned.map(|word| format!("{file}:{}: `{word}` in a module that decides", number + 1)),
            );
        }
    }
    complain(&complaints);
}

#[test]
fn files_stay_small_and_introduce_themselves() {
    let mut complaints = Vec::new();
    for (file, text) in files("src", "rs") {
        let lines = text.lines().count();
        if lines > 500 {
            complaints.push(format!("{file}: {lines} lines; split it by subject (at most 500)"));
        }
        if !text.starts_with("//! ") {
            complaints
                .push(format!("{file}: it does not introduce itself; start with `//! ` and its purpose"));
        }
        for banned in ["#[allow(", "#[ignore", "#[should_panic", "todo!(", "unimplemented!("] {
            if text.contains(banned) {
                complaints.push(format!("{file}: `{banned}`"));
            }
        }
    }
    complain(&complaints);
}

/// Documentation that says "(test: `name`)" names a test function or a file under `tests/`.
#[test]
fn named_tests_exist() {
    let sources = [files("src", "rs"), files("tests", "rs")].concat();
    let mut complaints = Vec::new();
    for (file, text) in &sources {
        let lines: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("//")).collect();
        let docs = lines
            .iter()
            .map(|line| line.trim_start().trim_start_matches(['/', '!', ' ']))
            .collect::<Vec<_>>()
            .join(" ");
        for part in docs.split("(test").skip(1) {
            let clause = part.split(')').next().unwrap_or_default();
            for name in clause.split('`').skip(1).step_by(2) {
                let exists = if name.contains('/') {
                    root().join(name).exists()
                } else {
                    sources.iter().any(|(_, text)| text.contains(&format!("fn {name}(")))
                };
                if !exists {
                    complaints.push(format!(
                        "{file}: its documentation names the test `{name}`, which does not exist"
                    ));
                }
            }
        }
    }
    complain(&complaints);
}

/// Nothing in `spec/`, `plan/` or `run/` names a kind.
#[test]
fn algorithms_know_no_kind() {
    let names: BTreeSet<&str> = adxform::kind::all().map(|kind| kind.about().name).collect();
    let mut complaints = Vec::new();
    for (file, text) in files("src", "rs") {
        if !["src/spec", "src/plan", "src/run", "src/live"].iter().any(|part| file.starts_with(part)) {
            continue;
        }
        for name in &names {
            if code(&text).contains(&format!("\"{name}\"")) {
                complaints
                    .push(format!("{file}: it names the kind `{name}`; ask the kind a question instead"));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn kinds_are_documented_and_have_states() {
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    for kind in adxform::kind::all() {
        let about = kind.about();
        let mut complain = |what: &str| complaints.push(format!("kind `{}`: {what}", about.name));
        if !names.insert(about.name) {
            complain("its word is taken");
        }
        if !about.doc.ends_with('.')
            || !about.page.starts_with("https://learn.microsoft.com/")
            || about.example.is_empty()
        {
            complain("give it a documentation in sentences, its page and an example");
        }
        for field in about.fields {
            if !field.doc.ends_with('.') {
                complain(&format!("the documentation of `{}` is not a sentence", field.name));
            }
        }
        let folder = root().join("tests/states").join(about.name);
        let states = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        if states < 2 {
            complain(&format!("put at least two states into tests/states/{}/", about.name));
        }
    }
    complain(&complaints);
}

#[test]
fn nothing_speaks_of_this_machine() {
    let mut complaints = Vec::new();
    let endings = ["rs", "md", "yaml", "toml", "json", "kql", "txt"];
    let all =
        ["src", "tests", "examples", "schemas"].iter().flat_map(|f| endings.iter().flat_map(|e| files(f, e)));
    let words = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    for (file, text) in all {
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                let mut complaint = String::new();
                let _ = write!(complaint, "{file}:{}: a path of a machine (`{word}`)", number + 1);
                complaints.push(complaint);
            }
        }
    }
    complain(&complaints);
}
