//! What a child costs: wall and CPU time, and its peak memory.
//!
//! The harness starts itself as a small child that starts the program, because the system counts the memory of
//! whoever starts a program as the program's own.

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The time of a program that is only waited for.
const FOREVER: Duration = Duration::from_secs(u64::MAX);

/// What one run of a program cost.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub wall: f64,
    /// Seconds of processor time, the system's included.
    pub cpu: f64,
    /// Peak resident memory in bytes.
    pub peak: u64,
    /// The exit code.
    pub code: i32,
    /// Whether it was ended because it took longer than it was given.
    pub late: bool,
}

impl Cost {
    /// The least of each figure.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            cpu: self.cpu.min(other.cpu),
            peak: self.peak.min(other.peak),
            code: self.code.max(other.code),
            late: self.late || other.late,
        }
    }
}

/// Runs a program, its output to a file or nowhere, and says what it cost.
///
/// # Errors
/// When it cannot be started, or fails.
pub(crate) fn run(program: &Path, words: &[&str], output: Option<&Path>) -> io::Result<Cost> {
    run_within(FOREVER, program, words, output)
}

/// The same for a program that may take very long: it is ended when its time is over, which is no error.
///
/// # Errors
/// When it cannot be started, or fails.
pub(crate) fn run_within(
    limit: Duration,
    program: &Path,
    words: &[&str],
    output: Option<&Path>,
) -> io::Result<Cost> {
    let report = tempfile::NamedTempFile::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("timed")
        .arg(report.path())
        .arg(limit.as_secs().to_string())
        .arg(program)
        .args(words)
        .stdin(Stdio::null());
    match output {
        Some(path) => command.stdout(std::fs::File::create(path)?),
        None => command.stdout(Stdio::null()),
    };
    let ended = command.stderr(Stdio::piped()).spawn()?.wait_with_output()?;
    let cost: Cost = serde_json::from_slice(&std::fs::read(report.path())?)?;
    if cost.code != 0 && !cost.late {
        let said = String::from_utf8_lossy(&ended.stderr);
        let name = program.display();
        return Err(io::Error::other(format!("{name} {words:?} ended with {}:\n{said}", cost.code)));
    }
    Ok(cost)
}

/// The least of several runs.
///
/// # Errors
/// When one cannot be started, or fails.
pub(crate) fn least(times: usize, mut run: impl FnMut() -> io::Result<Cost>) -> io::Result<Cost> {
    let mut best = run()?;
    for _ in 1..times {
        best = best.least(run()?);
    }
    Ok(best)
}

/// The least of several runs of two things, side by side, so that what else the machine does falls on both alike.
///
/// # Errors
/// When one cannot be started, or fails.
pub(crate) fn in_turns(
    times: usize,
    mut one: impl FnMut() -> io::Result<Cost>,
    mut other: impl FnMut() -> io::Result<Cost>,
) -> io::Result<(Cost, Cost)> {
    let mut best = (one()?, other()?);
    for _ in 1..times {
        best = (best.0.least(one()?), best.1.least(other()?));
    }
    Ok(best)
}

/// The small child: runs the program in the words given and writes its cost to a file.
///
/// # Errors
/// When it cannot be started or measured.
pub(crate) fn timed(words: &[String]) -> io::Result<()> {
    let [report, limit, program, words @ ..] = words else { return Err(io::ErrorKind::InvalidInput.into()) };
    let limit = Duration::from_secs(limit.parse().map_err(io::Error::other)?);
    let start = Instant::now();
    let mut child = Command::new(program).args(words).spawn()?;
    let in_time = limit == FOREVER || ends_within(limit, &mut child)?;
    if !in_time {
        child.kill()?;
    }
    let status = child.wait()?;
    let wall = start.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    #[expect(clippy::cast_precision_loss, reason = "seconds and microseconds of one run")]
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cost = Cost {
        wall,
        cpu: seconds(usage.user_time()) + seconds(usage.system_time()),
        peak: u64::try_from(usage.max_rss()).unwrap_or_default() * 1024,
        code: status.code().unwrap_or(-1),
        late: !in_time,
    };
    std::fs::write(report, serde_json::to_vec(&cost)?)
}

/// Whether a program ends within a time; it is looked at a hundred times a second.
fn ends_within(limit: Duration, child: &mut Child) -> io::Result<bool> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}
