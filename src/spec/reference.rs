//! References between addresses: what the spec itself gives is put in place, the rest is known after apply.

use super::diagnostic::{Code, Diagnostic};
use super::files::Place;
use super::kinds::{Collection, a};
use super::loader::{Draft, Edge, Given, Loader, Scope, Slot};
use super::suggest;
use super::tree::Member;
use super::yaml::quoted;
use crate::kind::shape::{Field, Role, Shape, field};
use crate::kind::{About, Keyed};
use crate::model::body::{Expr, Piece};
use crate::model::{Address, Body, Mode, Value};
use std::sync::Arc;

impl Loader<'_> {
    /// Reads every property of the entries that were not read by themselves.
    pub(super) fn read_values(&mut self) {
        let mut unread = Vec::new();
        for (at, draft) in self.drafts.iter_mut().enumerate().filter(|(_, draft)| draft.slots.is_empty()) {
            draft.slots = vec![Slot::Unread; draft.kind.about().fields.len()];
            unread.push(at);
        }
        for draft in unread {
            for at in 0..self.fields(draft).len() {
                self.slot(draft, at, None);
            }
            self.required(draft);
        }
    }

    fn required(&mut self, draft: usize) {
        let this = &self.drafts[draft];
        let bare =
            matches!(&this.given, Given::Nothing) || matches!(&this.given, Given::Members(m) if m.is_empty());
        if this.mode != Mode::Managed || self.partial || (bare && this.kind.about().may_be_unset) {
            return;
        }
        let given = this.kind.about().fields.iter().zip(&this.slots);
        let missing = given.filter(|(field, slot)| slot.lacks(field));
        let missing: Vec<&str> = missing.map(|(field, _)| field.name).collect();
        if !missing.is_empty() {
            self.report_missing(draft, &missing);
        }
    }

    /// Reads one property, once; `asked` is the reference that asks for it, if one does.
    fn slot(&mut self, draft: usize, at: usize, asked: Option<Place>) {
        if !matches!(self.drafts[draft].slots[at], Slot::Unread) {
            return;
        }
        let this = &self.drafts[draft];
        let field: &'static Field = &this.kind.about().fields[at];
        let member = match &this.given {
            Given::Nothing => None,
            Given::Short(member) => return self.short_entry(draft, *member),
            Given::Members(members) => members.iter().find(|(word, _)| *word == field.name).map(|(_, m)| *m),
        };
        let Some(member) = member else {
            self.drafts[draft].slots[at] = Slot::Absent;
            return;
        };
        self.drafts[draft].slots[at] = Slot::Busy;
        let place = asked.unwrap_or_else(|| self.tree.place(self.tree.resolve(member.key)));
        self.trail.push((draft, at, place));
        let via = self.via.take();
        let scope = std::mem::replace(&mut self.scope, Scope::Property);
        let found = self.member(member, &field.shape);
        (self.via, self.scope) = (via, scope);
        self.trail.pop();
        if found.is_none() {
            self.faults += 1;
        }
        self.drafts[draft].slots[at] = found.map_or(Slot::Failed, Slot::Done);
    }

    /// Reads a bare scalar or list that stands for a whole entry.
    fn short_entry(&mut self, draft: usize, member: Member) {
        let about = self.drafts[draft].kind.about();
        self.drafts[draft].slots.fill(Slot::Busy);
        self.trail.push((draft, 0, self.drafts[draft].key_at));
        let before = (std::mem::replace(&mut self.via, member.via), self.key.replace(member.key));
        let scope = std::mem::replace(&mut self.scope, Scope::Property);
        let whole = Shape::Object { fields: about.fields, short: about.short };
        let found = match (about.keyed, about.fields.first()) {
            (Keyed::Other(_), Some(only)) => {
                self.decode(member.value, &only.shape).map(|value| (only, value))
            }
            _ => self.short(member.value, about.fields, about.short, &whole),
        };
        ((self.via, self.key), self.scope) = (before, scope);
        if found.is_none() {
            self.faults += 1;
        }
        self.trail.pop();
        let slots = &mut self.drafts[draft].slots;
        slots.fill(if found.is_some() { Slot::Absent } else { Slot::Failed });
        if let Some((given, value)) = found {
            let at = about.fields.iter().position(|field| field.name == given.name).unwrap_or_default();
            slots[at] = Slot::Done(value);
        }
    }

    /// The value that a reference stands for.
    pub(super) fn reference(&mut self, path: &str, place: Place) -> Option<Value> {
        if self.scope != Scope::Property {
            let message = match self.scope {
                Scope::Variable => "a variable cannot refer to an address",
                _ => "only variables and the environment can be used here",
            };
            let found = Diagnostic::error(Code::Template, message).at(place, "");
            self.push(found.help("`${var.NAME}` and `${env.NAME}` are known before anything is read"));
            return None;
        }
        let kinds = Arc::clone(&self.kinds);
        let is_collection = |passed: &[&str], word: &str| {
            let mut words = passed.to_vec();
            words.push(word);
            !kinds.nested(&words).is_empty()
        };
        let (address, rest) = match Address::split_path(&kinds.spelled(path), is_collection) {
            Ok(split) => split,
            Err(error) => {
                let found = Diagnostic::error(
                    Code::Template,
                    format!("this reference cannot be read: {}", error.why),
                );
                self.push(found.at(place, ""));
                return None;
            }
        };
        let target = self.target(&address, &rest, place)?;
        let value = self.attribute(target, &rest, place)?;
        self.edge(target, place, value.has_unknown());
        Some(value)
    }

    fn edge(&mut self, to: usize, place: Place, unknown: bool) {
        let Some((from, ..)) = self.trail.last() else { return };
        self.edges.push(Edge { from: *from, to, place, unknown });
    }

    /// The entry that an address leads to.
    fn target(&mut self, address: &Address, rest: &[String], place: Place) -> Option<usize> {
        if let Some(found) = self.index(address) {
            if self.drafts[found].mode == Mode::Absent {
                let at = self.drafts[found].key_at;
                let found =
                    Diagnostic::error(Code::Dangling, format!("{address} must not exist, says the spec"));
                self.push(found.at(place, "").at(at, "said here"));
                return None;
            }
            return Some(found);
        }
        if self.partial || self.may_stand(address) {
            self.faults += 1;
            return None;
        }
        let kinds = Arc::clone(&self.kinds);
        let found = if address.is_root() {
            self.no_root(rest.first().map_or("", String::as_str), kinds.below(""))
        } else {
            self.no_entry(address)
        };
        self.push(found.at(place, ""));
        None
    }

    /// Whether an entry may be declared where something could not be told apart, which is reported.
    fn may_stand(&self, address: &Address) -> bool {
        (0..address.depth()).any(|count| self.torn.contains(&address.prefix(count)))
    }

    fn no_root(&self, word: &str, collections: &[Collection]) -> Diagnostic {
        let words: Vec<&str> =
            ["var", "env", "secret"].into_iter().chain(collections.iter().map(|c| c.word)).collect();
        if collections.iter().any(|collection| collection.word == word) {
            let message = format!("{} alone stands for no value", quoted(word));
            let help = format!("name a thing and its attribute, as in ${{{word}.NAME.name}}");
            return Diagnostic::error(Code::Dangling, message).help(help);
        }
        let found = Diagnostic::error(Code::Dangling, format!("nothing is called {} here", quoted(word)));
        match suggest::nearest(word, &words) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("a reference starts with one of {}", words.join(", "))),
        }
    }

    /// What to say about an address that nothing declares, from its first part that is not declared.
    fn no_entry(&mut self, address: &Address) -> Diagnostic {
        let lacking = (1..=address.depth())
            .map(|count| address.prefix(count))
            .find(|prefix| self.index(prefix).is_none())
            .unwrap_or_else(|| address.clone());
        let parent = lacking.parent().unwrap_or_default();
        let beside = self.drafts.iter().map(|draft| &draft.address).take(self.patience).filter(|at| {
            at.depth() == lacking.depth() && at.collection() == lacking.collection() && at.is_within(&parent)
        });
        let mut keys: Vec<String> = beside.map(|at| at.key().to_owned()).collect();
        keys.sort_unstable();
        self.patience -= self.drafts.len().min(self.patience);
        let found = Diagnostic::error(Code::Dangling, format!("{lacking} is not declared"));
        if self.patience == 0 {
            return found;
        }
        match self.nearest(lacking.key(), &keys) {
            Some(near) => {
                let meant = parent.child(lacking.collection(), &near);
                found.help(format!("did you mean `{meant}`?"))
            }
            None if keys.is_empty() => {
                found.help(format!("no `{}` are declared there", lacking.collection()))
            }
            None if keys.len() > 12 => found,
            None => found.help(format!("declared there are {}", keys.join(", "))),
        }
    }

    /// The value of an attribute of an entry.
    fn attribute(&mut self, target: usize, path: &[String], place: Place) -> Option<Value> {
        let about = self.drafts[target].kind.about();
        let Some(first) = path.first() else {
            let found =
                Diagnostic::error(Code::Attribute, "a reference asks for an attribute, and names none");
            let help = format!("add one, such as `.name`; {} has {}", a(about), attributes(about).join(", "));
            self.push(found.at(place, "").help(help));
            return None;
        };
        if path.len() == 1 && first == "name" {
            return Some(Value::Text(self.drafts[target].name.clone()));
        }
        let of = Piece::Of { address: self.drafts[target].address.clone(), path: path.to_vec() };
        let unknown = Value::Unknown(Expr(vec![of].into()));
        let dotted = path.join(".");
        let is_output = about.outputs.iter().any(|(output, _)| is_output(output, &dotted));
        let fields = about.fields;
        let at = fields.iter().position(|field| field.name == first.as_str());
        let leads = at.is_some_and(|at| at_path(&fields[at].shape, &path[1..]).is_some());
        let Some(at) = at.filter(|_| leads) else {
            if is_output {
                return Some(unknown);
            }
            self.no_attribute(about, &dotted, place);
            return None;
        };
        let live_tells = is_output
            || !(matches!(fields[at].role, Role::CreateOnly | Role::Setting)
                || matches!(fields[at].shape, Shape::Secret));
        self.slot(target, at, Some(place));
        let this = &self.drafts[target];
        match &this.slots[at] {
            Slot::Busy => {
                let faults = self.faults;
                let Some(part) = self.part_of(target, at, &path[1..]) else {
                    self.circle(target, at, place);
                    return None;
                };
                match part {
                    Some(value) => Some(value),
                    None if self.faults > faults => None,
                    None if live_tells => Some(unknown),
                    None => self.untold(&dotted, about, place),
                }
            }
            Slot::Failed => {
                self.faults += 1;
                None
            }
            Slot::Done(value) => match inner(value, &path[1..]) {
                Some(found) => Some(found.clone()),
                None if value.has_unknown() || live_tells => Some(unknown),
                None => self.untold(&dotted, about, place),
            },
            Slot::Absent | Slot::Unread if live_tells => Some(unknown),
            Slot::Absent | Slot::Unread => self.untold(&dotted, about, place),
        }
    }

    /// A part of a property that is being read itself, when the one does not lead to the other.
    fn part_of(&mut self, draft: usize, at: usize, path: &[String]) -> Option<Option<Value>> {
        let field: &'static Field = &self.fields(draft)[at];
        let Given::Members(members) = &self.drafts[draft].given else { return None };
        let (_, member) = members.iter().find(|(word, _)| *word == field.name)?;
        let (mut member, mut shape, mut rest) = (*member, &field.shape, path);
        while let Some((first, further)) = rest.split_first() {
            let entries = self.tree.members(member.value);
            let Some(entry) = entries.into_iter().find(|entry| self.tree.text(entry.key) == first) else {
                break;
            };
            let inner = match shape {
                Shape::Object { fields, .. } => field_of(fields, first)?,
                Shape::Map(item) | Shape::OrderedMap(item) => item,
                _ => &Shape::Any,
            };
            (member, shape, rest) = (entry, inner, further);
        }
        let node = self.tree.resolve(member.value);
        if rest.len() == path.len() || self.looked_into.contains(&node) {
            return None;
        }
        self.looked_into.push(node);
        let found = self.member(member, shape);
        self.looked_into.pop();
        Some(found.and_then(|value| inner(&value, rest).cloned()))
    }

    fn untold(&mut self, path: &str, about: &About, place: Place) -> Option<Value> {
        let message = format!("{} is not given, and the service does not tell it", quoted(path));
        let help = format!("give it in {}", a(about));
        self.push(Diagnostic::error(Code::Attribute, message).at(place, "").help(help));
        None
    }

    fn no_attribute(&mut self, about: &About, path: &str, place: Place) {
        let words = attributes(about);
        let found = Diagnostic::error(Code::Attribute, format!("{} has no {}", a(about), quoted(path)));
        let found = found.at(place, "");
        self.push(match suggest::nearest(path, &words) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("it has {}", words.join(", "))),
        });
    }

    /// Reports a property whose value leads back to itself.
    fn circle(&mut self, draft: usize, at: usize, place: Place) {
        let start = self.trail.iter().position(|(d, f, _)| (*d, *f) == (draft, at)).unwrap_or_default();
        let mut places: Vec<Place> = self.trail[start + 1..].iter().map(|(.., place)| *place).collect();
        places.push(place);
        let names: Vec<String> = self.trail[start..].iter().map(|(d, f, _)| self.property(*d, *f)).collect();
        let message = format!("references lead in a circle: {} → {}", names.join(" → "), names[0]);
        let mut found = Diagnostic::error(Code::Cycle, message);
        for (i, place) in places.into_iter().enumerate() {
            let next = &names[(i + 1) % names.len()];
            found = found.at(place, format!("needs {next}"));
        }
        self.push(found.help("write one of the values out"));
    }

    fn property(&self, draft: usize, at: usize) -> String {
        let Draft { address, kind, .. } = &self.drafts[draft];
        format!("{address}.{}", kind.about().fields[at].name)
    }
}

/// A part of a value.
fn inner<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    if path.is_empty() { Some(value) } else { value.as_map().and_then(|body: &Body| body.at(path)) }
}

fn field_of(fields: &'static [Field], name: &str) -> Option<&'static Shape> {
    field(fields, name).map(|field| &field.shape)
}

/// Whether a path is an output: one of that name, or one below it where all there is may be asked for (`….*`).
fn is_output(output: &str, path: &str) -> bool {
    output.strip_suffix(".*").map_or(output == path, |above| {
        path.strip_prefix(above).is_some_and(|below| below.starts_with('.') && below.len() > 1)
    })
}

/// Where a path can lead inside of a shape.
pub(super) fn at_path<'a>(shape: &'a Shape, path: &[String]) -> Option<&'a Shape> {
    let Some((first, rest)) = path.split_first() else { return Some(shape) };
    match shape {
        Shape::Object { fields, .. } => at_path(&field(fields, first)?.shape, rest),
        Shape::Map(item) | Shape::OrderedMap(item) => at_path(item, rest),
        Shape::Any | Shape::Given => Some(shape),
        _ => None,
    }
}

/// What references may ask a kind for.
fn attributes(about: &About) -> Vec<&'static str> {
    let outputs = about.outputs.iter().map(|(output, _)| *output);
    let fields = about.fields.iter().map(|field| field.name);
    let mut words = vec!["name"];
    for word in outputs.chain(fields) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
