//! Entity groups (`M:create-entity-group.md`). A member is not looked up before a query uses the group.

use super::{Command, Parsed};
use crate::emulator::kusto::catalog::{Deed, EntityGroup};
use crate::emulator::kusto::columns::ENTITY_GROUPS;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Value, json};

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("entity_groups") {
        return Ok(Some(Command::read("EntityGroupsShow", |view| {
            Ok(Frame::new(ENTITY_GROUPS, view.database(None)?.entity_groups.values().map(row).collect()))
        })));
    }
    if !cursor.eat("entity_group") {
        return Ok(None);
    }
    let name = cursor.name("an entity group name")?;
    let verb = match verb {
        "create" => Verb::Create,
        "create-or-alter" => Verb::CreateOrAlter,
        "alter" => Verb::Alter,
        "alter-merge" => Verb::Merge,
        "drop" => return Ok(Some(drop(name))),
        "show" => return Ok(Some(show(name))),
        _ => return Ok(None),
    };
    let if_not_exists = verb == Verb::Create && cursor.eat("ifnotexists");
    let whole = verb == Verb::Create;
    let entities = cursor.list(|cursor| member(whole, cursor))?;
    Ok(Some(define(verb, name, if_not_exists, entities)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    CreateOrAlter,
    Alter,
    Merge,
}

fn row(group: &EntityGroup) -> Vec<Value> {
    vec![json!(group.name), json!(json!(group.entities).to_string())]
}

/// `cluster('c').database('d')`, or one of the two; a `whole` cluster is taken at creation alone.
fn member(whole: bool, cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let mut pieces = Vec::new();
    if cursor.eat("cluster") {
        pieces.push(named("cluster", cursor)?);
        if !cursor.eat_mark(".") {
            let alone = pieces.remove(0);
            return if whole { Ok(alone) } else { Err(cursor.expected("a `.` and database('…')")) };
        }
    }
    if !cursor.eat("database") {
        return Err(cursor.expected("cluster('…') or database('…')"));
    }
    pieces.push(named("database", cursor)?);
    Ok(pieces.join("."))
}

fn named(word: &str, cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    cursor.expect_mark("(")?;
    let name = cursor.text("a name")?;
    cursor.expect_mark(")")?;
    Ok(format!("{word}('{}')", name.replace('\\', "\\\\").replace('\'', "\\'")))
}

fn define(verb: Verb, name: String, if_not_exists: bool, entities: Vec<String>) -> Command {
    Command::change(format!("EntityGroup{verb:?}"), move |transaction| {
        let mut edit = transaction.edit(None)?;
        let known = edit.database.entity_groups.get(&name).cloned();
        match (&known, verb) {
            (Some(known), Verb::Create) if if_not_exists => {
                return Ok(Frame::new(ENTITY_GROUPS, vec![row(known)]));
            }
            (Some(_), Verb::Create) => return Err(Fault::already_exists("EntityGroup", &name)),
            (None, Verb::Alter | Verb::Merge) => return Err(Fault::not_found("EntityGroup", &name)),
            _ => {}
        }
        names::check("EntityGroup", &name)?;
        let before = known.as_ref().map(|known| known.entities.clone()).unwrap_or_default();
        let mut after = if verb == Verb::Merge { before.clone() } else { Vec::new() };
        for entity in &entities {
            if verb != Verb::Merge || !after.contains(entity) {
                after.push(entity.clone());
            }
        }
        let group = EntityGroup { name: name.clone(), entities: after };
        let answer = Frame::new(ENTITY_GROUPS, vec![row(&group)]);
        let (was, is) = (known.map(|_| before.join(", ")).unwrap_or_default(), group.entities.join(", "));
        edit.database.entity_groups.insert(name.clone(), group);
        let event = if was.is_empty() { "CREATE-ENTITY-GROUP" } else { "ALTER-ENTITY-GROUP" };
        edit.record(Deed { event, entity: &name, before: was, after: is, schema: true, ..Deed::default() });
        Ok(answer)
    })
}

fn drop(name: String) -> Command {
    Command::change("EntityGroupDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let group = edit.database.entity_groups.remove(&name);
        let group = group.ok_or_else(|| Fault::not_found("EntityGroup", &name))?;
        let before = group.entities.join(", ");
        edit.record(Deed {
            event: "DROP-ENTITY-GROUP",
            entity: &name,
            before,
            schema: true,
            ..Deed::default()
        });
        Ok(Frame::new(ENTITY_GROUPS, vec![row(&group)]))
    })
}

fn show(name: String) -> Command {
    Command::read("EntityGroupShow", move |view| {
        let group = view.database(None)?.entity_groups.get(&name);
        let group = group.ok_or_else(|| Fault::not_found("EntityGroup", &name))?;
        Ok(Frame::new(ENTITY_GROUPS, vec![row(group)]))
    })
}
