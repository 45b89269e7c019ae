//! Inventories: everything desired, or everything live, by address.

use super::address::Address;
use super::body::Body;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How the tool stands to a thing that the spec declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mode {
    /// Created, altered and destroyed as the spec says.
    #[default]
    Managed,
    /// Read, never written; its children may be managed (`existing: true`, or a cluster known by `uri`).
    Existing,
    /// Must not exist (`removed:`, or `null` in place of a body).
    Absent,
}

/// One thing, desired or live.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// The kind's word, such as `table`.
    pub kind: &'static str,
    /// The service's own name.
    pub name: Arc<str>,
    /// Desired: what the spec gives. Live: every property the kind knows, canonical.
    pub body: Body,
    /// Desired only.
    pub mode: Mode,
    /// Desired only: what the spec says about its life.
    pub lifecycle: Lifecycle,
    /// Whether it is there: in live, and in desired laid over live.
    pub is_live: bool,
    /// Live only: what references may ask for, read-only values included, by path.
    pub attributes: Body,
    /// Live only: rows of data, where the service says so.
    pub rows: Option<u64>,
    /// Live only: bytes of original data, likewise.
    pub bytes: Option<u64>,
}

/// What the spec says about the life of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lifecycle {
    /// `preventDestroy`: a plan that deletes it is refused.
    pub prevent_destroy: bool,
    /// `renamedFrom`: the service's name it had before.
    pub renamed_from: Option<String>,
    /// `ignore`: properties (dotted paths) left as they are.
    pub ignore: Vec<String>,
}

/// Things by address; parents come before their children.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    resources: BTreeMap<Address, Resource>,
    /// The addresses of things whose name is not their key: by container, collection and name.
    otherwise_named: BTreeMap<(Address, Arc<str>, Arc<str>), BTreeSet<Address>>,
}

impl Inventory {
    /// An inventory of nothing.
    pub const fn new() -> Self {
        Self { resources: BTreeMap::new(), otherwise_named: BTreeMap::new() }
    }

    /// The thing at an address.
    pub fn get(&self, address: &Address) -> Option<&Resource> {
        self.resources.get(address)
    }

    /// Puts a thing at an address and returns what stood there.
    pub fn insert(&mut self, address: Address, resource: Resource) -> Option<Resource> {
        let own = otherwise_named(&address, &resource);
        let before = self.resources.insert(address.clone(), resource);
        let was = before.as_ref().and_then(|before| otherwise_named(&address, before));
        if own != was {
            if let Some(addresses) = was.and_then(|was| self.otherwise_named.get_mut(&was)) {
                addresses.remove(&address);
            }
            if let Some(own) = own {
                self.otherwise_named.entry(own).or_default().insert(address);
            }
        }
        before
    }

    /// Takes the thing at an address away.
    pub fn remove(&mut self, address: &Address) -> Option<Resource> {
        let before = self.resources.remove(address)?;
        if let Some(place) = otherwise_named(address, &before)
            && let Some(addresses) = self.otherwise_named.get_mut(&place)
        {
            addresses.remove(address);
        }
        Some(before)
    }

    /// The things of a collection that have a service's name, directly below an address. It does not look at the
    /// others (test: `finds_by_name`).
    pub fn named<'a>(
        &'a self,
        parent: &Address,
        collection: &str,
        name: &str,
    ) -> impl Iterator<Item = (&'a Address, &'a Resource)> + use<'a> {
        let direct = self.resources.get_key_value(&parent.child(collection, name));
        let direct = direct.filter(|(address, found)| *found.name == *address.key());
        let place = (parent.clone(), collection.into(), name.into());
        let others = if self.otherwise_named.is_empty() { None } else { self.otherwise_named.get(&place) };
        let others = others.into_iter().flatten().filter_map(|at| self.resources.get_key_value(at));
        direct.into_iter().chain(others)
    }

    /// Moves the thing at an address, and everything below it, to another address.
    pub fn relocate(&mut self, from: &Address, to: &Address) {
        let below: Vec<Address> = self.below(from).map(|(address, _)| address.clone()).collect();
        for address in std::iter::once(from.clone()).chain(below) {
            if let Some(resource) = self.resources.remove(&address) {
                self.resources.insert(address.relocated(from, to), resource);
            }
        }
    }

    /// Everything, parents before children.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Address, &Resource)> {
        self.resources.iter()
    }

    /// Everything strictly below an address.
    pub fn below<'a>(
        &'a self,
        address: &Address,
    ) -> impl Iterator<Item = (&'a Address, &'a Resource)> + use<'a> {
        let within = address.clone();
        self.resources
            .range::<Address, _>((std::ops::Bound::Excluded(address), std::ops::Bound::Unbounded))
            .take_while(move |(at, _)| at.is_within(&within))
    }

    /// Everything of one collection directly below an address. It does not look at other collections.
    pub fn children<'a>(
        &'a self,
        parent: &Address,
        collection: &str,
    ) -> impl Iterator<Item = (&'a Address, &'a Resource)> + use<'a> {
        let depth = parent.segments().len();
        let first = parent.child(collection, "");
        let within = first.clone();
        let inside = move |at: &Address| {
            let segment = at.segments().get(depth);
            at.segments().starts_with(&within.segments()[..depth])
                && segment.is_some_and(|segment| segment.collection == within.segments()[depth].collection)
        };
        let all = self.resources.range(first..).take_while(move |(at, _)| inside(at));
        all.filter(move |(at, _)| at.segments().len() == depth + 1)
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

/// Where a thing is looked for by its name, when that is not its key.
fn otherwise_named(address: &Address, resource: &Resource) -> Option<(Address, Arc<str>, Arc<str>)> {
    let differs = *resource.name != *address.key();
    differs.then(|| {
        let parent = address.parent().unwrap_or_default();
        (parent, address.collection().into(), Arc::clone(&resource.name))
    })
}

/// What a spec asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Desired {
    /// The declared things, with those that must not exist (`Mode::Absent`).
    pub inventory: Inventory,
    /// Collections whose undeclared entries are dropped, by the address that says `prune`.
    pub prune: BTreeMap<Address, BTreeSet<String>>,
    /// Entries that say `exact`: what they leave out inside of them is unset or dropped.
    pub exact: BTreeSet<Address>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_name() {
        let parent: Address = "clusters.c".parse().unwrap();
        let thing = |name: &str| Resource { name: name.into(), ..Resource::default() };
        let mut all = Inventory::new();
        let found = |all: &Inventory, name: &str| -> Vec<String> {
            all.named(&parent, "databases", name).map(|(at, _)| at.key().to_owned()).collect()
        };
        all.insert(parent.child("databases", "a"), thing("a"));
        all.insert(parent.child("databases", "b"), thing("a"));
        assert_eq!((found(&all, "a"), found(&all, "b").len()), (vec!["a".to_owned(), "b".to_owned()], 0));
        all.insert(parent.child("databases", "b"), thing("b"));
        assert_eq!((found(&all, "a").len(), found(&all, "b").len()), (1, 1));
        all.remove(&parent.child("databases", "b"));
        assert!(found(&all, "b").is_empty());
    }
}
