//! `.alter|.alter-merge|.delete|.show <entity> policy P` for every policy of the list (`M:policies.md`).

use super::Command;
use crate::emulator::kusto::catalog::{Deed, Policies, Transaction, View};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::POLICY;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::policy::{self, Policy, Scope, Target, Verb};
use crate::emulator::kusto::syntax::Cursor;
use serde_json::{Value, json};

/// Reads what follows `policy` in a command on one entity; `parts` are the words of its name.
pub(super) fn parse(
    verb: &str,
    scope: Scope,
    parts: Vec<String>,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Fault> {
    let target = target(scope, parts);
    let at = cursor.clone();
    let policy = policy::word(cursor)?;
    if !policy.scopes().contains(&scope) {
        return Err(at.expected("a policy that this kind of entity has"));
    }
    match verb {
        "show" => Ok(show(policy, target)),
        "delete" if policy.deletes(scope) => {
            let kind = format!("{}Delete", policy.title());
            Ok(Command::change(kind, move |transaction| {
                policy.check_delete(&transaction.view(), &target)?;
                put(transaction, policy, &target, None)?;
                Ok(Frame::new(POLICY, vec![row(&transaction.view(), policy, &target)?]))
            }))
        }
        "alter" => alter(policy, vec![target], Verb::Alter, cursor),
        "alter-merge" if policy.merges() => alter(policy, vec![target], Verb::Merge, cursor),
        _ => Err(at.expected(&format!("a policy that has '.{verb}'"))),
    }
}

fn target(scope: Scope, mut parts: Vec<String>) -> Target {
    let last = parts.pop();
    if scope == Scope::Column {
        let table = parts.pop();
        return Target::Column(parts.pop(), table.unwrap_or_default(), last.unwrap_or_default());
    }
    let database = parts.pop();
    match scope {
        Scope::Column => Target::Column(None, String::new(), String::new()),
        Scope::Cluster => Target::Cluster,
        Scope::External => Target::External(last.unwrap_or_default()),
        Scope::Database => Target::Database(last),
        Scope::Table => Target::Table(database, last.unwrap_or_default()),
        Scope::View => Target::View(database, last.unwrap_or_default()),
        Scope::GraphModel => Target::GraphModel(last.unwrap_or_default()),
    }
}

/// Reads what follows `.alter tables`: all of them, or none.
pub(super) fn alter_tables(verb: Verb, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let names = cursor.list(|inner| inner.name("a table name"))?;
    cursor.expect("policy")?;
    let at = cursor.clone();
    let policy = policy::word(cursor)?;
    if !policy.plural() || (verb == Verb::Merge && policy.word() != "roworder") {
        return Err(at.expected("a policy that is set for several tables"));
    }
    let targets = names.into_iter().map(|name| Target::Table(None, name)).collect();
    alter(policy, targets, verb, cursor)
}

fn alter(
    policy: &'static dyn Policy,
    targets: Vec<Target>,
    verb: Verb,
    cursor: &mut Cursor<'_>,
) -> Result<Command, Fault> {
    let given = policy.read(verb, cursor)?;
    let kind = format!("{}{}", policy.title(), if verb == Verb::Alter { "Alter" } else { "AlterMerge" });
    Ok(Command::change(kind, move |transaction| {
        let mut settled = Vec::new();
        for target in &targets {
            let view = transaction.view();
            let before = text(&view, policy, target)?.cloned().or_else(|| policy.never_unset());
            let before = match before {
                Some(before) if verb == Verb::Merge => Some(parsed(&before)?),
                _ => None,
            };
            let canonical = policy.canonical(&given, before.as_ref(), view.request.now)?;
            policy.check(&view, target, &parsed(&canonical)?)?;
            settled.push((target, canonical));
        }
        for (target, canonical) in settled {
            put(transaction, policy, target, Some(canonical))?;
        }
        let view = transaction.view();
        let rows = targets.iter().map(|target| row(&view, policy, target));
        Ok(Frame::new(POLICY, rows.collect::<Result<_, _>>()?))
    }))
}

fn parsed(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::internal(format!("a policy does not read back: {error}")))
}

/// The policies of an entity; an error when it does not exist.
fn policies<'a>(view: &View<'a>, target: &Target) -> Result<&'a Policies, Fault> {
    Ok(match target {
        Target::Cluster => &view.cluster()?.policies,
        Target::Database(name) => &view.database(name.as_deref())?.policies,
        Target::Table(database, name) => &view.table(database.as_deref(), name)?.policies,
        Target::View(database, name) => &view.database(database.as_deref())?.view(name)?.policies,
        Target::External(name) => &view.database(None)?.external(name)?.policies,
        Target::GraphModel(name) => &view.database(None)?.graph_model(name)?.policies,
        Target::Column(database, table, name) => {
            let column = view.table(database.as_deref(), table)?.column(name);
            &column.ok_or_else(|| Fault::not_found("Column", name))?.policies
        }
    })
}

fn text<'a>(view: &View<'a>, policy: &dyn Policy, target: &Target) -> Result<Option<&'a String>, Fault> {
    Ok(policies(view, target)?.get(policy.word()))
}

/// Sets a policy, or unsets it.
fn put(
    transaction: &mut Transaction<'_>,
    policy: &dyn Policy,
    target: &Target,
    new: Option<String>,
) -> Result<(), Fault> {
    let before = text(&transaction.view(), policy, target)?.cloned();
    if let Target::Cluster = target {
        set(&mut transaction.cluster_mut()?.policies, policy, new);
        return Ok(());
    }
    let mut edit = transaction.edit(target.database())?;
    let after = new.clone().unwrap_or_default();
    let (event, entity) = match target {
        Target::Cluster | Target::Database(_) => {
            edit.touch();
            set(&mut edit.database.policies, policy, new);
            ("ALTER-DATABASE-POLICY", edit.database.name.clone())
        }
        Target::Table(_, name) => {
            set(&mut edit.table_mut(name)?.policies, policy, new);
            ("ALTER-TABLE-POLICY", name.clone())
        }
        Target::External(name) => {
            set(&mut edit.external_mut(name)?.policies, policy, new);
            ("ALTER-EXTERNAL-TABLE-POLICY", name.clone())
        }
        Target::Column(_, table, name) => {
            let columns = &mut edit.table_mut(table)?.columns;
            if let Some(column) = columns.iter_mut().find(|column| column.name == *name) {
                set(&mut column.policies, policy, new);
            }
            ("ALTER-COLUMN-POLICY", format!("{table}.{name}"))
        }
        Target::GraphModel(name) => {
            edit.touch();
            if let Some(model) = edit.database.graph_models.get_mut(name) {
                set(&mut model.policies, policy, new);
            }
            ("ALTER-GRAPH-MODEL-POLICY", name.clone())
        }
        Target::View(_, name) => {
            set(&mut edit.view_mut(name)?.policies, policy, new);
            ("ALTER-MATERIALIZED-VIEW-POLICY", name.clone())
        }
    };
    let before = before.unwrap_or_default();
    edit.record(Deed { event, entity: &entity, before, after, ..Deed::default() });
    Ok(())
}

fn set(policies: &mut Policies, policy: &dyn Policy, new: Option<String>) {
    match new {
        Some(text) if text != "null" => policies.insert(policy.word().to_owned(), text),
        _ => policies.remove(policy.word()),
    };
}

fn show(policy: &'static dyn Policy, target: Target) -> Command {
    Command::read(format!("{}Show", policy.title()), move |view| {
        let own = row(view, policy, &target)?;
        let fixed = policy.fixed().iter().map(|text| {
            let mut row = own.clone();
            row[2] = json!(text);
            row[4] = json!("Cluster immutable policy");
            row
        });
        let fixed: Vec<_> = fixed.collect();
        Ok(Frame::new(POLICY, std::iter::once(own).chain(fixed).collect()))
    })
}

/// Reads what follows `.show table *` or `.show database *`.
pub(super) fn show_all(scope: Scope, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    cursor.expect("policy")?;
    let at = cursor.clone();
    let policy = policy::word(cursor)?;
    if !policy.starred().contains(&scope) {
        return Err(at.expected("a policy that '*' reads"));
    }
    Ok(Command::read(format!("{}Show", policy.title()), move |view| {
        let targets = starred(view, scope)?;
        // Of external tables only those with a policy are listed.
        let unset = choices::STAR_LISTS_UNSET && scope != Scope::External;
        let mut rows = Vec::new();
        for target in &targets {
            if unset || text(view, policy, target)?.is_some() {
                rows.push(row(view, policy, target)?);
            }
        }
        Ok(Frame::new(POLICY, rows))
    }))
}

/// Everything that `*` stands for.
fn starred(view: &View<'_>, scope: Scope) -> Result<Vec<Target>, Fault> {
    let database = || view.database(None);
    Ok(match scope {
        Scope::Database => {
            let all = view.cluster()?.databases.values();
            all.map(|database| Target::Database(Some(database.name.clone()))).collect()
        }
        Scope::External => {
            database()?.external_tables.keys().map(|name| Target::External(name.clone())).collect()
        }
        Scope::GraphModel => database()?.graph_models.keys().cloned().map(Target::GraphModel).collect(),
        _ => database()?.tables.keys().map(|name| Target::Table(None, name.clone())).collect(),
    })
}

/// A row of a policy answer. Names in `EntityName` are in brackets without quotes and not escaped.
fn row(view: &View<'_>, policy: &dyn Policy, target: &Target) -> Result<Vec<Value>, Fault> {
    let text = text(view, policy, target)?.cloned().or_else(|| policy.never_unset());
    let text = text.as_deref().unwrap_or("null");
    let (entity, children, kind) = match target {
        Target::Cluster => {
            let names: Vec<&str> =
                view.cluster()?.databases.values().map(|database| database.name.as_str()).collect();
            (String::new(), json!(names).to_string(), "Cluster")
        }
        Target::Database(name) => {
            let database = view.database(name.as_deref())?;
            let names: Vec<&String> = database.tables.keys().collect();
            (format!("[{}]", database.name), json!(names).to_string(), "Database")
        }
        Target::Column(database, table, name) => {
            let database = &view.database(database.as_deref())?.name;
            (format!("[{database}].[{table}].[{name}]"), String::new(), "Column")
        }
        Target::External(name) => {
            let database = &view.database(None)?.name;
            (format!("[{database}].[{name}]"), String::new(), "ExternalTable")
        }
        Target::GraphModel(name) => {
            (format!("[{}].[{name}]", view.database(None)?.name), String::new(), "GraphModel")
        }
        Target::Table(database, name) | Target::View(database, name) => {
            let database = &view.database(database.as_deref())?.name;
            let kind = if matches!(target, Target::Table(..)) { "Table" } else { "MaterializedView" };
            (format!("[{database}].[{name}]"), String::new(), kind)
        }
    };
    Ok(vec![json!(policy.title()), json!(entity), json!(text), json!(children), json!(kind)])
}
