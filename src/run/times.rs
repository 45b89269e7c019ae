//! What past runs took: the seconds of each kind and action, as their journals tell.
//!
//! Invariant: what was interrupted, refused or in doubt teaches nothing (test: `the_median_of_what_succeeded`).

use super::event::{Event, Happened, Way};
use super::journal::Recorded;
use crate::plan::Times;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The median of what the steps of past runs took, from the record before a request to the one of its success.
pub fn learned<'a>(runs: impl Iterator<Item = &'a Recorded>) -> Times {
    let mut all: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for run in runs {
        for (step, seconds) in taken(run) {
            if let Some(step) = run.header.plan.steps.get(step) {
                all.entry((step.kind.clone(), step.action)).or_default().push(seconds);
            }
        }
    }
    let median = |mut taken: Vec<u32>| {
        taken.sort_unstable();
        taken[taken.len() / 2]
    };
    all.into_iter().map(|(of, taken)| (of, median(taken))).collect()
}

/// The steps of a run that succeeded at the first try, with their seconds, rounded up.
fn taken(run: &Recorded) -> Vec<(usize, u32)> {
    let mut begun: BTreeMap<usize, OffsetDateTime> = BTreeMap::new();
    let mut taken = Vec::new();
    for frame in &run.frames {
        let Ok(at) = OffsetDateTime::parse(&frame.at, &Rfc3339) else { continue };
        for event in &frame.events {
            match event {
                Event::Step { step, way: Way::Apply, happened } => match happened {
                    Happened::Started { .. } => drop(begun.insert(*step, at)),
                    Happened::Begun { .. } | Happened::CheckStarted | Happened::CheckPassed => {}
                    Happened::Finished { .. } => {
                        let milliseconds = begun.remove(step).map(|from| (at - from).whole_milliseconds());
                        let seconds = milliseconds
                            .and_then(|ms| u32::try_from(ms.max(1).unsigned_abs().div_ceil(1000)).ok());
                        taken.extend(seconds.map(|seconds| (*step, seconds)));
                    }
                    _ => drop(begun.remove(step)),
                },
                // The time in which no process was there is nobody's.
                Event::Resumed { .. } => begun.clear(),
                _ => {}
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Action;
    use crate::run::event::{Attributes, Intent};
    use crate::run::journal::{FORMAT, Frame, Header};
    use crate::run::machine::Policy;
    use crate::run::testing::plan;
    use std::sync::Arc;

    fn frame(second: u32, events: Vec<Event>) -> Frame {
        Frame { n: 1, at: format!("2026-01-01T00:00:{second:02}.25Z"), events }
    }

    fn started() -> Happened {
        Happened::Started { part: 0, id: String::new(), at: String::new() }
    }

    fn finished() -> Happened {
        Happened::Finished { outputs: Attributes::new(), trace: None }
    }

    fn run(frames: Vec<Frame>) -> Recorded {
        let header = Header {
            format: FORMAT,
            run: String::new(),
            tool: String::new(),
            target: String::new(),
            who: String::new(),
            started: String::new(),
            policy: Policy::default(),
            plan: Arc::new(plan(3)),
        };
        Recorded { header, frames, intact: 0, torn: false }
    }

    #[test]
    fn the_median_of_what_succeeded() {
        let lasting = |seconds: u32| {
            run(vec![
                frame(0, vec![Event::apply(0, started())]),
                frame(seconds, vec![Event::apply(0, finished())]),
            ])
        };
        let cut_off = run(vec![
            frame(0, vec![Event::apply(0, started()), Event::apply(1, started())]),
            frame(1, vec![Event::apply(1, Happened::Lost { why: String::new() })]),
            frame(50, vec![Event::Resumed { intent: Intent::Resume }]),
            frame(59, vec![Event::apply(0, finished()), Event::apply(1, finished())]),
        ]);
        let runs = [lasting(9), cut_off, lasting(2), lasting(4)];
        let times = learned(runs.iter());
        assert_eq!(times.into_iter().collect::<Vec<_>>(), [(("thing".into(), Action::Create), 4)]);
    }
}
