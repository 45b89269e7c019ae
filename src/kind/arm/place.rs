//! Where things of the control plane are: subscription, resource group, and the resource ids that follow from them.
//!
//! Invariant: the id of a declared thing follows from the spec alone, so that nobody has to wait for it (test:
//! `ids_follow_from_places`).

use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{self, At, Finding, Need, Source};
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::inventory::Resource;

/// The property that says in which subscription a root is.
pub const SUBSCRIPTION_ID: Field =
    Field::new("subscriptionId", Shape::Guid, "The subscription, as a GUID; from `azure:` when left out.")
        .role(Role::Place);

/// The property that says in which resource group a root is.
pub const RESOURCE_GROUP: Field =
    Field::new("resourceGroup", Shape::Text, "The resource group; from `azure:` when left out.")
        .role(Role::Place);

/// The property that says in which Synapse workspace a cluster is: then it is one of the workspace's Data Explorer pools,
/// which are clusters in another place.
pub const SYNAPSE_WORKSPACE: Field = Field::new(
    "synapseWorkspace",
    Shape::Name(NameRule::Plain { min: 1, max: 50, lower: false, others: "-" }),
    "The Synapse workspace of which this is a Data Explorer pool, by its name; the workspace must exist. Without it, \
     this is a cluster by itself.",
)
.role(Role::Place);

/// The one `api-version` of Data Explorer pools.
///
/// <https://learn.microsoft.com/rest/api/synapse/kusto-pools>
pub const POOL_API_VERSION: &str = "2021-06-01-preview";

/// The `api-version` in which workspaces are listed.
///
/// <https://learn.microsoft.com/rest/api/synapse/workspaces/list>
pub const WORKSPACE_API_VERSION: &str = "2021-06-01";

/// The region of a root.
pub const LOCATION: Field = Field::new(
    "location",
    Shape::Location,
    "The region, such as `westeurope`; from `azure:` when left out. It cannot change.",
)
.role(Role::Immutable);

/// The tags of a resource.
pub const TAGS: Field = Field::new(
    "tags",
    Shape::Map(&Shape::Text),
    "The tags: all there are to be, where any are given. Default: none.",
);

/// Whether a root is known only by its `uri`, so that its control plane is out of reach.
pub fn only_uri(root: &Resource) -> bool {
    root.body.get("uri").is_some_and(|uri| !uri.is_unset())
}

/// The workspace that a cluster is a pool of.
pub fn workspace(cluster: &Body) -> Option<&str> {
    cluster.text(SYNAPSE_WORKSPACE.name).filter(|name| !name.is_empty())
}

/// Whether a thing is a pool of Synapse, or stands in one.
pub fn is_pool(at: &At<'_>) -> bool {
    at.ancestor("cluster").is_some_and(|(_, cluster)| workspace(&cluster.body).is_some())
}

/// Whether a resource, as it was read, is a pool of Synapse or stands in one.
pub fn is_of_pool(json: &serde_json::Value) -> bool {
    let id = json.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
    id.to_ascii_lowercase().contains("/kustopools/")
}

/// The `api-version` for a thing: the usual one, or that of pools.
pub fn api_version<'a>(at: &At<'_>, usual: &'a str) -> &'a str {
    if is_pool(at) { POOL_API_VERSION } else { usual }
}

/// What is said of a thing in a pool that pools do not have.
pub fn strange_in_pool(at: &At<'_>, strange: &[&str]) -> Vec<Finding> {
    if !is_pool(at) {
        return Vec::new();
    }
    let given = strange.iter().filter(|name| at.resource.body.get(name).is_some());
    let finding = |name: &&str| {
        let message = format!("`{name}` is not there in a Data Explorer pool of Synapse");
        Finding::new(&[name], message, "leave it out, or use a cluster by itself")
    };
    given.map(finding).collect()
}

/// A thing that cannot stand in a pool at all.
pub fn not_in_pool(at: &At<'_>) -> Option<Finding> {
    is_pool(at).then(|| {
        let message = "this does not go with a Data Explorer pool of Synapse";
        Finding::new(&[], message, "leave it out, or use a cluster by itself")
    })
}

/// The resource id of a thing: that of its container, or its place, and what follows from its kind and name. What a
/// container's own interface serves has a URL in its place.
///
/// # Errors
/// What is missing for it, as a sentence.
pub fn resource_id(at: &At<'_>) -> Result<String, String> {
    let kind =
        kind::by_name(at.resource.kind).ok_or_else(|| format!("{} is of no known kind", at.address))?;
    let segment = match kind.source() {
        Source::ArmGet { provider, .. } => provider,
        Source::ArmList { segment, .. } | Source::RestList { segment, .. } => segment,
        _ => return Err(format!("{} is no resource of the control plane", at.address)),
    };
    let above = at.address.parent().filter(|above| !above.is_root());
    let Some(above) = above else {
        if let Some(workspace) = workspace(&at.resource.body) {
            let group = group_id(at)?;
            return Ok(format!(
                "{group}/providers/Microsoft.Synapse/workspaces/{workspace}/kustoPools/{}",
                at.name()
            ));
        }
        return Ok(format!("{}/providers/{segment}/{}", group_id(at)?, at.name()));
    };
    let resource = at.world.get(&above).ok_or_else(|| format!("{above} is not known"))?;
    let container = kind::by_name(resource.kind).ok_or_else(|| format!("{above} is of no known kind"))?;
    let container_at = At { address: &above, resource, world: at.world };
    let above = match kind.source() {
        Source::RestList { .. } => container.endpoint(&container_at)?,
        _ => container.resource_id(&container_at)?,
    };
    Ok(format!("{above}/{segment}/{}", at.name()))
}

/// The id of the resource group that a root is in.
///
/// # Errors
/// What is not known of its place.
pub fn group_id(at: &At<'_>) -> Result<String, String> {
    if only_uri(at.resource) {
        return Err(format!(
            "{} is known only by its `uri`, and this is made through the control plane; give its \
             `subscriptionId` and `resourceGroup` instead",
            at.address
        ));
    }
    Ok(format!("{}/resourceGroups/{}", subscription(at)?, known(at, RESOURCE_GROUP.name)?))
}

/// The id of the subscription that a root is in.
///
/// # Errors
/// When it is not known.
pub fn subscription(at: &At<'_>) -> Result<String, String> {
    Ok(format!("/subscriptions/{}", known(at, SUBSCRIPTION_ID.name)?))
}

fn known<'a>(at: &At<'a>, name: &str) -> Result<&'a str, String> {
    match at.resource.body.text(name) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(format!("the `{name}` of {} is not known", at.address)),
    }
}

/// Where a resource stands, from its id.
pub fn of_id(attributes: &Body, fields: &[Field]) -> Body {
    let parts: Vec<&str> = attributes.text("id").unwrap_or_default().split('/').collect();
    match parts.as_slice() {
        ["", _, subscription, _, group, ..] => {
            let mut place =
                Body::new().with(SUBSCRIPTION_ID.name, *subscription).with(RESOURCE_GROUP.name, *group);
            if let [_, _, _, _, _, _, _, _, workspace, pools, _] = parts.as_slice()
                && pools.eq_ignore_ascii_case("kustoPools")
            {
                place.set(SYNAPSE_WORKSPACE.name, *workspace);
            }
            shape::canonical_body(fields, &place).unwrap_or(place)
        }
        _ => Body::new(),
    }
}

/// The resource group that a root is in, where the spec declares it.
pub fn group(at: &At<'_>) -> Option<Need> {
    let name = at.resource.body.text(RESOURCE_GROUP.name).filter(|name| !name.is_empty())?;
    let field = vec![RESOURCE_GROUP.name.to_owned()];
    let (parent, name) = (Address::root(), name.to_owned());
    Some(Need { parent, collection: "resourceGroups", name, field, required: false })
}

/// What is missing, or not known early enough, of where a root is.
pub fn check(at: &At<'_>, names: &[&str]) -> Vec<Finding> {
    let word = kind::by_name(at.resource.kind).map_or("thing", |kind| kind.about().name);
    let help = "give it here or once for all under `azure:`";
    given(at, names, &|name| Finding::new(&[], format!("the `{name}` of this {word} is missing"), help))
}

/// The same in other words for what is missing.
pub fn given(at: &At<'_>, names: &[&str], missing: &dyn Fn(&str) -> Finding) -> Vec<Finding> {
    let objection = |name: &str| match at.resource.body.get(name) {
        Some(value) if value.has_unknown() => {
            let message =
                format!("`{name}` must be known before anything is read, and this is known after apply");
            Some(Finding::new(&[name], message, "write it out, or use a variable"))
        }
        Some(value) if !value.is_unset() => None,
        _ => Some(missing(name)),
    };
    names.iter().filter_map(|name| objection(name)).collect()
}

/// The region as it is written.
///
/// # Errors
/// When it is not known.
pub fn location(at: &At<'_>, body: &Body) -> Result<Value, String> {
    match body.get(LOCATION.name) {
        Some(Value::Text(text)) if !text.is_empty() => Ok(Value::from(shape::location(text))),
        Some(other @ Value::Unknown(_)) => Ok(other.clone()),
        _ => Err(format!("the `location` of {} is not known", at.address)),
    }
}
