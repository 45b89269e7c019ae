//! What one kind of resource states about itself. The generic machinery in `resource` does the rest.
//!
//! Invariant: a kind is one file and one entry in [`KINDS`]; no two kinds have the same type
//! (test: `types_are_distinct`).

use super::core::Core;
use super::front::Ask;
use super::path::Id;
use super::reply::Reply;
use super::state::{Failure, Resource};
use serde_json::{Map, Value};

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Put,
    Patch,
    Delete,
}

/// How a kind answers a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A long-running operation with a status URL.
    Operation,
    /// Done when answered; a new one answers with this status.
    Immediate(u16),
    /// Creation answers 202 with nothing but a URL that answers 202 until the resource is there.
    Location,
}

/// Where a resource is, as its body says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Located {
    /// `location` is required, and shown with its display name.
    Display,
    /// `location` is required, and shown as it was written.
    Plain,
    /// There is no `location`.
    Nowhere,
    /// The service shows a constant.
    Constant(&'static str),
}

/// One write as it was asked for.
pub(super) struct Change<'a> {
    pub(super) ask: &'a Ask,
    pub(super) id: &'a Id,
    pub(super) verb: Verb,
    pub(super) old: Option<&'a Resource>,
    /// The request body without what a client cannot set.
    pub(super) asked: &'a Value,
}

impl Change<'_> {
    /// `properties.{name}` of the request, when it is a text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.asked.get("properties")?.get(name)?.as_str().filter(|text| !text.is_empty())
    }
}

/// A kind of resource.
pub(super) trait Kind: Sync {
    /// The provider's namespace.
    fn provider(&self) -> &'static str {
        "Microsoft.Kusto"
    }

    /// The collections from the top, with the casing that ids show.
    fn collections(&self) -> &'static [&'static str];

    /// Whether it may stand below any resource, in a `providers` segment of its own.
    fn extends(&self) -> bool {
        false
    }

    fn manner(&self) -> Manner {
        Manner::Operation
    }

    fn patchable(&self) -> bool {
        true
    }

    /// Whether a PUT may create it; some are born otherwise.
    fn creatable(&self) -> bool {
        true
    }

    fn located(&self) -> Located {
        Located::Nowhere
    }

    /// Whether `systemData` is shown in every api-version.
    fn always_says_who(&self) -> bool {
        false
    }

    /// Operations in one lane of a cluster exclude each other; the empty lane is shared.
    fn lane(&self) -> &'static str {
        ""
    }

    /// What is wrong with a name, if anything.
    fn name_fault(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// `operationKind` and the duration in Azure in milliseconds.
    fn work(&self, verb: Verb) -> (&'static str, u64);

    /// What is refused at once.
    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let _ = (core, change);
        Ok(())
    }

    /// What fails at the end of the operation.
    fn late(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Option<Failure> {
        let _ = (core, change, target);
        None
    }

    /// What a PATCH makes of the body.
    fn merge(&self, old: &Value, asked: &Value) -> Value {
        merged(old, asked)
    }

    /// What the service computes before the work begins.
    fn fill(&self, core: &Core, change: &Change<'_>, target: &mut Resource) {
        let _ = (core, change, target);
    }

    /// The body of the first answer, without id, name, type and states.
    fn first(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Value {
        let _ = (core, target);
        change.asked.clone()
    }

    /// The id in the first answer.
    fn first_id(&self, id: &Id) -> Id {
        id.clone()
    }

    /// The body that GET shows, with defaults, without id, name, type and `provisioningState`.
    fn show(&self, core: &Core, resource: &Resource, api: &str) -> Value;

    /// After the resource came to be or changed; what it does may be done again.
    fn applied(&self, core: &mut Core, resource: &Resource) {
        let _ = (core, resource);
    }

    /// After the resource went.
    fn removed(&self, core: &mut Core, resource: &Resource) {
        let _ = (core, resource);
    }

    /// An action below the resource; `None` when there is none of this name.
    fn act(&self, core: &mut Core, ask: &Ask, resource: &Resource, action: &str) -> Option<Reply> {
        let _ = (core, ask, resource, action);
        None
    }
}

/// Every kind that is modelled.
pub(super) const KINDS: &[&dyn Kind] = &[
    &super::group::Group,
    &super::cluster::Cluster,
    &super::database::Database,
    &super::data_connection::DataConnection,
    &super::principal::OfCluster,
    &super::principal::OfDatabase,
    &super::follower::Follower,
    &super::private_endpoint::Managed,
    &super::private_endpoint::Connection,
    &super::script::Script,
    &super::storage::Account,
    &super::event_hub::Namespace,
    &super::event_hub::Hub,
    &super::event_hub::ConsumerGroup,
    &super::private_link::Endpoint,
    &super::storage::Container,
    &super::event_grid::Topic,
    &super::event_grid::OfTopic,
    &super::event_grid::OfResource,
    &super::role::Assignment,
    &super::iot_app::Application,
    &super::diagnostics::Setting,
    &super::sources::IotConsumerGroup,
    &super::sources::CosmosRole,
];

/// What a collection's word begins with, whose resources extend others.
pub(super) const EXTENSION: &str = "providers/";

/// The kind with these collections, compared without regard to case. A resource that extends another is of a kind
/// by itself, whatever it extends; what another provider has and no kind models is generic.
pub(super) fn kind_of<S: AsRef<str>>(provider: &str, collections: &[S]) -> Option<&'static dyn Kind> {
    let last = collections.last().map_or("", AsRef::as_ref);
    let is = |start: &str| last.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    if is(EXTENSION) {
        let (provider, collection) = last[EXTENSION.len()..].split_once('/')?;
        let own = KINDS.iter().copied().find(|kind| {
            kind.extends()
                && kind.provider().eq_ignore_ascii_case(provider)
                && kind.collections().last().is_some_and(|word| word.eq_ignore_ascii_case(collection))
        });
        return own.or_else(|| super::generic::of(provider));
    }
    // The provider of a pool is its workspace.
    if provider.contains('/') {
        return in_pool(collections);
    }
    let same = |kind: &&dyn Kind| {
        kind.provider().eq_ignore_ascii_case(provider)
            && kind.collections().len() == collections.len()
            && kind
                .collections()
                .iter()
                .zip(collections)
                .all(|(own, other)| own.eq_ignore_ascii_case(other.as_ref()))
    };
    let found = KINDS.iter().copied().find(same);
    found.or_else(|| if collections.is_empty() { None } else { super::generic::of(provider) })
}

/// What pools of Synapse have of what clusters have.
const IN_POOLS: [&[&str]; 6] = [
    &["Clusters"],
    &["Clusters", "Databases"],
    &["Clusters", "PrincipalAssignments"],
    &["Clusters", "AttachedDatabaseConfigurations"],
    &["Clusters", "Databases", "DataConnections"],
    &["Clusters", "Databases", "PrincipalAssignments"],
];

/// The kind with these collections in a pool.
fn in_pool<S: AsRef<str>>(collections: &[S]) -> Option<&'static dyn Kind> {
    let (first, rest) = collections.split_first()?;
    let same = |own: &[&str]| {
        own.len() == rest.len() + 1
            && own[1..].iter().zip(rest).all(|(own, other)| own.eq_ignore_ascii_case(other.as_ref()))
    };
    let known =
        IN_POOLS.iter().find(|own| first.as_ref().eq_ignore_ascii_case(super::path::POOLS) && same(own))?;
    KINDS.iter().copied().find(|kind| kind.provider() == "Microsoft.Kusto" && kind.collections() == *known)
}

/// Maps the user owns, and settings that only make sense together: a PATCH replaces them as a whole, so that `{}`
/// clears them.
const WHOLE: [&str; 6] = [
    "tags",
    "sku",
    "optimizedAutoscale",
    "languageExtensions",
    "keyVaultProperties",
    "virtualNetworkConfiguration",
];

/// JSON merge as the service merges a PATCH: objects go deeper, null clears, all else replaces.
pub(super) fn merged(old: &Value, asked: &Value) -> Value {
    let (Value::Object(old), Value::Object(asked)) = (old, asked) else { return asked.clone() };
    let mut out = old.clone();
    for (name, value) in asked {
        let whole = WHOLE.contains(&name.as_str());
        match (value, out.get(name)) {
            (Value::Null, _) => {
                out.remove(name);
            }
            (Value::Object(_), Some(before @ Value::Object(_))) if !whole => {
                let value = merged(before, value);
                out.insert(name.clone(), value);
            }
            _ => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

/// Adds each default that `properties` does not have.
pub(super) fn with_defaults(body: &mut Value, defaults: Value) {
    let properties = properties(body);
    if let Value::Object(defaults) = defaults {
        for (name, value) in defaults {
            properties.entry(name).or_insert(value);
        }
    }
}

/// `properties` of a body, made when absent.
pub(super) fn properties(body: &mut Value) -> &mut Map<String, Value> {
    object(object(body).entry("properties").or_insert_with(|| Value::Object(Map::new())))
}

/// The value as an object; anything else becomes an empty one.
pub(super) fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// A name of 1 to `longest` letters, digits and the `others`.
pub(super) fn name_fault(name: &str, longest: usize, others: &str) -> Option<String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
    let good = !name.trim().is_empty() && name.chars().count() <= longest && name.chars().all(fits);
    (!good).then(|| {
        format!("The name '{name}' is not valid: it must have 1 to {longest} letters, digits or any of '{others}'.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn types_are_distinct() {
        let types: BTreeSet<String> = KINDS
            .iter()
            .map(|kind| format!("{}/{}", kind.provider(), kind.collections().join("/")).to_lowercase())
            .collect();
        assert_eq!(types.len(), KINDS.len());
    }

    #[test]
    fn a_patch_merges_and_null_clears() {
        let old = json!({"tags": {"a": "1"}, "properties": {"x": 1, "y": {"p": 1, "q": 2}, "z": [1]}});
        let asked = json!({"tags": {"b": "2"}, "properties": {"x": null, "y": {"q": 3}, "z": []}});
        assert_eq!(
            merged(&old, &asked),
            json!({"tags": {"b": "2"}, "properties": {"y": {"p": 1, "q": 3}, "z": []}})
        );
    }
}
