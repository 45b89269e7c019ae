//! The laws, as an onlooker who sees both the cloud and the report applies them.

use crate::world::World;
use adxform::kind::Undo;
use adxform::model::{Address, Inventory};
use adxform::run::event::Intent;
use adxform::run::machine::{OnFailure, Policy};
use adxform::run::report::{Entry, Outcome, Report};
use std::collections::BTreeSet;

/// What is wrong with how a run ended; nothing when all laws hold.
pub(crate) fn judge(world: &mut World, report: &Report, policy: Policy, last: Option<Intent>) -> Vec<String> {
    world.settle();
    let mut wrong = std::mem::take(&mut world.breaches);
    let all: BTreeSet<usize> = (0..world.plan.steps.len()).collect();
    let steps = |entries: &[Entry]| entries.iter().map(|entry| entry.step).collect::<BTreeSet<_>>();
    let never = |id: &usize| matches!(world.plan.steps[*id].undo, Undo::Never(_));
    let claimed = report.applied.iter().chain(&report.unsettled).map(|entry| entry.step);
    let unseen: Vec<usize> = claimed.filter(|id| alike(world, id)).collect();
    let irreversible = world.effective.iter().chain(&world.torn).chain(&unseen).any(never);
    let mut law = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    match &report.outcome {
        Outcome::Done => {
            law(differing(world, &world.expected(&all)).is_empty(), "done, but live is not as after");
            law(steps(&report.applied) == all, "done, but not every step is reported as applied");
            law(report.exit_code == 0, "done, but the exit code is not 0");
        }
        Outcome::RolledBack => {
            law(differing(world, &world.initial).is_empty(), "rolled back, but live is not as before");
            let applied = steps(&report.applied);
            let none = irreversible || applied.iter().all(|id| alike(world, id));
            law(none, "rolled back, but steps are reported as applied");
            law([0, 3, 130].contains(&report.exit_code), "rolled back with another exit code");
        }
        Outcome::Stopped => {
            law(policy.on_failure == OnFailure::Stop, "stopped though rollback was asked for");
            law(consistent(world, report), "stopped, but the report is not what stands");
            law([1, 4, 130].contains(&report.exit_code), "stopped with another exit code");
            law(report.exit_code != 1 || world.effective.is_empty(), "exit code 1, but something changed");
        }
        Outcome::StoppedPastLine => {
            law(irreversible, "stopped past the line, but nothing irreversible stands");
            law(consistent(world, report), "stopped past the line, but the report is not what stands");
            law(report.exit_code == 4, "stopped past the line with another exit code");
        }
        Outcome::NeedsPerson => {
            let asked = last == Some(Intent::Rollback);
            let foreign = !world.meddled.is_empty() || !world.torn.is_empty();
            let reason = foreign || world.failed_undos > 0 || (irreversible && asked);
            law(reason, "a person is needed for no reason");
            let found = differing(world, &world.initial);
            let told: BTreeSet<Address> = report.differences.iter().map(|d| d.address.clone()).collect();
            law(found.is_subset(&told), "a person is needed, and not all that differs is told");
            law(!told.is_empty(), "a person is needed, and nothing is told");
            law(report.exit_code == 4, "a person is needed with another exit code");
        }
        Outcome::Left | Outcome::Blocked(_) | Outcome::JournalLost(_) | Outcome::LockLost(_) => {
            law(false, "the run did not come to its end");
        }
    }
    law(!report.sentences.is_empty(), "the report says nothing");
    wrong
}

/// Whether what a report calls applied and unsettled is what stands in the cloud.
fn consistent(world: &World, report: &Report) -> bool {
    let applied: BTreeSet<usize> = report.applied.iter().map(|entry| entry.step).collect();
    let unsettled: BTreeSet<usize> = report.unsettled.iter().map(|entry| entry.step).collect();
    let alike = |id: &usize| alike(world, id);
    let standing = world.effective.difference(&unsettled);
    standing.clone().all(|id| applied.contains(id) || alike(id))
        && applied.iter().all(|id| world.effective.contains(id) || alike(id))
}

/// Whether live does not tell a step's effect, so that the run cannot know it either.
fn alike(world: &World, id: &usize) -> bool {
    world.is_alike(*id)
}

/// The things in which live differs from an inventory, those left out that somebody else wrote.
pub(crate) fn differing(world: &World, wanted: &Inventory) -> BTreeSet<Address> {
    let of = |inventory: &Inventory| inventory.iter().map(|(at, _)| at.clone()).collect::<BTreeSet<_>>();
    let body = |inventory: &Inventory, at: &Address| inventory.get(at).map(|found| found.body.clone());
    let all: BTreeSet<Address> = of(&world.live).union(&of(wanted)).cloned().collect();
    all.into_iter()
        .filter(|at| body(&world.live, at) != body(wanted, at) && !world.meddled.contains(at))
        .collect()
}
