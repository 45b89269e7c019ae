//! Caching: how long data stays on fast storage (`M:cache-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Verb, invalid};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) struct Caching;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    data_hot_span: Span,
    index_hot_span: Span,
    hot_windows: Vec<Window>,
    column_overrides: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Span {
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Window {
    min_value: String,
    max_value: String,
}

impl Policy for Caching {
    fn word(&self) -> &'static str {
        "caching"
    }

    fn title(&self) -> &'static str {
        "CachingPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster, Scope::Database, Scope::Table, Scope::View, Scope::GraphModel]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Database, Scope::Table, Scope::GraphModel]
    }

    fn plural(&self) -> bool {
        true
    }

    fn merges(&self) -> bool {
        false
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    /// `hot = 30d` or `hotdata = 30d hotindex = 30d`, then `hot_window = a .. b` any number of times.
    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let span = |cursor: &mut Cursor<'_>| {
            cursor.expect_mark("=")?;
            Ok::<_, Fault>(json!({"Value": time::timespan(cursor.timespan()?)}))
        };
        let (data, index) = if cursor.eat("hot") {
            let both = span(cursor)?;
            (both.clone(), both)
        } else {
            cursor.expect("hotdata")?;
            let data = span(cursor)?;
            cursor.eat_mark(",");
            cursor.expect("hotindex")?;
            (data, span(cursor)?)
        };
        let mut windows = Vec::new();
        while cursor.eat_mark(",") || cursor.at("hot_window") {
            cursor.expect("hot_window")?;
            cursor.expect_mark("=")?;
            let from = cursor.datetime()?;
            cursor.expect_mark("..")?;
            let to = cursor.datetime()?;
            windows.push(json!({"MinValue": time::datetime(from), "MaxValue": time::datetime(to)}));
        }
        Ok(json!({"DataHotSpan": data, "IndexHotSpan": index, "HotWindows": windows}))
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let span = |name: &str| {
            let ticks = fields.object(name)?.map(|span| span.timespan("Value")).transpose()?.flatten();
            let ticks = ticks.ok_or_else(|| fields.wrong(name, "is missing"))?;
            if ticks < 0 {
                Err(fields.wrong(name, "is negative"))
            } else {
                Ok(Span { value: time::timespan(ticks) })
            }
        };
        let mut hot_windows = Vec::new();
        for window in fields.list("HotWindows")? {
            let window = Fields::new(self.title(), window, None)?;
            match (window.datetime("MinValue")?, window.datetime("MaxValue")?) {
                (Some(from), Some(to)) if from < to => {
                    hot_windows
                        .push(Window { min_value: time::datetime(from), max_value: time::datetime(to) });
                }
                _ => return Err(invalid(self.title(), "a hot window does not end after it begins")),
            }
        }
        printed(&Canonical {
            data_hot_span: span("DataHotSpan")?,
            index_hot_span: span("IndexHotSpan")?,
            hot_windows,
            column_overrides: [],
        })
    }

    fn statement(&self, entity: &str, text: &str) -> String {
        let policy: Value = serde_json::from_str(text).unwrap_or_default();
        let span = |name: &str| policy[name]["Value"].as_str().unwrap_or_default().to_owned();
        let (data, index) = (span("DataHotSpan"), span("IndexHotSpan"));
        let mut out = format!(".alter {entity} policy caching ");
        let _ = if data == index {
            write!(out, "hot = time({data})")
        } else {
            write!(out, "hotdata = time({data}) hotindex = time({index})")
        };
        for window in policy["HotWindows"].as_array().into_iter().flatten() {
            let moment = |name: &str| window[name].as_str().unwrap_or_default();
            let (from, to) = (moment("MinValue"), moment("MaxValue"));
            let _ = write!(out, ", hot_window = datetime({from}) .. datetime({to})");
        }
        out
    }
}
