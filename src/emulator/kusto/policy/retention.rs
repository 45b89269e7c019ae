//! Retention: how long records stay (`M:retention-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Target, Verb, invalid, json_argument, update_sources};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::{Cursor, Kind};
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(super) struct Retention;

/// A thousand years.
const DEFAULT_PERIOD: i64 = 365_000 * time::DAY;
const RECOVERABILITY: &[&str] = &["Enabled", "Disabled"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    soft_delete_period: String,
    recoverability: &'static str,
}

impl Policy for Retention {
    fn word(&self) -> &'static str {
        "retention"
    }

    fn title(&self) -> &'static str {
        "RetentionPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table, Scope::View, Scope::GraphModel]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table, Scope::GraphModel]
    }

    fn plural(&self) -> bool {
        true
    }

    fn deletes(&self, scope: Scope) -> bool {
        !matches!(scope, Scope::Cluster | Scope::GraphModel)
    }

    fn read(&self, verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let literal = matches!(cursor.peek()?.kind, Kind::Text { .. });
        if verb == Verb::Alter || literal {
            return json_argument(self.title(), cursor);
        }
        let mut given = Map::new();
        if cursor.eat("softdelete") {
            cursor.expect_mark("=")?;
            given.insert("SoftDeletePeriod".to_owned(), json!(time::timespan(cursor.timespan()?)));
        }
        if given.is_empty() || cursor.at("recoverability") {
            cursor.expect("recoverability")?;
            cursor.expect_mark("=")?;
            given.insert("Recoverability".to_owned(), json!(cursor.expect_one(&["enabled", "disabled"])?));
        }
        Ok(Value::Object(given))
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let period = fields.timespan("SoftDeletePeriod")?.unwrap_or(DEFAULT_PERIOD);
        if period < 0 {
            return Err(fields.wrong("SoftDeletePeriod", "is negative"));
        }
        let recoverability = RECOVERABILITY[fields.one_of("Recoverability", RECOVERABILITY)?.unwrap_or(0)];
        printed(&Canonical { soft_delete_period: time::timespan(period), recoverability })
    }

    /// A period of zero is for tables that only feed others (`M:retention-policy.md`).
    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        if policy.get("SoftDeletePeriod").and_then(Value::as_str) != Some("00:00:00") {
            return Ok(());
        }
        let Target::Table(database, name) = target else {
            return Err(invalid(self.title(), "a SoftDeletePeriod of zero is for tables only"));
        };
        if policy.get("Recoverability").and_then(Value::as_str) != Some("Disabled") {
            return Err(invalid(self.title(), "a SoftDeletePeriod of zero needs Recoverability Disabled"));
        }
        let database = view.database(database.as_deref())?;
        if database.views.values().any(|view| !view.over_view && view.source == *name) {
            return Err(invalid(
                self.title(),
                "the source of a materialized view needs a SoftDeletePeriod above zero",
            ));
        }
        let reading: Vec<bool> = update_sources(database)
            .filter(|(_, source)| source.table == *name)
            .map(|(_, source)| source.transactional)
            .collect();
        if reading.is_empty() {
            return Err(Fault::coded(
                "BadRequest_ZeroRetentionPolicyWithNoUpdatePolicy",
                "ZeroRetentionPolicyWithNoUpdatePolicyException",
                format!("Table '{name}' cannot have a SoftDeletePeriod of zero: no update policy reads it."),
            ));
        }
        if reading.contains(&false) {
            return Err(invalid(
                self.title(),
                &format!(
                    "a SoftDeletePeriod of zero on table '{name}' needs every update policy that reads it to be transactional"
                ),
            ));
        }
        Ok(())
    }

    fn in_force(&self) -> Option<String> {
        Some(format!(
            r#"{{"SoftDeletePeriod":"{}","Recoverability":"Enabled"}}"#,
            time::timespan(DEFAULT_PERIOD)
        ))
    }
}
