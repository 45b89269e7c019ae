//! Attached database configurations: followers of another cluster's databases (reference: arm-api §3.5).
//!
//! Invariant: a following database exists exactly while its configuration does
//! (test: `tests/wire/arm/followers.jsonl`).

use super::cluster;
use super::core::{Begin, Core};
use super::data_connection::resource_id;
use super::front::{Ask, value_list};
use super::kind::{Change, Kind, Located, Verb, properties};
use super::path::{Id, plain_location};
use super::reply::Reply;
use super::state::{Effect, Failure, Resource, Style};
use serde_json::{Value, json};

/// An attached database configuration; its cluster is the follower.
pub(super) struct Follower;

impl Kind for Follower {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters", "AttachedDatabaseConfigurations"]
    }

    fn located(&self) -> Located {
        Located::Display
    }

    fn patchable(&self) -> bool {
        false
    }

    fn lane(&self) -> &'static str {
        "follower"
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 260, " ._-")
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put | Verb::Patch => ("FollowerDatabaseCreate", 18_000),
            Verb::Delete => ("FollowerDatabaseDetach", 17_000),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        for name in ["databaseName", "clusterResourceId", "defaultPrincipalsModificationKind"] {
            if change.text(name).is_none() {
                return Err(Reply::bad(format!("The property '{name}' is required.")));
            }
        }
        let sort = change.text("defaultPrincipalsModificationKind").unwrap_or_default();
        if !["Union", "Replace", "None"].iter().any(|known| known.eq_ignore_ascii_case(sort)) {
            return Err(Reply::bad(format!(
                "The value '{sort}' of property 'defaultPrincipalsModificationKind' is not valid. Allowed values: Union, Replace, None."
            )));
        }
        let leader = leader(change.asked);
        if leader.as_ref().is_some_and(|leader| leader.key() == change.id.ancestor(1).key()) {
            return Err(Reply::bad("A cluster cannot follow itself."));
        }
        let Some(found) = leader.as_ref().and_then(|leader| core.state.get(leader)) else { return Ok(()) };
        let own = core.state.get(&change.id.ancestor(1));
        if own.is_some_and(|own| {
            plain_location(&cluster::location(own)) != plain_location(&cluster::location(found))
        }) {
            return Err(Reply::bad("A leader and its follower must be in the same region."));
        }
        Ok(())
    }

    fn late(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Option<Failure> {
        let bad = |code: &str, message: String| {
            Some(Failure { code: code.to_owned(), message, state: "BadInput".to_owned() })
        };
        let leader = leader(change.asked)?;
        let before = change.old.and_then(|old| self::leader(&old.body));
        if before.is_some_and(|before| before.key() != leader.key()) {
            let message = format!(
                "[BadRequest] Cannot alter leader cluster '{}' for resource name '{}'.",
                leader.name(),
                change.id.name()
            );
            return bad("CannotAlterFollowerDatabase", message);
        }
        let own = attached(core, target).into_iter().find(|name| {
            let own = core.state.get(&change.id.ancestor(1).child("Databases", name));
            own.is_some_and(|own| !super::database::follows(Some(own)))
        });
        if let Some(name) = own {
            let message = format!(
                "[BadRequest] Cluster '{}' has a database '{name}' of its own.",
                change.id.ancestor(1).name()
            );
            return bad("BadRequest", message);
        }
        let found = core.state.get(&leader)?;
        if found.phase != "Running" {
            return bad(
                "BadRequest",
                format!("[BadRequest] Leader cluster '{}' is in state '{}'.", leader.name(), found.phase),
            );
        }
        let database = change.text("databaseName").unwrap_or_default();
        let there = database == "*" || core.state.get(&leader.child("Databases", database)).is_some();
        if there {
            None
        } else {
            bad(
                "BadRequest",
                format!(
                    "[BadRequest] Database '{database}' does not exist on leader cluster '{}'.",
                    leader.name()
                ),
            )
        }
    }

    fn fill(&self, core: &Core, _: &Change<'_>, target: &mut Resource) {
        let names = attached(core, target);
        properties(&mut target.body).insert("attachedDatabaseNames".to_owned(), json!(names));
    }

    fn show(&self, core: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        let names = attached(core, resource);
        properties(&mut body).insert("attachedDatabaseNames".to_owned(), json!(names));
        body
    }

    fn applied(&self, core: &mut Core, resource: &Resource) {
        for name in attached(core, resource) {
            let mut database = Resource::new(resource.id.ancestor(1).child("Databases", &name));
            let text = |name: &str| resource.text(name).unwrap_or_default().to_owned();
            database.body = json!({
                "location": resource.body.get("location"),
                "kind": "ReadOnlyFollowing",
                "properties": {
                    "leaderClusterResourceId": text("clusterResourceId"),
                    "attachedDatabaseConfigurationName": resource.id.name(),
                    "principalsModificationKind": text("defaultPrincipalsModificationKind"),
                    "originalDatabaseName": name,
                    "databaseShareOrigin": "Direct",
                },
            });
            core.state.put(database);
        }
    }

    fn removed(&self, core: &mut Core, resource: &Resource) {
        let followed: Vec<Id> = core
            .state
            .find(|other| {
                super::database::follows(Some(other))
                    && other.id.ancestor(1).key() == resource.id.ancestor(1).key()
                    && other
                        .text("attachedDatabaseConfigurationName")
                        .is_some_and(|name| name.eq_ignore_ascii_case(resource.id.name()))
            })
            .iter()
            .map(|found| found.id.clone())
            .collect();
        for id in followed {
            core.remove(&id);
        }
    }
}

fn leader(body: &Value) -> Option<Id> {
    resource_id(body.pointer("/properties/clusterResourceId")?.as_str()?)
}

/// The names under which databases appear on the follower.
fn attached(core: &Core, resource: &Resource) -> Vec<String> {
    let name = resource.text("databaseName").unwrap_or_default();
    if name != "*" {
        return vec![resource.text("databaseNameOverride").unwrap_or(name).to_owned()];
    }
    let Some(leader) = leader(&resource.body) else { return Vec::new() };
    let prefix = resource.text("databaseNamePrefix").unwrap_or_default();
    let databases = core.state.find(|other| {
        other.id.is_kusto()
            && other.id.collections.get(1).is_some_and(|word| word == "Databases")
            && other.id.collections.len() == 2
            && other.id.ancestor(1).key() == leader.key()
            && !super::database::follows(Some(other))
    });
    databases.iter().map(|database| format!("{prefix}{}", database.id.name())).collect()
}

/// The configurations that follow this cluster, or one database of it.
pub(super) fn of_leader<'a>(core: &'a Core, cluster: &Id, database: Option<&str>) -> Vec<&'a Resource> {
    core.state.find(|other| {
        other.id.collections.get(1).is_some_and(|name| name == "AttachedDatabaseConfigurations")
            && other.provisioning != "Failed"
            && leader(&other.body).is_some_and(|leader| leader.key() == cluster.key())
            && database.is_none_or(|name| {
                other.text("databaseName").is_some_and(|own| own == "*" || own.eq_ignore_ascii_case(name))
            })
    })
}

/// `listFollowerDatabases`; the GET of newer versions wraps each item.
pub(super) fn listed(core: &Core, ask: &Ask, cluster: &Id) -> Reply {
    let mut value = Vec::new();
    for follower in of_leader(core, cluster, None) {
        let item = json!({
            "clusterResourceId": follower.id.ancestor(1).text(),
            "attachedDatabaseConfigurationName": follower.id.name(),
            "databaseName": follower.text("databaseName"),
        });
        value.push(if ask.method == "GET" { json!({"properties": item}) } else { item });
    }
    value_list(value)
}

/// `detachFollowerDatabases`, called on the leader.
pub(super) fn detach(core: &mut Core, ask: &Ask, cluster: &Id) -> Reply {
    let text = |name: &str| ask.body.as_ref().and_then(|body| body.get(name)?.as_str()).unwrap_or_default();
    let name = text("attachedDatabaseConfigurationName");
    let id = resource_id(text("clusterResourceId"))
        .map(|follower| follower.child("AttachedDatabaseConfigurations", name));
    let Some(id) =
        id.filter(|id| of_leader(core, cluster, None).iter().any(|known| known.id.key() == id.key()))
    else {
        return Reply::bad(format!(
            "There is no attached database configuration '{name}' that follows cluster '{}'.",
            cluster.name()
        ));
    };
    if let Err(refused) = super::write::free(core, &id) {
        return refused;
    }
    let failure = core.maintenance(&id.ancestor(1), "follower");
    let location = core.cluster_location(cluster);
    let guid = core.begin(
        ask,
        Begin {
            style: Style::Status,
            kind: "FollowerDatabaseDetach",
            milliseconds: 17_000,
            location,
            on: id,
            lane: "follower".to_owned(),
            effect: Effect::Remove,
            failed: None,
            failure,
            result: None,
        },
    );
    core.follow(ask, Reply::empty(202), &guid, true)
}
