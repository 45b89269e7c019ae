//! Plans as texts: each folder of `tests/plans/` holds a spec of what is live (`before.yaml`), a spec of what is
//! wanted (`after.yaml`), and the plan that leads from one to the other (`plan.txt`). What the command line would say
//! besides may stand in `options.json`.
//!
//! Adding a case adds no Rust; `BLESS=1 cargo test --test product plans` writes the expected plans.

use crate::support::{complain, entries, expect_file, load};
use adxform::kind::{self, At};
use adxform::model::inventory::{Desired, Inventory, Mode, Resource};
use adxform::model::{Address, LossClass};
use adxform::plan::diff::Inputs;
use adxform::plan::{self, MaxDeletes, Options, judge, scope, text};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

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

/// What the command line and the reading of live bring to a plan.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Said {
    destroy: bool,
    targets: Vec<String>,
    excludes: Vec<String>,
    /// What could not be read, and why.
    hidden: BTreeMap<Address, String>,
    allow: Option<LossClass>,
    max_deletes: Option<String>,
    allow_lock_out: bool,
}

impl Said {
    fn beside(folder: &Path) -> Self {
        let file = folder.join("options.json");
        match std::fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display())),
            Err(_) => Self::default(),
        }
    }

    fn options(&self) -> Options {
        let max_deletes = self.max_deletes.as_ref().map_or(MaxDeletes::Any, |text| text.parse().unwrap());
        Options { allow: self.allow.unwrap_or(LossClass::None), max_deletes, lock_out: self.allow_lock_out }
    }
}

/// Puts what has its former name where the spec declares it, as a reading does.
fn under_former_names(live: &mut Inventory, desired: &Desired) {
    let renamed: Vec<_> =
        desired.inventory.iter().filter(|(_, r)| r.lifecycle.renamed_from.is_some()).collect();
    for (at, wanted) in renamed.iter().flat_map(|_| &renamed) {
        let former = wanted.lifecycle.renamed_from.as_deref().unwrap_or_default();
        let was =
            live.named(&at.parent().unwrap(), at.collection(), former).next().map(|(was, _)| was.clone());
        if let (Some(was), None) = (was, live.get(at)) {
            live.relocate(&was, at);
        }
    }
}

#[test]
fn plans_are_as_written() {
    let mut complaints = Vec::new();
    for folder in entries("tests/plans") {
        let (before, after) = (load(&folder.join("before.yaml")), load(&folder.join("after.yaml")));
        let mut live = live(&before.desired);
        let said = Said::beside(&folder);
        let hidden: Vec<(Address, String)> = said.hidden.clone().into_iter().collect();
        for (at, _) in &hidden {
            let inside: Vec<Address> = live.below(at).map(|(address, _)| address.clone()).collect();
            inside.iter().for_each(|address| drop(live.remove(address)));
        }
        under_former_names(&mut live, &after.desired);
        let origin = |address: &Address| after.origins.get(address);
        let inputs = Inputs {
            desired: &after.desired,
            live: &live,
            references: &after.references,
            destroy: said.destroy,
            targets: &said.targets,
            excludes: &said.excludes,
            hidden: &hidden,
            origin: &origin,
        };
        let plan = plan::make(&inputs, scope::of(&after.desired), said.options());
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
        assert_eq!(at.parent().is_none(), address.depth() == 1, "{address}");
    }
}
