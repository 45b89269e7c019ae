//! Mirroring: a copy of a table in Delta files (`M:mirroring-policy.md`); Fabric only.

use super::fields::{Fields, printed};
use super::{Policy, Scope, Verb, parse_json};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::{Cursor, Property};
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(super) struct Mirroring;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    format: &'static str,
    connection_strings: [String; 1],
    is_enabled: bool,
    partitions: Option<Value>,
    effective_date_time: String,
    target_latency_in_minutes: i64,
}

impl Policy for Mirroring {
    fn word(&self) -> &'static str {
        "mirroring"
    }

    fn title(&self) -> &'static str {
        "MirroringPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    /// `dataformat=parquet with (IsEnabled=true, …)`, or a JSON text; `partition by` is not modelled.
    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        if cursor.at("partition") {
            return Err(Fault::not_modelled("policy mirroring partition by"));
        }
        if !cursor.eat("dataformat") {
            return parse_json(self.title(), &cursor.text("the policy as JSON")?);
        }
        cursor.expect_mark("=")?;
        cursor.expect("parquet")?;
        let properties = cursor.properties()?;
        properties.only(&["IsEnabled", "Backfill", "EffectiveDateTime", "TargetLatencyInMinutes"])?;
        let mut given = Map::new();
        properties.flag("Backfill")?;
        if let Some(flag) = properties.flag("IsEnabled")? {
            given.insert("IsEnabled".to_owned(), json!(flag));
        }
        if let Some(Property::Bare(literal)) = properties.get("EffectiveDateTime") {
            let moment = Cursor::new(literal).datetime()?;
            given.insert("EffectiveDateTime".to_owned(), json!(time::datetime(moment)));
        }
        if let Some(Property::Bare(minutes)) = properties.get("TargetLatencyInMinutes") {
            given.insert("TargetLatencyInMinutes".to_owned(), json!(minutes));
        }
        Ok(Value::Object(given))
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        printed(&Canonical {
            format: "parquet",
            connection_strings: ["https://onelake.example/mirror;*******".to_owned()],
            is_enabled: fields.flag("IsEnabled")?.unwrap_or(true),
            partitions: fields.get("Partitions").cloned(),
            effective_date_time: time::datetime(fields.datetime("EffectiveDateTime")?.unwrap_or(now)),
            target_latency_in_minutes: fields.whole("TargetLatencyInMinutes", 5..=180)?.unwrap_or(180),
        })
    }
}
