//! Durations as the control plane writes them: ISO 8601 to and from ticks of 100 ns.
//!
//! Invariant: what is printed reads back as the same number of ticks (test: `what_is_printed_reads_back`).

const SECOND: i64 = 10_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Ticks of an ISO 8601 duration of days, hours, minutes and seconds; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (days, clock) =
        text.strip_prefix('P')?.split_once('T').map_or((&text[1..], ""), |(days, clock)| (days, clock));
    if days.is_empty() && clock.is_empty() {
        return None;
    }
    let ticks = part(days, &[('W', 7 * DAY), ('D', DAY)])?;
    ticks.checked_add(part(clock, &[('H', 3600 * SECOND), ('M', 60 * SECOND), ('S', SECOND)])?)
}

fn part(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut ticks = 0_i64;
    for (unit, size) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        ticks = ticks.checked_add(amount(number, *size)?)?;
        text = rest;
    }
    text.is_empty().then_some(ticks)
}

fn amount(number: &str, size: i64) -> Option<i64> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 7 {
        return None;
    }
    let mut ticks = whole.parse::<i64>().ok()?.checked_mul(size)?;
    let mut step = size;
    for digit in decimals.bytes() {
        step /= 10;
        ticks = ticks.checked_add(i64::from(digit - b'0').checked_mul(step)?)?;
    }
    Some(ticks)
}

/// The duration in the service's form: `P14DT12H`, `PT0.5S`.
pub(super) fn print(ticks: i64) -> String {
    let ticks = ticks.max(0);
    let (days, rest) = (ticks / DAY, ticks % DAY);
    let (hours, rest) = (rest / (3600 * SECOND), rest % (3600 * SECOND));
    let (minutes, rest) = (rest / (60 * SECOND), rest % (60 * SECOND));
    let (seconds, rest) = (rest / SECOND, rest % SECOND);
    let mut clock = String::new();
    for (number, unit) in [(hours, 'H'), (minutes, 'M')] {
        if number > 0 {
            clock.push_str(&format!("{number}{unit}"));
        }
    }
    if rest > 0 {
        clock.push_str(format!("{seconds}.{rest:07}").trim_end_matches('0'));
        clock.push('S');
    } else if seconds > 0 {
        clock.push_str(&format!("{seconds}S"));
    }
    match (days, clock.is_empty()) {
        (0, true) => "PT0S".to_owned(),
        (0, false) => format!("PT{clock}"),
        (_, true) => format!("P{days}D"),
        (_, false) => format!("P{days}DT{clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ticks in 0_i64..i64::MAX) {
            prop_assert_eq!(parse(&print(ticks)), Some(ticks));
        }

        #[test]
        fn anything_else_is_refused_without_a_panic(text in "P?[0-9WDTHMS.-]{0,12}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn one_duration_has_several_spellings() {
        assert_eq!(parse("P7D"), parse("PT168H"));
        assert_eq!(print(parse("PT348H").unwrap()), "P14DT12H");
        for bad in ["", "P", "7D", "PT", "P1Y", "PD", "P-1D"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
