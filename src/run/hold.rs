//! Whether a lock still holds: what the driver and the store ask before they act.
//!
//! Invariant: time is asked, not only the task that renews: a process that slept past the end of its lease starts and
//! records nothing, though nobody told it (test: `a_sleeper_finds_its_lock_gone`).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Whether a lock still holds. The default holds for ever, as a lock of the operating system does. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Hold(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    until: Mutex<Option<Until>>,
    why: OnceLock<String>,
    lost: CancellationToken,
    gone: CancellationToken,
}

/// Up to when a lock holds.
#[derive(Debug, Clone, Copy)]
struct Until {
    /// From then on nothing is started.
    start: Instant,
    /// From then on somebody else may hold it.
    end: Instant,
}

impl Hold {
    /// The lock holds so long, from a moment on; for the last part of it (`margin`) nothing more is started.
    pub(super) fn extend(&self, from: Instant, length: Duration, margin: Duration) {
        let end = from + length;
        let until = Until { start: end.checked_sub(margin).unwrap_or(from), end };
        *self.0.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
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

    /// Why nothing more may be started, if so.
    pub fn lost(&self) -> Option<String> {
        self.past(&self.0.lost, |until| until.start)
    }

    /// Why nothing more may be recorded, if so.
    pub fn gone(&self) -> Option<String> {
        self.past(&self.0.gone, |until| until.end)
    }

    fn past(&self, token: &CancellationToken, moment: impl Fn(Until) -> Instant) -> Option<String> {
        let until = *self.0.until.lock().unwrap_or_else(PoisonError::into_inner);
        let over = token.is_cancelled() || until.is_some_and(|until| Instant::now() >= moment(until));
        let why = || {
            self.0.why.get().cloned().unwrap_or_else(|| "The lock ran out before it was renewed".to_owned())
        };
        over.then(why)
    }

    /// Ends when nothing more may be started.
    pub async fn until_lost(&self) {
        self.0.lost.cancelled().await;
    }

    /// Ends when somebody else may hold the lock.
    pub async fn until_gone(&self) {
        self.0.gone.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const LENGTH: Duration = Duration::from_secs(60);
    const MARGIN: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_finds_its_lock_gone() {
        let hold = Hold::default();
        advance(LENGTH * 1000).await;
        assert_eq!((hold.lost(), hold.gone()), (None, None));
        hold.extend(Instant::now(), LENGTH, MARGIN);
        for (seconds, lost, gone) in
            [(49, false, false), (50, true, false), (59, true, false), (60, true, true)]
        {
            hold.extend(Instant::now(), LENGTH, MARGIN);
            advance(Duration::from_secs(seconds)).await;
            assert_eq!((hold.lost().is_some(), hold.gone().is_some()), (lost, gone), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_reason_stays() {
        let hold = Hold::default();
        hold.lose("one".to_owned());
        hold.lose("two".to_owned());
        hold.until_lost().await;
        assert_eq!((hold.lost().as_deref(), hold.gone()), (Some("one"), None));
        hold.leave();
        hold.until_gone().await;
        assert_eq!(hold.gone().as_deref(), Some("one"));
    }
}
