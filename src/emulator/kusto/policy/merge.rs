//! Merge: how extents are merged (`M:merge-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct Merge;

const LOOKBACK_KINDS: &[&str] = &["Default", "All", "HotCache", "Custom"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    row_count_upper_bound_for_merge: i64,
    #[serde(rename = "OriginalSizeMBUpperBoundForMerge")]
    original_size_mb_upper_bound_for_merge: i64,
    max_extents_to_merge: i64,
    loop_period: &'static str,
    max_range_in_hours: i64,
    allow_rebuild: bool,
    allow_merge: bool,
    lookback: Lookback,
    origin: u8,
}

/// `Kind` is printed as a number for the default, as the service has been seen to do, and by name otherwise, because
/// the other numbers are not known.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Lookback {
    kind: Value,
    custom_period: Option<String>,
}

impl Policy for Merge {
    fn word(&self) -> &'static str {
        "merge"
    }

    fn title(&self) -> &'static str {
        "ExtentsMergePolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table, Scope::View]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table]
    }

    fn plural(&self) -> bool {
        true
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let whole =
            |name: &str, default: i64| Ok::<_, Fault>(fields.whole(name, 0..=i64::MAX)?.unwrap_or(default));
        let (kind, period) = match fields.object("Lookback")? {
            None => (0, None),
            Some(lookback) => {
                (lookback.one_of("Kind", LOOKBACK_KINDS)?.unwrap_or(0), lookback.timespan("CustomPeriod")?)
            }
        };
        if (LOOKBACK_KINDS[kind] == "Custom") != period.is_some() {
            return Err(fields.wrong("Lookback", "needs a CustomPeriod with Kind Custom, and only then"));
        }
        printed(&Canonical {
            row_count_upper_bound_for_merge: whole("RowCountUpperBoundForMerge", 16_000_000)?,
            original_size_mb_upper_bound_for_merge: whole("OriginalSizeMBUpperBoundForMerge", 30_000)?,
            max_extents_to_merge: whole("MaxExtentsToMerge", 100)?,
            loop_period: "01:00:00",
            max_range_in_hours: whole("MaxRangeInHours", 24)?,
            allow_rebuild: fields.flag("AllowRebuild")?.unwrap_or(true),
            allow_merge: fields.flag("AllowMerge")?.unwrap_or(true),
            lookback: Lookback {
                kind: if kind == 0 { json!(0) } else { json!(LOOKBACK_KINDS[kind]) },
                custom_period: period.map(time::timespan),
            },
            origin: 1,
        })
    }

    /// Set on every new database.
    fn of_new(&self, scope: Scope) -> Option<String> {
        if scope == Scope::Database { self.canonical(&json!({}), None, 0).ok() } else { None }
    }

    fn in_force(&self) -> Option<String> {
        self.canonical(&json!({}), None, 0).ok()
    }
}
