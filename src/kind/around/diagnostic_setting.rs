//! Diagnostic settings of a cluster: where its logs and metrics go.

use super::{BASE, ID, Neighbour};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Plane, Source};
use crate::model::body::{Body, Value};
use serde_json::Value as Json;

/// The kind `diagnosticSetting`.
pub(super) const DIAGNOSTIC_SETTING: Neighbour = Neighbour {
    about: &ABOUT,
    in_pools: false,
    source: Source::ArmList {
        segment: "providers/Microsoft.Insights/diagnosticSettings",
        api_version: API_VERSION,
    },
    raw,
    written,
    rules,
    ..BASE
};

/// <https://learn.microsoft.com/rest/api/monitor/diagnostic-settings>
const API_VERSION: &str = "2021-05-01-preview";

const ABOUT: About = About {
    name: "diagnosticSetting",
    collection: "diagnosticSettings",
    parents: &["cluster"],
    names: NameRule::Arm(260),
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "Where logs and metrics of the cluster go: a Log Analytics workspace, a storage account or an event hub. What is \
          ingested by streaming, or directly, is not logged.",
    page: "https://learn.microsoft.com/azure/data-explorer/using-diagnostic-logs",
    example: "diagnosticSettings:\n  to-operations:\n    workspaceId: ${resources.operations.id}\n    logs: \
              [SucceededIngestion, FailedIngestion, Command]\n    metrics: [AllMetrics]\n",
    fields: FIELDS,
    outputs: &[ID],
    ..About::BASE
};

/// The categories that a cluster has.
const CATEGORIES: &[&str] = &[
    "SucceededIngestion",
    "FailedIngestion",
    "IngestionBatching",
    "Command",
    "Query",
    "TableUsageStatistics",
    "TableDetails",
    "Journal",
];

/// The places where logs may go.
const TARGETS: [&str; 4] =
    ["workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId"];

const fn entries(categories: &'static [&'static str]) -> [Field; 2] {
    [
        Field::new("category", Shape::OpenEnum(categories), "The category."),
        Field::new(
            "categoryGroup",
            Shape::OpenEnum(&["allLogs", "audit"]),
            "A group of categories instead of one.",
        ),
    ]
}

const LOG: &[Field] = &entries(CATEGORIES);
const METRIC: &[Field] = &entries(&["AllMetrics"]);

const FIELDS: &[Field] = &[
    Field::new(
        "workspaceId",
        Shape::ArmId("Microsoft.OperationalInsights/workspaces"),
        "A Log Analytics workspace. Default: none.",
    ),
    Field::new(
        "storageAccountId",
        Shape::ArmId("Microsoft.Storage/storageAccounts"),
        "A storage account. Default: none.",
    ),
    Field::new(
        "eventHubAuthorizationRuleId",
        Shape::ArmId(""),
        "The authorization rule of an Event Hubs namespace, by its id. Default: none.",
    ),
    Field::new(
        "eventHubName",
        Shape::Text,
        "The event hub of that namespace; one for each category when left out.",
    ),
    Field::new("marketplacePartnerId", Shape::ArmId(""), "A partner's resource. Default: none."),
    Field::new(
        "logAnalyticsDestinationType",
        Shape::OpenEnum(&["Dedicated", "AzureDiagnostics"]),
        "Whether each category has a table of its own in the workspace. Default: the service's.",
    )
    .role(crate::kind::shape::Role::Filled),
    Field::new(
        "logs",
        Shape::Set(&Shape::Object { fields: LOG, short: &["category"] }),
        "The logs that go there: categories, or `{categoryGroup: allLogs}`. Default: none.",
    ),
    Field::new(
        "metrics",
        Shape::Set(&Shape::Object { fields: METRIC, short: &["category"] }),
        "The metrics that go there, such as `AllMetrics`. Default: none.",
    ),
];

/// What is not enabled is the same as what is not listed.
fn raw(mut json: Json) -> Json {
    for name in ["logs", "metrics"] {
        if let Some(items) = json.pointer_mut(&format!("/properties/{name}")).and_then(Json::as_array_mut) {
            items.retain(|item| item.get("enabled") != Some(&Json::Bool(false)));
        }
    }
    json
}

/// What is listed is enabled.
fn written(body: Body) -> Body {
    let Some(Value::Map(own)) = body.get("properties") else { return body };
    let own = ["logs", "metrics"].iter().fold(own.clone(), |own, name| {
        let Some(Value::List(items)) = own.get(name) else { return own };
        let enabled = |item: &Value| item.as_map().cloned().unwrap_or_default().with("enabled", true).into();
        let items: Vec<Value> = items.iter().map(enabled).collect();
        own.with(name, Value::from(items))
    });
    body.with("properties", own)
}

fn rules(at: &At<'_>) -> Vec<Finding> {
    let given = |name: &&str| at.resource.body.get(name).is_some_and(|value| !value.is_unset());
    let mut found = Vec::new();
    if !TARGETS.iter().any(&given) {
        let help = "give `workspaceId`, `storageAccountId` or `eventHubAuthorizationRuleId`";
        found.push(Finding::new(&[], "the setting does not say where logs and metrics go", help));
    }
    if !["logs", "metrics"].iter().any(given) {
        let help = "list categories under `logs`, or `metrics: [AllMetrics]`";
        found.push(Finding::new(&[], "the setting does not say what goes there", help));
    }
    found
}
