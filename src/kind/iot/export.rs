//! What an application exports: the messages of a source, filtered and enriched, to destinations.
//!
//! A change is a PUT of the whole, with what the spec leaves out as it is in live: a merge would not take a single
//! enrichment away.

use super::{INSIDE, entry, listed, read, request, whole};
use crate::kind::arm::wire;
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, Role, Shape};
use crate::kind::{About, At, Faring, Finding, Found, Kind, Need, Source};
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss, LossClass};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{Method, Request};

/// The kind `iotCentralExport`.
#[derive(Debug)]
pub(super) struct Export;

const ABOUT: About = About {
    name: "iotCentralExport",
    collection: "exports",
    doc: "What an IoT Central application exports: the messages of one source, as far as a filter lets them through, \
          enriched, to one or more destinations, each after a transformation of its own. What reaches a table must have \
          the table's columns for keys.",
    page: "https://learn.microsoft.com/azure/iot-central/core/howto-transform-data-internally",
    example: "exports:\n  telemetry:\n    source: telemetry\n    filter: SELECT * FROM devices WHERE $template = \
              \"dtmi:plant:pump;1\"\n    enrichments:\n      simulated: {path: $sim}\n      plant: {value: north}\n    \
              destinations:\n      - id: adx\n        transform: '{Device: .device.id, Time: .enqueuedTime}'\n",
    fields: FIELDS,
    outputs: &[
        ("status", "How it fares: `notStarted`, `starting`, `healthy` or `error`."),
        ("lastExportTime", "When data was last exported."),
    ],
    ..INSIDE
};

const DEFAULTS: wire::Defaults = &[("enabled", "true")];

const FIELDS: &[Field] = &[
    Field::new("displayName", Shape::Text, "What people call it. Default: its name.").role(Role::Filled),
    Field::new("enabled", Shape::Bool, "Whether it runs. Default: `true`."),
    Field::new(
        "source",
        Shape::OpenEnum(&[
            "telemetry",
            "properties",
            "deviceLifecycle",
            "deviceTemplateLifecycle",
            "deviceConnectivity",
            "audit",
        ]),
        "Which messages.",
    )
    .required(),
    Field::new(
        "filter",
        Shape::Text,
        "Which of them, as a query: `SELECT * FROM devices WHERE …`. Default: all.",
    ),
    Field::new(
        "enrichments",
        Shape::Map(&Shape::object(&[
            Field::new("path", Shape::Text, "A property of the device, such as `$sim` or `Location`."),
            Field::new("target", Shape::Text, "The template whose property it is, where that must be said."),
            Field::new("value", Shape::Text, "A text."),
        ])),
        "What is added to each message, by key: a `path` or a `value`. Default: nothing.",
    ),
    Field::new(
        "destinations",
        Shape::Set(&Shape::Object {
            fields: &[
                Field::new("id", Shape::Text, "The name of the destination, one of the application's.")
                    .required(),
                Field::new(
                    "transform",
                    Shape::Text,
                    "A query of jq that makes what is sent of each message. Default: the message as it is.",
                ),
            ],
            short: &["id"],
        }),
        "Where to. A name alone stands for `{id: …}`.",
    )
    .required(),
];

impl Kind for Export {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        listed("api/dataExport/exports")
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let found = entry(reply).map(|json| read(&ABOUT, DEFAULTS, json)).transpose()?;
        Ok(found.into_iter().collect())
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let Some(after) = &change.after else { return request(self, at, Method::Delete, Value::Null) };
        let old = change.before.as_ref().and_then(|before| before.get("displayName"));
        let name = after.get("displayName").or(old).cloned().unwrap_or_else(|| Value::from(at.name()));
        let body = Body::new().with("displayName", name).with("enabled", true);
        let given = whole(FIELDS, after).into_iter();
        request(self, at, Method::Put, given.fold(body, |body, (name, value)| body.with(&name, value)))
    }

    fn loss(&self, _at: &At<'_>, change: &Change) -> Loss {
        let runs = |body: &Body| body.get("enabled").and_then(Value::as_bool) != Some(false);
        let Some(before) = change.before.as_ref().filter(|before| runs(before)) else { return Loss::none() };
        let after = change.after.as_ref().filter(|after| runs(after));
        let kept = after.map(destinations).unwrap_or_default();
        let left: Vec<&str> = destinations(before).into_iter().filter(|id| !kept.contains(id)).collect();
        if left.is_empty() {
            return Loss::none();
        }
        let what =
            format!("from then on nothing is exported to {}, and messages are not kept", left.join(", "));
        Loss::new(LossClass::IngestionGap, what)
    }

    /// What is not enabled is not to work.
    fn faring(&self) -> Option<fn(&Resource) -> Faring> {
        Some(|live| match live.body.get("enabled").and_then(Value::as_bool) {
            Some(false) => Faring::Well,
            _ => super::faring(live),
        })
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let wanted = wire::defaulted(FIELDS, DEFAULTS, wanted);
        shape::overlay(FIELDS, live.map_or(&Body::new(), |live| &live.body), &wanted)
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some(parent) = at.address.parent() else { return Vec::new() };
        let need = |id: &str| Need {
            parent: parent.clone(),
            collection: "destinations",
            name: id.to_owned(),
            field: vec!["destinations".to_owned()],
            required: false,
        };
        destinations(&at.resource.body).into_iter().map(need).collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        if at.resource.mode != Mode::Managed {
            return Vec::new();
        }
        let body = &at.resource.body;
        let mut found = Vec::new();
        if body.get("destinations").and_then(Value::as_list).is_some_and(<[Value]>::is_empty) {
            let message = "an export without destinations exports nothing";
            found.push(Finding::new(
                &["destinations"],
                message,
                "name one of the application's destinations",
            ));
        }
        let enrichments = body.get("enrichments").and_then(Value::as_map);
        for (key, value) in enrichments.into_iter().flat_map(Body::iter) {
            let Some(value) = value.as_map() else { continue };
            if value.get("path").is_some() == value.get("value").is_some() {
                let message = format!("the enrichment {key} is either a `path` or a `value`");
                found.push(Finding::new(&["enrichments", key], message, "give one of the two"));
            }
        }
        found
    }
}

/// The names of the destinations.
fn destinations(body: &Body) -> Vec<&str> {
    let list = body.get("destinations").and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(|one| one.as_map()?.text("id")).collect()
}
