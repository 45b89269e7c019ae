//! Live values as they are best written: what the kind's own tables say, and nothing that goes without saying.
//!
//! Invariant: a body settles to what is live, both laid over it and made from nothing
//! (test: `what_goes_without_saying_is_left_out`).

use super::paths::Paths;
use super::yaml::{Map, Node, scalar};
use crate::kind::shape::{self, Field, KqlForm, Role, Shape};
use crate::kind::{About, At, Keyed, Kind};
use crate::model::body::{Body, Value};
use crate::model::inventory::{Mode, Resource};
use crate::model::kql::Block;
use std::collections::BTreeMap;

/// What the values of one spec add to it beside themselves.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub paths: Paths,
    /// Files of KQL with their texts.
    pub kql: Vec<(String, String)>,
    /// Environment variables that are to hold secrets, each with the property that refers to it.
    pub secrets: Vec<(String, String)>,
    /// Why something is left out, with where it is.
    pub left_out: BTreeMap<String, Vec<String>>,
}

/// One thing being written.
pub(super) struct Writer<'a> {
    pub extras: &'a mut Extras,
    /// Its address, as people read it.
    pub address: String,
    /// Where a file of its KQL stands, and its name without ending.
    pub folder: &'a str,
    pub stem: &'a str,
}

/// The properties of a thing, and whether they can stand in the short form when nothing else does.
pub(super) fn properties(writer: &mut Writer<'_>, kind: &dyn Kind, at: &At<'_>) -> (Map, Option<Node>) {
    let about = kind.about();
    let mut map = Map::default();
    if is_given(about, at.resource) {
        map.push("existing", Node::Scalar("true".to_owned()));
        return (map, None);
    }
    let body = writer.without_objections(kind, at, worth_saying(kind, at.resource));
    let tag = if let Keyed::Tagged(tag, value) = about.keyed {
        map.push(tag, Node::Scalar(scalar(value)));
        tag
    } else {
        ""
    };
    let primary =
        about.fields.iter().find(|f| matches!(f.shape, Shape::Kql(form) if form != KqlForm::Parameters));
    for field in about.fields.iter().filter(|field| field.name != tag) {
        let path = if primary.is_some_and(|primary| primary.name == field.name) { "" } else { field.name };
        if let Some(node) = writer.field(field, &body, path) {
            map.push(field.name, node);
        }
    }
    if let (Keyed::Other(whole), Some((_, node))) = (about.keyed, map.entries.first()) {
        let node = node.clone();
        map.entries.retain(|(name, _)| name != whole);
        return (map, Some(node));
    }
    let short = if tag.is_empty() { short(about.fields, about.short, &body, &map) } else { None };
    (map, short)
}

/// Whether something else makes a thing, so that the spec only says that it is there.
fn is_given(about: &About, resource: &Resource) -> bool {
    let placed = |field: &Field| field.role == Role::Place && resource.body.get(field.name).is_some();
    let known = !resource.body.is_empty() && !about.fields.iter().any(placed);
    resource.mode == Mode::Existing && about.may_exist && known
}

/// What of a live body must be said so that it comes to be, and stays, as it is.
fn worth_saying(kind: &dyn Kind, resource: &Resource) -> Body {
    let about = kind.about();
    let live = &resource.body;
    let enough = |body: &Body| {
        let same = |settled: Body| shape::same_bodies(about.fields, live, &settled);
        same(kind.settle(None, body)) && same(kind.settle(Some(resource), body))
    };
    let said = |field: &&Field| live.get(field.name).is_some_and(|value| field.required || !value.is_unset());
    // A setting is said where live could not be read without it.
    let known = || about.fields.iter().filter(|f| f.role != Role::Setting || live.get(f.name).is_some());
    let pick = |field: &Field| Some((field.name.into(), live.get(field.name)?.clone()));
    let mut body: Body = known().filter(said).filter_map(pick).collect();
    let may_go: Vec<&str> = known()
        .filter(|f| !f.required && matches!(f.role, Role::Managed | Role::Immutable))
        .map(|f| f.name)
        .filter(|name| body.get(name).is_some())
        .collect();
    // The property that a person would write alone goes last, so that something is left to read.
    let last = about.short.iter().chain(&may_go).find(|name| may_go.contains(name)).copied();
    for name in may_go.iter().copied().filter(|name| Some(*name) != last).chain(last) {
        let less = body.clone().without(name);
        if !less.is_empty() && enough(&less) {
            body = less;
        }
    }
    if enough(&body) { body } else { known().filter_map(pick).collect() }
}

/// The one value that stands for a whole map, where its kind has such a form and reads it so.
fn short(fields: &[Field], short: &[&str], body: &Body, map: &Map) -> Option<Node> {
    let [(name, node @ (Node::Scalar(_) | Node::List(_)))] = map.entries.as_slice() else { return None };
    let field = shape::field(fields, name).filter(|field| !matches!(field.shape, Shape::Secret))?;
    let value = body.get(field.name).filter(|value| **value != Value::Null)?;
    let one = Body::new().with(field.name, value.clone());
    (short.contains(&field.name) && shape::short_form(fields, short, value) == Some(one))
        .then(|| node.clone())
}

impl Writer<'_> {
    /// Leaves out what the kind objects to, as where two properties say the same.
    fn without_objections(&mut self, kind: &dyn Kind, at: &At<'_>, body: Body) -> Body {
        let mut resource = Resource { body, ..at.resource.clone() };
        let findings = kind.check(&At { resource: &resource, ..*at });
        for finding in findings {
            let name = finding.field.first().map(String::as_str).unwrap_or_default();
            let optional = shape::field(kind.about().fields, name).is_some_and(|field| !field.required);
            if optional && resource.body.remove(name).is_some() {
                let why = format!("`{name}` is left out of the import: {}", finding.message);
                self.extras.left_out.entry(why).or_default().push(self.address.clone());
            }
        }
        resource.body
    }

    fn field(&mut self, field: &Field, body: &Body, path: &str) -> Option<Node> {
        match (field.shape, body.get(field.name)) {
            (Shape::Secret, None) if !field.required => None,
            (Shape::Secret, _) => Some(self.secret(if path.is_empty() { field.name } else { path })),
            (shape, value) => value.map(|value| self.node(value, &shape, path)),
        }
    }

    fn node(&mut self, value: &Value, shape: &Shape, path: &str) -> Node {
        match (value, shape) {
            (_, Shape::Secret) => self.secret(path),
            (Value::Text(text), Shape::Kql(form)) => self.kql(text, *form, path),
            (Value::List(items), Shape::List(item) | Shape::Set(item)) => self.list(items, item, path),
            (Value::List(items), _) => self.list(items, &Shape::Any, path),
            (Value::Map(body), Shape::Object { fields, short }) => self.object(body, fields, short, path),
            (Value::Map(body), Shape::Map(item)) => self.map(body, item, path, false),
            (Value::Map(body), Shape::OrderedMap(item)) => self.map(body, item, path, true),
            (Value::Map(body), _) => self.map(body, &Shape::Any, path, false),
            (value, _) => Node::Scalar(plain(value)),
        }
    }

    fn list(&mut self, items: &[Value], shape: &Shape, path: &str) -> Node {
        let one = items.len() == 1;
        let place = |at: usize| if one { path.to_owned() } else { joined(path, &(at + 1).to_string()) };
        let items = items.iter().enumerate().map(|(at, item)| self.node(item, shape, &place(at)));
        Node::List(items.collect())
    }

    fn object(&mut self, body: &Body, fields: &[Field], short_names: &[&str], path: &str) -> Node {
        let said =
            |field: &&Field| field.required || body.get(field.name).is_some_and(|value| !value.is_unset());
        let mut map = Map::default();
        for field in fields.iter().filter(said) {
            if let Some(node) = self.field(field, body, &joined(path, field.name)) {
                map.push(field.name, node);
            }
        }
        short(fields, short_names, body, &map).unwrap_or_else(|| map.into())
    }

    fn map(&mut self, body: &Body, shape: &Shape, path: &str, block: bool) -> Node {
        let mut map = Map { block, ..Map::default() };
        for (key, value) in body.iter() {
            let node = self.node(value, shape, &joined(path, key));
            map.push(&literal(key), node);
        }
        map.into()
    }

    /// KQL of several lines goes into a file of its own, if it reads back from there.
    fn kql(&mut self, text: &str, form: KqlForm, path: &str) -> Node {
        let file = format!("{text}\n");
        let reads_back =
            form.canonical(&file) == text && Block::new(&file).is_ok() && !text.starts_with('\u{feff}');
        if !text.contains('\n') || !reads_back {
            return Node::Scalar(scalar(text));
        }
        let stem = match path {
            "" => self.stem.to_owned(),
            path => format!(
                "{}.{}",
                self.stem,
                path.split('.').map(super::paths::part).collect::<Vec<_>>().join(".")
            ),
        };
        let path = self.extras.paths.take(self.folder, &stem, "kql");
        self.extras.kql.push((path.clone(), file));
        Node::File(path)
    }

    /// A secret cannot be read; the reference says where it is to be kept.
    fn secret(&mut self, path: &str) -> Node {
        let mut name = String::new();
        for c in joined(self.stem, path).chars() {
            if c.is_ascii_uppercase() && name.ends_with(|last: char| last.is_ascii_lowercase()) {
                name.push('_');
            }
            name.push(if c.is_ascii_alphanumeric() { c } else { '_' });
        }
        let name = name.to_ascii_uppercase();
        let taken = |name: &str| self.extras.secrets.iter().any(|(known, _)| known == name);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name);
        self.extras.secrets.push((name.clone(), joined(&self.address, path)));
        Node::Scalar(scalar(&format!("${{secret.env.{name}}}")))
    }
}

/// A scalar that is neither KQL nor secret.
fn plain(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => scalar(&literal(text)),
        Value::Time(ticks) => scalar(&ticks.to_string()),
        Value::Unknown(expr) => scalar(&expr.to_string()),
        Value::Secret(place) => scalar(&place.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => "null".to_owned(),
    }
}

/// A text in which nothing is taken for a reference.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
