//! `.create`, `.create-or-alter`, `.alter materialized-view … { query }`, and what the service checks of a definition.

use super::super::Command;
use super::answer;
use crate::emulator::kusto::catalog::{
    Assignment, Database, Deed, Editor, MaterializedView, Policies, Role, Transaction, source_columns,
};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::OPERATION_ID;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql::{self, ViewQuery};
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::{Cursor, Properties, Property};
use crate::emulator::kusto::types::Type;
use serde_json::json;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create { if_not_exists: bool, run_async: bool },
    CreateOrAlter,
    Alter,
}

impl Verb {
    const fn kind(self) -> &'static str {
        match self {
            Self::Create { .. } | Self::CreateOrAlter => "MaterializedViewCreateOrAlter",
            Self::Alter => "MaterializedViewAlter",
        }
    }
}

/// What may be said of a view whenever it is defined.
const PROPERTIES: &[&str] = &[
    "autoUpdateSchema",
    "dimensionMaterializedViews",
    "dimensionTables",
    "docString",
    "folder",
    "lookback",
    "lookback_column",
];

/// What may be said only when it is created with backfill.
const OF_BACKFILL: &[&str] = &[
    "concurrency",
    "effectiveDateTime",
    "maxSourceRecordsForSingleIngest",
    "move_extents_from",
    "source_ingestion_time_from",
    "updateExtentsCreationTime",
];

/// A view as a command describes it.
#[derive(Debug, Clone)]
struct Wanted {
    name: String,
    source: String,
    over_view: bool,
    query: String,
    properties: Properties,
    dimensions: Option<Vec<String>>,
    effective: Option<i64>,
}

pub(super) fn define(verb: Verb, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let properties = cursor.properties()?;
    let allowed: Vec<&str> = match verb {
        Verb::Alter => PROPERTIES.to_vec(),
        _ => {
            let creating = ["allowMaterializedViewsWithoutRowLevelSecurity", "backfill"];
            PROPERTIES.iter().chain(OF_BACKFILL).copied().chain(creating).collect()
        }
    };
    properties.only(&allowed)?;
    let name = cursor.name("a view name")?;
    cursor.expect("on")?;
    let over_view = cursor.expect_one(&["table", "materialized-view"])? == "materialized-view";
    let source = cursor.name("the source's name")?;
    let body = cursor.braces()?;
    let query =
        body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).unwrap_or(body).trim().to_owned();
    let (dimensions, effective) = (dimensions(&properties)?, moment(&properties)?);
    let backfill = backfill(verb, &name, &properties)?;
    let wanted = Wanted { name, source, over_view, query, properties, dimensions, effective };
    Ok(Command::change(verb.kind(), move |transaction| wanted.run(verb, backfill, transaction)))
}

/// Whether old records are taken in; that needs `async`, and what tunes it needs it.
fn backfill(verb: Verb, name: &str, properties: &Properties) -> Result<bool, Fault> {
    let backfill = properties.flag("backfill")?.unwrap_or(false);
    if backfill && !matches!(verb, Verb::Create { run_async: true, .. }) {
        return Err(Fault::bad_request(format!(
            "Materialized view '{name}' is created with backfill, which needs 'async'."
        )));
    }
    properties.flag("updateExtentsCreationTime")?;
    let tuned = OF_BACKFILL.iter().find(|property| properties.get(property).is_some());
    match tuned.filter(|_| choices::BACKFILL_TUNING_NEEDS_BACKFILL && !backfill) {
        None => Ok(backfill),
        Some(property) => Err(Fault::bad_request(format!(
            "Property '{property}' is only for a view created with backfill."
        ))),
    }
}

/// The names in `dimensionTables=dynamic(["D"])`.
fn dimensions(properties: &Properties) -> Result<Option<Vec<String>>, Fault> {
    let wrong = || Fault::bad_request("Property 'dimensionTables' takes names, as in dynamic([\"D\"]).");
    let text = match properties.get("dimensionTables") {
        None => return Ok(None),
        Some(Property::Text(text)) => text.clone(),
        Some(Property::Bare(bare)) => {
            let inner = bare.strip_prefix("dynamic(").and_then(|rest| rest.strip_suffix(')'));
            inner.ok_or_else(wrong)?.replace('\'', "\"")
        }
    };
    serde_json::from_str(&text).map(Some).map_err(|_| wrong())
}

fn moment(properties: &Properties) -> Result<Option<i64>, Fault> {
    match properties.get("effectiveDateTime") {
        Some(Property::Bare(literal)) => Cursor::new(literal).datetime().map(Some),
        Some(Property::Text(text)) => Cursor::new(&format!("datetime({text})")).datetime().map(Some),
        None => Ok(None),
    }
}

impl Wanted {
    fn fault(&self, why: &str) -> Fault {
        Fault::bad_request(format!("Materialized view '{}' is not valid: {why}.", self.name))
    }

    fn run(&self, verb: Verb, backfill: bool, transaction: &mut Transaction<'_>) -> Result<Frame, Fault> {
        let view = transaction.view();
        let database = view.database(None)?.name.clone();
        if view.cluster()?.operations.iter().any(|one| one.is_filling(&database, &self.name)) {
            return Err(Fault::already_exists("MaterializedView", &self.name));
        }
        let most = transaction.request().limits.views;
        let mut edit = transaction.edit(None)?;
        let known = edit.database.views.get(&self.name);
        match verb {
            Verb::Create { if_not_exists: true, .. } if known.is_some() => {
                return answer(edit.database, &self.name);
            }
            Verb::Create { .. } if known.is_some() => {
                return Err(Fault::already_exists("MaterializedView", &self.name));
            }
            Verb::Alter if known.is_none() => return Err(Fault::not_found("MaterializedView", &self.name)),
            Verb::CreateOrAlter if known.is_some() && self.dimensions.is_some() => {
                return Err(self.fault("'.create-or-alter' does not change the dimension tables of a view"));
            }
            _ if known.is_none() && edit.database.views.len() >= most => {
                return Err(Fault::bad_request(format!(
                    "Database '{}' holds {most} materialized views, which is the limit; '{}' was not created.",
                    edit.database.name, self.name
                )));
            }
            _ => {}
        }
        let query = self.check(edit.database)?;
        let view = self.view(&edit, &query)?;
        if backfill {
            let id = transaction.fill(verb.kind(), &database, view)?;
            return Ok(Frame::new(OPERATION_ID, vec![vec![json!(id)]]));
        }
        put(&mut edit, view);
        if let Verb::Create { run_async: true, .. } = verb {
            let id = transaction.complete(verb.kind(), &database)?;
            return Ok(Frame::new(OPERATION_ID, vec![vec![json!(id)]]));
        }
        answer(edit.database, &self.name)
    }

    fn check(&self, database: &Database) -> Result<ViewQuery, Fault> {
        names::check("MaterializedView", &self.name)?;
        super::refuse_taken(database, &self.name)?;
        let query = kql::read_view(&self.query, &self.source).map_err(|why| self.fault(&why))?;
        if self.over_view {
            self.check_source_view(database)?;
        } else {
            self.check_source(database)?;
        }
        kql::check_names(database, &self.query, &[])?;
        let known = database.views.get(&self.name);
        let kept = known.map(|known| known.dimension_tables.as_slice()).unwrap_or_default();
        let dimensions = self.dimensions.as_deref().unwrap_or(kept);
        for dimension in dimensions {
            database.table(dimension)?;
        }
        for table in kql::tables(database, &self.query) {
            if table != self.source && !dimensions.contains(&table) {
                return Err(self.fault(&format!("'{table}' is neither its source nor a dimension table")));
            }
        }
        if self.properties.flag("updateExtentsCreationTime")? == Some(true)
            && !query.keys.iter().any(|key| key.contains("bin("))
        {
            return Err(self.fault("updateExtentsCreationTime needs a key that is a bin() of a datetime"));
        }
        if let Some(known) = known {
            self.check_change(database, known, &query)?;
        }
        Ok(query)
    }

    /// A source keeps its ingestion times and is open to all who read the view.
    fn check_source(&self, database: &Database) -> Result<(), Fault> {
        let table = database.table(&self.source)?;
        let set =
            |word: &str, text: &str| table.policies.get(word).is_some_and(|policy| policy.contains(text));
        let why = if !set("ingestiontime", "true") {
            "has no ingestion time policy"
        } else if choices::RESTRICTED_VIEW_REFUSES_READERS && set("restricted_view_access", "true") {
            "has restricted view access"
        } else if set("retention", "\"SoftDeletePeriod\":\"00:00:00\"") {
            "keeps no records"
        } else {
            return Ok(());
        };
        Err(self.fault(&format!("table '{}' {why}", self.source)))
    }

    /// Only a view that removes duplicates may be the source of another.
    fn check_source_view(&self, database: &Database) -> Result<(), Fault> {
        let source = database.view(&self.source)?;
        let dedups = kql::read_view(&source.query, &source.source).is_ok_and(|query| query.only_dedups);
        if dedups {
            return Ok(());
        }
        Err(self.fault(&format!("'{}' is not a view of take_any(*), as a source must be", self.source)))
    }

    /// What no alter can change: the source, the keys, the type of a column.
    fn check_change(
        &self,
        database: &Database,
        known: &MaterializedView,
        query: &ViewQuery,
    ) -> Result<(), Fault> {
        if known.source != self.source || known.over_view != self.over_view {
            return Err(Fault::bad_request(format!(
                "Materialized view '{}' reads '{}', and the source of a view cannot be altered.",
                self.name, known.source
            )));
        }
        let before = kql::read_view(&known.query, &known.source).map(|before| before.keys);
        if before.is_ok_and(|before| before != query.keys) {
            return Err(Fault::bad_request(format!(
                "The group-by keys of materialized view '{}' cannot be altered.",
                self.name
            )));
        }
        let columns = |query: &str| kql::output(database, query).unwrap_or_default();
        let (before, after): (Vec<(String, Type)>, _) = (columns(&known.query), columns(&self.query));
        let retyped =
            after.iter().find(|(name, of)| before.iter().any(|(known, was)| known == name && was != of));
        match retyped {
            None => Ok(()),
            Some((column, _)) => Err(Fault::bad_request(format!(
                "Column '{column}' of materialized view '{}' cannot change its type.",
                self.name
            ))),
        }
    }

    /// The view as it will be: what is not given stays.
    fn view(&self, edit: &Editor<'_>, query: &ViewQuery) -> Result<MaterializedView, Fault> {
        let database = &*edit.database;
        let known = database.views.get(&self.name);
        let mut view = known.cloned().unwrap_or_else(|| self.fresh(edit));
        view.query.clone_from(&self.query);
        if let Some(dimensions) = &self.dimensions {
            view.dimension_tables.clone_from(dimensions);
        }
        if let Some(text) = self.properties.text("folder")? {
            text.clone_into(&mut view.folder);
        }
        if let Some(text) = self.properties.text("docString")? {
            text.clone_into(&mut view.doc_string);
        }
        if let Some(flag) = self.properties.flag("autoUpdateSchema")? {
            view.auto_update_schema = flag;
        }
        if view.auto_update_schema && !query.takes_all {
            return Err(self.fault("autoUpdateSchema is for arg_max, arg_min and take_any of all columns"));
        }
        if let Some(lookback) = self.properties.timespan("lookback")? {
            view.lookback = lookback;
        }
        if view.lookback.is_some() && !query.picks {
            return Err(self.fault("lookback is for views of arg_max, arg_min and take_any"));
        }
        let source = database.tables.get(&self.source).filter(|_| !self.over_view);
        if let Some(column) = self.properties.text("lookback_column")? {
            if !view.lookback_column.is_empty() && view.lookback_column != column {
                return Err(Fault::bad_request(format!(
                    "The lookback column of view '{}' cannot change.",
                    self.name
                )));
            }
            let fits = |table: &crate::emulator::kusto::catalog::Table| {
                table.column(column).is_some_and(|found| found.of == Type::DateTime)
            };
            if source.is_some_and(|table| !fits(table)) {
                return Err(self.fault(&format!("'{column}' is no datetime column of '{}'", self.source)));
            }
            column.clone_into(&mut view.lookback_column);
        }
        view.source_columns = source.map(source_columns).unwrap_or_default();
        Ok(view)
    }

    fn fresh(&self, edit: &Editor<'_>) -> MaterializedView {
        let creator = &edit.request().caller.holder;
        MaterializedView {
            id: Uuid::new_v4(),
            name: self.name.clone(),
            source: self.source.clone(),
            over_view: self.over_view,
            query: String::new(),
            folder: String::new(),
            doc_string: String::new(),
            auto_update_schema: false,
            effective: self.effective.unwrap_or(edit.request().now),
            lookback: None,
            lookback_column: String::new(),
            dimension_tables: Vec::new(),
            source_columns: Vec::new(),
            enabled: true,
            policies: Policies::new(),
            principals: if choices::CREATOR_BECOMES_ADMIN {
                vec![Assignment::by_creation(Role::Admin, creator)]
            } else {
                Vec::new()
            },
        }
    }
}

fn put(edit: &mut Editor<'_>, view: MaterializedView) {
    let (name, after) = (view.name.clone(), view.query.clone());
    edit.touch_view(&name);
    let known = edit.database.views.insert(name.clone(), view).is_some();
    let event = if known { "ALTER-MATERIALIZED-VIEW" } else { "CREATE-MATERIALIZED-VIEW" };
    edit.record(Deed { event, entity: &name, after, schema: true, ..Deed::default() });
}
