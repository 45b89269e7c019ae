//! Emulators in processes of their own, and the tool run against them.

use crate::generate::{self, PLACE, Size};
use crate::measure::{self, Cost};
use crate::recorder::{Asked, Recorder};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An emulator that serves until it is dropped.
pub(crate) struct Emulator {
    child: Child,
    /// The URL of its control plane.
    pub url: String,
}

impl Emulator {
    /// Starts an emulator with its state in memory, which adds milliseconds to each request.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(binary: &Path, latency: u64) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["emulator", "--listen", "127.0.0.1:0", "--latency", &latency.to_string()]);
        command.args(["--resource-group", &format!("{}/{}", PLACE.0, PLACE.1)]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready: Json = serde_json::from_str(&line)?;
        let url = ready["arm"].as_str().unwrap_or_default().to_owned();
        Ok(Self { child, url })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What everything in one session of the harness shares.
pub(crate) struct Lab {
    /// The tool.
    pub binary: PathBuf,
    /// Where specs and other files go.
    pub folder: PathBuf,
    /// How often a short run is repeated; the least counts.
    pub runs: usize,
}

/// A folder with a spec, and the same without any table.
pub(crate) struct Specs {
    /// The whole spec.
    pub full: PathBuf,
    /// The cluster and its databases alone.
    pub empty: PathBuf,
}

impl Lab {
    /// Writes the specs of a size.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn specs(&self, size: Size) -> io::Result<Specs> {
        let name = |word: &str| self.folder.join(format!("{word}-{}", size.tables));
        let (full, empty) = (name("full"), name("empty"));
        generate::write(&full, size)?;
        generate::write_empty(&empty, size)?;
        Ok(Specs { full, empty })
    }

    /// Runs the tool once against an emulator.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn tool(&self, words: &[&str], url: &str, output: Option<&Path>) -> io::Result<Cost> {
        let all: Vec<&str> = [words, &["--endpoint", url, "--no-color"]].concat();
        measure::run(&self.binary, &all, output)
    }

    /// Applies a spec, and returns what it cost and how many steps it took.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn apply(&self, spec: &Path, url: &str) -> io::Result<(Cost, u64)> {
        let output = self.folder.join("apply.ndjson");
        // A run leaves its journal beside the spec; every run here starts without any.
        let _ = std::fs::remove_dir_all(spec.join(".adxform"));
        let cost = self.tool(&["apply", text(spec)?, "-y", "--json"], url, Some(&output))?;
        let events = std::fs::read_to_string(&output)?;
        let last: Json = serde_json::from_str(events.lines().last().unwrap_or("null"))?;
        Ok((cost, steps(&last)))
    }

    /// The requests of one run of the tool.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn asked(
        &self,
        runtime: &tokio::runtime::Runtime,
        words: &[&str],
        url: &str,
        output: Option<&Path>,
    ) -> io::Result<Vec<Asked>> {
        let (recorder, own) = runtime.block_on(Recorder::start(url))?;
        self.tool(words, &own, output)?;
        Ok(recorder.take())
    }
}

/// A path in words for a command line.
///
/// # Errors
/// For a path that is no text.
pub(crate) fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::ErrorKind::InvalidFilename.into())
}

/// The number of steps that an apply says it did.
fn steps(summary: &Json) -> u64 {
    fn of(value: &Json) -> Option<u64> {
        value.as_u64().or_else(|| value.as_array().map(|all| all.len() as u64))
    }
    ["applied", "changes"].iter().find_map(|name| of(summary.get(*name)?)).unwrap_or(0)
}

/// The longest chain of requests that a plan's changes need, one after the other: what the control plane makes takes
/// three, the request, the question whether it is done, and the look at what came of it.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>
pub(crate) fn chain(plan: &Json) -> usize {
    let changes = plan["resource_changes"].as_array().map_or(&[][..], Vec::as_slice);
    let by_address: BTreeMap<&str, &Json> =
        changes.iter().filter_map(|change| Some((change["address"].as_str()?, change))).collect();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    by_address.keys().map(|address| longest(address, &by_address, &mut known)).max().unwrap_or(0)
}

fn longest<'a>(
    address: &'a str,
    all: &BTreeMap<&'a str, &'a Json>,
    known: &mut BTreeMap<&'a str, usize>,
) -> usize {
    if let Some(known) = known.get(address) {
        return *known;
    }
    let Some(change) = all.get(address) else { return 0 };
    let own = change["commands"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let own: usize = own.map(|command| if command.starts_with('.') { 1 } else { 3 }).sum();
    let needs = change["depends_on"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let needs: Vec<usize> = needs.map(|need| longest(need, all, known)).collect();
    let found = own + needs.into_iter().max().unwrap_or(0);
    known.insert(address, found);
    found
}
