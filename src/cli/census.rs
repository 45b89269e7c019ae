//! What there is to be imported from a resource group or a subscription: every root that some kind can list, and what
//! holds other things in them.
//!
//! The groups themselves are left out, because a spec that has them deletes with them what it does not know. Role
//! assignments, and resources of types without a kind of their own, are not listed: what they are for stands in no
//! list that tells it.

use super::exit::Failure;
use super::session::{Session, unreachable};
use crate::cloud::Cloud;
use crate::kind::{self, Kind, Plane, Source};
use crate::live::names;
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::{Address, Body};
use crate::plan::scope;
use futures::future::try_join_all;
use serde_json::Value as Json;

/// How deep things of the control plane stand in one another at most.
const DEPTH: usize = 6;

/// Everything in a subscription, or in one of its groups, that holds other things or stands in nothing else.
///
/// # Errors
/// When a list gives no usable answer.
pub(super) async fn containers(
    session: &Session,
    subscription: &str,
    group: Option<&str>,
) -> Result<Inventory, Failure> {
    let mut containers = roots(&session.cloud, subscription, group).await?;
    for _ in 0..DEPTH {
        let mut scope = scope::everything(containers.clone());
        scope.kinds.retain(|word| kind::by_name(word).is_some_and(holds));
        scope.containers.values_mut().for_each(|container| container.commands.clear());
        let live = session.read(&scope).await?.inventory;
        let found = live.iter().filter(|(at, thing)| {
            containers.get(at).is_none() && kind::by_name(thing.kind).is_some_and(holds)
        });
        let new: Vec<(Address, Resource)> =
            found.map(|(at, thing)| (at.clone(), Resource { is_live: false, ..thing.clone() })).collect();
        if new.is_empty() {
            break;
        }
        new.into_iter().for_each(|(at, thing)| drop(containers.insert(at, thing)));
    }
    Ok(containers)
}

/// Whether things of a kind stand in the control plane and hold others.
fn holds(kind: &dyn Kind) -> bool {
    let about = kind.about();
    about.plane == Plane::Arm && kind::within(Some(about.name)).next().is_some()
}

/// The kinds that a provider lists: those of its own types.
fn listed() -> impl Iterator<Item = (&'static dyn Kind, &'static str, &'static str)> {
    kind::within(None).filter_map(|kind| match kind.source() {
        Source::ArmGet { provider, api_version } => {
            let (owner, of) = provider.split_once('/')?;
            (owner.contains('.') && !of.contains('/')).then_some((kind, provider, api_version))
        }
        _ => None,
    })
}

async fn roots(cloud: &Cloud, subscription: &str, group: Option<&str>) -> Result<Inventory, Failure> {
    let place = match group {
        Some(group) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
        None => format!("/subscriptions/{subscription}"),
    };
    let lists = listed().map(|(kind, provider, api_version)| {
        let list = names::listed(cloud, &place, provider, api_version);
        async move { Ok((kind, list.await?)) }
    });
    let lists = try_join_all(lists).await.map_err(|error| unreachable(&error))?;
    let mut found = Inventory::new();
    for (kind, items) in lists {
        for item in items {
            let text = |name: &str| item.get(name).and_then(Json::as_str).unwrap_or_default();
            let parts: Vec<&str> = text("id").split('/').collect();
            let (Some(group), false) = (parts.get(4), is_gone(&item)) else { continue };
            insert(&mut found, kind, text("name"), &placed(subscription, group));
        }
    }
    Ok(found)
}

/// A cluster that was deleted may stay in the list for some days.
fn is_gone(item: &Json) -> bool {
    item.pointer("/properties/state").and_then(Json::as_str) == Some("Deleted")
}

fn placed(subscription: &str, group: &str) -> Body {
    Body::new().with("subscriptionId", subscription).with("resourceGroup", group)
}

/// Adds a root under its name, or under its name and its group where another one has that already.
fn insert(found: &mut Inventory, kind: &'static dyn Kind, name: &str, body: &Body) {
    let about = kind.about();
    let plain = Address::root().child(about.collection, name);
    let beside = format!("{name} ({})", body.text("resourceGroup").unwrap_or_default());
    let address =
        if found.get(&plain).is_none() { plain } else { Address::root().child(about.collection, &beside) };
    let resource = Resource {
        kind: about.name,
        name: name.into(),
        body: body.clone(),
        mode: Mode::Managed,
        ..Resource::default()
    };
    found.insert(address, resource);
}
