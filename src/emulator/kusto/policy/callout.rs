//! Callout: where queries may call out to (`M:callout-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, invalid};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use serde::Serialize;
use serde_json::Value;

pub(super) struct Callout;

const TYPES: &[&str] = &[
    "kusto",
    "sql",
    "mysql",
    "postgresql",
    "azure_digital_twins",
    "cosmosdb",
    "sandbox_artifacts",
    "external_data",
    "webapi",
    "azure_openai",
];

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    callout_type: &'static str,
    callout_uri_regex: String,
    can_call: bool,
}

impl Callout {
    fn entry(&self, element: &Value) -> Result<Canonical, Fault> {
        let fields = Fields::new(self.title(), element, None)?;
        let missing = |name: &str| fields.wrong(name, "is missing");
        let place = fields.one_of("CalloutType", TYPES)?.ok_or_else(|| missing("CalloutType"))?;
        let pattern = fields.text("CalloutUriRegex")?.ok_or_else(|| missing("CalloutUriRegex"))?;
        let can_call = fields.flag("CanCall")?.ok_or_else(|| missing("CanCall"))?;
        Ok(Canonical { callout_type: TYPES[place], callout_uri_regex: pattern.to_owned(), can_call })
    }
}

impl Policy for Callout {
    fn word(&self) -> &'static str {
        "callout"
    }

    fn title(&self) -> &'static str {
        "CalloutPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster]
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    /// Merging adds.
    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let Value::Array(given) = given else { return Err(invalid(self.title(), "it is not a JSON list")) };
        let mut all: Vec<Canonical> = Vec::new();
        for element in before.and_then(Value::as_array).into_iter().flatten().chain(given) {
            let entry = self.entry(element)?;
            if !all.contains(&entry) {
                all.push(entry);
            }
        }
        printed(&all)
    }

    /// What the service itself allows stands beside, and no command changes it.
    fn fixed(&self) -> &'static [&'static str] {
        choices::FIXED_CALLOUTS
    }
}
