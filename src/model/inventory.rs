//! Inventories: everything desired, or everything live, by address.

mod places;

use super::address::Address;
use super::body::Body;
use super::parallel;
use super::words::word;
use arcstr::ArcStr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thin_vec::ThinVec;

pub use places::Places;

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
    pub name: ArcStr,
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

impl Resource {
    /// The same thing, which shares what it has in common with another: most of a live thing is what its spec says.
    #[must_use]
    pub fn sharing(mut self, like: &Self) -> Self {
        self.body.share(&like.body);
        if self.name == like.name {
            self.name = like.name.clone();
        }
        self
    }
}

/// What the spec says about the life of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lifecycle {
    /// `preventDestroy`: a plan that deletes it is refused.
    pub prevent_destroy: bool,
    /// `renamedFrom`: the service's name it had before.
    pub renamed_from: Option<ArcStr>,
    /// `ignore`: properties (dotted paths) left as they are.
    pub ignore: ThinVec<ArcStr>,
}

/// Things by address; parents come before their children (test: `is_an_ordered_map`).
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Where each thing stands; clones share it until one of them takes in something at another address.
    places: Arc<Places>,
    /// The things; nothing where none is, or none is any more. Clones share them until one of them changes.
    things: Arc<Vec<Option<Resource>>>,
    /// How many there are.
    count: usize,
    /// The addresses of things whose name is not their key: by container, collection and name.
    otherwise_named: BTreeMap<(Address, ArcStr, ArcStr), BTreeSet<Address>>,
}

impl Inventory {
    /// An inventory of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// An inventory of nothing that has a place for each thing of another: what is put in at their addresses costs no place
    /// of its own (test: `places_are_shared`).
    #[must_use]
    pub fn shaped_like(other: &Self) -> Self {
        let things = Arc::new(vec![None; other.things.len()]);
        Self { places: Arc::clone(&other.places), things, ..Self::default() }
    }

    /// What stands at each of some places, in their order; of two at one address the later one. Their addresses remember
    /// these places: nearly all that is looked for later has one of them.
    pub fn of(places: Arc<Places>, things: Vec<Resource>) -> Self {
        let mut otherwise: BTreeMap<_, BTreeSet<Address>> = BTreeMap::new();
        let count = places.len();
        let one = |(place, thing)| {
            let address = places.address(place)?;
            address.remember(place);
            if places.get(address) != Some(place) {
                return None;
            }
            if let Some(own) = otherwise_named(address, &thing) {
                otherwise.entry(own).or_default().insert(address.clone());
            }
            Some(thing)
        };
        let things = (0..).zip(things).map(one).collect();
        Self { places, things: Arc::new(things), count, otherwise_named: otherwise }
    }

    /// Makes room for so many more things.
    pub fn reserve(&mut self, more: usize) {
        Arc::make_mut(&mut self.things).reserve(more);
        Arc::make_mut(&mut self.places).reserve(more);
    }

    /// The thing at an address.
    pub fn get(&self, address: &Address) -> Option<&Resource> {
        self.at(self.places.get(address)?)
    }

    /// The thing at an address, with the address as it is kept here.
    pub fn entry(&self, address: &Address) -> Option<(&Address, &Resource)> {
        let place = self.places.get(address)?;
        Some((self.places.address(place)?, self.at(place)?))
    }

    /// The entry of a collection directly below an address.
    pub fn child(&self, above: &Address, collection: &str, key: &str) -> Option<&Resource> {
        self.at(self.places.get_child(above, collection, key)?)
    }

    /// The address of an entry of a collection directly below another, if something stands there.
    pub fn address(&self, above: &Address, collection: &str, key: &str) -> Option<&Address> {
        let place = self.places.get_child(above, collection, key)?;
        self.at(place).and_then(|_| self.places.address(place))
    }

    fn at(&self, place: u32) -> Option<&Resource> {
        self.things.get(place as usize)?.as_ref()
    }

    fn put(&mut self, address: &Address, resource: Resource) -> Option<Resource> {
        if let Some(place) = self.places.get(address) {
            let before = Arc::make_mut(&mut self.things).get_mut(place as usize)?.replace(resource);
            self.count += usize::from(before.is_none());
            return before;
        }
        self.count += 1;
        Arc::make_mut(&mut self.things).push(Some(resource));
        Arc::make_mut(&mut self.places).push(address.clone());
        None
    }

    fn take(&mut self, address: &Address) -> Option<Resource> {
        let place = self.places.get(address)?;
        self.at(place)?;
        self.count -= 1;
        Arc::make_mut(&mut self.things).get_mut(place as usize)?.take()
    }

    /// Puts a thing at an address and returns what stood there.
    pub fn insert(&mut self, address: Address, resource: Resource) -> Option<Resource> {
        let own = otherwise_named(&address, &resource);
        let before = self.put(&address, resource);
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

    /// The same with other things laid over it, each at an address of its own, as if they were put in (test: `what_lies_over_it_was_put_in`).
    #[must_use]
    pub fn under<'a>(&self, over: impl IntoIterator<Item = (&'a Address, Resource)>) -> Self {
        let mut things: Vec<Option<Resource>> = vec![None; self.things.len()];
        let (mut others, mut count) = (Vec::new(), self.count);
        for (address, thing) in over {
            let place = self.places.get(address).map(|place| place as usize);
            match place.filter(|place| is_plain(address, &thing, self.things[*place].as_ref())) {
                Some(place) => {
                    count += usize::from(self.things[place].is_none());
                    things[place] = Some(thing);
                }
                None => others.push((address, thing)),
            }
        }
        // What is covered is not even copied.
        for (thing, own) in things.iter_mut().zip(&*self.things) {
            if thing.is_none() {
                thing.clone_from(own);
            }
        }
        let mut all = Self { things: Arc::new(things), count, ..self.clone() };
        others.into_iter().for_each(|(address, thing)| drop(all.insert(address.clone(), thing)));
        all
    }

    /// Puts everything of another inventory here (test: `what_is_absorbed_was_put_in`).
    pub fn absorb(&mut self, other: Self) {
        let own = Arc::make_mut(&mut self.things);
        let mut others = Vec::new();
        for (place, thing) in (0..).zip(Arc::unwrap_or_clone(other.things)) {
            let (Some(address), Some(thing)) = (other.places.address(place), thing) else { continue };
            let there = self.places.get(address).and_then(|place| own.get_mut(place as usize));
            match there.filter(|there| is_plain(address, &thing, there.as_ref())) {
                Some(there) => self.count += usize::from(there.replace(thing).is_none()),
                None => others.push((address.clone(), thing)),
            }
        }
        others.into_iter().for_each(|(address, thing)| drop(self.insert(address, thing)));
        parallel::let_go(other.places);
    }

    /// Takes the thing at an address away.
    pub fn remove(&mut self, address: &Address) -> Option<Resource> {
        let before = self.take(address)?;
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
        let known = |place: u32| Some((self.places.address(place)?, self.at(place)?));
        let direct = self.places.get_child(parent, collection, name).and_then(known);
        let direct = direct.filter(|(address, found)| address.has_key(&found.name));
        let place = (parent.clone(), collection.into(), name.into());
        let others = if self.otherwise_named.is_empty() { None } else { self.otherwise_named.get(&place) };
        let others = others.into_iter().flatten().filter_map(move |at| known(self.places.get(at)?));
        direct.into_iter().chain(others)
    }

    /// The things whose name is not their key.
    pub fn otherwise_named(&self) -> impl Iterator<Item = (&Address, &Resource)> {
        self.otherwise_named.values().flatten().filter_map(|at| self.entry(at))
    }

    /// Moves the thing at an address, and everything below it, to another address.
    pub fn relocate(&mut self, from: &Address, to: &Address) {
        let below: Vec<Address> = self.below(from).map(|(address, _)| address.clone()).collect();
        for address in std::iter::once(from.clone()).chain(below) {
            if let Some(resource) = self.remove(&address) {
                self.insert(address.relocated(from, to), resource);
            }
        }
    }

    /// Everything, parents before children.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Address, &Resource)> {
        self.places.order().iter().filter_map(|(address, place)| Some((address, self.at(*place)?)))
    }

    /// Everything strictly below an address.
    pub fn below<'a>(
        &'a self,
        address: &Address,
    ) -> impl Iterator<Item = (&'a Address, &'a Resource)> + use<'a> {
        let within = address.clone();
        self.places
            .order()
            .range::<Address, _>((std::ops::Bound::Excluded(address), std::ops::Bound::Unbounded))
            .take_while(move |(at, _)| at.is_within(&within))
            .filter_map(|(at, place)| Some((at, self.at(*place)?)))
    }

    /// Everything of one collection directly below an address. It does not look at other collections.
    pub fn children<'a>(
        &'a self,
        parent: &Address,
        collection: &str,
    ) -> impl Iterator<Item = (&'a Address, &'a Resource)> + use<'a> {
        let depth = parent.depth() + 1;
        let first = parent.child(collection, "");
        let (parent, word) = (parent.clone(), word(collection));
        let inside = move |at: &Address| at.is_within(&parent) && *at.up_to(depth).collection() == *word;
        let all = self.places.order().range(first..).take_while(move |(at, _)| inside(at));
        all.filter(move |(at, _)| at.depth() == depth).filter_map(|(at, place)| Some((at, self.at(*place)?)))
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl PartialEq for Inventory {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Whether a thing can take the place of what is there, if anything is, without a look at names: both go by their key.
fn is_plain(address: &Address, thing: &Resource, there: Option<&Resource>) -> bool {
    let is_key = |thing: &Resource| address.has_key(&thing.name);
    is_key(thing) && there.is_none_or(is_key)
}

/// Where a thing is looked for by its name, when that is not its key.
fn otherwise_named(address: &Address, resource: &Resource) -> Option<(Address, ArcStr, ArcStr)> {
    let differs = !address.has_key(&resource.name);
    differs.then(|| {
        let parent = address.parent().unwrap_or_default();
        (parent, address.collection().into(), resource.name.clone())
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_an_ordered_map(acts in prop::collection::vec((0..4_u8, "[a-c]", "[a-c]", 0..9_u64), 0..40)) {
            let (mut own, mut model) = (Inventory::new(), BTreeMap::<Address, u64>::new());
            for (act, table, policy, rows) in acts {
                let table = Address::root().child("tables", &table);
                let at = if act % 2 == 0 { table.clone() } else { table.child("policies", &policy) };
                let thing = Resource { rows: Some(rows), name: at.key().into(), ..Resource::default() };
                let before = if act < 3 {
                    prop_assert_eq!(own.insert(at.clone(), thing).and_then(|thing| thing.rows), model.insert(at.clone(), rows));
                    continue;
                } else {
                    own.remove(&at)
                };
                prop_assert_eq!(before.and_then(|thing| thing.rows), model.remove(&at));
            }
            let rows = |(at, thing): (&Address, &Resource)| (at.clone(), thing.rows.unwrap());
            prop_assert_eq!(own.iter().map(rows).collect::<Vec<_>>(), model.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(own.len(), model.len());
            for (at, rows) in &model {
                prop_assert_eq!(own.get(at).and_then(|thing| thing.rows), Some(*rows));
                let below = model.keys().filter(|other| *other != at && other.is_within(at)).count();
                prop_assert_eq!(own.below(at).count(), below);
                prop_assert_eq!(own.children(at, "policies").count(), below);
            }
        }
    }

    fn some_things() -> impl Strategy<Value = BTreeMap<Address, Resource>> {
        let thing = |(key, name, rows): (String, String, u64)| {
            let thing = Resource { name: name.into(), rows: Some(rows), ..Resource::default() };
            (Address::root().child("tables", &key), thing)
        };
        let things = prop::collection::vec(("[a-d]", "[a-d]", 0..9_u64).prop_map(thing), 0..9);
        things.prop_map(|things| things.into_iter().collect())
    }

    fn put(mut all: Inventory, things: &BTreeMap<Address, Resource>) -> Inventory {
        things.iter().for_each(|(at, thing)| drop(all.insert(at.clone(), thing.clone())));
        all
    }

    proptest! {
        #[test]
        fn what_is_absorbed_was_put_in(own in some_things(), more in some_things(), with_places: bool) {
            let places = if with_places { put(put(Inventory::new(), &own), &more) } else { Inventory::new() };
            let all = put(Inventory::shaped_like(&places), &own);
            let mut absorbed = all.clone();
            absorbed.absorb(put(Inventory::shaped_like(&places), &more));
            let inserted = put(all, &more);
            prop_assert_eq!((absorbed.len(), &absorbed), (inserted.len(), &inserted));
            for name in ["a", "b", "c", "d"] {
                let named = |all: &Inventory| {
                    all.named(&Address::root(), "tables", name).map(|(at, _)| at.clone()).collect::<Vec<_>>()
                };
                prop_assert_eq!(named(&absorbed), named(&inserted));
            }
        }

        #[test]
        fn what_lies_over_it_was_put_in(below in some_things(), over in some_things()) {
            let mut below = put(Inventory::new(), &below);
            below.remove(&Address::root().child("tables", "a"));
            let (under, inserted) = (below.under(over.iter().map(|(at, thing)| (at, thing.clone()))), put(below, &over));
            prop_assert_eq!((under.len(), &under), (inserted.len(), &inserted));
            for name in ["a", "b", "c", "d"] {
                let named = |all: &Inventory| {
                    all.named(&Address::root(), "tables", name).map(|(at, _)| at.clone()).collect::<Vec<_>>()
                };
                prop_assert_eq!(named(&under), named(&inserted));
            }
        }
    }

    #[test]
    fn the_later_of_two_counts() {
        let at = |key: &str| Address::root().child("tables", key);
        let thing = |name: &str| Resource { name: name.into(), ..Resource::default() };
        let mut places = Places::default();
        ["a", "b", "a"].into_iter().for_each(|key| places.push(at(key)));
        let all = Inventory::of(Arc::new(places), vec![thing("first"), thing("b"), thing("second")]);
        let names = all.iter().map(|(_, thing)| thing.name.to_string()).collect::<Vec<_>>();
        assert_eq!((names, all.len()), (vec!["second".to_owned(), "b".to_owned()], 2));
        let named = |name| all.named(&Address::root(), "tables", name).count();
        assert_eq!([named("first"), named("second"), named("b")], [0, 1, 1]);
    }

    #[test]
    fn places_are_shared() {
        let database: Address = "clusters.c.databases.d".parse().unwrap();
        let thing = |rows| Resource { rows: Some(rows), ..Resource::default() };
        let mut all = Inventory::new();
        for key in ["b", "a", "c"] {
            all.insert(database.child("tables", key), thing(1));
        }
        let mut other = Inventory::shaped_like(&all);
        let keys = |of: &Inventory| of.iter().map(|(at, _)| at.key().to_owned()).collect::<Vec<_>>().concat();
        assert!(other.is_empty() && other.address(&database, "tables", "a").is_none());
        assert_eq!((keys(&other), other == Inventory::new()), (String::new(), true));
        assert_eq!(other.insert(database.child("tables", "c"), thing(2)), None);
        other.insert(database.child("tables", "a"), thing(3));
        assert!(Arc::ptr_eq(&all.places, &other.places));
        assert_eq!((keys(&all), keys(&other), other.len()), ("abc".to_owned(), "ac".to_owned(), 2));
        other.insert(database.child("tables", "aa"), thing(4));
        assert_eq!(other.remove(&database.child("tables", "a")).and_then(|thing| thing.rows), Some(3));
        assert_eq!(other.remove(&database.child("tables", "a")), None);
        assert_eq!((keys(&all), keys(&other), other.len()), ("abc".to_owned(), "aac".to_owned(), 2));
    }

    #[test]
    fn anybody_may_ask_for_the_order_first() {
        let mut all = Inventory::new();
        let database: Address = "clusters.c.databases.d".parse().unwrap();
        for number in 0..20_000_u32 {
            let key = format!("t{}", number.wrapping_mul(2_654_435_761) % 1_000_003);
            all.insert(database.child("tables", &key), Resource { name: key.into(), ..Resource::default() });
        }
        let count = all.len();
        let asked = vec![(); 640];
        let counts = parallel::map(&asked, 1, |()| all.children(&database, "tables").count());
        assert!(counts.iter().all(|found| *found == count));
    }

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
        all.relocate(&parent.child("databases", "a"), &parent.child("databases", "c"));
        assert_eq!(found(&all, "a"), ["c"]);
        assert_eq!(all.otherwise_named().map(|(at, _)| at.key()).collect::<Vec<_>>(), ["c"]);
    }
}
