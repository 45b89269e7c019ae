//! `Microsoft.Insights/diagnosticSettings` of a cluster (reference: arm-api §3.11).
//!
//! Invariant: every category is shown, those that nobody asked for as not enabled
//! (test: `tests/wire/arm/around.jsonl`).

use super::core::Core;
use super::kind::{Change, Kind, Manner, Verb, properties};
use super::path::Id;
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// A diagnostic setting.
pub(super) struct Setting;

const TARGETS: [&str; 4] =
    ["workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId"];

const LOGS: [&str; 8] = [
    "SucceededIngestion",
    "FailedIngestion",
    "IngestionBatching",
    "Command",
    "Query",
    "TableUsageStatistics",
    "TableDetails",
    "Journal",
];

/// What other resources have to log is not known.
fn is_of_cluster(id: &Id) -> bool {
    id.provider.eq_ignore_ascii_case("Microsoft.Kusto")
}

impl Kind for Setting {
    fn provider(&self) -> &'static str {
        "Microsoft.Insights"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["diagnosticSettings"]
    }

    fn extends(&self) -> bool {
        true
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(200)
    }

    fn patchable(&self) -> bool {
        false
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 260, " ._-")
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn check(&self, _: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete || !is_of_cluster(change.id) {
            return Ok(());
        }
        if !TARGETS.iter().any(|name| change.text(name).is_some()) {
            return Err(Reply::bad(
                "At least one data sink needs to be specified: workspace, storage account, event hub or partner.",
            ));
        }
        let items = |name: &str| {
            let own = change.asked.get("properties").and_then(|own| own.get(name)?.as_array().cloned());
            own.unwrap_or_default()
        };
        for (name, known) in [("logs", &LOGS[..]), ("metrics", &["AllMetrics"][..])] {
            for item in items(name) {
                let category = item.get("category").and_then(Value::as_str);
                let group = item.get("categoryGroup").and_then(Value::as_str);
                let fits = match (category, group) {
                    (Some(category), None) => known.contains(&category),
                    (None, Some(group)) => name == "logs" && ["allLogs", "audit"].contains(&group),
                    _ => false,
                };
                if !fits {
                    let what = category.or(group).unwrap_or_default();
                    return Err(Reply::bad(format!(
                        "Category '{what}' is not supported, supported ones are: {known:?}."
                    )));
                }
                if !item.get("enabled").is_some_and(Value::is_boolean) {
                    return Err(Reply::bad("The property 'enabled' of a category is required."));
                }
            }
        }
        Ok(())
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        if !is_of_cluster(&resource.id) {
            return body;
        }
        let own = properties(&mut body);
        for name in TARGETS.iter().chain(&["eventHubName", "logAnalyticsDestinationType", "serviceBusRuleId"])
        {
            own.entry(*name).or_insert(Value::Null);
        }
        let retention = json!({"enabled": false, "days": 0});
        for (name, known) in [("logs", &LOGS[..]), ("metrics", &["AllMetrics"][..])] {
            let Some(items) = own.entry(name).or_insert_with(|| json!([])).as_array_mut() else { continue };
            let grouped = items.iter().any(|item| item.get("categoryGroup").is_some_and(Value::is_string));
            let listed =
                |category: &str| items.iter().any(|item| item.get("category") == Some(&json!(category)));
            let others: Vec<Value> = known
                .iter()
                .filter(|category| !grouped && !listed(category))
                .map(|category| json!({"category": category, "enabled": false}))
                .collect();
            items.extend(others);
            for item in items {
                item["retentionPolicy"] = retention.clone();
                if item.get("categoryGroup").is_none() {
                    item["categoryGroup"] = Value::Null;
                }
            }
        }
        body
    }
}
