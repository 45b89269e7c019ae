//! Query acceleration: data of a delta external table kept on fast storage (`M:query-acceleration-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Target, invalid};
use crate::emulator::kusto::catalog::{ExternalKind, ExternalTable, View};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde::Serialize;
use serde_json::Value;

pub(super) struct QueryAcceleration;

/// Columns of an accelerated table (`M:query-acceleration-policy.md`).
const MOST_COLUMNS: usize = 900;
const LEAST_AGE: i64 = 600_000_000;
const USUAL_AGE: i64 = 5 * LEAST_AGE;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    is_enabled: bool,
    hot: String,
    hot_windows: Vec<Window>,
    max_age: String,
    managed_identity: Option<String>,
    hot_date_time_column: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Window {
    min_value: String,
    max_value: String,
}

impl Policy for QueryAcceleration {
    fn word(&self) -> &'static str {
        "query_acceleration"
    }

    fn title(&self) -> &'static str {
        "QueryAccelerationPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::External]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::External]
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let is_enabled = fields.flag("IsEnabled")?.ok_or_else(|| fields.wrong("IsEnabled", "is missing"))?;
        let hot = fields.timespan("Hot")?.ok_or_else(|| fields.wrong("Hot", "is missing"))?;
        if hot < time::DAY {
            return Err(fields.wrong("Hot", "is less than one day"));
        }
        let age = fields.timespan("MaxAge")?.unwrap_or(USUAL_AGE);
        if age < LEAST_AGE {
            return Err(fields.wrong("MaxAge", "is less than one minute"));
        }
        let mut hot_windows = Vec::new();
        for window in fields.list("HotWindows")? {
            let window = Fields::new(self.title(), window, None)?;
            match (window.datetime("MinValue")?, window.datetime("MaxValue")?) {
                (Some(from), Some(to)) if from < to => {
                    hot_windows.push(Window { min_value: moment(from), max_value: moment(to) });
                }
                _ => return Err(invalid(self.title(), "a hot window does not end after it begins")),
            }
        }
        let text =
            |name| fields.text(name).map(|text| text.filter(|text| !text.is_empty()).map(str::to_owned));
        printed(&Canonical {
            is_enabled,
            hot: time::timespan(hot),
            hot_windows,
            max_age: time::timespan(age),
            managed_identity: text("ManagedIdentity")?,
            hot_date_time_column: text("HotDateTimeColumn")?,
        })
    }

    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        let Target::External(name) = target else { return Ok(()) };
        let table = view.database(None)?.external(name)?;
        let wrong = |why: String| Err(invalid(self.title(), &why));
        if table.kind != ExternalKind::Delta {
            return wrong(format!(
                "external table '{name}' is of kind {}, and only delta can be accelerated",
                table.kind.word()
            ));
        }
        if table.columns.len() > MOST_COLUMNS {
            return wrong(format!("external table '{name}' has more than {MOST_COLUMNS} columns"));
        }
        if let Some(column) = policy["HotDateTimeColumn"].as_str() {
            match table.columns.iter().find(|(known, _)| known == column) {
                Some((_, Type::DateTime)) => {}
                Some(_) => return wrong(format!("HotDateTimeColumn '{column}' is not a datetime")),
                None => return wrong(format!("external table '{name}' has no column '{column}'")),
            }
        }
        if policy["IsEnabled"] == true { Ok(()) } else { self.ends(table) }
    }

    fn check_delete(&self, view: &View<'_>, target: &Target) -> Result<(), Fault> {
        let Target::External(name) = target else { return Ok(()) };
        self.ends(view.database(None)?.external(name)?)
    }
}

impl QueryAcceleration {
    /// Acceleration stays while the schema is updated by it.
    fn ends(&self, table: &ExternalTable) -> Result<(), Fault> {
        if !table.is_on("AutoUpdateSchema") {
            return Ok(());
        }
        let why =
            format!("external table '{}' has AutoUpdateSchema, which must be disabled first", table.name);
        Err(invalid(self.title(), &why))
    }
}

/// A moment as the documentation's samples show it: with a blank and without a zone.
fn moment(ticks: i64) -> String {
    time::datetime(ticks).replacen('T', " ", 1).split(['.', 'Z']).next().unwrap_or_default().to_owned()
}
