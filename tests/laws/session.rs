//! A process's part of a run under simulation, and the disk it writes to.

use crate::dice::Dice;
use crate::world::World;
use adxform::model::request::Lookup;
use adxform::model::{Address, Scope};
use adxform::plan::Plan;
use adxform::run::driver::{Interrupts, Run, RunError};
use adxform::run::effects::{Answer, Effects, Look, LookError, Outgoing};
use adxform::run::event::{Intent, Operation};
use adxform::run::hold::Hold;
use adxform::run::journal::{FORMAT, Frame, Header, JournalError, Recorded};
use adxform::run::machine::Policy;
use adxform::run::notice::{Notice, Observer};
use adxform::run::report::{Outcome, Report};
use adxform::run::store::Store;
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// What the process and the cloud share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    disk: Arc<Mutex<Disk>>,
    death: Arc<Notify>,
    told: Arc<Mutex<Vec<Notice>>>,
}

/// The bytes of the journal, and what goes wrong when they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    /// What is synced.
    pub(crate) bytes: Vec<u8>,
    /// At which writes the disk is full.
    pub(crate) full_at: Option<usize>,
    /// At which write the process dies half-way through the record.
    pub(crate) dies_at: Option<usize>,
    /// Writes so far.
    pub(crate) writes: usize,
    /// The journal and the cloud after each write, when they are kept.
    pub(crate) history: Option<Vec<(usize, World)>>,
}

impl Shared {
    /// A cloud and an empty disk.
    pub(crate) fn new(world: World, disk: Disk) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            disk: Arc::new(Mutex::new(disk)),
            death: Arc::new(Notify::new()),
            told: Arc::default(),
        }
    }

    /// The cloud.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The disk.
    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// Everything that was told.
    pub(crate) fn told(&self) -> Vec<Notice> {
        self.told.lock().unwrap().clone()
    }

    async fn die(&self) -> ! {
        self.death.notify_one();
        std::future::pending().await
    }
}

impl Observer for Shared {
    fn notice(&mut self, notice: &Notice) {
        self.told.lock().unwrap().push(notice.clone());
    }
}

impl Store for Shared {
    async fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let dies = {
            let mut disk = self.disk();
            let at = disk.writes;
            disk.writes += 1;
            let (full, dies) = (disk.full_at == Some(at), disk.dies_at == Some(at));
            if full || dies {
                let half = bytes.len() * (at % 4) / 4;
                disk.bytes.extend_from_slice(&bytes[..half]);
            }
            if full {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            dies
        };
        if dies {
            self.world().crashed = true;
            self.die().await;
        }
        let json = &bytes[9..bytes.len() - 1];
        if let Ok(frame) = serde_json::from_slice::<Frame>(json) {
            self.world().recorded(&frame.events);
        }
        let mut disk = self.disk();
        disk.bytes.extend_from_slice(bytes);
        let length = disk.bytes.len();
        if let Some(history) = &mut disk.history {
            history.push((length, self.world().clone()));
        }
        Ok(())
    }

    async fn cut(&mut self, length: u64) -> io::Result<()> {
        self.disk().bytes.truncate(usize::try_from(length).unwrap());
        Ok(())
    }
}

impl Effects for Shared {
    async fn send(&self, batch: Vec<Outgoing>) -> Vec<Answer> {
        let sent = self.world().send(&batch);
        sleep(sent.delay).await;
        let answers = self.world().answer(&sent, &batch);
        match answers {
            Some(answers) => answers,
            None => self.die().await,
        }
    }

    async fn follow(&self, _: Outgoing, operation: Operation) -> Answer {
        if self.world().dies_following(&operation) {
            self.die().await;
        }
        let left = self.world().time_left(&operation);
        sleep(left).await;
        self.world().ended(&operation)
    }

    async fn check(&self, of: Outgoing) -> Answer {
        sleep(Duration::from_millis(300)).await;
        self.world().checked(&of)
    }

    async fn lookup(&self, _: &Outgoing, _: &Lookup) -> Result<String, Answer> {
        sleep(Duration::from_millis(50)).await;
        Ok("v1.2".to_owned())
    }

    async fn working(&self, _: Vec<Outgoing>) -> Result<BTreeSet<Address>, LookError> {
        Ok(BTreeSet::new())
    }

    async fn look(&self, _: &Scope) -> Result<Look, LookError> {
        sleep(Duration::from_millis(200)).await;
        let mut world = self.world();
        if world.blind > 0 {
            world.blind -= 1;
            return Err(LookError { message: "connection refused".to_owned(), transient: true });
        }
        Ok(world.look())
    }
}

/// How a session came about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    /// A new run.
    Begin(Policy),
    /// An earlier run, taken up.
    TakeUp(Intent),
}

/// How a session ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With a report.
    Report(Box<Report>),
    /// The process died.
    Crashed,
    /// It was refused before anything happened.
    Refused(String),
    /// The journal never came to be.
    NeverBegun,
}

/// What comes from outside, and when, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wishes {
    /// When the user interrupts, and how much later again.
    pub(crate) interrupts: [Option<u64>; 2],
    /// When the lock is lost, and how much later somebody else has it.
    pub(crate) lock: Option<[u64; 2]>,
    /// When the clock on the wall jumps over the end of the lock, and how much later it is certain that it still holds.
    pub(crate) jump: Option<[u64; 2]>,
}

/// A clock that stands still: the simulation's own time is the runtime's.
pub(crate) fn clock() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

/// The header of a simulated run.
pub(crate) fn header(plan: &Arc<Plan>, policy: Policy) -> Header {
    Header {
        format: FORMAT,
        run: "r1".to_owned(),
        tool: "adxform test".to_owned(),
        target: "simulation".to_owned(),
        who: "nobody".to_owned(),
        started: "1970-01-01T00:00:00Z".to_owned(),
        policy,
        plan: Arc::clone(plan),
    }
}

async fn open(shared: &Shared, start: Start) -> Result<Run<Shared, Shared>, End> {
    let effects = Arc::new(shared.clone());
    let run = match start {
        Start::Begin(policy) => {
            let plan = Arc::clone(&shared.world().plan);
            Run::begin(&header(&plan, policy), shared.clone(), clock, effects).await
        }
        Start::TakeUp(intent) => {
            let bytes = shared.disk().bytes.clone();
            match Recorded::read(&bytes) {
                Ok(recorded) => Run::take_up(&recorded, intent, shared.clone(), clock, effects).await,
                Err(JournalError::Empty) => return Err(End::NeverBegun),
                Err(error) => return Err(End::Refused(error.to_string())),
            }
        }
    };
    run.map_err(|error| match error {
        RunError::Refused(why) => End::Refused(why.to_owned()),
        RunError::Journal(JournalError::Io { .. }) => End::Crashed,
        other => End::Refused(format!("MISTAKE {other}")),
    })
}

/// How long a simulated lock holds: longer than any simulated run, shorter than the jump of a clock.
const LEASE: Duration = Duration::from_secs(20 * 3600);

/// A lock whose clock on the wall goes with the simulation's time, and so many days before it.
fn leased(days: &Arc<AtomicI64>) -> Hold {
    let (began, days) = (Instant::now(), Arc::clone(days));
    let wall = move || clock() + began.elapsed() + time::Duration::days(days.load(Ordering::SeqCst));
    let hold = Hold::with_wall(Arc::new(wall));
    hold.extend(hold.now(), LEASE, Duration::ZERO);
    hold
}

/// Lets everybody act who learned something at this moment.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Runs one process until it ends or dies.
pub(crate) async fn session(shared: &Shared, start: Start, wishes: Wishes, dice: &mut Dice) -> End {
    let days = Arc::new(AtomicI64::new(0));
    let interrupts = Interrupts { lock: leased(&days), ..Interrupts::default() };
    (shared.world().unlocked, shared.world().shut, shared.world().unsure) = (false, false, false);
    let body = async {
        let mut run = match open(shared, start).await {
            Ok(run) => run,
            Err(end) => return end,
        };
        run.observer = Box::new(shared.clone());
        run.interrupts = interrupts.clone();
        End::Report(Box::new(run.to_end().await))
    };
    let wish = async {
        let [first, second] = wishes.interrupts;
        if let Some(first) = first {
            sleep(Duration::from_millis(first)).await;
            interrupts.first.cancel();
        }
        if let Some(second) = second {
            sleep(Duration::from_millis(second)).await;
            interrupts.second.cancel();
        }
        std::future::pending::<()>().await;
    };
    let lock = interrupts.lock.clone();
    let lose = async {
        if let Some([lost, gone]) = wishes.lock {
            sleep(Duration::from_millis(lost)).await;
            lock.lose("The lock was taken away".to_owned());
            settle().await;
            shared.world().unlocked = true;
            sleep(Duration::from_millis(gone)).await;
            lock.leave();
            settle().await;
            shared.world().shut = true;
        }
        std::future::pending::<()>().await;
    };
    let jump = async {
        if let Some([at, certain]) = wishes.jump {
            sleep(Duration::from_millis(at)).await;
            days.store(1, Ordering::SeqCst);
            shared.world().unsure = true;
            sleep(Duration::from_millis(certain)).await;
            shared.world().unsure = false;
            interrupts.lock.extend(interrupts.lock.now(), LEASE, Duration::ZERO);
        }
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        biased;
        () = jump => unreachable!("a jump never ends"),
        () = shared.death.notified() => End::Crashed,
        end = body => end,
        () = wish => unreachable!("a wish never ends"),
        () = lose => unreachable!("a loss never ends"),
    };
    if let End::Report(report) = &end {
        let told = shared.told.lock().unwrap();
        let last = told.last();
        let summed =
            matches!(last, Some(Notice::ChangeSummary { exit_code, .. }) if *exit_code == report.exit_code);
        assert!(summed, "the last notice is {last:?}");
    }
    let died = !matches!(end, End::Report(_)) || shared.world().crashed;
    let gone = |end: &Outcome| matches!(end, Outcome::LockLost(_) | Outcome::JournalLost(_));
    let left = |report: &Report| report.exit_code == 130 || gone(&report.outcome);
    let left = matches!(&end, End::Report(report) if left(report));
    if died || left {
        shared.world().after_crash(dice);
    }
    end
}
