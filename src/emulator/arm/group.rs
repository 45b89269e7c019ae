//! Subscriptions and resource groups (reference: arm-api §4.1).
//!
//! Any well-formed subscription id is a subscription; those with a group are listed.

use super::core::{Begin, Core};
use super::front::{Ask, value_list};
use super::kind::{Kind, Manner, Verb, object, properties};
use super::path::{Id, plain_location};
use super::reply::Reply;
use super::state::{Effect, Resource, Style};
use super::token::TENANT;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A resource group.
pub(super) struct Group;

impl Kind for Group {
    fn provider(&self) -> &'static str {
        ""
    }

    fn collections(&self) -> &'static [&'static str] {
        &[]
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(201)
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 30_000)
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        resource.body.clone()
    }
}

/// A group that is there from the start.
pub(super) fn at_start(subscription: &str, name: &str) -> Resource {
    let mut resource = Resource::new(Id::of_group(subscription, name));
    resource.body = json!({"location": "westus"});
    resource
}

/// `GET /subscriptions`.
pub(super) fn subscriptions(core: &Core) -> Reply {
    let known: BTreeMap<String, ()> = core
        .state
        .find(|resource| resource.id.provider.is_empty())
        .into_iter()
        .map(|group| (group.id.subscription.to_lowercase(), ()))
        .collect();
    let value: Vec<Value> = known.keys().map(|id| subscription(id)).collect();
    Reply::json(200, json!({"count": {"type": "Total", "value": value.len()}, "value": value}))
}

/// One subscription.
pub(super) fn subscription(id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "tenantId": TENANT,
        "displayName": "Emulated subscription",
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
        "authorizationSource": "RoleBased",
    })
}

/// Serves the groups of a subscription, or one of them.
pub(super) fn serve(
    core: &mut Core,
    ask: &Ask,
    subscription: &str,
    name: Option<&str>,
) -> Result<Reply, Reply> {
    let Some(name) = name else {
        let groups = core.state.find(|resource| {
            resource.id.provider.is_empty() && resource.id.subscription.eq_ignore_ascii_case(subscription)
        });
        return Ok(value_list(groups.into_iter().map(view).collect()));
    };
    let id = Id::of_group(subscription, name);
    let found = core.state.get(&id).cloned();
    let missing = || {
        Reply::gateway(404, "ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
    };
    match (ask.method.as_str(), found) {
        ("HEAD", found) => Ok(Reply::empty(if found.is_some() { 204 } else { 404 })),
        ("GET", found) => found.map(|group| Reply::json(200, view(&group))).ok_or_else(missing),
        ("PUT", found) => put(core, ask, id, found),
        ("PATCH", Some(mut group)) => {
            group.body = super::kind::merged(&group.body, ask.object()?);
            core.state.put(group.clone());
            Ok(Reply::json(200, view(&group)))
        }
        ("DELETE", Some(group)) => Ok(delete(core, ask, group)),
        ("DELETE" | "PATCH", None) => Err(missing()),
        (method, _) => Err(Reply::gateway(
            405,
            "HttpMethodNotAllowed",
            format!("The http method '{method}' is not supported for a resource group."),
        )),
    }
}

fn view(group: &Resource) -> Value {
    let mut body = group.body.clone();
    properties(&mut body).insert("provisioningState".to_owned(), json!(group.provisioning));
    let body_map = object(&mut body);
    body_map.insert("id".to_owned(), json!(group.id.text()));
    body_map.insert("name".to_owned(), json!(group.id.group));
    body_map.insert("type".to_owned(), json!("Microsoft.Resources/resourceGroups"));
    body
}

fn put(core: &mut Core, ask: &Ask, id: Id, found: Option<Resource>) -> Result<Reply, Reply> {
    let body = ask.object()?;
    let Some(location) =
        body.get("location").and_then(Value::as_str).filter(|location| !location.trim().is_empty())
    else {
        return Err(Reply::gateway(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    };
    let status = if found.is_some() { 200 } else { 201 };
    let mut group = found.unwrap_or_else(|| Resource::new(id));
    let mut kept = json!({"location": plain_location(location)});
    for name in ["tags", "managedBy"] {
        if let Some(value) = body.get(name) {
            object(&mut kept).insert(name.to_owned(), value.clone());
        }
    }
    group.body = kept;
    core.state.put(group.clone());
    Ok(Reply::json(status, view(&group)))
}

/// The classic style: 202 with a URL that answers 202 until the group is gone.
fn delete(core: &mut Core, ask: &Ask, mut group: Resource) -> Reply {
    let guid = core.begin(
        ask,
        Begin {
            style: Style::Location,
            kind: "",
            milliseconds: 30_000,
            location: "global".to_owned(),
            on: group.id.clone(),
            lane: String::new(),
            effect: Effect::Remove,
            failed: None,
            failure: None,
            result: None,
        },
    );
    "Deleting".clone_into(&mut group.provisioning);
    group.operation = Some(guid.clone());
    let url = format!(
        "{}/subscriptions/{}/providers/Microsoft.Resources/locations/global/operationresults/{guid}?api-version={}",
        ask.origin, group.id.subscription, ask.api
    );
    core.state.put(group);
    Reply::empty(202).with("location", url)
}
