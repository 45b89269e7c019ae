//! Earlier revisions of the spec, where git keeps them: a protection that went together with its entry still holds.
//!
//! Nothing is said where there is no git, no repository, or a revision that cannot be read: then only the spec itself
//! protects.

use super::args::Global;
use crate::model::inventory::Inventory;
use crate::plan::{Plan, earlier};
use crate::spec;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many revisions of the spec are looked at, newest first.
const REVISIONS: &str = "10";

/// Files beyond this many bytes are no part of a spec.
const LARGEST: u64 = 1 << 20;

/// Refuses deletions of what the newest revision that declared it protects.
pub(super) fn brake(path: &Path, global: &Global, desired: &Inventory, plan: &mut Plan) {
    let mut undecided = earlier::undeclared(plan, desired);
    if undecided.is_empty() {
        return;
    }
    let folder = super::config::directory(path);
    let log = git(&folder, &["log", "-n", REVISIONS, "--format=%H", "--", "."], &[], b"");
    let revisions = String::from_utf8(log.unwrap_or_default()).unwrap_or_default();
    for revision in revisions.lines() {
        if undecided.is_empty() {
            return;
        }
        if let Some(inventory) = inventory(path, &folder, global, revision) {
            let short = revision.get(..10).unwrap_or(revision);
            plan.refusals.extend(earlier::decided(&mut undecided, short, &inventory));
        }
    }
}

/// What a revision of the spec declares; `None` when it cannot be read.
fn inventory(path: &Path, folder: &Path, global: &Global, revision: &str) -> Option<Inventory> {
    let aside = Aside::new().ok()?;
    let prefix = String::from_utf8(git(folder, &["rev-parse", "--show-prefix"], &[], b"")?).ok()?;
    let tree = format!("{revision}:{}", prefix.trim_end_matches(['\n', '/']));
    let listed = git(folder, &["ls-tree", "-r", "-l", "-z", &tree], &[], b"")?;
    let files: Vec<&[u8]> = listed.split(|byte| *byte == 0).filter_map(small_file).collect();
    let index = aside.0.join("index");
    let env = [("GIT_INDEX_FILE", index.as_path())];
    git(folder, &["read-tree", &tree], &env, b"")?;
    let copy = aside.0.join("spec");
    let prefix = format!("--prefix={}/", copy.display());
    git(folder, &["checkout-index", "-q", "-z", "--stdin", &prefix], &env, &files.join(&0))?;
    let root = if path.is_dir() { copy } else { copy.join(path.file_name()?) };
    let environment = super::session::environment();
    let options = spec::Options {
        root,
        environment: global.environment.clone(),
        vars: global.vars.clone(),
        var_files: global.var_files.clone(),
        env: &*environment,
    };
    spec::load(&options).ok().map(|spec| spec.desired.inventory)
}

/// The path of a line of `git ls-tree -l` that is a small file: `mode type object size TAB path`.
fn small_file(line: &[u8]) -> Option<&[u8]> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut words = std::str::from_utf8(&line[..tab]).ok()?.split_ascii_whitespace();
    let is_file = words.next()?.starts_with("100");
    let size: u64 = words.nth(2)?.parse().ok()?;
    (is_file && size <= LARGEST).then(|| &line[tab + 1..])
}

/// What git says; `None` when it cannot be asked or fails.
fn git(folder: &Path, words: &[&str], env: &[(&str, &Path)], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new("git");
    command.args(["-c", "core.fsmonitor=false", "--literal-pathspecs"]).args(words).current_dir(folder);
    command.envs(env.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    // What git reads here is written out by it alone, so neither waits for the other.
    let given = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    (given.is_ok() && output.status.success()).then_some(output.stdout)
}

/// A private folder that goes when it is let go.
struct Aside(std::path::PathBuf);

impl Aside {
    fn new() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("adxform-{}", uuid::Uuid::new_v4().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What is left of it lies among the temporary files, and nobody else may read it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
