//! A cluster known by its `uri` alone: only the Kusto plane is managed, databases exist already, and nothing is asked
//! of the control plane.

use crate::support::{load, root};
use crate::world::World;
use adxform::model::Address;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;

#[tokio::test]
async fn a_cluster_known_by_its_uri_is_managed_on_the_kusto_plane_alone() {
    let world = World::new(None).await;
    let made = load(&root().join("tests/plans/nothing/after.yaml"));
    let plan = world.plan(&made, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let cluster: Address = "clusters.alpha".parse().unwrap();
    let live = world.look(&plan.scope).await.inventory;
    let uri = live.get(&cluster).unwrap().attributes.text("uri").unwrap().to_owned();

    let folder = tempfile::tempdir().unwrap();
    let spec = |database: &str| {
        let tables =
            "tables: {\"T 1.x-y\": {columns: {a: int}}}, functions: {F: {body: \"['T 1.x-y'] | take 1\"}}";
        let rules = "policies: {caching: 31d, callout: [{calloutType: webapi, calloutUriRegex: x, canCall: false}], \
                     capacity: {graphSnapshotsCapacity: {clusterMaximumConcurrentOperations: 2}}}\n    \
                     workloadGroups: {W: {requestQueuingPolicy: true}}";
        let text = format!(
            "version: 1\nclusters:\n  remote:\n    uri: {uri}\n    databases: {{{database}: {{{tables}}}}}\n    {rules}\n"
        );
        std::fs::write(folder.path().join("adx.yaml"), text).unwrap();
        load(folder.path())
    };
    let before = world.emulator.requests().len();
    let remote = spec("d");
    let plan = world.plan(&remote, false).await;
    assert!(plan.refusals.is_empty(), "{:?}", plan.refusals);
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    assert!(world.plan(&remote, false).await.is_empty());
    let asked = world.emulator.requests().split_off(before);
    assert!(asked.iter().all(|entry| entry.plane == "kusto"), "{asked:#?}");

    let destroy = world.plan(&remote, true).await;
    let database: Address = "clusters.remote.databases.d".parse().unwrap();
    assert!(!destroy.changes.contains_key(&database), "the database is not ours");
    let gone: Vec<&str> = destroy.changes.keys().filter(|at| at.depth() == 2).map(Address::key).collect();
    assert_eq!(gone, ["caching", "callout", "W"]);
    let missing = world.plan(&spec("nope"), false).await;
    assert_eq!(missing.refusals.len(), 1, "{:?}", missing.refusals);
}
