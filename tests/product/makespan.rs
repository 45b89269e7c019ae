//! The scheduler: a run takes hardly longer than it must, and the service never has to refuse it for other work.
//!
//! How long a run takes is counted on a clock of its own, on which each request lasts what the service takes for it; no
//! test waits.

use crate::support::{load, root};
use crate::world::World;
use adxform::kind;
use adxform::model::{Address, Request};
use adxform::plan::{Plan, Step};
use adxform::run::event::{Attributes, Event, Happened, Way};
use adxform::run::machine::{Decision, Machine, OnFailure, Policy};
use adxform::run::report::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The seconds that the service takes for its check of a connection.
const CHECK: u64 = 3;

fn seconds(plan: &Plan, step: &Step) -> u64 {
    let check = if step.validation.is_some() { CHECK } else { 0 };
    u64::from(plan.expected(step)) + check
}

/// What a step may not run beside: the cluster itself, or other things of its kind on the cluster.
fn lane(step: &Step) -> Option<(Address, &str)> {
    let alone = kind::by_name(&step.kind).is_some_and(kind::Kind::alone);
    (matches!(step.request, Request::Arm(_)) && alone).then(|| (step.address.prefix(1), step.kind.as_str()))
}

fn is_of_root(step: &Step) -> bool {
    step.address.depth() == 1
}

/// Runs a plan on a clock of its own: when each step began and ended.
fn run(plan: &Plan) -> Vec<(u64, u64)> {
    let mut machine = Machine::new(Arc::new(plan.clone()), Policy::default()).unwrap();
    let mut times = vec![(0, 0); plan.steps.len()];
    let mut now = 0;
    let mut open: BTreeSet<(u64, usize, bool)> = BTreeSet::new();
    let tell = |machine: &mut Machine, step: usize, happened: Happened| {
        machine.apply(&Event::Step { step, way: Way::Apply, happened }).unwrap();
    };
    loop {
        let mut begun = false;
        for decision in machine.decide() {
            match decision {
                Decision::Check { step } => {
                    tell(&mut machine, step, Happened::CheckStarted);
                    times[step].0 = now;
                    open.insert((now + CHECK, step, true));
                    begun = true;
                }
                Decision::Send { steps, .. } => {
                    let longest =
                        steps.iter().map(|id| u64::from(plan.expected(&plan.steps[*id]))).max().unwrap();
                    for step in steps {
                        let started =
                            Happened::Started { part: 0, id: format!("r{step}"), at: String::new() };
                        tell(&mut machine, step, started);
                        if plan.steps[step].validation.is_none() {
                            times[step].0 = now;
                        }
                        open.insert((now + longest, step, false));
                    }
                    begun = true;
                }
                Decision::Prove { .. } => return times,
                _ => {}
            }
        }
        if begun {
            continue;
        }
        let (end, step, check) = open.pop_first().unwrap();
        now = end;
        times[step].1 = now;
        let done = Happened::Finished { outputs: Attributes::new(), trace: None };
        tell(&mut machine, step, if check { Happened::CheckPassed } else { done });
    }
}

/// No schedule is shorter than this: the longest chain of needs, each lane with what must come before and after it, and
/// each cluster with what runs there beside nothing.
fn bound(plan: &Plan) -> u64 {
    let count = plan.steps.len();
    let (mut heads, mut tails) = (vec![0; count], vec![0; count]);
    for step in &plan.steps {
        heads[step.id] =
            step.needs.iter().map(|id| heads[*id] + seconds(plan, &plan.steps[*id])).max().unwrap_or(0);
    }
    for step in plan.steps.iter().rev() {
        for id in &step.needs {
            tails[*id] = tails[*id].max(tails[step.id] + seconds(plan, step));
        }
    }
    let chain = plan
        .steps
        .iter()
        .map(|step| heads[step.id] + seconds(plan, step) + tails[step.id])
        .max()
        .unwrap_or(0);
    let mut lanes: BTreeMap<_, (u64, u64, u64)> = BTreeMap::new();
    for step in &plan.steps {
        if let Some(lane) = lane(step) {
            let (head, sum, tail) = lanes.entry(lane).or_insert((u64::MAX, 0, u64::MAX));
            (*head, *sum) = ((*head).min(heads[step.id]), *sum + seconds(plan, step));
            *tail = (*tail).min(tails[step.id]);
        }
    }
    let lanes = lanes.values().map(|(head, sum, tail)| head + sum + tail).max().unwrap_or(0);
    lanes.max(chain).max(apart(plan))
}

/// What is written to a cluster itself runs beside nothing there, so that it comes on top of the longest chain of the rest.
fn apart(plan: &Plan) -> u64 {
    let mut chains = vec![0; plan.steps.len()];
    let mut roots: BTreeMap<Address, (u64, u64)> = BTreeMap::new();
    for step in &plan.steps {
        let root = step.address.prefix(1);
        let near = step.needs.iter().filter(|id| plan.steps[**id].address.prefix(1) == root);
        let own = if is_of_root(step) { 0 } else { seconds(plan, step) };
        chains[step.id] = own + near.map(|id| chains[*id]).max().unwrap_or(0);
        let (alone, rest) = roots.entry(root).or_default();
        *alone += if is_of_root(step) { seconds(plan, step) } else { 0 };
        *rest = (*rest).max(chains[step.id]);
    }
    roots.values().map(|(alone, rest)| alone + rest).max().unwrap_or(0)
}

/// What ran beside what it must not.
fn conflicts(plan: &Plan, times: &[(u64, u64)]) -> Vec<String> {
    let mut found = Vec::new();
    for one in &plan.steps {
        for other in plan.steps.iter().filter(|other| other.id > one.id) {
            let (a, b) = (times[one.id], times[other.id]);
            let beside = a.0 < b.1 && b.0 < a.1;
            let same_root = one.address.prefix(1) == other.address.prefix(1);
            let excludes = same_root && (is_of_root(one) || is_of_root(other));
            let same_lane = lane(one).is_some() && lane(one) == lane(other);
            if beside && (excludes || same_lane) {
                found.push(format!("{} at {a:?} beside {} at {b:?}", one.address, other.address));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_run_takes_hardly_longer_than_it_must_and_meets_no_conflict() {
    let (before, after) = ("tests/product/makespan/before.yaml", "tests/product/makespan/after.yaml");
    let world = World::new(None).await;
    for (name, destroy) in [(before, false), (after, false), (after, true)] {
        let spec = load(&root().join(name));
        let plan = world.plan(&spec, destroy).await;
        assert!(plan.refusals.is_empty(), "{:#?}", plan.refusals);
        let times = run(&plan);
        let (took, least) = (times.iter().map(|(_, end)| *end).max().unwrap(), bound(&plan));
        println!("{name}: {} steps take {took} s, at least {least} s", plan.steps.len());
        assert_eq!(conflicts(&plan, &times), Vec::<String>::new());
        assert!(took * 10 <= least * 11, "{name}: {took} s where {least} s would do");
        let seen = world.emulator.requests().len();
        let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
        assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
        let requests = world.emulator.requests().split_off(seen);
        // What the service refuses for other work is sent again.
        let writes = requests
            .iter()
            .filter(|r| r.plane == "arm" && ["PUT", "PATCH", "DELETE"].contains(&r.method.as_str()));
        let steps = plan.steps.iter().filter(|step| matches!(step.request, Request::Arm(_))).count();
        assert_eq!(writes.count(), steps, "{name}: something was sent twice");
    }
    world.emulator.stop().await;
}
