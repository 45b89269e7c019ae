//! The ids of runs, which sort by time (test: `a_new_run_is_the_newest_whatever_the_clock_does`).

use time::OffsetDateTime;

/// A new id: the moment, so that ids sort by time, and four letters against coincidence. Where the clock went back, it
/// is the moment of the newest run and a bit, so that the new run is the newest.
pub(super) fn new(now: OffsetDateTime, newest: Option<&str>) -> String {
    let stamp = stamp(now);
    let stamp = match newest.and_then(moment).filter(|newest| stamp <= self::stamp(*newest)) {
        Some(newest) => self::stamp(newest + time::Duration::milliseconds(1)),
        None => stamp,
    };
    let tail = uuid::Uuid::new_v4().simple().to_string();
    format!("{stamp}-{}", &tail[..4])
}

fn stamp(now: OffsetDateTime) -> String {
    let (hour, minute, second) = now.to_hms();
    let (year, month, day) = now.to_calendar_date();
    let milli = now.millisecond();
    format!("{year}{:02}{day:02}-{hour:02}{minute:02}{second:02}{milli:03}", u8::from(month))
}

/// The moment in an id.
fn moment(id: &str) -> Option<OffsetDateTime> {
    let digits: String = id.split('-').take(2).collect();
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u16>().ok();
    let small = |from: usize, to: usize| number(from, to).and_then(|number| u8::try_from(number).ok());
    let month = time::Month::try_from(small(4, 6)?).ok()?;
    let date = time::Date::from_calendar_date(i32::from(number(0, 4)?), month, small(6, 8)?).ok()?;
    let time = time::Time::from_hms_milli(small(8, 10)?, small(10, 12)?, small(12, 14)?, number(14, 17)?);
    Some(date.with_time(time.ok()?).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_new_run_is_the_newest_whatever_the_clock_does(seconds in 0_i64..4_000_000_000, jump in -90_000_000_i64..90_000_000) {
            let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let first = new(at(seconds), None);
            let later = new(at((seconds + jump).max(0)), Some(&first));
            prop_assert!(later > first, "{first} {later}");
            prop_assert!(new(at(seconds), Some(&later)) > later);
            let told = moment(&first).map(stamp);
            prop_assert_eq!(told.as_deref(), Some(&first[..18]));
            prop_assert!(new(at(seconds), Some("somebody's own")).starts_with(&first[..18]));
        }
    }
}
