//! `Microsoft.Network/privateEndpoints`: only what leads to a connection on a cluster (reference: arm-api §3.8).

use super::core::Core;
use super::data_connection::resource_id;
use super::kind::{Change, Kind, Located, Verb, object, properties};
use super::path::Id;
use super::state::Resource;
use super::token::directory_id;
use serde_json::{Value, json};

/// A private endpoint.
pub(super) struct Endpoint;

const LISTS: [&str; 2] = ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"];

impl Kind for Endpoint {
    fn provider(&self) -> &'static str {
        "Microsoft.Network"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["privateEndpoints"]
    }

    fn located(&self) -> Located {
        Located::Plain
    }

    fn patchable(&self) -> bool {
        false
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 30_000)
    }

    fn first(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Value {
        self.show(core, target, &change.ask.api)
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        let etag = format!("W/\"{}\"", directory_id(&format!("{}{}", resource.id.key(), resource.etag)));
        let (id, own) = (resource.id.text(), resource.id.clone());
        let body_properties = properties(&mut body);
        for list in LISTS {
            let items = body_properties.entry(list).or_insert_with(|| json!([])).as_array_mut();
            for item in items.into_iter().flatten() {
                let name = item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                item["id"] = json!(format!("{id}/{list}/{name}"));
                item["etag"] = json!(etag);
                item["type"] = json!(format!("Microsoft.Network/privateEndpoints/{list}"));
                item["properties"]["provisioningState"] = json!("Succeeded");
                item["properties"]["privateLinkServiceConnectionState"] = json!({"status": "Pending", "description": "Awaiting Approval", "actionsRequired": "None"});
            }
        }
        let subnet = body_properties.get("subnet").and_then(|subnet| subnet.get("id")).cloned();
        body_properties.insert("subnet".to_owned(), json!({"id": subnet}));
        let card = format!(
            "{}/networkInterfaces/{}.nic.{}",
            id.rsplit_once("/privateEndpoints").map_or("", |(before, _)| before),
            own.name(),
            directory_id(&own.key())
        );
        body_properties.insert("networkInterfaces".to_owned(), json!([{"id": card}]));
        body_properties.insert("resourceGuid".to_owned(), json!(directory_id(&own.key())));
        for (name, value) in [
            ("customNetworkInterfaceName", json!("")),
            ("ipConfigurations", json!([])),
            ("customDnsConfigs", json!([])),
        ] {
            body_properties.entry(name).or_insert(value);
        }
        object(&mut body).insert("etag".to_owned(), json!(etag));
        body
    }

    fn applied(&self, core: &mut Core, resource: &Resource) {
        for (name, id) in targets(core, resource) {
            if core.state.get(&id).is_some() {
                continue;
            }
            let mut connection = Resource::new(id);
            let status = if name == LISTS[0] { "Approved" } else { "Pending" };
            connection.body = json!({"properties": {
                "groupId": "cluster",
                "privateEndpoint": {"id": resource.id.text()},
                "privateLinkServiceConnectionState": {"status": status, "description": "", "actionsRequired": "None"},
            }});
            core.state.put(connection);
        }
    }

    fn removed(&self, core: &mut Core, resource: &Resource) {
        for (_, id) in targets(core, resource) {
            core.remove(&id);
        }
    }
}

/// The connections that the endpoint makes on clusters, with the list that names them.
fn targets(core: &Core, resource: &Resource) -> Vec<(&'static str, Id)> {
    let mut found = Vec::new();
    for list in LISTS {
        let items = resource.body.pointer(&format!("/properties/{list}")).and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let target = item
                .pointer("/properties/privateLinkServiceId")
                .and_then(Value::as_str)
                .and_then(resource_id);
            let cluster = target.and_then(|id| core.state.get(&id)).filter(|cluster| cluster.id.is_cluster());
            if let Some(cluster) = cluster {
                let name = format!("{}-{}", resource.id.name(), directory_id(&resource.id.key()));
                found.push((list, cluster.id.child("privateEndpointConnections", &name)));
            }
        }
    }
    found
}
