//! Every request of an apply, on real HTTP, with every fault: refused, lost before and after its effect, and a crash
//! before and after it; then resumed, and separately rolled back.
//!
//! The laws of pairs of faults are held by the simulation in `tests/laws/`.

use crate::support::{complain, load, root};
use crate::world::World;
use adxform::emulator::{Exchange, Fault, Hook, Options};
use adxform::plan::Plan;
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::{Outcome, Report};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    Refuse,
    DropBefore,
    LoseReply,
    CrashBefore(Intent),
    CrashAfter(Intent),
}

const TRIALS: [Trial; 7] = [
    Trial::Refuse,
    Trial::DropBefore,
    Trial::LoseReply,
    Trial::CrashBefore(Intent::Resume),
    Trial::CrashBefore(Intent::Rollback),
    Trial::CrashAfter(Intent::Resume),
    Trial::CrashAfter(Intent::Rollback),
];

/// Strikes once, at the n-th request of some sort after it is armed.
struct Strike {
    of: fn(&Exchange) -> bool,
    at: usize,
    trial: Trial,
    armed: AtomicBool,
    seen: AtomicUsize,
    crash: Notify,
    struck: Mutex<String>,
}

impl Strike {
    fn new(of: fn(&Exchange) -> bool, at: usize, trial: Trial) -> Arc<Self> {
        let (armed, seen) = (AtomicBool::new(false), AtomicUsize::new(0));
        Arc::new(Self { of, at, trial, armed, seen, crash: Notify::new(), struck: Mutex::default() })
    }
}

impl Hook for Strike {
    fn before(&self, exchange: &Exchange) -> Fault {
        if !self.armed.load(Ordering::SeqCst)
            || !(self.of)(exchange)
            || self.seen.fetch_add(1, Ordering::SeqCst) + 1 != self.at
        {
            return Fault::None;
        }
        let what = exchange.csl.as_ref().unwrap_or(&exchange.path);
        *self.struck.lock().unwrap() = format!("{} {what}", exchange.method);
        match self.trial {
            Trial::Refuse => Fault::Refuse {
                status: 403,
                headers: Vec::new(),
                body: json!({"error": {"code": "Forbidden", "message": "no", "@message": "no", "@permanent": true}}),
            },
            Trial::DropBefore => Fault::DropBefore,
            Trial::LoseReply => Fault::LoseReply,
            Trial::CrashBefore(_) => {
                self.crash.notify_one();
                Fault::DropBefore
            }
            Trial::CrashAfter(_) => {
                self.crash.notify_one();
                Fault::LoseReply
            }
        }
    }
}

/// Carries a plan out under a fault, taken up again where the fault or a reading stopped it.
async fn struck_run(world: &World, plan: &Plan, strike: &Strike) -> Result<Report, String> {
    strike.armed.store(true, Ordering::SeqCst);
    let report = tokio::select! {
        biased;
        () = strike.crash.notified() => None,
        (report, _) = world.apply(plan, OnFailure::Rollback) => Some(report),
    };
    strike.armed.store(false, Ordering::SeqCst);
    let report = match (report, strike.trial) {
        (Some(report), _) => report,
        (None, Trial::CrashBefore(intent) | Trial::CrashAfter(intent)) => {
            world.take_up(&world.newest(), intent).await
        }
        (None, _) => return Err("it crashed by itself".to_owned()),
    };
    // A reading that is refused leaves the run where it is, nothing in doubt; one command goes on.
    Ok(match report.outcome {
        Outcome::Blocked(_) if report.unsettled.is_empty() => {
            world.take_up(&world.newest(), Intent::Resume).await
        }
        _ => report,
    })
}

/// One apply with one fault; what is wrong about its end, if anything.
async fn trial(example: &str, at: usize, trial: Trial) -> Result<(), String> {
    let spec = load(&root().join("examples").join(example));
    let strike = Strike::new(|_| true, at, trial);
    let world = World::new(Some(strike.clone())).await;
    let plan = world.plan(&spec, false).await;
    let report = struck_run(&world, &plan, &strike).await?;
    let struck = strike.struck.lock().unwrap().clone();
    let place = || {
        format!(
            "{example}: {trial:?} at request {at} ({struck}): {:?}\n{}",
            report.outcome,
            report.sentences.join("\n")
        )
    };
    let live = world.look(&plan.scope).await.inventory;
    match report.outcome {
        Outcome::Done if world.plan(&spec, false).await.is_empty() => Ok(()),
        Outcome::Done => Err(format!("{}\nthe second plan is not empty", place())),
        Outcome::RolledBack if live.is_empty() => Ok(()),
        Outcome::RolledBack => Err(format!("{}\nit leaves {} things", place(), live.len())),
        _ => Err(place()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_with_every_fault_ends_before_or_after() {
    every_fault("event-grid").await;
}

/// Among these are things that are never absent, so that finding one does not say who made it so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_the_commands_of_a_cluster() {
    every_fault("governance").await;
}

async fn every_fault(example: &'static str) {
    let spec = load(&root().join("examples").join(example));
    let world = World::new(None).await;
    let plan = world.plan(&spec, false).await;
    let before = world.emulator.requests().len();
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done);
    let requests = world.emulator.requests().len() - before;
    let mut tasks: JoinSet<Result<(), String>> = JoinSet::new();
    let mut complaints = Vec::new();
    for (at, fault) in (1..=requests).flat_map(|at| TRIALS.map(|fault| (at, fault))) {
        if tasks.len() >= 6 {
            complaints.extend(tasks.join_next().await.unwrap().unwrap().err());
        }
        tasks.spawn(trial(example, at, fault));
    }
    while let Some(ended) = tasks.join_next().await {
        complaints.extend(ended.unwrap().err());
    }
    println!("{requests} requests × {} faults", TRIALS.len());
    complain(&complaints);
}

/// How long a backfill lasts here: longer than a run waits before it believes that a lost request did nothing.
const BACKFILL: Duration = Duration::from_millis(900);

/// One backfill with one fault at its command, or at a look at its operation.
async fn backfill(at: usize, trial: Trial) -> Result<(), String> {
    let asks = |exchange: &Exchange| {
        exchange
            .csl
            .as_ref()
            .is_some_and(|csl| csl.starts_with(".create async") || csl.starts_with(".show operations"))
    };
    let strike = Strike::new(asks, at, trial);
    let options = Options { hook: Some(strike.clone()), backfill: Some(BACKFILL), ..Options::default() };
    let world = World::with(options).await;
    let before = load(&root().join("tests/product/backfill/before"));
    let (report, _) = world.apply(&world.plan(&before, false).await, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done);
    let spec = load(&root().join("tests/product/backfill/after"));
    let plan = world.plan(&spec, false).await;
    let report = struck_run(&world, &plan, &strike).await?;
    tokio::time::sleep(BACKFILL + Duration::from_millis(100)).await;
    let live = world.look(&plan.scope).await.inventory;
    let left = live.iter().find(|(_, thing)| thing.kind == "materializedView");
    match report.outcome {
        Outcome::Done if world.plan(&spec, false).await.is_empty() => Ok(()),
        Outcome::RolledBack if left.is_none() => Ok(()),
        outcome => Err(format!(
            "{trial:?} at request {at} ({}): {outcome:?}, and then {left:?}\n{}",
            strike.struck.lock().unwrap(),
            report.sentences.join("\n")
        )),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_with_every_fault_ends_before_or_after() {
    let mut tasks: JoinSet<Result<(), String>> = JoinSet::new();
    let trials = (1..=3).flat_map(|at| TRIALS.map(|fault| (at, fault)));
    trials.for_each(|(at, fault)| drop(tasks.spawn(backfill(at, fault))));
    let mut complaints = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        complaints.extend(ended.unwrap().err());
    }
    complain(&complaints);
}
