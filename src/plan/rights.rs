//! Which requests of a plan the caller may not send, by what Azure says of the caller's rights.
//!
//! <https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group>

use super::{Plan, Step};
use crate::model::request::{ArmRequest, Method, Request};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The `api-version` of the question.
pub const API_VERSION: &str = "2022-04-01";

/// The steps by the place whose permissions tell of them: the path to ask, such as
/// `/subscriptions/…/resourceGroups/…/providers/Microsoft.Authorization/permissions`.
pub fn places(plan: &Plan) -> BTreeMap<String, Vec<&Step>> {
    let mut places: BTreeMap<String, Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        let Request::Arm(arm) = &step.request else { continue };
        let parts: Vec<&str> = arm.path.trim_start_matches('/').split('/').collect();
        // A group that is yet to be made has no permissions of its own.
        let group = parts.len() > 4 && parts[2].eq_ignore_ascii_case("resourceGroups");
        let scope = parts[..if group { 4 } else { 2.min(parts.len()) }].join("/");
        let path = format!("/{scope}/providers/Microsoft.Authorization/permissions");
        places.entry(path).or_default().push(step);
    }
    places
}

/// The right that a request needs: the type, and what is done to it.
pub fn right(request: &ArmRequest) -> Option<String> {
    let (_, below) = request.path.rsplit_once("/providers/").unwrap_or(("", ""));
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    let (provider, rest) = match parts.split_first() {
        Some((provider, rest)) => (*provider, rest),
        None => return group_right(request),
    };
    let types: Vec<&str> = rest.iter().step_by(2).copied().collect();
    let (types, verb) = match request.method {
        Method::Put | Method::Patch => (types.as_slice(), "write".to_owned()),
        Method::Delete => (types.as_slice(), "delete".to_owned()),
        Method::Post => {
            let (action, types) = types.split_last()?;
            (types, format!("{action}/action"))
        }
    };
    Some(format!("{provider}/{}/{verb}", types.join("/")))
}

fn group_right(request: &ArmRequest) -> Option<String> {
    let is_group = request.path.to_ascii_lowercase().contains("/resourcegroups/");
    let verb = if request.method == Method::Delete { "delete" } else { "write" };
    is_group.then(|| format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"))
}

/// Whether an answer lets a caller do something: some entry allows it and does not except it.
pub fn allows(answer: &Json, right: &str) -> bool {
    let Some(entries) = answer.get("value").and_then(Json::as_array) else { return true };
    entries.iter().any(|entry| {
        let hit = |list: &str| {
            let patterns = entry.get(list).and_then(Json::as_array).into_iter().flatten();
            patterns.filter_map(Json::as_str).any(|pattern| matches(pattern, right))
        };
        hit("actions") && !hit("notActions")
    })
}

/// Whether a pattern of a role, in which `*` stands for any text, covers a right.
fn matches(pattern: &str, right: &str) -> bool {
    let (pattern, right) = (pattern.to_ascii_lowercase(), right.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| right.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use serde_json::json;

    #[test]
    fn each_request_needs_its_right() {
        let of = |method, path: &str| {
            let request = Request::arm(method, path.to_owned(), "v", Value::Null);
            let Request::Arm(arm) = request else { unreachable!("it is made so") };
            right(&arm).unwrap_or_default()
        };
        let cluster = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Kusto/clusters/c";
        assert_eq!(of(Method::Put, cluster), "Microsoft.Kusto/clusters/write");
        assert_eq!(
            of(Method::Delete, &format!("{cluster}/databases/d")),
            "Microsoft.Kusto/clusters/databases/delete"
        );
        assert_eq!(of(Method::Post, &format!("{cluster}/stop")), "Microsoft.Kusto/clusters/stop/action");
        let grant = format!("{cluster}/providers/Microsoft.Authorization/roleAssignments/x");
        assert_eq!(of(Method::Put, &grant), "Microsoft.Authorization/roleAssignments/write");
        let group = of(Method::Put, "/subscriptions/s/resourceGroups/g");
        assert_eq!(group, "Microsoft.Resources/subscriptions/resourceGroups/write");
    }

    #[test]
    fn roles_allow_by_patterns_and_except() {
        let contributor =
            json!({"value": [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}]});
        assert!(allows(&contributor, "Microsoft.Kusto/clusters/write"));
        assert!(!allows(&contributor, "Microsoft.Authorization/roleAssignments/write"));
        let both = json!({"value": [
            {"actions": ["*/read"], "notActions": []},
            {"actions": ["Microsoft.Kusto/clusters/databases/*"], "notActions": []},
        ]});
        assert!(allows(&both, "Microsoft.Kusto/clusters/databases/write"));
        assert!(!allows(&both, "Microsoft.Kusto/clusters/write"));
        assert!(!allows(&json!({"value": []}), "Microsoft.Kusto/clusters/write"));
    }
}
