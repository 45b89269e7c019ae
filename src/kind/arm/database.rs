//! Read-write databases.
//!
//! The two periods are written through the control plane and unset by the engine's own command, because what a
//! null does in a PATCH is not documented; each unset is a step of its own.

use super::cluster::{KEY_VAULT, too_many_databases};
use super::place;
use super::wire::{self, Defaults};
use crate::kind::question::Seen;
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss, LossClass};
use crate::model::command::Command;
use crate::model::duration::Ticks;
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{Method, Request};

/// The kind `database`.
#[derive(Debug)]
pub struct Database;

const ABOUT: About = About {
    name: "database",
    collection: "databases",
    parents: &["cluster"],
    names: NameRule::Database,
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A read-write database of a cluster. It is created, altered in place and, when asked for, deleted with all \
          its data; it is never replaced. With `existing: true` it is only read and what stands in it is managed.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-cluster-and-database",
    example: "databases:\n  iot:\n    softDeletePeriod: 365d\n    hotCachePeriod: 31d\n",
    fields: FIELDS,
    outputs: &[
        ("id", "The resource id."),
        ("kind", "`ReadWrite`, or `ReadOnlyFollowing` for one that follows a database of another cluster."),
        ("statistics.size", "The size of its data in bytes, a while ago."),
        ("isFollowed", "Whether another cluster follows it."),
        ("provisioningState", "How its last operation ended."),
        ("suspensionDetails.suspensionStartDate", "Since when it is suspended, if it is."),
    ],
    may_exist: true,
    ..About::BASE
};

const DEFAULTS: Defaults = &[("kind", r#""ReadWrite""#)];

const FIELDS: &[Field] = &[
    Field::new(
        "kind",
        Shape::Enum(&["ReadWrite"]),
        "Always `ReadWrite`, also when left out: a following database is made by attaching it, and is not touched.",
    )
    .role(Role::Immutable),
    Field::new(
        "location",
        Shape::Location,
        "The region: that of the cluster, also when left out. It cannot change.",
    )
    .role(Role::Immutable),
    Field::new(
        "softDeletePeriod",
        Shape::Duration,
        "For how long data is kept after its ingestion, as `365d`, `12h` or `P365D`, up to 36500 days. It is the same \
         as the database's retention policy: use one of the two. Shortening it deletes data; a null unsets it. \
         Default: 100 years.",
    ),
    Field::new(
        "hotCachePeriod",
        Shape::Duration,
        "For how long data stays in the fast cache after its ingestion, up to `softDeletePeriod`. It is the same as the \
         database's caching policy: use one of the two. A null unsets it. Default: all data is in the cache.",
    ),
    Field::new(
        "keyVaultProperties",
        KEY_VAULT,
        "The key that encrypts this database's storage, instead of the cluster's. Default: none.",
    ),
];

/// The periods with the policy that holds each, in the order in which they are unset.
const PERIODS: [(&str, &str, &str); 2] =
    [("softDeletePeriod", "retention", "policy retention"), ("hotCachePeriod", "caching", "policy caching")];

/// For how long the service can bring soft-deleted data back.
///
/// <https://learn.microsoft.com/kusto/management/retention-policy>
const RECOVERY: Ticks = Ticks::days(14);

const LONGEST: Ticks = Ticks::days(36_500);

impl Kind for Database {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::ArmList { segment: "databases", api_version: wire::API_VERSION }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let mut found = wire::read("databases", FIELDS, DEFAULTS, json)?;
        let size = json.pointer("/properties/statistics/size").and_then(serde_json::Value::as_f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes come as reals")]
        let bytes = size.filter(|size| *size >= 0.0).map(|size| size as u64);
        found.bytes = bytes;
        found.is_given = is_follower(&found.body);
        Ok(vec![found])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        if let Some(before) = change.before.as_ref().filter(|before| is_follower(before)) {
            let kind = shape::describe(before.get("kind").unwrap_or(&Value::Null));
            return Err(format!("`kind` is {kind}: the database follows another one and is not written to"));
        }
        match (&change.before, &change.after) {
            (_, None) => wire::delete(at),
            (None, Some(after)) => {
                let location = wire::location(at, after)?;
                let body = wire::whole(FIELDS, after).with("location", location).with("kind", "ReadWrite");
                wire::request(at, Method::Put, body).map(Request::Arm)
            }
            (Some(before), Some(after)) => update(at, before, after),
        }
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        let (rows, bytes) = figures(at);
        let Some(after) = &change.after else {
            let what = "the database is deleted with all its data and cannot be brought back";
            return Loss::new(LossClass::Irreversible, what).of(rows, bytes);
        };
        let period = |body: &Body| body.get("softDeletePeriod").and_then(Value::as_time);
        let old = change.before.as_ref().map(period);
        match (old, period(after)) {
            (Some(old), Some(new)) if old.is_none_or(|old| new < old) => {
                shortened(at, old, new).of(rows, bytes)
            }
            _ => Loss::none(),
        }
    }

    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
        let gone = unset(before, after);
        let others = shape::differing(FIELDS, before, after).len() > gone.len();
        let keep = |body: Body, names: &[&str]| {
            names.iter().fold(body, |body, name| match before.get(name) {
                Some(value) => body.with(name, value.clone()),
                None => body,
            })
        };
        let first = usize::from(!others);
        (first..gone.len()).map(|done| keep(after.clone(), &gone[done..])).collect()
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let wanted = wire::defaulted(FIELDS, DEFAULTS, wanted);
        let wanted = if wanted.get("kind").is_none() { wanted.with("kind", "ReadWrite") } else { wanted };
        shape::overlay(FIELDS, live.map_or(&Body::new(), |live| &live.body), &wanted)
    }

    fn seconds(&self, change: &Change) -> u32 {
        if change.after.is_none() { 5 } else { 3 }
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        if at.resource.mode == Mode::Absent {
            return wire::needs_control_plane(at).into_iter().collect();
        }
        let (body, mut found) = (&at.resource.body, Vec::new());
        if let Some(objection) = wire::needs_control_plane(at) {
            let given = FIELDS.iter().filter(|f| body.get(f.name).is_some());
            found.extend(given.map(|f| Finding { field: vec![f.name.to_owned()], ..objection.clone() }));
            return found;
        }
        found.extend(place::strange_in_pool(at, &["keyVaultProperties"]));
        found.extend(owners(at));
        found.extend(periods(body));
        found.extend(wire::other_region(at));
        found
    }

    fn check_live(&self, at: &At<'_>, change: &Change, _seen: Seen<'_>) -> Vec<Finding> {
        too_many_databases(at, change).into_iter().collect()
    }
}

/// The rows and bytes of everything at or below a thing, where the service says so.
pub fn figures(at: &At<'_>) -> (Option<u64>, Option<u64>) {
    let below: Vec<&Resource> = at.world.below(at.address).map(|(_, resource)| resource).collect();
    let rows = at.resource.rows.or_else(|| below.iter().filter_map(|r| r.rows).reduce(u64::saturating_add));
    let databases = || below.iter().filter(|r| r.kind == ABOUT.name).filter_map(|r| r.bytes);
    let tables = || below.iter().filter(|r| r.kind != ABOUT.name).filter_map(|r| r.bytes);
    let sum = || databases().reduce(u64::saturating_add).or_else(|| tables().reduce(u64::saturating_add));
    (rows, at.resource.bytes.or_else(sum))
}

fn is_follower(body: &Body) -> bool {
    body.text("kind").is_some_and(|kind| !kind.eq_ignore_ascii_case("ReadWrite"))
}

/// The periods that a change unsets.
fn unset<'a>(before: &Body, after: &Body) -> Vec<&'a str> {
    let given = |body: &Body, name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let names = PERIODS.iter().map(|(name, ..)| *name);
    names.filter(|name| given(before, name) && !given(after, name)).collect()
}

fn update(at: &At<'_>, before: &Body, after: &Body) -> Result<Request, String> {
    if let [name] = unset(before, after).as_slice() {
        let policy = PERIODS.iter().find(|(period, ..)| period == name).map_or("", |(.., words)| words);
        let command = Command::new(".delete database").name(at.name()).word(policy);
        return Ok(Request::kusto(&at.cluster(), at.name(), command));
    }
    let body = wire::part(&shape::differing(FIELDS, before, after), after);
    let mut properties = body.get("properties").and_then(Value::as_map).cloned().unwrap_or_default();
    if properties.get("keyVaultProperties") == Some(&Value::Null) {
        properties.set("keyVaultProperties", Body::new());
    }
    let body = Body::new().with("kind", "ReadWrite").with("properties", properties);
    wire::request(at, Method::Patch, body).map(Request::Arm)
}

fn shortened(at: &At<'_>, old: Option<Ticks>, new: Ticks) -> Loss {
    let old = old.map_or_else(|| "unlimited".to_owned(), |old| old.to_string());
    let what = format!(
        "data older than {new} (until now {old}) is deleted from every table without a retention policy of its own"
    );
    let policy = at.world.child(at.address, "policies", "retention");
    let recoverability = policy.and_then(|policy| policy.body.text("recoverability"));
    if recoverability.is_some_and(|word| word.eq_ignore_ascii_case("Disabled")) {
        return Loss::new(LossClass::Irreversible, format!("{what}, and recoverability is disabled"));
    }
    Loss { recoverable_for: Some(RECOVERY), ..Loss::new(LossClass::Recoverable, what) }
}

/// A period and the policy that holds the same have one owner.
fn owners(at: &At<'_>) -> Vec<Finding> {
    let owned = PERIODS.iter().filter(|(name, policy, _)| {
        let declared = at.world.child(at.address, "policies", policy).is_some();
        declared && at.resource.body.get(name).is_some()
    });
    let finding = |(name, policy, _): &(&str, &str, &str)| {
        let message = format!("`{name}` and the database's policy `{policy}` are one and the same setting");
        Finding::new(&[name], message, format!("keep either `{name}` or `policies.{policy}`"))
    };
    owned.map(finding).collect()
}

fn periods(body: &Body) -> Vec<Finding> {
    let period = |name| body.get(name).and_then(Value::as_time);
    let (kept, hot) = (period("softDeletePeriod"), period("hotCachePeriod"));
    let mut found = Vec::new();
    if let Some(kept) = kept.filter(|kept| kept.0 <= 0 || *kept > LONGEST) {
        let message = format!("a `softDeletePeriod` of {kept} is outside of what the service takes");
        found.push(Finding::new(&["softDeletePeriod"], message, "give one above zero and up to 36500d"));
    }
    if let Some(hot) = hot.filter(|hot| hot.0 < 0) {
        let message = format!("a `hotCachePeriod` of {hot} is below zero");
        found.push(Finding::new(&["hotCachePeriod"], message, ""));
    }
    if let (Some(kept), Some(hot)) = (kept, hot)
        && hot > kept
    {
        let message = format!("the cache would hold data for {hot}, which is kept for {kept} only");
        found.push(Finding::new(&["hotCachePeriod"], message, format!("give at most {kept}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::arm::testing::{Bench, SUBSCRIPTION, check, landing};
    use serde_json::{Value as Json, json};

    const CASES: &str = r#"
== a database is made where its cluster is
+ {"softDeletePeriod": "365d", "hotCachePeriod": "12h"}
> PUT ~/clusters/c/databases/d {"kind":"ReadWrite","location":"westeurope","properties":{"hotCachePeriod":"PT12H","softDeletePeriod":"P365D"}}
>   undo DELETE ~/clusters/c/databases/d

== nothing needs to be said
+ {}
> PUT ~/clusters/c/databases/d {"kind":"ReadWrite","location":"westeurope","properties":{}}
>   undo DELETE ~/clusters/c/databases/d

== every property
+ {"kind": "ReadWrite", "location": "West Europe", "softDeletePeriod": "P14DT12H", "hotCachePeriod": "7.00:00:00", "keyVaultProperties": {"keyName": "k", "keyVersion": "1", "keyVaultUri": "https://v"}}
> PUT ~/clusters/c/databases/d {"kind":"ReadWrite","location":"westeurope","properties":{"hotCachePeriod":"P7D","keyVaultProperties":{"keyName":"k","keyVaultUri":"https://v","keyVersion":"1"},"softDeletePeriod":"P14DT12H"}}
>   undo DELETE ~/clusters/c/databases/d

== spellings of one period are the same
- {"location": "westeurope", "softDeletePeriod": "PT168H"}
+ {"softDeletePeriod": "7d"}
> same

== longer is no loss
- {"location": "westeurope", "softDeletePeriod": "7d", "hotCachePeriod": "1d"}
+ {"softDeletePeriod": "8d"}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P8D"}}
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P7D"}}

== shorter is
- {"location": "westeurope", "softDeletePeriod": "365d", "hotCachePeriod": "31d"}
+ {"softDeletePeriod": "90d", "hotCachePeriod": "31d"}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P90D"}}
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P365D"}}
>   loss recoverable: data older than 90d (until now 365d) is deleted from every table without a retention policy of its own

== and so is a first period
- {"location": "westeurope"}
+ {"softDeletePeriod": "90d"}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P90D"}}
>   undo clusters.c d: .delete database d policy retention
>   loss recoverable: data older than 90d (until now unlimited) is deleted from every table without a retention policy of its own

== the cache loses nothing
- {"location": "westeurope", "hotCachePeriod": "31d"}
+ {"hotCachePeriod": "1d"}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"hotCachePeriod":"P1D"}}
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"hotCachePeriod":"P31D"}}

== a period is unset by the engine
- {"location": "westeurope", "softDeletePeriod": "90d", "hotCachePeriod": "31d"}
+ {"softDeletePeriod": null}
> clusters.c d: .delete database d policy retention
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P90D"}}

== what else changes comes first
- {"location": "westeurope", "softDeletePeriod": "90d", "hotCachePeriod": "31d", "keyVaultProperties": {"keyName": "k", "keyVaultUri": "https://v"}}
+ {"softDeletePeriod": null, "hotCachePeriod": null, "keyVaultProperties": null}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"keyVaultProperties":{}}}
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"keyVaultProperties":{"keyName":"k","keyVaultUri":"https://v"}}}
> clusters.c d: .delete database d policy retention
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P90D"}}
> clusters.c d: .delete database d policy caching
>   undo PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"hotCachePeriod":"P31D"}}

== what two periods become is unset one by one
- {"location": "westeurope"}
+ {"softDeletePeriod": "90d", "hotCachePeriod": "31d"}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"hotCachePeriod":"P31D","softDeletePeriod":"P90D"}}
>   undo clusters.c d: .delete database d policy retention
>   undo clusters.c d: .delete database d policy caching
>   loss recoverable: data older than 90d (until now unlimited) is deleted from every table without a retention policy of its own

== a follower is not touched
- {"location": "westeurope", "kind": "ReadOnlyFollowing"}
+ {"hotCachePeriod": "31d"}
> fixed: kind

== and not deleted
- {"location": "westeurope", "kind": "ReadOnlyFollowing"}
> error: `kind` is "ReadOnlyFollowing": the database follows another one and is not written to

== a deleted database is gone
- {"location": "westeurope", "softDeletePeriod": "90d"}
> DELETE ~/clusters/c/databases/d
>   never undone: the database is deleted with all its data and cannot be brought back
>   loss irreversible: the database is deleted with all its data and cannot be brought back
"#;

    #[test]
    fn requests() {
        let mut things = landing();
        things["clusters.c.databases.d"]["bytes"] = json!(4096);
        Bench::new(&Database, "clusters.c.databases.d", &things).run(CASES, &[]);
    }

    #[test]
    fn shortening_without_recoverability_is_for_good() {
        let mut things = landing();
        things["clusters.c.databases.d.policies.retention"] =
            json!({"kind": "retentionPolicy", "body": {"recoverability": "Disabled"}});
        Bench::new(&Database, "clusters.c.databases.d", &things).run(
            r#"
== shorter
- {"location": "westeurope", "softDeletePeriod": "365d"}
+ {"softDeletePeriod": "90d"}
> PATCH ~/clusters/c/databases/d {"kind":"ReadWrite","properties":{"softDeletePeriod":"P90D"}}
>   never undone: data older than 90d (until now 365d) is deleted from every table without a retention policy of its own, and recoverability is disabled
>   loss irreversible: data older than 90d (until now 365d) is deleted from every table without a retention policy of its own, and recoverability is disabled
"#,
            &[],
        );
    }

    #[test]
    fn reads_a_reply_as_it_came() {
        let bench = Bench::new(&Database, "clusters.c.databases.d", &landing());
        let live = bench.read(&json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Kusto/Clusters/c/Databases/d"),
            "name": "c/d", "type": "Microsoft.Kusto/Clusters/Databases", "location": "West Europe", "kind": "ReadWrite",
            "properties": {"softDeletePeriod": "P1D", "hotCachePeriod": "PT36H", "statistics": {"size": 1024.5},
                "isFollowed": true, "provisioningState": "Succeeded"}
        }));
        assert_eq!((&*live.name, live.bytes), ("d", Some(1024)));
        assert_eq!(
            live.body.shown(),
            json!({"kind": "ReadWrite", "location": "West Europe", "softDeletePeriod": "1.00:00:00", "hotCachePeriod": "1.12:00:00"})
        );
        assert_eq!(live.attributes.get("isFollowed"), Some(&Value::Bool(true)));
    }

    const CHECKS: &str = r#"
== {"softDeletePeriod": "90d", "hotCachePeriod": "31d", "location": "West Europe"}
== {"softDeletePeriod": "90d", "hotCachePeriod": "91d"}
> hotCachePeriod: the cache would hold data for 91d, which is kept for 90d only; give at most 90d
== {"softDeletePeriod": "36501d", "hotCachePeriod": "0s"}
> softDeletePeriod: a `softDeletePeriod` of 36501d is outside of what the service takes; give one above zero and up to 36500d
== {"softDeletePeriod": "0s", "hotCachePeriod": "-1.00:00:00"}
> softDeletePeriod: a `softDeletePeriod` of 00:00:00 is outside of what the service takes; give one above zero and up to 36500d
> hotCachePeriod: a `hotCachePeriod` of -1d is below zero
== {"location": "northeurope"}
> location: northeurope is not the region of clusters.c, which is westeurope; leave `location` out: it follows from the cluster
== {"policies": ["retention", "caching"], "softDeletePeriod": "90d", "hotCachePeriod": "31d"}
> softDeletePeriod: `softDeletePeriod` and the database's policy `retention` are one and the same setting; keep either `softDeletePeriod` or `policies.retention`
> hotCachePeriod: `hotCachePeriod` and the database's policy `caching` are one and the same setting; keep either `hotCachePeriod` or `policies.caching`
== {"policies": ["retention"], "hotCachePeriod": "31d"}
== {"by": "uri"}
== {"by": "uri", "softDeletePeriod": "90d", "location": "westeurope"}
> location: this is made through the control plane, and clusters.c is known only by its `uri`; give the cluster's `subscriptionId` and `resourceGroup` instead of `uri`
> softDeletePeriod: this is made through the control plane, and clusters.c is known only by its `uri`; give the cluster's `subscriptionId` and `resourceGroup` instead of `uri`
"#;

    #[test]
    fn rules() {
        check(CHECKS, |case| {
            let mut body: Json = serde_json::from_str(case).unwrap();
            let mut things = landing();
            let given = body.as_object_mut().unwrap();
            if given.remove("by").is_some() {
                things["clusters.c"]["body"] = json!({"uri": "https://help.kusto.windows.net"});
            }
            for policy in given.remove("policies").iter().flat_map(|list| list.as_array().unwrap()) {
                let policy = policy.as_str().unwrap();
                things[format!("clusters.c.databases.d.policies.{policy}")] =
                    json!({"kind": format!("{policy}Policy")});
            }
            things["clusters.c.databases.d"]["body"] = body;
            (&Database, "clusters.c.databases.d", things)
        });
    }
}
