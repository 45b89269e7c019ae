//! Writing long lists as JSON, their elements side by side on every processor: a plan of thousands of things is tens of
//! megabytes, and is written before anything begins.
//!
//! Invariant: what is written is what one processor writes (test: `as_one_after_the_other`).

use crate::model::{Address, parallel};
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// How many elements are written before they are put together: all of them would be the whole text once more.
const AT_ONCE: usize = 64 * parallel::AT_A_TIME;

type Written = serde_json::Result<Box<RawValue>>;

pub(super) fn list<S: Serializer>(items: &[impl Serialize + Sync], to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(Some(items.len()))?;
    for part in items.chunks(AT_ONCE) {
        for item in parallel::map(part, parallel::AT_A_TIME, |item| -> Written { to_raw_value(item) }) {
            list.serialize_element(&item.map_err(S::Error::custom)?)?;
        }
    }
    list.end()
}

pub(super) fn map<S: Serializer>(
    items: &BTreeMap<Address, impl Serialize + Sync>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let entries: Vec<_> = items.iter().collect();
    let mut map = to.serialize_map(Some(entries.len()))?;
    for part in entries.chunks(AT_ONCE) {
        let values =
            parallel::map(part, parallel::AT_A_TIME, |(_, value)| -> Written { to_raw_value(value) });
        for ((address, _), value) in part.iter().zip(values) {
            map.serialize_entry(address, &value.map_err(S::Error::custom)?)?;
        }
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Beside {
        #[serde(serialize_with = "list")]
        list: Vec<String>,
        #[serde(serialize_with = "map")]
        map: BTreeMap<Address, String>,
    }

    #[derive(Serialize)]
    struct Plain<'a> {
        list: &'a [String],
        map: &'a BTreeMap<Address, String>,
    }

    #[test]
    fn as_one_after_the_other() {
        let list: Vec<String> = (0..AT_ONCE + 500).map(|number| format!("{number} \"\u{e4}\n\\")).collect();
        let at = |number: usize| format!("clusters.c.databases.d{number}").parse().unwrap();
        let map: BTreeMap<Address, String> =
            list.iter().enumerate().map(|(number, text)| (at(number), text.clone())).collect();
        let plain = serde_json::to_string(&Plain { list: &list, map: &map }).unwrap();
        let beside = Beside { list, map };
        assert_eq!(serde_json::to_string(&beside).unwrap(), plain);
        assert_eq!(
            serde_json::to_value(&beside).unwrap(),
            serde_json::from_str::<serde_json::Value>(&plain).unwrap()
        );
    }
}
