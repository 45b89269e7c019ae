//! Time as the emulator tells it: the wall clock, and how long an operation of the service lasts here.
//!
//! Invariant: an operation lasts at least [`SHORTEST`], so its effect is never there when the first answer comes
//! (test: `an_operation_is_never_instant`).

use std::time::Duration;
use time::OffsetDateTime;

/// The shortest operation, whatever the pace.
pub(crate) const SHORTEST: Duration = Duration::from_millis(5);

/// A wall clock with a pace for long-running operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pace: f64,
}

impl Clock {
    /// A clock on which an operation lasts `pace` times what it lasts in Azure.
    pub(crate) fn new(pace: f64) -> Self {
        Self { pace: if pace.is_finite() { pace.clamp(0.0, 1000.0) } else { 0.0 } }
    }

    /// Now, in nanoseconds since 1970.
    pub(crate) fn now() -> i64 {
        i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos()).unwrap_or(i64::MAX)
    }

    /// How many nanoseconds go by here in `milliseconds` of Azure.
    pub(crate) fn spanning(self, milliseconds: u64) -> i64 {
        let spanning = Duration::from_millis(milliseconds).mul_f64(self.pace);
        i64::try_from(spanning.as_nanos()).unwrap_or(i64::MAX)
    }

    /// How many nanoseconds an operation lasts here that lasts `milliseconds` in Azure.
    pub(crate) fn lasting(self, milliseconds: u64) -> i64 {
        let lasting = Duration::from_millis(milliseconds).mul_f64(self.pace).max(SHORTEST);
        i64::try_from(lasting.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A moment as the control plane writes it: UTC with up to seven decimals, trailing zeros dropped.
pub(crate) fn stamp(nanoseconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanoseconds))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, clock) = (moment.date(), moment.time());
    let ticks = format!("{:07}", moment.nanosecond() / 100);
    let decimals = ticks.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    let (hour, minute, second) = clock.as_hms();
    format!("{date}T{hour:02}:{minute:02}:{second:02}{point}{decimals}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_never_instant() {
        assert_eq!(Clock::new(0.0).lasting(780_000), 5_000_000);
        assert_eq!(Clock::new(f64::NAN).lasting(1), 5_000_000);
        assert_eq!(Clock::new(0.5).lasting(1000), 500_000_000);
    }

    #[test]
    fn moments_drop_trailing_zeros() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(stamp(1_649_258_500_699_231_100), "2022-04-06T15:21:40.6992311Z");
        assert_eq!(stamp(1_649_258_500_500_000_000), "2022-04-06T15:21:40.5Z");
    }
}
