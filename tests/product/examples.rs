//! Every example: the plan it prints is the one beside it, it converges, a second plan is empty, and it goes away
//! again without a trace.

use crate::support::{complain, entries, expect_file, load};
use crate::world::World;
use adxform::emulator::log::Entry;
use adxform::model::Request;
use adxform::plan::text;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_example_is_planned_applied_and_destroyed() {
    let (mut complaints, mut commands) = (Vec::new(), BTreeSet::new());
    for folder in entries("examples").into_iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for file in ["adxform.toml", "README.md"] {
            if !folder.join(file).exists() {
                complaints.push(format!("{name}: {file} is missing"));
            }
        }
        let spec = load(&folder);
        let world = World::new(None).await;
        let plan = world.plan(&spec, false).await;
        let printed = text::plan(&plan, text::Style::default());
        complaints.extend(expect_file(&folder.join("plan.txt"), &printed).err());
        commands.extend(plan.steps.iter().filter_map(|step| match &step.request {
            Request::Kusto(kusto) => Some(kusto.command.to_string()),
            Request::Arm(_) => None,
        }));
        let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
        if report.outcome != Outcome::Done {
            complaints.push(format!(
                "{name}: {:?} {:#?}\n{}",
                report.outcome,
                report.troubles,
                report.sentences.join("\n")
            ));
            continue;
        }
        let second = world.plan(&spec, false).await;
        if !second.is_empty() {
            complaints.push(format!(
                "{name}: the second plan is not empty:\n{}",
                text::plan(&second, text::Style::default())
            ));
        }
        let destroy = world.plan(&spec, true).await;
        // Here everything is allowed, and what would be refused is a note.
        let refused = destroy.notes.iter().filter(|note| note.contains("lock somebody out"));
        complaints.extend(refused.map(|note| format!("{name}: destroy is refused: {note}")));
        let (report, _) = world.apply(&destroy, OnFailure::Rollback).await;
        let left: BTreeSet<String> =
            world.look(&plan.scope).await.inventory.iter().map(|(a, _)| a.to_string()).collect();
        if report.outcome != Outcome::Done || !left.is_empty() {
            complaints.push(format!("{name}: destroy ends as {:?} and leaves {left:?}", report.outcome));
        }
        world.emulator.stop().await;
    }
    complain(&complaints);
    crate::kql::check(&commands);
}

/// The requests that change something, by their paths, each with when it began and ended: an operation ends with the
/// look at the resource that it was about. What is read after the last of them belongs to the proof.
fn writes(world: &World) -> Vec<(String, u64, u64)> {
    let log = world.emulator.requests();
    let path = |entry: &Entry| entry.path.split('?').next().unwrap().to_lowercase();
    let is_write = |entry: &&Entry| entry.plane == "arm" && ["PUT", "PATCH"].contains(&entry.method.as_str());
    let last = log.iter().filter(is_write).map(|entry| entry.started).max().unwrap_or_default();
    let end = |write: &Entry| {
        let looks = log.iter().filter(|look| look.method == "GET" && path(look) == path(write));
        let looks = looks.filter(|look| look.started > write.started && look.started < last);
        looks.map(|look| look.ended).min().unwrap_or(write.ended).unwrap_or_default()
    };
    log.iter().filter(is_write).map(|write| (path(write), write.started, end(write))).collect()
}

/// Applies an example on a subscription in which there is nothing, where identities need their roles: each request
/// that changes something is sent once, and after everything that it needs.
async fn from_nothing(example: &str, edges: &[(&str, &str)]) {
    let world = World::with(adxform::emulator::Options { roles: true, ..Default::default() }).await;
    let spec = load(&crate::support::root().join("examples").join(example));
    let plan = world.plan(&spec, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let refused: Vec<_> = world
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.method != "GET" && entry.status.is_none_or(|status| status >= 400))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let writes = writes(&world);
    let paths: BTreeSet<&String> = writes.iter().map(|(path, ..)| path).collect();
    assert_eq!(paths.len(), writes.len(), "something is written twice: {writes:#?}");
    let of = |end: &str| {
        let found: Vec<_> = writes.iter().filter(|(path, ..)| path.ends_with(end)).collect();
        assert_eq!(found.len(), 1, "{end}: {writes:#?}");
        found[0].clone()
    };
    for (first, then) in edges {
        let (first, then) = (of(first), of(then));
        assert!(first.2 < then.1, "{then:?} does not wait for {first:?}");
    }
    let connection = writes.iter().find(|(path, ..)| path.contains("/dataconnections/")).unwrap();
    let grants: Vec<_> = writes.iter().filter(|(path, ..)| path.contains("/roleassignments/")).collect();
    assert!(!grants.is_empty() && grants.iter().all(|grant| grant.2 < connection.1), "{writes:#?}");
    world.emulator.stop().await;
}

#[tokio::test]
async fn events_from_nothing_in_one_apply() {
    let edges = [
        ("/resourcegroups/rg-vitals-dev", "/namespaces/vitals-dev"),
        ("/resourcegroups/rg-vitals-dev", "/clusters/vitalsdev"),
        ("/namespaces/vitals-dev", "/eventhubs/patients"),
        ("/eventhubs/patients", "/consumergroups/adx"),
        ("/clusters/vitalsdev", "/databases/wards"),
        ("/consumergroups/adx", "/dataconnections/patients"),
        ("/databases/wards", "/dataconnections/patients"),
    ];
    from_nothing("event-hubs-from-nothing", &edges).await;
}

#[tokio::test]
async fn files_from_nothing_in_one_apply() {
    let edges = [
        ("/resourcegroups/rg-stormfiles-dev", "/storageaccounts/stormfilesdev"),
        ("/storageaccounts/stormfilesdev", "/containers/storms"),
        ("/storageaccounts/stormfilesdev", "/systemtopics/stormfiles-dev"),
        ("/systemtopics/stormfiles-dev", "/eventsubscriptions/storm-files"),
        ("/eventhubs/files", "/eventsubscriptions/storm-files"),
        ("/eventsubscriptions/storm-files", "/dataconnections/storm-files"),
        ("/consumergroups/adx", "/dataconnections/storm-files"),
    ];
    from_nothing("event-grid-from-nothing", &edges).await;
}
