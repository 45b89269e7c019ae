//! Role assignments: who may do what on a resource, a group or a subscription.
//!
//! Its name is a GUID that follows from the scope and the key, so that the same spec always makes the same grant, and
//! one that gives it to somebody else finds the old grant and takes it away: were principal or role part of the name,
//! nobody would. Another spec with the same key on the same scope would find it too, so a grant is taken from a
//! principal only where the user says so (test: `a_grant_is_not_taken_from_another_by_accident`).

use super::{ID, roles};
use crate::kind::arm::wire;
use crate::kind::replies::Reply;
use crate::kind::roster::{self, Enrolled, Roster};
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source};
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{Method, Request};
use serde_json::Value as Json;

/// The kind `roleAssignment`.
#[derive(Debug)]
pub(super) struct RoleAssignment;

const ABOUT: About = About {
    name: "roleAssignment",
    collection: "roleAssignments",
    names: NameRule::Label,
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A role on a resource, a resource group or a subscription. Any change of principal or role takes the grant away \
          and gives it anew. A grant made elsewhere is taken over by its GUID as `name`.",
    page: "https://learn.microsoft.com/azure/role-based-access-control/overview",
    example: "roleAssignments:\n  adx-reads-vitals:\n    scope: ${eventHubNamespaces.telemetry-dev.id}\n    role: Azure \
              Event Hubs Data Receiver\n    principalId: ${clusters.telemetry.identity.principalId}\n",
    fields: FIELDS,
    outputs: &[
        ID,
        ("roleDefinitionId", "The id of the role's definition."),
        ("createdOn", "When it was made."),
    ],
    ..About::BASE
};

const SCOPE: &str = "scope";
const ROLE: &str = "role";
const PRINCIPAL: &str = "principalId";

const FIELDS: &[Field] = &[
    Field::new(
        SCOPE,
        Shape::ArmId(""),
        "What the role is on: the id of a resource, a resource group or a subscription, often a reference such as \
         `${storageAccounts.NAME.id}`. It must be known before apply.",
    )
    .role(Role::Setting)
    .required(),
    Field::new(
        ROLE,
        Shape::Text,
        "The role: the name of a built-in one such as `Storage Blob Data Reader`, or the id of any.",
    )
    .required(),
    Field::new(
        PRINCIPAL,
        Shape::Text,
        "The object id of who gets it, such as `${clusters.NAME.identity.principalId}`.",
    )
    .required(),
    Field::new(
        "principalType",
        Shape::Enum(&["ServicePrincipal", "User", "Group", "ForeignGroup", "Device"]),
        "What kind of principal it is; managed identities are `ServicePrincipal`, which is the default.",
    )
    .role(Role::Filled),
    Field::new("description", Shape::Text, "A text for people. Default: none."),
    Field::new("condition", Shape::Text, "A condition on the grant. Default: none."),
    Field::new("conditionVersion", Shape::Text, "The version of the condition: `2.0`.").role(Role::Filled),
];

/// <https://learn.microsoft.com/rest/api/authorization/role-assignments>
const API_VERSION: &str = "2022-04-01";

const SEGMENT: &str = "providers/Microsoft.Authorization/roleAssignments";

impl Kind for RoleAssignment {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::ArmGet { provider: SEGMENT, api_version: API_VERSION }
    }

    fn resource_id(&self, at: &At<'_>) -> Result<String, String> {
        let scope = at.resource.body.text(SCOPE).filter(|scope| !scope.is_empty());
        let scope = scope.ok_or_else(|| format!("the `scope` of {} is not known", at.address))?;
        let scope = scope.trim_end_matches('/');
        Ok(format!("{scope}/{SEGMENT}/{}", super::guid_name(scope, at.name())))
    }

    fn rosters(&self) -> Vec<Roster> {
        vec![Roster { segment: SEGMENT.to_owned(), api_version: API_VERSION, within: None }]
    }

    /// A list tells also of the grants that are inherited from around the place.
    fn enrolled(&self, item: &Json, above: &str) -> Enrolled {
        let scope = item.pointer("/properties/scope").and_then(Json::as_str).unwrap_or_default();
        let is_in = |of: &str| format!("{}/", of.trim_end_matches('/').to_ascii_lowercase());
        if !is_in(scope).starts_with(&is_in(above)) {
            return Enrolled::Not;
        }
        roster::at(&ABOUT, roster::name(item), Body::new().with(SCOPE, scope), Mode::Managed)
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let mut found = wire::read(ABOUT.collection, FIELDS, &[], json)?;
        let id = found.attributes.text("roleDefinitionId").unwrap_or_default();
        let role = roles::canonical(id);
        let scope = found.attributes.text(SCOPE).map(str::to_owned);
        let body = scope.map_or_else(Body::new, |scope| Body::new().with(SCOPE, scope)).with(ROLE, role);
        let others = found.body.into_iter().filter(|(name, _)| !matches!(&**name, SCOPE | ROLE));
        found.body = body.into_iter().chain(others).collect();
        // Its name is a GUID that means nothing to people: it is known by its key.
        found.path = Vec::new();
        Ok(vec![found])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let path = self.resource_id(at)?;
        let Some(after) = &change.after else {
            return Ok(Request::arm(Method::Delete, path, API_VERSION, Value::Null));
        };
        let role = after.text(ROLE).unwrap_or_default();
        let id = roles::id(role).ok_or_else(|| format!("`role` is not known: {role:?}"))?;
        let definition =
            format!("{}/providers/Microsoft.Authorization/roleDefinitions/{id}", subscription(&path));
        let mut properties = Body::new().with("roleDefinitionId", definition);
        for field in FIELDS.iter().filter(|field| !matches!(field.name, SCOPE | ROLE)) {
            if let Some(value) = after.get(field.name).filter(|value| !value.is_unset()) {
                properties.set(field.name, value.clone());
            }
        }
        if properties.get("principalType").is_none() {
            properties.set("principalType", "ServicePrincipal");
        }
        let body = Body::new().with("properties", properties);
        Ok(Request::arm(Method::Put, path, API_VERSION, body.into()))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn replaces(&self, change: &Change) -> bool {
        let ends = change.before.as_ref().zip(change.after.as_ref());
        ends.is_some_and(|(before, after)| {
            let differing = shape::differing(FIELDS, before, after);
            differing.iter().any(|field| matches!(field.name, ROLE | PRINCIPAL | "principalType"))
        })
    }

    fn locks_out(&self, at: &At<'_>, change: &Change, _gone: &dyn Fn(&Address) -> bool) -> Vec<String> {
        let ends = change.before.as_ref().zip(change.after.as_ref());
        let who = |body: &Body| body.text(PRINCIPAL).map(str::to_ascii_lowercase);
        let Some((before, after)) = ends.filter(|(before, after)| who(before) != who(after)) else {
            return Vec::new();
        };
        let (old, role) = (who(before).unwrap_or_default(), before.text(ROLE).unwrap_or_default());
        let scope = at.resource.body.text(SCOPE).unwrap_or_default();
        vec![format!(
            "in live the grant is that of the principal {old}, who would lose the role {role} on {scope}; if another spec \
             with this key made it, give this one another key (it would go to {})",
            crate::kind::text_of(after, PRINCIPAL)
        )]
    }

    fn notes(&self, _at: &At<'_>, change: &Change) -> Vec<String> {
        let lapses =
            self.replaces(change).then_some("the grant lapses for some seconds while it is given anew");
        lapses.map(str::to_owned).into_iter().collect()
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let wanted = match wanted.text(ROLE) {
            Some(role) => wanted.clone().with(ROLE, roles::canonical(role)),
            None => wanted.clone(),
        };
        let wanted = match wanted.text(PRINCIPAL) {
            Some(id) => wanted.clone().with(PRINCIPAL, id.to_ascii_lowercase()),
            None => wanted,
        };
        let after = shape::overlay(FIELDS, live.map_or(&Body::new(), |live| &live.body), &wanted);
        match wanted.get(SCOPE).or_else(|| live?.body.get(SCOPE)) {
            Some(scope) => Body::new().with(SCOPE, scope.clone()).into_iter().chain(after).collect(),
            None => after,
        }
    }

    fn seconds(&self, _change: &Change) -> u32 {
        2
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some(scope) = at.resource.body.text(SCOPE) else { return Vec::new() };
        let parts: Vec<&str> = scope.split('/').collect();
        let ["", _, _, _, group, ..] = parts.as_slice() else { return Vec::new() };
        let (parent, name) = (Address::root(), (*group).to_owned());
        vec![Need {
            parent,
            collection: "resourceGroups",
            name,
            field: vec![SCOPE.to_owned()],
            required: false,
        }]
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let body = &at.resource.body;
        let mut found = Vec::new();
        if body.get(SCOPE).is_some_and(Value::has_unknown) {
            let message = "`scope` must be known before anything is read, and this is known after apply";
            found.push(Finding::new(&[SCOPE], message, "refer to an `id`, or write it out"));
        }
        if at.resource.mode != Mode::Managed {
            return found;
        }
        if let Some(role) = body.text(ROLE).filter(|role| roles::id(role).is_none()) {
            let message = format!("{role:?} is none of the roles that are known by name");
            let help = "give the id of the role's definition, a GUID";
            found.push(Finding { candidates: roles::names(), ..Finding::new(&[ROLE], message, help) });
        }
        if let Some(id) = body.text(PRINCIPAL).filter(|id| uuid::Uuid::try_parse(id).is_err()) {
            let message = format!("{id:?} is not the object id of a principal, which is a GUID");
            found.push(Finding::new(&[PRINCIPAL], message, "give its object id, not its name or client id"));
        }
        found
    }
}

/// The subscription of an id, as `/subscriptions/…`.
fn subscription(id: &str) -> String {
    id.split('/').take(3).collect::<Vec<_>>().join("/")
}

/// Whether a grant is for the system-assigned identity of something else than what a thing stands in.
fn is_of_another(at: &At<'_>, grant: &Resource) -> bool {
    let Some(Value::Unknown(expr)) = grant.body.get(PRINCIPAL) else { return false };
    let mut references = expr.references();
    references.any(|(of, path)| path == ["identity", "principalId"] && of.prefix(1) != at.address.prefix(1))
}

/// The grants that the world declares on any of some resources, or on what is around them, as far as they may be for
/// an identity that a thing acts by.
pub fn grants(at: &At<'_>, on: &[&str]) -> Vec<Need> {
    let root = Address::root();
    let covers = |scope: &str| {
        let scope = format!("{}/", scope.trim_end_matches('/').to_ascii_lowercase());
        on.iter().any(|id| format!("{}/", id.trim_end_matches('/').to_ascii_lowercase()).starts_with(&scope))
    };
    let declared = at.world.children(&root, ABOUT.collection);
    let fitting =
        declared.filter(|(_, grant)| grant.body.text(SCOPE).is_some_and(covers) && !is_of_another(at, grant));
    let need = |(_, grant): (&Address, &Resource)| Need {
        parent: root.clone(),
        collection: ABOUT.collection,
        name: grant.name.to_string(),
        field: Vec::new(),
        required: false,
    };
    fitting.map(need).collect()
}

/// Whether the world declares a grant of one of some roles on a resource, or on what is around it, to the identity that
/// a thing acts by; `principal` is its object id where that is known.
pub fn granted(at: &At<'_>, on: &str, wanted: &[&str], principal: Option<&str>) -> bool {
    let on = format!("{}/", on.trim_end_matches('/').to_ascii_lowercase());
    let covers =
        |scope: &str| on.starts_with(&format!("{}/", scope.trim_end_matches('/').to_ascii_lowercase()));
    let root = Address::root();
    let mut declared = at.world.children(&root, ABOUT.collection);
    declared.any(|(_, grant)| {
        let role = grant.body.text(ROLE).and_then(roles::id);
        let fits = wanted.iter().any(|name| roles::id(name) == role);
        let is_for = match grant.body.get(PRINCIPAL) {
            Some(Value::Text(id)) => principal.is_none_or(|own| own.eq_ignore_ascii_case(id)),
            _ => !is_of_another(at, grant),
        };
        grant.mode != Mode::Absent && fits && is_for && grant.body.text(SCOPE).is_some_and(covers)
    })
}
