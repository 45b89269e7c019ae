//! Mistakes in a cluster that no service is needed to find.

use super::fields::{FIELDS, is_dev, largest_capacity};
use super::{bounds, int, pool};
use crate::kind::arm::{place, wire};
use crate::kind::shape::Role;
use crate::kind::{At, Finding};
use crate::model::body::{Body, Value};
use crate::model::inventory::Mode;

pub(super) fn findings(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    if wire::only_uri(at.resource) {
        return by_uri(body);
    }
    let mut found = placed(at);
    if at.resource.mode == Mode::Managed {
        found.extend(missing(body));
        if place::is_pool(at) {
            found.extend(pool::findings(at));
            return found;
        }
        found.extend(pool::only_in_pools(body));
        found.extend(sku(body));
        found.extend(autoscale(body));
        found.extend(identity(body));
        found.extend(key_vault(body));
        found.extend(callouts(body));
    }
    found
}

fn given<'a>(body: &'a Body, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_unset())
}

fn by_uri(body: &Body) -> Vec<Finding> {
    let mut found = Vec::new();
    let uri = body.text("uri").unwrap_or_default();
    let loopback =
        ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|host| uri.starts_with(host));
    if !uri.is_empty() && !uri.starts_with("https://") && !loopback {
        let help = "write it as https://NAME.REGION.kusto.windows.net";
        found.push(Finding::new(&["uri"], "a cluster's `uri` starts with https://", help));
    }
    let written = |role| !matches!(role, Role::Place | Role::Setting);
    let fields =
        FIELDS.iter().filter(|f| written(f.role) && f.name != "location" && body.get(f.name).is_some());
    found.extend(fields.map(|f| {
        let message = format!(
            "`{}` is set through the control plane, and this cluster is known only by its `uri`",
            f.name
        );
        Finding::new(
            &[f.name],
            message,
            "leave it out, or give `subscriptionId` and `resourceGroup` instead of `uri`",
        )
    }));
    found
}

fn placed(at: &At<'_>) -> Vec<Finding> {
    let help = "give it here or once for all under `azure:`; a cluster known by its `uri` needs none";
    let missing = |name: &str| Finding::new(&[], format!("the cluster's `{name}` is missing"), help);
    place::given(at, &["subscriptionId", "resourceGroup"], &missing)
}

fn missing(body: &Body) -> Vec<Finding> {
    let mut found = Vec::new();
    if given(body, "location").is_none() {
        let help = "give it here or once for all under `azure:`";
        found.push(Finding::new(&[], "the cluster's `location` is missing", help));
    }
    if given(body, "sku").is_none() {
        let help = "give one, such as `sku: {name: Standard_E8ads_v5, tier: Standard, capacity: 2}`, or say \
                    `existing: true`";
        found.push(Finding::new(&[], "the cluster's `sku` is missing", help));
    }
    found
}

fn sku(body: &Body) -> Vec<Finding> {
    let Some(name) = body.at(&["sku", "name"]).and_then(Value::as_text) else { return Vec::new() };
    let mut found = Vec::new();
    let dev = is_dev(name);
    let (tier, what) =
        if dev { ("Basic", "`Dev(No SLA)_…` sizes are") } else { ("Standard", "this size is") };
    if body.at(&["sku", "tier"]).and_then(Value::as_text).is_some_and(|given| given != tier) {
        let message = format!("{what} of the tier {tier}");
        found.push(Finding::new(&["sku", "tier"], message, format!("write `tier: {tier}`, or leave it out")));
    }
    let least = if dev { 1 } else { 2 };
    let most = largest_capacity(name);
    if let Some(capacity) = int(body, ["sku", "capacity"]).filter(|n| *n < least || *n > most) {
        let bounds = if most == 1 { "one machine".to_owned() } else { format!("{least} to {most} machines") };
        let message = format!("{name} runs on {bounds}, not on {capacity}");
        found.push(Finding::new(&["sku", "capacity"], message, "choose another capacity or another size"));
    }
    if dev && bounds(body).is_some() {
        let message = "a `Dev(No SLA)_…` cluster has one machine and cannot scale by itself";
        found.push(Finding::new(
            &["optimizedAutoscale"],
            message,
            "leave `optimizedAutoscale` out, or choose another size",
        ));
    }
    found
}

fn autoscale(body: &Body) -> Vec<Finding> {
    let bound = |name| int(body, ["optimizedAutoscale", name]);
    let (Some(min), Some(max)) = (bound("minimum"), bound("maximum")) else { return Vec::new() };
    let mut found = Vec::new();
    if min > max {
        let message = format!("the minimum of {min} machines is above the maximum of {max}");
        found.push(Finding::new(&["optimizedAutoscale", "minimum"], message, ""));
    }
    let most =
        body.at(&["sku", "name"]).and_then(Value::as_text).filter(|name| !is_dev(name)).map(largest_capacity);
    if let Some(most) = most.filter(|most| max > *most) {
        let message = format!("this size runs on at most {most} machines");
        found.push(Finding::new(
            &["optimizedAutoscale", "maximum"],
            message,
            "lower the maximum or choose another size",
        ));
    }
    found
}

fn identity(body: &Body) -> Vec<Finding> {
    let Some(kind) = body.at(&["identity", "type"]).and_then(Value::as_text) else { return Vec::new() };
    let listed = body.at(&["identity", "userAssignedIdentities"]).is_some_and(|ids| !ids.is_unset());
    if body.at(&["identity", "userAssignedIdentities"]).is_some_and(Value::has_unknown) {
        return vec![Finding::new(
            &["identity", "userAssignedIdentities"],
            "the ids of identities must be known before the cluster is written, and this is known after apply",
            "write the resource id out, or use a variable",
        )];
    }
    match (kind.contains("UserAssigned"), listed) {
        (true, false) => vec![Finding::new(
            &["identity"],
            format!("the type {kind} needs `userAssignedIdentities`"),
            "list the resource ids of the identities",
        )],
        (false, true) => vec![Finding::new(
            &["identity", "userAssignedIdentities"],
            format!("the type {kind} has no user-assigned identities"),
            "write `type: \"SystemAssigned, UserAssigned\"`, or leave the list out",
        )],
        _ => Vec::new(),
    }
}

fn key_vault(body: &Body) -> Vec<Finding> {
    if given(body, "keyVaultProperties").is_none() {
        return Vec::new();
    }
    let kind = body.at(&["identity", "type"]).and_then(Value::as_text);
    if kind == Some("None") {
        let help = "add `identity: {type: SystemAssigned}` and let it use the key";
        return vec![Finding::new(
            &["keyVaultProperties"],
            "a key of one's own needs an identity that may use it",
            help,
        )];
    }
    let user = body.at(&["keyVaultProperties", "userIdentity"]).and_then(Value::as_text);
    let ids = body.at(&["identity", "userAssignedIdentities"]).and_then(Value::as_list).unwrap_or_default();
    let known = |user: &str| {
        ids.iter().any(|id| id.has_unknown() || id.as_text().is_some_and(|id| id.eq_ignore_ascii_case(user)))
    };
    match user {
        Some(user) if !user.is_empty() && !known(user) => vec![Finding::new(
            &["keyVaultProperties", "userIdentity"],
            "the cluster does not have this identity",
            "add it to `identity.userAssignedIdentities`",
        )],
        None if kind == Some("UserAssigned") => vec![Finding::new(
            &["keyVaultProperties"],
            "the cluster has no system-assigned identity to use the key with",
            "name one of its user-assigned identities as `userIdentity`",
        )],
        _ => Vec::new(),
    }
}

fn callouts(body: &Body) -> Vec<Finding> {
    let both = given(body, "allowedFqdnList").is_some() && given(body, "calloutPolicies").is_some();
    let message = "`allowedFqdnList` and `calloutPolicies` exclude each other";
    Vec::from_iter(both.then(|| Finding::new(&["allowedFqdnList"], message, "keep one of the two")))
}
