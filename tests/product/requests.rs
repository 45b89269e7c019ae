//! Reading is by region: the number of requests to plan a database does not grow with what is in it.

use crate::random::{folders, made, mixed};
use crate::support::load;
use crate::world::World;
use adxform::emulator::Options;
use adxform::kind::{self, Plane};
use adxform::live::{self, Endpoints};
use adxform::model::{Address, Inventory};
use adxform::plan::scope;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use adxform::spec::Spec;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

/// What a plan of a database with so many tables asks for: requests, and the longest chain of them.
async fn asked(tables: usize) -> (usize, usize) {
    let world = World::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    let mut text = "version: 1\nazure: {subscriptionId: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, location: westeurope}\n\
        clusters:\n  counting:\n    sku: {name: Standard_E8ads_v5, tier: Standard, capacity: 2}\n    databases:\n      d:\n\
        \x20       principalAssignments: {p: {role: Viewer, principalType: App, principalId: 33333333-3333-3333-3333-333333333333, tenantId: 22222222-2222-2222-2222-222222222222}}\n\
        \x20       functions: {F: {body: T0}}\n        tables:\n"
        .to_owned();
    for number in 0..tables {
        let _ = writeln!(
            text,
            "          T{number}: {{columns: {{a: int}}, mappings: {{m: {{kind: csv, columns: {{a: 0}}}}}}, policies: {{retention: 30d, caching: 3d}}}}"
        );
    }
    std::fs::write(folder.path().join("adx.yaml"), text).unwrap();
    let spec = load(folder.path());
    let plan = world.plan(&spec, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let before = world.emulator.requests().len();
    assert!(world.plan(&spec, false).await.is_empty());
    (world.emulator.requests().len() - before, world.cloud.depth())
}

#[tokio::test]
async fn a_plan_asks_the_same_whatever_the_number_of_tables() {
    let (few, _) = asked(1).await;
    let (many, _) = asked(300).await;
    assert_eq!(few, many);
    assert!(few <= 12, "{few} requests for one database");
}

/// How deep the requests are that began after the n-th: by order alone, each behind those that had ended.
fn depth(requests: &[adxform::emulator::log::Entry]) -> usize {
    let mut chains: Vec<(u64, usize)> = Vec::new();
    for request in requests {
        let behind = chains.iter().filter(|(ended, _)| *ended < request.started);
        let length = behind.map(|(_, length)| length + 1).max().unwrap_or(1);
        chains.push((request.ended.unwrap_or(u64::MAX), length));
    }
    chains.into_iter().map(|(_, length)| length).max().unwrap_or(0)
}

/// One database that holds nearly every kind there is; what is asked of the cluster is the cluster's.
#[tokio::test]
async fn a_plan_of_every_kind_asks_twelve_times_and_four_deep() {
    let world = World::new(None).await;
    let (folders, uri) = (folders(), made(&world).await);
    let mut seen = BTreeSet::new();
    for seed in 0..6 {
        let spec = mixed(&folders, (seed, "all"), &["d"], 100, &uri);
        let plan = world.plan(&spec, false).await;
        let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
        assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
        assert_shared(&world, &spec).await;
        let before = world.emulator.requests().len();
        assert!(world.plan(&spec, false).await.is_empty());
        let requests = world.emulator.requests().split_off(before);
        let asked: Vec<_> =
            requests.iter().map(|request| request.csl.as_deref().unwrap_or(&request.path)).collect();
        println!("{} requests, {} deep", requests.len(), depth(&requests));
        assert!(requests.len() <= 12, "{} requests: {asked:#?}", requests.len());
        assert!(depth(&requests) <= 4, "{} deep: {requests:#?}", depth(&requests));
        seen.extend(spec.desired.inventory.iter().map(|(_, thing)| thing.kind));
    }
    let within = |above: &'static str| kind::within(Some(above));
    let below = ["database", "table", "materializedView", "externalTable", "graphModel"];
    let unseen: BTreeSet<&str> = below
        .into_iter()
        .flat_map(within)
        .map(|kind| kind.about())
        .filter(|about| about.plane == Plane::Kusto && !seen.contains(about.name))
        .map(|about| about.name)
        .collect();
    assert_eq!(unseen, BTreeSet::new());
}

/// What is read with the spec at hand is what is read without; the tables' columns are those of the spec in memory.
async fn assert_shared(world: &World, spec: &Spec) {
    let (scope, desired) = (scope::of(&spec.desired), &spec.desired.inventory);
    let (live, like) = (world.look(&scope).await, world.look_like(&scope, desired).await);
    assert_eq!(live.inventory, like.inventory);
    let columns = |all: &Inventory, at: &Address| all.get(at)?.body.get("columns").cloned();
    let tables = desired.iter().filter(|(_, thing)| thing.kind == "table");
    let shared = tables.filter_map(|(at, _)| Some((columns(&like.inventory, at)?, columns(desired, at)?)));
    assert!(shared.filter(|(live, desired)| live.is_shared_with(desired)).count() > 0);
}

/// A cluster with some databases, slow enough that what is asked at once is seen to be.
async fn slow(databases: usize) -> (World, Spec) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("adx.yaml"), subscription(1, databases)).unwrap();
    let spec = load(folder.path());
    let world = World::with(Options { latency: Duration::from_millis(100), ..Options::default() }).await;
    let plan = world.plan(&spec, false).await;
    assert_eq!(world.apply(&plan, OnFailure::Rollback).await.0.outcome, Outcome::Done);
    (world, spec)
}

/// The endpoint of a cluster that a run has read or written before is asked without asking where it is; what is asked in
/// vain of a cluster that is gone does no harm.
#[tokio::test]
async fn a_known_endpoint_saves_a_round() {
    let (world, spec) = slow(1).await;
    let (endpoints, scope) = (Endpoints::default(), crate::import::everything(&spec));
    let deep = async || {
        let before = world.emulator.requests().len();
        let found = live::read(&world.cloud, &scope, &endpoints).await.unwrap().inventory.len();
        (found, depth(&world.emulator.requests().split_off(before)))
    };
    let (all, first) = deep().await;
    let (again, second) = deep().await;
    assert_eq!((again, first, second), (all, 2, 1));
    let plan = world.plan(&spec, true).await;
    assert_eq!(world.apply(&plan, OnFailure::Rollback).await.0.outcome, Outcome::Done);
    assert_eq!(deep().await.0, 0);
}

/// Whoever is about to change something asks one question more of each database, in the same round.
#[tokio::test]
async fn what_is_wrong_already_is_asked_beside_the_reading() {
    let (world, spec) = slow(2).await;
    let scope = crate::import::everything(&spec);
    let asked = |before: usize| {
        let requests = world.emulator.requests().split_off(before);
        (requests.len(), depth(&requests))
    };
    let before = world.emulator.requests().len();
    let read = live::read(&world.cloud, &scope, &Endpoints::default()).await.unwrap();
    let (few, deep) = asked(before);
    let before = world.emulator.requests().len();
    let like = Inventory::new();
    let more = live::read_like(&world.cloud, &scope, &Endpoints::default(), &like, true).await.unwrap();
    assert_eq!(asked(before), (few + 2, deep));
    let databases: Vec<Address> = more.violations.keys().cloned().collect();
    let declared = spec.desired.inventory.iter().filter(|(_, thing)| thing.kind == "database");
    assert_eq!(databases, declared.map(|(address, _)| address.clone()).collect::<Vec<_>>());
    assert_eq!((read.violations.len(), read.inventory), (0, more.inventory));
}

/// A whole subscription: clusters with their databases, each with a bit of everything that the control plane lists.
fn subscription(clusters: usize, databases: usize) -> String {
    let mut text = "version: 1\nazure: {subscriptionId: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, location: \
                    westeurope}\nclusters:\n"
        .to_owned();
    let who = "principalType: App, principalId: 33333333-3333-3333-3333-333333333333, tenantId: \
               22222222-2222-2222-2222-222222222222";
    for cluster in 0..clusters {
        let _ = write!(
            text,
            "  counting{cluster}:\n    sku: {{name: Standard_E8ads_v5, tier: Standard, capacity: 2}}\n    \
             principalAssignments: {{p: {{role: AllDatabasesViewer, {who}}}}}\n    databases:\n"
        );
        for database in 0..databases {
            let _ =
                writeln!(text, "      d{database}: {{principalAssignments: {{p: {{role: Viewer, {who}}}}}}}");
        }
    }
    text
}

/// The bound of requests to the control plane: 1, 4 for each cluster and 3 for each database, whatever is in them.
#[tokio::test]
async fn a_subscription_is_read_within_its_bound() {
    let (clusters, databases) = (5, 20);
    let world = World::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("adx.yaml"), subscription(clusters, databases)).unwrap();
    let spec = load(folder.path());
    let plan = world.plan(&spec, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let scope = crate::import::everything(&spec);
    let before = world.emulator.requests().len();
    assert!(!world.look(&scope).await.inventory.is_empty());
    let requests = world.emulator.requests().split_off(before);
    let asked = requests.iter().filter(|request| request.plane == "arm").count();
    let bound = 1 + 4 * clusters + 3 * clusters * databases;
    println!("{asked} requests to the control plane; {bound} are allowed");
    assert!(asked <= bound, "{asked} requests, {bound} are allowed");
}
