//! Principal assignments of clusters and databases, and the older list of a database's principals
//! (reference: arm-api §3.2, §3.4).
//!
//! What the Kusto plane granted by other ways is listed too, under names made of guids. Invariant: an assignment
//! and a grant of the same role to the same principal are one entry (test: `tests/wire/arm/principals.jsonl`).

use super::core::Core;
use super::front::{Ask, Caller, value_list};
use super::kind::{Change, Kind, Verb, properties};
use super::path::Id;
use super::reply::Reply;
use super::state::Resource;
use super::token::{TENANT, directory_id};
use crate::emulator::kusto_port::Principal;
use serde_json::{Value, json};

/// `{cluster}/principalAssignments`.
pub(super) struct OfCluster;

/// `{database}/principalAssignments`.
pub(super) struct OfDatabase;

const CLUSTER_ROLES: [&str; 3] = ["AllDatabasesAdmin", "AllDatabasesViewer", "AllDatabasesMonitor"];
const DATABASE_ROLES: [&str; 6] = ["Admin", "Ingestor", "Monitor", "User", "UnrestrictedViewer", "Viewer"];

macro_rules! assignment {
    ($kind:ident, $collections:expr, $roles:expr, $add:expr, $drop:expr) => {
        impl Kind for $kind {
            fn collections(&self) -> &'static [&'static str] {
                &$collections
            }

            fn patchable(&self) -> bool {
                false
            }

            fn name_fault(&self, name: &str) -> Option<String> {
                super::kind::name_fault(name, 260, " .-")
            }

            fn work(&self, verb: Verb) -> (&'static str, u64) {
                if verb == Verb::Delete { $drop } else { $add }
            }

            fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
                check(core, change, &$roles)
            }

            fn fill(&self, _: &Core, _: &Change<'_>, target: &mut Resource) {
                fill(target);
            }

            fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
                resource.body.clone()
            }

            fn applied(&self, core: &mut Core, resource: &Resource) {
                grant(core, resource);
            }

            fn removed(&self, core: &mut Core, resource: &Resource) {
                revoke(core, resource);
            }
        }
    };
}

assignment!(
    OfCluster,
    ["Clusters", "PrincipalAssignments"],
    CLUSTER_ROLES,
    ("ServicePrincipalAssignmentsAdd", 4_000),
    ("ServicePrincipalAssignmentsDrop", 3_000)
);
assignment!(
    OfDatabase,
    ["Clusters", "Databases", "PrincipalAssignments"],
    DATABASE_ROLES,
    ("DatabaseAddPrincipals", 800),
    ("DatabaseDropPrincipals", 4_000)
);

fn check(_: &Core, change: &Change<'_>, roles: &[&str]) -> Result<(), Reply> {
    if change.verb == Verb::Delete {
        return Ok(());
    }
    let required = |name: &str| {
        change.text(name).ok_or_else(|| Reply::bad(format!("The property '{name}' is required.")))
    };
    let one_of = |name: &str, allowed: &[&str]| {
        let value = required(name)?;
        if allowed.iter().any(|word| word.eq_ignore_ascii_case(value)) {
            return Ok(());
        }
        Err(Reply::bad(format!(
            "The value '{value}' of property '{name}' is not valid. Allowed values: {}.",
            allowed.join(", ")
        )))
    };
    required("principalId")?;
    one_of("principalType", &["App", "Group", "User"])?;
    one_of("role", roles)?;
    for name in ["principalId", "principalType", "role", "tenantId"] {
        let before = change.old.and_then(|old| old.text(name));
        if let (Some(before), Some(asked)) = (before, change.text(name))
            && !before.eq_ignore_ascii_case(asked)
        {
            return Err(Reply::bad(format!(
                "The property '{name}' of principal assignment '{}' cannot be changed.",
                change.id.name()
            )));
        }
    }
    Ok(())
}

/// What the directory look-up adds.
fn fill(target: &mut Resource) {
    let id = target.text("principalId").unwrap_or_default().to_owned();
    let own = properties(&mut target.body);
    if own.get("tenantId").and_then(Value::as_str).is_none_or(str::is_empty) {
        own.insert("tenantId".to_owned(), json!(TENANT));
    }
    own.insert("tenantName".to_owned(), json!("Emulated directory"));
    own.insert("principalName".to_owned(), json!(id));
    own.insert("aadObjectId".to_owned(), json!(directory_id(&id)));
}

fn principal(resource: &Resource) -> Principal {
    let text = |name: &str| resource.text(name).unwrap_or_default().to_owned();
    Principal {
        role: text("role"),
        principal_type: text("principalType"),
        principal_id: text("principalId"),
        tenant_id: text("tenantId"),
        object_id: text("aadObjectId"),
        name: text("principalName"),
    }
}

/// The cluster and, for an assignment below a database, the database's own spelling.
fn scope(core: &Core, id: &Id) -> (String, Option<String>) {
    let database = (id.names.len() > 2).then(|| id.ancestor(2));
    let own = database.map(|database| {
        core.state
            .get(&database)
            .map_or_else(|| database.name().to_owned(), |found| found.id.name().to_owned())
    });
    (id.ancestor(1).name().to_owned(), own)
}

/// Grants what the assignment says.
pub(super) fn grant(core: &mut Core, resource: &Resource) {
    if !is_real(core, resource) {
        return;
    }
    let (cluster, database) = scope(core, &resource.id);
    core.kusto.add_principal(&cluster, database.as_deref(), &principal(resource));
}

/// Whether the Kusto plane knows of it: not what failed, nor what stands below a following or a deleted database.
fn is_real(core: &Core, resource: &Resource) -> bool {
    let parent = resource.id.parent().and_then(|id| core.state.get(&id));
    let there = parent.is_some_and(|parent| !parent.is_unborn() && !super::database::follows(Some(parent)));
    there && !resource.is_unborn()
}

fn revoke(core: &mut Core, resource: &Resource) {
    if !is_real(core, resource) {
        return;
    }
    let (cluster, database) = scope(core, &resource.id);
    let gone = principal(resource);
    let others = core.state.find(|other| {
        other.id.collections == resource.id.collections
            && other.id.parent().map(|id| id.key()) == resource.id.parent().map(|id| id.key())
            && same(&principal(other), &gone)
    });
    if others.is_empty() {
        core.kusto.drop_principal(&cluster, database.as_deref(), &gone);
    }
}

fn same(one: &Principal, two: &Principal) -> bool {
    one.role.eq_ignore_ascii_case(&two.role)
        && (one.principal_id.eq_ignore_ascii_case(&two.principal_id)
            || (!one.object_id.is_empty() && one.object_id.eq_ignore_ascii_case(&two.object_id)))
}

/// The assignment that the creator of a database gets.
pub(super) fn creator(caller: &Caller) -> Value {
    json!({"properties": {
        "principalId": caller.id,
        "role": "Admin",
        "principalType": if caller.is_user { "User" } else { "App" },
        "tenantId": caller.tenant,
        "tenantName": "Emulated directory",
        "principalName": caller.id,
        "aadObjectId": caller.object_id,
    }})
}

/// Makes the creator's assignment under a name of its own.
pub(super) fn grant_creator(core: &mut Core, database: &Id, body: &Value) {
    let name = uuid::Uuid::new_v4().to_string();
    let mut resource = Resource::new(database.child("PrincipalAssignments", &name));
    resource.body = body.clone();
    core.state.put(resource.clone());
    grant(core, &resource);
}

/// Makes an assignment of each grant of the Kusto plane that has none.
pub(super) fn adopt(core: &mut Core, under: &Id) {
    let (cluster, database) = scope(core, &under.child("PrincipalAssignments", ""));
    for granted in core.kusto.principals(&cluster, database.as_deref()) {
        if of(core, under).iter().any(|known| same(&principal(known), &granted)) {
            continue;
        }
        let name = uuid::Uuid::new_v4().to_string();
        let mut resource = Resource::new(under.child("PrincipalAssignments", &name));
        resource.body = json!({"properties": {
            "principalId": granted.principal_id, "role": granted.role, "principalType": granted.principal_type,
            "tenantId": granted.tenant_id, "tenantName": "Emulated directory", "principalName": granted.name,
            "aadObjectId": granted.object_id,
        }});
        core.state.put(resource);
    }
}

fn of<'a>(core: &'a Core, under: &Id) -> Vec<&'a Resource> {
    let key = format!("{}/principalassignments/", under.key());
    core.state.find(|resource| resource.id.key().starts_with(&key))
}

/// `listPrincipals`: every principal of the database in the older form.
pub(super) fn listed(core: &mut Core, database: &Id) -> Reply {
    adopt(core, database);
    let one = |resource: &&Resource| {
        let found = principal(resource);
        let sort = match found.principal_type.as_str() {
            "App" => "aadapp",
            "Group" => "aadgroup",
            _ => "aaduser",
        };
        let app = found.principal_type == "App";
        let id = if app { &found.principal_id } else { &found.object_id };
        let email = if !app && found.principal_id.contains('@') { found.principal_id.as_str() } else { "" };
        json!({
            "name": found.name, "role": found.role, "type": found.principal_type, "fqn": format!("{sort}={id};{}", found.tenant_id),
            "email": email, "appId": if app { found.principal_id.as_str() } else { "" }, "tenantName": "Emulated directory",
        })
    };
    let settled: Vec<&Resource> =
        of(core, database).into_iter().filter(|found| found.provisioning == "Succeeded").collect();
    value_list(settled.iter().map(one).collect())
}

/// `addPrincipals` and `removePrincipals`: at once, answering with the whole list.
pub(super) fn change_list(core: &mut Core, ask: &Ask, database: &Id, add: bool) -> Reply {
    let Some(items) = ask.body.as_ref().and_then(|body| body.get("value")?.as_array()).cloned() else {
        return Reply::bad("The property 'value' is required: a list of principals.");
    };
    for item in items {
        let text = |name: &str| item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let fqn = text("fqn")
            .and_then(|fqn| fqn.split_once('='))
            .map(|(_, rest)| rest.split(';').next().unwrap_or(rest));
        let id = text("appId")
            .or_else(|| text("email"))
            .or(fqn)
            .or_else(|| text("name"))
            .unwrap_or_default()
            .to_owned();
        let (role, sort) = (text("role").unwrap_or_default(), text("type").unwrap_or_default());
        let Some(role) = DATABASE_ROLES.iter().find(|known| known.eq_ignore_ascii_case(role)) else {
            return Reply::bad(format!("The role '{role}' is not a role of a database."));
        };
        let name = uuid::Uuid::new_v4().to_string();
        let mut resource = Resource::new(database.child("PrincipalAssignments", &name));
        resource.body = json!({"properties": {"principalId": id, "role": role, "principalType": sort}});
        fill(&mut resource);
        if let Some(display) = text("name") {
            properties(&mut resource.body).insert("principalName".to_owned(), json!(display));
        }
        let wanted = principal(&resource);
        let known: Vec<Id> = of(core, database)
            .into_iter()
            .filter(|known| same(&principal(known), &wanted))
            .map(|known| known.id.clone())
            .collect();
        if !add {
            for id in known {
                core.remove(&id);
            }
        } else if known.is_empty() {
            core.state.put(resource.clone());
            grant(core, &resource);
        }
    }
    listed(core, database)
}
