//! Every request of an apply, on real HTTP, with every fault: refused, lost before and after its effect, and a crash
//! before and after it; then resumed, and separately rolled back.
//!
//! The laws of pairs of faults are held by the simulation in `tests/laws/`.

use crate::support::{complain, load, root};
use crate::world::World;
use adxform::emulator::{Exchange, Fault, Hook};
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
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

/// Strikes once, at the n-th request after it is armed.
struct Strike {
    at: usize,
    trial: Trial,
    armed: AtomicBool,
    seen: AtomicUsize,
    crash: Notify,
    struck: Mutex<String>,
}

impl Strike {
    fn new(at: usize, trial: Trial) -> Arc<Self> {
        let (armed, seen) = (AtomicBool::new(false), AtomicUsize::new(0));
        Arc::new(Self { at, trial, armed, seen, crash: Notify::new(), struck: Mutex::default() })
    }
}

impl Hook for Strike {
    fn before(&self, exchange: &Exchange) -> Fault {
        if !self.armed.load(Ordering::SeqCst) || self.seen.fetch_add(1, Ordering::SeqCst) + 1 != self.at {
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

/// One apply with one fault; what is wrong about its end, if anything.
async fn trial(example: &str, at: usize, trial: Trial) -> Result<(), String> {
    let spec = load(&root().join("examples").join(example));
    let strike = Strike::new(at, trial);
    let world = World::new(Some(strike.clone())).await;
    let plan = world.plan(&spec, false).await;
    strike.armed.store(true, Ordering::SeqCst);
    let report = tokio::select! {
        biased;
        () = strike.crash.notified() => None,
        (report, _) = world.apply(&plan, OnFailure::Rollback) => Some(report),
    };
    strike.armed.store(false, Ordering::SeqCst);
    let struck = strike.struck.lock().unwrap().clone();
    let report = match (report, trial) {
        (Some(report), _) => report,
        (None, Trial::CrashBefore(intent) | Trial::CrashAfter(intent)) => {
            world.take_up(&world.newest(), intent).await
        }
        (None, _) => return Err("it crashed by itself".to_owned()),
    };
    // A reading that is refused leaves the run where it is, nothing in doubt; one command goes on.
    let report = match report.outcome {
        Outcome::Blocked(_) if report.unsettled.is_empty() => {
            world.take_up(&world.newest(), Intent::Resume).await
        }
        _ => report,
    };
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
