//! Roles by their commands, as they are read, and what is left of them.

use super::*;
use crate::kind::entity::tests::{body, steps};
use crate::kind::replies::{DatabaseReplies, Rows};
use crate::kind::{script, shape};
use crate::model::Inventory;
use serde_json::json;

const TENANT: &str = "99999999-8888-7777-6666-555555555555";

#[test]
fn members_join_before_others_go() {
    let two =
        json!({"members": ["aaduser=b@x.com", {"fqn": "aadapp=1;t", "notes": "it's"}], "exclusive": true});
    let one = json!({"members": ["aaduser=a@x.com"]});
    assert_eq!(
        steps("principals", "principals.unrestrictedViewers", one, two),
        [
            r#".add database d unrestrictedviewers ("aadapp=1;t") "it's""#,
            r#"  undo .drop database d unrestrictedviewers ("aadapp=1;t")"#,
            r#".add database d unrestrictedviewers ("aaduser=b@x.com")"#,
            r#"  undo .drop database d unrestrictedviewers ("aaduser=b@x.com")"#,
            r#".drop database d unrestrictedviewers ("aaduser=a@x.com")"#,
            r#"  undo .add database d unrestrictedviewers ("aaduser=a@x.com")"#,
        ]
    );
}

#[test]
fn what_is_not_mentioned_stays() {
    let at = "tables.T.principals.ingestors";
    assert_eq!(
        steps(
            "principals",
            at,
            json!({"members": ["aaduser=a", "aaduser=b"]}),
            json!({"members": ["aaduser=c"]})
        ),
        [r#".add table T ingestors ("aaduser=c")"#, r#"  undo .drop table T ingestors ("aaduser=c")"#,]
    );
}

#[test]
fn notes_change_by_dropping_and_adding() {
    let noted = |notes: &str| json!({"members": [{"fqn": "aaduser=a", "notes": notes}]});
    assert_eq!(
        steps("principals", "principals.users", noted("old"), noted("new")),
        [
            r#".drop database d users ("aaduser=a")"#,
            r#"  undo .add database d users ("aaduser=a") "old""#,
            r#".add database d users ("aaduser=a") "new""#,
            r#"  undo .drop database d users ("aaduser=a")"#,
        ]
    );
}

fn rows(columns: &[&str], rows: &[&[&str]]) -> Rows {
    let text = |cell: &&str| json!(cell);
    Rows {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        rows: rows.iter().map(|row| row.iter().map(text).collect()).collect(),
    }
}

/// A database in which the caller made a table and shares it, and Alice views everything.
fn read() -> Vec<Found> {
    let (alice, me) = ("11111111-0000-0000-0000-000000000001", "22222222-0000-0000-0000-000000000002");
    let fqn = |key: &str, id: &str| format!("{key}={id};{TENANT}");
    let columns = ["Role", "PrincipalDisplayName", "PrincipalObjectId", "PrincipalFQN", "Notes"];
    let (a, m) = (fqn("aaduser", alice), fqn("aadapp", me));
    let of_database = rows(
        &columns,
        &[
            &["AllDatabasesAdmin", "Me (app id: 2)", me, &m, ""],
            &["Database my d Admin", "Me (app id: 2)", me, &m, ""],
            &["Database my d UnrestrictedViewer", "Alice (upn: alice@x.com)", alice, &a, "n"],
        ],
    );
    let roles =
        rows(&["Scope", "DisplayName", "AADObjectID", "Role"], &[&["d", "Me", me, "Database my d Admin"]]);
    let statements =
        [format!(".add table T admins ('{m}', '{a}')"), format!(".add graph_model G admins ('{a}') 'x'")];
    let replies = DatabaseReplies {
        script: script::parse(statements.iter().map(String::as_str)),
        shows: [(".show database principals", of_database), (".show principal roles", roles)]
            .map(|(show, rows)| (show.to_owned(), rows))
            .into(),
        ..DatabaseReplies::default()
    };
    Principals.found(&Reply::Database(&replies)).unwrap()
}

fn live(path: &str) -> Resource {
    let text =
        |found: &Found| found.path.iter().map(|(c, n)| format!("{c}.{n}")).collect::<Vec<_>>().join(".");
    let found = read().into_iter().find(|found| text(found) == path).unwrap();
    Resource { kind: "principals", body: found.body, attributes: found.attributes, ..Resource::default() }
}

#[test]
fn roles_are_read_from_prose_and_script() {
    let text = |found: &Found| found.path.iter().map(|(_, n)| n.as_str()).collect::<Vec<_>>().join(".");
    let paths: Vec<String> = read().iter().map(text).collect();
    assert_eq!(paths, ["G.admins", "admins", "unrestrictedViewers", "T.admins"]);
}

#[test]
fn a_spec_may_spell_a_member_as_it_likes() {
    for path in ["principals.unrestrictedViewers", "tables.T.principals.admins"] {
        let live = live(path);
        for fqn in ["aaduser=Alice@x.com", "aaduser=11111111-0000-0000-0000-000000000001"] {
            let wanted = body("principals", &json!({"members": [fqn]}));
            let after = Principals.settle(Some(&live), &wanted);
            assert!(shape::same_bodies(FIELDS, &live.body, &after), "{path}: {fqn}: {after:?}");
            let again = Principals.settle(Some(&Resource { body: after.clone(), ..live.clone() }), &after);
            assert_eq!(again, after);
        }
    }
}

#[test]
fn the_creator_stays() {
    let live = live("tables.T.principals.admins");
    let nobody = body("principals", &json!({"members": [], "exclusive": true}));
    let after = Principals.settle(Some(&live), &nobody);
    assert_eq!(members(&after).len(), 1, "{after:?}");
    assert!(after.shown().to_string().contains("aadapp=22222222"));
    assert_eq!(Principals.remains(&live, &Body::new()), Some(after));
}

#[test]
fn only_what_is_declared_goes() {
    let live = live("tables.T.principals.admins");
    let declared = body("principals", &json!({"members": ["aaduser=alice@x.com"]}));
    let rest = Principals.remains(&live, &declared).unwrap();
    assert!(rest.shown().to_string().contains("aadapp=22222222") && members(&rest).len() == 1);
    let nobody = body("principals", &json!({"members": ["aaduser=bob@x.com"]}));
    assert!(shape::same_bodies(FIELDS, &Principals.remains(&live, &nobody).unwrap(), &live.body));
}

/// The reasons against a change of the database's admins to `after`, with things around it.
fn reasons(after: &serde_json::Value, more: &[(&str, Resource)], gone: &str) -> Vec<String> {
    let mut world = Inventory::new();
    let at = |path: &str| -> Address { format!("clusters.c{path}").parse().unwrap() };
    let of = |kind: &'static str| Resource { kind, name: "d".into(), ..Resource::default() };
    world.insert(at(""), of("cluster"));
    world.insert(at(".databases.d"), of("database"));
    let name = "principals.admins";
    let inherited = live(name).attributes.with("inherited", false);
    let admins = Resource { name: "admins".into(), attributes: inherited, is_live: true, ..live(name) };
    let address = at(".databases.d.principals.admins");
    world.insert(address.clone(), admins.clone());
    for (path, resource) in more {
        world.insert(at(path), resource.clone());
    }
    let settled = Principals.settle(Some(&admins), &body("principals", after));
    let change = Change::new(Some(admins.body.clone()), Some(settled));
    let at = At { address: &address, resource: &admins, world: &world };
    Principals.locks_out(&at, &change, &|address| address.to_string().ends_with(gone))
}

#[test]
fn nobody_is_locked_out_by_accident() {
    let me = "Me (app id: 2)";
    let only = |fqn: &str| json!({"members": [fqn], "exclusive": true});
    let own = format!("{me} is who runs this, and would no longer be an admin");
    let alone = "nobody would be left who is an admin".to_owned();
    let used = format!("{me} is the identity that clusters.c.databases.d.dataConnections.hub uses");
    let nobody = json!({"members": [], "exclusive": true});
    assert_eq!(reasons(&only("aaduser=alice@x.com"), &[], "-"), std::slice::from_ref(&own));
    assert_eq!(reasons(&nobody, &[], "-"), [own.clone(), alone]);
    assert_eq!(reasons(&json!({"members": []}), &[], "-"), [""; 0]);
    let noted = json!({"members": [{"fqn": "aadapp=22222222-0000-0000-0000-000000000002", "notes": "it"}]});
    assert_eq!(reasons(&noted, &[], "-"), std::slice::from_ref(&own));
    let made = |kind, body| Resource { kind, body, ..Resource::default() };
    let by_arm = made("databasePrincipalAssignment", Body::new().with("role", "Admin"));
    let connection = Resource {
        attributes: Body::new().with("managedIdentityObjectId", "22222222-0000-0000-0000-000000000002"),
        ..made("eventHubDataConnection", Body::new())
    };
    let around =
        [(".databases.d.principalAssignments.p", by_arm), (".databases.d.dataConnections.hub", connection)];
    assert_eq!(reasons(&nobody, &around, "-"), [own.clone(), used]);
    assert_eq!(reasons(&nobody, &around, "hub"), [own]);
}
