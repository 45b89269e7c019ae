//! Addresses: the path of a thing through the spec.

mod index;

use super::words::{self, word};
use arcstr::ArcStr;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub use index::ByAddress;

/// One step of an address: the collection and the key within it, as in `tables.StormEvents`.
#[derive(Debug)]
pub struct Segment {
    /// The collection's word in the spec, such as `tables` or `policies`.
    pub collection: ArcStr,
    /// The key within the collection; the service's name unless the entry says `name:`.
    pub key: ArcStr,
    /// What it stands in.
    above: Address,
    /// A number that paths of the same words up to here share, so that none is hashed twice.
    path: u64,
    /// How many segments there are up to here.
    depth: u32,
    /// Where the address ending here probably stands among others: its place in the spec, or [`NOWHERE`].
    place: AtomicU32,
}

/// No place.
const NOWHERE: u32 = u32::MAX;

impl Segment {
    fn compared(&self, other: &Self) -> Ordering {
        compared(&self.collection, &other.collection).then_with(|| compared(&self.key, &other.key))
    }
}

/// The number of a path from that of the path above it: of its words, one after the other.
fn hashed(above: u64, word: &str) -> u64 {
    words::hashed(above, word, 0)
}

fn compared(a: &ArcStr, b: &ArcStr) -> Ordering {
    if ArcStr::ptr_eq(a, b) { Ordering::Equal } else { a.cmp(b) }
}

/// The path through the spec: `clusters.telemetry.databases.iot.tables["my table"]`.
///
/// Keys outside `[A-Za-z0-9_-]` print in brackets and quotes. Printing and reading are inverse
/// (test: `reads_what_it_prints`). The order is that of the segments, so children follow their parent. What stands in one
/// thing shares the way to it.
#[derive(Clone, Default)]
pub struct Address(Option<Arc<Segment>>);

// Addresses around one another share most of their way, so that comparing places is enough for that. Numbers only tell
// different paths apart: two paths of one number are compared by their words
// (test: `equal_paths_are_one_however_they_came_about`).
impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other)
            || match (&self.0, &other.0) {
                (Some(own), Some(other)) => {
                    own.path == other.path && own.compared(other).is_eq() && own.above == other.above
                }
                _ => false,
            }
    }
}

impl Eq for Address {}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        let depth = self.depth().min(other.depth());
        let within = self.up_to(depth).beside(other.up_to(depth));
        within.then_with(|| self.depth().cmp(&other.depth()))
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.path());
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// How many segments an address may have that is read; there are kinds for a fraction of it.
const DEEPEST: usize = 64;

/// Why a text is not an address.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("`{text}` is not an address: {why}")]
pub struct AddressError {
    /// The text that was read.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Address {
    /// The address of the spec itself, above every root.
    pub fn root() -> Self {
        Self::default()
    }

    /// The address of an entry of `collection` directly below this one.
    pub fn child(&self, collection: &str, key: &str) -> Self {
        self.with(word(collection), word(key))
    }

    fn with(&self, collection: ArcStr, key: ArcStr) -> Self {
        let path = hashed(hashed(self.path(), &collection), &key);
        let depth = self.0.as_ref().map_or(1, |last| last.depth + 1);
        Self(Some(Arc::new(Segment {
            collection,
            key,
            above: self.clone(),
            path,
            depth,
            place: AtomicU32::new(NOWHERE),
        })))
    }

    fn path(&self) -> u64 {
        self.0.as_ref().map_or(words::BASIS, |last| last.path)
    }

    /// Remembers a place for it.
    pub(super) fn remember(&self, place: u32) {
        if let Some(last) = &self.0 {
            last.place.store(place, Relaxed);
        }
    }

    /// The place that is remembered: a guess, which holds where this very address stands there.
    pub(super) fn remembered(&self) -> Option<u32> {
        self.0.as_ref().map(|last| last.place.load(Relaxed))
    }

    /// Whether both are one in memory.
    pub(super) fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// The order among addresses of one depth.
    fn beside(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(own), Some(others)) if !Arc::ptr_eq(own, others) => {
                own.above.beside(&others.above).then_with(|| own.compared(others))
            }
            _ => Ordering::Equal,
        }
    }

    /// The address one segment up; `None` for [`Address::root`].
    pub fn parent(&self) -> Option<Self> {
        self.0.as_ref().map(|last| last.above.clone())
    }

    /// The addresses above this one, without that of the spec itself, from the root down.
    pub fn above(&self) -> impl DoubleEndedIterator<Item = Self> + '_ {
        (1..self.depth()).map(|count| self.prefix(count))
    }

    /// How many segments there are.
    pub fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |last| last.depth as usize)
    }

    /// Whether this is [`Address::root`].
    pub const fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The segments from the root down.
    pub fn segments(&self) -> Vec<&Segment> {
        let mut all = Vec::with_capacity(self.depth());
        let mut at = self;
        while let Some(last) = &at.0 {
            all.push(&**last);
            at = &last.above;
        }
        all.reverse();
        all
    }

    /// The collection of the last segment, or `""` for the root.
    pub fn collection(&self) -> &str {
        self.0.as_ref().map_or("", |last| &last.collection)
    }

    /// The key of the last segment, or `""` for the root.
    pub fn key(&self) -> &str {
        self.0.as_ref().map_or("", |last| &last.key)
    }

    /// Whether the key of the last segment is a text, which is mostly that very one in memory.
    pub fn has_key(&self, text: &ArcStr) -> bool {
        self.0.as_ref().map_or_else(|| text.is_empty(), |last| last.key == *text)
    }

    /// The key of the last segment, shared.
    pub fn shared_key(&self) -> ArcStr {
        self.0.as_ref().map_or_else(|| word(""), |last| last.key.clone())
    }

    /// The collection of the last segment, shared.
    pub fn shared_collection(&self) -> ArcStr {
        self.0.as_ref().map_or_else(|| word(""), |last| last.collection.clone())
    }

    /// Whether this is `other` or stands somewhere below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.depth() >= other.depth() && self.up_to(other.depth()) == other
    }

    /// The same address with its beginning `from` put elsewhere; itself when it does not begin so.
    pub fn relocated(&self, from: &Self, to: &Self) -> Self {
        if !self.is_within(from) {
            return self.clone();
        }
        let rest = self.segments().into_iter().skip(from.depth());
        rest.fold(to.clone(), |at, next| at.with(next.collection.clone(), next.key.clone()))
    }

    /// The first `count` segments.
    pub fn prefix(&self, count: usize) -> Self {
        self.up_to(count).clone()
    }

    pub(super) fn up_to(&self, count: usize) -> &Self {
        let mut at = self;
        while let Some(last) = at.0.as_ref().filter(|last| last.depth as usize > count) {
            at = &last.above;
        }
        at
    }

    /// Reads the longest leading address of a reference path such as
    /// `clusters.a.identity.principalId`, given what counts as a collection below a prefix.
    ///
    /// Returns the address and the rest of the path. `is_collection` is asked with the words of the
    /// collections passed so far and the candidate.
    ///
    /// # Errors
    /// When the text is not a path of words and quoted keys.
    pub fn split_path(
        text: &str,
        is_collection: impl Fn(&[&str], &str) -> bool,
    ) -> Result<(Self, Vec<String>), AddressError> {
        let words = words(text)?;
        let mut at = 0;
        let mut address = Self::root();
        let mut passed: Vec<&str> = Vec::new();
        while at + 1 < words.len() && is_collection(&passed, &words[at]) {
            address = address.child(&words[at], &words[at + 1]);
            passed.push(&words[at]);
            at += 2;
        }
        Ok((address, words[at..].to_vec()))
    }
}

fn plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Splits `a.b["c d"].e` into its words.
fn words(text: &str) -> Result<Vec<String>, AddressError> {
    let fail = |why| AddressError { text: text.to_owned(), why };
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('[') {
            let mut stream = serde_json::Deserializer::from_str(after).into_iter::<String>();
            let key = match stream.next() {
                Some(Ok(key)) => key,
                _ => {
                    return Err(fail(
                        "a key in brackets is written as a quoted string, as in tables[\"my table\"]",
                    ));
                }
            };
            let used = stream.byte_offset();
            words.push(key);
            rest = after[used..].strip_prefix(']').ok_or_else(|| fail("a `]` is missing"))?;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if !plain(&rest[..end]) {
                return Err(fail("names are letters, digits, `_` and `-`; others go in brackets and quotes"));
            }
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(words),
            None if rest.starts_with('[') => {}
            None => return Err(fail("a `.` is missing between two names")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Segment { collection, key, .. }) in self.segments().into_iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            if plain(key) {
                write!(f, "{dot}{collection}.{key}")?;
            } else {
                let quoted = serde_json::Value::from(key.as_str());
                write!(f, "{dot}{collection}[{quoted}]")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let words = words(text)?;
        if !words.len().is_multiple_of(2) {
            return Err(AddressError {
                text: text.to_owned(),
                why: "it must be pairs of collection and name, as in clusters.a.databases.b",
            });
        }
        if words.len() > 2 * DEEPEST {
            let why =
                "no thing stands so deep; the deepest are at clusters.a.databases.b.tables.c.policies.d";
            return Err(AddressError { text: text.to_owned(), why });
        }
        Ok(words.chunks(2).fold(Self::root(), |at, pair| at.child(&pair[0], &pair[1])))
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(Self::root()) } else { text.parse().map_err(serde::de::Error::custom) }
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "The path through the spec, such as clusters.a.databases.b.tables[\"my table\"]."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_what_it_prints(keys in proptest::collection::vec("\\PC{1,12}", 1..4)) {
            let address = keys.iter().fold(Address::root(), |at, key| at.child("tables", key));
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }

    proptest! {
        #[test]
        fn equal_paths_are_one_however_they_came_about(
            keys in prop::collection::vec("[ab]{0,9}|\\PC{0,3}", 1..5),
            other in prop::collection::vec("[ab]{0,9}|\\PC{0,3}", 1..5),
        ) {
            let of = |keys: &[String]| keys.iter().fold(Address::root(), |at, key| at.child("tables", key));
            let (address, other) = (of(&keys), of(&other));
            let longer = address.child("policies", "x");
            let elsewhere = Address::root().child("databases", "d");
            for same in [
                address.to_string().parse().unwrap(),
                longer.parent().unwrap(),
                longer.prefix(keys.len()),
                address.relocated(&Address::root(), &elsewhere).relocated(&elsewhere, &Address::root()),
            ] {
                prop_assert_eq!(&same, &address);
                prop_assert_eq!(same.path(), address.path());
                prop_assert!(longer.is_within(&same));
                prop_assert_eq!(longer.above().next_back(), Some(same.clone()));
                let held: ByAddress<u8> = [(longer.clone(), 1), (same.clone(), 2)].into_iter().collect();
                prop_assert_eq!(held.get_child(&same, "policies", "x"), Some(&1));
                prop_assert_eq!(held.get_child(&same, "policies", "y"), None);
                let above = same.parent().unwrap();
                prop_assert_eq!(held.get_child(&above, "tables", same.key()), Some(&2));
            }
            prop_assert_eq!(address == other, address.to_string() == other.to_string());
            prop_assert_eq!(address == other, address.cmp(&other).is_eq());
        }
    }

    #[test]
    fn prints_hostile_names_in_quotes() {
        let address = Address::root().child("clusters", "a-1").child("tables", "my \"table\"].x");
        assert_eq!(address.to_string(), r#"clusters.a-1.tables["my \"table\"].x"]"#);
        assert_eq!(address.parent(), Some(Address::root().child("clusters", "a-1")));
    }

    #[test]
    fn splits_a_reference_into_address_and_attribute() {
        let (address, rest) =
            Address::split_path("clusters.c.identity.principalId", |_, word| word == "clusters").unwrap();
        assert_eq!(address.to_string(), "clusters.c");
        assert_eq!(rest, ["identity", "principalId"]);
    }
}
