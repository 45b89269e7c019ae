//! Resource groups.

use super::{ID, PROVISIONING_STATE};
use crate::kind::arm::place::{self, LOCATION, SUBSCRIPTION_ID, TAGS};
use crate::kind::arm::wire;
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, NameRule};
use crate::kind::{About, At, Finding, Found, Kind, Source};
use crate::model::body::{Body, Value};
use crate::model::change::{Action, Change, Loss, LossClass};
use crate::model::inventory::Mode;
use crate::model::request::{Method, Request};

/// The kind `resourceGroup`.
#[derive(Debug)]
pub(super) struct ResourceGroup;

const ABOUT: About = About {
    name: "resourceGroup",
    collection: "resourceGroups",
    names: NameRule::Plain { min: 1, max: 90, lower: false, others: "._-()" },
    doc: "A resource group. What the spec puts into it by `resourceGroup` waits for it. Deleting it deletes everything \
          in it, also what the spec does not know.",
    page: "https://learn.microsoft.com/rest/api/resources/resource-groups",
    example: "resourceGroups:\n  rg-telemetry:\n    location: westeurope\n    tags: {env: dev}\n",
    fields: FIELDS,
    outputs: &[ID, PROVISIONING_STATE],
    ..super::ROOT
};

const FIELDS: &[Field] = &[SUBSCRIPTION_ID, LOCATION, TAGS];

/// <https://learn.microsoft.com/rest/api/resources/resource-groups>
const API_VERSION: &str = "2021-04-01";

impl Kind for ResourceGroup {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::ArmGet { provider: "", api_version: API_VERSION }
    }

    fn resource_id(&self, at: &At<'_>) -> Result<String, String> {
        Ok(format!("{}/resourceGroups/{}", place::subscription(at)?, at.name()))
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let mut found = wire::read(ABOUT.collection, FIELDS, &[], json)?;
        let place = place::of_id(&found.attributes, FIELDS);
        found.body = place.into_iter().chain(found.body).collect();
        Ok(vec![found])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let path = self.resource_id(at)?;
        let arm = |method, body| Ok(Request::arm(method, path.clone(), API_VERSION, body));
        match (&change.before, &change.after) {
            (_, None) => arm(Method::Delete, Value::Null),
            (None, Some(after)) => {
                let body = wire::whole(FIELDS, after).without("properties");
                arm(Method::Put, body.with("location", place::location(at, after)?).into())
            }
            (Some(before), Some(after)) => {
                let fields = shape::differing(FIELDS, before, after);
                let body: Body = wire::part(&fields, after).without("properties");
                arm(Method::Patch, body.into())
            }
        }
    }

    fn loss(&self, _at: &At<'_>, change: &Change) -> Loss {
        match change.action() {
            Action::Delete => Loss::new(
                LossClass::Irreversible,
                "everything in the resource group is deleted with it, also what the spec does not know",
            ),
            _ => Loss::none(),
        }
    }

    fn seconds(&self, change: &Change) -> u32 {
        if change.after.is_none() { 60 } else { 2 }
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let mut found = place::check(at, &[SUBSCRIPTION_ID.name]);
        if at.resource.mode == Mode::Managed {
            found.extend(place::check(at, &[LOCATION.name]));
        }
        found
    }
}
