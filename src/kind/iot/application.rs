//! IoT Central applications.

use crate::kind::arm::place::{LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID, TAGS};
use crate::kind::around::{BASE, ID, Neighbour, PRINCIPAL_ID, PROVISIONING_STATE, ROOT, TENANT_ID, fixed};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Source, Spelling};
use crate::model::body::{Body, Value};

/// The kind `iotCentralApplication`.
pub(super) const APPLICATION: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmGet { provider: "Microsoft.IoTCentral/iotApps", api_version: "2021-06-01" },
    defaults: &[("identity", r#"{"type":"None"}"#), ("publicNetworkAccess", r#""Enabled""#)],
    patches: true,
    seconds: [60, 30, 30],
    lost: "the application is deleted with its devices, templates, dashboards and stored telemetry",
    written,
    rules,
    endpoint,
    ..BASE
};

const ABOUT: About = About {
    name: "iotCentralApplication",
    collection: "iotCentralApplications",
    spelled: Some(Spelling { group: "iotCentral", word: "apps", between: None }),
    names: NameRule::Plain { min: 2, max: 63, lower: true, others: "-" },
    doc: "An IoT Central application, with the destinations and exports of its data. With `existing: true` it is only \
          read and its exports are managed. `iotCentral: {apps: …}` is another spelling. Who runs the tool needs a role in the application that may manage exports.",
    page: "https://learn.microsoft.com/azure/iot-central/core/overview-iot-central",
    example: "iotCentralApplications:\n  plant:\n    sku: ST1\n    subdomain: contoso-plant\n    identity: SystemAssigned\n    \
              destinations:\n      adx:\n        clusterUrl: ${clusters.telemetry.uri}\n        database: iot\n        table: \
              Telemetry\n        authorization: systemAssignedManagedIdentity\n    exports:\n      telemetry:\n        source: \
              telemetry\n        destinations: [adx]\n",
    fields: FIELDS,
    outputs: &[
        ID,
        PRINCIPAL_ID,
        TENANT_ID,
        ("applicationId", "The id by which the application is known to its own interface."),
        PROVISIONING_STATE,
    ],
    ..ROOT
};

const FIELDS: &[Field] = &[
    SUBSCRIPTION_ID,
    RESOURCE_GROUP,
    LOCATION,
    TAGS,
    Field::new(
        "sku",
        Shape::Object {
            fields: &[Field::new("name", Shape::Enum(&["ST0", "ST1", "ST2"]), "The price plan.").required()],
            short: &["name"],
        },
        "The price plan, by what a device may send. A name alone stands for `{name: …}`.",
    )
    .required(),
    Field::new(
        "identity",
        Shape::Object {
            fields: &[Field::new(
                "type",
                Shape::Enum(&["None", "SystemAssigned"]),
                "Whether the application has an identity of its own.",
            )
            .required()],
            short: &["type"],
        },
        "Its managed identity, to export by. `SystemAssigned` alone stands for `{type: SystemAssigned}`. Default: `None`.",
    ),
    fixed(
        Field::new(
            "subdomain",
            Shape::Name(NameRule::Plain { min: 2, max: 63, lower: true, others: "-" }),
            "The first part of its address, `https://SUBDOMAIN.azureiotcentral.com`; one of a kind in Azure. Devices and \
             people know it by that, so that it is changed in the application and not here.",
        )
        .required(),
    ),
    Field::new("displayName", Shape::Text, "What people call it. Default: its name.").role(Role::Filled),
    fixed(Field::new(
        "template",
        Shape::Text,
        "The template to begin with, such as `iotc-pnp-preview@1.0.0`; fixed at creation. Default: the empty one.",
    )),
    Field::new(
        "publicNetworkAccess",
        Shape::Enum(&["Enabled", "Disabled"]),
        "Whether it is reached from the public network. Default: `Enabled`.",
    ),
    Field::new(
        "networkRuleSets",
        Shape::object(&[
            Field::new("applyToDevices", Shape::Bool, "Whether the rules hold for devices."),
            Field::new("applyToIoTCentral", Shape::Bool, "Whether they hold for people and programs."),
            Field::new("defaultAction", Shape::Enum(&["Allow", "Deny"]), "What happens to all others."),
            Field::new(
                "ipRules",
                Shape::List(&Shape::object(&[
                    Field::new("filterName", Shape::Text, "What people call the rule."),
                    Field::new("ipMask", Shape::Text, "The addresses, as `10.0.0.0/24`.").required(),
                ])),
                "The addresses that are let in.",
            ),
        ]),
        "Who may reach it from where. Default: everybody.",
    ),
];

/// The name that people see is its own where nothing else is said.
fn written(body: Body) -> Body {
    let Some(Value::Map(properties)) = body.get("properties") else { return body };
    match (properties.get("displayName"), properties.get("subdomain")) {
        (None, Some(subdomain)) => {
            let properties = properties.clone().with("displayName", subdomain.clone());
            body.with("properties", properties)
        }
        _ => body,
    }
}

/// The address of its own interface.
///
/// <https://learn.microsoft.com/rest/api/iotcentral/>
fn endpoint(at: &At<'_>) -> Result<String, String> {
    let of = |body: &Body| body.text("subdomain").filter(|name| !name.is_empty()).map(str::to_owned);
    let subdomain = of(&at.resource.body).or_else(|| of(&at.resource.attributes));
    let subdomain = subdomain.ok_or_else(|| format!("the `subdomain` of {} is not known", at.address))?;
    Ok(format!("https://{subdomain}.azureiotcentral.com"))
}

fn rules(at: &At<'_>) -> Vec<Finding> {
    let subdomain = at.resource.body.get("subdomain");
    let unknown = subdomain.is_some_and(Value::has_unknown);
    let message = "`subdomain` must be known before anything is read, and this is known after apply";
    let finding = || Finding::new(&["subdomain"], message, "write it out, or use a variable");
    unknown.then(finding).into_iter().collect()
}
