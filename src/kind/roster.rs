//! Where things that stand in nothing else are listed, so that whatever is in a place can be imported.

use super::arm::place;
use super::{About, Source};
use crate::model::body::{Body, Value};
use crate::model::inventory::{Mode, Resource};
use serde_json::Value as Json;

/// A list that tells of things of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The list's path below the place (a subscription or a group of it), or below each resource of `within`.
    pub segment: String,
    /// The `api-version` of the list.
    pub api_version: &'static str,
    /// The type, and its `api-version`, of the resources in the place of which each has such a list.
    pub within: Option<(&'static str, &'static str)>,
}

/// What an item of a list is to an import.
#[derive(Debug, Clone, PartialEq)]
pub enum Enrolled {
    /// Something to be read: its kind, its name and where it is.
    As(Box<Resource>),
    /// Nothing: it is gone, stands elsewhere, or another kind has it.
    Not,
    /// Something that is left out, and why, as a clause.
    Left(&'static str),
}

impl Roster {
    /// The list of a provider's own type, for the kinds that are read by their type.
    pub fn of_type(source: Source) -> Option<Self> {
        let Source::ArmGet { provider, api_version } = source else { return None };
        let (owner, of) = provider.split_once('/')?;
        let is_type = owner.contains('.') && !of.contains('/');
        is_type.then(|| Self { segment: format!("providers/{provider}"), api_version, within: None })
    }
}

/// The id of an item.
pub fn id(item: &Json) -> &str {
    item.get("id").and_then(Json::as_str).unwrap_or_default()
}

/// The name of an item: the end of its id, because names of some providers have those of their containers before them.
pub fn name(item: &Json) -> &str {
    id(item).rsplit('/').next().unwrap_or_default()
}

/// A root that is read again by its name and by a property or several that say where it is.
pub fn at(about: &About, name: &str, body: Body, mode: Mode) -> Enrolled {
    Enrolled::As(Box::new(Resource {
        kind: about.name,
        name: name.into(),
        body,
        mode,
        ..Resource::default()
    }))
}

/// A root that stands in a resource group. A cluster that was deleted may stay in a list for some days.
pub fn in_group(about: &About, item: &Json) -> Enrolled {
    if item.pointer("/properties/state").and_then(Json::as_str) == Some("Deleted") {
        return Enrolled::Not;
    }
    let Value::Map(attributes) = Value::from_json(item) else { return Enrolled::Not };
    at(about, name(item), place::of_id(&attributes, about.fields), Mode::Managed)
}
