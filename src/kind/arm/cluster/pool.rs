//! Clusters that are Data Explorer pools of a Synapse workspace: another place, fewer properties, other sizes.
//!
//! <https://learn.microsoft.com/rest/api/synapse/kusto-pools>

use super::{FIELDS, int};
use crate::kind::arm::place;
use crate::kind::shape::Role;
use crate::kind::{At, Finding};
use crate::model::body::{Body, Value};

/// The properties that pools have.
const OWN: [&str; 7] =
    ["location", "tags", "sku", "state", "optimizedAutoscale", "enableStreamingIngest", "enablePurge"];

/// The sizes, by what they are made for.
pub(super) const SKUS: [&str; 2] = ["Compute optimized", "Storage optimized"];

/// What is known of a pool: nothing that clusters alone have, whatever their defaults are.
pub(super) fn known(body: Body) -> Body {
    body.into_iter().filter(|(name, _)| OWN.contains(&&**name)).collect()
}

/// Mistakes in a pool.
pub(super) fn findings(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let written = |role| !matches!(role, Role::Place | Role::Setting);
    let strange = FIELDS.iter().filter(|f| written(f.role) && !OWN.contains(&f.name)).map(|f| f.name);
    let mut found = place::strange_in_pool(at, &strange.collect::<Vec<_>>());
    let Some(name) = body.at(&["sku", "name"]).and_then(Value::as_text) else { return found };
    if !SKUS.contains(&name) {
        let message = format!("{name} is no size of a Data Explorer pool");
        let help = "write `sku: {name: Compute optimized, size: Small, capacity: 2}`";
        found.push(Finding {
            candidates: SKUS.map(str::to_owned).to_vec(),
            ..Finding::new(&["sku", "name"], message, help)
        });
    } else if body.at(&["sku", "size"]).is_none_or(Value::is_unset) {
        let help = "add `size`, one of Extra small, Small, Medium, Large";
        found.push(Finding::new(&["sku"], "the `size` of the pool is missing", help));
    }
    if body.at(&["sku", "tier"]).is_some_and(|tier| !tier.is_unset()) {
        let message = "pools have no `tier`";
        found.push(Finding::new(&["sku", "tier"], message, "leave it out"));
    }
    let bound = |name| int(body, ["optimizedAutoscale", name]);
    if let (Some(min), Some(max)) = (bound("minimum"), bound("maximum"))
        && min > max
    {
        let message = format!("the minimum of {min} machines is above the maximum of {max}");
        found.push(Finding::new(&["optimizedAutoscale", "minimum"], message, ""));
    }
    found
}

/// What only pools have, said of a cluster by itself.
pub(super) fn only_in_pools(body: &Body) -> Option<Finding> {
    let sized = body.at(&["sku", "size"]).is_some_and(|size| !size.is_unset());
    sized.then(|| {
        let message = "`size` is for Data Explorer pools of Synapse";
        let help = "leave it out, or say with `synapseWorkspace` which workspace this is a pool of";
        Finding::new(&["sku", "size"], message, help)
    })
}
