//! Circles among steps: those of kinds that the service can write without looking at what they name are written so,
//! and need not wait for each other.
//!
//! What needs one of a circle waits for all of it.
//!
//! Invariant: only edges inside of a circle are dropped, and only those of steps that say how they are made without
//! validation; any other circle stays one (test: `tests/plans/functions-in-a-circle`).

use super::diff::Differences;
use super::{Step, Undo, dependents};
use crate::kind::{self, At};
use crate::model::inventory::Inventory;
use std::collections::{BTreeMap, BTreeSet};

/// Opens the circles that can be opened.
pub(super) fn open(drafts: &mut [Step], found: &Differences, live: &Inventory) {
    // As a rule every step needs earlier ones alone, and there is no circle.
    if drafts.iter().all(|step| step.needs.iter().all(|needs| *needs < step.id)) {
        return;
    }
    let circles = circles(drafts);
    for id in 0..drafts.len() {
        let Some(circle) = circles[id] else { continue };
        let step = &drafts[id];
        let world = if step.change.after.is_none() { live } else { &found.world };
        let resource = world.get(&step.address);
        let Some((resource, kind)) = resource.zip(kind::by_name(&step.kind)) else { continue };
        let at = At { address: &step.address, resource, world };
        let Some(request) = kind.unvalidated(&at, &step.change) else { continue };
        let undo = kind.unvalidated(&at, &step.change.invert());
        let step = &mut drafts[id];
        step.request = request;
        if let (Undo::By(_), Some(undo)) = (&step.undo, undo) {
            step.undo = Undo::By(vec![undo]);
        }
        step.needs.retain(|needs| circles[*needs] != Some(circle));
    }
    wait_for_all(drafts, &circles);
}

/// Lets the steps outside of a circle that need one of its steps wait for the others too.
fn wait_for_all(drafts: &mut [Step], circles: &[Option<usize>]) {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (id, circle) in circles.iter().enumerate() {
        circle.iter().for_each(|circle| members.entry(*circle).or_default().push(id));
    }
    for step in drafts.iter_mut().filter(|_| !members.is_empty()) {
        let needed: BTreeSet<usize> = step.needs.iter().filter_map(|needs| circles[*needs]).collect();
        for other in
            needed.iter().filter(|circle| circles[step.id] != Some(**circle)).flat_map(|c| &members[c])
        {
            if !step.needs.contains(other) {
                step.needs.push(*other);
            }
        }
    }
}

/// For each step the number of the circle that it is in, if any.
///
/// Steps are counted off in the order in which a walk along the edges leaves them; a walk against the edges, begun
/// at the last, then stays inside of one circle.
fn circles(drafts: &[Step]) -> Vec<Option<usize>> {
    let dependents = dependents(drafts);
    let mut left = Vec::with_capacity(drafts.len());
    let mut seen = vec![false; drafts.len()];
    for start in 0..drafts.len() {
        walk(start, &|id| &drafts[id].needs, &mut seen, &mut left);
    }
    let mut seen = vec![false; drafts.len()];
    let mut number = vec![0; drafts.len()];
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for start in left.into_iter().rev() {
        let mut circle = Vec::new();
        walk(start, &|id| &dependents[id], &mut seen, &mut circle);
        sizes.insert(start, circle.len());
        circle.into_iter().for_each(|id| number[id] = start);
    }
    number.into_iter().map(|circle| (sizes[&circle] > 1).then_some(circle)).collect()
}

/// Adds everything that is reached from a start and not yet seen, each behind all that is reached through it.
fn walk<'a>(start: usize, next: &dyn Fn(usize) -> &'a Vec<usize>, seen: &mut [bool], left: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[start], true) {
        return;
    }
    let mut open = vec![(start, 0)];
    while let Some((id, at)) = open.pop() {
        match next(id).get(at) {
            Some(other) => {
                open.push((id, at + 1));
                if !std::mem::replace(&mut seen[*other], true) {
                    open.push((*other, 0));
                }
            }
            None => left.push(id),
        }
    }
}
