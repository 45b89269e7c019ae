//! What goes out to an application, and what is wrong with what is asked of it.

use super::{destination, export};
use crate::kind::arm::testing::{body, world};
use crate::kind::{At, Kind, Undo, shape};
use crate::model::body::{SecretRef, Value};
use crate::model::{Address, Body, Change, Request, Resource};
use serde_json::{Value as Json, json};

const ADX: &str = "iotCentralApplications.plant.destinations.adx";

/// An application with an identity, and a cluster with a table that takes streams.
fn things() -> Json {
    let place = |extra: Json| {
        let mut all = json!({"subscriptionId": "00000000-0000-0000-0000-000000000001", "resourceGroup": "rg",
            "location": "westeurope"});
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        all
    };
    json!({
        "iotCentralApplications.plant": {"kind": "iotCentralApplication",
            "body": place(json!({"sku": {"name": "ST1"}, "subdomain": "contoso", "identity": {"type": "SystemAssigned"}}))},
        "clusters.c": {"kind": "cluster", "body": place(json!({"enableStreamingIngest": true}))},
        "clusters.c.databases.d": {"kind": "database"},
        "clusters.c.databases.d.tables.T": {"kind": "table"},
        "clusters.c.databases.d.tables.T.policies.streamingIngestion": {"kind": "streamingIngestionPolicy", "body": {"isEnabled": true}},
    })
}

fn principal(secret: Option<Value>) -> Body {
    let own = Body::new()
        .with("type", "servicePrincipal")
        .with("clientId", "11111111-1111-1111-1111-111111111111")
        .with("tenantId", "22222222-2222-2222-2222-222222222222");
    let own = secret.into_iter().fold(own, |own, secret| own.with("clientSecret", secret));
    to("T").with("authorization", own)
}

fn to(table: &str) -> Body {
    Body::new().with("clusterUrl", "https://c").with("database", "d").with("table", table)
}

fn secret(name: &str) -> Value {
    Value::Secret(SecretRef::Env(name.into()))
}

/// What the service shows of a body.
fn shown(body: &Body) -> Body {
    match body.at(&["authorization", "clientSecret"]) {
        Some(_) => principal(Some("*****".into())).with("table", body.text("table").unwrap_or_default()),
        None => body.clone(),
    }
}

#[test]
fn stars_are_never_written() {
    let kind = &destination::Destination;
    let identity = to("T").with("authorization", Body::new().with("type", "systemAssignedManagedIdentity"));
    let ends = [
        None,
        Some(identity),
        Some(principal(Some(secret("A")))),
        Some(principal(Some(secret("A"))).with("table", "U")),
        Some(principal(None)),
    ];
    let (address, mut world) = (ADX.parse::<Address>().unwrap(), world(&things()));
    let mut refused = Vec::new();
    for (from, before) in ends.iter().enumerate() {
        for (to, wanted) in ends.iter().enumerate().filter(|(to, _)| *to != from) {
            let about = kind.about();
            let live = before.as_ref().map(|before| Resource {
                kind: about.name,
                name: "adx".into(),
                body: shown(before),
                ..Resource::default()
            });
            let after = wanted.as_ref().map(|wanted| kind.settle(live.as_ref(), wanted));
            let change = Change::new(live.as_ref().map(|live| live.body.clone()), after.clone());
            let resource = Resource {
                kind: about.name,
                name: "adx".into(),
                body: after.or_else(|| before.clone()).unwrap(),
                ..Resource::default()
            };
            let same = |(a, b): (&Body, &Body)| shape::same_bodies(about.fields, a, b);
            if change.before.as_ref().zip(change.after.as_ref()).is_some_and(same) {
                continue;
            }
            world.insert(address.clone(), resource.clone());
            let at = At { address: &address, resource: &resource, world: &world };
            let mut requests: Vec<Request> = Vec::new();
            match kind.request(&at, &change) {
                Ok(request) => requests.push(request),
                Err(_) => refused.push(format!("{from}>{to}")),
            }
            match kind.undo(&at, &change) {
                Undo::By(undo) => requests.extend(undo),
                Undo::Never(_) => refused.push(format!("{to}<{from}")),
            }
            for request in requests {
                assert!(!format!("{request:?}").contains("*****"), "{from} → {to}: {request:?}");
            }
        }
    }
    // What nobody knows the secret of cannot be made, nor made again; a table alone changes without it.
    let expected = ["0>4", "1>4", "1<2", "1<3", "0<4", "1<4"];
    assert_eq!(refused, expected);
}

/// The findings of one thing more, as `property: message`.
fn findings(kind: &dyn Kind, address: &str, given: &Json, change: impl Fn(&mut Json)) -> Vec<String> {
    let mut things = things();
    change(&mut things);
    things[address] = json!({"kind": kind.about().name, "body": {}});
    let mut world = world(&things);
    let address: Address = address.parse().unwrap();
    let body = shape::canonical_body(kind.about().fields, &body(given)).unwrap();
    let resource = Resource { body, ..world.get(&address).unwrap().clone() };
    world.insert(address.clone(), resource.clone());
    let found = kind.check(&At { address: &address, resource: &resource, world: &world });
    found.into_iter().map(|found| format!("{}: {}", found.field.join("."), found.message)).collect()
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let kind = &destination::Destination;
    let given = |authorization: Json| json!({"clusterUrl": "${clusters.c.uri}", "database": "d", "table": "T", "authorization": authorization});
    let own = given(json!("systemAssignedManagedIdentity"));
    let of = |given: &Json, change: fn(&mut Json)| findings(kind, ADX, given, change);
    assert!(of(&own, |_| {}).is_empty());
    let lacks = of(
        &given(json!({"type": "servicePrincipal", "clientId": "11111111-1111-1111-1111-111111111111"})),
        |_| {},
    );
    assert_eq!(
        lacks,
        [
            "authorization: a service principal is told by its `tenantId` too",
            "authorization: a service principal is told by its `clientSecret` too"
        ]
    );
    let both =
        json!({"type": "systemAssignedManagedIdentity", "clientId": "11111111-1111-1111-1111-111111111111"});
    assert_eq!(
        of(&given(both), |_| {}),
        [
            "authorization.clientId: `clientId` is of a service principal, and the application writes as its own identity"
        ]
    );
    let nobody = of(&own, |things| {
        things["iotCentralApplications.plant"]["body"]["identity"] = json!({"type": "None"})
    });
    assert_eq!(
        nobody,
        ["authorization: iotCentralApplications.plant does not declare an identity to write as"]
    );
    let disabled = of(&own, |things| things["clusters.c"]["body"]["enableStreamingIngest"] = json!(false));
    assert_eq!(
        disabled,
        ["clusterUrl: IoT Central writes by streaming ingestion, and clusters.c has it disabled"]
    );
    let without = of(&own, |things| {
        things.as_object_mut().unwrap().remove("clusters.c.databases.d.tables.T.policies.streamingIngestion");
    });
    assert_eq!(
        without,
        [
            "table: IoT Central writes by streaming ingestion, and clusters.c.databases.d.tables.T declares no policy for it"
        ]
    );
    let export = json!({"source": "telemetry", "destinations": [], "enrichments": {"a": {"path": "$x", "value": "y"}}});
    let found = findings(&export::Export, "iotCentralApplications.plant.exports.e", &export, |_| {});
    assert_eq!(
        found,
        [
            "destinations: an export without destinations exports nothing",
            "enrichments.a: the enrichment a is either a `path` or a `value`"
        ]
    );
}

#[test]
fn what_is_no_longer_exported_is_said() {
    let address: Address = "iotCentralApplications.plant.exports.e".parse().unwrap();
    let (resource, world) = (Resource::default(), world(&things()));
    let at = At { address: &address, resource: &resource, world: &world };
    let body = |ids: Json, enabled: bool| Some(body(&json!({"destinations": ids, "enabled": enabled})));
    let (a, b) = (json!({"id": "a"}), json!({"id": "b"}));
    for (before, after, lost) in [
        (body(json!([a, b]), true), None, "a, b"),
        (body(json!([a, b]), true), body(json!([b]), true), "a"),
        (body(json!([a]), true), body(json!([a]), false), "a"),
        (body(json!([a]), false), None, ""),
        (body(json!([a]), true), body(json!([a, b]), true), ""),
        (None, body(json!([a]), true), ""),
    ] {
        let loss = export::Export.loss(&at, &Change::new(before, after));
        let expected = if lost.is_empty() {
            String::new()
        } else {
            format!("from then on nothing is exported to {lost}, and messages are not kept")
        };
        assert_eq!(loss.what, expected);
    }
}
