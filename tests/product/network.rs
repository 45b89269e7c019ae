//! A cluster that was put into a virtual network when that could still be done: it is left alone, and taken out of the
//! network for good when the spec says so.

use crate::support::load;
use crate::world::World;
use adxform::model::request::{ArmRequest, Method};
use adxform::plan::{Plan, text};
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use serde_json::json;

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg";

async fn injected(world: &World) {
    let network = |of: &str| format!("{GROUP}/providers/Microsoft.Network/{of}");
    let body = json!({
        "location": "westeurope",
        "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2},
        "properties": {"virtualNetworkConfiguration": {
            "subnetId": network("virtualNetworks/v/subnets/s"),
            "enginePublicIpId": network("publicIPAddresses/engine"),
            "dataManagementPublicIpId": network("publicIPAddresses/management"),
            "state": "Enabled",
        }},
    });
    let request = ArmRequest {
        method: Method::Put,
        path: format!("{GROUP}/providers/Microsoft.Kusto/clusters/injected"),
        api_version: "2024-04-13".to_owned(),
        body: adxform::model::body::Value::from_json(&body),
        if_match: None,
        create_only: false,
    };
    world.cloud.perform(&request, |_| {}).await.unwrap();
}

async fn planned(world: &World, inside: &str) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adx.yaml");
    let start = "version: 1\nazure: {subscriptionId: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, location: westeurope}";
    std::fs::write(&path, format!("{start}\nclusters:\n  injected:\n    sku: Standard_E8ads_v5\n{inside}"))
        .unwrap();
    world.plan(&load(&path), false).await
}

fn shown(plan: &Plan) -> String {
    format!("{}{}", text::plan(plan, text::Style::default()), text::refusals(&plan.refusals))
}

#[tokio::test]
async fn a_cluster_leaves_its_virtual_network_for_good() {
    let world = World::new(None).await;
    injected(&world).await;
    assert!(planned(&world, "").await.is_empty(), "what the spec does not mention stays");
    let plan = planned(&world, "    virtualNetworkConfiguration: {subnetId: /subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/w/subnets/s}\n").await;
    assert!(shown(&plan).contains("cannot change but for its `state`"), "{}", shown(&plan));
    let out = "    virtualNetworkConfiguration: {state: Disabled}\n";
    let plan = planned(&world, out).await;
    assert!(plan.refusals.is_empty() && plan.steps.iter().all(|step| step.behind_line), "{}", shown(&plan));
    assert!(shown(&plan).contains("the cluster leaves its virtual network"), "{}", shown(&plan));
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    assert!(planned(&world, out).await.is_empty());
    let plan = planned(&world, "    virtualNetworkConfiguration: {state: Enabled}\n").await;
    assert!(shown(&plan).contains("cannot be enabled again"), "{}", shown(&plan));
    world.emulator.stop().await;
}
