//! Runs: their journals, the lock, and driving one to its end.

mod id;

use super::args::{OnFailure, Running};
use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::health::Watch;
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
use crate::run::hold::Hold;
use crate::run::journal::{self, Header, Recorded};
use crate::run::lease::Key;
use crate::run::lock::{Holder, LockError};
use crate::run::machine::{self, Ending, Phase, Policy};
use crate::run::place::{self, Guard, Listed, Place, PlaceError};
use crate::run::report::Outcome;
use crate::run::schemas::{self, Violations};
use crate::run::store::AnyStore;
use crate::run::store::End;
use crate::run::times;
use crate::run::whereabouts::Whereabouts;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinHandle;

/// A run as its journal tells it.
pub(super) struct Known {
    /// The run's id.
    pub(super) id: String,
    /// What its journal holds.
    pub(super) recorded: Recorded,
    /// Where it stands.
    pub(super) machine: machine::Machine,
    /// Where its journal ends.
    end: End,
}

impl Known {
    /// Whether it did all it was to do.
    pub(super) fn is_done(&self) -> bool {
        self.machine.phase() == Phase::Ended(Ending::Done)
    }

    /// Whether all it did is undone.
    pub(super) fn is_undone(&self) -> bool {
        self.machine.phase() == Phase::Ended(Ending::RolledBack)
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
pub(super) async fn find(place: &Place, run: Option<&str>) -> Result<Known, Failure> {
    if let Some(id) = run {
        return read(place, id).await;
    }
    for Listed { id, .. } in listed(place).await?.into_iter().rev() {
        if let Some(known) = begun(place, &id).await? {
            return Ok(known);
        }
    }
    let message = format!("there is no run in {place}");
    Err(Failure::error(message, "name the spec whose runs you mean with --spec"))
}

/// The id of the newest run that began.
///
/// # Errors
/// Runs that cannot be read.
pub(super) async fn newest(place: &Place) -> Result<Option<String>, Failure> {
    for Listed { id, ended } in listed(place).await?.into_iter().rev() {
        if ended || begun(place, &id).await?.is_some() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The newest run that did not come to an end, if there is one.
///
/// # Errors
/// A journal that is damaged.
pub(super) async fn unfinished(place: &Place) -> Result<Option<Known>, Failure> {
    for Listed { id, .. } in listed(place).await?.into_iter().rev().filter(|run| !run.ended) {
        if let Some(known) = begun(place, &id).await?
            && !known.has_ended()
            && known.has_acted()
        {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// What the newest runs on a target took. A team's journals are too far away to be read for every plan, and those of
/// thousands of things take longer to read than the plan itself.
pub(super) async fn times(place: &Place, target: &str) -> Times {
    const RUNS: usize = 20;
    const BYTES: u64 = 256 * 1024;
    let Place::Folder(_) = place else { return Times::new() };
    let mut here = Vec::new();
    for Listed { id, .. } in place.runs().await.unwrap_or_default().into_iter().rev().take(RUNS) {
        let bytes = place.read_small(&id, BYTES).await.ok().flatten().unwrap_or_default();
        here.extend(Recorded::read(&bytes).ok().filter(|recorded| recorded.header.target == target));
    }
    times::learned(here.iter())
}

async fn listed(place: &Place) -> Result<Vec<Listed>, Failure> {
    place.runs().await.map_err(|error| unusable(&error))
}

/// A run that came as far as its first record; before that nothing was changed, and nothing is to be known.
async fn begun(place: &Place, id: &str) -> Result<Option<Known>, Failure> {
    match place.read(id).await.map_err(|error| unusable(&error))? {
        Some((bytes, end)) => known(place, id, &bytes, end),
        None => Ok(None),
    }
}

async fn read(place: &Place, id: &str) -> Result<Known, Failure> {
    let Some((bytes, end)) = place.read(id).await.map_err(|error| unusable(&error))? else {
        let ids: Vec<String> = listed(place).await?.into_iter().map(|run| run.id).collect();
        let help = if ids.is_empty() {
            "there are no runs here".to_owned()
        } else {
            format!("known runs: {}", ids.join(", "))
        };
        return Err(Failure::error(format!("there is no run `{id}` in {place}"), help));
    };
    known(place, id, &bytes, end)?.ok_or_else(|| {
        let message = format!("the run {id} was cut off before its first record");
        Failure::error(message, "nothing was changed, and nothing is left to do for it")
    })
}

/// What a journal tells; `None` when it breaks off before its first record.
fn known(place: &Place, id: &str, bytes: &[u8], end: End) -> Result<Option<Known>, Failure> {
    let damaged = |error: journal::JournalError| {
        if let journal::JournalError::Format { tool, .. } = &error {
            let help =
                format!("nothing was done; use {tool}, or the version of adxform that reads this format");
            return Failure::error(format!("the run {id}: {error}"), help);
        }
        let message = format!("the journal of the run {id} is damaged: {error}");
        let help = format!("look at {} by hand; each line is one record", place.journal(id));
        Failure::new(Exit::NeedsPerson, message, help)
    };
    let recorded = match Recorded::read(bytes) {
        Err(journal::JournalError::Empty) => return Ok(None),
        read => read.map_err(damaged)?,
    };
    let machine = recorded.replay().map_err(damaged)?;
    Ok(Some(Known { id: id.to_owned(), recorded, machine, end }))
}

/// The lock of a place, and what it says of its holder.
pub(super) struct Locked {
    guard: Guard,
    holder: Holder,
    /// Gives the lock back when the user interrupts before anything is changed.
    early: Option<JoinHandle<()>>,
}

impl Locked {
    /// Says for which run the lock is held.
    pub(super) async fn name(&mut self, run: &str) {
        run.clone_into(&mut self.holder.run);
        self.guard.describe(&self.holder).await;
    }

    /// From here on things are changed, so an interrupt means more than to leave. Gives what tells whether the lock
    /// still holds.
    ///
    /// # Errors
    /// A lock that was lost before anything was changed.
    fn begin(&mut self) -> Result<Hold, Failure> {
        if let Some(early) = self.early.take() {
            early.abort();
        }
        let hold = self.guard.hold();
        match hold.lost() {
            None => Ok(hold),
            Some(why) => {
                let help = "nothing was changed; `adxform unlock` says who holds the lock now";
                Err(Failure::new(Exit::Locked, why, help))
            }
        }
    }

    /// Gives the lock back.
    pub(super) async fn release(mut self) {
        if let Some(early) = self.early.take() {
            early.abort();
        }
        self.guard.release().await;
    }
}

/// Takes the lock of a desk's place.
///
/// # Errors
/// Another run that holds it.
pub(super) async fn lock(
    desk: &Desk,
    running: &Running,
    doing: &str,
    terminal: Terminal,
) -> Result<Locked, Failure> {
    if matches!(desk.place, Place::Folder(_)) {
        super::files::private_directory(&desk.state)?;
    }
    let holder = Holder {
        who: who(),
        since: now(),
        pid: std::process::id(),
        run: String::new(),
        doing: doing.to_owned(),
    };
    let guard = desk.place.lock(&holder, running.lock_timeout).await;
    let guard = guard.map_err(|error| locked(&desk.place, &desk.whereabouts, &error))?;
    let early = guard.key().map(|key| tokio::spawn(leave(key, terminal)));
    Ok(Locked { guard, holder, early })
}

/// Waits for an interrupt, gives the lock back and ends the process: nothing was changed yet.
async fn leave(key: Key, terminal: Terminal) {
    interrupt::Interrupts::caught().first().await;
    terminal.say("Interrupted: nothing was changed.");
    key.give_back().await;
    std::process::exit(Exit::Interrupted as i32);
}

/// Why a lock cannot be had or looked at.
pub(super) fn locked(place: &Place, whereabouts: &Whereabouts, error: &LockError) -> Failure {
    match (error, place) {
        (LockError::Held(_), Place::Folder(_)) => Failure::new(
            Exit::Locked,
            error.to_string(),
            "a lock goes with its process; nothing has to be unlocked",
        ),
        (LockError::Held(_), Place::Blobs(blobs)) => Failure::new(
            Exit::Locked,
            error.to_string(),
            format!(
                "if that process is dead, its lock goes by itself within {} s; `{}` takes it away",
                blobs.length.seconds(),
                whereabouts.on_spec("unlock")
            ),
        ),
        (LockError::Io { .. }, _) => {
            Failure::error(error.to_string(), "look at the directory's permissions and free space")
        }
        (LockError::Cloud(cause), _) => {
            Failure { message: error.to_string(), ..super::session::unreachable(cause) }
        }
    }
}

/// Why a place cannot be read or written, before anything was changed.
fn unusable(error: &PlaceError) -> Failure {
    match error {
        PlaceError::Cloud(error) => super::session::unreachable(error),
        PlaceError::Io { .. } => {
            let help =
                "nothing was changed: without its journal no run begins; look at permissions and free space";
            Failure::error(error.to_string(), help)
        }
    }
}

/// Carries a plan out.
///
/// # Errors
/// A journal that cannot be begun; nothing is changed then.
pub(super) async fn begin(
    session: &Session,
    mut plan: Plan,
    lock: &mut Locked,
    running: &Running,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let secrets = plan.secrets();
    session.cloud.read_secrets(&secrets).await.map_err(|error| {
        Failure::error(error.to_string(), "nothing was changed: secrets are read before the first write")
    })?;
    let effects = Arc::new(Azure::new(session.cloud.clone(), session.endpoints.clone()));
    plan.violations = wrong_already(session, &plan, &effects).await?;
    let known = session.place.runs().await.map_err(|error| unusable(&error))?;
    let run = id::new(OffsetDateTime::now_utc(), known.last().map(|run| run.id.as_str()));
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
        plan: Arc::new(plan),
    };
    lock.name(&run).await;
    let hold = lock.begin()?;
    let store = session.place.create(&run, hold.clone()).await.map_err(|error| unusable(&error))?;
    let length = place::length_of(&store);
    let begun = Run::begin(&header, store, OffsetDateTime::now_utc, effects).await;
    let begun = begun.map_err(|error| not_written(session, &run, &error.to_string()))?;
    drive(begun, session, length, hold, terminal).await
}

/// What the service finds wrong with the databases that a plan touches, before anything is changed. Only those are asked
/// of which the reading did not say.
async fn wrong_already(session: &Session, plan: &Plan, effects: &Azure) -> Result<Violations, Failure> {
    let known = |address: &Address, path: &[String]| plan.outputs.get(address)?.get(&path.join(".")).cloned();
    let mut read = session.violations();
    let touched = schemas::touched(plan, &known).into_iter();
    let (said, unsaid) = touched.partition::<BTreeSet<_>, _>(|of| read.contains_key(&of.address));
    let asked = effects.violations(unsaid).await;
    let mut violations = asked.map_err(|error| Failure::error(error.to_string(), "nothing was changed"))?;
    violations.extend(said.into_iter().filter_map(|of| read.remove_entry(&of.address)));
    Ok(violations)
}

/// Takes a run up again, to finish or to undo it.
///
/// # Errors
/// A run for which that makes no sense, or a journal that cannot be written.
pub(super) async fn take_up(
    session: &Session,
    known: &Known,
    intent: Intent,
    lock: &mut Locked,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    lock.name(&known.id).await;
    let hold = lock.begin()?;
    let store = session.place.open(&known.id, known.end, hold.clone());
    let store = store.map_err(|error| unusable(&error))?;
    let length = place::length_of(&store);
    let effects = Arc::new(Azure::new(session.cloud.clone(), session.endpoints.clone()));
    let taken = Run::take_up(&known.recorded, intent, store, OffsetDateTime::now_utc, effects).await;
    let run = taken.map_err(|error| match error {
        RunError::Refused(why) => Failure::error(format!("the run {}: {why}", known.id), ""),
        other => not_written(session, &known.id, &other.to_string()),
    })?;
    drive(run, session, length, hold, terminal).await
}

async fn drive(
    mut run: Run<Azure, AnyStore>,
    session: &Session,
    length: impl Fn() -> u64 + Send,
    hold: Hold,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    if let Some(parallelism) = session.parallelism {
        run.machine.set_parallelism(parallelism);
    }
    run.observer = Box::new(Progress::new(terminal));
    run.timing = session.timing;
    run.whereabouts = session.whereabouts.clone();
    run.read_at = session.read_at();
    run.interrupts = Interrupts { lock: hold.clone(), ..Interrupts::default() };
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
    let watch_lock = tokio::spawn(async move {
        hold.until_lost().await;
        let why = hold.lost().unwrap_or_default();
        terminal.say(&format!("{why}. Nothing more is started; what is on its way may come to its end."));
    });
    let (id, health) = (run.run.clone(), Watch::of(run.machine.plan()));
    // Likewise the plan, which is large: nobody else holds it when the run is over.
    let _plan = ManuallyDrop::new(Arc::clone(run.machine.plan()));
    let report = run.to_end().await;
    watch.abort();
    watch_lock.abort();
    if report.outcome.is_end() {
        session.place.note_end(&id, length()).await;
    }
    super::report::print(&report, terminal);
    if let (Outcome::Done, Some(health)) = (&report.outcome, health) {
        health.wait(session, terminal).await;
    }
    Ok(code(report.exit_code))
}

fn code(code: u8) -> Exit {
    use Exit::{Done, Error, Interrupted, NeedsPerson, RolledBack, Stale};
    let known = [Done, Error, RolledBack, NeedsPerson, Stale, Interrupted];
    known.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Exit::NeedsPerson)
}

const fn on_failure(running: &Running) -> machine::OnFailure {
    match running.on_failure {
        OnFailure::Rollback => machine::OnFailure::Rollback,
        OnFailure::Stop => machine::OnFailure::Stop,
    }
}

fn not_written(session: &Session, run: &str, error: &str) -> Failure {
    let help = match session.place {
        Place::Folder(_) => {
            "nothing was changed: without its journal no run begins; look at permissions and free space"
        }
        Place::Blobs(_) => "nothing was changed: without its journal no run begins; try again",
    };
    Failure::error(format!("{}: {error}", session.place.journal(run)), help)
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
