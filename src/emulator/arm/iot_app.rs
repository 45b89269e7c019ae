//! `Microsoft.IoTCentral/iotApps`: applications as resources (reference: arm-api §6.1). What stands in them is served
//! by `iot_data`.

use super::core::Core;
use super::front::Ask;
use super::kind::{Change, Kind, Located, Verb, object, with_defaults};
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// An application.
pub(super) struct Application;

/// The type as ids show it.
pub(super) const TYPE: &str = "Microsoft.IoTCentral/iotApps";

const SKUS: [&str; 3] = ["ST0", "ST1", "ST2"];
const PROPERTIES: [&str; 9] = [
    "displayName",
    "subdomain",
    "template",
    "publicNetworkAccess",
    "networkRuleSets",
    "applicationId",
    "state",
    "privateEndpointConnections",
    "provisioningState",
];

impl Kind for Application {
    fn provider(&self) -> &'static str {
        "Microsoft.IoTCentral"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["iotApps"]
    }

    fn located(&self) -> Located {
        Located::Plain
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        let good = (2..=63).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (!good).then(|| {
            format!(
                "The application name '{name}' is not valid: 2 to 63 lower-case letters, digits and hyphens."
            )
        })
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put => ("AppCreateOrUpdate", 60_000),
            Verb::Patch => ("AppUpdate", 30_000),
            Verb::Delete => ("AppDelete", 30_000),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        members(change.asked)?;
        let old = |pointer: &str| change.old.and_then(|old| old.body.pointer(pointer)).cloned();
        let sku = change.asked.pointer("/sku/name").cloned();
        let sku = sku.or_else(|| if change.verb == Verb::Patch { old("/sku/name") } else { None });
        if !sku.as_ref().and_then(Value::as_str).is_some_and(|sku| SKUS.contains(&sku)) {
            return Err(Reply::bad(format!("The property 'sku.name' must be one of {}.", SKUS.join(", "))));
        }
        let sort = change.asked.pointer("/identity/type").and_then(Value::as_str);
        if let Some(sort) = sort.filter(|sort| !matches!(*sort, "None" | "SystemAssigned")) {
            return Err(Reply::bad(format!("The identity type '{sort}' is not supported.")));
        }
        let template = change.text("template");
        if change.old.is_some()
            && template.is_some_and(|asked| old("/properties/template") != Some(json!(asked)))
        {
            return Err(Reply::bad("The property 'template' cannot be changed."));
        }
        let kept = if change.verb == Verb::Patch { old("/properties/subdomain") } else { None };
        let kept = kept.as_ref().and_then(Value::as_str);
        let Some(subdomain) = change.text("subdomain").or(kept) else {
            return Err(Reply::bad("The property 'subdomain' is required."));
        };
        match taken(core, subdomain) {
            Some(other) if other.id.key() != change.id.key() => Err(Reply::service(
                409,
                "SubdomainAlreadyExists",
                format!("The subdomain '{subdomain}' is not available."),
            )),
            _ => Ok(()),
        }
    }

    fn fill(&self, _: &Core, _: &Change<'_>, target: &mut Resource) {
        let id = target.id.key();
        super::cluster::identity(&mut target.body, &id);
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        object(&mut body).entry("tags").or_insert_with(|| json!({}));
        with_defaults(
            &mut body,
            json!({
                "applicationId": super::token::directory_id(&format!("{}/application", resource.id.key())),
                "displayName": resource.id.name(),
                "publicNetworkAccess": "Enabled",
                "state": "created",
            }),
        );
        body
    }
}

fn members(asked: &Value) -> Result<(), Reply> {
    let beside = ["location", "tags", "sku", "identity", "properties"];
    let stray = |body: Option<&Value>, known: &[&str]| {
        let names = body.and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        names.filter(|name| !known.contains(&name.as_str())).map(String::to_owned).next()
    };
    let found = stray(Some(asked), &beside).or_else(|| stray(asked.get("properties"), &PROPERTIES));
    found.map_or(Ok(()), |name| {
        let message = format!(
            "The request content was invalid and could not be deserialized: 'Could not find member '{name}' on object of type 'App'.'"
        );
        Err(Reply::gateway(400, "InvalidRequestContent", message))
    })
}

/// The application with a subdomain.
pub(super) fn taken<'a>(core: &'a Core, subdomain: &str) -> Option<&'a Resource> {
    let same = |resource: &Resource| {
        resource.id.type_text() == TYPE
            && resource.text("subdomain").is_some_and(|own| own.eq_ignore_ascii_case(subdomain))
    };
    core.state.find(same).into_iter().next()
}

/// `checkNameAvailability` and `checkSubdomainAvailability` of a subscription.
pub(super) fn check_name(core: &Core, ask: &Ask, subdomain: bool) -> Result<Reply, Reply> {
    let body = ask.object()?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    let of_name = |resource: &Resource| {
        resource.id.type_text() == TYPE && resource.id.name().eq_ignore_ascii_case(name)
    };
    let is_taken = if subdomain { taken(core, name).is_some() } else { !core.state.find(of_name).is_empty() };
    let (reason, message) = match (Application.name_fault(name), is_taken) {
        (Some(fault), _) => (json!("Invalid"), json!(fault)),
        (None, true) => (json!("AlreadyExists"), json!(format!("'{name}' is not available."))),
        (None, false) => (Value::Null, Value::Null),
    };
    Ok(Reply::json(200, json!({"nameAvailable": reason.is_null(), "reason": reason, "message": message})))
}
