//! The way from IoT Central to a table: what the service says of it, in what order it is laid, and that it can change
//! from one way of signing in to the other.

use crate::support::{load, load_in, root};
use crate::world::World;
use adxform::model::Address;
use adxform::plan::Plan;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use adxform::spec::Spec;

const DESTINATION: &str = "iotCentralApplications.smartvitals.destinations.patients";
const EXPORT: &str = "iotCentralApplications.smartvitals.exports.telemetry";
const DATABASE: &str = "clusters.smartvitals.databases.patients";

async fn converged(world: &World, spec: &Spec) -> Plan {
    let plan = world.plan(spec, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    assert!(world.plan(spec, false).await.is_empty());
    for address in [DESTINATION, EXPORT] {
        let live = world.look(&plan.scope).await.inventory;
        let found = live.get(&address.parse::<Address>().unwrap()).unwrap();
        assert_eq!(found.attributes.text("status"), Some("healthy"), "{address}: {:?}", found.attributes);
    }
    plan
}

/// Whether the first step of an address comes before that of another, whatever else could be.
fn precedes(plan: &Plan, first: &str, then: &str) -> bool {
    let step = |address: &str| plan.steps.iter().find(|step| step.address.to_string() == address).unwrap();
    let (first, mut open) = (step(first).id, vec![step(then).id]);
    while let Some(at) = open.pop() {
        if at == first {
            return true;
        }
        open.extend(&plan.steps[at].needs);
    }
    false
}

#[tokio::test]
async fn an_export_waits_for_all_that_it_needs() {
    let example = root().join("examples/iot-central");
    let world = World::new(None).await;
    let own = load(&example);
    let plan = converged(&world, &own).await;
    let (grant, table) = (
        format!("{DATABASE}.principalAssignments.iot-central"),
        format!("{DATABASE}.tables.smartvitalspatch"),
    );
    let policy = format!("{table}.policies.streamingIngestion");
    let ways = [
        ("iotCentralApplications.smartvitals", grant.as_str()),
        (&grant, DESTINATION),
        (&table, &policy),
        (&policy, DESTINATION),
        (DESTINATION, EXPORT),
    ];
    for (first, then) in ways {
        assert!(precedes(&plan, first, then), "{then} does not wait for {first}");
    }
    let other = load_in(&example, Some("service-principal"));
    converged(&world, &other).await;
    let secret = "secret-of-EXPORT_CLIENT_SECRET";
    let back = world.plan(&own, false).await;
    assert!(back.steps.iter().any(|step| step.behind_line), "a secret is not brought back");
    let journal = std::fs::read_to_string(world.newest()).unwrap();
    assert!(!journal.contains(secret) && !serde_json::to_string(&back).unwrap().contains(secret));
    converged(&world, &own).await;
    let down = world.plan(&own, true).await;
    for (first, then) in [
        (EXPORT, DESTINATION),
        (DESTINATION, "clusters.smartvitals"),
        (&grant, "iotCentralApplications.smartvitals"),
    ] {
        assert!(precedes(&down, first, then), "{then} goes before {first}");
    }
    let (report, _) = world.apply(&down, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    world.emulator.stop().await;
}
