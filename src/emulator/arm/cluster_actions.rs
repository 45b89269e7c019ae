//! The actions on a cluster (reference: arm-api §3.1, "Actions on a cluster").

use super::core::{Begin, Core, QUESTION};
use super::front::{Ask, value_list};
use super::kind::{object, properties};
use super::path::Id;
use super::reply::Reply;
use super::state::{Effect, Resource, Style};
use super::{follower, sku, write};
use crate::emulator::clock::{Clock, stamp};
use serde_json::{Value, json};

/// Serves an action; `None` when there is none of this name.
pub(super) fn act(core: &mut Core, ask: &Ask, cluster: &Resource, action: &str) -> Option<Reply> {
    let reply = match (ask.method.as_str(), action) {
        ("POST", "stop") => stop(core, ask, cluster),
        ("POST", "start") => start(core, ask, cluster),
        ("GET", "skus") => Ok(sku::of_cluster(&super::cluster::location(cluster))),
        ("POST", "listlanguageextensions") => Ok(value_list(extensions(cluster))),
        ("POST", "addlanguageextensions") => extend(core, ask, cluster, true),
        ("POST", "removelanguageextensions") => extend(core, ask, cluster, false),
        ("POST", "listcalloutpolicies") => Ok(value_list(callouts(cluster))),
        ("POST" | "GET", "listfollowerdatabases") => Ok(follower::listed(core, ask, &cluster.id)),
        ("POST", "detachfollowerdatabases") => Ok(follower::detach(core, ask, &cluster.id)),
        ("POST", "diagnosevirtualnetwork") => Ok(diagnose(core, ask, cluster)),
        ("GET", "outboundnetworkdependenciesendpoints") => Ok(outbound(core, cluster)),
        ("GET", "privatelinkresources") => Ok(private_link(cluster)),
        _ => return None,
    };
    Some(reply.unwrap_or_else(|refused| refused))
}

/// Work on the whole cluster: while it runs the cluster is in `phase`, afterwards it is `target`.
fn work(
    core: &mut Core,
    ask: &Ask,
    target: Resource,
    kind: (&'static str, u64),
    phase: &str,
) -> Result<Reply, Reply> {
    let id = target.id.clone();
    let Some(mut now) = core.state.get(&id).cloned() else { return Err(super::resource::absent(&id)) };
    write::free(core, &id)?;
    let failure = core.maintenance(&id, "cluster");
    let location = core.cluster_location(&id);
    let guid = core.begin(
        ask,
        Begin {
            style: Style::Status,
            kind: kind.0,
            milliseconds: kind.1,
            location,
            on: id,
            lane: String::new(),
            effect: Effect::Put(Box::new(target)),
            failed: Some(Box::new(now.clone())),
            failure,
            result: None,
        },
    );
    now.operation = Some(guid.clone());
    "Running".clone_into(&mut now.provisioning);
    phase.clone_into(&mut now.phase);
    core.ports.set_running(now.id.name(), phase == "Updating");
    core.state.put(now);
    Ok(core.follow(ask, Reply::empty(202), &guid, true))
}

fn stop(core: &mut Core, ask: &Ask, cluster: &Resource) -> Result<Reply, Reply> {
    if !matches!(cluster.phase.as_str(), "Running" | "Stopped") {
        return Err(Reply::bad(format!(
            "Cannot stop the cluster while resource is in state '{}'.",
            cluster.phase
        )));
    }
    let mut target = cluster.clone();
    "Stopped".clone_into(&mut target.phase);
    let moment = stamp(Clock::now());
    let moment = format!("{} {} +00:00", &moment[..10], &moment[11..19]);
    target.hidden["reason"] = json!(format!("Suspended at {moment}"));
    work(core, ask, target, ("ClusterSuspend", 441_000), "Stopping")
}

fn start(core: &mut Core, ask: &Ask, cluster: &Resource) -> Result<Reply, Reply> {
    if !matches!(cluster.phase.as_str(), "Running" | "Stopped") {
        return Err(Reply::bad(format!(
            "Cannot start the cluster while resource is in state '{}'.",
            cluster.phase
        )));
    }
    let mut target = cluster.clone();
    "Running".clone_into(&mut target.phase);
    object(&mut target.hidden).remove("reason");
    work(core, ask, target, ("ClusterResume", 651_000), "Starting")
}

fn extensions(cluster: &Resource) -> Vec<Value> {
    cluster
        .body
        .pointer("/properties/languageExtensions/value")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn callouts(cluster: &Resource) -> Vec<Value> {
    cluster.body.pointer("/properties/calloutPolicies").and_then(Value::as_array).cloned().unwrap_or_default()
}

const IMAGES: [&str; 7] = [
    "R",
    "Python3_6_5",
    "Python3_10_8",
    "Python3_10_8_DL",
    "Python3_11_7",
    "Python3_11_7_DL",
    "PythonCustomImage",
];

fn extend(core: &mut Core, ask: &Ask, cluster: &Resource, add: bool) -> Result<Reply, Reply> {
    let Some(items) = ask.object()?.get("value").and_then(Value::as_array).cloned() else {
        return Err(Reply::bad("The property 'value' is required: a list of language extensions."));
    };
    let name = |item: &Value| {
        item.get("languageExtensionName").and_then(Value::as_str).unwrap_or_default().to_uppercase()
    };
    let mut now = extensions(cluster);
    for item in items {
        if !matches!(name(&item).as_str(), "PYTHON" | "R") {
            return Err(Reply::bad("The property 'languageExtensionName' must be PYTHON or R."));
        }
        let image = item.get("languageExtensionImageName").and_then(Value::as_str);
        if let Some(image) =
            image.filter(|image| !IMAGES.iter().any(|known| known.eq_ignore_ascii_case(image)))
        {
            return Err(Reply::bad(format!(
                "Invalid languageExtensionImageName '{image}'. Supported image names are: {}",
                IMAGES.join(", ")
            )));
        }
        now.retain(|known| name(known) != name(&item));
        if add {
            now.push(item);
        }
    }
    let mut target = cluster.clone();
    properties(&mut target.body).insert("languageExtensions".to_owned(), json!({"value": now}));
    let milliseconds = if add { 1_266_000 } else { 1_017_000 };
    work(core, ask, target, ("ServiceConfigurationAlter", milliseconds), "Updating")
}

fn diagnose(core: &mut Core, ask: &Ask, cluster: &Resource) -> Reply {
    let location = core.cluster_location(&cluster.id);
    // It changes nothing, so it stands in nobody's way.
    let on = cluster.id.child("Diagnoses", "network");
    let guid = core.begin(
        ask,
        Begin {
            style: Style::Status,
            kind: "",
            milliseconds: 182_000,
            location,
            on,
            lane: QUESTION.to_owned(),
            effect: Effect::Nothing,
            failed: None,
            failure: None,
            result: Some(json!({"Findings": []})),
        },
    );
    core.follow(ask, Reply::empty(202), &guid, true)
}

/// What a cluster must reach; the domains are the public ones.
const OUTBOUND: [(&str, &str, &[&str]); 4] = [
    ("AzureActiveDirectory", "Azure Active Directory", &["login.microsoftonline.com", "graph.microsoft.com"]),
    (
        "AzureMonitor",
        "Azure Monitor",
        &["gcs.prod.monitoring.core.windows.net", "production.diagnostics.monitoring.core.windows.net"],
    ),
    ("CertificateAuthority", "Certificate Authority", &["ocsp.msocsp.com", "crl.microsoft.com"]),
    ("AzureStorage", "Azure Storage", &["emulated.blob.core.windows.net", "emulated.queue.core.windows.net"]),
];

fn outbound(core: &Core, cluster: &Resource) -> Reply {
    let location = core.cluster_location(&cluster.id);
    let of = |(name, category, domains): &(&str, &str, &[&str])| {
        let id: Id = cluster.id.child("OutboundNetworkDependenciesEndpoints", name);
        let endpoints: Vec<Value> = domains
            .iter()
            .map(|domain| json!({"domainName": domain, "endpointDetails": [{"port": 443}]}))
            .collect();
        json!({
            "id": id.text(), "name": id.full_name(), "type": id.type_text(), "location": location,
            "properties": {"category": category, "endpoints": endpoints, "provisioningState": "Succeeded"},
        })
    };
    value_list(OUTBOUND.iter().map(of).collect())
}

fn private_link(cluster: &Resource) -> Reply {
    let id = cluster.id.child("privateLinkResources", "cluster");
    value_list(vec![json!({
        "id": id.text(), "name": id.full_name(), "type": id.type_text(),
        "properties": {"groupId": "cluster", "requiredMembers": ["Engine", "DataManagement"], "requiredZoneNames": ["privatelink.kusto.windows.net"]},
    })])
}
