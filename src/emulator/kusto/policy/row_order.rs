//! Row order: how rows are sorted within new extents (`M:roworder-policy.md`).

use super::fields::printed;
use super::{Policy, Scope, Target, Verb};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Value, json};

pub(super) struct RowOrder;

impl Policy for RowOrder {
    fn word(&self) -> &'static str {
        "roworder"
    }

    fn title(&self) -> &'static str {
        "RowOrderPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn plural(&self) -> bool {
        true
    }

    /// `(a asc, b desc)`.
    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let keys = cursor.list(|inner| {
            let column = inner.name("a column name")?;
            let ascending = inner.expect_one(&["asc", "desc"])? == "asc";
            Ok(json!({"ColumnName": column, "IsAscending": ascending}))
        })?;
        Ok(Value::Array(keys))
    }

    /// The shape is open; an ordered list of columns and directions says all there is. Merging changes the direction
    /// of a known column and appends the others.
    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let mut keys: Vec<Value> = before.and_then(Value::as_array).cloned().unwrap_or_default();
        for key in given.as_array().into_iter().flatten() {
            match keys.iter_mut().find(|known| known["ColumnName"] == key["ColumnName"]) {
                Some(known) => known.clone_from(key),
                None => keys.push(key.clone()),
            }
        }
        printed(&keys)
    }

    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        let Some(table) = target.table(view.database(target.database())?) else { return Ok(()) };
        for key in policy.as_array().into_iter().flatten() {
            let column = key["ColumnName"].as_str().unwrap_or_default();
            if table.column(column).is_none() {
                return Err(Fault::not_found("Column", column));
            }
        }
        Ok(())
    }

    fn statement(&self, entity: &str, text: &str) -> String {
        let policy: Value = serde_json::from_str(text).unwrap_or_default();
        let key = |key: &Value| {
            let direction = if key["IsAscending"] == true { "asc" } else { "desc" };
            format!("{} {direction}", names::print(key["ColumnName"].as_str().unwrap_or_default()))
        };
        let keys: Vec<String> = policy.as_array().into_iter().flatten().map(key).collect();
        format!(".alter {entity} policy roworder ({})", keys.join(", "))
    }
}
