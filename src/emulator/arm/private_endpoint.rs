//! Managed private endpoints and private endpoint connections of a cluster (reference: arm-api §3.6, §3.8).

use super::core::Core;
use super::kind::{Change, Kind, Located, Verb, object, properties};
use super::path::Id;
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// `{cluster}/managedPrivateEndpoints`.
pub(super) struct Managed;

impl Kind for Managed {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters", "ManagedPrivateEndpoints"]
    }

    fn located(&self) -> Located {
        Located::Constant("DummyLocation")
    }

    fn always_says_who(&self) -> bool {
        true
    }

    fn lane(&self) -> &'static str {
        "endpoint"
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 80, "._-")
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put => ("ManagedPrivateEndpointCreateOrUpdate", 184_000),
            Verb::Patch => ("ManagedPrivateEndpointCreateOrUpdate", 46_000),
            Verb::Delete => ("ManagedPrivateEndpointDelete", 89_000),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let cluster = core.state.get(&change.id.ancestor(1));
        if change.verb != Verb::Delete && cluster.is_some_and(super::cluster::is_injected) {
            return Err(Reply::bad(
                "Managed private endpoints are not supported for a cluster in a virtual network.",
            ));
        }
        for name in ["privateLinkResourceId", "groupId"] {
            if change.verb == Verb::Put && change.text(name).is_none() {
                return Err(Reply::bad(format!("The property '{name}' is required.")));
            }
        }
        Ok(())
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        resource.body.clone()
    }
}

/// `{cluster}/privateEndpointConnections`: born of a private endpoint, approved or rejected here.
pub(super) struct Connection;

impl Kind for Connection {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters", "privateEndpointConnections"]
    }

    fn creatable(&self) -> bool {
        false
    }

    fn patchable(&self) -> bool {
        false
    }

    fn lane(&self) -> &'static str {
        "connection"
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put | Verb::Patch => ("PrivateEndpointConnectionAlterCommand", 29_000),
            Verb::Delete => ("PrivateEndpointConnectionDeleteCommand", 29_000),
        }
    }

    fn check(&self, _: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let state = change
            .asked
            .pointer("/properties/privateLinkServiceConnectionState/status")
            .and_then(Value::as_str);
        if change.verb != Verb::Delete
            && !state
                .is_some_and(|state| ["Pending", "Approved", "Rejected", "Disconnected"].contains(&state))
        {
            return Err(Reply::bad(
                "The property 'privateLinkServiceConnectionState.status' must be Pending, Approved, Rejected or Disconnected.",
            ));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, change: &Change<'_>, target: &mut Resource) {
        let asked = change
            .asked
            .pointer("/properties/privateLinkServiceConnectionState")
            .cloned()
            .unwrap_or_default();
        if let Some(old) = change.old {
            target.body = old.body.clone();
        }
        let state = json!({"status": asked.get("status"), "description": asked.get("description").and_then(Value::as_str).unwrap_or(""), "actionsRequired": null});
        properties(&mut target.body).insert("privateLinkServiceConnectionState".to_owned(), state);
    }

    /// The answer nests the request in itself, as the service does.
    fn first(&self, _: &Core, change: &Change<'_>, target: &Resource) -> Value {
        let id = self.first_id(change.id);
        json!({"properties": {"properties": change.asked.get("properties"), "id": id.text(), "systemData": target.made}})
    }

    fn first_id(&self, id: &Id) -> Id {
        let mut id = id.clone();
        id.collections[1] = "PrivateEndpointConnections".to_owned();
        id
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        resource.body.clone()
    }
}

/// The connections as the cluster shows them.
pub(super) fn connections(core: &Core, cluster: &Id, api: &str) -> Value {
    let key = format!("{}/privateendpointconnections/", cluster.key());
    let found = core.state.find(|resource| resource.id.key().starts_with(&key));
    Value::Array(found.into_iter().map(|found| shown(core, found, api)).collect())
}

fn shown(core: &Core, resource: &Resource, api: &str) -> Value {
    let mut body = super::resource::view(core, &Connection, resource, &resource.id, api);
    object(&mut body).remove("systemData");
    body
}
