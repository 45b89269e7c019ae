//! All ordered pairs of states: from each state of a kind to each other, back again, and down to nothing.
//!
//! A folder of `tests/states/` is a kind; each file in it is a state, laid over `base.yaml` and the folder's
//! `_base.yaml`. Adding a state adds all its migrations and no Rust.

use crate::support::{complain, entries, load};
use crate::world::World;
use adxform::kind::Undo;
use adxform::kind::{self, shape};
use adxform::model::inventory::{Inventory, Mode, Resource};
use adxform::model::{Address, Request, Scope};
use adxform::plan::{Plan, text};
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::{Outcome, Report};
use adxform::spec::Spec;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// One state as a spec.
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) spec: Spec,
}

pub(crate) fn states(folder: &Path) -> Vec<State> {
    let files = entries(&format!("tests/states/{}", folder.file_name().unwrap().to_string_lossy()));
    let (bases, states): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| path.file_name().unwrap().to_string_lossy().starts_with('_'));
    let common = crate::support::root().join("tests/states/base.yaml");
    let read = |path: &std::path::PathBuf| {
        let together = tempfile::tempdir().unwrap();
        for part in [&common, path].into_iter().chain(&bases) {
            std::fs::copy(part, together.path().join(part.file_name().unwrap())).unwrap();
        }
        State { name: path.file_stem().unwrap().to_string_lossy().into_owned(), spec: load(together.path()) }
    };
    states.iter().map(read).collect()
}

/// What went wrong on the way from one state to another, with the plan that was at work.
fn wrong(what: &str, plan: &Plan, report: Option<&Report>) -> String {
    let report = report.map_or(String::new(), |r| {
        let differences: Vec<String> = r.differences.iter().map(ToString::to_string).collect();
        format!(
            "{:?}\n{:#?}\n{}\n{}\n",
            r.outcome,
            r.troubles,
            r.sentences.join("\n"),
            differences.join("\n")
        )
    });
    format!("{what}\n{report}{}", text::plan(plan, text::Style { verbose: true }))
}

async fn converge(
    world: &World,
    spec: &Spec,
    commands: &mut BTreeSet<String>,
) -> Result<Option<std::path::PathBuf>, String> {
    let plan = world.plan(spec, false).await;
    commands.extend(printed(&plan));
    if !plan.refusals.is_empty() {
        return Err(wrong(&format!("refused: {}", text::refusals(&plan.refusals)), &plan, None));
    }
    if plan.is_empty() {
        return Ok(None);
    }
    let (report, journal) = world.apply(&plan, OnFailure::Rollback).await;
    if report.outcome != Outcome::Done {
        return Err(wrong("apply failed", &plan, Some(&report)));
    }
    let second = world.plan(spec, false).await;
    if second.is_empty() {
        Ok(Some(journal))
    } else {
        Err(wrong("the second plan is not empty", &second, None))
    }
}

/// Every Kusto command that a plan may send.
fn printed(plan: &Plan) -> Vec<String> {
    let mut requests: Vec<&Request> = plan.steps.iter().map(|step| &step.request).collect();
    for step in &plan.steps {
        if let Undo::By(undo) = &step.undo {
            requests.extend(undo);
        }
    }
    let commands = requests.into_iter().flat_map(|request| match request {
        Request::Kusto(kusto) => match &kusto.lookup {
            None => vec![kusto.command.to_string()],
            Some(lookup) => vec![kusto.command.clone().text("v24.3").to_string(), lookup.command.to_string()],
        },
        Request::Arm(_) => Vec::new(),
    });
    commands.collect()
}

/// The differences between two readings of one scope.
fn differences(before: &Inventory, after: &Inventory) -> Vec<String> {
    let mut found = Vec::new();
    let addresses: BTreeSet<_> = before.iter().chain(after.iter()).map(|(address, _)| address).collect();
    for address in addresses {
        match (before.get(address), after.get(address)) {
            (Some(a), Some(b)) => {
                let fields = kind::by_name(a.kind).unwrap().about().fields;
                for field in shape::unrestored(fields, &a.body, &b.body) {
                    found.push(format!(
                        "{address}.{}: {:?} became {:?}",
                        field.name,
                        a.body.get(field.name),
                        b.body.get(field.name)
                    ));
                }
            }
            (a, _) => found.push(format!("{address} {}", if a.is_some() { "is gone" } else { "is new" })),
        }
    }
    found
}

async fn pair(from: &State, to: &State, commands: &mut BTreeSet<String>) -> Result<(), String> {
    let world = World::new(None).await;
    migrate(&world, &from.spec, &to.spec, commands)
        .await
        .map_err(|why| format!("from {}: {why}", from.name))?;
    world.emulator.stop().await;
    Ok(())
}

/// From nothing to one spec, imported there; to another, back again, there once more, and down to nothing.
pub(crate) async fn migrate(
    world: &World,
    from: &Spec,
    to: &Spec,
    commands: &mut BTreeSet<String>,
) -> Result<(), String> {
    converge(world, from, commands).await.map_err(|why| format!("at first: {why}"))?;
    crate::import::round_trip(world, from).await?;
    let scope = both(from, to);
    let before = world.look(&scope).await.inventory;
    let plan = world.plan(to, false).await;
    let journal = converge(world, to, commands).await?;
    if let Some(journal) = journal.filter(|_| plan.steps.iter().all(|step| !step.behind_line)) {
        let report = world.take_up(&journal, Intent::Rollback).await;
        if report.outcome != Outcome::RolledBack {
            return Err(wrong("rollback failed", &plan, Some(&report)));
        }
        let left = differences(&before, &world.look(&scope).await.inventory);
        if !left.is_empty() {
            return Err(wrong(
                &format!("rollback leaves differences:\n{}", left.join("\n")),
                &plan,
                Some(&report),
            ));
        }
        converge(world, to, commands).await.map_err(|why| format!("again: {why}"))?;
    }
    destroy(world, to, &scope).await
}

async fn destroy(world: &World, spec: &Spec, scope: &Scope) -> Result<(), String> {
    let plan = world.plan(spec, true).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    if report.outcome != Outcome::Done {
        return Err(wrong("destroy failed", &plan, Some(&report)));
    }
    let left = world.look(scope).await.inventory;
    let of_spec = |address: &Address, live: &Resource| {
        let Some(wanted) = spec.desired.inventory.get(address) else { return false };
        let mode = adxform::plan::scope::mode(address, wanted, &spec.desired.inventory);
        let kind = kind::by_name(wanted.kind).unwrap();
        // Of some things only a part was declared, and what others put there stays.
        let rest = kind.remains(live, &wanted.body);
        let is_others = rest.is_some_and(|rest| shape::same_bodies(kind.about().fields, &rest, &live.body));
        mode == Mode::Managed && !is_others
    };
    let left: Vec<String> =
        left.iter().filter(|(at, live)| of_spec(at, live)).map(|(at, _)| at.to_string()).collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(wrong(&format!("destroy leaves {}", left.join(", ")), &plan, None))
    }
}

/// What must be read to see the things of both specs.
fn both(a: &Spec, b: &Spec) -> Scope {
    let mut scope = adxform::plan::scope::of(&a.desired);
    let other = adxform::plan::scope::of(&b.desired);
    scope.containers.extend(other.containers);
    scope.kinds.extend(other.kinds);
    scope.aliases.extend(other.aliases);
    scope.aliases.sort();
    scope.aliases.dedup();
    scope
}

/// How many pairs are on their way at once; each has an emulator of its own.
const ABREAST: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_states_converges_and_comes_back() {
    let only = std::env::var("ADXFORM_KIND").ok();
    let mut complaints = Vec::new();
    let mut commands = BTreeSet::new();
    let mut tasks = JoinSet::new();
    let mut pairs = 0;
    for folder in entries("tests/states").into_iter().filter(|path| path.is_dir()) {
        let kind = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != kind) {
            continue;
        }
        let states = Arc::new(states(&folder));
        let all = (0..states.len()).flat_map(|from| (0..states.len()).map(move |to| (from, to)));
        for (from, to) in all.filter(|(from, to)| from != to).collect::<Vec<_>>() {
            while tasks.len() >= ABREAST {
                collect(tasks.join_next().await.unwrap().unwrap(), &mut commands, &mut complaints);
            }
            pairs += 1;
            let (states, kind) = (Arc::clone(&states), kind.clone());
            tasks.spawn(async move {
                let mut commands = BTreeSet::new();
                let ended = pair(&states[from], &states[to], &mut commands).await;
                let ended = ended
                    .map_err(|why| format!("== {kind}: {} → {}: {why}", states[from].name, states[to].name));
                (ended, commands)
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        collect(ended.unwrap(), &mut commands, &mut complaints);
    }
    println!("{pairs} pairs of states, {} distinct commands", commands.len());
    complain(&complaints);
    crate::kql::check(&commands);
}

fn collect(
    (ended, commands): (Result<(), String>, BTreeSet<String>),
    all: &mut BTreeSet<String>,
    complaints: &mut Vec<String>,
) {
    complaints.extend(ended.err());
    all.extend(commands);
}
