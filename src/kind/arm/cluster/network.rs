//! The virtual network that a cluster was injected into, which is retired.
//!
//! The way out of it is one-way: the network is disabled, and the cluster is reached by its public endpoint or by
//! private endpoints from then on.
//!
//! <https://learn.microsoft.com/azure/data-explorer/security-network-migrate-vnet-to-private-endpoint>

use crate::kind::shape;
use crate::model::body::{Body, Value};
use crate::model::change::Change;

const NETWORK: &str = "virtualNetworkConfiguration";
const STATE: &str = "state";

fn network(body: &Body) -> Option<&Body> {
    body.get(NETWORK).and_then(Value::as_map).filter(|network| !network.is_empty())
}

fn is_disabled(network: &Body) -> bool {
    network.text(STATE) == Some("Disabled")
}

/// Refuses what the service no longer does, or never did.
///
/// # Errors
/// Why the change cannot be made, naming the property.
pub(super) fn check(before: &Body, after: &Body) -> Result<(), String> {
    let same = |a: Option<&Body>, b: Option<&Body>| {
        let bare = |body: Option<&Body>| body.map(|body| body.clone().without(STATE));
        let text = |body: Option<Body>| body.map(|body| body.shown().to_string().to_lowercase());
        text(bare(a)) == text(bare(b))
    };
    match (network(before), network(after)) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            Err(format!("`{NETWORK}` cannot be given to a cluster any more: use private endpoints instead"))
        }
        (Some(was), None) if is_disabled(was) => Ok(()),
        (Some(_), None) => Err(format!("`{NETWORK}` cannot be taken away: say `{STATE}: Disabled` in it")),
        (was, is) if !same(was, is) => Err(format!("`{NETWORK}` cannot change but for its `{STATE}`")),
        (Some(was), Some(is)) if is_disabled(was) && is.text(STATE) == Some("Enabled") => {
            Err(format!("`{NETWORK}` cannot be enabled again"))
        }
        _ => Ok(()),
    }
}

/// Why a change of the network is never taken back, where it is one.
pub(super) fn one_way(change: &Change) -> Option<&'static str> {
    let (before, after) = change.before.as_ref().zip(change.after.as_ref())?;
    let differs = shape::differing(super::FIELDS, before, after).iter().any(|field| field.name == NETWORK);
    differs.then_some("a cluster cannot be put back into a virtual network")
}
