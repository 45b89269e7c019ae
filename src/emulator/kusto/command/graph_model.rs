//! Graph models (`kusto/management/graph/`): definitions only; no snapshot is ever made of one.

use super::{Command, Parsed, policy, principal};
use crate::emulator::kusto::catalog::{Assignment, Database, Deed, GraphModel, GraphVersion, Policies, Role};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::{GRAPH_MODEL_DETAILS, GRAPH_MODEL_IDS, GRAPH_MODELS};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::kql;
use crate::emulator::kusto::names;
use crate::emulator::kusto::policy::Scope;
use crate::emulator::kusto::show::principals;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb == "show" && cursor.eat("graph_models") {
        return show_all(cursor).map(Some);
    }
    if !cursor.eat("graph_model") {
        return Ok(None);
    }
    if verb == "show" && cursor.eat_mark("*") {
        return policy::show_all(Scope::GraphModel, cursor).map(Some);
    }
    let name = cursor.name("a graph model name")?;
    if cursor.eat("policy") {
        return policy::parse(verb, Scope::GraphModel, vec![name], cursor).map(Some);
    }
    let of = || principal::Of::GraphModel(name.clone());
    Ok(Some(match verb {
        "create-or-alter" => define(name, cursor)?,
        "show" if cursor.eat("principals") || cursor.at("principal") => principal::show(of(), cursor)?,
        "show" => show(name, cursor)?,
        "add" | "set" => principal::change(verb, of(), cursor)?,
        "drop" if cursor.at("admins") => principal::change(verb, of(), cursor)?,
        "drop" => drop(name),
        _ => return Ok(None),
    }))
}

/// A version as it is listed without details.
fn listed(name: &str, version: &GraphVersion) -> Vec<Value> {
    vec![json!(name), json!(time::datetime(version.created)), json!(version.id)]
}

/// `null` for a policy that is not set.
fn set_policy(model: &GraphModel, word: &str) -> Value {
    json!(model.policies.get(word).map_or("null", String::as_str))
}

/// A version with its definition, as the documentation has the columns.
fn detailed(model: &GraphModel, version: &GraphVersion) -> Vec<Value> {
    let mut row = listed(&model.name, version);
    row.extend([
        json!(0),
        version.model.clone(),
        json!(principals::as_json(&model.principals)),
        set_policy(model, "retention"),
    ]);
    row
}

/// `.create-or-alter graph_model G 'json'`: another version, even of an equal model.
fn define(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let text = cursor.text("the graph model as JSON")?;
    let model: Value = serde_json::from_str(&text)
        .map_err(|error| Fault::bad_request(format!("The graph model is not JSON: {error}.")))?;
    Ok(Command::change("GraphModelCreateOrAlter", move |transaction| {
        let request = transaction.request();
        let (caller, created) = (request.caller.holder.clone(), request.now);
        let mut edit = transaction.edit(None)?;
        names::check("GraphModel", &name)?;
        check(edit.database, &model)?;
        let known = edit.database.graph_models.remove(&name);
        let before = known.as_ref().map(newest).unwrap_or_default();
        let mut whole = known.unwrap_or_else(|| GraphModel {
            name: name.clone(),
            versions: Vec::new(),
            policies: Policies::new(),
            principals: Vec::new(),
        });
        if choices::CREATOR_BECOMES_ADMIN && whole.versions.is_empty() {
            whole.principals.push(Assignment::by_creation(Role::Admin, &caller));
        }
        let version = GraphVersion { id: Uuid::new_v4(), created, model: model.clone() };
        let mut row = listed(&name, &version);
        let policies = [set_policy(&whole, "retention"), set_policy(&whole, "caching")];
        row.extend([json!(0), json!(version.model.to_string())].into_iter().chain(policies));
        whole.versions.push(version);
        let after = newest(&whole);
        edit.database.graph_models.insert(name.clone(), whole);
        let event = if before.is_empty() { "CREATE-GRAPH-MODEL" } else { "ALTER-GRAPH-MODEL" };
        edit.record(Deed { event, entity: &name, before, after, schema: true, ..Deed::default() });
        Ok(Frame::new(GRAPH_MODELS, vec![row]))
    }))
}

fn newest(model: &GraphModel) -> String {
    model.versions.last().map(|version| version.model.to_string()).unwrap_or_default()
}

fn drop(name: String) -> Command {
    Command::change("GraphModelDrop", move |transaction| {
        let mut edit = transaction.edit(None)?;
        let model = edit.database.graph_models.remove(&name);
        let model = model.ok_or_else(|| Fault::not_found("GraphModel", &name))?;
        let before = newest(&model);
        let event = "DROP-GRAPH-MODEL";
        edit.record(Deed { event, entity: &name, before, schema: true, ..Deed::default() });
        let rows = model.versions.iter().map(|version| listed(&name, version));
        Ok(Frame::new(GRAPH_MODEL_IDS, rows.collect()))
    })
}

/// What follows `.show graph_models`: the newest version of each, or all of them.
fn show_all(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let details = cursor.eat("details");
    let properties = cursor.properties()?;
    properties.only(&["showAll"])?;
    let all = properties.flag("showAll")?.unwrap_or(false);
    Ok(Command::read("GraphModelsShow", move |view| {
        Ok(frame(view.database(None)?.graph_models.values(), details, all))
    }))
}

fn show(name: String, cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let details = cursor.eat("details");
    let properties = cursor.properties()?;
    properties.only(&["showAll"])?;
    let all = properties.flag("showAll")?.unwrap_or(false);
    Ok(Command::read("GraphModelShow", move |view| {
        let model = view.database(None)?.graph_model(&name)?;
        Ok(frame(std::iter::once(model), details, all))
    }))
}

fn frame<'a>(models: impl Iterator<Item = &'a GraphModel>, details: bool, all: bool) -> Frame {
    let mut rows = Vec::new();
    for model in models {
        let first = if all { 0 } else { model.versions.len().saturating_sub(1) };
        for version in &model.versions[first..] {
            rows.push(if details { detailed(model, version) } else { listed(&model.name, version) });
        }
    }
    Frame::new(if details { GRAPH_MODEL_DETAILS } else { GRAPH_MODEL_IDS }, rows)
}

impl Database {
    /// The graph model of this name.
    pub(crate) fn graph_model(&self, name: &str) -> Result<&GraphModel, Fault> {
        self.graph_models.get(name).ok_or_else(|| Fault::not_found("GraphModel", name))
    }
}

/// Refuses a definition that is not one: unknown members, steps without their columns, types that are none.
fn check(database: &Database, model: &Value) -> Result<(), Fault> {
    let whole = object(model, "the graph model", &["Schema", "Definition"])?;
    match whole.get("Schema") {
        None | Some(Value::Null) => {}
        Some(schema) => {
            for of in object(schema, "'Schema'", &["Nodes", "Edges"])?.values() {
                check_labels(of)?;
            }
        }
    }
    let definition = whole.get("Definition").ok_or_else(|| invalid("'Definition' is missing"))?;
    let steps = object(definition, "'Definition'", &["Steps"])?.get("Steps").and_then(Value::as_array);
    let steps = steps.filter(|steps| !steps.is_empty());
    let steps = steps.ok_or_else(|| invalid("'Definition' needs 'Steps', at least one"))?;
    let mut nodes = false;
    for step in steps {
        nodes |= check_step(database, step)?;
    }
    if nodes { Ok(()) } else { Err(invalid("a model needs a step of kind AddNodes")) }
}

/// Types of the properties of each label.
fn check_labels(of: &Value) -> Result<(), Fault> {
    let labels = of.as_object().ok_or_else(|| invalid("'Nodes' and 'Edges' map labels to properties"))?;
    for (label, types) in labels {
        let types = types.as_object().ok_or_else(|| invalid(&format!("label '{label}' maps to types")))?;
        for (property, of) in types {
            if of.as_str().and_then(Type::parse).is_none() {
                return Err(invalid(&format!("property '{property}' of label '{label}' has no type '{of}'")));
            }
        }
    }
    Ok(())
}

/// Checks one step; whether it adds nodes.
fn check_step(database: &Database, step: &Value) -> Result<bool, Fault> {
    let nodes = match step.get("Kind").and_then(Value::as_str) {
        Some("AddNodes") => true,
        Some("AddEdges") => false,
        _ => return Err(invalid("'Kind' of a step is AddNodes or AddEdges")),
    };
    let columns: &[&str] = if nodes { &["NodeIdColumn"] } else { &["SourceColumn", "TargetColumn"] };
    let members = [&["Kind", "Query", "Labels", "LabelsColumn"], columns].concat();
    let whole = object(step, "a step", &members)?;
    for name in columns.iter().chain(&["Query"]) {
        if whole.get(*name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(invalid(&format!("a step of this kind needs '{name}'")));
        }
    }
    let labels = whole.get("Labels").filter(|labels| !labels.is_null());
    let texts = |labels: &Value| labels.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if labels.is_some_and(|labels| !texts(labels)) {
        return Err(invalid("'Labels' is a list of texts"));
    }
    let query = whole.get("Query").and_then(Value::as_str).unwrap_or_default();
    if choices::GRAPH_MODEL_CHECKS_NAMES {
        kql::check_names(database, query, &[])?;
    }
    Ok(nodes)
}

fn object<'a>(value: &'a Value, what: &str, members: &[&str]) -> Result<&'a Map<String, Value>, Fault> {
    let found = value.as_object().ok_or_else(|| invalid(&format!("{what} is not an object")))?;
    match found.keys().find(|name| !members.contains(&name.as_str())) {
        None => Ok(found),
        Some(unknown) => Err(invalid(&format!("{what} has no member '{unknown}'"))),
    }
}

fn invalid(why: &str) -> Fault {
    Fault::bad_request(format!("The graph model is not valid: {why}."))
}
