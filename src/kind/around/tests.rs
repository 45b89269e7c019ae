//! What requests say, and what of live counts.

use super::{kept, resource, roles};
use crate::kind::arm::testing::{body, world};
use crate::kind::{At, Kind, by_name};
use crate::model::{Address, Change};
use serde_json::{Value as Json, json};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

fn things() -> Json {
    let place = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "rg", "location": "westeurope"});
    let placed = |extra: Json| {
        let mut all = place.clone();
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        all
    };
    let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg");
    json!({
        "resourceGroups.rg": {"kind": "resourceGroup", "body": {"subscriptionId": SUBSCRIPTION}},
        "eventHubNamespaces.ns": {"kind": "eventHubNamespace", "body": placed(json!({}))},
        "eventHubNamespaces.ns.eventHubs.h": {"kind": "eventHub", "body": {}},
        "eventHubNamespaces.ns.eventHubs.h.consumerGroups.g": {"kind": "consumerGroup", "body": {}},
        "storageAccounts.files": {"kind": "storageAccount", "body": placed(json!({}))},
        "storageAccounts.files.containers.c": {"kind": "blobContainer", "body": {}},
        "storageAccounts.files.eventSubscriptions.s": {"kind": "storageEventSubscription", "body": {}},
        "systemTopics.t": {"kind": "systemTopic", "body": placed(json!({}))},
        "systemTopics.t.eventSubscriptions.s": {"kind": "eventSubscription", "body": {}},
        "roleAssignments.r": {"kind": "roleAssignment", "body": {"scope": scope, "role": "Reader"}},
        "resources.x": {"kind": "resource", "body": placed(json!({"type": "Microsoft.Devices/IotHubs@2023-06-30"}))},
        "resources.y": {"kind": "resource", "body": {
            "type": "Microsoft.Devices/IotHubs/certificates@2023-06-30",
            "parent": format!("{scope}/providers/Microsoft.Devices/iotHubs/x")}},
        "resources.z": {"kind": "resource", "body": {
            "type": "Microsoft.Insights/diagnosticSettings@2021-05-01-preview",
            "parent": format!("{scope}/providers/Microsoft.Devices/iotHubs/x")}},
    })
}

#[test]
fn ids_follow_from_places() {
    let world = world(&things());
    let ids: Vec<String> = world
        .iter()
        .map(|(address, found)| {
            let at = At { address, resource: found, world: &world };
            by_name(found.kind).unwrap().resource_id(&at).unwrap().replace(SUBSCRIPTION, "S")
        })
        .collect();
    let group = "/subscriptions/S/resourceGroups/rg";
    let expected = [
        "/providers/Microsoft.EventHub/namespaces/ns",
        "/providers/Microsoft.EventHub/namespaces/ns/eventhubs/h",
        "/providers/Microsoft.EventHub/namespaces/ns/eventhubs/h/consumergroups/g",
        "",
        "/providers/Microsoft.Devices/IotHubs/x",
        "/providers/Microsoft.Devices/iotHubs/x/certificates/y",
        "/providers/Microsoft.Devices/iotHubs/x/providers/Microsoft.Insights/diagnosticSettings/z",
        "/providers/Microsoft.Authorization/roleAssignments/6debc1a7-4ec7-513f-a21b-b60e49c59184",
        "/providers/Microsoft.Storage/storageAccounts/files",
        "/providers/Microsoft.Storage/storageAccounts/files/blobServices/default/containers/c",
        "/providers/Microsoft.Storage/storageAccounts/files/providers/Microsoft.EventGrid/eventSubscriptions/s",
        "/providers/Microsoft.EventGrid/systemTopics/t",
        "/providers/Microsoft.EventGrid/systemTopics/t/eventSubscriptions/s",
    ];
    let mut expected: Vec<String> = expected.iter().map(|id| format!("{group}{id}")).collect();
    let mut ids = ids;
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
}

/// The body of the one request of a change.
fn sent(address: &str, before: &Json, after: &Json) -> Json {
    let world = world(&things());
    let address: Address = address.parse().unwrap();
    let found = world.get(&address).unwrap();
    let kind = by_name(found.kind).unwrap();
    let at = At { address: &address, resource: found, world: &world };
    let request = kind.request(&at, &Change::new(Some(body(before)), Some(body(after)))).unwrap();
    let crate::model::Request::Arm(arm) = request else { panic!("a request to the control plane") };
    json!({arm.method.word(): arm.body.shown()})
}

#[test]
fn what_is_left_out_stays() {
    let hub = sent(
        "eventHubNamespaces.ns.eventHubs.h",
        &json!({"partitionCount": 4, "messageRetentionInDays": 7, "userMetadata": "a"}),
        &json!({"partitionCount": 4, "userMetadata": "b"}),
    );
    assert_eq!(
        hub,
        json!({"PUT": {"properties": {"partitionCount": 4, "messageRetentionInDays": 7, "userMetadata": "b"}}})
    );
    let namespace = sent(
        "eventHubNamespaces.ns",
        &json!({"sku": {"name": "Standard", "capacity": 1}, "disableLocalAuth": false, "tags": {"a": "b"}}),
        &json!({"sku": {"name": "Standard", "capacity": 1}, "disableLocalAuth": true, "tags": {"a": "b"}}),
    );
    assert_eq!(namespace, json!({"PATCH": {"properties": {"disableLocalAuth": true}}}));
    let before = body(&json!({"filter": {"subjectBeginsWith": "/a", "includedEventTypes": ["x"]}}));
    let after = body(&json!({"filter": {"subjectBeginsWith": "/b"}}));
    let fields = by_name("eventSubscription").unwrap().about().fields;
    let all = kept(fields, &before, &after).shown();
    assert_eq!(all, json!({"filter": {"subjectBeginsWith": "/b", "includedEventTypes": ["x"]}}));
}

#[test]
fn roles_are_one_by_name_and_by_id() {
    for same in [
        "Storage Blob Data Reader",
        "storage blob data reader",
        "2A2B9908-6ea1-4ae2-8e65-a410df84e7d1",
        "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    ] {
        assert_eq!(roles::canonical(same), "Storage Blob Data Reader", "{same}");
    }
    assert_eq!(roles::id("Reeder"), None);
    let all: std::collections::BTreeSet<_> =
        roles::names().iter().filter_map(|name| roles::id(name)).collect();
    assert_eq!(all.len(), roles::names().len());
}

#[test]
fn only_what_is_given_of_a_resource_counts() {
    let live = json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Devices/IotHubs/x"),
        "location": "West Europe", "etag": "1",
        "properties": {"provisioningState": "Succeeded", "a": {"b": 1, "c": 2}, "list": [{"ip": "1", "id": 7}]},
        "sku": {"name": "S1", "tier": "Standard"},
    });
    let kind = &resource::OtherResource;
    let found = kind.found(&crate::kind::replies::Reply::Arm(&live)).unwrap().remove(0);
    let live = crate::model::Resource { body: found.body.clone(), ..crate::model::Resource::default() };
    let fields = kind.about().fields;
    let differs = |wanted: &Json| {
        let after = kind.settle(Some(&live), &body(wanted));
        !crate::kind::shape::same_bodies(fields, &live.body, &after)
    };
    assert!(!differs(
        &json!({"location": "westeurope", "body": {"sku": {"name": "S1"}, "properties": {"a": {"c": 2}}}})
    ));
    assert!(!differs(&json!({"body": {"properties": {"list": [{"ip": "1"}], "gone": null}}})));
    assert!(differs(&json!({"body": {"properties": {"a": {"c": 3}}}})));
    assert!(differs(&json!({"body": {"properties": {"list": []}}})));
    assert!(differs(&json!({"body": {"properties": {"a": {"b": null}}}})));
}

#[test]
fn a_grant_is_not_taken_from_another_by_accident() {
    let world = world(&things());
    let address: Address = "roleAssignments.r".parse().unwrap();
    let resource = world.get(&address).unwrap();
    let at = At { address: &address, resource, world: &world };
    let kind = by_name("roleAssignment").unwrap();
    let grant = |role: &str, principal: &str| Some(body(&json!({"role": role, "principalId": principal})));
    let (one, other) = ("11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000");
    let objections = |before, after| kind.locks_out(&at, &Change::new(before, after), &|_| false);
    let taken = objections(grant("Reader", one), grant("Reader", other));
    assert!(taken.len() == 1 && taken[0].contains(one) && taken[0].contains(other), "{taken:?}");
    assert_eq!(objections(grant("Reader", one), grant("Owner", &one.to_uppercase())), Vec::<String>::new());
    assert_eq!(objections(None, grant("Reader", other)), Vec::<String>::new());
    assert_eq!(objections(grant("Reader", one), None), Vec::<String>::new());
}
