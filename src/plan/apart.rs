//! What goes by itself before its container does.
//!
//! Of two things that go with all that is in them, each may hold something that refers to the other: an application
//! that exports to a cluster, and in the cluster a grant for the application. Then none of the two could go first.
//! What refers so is deleted by itself, with everything beside it that needs it.
//!
//! Invariant: such a pair is taken away without a circle (test: `an_export_waits_for_all_that_it_needs`).

use super::diff::Differences;
use crate::kind::{self, At};
use crate::model::Address;
use crate::model::inventory::Inventory;
use std::collections::{BTreeMap, BTreeSet};

/// Gives what must go before its container a step of its own.
pub(super) fn set(found: &mut Differences, live: &Inventory) {
    let mut free = referring_in_a_circle(found);
    if free.is_empty() {
        return;
    }
    let contained: Vec<(Address, BTreeSet<Address>)> = found
        .changes
        .iter()
        .filter(|(_, change)| change.with.is_some())
        .map(|(address, _)| (address.clone(), named(address, live)))
        .collect();
    // At most as many rounds as there are things.
    for _ in 0..contained.len() {
        let more = contained.iter().filter(|(_, needs)| !needs.is_disjoint(&free));
        let more: Vec<Address> =
            more.map(|(address, _)| address.clone()).filter(|at| !free.contains(at)).collect();
        if more.is_empty() {
            break;
        }
        free.extend(more);
    }
    for address in free {
        if let Some(change) = found.changes.get_mut(&address) {
            change.with = None;
        }
    }
}

/// The things that go with one container and refer to another that goes, where the ways lead back to the first.
fn referring_in_a_circle(found: &Differences) -> BTreeSet<Address> {
    let goes = |address: &Address| {
        let change = found.changes.get(address)?;
        change.change.after.is_none().then(|| change.with.clone().unwrap_or_else(|| address.clone()))
    };
    let mut ways: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    let mut out: Vec<(&Address, Address, Address)> = Vec::new();
    for (from, to) in &found.references {
        let (Some(x), Some(y)) = (goes(from), goes(to)) else { continue };
        if x == y {
            continue;
        }
        ways.entry(x.clone()).or_default().insert(y.clone());
        if x != *from {
            out.push((from, x, y));
        }
    }
    let leads = |from: &Address, to: &Address| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                open.extend(ways.get(at).into_iter().flatten());
            }
        }
        false
    };
    out.into_iter().filter(|(_, x, y)| leads(y, x)).map(|(from, ..)| from.clone()).collect()
}

/// What a live thing names beside itself.
fn named(address: &Address, live: &Inventory) -> BTreeSet<Address> {
    let resource = live.get(address);
    let Some((resource, kind)) = resource.and_then(|found| Some((found, kind::by_name(found.kind)?))) else {
        return BTreeSet::new();
    };
    let at = At { address, resource, world: live };
    let needs = kind.needs(&at);
    needs
        .iter()
        .filter_map(|need| at.named(&need.parent, need.collection, &need.name))
        .map(|(of, _)| of)
        .collect()
}
