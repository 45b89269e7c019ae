//! Workload groups of a cluster: requests that share limits.
//!
//! Only what is given is written and compared: the service fills in the rest, and adds a limit of concurrent requests
//! where none is given (test: `the_limit_that_the_service_adds_stays`).

use super::in_database;
use crate::kind::policy::json;
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::inventory::{Mode, Resource};
use crate::model::request::Request;
use crate::model::{Change, Loss};
use arcstr::ArcStr;
use std::collections::BTreeMap;

/// A workload group.
pub(super) struct WorkloadGroup;

const SHOW: &str = ".show workload_groups";

/// The group of every request that no other takes.
const DEFAULT: &str = "default";
/// The group of the service's own requests, which nobody alters.
const INTERNAL: &str = "internal";
/// The group of the work behind materialized views.
const VIEWS: &str = "$materialized-views";
/// The only limits of that group.
const OF_VIEWS: [&str; 4] = [
    "maxMemoryPerQueryPerNode",
    "maxMemoryPerIterator",
    "maxFanoutThreadsPercentage",
    "maxFanoutNodesPercentage",
];
/// <https://learn.microsoft.com/kusto/management/workload-groups>
const MOST: usize = 16;

const LIMITS: &str = "requestLimitsPolicy";
const RATES: &str = "requestRateLimitPolicies";

const RELAXABLE: Field = Field::new(
    "isRelaxable",
    Shape::Bool,
    "Whether a request may ask for more than the group says; default true.",
);

const fn limit(fields: &'static [Field]) -> Shape {
    Shape::Object { fields, short: &["value"] }
}

const SCOPE: &[Field] =
    &[RELAXABLE, Field::new("value", Shape::Enum(&["All", "HotCache"]), "`All` or `HotCache`.")];
const COUNT: &[Field] = &[RELAXABLE, Field::new("value", Shape::Int(1, i64::MAX), "The number.")];
const PERCENT: &[Field] = &[RELAXABLE, Field::new("value", Shape::Int(1, 100), "The share in percent.")];
const SPAN: &[Field] = &[RELAXABLE, Field::new("value", Shape::Duration, "The length of time.")];
const MODE: &[Field] = &[
    RELAXABLE,
    Field::new(
        "value",
        Shape::OpenEnum(&["Strong", "Weak", "WeakAffinitizedByQuery", "WeakAffinitizedByDatabase"]),
        "The mode.",
    ),
];

const LIMIT_FIELDS: &[Field] = &[
    Field::new("dataScope", limit(SCOPE), "Which data a query reads: `All` or `HotCache`."),
    Field::new("maxMemoryPerQueryPerNode", limit(COUNT), "The most memory of a query on a node, in bytes."),
    Field::new("maxMemoryPerIterator", limit(COUNT), "The most memory of a query operator, in bytes."),
    Field::new("maxFanoutThreadsPercentage", limit(PERCENT), "The share of threads on a node, in percent."),
    Field::new("maxFanoutNodesPercentage", limit(PERCENT), "The share of nodes, in percent."),
    Field::new("maxResultRecords", limit(COUNT), "The most records of a result."),
    Field::new("maxResultBytes", limit(COUNT), "The most data of a result, in bytes."),
    Field::new("maxExecutionTime", limit(SPAN), "The longest a request runs."),
    Field::new("queryResultsCacheMaxAge", limit(SPAN), "The oldest cached result that answers a query."),
];

const RATE_PROPERTIES: &[Field] = &[
    Field::new("maxConcurrentRequests", Shape::Int(0, 10_000), "For `ConcurrentRequests`: the most at once."),
    Field::new(
        "resourceKind",
        Shape::Enum(&["RequestCount", "TotalCpuSeconds"]),
        "For `ResourceUtilization`: what is counted, `RequestCount` or `TotalCpuSeconds`.",
    ),
    Field::new(
        "maxUtilization",
        Shape::Int(1, i64::MAX),
        "For `ResourceUtilization`: the most within the window.",
    ),
    Field::new("timeWindow", Shape::Duration, "For `ResourceUtilization`: the window."),
];

const RATE: &[Field] = &[
    Field::new("isEnabled", Shape::Bool, "Whether it counts; default true."),
    Field::new(
        "scope",
        Shape::Enum(&["WorkloadGroup", "Principal"]),
        "For the group as a whole, or for each principal.",
    )
    .required(),
    Field::new("limitKind", Shape::Enum(&["ConcurrentRequests", "ResourceUtilization"]), "What is limited.")
        .required(),
    Field::new("properties", Shape::object(RATE_PROPERTIES), "How much.").required(),
];

const ENFORCEMENT: &[Field] = &[
    Field::new(
        "queriesEnforcementLevel",
        Shape::OpenEnum(&["QueryHead", "Cluster"]),
        "Where the limits of queries are counted: `QueryHead` or `Cluster`.",
    ),
    Field::new(
        "commandsEnforcementLevel",
        Shape::OpenEnum(&["Database", "Cluster"]),
        "Where the limits of commands are counted: `Database` or `Cluster`.",
    ),
];

const CONSISTENCY: &[Field] = &[
    Field::new("queryConsistency", limit(MODE), "How current the data of a query is."),
    Field::new("cachedResultsMaxAge", limit(SPAN), "The oldest cached result that answers a query."),
];

const ABOUT: About = About {
    name: "workloadGroup",
    collection: "workloadGroups",
    parents: &["cluster"],
    names: NameRule::Label,
    plane: Plane::Kusto,
    doc: "A workload group: requests that share limits. The request classification policy says which requests. Only \
          what is given is written and compared; a limit that is not set is that of `default`. A cluster has at most \
          16 groups beside its own: `default`, which may be altered and never goes; `$materialized-views`, which takes \
          four limits; and `internal`, which is the service's. Reading and writing groups takes the role \
          AllDatabasesAdmin.",
    page: "https://learn.microsoft.com/kusto/management/workload-groups",
    example: "workloadGroups:\n  Reports:\n    requestLimitsPolicy: {maxExecutionTime: {isRelaxable: false, value: 2m}, maxResultRecords: 100000}\n    requestRateLimitPolicies: [{scope: Principal, limitKind: ConcurrentRequests, properties: {maxConcurrentRequests: 5}}]\n",
    fields: &[
        Field::new(
            LIMITS,
            Shape::object(LIMIT_FIELDS),
            "What one request may use, each limit `{isRelaxable, value}` or the value alone; `null` unsets one.",
        ),
        Field::new(
            RATES,
            Shape::Set(&Shape::object(RATE)),
            "How many requests, or how much of a resource in a time. The list replaces the one that stands there, but \
             for the group's limit of concurrent requests, which the service adds where it is left out.",
        ),
        Field::new(
            "requestRateLimitsEnforcementPolicy",
            Shape::object(ENFORCEMENT),
            "Where the rates are counted.",
        ),
        Field::new(
            "requestQueuingPolicy",
            Shape::Object {
                fields: &[Field::new("isEnabled", Shape::Bool, "Whether they wait.")],
                short: &["isEnabled"],
            },
            "Whether requests beyond the limit of concurrent requests wait for their turn.",
        ),
        Field::new(
            "queryConsistencyPolicy",
            Shape::object(CONSISTENCY),
            "How current the data of queries is.",
        ),
    ],
    ..About::BASE
};

impl Kind for WorkloadGroup {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Cluster
    }

    fn cluster_shows(&self) -> &'static [&'static str] {
        &[SHOW]
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Cluster(replies) = reply else { return Ok(Vec::new()) };
        let Some(rows) = replies.get(SHOW) else { return Ok(Vec::new()) };
        // The service's own group is not ours to speak of.
        let groups = rows.iter().filter(|row| row.text("WorkloadGroupName") != INTERNAL);
        let found = groups.map(|row| {
            let name = row.text("WorkloadGroupName");
            let document = serde_json::from_str(row.text("WorkloadGroup"));
            let document = document.map_err(|why| format!("workload group {name:?}: {why}"))?;
            let body = known(name, json::read(ABOUT.fields, &[], &document)?);
            Ok(Found { path: vec![(ABOUT.collection, name.to_owned())], body, ..Found::default() })
        });
        found.collect()
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let mut wanted = defaulted(wanted);
        if let Some(rates) = wanted.get(RATES).and_then(Value::as_list) {
            let before = live.and_then(|live| live.get(RATES)).and_then(Value::as_list).unwrap_or_default();
            let rates = with_added(rates.iter().map(enabled).collect(), before);
            wanted.set(
                RATES,
                shape_of(RATES).canonical(&Value::from(rates.clone())).unwrap_or(Value::from(rates)),
            );
        }
        let settled = shape::overlay(ABOUT.fields, live.unwrap_or(&Body::new()), &wanted);
        settled.into_iter().map(|(name, value)| (name.clone(), relaxed(&name, value))).collect()
    }

    fn stays(&self, at: &At<'_>) -> Option<&'static str> {
        is_built_in(at.name())
            .then_some("it is one of the service's own workload groups, which cannot be dropped")
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let named = |verb| Command::new(verb).name(at.name());
        let (create, merge) = (".create-or-alter workload_group", ".alter-merge workload_group");
        let command = match (&change.before, &change.after) {
            (Some(before), Some(after)) => named(merge).json_of(&Value::Map(difference(before, after))),
            (None, Some(after)) if is_built_in(at.name()) => named(merge).json_of(&json::written(after)),
            (None, Some(after)) => named(create).json_of(&json::written(after)),
            (_, None) if is_built_in(at.name()) => named(merge).word("'{}'"),
            (_, None) => named(".drop workload_group"),
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let mut findings = built_in(at);
        let rates = at.resource.body.get(RATES).and_then(Value::as_list).unwrap_or_default();
        findings.extend(rates.iter().filter_map(Value::as_map).filter_map(rate));
        if let Some(parent) = at.address.parent() {
            let all = at.world.children(&parent, ABOUT.collection);
            let custom = all.filter(|(_, group)| group.mode == Mode::Managed && !is_built_in(&group.name));
            // The one complaint stands at the first group too many.
            if custom.map(|(address, _)| address).nth(MOST) == Some(at.address) {
                let message = format!("this is one group more than the {MOST} that a cluster takes");
                findings.push(Finding::new(&[], message, "let some requests share a group"));
            }
        }
        findings
    }
}

/// What is wanted, with the service's own choice where nothing is wanted explicitly: it fills that in at once.
fn defaulted(wanted: &Body) -> Body {
    let levels =
        Body::new().with("queriesEnforcementLevel", "QueryHead").with("commandsEnforcementLevel", "Database");
    let defaults = [
        (RATES, Value::from(Vec::new())),
        ("requestRateLimitsEnforcementPolicy", Value::Map(levels)),
        ("requestQueuingPolicy", Value::Map(Body::new().with("isEnabled", false))),
    ];
    let mut wanted = wanted.clone();
    for (name, default) in defaults {
        let filled = match (wanted.get(name), &default) {
            (Some(Value::Null), _) => default,
            (Some(Value::Map(given)), Value::Map(default)) => {
                let choice = |(name, value): (ArcStr, Value)| match value {
                    Value::Null => (name.clone(), default.get(&name).cloned().unwrap_or(Value::Null)),
                    value => (name, value),
                };
                Value::Map(given.clone().into_iter().map(choice).collect())
            }
            _ => continue,
        };
        wanted.set(name, filled);
    }
    wanted
}

fn is_built_in(name: &str) -> bool {
    [DEFAULT, INTERNAL, VIEWS].contains(&name)
}

fn shape_of(name: &str) -> Shape {
    shape::field(ABOUT.fields, name).map_or(Shape::Any, |field| field.shape)
}

/// What a group says, without limits that have no value and without what its group does not take.
fn known(name: &str, body: Body) -> Body {
    let body = if name == VIEWS {
        body.get(LIMITS).map(|limits| Body::new().with(LIMITS, limits.clone())).unwrap_or_default()
    } else {
        body
    };
    let of_group = |limit: &str| name != VIEWS || OF_VIEWS.contains(&limit);
    let said =
        |limit: &Value| limit.as_map().is_none_or(|limit| limit.get("value").is_some_and(|v| !v.is_unset()));
    let member = |(policy, value): (ArcStr, Value)| match value {
        Value::Map(members) if [LIMITS, "queryConsistencyPolicy"].contains(&&*policy) => {
            let members = members.into_iter().filter(|(limit, value)| of_group(limit) && said(value));
            (policy, Value::Map(members.collect()))
        }
        value => (policy, value),
    };
    body.into_iter().map(member).collect()
}

/// A rate limit with its default.
fn enabled(rate: &Value) -> Value {
    match rate {
        Value::Map(rate) if rate.get("isEnabled").is_none() => {
            Value::Map(rate.clone().with("isEnabled", true))
        }
        rate => rate.clone(),
    }
}

/// The limits wanted, with the one that the service adds by itself where it stands already.
fn with_added(mut wanted: Vec<Value>, before: &[Value]) -> Vec<Value> {
    let added = |rate: &&Value| {
        let text = |name| rate.as_map().and_then(|rate| rate.text(name));
        (text("scope"), text("limitKind")) == (Some("WorkloadGroup"), Some("ConcurrentRequests"))
    };
    if !wanted.iter().any(|rate| added(&rate)) {
        wanted.extend(before.iter().find(added).cloned());
    }
    wanted
}

/// The policy with limits that say nothing of it relaxable.
fn relaxed(name: &str, value: Value) -> Value {
    let of_limits = name == LIMITS || name == "queryConsistencyPolicy";
    match value {
        Value::Map(limits) if of_limits => {
            let limit = |value: Value| match value {
                Value::Map(limit) if limit.get("isRelaxable").is_none() => {
                    Value::Map(Body::new().with("isRelaxable", true).into_iter().chain(limit).collect())
                }
                value => value,
            };
            Value::Map(limits.into_iter().map(|(name, value)| (name, limit(value))).collect())
        }
        value => value,
    }
}

/// What leads from one body to the other by a merge: every policy that differs, whole, and null for what goes.
fn difference(before: &Body, after: &Body) -> Body {
    let mut all = Body::new();
    for field in shape::differing(ABOUT.fields, before, after) {
        let one = |body: &Body| body.get(field.name).filter(|value| !value.is_unset()).cloned();
        let (old, new) = (one(before), one(after));
        let single = new.map(|new| json::written(&Body::new().with(field.name, new)));
        let written = single.as_ref().and_then(Value::as_map).and_then(|body| body.iter().next());
        let gone = old.as_ref().map(|old| json::written(&Body::new().with(field.name, old.clone())));
        let gone = gone.as_ref().and_then(Value::as_map).and_then(|body| body.iter().next());
        match (written, gone) {
            (Some((name, Value::Map(new))), Some((_, Value::Map(old)))) => {
                let left = old.names().filter(|name| new.get(name).is_none());
                let nulls: BTreeMap<_, _> = left.map(|name| (name.into(), Value::Null)).collect();
                all.set(name, new.clone().into_iter().chain(nulls).collect::<Body>());
            }
            (Some((name, new)), _) => all.set(name, new.clone()),
            (None, Some((name, _))) => all.set(name, Value::Null),
            (None, None) => {}
        }
    }
    all
}

/// Mistakes that only the service's own groups allow.
fn built_in(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let limits = body.get(LIMITS).and_then(Value::as_map);
    let limits = || limits.into_iter().flat_map(Body::iter);
    match at.name() {
        INTERNAL => {
            let message = "the workload group `internal` is the service's own, and no command alters it";
            vec![Finding::new(&[], message, "leave it out")]
        }
        VIEWS => {
            let others = body.names().filter(|name| *name != LIMITS).map(|name| vec![name]);
            let beyond = limits().map(|(name, _)| &**name).filter(|name| !OF_VIEWS.contains(name));
            let wrong = others.chain(beyond.map(|name| vec![LIMITS, name]));
            let help = format!("it takes {}", OF_VIEWS.join(", "));
            wrong
                .map(|at| Finding::new(&at, format!("`{VIEWS}` does not take this"), help.as_str()))
                .collect()
        }
        DEFAULT => {
            let unset = limits().filter(|(_, limit)| limit.is_unset());
            let message = "a limit of `default` cannot be unset: there is nothing else that says it";
            unset.map(|(name, _)| Finding::new(&[LIMITS, name], message, "give it a value")).collect()
        }
        _ => Vec::new(),
    }
}

/// What a rate limit lacks.
fn rate(rate: &Body) -> Option<Finding> {
    let needed: &[&str] = match rate.text("limitKind")? {
        "ConcurrentRequests" => &["maxConcurrentRequests"],
        _ => &["resourceKind", "maxUtilization", "timeWindow"],
    };
    let properties = rate.get("properties").and_then(Value::as_map)?;
    let lacking = needed.iter().find(|name| properties.get(name).is_none())?;
    let message = format!("a limit of {} lacks `{lacking}`", rate.text("limitKind").unwrap_or_default());
    Some(Finding::new(&[RATES], message, format!("give `properties` {}", needed.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::{body, cluster_steps};
    use serde_json::json;

    #[test]
    fn is_created_merged_and_dropped() {
        let one = json!({"requestLimitsPolicy": {"maxResultRecords": 5, "dataScope": {"isRelaxable": false, "value": "hotcache"}}});
        let two = json!({"requestLimitsPolicy": {"maxResultRecords": null, "maxExecutionTime": "2m"}, "requestQueuingPolicy": true});
        let create = r#".create-or-alter workload_group W '{"RequestLimitsPolicy":{"DataScope":{"IsRelaxable":false,"Value":"HotCache"},"MaxResultRecords":{"IsRelaxable":true,"Value":5}}}'"#;
        assert_eq!(
            cluster_steps("workloadGroup", "workloadGroups.W", json!(null), one.clone()),
            [create.to_owned(), "  undo .drop workload_group W".to_owned()]
        );
        assert_eq!(
            cluster_steps(
                "workloadGroup",
                "workloadGroups.W",
                json!({"requestLimitsPolicy": {"maxResultRecords": {"isRelaxable": true, "value": 5}}}),
                two
            ),
            [
                r#".alter-merge workload_group W '{"RequestLimitsPolicy":{"MaxExecutionTime":{"IsRelaxable":true,"Value":"00:02:00"},"MaxResultRecords":null},"RequestQueuingPolicy":{"IsEnabled":true}}'"#,
                r#"  undo .alter-merge workload_group W '{"RequestLimitsPolicy":{"MaxExecutionTime":null,"MaxResultRecords":{"IsRelaxable":true,"Value":5}},"RequestQueuingPolicy":null}'"#,
            ]
        );
        assert_eq!(
            cluster_steps("workloadGroup", "workloadGroups.default", one, json!(null))[0],
            ".alter-merge workload_group default '{}'"
        );
    }

    #[test]
    fn the_limit_that_the_service_adds_stays() {
        let added = json!({"isEnabled": true, "scope": "WorkloadGroup", "limitKind": "ConcurrentRequests", "properties": {"maxConcurrentRequests": 20}});
        let own = json!({"scope": "Principal", "limitKind": "ConcurrentRequests", "properties": {"maxConcurrentRequests": 5}});
        let other = json!({"isEnabled": true, "scope": "Principal", "limitKind": "ConcurrentRequests", "properties": {"maxConcurrentRequests": 7}});
        let live =
            Resource { body: body("workloadGroup", &json!({RATES: [other, added]})), ..Resource::default() };
        let settled = WorkloadGroup.settle(Some(&live), &body("workloadGroup", &json!({RATES: [own]})));
        let rates = settled.get(RATES).and_then(Value::as_list).unwrap();
        let scopes: Vec<_> = rates.iter().map(|rate| rate.as_map().unwrap().text("scope").unwrap()).collect();
        assert_eq!(scopes, ["Principal", "WorkloadGroup"]);
        let again = Resource { body: settled.clone(), ..Resource::default() };
        assert_eq!(WorkloadGroup.settle(Some(&again), &settled), settled);
    }
}
