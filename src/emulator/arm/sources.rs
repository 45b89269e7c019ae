//! What stands in the neighbours that are not modelled themselves: consumer groups of an IoT hub, and roles within a
//! Cosmos DB account (reference: arm-api §4.5, §4.6).

use super::core::Core;
use super::kind::{Change, Kind, Manner, Verb, with_defaults};
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// A consumer group of the endpoint `events`; `$Default` is always there and is not stored.
pub(super) struct IotConsumerGroup;

/// A role on the data of a Cosmos DB account.
pub(super) struct CosmosRole;

impl Kind for IotConsumerGroup {
    fn provider(&self) -> &'static str {
        "Microsoft.Devices"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["IotHubs", "eventHubEndpoints/events/ConsumerGroups"]
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(200)
    }

    fn patchable(&self) -> bool {
        false
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 50, "$._-")
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn check(&self, _: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb != Verb::Delete && change.text("name") != Some(change.id.name()) {
            return Err(Reply::bad("The name of the consumer group in the body is not that in the path."));
        }
        Ok(())
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        with_defaults(&mut body, json!({"created": resource.made.get("createdAt")}));
        body
    }
}

impl Kind for CosmosRole {
    fn provider(&self) -> &'static str {
        "Microsoft.DocumentDB"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["databaseAccounts", "sqlRoleAssignments"]
    }

    fn patchable(&self) -> bool {
        false
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        uuid::Uuid::try_parse(name)
            .is_err()
            .then(|| format!("The name '{name}' of a SQL role assignment is not a GUID."))
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 10_000)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        let account = change.id.ancestor(1).key();
        let text = |name: &str| change.text(name).unwrap_or_default().to_lowercase();
        let (role, scope, principal) = (text("roleDefinitionId"), text("scope"), text("principalId"));
        if !role.starts_with(&format!("{account}/sqlroledefinitions/")) {
            return Err(Reply::bad(format!("The role definition '{role}' is not one of the account.")));
        }
        if !format!("{scope}/").starts_with(&format!("{account}/")) {
            return Err(Reply::bad(format!("The scope '{scope}' does not lie in the account.")));
        }
        if uuid::Uuid::try_parse(&principal).is_err() {
            return Err(Reply::bad(format!("The principal ID '{principal}' is not a GUID.")));
        }
        let own = |resource: &Resource, name: &str| resource.text(name).unwrap_or_default().to_lowercase();
        if change.old.is_some_and(|old| own(old, "principalId") != principal) {
            return Err(Reply::bad("The principal of a SQL role assignment cannot be changed."));
        }
        let same = |found: &Resource| {
            found.id.type_text() == "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"
                && found.id.key() != change.id.key()
                && own(found, "roleDefinitionId") == role
                && own(found, "scope") == scope
                && own(found, "principalId") == principal
        };
        if core.state.find(same).is_empty() {
            return Ok(());
        }
        Err(Reply::service(
            409,
            "Conflict",
            "A SQL role assignment of this role, scope and principal exists.",
        ))
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        resource.body.clone()
    }
}
