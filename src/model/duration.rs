//! Lengths of time as the service counts them: ticks of 100 nanoseconds.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A length of time in ticks of 100 ns, as .NET and so Kusto count it.
///
/// Two spellings of one length are equal: `90d`, `90.00:00:00`, `P90D` (test: `spellings_agree`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

const SECOND: i64 = 10_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Ticks {
    /// A whole number of days.
    pub const fn days(days: i64) -> Self {
        Self(days * DAY)
    }

    /// A whole number of seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds * SECOND)
    }

    /// Reads any accepted spelling: `1.5h`, `365.00:00:00`, `00:05:00`, `PT168H`; `None` for anything else.
    ///
    /// <https://learn.microsoft.com/kusto/query/scalar-data-types/timespan>
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        clock(text).or_else(|| iso(text)).or_else(|| unit(text))
    }

    /// The service's canonical spelling, `[-][d.]hh:mm:ss[.fffffff]`.
    pub fn canonical(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ticks = self.0.unsigned_abs();
        let (day, hour, minute, second) =
            (DAY.unsigned_abs(), HOUR.unsigned_abs(), MINUTE.unsigned_abs(), SECOND.unsigned_abs());
        let days = if ticks >= day { format!("{}.", ticks / day) } else { String::new() };
        let fraction =
            if !ticks.is_multiple_of(second) { format!(".{:07}", ticks % second) } else { String::new() };
        let (h, m, s) = (ticks % day / hour, ticks % hour / minute, ticks % minute / second);
        format!("{sign}{days}{h:02}:{m:02}:{s:02}{fraction}")
    }

    /// The ISO 8601 spelling that ARM speaks: `P365D`, `PT12H`, `P14DT12H`.
    pub fn iso8601(self) -> String {
        let ticks = self.0;
        let (days, rest) = (ticks / DAY, ticks % DAY);
        let mut text = String::from("P");
        if days != 0 {
            text += &format!("{days}D");
        }
        if rest != 0 || days == 0 {
            text.push('T');
            let (h, m, s, f) = (rest / HOUR, rest % HOUR / MINUTE, rest % MINUTE / SECOND, rest % SECOND);
            if h != 0 {
                text += &format!("{h}H");
            }
            if m != 0 {
                text += &format!("{m}M");
            }
            if f != 0 {
                text += format!("{s}.{f:07}").trim_end_matches('0');
                text.push('S');
            } else if s != 0 || rest == 0 {
                text += &format!("{s}S");
            }
        }
        text
    }

    /// The KQL literal that can stand in a command, such as `31d` or `time(1.02:03:04)`.
    pub fn literal(self) -> String {
        match self.0 {
            t if t > 0 && t % DAY == 0 => format!("{}d", t / DAY),
            _ => format!("time({})", self.canonical()),
        }
    }
}

impl fmt::Display for Ticks {
    /// The shortest spelling a person would write: `90d`, `12h`, `5m`, else the canonical one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, word) in [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")] {
            if self.0 != 0 && self.0 % unit == 0 {
                return write!(f, "{}{word}", self.0 / unit);
            }
        }
        f.write_str(&self.canonical())
    }
}

impl Serialize for Ticks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.canonical())
    }
}

impl<'de> Deserialize<'de> for Ticks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a length of time")))
    }
}

/// Multiplies a decimal number written as text by a unit, exactly.
fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || (number.contains('.') && !digits(fraction)) || fraction.len() > 12 {
        return None;
    }
    let base = i128::from(whole.parse::<i64>().ok()?) * i128::from(unit);
    let part = match fraction {
        "" => 0,
        f => f.parse::<i128>().ok()? * i128::from(unit) / 10_i128.pow(u32::try_from(f.len()).ok()?),
    };
    i64::try_from(base + part).ok()
}

/// `[-][d.]hh:mm[:ss[.fffffff]]`
fn clock(text: &str) -> Option<Ticks> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (head, rest) = text.split_once(':')?;
    let (days, hours) = head.split_once('.').map_or(("0", head), |(d, h)| (d, h));
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let below = |text: &str, limit: i64| scaled(text, 1).filter(|n| *n < limit && !text.contains('.'));
    let whole = seconds.split('.').next().unwrap_or(seconds);
    below(whole, 60)?;
    let total = scaled(days, 1).filter(|_| !days.contains('.'))?.checked_mul(DAY)?;
    let total = total.checked_add(below(hours, 24)? * HOUR + below(minutes, 60)? * MINUTE)?;
    Some(Ticks(sign * total.checked_add(scaled(seconds, SECOND)?)?))
}

/// `P[nD][T[nH][nM][nS]]`; weeks too, months and years not, for they have no fixed length.
fn iso(text: &str) -> Option<Ticks> {
    let text = text.strip_prefix(['P', 'p'])?;
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text, ""),
    };
    let mut total: i64 = 0;
    let mut any = false;
    for (part, units) in
        [(date, &[('W', 7 * DAY), ('D', DAY)][..]), (time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)])]
    {
        let mut rest = part;
        let mut allowed = units;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let letter = rest[end..].chars().next()?.to_ascii_uppercase();
            let place = allowed.iter().position(|(word, _)| *word == letter)?;
            total = total.checked_add(scaled(&rest[..end], allowed[place].1)?)?;
            allowed = &allowed[place + 1..];
            rest = &rest[end + 1..];
            any = true;
        }
    }
    any.then_some(Ticks(total))
}

/// `90d`, `1.5h`, `100ms`, `10 seconds`.
fn unit(text: &str) -> Option<Ticks> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let unit = match text[end..].trim_start() {
        "d" | "day" | "days" => DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => SECOND / 1000,
        "microsecond" | "microseconds" => 10,
        "tick" | "ticks" => 1,
        _ => return None,
    };
    scaled(&text[..end], unit).map(Ticks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_agree() {
        for (spellings, display, iso) in [
            (&["90d", "90.00:00:00", "P90D", "90 days", "2160h", "PT2160H"][..], "90d", "P90D"),
            (&["1.5h", "01:30:00", "PT1H30M", "90m", "01:30"], "90m", "PT1H30M"),
            (&["0s", "00:00:00", "PT0S", "0.00:00:00.0000000"], "00:00:00", "PT0S"),
            (&["P14DT12H", "14.12:00:00", "14.5d"], "348h", "P14DT12H"),
            (&["1tick", "00:00:00.0000001"], "00:00:00.0000001", "PT0.0000001S"),
        ] {
            for spelling in spellings {
                let ticks = Ticks::parse(spelling).unwrap_or_else(|| panic!("{spelling} is refused"));
                assert_eq!(
                    (ticks.to_string().as_str(), ticks.iso8601().as_str()),
                    (display, iso),
                    "{spelling}"
                );
            }
        }
    }

    #[test]
    fn refuses_what_is_not_a_length_of_time() {
        for text in [
            "",
            "d",
            "90",
            "-",
            "1.2.3d",
            "24:00:00",
            "00:60:00",
            "P",
            "PT",
            "P1Y",
            "P1M",
            "90x",
            "99999999999999d",
            "P1D1D",
            "1:2:60",
            "𝟏d",
        ] {
            assert_eq!(Ticks::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(ticks in -(1_i64 << 60)..(1 << 60)) {
            prop_assert_eq!(Ticks::parse(&Ticks(ticks).canonical()), Some(Ticks(ticks)));
            let positive = ticks.abs();
            prop_assert_eq!(Ticks::parse(&Ticks(positive).iso8601()), Some(Ticks(positive)));
            prop_assert_eq!(Ticks::parse(&Ticks(positive).to_string()), Some(Ticks(positive)));
        }

        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = Ticks::parse(&text);
        }
    }
}
