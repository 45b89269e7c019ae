//! Roles: who holds them, and giving and taking them (`M:security-roles.md`).

use super::Command;
use crate::emulator::kusto::catalog::{
    Assignment, Caller, Cluster, Database, Deed, Holder, Role, Transaction, View,
};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{OWN_ROLES, PRINCIPALS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::show::principals;
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Value, json};
use uuid::Uuid;

/// What a role is held on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    Cluster,
    Database(Option<String>),
    Table(String),
    Function(String),
    View(String),
    GraphModel(String),
    External(String),
}

impl Of {
    /// The roles that commands give at this scope.
    fn roles(&self) -> &'static [&'static str] {
        match self {
            Self::Cluster => &[],
            Self::Database(_) => {
                &["admins", "users", "viewers", "unrestrictedviewers", "ingestors", "monitors"]
            }
            Self::Table(_) => &["admins", "ingestors"],
            Self::Function(_) | Self::View(_) | Self::GraphModel(_) | Self::External(_) => &["admins"],
        }
    }

    /// Whether one of the scope's roles stands ahead.
    pub(super) fn is_role(&self, cursor: &Cursor<'_>) -> bool {
        self.roles().iter().any(|role| cursor.at(role))
    }

    fn database(&self) -> Option<&str> {
        match self {
            Self::Database(name) => name.as_deref(),
            _ => None,
        }
    }

    /// The words before the role in answers: `Table T Admin`.
    fn prose(&self, database: &Database) -> String {
        match self {
            Self::Cluster => String::new(),
            Self::Database(_) => format!("Database {} ", database.name),
            Self::Table(name) => format!("Table {name} "),
            Self::Function(name) => format!("Function {name} "),
            Self::View(name) => format!("Materialized View {name} "),
            Self::GraphModel(name) => format!("Graph Model {name} "),
            Self::External(name) => format!("External Table {name} "),
        }
    }

    fn assignments<'a>(
        &self,
        cluster: &'a Cluster,
        database: &'a Database,
    ) -> Result<&'a [Assignment], Fault> {
        Ok(match self {
            Self::Cluster => &cluster.principals,
            Self::Database(_) => &database.principals,
            Self::Table(name) => &database.table(name)?.principals,
            Self::Function(name) => &database.function(name)?.principals,
            Self::View(name) => &database.view(name)?.principals,
            Self::GraphModel(name) => &database.graph_model(name)?.principals,
            Self::External(name) => &database.external(name)?.principals,
        })
    }
}

/// What follows `.add|.drop|.set <entity>`: a role, then principals or `none`.
pub(super) fn change(verb: &str, of: Of, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let word = cursor.expect_one(of.roles())?;
    let role = Role::of_word(word).ok_or_else(|| cursor.expected("a role"))?;
    let names = if verb == "set" && cursor.eat("none") {
        Vec::new()
    } else {
        cursor.list(|inner| inner.text("a principal"))?
    };
    let skip_results = cursor.eat("skip-results");
    let noted = !names.is_empty() && !cursor.at_end() && !cursor.at_mark("|");
    let notes = if noted { cursor.text("notes")? } else { String::new() };
    let holders = names.iter().map(|name| Holder::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let verb = match verb {
        "add" => Verb::Add,
        "set" => Verb::Set,
        _ => Verb::Drop,
    };
    let kind = format!("Principals{verb:?}");
    Ok(Command::change(kind, move |transaction| {
        run(transaction, verb, &of, role, &holders, &notes)?;
        if skip_results {
            return Ok(Frame::new(PRINCIPALS, Vec::new()));
        }
        show_rows(&transaction.view(), &of)
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Set,
    Drop,
}

fn run(
    transaction: &mut Transaction<'_>,
    verb: Verb,
    of: &Of,
    role: Role,
    holders: &[Holder],
    notes: &str,
) -> Result<(), Fault> {
    let view = transaction.view();
    let database = view.database(of.database())?;
    let before = of.assignments(view.cluster()?, database)?.to_vec();
    if verb != Verb::Drop && !matches!(of, Of::Database(_)) {
        refuse_strangers(view.cluster()?, database, holders)?;
    }
    let mut after = before.clone();
    let same = |held: &Assignment, holder: &Holder| held.role == role && held.holder == *holder;
    match verb {
        Verb::Drop => after.retain(|held| !holders.iter().any(|holder| same(held, holder))),
        Verb::Set => {
            after.retain(|held| held.role != role || holders.iter().any(|holder| same(held, holder)))
        }
        Verb::Add => {}
    }
    if verb != Verb::Drop {
        for holder in holders {
            if !after.iter().any(|held| same(held, holder)) {
                let id = Uuid::new_v4().to_string();
                let (holder, notes) = (holder.clone(), notes.to_owned());
                after.push(Assignment { role, holder, notes, id, by_creation: false });
            }
        }
    }
    if before == after && choices::PRINCIPALS_REFUSE_NO_CHANGE && verb != Verb::Set {
        return Err(Fault::bad_request("The command changes no principal."));
    }
    if before != after {
        store(transaction, of, &before, after)?;
    }
    Ok(())
}

fn store(
    transaction: &mut Transaction<'_>,
    of: &Of,
    before: &[Assignment],
    after: Vec<Assignment>,
) -> Result<(), Fault> {
    let mut edit = transaction.edit(of.database())?;
    let (was, is) = (principals::as_json(before), principals::as_json(&after));
    let entity = match of {
        Of::Cluster | Of::Database(_) => {
            edit.database.principals = after;
            edit.database.name.clone()
        }
        Of::Table(name) => {
            edit.table_mut(name)?.principals = after;
            name.clone()
        }
        Of::Function(name) => {
            edit.function_mut(name)?.principals = after;
            name.clone()
        }
        Of::View(name) => {
            edit.view_mut(name)?.principals = after;
            name.clone()
        }
        Of::External(name) => {
            edit.external_mut(name)?.principals = after;
            name.clone()
        }
        Of::GraphModel(name) => {
            let model = edit.database.graph_models.get_mut(name);
            model.ok_or_else(|| Fault::not_found("GraphModel", name))?.principals = after;
            name.clone()
        }
    };
    edit.record(Deed {
        event: "ALTER-PRINCIPALS",
        entity: &entity,
        before: was,
        after: is,
        ..Deed::default()
    });
    Ok(())
}

/// A principal gets a role on an entity only when it holds one on the database or the cluster.
fn refuse_strangers(cluster: &Cluster, database: &Database, holders: &[Holder]) -> Result<(), Fault> {
    let known = |holder: &Holder| {
        cluster.principals.iter().chain(&database.principals).any(|held| held.holder == *holder)
    };
    match holders.iter().find(|holder| !known(holder)) {
        None => Ok(()),
        Some(holder) => Err(Fault::bad_request(format!(
            "Principal '{}' holds no role on database '{}'; give it one first.",
            holder.fqn(),
            database.name
        ))),
    }
}

/// What follows `.show <entity> principals`, or `principal roles`.
pub(super) fn show(of: Of, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    if !cursor.eat("principal") {
        return Ok(Command::read("PrincipalsShow", move |view| show_rows(view, &of)));
    }
    if !cursor.at("roles") {
        cursor.text("a principal")?;
    }
    cursor.expect("roles")?;
    cursor.properties()?;
    Ok(Command::read("PrincipalRolesShow", move |view| Ok(Frame::new(OWN_ROLES, own_roles(view, &of)?))))
}

/// The rows of `.show <entity> principals`; those of the cluster come along.
fn show_rows(view: &View<'_>, of: &Of) -> Result<Frame, Fault> {
    let cluster = view.cluster()?;
    let inherited = cluster.principals.iter().map(|held| principals::row(held, ""));
    if *of == Of::Cluster {
        return Ok(Frame::new(PRINCIPALS, inherited.collect()));
    }
    let database = view.database(of.database())?;
    let prose = of.prose(database);
    let own = of.assignments(cluster, database)?.iter().map(|held| principals::row(held, &prose));
    let inherited = inherited.filter(|_| matches!(of, Of::Database(_)));
    Ok(Frame::new(PRINCIPALS, inherited.chain(own).collect()))
}

fn own_roles(view: &View<'_>, of: &Of) -> Result<Vec<Vec<Value>>, Fault> {
    let caller = &view.request.caller;
    let row = |scope: &str, caller: &Caller, role: String| {
        vec![json!(scope), json!(caller.name), json!(caller.holder.object_id), json!(role)]
    };
    let mut rows = vec![row("Cluster", caller, "AllDatabasesAdmin".to_owned())];
    if *of != Of::Cluster {
        let database = view.database(of.database())?;
        let held = of.assignments(view.cluster()?, database)?;
        let mine = held.iter().filter(|held| held.holder == caller.holder);
        let prose = of.prose(database);
        rows.extend(mine.map(|held| row(&database.name, caller, format!("{prose}{}", held.role.name()))));
    }
    Ok(rows)
}
