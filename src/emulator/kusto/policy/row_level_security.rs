//! Row level security: the query that stands in for a table (`M:row-level-security-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Target, Verb, invalid, update_sources};
use crate::emulator::kusto::catalog::View;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::syntax::{Cursor, quote};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct RowLevelSecurity;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    is_enabled: bool,
    query: String,
}

impl Policy for RowLevelSecurity {
    fn word(&self) -> &'static str {
        "row_level_security"
    }

    fn title(&self) -> &'static str {
        "RowLevelSecurityPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table, Scope::View, Scope::External]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Table, Scope::External]
    }

    fn merges(&self) -> bool {
        false
    }

    /// `(enable|disable) [with (…)] "query"`.
    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let enabled = cursor.expect_one(&["enable", "disable"])? == "enable";
        cursor.properties()?.only(&["allowMaterializedViewsWithoutRowLevelSecurity"])?;
        Ok(json!({"IsEnabled": enabled, "Query": cursor.text("the query")?}))
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        printed(&Canonical {
            is_enabled: fields.flag("IsEnabled")?.unwrap_or(false),
            query: fields.text("Query")?.unwrap_or_default().to_owned(),
        })
    }

    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        if policy["IsEnabled"] != true {
            return Ok(());
        }
        let database = view.database(target.database())?;
        kql::check_names(database, policy["Query"].as_str().unwrap_or_default(), &[])?;
        let Some(table) = target.table(database) else { return Ok(()) };
        if table.policies.get("restricted_view_access").is_some_and(|text| text.contains("true")) {
            let why = format!("table '{}' has restricted view access; remove it first", table.name);
            return Err(invalid(self.title(), &why));
        }
        let blocking =
            update_sources(database).find(|(_, source)| source.table == table.name && !source.identified);
        if let Some((reader, _)) = blocking {
            let why = format!(
                "the update policy of table '{reader}' reads table '{}' without a managed identity",
                table.name
            );
            return Err(invalid(self.title(), &why));
        }
        Ok(())
    }

    fn statement(&self, entity: &str, text: &str) -> String {
        let policy: Value = serde_json::from_str(text).unwrap_or_default();
        let word = if policy["IsEnabled"] == true { "enable" } else { "disable" };
        let query = quote(policy["Query"].as_str().unwrap_or_default());
        format!(".alter {entity} policy row_level_security {word} {query}")
    }
}
