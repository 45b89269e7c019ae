//! `Microsoft.Authorization/roleAssignments` on a resource or a group (reference: arm-api §4.7).
//!
//! Invariant: a principal has a role on a scope once (test: `tests/wire/arm/roles.jsonl`).

use super::core::Core;
use super::front::Ask;
use super::kind::{Change, EXTENSION, Kind, Manner, Verb, properties, with_defaults};
use super::path::Id;
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// A role assignment.
pub(super) struct Assignment;

const TYPE: &str = "Microsoft.Authorization/roleAssignments";

const PRINCIPALS: [&str; 5] = ["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"];

fn is_guid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

/// The id of the resource that an assignment is about.
fn scope(id: &Id) -> Id {
    if id.names.len() > 1 {
        return id.ancestor(id.names.len() - 1);
    }
    Id::of_group(&id.subscription, &id.group)
}

fn is_assignment(id: &Id) -> bool {
    let last = id.collections.last().map_or("", String::as_str);
    let whole = last.strip_prefix(EXTENSION).map_or_else(|| id.type_text(), str::to_owned);
    whole.eq_ignore_ascii_case(TYPE)
}

fn role(resource: &Resource) -> &str {
    resource.text("roleDefinitionId").and_then(|id| id.rsplit('/').next()).unwrap_or_default()
}

/// Whether a principal has one of some roles on a resource or on something around it.
pub(super) fn has(core: &Core, principal: &str, roles: &[&str], on: &Id) -> bool {
    let on = format!("{}/", on.key());
    let grants = |found: &Resource| {
        is_assignment(&found.id)
            && on.starts_with(&format!("{}/", scope(&found.id).key()))
            && found.text("principalId").is_some_and(|id| id.eq_ignore_ascii_case(principal))
            && roles.iter().any(|wanted| wanted.eq_ignore_ascii_case(role(found)))
    };
    !core.state.find(grants).is_empty()
}

/// The collection's word below what it extends, in lower case.
pub(super) const COLLECTION: &str = "providers/microsoft.authorization/roleassignments";

/// The assignments on a resource, on what is around it and on what is inside of it, as far as `$filter` lets them through
/// (<https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope>).
pub(super) fn list(core: &Core, ask: &Ask, under: &Id) -> Result<Reply, Reply> {
    let on = format!("{}/", under.key());
    let is_place = under.names.is_empty();
    let filter = super::path::parameter(&ask.query, "$filter").unwrap_or_default();
    let quoted = filter.split('\'').nth(1).unwrap_or_default().to_owned();
    let known = filter.is_empty()
        || filter == "atScope()"
        || ["assignedTo('", "principalId eq '"].iter().any(|start| filter.starts_with(start));
    if !known {
        return Err(Reply::service(
            400,
            "UnsupportedQuery",
            format!("The filter '{filter}' is not supported."),
        ));
    }
    let is_below = |found: &Resource| match is_place {
        true => {
            let id = &found.id;
            id.subscription.eq_ignore_ascii_case(&under.subscription)
                && (under.group.is_empty() || id.group.eq_ignore_ascii_case(&under.group))
        }
        false => scope(&found.id).key().starts_with(&on),
    };
    let fits = |found: &Resource| {
        is_assignment(&found.id)
            && (on.starts_with(&format!("{}/", scope(&found.id).key()))
                || filter != "atScope()" && is_below(found))
            && (quoted.is_empty()
                || found.text("principalId").is_some_and(|id| id.eq_ignore_ascii_case(&quoted)))
    };
    let found = core.state.find(fits);
    let views =
        found.iter().map(|found| super::resource::view(core, &Assignment, found, &found.id, &ask.api));
    Ok(super::front::value_list(views.collect()))
}

impl Kind for Assignment {
    fn provider(&self) -> &'static str {
        "Microsoft.Authorization"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["roleAssignments"]
    }

    fn extends(&self) -> bool {
        true
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(201)
    }

    fn patchable(&self) -> bool {
        false
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        (!is_guid(name)).then(|| {
            format!("The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.")
        })
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        let definition = change.text("roleDefinitionId").unwrap_or_default();
        let guid = definition.rsplit('/').next().unwrap_or_default();
        if !definition.to_lowercase().contains("/providers/microsoft.authorization/roledefinitions/")
            || !is_guid(guid)
        {
            let message = format!("The role definition ID '{definition}' is not valid.");
            return Err(Reply::service(400, "InvalidRoleDefinitionId", message));
        }
        let principal = change.text("principalId").unwrap_or_default();
        if !is_guid(principal) {
            let message =
                format!("The Principal ID '{principal}' is not valid. Principal ID must be a GUID.");
            return Err(Reply::service(400, "InvalidPrincipalId", message));
        }
        if let Some(sort) = change.text("principalType").filter(|sort| !PRINCIPALS.contains(sort)) {
            return Err(Reply::bad(format!("The principal type '{sort}' is not valid.")));
        }
        let same = |found: &Resource| {
            is_assignment(&found.id)
                && found.id.key() != change.id.key()
                && scope(&found.id).key() == scope(change.id).key()
                && found.text("principalId").is_some_and(|id| id.eq_ignore_ascii_case(principal))
                && role(found).eq_ignore_ascii_case(guid)
        };
        if !core.state.find(same).is_empty() {
            return Err(Reply::service(409, "RoleAssignmentExists", "The role assignment already exists."));
        }
        let moved = change.old.is_some_and(|old| {
            old.text("principalId").is_none_or(|id| !id.eq_ignore_ascii_case(principal))
                || !role(old).eq_ignore_ascii_case(guid)
        });
        if moved {
            let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(Reply::service(400, "RoleAssignmentUpdateNotPermitted", message));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, change: &Change<'_>, target: &mut Resource) {
        let guid = role(target).to_owned();
        let definition = format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
            change.id.subscription
        );
        let own = properties(&mut target.body);
        own.insert("roleDefinitionId".to_owned(), json!(definition));
        own.entry("principalType").or_insert_with(|| json!("ServicePrincipal"));
        own.insert("scope".to_owned(), json!(scope(change.id).text()));
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        with_defaults(
            &mut body,
            json!({
                "condition": null, "conditionVersion": null, "delegatedManagedIdentityResourceId": null, "description": null,
                "createdOn": resource.made.get("createdAt"), "updatedOn": resource.made.get("lastModifiedAt"),
                "createdBy": resource.made.get("createdBy"), "updatedBy": resource.made.get("lastModifiedBy"),
            }),
        );
        body
    }
}
