//! Timespans and datetimes in ticks of 100 ns, in every spelling Kusto reads and the one it writes.
//!
//! Invariant: what is printed reads back to the same ticks (tests: `timespans_round_trip`,
//! `datetimes_round_trip`).

use std::fmt::Write as _;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// Ticks of one second.
pub(crate) const SECOND: i64 = 10_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Ticks of one day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// Units of a timespan literal (`Q:scalar-data-types/timespan.md`).
const UNITS: &[(&[&str], i64)] = &[
    (&["d", "day", "days"], DAY),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR),
    (&["m", "min", "minute", "minutes"], MINUTE),
    (&["s", "sec", "second", "seconds"], SECOND),
    (&["ms", "milli", "millis", "millisec", "millisecond", "milliseconds"], SECOND / 1_000),
    (&["micro", "micros", "microsec", "microsecond", "microseconds"], SECOND / 1_000_000),
    (&["tick", "ticks"], 1),
];

/// Prints a timespan as .NET does: `[-][d.]hh:mm:ss[.fffffff]`.
pub(crate) fn timespan(ticks: i64) -> String {
    let mut out = String::new();
    let all = ticks.unsigned_abs();
    let part = |unit: i64| all / unit.unsigned_abs();
    if ticks < 0 {
        out.push('-');
    }
    if part(DAY) > 0 {
        let _ = write!(out, "{}.", part(DAY));
    }
    let _ = write!(out, "{:02}:{:02}:{:02}", part(HOUR) % 24, part(MINUTE) % 60, part(SECOND) % 60);
    let fraction = all % SECOND.unsigned_abs();
    if fraction > 0 {
        let _ = write!(out, ".{fraction:07}");
    }
    out
}

/// Reads the .NET form `[-][d.]hh:mm[:ss[.fffffff]]`, or a whole number of days.
pub(crate) fn dotnet_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let Some((head, rest)) = text.split_once(':') else {
        return digits(text, 8)?.checked_mul(DAY)?.checked_mul(sign);
    };
    let (days, hours) = match head.split_once('.') {
        Some((days, hours)) => (digits(days, 8)?, digits(hours, 2)?),
        None => (0, digits(head, 2)?),
    };
    let (minutes, seconds) = match rest.split_once(':') {
        Some((minutes, seconds)) => (digits(minutes, 2)?, seconds_and_fraction(seconds)?),
        None => (digits(rest, 2)?, 0),
    };
    if hours > 23 || minutes > 59 || seconds >= MINUTE {
        return None;
    }
    days.checked_mul(DAY)?.checked_add(hours * HOUR + minutes * MINUTE + seconds)?.checked_mul(sign)
}

fn seconds_and_fraction(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let ticks = match fraction.len() {
        0 if !text.contains('.') => 0,
        length @ 1..=7 => digits(fraction, 7)? * 10_i64.pow(7 - u32::try_from(length).ok()?),
        _ => return None,
    };
    Some(digits(seconds, 2)? * SECOND + ticks)
}

fn digits(text: &str, most: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Reads a number with its unit, such as `30d`, `1.5h` or `15 seconds`.
pub(crate) fn unit_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(split);
    let unit = unit.trim();
    let (_, size) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    if let Some(whole) = digits(number, 18) {
        return whole.checked_mul(*size);
    }
    let (whole, fraction) = number.split_once('.')?;
    let whole = digits(whole, 18)?.checked_mul(*size)?;
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?.min(18));
    let part = i128::from(digits(fraction, 18)?) * i128::from(*size) / scale;
    whole.checked_add(i64::try_from(part).ok()?)
}

/// Reads what may stand between the parentheses of `time(…)`: a unit form, a .NET form, or days.
pub(crate) fn any_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, bare) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    match unit_timespan(bare) {
        Some(ticks) => Some(sign * ticks),
        None => dotnet_timespan(text),
    }
}

const EPOCH: i128 = 621_355_968_000_000_000;

fn ticks_of(moment: OffsetDateTime) -> i64 {
    let ticks = moment.unix_timestamp_nanos() / 100 + EPOCH;
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// A length of time in ticks.
pub(crate) fn ticks(length: std::time::Duration) -> i64 {
    i64::try_from(length.as_nanos() / 100).unwrap_or(i64::MAX)
}

/// The moment now, in ticks since the year 1.
pub(crate) fn now() -> i64 {
    ticks_of(OffsetDateTime::now_utc())
}

/// Prints a datetime as `2021-01-01T00:00:00Z`, with as many digits of the second as it needs.
pub(crate) fn datetime(ticks: i64) -> String {
    let nanos = (i128::from(ticks) - EPOCH) * 100;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut out = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    );
    let fraction = moment.nanosecond() / 100;
    if fraction > 0 {
        let digits = format!("{fraction:07}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
    out.push('Z');
    out
}

/// Reads `2021-01-01`, `2021-01-01T10:00`, `2021-01-01 10:00:00.5Z` and their like; all are UTC.
pub(crate) fn any_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let (day, clock) = match text.find(['T', ' ']) {
        Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
        None => (text.trim_end_matches('Z'), None),
    };
    let mut parts = day.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let month = Month::try_from(u8::try_from(digits(month, 2)?).ok()?).ok()?;
    let day = u8::try_from(digits(day, 2)?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(digits(year, 4)?).ok()?, month, day).ok()?;
    let midnight = ticks_of(PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc());
    let Some(clock) = clock else { return Some(midnight) };
    let clock = clock.trim_end_matches('Z');
    let clock = clock.strip_suffix("+00:00").unwrap_or(clock);
    let within = dotnet_timespan(clock).filter(|_| clock.contains(':') && !clock.starts_with('-'))?;
    if within >= DAY { None } else { midnight.checked_add(within) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_documented_spelling() {
        let cases = [
            ("2d", 2 * DAY),
            ("1.5h", 90 * MINUTE),
            ("30m", 30 * MINUTE),
            ("10s", 10 * SECOND),
            ("100ms", SECOND / 10),
            ("10microseconds", 100),
            ("1tick", 1),
            ("15 seconds", 15 * SECOND),
            ("2", 2 * DAY),
            ("1.02:03:04.5", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + SECOND / 2),
            ("365000.00:00:00", 365_000 * DAY),
            ("00:05", 5 * MINUTE),
            ("-1.00:00:00", -DAY),
        ];
        for (text, ticks) in cases {
            assert_eq!(any_timespan(text), Some(ticks), "{text}");
        }
        for text in ["", "d", "1.5.5h", "24:00:00", "00:60:00", "1w", "1d2h", "00:00:00.", "1:2:3:4"] {
            assert_eq!(any_timespan(text), None, "{text}");
        }
    }

    #[test]
    fn reads_datetimes() {
        assert_eq!(any_datetime("1970-01-01").map(i128::from), Some(EPOCH));
        assert_eq!(any_datetime("1970-01-01T00:00:00.0000001Z").map(i128::from), Some(EPOCH + 1));
        assert_eq!(any_datetime("2021-01-01 10:30").map(datetime).as_deref(), Some("2021-01-01T10:30:00Z"));
        for text in ["", "2021", "2021-13-01", "2021-02-30", "2021-01-01T", "2021-01-01T24:00:00", "x"] {
            assert_eq!(any_datetime(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn timespans_round_trip(ticks in -i64::MAX / 2..i64::MAX / 2) {
            prop_assert_eq!(dotnet_timespan(&timespan(ticks)), Some(ticks));
        }

        #[test]
        fn datetimes_round_trip(ticks in 0..3_155_000_000_000_000_000_i64) {
            prop_assert_eq!(any_datetime(&datetime(ticks)), Some(ticks));
        }

        #[test]
        fn reading_never_panics(text in ".{0,30}") {
            let _ = (any_timespan(&text), any_datetime(&text));
        }
    }
}
