//! `Microsoft.Kusto/clusters` (reference: arm-api §3.1).
//!
//! Invariant: a property that was never set is shown with the service's default, and is not stored
//! (test: `tests/wire/arm/cluster.jsonl`).

use super::core::Core;
use super::front::Ask;
use super::kind::{Change, Kind, Located, Verb, object, properties, with_defaults};
use super::path::{Id, plain_location};
use super::reply::Reply;
use super::state::Resource;
use super::token::{TENANT, directory_id};
use super::{cluster_actions, deleted, sku};
use serde_json::{Value, json};

/// A cluster.
pub(super) struct Cluster;

/// What the service owns in `properties`.
const READ_ONLY: [&str; 8] = [
    "state",
    "stateReason",
    "uri",
    "dataIngestionUri",
    "privateEndpointConnections",
    "migrationCluster",
    "zoneStatus",
    "provisioningState",
];

impl Kind for Cluster {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters"]
    }

    fn located(&self) -> Located {
        Located::Display
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        let mut letters = name.chars();
        let good = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            && (4..=22).contains(&name.len());
        (!good).then(|| format!("Name '{name}' is not valid for a cluster: it must begin with a letter and have 4 to 22 letters and digits."))
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put => ("ClusterCreateExternal", 780_000),
            Verb::Patch => ("ServiceConfigurationAlter", 353_000),
            Verb::Delete => ("ClusterDelete", 444_000),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return not_followed(core, change.id, None);
        }
        if change.old.is_none() && taken(core, change.id.name()) {
            return Err(Reply::service(400, "InvalidClusterName", taken_name(change.id.name())));
        }
        runs(change)?;
        sku::check(change)?;
        sku::placed(core, change)?;
        autoscale(change)?;
        values(change)?;
        fixed(change)
    }

    fn fill(&self, _: &Core, change: &Change<'_>, target: &mut Resource) {
        let own = properties(&mut target.body);
        for name in READ_ONLY {
            own.remove(name);
        }
        if change.ask.api == "2022-02-01" {
            // That version dropped the value silently; only the actions change it.
            let before =
                change.old.and_then(|old| old.body.pointer("/properties/languageExtensions").cloned());
            own.remove("languageExtensions");
            if let Some(before) = before {
                own.insert("languageExtensions".to_owned(), before);
            }
        }
        for name in ["enableDoubleEncryption", "virtualNetworkConfiguration"] {
            if let Some(before) = change.old.and_then(|old| old.body.get("properties")?.get(name)) {
                own.entry(name).or_insert_with(|| before.clone());
            }
        }
        if let Some(zones) = change.old.and_then(|old| old.body.get("zones")) {
            object(&mut target.body).entry("zones").or_insert_with(|| zones.clone());
        }
        if let Some(sku) = target.body.get_mut("sku") {
            let least = sku::range(sku.get("name").and_then(Value::as_str).unwrap_or_default())
                .map_or(2, |range| range.0);
            object(sku).entry("capacity").or_insert_with(|| json!(least));
        }
        let id = target.id.key();
        identity(&mut target.body, &id);
        "Running".clone_into(&mut target.phase);
    }

    fn first(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Value {
        if change.verb == Verb::Patch {
            let mut body = self.show(core, target, &change.ask.api);
            if let Some(sort) = target.body.pointer("/identity/type") {
                body["identity"] = json!({"type": sort, "userAssignedIdentities": {}});
            }
            let phase = change.old.map_or("Running", |old| old.phase.as_str());
            properties(&mut body).insert("state".to_owned(), json!(phase));
            return body;
        }
        let mut body = change.asked.clone();
        let state = change.old.map_or("Creating", |old| old.phase.as_str());
        properties(&mut body).insert("state".to_owned(), json!(state));
        if change.ask.api.as_str() >= "2024"
            && let Some(identity) = target.body.get("identity")
        {
            body["identity"] = identity.clone();
        }
        body
    }

    fn show(&self, core: &Core, resource: &Resource, api: &str) -> Value {
        if resource.id.workspace().is_some() {
            return pool(resource);
        }
        let mut body = resource.body.clone();
        object(&mut body).entry("tags").or_insert_with(|| json!({}));
        let zonal = body.get("zones").is_some_and(|zones| !zones.as_array().is_none_or(Vec::is_empty));
        let uri = uri(resource).map_or(Value::Null, Value::from);
        let newer = api > "2022-02-01";
        if properties(&mut body).get("keyVaultProperties").is_some_and(is_blank) {
            properties(&mut body).remove("keyVaultProperties");
        }
        with_defaults(
            &mut body,
            json!({
                "state": resource.phase,
                "stateReason": if newer { resource.hidden.get("reason").cloned().unwrap_or(json!("")) } else { resource.hidden.get("reason").cloned().unwrap_or(Value::Null) },
                "trustedExternalTenants": if newer { json!([{"value": "*"}]) } else { json!([]) },
                "virtualNetworkConfiguration": null,
                "optimizedAutoscale": null,
                "enableDiskEncryption": false,
                "enableStreamingIngest": false,
                "keyVaultProperties": null,
                "languageExtensions": {"value": []},
                "enablePurge": null,
                "enableDoubleEncryption": false,
                "engineType": "V3",
                "acceptedAudiences": [],
                "restrictOutboundNetworkAccess": "Disabled",
                "allowedFqdnList": [],
                "publicNetworkAccess": "Enabled",
                "allowedIpRangeList": [],
                "enableAutoStop": true,
                "publicIPType": "IPv4",
                "virtualClusterGraduationProperties": null,
                "privateEndpointConnections": super::private_endpoint::connections(core, &resource.id, api),
            }),
        );
        if resource.phase != "Creating" {
            with_defaults(&mut body, json!({"uri": uri, "dataIngestionUri": uri}));
        }
        if newer {
            let zones = if zonal { "Zonal" } else { "NonZonal" };
            with_defaults(
                &mut body,
                json!({"calloutPolicies": null, "migrationCluster": null, "zoneStatus": zones}),
            );
        }
        body
    }

    fn applied(&self, core: &mut Core, resource: &Resource) {
        core.kusto.create_cluster(resource.id.name());
        host(core, resource.clone());
    }

    fn removed(&self, core: &mut Core, resource: &Resource) {
        core.ports.close(resource.id.name());
        if !resource.is_unborn() {
            core.kusto.drop_cluster(resource.id.name());
        }
        deleted::keep(core, resource);
    }

    fn act(&self, core: &mut Core, ask: &Ask, resource: &Resource, action: &str) -> Option<Reply> {
        cluster_actions::act(core, ask, resource, action)
    }
}

/// Opens the cluster's endpoint and remembers its port.
pub(super) fn host(core: &mut Core, mut resource: Resource) {
    let name = resource.id.name().to_owned();
    let wanted =
        resource.hidden.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let port = core.ports.open(&name, wanted);
    core.ports.set_running(&name, matches!(resource.phase.as_str(), "Running" | "Updating"));
    if let Some(port) = port.filter(|port| Some(*port) != wanted) {
        resource.hidden["port"] = json!(port);
        core.state.put(resource);
    }
}

/// A pool of Synapse, which has less to show (reference: arm-api §5).
fn pool(resource: &Resource) -> Value {
    let mut body = resource.body.clone();
    object(&mut body).entry("tags").or_insert_with(|| json!({}));
    with_defaults(
        &mut body,
        json!({
            "state": resource.phase,
            "stateReason": resource.hidden.get("reason").cloned().unwrap_or(Value::Null),
            "optimizedAutoscale": null,
            "enableStreamingIngest": false,
            "enablePurge": false,
            "languageExtensions": {"value": []},
            "workspaceUID": directory_id(resource.id.workspace().unwrap_or_default()),
        }),
    );
    if resource.phase != "Creating" {
        let uri = uri(resource);
        with_defaults(&mut body, json!({"uri": uri, "dataIngestionUri": uri}));
    }
    body
}

/// Whether a cluster of this name exists anywhere, or may still be brought back: names are global.
pub(super) fn taken(core: &Core, name: &str) -> bool {
    deleted::holds(core, name)
        || !core
            .state
            .find(|other| other.id.is_cluster() && other.id.name().eq_ignore_ascii_case(name))
            .is_empty()
}

/// How the service says that a name is taken.
pub(super) fn taken_name(name: &str) -> String {
    format!("Name '{name}' with type Engine is already taken. Please specify a different name")
}

/// Refuses the deletion of what is followed.
pub(super) fn not_followed(core: &Core, cluster: &Id, database: Option<&str>) -> Result<(), Reply> {
    let followers = super::follower::of_leader(core, cluster, database);
    let Some(first) = followers.first() else { return Ok(()) };
    let what =
        database.map_or_else(|| format!("Cluster '{}'", cluster.name()), |name| format!("Database '{name}'"));
    Err(Reply::bad(format!(
        "{what} cannot be deleted while it is followed by '{}'. Detach the follower first.",
        first.id.ancestor(1).text()
    )))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.values().all(is_blank),
        _ => false,
    }
}

/// Fills in what the directory knows of a resource's identities.
pub(super) fn identity(body: &mut Value, of: &str) {
    let Some(identity) = body.get_mut("identity").filter(|identity| identity.is_object()) else { return };
    let sort = identity.get("type").and_then(Value::as_str).unwrap_or("None").to_lowercase();
    if sort == "none" {
        object(body).remove("identity");
        return;
    }
    let identity = object(identity);
    if sort.contains("systemassigned") {
        identity.insert("principalId".to_owned(), json!(directory_id(of)));
        identity.insert("tenantId".to_owned(), json!(TENANT));
    } else {
        identity.remove("principalId");
        identity.remove("tenantId");
    }
    if !sort.contains("userassigned") {
        identity.remove("userAssignedIdentities");
    }
    if let Some(users) = identity.get_mut("userAssignedIdentities") {
        let users = object(users);
        users.retain(|_, value| !value.is_null());
        for (id, value) in users.iter_mut() {
            *value =
                json!({"principalId": directory_id(id), "clientId": directory_id(&format!("{id}/client"))});
        }
    }
}

/// Autoscale: its shape, and that it is not changed together with the sku.
fn autoscale(change: &Change<'_>) -> Result<(), Reply> {
    let Some(wanted) =
        change.asked.pointer("/properties/optimizedAutoscale").filter(|wanted| !wanted.is_null())
    else {
        return Ok(());
    };
    let number = |name: &str| wanted.get(name).and_then(Value::as_i64);
    let (Some(1), Some(least), Some(most), Some(enabled)) = (
        number("version"),
        number("minimum"),
        number("maximum"),
        wanted.get("isEnabled").and_then(Value::as_bool),
    ) else {
        return Err(Reply::bad(
            "The property 'optimizedAutoscale' needs 'version' 1, 'isEnabled', 'minimum' and 'maximum'.",
        ));
    };
    let sku = |body: &Value| body.pointer("/sku/name").and_then(Value::as_str).map(str::to_lowercase);
    let now = sku(change.asked).or_else(|| change.old.and_then(|old| sku(&old.body))).unwrap_or_default();
    if enabled && now.starts_with("dev(") {
        return Err(Reply::bad(format!("Optimized autoscale is not supported for the SKU '{now}'.")));
    }
    if let Some((low, high)) =
        sku::range(&now).filter(|(low, high)| enabled && (least < *low || most > *high || least > most))
    {
        return Err(Reply::bad(format!(
            "Invalid optimized autoscale range {least} to {most}: the SKU {now} should be between {low} and {high}"
        )));
    }
    let before = change.old.and_then(|old| old.body.pointer("/properties/optimizedAutoscale"));
    let moved =
        change.old.is_some_and(|old| sku(change.asked).is_some() && sku(change.asked) != sku(&old.body));
    if moved && before != Some(wanted) {
        return Err(Reply::bad(
            "Optimized autoscale cannot be changed in the same update as the SKU: change the SKU first.",
        ));
    }
    Ok(())
}

/// The values that are one of a few words.
fn values(change: &Change<'_>) -> Result<(), Reply> {
    let newest = change.ask.api.as_str() >= "2025-02-14";
    let words: [(&str, &[&str]); 4] = [
        (
            "publicNetworkAccess",
            if newest { &["Enabled", "Disabled", "SecuredByPerimeter"] } else { &["Enabled", "Disabled"] },
        ),
        ("restrictOutboundNetworkAccess", &["Enabled", "Disabled"]),
        ("publicIPType", &["IPv4", "DualStack"]),
        ("engineType", &["V2", "V3"]),
    ];
    for (name, allowed) in words {
        if let Some(value) =
            change.text(name).filter(|value| !allowed.iter().any(|word| word.eq_ignore_ascii_case(value)))
        {
            return Err(Reply::bad(format!(
                "The value '{value}' of property '{name}' is not valid. Allowed values: {}.",
                allowed.join(", ")
            )));
        }
    }
    for name in [
        "enableDiskEncryption",
        "enableStreamingIngest",
        "enablePurge",
        "enableDoubleEncryption",
        "enableAutoStop",
    ] {
        let value = change.asked.get("properties").and_then(|own| own.get(name));
        if let Some(value) = value.filter(|value| !value.is_boolean() && !value.is_null()) {
            return Err(Reply::bad(format!("The value {value} of property '{name}' is not true or false.")));
        }
    }
    network(change)?;
    let filled = |name: &str| {
        change
            .asked
            .get("properties")
            .and_then(|own| own.get(name)?.as_array())
            .is_some_and(|list| !list.is_empty())
    };
    if filled("allowedFqdnList") && filled("calloutPolicies") {
        return Err(Reply::bad(
            "The properties 'allowedFqdnList' and 'calloutPolicies' cannot be used together.",
        ));
    }
    Ok(())
}

/// The virtual network names its subnet and both addresses.
fn network(change: &Change<'_>) -> Result<(), Reply> {
    let asked = change.asked.pointer("/properties/virtualNetworkConfiguration");
    let Some(asked) = asked.filter(|asked| !asked.is_null()) else { return Ok(()) };
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let ids = ["subnetId", "enginePublicIpId", "dataManagementPublicIpId"];
    if let Some(name) = ids.iter().find(|name| !text(name).starts_with("/subscriptions/")) {
        return Err(Reply::bad(format!(
            "The property '{name}' of 'virtualNetworkConfiguration' is not a resource id."
        )));
    }
    match asked.get("state").map(|_| text("state")) {
        None | Some("Enabled" | "Disabled") => Ok(()),
        Some(state) => Err(Reply::bad(format!(
            "The value '{state}' of property 'virtualNetworkConfiguration.state' is not valid. Allowed values: Enabled, Disabled."
        ))),
    }
}

/// Whether a cluster stands in a virtual network, and has not left it.
pub(super) fn is_injected(cluster: &Resource) -> bool {
    let network = cluster.body.pointer("/properties/virtualNetworkConfiguration");
    network.is_some_and(|network| network.is_object() && network.get("state") != Some(&json!("Disabled")))
}

/// What cannot change once the cluster is there.
fn fixed(change: &Change<'_>) -> Result<(), Reply> {
    let Some(old) = change.old else { return Ok(()) };
    let refuse = |name: &str| {
        Err(Reply::bad(format!("The property '{name}' of cluster '{}' cannot be changed.", change.id.name())))
    };
    let before =
        old.body.pointer("/properties/enableDoubleEncryption").and_then(Value::as_bool).unwrap_or(false);
    let asked = change.asked.pointer("/properties/enableDoubleEncryption").and_then(Value::as_bool);
    if asked.is_some_and(|asked| asked != before) {
        return refuse("enableDoubleEncryption");
    }
    let zones = |body: &Value| body.get("zones").and_then(Value::as_array).cloned();
    if let (Some(before), Some(asked)) = (zones(&old.body), zones(change.asked))
        && before.iter().any(|zone| !asked.contains(zone))
    {
        return refuse("zones");
    }
    let vnet =
        change.asked.pointer("/properties/virtualNetworkConfiguration").filter(|value| !value.is_null());
    let before = old.body.pointer("/properties/virtualNetworkConfiguration");
    if let Some(asked) = vnet
        && before != Some(asked)
        && before.is_none_or(|before| !leaves(before, asked))
    {
        return refuse("virtualNetworkConfiguration");
    }
    Ok(())
}

/// Whether a change of the network only takes the cluster out of it.
fn leaves(before: &Value, asked: &Value) -> bool {
    let same = |name: &str| asked.get(name) == before.get(name);
    let fixed = ["subnetId", "enginePublicIpId", "dataManagementPublicIpId"];
    let goes = before.get("state") != Some(&json!("Disabled"));
    fixed.iter().all(|name| same(name)) && goes && asked.get("state") == Some(&json!("Disabled"))
}

/// A cluster that does not run takes no change but a start and its deletion.
fn runs(change: &Change<'_>) -> Result<(), Reply> {
    match change.old.map(|old| old.phase.as_str()) {
        Some(phase @ ("Stopped" | "Stopping" | "Starting")) => {
            Err(Reply::bad(format!("Cannot update the cluster while resource is in state '{phase}'.")))
        }
        _ => Ok(()),
    }
}

/// The address of a cluster's endpoint, once it has one.
pub(super) fn uri(cluster: &Resource) -> Option<String> {
    let port = cluster.hidden.get("port").and_then(Value::as_u64);
    port.map(|port| format!("http://127.0.0.1:{port}"))
}

/// The location of a cluster as locations compare.
pub(super) fn location(cluster: &Resource) -> String {
    plain_location(cluster.body.get("location").and_then(Value::as_str).unwrap_or_default())
}
