//! Whether a lock still holds: what the driver and the store ask right before they act.
//!
//! A lock of a team holds up to a moment. How long ago it was had is told by two clocks, and both must say that it still
//! holds. The steady one stands still while a machine sleeps; the one on the wall goes on then, but may be set by anybody.
//! Where they do not agree, or the one on the wall says that the time is over, nobody can be sure: then the service is
//! asked whether the lock is still ours, and nothing is started before it has answered.
//!
//! Invariant: time is asked, not only the task that renews: a process that slept past the end of its lease starts and
//! records nothing, though nobody told it (tests: `a_sleeper_finds_its_lock_gone`,
//! `nothing_is_started_while_a_clock_says_it_is_over`, `nobody_acts_on_a_lease_of_another`).

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

/// By how much the clock on the wall may fall behind the steady one; it is set by so little all the time.
const SLACK: Duration = Duration::from_secs(1);

/// How soon whoever waits for an answer looks at the time again.
const PAUSE: Duration = Duration::from_secs(1);

/// What tells the time of day.
pub type Wall = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Whether a lock still holds. The default holds for ever, as a lock of the operating system does. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Hold(Arc<Inner>);

struct Inner {
    wall: Wall,
    until: Mutex<Option<Until>>,
    why: OnceLock<String>,
    lost: CancellationToken,
    gone: CancellationToken,
    asked: Notify,
    answered: Notify,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            wall: Arc::new(OffsetDateTime::now_utc),
            until: Mutex::default(),
            why: OnceLock::new(),
            lost: CancellationToken::new(),
            gone: CancellationToken::new(),
            asked: Notify::new(),
            answered: Notify::new(),
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("until", &self.until).field("why", &self.why).finish_non_exhaustive()
    }
}

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    steady: Instant,
    wall: OffsetDateTime,
}

impl Moment {
    /// By the steady clock.
    pub const fn steady(self) -> Instant {
        self.steady
    }
}

/// Up to when a lock holds.
#[derive(Debug, Clone, Copy)]
struct Until {
    /// When it was asked for.
    from: Moment,
    /// How long after that nothing is started any more.
    start: Duration,
    /// How long after that somebody else may hold it.
    end: Duration,
}

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Something new is started.
    Start,
    /// Something that was started goes on, or is recorded.
    GoOn,
}

/// What is known of a lock.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Held,
    /// The clocks do not agree that it holds.
    Unsure,
    Over(String),
}

impl Hold {
    /// A lock whose time of day comes from elsewhere.
    pub fn with_wall(wall: Wall) -> Self {
        Self(Arc::new(Inner { wall, ..Inner::default() }))
    }

    /// Now, on both clocks.
    pub fn now(&self) -> Moment {
        Moment { steady: Instant::now(), wall: (self.0.wall)() }
    }

    /// The lock holds so long, from a moment on; for the last part of it (`margin`) nothing more is started.
    pub fn extend(&self, from: Moment, length: Duration, margin: Duration) {
        let until = Until { from, start: length.saturating_sub(margin), end: length };
        *self.0.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        self.0.answered.notify_waiters();
    }

    /// The lock is lost, or soon will be: nothing more is started.
    pub fn lose(&self, why: String) {
        let _ = self.0.why.set(why);
        self.0.lost.cancel();
    }

    /// Somebody else may hold the lock by now.
    pub fn leave(&self) {
        self.0.gone.cancel();
    }

    /// Why nothing more may be started, if that is certain.
    pub fn lost(&self) -> Option<String> {
        match self.standing(Act::Start) {
            Standing::Over(why) => Some(why),
            Standing::Held | Standing::Unsure => None,
        }
    }

    /// Waits until it is certain whether something new may be started now.
    ///
    /// # Errors
    /// Why not.
    pub async fn may_start(&self) -> Result<(), String> {
        self.certain(Act::Start).await
    }

    /// Waits until it is certain whether something may be recorded now.
    ///
    /// # Errors
    /// Why not.
    pub async fn may_record(&self) -> Result<(), String> {
        self.certain(Act::GoOn).await
    }

    /// Goes on with some work only while the lock holds: while that is not certain the work rests, and `None` says that
    /// it was left.
    pub async fn carried<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            self.certain(Act::GoOn).await.ok()?;
            let mut polled = false;
            let once = poll_fn(|cx| {
                if polled {
                    return Poll::Ready(None);
                }
                polled = true;
                work.as_mut().poll(cx).map(Some)
            });
            if let Some(done) = once.await {
                return Some(done);
            }
        }
    }

    /// Ends when nothing more may be started.
    pub async fn until_lost(&self) {
        self.0.lost.cancelled().await;
    }

    /// Ends when somebody else may hold the lock.
    pub async fn until_gone(&self) {
        self.0.gone.cancelled().await;
    }

    /// Ends when somebody wants to know whether the lock still holds.
    pub async fn until_asked(&self) {
        self.0.asked.notified().await;
    }

    /// Whoever renews the lock is asked, until it is certain whether something may be done. That takes no longer than
    /// the lock holds by the steady clock.
    async fn certain(&self, act: Act) -> Result<(), String> {
        loop {
            let answered = self.0.answered.notified();
            match self.standing(act) {
                Standing::Held => return Ok(()),
                Standing::Over(why) => return Err(why),
                Standing::Unsure => {}
            }
            self.0.asked.notify_one();
            tokio::select! {
                () = answered => {}
                () = self.0.lost.cancelled() => {}
                () = sleep(PAUSE) => {}
            }
        }
    }

    fn standing(&self, act: Act) -> Standing {
        let until = *self.0.until.lock().unwrap_or_else(PoisonError::into_inner);
        let token = if act == Act::Start { &self.0.lost } else { &self.0.gone };
        let over = || {
            let why = self.0.why.get().cloned();
            Standing::Over(why.unwrap_or_else(|| "The lock ran out before it was renewed".to_owned()))
        };
        if token.is_cancelled() {
            return over();
        }
        let Some(Until { from, start, end }) = until else { return Standing::Held };
        let limit = if act == Act::Start { start } else { end };
        let now = self.now();
        let steady = now.steady.saturating_duration_since(from.steady);
        let wall = now.wall - from.wall;
        if steady >= limit {
            over()
        } else if wall < limit && wall + SLACK >= steady {
            Standing::Held
        } else if self.0.lost.is_cancelled() {
            // Nobody renews it any more, so nobody can be asked.
            over()
        } else {
            Standing::Unsure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
    use tokio::time::advance;

    const LENGTH: Duration = Duration::from_secs(60);
    const MARGIN: Duration = Duration::from_secs(10);

    /// A lock whose clock on the wall goes like the steady one, and can be set.
    fn adjustable() -> (Hold, Arc<AtomicI64>) {
        let (began, set) = (Instant::now(), Arc::new(AtomicI64::new(0)));
        let by = Arc::clone(&set);
        let wall = move || {
            let went = Instant::now() - began;
            OffsetDateTime::UNIX_EPOCH + went + time::Duration::seconds(by.load(Ordering::SeqCst))
        };
        (Hold::with_wall(Arc::new(wall)), set)
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_finds_its_lock_gone() {
        let (hold, _) = adjustable();
        advance(LENGTH * 1000).await;
        assert_eq!((hold.lost(), hold.may_record().await), (None, Ok(())));
        for (seconds, lost, gone) in
            [(49, false, false), (50, true, false), (59, true, false), (60, true, true)]
        {
            hold.extend(hold.now(), LENGTH, MARGIN);
            advance(Duration::from_secs(seconds)).await;
            let found =
                (hold.lost().is_some(), hold.may_start().await.is_err(), hold.may_record().await.is_err());
            assert_eq!(found, (lost, lost, gone), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_started_while_a_clock_says_it_is_over() {
        // How far the clock on the wall jumps, and whether something new, and something that was begun, may go on.
        for (jump, start, go_on) in [
            (0, true, true),
            (49, true, true),
            (50, false, true),
            (59, false, true),
            (60, false, false),
            (100_000, false, false),
            (-1, true, true),
            (-2, false, false),
            (-100_000, false, false),
        ] {
            let (hold, set) = adjustable();
            hold.extend(hold.now(), LENGTH, MARGIN);
            // A clock that falls behind shows once there was time to fall behind in.
            let before = if jump < 0 { Duration::from_secs(5) } else { Duration::ZERO };
            advance(before).await;
            set.store(jump, Ordering::SeqCst);
            let moment = Duration::from_millis(1);
            assert_eq!(tokio::time::timeout(moment, hold.may_start()).await.is_ok(), start, "{jump}");
            assert_eq!(tokio::time::timeout(moment, hold.carried(async {})).await.is_ok(), go_on, "{jump}");
            assert_eq!(hold.lost(), None, "{jump}: it may be ours for all that is known");
            // Whoever renews it has been asked, if anybody had to be, and says that it is.
            let asked = tokio::time::timeout(moment, hold.until_asked()).await.is_ok();
            assert_eq!(asked, !start, "{jump}");
            hold.extend(hold.now(), LENGTH, MARGIN);
            assert_eq!((hold.may_start().await, hold.carried(async {}).await), (Ok(()), Some(())), "{jump}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_rests_until_the_lock_is_certain() {
        let (hold, set) = adjustable();
        hold.extend(hold.now(), LENGTH, MARGIN);
        let (went, far) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (inner, step) = (Arc::clone(&went), Arc::clone(&far));
        let work = {
            let hold = hold.clone();
            tokio::spawn(async move {
                hold.carried(async move {
                    step.notified().await;
                    inner.store(true, Ordering::SeqCst);
                })
                .await
            })
        };
        tokio::task::yield_now().await;
        set.store(3600, Ordering::SeqCst);
        far.notify_one();
        sleep(Duration::from_secs(5)).await;
        assert!(!went.load(Ordering::SeqCst), "it went on without being sure of the lock");
        hold.extend(hold.now(), LENGTH, MARGIN);
        assert_eq!(work.await.unwrap(), Some(()));
        set.store(9000, Ordering::SeqCst);
        hold.lose("taken away".to_owned());
        let left = hold.carried(std::future::pending::<()>()).await;
        assert_eq!((left, hold.may_record().await), (None, Err("taken away".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_never_answered_waits_no_longer_than_the_lock_lasts() {
        let (hold, set) = adjustable();
        hold.extend(hold.now(), LENGTH, MARGIN);
        set.store(3600, Ordering::SeqCst);
        let began = Instant::now();
        assert!(hold.may_start().await.is_err());
        assert_eq!(began.elapsed(), LENGTH - MARGIN);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_reason_stays() {
        let hold = Hold::default();
        hold.lose("one".to_owned());
        hold.lose("two".to_owned());
        hold.until_lost().await;
        assert_eq!((hold.lost().as_deref(), hold.may_record().await), (Some("one"), Ok(())));
        hold.leave();
        hold.until_gone().await;
        assert_eq!(hold.may_record().await, Err("one".to_owned()));
    }
}
