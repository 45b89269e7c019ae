//! Pairs of faults on real HTTP: two requests of one run's whole history, what comes after a crash included, each
//! refused, lost or the end of the process; then resumed or rolled back until it is over.
//!
//! A small change goes through every request with every fault alone, which tells how many requests there are then, and
//! each of those gets a second fault. There are too many pairs for every day, and far more of a larger change, so samples
//! are taken: `ADXFORM_PAIRS=5000 cargo test --test product pairs` takes more, `ADXFORM_PAIRS=all` every one, and
//! `ADXFORM_SEED=N` others; `ADXFORM_AT_ONCE=24` goes through more of them beside each other, for most of their time is
//! waiting. All of them, 24,000 histories, take twelve minutes on two cores in an optimised build:
//!
//!     ADXFORM_PAIRS=all ADXFORM_AT_ONCE=24 cargo test --profile profiling --test product pairs
//!
//! The simulation in `tests/laws/` goes through every pair of every kind of fault.

use crate::dice::Dice;
use crate::support::{complain, load, root};
use crate::world::World;
use adxform::emulator::{Exchange, Fault, Hook};
use adxform::plan::Plan;
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::{Outcome, Report};
use adxform::spec::Spec;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    Refuse,
    LoseRequest,
    LoseReply,
    CrashBefore,
    CrashAfter,
}

const TRIALS: [Trial; 5] =
    [Trial::Refuse, Trial::LoseRequest, Trial::LoseReply, Trial::CrashBefore, Trial::CrashAfter];

/// What only reads has no effect: before and after it are the same.
const OF_READING: [Trial; 3] = [Trial::Refuse, Trial::LoseReply, Trial::CrashAfter];

/// What is changed: from nothing, or from what another spec has made.
#[derive(Debug, Clone, Copy)]
struct Change {
    before: Option<&'static str>,
    after: &'static str,
}

const SMALL: Change = Change { before: Some("before.yaml"), after: "after.yaml" };
const LARGE: Change = Change { before: None, after: "large.yaml" };

#[derive(Debug, Clone, Copy)]
struct Case {
    change: Change,
    strikes: [Option<(usize, Trial)>; 2],
    intent: Intent,
}

/// What became of a case that ended as it must.
#[derive(Debug, Clone)]
struct Went {
    case: Case,
    /// The requests that came, and whether each would write.
    requests: Vec<bool>,
    /// Whether it was taken up, so that it matters what for.
    taken_up: bool,
}

/// Strikes at requests of those that come while it is armed.
struct Pair {
    strikes: [Option<(usize, Trial)>; 2],
    armed: AtomicBool,
    seen: Mutex<Vec<bool>>,
    crash: Notify,
}

impl Hook for Pair {
    fn before(&self, exchange: &Exchange) -> Fault {
        if !self.armed.load(Ordering::SeqCst) {
            return Fault::None;
        }
        let at = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(exchange.is_write);
            seen.len()
        };
        let Some((_, trial)) = self.strikes.iter().flatten().find(|(place, _)| *place == at) else {
            return Fault::None;
        };
        if matches!(trial, Trial::CrashBefore | Trial::CrashAfter) {
            self.crash.notify_one();
        }
        match trial {
            Trial::Refuse => Fault::Refuse {
                status: 403,
                headers: Vec::new(),
                body: json!({"error": {"code": "Forbidden", "message": "no", "@message": "no", "@permanent": true}}),
            },
            Trial::LoseRequest | Trial::CrashBefore => Fault::DropBefore,
            Trial::LoseReply | Trial::CrashAfter => Fault::LoseReply,
        }
    }
}

fn spec(name: &str) -> Spec {
    load(&root().join("tests/product/pairs").join(name))
}

/// What a plan would do to what: as long as live does not change, that does not either.
fn deeds(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| format!("{:?} {} {:?}", step.action, step.address, step.change)).collect()
}

/// A world as it stands before a change.
async fn world(change: Change, hook: Option<Arc<dyn Hook>>) -> World {
    let world = World::new(hook).await;
    if let Some(before) = change.before {
        let plan = world.plan(&spec(before), false).await;
        let report = world.apply(&plan, OnFailure::Stop).await.0;
        assert_eq!(report.outcome, Outcome::Done, "{:?}", report.sentences);
    }
    world
}

/// Runs something until it ends or the process would have died.
async fn until_crash(pair: &Pair, run: impl Future<Output = Report>) -> Option<Report> {
    tokio::select! {
        biased;
        () = pair.crash.notified() => None,
        report = run => Some(report),
    }
}

/// One history with its faults; what is wrong about its end, if anything.
async fn history(case: Case) -> Result<Went, String> {
    let (armed, seen) = (AtomicBool::new(false), Mutex::default());
    let pair = Arc::new(Pair { strikes: case.strikes, armed, seen, crash: Notify::new() });
    let world = world(case.change, Some(pair.clone())).await;
    let spec = spec(case.change.after);
    let plan = world.plan(&spec, false).await;
    pair.armed.store(true, Ordering::SeqCst);
    let mut report = until_crash(&pair, async { world.apply(&plan, OnFailure::Rollback).await.0 }).await;
    let mut taken_up = false;
    for _ in 0..4 {
        let over = report.as_ref().is_some_and(|report| {
            matches!(report.outcome, Outcome::Done | Outcome::RolledBack | Outcome::NeedsPerson)
        });
        if over {
            break;
        }
        taken_up = true;
        // A reading that is refused leaves the run where it is; the same command goes on.
        report = until_crash(&pair, world.take_up(&world.newest(), case.intent)).await;
    }
    pair.armed.store(false, Ordering::SeqCst);
    let requests = pair.seen.lock().unwrap().clone();
    let report = report.ok_or_else(|| format!("{case:?}: it is not over"))?;
    let again = world.plan(&spec, false).await;
    let wrong = match report.outcome {
        Outcome::Done if again.is_empty() => None,
        Outcome::Done => Some(format!("the second plan is not empty: {:#?}", deeds(&again))),
        Outcome::RolledBack if deeds(&again) == deeds(&plan) => None,
        Outcome::RolledBack => Some(format!("what is left to do is not what it was: {:#?}", deeds(&again))),
        ref other => Some(format!("{other:?}")),
    };
    world.emulator.stop().await;
    match wrong {
        None => Ok(Went { case, requests, taken_up }),
        Some(wrong) => Err(format!("{case:?}: {wrong}\n{}", report.sentences.join("\n"))),
    }
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// All histories, some of them beside each other; fails with every complaint at once.
async fn all(cases: impl IntoIterator<Item = Case>) -> Vec<Went> {
    let at_once = number("ADXFORM_AT_ONCE").unwrap_or(12);
    let mut tasks: JoinSet<Result<Went, String>> = JoinSet::new();
    let mut ends = Vec::new();
    for case in cases {
        if tasks.len() >= at_once {
            ends.push(tasks.join_next().await.unwrap().unwrap());
        }
        tasks.spawn(history(case));
    }
    while let Some(ended) = tasks.join_next().await {
        ends.push(ended.unwrap());
    }
    let (went, complaints): (Vec<_>, Vec<_>) = ends.into_iter().partition(Result::is_ok);
    complain(&complaints.into_iter().filter_map(Result::err).collect::<Vec<_>>());
    went.into_iter().flatten().collect()
}

impl Went {
    fn struck_twice(&self) -> bool {
        self.case.strikes[1].is_some_and(|(at, _)| at <= self.requests.len())
    }
}

/// Every fault at every request of a history that comes after its last one.
fn faults(went: &Went) -> impl Iterator<Item = (usize, Trial)> {
    let last = went.case.strikes.iter().flatten().map(|(at, _)| *at).max().unwrap_or(0);
    let after = went.requests.iter().enumerate().skip(last);
    after.flat_map(|(at, writes)| {
        let trials: &[Trial] = if *writes { &TRIALS } else { &OF_READING };
        trials.iter().map(move |trial| (at + 1, *trial))
    })
}

/// What never had to be taken up goes the same way whatever it would have been taken up for.
fn the_other_way(went: &[Went]) -> Vec<Case> {
    let taken_up = went.iter().filter(|went| went.taken_up);
    taken_up.map(|went| Case { intent: Intent::Rollback, ..went.case }).collect()
}

/// As many of some cases as are asked for, or all.
fn sample(cases: impl IntoIterator<Item = Case>) -> Vec<Case> {
    let mut cases: Vec<Case> = cases.into_iter().collect();
    let wanted = std::env::var("ADXFORM_PAIRS").map_or(120, |text| text.parse().unwrap_or(usize::MAX));
    let mut dice = Dice::new(number("ADXFORM_SEED").unwrap_or(1) as u64, "pairs");
    while cases.len() > wanted {
        cases.swap_remove(dice.below(cases.len()));
    }
    cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_and_pairs_of_them_on_a_small_change_end_before_or_after() {
    let plain = Case { change: SMALL, strikes: [None, None], intent: Intent::Resume };
    let none = all([plain]).await.remove(0);
    let alone = faults(&none).map(|strike| Case { strikes: [Some(strike), None], ..plain });
    let mut one = all(alone).await;
    one.extend(all(the_other_way(&one)).await);
    let second = |went: &Went| {
        let case = went.case;
        let cases = faults(went).map(|strike| Case { strikes: [case.strikes[0], Some(strike)], ..case });
        cases.collect::<Vec<_>>()
    };
    let (both_ways, one_way): (Vec<&Went>, Vec<&Went>) = one.iter().partition(|went| went.taken_up);
    let (both_ways, one_way) =
        (sample(both_ways.into_iter().flat_map(second)), sample(one_way.into_iter().flat_map(second)));
    let mut two = all(one_way).await;
    two.extend(all(the_other_way(&two)).await);
    two.extend(all(both_ways).await);
    println!(
        "{} requests, {} histories with one fault and {} with two; {} of them taken up",
        none.requests.len(),
        one.len(),
        two.len(),
        two.iter().filter(|went| went.taken_up).count()
    );
    let both = two.iter().filter(|went| went.struck_twice());
    assert!(both.count() * 10 >= two.len() * 9, "second faults that never struck");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pairs_of_faults_end_before_or_after() {
    let plain = Case { change: LARGE, strikes: [None, None], intent: Intent::Resume };
    let requests = all([plain]).await[0].requests.len();
    let mut cases = Vec::new();
    for first in 1..=requests {
        // After the first fault there are other requests than without it, and about as many again.
        for second in first + 1..=2 * requests {
            for (a, b) in TRIALS.iter().flat_map(|a| TRIALS.map(|b| (*a, b))) {
                for intent in [Intent::Resume, Intent::Rollback] {
                    let strikes = [Some((first, a)), Some((second, b))];
                    cases.push(Case { strikes, intent, ..plain });
                }
            }
        }
    }
    let possible = cases.len();
    let cases = sample(cases);
    let taken = cases.len();
    let went = all(cases).await;
    let both = went.iter().filter(|went| went.struck_twice()).count();
    println!("{taken} of {possible} pairs of faults over {requests} requests; both struck in {both}");
    assert!(both * 3 > taken, "only {both} of {taken} pairs struck twice");
}
