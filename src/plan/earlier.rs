//! The brake of `preventDestroy` for things that the spec does not declare any more: what an earlier revision said.
//!
//! The newest revision that declares a thing decides, so that protection is taken away by a revision of its own before
//! the entry goes (test: `the_newest_revision_that_declares_a_thing_decides`).

use super::{Plan, Refusal, Rule};
use crate::model::Address;
use crate::model::inventory::{Inventory, Mode, Resource};
use arcstr::ArcStr;
use std::collections::BTreeMap;

/// The things that a plan deletes and the spec does not declare, with their service's names.
pub fn undeclared(plan: &Plan, desired: &Inventory) -> BTreeMap<Address, ArcStr> {
    let is_declared = |address: &Address, name: &str| {
        declared(desired, address, name).is_some_and(|entry| entry.mode != Mode::Absent)
    };
    let gone = plan.changes.iter().filter(|(_, change)| change.change.after.is_none());
    let gone = gone.filter(|(address, change)| !is_declared(address, &change.name));
    gone.map(|(address, change)| (address.clone(), change.name.clone())).collect()
}

/// What a revision of the spec says of things that are to go: those that it declares are decided, and taken out.
pub fn decided(
    undecided: &mut BTreeMap<Address, ArcStr>,
    revision: &str,
    earlier: &Inventory,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    undecided.retain(|address, name| {
        let entry = declared(earlier, address, name).filter(|entry| entry.mode != Mode::Absent);
        let Some(entry) = entry else { return true };
        if entry.lifecycle.prevent_destroy {
            refusals.push(refusal(address, revision));
        }
        false
    });
    refusals
}

/// The entry of a thing, under its address or under another key.
fn declared<'a>(inventory: &'a Inventory, address: &Address, name: &str) -> Option<&'a Resource> {
    inventory.get(address).or_else(|| {
        let mut same = inventory.named(&address.parent()?, address.collection(), name);
        same.next().map(|(_, entry)| entry)
    })
}

fn refusal(address: &Address, revision: &str) -> Refusal {
    Refusal {
        address: address.clone(),
        origin: None,
        rule: Rule::PreventDestroy,
        message: format!(
            "{address} would be deleted: the spec does not declare it any more, and revision {revision}, the last that \
             did, says `preventDestroy`"
        ),
        help: "if it is to go, commit a revision that declares it without `preventDestroy` first".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Body;
    use crate::model::change::{Change, Loss};
    use crate::model::inventory::Lifecycle;
    use crate::plan::{Reason, Resolution};

    fn spec(entries: &[(&str, &str, bool)]) -> Inventory {
        let mut spec = Inventory::new();
        for (address, name, prevent_destroy) in entries {
            let lifecycle = Lifecycle { prevent_destroy: *prevent_destroy, ..Lifecycle::default() };
            let resource = Resource { name: (*name).into(), lifecycle, ..Resource::default() };
            spec.insert(address.parse().unwrap(), resource);
        }
        spec
    }

    fn deleting(things: &[(&str, &str)]) -> Plan {
        let mut plan = Plan::default();
        for (address, name) in things {
            let change = Change::new(Some(Body::new()), None);
            let (kind, name, loss) = (ArcStr::new(), (*name).into(), Loss::none());
            let (reason, origin, with) = (Reason::Pruned, None, None);
            let resolution = Resolution { kind, name, change, reason, loss, origin, with };
            plan.changes.insert(address.parse().unwrap(), resolution);
        }
        plan
    }

    #[test]
    fn the_newest_revision_that_declares_a_thing_decides() {
        let plan = deleting(&[
            ("clusters.c.tables.T", "T"),
            ("clusters.c.tables.U", "U"),
            ("clusters.c.tables.V", "V"),
        ]);
        let mut undecided = undeclared(&plan, &spec(&[("clusters.c.tables.V", "V", false)]));
        assert_eq!(undecided.len(), 2, "what is declared is the differ's matter");
        let newest = decided(&mut undecided, "r3", &spec(&[("clusters.c.tables.U", "U", false)]));
        assert_eq!(newest, []);
        let older = spec(&[("clusters.c.tables.other", "T", true), ("clusters.c.tables.U", "U", true)]);
        let messages: Vec<String> =
            decided(&mut undecided, "r2", &older).into_iter().map(|refusal| refusal.message).collect();
        assert_eq!(
            messages,
            ["clusters.c.tables.T would be deleted: the spec does not declare it any more, and \
            revision r2, the last that did, says `preventDestroy`"]
        );
        assert!(undecided.is_empty());
    }
}
