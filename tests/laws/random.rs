//! Random plans, faults, interleavings, interrupts and full disks.

use crate::dice::Dice;
use crate::faults::Faults;
use crate::judge::judge;
use crate::plans;
use crate::session::{Disk, End, Shared, Start, Wishes, session};
use crate::simulate;
use crate::world::World;
use adxform::kind::Undo;
use adxform::model::{Body, Change};
use adxform::run::event::Intent;
use adxform::run::journal::Recorded;
use adxform::run::machine::{Failure, OnFailure, Policy};
use adxform::run::report::{Outcome, Report};
use std::sync::Arc;

/// What a seed comes to: its journal and what was told, to compare, and what is wrong.
struct Story {
    journal: Vec<u8>,
    told: String,
    wrong: Vec<String>,
}

fn policy(dice: &mut Dice) -> Policy {
    Policy {
        on_failure: if dice.chance(70) { OnFailure::Rollback } else { OnFailure::Stop },
        parallelism: dice.pick(&[1, 2, 3, 10]),
        script_commands: dice.pick(&[1, 2, 200]),
        script_bytes: dice.pick(&[40, 100_000]),
        attempts: 3,
    }
}

fn world(seed: u64, policy: Policy) -> World {
    let (plan, live) = plans::random(&mut Dice::new(seed, "plan"));
    let mut dice = Dice::new(seed, "faults");
    let percent = dice.pick(&[0, 5, 20, 50]);
    let left = dice.below(6);
    let meddle_at = dice.chance(10).then(|| dice.below(plan.steps.len() + 2));
    let blind = if dice.chance(5) { dice.below(40) } else { 0 };
    let faults = Faults::Random { percent, left, dice };
    let mut world = World::new(Arc::new(plan), live, faults, Dice::new(seed, "delays"));
    world.parallelism = policy.parallelism;
    let mut late = Dice::new(seed, "meddler");
    let steps = world.plan.steps.len();
    world.meddle_at = meddle_at.or_else(|| late.chance(15).then(|| late.below(2 * steps + 2)));
    world.blind = blind;
    world.veiled = if Dice::new(seed, "veil").chance(15) { Dice::new(seed, "veils").below(40) } else { 0 };
    world
}

fn disk(dice: &mut Dice, history: bool) -> Disk {
    let mut some = |percent| dice.chance(percent).then(|| dice.below(12));
    let (full_at, dies_at) = (some(8), some(8));
    Disk { full_at, dies_at, history: history.then(Vec::new), ..Disk::default() }
}

const fn is_over(report: &Report) -> bool {
    match report.outcome {
        Outcome::Done
        | Outcome::RolledBack
        | Outcome::Stopped
        | Outcome::StoppedPastLine
        | Outcome::NeedsPerson => true,
        Outcome::Left | Outcome::Blocked(_) | Outcome::JournalLost(_) | Outcome::LockLost(_) => false,
    }
}

/// Takes a run up until it is over; the faults stop after a while.
async fn to_the_end(
    shared: &Shared,
    mut end: End,
    policy: Policy,
    mut last: Option<Intent>,
    dice: &mut Dice,
) -> Result<(Report, Option<Intent>), String> {
    for round in 0..12 {
        match end {
            End::Report(report) if is_over(&report) => return Ok((*report, last)),
            End::Refused(why) => return Err(format!("refused: {why}")),
            End::NeverBegun => {
                let mut world = shared.world();
                world.settle();
                let untouched = world.live == world.initial && world.requests == 0;
                return if untouched {
                    Err(String::new())
                } else {
                    Err("an effect without a journal".into())
                };
            }
            End::Report(_) | End::Crashed => {}
        }
        if round > 5 {
            shared.world().faults = Faults::Given(std::collections::BTreeMap::new());
            shared.world().blind = 0;
            shared.world().veiled = 0;
        }
        let intent =
            if last == Some(Intent::Rollback) || dice.chance(50) { Intent::Rollback } else { Intent::Resume };
        last = Some(intent);
        let wish = dice.chance(10).then(|| dice.below(20_000) as u64);
        let wishes = Wishes { interrupts: [wish, None], ..Wishes::default() };
        end = session(shared, Start::TakeUp(intent), wishes, dice).await;
        let _ = policy;
    }
    Err(format!("not over after twelve sessions: {end:?}"))
}

async fn story(seed: u64, history: bool) -> Story {
    let mut dice = Dice::new(seed, "story");
    let policy = policy(&mut dice);
    let shared = Shared::new(world(seed, policy), disk(&mut dice, history));
    let first = dice.chance(15).then(|| dice.below(20_000) as u64);
    let second = dice.chance(40).then(|| dice.below(3_000) as u64);
    // The lock has dice of its own, so that the other stories stay as they were.
    let mut luck = Dice::new(seed, "lock");
    let lock = luck.chance(15).then(|| [luck.below(20_000) as u64, luck.below(10_000) as u64]);
    let jump = luck.chance(15).then(|| [luck.below(20_000) as u64, luck.below(5_000) as u64]);
    let wishes = Wishes { interrupts: [first, second.filter(|_| first.is_some())], lock, jump };
    let end = session(&shared, Start::Begin(policy), wishes, &mut dice).await;
    let mut wrong = Vec::new();
    match to_the_end(&shared, end, policy, None, &mut dice).await {
        Ok((report, last)) => {
            wrong = judge(&mut shared.world(), &report, policy, last);
            if wrong.is_empty() {
                wrong = afterwards(&shared, &report, policy, last, &mut dice).await;
            }
        }
        Err(why) if why.is_empty() => {}
        Err(why) => wrong.push(why),
    }
    wrong.extend(shared.world().breaches.clone());
    if history && wrong.is_empty() {
        wrong = prefixes(&shared, policy, &mut dice).await;
    }
    let journal = shared.disk().bytes.clone();
    Story { journal, told: format!("{:?}", shared.told()), wrong }
}

/// What can still be asked of a run that is over, without faults.
async fn afterwards(
    shared: &Shared,
    report: &Report,
    policy: Policy,
    _: Option<Intent>,
    dice: &mut Dice,
) -> Vec<String> {
    shared.world().faults = Faults::Given(std::collections::BTreeMap::new());
    shared.world().meddle_at = None;
    shared.world().blind = 0;
    shared.world().veiled = 0;
    shared.disk().full_at = None;
    shared.disk().dies_at = None;
    let intent = match report.outcome {
        Outcome::Stopped | Outcome::StoppedPastLine if dice.chance(50) => Intent::Resume,
        _ => Intent::Rollback,
    };
    let meddled = !shared.world().meddled.is_empty();
    let end = session(shared, Start::TakeUp(intent), Wishes::default(), dice).await;
    let again = match end {
        End::Report(again) => again,
        End::Refused(_) if report.outcome == Outcome::RolledBack => return Vec::new(),
        other => return vec![format!("after {:?}, {intent:?} came to {other:?}", report.outcome)],
    };
    let mut wrong = judge(&mut shared.world(), &again, policy, Some(intent));
    let never = !shared.world().effective.is_empty();
    let good = match (&again.outcome, intent) {
        (Outcome::Done, Intent::Resume) | (Outcome::RolledBack, Intent::Rollback) => true,
        (Outcome::NeedsPerson, Intent::Rollback) if never => true,
        // An operation that failed while nobody listened leaves what nobody can tell from somebody else's write.
        _ => meddled || !shared.world().torn.is_empty(),
    };
    if !good {
        wrong.push(format!("after {:?}, {intent:?} came to {:?}", report.outcome, again.outcome));
    }
    wrong
}

/// Every prefix of the journal, with the cloud as it was then, is a legal journal and ends lawfully.
async fn prefixes(shared: &Shared, policy: Policy, dice: &mut Dice) -> Vec<String> {
    let bytes = shared.disk().bytes.clone();
    let history = shared.disk().history.take().unwrap_or_default();
    for (at, (length, then)) in history.iter().enumerate() {
        if *length > bytes.len() {
            continue;
        }
        let next = history.get(at + 1).map_or(bytes.len(), |(next, _)| *next).clamp(*length, bytes.len());
        let torn = *length + dice.below(next - length);
        let prefix = bytes[..torn].to_vec();
        let machine = match Recorded::read(&prefix).map(|recorded| recorded.replay()) {
            Ok(Ok(machine)) => machine,
            Ok(Err(error)) | Err(error) => return vec![format!("prefix of {torn} bytes: {error}")],
        };
        let intent = dice.pick(&[Intent::Resume, Intent::Rollback]);
        if machine.may(intent).is_err() {
            continue;
        }
        let asked = machine.failure() == Some(&Failure::Requested) || intent == Intent::Rollback;
        let last = if asked { Intent::Rollback } else { Intent::Resume };
        let mut world = then.clone();
        world.faults = Faults::Given(std::collections::BTreeMap::new());
        world.meddle_at = None;
        world.blind = 0;
        world.veiled = 0;
        world.after_crash(dice);
        let fork = Shared::new(world, Disk { bytes: prefix, ..Disk::default() });
        let end = session(&fork, Start::TakeUp(intent), Wishes::default(), dice).await;
        let wrong = match to_the_end(&fork, end, policy, Some(last), dice).await {
            Ok((report, last)) => judge(&mut fork.world(), &report, policy, last),
            Err(why) => vec![why],
        };
        if !wrong.is_empty() {
            let journal = fork.disk().bytes[torn..].to_vec();
            let journal = String::from_utf8_lossy(&journal).into_owned();
            return vec![format!("from a prefix of {torn} bytes, {intent:?}: {wrong:?}"), journal];
        }
    }
    Vec::new()
}

fn seeds(usual: u64) -> std::ops::Range<u64> {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match read("ADXFORM_SEED") {
        Some(one) => one..one + 1,
        None => 0..read("ADXFORM_SEEDS").unwrap_or(usual),
    }
}

fn check(usual: u64, history: bool, test: &str) {
    for seed in seeds(usual) {
        let story = simulate(story(seed, history));
        if !story.wrong.is_empty() {
            let (plan, _) = plans::random(&mut Dice::new(seed, "plan"));
            let mut text = format!("seed {seed}: {:#?}\n", story.wrong);
            for step in &plan.steps {
                let undo = match &step.undo {
                    Undo::By(requests) => requests.len(),
                    Undo::Never(_) => 0,
                };
                let Change { before, after, .. } = &step.change;
                let shown = |body: &Option<Body>| body.as_ref().map(|body| body.shown().to_string());
                text += &format!(
                    "  {} {} {:?} -> {:?} needs {:?} behind {} undo {undo}\n",
                    step.id,
                    step.address,
                    shown(before),
                    shown(after),
                    step.needs,
                    step.behind_line
                );
            }
            let lines = story.journal.split(|byte| *byte == b'\n').skip(1);
            lines.for_each(|line| text += &format!("  {}\n", String::from_utf8_lossy(line)));
            panic!("{text}\nagain: ADXFORM_SEED={seed} cargo test --test laws {test}");
        }
    }
}

#[test]
fn every_run_ends_lawfully() {
    check(2000, false, "every_run_ends_lawfully");
}

#[test]
fn every_prefix_of_a_journal_ends_lawfully() {
    check(150, true, "every_prefix_of_a_journal_ends_lawfully");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in seeds(50) {
        let (one, two) = (simulate(story(seed, false)), simulate(story(seed, false)));
        assert_eq!(one.journal, two.journal, "seed {seed}");
        assert_eq!(one.told, two.told, "seed {seed}");
    }
}
