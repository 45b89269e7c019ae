//! Plans as texts: each folder of `tests/plans/` holds a spec of what is live (`before.yaml`), a spec of what is
//! wanted (`after.yaml`), and the plan that leads from one to the other (`plan.txt`).
//!
//! Adding a case adds no Rust; `BLESS=1 cargo test --test product plans` writes the expected plans.

use crate::support::{complain, entries, expect_file, load};
use adxform::kind::{self, At};
use adxform::model::inventory::{Desired, Inventory, Mode, Resource};
use adxform::model::{Address, LossClass};
use adxform::plan::diff::Inputs;
use adxform::plan::{self, MaxDeletes, Options, judge, scope, text};

/// What live would be after an apply of a spec: every body settled, with figures and outputs.
fn live(desired: &Desired) -> Inventory {
    let mut live = Inventory::new();
    for (address, resource) in desired.inventory.iter().filter(|(_, resource)| resource.mode != Mode::Absent)
    {
        let kind = kind::by_name(resource.kind).unwrap_or_else(|| panic!("{}", resource.kind));
        let mut attributes = adxform::model::Body::new();
        for (path, _) in kind.about().outputs {
            attributes.set(path, format!("<{path} of {}>", resource.name));
        }
        let figures = kind.about().collection == "tables";
        let found = Resource {
            body: kind.settle(None, &resource.body),
            attributes,
            rows: figures.then_some(1000),
            bytes: figures.then_some(123_456),
            mode: Mode::Managed,
            is_live: true,
            ..resource.clone()
        };
        live.insert(address.clone(), found);
    }
    live
}

#[test]
fn plans_are_as_written() {
    let mut complaints = Vec::new();
    for folder in entries("tests/plans") {
        let (before, after) = (load(&folder.join("before.yaml")), load(&folder.join("after.yaml")));
        let live = live(&before.desired);
        let origin = |address: &Address| after.origins.get(address);
        let inputs = Inputs {
            desired: &after.desired,
            live: &live,
            references: &after.references,
            destroy: folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("destroy")),
            targets: &[],
            excludes: &[],
            hidden: &[],
            origin: &origin,
        };
        let options = Options { allow: LossClass::None, max_deletes: MaxDeletes::Any, lock_out: false };
        let plan = plan::make(&inputs, scope::of(&after.desired), options);
        let printed =
            format!("{}{}", text::plan(&plan, text::Style { verbose: true }), text::refusals(&plan.refusals));
        complaints.extend(expect_file(&folder.join("plan.txt"), &printed).err());
        let faults = judge::faults(&plan);
        if !faults.is_empty() {
            complaints.push(format!("{}: {faults:?}", folder.display()));
        }
        let again = serde_json::to_string(&plan).and_then(|text| serde_json::from_str::<plan::Plan>(&text));
        if again.as_ref().ok() != Some(&plan) {
            complaints
                .push(format!("{}: the stored plan reads back differently: {again:?}", folder.display()));
        }
    }
    complain(&complaints);
}

/// Every kind answers for itself: `At` finds what contains a thing.
#[test]
fn containers_are_found() {
    let spec = load(&crate::support::root().join("examples/event-grid"));
    let world = &spec.desired.inventory;
    for (address, resource) in world.iter() {
        let at = At { address, resource, world };
        assert_eq!(at.cluster(), address.prefix(1));
        assert_eq!(at.parent().is_none(), address.segments().len() == 1, "{address}");
    }
}
