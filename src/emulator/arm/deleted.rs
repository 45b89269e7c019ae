//! Clusters that were deleted and can still be brought back by support: their names stay taken, and lists of a
//! subscription show them (reference: arm-api §3.1, §2.5).
//!
//! Invariant: only what was in use for longer than [`DAYS`] is kept, and for as long (test: `tests/wire/arm/deleted.jsonl`).

use super::cluster::Cluster;
use super::core::Core;
use super::path::Id;
use super::resource;
use super::state::Resource;
use crate::emulator::clock::Clock;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many days a cluster must have been there to be kept, and how many it is kept.
const DAYS: i64 = 14;

/// One day in nanoseconds.
pub(crate) const DAY: i64 = 86_400_000_000_000;

/// Where what is kept stands: in no group, so that no group's deletion ends it.
const PLACE: &str = "Microsoft.Kusto/deleted";

/// The tag that says that a cluster is not to be kept.
const OPT_OUT: &str = "opt-out-of-soft-delete";

/// Remembers a cluster that has just been deleted, if the service would.
pub(super) fn keep(core: &mut Core, cluster: &Resource) {
    let now = Clock::now();
    let born = cluster.made.get("createdAt").and_then(Value::as_str);
    let born = born.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let born = born.and_then(|born| i64::try_from(born.unix_timestamp_nanos()).ok()).unwrap_or(now);
    let opts_out = cluster
        .body
        .pointer(&format!("/tags/{OPT_OUT}"))
        .and_then(Value::as_str)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let was_in_use = now.saturating_sub(born).saturating_add(core.aged) > DAYS * DAY;
    if opts_out || !was_in_use || cluster.is_unborn() || cluster.id.workspace().is_some() {
        return;
    }
    let mut kept = cluster.clone();
    kept.hidden = json!({"was": cluster.id, "deleted": now});
    PLACE.clone_into(&mut kept.id.provider);
    kept.id.group.clear();
    kept.sequence = 0;
    "Deleted".clone_into(&mut kept.phase);
    "Succeeded".clone_into(&mut kept.provisioning);
    kept.operation = None;
    core.state.put(kept);
}

fn all(core: &Core) -> Vec<&Resource> {
    let since = Clock::now().saturating_sub(DAYS * DAY);
    let lasts =
        |kept: &Resource| kept.hidden.get("deleted").and_then(Value::as_i64).is_some_and(|at| at > since);
    core.state.find(|kept| kept.id.provider == PLACE && lasts(kept))
}

/// Whether a name is kept for a cluster that was deleted.
pub(super) fn holds(core: &Core, name: &str) -> bool {
    all(core).iter().any(|kept| kept.id.name().eq_ignore_ascii_case(name))
}

/// What a list of the clusters of a subscription shows of those that were deleted.
pub(super) fn listed(core: &Core, subscription: &str, api: &str) -> Vec<Value> {
    let shown = |kept: &&Resource| {
        let was: Id = serde_json::from_value(kept.hidden.get("was")?.clone()).ok()?;
        let resource = Resource { id: was.clone(), hidden: json!({}), ..(**kept).clone() };
        Some(resource::view(core, &Cluster, &resource, &was, api))
    };
    let of = |kept: &&&Resource| kept.id.subscription.eq_ignore_ascii_case(subscription);
    all(core).iter().filter(of).filter_map(shown).collect()
}
