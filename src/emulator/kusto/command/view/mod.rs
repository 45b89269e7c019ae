//! Materialized views: their definitions (`kusto/management/materialized-views/`).
//!
//! The emulator keeps what a view is and answers for it; it does not fill views. A backfill lasts, though: the view is
//! there when its operation has ended.

mod define;

use super::{Command, Parsed, policy, principal};
use crate::emulator::kusto::catalog::{Database, Deed, MaterializedView, View};
use crate::emulator::kusto::columns::{CLEARED_VIEW, TABLE_SCHEMA, VIEW_DETAILS, VIEWS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy::{self as policies, Scope};
use crate::emulator::kusto::show::{principals, schema};
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use define::{Verb, define};
use serde_json::{Value, json};

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("materialized-views") {
        if cursor.eat("details") {
            return Ok(Some(Command::read("MaterializedViewsDetailsShow", |view| {
                details(view, view.database(None)?.views.values().collect())
            })));
        }
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
        "clear" => clear(name, cursor)?,
        "add" | "set" => principal::change(verb, principal::Of::View(name), cursor)?,
        "drop" if cursor.at("admins") => principal::change(verb, principal::Of::View(name), cursor)?,
        "drop" => drop(name, cursor.eat("ifexists")),
        _ => return Ok(None),
    }))
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

fn answer(database: &Database, name: &str) -> Result<Frame, Fault> {
    Ok(Frame::new(VIEWS, vec![row(database.view(name)?)]))
}

/// `.alter materialized-view V docstring|folder|lookback|autoUpdateSchema x`.
fn alter_one(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    type Change = Box<dyn Fn(&mut MaterializedView) -> Result<(), Fault> + Send>;
    let word = cursor.expect_one(&["docstring", "folder", "lookback", "autoUpdateSchema"])?;
    let only = |view: &MaterializedView, fits: fn(&kql::ViewQuery) -> bool, what: &str| {
        let query = kql::read_view(&view.query, &view.source);
        if query.is_ok_and(|query| !fits(&query)) {
            return Err(Fault::bad_request(format!("Materialized view '{}' cannot have {what}.", view.name)));
        }
        Ok(())
    };
    let (kind, change): (&str, Change) = match word {
        "docstring" => {
            let text = cursor.text("the new docstring")?;
            let change = move |view: &mut MaterializedView| {
                view.doc_string.clone_from(&text);
                Ok(())
            };
            ("MaterializedViewAlterDocString", Box::new(change))
        }
        "folder" => {
            let text = cursor.text("the new folder")?;
            let change = move |view: &mut MaterializedView| {
                view.folder.clone_from(&text);
                Ok(())
            };
            ("MaterializedViewAlterFolder", Box::new(change))
        }
        "lookback" => {
            let lookback = cursor.nullable_timespan()?;
            let change = move |view: &mut MaterializedView| {
                if lookback.is_some() {
                    only(view, |query| query.picks, "a lookback")?;
                }
                view.lookback = lookback;
                Ok(())
            };
            ("MaterializedViewAlterLookback", Box::new(change))
        }
        _ => {
            let flag = cursor.flag()?;
            let change = move |view: &mut MaterializedView| {
                if flag {
                    only(view, |query| query.takes_all, "autoUpdateSchema")?;
                }
                view.auto_update_schema = flag;
                Ok(())
            };
            ("MaterializedViewAlterAutoUpdateSchema", Box::new(change))
        }
    };
    Ok(changing(kind, name, move |_, view| change(view)))
}

fn changing(
    kind: &str,
    name: String,
    change: impl Fn(&Database, &mut MaterializedView) -> Result<(), Fault> + Send + 'static,
) -> Command {
    Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let mut changed = edit.database.view(&name)?.clone();
        change(edit.database, &mut changed)?;
        *edit.view_mut(&name)? = changed;
        edit.record(Deed { event: "ALTER-MATERIALIZED-VIEW", entity: &name, ..Deed::default() });
        answer(edit.database, &name)
    })
}

/// Both fail when the view is already in the state asked for. A view whose source has moved on is altered first.
fn switch(name: String, on: bool) -> Command {
    let kind = if on { "MaterializedViewEnable" } else { "MaterializedViewDisable" };
    changing(kind, name, move |database, view| {
        if view.enabled == on {
            let state = if on { "enabled" } else { "disabled" };
            return Err(Fault::bad_request(format!("Materialized view '{}' is already {state}.", view.name)));
        }
        let source = database.tables.get(&view.source).filter(|_| !view.over_view);
        if on && source.is_some_and(|table| view.is_outdated(table)) {
            return Err(Fault::bad_request(format!(
                "Materialized view '{}' does not fit the schema of '{}'; alter it, then enable it.",
                view.name, view.source
            )));
        }
        view.enabled = on;
        Ok(())
    })
}

/// Refuses a name that another entity has.
fn refuse_taken(database: &Database, name: &str) -> Result<(), Fault> {
    for (kind, taken) in [
        ("Table", database.tables.contains_key(name)),
        ("ExpressionFunction", database.functions.contains_key(name)),
        ("ExternalTable", database.external_tables.contains_key(name)),
    ] {
        if taken {
            return Err(Fault::already_exists(kind, name));
        }
    }
    Ok(())
}

/// The views that read a view.
fn reader<'a>(database: &'a Database, name: &str) -> Option<&'a MaterializedView> {
    database.views.values().find(|view| view.over_view && view.source == name)
}

/// `.clear materialized-view V data`: what is materialized goes; the emulator has none of it.
fn clear(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.expect("data")?;
    Ok(Command::change("MaterializedViewClearData", move |transaction| {
        let mut edit = transaction.edit(None)?;
        edit.database.view(&name)?;
        edit.record(Deed { event: "CLEAR-MATERIALIZED-VIEW-DATA", entity: &name, ..Deed::default() });
        Ok(Frame::new(CLEARED_VIEW, Vec::new()))
    }))
}

fn rename(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.expect("to")?;
    let new = cursor.name("the new view name")?;
    Ok(Command::change("MaterializedViewRename", move |transaction| {
        let mut edit = transaction.edit(None)?;
        names::check("MaterializedView", &new)?;
        edit.database.view(&name)?;
        if edit.database.views.contains_key(&new) {
            return Err(Fault::already_exists("MaterializedView", &new));
        }
        refuse_taken(edit.database, &new)?;
        if let Some(reader) = reader(edit.database, &name) {
            return Err(Fault::bad_request(format!(
                "Materialized view '{name}' is the source of '{}', so it keeps its name.",
                reader.name
            )));
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
                if let Some(reader) = reader(edit.database, &name) {
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

/// What follows `.show materialized-view V`.
fn show(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if cursor.eat("details") {
        return Ok(Command::read("MaterializedViewDetailsShow", move |view| {
            details(view, vec![view.database(None)?.view(&name)?])
        }));
    }
    let form = if cursor.eat("cslschema") || cursor.eat("kqlschema") {
        Some("csl")
    } else if cursor.eat_all(&["schema", "as"]) {
        Some(cursor.expect_one(&["json", "csl", "kql"])?)
    } else {
        None
    };
    let Some(form) = form else {
        return Ok(Command::read("MaterializedViewShow", move |view| answer(view.database(None)?, &name)));
    };
    Ok(Command::read("MaterializedViewSchemaShow", move |view| {
        let database = view.database(None)?;
        let found = database.view(&name)?;
        let text =
            if form == "json" { schema::view_json(database, found) } else { csl_schema(database, found) };
        let row = vec![
            json!(found.name),
            json!(text),
            json!(database.name),
            json!(found.folder),
            json!(found.doc_string),
        ];
        Ok(Frame::new(TABLE_SCHEMA, vec![row]))
    }))
}

fn csl_schema(database: &Database, view: &MaterializedView) -> String {
    let columns = kql::output(database, &view.query).unwrap_or_default();
    let columns: Vec<String> =
        columns.iter().map(|(name, of)| format!("{}:{}", names::print(name), of.name())).collect();
    columns.join(",")
}

/// The rows of `details`; nothing is materialized, and policies are the effective ones.
fn details(view: &View<'_>, views: Vec<&MaterializedView>) -> Result<Frame, Fault> {
    let database = view.database(None)?;
    let inherited = policies::Inherited::new(&view.cluster()?.policies, &database.policies);
    let rows = views.into_iter().map(|found| {
        let policy = |word: &str| json!(inherited.effective(&found.policies, word));
        let mut row =
            vec![json!(found.name), json!(database.name), json!(found.folder), json!(found.doc_string)];
        row.extend([json!(0), json!(0.0), json!(0.0), json!(0)].into_iter().cycle().take(8));
        row.push(json!(principals::as_json(&found.principals)));
        row.extend(["retention", "caching", "sharding", "merge"].map(policy));
        row.extend([Value::Null, Value::Null]);
        row
    });
    Ok(Frame::new(VIEW_DETAILS, rows.collect()))
}
