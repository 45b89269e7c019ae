//! Resource ids that follow from the spec: a reference to one is known before anything is read.
//!
//! Invariant: what is replaced stays an edge of the graph (test: `tests/specs/valid/references.txt`).

use crate::kind::{self, At};
use crate::model::{Address, Inventory, Value};
use std::collections::BTreeSet;

/// How often ids may follow from other ids; chains of containers are shorter.
const ROUNDS: usize = 16;

/// Replaces every reference to an id that follows from places and names, in the entries concerned.
pub(super) fn settle(inventory: &mut Inventory, concerned: &BTreeSet<Address>) {
    for _ in 0..ROUNDS {
        let resolved: Vec<_> = concerned
            .iter()
            .filter_map(|address| {
                let resource = inventory.get(address)?;
                let body = resource.body.resolved(&|of, path| id(inventory, of, path));
                (body != resource.body).then(|| (address.clone(), body))
            })
            .collect();
        if resolved.is_empty() {
            return;
        }
        for (address, body) in resolved {
            if let Some(resource) = inventory.get(&address).cloned() {
                inventory.insert(address, crate::model::Resource { body, ..resource });
            }
        }
    }
}

fn id(world: &Inventory, of: &Address, path: &[String]) -> Option<Value> {
    let [word] = path else { return None };
    let resource = world.get(of).filter(|_| word == "id")?;
    let kind = kind::by_name(resource.kind).filter(|kind| kind.about().plane == kind::Plane::Arm)?;
    kind.resource_id(&At { address: of, resource, world }).ok().map(Value::from)
}
