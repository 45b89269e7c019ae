//! Things found by their address alone.
//!
//! Invariant: an entry is found by what it stands in and its key as by its whole address
//! (test: `equal_paths_are_one_however_they_came_about`).

use super::{Address, hashed};
use hashbrown::{Equivalent, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Takes the number of a path for its hash.
#[derive(Debug, Clone, Copy, Default)]
struct PathHasher(u64);

impl Hasher for PathHasher {
    fn finish(&self) -> u64 {
        // Tables tell places by the low bits and neighbours by the high ones.
        self.0 ^ (self.0 << 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, path: u64) {
        self.0 = path;
    }
}

/// An entry of a collection directly below an address, to be looked for without making its address.
struct Child<'a> {
    above: &'a Address,
    collection: &'a str,
    key: &'a str,
}

impl Hash for Child<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hashed(hashed(self.above.path(), self.collection), self.key));
    }
}

impl Equivalent<Address> for Child<'_> {
    fn equivalent(&self, address: &Address) -> bool {
        address.0.as_ref().is_some_and(|last| {
            *last.key == *self.key && *last.collection == *self.collection && last.above == *self.above
        })
    }
}

/// What is found by its address alone, quicker than where it has an order. Nothing is listed from it, because it has none.
#[derive(Debug, Clone)]
pub struct ByAddress<T>(HashMap<Address, T, BuildHasherDefault<PathHasher>>);

impl<T> Default for ByAddress<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T> ByAddress<T> {
    /// What stands at an address.
    pub fn get(&self, address: &Address) -> Option<&T> {
        self.0.get(address)
    }

    /// What stands at an entry of a collection directly below an address
    /// (test: `equal_paths_are_one_however_they_came_about`).
    pub fn get_child(&self, above: &Address, collection: &str, key: &str) -> Option<&T> {
        self.0.get(&Child { above, collection, key })
    }

    /// What stands at an address, to be changed.
    pub fn get_mut(&mut self, address: &Address) -> Option<&mut T> {
        self.0.get_mut(address)
    }

    /// Puts something at an address, and returns what stood there.
    pub fn insert(&mut self, address: Address, thing: T) -> Option<T> {
        self.0.insert(address, thing)
    }

    /// Takes away what stands at an address.
    pub fn remove(&mut self, address: &Address) -> Option<T> {
        self.0.remove(address)
    }

    /// Whether something stands at an address.
    pub fn contains(&self, address: &Address) -> bool {
        self.0.contains_key(address)
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve(more);
    }

    /// How many addresses there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> FromIterator<(Address, T)> for ByAddress<T> {
    fn from_iter<I: IntoIterator<Item = (Address, T)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}
