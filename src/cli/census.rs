//! What there is to be imported from a resource group or a subscription: every root that some kind can list, and what
//! holds other things in them.
//!
//! The groups themselves are left out, because a spec that has them deletes with them what it does not know. What is left
//! out is told, each with its reason (test: `tests/product/import.rs`, `a_group_is_imported_whole`).

use super::exit::Failure;
use super::session::{Session, unreachable};
use crate::cloud::{Class, Cloud, CloudError};
use crate::kind::roster::{self, Enrolled, Roster};
use crate::kind::{self, Kind, Plane};
use crate::live::names;
use crate::model::Address;
use crate::model::inventory::{Inventory, Resource};
use crate::plan::scope;
use futures::future::join_all;
use serde_json::Value as Json;

/// How deep things of the control plane stand in one another at most.
const DEPTH: usize = 6;

/// Everything in a subscription, or in one of its groups, that holds other things or stands in nothing else; and what is
/// left out, as sentences.
///
/// # Errors
/// When no list gives a usable answer.
pub(super) async fn containers(
    session: &Session,
    subscription: &str,
    group: Option<&str>,
) -> Result<(Inventory, Vec<String>), Failure> {
    let (mut containers, notes) = roots(&session.cloud, subscription, group).await?;
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
    Ok((containers, notes))
}

/// Whether things of a kind stand in the control plane and hold others.
fn holds(kind: &dyn Kind) -> bool {
    let about = kind.about();
    about.plane == Plane::Arm && kind::within(Some(about.name)).next().is_some()
}

/// A list: whose it is, its items, or why there are none.
type Listed = (String, Result<Vec<Json>, CloudError>);

/// The lists of a roster in a place.
async fn lists(cloud: &Cloud, place: &str, roster: &Roster) -> Vec<Listed> {
    let Some((of, api_version)) = roster.within else {
        return vec![(
            place.to_owned(),
            names::listed(cloud, place, &roster.segment, roster.api_version).await,
        )];
    };
    let holders = match names::listed(cloud, place, &format!("providers/{of}"), api_version).await {
        Ok(holders) => holders,
        Err(why) => return vec![(place.to_owned(), Err(why))],
    };
    let each = holders.iter().map(|holder| async move {
        let id = roster::id(holder);
        (id.to_owned(), names::listed(cloud, id, &roster.segment, roster.api_version).await)
    });
    join_all(each).await
}

async fn roots(
    cloud: &Cloud,
    subscription: &str,
    group: Option<&str>,
) -> Result<(Inventory, Vec<String>), Failure> {
    let place = match group {
        Some(group) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
        None => format!("/subscriptions/{subscription}"),
    };
    let rosters: Vec<(&'static dyn Kind, Roster)> = kind::within(None)
        .flat_map(|kind| kind.rosters().into_iter().map(move |roster| (kind, roster)))
        .collect();
    let place = place.as_str();
    let answers = rosters.iter().map(|(_, roster)| lists(cloud, place, roster));
    let (mut found, mut notes, mut heard, mut failed) = (Inventory::new(), Vec::new(), false, None);
    for ((kind, roster), lists) in rosters.iter().zip(join_all(answers).await) {
        for (above, list) in lists {
            match list {
                Ok(items) => {
                    heard = true;
                    items.iter().for_each(|item| enroll(&mut found, &mut notes, *kind, item, &above));
                }
                Err(why) if matches!(why.class, Class::Refused | Class::Denied | Class::Missing) => {
                    let what = format!("{} of {above}", roster.segment);
                    notes.push(format!("{what} could not be listed, and are not imported: {}", why.message));
                    failed.get_or_insert(why);
                }
                Err(why) => return Err(unreachable(&why)),
            }
        }
    }
    match failed {
        Some(why) if !heard => Err(unreachable(&why)),
        _ => Ok((found, notes)),
    }
}

fn enroll(found: &mut Inventory, notes: &mut Vec<String>, kind: &dyn Kind, item: &Json, above: &str) {
    match kind.enrolled(item, above) {
        Enrolled::As(resource) => insert(found, kind, *resource, above),
        Enrolled::Not => {}
        Enrolled::Left(why) => notes.push(format!("{} is not imported: {why}", roster::id(item))),
    }
}

/// Adds a root under its name, or under its name and that of its group, or of what has it, where another one has that
/// already.
fn insert(found: &mut Inventory, kind: &dyn Kind, resource: Resource, above: &str) {
    let about = kind.about();
    let plain = Address::root().child(about.collection, &resource.name);
    let holder = above.rsplit('/').next().unwrap_or_default();
    let beside = format!("{} ({})", resource.name, resource.body.text("resourceGroup").unwrap_or(holder));
    let address =
        if found.get(&plain).is_none() { plain } else { Address::root().child(about.collection, &beside) };
    found.insert(address, resource);
}
