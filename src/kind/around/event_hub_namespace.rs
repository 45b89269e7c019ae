//! Event Hubs namespaces.

use super::{BASE, ID, Neighbour, PRINCIPAL_ID, PROVISIONING_STATE, TENANT_ID, fixed};
use crate::kind::arm::cluster::IDENTITY;
use crate::kind::arm::place::{LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID, TAGS};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Source};
use crate::model::body::{Body, Value};

/// The kind `eventHubNamespace`.
pub(super) const EVENT_HUB_NAMESPACE: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmGet { provider: "Microsoft.EventHub/namespaces", api_version: API_VERSION },
    defaults: &[
        ("identity", r#"{"type":"None"}"#),
        ("isAutoInflateEnabled", "false"),
        ("maximumThroughputUnits", "0"),
        ("disableLocalAuth", "false"),
        ("minimumTlsVersion", r#""1.2""#),
        ("publicNetworkAccess", r#""Enabled""#),
    ],
    patches: true,
    seconds: [40, 40, 30],
    lost: "every event hub of the namespace is deleted with the events that nobody has read yet",
    written,
    rules,
    unique: Some(("Microsoft.EventHub", "Microsoft.EventHub/Namespaces")),
    ..BASE
};

/// <https://learn.microsoft.com/rest/api/eventhub/namespaces>
pub(super) const API_VERSION: &str = "2024-01-01";

const ABOUT: About = About {
    name: "eventHubNamespace",
    collection: "eventHubNamespaces",
    names: NameRule::Plain { min: 6, max: 50, lower: false, others: "-" },
    doc: "An Event Hubs namespace, with its event hubs. With `existing: true` it is only read and its hubs are managed.",
    page: "https://learn.microsoft.com/azure/event-hubs/event-hubs-features",
    example: "eventHubNamespaces:\n  telemetry-dev:\n    sku: Standard\n    disableLocalAuth: true\n    eventHubs:\n      \
              vitals:\n        partitionCount: 4\n        consumerGroups:\n          adx: {}\n",
    fields: FIELDS,
    outputs: &[
        ID,
        PRINCIPAL_ID,
        TENANT_ID,
        ("serviceBusEndpoint", "The address for senders and readers."),
        ("metricId", "What metrics call it."),
        ("status", "Whether it is `Active`."),
        PROVISIONING_STATE,
    ],
    ..super::ROOT
};

const FIELDS: &[Field] = &[
    SUBSCRIPTION_ID,
    RESOURCE_GROUP,
    LOCATION,
    TAGS,
    Field::new(
        "sku",
        Shape::Object {
            fields: &[
                Field::new(
                    "name",
                    Shape::Enum(&["Basic", "Standard", "Premium"]),
                    "The tier. `Basic` has no consumer groups of one's own.",
                )
                .required(),
                Field::new(
                    "capacity",
                    Shape::Int(1, 40),
                    "How many throughput or processing units. Default: 1.",
                )
                .role(Role::Filled),
            ],
            short: &["name"],
        },
        "The tier and size. A name alone stands for `{name: …}`. Default: `Standard`.",
    ),
    Field::new("identity", IDENTITY, "Its managed identities. Default: `None`."),
    Field::new(
        "isAutoInflateEnabled",
        Shape::Bool,
        "Whether throughput units are added by themselves, up to `maximumThroughputUnits`. Default: `false`.",
    ),
    Field::new("maximumThroughputUnits", Shape::Int(0, 40), "The most units with auto-inflate. Default: 0."),
    Field::new(
        "disableLocalAuth",
        Shape::Bool,
        "Whether keys are refused, so that only identities may send and read. Default: `false`.",
    ),
    Field::new(
        "minimumTlsVersion",
        Shape::Enum(&["1.0", "1.1", "1.2"]),
        "The oldest version of TLS that is accepted. Default: `1.2`.",
    ),
    Field::new(
        "publicNetworkAccess",
        Shape::Enum(&["Enabled", "Disabled", "SecuredByPerimeter"]),
        "Whether it is reached from the public network. Default: `Enabled`.",
    ),
    fixed(Field::new("kafkaEnabled", Shape::Bool, "Whether Kafka clients may use it; fixed by the tier."))
        .role(Role::Filled),
    Field::new("zoneRedundant", Shape::Bool, "Whether it spans zones; where the region has them, it does.")
        .role(Role::Filled),
];

/// The tier goes with the name, and is asked for besides.
fn written(body: Body) -> Body {
    let Some(Value::Map(sku)) = body.get("sku") else { return body };
    let sku = match sku.get("name") {
        Some(name) => sku.clone().with("tier", name.clone()),
        None => sku.clone(),
    };
    body.with("sku", sku)
}

fn rules(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let mut found = Vec::new();
    let tier = body.at(&["sku", "name"]).and_then(Value::as_text);
    let inflates = body.get("isAutoInflateEnabled").and_then(Value::as_bool) == Some(true);
    if inflates && tier.is_some_and(|tier| tier != "Standard") {
        let message =
            format!("auto-inflate is for the Standard tier, and this is {}", tier.unwrap_or_default());
        found.push(Finding::new(
            &["isAutoInflateEnabled"],
            message,
            "leave it out, or choose `sku: Standard`",
        ));
    }
    let bound = matches!(body.get("maximumThroughputUnits"), Some(Value::Int(units)) if *units > 0);
    if inflates && !bound {
        let help = "give it, such as `maximumThroughputUnits: 10`";
        found.push(Finding::new(
            &["isAutoInflateEnabled"],
            "auto-inflate needs `maximumThroughputUnits`",
            help,
        ));
    }
    found
}
