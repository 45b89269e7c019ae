//! Where a spec says what.

use super::files::{Files, Place};
use super::loader::{Draft, Given};
use super::tree::{Id, Member, Tree, View};
use crate::kind::shape::{Field, Shape, field};
use crate::model::inventory::Places;
use crate::model::{Address, Origin};
use std::ops::Range;
use std::sync::Arc;

/// The place of every entry and of every property in it.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    tree: Arc<Tree>,
    /// Which of the entries stands at an address.
    places: Arc<Places>,
    entries: Vec<Entry>,
}

/// What an entry consists of.
#[derive(Debug, Clone)]
struct Entry {
    key: Place,
    fields: &'static [Field],
    given: Vec<(&'static str, Member)>,
    /// The node that stands for the whole entry, when it is a bare scalar or list.
    short: Option<Id>,
}

impl Origins {
    /// Takes what the entries give out of the drafts.
    pub(super) fn new(tree: Arc<Tree>, places: Arc<Places>, drafts: &mut [Draft]) -> Self {
        let entry = |draft: &mut Draft| {
            let (given, short) = match std::mem::replace(&mut draft.given, Given::Nothing) {
                Given::Nothing => (Vec::new(), None),
                Given::Short(member) => (Vec::new(), Some(member.value)),
                Given::Members(members) => (members, None),
            };
            let fields = draft.kind.about().fields;
            Entry { key: draft.key_at, fields, given, short }
        };
        Self { tree, places, entries: drafts.iter_mut().map(entry).collect() }
    }

    /// Keeps no nodes that can be had again, and goes on with other files of the same texts: few are looked at from here on.
    pub(super) fn let_go(&mut self, files: &Files) {
        if let Some(tree) = Arc::get_mut(&mut self.tree) {
            tree.let_go(files);
        }
    }

    fn entry(&self, address: &Address) -> Option<&Entry> {
        self.entries.get(self.places.get(address)? as usize)
    }

    /// Where an entry is declared: its key.
    pub fn get(&self, address: &Address) -> Option<Origin> {
        Some(self.tree.files.origin(self.entry(address)?.key))
    }

    /// Where a property of an entry is given, as far down its dotted path as the spec goes: a value that is a scalar,
    /// else its key. What the spec itself names, such as a column, is found at its key; what is not given, at the
    /// entry's key.
    pub fn field<S: AsRef<str>>(&self, address: &Address, path: &[S]) -> Option<Origin> {
        self.place(address, path).map(|place| self.tree.files.origin(place))
    }

    /// The bytes of what [`Origins::field`] finds.
    pub fn place<S: AsRef<str>>(&self, address: &Address, path: &[S]) -> Option<Place> {
        let entry = self.entry(address)?;
        Some(self.node(entry, path).map_or(entry.key, |node| self.tree.place(self.tree.resolve(node))))
    }

    /// The text of what [`Origins::field`] finds, without quotes; `""` when that is not a scalar.
    pub fn text<S: AsRef<str>>(&self, address: &Address, path: &[S]) -> &str {
        let node = self.entry(address).and_then(|entry| self.node(entry, path));
        node.map_or("", |node| self.tree.text(node))
    }

    /// Whether a text stands at a place as it is, so that it can be replaced there.
    pub(super) fn is_exact(&self, place: Place, text: &str) -> bool {
        self.tree.files.slice(place) == text
    }

    /// Where some bytes of a text of KQL stand, in the spec or in the file that it names; `kept` is the property's
    /// value. Else the place of the property.
    pub fn inside<S: AsRef<str>>(
        &self,
        address: &Address,
        path: &[S],
        kept: &str,
        span: &Range<usize>,
    ) -> Option<Place> {
        let found = self.entry(address).and_then(|entry| self.walk(entry, path));
        let inside = found.and_then(|(_, value, _)| self.tree.inside(value, kept, span));
        inside.or_else(|| self.place(address, path))
    }

    /// A place as plans and messages give it.
    pub fn origin(&self, place: Place) -> Origin {
        self.tree.files.origin(place)
    }

    fn node<S: AsRef<str>>(&self, entry: &Entry, path: &[S]) -> Option<Id> {
        let (key, value, named) = self.walk(entry, path)?;
        match self.tree.view(value) {
            View::Scalar(..) if !named => Some(value),
            _ => Some(key),
        }
    }

    /// The key and the value of a property, and whether the spec itself names it.
    fn walk<S: AsRef<str>>(&self, entry: &Entry, path: &[S]) -> Option<(Id, Id, bool)> {
        let (first, rest) = path.split_first()?;
        let (key, value) = match entry.short {
            Some(short) => (short, short),
            None => {
                let (_, member) = entry.given.iter().find(|(word, _)| *word == first.as_ref())?;
                (member.key, member.value)
            }
        };
        let mut shape = entry.fields.iter().find(|field| field.name == first.as_ref()).map(|f| f.shape);
        let (mut key, mut value, mut named) = (key, value, false);
        for word in rest {
            let Some((inner_key, inner)) = self.step(value, word.as_ref()) else { break };
            (key, value) = (inner_key, inner);
            named = matches!(shape, Some(Shape::Map(_) | Shape::OrderedMap(_)));
            shape = shape.and_then(|shape| within(shape, word.as_ref()));
        }
        Some((key, value, named))
    }

    /// One step down: a key of a map, or the number of an item, which stands for its own key.
    fn step(&self, value: Id, word: &str) -> Option<(Id, Id)> {
        match self.tree.view(value) {
            View::Map => {
                let members = self.tree.members(value);
                let found = members.iter().find(|member| self.tree.text(member.key) == word)?;
                Some((found.key, found.value))
            }
            View::List(items) => {
                let item = *items.get(word.parse::<usize>().ok()?)?;
                Some((self.tree.pairs(item).first().copied().unwrap_or(item), item))
            }
            View::Null | View::Scalar(..) => None,
        }
    }
}

/// The shape of a part.
fn within(shape: Shape, word: &str) -> Option<Shape> {
    match shape {
        Shape::Object { fields, .. } => field(fields, word).map(|field| field.shape),
        Shape::Map(item) | Shape::OrderedMap(item) | Shape::List(item) | Shape::Set(item) => Some(*item),
        _ => None,
    }
}
