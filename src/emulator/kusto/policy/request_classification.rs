//! Request classification: which workload group a request belongs to (`M:request-classification-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Verb, invalid, json_argument};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::Cursor;
use serde::Serialize;
use serde_json::Value;

pub(super) struct RequestClassification;

/// What a classification function may ask of a request.
const PROPERTIES: &[&str] = &[
    "current_application",
    "current_database",
    "current_principal",
    "query_consistency",
    "request_description",
    "request_text",
    "request_type",
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    classification_properties: Vec<&'static str>,
    is_enabled: bool,
    classification_function: String,
}

impl Policy for RequestClassification {
    fn word(&self) -> &'static str {
        "request_classification"
    }

    fn title(&self) -> &'static str {
        "ClusterRequestClassificationPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster]
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    /// `'{"IsEnabled":true}' <| function body`; merging may leave the body out.
    fn read(&self, verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let mut given = json_argument(self.title(), cursor)?;
        if verb == Verb::Merge && !cursor.at_mark("<|") {
            return Ok(given);
        }
        cursor.expect_mark("<|")?;
        let function = cursor.rest().trim();
        if function.is_empty() {
            return Err(cursor.expected("the body of the classification function"));
        }
        match &mut given {
            Value::Object(members) => members.insert("ClassificationFunction".to_owned(), function.into()),
            _ => return Err(invalid(self.title(), "it is not a JSON object")),
        };
        Ok(given)
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let function = fields.text("ClassificationFunction")?;
        let function = function.ok_or_else(|| fields.wrong("ClassificationFunction", "is missing"))?;
        let is_enabled = fields.flag("IsEnabled")?.ok_or_else(|| fields.wrong("IsEnabled", "is missing"))?;
        let asked = PROPERTIES.iter().copied().filter(|name| asks(function, name));
        printed(&Canonical {
            classification_properties: asked.collect(),
            is_enabled,
            classification_function: function.to_owned(),
        })
    }
}

/// Whether a word stands in a text by itself.
fn asks(function: &str, name: &str) -> bool {
    function.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}
