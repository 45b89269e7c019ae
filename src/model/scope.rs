//! Scopes: what of live a plan reads, and so what a proof reads again.

use super::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything needed to read live again without the spec, as it is kept in plans and journals.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// The declared things that contain others, parents first: clusters and databases.
    pub containers: BTreeMap<Address, Container>,
    /// The kinds of which live is read, by their words.
    pub kinds: BTreeSet<String>,
    /// Spec keys that differ from the service's name: by the parent's address, the collection and the name
    /// in lower case.
    pub aliases: Vec<Alias>,
}

/// One thing that contains others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// The kind's word.
    pub kind: String,
    /// The service's name.
    pub name: String,
    /// Whether the spec says it exists already and is not to be written.
    pub existing: bool,
    /// The kinds directly in it that are read by commands of its own, by their words.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub commands: BTreeSet<String>,
    /// Its resource id, where it can be read through the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The `api-version` in which it is read, where that is a choice of the spec's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Where it is, by property: `subscriptionId` and `resourceGroup`, or `uri`; and what else the spec alone says of
    /// it.
    pub place: BTreeMap<String, String>,
}

/// A spec key that differs from the service's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// The address that contains the entry.
    pub parent: Address,
    /// The kind's word.
    pub kind: String,
    /// The service's name.
    pub name: String,
    /// The key in the spec.
    pub key: String,
    /// The value of the property by which the service tells it from others of its name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<String>,
    /// Whether it is the name that the thing had before (`renamedFrom`), which counts only where nothing has its
    /// present one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
}
