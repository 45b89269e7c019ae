//! Nodes to values, as the shape of the property asks.
//!
//! Invariant: what comes out is canonical, as `Shape::canonical` leaves it (test: `values_are_canonical`). A part that
//! cannot be read counts as not yet known, so that what else is known about the whole stays known.

use super::diagnostic::{Code, Diagnostic};
use super::loader::{Loader, unreadable};
use super::template;
use super::tree::{Id, Member, Style, View};
use super::yaml::quoted;
use crate::kind::shape::{Field, Shape, field};
use crate::model::{Body, Value, word};
use arcstr::ArcStr;

/// How many values may be read one inside the other, or one for the sake of the other.
const MAX_DEPTH: usize = 200;

/// The longest bare scalar, in bytes, whose meaning is kept for the next of its like.
const SHORT: usize = 32;

/// How many of them are kept of one form: those that come again are among the first, and others would only take room.
const KEPT: usize = 4096;

impl Loader<'_> {
    /// Reads a node. None when it cannot be read, which is then reported.
    pub(super) fn decode(&mut self, id: Id, shape: &Shape) -> Option<Value> {
        let via = self.via;
        if via.is_none() {
            self.via = self.alias(id);
        }
        self.depth += 1;
        let found = if self.depth > MAX_DEPTH {
            self.error(
                Code::Cycle,
                "this leads through too many references",
                id,
                "refer to the value directly",
            );
            None
        } else {
            self.shaped(id, shape)
        };
        self.depth -= 1;
        self.via = via;
        found
    }

    fn shaped(&mut self, id: Id, shape: &Shape) -> Option<Value> {
        if matches!(self.tree.view(id), View::Null) {
            return Some(Value::Null);
        }
        match shape {
            Shape::Object { fields, short } => self.object(id, fields, short, shape),
            Shape::List(item) | Shape::Set(item) => self.list(id, item, shape),
            Shape::Map(item) | Shape::OrderedMap(item) => self.map(id, item, shape),
            Shape::Kql(form) => self.kql(id, *form),
            Shape::Any | Shape::Given => self.any(id),
            _ => match self.tree.view(id) {
                View::Scalar(..) => self.scalar(id, shape),
                _ => self.unfit(id, shape),
            },
        }
    }

    /// Reports a node of the wrong sort.
    pub(super) fn unfit(&mut self, id: Id, shape: &Shape) -> Option<Value> {
        let found = match self.tree.view(id) {
            View::Map => "a map".to_owned(),
            View::List(_) => "a list".to_owned(),
            View::Null => "nothing".to_owned(),
            View::Scalar(text, Style::Plain) => quoted(text),
            View::Scalar(..) => "a text".to_owned(),
        };
        let message = self.mismatch(&shape.expects(), &found);
        self.error(Code::WrongValue, message, id, "");
        None
    }

    /// What stands behind a scalar that is one whole reference, where a list or map is wanted.
    fn referred(&mut self, id: Id, shape: &Shape) -> Option<Option<Value>> {
        match self.tree.view(id) {
            View::Scalar(text, _) if template::is_template(text) => Some(self.scalar(id, shape)),
            _ => None,
        }
    }

    fn list(&mut self, id: Id, item: &Shape, shape: &Shape) -> Option<Value> {
        if let Some(found) = self.referred(id, shape) {
            return found;
        }
        let View::List(items) = self.tree.view(id) else { return self.unfit(id, shape) };
        let items = items.to_vec();
        let items =
            items.into_iter().map(|node| self.decode(node, item).unwrap_or_else(unreadable)).collect();
        let list = Value::List(items);
        match shape {
            Shape::Set(_) => shape.canonical(&list).ok().or(Some(list)),
            _ => Some(list),
        }
    }

    fn map(&mut self, id: Id, item: &Shape, shape: &Shape) -> Option<Value> {
        if let Some(found) = self.referred(id, shape) {
            return found;
        }
        if !matches!(self.tree.view(id), View::Map) {
            return self.unfit(id, shape);
        }
        let members = self.tree.members(id);
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            if let Some(key) = self.fixed_key(member.key) {
                let value = self.member(member, item).unwrap_or_else(unreadable);
                found.push((key, value));
            }
        }
        let mut body: Body = found.into_iter().collect();
        if matches!(shape, Shape::Map(_)) {
            body.sort();
        }
        Some(Value::Map(body))
    }

    fn fixed_key(&mut self, key: Id) -> Option<ArcStr> {
        let text = self.tree.text(key);
        if !template::is_template(text) {
            return Some(self.key_name(key));
        }
        let fixed = template::literal(text).map(ArcStr::from);
        if fixed.is_none() {
            self.error(Code::Template, "a key cannot hold a reference", key, "write the key out");
        }
        fixed
    }

    /// What a bare scalar stands for where one like it was read before, as most columns were.
    fn known(&self, id: Id, shape: &Shape) -> Option<Value> {
        let Shape::Object { fields, short } = shape else { return None };
        let View::Scalar(text, style) = self.tree.view(id) else { return None };
        self.shorts.get(&form(fields, short, style))?.get(text).cloned()
    }

    /// Reads the value of an entry of a map.
    pub(super) fn member(&mut self, member: Member, shape: &Shape) -> Option<Value> {
        if let Some(known) = self.known(member.value, shape) {
            return Some(known);
        }
        let (key, reported) = (self.key.replace(member.key), self.report.len());
        let found = self.through(member.via, |loader| loader.decode(member.value, shape));
        self.key = key;
        if member.guessed && matches!(self.tree.view(member.value), View::Scalar(..)) {
            self.report.truncate(reported);
        }
        found
    }

    /// An object for which a bare scalar or list stands.
    fn short_object(
        &mut self,
        id: Id,
        fields: &'static [Field],
        short: &[&str],
        shape: &Shape,
    ) -> Option<Value> {
        let (field, value) = self.short(id, fields, short, shape)?;
        let name = word(field.name);
        Some(Value::Map([(name, value)].into_iter().collect()))
    }

    fn object(&mut self, id: Id, fields: &'static [Field], short: &[&str], shape: &Shape) -> Option<Value> {
        if let Some(found) = self.referred(id, shape) {
            return found.map(|value| self.stood_for(value, fields, short));
        }
        match self.tree.view(id) {
            View::Map => {}
            View::Scalar(text, style) if text.len() <= SHORT => {
                if let Some(known) = self.known(id, shape) {
                    return Some(known);
                }
                let (text, form) = (text.to_owned(), form(fields, short, style));
                let before = (self.report.len(), self.faults, self.edges.len());
                let found = self.short_object(id, fields, short, shape)?;
                // What there was something to say about is said again wherever it stands.
                if before == (self.report.len(), self.faults, self.edges.len()) {
                    let known = self.shorts.entry(form).or_default();
                    if known.len() < KEPT {
                        known.insert(text.into(), found.clone());
                    }
                }
                return Some(found);
            }
            _ => return self.short_object(id, fields, short, shape),
        }
        let words: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
        let members = self.tree.members(id);
        let what = self.key.map_or_else(|| "this map".to_owned(), |key| quoted(self.tree.text(key)));
        let claimed = self.claim(&members, &words, &|_| None, &what);
        let mut found = Vec::with_capacity(claimed.len());
        let mut missing = Vec::new();
        for field in fields {
            match claimed.iter().find(|(word, _)| *word == field.name) {
                Some((_, member)) => {
                    let value = self.member(*member, &field.shape);
                    if field.required && value == Some(Value::Null) {
                        missing.push(field.name);
                    }
                    found.push((word(field.name), value.unwrap_or_else(unreadable)));
                }
                None if field.required => missing.push(field.name),
                None => {}
            }
        }
        if !missing.is_empty() && !self.partial {
            let start = self.key.unwrap_or(id);
            self.error(
                Code::Missing,
                format!("{what} lacks {}", listed(&missing)),
                start,
                added(fields, &missing),
            );
        }
        Some(Value::Map(found.into_iter().collect()))
    }

    /// Reads a bare scalar or list that stands for one property.
    pub(super) fn short(
        &mut self,
        id: Id,
        fields: &'static [Field],
        short: &[&str],
        shape: &Shape,
    ) -> Option<(&'static Field, Value)> {
        let is_list = matches!(self.tree.view(id), View::List(_));
        let fits = |field: &&Field| is_list == takes_list(&field.shape);
        let candidates: Vec<&'static Field> =
            short.iter().filter_map(|name| field(fields, name)).filter(fits).collect();
        if let [only] = candidates.as_slice() {
            return Some((only, self.decode(id, &only.shape)?));
        }
        let (reported, faults, edges) = (self.report.len(), self.faults, self.edges.len());
        for candidate in candidates {
            let found = self.decode(id, &candidate.shape);
            if let Some(value) = found.filter(|_| self.faults == faults) {
                return Some((candidate, value));
            }
            self.report.truncate(reported);
            self.edges.truncate(edges);
            self.faults = faults;
        }
        let found = match self.tree.view(id) {
            View::List(_) => "a list".to_owned(),
            _ => quoted(self.tree.text(id)),
        };
        let message = self.mismatch(&shape.expects(), &found);
        self.error(Code::WrongValue, message, id, "");
        None
    }

    /// Reads anything as it is.
    fn any(&mut self, id: Id) -> Option<Value> {
        match self.tree.view(id) {
            View::Null => Some(Value::Null),
            View::Scalar(..) => self.scalar(id, &Shape::Any),
            View::List(_) => self.list(id, &Shape::Any, &Shape::List(&Shape::Any)),
            View::Map => self.map(id, &Shape::Any, &Shape::OrderedMap(&Shape::Any)),
        }
    }

    /// Reports required properties that an entry lacks.
    pub(super) fn report_missing(&mut self, draft: usize, missing: &[&str]) {
        let draft = &self.drafts[draft];
        let (what, place) = (draft.kind.about().name, draft.key_at);
        let message = format!("the {what} {} lacks {}", quoted(draft.address.key()), listed(missing));
        let help = added(draft.kind.about().fields, missing);
        self.push(Diagnostic::error(Code::Missing, message).at(place, "").help(help));
    }
}

/// What the meaning of a bare scalar depends on beside its text.
fn form(fields: &'static [Field], short: &[&str], style: Style) -> (usize, usize, Style) {
    (fields.as_ptr() as usize, short.as_ptr() as usize, style)
}

/// What to add, in the words of the first property's documentation.
fn added(fields: &[Field], missing: &[&str]) -> String {
    let Some(first) = missing.first().and_then(|name| field(fields, name)) else { return String::new() };
    let doc = first.doc.split_once(". ").map_or(first.doc, |(sentence, _)| sentence).trim_end_matches('.');
    format!("add `{}:`. {doc}", first.name)
}

fn takes_list(shape: &Shape) -> bool {
    match shape {
        Shape::List(_) | Shape::Set(_) => true,
        Shape::Object { fields, short } => {
            short.iter().filter_map(|name| field(fields, name)).any(|field| takes_list(&field.shape))
        }
        _ => false,
    }
}

/// Names in a row: "`a`, `b` and `c`".
pub(super) fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
