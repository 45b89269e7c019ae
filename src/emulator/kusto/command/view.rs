//! Materialized views: their definitions (`kusto/management/materialized-views/`).
//!
//! The emulator keeps what a view is and answers for it; it does not fill views.

use super::{Command, Parsed, policy, principal};
use crate::emulator::kusto::catalog::{Assignment, Database, Deed, Editor, MaterializedView, Policies, Role};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{OPERATION_ID, VIEWS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy::Scope;
use crate::emulator::kusto::syntax::{Cursor, Properties};
use crate::emulator::kusto::time;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("materialized-views") {
        return Ok(Some(Command::read("MaterializedViewsShow", |view| {
            Ok(Frame::new(VIEWS, view.database(None)?.views.values().map(row).collect()))
        })));
    }
    if verb == "create" {
        let run_async = cursor.eat("async");
        let if_not_exists = cursor.eat("ifnotexists");
        if !cursor.eat("materialized-view") {
            return Ok(None);
        }
        return define(Verb::Create { if_not_exists, run_async }, cursor).map(Some);
    }
    if !cursor.eat("materialized-view") {
        return Ok(None);
    }
    if verb == "create-or-alter" {
        return define(Verb::CreateOrAlter, cursor).map(Some);
    }
    if verb == "alter" && cursor.at("with") {
        return define(Verb::Alter, cursor).map(Some);
    }
    let start = cursor.clone();
    let parts = cursor.dotted("a view name", 2)?;
    if cursor.eat("policy") {
        return policy::parse(verb, Scope::View, parts, cursor).map(Some);
    }
    let [name] = parts.as_slice() else { return Err(cursor.expected("'policy'")) };
    let name = name.clone();
    Ok(Some(match verb {
        "alter" if cursor.at("on") => {
            *cursor = start;
            define(Verb::Alter, cursor)?
        }
        "alter" => alter_one(name, cursor)?,
        "show" if cursor.eat("principals") || cursor.at("principal") => {
            principal::show(principal::Of::View(name), cursor)?
        }
        "show" => show(name, cursor)?,
        "enable" | "disable" => {
            cursor.properties()?.only(&["allowMaterializedViewsWithoutRowLevelSecurity"])?;
            switch(name, verb == "enable")
        }
        "rename" => rename(name, cursor)?,
        "add" | "set" => principal::change(verb, principal::Of::View(name), cursor)?,
        "drop" if cursor.at("admins") => principal::change(verb, principal::Of::View(name), cursor)?,
        "drop" => drop(name, cursor.eat("ifexists")),
        _ => return Ok(None),
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create { if_not_exists: bool, run_async: bool },
    CreateOrAlter,
    Alter,
}

/// A row of every answer about views; runs are made up as if the view were up to date.
fn row(view: &MaterializedView) -> Vec<Value> {
    let at = json!(time::datetime(view.effective));
    vec![
        json!(view.name),
        json!(view.source),
        json!(view.query),
        at.clone(),
        at.clone(),
        json!("Completed"),
        json!(true),
        json!(view.enabled),
        json!(view.folder),
        json!(view.doc_string),
        json!(view.auto_update_schema),
        at,
        json!(view.lookback.map(time::timespan)),
        json!(view.lookback_column),
    ]
}

const PROPERTIES: &[&str] = &[
    "allowMaterializedViewsWithoutRowLevelSecurity",
    "autoUpdateSchema",
    "backfill",
    "concurrency",
    "dimensionMaterializedViews",
    "dimensionTables",
    "docString",
    "effectiveDateTime",
    "folder",
    "lookback",
    "lookback_column",
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
}

fn define(verb: Verb, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let properties = cursor.properties()?;
    properties.only(PROPERTIES)?;
    let name = cursor.name("a view name")?;
    cursor.expect("on")?;
    let over_view = cursor.expect_one(&["table", "materialized-view"])? == "materialized-view";
    let source = cursor.name("the source's name")?;
    let body = cursor.braces()?;
    let query =
        body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).unwrap_or(body).trim().to_owned();
    if properties.flag("backfill")? == Some(true) && !matches!(verb, Verb::Create { run_async: true, .. }) {
        return Err(Fault::bad_request(format!(
            "Materialized view '{name}' is created with backfill, which needs 'async'."
        )));
    }
    let wanted = Wanted { name, source, over_view, query, properties };
    let kind = match verb {
        Verb::Create { .. } => "MaterializedViewCreate",
        Verb::CreateOrAlter => "MaterializedViewCreateOrAlter",
        Verb::Alter => "MaterializedViewAlter",
    };
    Ok(Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let known = edit.database.views.contains_key(&wanted.name);
        match verb {
            Verb::Create { if_not_exists: true, .. } if known => return answer(edit.database, &wanted.name),
            Verb::Create { .. } if known => {
                return Err(Fault::already_exists("MaterializedView", &wanted.name));
            }
            Verb::Alter if !known => return Err(Fault::not_found("MaterializedView", &wanted.name)),
            _ => {}
        }
        wanted.check(edit.database)?;
        wanted.put(&mut edit)?;
        if let Verb::Create { run_async: true, .. } = verb {
            let database = edit.database.name.clone();
            let id = transaction.complete(kind, &database)?;
            return Ok(Frame::new(OPERATION_ID, vec![vec![json!(id)]]));
        }
        answer(edit.database, &wanted.name)
    }))
}

fn answer(database: &Database, name: &str) -> Result<Frame, Fault> {
    Ok(Frame::new(VIEWS, vec![row(database.view(name)?)]))
}

impl Wanted {
    fn check(&self, database: &Database) -> Result<(), Fault> {
        names::check("MaterializedView", &self.name)?;
        for (kind, taken) in [
            ("Table", database.tables.contains_key(&self.name)),
            ("ExpressionFunction", database.functions.contains_key(&self.name)),
        ] {
            if taken {
                return Err(Fault::already_exists(kind, &self.name));
            }
        }
        if self.over_view {
            database.view(&self.source)?;
        } else {
            self.check_source(database)?;
        }
        if !self.query.contains("summarize") {
            return Err(Fault::bad_request(format!(
                "Materialized view '{}' is not valid: its query does not end with one summarize.",
                self.name
            )));
        }
        if let Some(known) = database.views.get(&self.name)
            && (known.source != self.source || known.over_view != self.over_view)
        {
            return Err(Fault::bad_request(format!(
                "Materialized view '{}' reads '{}', and the source of a view cannot be altered.",
                self.name, known.source
            )));
        }
        kql::check_names(database, &self.query, &[])
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
        Err(Fault::bad_request(format!(
            "Materialized view '{}' is not valid: table '{}' {why}.",
            self.name, self.source
        )))
    }

    fn put(&self, edit: &mut Editor<'_>) -> Result<(), Fault> {
        let known = edit.database.views.get(&self.name).cloned();
        let creator = &edit.request().caller.holder;
        let mut view = known.clone().unwrap_or_else(|| MaterializedView {
            id: Uuid::new_v4(),
            name: self.name.clone(),
            source: self.source.clone(),
            over_view: self.over_view,
            query: String::new(),
            folder: String::new(),
            doc_string: String::new(),
            auto_update_schema: false,
            effective: edit.request().now,
            lookback: None,
            lookback_column: String::new(),
            enabled: true,
            policies: Policies::new(),
            principals: if choices::CREATOR_BECOMES_ADMIN {
                vec![Assignment::by_creation(Role::Admin, creator)]
            } else {
                Vec::new()
            },
        });
        view.query.clone_from(&self.query);
        if let Some(text) = self.properties.text("folder")? {
            text.clone_into(&mut view.folder);
        }
        if let Some(text) = self.properties.text("docString")? {
            text.clone_into(&mut view.doc_string);
        }
        if let Some(flag) = self.properties.flag("autoUpdateSchema")? {
            view.auto_update_schema = flag;
        }
        if let Some(lookback) = self.properties.timespan("lookback")? {
            view.lookback = lookback;
        }
        if let Some(column) = self.properties.text("lookback_column")? {
            if !view.lookback_column.is_empty() && view.lookback_column != column {
                return Err(Fault::bad_request(format!(
                    "The lookback column of view '{}' cannot change.",
                    self.name
                )));
            }
            column.clone_into(&mut view.lookback_column);
        }
        let event = if known.is_some() { "ALTER-MATERIALIZED-VIEW" } else { "CREATE-MATERIALIZED-VIEW" };
        edit.touch_view(&self.name);
        edit.database.views.insert(self.name.clone(), view);
        edit.record(Deed {
            event,
            entity: &self.name,
            after: self.query.clone(),
            schema: true,
            ..Deed::default()
        });
        Ok(())
    }
}

/// `.alter materialized-view V docstring|folder|lookback|autoUpdateSchema x`.
fn alter_one(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    type Change = Box<dyn Fn(&mut MaterializedView) + Send>;
    let word = cursor.expect_one(&["docstring", "folder", "lookback", "autoUpdateSchema"])?;
    let (kind, change): (&str, Change) = match word {
        "docstring" => {
            let text = cursor.text("the new docstring")?;
            ("MaterializedViewAlterDocString", Box::new(move |view| view.doc_string.clone_from(&text)))
        }
        "folder" => {
            let text = cursor.text("the new folder")?;
            ("MaterializedViewAlterFolder", Box::new(move |view| view.folder.clone_from(&text)))
        }
        "lookback" => {
            let lookback = cursor.nullable_timespan()?;
            ("MaterializedViewAlterLookback", Box::new(move |view| view.lookback = lookback))
        }
        _ => {
            let flag = cursor.flag()?;
            ("MaterializedViewAlterAutoUpdateSchema", Box::new(move |view| view.auto_update_schema = flag))
        }
    };
    Ok(changing(kind, name, move |view| {
        change(view);
        Ok(())
    }))
}

fn changing(
    kind: &str,
    name: String,
    change: impl Fn(&mut MaterializedView) -> Result<(), Fault> + Send + 'static,
) -> Command {
    Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        change(edit.view_mut(&name)?)?;
        edit.record(Deed { event: "ALTER-MATERIALIZED-VIEW", entity: &name, ..Deed::default() });
        answer(edit.database, &name)
    })
}

/// Both fail when the view is already in the state asked for.
fn switch(name: String, on: bool) -> Command {
    let kind = if on { "MaterializedViewEnable" } else { "MaterializedViewDisable" };
    changing(kind, name, move |view| {
        if view.enabled == on {
            let state = if on { "enabled" } else { "disabled" };
            return Err(Fault::bad_request(format!("Materialized view '{}' is already {state}.", view.name)));
        }
        view.enabled = on;
        Ok(())
    })
}

fn rename(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.expect("to")?;
    let new = cursor.name("the new view name")?;
    Ok(Command::change("MaterializedViewRename", move |transaction| {
        let mut edit = transaction.edit(None)?;
        names::check("MaterializedView", &new)?;
        edit.database.view(&name)?;
        let database = &*edit.database;
        for (kind, taken) in [
            ("MaterializedView", database.views.contains_key(&new)),
            ("Table", database.tables.contains_key(&new)),
            ("ExpressionFunction", database.functions.contains_key(&new)),
        ] {
            if taken {
                return Err(Fault::already_exists(kind, &new));
            }
        }
        if let Some(mut view) = edit.database.views.remove(&name) {
            view.name.clone_from(&new);
            edit.database.views.insert(new.clone(), view);
        }
        edit.touch_view(&name);
        edit.touch_view(&new);
        let deed =
            Deed { event: "RENAME-MATERIALIZED-VIEW", entity: &name, renamed: Some(&new), ..Deed::default() };
        edit.record(Deed { schema: true, ..deed });
        answer(edit.database, &new)
    }))
}

/// `.drop materialized-view V [ifexists]`: answers with those that remain.
fn drop(name: String, if_exists: bool) -> Command {
    Command::change("MaterializedViewDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        match edit.database.view(&name) {
            Err(missing) if !if_exists => return Err(missing),
            Err(_) => {}
            Ok(_) => {
                let reads = |view: &&MaterializedView| view.over_view && view.source == name;
                if let Some(reader) = edit.database.views.values().find(reads) {
                    return Err(Fault::bad_request(format!(
                        "Materialized view '{name}' is the source of '{}'; drop that first.",
                        reader.name
                    )));
                }
                edit.database.views.remove(&name);
                edit.touch_view(&name);
                edit.record(Deed {
                    event: "DROP-MATERIALIZED-VIEW",
                    entity: &name,
                    schema: true,
                    ..Deed::default()
                });
            }
        }
        transaction.answer(VIEWS, |view| Ok(view.database(None)?.views.values().map(row).collect()))
    })
}

fn show(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if cursor.at("cslschema") || cursor.at("schema") {
        return Err(Fault::not_modelled(".show materialized-view cslschema"));
    }
    Ok(Command::read("MaterializedViewShow", move |view| answer(view.database(None)?, &name)))
}
