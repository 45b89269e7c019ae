//! What there is to import in a resource group, or in all of a subscription.

use super::args::ImportArgs;
use super::exit::{Exit, Failure};
use super::session::{Session, unreachable};
use crate::kind::{self, Source};
use crate::live::names::{self, Top};
use crate::model::inventory::{Inventory, Resource};
use crate::model::{Address, Body};
use crate::plan::scope;

/// How deep things stand in one another.
const ROUNDS: usize = 6;

/// The groups that are asked for, and every container in them, down to the innermost.
///
/// # Errors
/// A subscription that is not given, a group that is not there, or live that cannot be read.
pub(super) async fn containers(session: &Session, args: &ImportArgs) -> Result<Inventory, Failure> {
    let Some(subscription) = args.subscription.as_deref() else {
        return Err(Failure::new(Exit::Usage, "the subscription is not given", "say --subscription"));
    };
    let group = args.resource_group.as_deref();
    let tops = names::tops(&session.cloud, subscription, group).await.map_err(|error| unreachable(&error))?;
    let groups = names::groups(&session.cloud, subscription).await.map_err(|error| unreachable(&error))?;
    let wanted = |name: &&String| group.is_none_or(|group| group.eq_ignore_ascii_case(name));
    let groups: Vec<&String> = groups.iter().filter(wanted).collect();
    if groups.is_empty() {
        let message = match group {
            Some(group) => format!("the subscription {subscription} has no resource group {group}"),
            None => format!("the subscription {subscription} has no resource group that you may see"),
        };
        return Err(Failure::error(message, "correct the name or the subscription"));
    }
    let mut found = Inventory::new();
    for name in groups {
        let top = Top { kind: "resourceGroup", group: name.clone(), name: name.clone() };
        let place = Body::new().with("subscriptionId", subscription);
        add(&mut found, &top, place);
    }
    for top in &tops {
        let place =
            Body::new().with("subscriptionId", subscription).with("resourceGroup", top.group.as_str());
        add(&mut found, top, place);
    }
    within(session, found).await
}

/// Adds a container under its name, or under its name and its group where another has that name.
fn add(found: &mut Inventory, top: &Top, body: Body) {
    let Some(kind) = kind::by_name(top.kind) else { return };
    let at = |key: &str| Address::root().child(kind.about().collection, key);
    let taken = found.get(&at(&top.name)).is_some();
    let address = if taken { at(&format!("{}-{}", top.name, top.group)) } else { at(&top.name) };
    let name = top.name.as_str().into();
    found.insert(address, Resource { kind: top.kind, name, body, ..Resource::default() });
}

/// The same with every container that stands in them, read level by level.
async fn within(session: &Session, mut known: Inventory) -> Result<Inventory, Failure> {
    for _ in 0..ROUNDS {
        let mut scope = scope::everything(known.clone());
        let holds = |kind: &&'static dyn kind::Kind| {
            let by_list = matches!(kind.source(), Source::ArmGet { .. } | Source::ArmList { .. });
            by_list && kind::within(Some(kind.about().name)).next().is_some()
        };
        let holders: Vec<&str> = kind::all().filter(holds).map(|kind| kind.about().name).collect();
        scope.kinds.retain(|kind| holders.contains(&kind.as_str()));
        scope.containers.values_mut().for_each(|at| at.commands.clear());
        let live = session.read(&scope).await?;
        let inner = live.inventory.iter().filter(|(_, thing)| holders.contains(&thing.kind));
        let new: Vec<_> = inner.filter(|(at, _)| known.get(at).is_none()).collect();
        if new.is_empty() {
            break;
        }
        for (address, thing) in new {
            let bare = Resource { kind: thing.kind, name: thing.name.clone(), ..Resource::default() };
            known.insert(address.clone(), bare);
        }
    }
    Ok(known)
}
