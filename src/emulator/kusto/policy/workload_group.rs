//! What a workload group holds (`M:workload-groups.md`, `M:request-limits-policy.md` and the pages beside it).
//!
//! Invariant: canonical text read back as an argument gives the same text (test: `canonical_text_is_stable`).

use super::fields::Fields;
use super::invalid;
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

const TITLE: &str = "WorkloadGroup";
/// The group of every request that no other takes.
pub(crate) const DEFAULT: &str = "default";
/// The group of the service's own requests.
pub(crate) const INTERNAL: &str = "internal";
/// The group of the work behind materialized views.
pub(crate) const VIEWS: &str = "$materialized-views";

/// How the value of a limit is read.
#[derive(Clone, Copy)]
enum Of {
    Word(&'static [&'static str]),
    Whole(i64, i64),
    Span,
}

const LIMITS: &[(&str, Of)] = &[
    ("DataScope", Of::Word(&["All", "HotCache"])),
    ("MaxMemoryPerQueryPerNode", Of::Whole(1, i64::MAX)),
    ("MaxMemoryPerIterator", Of::Whole(1, i64::MAX)),
    ("MaxFanoutThreadsPercentage", Of::Whole(1, 100)),
    ("MaxFanoutNodesPercentage", Of::Whole(1, 100)),
    ("MaxResultRecords", Of::Whole(1, i64::MAX)),
    ("MaxResultBytes", Of::Whole(1, i64::MAX)),
    ("MaxExecutionTime", Of::Span),
    ("QueryResultsCacheMaxAge", Of::Span),
];

/// The only limits of the group behind materialized views.
const OF_VIEWS: &[&str] = &[
    "MaxMemoryPerQueryPerNode",
    "MaxMemoryPerIterator",
    "MaxFanoutThreadsPercentage",
    "MaxFanoutNodesPercentage",
];

const CONSISTENCY: Of = Of::Word(&["Strong", "Weak", "WeakAffinitizedByQuery", "WeakAffinitizedByDatabase"]);

/// The group as the service gives it back: `given` over `before`, and what nobody said filled in.
pub(crate) fn canonical(name: &str, given: &Value, before: Option<&Value>) -> Result<String, Fault> {
    let fields = Fields::new(TITLE, given, before)?;
    if name == VIEWS {
        refuse_beyond(given)?;
    }
    let mut group = Map::new();
    let limits = policy(name, "RequestLimitsPolicy", LIMITS, given, before)?;
    group.insert("RequestLimitsPolicy".to_owned(), limits.unwrap_or_else(|| json!({})));
    group.insert("RequestRateLimitPolicies".to_owned(), Value::Array(rates(&fields)?));
    let name_of = "RequestRateLimitsEnforcementPolicy";
    let (over, under) = (member(given, name_of), before.and_then(|before| member(before, name_of)));
    let enforcement = nested(over.as_ref(), under.as_ref())?;
    let level = |member: &str, words: &[&'static str]| {
        Ok::<_, Fault>(words[enforcement.one_of(member, words)?.unwrap_or(0)])
    };
    group.insert(
        name_of.to_owned(),
        json!({
            "QueriesEnforcementLevel": level("QueriesEnforcementLevel", &["QueryHead", "Cluster"])?,
            "CommandsEnforcementLevel": level("CommandsEnforcementLevel", &["Database", "Cluster"])?,
        }),
    );
    let queue = fields.object("RequestQueuingPolicy")?;
    let queued = queue.map(|policy| policy.flag("IsEnabled")).transpose()?.flatten().unwrap_or(false);
    group.insert("RequestQueuingPolicy".to_owned(), json!({"IsEnabled": queued}));
    let members = [("QueryConsistency", CONSISTENCY), ("CachedResultsMaxAge", Of::Span)];
    if let Some(consistency) = policy(name, "QueryConsistencyPolicy", &members, given, before)? {
        group.insert("QueryConsistencyPolicy".to_owned(), consistency);
    }
    Ok(Value::Object(group).to_string())
}

/// A member of an object by its name without case, be it null.
fn member(object: &Value, name: &str) -> Option<Value> {
    let (_, value) = object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.clone())
}

/// The members of an object over those it had before; null forgets them.
fn nested<'a>(given: Option<&'a Value>, before: Option<&'a Value>) -> Result<Fields<'a>, Fault> {
    static NOTHING: LazyLock<Value> = LazyLock::new(|| json!({}));
    match given {
        None => Fields::new(TITLE, before.unwrap_or(&NOTHING), None),
        Some(Value::Null) => Fields::new(TITLE, &NOTHING, None),
        Some(given) => Fields::new(TITLE, given, before),
    }
}

/// The group behind materialized views takes four limits and nothing else.
fn refuse_beyond(given: &Value) -> Result<(), Fault> {
    for (name, value) in given.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let limits = value.as_object().filter(|_| name.eq_ignore_ascii_case("RequestLimitsPolicy"));
        let known = |limit: &String| OF_VIEWS.iter().any(|known| known.eq_ignore_ascii_case(limit));
        if !limits.is_some_and(|limits| limits.keys().all(known)) {
            return Err(invalid(TITLE, &format!("'{VIEWS}' takes only the limits {}", OF_VIEWS.join(", "))));
        }
    }
    Ok(())
}

/// Members that are each `{IsRelaxable, Value}`; what is null is absent, and in `default` that is refused.
fn policy(
    group: &str,
    name: &str,
    members: &[(&str, Of)],
    given: &Value,
    before: Option<&Value>,
) -> Result<Option<Value>, Fault> {
    let (given, before) = (member(given, name), before.and_then(|before| member(before, name)));
    if given.as_ref().is_some_and(Value::is_null) && group != DEFAULT {
        return Ok(None);
    }
    let none = json!({});
    let given = given.filter(|given| !given.is_null());
    let before = before.filter(|before| !before.is_null());
    if given.is_none() && before.is_none() && group != DEFAULT {
        return Ok(None);
    }
    let mut policy = Map::new();
    for (name, of) in members {
        let own = |object: &Option<Value>| member(object.as_ref()?, name);
        let nothing = own(&given).is_some_and(|value| value.is_null());
        if nothing && group == DEFAULT {
            return Err(invalid(TITLE, &format!("{name} of '{DEFAULT}' cannot be null")));
        }
        let limit = own(&given).or_else(|| own(&before)).filter(|limit| !limit.is_null());
        let limit = limit.or_else(|| choices::default_limit(name).filter(|_| group == DEFAULT));
        if let Some(limit) = limit {
            policy.insert((*name).to_owned(), relaxable(name, *of, &limit)?);
        }
    }
    Fields::new(TITLE, given.as_ref().unwrap_or(&none), None)?;
    Ok(Some(Value::Object(policy)))
}

fn relaxable(member: &str, of: Of, limit: &Value) -> Result<Value, Fault> {
    let fields = Fields::new(TITLE, limit, None)?;
    let missing = || invalid(TITLE, &format!("{member} has no Value"));
    let value = match of {
        Of::Word(words) => json!(words[fields.one_of("Value", words)?.ok_or_else(missing)?]),
        Of::Whole(least, most) => json!(fields.whole("Value", least..=most)?.ok_or_else(missing)?),
        Of::Span => json!(time::timespan(fields.timespan("Value")?.ok_or_else(missing)?)),
    };
    let flag = fields.flag("IsRelaxable")?;
    let flag = flag.ok_or_else(|| invalid(TITLE, &format!("{member} has no IsRelaxable")))?;
    Ok(json!({"IsRelaxable": flag, "Value": value}))
}

fn rates(fields: &Fields<'_>) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    for element in fields.list("RequestRateLimitPolicies")? {
        all.push(rate(&Fields::new(TITLE, element, None)?)?);
    }
    let limited =
        |rate: &Value| rate["Scope"] == "WorkloadGroup" && rate["LimitKind"] == "ConcurrentRequests";
    if !all.iter().any(limited) {
        let most = choices::CONCURRENT_REQUESTS;
        all.push(json!({
            "IsEnabled": true,
            "Scope": "WorkloadGroup",
            "LimitKind": "ConcurrentRequests",
            "Properties": {"MaxConcurrentRequests": most},
        }));
    }
    Ok(all)
}

fn rate(fields: &Fields<'_>) -> Result<Value, Fault> {
    let (scopes, kinds) = (["WorkloadGroup", "Principal"], ["ConcurrentRequests", "ResourceUtilization"]);
    let missing = |name: &str| invalid(TITLE, &format!("a request rate limit has no {name}"));
    let scope = scopes[fields.one_of("Scope", &scopes)?.ok_or_else(|| missing("Scope"))?];
    let kind = fields.one_of("LimitKind", &kinds)?.ok_or_else(|| missing("LimitKind"))?;
    let properties = fields.object("Properties")?.ok_or_else(|| missing("Properties"))?;
    let inner = if kind == 0 {
        let most = properties.whole("MaxConcurrentRequests", 0..=10_000)?;
        json!({"MaxConcurrentRequests": most.ok_or_else(|| missing("MaxConcurrentRequests"))?})
    } else {
        let kinds = ["RequestCount", "TotalCpuSeconds"];
        let of = properties.one_of("ResourceKind", &kinds)?.ok_or_else(|| missing("ResourceKind"))?;
        let most = properties.whole("MaxUtilization", 1..=16_777_215)?;
        let window = properties.timespan("TimeWindow")?.ok_or_else(|| missing("TimeWindow"))?;
        json!({
            "ResourceKind": kinds[of],
            "MaxUtilization": most.ok_or_else(|| missing("MaxUtilization"))?,
            "TimeWindow": time::timespan(window),
        })
    };
    let enabled = fields.flag("IsEnabled")?.ok_or_else(|| missing("IsEnabled"))?;
    Ok(json!({"IsEnabled": enabled, "Scope": scope, "LimitKind": kinds[kind], "Properties": inner}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_is_stable() {
        for (name, text) in [
            ("a", "{}"),
            ("default", "{}"),
            ("a", r#"{"requestlimitspolicy":{"MaxExecutiontime":{"isrelaxable":false,"value":"00:01:00"}}}"#),
            ("a", r#"{"QueryConsistencyPolicy":{"QueryConsistency":{"IsRelaxable":true,"Value":"Weak"}}}"#),
            (
                "$materialized-views",
                r#"{"RequestLimitsPolicy":{"MaxMemoryPerIterator":{"IsRelaxable":true,"Value":5}}}"#,
            ),
        ] {
            let once = canonical(name, &serde_json::from_str(text).unwrap(), None).unwrap();
            let read: Value = serde_json::from_str(&once).unwrap();
            if name != VIEWS {
                assert_eq!(canonical(name, &read, None).as_ref(), Ok(&once), "{text}");
            }
            assert_eq!(canonical(name, &json!({}), Some(&read)), Ok(once), "{text}");
        }
    }
}
