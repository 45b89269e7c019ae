//! Names in the queries of what is written, held against live: what is in neither spec nor live is refused, because
//! the service would refuse it in the middle of the run.
//!
//! Invariant: nothing is refused unless every kind that could hold the name was read (test: the scenario
//! `tests/scenarios/unknown-names`).

use super::{Plan, Refusal, Rule};
use crate::kind::{self, At, Kind, Missing};
use crate::model::inventory::{Desired, Inventory, Mode, Resource};
use crate::model::parallel;

/// What is wrong with the names that a plan's things use.
#[derive(Debug, Default)]
pub struct Unknown {
    /// Names that must be there and are not, each with where it stands.
    pub refusals: Vec<(Missing, Refusal)>,
    /// Names that may be the service's own, as sentences.
    pub notes: Vec<String>,
}

/// Looks the names in everything up that a plan writes.
pub fn unknown(plan: &Plan, desired: &Desired, live: &Inventory) -> Unknown {
    let mut found = Unknown::default();
    let changes: Vec<_> = plan.changes.iter().collect();
    let written = parallel::map(&changes, parallel::AT_A_TIME, |(address, change)| {
        let body = change.change.after.clone()?;
        let thing = desired.inventory.get(address)?;
        let resource = Resource { body, ..thing.clone() };
        (!kind::texts(&resource).is_empty()).then_some((*address, *change, resource))
    });
    let written: Vec<_> = written.into_iter().flatten().collect();
    if written.is_empty() {
        return found;
    }
    let world = after(plan, desired, live);
    for (address, change, resource) in &written {
        for name in kind::missing(&At { address, resource, world: &world }) {
            let kinds = kinds(&world, &name);
            let read = |kind: &Option<&dyn Kind>| {
                kind.is_some_and(|kind| plan.scope.kinds.contains(kind.about().name))
            };
            if !kinds.iter().all(read) {
                continue;
            }
            let words: Vec<&str> = kinds.iter().flatten().map(|kind| kind.about().name).collect();
            let field = name.field.join(".");
            let lacks = format!("{} has no {} of that name", name.database, words.join(" or "));
            let message = format!("{address}: its `{field}` names `{}`, and {lacks}", name.name);
            if !name.certain {
                found.notes.push(format!("{message}; the service refuses it unless the function is its own"));
                continue;
            }
            let help = "correct the name, or declare the thing".to_owned();
            let (address, origin) = ((*address).clone(), change.origin.clone());
            found.refusals.push((name, Refusal { address, origin, rule: Rule::Missing, message, help }));
        }
    }
    found
}

/// What stands once the plan is applied.
fn after(plan: &Plan, desired: &Desired, live: &Inventory) -> Inventory {
    let mut world = live.clone();
    for (address, thing) in desired.inventory.iter().filter(|(_, thing)| thing.mode != Mode::Absent) {
        world.insert(address.clone(), thing.clone());
    }
    for (address, _) in plan.changes.iter().filter(|(_, change)| change.change.after.is_none()) {
        world.remove(address);
    }
    world
}

/// The kinds that a name could be of; none for a collection that no kind has.
pub(super) fn kinds(world: &Inventory, name: &Missing) -> Vec<Option<&'static dyn Kind>> {
    let above = world.get(&name.database).map(|database| database.kind);
    let of = |collection: &&str| kind::within(above).find(|kind| kind.about().collection == *collection);
    name.collections.iter().map(of).collect()
}
