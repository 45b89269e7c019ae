//! Reading is by region: the number of requests to plan a database does not grow with what is in it.

use crate::support::load;
use crate::world::World;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use std::fmt::Write;

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
