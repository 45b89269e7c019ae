//! Stored functions (`M:functions.md`).

use super::{Command, Parsed, principal};
use crate::emulator::kusto::catalog::{Assignment, Deed, Editor, Function, Role};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{DROPPED_FUNCTION, FUNCTIONS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::names;
use crate::emulator::kusto::show::schema;
use crate::emulator::kusto::syntax::{Cursor, Declaration, Properties, mask_hidden};
use serde_json::{Value, json};

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.eat("functions") {
        return match verb {
            "show" => Ok(Some(show_all())),
            "drop" => drop_many(cursor).map(Some),
            _ => Ok(None),
        };
    }
    if !cursor.eat("function") {
        return Ok(None);
    }
    Ok(Some(match verb {
        "create" => define(Verb::Create, cursor)?,
        "create-or-alter" => define(Verb::CreateOrAlter, cursor)?,
        "alter" => alter(cursor)?,
        "show" => show(cursor)?,
        "add" | "set" => {
            let name = cursor.name("a function name")?;
            principal::change(verb, principal::Of::Function(name), cursor)?
        }
        "drop" => {
            let name = cursor.name("a function name")?;
            if cursor.at("admins") {
                return principal::change(verb, principal::Of::Function(name), cursor).map(Some);
            }
            let if_exists = cursor.eat("ifexists");
            drop_one(name, if_exists)
        }
        _ => return Ok(None),
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    CreateOrAlter,
    Alter,
}

/// A row of every answer about functions; obfuscated strings come back starred.
fn row(function: &Function) -> Vec<Value> {
    vec![
        json!(function.name),
        json!(function.declaration.parameter_list()),
        json!(mask_hidden(&function.declaration.body)),
        json!(function.folder),
        json!(function.doc_string),
    ]
}

fn alter(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let start = cursor.clone();
    if let Ok(name) = cursor.name("a function name")
        && (cursor.at("docstring") || cursor.at("folder"))
    {
        return property(name, cursor);
    }
    *cursor = start;
    define(Verb::Alter, cursor)
}

/// `.alter function F docstring|folder "x"`.
fn property(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let folder = cursor.expect_one(&["docstring", "folder"])? == "folder";
    let text = cursor.text("the new text")?;
    let kind = if folder { "FunctionAlterFolder" } else { "FunctionAlterDocString" };
    Ok(Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        let function = edit.function_mut(&name)?;
        let before = schema::function_json(function);
        let field = if folder { &mut function.folder } else { &mut function.doc_string };
        field.clone_from(&text);
        let answer = Frame::new(FUNCTIONS, vec![row(function)]);
        let after = schema::function_json(function);
        edit.record(Deed { event: "ALTER-FUNCTION", entity: &name, before, after, ..Deed::default() });
        Ok(answer)
    }))
}

/// `.create|.create-or-alter|.alter function [ifnotexists] [with (…)] F(…) { … }`.
fn define(verb: Verb, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let if_not_exists = verb == Verb::Create && cursor.eat("ifnotexists");
    let properties = cursor.properties()?;
    properties.only(&["docstring", "folder", "view", "skipvalidation"])?;
    let name = cursor.name("a function name")?;
    let declaration = cursor.declaration()?;
    if properties.flag("view")? == Some(true) && !declaration.parameters.is_empty() {
        return Err(Fault::bad_request(format!("Function '{name}' is a view, so it takes no parameters.")));
    }
    properties.flag("skipvalidation")?;
    let kind = match verb {
        Verb::Create => "FunctionCreate",
        Verb::CreateOrAlter => "FunctionCreateOrAlter",
        Verb::Alter => "FunctionAlter",
    };
    Ok(Command::change(kind, move |transaction| {
        let mut edit = transaction.edit(None)?;
        match (edit.database.functions.get(&name), verb) {
            (Some(known), Verb::Create) if if_not_exists => {
                return Ok(Frame::new(FUNCTIONS, vec![row(known)]));
            }
            (Some(_), Verb::Create) => return Err(Fault::already_exists("ExpressionFunction", &name)),
            (None, Verb::Alter) => return Err(Fault::not_found("ExpressionFunction", &name)),
            _ => {}
        }
        names::check("ExpressionFunction", &name)?;
        if edit.database.views.contains_key(&name) {
            return Err(Fault::already_exists("MaterializedView", &name));
        }
        if properties.flag("skipvalidation")? != Some(true) {
            validate(&edit, &name, &declaration)?;
        }
        put(&mut edit, &name, &declaration, &properties)
    }))
}

/// Names in the body exist, and the function does not reach itself.
fn validate(edit: &Editor<'_>, name: &str, declaration: &Declaration) -> Result<(), Fault> {
    let parameters: Vec<&str> = declaration.parameter_names().collect();
    kql::refuse_recursion(edit.database, name, declaration)?;
    kql::check_names(edit.database, &declaration.body, &parameters)
}

fn put(
    edit: &mut Editor<'_>,
    name: &str,
    declaration: &Declaration,
    properties: &Properties,
) -> Result<Frame, Fault> {
    let known = edit.database.functions.get(name).cloned();
    let before = known.as_ref().map(schema::function_json).unwrap_or_default();
    let kept = known.clone().filter(|_| !choices::ALTER_FUNCTION_CLEARS_OMITTED);
    let text = |property: &str, kept: Option<String>| {
        Ok::<_, Fault>(properties.text(property)?.map(str::to_owned).or(kept).unwrap_or_default())
    };
    let principals = match known {
        Some(known) => known.principals,
        None if choices::CREATOR_BECOMES_ADMIN => {
            vec![Assignment::by_creation(Role::Admin, &edit.request().caller.holder)]
        }
        None => Vec::new(),
    };
    let function = Function {
        name: name.to_owned(),
        declaration: declaration.clone(),
        folder: text("folder", kept.as_ref().map(|known| known.folder.clone()))?,
        doc_string: text("docstring", kept.as_ref().map(|known| known.doc_string.clone()))?,
        view: properties.flag("view")?.unwrap_or(false),
        principals,
    };
    let answer = Frame::new(FUNCTIONS, vec![row(&function)]);
    let after = schema::function_json(&function);
    let event = if before.is_empty() { "CREATE-FUNCTION" } else { "ALTER-FUNCTION" };
    edit.touch_function(name);
    edit.database.functions.insert(name.to_owned(), function);
    edit.record(Deed { event, entity: name, before, after, schema: true, ..Deed::default() });
    Ok(answer)
}

fn remove(edit: &mut Editor<'_>, name: &str) {
    if let Some(function) = edit.database.functions.remove(name) {
        edit.touch_function(name);
        let before = schema::function_json(&function);
        edit.record(Deed { event: "DROP-FUNCTION", entity: name, before, schema: true, ..Deed::default() });
    }
}

/// `.drop function F [ifexists]`.
fn drop_one(name: String, if_exists: bool) -> Command {
    Command::change("FunctionDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        match edit.database.function(&name) {
            Err(missing) if !if_exists => return Err(missing),
            Err(_) => return Ok(Frame::new(DROPPED_FUNCTION, Vec::new())),
            Ok(_) => remove(&mut edit, &name),
        }
        Ok(Frame::new(DROPPED_FUNCTION, vec![vec![json!(name)]]))
    })
}

/// `.drop functions (F, G) [ifexists]`: all or none; answers with those that remain.
fn drop_many(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let names = cursor.list(|inner| inner.name("a function name"))?;
    let if_exists = cursor.eat("ifexists");
    Ok(Command::change("FunctionsDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        for name in names.iter().filter(|_| !if_exists) {
            edit.database.function(name)?;
        }
        for name in &names {
            remove(&mut edit, name);
        }
        transaction.answer(FUNCTIONS, |view| Ok(view.database(None)?.functions.values().map(row).collect()))
    }))
}

fn show_all() -> Command {
    Command::read("FunctionsShow", |view| {
        Ok(Frame::new(FUNCTIONS, view.database(None)?.functions.values().map(row).collect()))
    })
}

/// What follows `.show function`.
fn show(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let name = cursor.name("a function name")?;
    if cursor.eat("principals") || cursor.at("principal") {
        return principal::show(principal::Of::Function(name), cursor);
    }
    if cursor.eat_all(&["schema", "as"]) {
        cursor.expect("json")?;
        return Ok(Command::read("FunctionSchemaShow", move |view| {
            let database = view.database(None)?;
            schema::function_row(database, database.function(&name)?)
        }));
    }
    let properties = cursor.properties()?;
    properties.only(&["ShowObfuscatedStrings", "Builtin", "IncludeHiddenFunctions"])?;
    let plain = properties.flag("ShowObfuscatedStrings")?.unwrap_or(false);
    Ok(Command::read("FunctionsShow", move |view| {
        let function = view.database(None)?.function(&name)?;
        let mut row = row(function);
        if plain {
            row[2] = json!(function.declaration.body);
        }
        Ok(Frame::new(FUNCTIONS, vec![row]))
    }))
}
