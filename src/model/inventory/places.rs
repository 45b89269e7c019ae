//! Which address has which place among others.

use crate::model::address::{Address, ByAddress};
use crate::model::parallel;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The places of addresses, counted in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// To be found quickly.
    places: ByAddress<u32>,
    addresses: Vec<Address>,
    /// In order; made when it is first asked for, because many are put in before anybody does.
    order: OnceLock<BTreeMap<Address, u32>>,
}

impl Places {
    /// The place of an address. One that remembers its place is not looked for
    /// (tests: `places_are_shared`, `the_later_of_two_counts`).
    pub fn get(&self, address: &Address) -> Option<u32> {
        // Where one came twice, not each place counts.
        let are_distinct = self.places.len() == self.addresses.len();
        let is_there = |place: &u32| self.address(*place).is_some_and(|there| there.is_shared_with(address));
        let remembered = address.remembered().filter(|place| are_distinct && is_there(place));
        remembered.or_else(|| self.places.get(address).copied())
    }

    /// The place of an entry of a collection directly below an address.
    pub fn get_child(&self, above: &Address, collection: &str, key: &str) -> Option<u32> {
        self.places.get_child(above, collection, key).copied()
    }

    /// The address at a place.
    pub fn address(&self, place: u32) -> Option<&Address> {
        self.addresses.get(place as usize)
    }

    /// Gives an address the next place; one that had a place before is found at this one from now on
    /// (test: `the_later_of_two_counts`).
    pub fn push(&mut self, address: Address) {
        let place = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        self.places.insert(address.clone(), place);
        if let Some(order) = self.order.get_mut() {
            order.insert(address.clone(), place);
        }
        self.addresses.push(address);
    }

    /// How many addresses there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.addresses.reserve(more);
        self.places.reserve(more);
    }

    /// The addresses in order, with their places.
    pub fn order(&self) -> &BTreeMap<Address, u32> {
        self.order.get_or_init(|| {
            let mut all: Vec<(Address, u32)> = self.addresses.iter().cloned().zip(0..).collect();
            parallel::sort(&mut all);
            all.into_iter().collect()
        })
    }
}
