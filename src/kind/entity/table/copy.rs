//! Another type for a column without losing its values: the rows are copied into a new table.
//!
//! One script makes the new table, copies the rows with the columns converted, and changes names; the change of
//! names is one transaction and comes last, so that the table is as before or as after, whatever happens
//! (test: `tests/states/table`). The old table stays beside.
//!
//! <https://learn.microsoft.com/kusto/management/alter-column>,
//! <https://learn.microsoft.com/kusto/management/rename-table-command>

use super::columns::{columns_of, doc_of, known_type, type_of};
use crate::kind::entity::{children_again, in_database};
use crate::kind::{At, Undo};
use crate::model::body::Body;
use crate::model::change::{Loss, LossClass};
use crate::model::command::Command;
use crate::model::inventory::{Inventory, Resource};
use crate::model::request::{KustoRequest, Request};

/// The ending of the name of the old table.
const OLD: &str = "_old";

/// The name under which a table's old self stays beside it; a number may follow.
pub(super) fn old_name(name: &str) -> String {
    format!("{name}{OLD}")
}

/// Whether a body asks for it.
pub(super) fn is_wanted(after: &Body) -> bool {
    after.text("onTypeChange") == Some("copy")
}

/// Whether a change between two stages is one.
pub(super) fn is_meant(before: &Body, after: &Body) -> bool {
    let (old, new) = (columns_of(before), columns_of(after));
    let same = old.names().eq(new.names());
    is_wanted(after) && same && old.names().any(|name| type_of(&old, name) != type_of(&new, name))
}

/// What it costs: rows that arrive while it runs are in the old table only.
pub(super) fn loss(at: &At<'_>) -> Loss {
    let old = free(at, OLD);
    let what =
        format!("rows that arrive while the table is copied are only in `{old}`, which stays beside it");
    Loss::new(LossClass::IngestionGap, what).of(at.resource.rows, at.resource.bytes)
}

/// The script.
///
/// # Errors
/// What reads or guards the table so that a copy would not be the same.
pub(super) fn request(at: &At<'_>, before: &Body, after: &Body) -> Result<Request, String> {
    possible(at)?;
    let (name, copy, old) = (at.name(), free(at, "_copy"), free(at, OLD));
    let columns = columns_of(after);
    let text = |name: &str| after.text(name).unwrap_or_default().to_owned();
    let mut script = vec![
        Command::new(".drop table").name(&copy).word("ifexists"),
        Command::new(".create table")
            .name(&copy)
            .word("based-on")
            .name(name)
            .word("with (docstring =")
            .text(&text("docString"))
            .word(", folder =")
            .text(&text("folder"))
            .word(")"),
    ];
    let old_columns = columns_of(before);
    for column in columns.names().filter(|name| type_of(&old_columns, name) != type_of(&columns, name)) {
        let of = Command::new(".alter column").name(&copy).word(".").name(column).word("type =");
        script.push(of.word(known_type(type_of(&columns, column))?));
    }
    let documented: Vec<&str> =
        columns.names().filter(|column| !doc_of(&columns, column).is_empty()).collect();
    if !documented.is_empty() {
        let docs = Command::new(".alter-merge table").name(&copy).word("column-docstrings (");
        script.push(docs.list(documented, |c, n| c.name(n).word(":").text(doc_of(&columns, n))).word(")"));
    }
    let rows = Command::new(".set-or-append").name(&copy).word("<|").name(name).word("| project");
    script.push(rows.list(columns.names(), |command, column| {
        let of = type_of(&columns, column);
        if of == type_of(&old_columns, column) {
            return command.name(column);
        }
        command.name(column).word("=").word(conversion(of)).word("(").name(column).word(")")
    }));
    script.extend(again(at, &copy));
    script.push(swap(name, &old, &copy));
    Ok(alone(at, Command::script(script)))
}

/// The way back: the old table takes its name again, and the copy is dropped.
pub(super) fn undo(at: &At<'_>) -> Undo {
    let (name, copy, old) = (at.name(), free(at, "_copy"), free(at, OLD));
    let script = [swap(name, &copy, &old), Command::new(".drop table").name(&copy).word("ifexists")];
    Undo::By(vec![alone(at, Command::script(script))])
}

/// `name` becomes `aside`, and `new` becomes `name`, in one transaction.
fn swap(name: &str, aside: &str, new: &str) -> Command {
    let command = Command::new(".rename tables").name(aside).word("=").name(name).word(",");
    command.name(name).word("=").name(new)
}

fn alone(at: &At<'_>, script: Command) -> Request {
    match in_database(at, script) {
        Request::Kusto(request) => Request::Kusto(KustoRequest { alone: true, ..request }),
        other => other,
    }
}

/// The commands that give a table under another name what the table has: policies, mappings, principals.
fn again(at: &At<'_>, name: &str) -> Vec<Command> {
    let mut world = Inventory::new();
    for above in at.address.above() {
        if let Some(resource) = at.world.get(&above) {
            world.insert(above, resource.clone());
        }
    }
    let named = Resource { name: name.into(), ..at.resource.clone() };
    world.insert(at.address.clone(), named.clone());
    for (address, resource) in at.world.below(at.address).filter(|(_, resource)| resource.is_live) {
        world.insert(address.clone(), resource.clone());
    }
    let other = At { address: at.address, resource: &named, world: &world };
    let command = |request| match request {
        Request::Kusto(kusto) => Some(kusto.command),
        Request::Arm(_) => None,
    };
    children_again(&other).into_iter().filter_map(command).collect()
}

fn possible(at: &At<'_>) -> Result<(), String> {
    if has(at, "update") {
        let why = "the table's own update policy is checked against its columns";
        return Err(format!(
            "`onTypeChange: copy`: {why}; apply `policies: {{update: null}}` before, and set it after"
        ));
    }
    if has(at, "rowLevelSecurity") {
        return Err("`onTypeChange: copy` would copy only the rows that row-level security shows".to_owned());
    }
    let Some((database, _)) = at.ancestor("database") else { return Ok(()) };
    let reads = |view: &&Resource| view.body.text("source") == Some(at.name());
    let views = at.world.children(&database, "materializedViews").map(|(_, view)| view);
    views.filter(reads).map(|view| view.name.to_string()).next().map_or(Ok(()), |view| {
        Err(format!("`onTypeChange: copy` would cut the materialized view `{view}` off from its table"))
    })
}

fn has(at: &At<'_>, policy: &str) -> bool {
    at.world.child(at.address, "policies", policy).is_some_and(|policy| policy.is_live)
}

/// The table's name with an ending that no table of the database has.
fn free(at: &At<'_>, ending: &str) -> String {
    let taken = |name: &str| {
        let database = at.ancestor("database").map(|(database, _)| database);
        database.is_some_and(|database| at.named(&database, "tables", name).is_some())
    };
    let first = format!("{}{ending}", at.name());
    let more = (2..).map(|number| format!("{first}{number}"));
    std::iter::once(first.clone()).chain(more).take(1000).find(|name| !taken(name)).unwrap_or(first)
}

/// The function that converts any value to a type.
///
/// <https://learn.microsoft.com/kusto/query/scalar-functions>
fn conversion(of: Option<&str>) -> &'static str {
    match of.unwrap_or_default() {
        "bool" => "tobool",
        "datetime" => "todatetime",
        "decimal" => "todecimal",
        "dynamic" => "todynamic",
        "guid" => "toguid",
        "int" => "toint",
        "long" => "tolong",
        "real" => "toreal",
        "timespan" => "totimespan",
        _ => "tostring",
    }
}
