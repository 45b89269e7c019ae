//! Partitioning: how extents are split by key (`M:partitioning-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Target, invalid};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct Partitioning;

/// The place in the list is the number that reads give back (`schema as csl script`).
const KINDS: &[&str] = &["None", "Hash", "UniformRange"];
const MODES: &[&str] = &["Default", "Uniform", "ByPartition"];
const FUNCTIONS: &[&str] = &["XxHash64", "MurmurHash3"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    partition_keys: Vec<Key>,
    effective_date_time: String,
    min_row_count_per_operation: i64,
    max_row_count_per_operation: i64,
    max_original_size_per_operation: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    column_name: String,
    kind: usize,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Properties {
    #[serde(rename_all = "PascalCase")]
    Hash { function: &'static str, max_partition_count: i64, seed: i64, partition_assignment_mode: usize },
    #[serde(rename_all = "PascalCase")]
    Range { reference: String, range_size: String, override_creation_time: bool },
}

impl Partitioning {
    fn key(&self, element: &Value) -> Result<Key, Fault> {
        let fields = Fields::new(self.title(), element, None)?;
        let column = fields.text("ColumnName")?.ok_or_else(|| fields.wrong("ColumnName", "is missing"))?;
        let kind = fields.one_of("Kind", KINDS)?.ok_or_else(|| fields.wrong("Kind", "is missing"))?;
        let properties =
            fields.object("Properties")?.ok_or_else(|| fields.wrong("Properties", "is missing"))?;
        let properties = match KINDS[kind] {
            "Hash" => Properties::Hash {
                function: FUNCTIONS[properties.one_of("Function", FUNCTIONS)?.unwrap_or(0)],
                max_partition_count: properties
                    .whole("MaxPartitionCount", 2..=2048)?
                    .ok_or_else(|| properties.wrong("MaxPartitionCount", "is missing"))?,
                seed: properties.whole("Seed", i64::MIN..=i64::MAX)?.unwrap_or(1),
                partition_assignment_mode: properties.one_of("PartitionAssignmentMode", MODES)?.unwrap_or(0),
            },
            "UniformRange" => {
                let size = properties.timespan("RangeSize")?.filter(|ticks| *ticks > 0);
                let size =
                    size.ok_or_else(|| properties.wrong("RangeSize", "is missing or not above zero"))?;
                let reference = properties.datetime("Reference")?;
                let reference = reference.map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), time::datetime);
                Properties::Range {
                    reference: reference.trim_end_matches('Z').to_owned(),
                    range_size: time::timespan(size),
                    override_creation_time: properties.flag("OverrideCreationTime")?.unwrap_or(false),
                }
            }
            _ => return Err(fields.wrong("Kind", "is neither Hash nor UniformRange")),
        };
        Ok(Key { column_name: column.to_owned(), kind, properties })
    }
}

impl Policy for Partitioning {
    fn word(&self) -> &'static str {
        "partitioning"
    }

    fn title(&self) -> &'static str {
        "PartitioningPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table, Scope::View]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    /// `EffectiveDateTime` is filled with the present when it is not given.
    fn canonical(&self, given: &Value, before: Option<&Value>, now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let keys = fields.list("PartitionKeys")?;
        let partition_keys = keys.iter().map(|key| self.key(key)).collect::<Result<Vec<_>, _>>()?;
        let of_kind = |kind: &str| partition_keys.iter().filter(|key| KINDS[key.kind] == kind).count();
        if partition_keys.is_empty() || of_kind("Hash") > 1 || of_kind("UniformRange") > 1 {
            return Err(invalid(self.title(), "it needs one or two keys, at most one of each kind"));
        }
        let whole = |name: &str| Ok::<_, Fault>(fields.whole(name, 0..=i64::MAX)?.unwrap_or(0));
        printed(&Canonical {
            partition_keys,
            effective_date_time: time::datetime(fields.datetime("EffectiveDateTime")?.unwrap_or(now)),
            min_row_count_per_operation: whole("MinRowCountPerOperation")?,
            max_row_count_per_operation: whole("MaxRowCountPerOperation")?,
            max_original_size_per_operation: whole("MaxOriginalSizePerOperation")?,
        })
    }

    /// The columns exist and are of a type that the key's kind splits by.
    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        let Some(table) = target.table(view.database(target.database())?) else { return Ok(()) };
        for key in policy["PartitionKeys"].as_array().into_iter().flatten() {
            let name = key["ColumnName"].as_str().unwrap_or_default();
            let column = table.column(name).ok_or_else(|| Fault::not_found("Column", name))?;
            let fits = if key["Kind"] == json!(1) {
                matches!(column.of, Type::String | Type::Guid)
            } else {
                column.of == Type::DateTime
            };
            if !fits {
                let why =
                    format!("column '{name}' of type {} does not go with the key's kind", column.of.name());
                return Err(invalid(self.title(), &why));
            }
        }
        Ok(())
    }
}
