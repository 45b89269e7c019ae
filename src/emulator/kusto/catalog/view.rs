//! Materialized views.

use super::principal::Assignment;
use super::{Database, Policies, Table};
use crate::emulator::kusto::kql;
use crate::emulator::kusto::types::Type;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A materialized view; the emulator keeps its definition and never fills it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MaterializedView {
    /// Identifies the view through renames.
    pub(crate) id: Uuid,
    /// The name.
    pub(crate) name: String,
    /// The table, or the view, that it reads.
    pub(crate) source: String,
    /// Whether the source is a view.
    pub(crate) over_view: bool,
    /// The query, without its braces.
    pub(crate) query: String,
    /// The folder; empty when unset.
    pub(crate) folder: String,
    /// The docstring; empty when unset.
    pub(crate) doc_string: String,
    /// Whether it follows new columns of the source.
    pub(crate) auto_update_schema: bool,
    /// From when records are materialized, in ticks.
    pub(crate) effective: i64,
    /// How late duplicates may arrive, in ticks.
    pub(crate) lookback: Option<i64>,
    /// The column that `lookback` goes by; empty when unset.
    pub(crate) lookback_column: String,
    /// The tables besides the source that the query may read.
    #[serde(default)]
    pub(crate) dimension_tables: Vec<String>,
    /// The names and types of the source's columns as the view last took them in; none over a view.
    #[serde(default)]
    pub(crate) source_columns: Vec<(String, Type)>,
    /// Whether it is being filled.
    pub(crate) enabled: bool,
    /// View policies.
    pub(crate) policies: Policies,
    /// Who holds a role on the view.
    pub(crate) principals: Vec<Assignment>,
}

impl MaterializedView {
    /// What the query does, as far as its tokens show.
    fn read(&self) -> Option<kql::ViewQuery> {
        kql::read_view(&self.query, &self.source).ok()
    }

    /// Whether the columns of the source are no longer those that the view was made for: any other column when it
    /// takes all of them, and a column that its query names otherwise.
    pub(crate) fn is_outdated(&self, table: &Table) -> bool {
        let now: Vec<(String, Type)> = columns(table);
        let Some(query) = self.read() else { return false };
        if query.takes_all {
            let other = |side: &[(String, Type)], column| !side.contains(column);
            return now.iter().any(|column| other(&self.source_columns, column))
                || self.source_columns.iter().any(|column| other(&now, column));
        }
        self.source_columns.iter().any(|column| query.names.contains(&column.0) && !now.contains(column))
    }

    /// Takes in what became of the source's columns: a view that cannot follow is disabled.
    pub(crate) fn follow(&mut self, table: &Table) {
        let lost = |column: &(String, Type)| !columns(table).contains(column);
        let only_adds = !self.source_columns.iter().any(lost);
        if !self.is_outdated(table) || (self.auto_update_schema && only_adds) {
            self.source_columns = columns(table);
        } else {
            self.enabled = false;
        }
    }
}

/// The names and types of a table's columns.
pub(crate) fn columns(table: &Table) -> Vec<(String, Type)> {
    table.columns.iter().map(|column| (column.name.clone(), column.of)).collect()
}

impl Database {
    /// The views that read a table.
    pub(crate) fn views_over(&self, table: &str) -> Vec<String> {
        let reads = |view: &&MaterializedView| !view.over_view && view.source == table;
        self.views.values().filter(reads).map(|view| view.name.clone()).collect()
    }
}
