//! Pairs of faults on real HTTP: two requests of one run's whole history, what comes after a crash included, each
//! refused, lost or the end of the process; then resumed or rolled back until it is over.
//!
//! There are too many pairs for every day, so a sample is taken: `ADXFORM_PAIRS=5000 cargo test --test product pairs`
//! takes more, `ADXFORM_PAIRS=all` every one, and `ADXFORM_SEED=N` another sample; `ADXFORM_AT_ONCE=24` goes through more
//! of them beside each other, for most of their time is waiting. The simulation in `tests/laws/` goes through every pair.

use crate::dice::Dice;
use crate::support::{complain, load, root};
use crate::world::World;
use adxform::emulator::{Exchange, Fault, Hook};
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::{Outcome, Report};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

#[derive(Debug, Clone, Copy)]
struct Case {
    strikes: [(usize, Trial); 2],
    intent: Intent,
}

/// Strikes at two requests of those that come while it is armed.
struct Pair {
    strikes: [(usize, Trial); 2],
    armed: AtomicBool,
    seen: AtomicUsize,
    crash: Notify,
}

impl Hook for Pair {
    fn before(&self, _: &Exchange) -> Fault {
        if !self.armed.load(Ordering::SeqCst) {
            return Fault::None;
        }
        let at = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let Some((_, trial)) = self.strikes.iter().find(|(place, _)| *place == at) else {
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

/// Runs something until it ends or the process would have died.
async fn until_crash(pair: &Pair, run: impl Future<Output = Report>) -> Option<Report> {
    tokio::select! {
        biased;
        () = pair.crash.notified() => None,
        report = run => Some(report),
    }
}

/// One history with two faults; whether both struck, or what is wrong about its end.
async fn history(case: Case) -> Result<bool, String> {
    let spec = load(&root().join("tests/product/pairs.yaml"));
    let (armed, seen) = (AtomicBool::new(false), AtomicUsize::new(0));
    let pair = Arc::new(Pair { strikes: case.strikes, armed, seen, crash: Notify::new() });
    let world = World::new(Some(pair.clone())).await;
    let plan = world.plan(&spec, false).await;
    pair.armed.store(true, Ordering::SeqCst);
    let mut report = until_crash(&pair, async { world.apply(&plan, OnFailure::Rollback).await.0 }).await;
    for _ in 0..4 {
        let over = report.as_ref().is_some_and(|report| {
            matches!(report.outcome, Outcome::Done | Outcome::RolledBack | Outcome::NeedsPerson)
        });
        if over {
            break;
        }
        // A reading that is refused leaves the run where it is; the same command goes on.
        report = until_crash(&pair, world.take_up(&world.newest(), case.intent)).await;
    }
    pair.armed.store(false, Ordering::SeqCst);
    let both = case.strikes.iter().all(|(at, _)| *at <= pair.seen.load(Ordering::SeqCst));
    let report = report.ok_or_else(|| format!("{case:?}: it is not over"))?;
    let live = world.look(&plan.scope).await.inventory;
    let wrong = match report.outcome {
        Outcome::Done if world.plan(&spec, false).await.is_empty() => None,
        Outcome::Done => Some("the second plan is not empty".to_owned()),
        Outcome::RolledBack if live.is_empty() => None,
        Outcome::RolledBack => Some(format!("it leaves {} things", live.len())),
        ref other => Some(format!("{other:?}")),
    };
    world.emulator.stop().await;
    match wrong {
        None => Ok(both),
        Some(wrong) => Err(format!("{case:?}: {wrong}\n{}", report.sentences.join("\n"))),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pairs_of_faults_end_before_or_after() {
    let spec = load(&root().join("tests/product/pairs.yaml"));
    let world = World::new(None).await;
    let plan = world.plan(&spec, false).await;
    let before = world.emulator.requests().len();
    assert_eq!(world.apply(&plan, OnFailure::Rollback).await.0.outcome, Outcome::Done);
    let requests = world.emulator.requests().len() - before;
    world.emulator.stop().await;
    let mut cases = Vec::new();
    for first in 1..=requests {
        // After the first fault there are other requests than without it, and about as many again.
        for second in first + 1..=2 * requests {
            for (a, b) in TRIALS.iter().flat_map(|a| TRIALS.map(|b| (*a, b))) {
                for intent in [Intent::Resume, Intent::Rollback] {
                    cases.push(Case { strikes: [(first, a), (second, b)], intent });
                }
            }
        }
    }
    let all = cases.len();
    let given = |name: &str| std::env::var(name).ok();
    let wanted = given("ADXFORM_PAIRS").map_or(120, |text| text.parse().unwrap_or(all));
    let seed = given("ADXFORM_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut dice = Dice::new(seed, "pairs");
    while cases.len() > wanted {
        cases.swap_remove(dice.below(cases.len()));
    }
    let taken = cases.len();
    let at_once = given("ADXFORM_AT_ONCE").and_then(|text| text.parse().ok()).unwrap_or(6);
    let mut tasks: JoinSet<Result<bool, String>> = JoinSet::new();
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
    let both = ends.iter().filter(|end| **end == Ok(true)).count();
    println!("{taken} of {all} pairs of faults over {requests} requests, seed {seed}; both struck in {both}");
    let complaints: Vec<String> = ends.into_iter().filter_map(Result::err).collect();
    complain(&complaints);
    assert!(both * 3 > taken, "only {both} of {taken} pairs struck twice");
}
