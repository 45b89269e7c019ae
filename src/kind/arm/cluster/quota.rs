//! What a subscription and a size have room for: hints, because support raises some of the limits.
//!
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#azure-data-explorer-limits>

use super::{bounds, int, offer};
use crate::kind::arm::{place, wire};
use crate::kind::question::{Answer, Question, Seen};
use crate::kind::{At, Finding, Weight};
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::change::Change;
use crate::model::inventory::{Mode, Resource};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// How many clusters a subscription has in a region at most.
const CLUSTERS: usize = 20;

/// How many databases a cluster has at most.
const DATABASES: usize = 10_000;

/// The clusters of the subscription, before one is made.
pub(super) fn clusters(at: &At<'_>, change: &Change) -> Option<Question> {
    let subscription =
        place::subscription(at).ok().filter(|_| change.before.is_none() && !place::is_pool(at))?;
    Some(Question::get(format!("{subscription}/providers/Microsoft.Kusto/clusters"), wire::API_VERSION))
}

/// What a cluster can be scaled to, before its size changes.
pub(super) fn scales(at: &At<'_>, change: &Change) -> Option<Question> {
    let (before, after) = change.before.as_ref().zip(change.after.as_ref())?;
    let changes = before.get("sku") != after.get("sku") || bounds(before) != bounds(after);
    let path = place::resource_id(at).ok().filter(|_| changes && !place::is_pool(at))?;
    Some(Question::get(format!("{path}/skus"), wire::API_VERSION))
}

fn hint(field: &[&str], message: String, help: &str) -> Finding {
    Finding { weight: Weight::Warning, ..Finding::new(field, message, help) }
}

/// A location as locations compare.
fn plain(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

/// One cluster too many in a region, said once for all that are to be made there.
pub(super) fn too_many(at: &At<'_>, change: &Change, seen: Seen<'_>) -> Option<Finding> {
    let Answer::There(json) = seen(&clusters(at, change)?) else { return None };
    let (_, location) = offer::region(at)?;
    let (subscription, place) = (place::subscription(at).ok()?, plain(&location));
    let text =
        |item: &Json, path: &str| item.pointer(path).and_then(Json::as_str).unwrap_or_default().to_owned();
    let there: BTreeSet<String> = json
        .get("value")
        .and_then(Json::as_array)?
        .iter()
        .filter(|item| {
            plain(&text(item, "/location")) == place && text(item, "/properties/state") != "Deleted"
        })
        .map(|item| text(item, "/name").to_ascii_lowercase())
        .collect();
    let is_here = |address: &Address, resource: &Resource| {
        let at = At { address, resource, world: at.world };
        let same = place::subscription(&at).is_ok_and(|of| of.eq_ignore_ascii_case(&subscription));
        same && !place::is_pool(&at) && offer::region(&at).is_some_and(|(_, of)| plain(&of) == place)
    };
    let declared = at.world.children(&Address::root(), "clusters");
    let new: Vec<&Address> = declared
        .filter(|(_, cluster)| {
            cluster.mode == Mode::Managed && !there.contains(&cluster.name.to_ascii_lowercase())
        })
        .filter(|(address, cluster)| is_here(address, cluster))
        .map(|(address, _)| address)
        .collect();
    let all = there.len() + new.len();
    if all <= CLUSTERS || new.first() != Some(&at.address) {
        return None;
    }
    let message =
        format!("this makes {all} clusters in {location}, and a subscription has {CLUSTERS} in a region");
    Some(hint(&[], message, "have support raise the limit, or choose another region or subscription"))
}

/// A capacity that the cluster's own list does not have for its size.
pub(super) fn out_of_range(at: &At<'_>, change: &Change, seen: Seen<'_>) -> Option<Finding> {
    let Answer::There(json) = seen(&scales(at, change)?) else { return None };
    let body = &at.resource.body;
    let wanted = body.at(&["sku", "name"]).and_then(Value::as_text)?;
    let all = json.get("value").and_then(Json::as_array).filter(|all| !all.is_empty())?;
    let is_it = |entry: &&Json| {
        let name = entry.pointer("/sku/name").and_then(Json::as_str);
        name.is_some_and(|name| name.eq_ignore_ascii_case(wanted))
    };
    let size = |body: &Body| body.at(&["sku", "name"]).cloned();
    let Some(entry) = all.iter().find(is_it) else {
        let changes = size(change.before.as_ref()?) != size(change.after.as_ref()?);
        let message = format!("{wanted} is not in the service's list of what this cluster can be scaled to");
        return changes.then(|| hint(&["sku", "name"], message, "the service may refuse the change"));
    };
    let limit = |name: &str| entry.pointer(&format!("/capacity/{name}")).and_then(Json::as_i64);
    let (least, most) = (limit("minimum")?, limit("maximum")?);
    let given = [
        (["sku", "capacity"], int(body, ["sku", "capacity"])),
        (["optimizedAutoscale", "minimum"], bounds(body).map(|(min, _)| min)),
        (["optimizedAutoscale", "maximum"], bounds(body).map(|(_, max)| max)),
    ];
    let (field, n) = given.into_iter().find_map(|(field, n)| {
        let n = n.filter(|n| *n < least || *n > most)?;
        Some((field, n))
    })?;
    let message = format!("{wanted} scales from {least} to {most} machines here, not to {n}");
    Some(Finding::new(&field, message, "choose another capacity or another size"))
}

/// One database too many in a cluster, said at the first of those that are to be made.
pub fn too_many_databases(at: &At<'_>, change: &Change) -> Option<Finding> {
    let parent = at.address.parent().filter(|_| change.before.is_none())?;
    let databases = || at.world.children(&parent, "databases").filter(|(_, one)| one.mode != Mode::Absent);
    let first = databases().find(|(_, one)| !one.is_live)?;
    if first.0 != at.address {
        return None;
    }
    let all = databases().count();
    let message = format!("this makes {all} databases in the cluster, and a cluster has {DATABASES}");
    let help = "have support raise the limit, or use another cluster";
    (all > DATABASES).then(|| hint(&[], message, help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Inventory;
    use serde_json::json;

    fn cluster(body: Body) -> (Address, Resource) {
        let body =
            body.with("subscriptionId", "00000000-0000-0000-0000-000000000000").with("resourceGroup", "rg");
        let resource = Resource { kind: "cluster", name: "c".into(), body, ..Resource::default() };
        (Address::root().child("clusters", "c"), resource)
    }

    fn sized(capacity: i64) -> Body {
        let sku = Body::new().with("name", "Standard_E8ads_v5").with("capacity", capacity);
        Body::new().with("location", "West Europe").with("sku", sku)
    }

    #[test]
    fn the_list_of_the_cluster_bounds_its_capacity() {
        let list = json!({"value": [
            {"sku": {"name": "Standard_E8ads_v5"}, "capacity": {"minimum": 2, "maximum": 100}},
        ]});
        let seen = |question: &Question| {
            assert!(question.path.ends_with("/resourceGroups/rg/providers/Microsoft.Kusto/clusters/c/skus"));
            Answer::There(list.clone())
        };
        let found = |to: i64| {
            let (address, resource) = cluster(sized(to));
            let mut world = Inventory::new();
            world.insert(address.clone(), resource.clone());
            let at = At { address: &address, resource: &resource, world: &world };
            out_of_range(&at, &Change::new(Some(sized(2)), Some(sized(to))), &seen)
        };
        assert_eq!(found(100), None);
        let finding = found(101).unwrap();
        assert_eq!(finding.message, "Standard_E8ads_v5 scales from 2 to 100 machines here, not to 101");
        assert_eq!((finding.field.join("."), finding.weight), ("sku.capacity".to_owned(), Weight::Mistake));
    }

    #[test]
    fn ten_thousand_databases_are_enough() {
        let mut world = Inventory::new();
        let (root, resource) = cluster(sized(2));
        world.insert(root.clone(), resource);
        for n in 0..=DATABASES {
            let (name, is_live) = (format!("d{n:05}"), n != 3 && n != 5);
            let one =
                Resource { kind: "database", name: name.as_str().into(), is_live, ..Resource::default() };
            world.insert(root.child("databases", &name), one);
        }
        let said = |world: &Inventory, name: &str| {
            let address = root.child("databases", name);
            let at = At { address: &address, resource: world.get(&address).unwrap(), world };
            too_many_databases(&at, &Change::new(None, Some(Body::new()))).map(|finding| finding.message)
        };
        let message = "this makes 10001 databases in the cluster, and a cluster has 10000";
        assert_eq!(said(&world, "d00003").as_deref(), Some(message));
        assert_eq!(said(&world, "d00005"), None, "it is said once");
        world.remove(&root.child("databases", "d00000"));
        assert_eq!(said(&world, "d00003"), None);
    }
}
