//! Role assignments within a Cosmos DB account: who may read its data, which no role of Azure gives.
//!
//! Its name is a GUID that follows from the account and the key, as that of a role assignment does.

use super::{BASE, ID, Neighbour};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Plane, Source, text_of};
use crate::model::body::{Body, Value};
use serde_json::Value as Json;

/// The kind `cosmosRoleAssignment`.
pub(super) const COSMOS_ROLE_ASSIGNMENT: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmGet { provider: "sqlRoleAssignments", api_version: API_VERSION },
    on: ACCOUNT,
    on_type: Some(("Microsoft.DocumentDB/databaseAccounts", API_VERSION)),
    guid: true,
    replaced_by: &["principalId"],
    seconds: [10, 10, 10],
    raw,
    settled,
    addressed,
    rules,
    ..BASE
};

/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/create-update-sql-role-assignment>
const API_VERSION: &str = "2024-05-15";

const ACCOUNT: &str = "accountId";
const ROLE: &str = "roleDefinitionId";
const SCOPE: &str = "scope";

/// The built-in roles by name, with the ends of their ids.
const ROLES: [(&str, &str); 2] = [
    ("Cosmos DB Built-in Data Reader", "00000000-0000-0000-0000-000000000001"),
    ("Cosmos DB Built-in Data Contributor", "00000000-0000-0000-0000-000000000002"),
];

const ABOUT: About = About {
    name: "cosmosRoleAssignment",
    collection: "cosmosRoleAssignments",
    names: NameRule::Label,
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A role on the data of a Cosmos DB account, which a data connection of kind `CosmosDb` needs for the identity \
          that reads. Another principal takes the grant away and gives it anew.",
    page: "https://learn.microsoft.com/azure/cosmos-db/nosql/how-to-grant-data-plane-access",
    example: "cosmosRoleAssignments:\n  adx-reads-shop:\n    accountId: ${resources.shop.id}\n    roleDefinitionId: Cosmos \
              DB Built-in Data Reader\n    principalId: ${clusters.telemetry.identity.principalId}\n",
    fields: &[
        Field::new(
            ACCOUNT,
            Shape::ArmId("Microsoft.DocumentDB/databaseAccounts"),
            "The account, often a reference such as `${resources.NAME.id}`. It must be known before apply.",
        )
        .role(Role::Setting)
        .required(),
        Field::new(
            ROLE,
            Shape::Text,
            "The role: `Cosmos DB Built-in Data Reader`, `Cosmos DB Built-in Data Contributor`, or the id of a definition \
             in the account.",
        )
        .required(),
        Field::new(
            "principalId",
            Shape::Text,
            "The object id of who gets it, such as `${clusters.NAME.identity.principalId}`.",
        )
        .required(),
        Field::new(SCOPE, Shape::ArmId(""), "The part of the account: its id and what follows. Default: all of it.")
            .role(Role::Filled),
    ],
    outputs: &[ID],
    ..About::BASE
};

/// A role as it is compared: its name where it is known, else the last part of its id.
fn canonical(role: &str) -> String {
    let last = role.trim_end_matches('/').rsplit('/').next().unwrap_or(role).to_ascii_lowercase();
    let known = ROLES.iter().find(|(name, id)| *id == last || name.eq_ignore_ascii_case(role));
    known.map_or(last, |(name, _)| (*name).to_owned())
}

fn raw(mut json: Json) -> Json {
    if let Some(role) = json.pointer_mut("/properties/roleDefinitionId") {
        let name = canonical(role.as_str().unwrap_or_default());
        *role = Json::from(name);
    }
    json
}

fn settled(body: Body, _: &Body) -> Body {
    let body = match body.text(ROLE) {
        Some(role) => {
            let role = canonical(role);
            body.with(ROLE, role)
        }
        None => body,
    };
    match body.text("principalId") {
        Some(id) => {
            let id = id.to_ascii_lowercase();
            body.with("principalId", id)
        }
        None => body,
    }
}

/// Role and scope by the ids that the service wants.
fn addressed(at: &At<'_>, body: Body) -> Body {
    let account = text_of(&at.resource.body, ACCOUNT);
    let account = account.trim_end_matches('/');
    let Some(Value::Map(own)) = body.get("properties") else { return body };
    let mut own = own.clone();
    let role = text_of(&own, ROLE);
    let id = ROLES.iter().find(|(name, _)| *name == role).map_or(role.as_str(), |(_, id)| *id);
    own.set(ROLE, format!("{account}/sqlRoleDefinitions/{id}"));
    if own.get(SCOPE).is_none_or(Value::is_unset) {
        own.set(SCOPE, account.to_owned());
    }
    body.with("properties", own)
}

fn rules(at: &At<'_>) -> Vec<Finding> {
    let id = text_of(&at.resource.body, "principalId");
    let known = matches!(at.resource.body.get("principalId"), Some(Value::Text(_)));
    let wrong = known && uuid::Uuid::try_parse(&id).is_err();
    let message = format!("{id:?} is not the object id of a principal, which is a GUID");
    Vec::from_iter(wrong.then(|| Finding::new(&["principalId"], message, "give its object id, not its name")))
}
