//! When a request may be sent again, and after which wait.

use super::config::{Config, Progress, Waiting};
use super::error::CloudError;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The clock that waits are measured and spent by.
pub trait Clock: Send + Sync {
    /// The time since some fixed moment; it never goes back.
    fn elapsed(&self) -> Duration;

    /// The time of day.
    fn now(&self) -> OffsetDateTime;

    /// Ends after a length of time.
    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Debug, Clone)]
pub struct SystemClock(tokio::time::Instant);

impl SystemClock {
    /// A clock that counts from now.
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(length))
    }
}

/// What would have to pass for the same request to be worth sending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Again {
    /// Nothing: the answer is final, or the request's fate is unknown.
    #[default]
    Never,
    /// The host could not be reached.
    Unreachable,
    /// A read got no usable answer.
    Transient(After),
    /// The service has too much to do; it may say for how long.
    Throttled(After),
    /// Another operation holds the resource or its cluster.
    Conflict(After),
    /// The directory does not know a new principal yet.
    Directory,
}

/// The wait that the service asks for, if any, in milliseconds: small, for it travels with every error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct After(u32);

impl From<Option<Duration>> for After {
    fn from(length: Option<Duration>) -> Self {
        Self(length.map_or(0, |length| u32::try_from(length.as_millis()).unwrap_or(u32::MAX)))
    }
}

impl Again {
    const fn what(self) -> &'static str {
        match self {
            Self::Never => "nothing",
            Self::Unreachable => "the host to answer",
            Self::Transient(_) => "the service to recover",
            Self::Throttled(_) => "the service to accept more requests",
            Self::Conflict(_) => "another operation on the resource or its cluster to end",
            Self::Directory => "the directory to know the principal",
        }
    }
}

/// How long one request is still worth trying; it begins when it is made.
pub struct Patience {
    config: Arc<Config>,
    progress: Progress,
    began: Duration,
    tries: u32,
}

impl Patience {
    pub(super) fn new(config: Arc<Config>, progress: Progress) -> Self {
        let began = config.clock.elapsed();
        Self { config, progress, began, tries: 0 }
    }

    /// After a failure: waits until the request may be sent again and returns `true`, or returns `false` at once
    /// when it must not be, or no longer is worth it.
    ///
    /// A write that ended in [`super::Class::Lost`] is never to be sent again.
    pub async fn wait(&mut self, error: &CloudError) -> bool {
        let Some(length) = self.length(error.again) else { return false };
        (self.progress)(&Waiting {
            request: error.request.to_string(),
            what: error.again.what().to_owned(),
            length,
        });
        self.tries += 1;
        self.config.clock.sleep(length).await;
        true
    }

    fn length(&self, again: Again) -> Option<Duration> {
        let pace = &self.config.pace;
        let asked = |After(asked), usual| {
            let heeded = pace.heeds_retry_after && asked > 0;
            if heeded { Duration::from_millis(asked.into()) } else { usual }
        };
        let (length, limit) = match again {
            Again::Never => return None,
            Again::Unreachable => (self.backoff(), pace.unreachable),
            Again::Transient(after) => (asked(after, self.backoff()), pace.transient),
            Again::Throttled(after) => (asked(after, self.backoff()), pace.throttled),
            Again::Conflict(after) => (asked(after, pace.conflict_step), pace.conflict),
            Again::Directory => (pace.directory_step, pace.directory),
        };
        let spent = self.config.clock.elapsed().saturating_sub(self.began);
        (spent + length <= limit).then_some(length)
    }

    /// Full jitter: a random part of a bound that doubles, so that many clients do not return together.
    fn backoff(&self) -> Duration {
        let bound = doubled(self.config.pace.first, self.tries, self.config.pace.cap);
        bound.mul_f64((self.config.jitter)().clamp(0.0, 1.0)).max(self.config.pace.first / 4)
    }
}

/// `first` doubled `times` over, up to `cap`.
pub(super) fn doubled(first: Duration, times: u32, cap: Duration) -> Duration {
    first.checked_mul(2_u32.saturating_pow(times.min(31))).unwrap_or(cap).min(cap)
}

/// The wait that `Retry-After` asks for, in seconds or as a date. Zero counts as absent, as it does for Azure's
/// own clients.
pub(super) fn retry_after(header: &str, now: OffsetDateTime) -> Option<Duration> {
    let header = header.trim();
    let length = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::try_from(OffsetDateTime::parse(header, &Rfc2822).ok()? - now).ok()?,
    };
    (!length.is_zero()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = datetime!(2026-01-31 08:00:00 UTC);
        for (header, seconds) in [
            ("17", Some(17)),
            (" 1 ", Some(1)),
            ("0", None),
            ("", None),
            ("-5", None),
            ("soon", None),
            ("Sat, 31 Jan 2026 08:01:30 GMT", Some(90)),
            ("Sat, 31 Jan 2026 07:00:00 GMT", None),
        ] {
            assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header}");
        }
    }

    proptest! {
        #[test]
        fn doubling_grows_up_to_its_cap(first in 1..5_000_u64, times in 0..200_u32, cap in 1..100_000_u64) {
            let (first, cap) = (Duration::from_millis(first), Duration::from_millis(cap));
            let (one, next) = (doubled(first, times, cap), doubled(first, times + 1, cap));
            prop_assert!(one <= next && next <= cap);
            prop_assert!(next == cap || next == one * 2);
        }
    }
}
