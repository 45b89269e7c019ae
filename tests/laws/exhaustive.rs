//! Every request × every fault, and every pair, then resume and, separately, rollback.

use crate::dice::Dice;
use crate::faults::{Fault, Faults};
use crate::judge::judge;
use crate::plans;
use crate::session::{Disk, End, Shared, Start, Wishes, session};
use crate::simulate;
use crate::world::World;
use adxform::model::Inventory;
use adxform::plan::Plan;
use adxform::run::event::Intent;
use adxform::run::machine::{OnFailure, Policy};
use adxform::run::report::Outcome;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A landing zone in small: a cluster with what it contains, something changed, and something taken away.
fn landing_zone() -> (Plan, Inventory) {
    plans::fixed(&[
        ("clusters.a", None, Some(1), &[], true),
        ("clusters.a.databases.d", None, Some(1), &[0], true),
        ("clusters.a.databases.d.tables.t", None, Some(1), &[1], true),
        ("clusters.a.databases.d.dataConnections.c", None, Some(1), &[2], true),
        ("clusters.b.databases.d.tables.u", Some(1), Some(2), &[], true),
        ("clusters.b.databases.d.tables.v", Some(1), None, &[4], true),
    ])
}

/// The same with a line of no return: what stands behind it cannot be undone.
fn with_a_line() -> (Plan, Inventory) {
    plans::fixed(&[
        ("clusters.a.databases.d", None, Some(1), &[], true),
        ("clusters.a.databases.d.tables.t", None, Some(1), &[0], true),
        ("clusters.b.databases.d.tables.u", Some(1), None, &[1], false),
        ("clusters.b.databases.d", Some(1), None, &[2], false),
    ])
}

/// A run with given faults, taken up with an intent as long as it is not over; what is wrong with it.
async fn run(
    plan: &Arc<Plan>,
    live: &Inventory,
    faults: BTreeMap<usize, Fault>,
    intent: Intent,
    on_failure: OnFailure,
) -> (Vec<String>, usize) {
    const NOBODY: Wishes = Wishes { interrupts: [None, None], lock: None, jump: None };
    let policy = Policy { on_failure, ..Policy::default() };
    let world = World::new(Arc::clone(plan), live.clone(), Faults::Given(faults), Dice::new(7, "delays"));
    let shared = Shared::new(world, Disk::default());
    let mut dice = Dice::new(7, "landings");
    let mut end = session(&shared, Start::Begin(policy), NOBODY, &mut dice).await;
    let mut last = None;
    for _ in 0..8 {
        match end {
            End::Crashed => {
                last = Some(intent);
                end = session(&shared, Start::TakeUp(intent), NOBODY, &mut dice).await;
            }
            End::Report(report) => {
                let over =
                    !matches!(report.outcome, Outcome::Left | Outcome::Blocked(_) | Outcome::JournalLost(_));
                let requests = shared.world().requests;
                let mut wrong = judge(&mut shared.world(), &report, policy, last);
                if !over {
                    wrong.push(format!("it came to {:?}", report.outcome));
                }
                return (wrong, requests);
            }
            End::Refused(why) => return (vec![why], 0),
            End::NeverBegun => return (vec!["it never began".to_owned()], 0),
        }
    }
    (vec!["it is not over after eight sessions".to_owned()], 0)
}

/// Runs every choice of at most `at_once` faulty requests.
fn exhaust((plan, live): (Plan, Inventory), at_once: usize) -> usize {
    let plan = Arc::new(plan);
    let mut runs = 0;
    for intent in [Intent::Resume, Intent::Rollback] {
        for on_failure in [OnFailure::Rollback, OnFailure::Stop] {
            let mut choices = vec![BTreeMap::new()];
            while let Some(faults) = choices.pop() {
                let (wrong, requests) = simulate(run(&plan, &live, faults.clone(), intent, on_failure));
                runs += 1;
                assert!(wrong.is_empty(), "{faults:?}, then {intent:?}, {on_failure:?}: {wrong:#?}");
                let from = faults.keys().next_back().map_or(0, |last| last + 1);
                if faults.len() < at_once {
                    let more =
                        (from..requests).flat_map(|at| Fault::OF_ARM.iter().map(move |fault| (at, *fault)));
                    choices.extend(more.map(|(at, fault)| {
                        let mut faults = faults.clone();
                        faults.insert(at, fault);
                        faults
                    }));
                }
            }
        }
    }
    runs
}

#[test]
fn every_request_and_every_pair() {
    let runs = exhaust(landing_zone(), 2);
    assert!(runs > 10_000, "only {runs} runs");
}

#[test]
fn every_request_and_every_pair_around_the_line() {
    let runs = exhaust(with_a_line(), 2);
    assert!(runs > 3_000, "only {runs} runs");
}
