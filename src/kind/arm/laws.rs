//! Laws that hold for every kind of the control plane and of data connections, on generated bodies.

use super::testing::{Bench, landing};
use super::wire;
use crate::kind::shape::{self, Field, Role, Shape};
use crate::kind::{Kind, Plane, all, by_name};
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use proptest::prelude::*;
use serde_json::json;

/// A value that a shape can hold.
fn value(shape: &'static Shape) -> BoxedStrategy<Value> {
    match shape {
        Shape::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Int(min, max) => (*min..=(*max).min(min + 9)).prop_map(Value::from).boxed(),
        Shape::Guid => {
            (1..4_u32).prop_map(|n| Value::from(format!("00000000-0000-0000-0000-{n:012}"))).boxed()
        }
        Shape::Duration => {
            (1..2000_i64).prop_map(|hours| Value::Time(Ticks(hours * Ticks::seconds(3600).0))).boxed()
        }
        Shape::DateTime => {
            (1..28_u32).prop_map(|day| Value::from(format!("2026-01-{day:02}T08:00:00Z"))).boxed()
        }
        Shape::Enum(words) | Shape::OpenEnum(words) => {
            prop::sample::select(words.to_vec()).prop_map(Value::from).boxed()
        }
        Shape::ArmId(of) => {
            let of = if of.is_empty() { "Microsoft.ManagedIdentity/userAssignedIdentities" } else { of };
            "[a-c]".prop_map(move |name| Value::from(arm_id(of, &name))).boxed()
        }
        Shape::Location => Just(Value::from("westeurope")).boxed(),
        Shape::Set(item) | Shape::List(item) => {
            prop::collection::vec(value(item), 0..3).prop_map(Value::from).boxed()
        }
        Shape::Map(item) => prop::collection::btree_map("[a-c]", value(item), 0..3)
            .prop_map(|map| Value::Map(map.into_iter().map(|(k, v)| (k.as_str().into(), v)).collect()))
            .boxed(),
        Shape::Object { fields, .. } => body(fields, false).prop_map(Value::Map).boxed(),
        _ => "[a-z]{1,6}".prop_map(Value::from).boxed(),
    }
}

fn arm_id(of: &str, name: &str) -> String {
    let mut parts = of.split('/');
    let provider = parts.next().unwrap_or_default();
    let path: String = parts.map(|part| format!("/{part}/{name}")).collect();
    format!("/subscriptions/s/resourceGroups/g/providers/{provider}{path}")
}

/// A body with the required fields and some of the others; `nulls` says whether those may be null.
fn body(fields: &'static [Field], nulls: bool) -> BoxedStrategy<Body> {
    let written = fields.iter().filter(|f| !matches!(f.role, Role::Place | Role::Setting | Role::CreateOnly));
    let entries: Vec<BoxedStrategy<Option<(&'static str, Value)>>> = written
        .map(|f| {
            let given = value(&f.shape).prop_map(move |value| Some((f.name, value)));
            match f {
                f if f.required => given.boxed(),
                f if nulls && f.role == Role::Managed => {
                    prop_oneof![Just(None), Just(Some((f.name, Value::Null))), given].boxed()
                }
                _ => prop_oneof![Just(None), given].boxed(),
            }
        })
        .collect();
    entries
        .prop_map(move |entries| {
            let body =
                entries.into_iter().flatten().fold(Body::new(), |body, (name, value)| body.with(name, value));
            shape::canonical_body(fields, &body).unwrap()
        })
        .boxed()
}

/// The kinds whose fields stand on the wire under their own names; the others have tests and states of their own.
fn kinds() -> Vec<&'static dyn Kind> {
    let others = ["roleAssignment", "resource", "iotHubConsumerGroup", "cosmosRoleAssignment"];
    let differs = |name: &str| others.contains(&name);
    all().filter(|kind| kind.about().plane == Plane::Arm && !differs(kind.about().name)).collect()
}

fn bench(kind: &'static dyn Kind) -> Bench {
    let about = kind.about();
    let address = match about.parents {
        [] => "clusters.c".to_owned(),
        ["cluster"] => format!("clusters.c.{}.x", about.collection),
        _ => format!("clusters.c.databases.d.{}.x", about.collection),
    };
    let mut things = landing();
    if about.parents == ["cluster"] {
        things.as_object_mut().unwrap().remove("clusters.c.databases.d");
    }
    if about.parents.is_empty() {
        things = json!({"clusters.c": {"kind": "cluster", "body": {
            "subscriptionId": super::testing::SUBSCRIPTION, "resourceGroup": "rg"}}});
    }
    let bench = Bench::new(kind, &address, &things);
    if about.collection == "dataConnections" { bench.forgetful() } else { bench }
}

/// What stands before and what is wanted, of any kind.
fn pair() -> impl Strategy<Value = (&'static str, Option<Body>, Option<Body>)> {
    let names: Vec<&str> = kinds().iter().map(|kind| kind.about().name).collect();
    prop::sample::select(names).prop_flat_map(|name| {
        let fields = by_name(name).unwrap().about().fields;
        let ends = (prop::option::of(body(fields, false)), prop::option::of(body(fields, true)));
        (Just(name), ends).prop_map(|(name, (before, after))| (name, before, after))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is written and read again is what was to be written.
    #[test]
    fn reads_what_it_writes((name, given, _) in pair()) {
        let (kind, Some(given)) = (by_name(name).unwrap(), given) else { return Ok(()) };
        let (fields, bench) = (kind.about().fields, bench(kind));
        let given = kind.settle(None, &given);
        let live = bench.read(&bench.reply(&wire::whole(fields, &given)));
        let wanted = kind.settle(Some(&live), &given);
        let differing: Vec<&str> = shape::differing(fields, &live.body, &wanted).iter().map(|f| f.name).collect();
        prop_assert!(differing.is_empty(), "{differing:?} {:?} {wanted:?}", live.body);
    }

    /// Any body leads to any other, a second plan is empty, and the way back ends where it began.
    #[test]
    fn every_pair_converges_and_comes_back((name, before, after) in pair()) {
        if before.is_some() || after.is_some() {
            let after = after.map(|after| match after.get("location") {
                None => after.with("location", "westeurope"),
                Some(_) => after,
            });
            let text = bench(by_name(name).unwrap()).case(before, after);
            let never = ["`zones` cannot", "`virtualNetworkConfiguration` cannot"];
            prop_assert!(!text.contains("error:") || never.iter().any(|word| text.contains(word)), "{text}");
        }
    }
}
