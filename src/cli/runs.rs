//! Runs: journals in the state directory, the lock, and driving one to its end.

use super::args::{OnFailure, Running};
use super::exit::{Exit, Failure};
use super::interrupt;
use super::progress::Progress;
use super::session::Session;
use super::terminal::Terminal;
use crate::model::Address;
use crate::plan::{Plan, Times};
use crate::run::azure::Azure;
use crate::run::driver::{Interrupts, Run, RunError};
use crate::run::effects::Effects;
use crate::run::event::Intent;
use crate::run::journal::{self, Header, Recorded};
use crate::run::lock::{Holder, Lock, LockError};
use crate::run::machine::{self, Phase, Policy};
use crate::run::report::{Outcome, Report};
use crate::run::schemas;
use crate::run::store::FileStore;
use crate::run::times;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The directory of journals in a state directory.
fn journals(state: &Path) -> PathBuf {
    state.join("runs")
}

/// The journal of a run.
fn journal(state: &Path, run: &str) -> PathBuf {
    journals(state).join(format!("{run}.journal"))
}

/// A run as its journal tells it.
pub(super) struct Known {
    /// The run's id.
    pub(super) id: String,
    /// What its journal holds.
    pub(super) recorded: Recorded,
    /// Where it stands.
    pub(super) machine: machine::Machine,
    path: PathBuf,
}

impl Known {
    /// Whether it did all it was to do.
    pub(super) fn is_done(&self) -> bool {
        self.has_ended() && Report::of(&self.id, &self.machine, None).outcome == Outcome::Done
    }

    /// Whether all it did is undone.
    pub(super) fn is_undone(&self) -> bool {
        self.has_ended() && Report::of(&self.id, &self.machine, None).outcome == Outcome::RolledBack
    }

    /// Whether a process is writing its journal at this moment.
    pub(super) fn is_at_work(&self) -> bool {
        FileStore::open(&self.path).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Whether a request of it was ever about to be sent.
    fn has_acted(&self) -> bool {
        self.machine.states().iter().any(|state| state.sends > 0)
    }

    /// Whether it came to an end.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.machine.phase(), Phase::Ended(_))
    }
}

/// Reads one run, or the newest when none is named.
///
/// # Errors
/// No such run, or a journal that is damaged.
pub(super) fn find(state: &Path, run: Option<&str>) -> Result<Known, Failure> {
    let id = match run {
        Some(id) => id.to_owned(),
        None => newest(state).ok_or_else(|| {
            let message = format!("there is no run in {}", journals(state).display());
            Failure::error(message, "name the spec whose runs you mean with --spec")
        })?,
    };
    read(state, &id)
}

/// The id of the newest run that began.
pub(super) fn newest(state: &Path) -> Option<String> {
    ids(state).into_iter().rev().find(|id| has_begun(state, id))
}

/// The newest run that did not come to an end, if there is one.
///
/// # Errors
/// A journal that is damaged.
pub(super) fn unfinished(state: &Path) -> Result<Option<Known>, Failure> {
    for id in ids(state).into_iter().rev().filter(|id| has_begun(state, id)) {
        let known = read(state, &id)?;
        if !known.has_ended() && known.has_acted() {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// What the newest runs on a target took.
pub(super) fn times(state: &Path, target: &str) -> Times {
    const RUNS: usize = 20;
    const LARGEST: u64 = 8 << 20;
    let small = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|found| found.len() <= LARGEST);
    let paths = ids(state).into_iter().rev().map(|id| journal(state, &id)).filter(small).take(RUNS);
    let recorded = paths.filter_map(|path| Recorded::read(&std::fs::read(path).ok()?).ok());
    let here: Vec<Recorded> = recorded.filter(|recorded| recorded.header.target == target).collect();
    times::learned(here.iter())
}

/// Whether a run came as far as its first record; before that nothing was changed.
fn has_begun(state: &Path, id: &str) -> bool {
    let bytes = std::fs::read(journal(state, id)).unwrap_or_default();
    !matches!(Recorded::read(&bytes), Err(journal::JournalError::Empty))
}

fn ids(state: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(journals(state)).into_iter().flatten().flatten();
    let names =
        entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".journal")?.to_owned()));
    let mut ids: Vec<String> = names.collect();
    ids.sort();
    ids
}

fn read(state: &Path, id: &str) -> Result<Known, Failure> {
    let path = journal(state, id);
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let bytes = if plain { std::fs::read(&path) } else { Err(std::io::ErrorKind::NotFound.into()) };
    let bytes = bytes.map_err(|error| {
        let known = ids(state);
        let help = if known.is_empty() {
            "there are no runs here".to_owned()
        } else {
            format!("known runs: {}", known.join(", "))
        };
        Failure::error(format!("the run `{id}` cannot be read: {error}"), help)
    })?;
    let damaged = |error: journal::JournalError| {
        if matches!(error, journal::JournalError::Empty) {
            let message = format!("the run {id} was cut off before its first record");
            return Failure::error(message, "nothing was changed, and nothing is left to do for it");
        }
        let message = format!("the journal of the run {id} is damaged: {error}");
        Failure::new(
            Exit::NeedsPerson,
            message,
            format!("look at {} by hand; each line is one record", path.display()),
        )
    };
    let recorded = Recorded::read(&bytes).map_err(damaged)?;
    let machine = recorded.replay().map_err(damaged)?;
    Ok(Known { id: id.to_owned(), recorded, machine, path })
}

/// Takes the lock of a state directory.
///
/// # Errors
/// Another run that holds it.
pub(super) async fn lock(state: &Path, running: &Running, doing: &str) -> Result<Lock, Failure> {
    super::files::private_directory(state)?;
    let holder = Holder {
        who: who(),
        since: now(),
        pid: std::process::id(),
        run: String::new(),
        doing: doing.to_owned(),
    };
    Lock::take(&state.join("lock"), &holder, running.lock_timeout).await.map_err(|error| match error {
        LockError::Held(_) => Failure::new(
            Exit::Locked,
            error.to_string(),
            "a lock goes with its process; nothing has to be unlocked",
        ),
        LockError::Io { .. } => {
            Failure::error(error.to_string(), "look at the directory's permissions and free space")
        }
    })
}

/// Carries a plan out.
///
/// # Errors
/// A journal that cannot be begun; nothing is changed then.
pub(super) async fn begin(
    session: &Session,
    mut plan: Plan,
    running: &Running,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let secrets = plan.secrets();
    session.cloud.read_secrets(&secrets).await.map_err(|error| {
        Failure::error(error.to_string(), "nothing was changed: secrets are read before the first write")
    })?;
    let known = |address: &Address, path: &[String]| plan.outputs.get(address)?.get(&path.join(".")).cloned();
    let effects = Arc::new(Azure::new(session.cloud.clone()));
    let touched = schemas::touched(&plan, &known);
    let violations = effects.violations(touched).await;
    plan.violations = violations.map_err(|error| Failure::error(error.to_string(), "nothing was changed"))?;
    let run = id();
    let header = Header {
        format: journal::FORMAT,
        run: run.clone(),
        tool: concat!("adxform ", env!("CARGO_PKG_VERSION")).to_owned(),
        target: session.target.clone(),
        who: who(),
        started: now(),
        policy: Policy {
            on_failure: on_failure(running),
            parallelism: session.parallelism.unwrap_or(Policy::default().parallelism),
            ..Policy::default()
        },
        plan,
    };
    let path = journal(&session.state, &run);
    super::files::private_directory(&journals(&session.state))
        .map_err(|failure| Failure { help: NOTHING_WITHOUT_JOURNAL.to_owned(), ..failure })?;
    let store = FileStore::create(&path).map_err(|error| not_written(&path, &error.to_string()))?;
    let begun = Run::begin(&header, store, OffsetDateTime::now_utc, effects).await;
    drive(begun.map_err(|error| not_written(&path, &error.to_string()))?, session, terminal).await
}

/// Takes a run up again, to finish or to undo it.
///
/// # Errors
/// A run for which that makes no sense, or a journal that cannot be written.
pub(super) async fn take_up(
    session: &Session,
    known: &Known,
    intent: Intent,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let store = FileStore::open(&known.path).map_err(|error| not_written(&known.path, &error.to_string()))?;
    let effects = Arc::new(Azure::new(session.cloud.clone()));
    let taken = Run::take_up(&known.recorded, intent, store, OffsetDateTime::now_utc, effects).await;
    let run = taken.map_err(|error| match error {
        RunError::Refused(why) => Failure::error(format!("the run {}: {why}", known.id), ""),
        other => not_written(&known.path, &other.to_string()),
    })?;
    drive(run, session, terminal).await
}

async fn drive(
    mut run: Run<Azure, FileStore>,
    session: &Session,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    if let Some(parallelism) = session.parallelism {
        run.machine.set_parallelism(parallelism);
    }
    run.observer = Box::new(Progress::new(terminal));
    run.timing = session.timing;
    run.read_at = session.read_at();
    run.interrupts = Interrupts::default();
    let interrupts = run.interrupts.clone();
    let mut signals = interrupt::Interrupts::caught();
    let then = match run.machine.policy().on_failure {
        machine::OnFailure::Rollback => "then the run is undone, unless it is done by then",
        machine::OnFailure::Stop => "then the run stops and keeps what is done",
    };
    let watch = tokio::spawn(async move {
        signals.first().await;
        terminal
            .say(&format!("Interrupted: running steps come to their end; {then}. Once more stops at once."));
        interrupts.first.cancel();
        signals.second().await;
        interrupts.second.cancel();
    });
    let report = run.to_end().await;
    watch.abort();
    super::report::print(&report, terminal);
    Ok(code(report.exit_code))
}

fn code(code: u8) -> Exit {
    let known = [Exit::Done, Exit::Error, Exit::RolledBack, Exit::NeedsPerson, Exit::Interrupted];
    known.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Exit::NeedsPerson)
}

const fn on_failure(running: &Running) -> machine::OnFailure {
    match running.on_failure {
        OnFailure::Rollback => machine::OnFailure::Rollback,
        OnFailure::Stop => machine::OnFailure::Stop,
    }
}

const NOTHING_WITHOUT_JOURNAL: &str =
    "nothing was changed: without its journal no run begins; look at permissions and free space";

fn not_written(path: &Path, error: &str) -> Failure {
    Failure::error(format!("{}: {error}", path.display()), NOTHING_WITHOUT_JOURNAL)
}

/// A new id: the moment, so that ids sort by time, and four letters against coincidence.
fn id() -> String {
    let now = OffsetDateTime::now_utc();
    let (hour, minute, second) = now.to_hms();
    let (year, month, day) = now.to_calendar_date();
    let tail = uuid::Uuid::new_v4().simple().to_string();
    let milli = now.millisecond();
    format!("{year}{:02}{day:02}-{hour:02}{minute:02}{second:02}{milli:03}-{}", u8::from(month), &tail[..4])
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

fn who() -> String {
    let env = super::session::environment();
    let user = env("USER").or_else(|| env("USERNAME")).unwrap_or_else(|| "somebody".to_owned());
    let machine = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let machine = env("HOSTNAME").unwrap_or_else(|| machine.trim().to_owned());
    if machine.is_empty() { user } else { format!("{user} on {machine}") }
}
