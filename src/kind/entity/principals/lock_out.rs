//! Who would be locked out by a change of roles.

use super::member::{Known, members, moved, moves};
use super::{known, scope};
use crate::kind::At;
use crate::model::body::{Body, Value};
use crate::model::inventory::Mode;
use crate::model::{Address, Change};

/// The object ids of the caller, as far as something in a cluster was read with them.
pub(in crate::kind) fn callers<'a>(at: &At<'a>) -> Vec<&'a str> {
    let below = at.world.below(&at.address.prefix(1));
    let lists = below.filter(|(_, found)| found.kind == super::ABOUT.name);
    let mut lists = lists.filter_map(|(_, found)| found.attributes.get("callers").and_then(Value::as_list));
    lists.next().unwrap_or_default().iter().filter_map(Value::as_text).collect()
}

/// The data connections below an address that stay and read their source as one of these identities.
pub(in crate::kind) fn connections_of(
    at: &At<'_>,
    top: &Address,
    is: &dyn Fn(&str) -> bool,
    gone: &dyn Fn(&Address) -> bool,
) -> Vec<Address> {
    let connections = at.world.below(top).filter(|(address, found)| {
        let identity = found.attributes.text("managedIdentityObjectId");
        address.collection() == "dataConnections" && identity.is_some_and(is) && !gone(address)
    });
    connections.map(|(address, _)| address.clone()).collect()
}

/// See [`crate::kind::Kind::locks_out`].
pub(super) fn reasons(at: &At<'_>, change: &Change, gone: &dyn Fn(&Address) -> bool) -> Vec<String> {
    let Some((scope, _)) = scope(at) else { return Vec::new() };
    let ends = [&change.before, &change.after].map(|end| end.as_ref().map(members).unwrap_or_default());
    let [before, after] = &ends;
    // A member whose notes change goes for a moment.
    let steps = moves(before, after);
    let mut passing: Vec<Body> = before.clone();
    let mut least: Vec<Body> = before.clone();
    for by in &steps {
        passing = moved(&passing, by);
        least.retain(|member| passing.iter().any(|other| super::member::same(other, member)));
    }
    let goes = |member: &&Body| !least.iter().any(|other| super::member::same(other, member));
    let of = |member: &Body| {
        let fqn = member.text("fqn").unwrap_or_default();
        let found = known(at.resource).into_iter().find(|known| known.fqn == fqn);
        found.unwrap_or_else(|| Known { fqn: fqn.to_owned(), ..Known::default() })
    };
    let dropped: Vec<Known> = before.iter().filter(goes).map(of).collect();
    let mut reasons = Vec::new();
    if scope.kind == "database" && at.name().eq_ignore_ascii_case("admins") {
        let callers = callers(at);
        for own in dropped.iter().filter(|known| known.is_one_of(&callers)) {
            reasons.push(format!("{} is who runs this, and would no longer be an admin", own.shown()));
        }
        if after.is_empty() && !dropped.is_empty() && !has_other_admins(at, gone) {
            reasons.push("nobody would be left who is an admin".to_owned());
        }
    }
    let Some((database, _)) = at.ancestor("database") else { return reasons };
    for one in dropped.iter().filter(|known| !after.iter().any(|m| m.text("fqn") == Some(&known.fqn))) {
        for connection in connections_of(at, &database, &|id| one.is_one_of(&[id]), gone) {
            reasons.push(format!("{} is the identity that {connection} uses", one.shown()));
        }
    }
    reasons
}

/// Whether somebody is an admin by other ways: of the whole cluster, or by the control plane.
fn has_other_admins(at: &At<'_>, gone: &dyn Fn(&Address) -> bool) -> bool {
    if at.resource.attributes.get("inherited").and_then(Value::as_bool) == Some(true) {
        return true;
    }
    let Some((database, _)) = at.ancestor("database") else { return false };
    [(database, "Admin"), (at.cluster(), "AllDatabasesAdmin")].iter().any(|(parent, role)| {
        let mut assigned = at.world.children(parent, "principalAssignments");
        assigned.any(|(address, found)| {
            // What is live by the control plane is among the rows that go.
            let new = !found.is_live && found.mode == Mode::Managed;
            found.body.text("role") == Some(role) && !gone(address) && (new || *role != "Admin")
        })
    })
}
