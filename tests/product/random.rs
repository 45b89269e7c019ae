//! Random mixed databases: from each random spec to another and back, with everything of every kind in them.
//!
//! The things are those of the states, so that a kind with states is in here too; they stand together under names that
//! are made up, hostile ones included. `ADXFORM_SEEDS` says how many seeds are tried, `ADXFORM_SEED` tries one.

use crate::dice::Dice;
use crate::import::save;
use crate::states::{State, migrate, states};
use crate::support::{complain, entries, load};
use crate::world::World;
use adxform::kind::shape::{Field, Shape, field};
use adxform::kind::{self, About, At, Keyed, Kind, Plane};
use adxform::model::command::{quoted_name, quoted_text};
use adxform::model::inventory::{Inventory, Mode, Resource};
use adxform::model::kql::{self, TokenKind};
use adxform::model::{Address, Body, Value};
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use adxform::spec::Spec;
use adxform::spec::write::{self, Claim};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;

const MADE: &str = "version: 1
azure: {subscriptionId: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, location: westeurope}
clusters:
  randomly:
    sku: {name: Standard_E8ads_v5, tier: Standard, capacity: 2}
    identity: {type: SystemAssigned}
    enableStreamingIngest: true
    databases: {d: {}, e: {}}
";

/// Names that entities may have; the number of the thing is put in the place of `#`.
const NAMES: &[&str] = &[
    "Plain#",
    "with blank #",
    "with-dash-#",
    "with.dot.#",
    "#starts",
    "_under#",
    "Größe#",
    "表#",
    "ὀδός #",
    "where #",
    "É#",
];

/// Names that are words of the language; each stands for one thing alone.
const RESERVED: &[&str] = &["order", "table", "print", "by", "true", "datetime", "database", "T"];

/// Names of what is named by a text, such as mappings.
const LABELS: &[&str] = &["it's #", "say \"#\"", "a\\b #", "$${x} ${y} #", "~ #", "# 表", "a: b #", "// # |"];

/// The states of one kind.
pub(crate) struct Folder {
    name: String,
    pub(crate) states: Vec<State>,
}

/// Every kind that is written by commands.
pub(crate) fn folders() -> Vec<Folder> {
    let folders = entries("tests/states").into_iter().filter(|path| path.is_dir());
    let named = folders.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    let by_command = |name: &str| kind::by_name(name).is_some_and(|kind| kind.about().plane == Plane::Kusto);
    let found = named.filter(|(name, _)| by_command(name));
    found.map(|(name, path)| Folder { name, states: states(&path) }).collect()
}

/// A name for a thing of a kind.
fn name(dice: &mut Dice, about: &About, number: usize) -> String {
    let patterns = if about.names.objection("it's").is_none() { LABELS } else { NAMES };
    let reserved = RESERVED.get(number).filter(|_| dice.chance(30)).map(|word| (*word).to_owned());
    let name = reserved.unwrap_or_else(|| dice.pick(patterns).replace('#', &number.to_string()));
    if about.names.objection(&name).is_some() { format!("Plain{number}") } else { name }
}

/// Whether a thing may have another name: those that are words of the service may not.
fn is_free(kind: &dyn Kind, address: &Address, resource: &Resource, world: &Inventory) -> bool {
    let by_name = matches!(kind.about().keyed, Keyed::ByName | Keyed::Tagged(..));
    let (Some(parent), true) = (address.parent(), by_name && address.depth() > 2) else {
        return false;
    };
    let other = Resource { name: "Other9".into(), ..resource.clone() };
    let other_address = parent.child(address.collection(), "Other9");
    let findings = kind.check(&At { address, resource, world }).len();
    kind.check(&At { address: &other_address, resource: &other, world }).len() == findings
}

/// New names for everything in a folder that has a name of its own, alike in all states.
fn renaming(folder: &Folder, dice: &mut Dice, next: &mut usize) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for world in folder.states.iter().map(|state| &state.spec.desired.inventory) {
        for (address, resource) in world.iter() {
            let Some(kind) = kind::by_name(resource.kind).filter(|kind| kind.about().plane == Plane::Kusto)
            else {
                continue;
            };
            if !names.contains_key(&*resource.name) && is_free(kind, address, resource, world) {
                *next += 1;
                names.insert(resource.name.to_string(), name(dice, kind.about(), *next));
            }
        }
    }
    names
}

/// Whether the text after these tokens is the name that a function of the language takes.
fn is_named(text: &str, before: &[kql::Token]) -> bool {
    let [.., function, open] = before else { return false };
    let named = ["external_table", "materialized_view"];
    open.kind == TokenKind::Mark('(') && named.contains(&&text[function.span.clone()])
}

/// A text of KQL with its names replaced.
fn renamed_kql(text: &str, names: &BTreeMap<String, String>) -> String {
    let Ok(tokens) = kql::tokens(text) else { return text.to_owned() };
    let mut out = String::new();
    let mut end = 0;
    for (at, token) in tokens.iter().enumerate() {
        let piece = &text[token.span.clone()];
        out.push_str(&text[end..token.span.start]);
        end = token.span.end;
        let bracketed = at > 0 && tokens[at - 1].kind == TokenKind::Mark('[');
        let member = at > 0 && tokens[at - 1].kind == TokenKind::Mark('.');
        let assigned = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Mark('='));
        match token.kind {
            TokenKind::Word if !assigned || member => match names.get(piece) {
                Some(name) => out.push_str(&quoted_name(name)),
                None => out.push_str(piece),
            },
            TokenKind::Text if bracketed || is_named(text, &tokens[..at]) => {
                match kql::unquoted(piece).and_then(|name| names.get(&name).cloned()) {
                    Some(name) => out.push_str(&quoted_text(&name)),
                    None => out.push_str(piece),
                }
            }
            _ => out.push_str(piece),
        }
    }
    out.push_str(&text[end..]);
    out
}

fn renamed_value(value: &Value, shape: &Shape, names: &BTreeMap<String, String>) -> Value {
    match (value, shape) {
        (Value::Text(text), Shape::Any) if text.starts_with(['{', '[']) => {
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            let renamed = renamed_value(&Value::from_json(&json), shape, names);
            Value::from(renamed.shown().to_string())
        }
        (Value::Text(text), Shape::Kql(_) | Shape::Any) => Value::from(renamed_kql(text, names)),
        (Value::Text(_), Shape::Enum(_) | Shape::OpenEnum(_) | Shape::ScalarType) => value.clone(),
        (Value::Text(text), _) => {
            names.get(&**text).map_or_else(|| value.clone(), |name| Value::from(name.as_str()))
        }
        (Value::List(items), Shape::Any) => {
            Value::List(items.iter().map(|value| renamed_value(value, shape, names)).collect())
        }
        (Value::Map(body), Shape::Any) => {
            let each = body.iter().map(|(key, value)| (key.clone(), renamed_value(value, shape, names)));
            Value::Map(each.collect())
        }
        (Value::List(items), Shape::List(item) | Shape::Set(item)) => {
            Value::List(items.iter().map(|value| renamed_value(value, item, names)).collect())
        }
        (Value::Map(body), Shape::Object { fields, .. }) => Value::Map(renamed_body(body, fields, names)),
        (Value::Map(body), Shape::Map(item) | Shape::OrderedMap(item)) => {
            let each = body.iter().map(|(key, value)| (key.clone(), renamed_value(value, item, names)));
            Value::Map(each.collect())
        }
        _ => value.clone(),
    }
}

pub(crate) fn renamed_body(body: &Body, fields: &[Field], names: &BTreeMap<String, String>) -> Body {
    let value = |key: &str, value: &Value| {
        field(fields, key).map_or_else(|| value.clone(), |field| renamed_value(value, &field.shape, names))
    };
    body.iter().map(|(key, given)| (key.clone(), value(key, given))).collect()
}

/// Where a thing of a state goes in a database.
fn moved(address: &Address, root: &Address, database: &str, names: &BTreeMap<String, String>) -> Address {
    address.segments()[2..].iter().fold(root.child("databases", database), |at, segment| {
        at.child(&segment.collection, names.get(&*segment.key).map_or(&*segment.key, String::as_str))
    })
}

/// Whether the things of a state stand in the way of nothing that is there.
fn fits(
    state: &State,
    root: &Address,
    database: &str,
    names: &BTreeMap<String, String>,
    into: &Inventory,
) -> bool {
    let all = state.spec.desired.inventory.iter().map(|(at, _)| at).filter(|at| at.depth() > 2);
    all.into_iter().all(|at| into.get(&moved(at, root, database, names)).is_none())
}

/// The things of a state, under other names and in a database.
fn transplanted(
    state: &State,
    root: &Address,
    database: &str,
    names: &BTreeMap<String, String>,
    into: &mut Inventory,
) {
    for (address, resource) in state.spec.desired.inventory.iter().filter(|(at, _)| at.depth() > 2) {
        let in_database = address.segments()[1].collection == "databases";
        let by_command = kind::by_name(resource.kind).unwrap().about().plane == Plane::Kusto;
        if !by_command
            || resource.mode != Mode::Managed
            || !in_database
            || !resource.body.references().is_empty()
        {
            continue;
        }
        let at = moved(address, root, database, names);
        let known = |at: &Address| at.depth() == 2 || into.get(at).is_some();
        if into.get(&at).is_some() || !known(&at.parent().unwrap()) {
            continue;
        }
        let fields = kind::by_name(resource.kind).unwrap().about().fields;
        let name =
            names.get(&*resource.name).map_or_else(|| resource.name.clone(), |name| name.as_str().into());
        let body = renamed_body(&resource.body, fields, names);
        let lifecycle = resource.lifecycle.clone();
        into.insert(at, Resource { kind: resource.kind, name, body, lifecycle, ..Resource::default() });
    }
}

/// A random spec: some states of some kinds, together in one or two databases.
///
/// It says that there is nothing else: what one state leaves behind may be at odds with another one, or with what it
/// used itself.
fn random(folders: &[Folder], seed: u64, stream: &str, uri: &str) -> Spec {
    let databases = if Dice::new(seed, "databases").chance(50) { &["d"][..] } else { &["d", "e"] };
    mixed(folders, (seed, stream), databases, 25, uri)
}

/// One state of so many percent of the kinds, under names of its own, in each database.
pub(crate) fn mixed(
    folders: &[Folder],
    (seed, stream): (u64, &str),
    databases: &[&str],
    percent: usize,
    uri: &str,
) -> Spec {
    let (mut named, mut dice) = (Dice::new(seed, "names"), Dice::new(seed, stream));
    let root = Address::root().child("clusters", "remote");
    let mut inventory = Inventory::new();
    let existing = |kind, name: &str, body| Resource {
        kind,
        name: name.into(),
        body,
        mode: Mode::Existing,
        ..Resource::default()
    };
    inventory.insert(root.clone(), existing("cluster", "remote", Body::new().with("uri", uri)));
    let mut next = 0;
    for database in databases {
        inventory.insert(root.child("databases", database), existing("database", database, Body::new()));
        for folder in folders {
            let names = renaming(folder, &mut named, &mut next);
            let state = &folder.states[dice.below(folder.states.len())];
            if dice.chance(percent) && fits(state, &root, database, &names, &inventory) {
                transplanted(state, &root, database, &names, &mut inventory);
            }
        }
    }
    let written = write::spec(&inventory, Claim::Exact);
    let folder = tempfile::tempdir().unwrap();
    save(&written, folder.path());
    load(folder.path())
}

/// Makes a cluster with empty databases, and gives its URI.
pub(crate) async fn made(world: &World) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("adx.yaml"), MADE).unwrap();
    let plan = world.plan(&load(folder.path()), false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let live = world.look(&plan.scope).await.inventory;
    live.iter().next().unwrap().1.attributes.text("uri").unwrap().to_owned()
}

async fn story(folders: Arc<Vec<Folder>>, seed: u64) -> (Result<(), String>, BTreeSet<String>) {
    let world = World::new(None).await;
    let uri = made(&world).await;
    let mut commands = BTreeSet::new();
    let ended = match std::panic::catch_unwind(|| {
        ["before", "after"].map(|stream| random(&folders, seed, stream, &uri))
    }) {
        Ok([from, to]) => migrate(&world, &from, &to, &mut commands).await,
        Err(why) => Err(why.downcast_ref::<String>().cloned().unwrap_or_default()),
    };
    world.emulator.stop().await;
    (ended.map_err(|why| format!("== seed {seed}: {why}")), commands)
}

fn seeds() -> std::ops::Range<u64> {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match read("ADXFORM_SEED") {
        Some(one) => one..one + 1,
        None => 0..read("ADXFORM_SEEDS").unwrap_or(20),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_databases_converge_and_come_back() {
    let folders = Arc::new(folders());
    assert!(folders.iter().any(|folder| folder.name == "table"));
    let (mut tasks, mut complaints, mut commands) = (JoinSet::new(), Vec::new(), BTreeSet::new());
    for seed in seeds() {
        while tasks.len() >= 4 {
            let (ended, printed): (Result<(), String>, BTreeSet<String>) =
                tasks.join_next().await.unwrap().unwrap();
            complaints.extend(ended.err());
            commands.extend(printed);
        }
        tasks.spawn(story(Arc::clone(&folders), seed));
    }
    while let Some(ended) = tasks.join_next().await {
        let (ended, printed) = ended.unwrap();
        complaints.extend(ended.err());
        commands.extend(printed);
    }
    println!(
        "{} distinct commands; a seed alone: ADXFORM_SEED=N cargo test --test product random",
        commands.len()
    );
    complain(&complaints);
    crate::kql::check(&commands);
}
