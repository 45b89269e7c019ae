//! `Microsoft.Kusto/clusters/databases` (reference: arm-api §3.2).
//!
//! The periods are the database's retention and caching policies: they are read from the Kusto plane, so both
//! planes always agree (test: `tests/wire.rs`, `periods_are_the_policies_of_the_database`).

use super::core::Core;
use super::front::{Ask, Caller};
use super::kind::{Change, Kind, Located, Verb, object, properties, with_defaults};
use super::reply::Reply;
use super::state::Resource;
use super::{cluster, principal, span};
use crate::emulator::kusto_port::Periods;
use serde_json::{Value, json};

/// A database, read-write or following.
pub(super) struct Database;

impl Kind for Database {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters", "Databases"]
    }

    fn located(&self) -> Located {
        Located::Display
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 260, " ._-")
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put | Verb::Patch => ("DatabaseCreate", 2_700),
            Verb::Delete => ("DatabaseDelete", 4_400),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            if follows(change.old) {
                return Err(Reply::bad(
                    "A following database is removed by detaching it, not by deleting it.",
                ));
            }
            return cluster::not_followed(core, &change.id.ancestor(1), Some(change.id.name()));
        }
        let kind = change.asked.get("kind").and_then(Value::as_str);
        match kind {
            None if change.verb == Verb::Put => {
                return Err(Reply::bad("The property 'kind' is required: ReadWrite or ReadOnlyFollowing."));
            }
            Some(kind)
                if !["ReadWrite", "ReadOnlyFollowing"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(kind)) =>
            {
                return Err(Reply::bad(format!(
                    "The kind '{kind}' is not a kind of database: ReadWrite or ReadOnlyFollowing."
                )));
            }
            Some(kind) if kind.eq_ignore_ascii_case("ReadOnlyFollowing") != follows(change.old) => {
                return Err(Reply::bad(
                    "The kind of a database cannot be chosen here: a following database comes from an attached database configuration.",
                ));
            }
            _ => {}
        }
        for name in ["softDeletePeriod", "hotCachePeriod"] {
            let value =
                change.asked.get("properties").and_then(|own| own.get(name)).filter(|value| !value.is_null());
            if let Some(value) = value
                && value.as_str().and_then(span::parse).is_none_or(|ticks| ticks < 0)
            {
                return Err(Reply::bad(format!(
                    "The value {value} of property '{name}' is not a duration such as P31D."
                )));
            }
        }
        if follows(change.old)
            && change.asked.pointer("/properties/softDeletePeriod").is_some_and(|value| !value.is_null())
        {
            return Err(Reply::bad("A following database takes its softDeletePeriod from its leader."));
        }
        Ok(())
    }

    fn fill(&self, core: &Core, change: &Change<'_>, target: &mut Resource) {
        let own = properties(&mut target.body);
        for name in ["statistics", "isFollowed", "suspensionDetails"] {
            own.remove(name);
        }
        if change.verb == Verb::Patch {
            // The policies may have changed on the other plane since.
            let now =
                core.kusto.periods(change.id.ancestor(1).name(), target_name(change)).unwrap_or_default();
            for (name, ticks) in [("softDeletePeriod", now.soft_delete), ("hotCachePeriod", now.hot_cache)] {
                let asked = change.asked.get("properties").is_some_and(|asked| asked.get(name).is_some());
                match ticks {
                    Some(ticks) if !asked => {
                        own.insert(name.to_owned(), json!(span::print(ticks)));
                    }
                    None if !asked => {
                        own.remove(name);
                    }
                    _ => {}
                }
            }
        }
        let role = super::path::parameter(&change.ask.query, "callerRole");
        let caller = change.ask.caller.as_ref().filter(|caller| match role {
            Some(role) => role.eq_ignore_ascii_case("Admin"),
            None => caller_is_admin(caller, &change.ask.api),
        });
        if change.old.is_none()
            && let Some(caller) = caller
        {
            target.hidden["creator"] = principal::creator(caller);
        }
    }

    fn first(&self, _: &Core, change: &Change<'_>, target: &Resource) -> Value {
        let mut body = change.asked.clone();
        if let Some(kind) = target.body.get("kind") {
            object(&mut body).insert("kind".to_owned(), kind.clone());
        }
        body
    }

    fn show(&self, core: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        let cluster = resource.id.ancestor(1);
        let own = properties(&mut body);
        if !follows(Some(resource))
            && resource.provisioning == "Succeeded"
            && let Some(now) = core.kusto.periods(cluster.name(), resource.id.name())
        {
            for (name, ticks) in [("softDeletePeriod", now.soft_delete), ("hotCachePeriod", now.hot_cache)] {
                match ticks {
                    Some(ticks) => own.insert(name.to_owned(), json!(span::print(ticks))),
                    None => own.remove(name),
                };
            }
        }
        own.retain(|_, value| !value.is_null());
        with_defaults(&mut body, json!({"statistics": {"size": 0.0}}));
        if !follows(Some(resource)) {
            let followed = !super::follower::of_leader(core, &cluster, Some(resource.id.name())).is_empty();
            with_defaults(&mut body, json!({"isFollowed": followed}));
        }
        body
    }

    fn applied(&self, core: &mut Core, resource: &Resource) {
        if follows(Some(resource)) {
            return;
        }
        let (cluster, periods) = (resource.id.ancestor(1), periods(resource));
        core.kusto.create_database(cluster.name(), resource.id.name(), periods);
        core.kusto.set_periods(cluster.name(), resource.id.name(), periods);
        if let Some(body) = resource.hidden.get("creator") {
            principal::grant_creator(core, &resource.id, body);
            let mut granted = resource.clone();
            object(&mut granted.hidden).remove("creator");
            core.state.put(granted);
        }
    }

    fn removed(&self, core: &mut Core, resource: &Resource) {
        if !follows(Some(resource)) && !resource.is_unborn() {
            core.kusto.drop_database(resource.id.ancestor(1).name(), resource.id.name());
        }
    }

    fn act(&self, core: &mut Core, ask: &Ask, resource: &Resource, action: &str) -> Option<Reply> {
        match (ask.method.as_str(), action) {
            ("POST", "listprincipals") => Some(principal::listed(core, &resource.id)),
            ("POST", "addprincipals") => Some(principal::change_list(core, ask, &resource.id, true)),
            ("POST", "removeprincipals") => Some(principal::change_list(core, ask, &resource.id, false)),
            ("POST", "dataconnectionvalidation") => {
                Some(super::data_connection::validate(core, ask, &resource.id))
            }
            _ => None,
        }
    }
}

/// Whether the creator becomes Admin without being asked: always before the request could say, and until
/// 2024-04-13 by default; 2025-02-14 has no default. In versions that can say it, a caller without a name is not
/// granted anything.
fn caller_is_admin(caller: &Caller, api: &str) -> bool {
    api < "2022-07-07" || (caller.is_named && api < "2025")
}

fn target_name<'a>(change: &'a Change<'_>) -> &'a str {
    change.old.map_or(change.id.name(), |old| old.id.name())
}

/// Whether it is a following database.
pub(super) fn follows(resource: Option<&Resource>) -> bool {
    resource
        .and_then(|found| found.body.get("kind")?.as_str())
        .is_some_and(|kind| kind.eq_ignore_ascii_case("ReadOnlyFollowing"))
}

/// The periods that the resource states.
pub(super) fn periods(resource: &Resource) -> Periods {
    let ticks = |name: &str| resource.text(name).and_then(span::parse);
    Periods { soft_delete: ticks("softDeletePeriod"), hot_cache: ticks("hotCachePeriod") }
}
