//! Update: queries that fill a table from another one (`M:update-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, Target, Verb, invalid, json_argument};
use crate::emulator::kusto::catalog::{Database, Table, View};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::syntax::Cursor;
use serde::Serialize;
use serde_json::Value;

pub(super) struct Update;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    is_enabled: bool,
    source: String,
    query: String,
    is_transactional: bool,
    propagate_ingestion_properties: bool,
    managed_identity: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    source_is_wild_card: bool,
}

/// What an entry of an update policy reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    /// The table.
    pub(crate) table: String,
    /// Whether a failure fails the ingestion into it.
    pub(crate) transactional: bool,
    /// Whether it runs as a managed identity.
    pub(crate) identified: bool,
    /// Whether the source is a pattern of names.
    pub(crate) wild_card: bool,
    /// The query.
    pub(crate) query: String,
}

/// The sources of every update policy in a database, each with the table that it fills.
pub(crate) fn sources(database: &Database) -> impl Iterator<Item = (&str, Source)> {
    let with_policy = database.tables.values().filter_map(|table| {
        let policy = table.policies.get("update")?;
        Some((table.name.as_str(), serde_json::from_str::<Vec<Value>>(policy).unwrap_or_default()))
    });
    with_policy.flat_map(|(name, entries)| {
        entries.into_iter().map(move |entry| {
            let source = Source {
                table: entry["Source"].as_str().unwrap_or_default().to_owned(),
                transactional: entry["IsTransactional"] == true,
                identified: entry["ManagedIdentity"].is_string(),
                wild_card: entry["SourceIsWildCard"] == true,
                query: entry["Query"].as_str().unwrap_or_default().to_owned(),
            };
            (name, source)
        })
    })
}

impl Policy for Update {
    fn word(&self) -> &'static str {
        "update"
    }

    fn title(&self) -> &'static str {
        "UpdatePolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn starred(&self) -> &'static [Scope] {
        &[Scope::Table]
    }

    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let given = json_argument(self.title(), cursor)?;
        cursor.properties()?;
        Ok(given)
    }

    /// Merging appends, and does not look for duplicates.
    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let Value::Array(given) = given else { return Err(invalid(self.title(), "it is not a JSON list")) };
        let kept = before.and_then(Value::as_array).into_iter().flatten();
        let entry = |entry: &Value| {
            let fields = Fields::new(self.title(), entry, None)?;
            let text = |name: &str| {
                let found = fields.text(name)?.filter(|text| !text.trim().is_empty());
                found.map(str::to_owned).ok_or_else(|| fields.wrong(name, "is missing"))
            };
            Ok(Canonical {
                is_enabled: fields.flag("IsEnabled")?.unwrap_or(true),
                source: text("Source")?,
                query: text("Query")?,
                is_transactional: fields.flag("IsTransactional")?.unwrap_or(false),
                propagate_ingestion_properties: fields.flag("PropagateIngestionProperties")?.unwrap_or(false),
                managed_identity: fields
                    .text("ManagedIdentity")?
                    .filter(|id| !id.is_empty())
                    .map(str::to_owned),
                source_is_wild_card: fields.flag("SourceIsWildCard")?.unwrap_or(false),
            })
        };
        printed(&kept.chain(given).map(entry).collect::<Result<Vec<_>, Fault>>()?)
    }

    fn check(&self, view: &View<'_>, target: &Target, policy: &Value) -> Result<(), Fault> {
        let database = view.database(target.database())?;
        let Some(table) = target.table(database) else { return Ok(()) };
        for entry in policy.as_array().into_iter().flatten() {
            check_entry(self.title(), database, table, entry)?;
        }
        Ok(())
    }
}

/// The source exists, the query names what exists, and its columns fit where they can be known.
fn check_entry(title: &str, database: &Database, target: &Table, entry: &Value) -> Result<(), Fault> {
    let source = entry["Source"].as_str().unwrap_or_default();
    let query = entry["Query"].as_str().unwrap_or_default();
    if entry["SourceIsWildCard"] != true {
        let table = database.table(source)?;
        let secured =
            table.policies.get("row_level_security").is_some_and(|text| text.contains("\"IsEnabled\":true"));
        if secured && !entry["ManagedIdentity"].is_string() {
            let why =
                format!("table '{source}' has row level security, so the entry needs a ManagedIdentity");
            return Err(invalid(title, &why));
        }
        let restricted =
            table.policies.get("restricted_view_access").is_some_and(|text| text.contains("true"));
        if restricted && choices::RESTRICTED_VIEW_REFUSES_READERS {
            return Err(invalid(title, &format!("table '{source}' has restricted view access")));
        }
    }
    kql::check_names(database, query, &[])?;
    let Some(given) = kql::output(database, query) else { return Ok(()) };
    let wanted: Vec<_> = target.columns.iter().map(|column| (column.name.clone(), column.of)).collect();
    let types_fit = given.iter().map(|(_, of)| of).eq(wanted.iter().map(|(_, of)| of));
    let names_fit = given.iter().map(|(name, _)| name).eq(wanted.iter().map(|(name, _)| name));
    if types_fit && (names_fit || !choices::UPDATE_POLICY_COMPARES_NAMES) {
        return Ok(());
    }
    let listed = |columns: &[(String, crate::emulator::kusto::types::Type)]| {
        let each: Vec<_> = columns.iter().map(|(name, of)| format!("{name}:{}", of.name())).collect();
        each.join(", ")
    };
    Err(Fault::bad_request(format!(
        "Error during execution of the update policy of table '{}': the query schema does not match the table \
         schema. QuerySchema=({}), TableSchema=({})",
        target.name,
        listed(&given),
        listed(&wanted)
    )))
}
