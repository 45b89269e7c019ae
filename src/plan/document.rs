//! The plan as one JSON document for programs, with Terraform's names where it has them.

use super::{Origin, Plan, Reason, Refusal, Resolution, Step};
use crate::kind::Undo;
use crate::model::body::{Body, Value};
use crate::model::{Address, Loss};
use arcstr::ArcStr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The version of this document; the first number changes when a reader must change.
pub const FORMAT_VERSION: &str = "1.0";

/// A plan for programs; `schemas/plan.schema.json` describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The version of this document.
    pub format_version: String,
    /// Every thing that changes, by address.
    pub resource_changes: Vec<ResourceChange>,
    /// Whether there is anything to do.
    pub has_changes: bool,
    /// Why the plan may not be applied, if anything.
    pub refusals: Vec<Refusal>,
    /// What is left alone and the like.
    pub notes: Vec<String>,
    /// The numbers of the plan's last lines.
    pub summary: Summary,
    /// SHA-256 of the stored plan in hexadecimal: equal plans have equal digests.
    pub digest: String,
}

/// One thing that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceChange {
    /// The path through the spec.
    pub address: Address,
    /// The kind's word.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: ArcStr,
    /// The service's name.
    #[schemars(with = "String")]
    pub name: ArcStr,
    /// The service's name before, when it gets another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_name: Option<String>,
    /// What changes.
    pub change: ChangeDocument,
    /// Why.
    pub action_reason: Reason,
    /// The worst that it may cost in data.
    pub data_loss: Loss,
    /// How each of its steps is taken back, in the order of the steps.
    pub undo: Vec<UndoDocument>,
    /// The addresses that must be done before it.
    pub depends_on: Vec<Address>,
    /// Its requests in order: of the control plane the method and path, of Kusto the whole command.
    pub commands: Vec<String>,
    /// Where the spec declares it.
    pub origin: Option<Origin>,
}

/// Before and after of one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeDocument {
    /// `create`, `update`, `delete`, or `delete` and `create` for a replacement.
    pub actions: Vec<String>,
    /// The properties before, or null.
    pub before: Option<Json>,
    /// The properties after, or null; what is known only after apply is null here.
    pub after: Option<Json>,
    /// True in the place of each property that is known only after apply.
    pub after_unknown: Json,
}

/// How one step is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoDocument {
    /// By these requests, one line each.
    By(Vec<String>),
    /// Not at all, and why.
    Never(String),
}

/// The numbers of the plan's last lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Things created.
    pub add: usize,
    /// Things changed in place.
    pub change: usize,
    /// Things deleted.
    pub destroy: usize,
    /// Requests.
    pub steps: usize,
    /// Requests behind the point of no return.
    pub steps_behind_line: usize,
    /// The expected duration in seconds.
    pub seconds: u64,
}

impl Plan {
    /// The plan for programs.
    pub fn document(&self) -> Document {
        let (add, change, destroy) = self.counts();
        let behind = self.steps.iter().filter(|step| step.behind_line).count();
        Document {
            format_version: FORMAT_VERSION.to_owned(),
            resource_changes: self.resource_changes(),
            has_changes: !self.is_empty(),
            refusals: self.refusals.clone(),
            notes: self.notes.clone(),
            summary: Summary {
                add,
                change,
                destroy,
                steps: self.steps.len(),
                steps_behind_line: behind,
                seconds: self.seconds(),
            },
            digest: self.digest(),
        }
    }

    /// SHA-256 of the stored form, in hexadecimal.
    pub fn digest(&self) -> String {
        let stored = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(&stored).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn resource_changes(&self) -> Vec<ResourceChange> {
        let mut steps: BTreeMap<&Address, Vec<&Step>> = BTreeMap::new();
        for step in &self.steps {
            steps.entry(&step.address).or_default().push(step);
        }
        let of = |address| steps.get(address).map_or(&[][..], Vec::as_slice);
        self.changes.iter().map(|(address, change)| self.one(address, change, of(address))).collect()
    }

    fn one(&self, address: &Address, resolution: &Resolution, steps: &[&Step]) -> ResourceChange {
        let needs: BTreeSet<&Address> = steps
            .iter()
            .flat_map(|step| &step.needs)
            .map(|id| &self.steps[*id].address)
            .filter(|other| *other != address)
            .collect();
        let (before, after) = (&resolution.change.before, &resolution.change.after);
        ResourceChange {
            address: address.clone(),
            kind: resolution.kind.clone(),
            name: resolution.name.clone(),
            previous_name: resolution.change.rename.as_ref().map(|names| names.from.clone()),
            change: ChangeDocument {
                actions: actions(resolution, steps),
                before: before.as_ref().map(Body::shown),
                after: after.as_ref().map(Body::shown),
                after_unknown: after.as_ref().map_or(Json::Bool(false), unknown_body),
            },
            action_reason: resolution.reason,
            data_loss: resolution.loss.clone(),
            undo: steps.iter().map(|step| undo(&step.undo)).collect(),
            depends_on: needs.into_iter().cloned().collect(),
            commands: steps.iter().map(|step| step.request.text()).collect(),
            origin: resolution.origin.clone(),
        }
    }
}

fn actions(resolution: &Resolution, steps: &[&Step]) -> Vec<String> {
    let gone = steps.iter().any(|step| step.change.after.is_none());
    let words: &[&str] = match (&resolution.change.before, &resolution.change.after) {
        (None, _) => &["create"],
        (_, None) => &["delete"],
        _ if gone => &["delete", "create"],
        _ => &["update"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn undo(undo: &Undo) -> UndoDocument {
    match undo {
        Undo::By(requests) => UndoDocument::By(requests.iter().map(crate::model::Request::text).collect()),
        Undo::Never(why) => UndoDocument::Never(why.clone()),
    }
}

/// `{}` where everything is known, else `true` in the place of each unknown.
fn unknown_body(body: &Body) -> Json {
    let unknown = body.iter().filter(|(_, value)| value.has_unknown());
    unknown.map(|(name, value)| (name.to_string(), unknown_value(value))).collect()
}

fn unknown_value(value: &Value) -> Json {
    match value {
        Value::Map(body) => unknown_body(body),
        Value::List(items) => Json::Array(items.iter().map(unknown_value).collect()),
        value => Json::Bool(value.has_unknown()),
    }
}
