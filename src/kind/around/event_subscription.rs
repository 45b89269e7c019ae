//! Event Grid subscriptions: which events of a storage account go where; the home is a parameter.
//!
//! A subscription stands below a system topic, or beside the account itself, where the service makes the topic behind
//! the scenes. Only a topic of one's own can deliver with an identity.

use super::system_topic::API_VERSION;
use super::{BASE, ID, Neighbour, PROVISIONING_STATE, grants};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Need, Plane, Source};
use crate::model::body::{Body, Value};

/// The kind `eventSubscription`, of a system topic.
pub(super) const OF_TOPIC: Neighbour = Neighbour {
    about: &TOPIC,
    source: Source::ArmList { segment: "eventSubscriptions", api_version: API_VERSION },
    ..COMMON
};

/// The kind `storageEventSubscription`, of a storage account.
pub(super) const OF_ACCOUNT: Neighbour = Neighbour {
    about: &ACCOUNT,
    source: Source::ArmList {
        segment: "providers/Microsoft.EventGrid/eventSubscriptions",
        api_version: API_VERSION,
    },
    ..COMMON
};

const COMMON: Neighbour = Neighbour {
    defaults: &[
        ("filter", r#"{"isSubjectCaseSensitive":false}"#),
        ("eventDeliverySchema", r#""EventGridSchema""#),
    ],
    seconds: [15, 15, 10],
    lost: "",
    read,
    settled,
    rules,
    needs: deliveries,
    ..BASE
};

const TOPIC: About = About {
    name: "eventSubscription",
    collection: "eventSubscriptions",
    parents: &["systemTopic"],
    names: NameRule::Plain { min: 3, max: 64, lower: false, others: "-" },
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "An Event Grid subscription of a system topic: which events go where. For a data connection it delivers to an \
          event hub.",
    page: "https://learn.microsoft.com/azure/event-grid/concepts",
    example: "eventSubscriptions:\n  storm-files:\n    deliveryWithResourceIdentity:\n      identity: {type: \
              SystemAssigned}\n      destination: {endpointType: EventHub, properties: {resourceId: \
              \"${eventHubNamespaces.storms-dev.eventHubs.storm-files.id}\"}}\n    filter:\n      includedEventTypes: \
              [Microsoft.Storage.BlobCreated]\n      subjectBeginsWith: /blobServices/default/containers/storms/\n",
    fields: FIELDS,
    outputs: &[ID, ("topic", "The topic, in lower case."), PROVISIONING_STATE],
    ..About::BASE
};

const ACCOUNT: About = About {
    name: "storageEventSubscription",
    parents: &["storageAccount"],
    doc: "An Event Grid subscription of a storage account: which events go where. It delivers without an identity; for \
          one, make a system topic.",
    example: "eventSubscriptions:\n  storm-files:\n    destination: {endpointType: EventHub, properties: {resourceId: \
              \"${eventHubNamespaces.storms-dev.eventHubs.storm-files.id}\"}}\n    filter: {includedEventTypes: \
              [Microsoft.Storage.BlobCreated]}\n",
    ..TOPIC
};

const DESTINATION: Shape = Shape::object(&[
    Field::new(
        "endpointType",
        Shape::OpenEnum(&[
            "EventHub",
            "StorageQueue",
            "ServiceBusQueue",
            "ServiceBusTopic",
            "WebHook",
            "AzureFunction",
        ]),
        "What it is.",
    )
    .required(),
    Field::new("properties", Shape::Given, "Where it is: `{resourceId: …}` for an event hub.").required(),
]);

const FILTER: Shape = Shape::object(&[
    Field::new("subjectBeginsWith", Shape::Text, "How the subject begins, to the letter. Default: any."),
    Field::new("subjectEndsWith", Shape::Text, "How the subject ends, to the letter. Default: any."),
    Field::new("isSubjectCaseSensitive", Shape::Bool, "Whether case counts there. Default: `false`."),
    Field::new(
        "includedEventTypes",
        Shape::Set(&Shape::Text),
        "The types of events. Default: those of the topic, which for storage are created and deleted blobs.",
    )
    .role(Role::Filled),
    Field::new("advancedFilters", Shape::Given, "Further conditions, as the service writes them."),
]);

const FIELDS: &[Field] = &[
    Field::new("destination", DESTINATION, "Where events go, with the service's own rights. Default: none."),
    Field::new(
        "deliveryWithResourceIdentity",
        Shape::object(&[
            Field::new(
                "identity",
                Shape::object(&[
                    Field::new("type", Shape::Enum(&["SystemAssigned", "UserAssigned"]), "Which identity.")
                        .required(),
                    Field::new("userAssignedIdentity", Shape::ArmId(""), "The user-assigned one.")
                        .role(Role::Filled),
                ]),
                "The topic's identity that delivers; it needs the role Azure Event Hubs Data Sender.",
            )
            .required(),
            Field::new("destination", DESTINATION, "Where events go.").required(),
        ]),
        "Where events go, by an identity of the topic; a namespace that refuses keys needs it. Default: none.",
    ),
    Field::new("filter", FILTER, "Which events. Default: all of the topic's usual types."),
    Field::new(
        "eventDeliverySchema",
        Shape::Enum(&["EventGridSchema", "CloudEventSchemaV1_0", "CustomInputSchema"]),
        "How events are written; a data connection reads `EventGridSchema`, which is the default.",
    )
    .role(Role::Immutable),
    Field::new("labels", Shape::Set(&Shape::Text), "Words for people. Default: none."),
    Field::new(
        "retryPolicy",
        Shape::object(&[
            Field::new("maxDeliveryAttempts", Shape::Int(1, 30), "How often delivery is tried. Default: 30.")
                .role(Role::Filled),
            Field::new("eventTimeToLiveInMinutes", Shape::Int(1, 1440), "For how long. Default: 1440.")
                .role(Role::Filled),
        ]),
        "How often and for how long delivery is tried.",
    ),
    Field::new(
        "deadLetterDestination",
        Shape::Given,
        "Where events go that cannot be delivered. Default: nowhere.",
    ),
];

/// What the service leaves out when it is false.
fn read(body: Body) -> Body {
    let filter = body.get("filter").and_then(Value::as_map).cloned().unwrap_or_default();
    let sensitive = filter.get("isSubjectCaseSensitive").cloned().unwrap_or(Value::Bool(false));
    let filter = Value::Map(filter.with("isSubjectCaseSensitive", sensitive));
    body.with("filter", FILTER.canonical(&filter).unwrap_or(filter))
}

/// One of the two ways to deliver takes the place of the other.
fn settled(body: Body, wanted: &Body) -> Body {
    let body = super::without(body, "destination", wanted, "deliveryWithResourceIdentity");
    super::without(body, "deliveryWithResourceIdentity", wanted, "destination")
}

fn hub(body: &Body) -> Option<&str> {
    let paths: [&[&str]; 2] = [
        &["destination", "properties", "resourceId"],
        &["deliveryWithResourceIdentity", "destination", "properties", "resourceId"],
    ];
    paths.iter().find_map(|path| body.at(path).and_then(Value::as_text))
}

/// The grants at the place that is delivered to.
fn deliveries(at: &At<'_>) -> Vec<Need> {
    let by_identity = at.resource.body.get("deliveryWithResourceIdentity").is_some_and(|v| !v.is_unset());
    hub(&at.resource.body).filter(|_| by_identity).map(|hub| grants(at, &[hub])).unwrap_or_default()
}

fn rules(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let given = |name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let identity = "deliveryWithResourceIdentity";
    let mut found = Vec::new();
    match (given("destination"), given(identity)) {
        (true, true) => found.push(Finding::new(
            &[identity],
            "`destination` and `deliveryWithResourceIdentity` exclude each other",
            "keep one of the two",
        )),
        (false, false) => found.push(Finding::new(
            &[],
            "the subscription does not say where its events go",
            "give `destination` or `deliveryWithResourceIdentity`",
        )),
        _ => {}
    }
    if given(identity) && at.parent().is_some_and(|(_, parent)| parent.kind == "storageAccount") {
        let help = "make a system topic with an identity, and put the subscription into it";
        found.push(Finding::new(&[identity], "only a system topic can deliver with an identity", help));
    }
    found.extend(topic_identity(at));
    found
}

fn topic_identity(at: &At<'_>) -> Option<Finding> {
    let kind = at.resource.body.at(&["deliveryWithResourceIdentity", "identity", "type"])?.as_text()?;
    let (address, topic) = at.parent().filter(|(_, parent)| parent.kind == "systemTopic")?;
    let has = topic.body.at(&["identity", "type"]).and_then(Value::as_text).unwrap_or("None");
    if topic.mode != crate::model::inventory::Mode::Managed || has.contains(kind) {
        return None;
    }
    let help = format!("add `identity: {{type: {kind}}}` to {address}");
    let message = format!("{address} has no such identity to deliver with");
    Some(Finding::new(&["deliveryWithResourceIdentity", "identity"], message, help))
}
