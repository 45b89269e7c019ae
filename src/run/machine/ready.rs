//! What is ready, in the order in which it should go out.
//!
//! What is ready stands in queues, one for each slot of each root, and the first of each queue stands in an order of its
//! own. So whoever looks for what may go out now sees what comes first, and passes over what cannot go out by the queue, or
//! by the root, without a look at what is in it.
//!
//! Invariant: where is looked for what may go out grows with what goes out and what is on its way, not with what is ready
//! (test: `a_decision_looks_at_little_more_than_it_starts`).

use super::lane::{Lane, Slot};
use crate::model::Address;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

/// The place of a step among those that are ready: what counts first, and its number.
pub(super) type Rank = (Reverse<u64>, usize);

/// What is ready.
#[derive(Debug, Clone, Default)]
pub(super) struct Ready {
    roots: BTreeMap<Address, Root>,
    heads: BTreeMap<Rank, Address>,
}

/// What is ready in a root.
#[derive(Debug, Clone, Default)]
struct Root {
    queues: BTreeMap<Slot, BTreeSet<Rank>>,
    heads: BTreeMap<Rank, Slot>,
}

impl Root {
    fn first(&self) -> Option<Rank> {
        self.heads.first_key_value().map(|(rank, _)| *rank)
    }

    fn add(&mut self, slot: Slot, rank: Rank) {
        let queue = self.queues.entry(slot.clone()).or_default();
        let first = queue.first().copied();
        queue.insert(rank);
        if first.is_none_or(|first| rank < first) {
            first.and_then(|first| self.heads.remove(&first));
            self.heads.insert(rank, slot);
        }
    }

    fn remove(&mut self, slot: &Slot, rank: Rank) {
        let Some(queue) = self.queues.get_mut(slot) else { return };
        queue.remove(&rank);
        let next = queue.first().copied();
        if next.is_none() {
            self.queues.remove(slot);
        }
        if let (Some(slot), Some(next)) = (self.heads.remove(&rank), next) {
            self.heads.insert(next, slot);
        }
    }
}

impl Ready {
    /// Whether nothing is.
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Puts a step in its place, or takes it out.
    pub(super) fn put(&mut self, lane: Lane, rank: Rank, is_ready: bool) {
        let root = self.roots.entry(lane.root.clone()).or_default();
        let before = root.first();
        if is_ready {
            root.add(lane.slot, rank);
        } else {
            root.remove(&lane.slot, rank);
        }
        let now = root.first();
        if now.is_none() {
            self.roots.remove(&lane.root);
        }
        if before != now {
            before.and_then(|before| self.heads.remove(&before));
            now.and_then(|now| self.heads.insert(now, lane.root));
        }
    }

    /// The first of a slot.
    pub(super) fn first(&self, root: &Address, slot: &Slot) -> Option<Rank> {
        self.roots.get(root)?.queues.get(slot)?.first().copied()
    }

    /// What stands in the queue of what is looked at, from there on.
    pub(super) fn from(&self, look: &Look<'_>) -> impl Iterator<Item = Rank> {
        let queue = self.roots.get(look.root).and_then(|root| root.queues.get(look.slot));
        queue.into_iter().flat_map(|queue| queue.range(look.rank..)).copied()
    }

    /// Looks at what may go out, in order.
    pub(super) fn looks(&self) -> Looks<'_> {
        let mut looks = Looks { ready: self, next: BTreeMap::new(), closed: BTreeSet::new(), looked: 0 };
        looks.next.extend(self.heads.first_key_value().map(|(rank, root)| (*rank, Next::Roots(root))));
        looks
    }
}

/// A step that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// Its root.
    pub(super) root: &'a Address,
    /// Its slot.
    pub(super) slot: &'a Slot,
    /// Its place.
    pub(super) rank: Rank,
}

/// Where a look goes on.
#[derive(Debug, Clone, Copy)]
enum Next<'a> {
    /// At the first of a root, and at the roots after it.
    Roots(&'a Address),
    /// At the first of a slot of a root, and at the slots after it.
    Slots(&'a Address, &'a Root),
    /// In a queue.
    Queue(&'a Address, &'a Slot, &'a BTreeSet<Rank>),
}

/// What may go out, in order. Of a slot whose requests keep each other from going out only the first is looked at.
#[derive(Debug)]
pub(super) struct Looks<'a> {
    ready: &'a Ready,
    next: BTreeMap<Rank, Next<'a>>,
    closed: BTreeSet<&'a Address>,
    looked: usize,
}

impl<'a> Looks<'a> {
    /// At how many places was looked so far.
    #[cfg(test)]
    pub(super) const fn looked(&self) -> usize {
        self.looked
    }

    /// Passes over whatever else is in a root.
    pub(super) fn close(&mut self, root: &'a Address) {
        self.closed.insert(root);
    }

    fn slots(&mut self, rank: Rank, address: &'a Address, root: &'a Root) -> Option<Look<'a>> {
        let after = root.heads.range((Excluded(rank), Unbounded)).next();
        self.next.extend(after.map(|(rank, _)| (*rank, Next::Slots(address, root))));
        let slot = root.heads.get(&rank)?;
        if *slot == Slot::Shared {
            self.queue(rank, address, slot, root.queues.get(slot)?);
        }
        Some(Look { root: address, slot, rank })
    }

    fn queue(&mut self, rank: Rank, address: &'a Address, slot: &'a Slot, queue: &'a BTreeSet<Rank>) {
        let after = queue.range((Excluded(rank), Unbounded)).next();
        self.next.extend(after.map(|rank| (*rank, Next::Queue(address, slot, queue))));
    }
}

impl<'a> Iterator for Looks<'a> {
    type Item = Look<'a>;

    fn next(&mut self) -> Option<Look<'a>> {
        while let Some((rank, next)) = self.next.pop_first() {
            self.looked += 1;
            let look = match next {
                Next::Roots(root) => {
                    let after = self.ready.heads.range((Excluded(rank), Unbounded)).next();
                    self.next.extend(after.map(|(rank, root)| (*rank, Next::Roots(root))));
                    let slots = self.ready.roots.get(root)?;
                    self.slots(rank, root, slots)
                }
                Next::Slots(root, _) | Next::Queue(root, ..) if self.closed.contains(root) => None,
                Next::Slots(root, slots) => self.slots(rank, root, slots),
                Next::Queue(root, slot, queue) => {
                    self.queue(rank, root, slot, queue);
                    Some(Look { root, slot, rank })
                }
            };
            if look.is_some() {
                return look;
            }
        }
        None
    }
}
