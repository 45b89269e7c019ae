//! The driver: carries out what the machine decides, and tells it what came of it.
//!
//! One loop owns machine and journal; requests run beside it as tasks. Every round's records are synced in one
//! frame before any of the round's requests is sent.
//!
//! Invariant: deterministic on a single-threaded runtime with a paused clock: the only sources of order are the
//! machine and the moments at which answers come (test: `the_same_seed_gives_the_same_run` in `tests/laws/main.rs`).

use super::effects::{Answer, Effects, Look, LookError, Outgoing};
use super::event::{Event, Happened, Intent, Operation, Way};
use super::guard::{Guard, Seen};
use super::held::Held;
use super::hold::Hold;
use super::journal::{Clock, Header, Journal, JournalError, Recorded};
use super::looking::{Looking, Purpose, Round, Timing};
use super::machine::{Decision, IllegalTransition, Machine, Phase};
use super::notice::{self, Notice, Observer};
use super::report::{Halt, Report};
use super::request;
use super::schemas::{self, Violations};
use super::store::Store;
use super::whereabouts::Whereabouts;
use futures::future::join;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What stops a run from outside: the user's wish, once to finish what is running and twice to leave at once, and the
/// loss of the lock.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    /// Nothing more is started; what runs comes to its end.
    pub first: CancellationToken,
    /// The process leaves the run as it is.
    pub second: CancellationToken,
    /// The lock: once it is lost nothing more is started, and once it is gone the run is left.
    pub lock: Hold,
}

/// Why a run could not be begun or taken up.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plan does not hold together.
    #[error(transparent)]
    Plan(#[from] IllegalTransition),
    /// What is asked makes no sense for a run that stands like this.
    #[error("{0}")]
    Refused(&'static str),
}

/// A run, ready to be driven.
pub struct Run<E, S> {
    /// The run's id.
    pub run: String,
    /// Where it stands.
    pub machine: Machine,
    /// What it did.
    pub journal: Journal<S>,
    /// The world.
    pub effects: Arc<E>,
    /// What an earlier run was taken up for; `None` for a new one.
    pub intent: Option<Intent>,
    /// Who is told.
    pub observer: Box<dyn Observer>,
    /// How long it waits for what.
    pub timing: Timing,
    /// When the reading of live began from which the plan was made; `None` when that is long ago.
    pub read_at: Option<Instant>,
    /// What may stop it from outside.
    pub interrupts: Interrupts,
    /// What a later command must be told to find the run.
    pub whereabouts: Whereabouts,
}

impl<E: Effects, S: Store> Run<E, S> {
    /// Begins a run: its journal is on disk when this returns, and nothing else has happened.
    ///
    /// # Errors
    /// When the plan does not hold together or the journal cannot be written.
    pub async fn begin(header: &Header, store: S, clock: Clock, effects: Arc<E>) -> Result<Self, RunError> {
        let machine = Machine::new(Arc::clone(&header.plan), header.policy)?;
        let journal = Journal::begin(store, header, clock).await?;
        Ok(Self::new(header.run.clone(), machine, journal, effects, None))
    }

    /// Takes an earlier run up: what was on its way is in doubt and is settled by looking.
    ///
    /// # Errors
    /// When the journal is damaged or cannot be written, or the intent makes no sense for a run that stands like
    /// this.
    pub async fn take_up(
        recorded: &Recorded,
        intent: Intent,
        store: S,
        clock: Clock,
        effects: Arc<E>,
    ) -> Result<Self, RunError> {
        let mut machine = recorded.replay()?;
        machine.may(intent).map_err(RunError::Refused)?;
        let mut journal = Journal::go_on(store, recorded, clock).await?;
        let event = Event::Resumed { intent };
        journal.record(std::slice::from_ref(&event)).await?;
        machine.apply(&event)?;
        Ok(Self::new(recorded.header.run.clone(), machine, journal, effects, Some(intent)))
    }

    fn new(
        run: String,
        machine: Machine,
        journal: Journal<S>,
        effects: Arc<E>,
        intent: Option<Intent>,
    ) -> Self {
        let observer = Box::new(notice::Silent);
        let (timing, interrupts) = (Timing::default(), Interrupts::default());
        let whereabouts = Whereabouts::default();
        Self {
            run,
            machine,
            journal,
            effects,
            intent,
            observer,
            timing,
            read_at: None,
            interrupts,
            whereabouts,
        }
    }

    /// Drives the run to its end, or until it cannot go on, and reports.
    ///
    /// Dropping the future is a crash: the journal says where the run stood.
    pub async fn to_end(mut self) -> Report {
        let steps = self.machine.plan().steps.len();
        let run = self.run.clone();
        self.observer.notice(&match self.intent {
            None => Notice::RunStarted { run, steps },
            Some(intent) => Notice::RunResumed { run, intent },
        });
        let mut driver = Driver {
            looking: Looking::new(self.timing),
            seen: Seen::new(self.read_at),
            effects: Arc::new(Held::new(Arc::clone(&self.effects), self.interrupts.lock.clone())),
            run: self,
            tasks: JoinSet::new(),
            jobs: HashMap::new(),
            followed: BTreeSet::new(),
            sent: BTreeMap::new(),
            interrupted: false,
            halt: None,
        };
        driver.drive().await;
        let Driver { mut run, halt, .. } = driver;
        let report = Report::of(&run.run, &run.machine, halt.as_ref(), &run.whereabouts);
        run.observer.notice(&report.summary());
        report
    }
}

/// What a task was started for, in case it dies.
#[derive(Debug, Clone)]
enum Job {
    Send { way: Way, steps: Vec<usize> },
    Check { step: usize },
    Follow { way: Way, step: usize },
    Look(Purpose),
}

/// What a task brings back.
enum Came {
    Answers(Vec<Answer>),
    Look { seen: Result<Look, LookError>, at: Instant },
}

struct Driver<E, S> {
    run: Run<E, S>,
    effects: Arc<Held<E>>,
    looking: Looking,
    seen: Seen,
    tasks: JoinSet<Came>,
    jobs: HashMap<Id, Job>,
    followed: BTreeSet<usize>,
    sent: BTreeMap<usize, Instant>,
    interrupted: bool,
    halt: Option<Halt>,
}

impl<E: Effects, S: Store> Driver<E, S> {
    async fn drive(&mut self) {
        let Interrupts { first, second, lock } = self.run.interrupts.clone();
        loop {
            self.unlock();
            if self.halt.is_none() {
                self.start().await;
            }
            if self.tasks.is_empty() {
                if self.halt.is_none() && !matches!(self.run.machine.phase(), Phase::Ended(_)) {
                    let why = "The run stands still though it has not ended, which is a mistake in adxform";
                    self.halt = Some(Halt::Blocked(why.to_owned()));
                }
                return;
            }
            let noted = self.interrupted;
            let tick = self.run.timing.tick;
            tokio::select! {
                biased;
                () = second.cancelled() => {
                    self.halt = Some(Halt::Left);
                    return;
                }
                () = lock.until_gone() => return,
                () = lock.until_lost(), if self.halt.is_none() => {}
                () = first.cancelled(), if !noted => {
                    self.interrupted = true;
                    if !matches!(self.run.machine.phase(), Phase::Ended(_)) {
                        self.commit(vec![Event::Interrupted]).await;
                    }
                }
                Some(came) = self.tasks.join_next_with_id() => {
                    self.unlock();
                    self.came(came).await;
                }
                () = sleep(tick) => self.tick(),
            }
        }
    }

    /// Without the lock nothing more is started; what runs may come to its end.
    fn unlock(&mut self) {
        if let Some(why) = self.run.interrupts.lock.lost() {
            self.halt.get_or_insert(Halt::Unlocked(why));
        }
    }

    /// Records events, then lets them count, then tells them. Once a record could not be synced the run halts.
    async fn commit(&mut self, events: Vec<Event>) -> bool {
        if events.is_empty() {
            return true;
        }
        if let Err(error) = self.run.journal.record(&events).await {
            self.halt.get_or_insert(Halt::Journal(error.to_string()));
            return false;
        }
        let mut notices = Vec::with_capacity(events.len() + 1);
        let mut mistake = None;
        for event in &events {
            let before = self.run.machine.phase();
            if let Err(error) = self.run.machine.apply(event) {
                mistake = Some(Halt::Blocked(format!("A mistake in adxform: {error}")));
                break;
            }
            notices.extend(self.told(event, before));
        }
        if mistake.is_none() {
            notices.push(notice::progress(&self.run.machine));
        }
        self.run.observer.notices(&notices);
        let counts = mistake.is_none();
        self.halt = self.halt.take().or(mistake);
        counts
    }

    /// What an event that counts now is told as.
    fn told(&mut self, event: &Event, before: Phase) -> impl Iterator<Item = Notice> + use<E, S> {
        let now = Instant::now();
        let mut seconds = 0.0;
        if let Event::Step { step, happened, .. } = event {
            if matches!(happened, Happened::Started { .. }) {
                self.sent.insert(*step, now);
            }
            seconds = self.sent.get(step).map_or(0.0, |sent| (now - *sent).as_secs_f64());
            if happened.may_have_written() {
                self.seen.written(&self.run.machine.plan().steps[*step].address);
            }
        }
        let machine = &self.run.machine;
        let shown = self.run.observer.shows_requests();
        let told = notice::of_event(machine, event, before, seconds, shown);
        told.into_iter().chain(notice::of_phase(machine, before))
    }

    /// Nothing has come for a while: says what runs, and what waits for it.
    fn tick(&mut self) {
        let now = Instant::now();
        let since = |step| self.sent.get(&step).map_or(0, |sent: &Instant| (now - *sent).as_secs());
        let notice = notice::still_running(&self.run.machine, since);
        self.run.observer.notice(&notice);
    }

    /// Starts whatever the machine allows now. All records of the round are synced before its first request.
    async fn start(&mut self) {
        let mut events = Vec::new();
        let mut refused = Vec::new();
        let mut sends = Vec::new();
        let at = self.run.journal.now();
        for decision in self.run.machine.decide() {
            match decision {
                Decision::Check { step } => {
                    events.push(Event::apply(step, Happened::CheckStarted));
                    match request::check(&self.run.machine, &self.run.run, step) {
                        Ok(outgoing) => sends.push((Job::Check { step }, None, vec![outgoing])),
                        Err(message) => {
                            refused.push((Way::Apply, step, Happened::Refused { message, trace: None }));
                        }
                    }
                }
                Decision::Send { way, steps } => {
                    let mut batch = Vec::with_capacity(steps.len());
                    let (machine, timing) = (&self.run.machine, &self.run.timing);
                    let guard = Guard::of(machine, way, &steps, &mut self.seen, timing);
                    let mut held = BTreeSet::new();
                    for step in steps {
                        let outgoing = request::next(&self.run.machine, &self.run.run, step, way);
                        let (part, id) = (outgoing.part, outgoing.id.clone());
                        events.push(Event::Step {
                            step,
                            way,
                            happened: Happened::Started { part, id, at: at.clone() },
                        });
                        // What cannot go out holds back what needs it.
                        let needs = &machine.plan().steps[step].needs;
                        let is_held = way == Way::Apply && needs.iter().any(|need| held.contains(need));
                        let resolved = (!is_held).then(|| request::resolved(machine, outgoing));
                        let happened = match resolved {
                            None => Happened::NotRun,
                            Some(Err(message)) => Happened::Refused { message, trace: None },
                            Some(Ok(outgoing)) => {
                                batch.push(outgoing);
                                continue;
                            }
                        };
                        refused.push((way, step, happened));
                        held.insert(step);
                    }
                    let steps = batch.iter().map(|outgoing| outgoing.step).collect();
                    sends.push((Job::Send { way, steps }, guard, batch));
                }
                Decision::Follow { step, way, operation } => self.follow(step, way, operation),
                Decision::Settle { steps } => self.look(Purpose::Settle(steps)),
                Decision::Prove { way } => self.look(Purpose::Prove(way)),
            }
        }
        events.extend(refused.into_iter().map(|(way, step, happened)| Event::Step { step, way, happened }));
        if !self.commit(events).await {
            return;
        }
        self.unlock();
        if self.halt.is_some() {
            return;
        }
        for (job, guard, batch) in sends.into_iter().filter(|(.., batch)| !batch.is_empty()) {
            let effects = Arc::clone(&self.effects);
            let check = matches!(job, Job::Check { .. });
            self.spawn(job, async move {
                if check {
                    let mut answers = Vec::new();
                    for outgoing in batch {
                        answers.push(effects.check(outgoing).await);
                    }
                    Came::Answers(answers)
                } else {
                    Came::Answers(send(&*effects, guard, batch).await)
                }
            });
        }
    }

    fn spawn(&mut self, job: Job, task: impl Future<Output = Came> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.jobs.insert(id, job);
    }

    fn follow(&mut self, step: usize, way: Way, operation: Operation) {
        if !self.followed.insert(step) {
            return;
        }
        let effects = Arc::clone(&self.effects);
        let of = request::next(&self.run.machine, &self.run.run, step, way);
        let of = request::resolved(&self.run.machine, of.clone()).unwrap_or(of);
        self.spawn(Job::Follow { way, step }, async move {
            Came::Answers(vec![effects.follow(of, operation).await])
        });
    }

    fn look(&mut self, purpose: Purpose) {
        let Some(delay) = self.looking.begin(&purpose, &self.run.machine) else { return };
        let effects = Arc::clone(&self.effects);
        let plan = Arc::clone(self.run.machine.plan());
        let machine = &self.run.machine;
        let touched = match purpose {
            Purpose::Prove(Way::Apply) => schemas::touched(&plan, &|of, path| machine.known(of, path)),
            _ => BTreeSet::new(),
        };
        let doubts = match &purpose {
            Purpose::Settle(steps) => request::doubtful(machine, &self.run.run, steps),
            Purpose::Prove(_) => Vec::new(),
        };
        self.spawn(Job::Look(purpose), async move {
            sleep(delay).await;
            let at = Instant::now();
            // Asked before live is read: what ends in between is busy once more, and never taken for absent.
            let working = if doubts.is_empty() { Ok(BTreeSet::new()) } else { effects.working(doubts).await };
            let (seen, violations) = join(effects.look(&plan.scope), async {
                if touched.is_empty() { Ok(Violations::new()) } else { effects.violations(touched).await }
            })
            .await;
            let seen = seen.and_then(|mut look| {
                look.busy.extend(working?);
                look.violations = violations?;
                Ok(look)
            });
            Came::Look { seen, at }
        });
    }

    /// An event of a step, without the attributes that nothing asks for.
    fn event(&self, step: usize, way: Way, happened: Happened) -> Event {
        let happened = match happened {
            Happened::Finished { outputs, trace } => {
                Happened::Finished { outputs: self.run.machine.wanted(step, outputs), trace }
            }
            other => other,
        };
        Event::Step { step, way, happened }
    }

    async fn came(&mut self, came: Result<(Id, Came), JoinError>) {
        let (id, came) = match came {
            Ok((id, came)) => (id, Some(came)),
            Err(error) => (error.id(), None),
        };
        let Some(job) = self.jobs.remove(&id) else { return };
        let events = match (job, came) {
            (Job::Look(purpose), Some(Came::Look { seen, at })) => {
                let Round { events, halt } = self.looking.end(&purpose, seen, at, &self.run.machine);
                if let Some(why) = halt {
                    self.halt.get_or_insert(Halt::Blocked(why));
                }
                events
            }
            (Job::Look(purpose), _) => {
                let seen =
                    Err(LookError { message: "The reading of live broke down".into(), transient: false });
                let now = Instant::now();
                let Round { events, halt } = self.looking.end(&purpose, seen, now, &self.run.machine);
                self.halt = self.halt.take().or(halt.map(Halt::Blocked));
                events
            }
            (Job::Send { way, steps }, came) => {
                let mut answers = came.and_then(Came::answers).unwrap_or_default().into_iter();
                let happened = |answer: Option<Answer>| answer.unwrap_or_else(nothing).sent();
                let event = |step| self.event(step, way, happened(answers.next()));
                steps.into_iter().map(event).collect()
            }
            (Job::Check { step }, came) => {
                let answer = came.and_then(Came::answers).and_then(|answers| answers.into_iter().next());
                vec![Event::apply(step, answer.unwrap_or_else(nothing).checked())]
            }
            (Job::Follow { way, step }, came) => {
                self.followed.remove(&step);
                let answer = came.and_then(Came::answers).and_then(|answers| answers.into_iter().next());
                vec![self.event(step, way, answer.unwrap_or_else(nothing).followed())]
            }
        };
        self.commit(events).await;
    }
}

/// Sends a batch unless its guard objects; a command that needs a value from the service gets it right before.
async fn send<E: Effects>(effects: &E, guard: Option<Guard>, mut batch: Vec<Outgoing>) -> Vec<Answer> {
    match guard {
        Some(guard) => guard.send(effects, batch).await,
        None => {
            batch.iter_mut().for_each(|of| request::condition(of, None));
            request::sent(effects, batch).await
        }
    }
}

/// What is known of a request of which nothing came back.
fn nothing() -> Answer {
    Answer::Lost { why: "no answer came back for it".to_owned() }
}

impl Came {
    fn answers(self) -> Option<Vec<Answer>> {
        match self {
            Self::Answers(answers) => Some(answers),
            Self::Look { .. } => None,
        }
    }
}
