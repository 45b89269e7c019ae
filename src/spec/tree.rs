//! The documents of a spec as one arena of nodes, each with its place.
//!
//! Invariant: nothing recurses without bound: nodes refer to each other by number, an alias is a number and never a
//! copy, and `yaml` refuses documents deeper than `MAX_DEPTH` (test: `hostile_documents_are_refused_quickly`).

use super::files::{Files, Place, offset};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// The number of a node.
pub(super) type Id = u32;

/// How a scalar is written, and so how it may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Style {
    /// Without quotes: `90` is a number.
    Plain,
    /// In quotes or as a block: always text.
    Quoted,
    /// From outside of YAML, such as `--var`: whatever the property asks for.
    Loose,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// The text stands at the node's place as it is, or is kept apart.
    Scalar {
        text: Option<u32>,
        style: Style,
    },
    List {
        first: u32,
    },
    /// Keys and values in turn.
    Map {
        first: u32,
    },
    Alias(Id),
}

/// A node in sixteen bytes, for large specs have millions: its place, its file and sort in one word, and the rest.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    /// The file in the upper bits, the sort in the lower [`SORT_BITS`].
    head: u32,
    /// The number of a text, of another node, or of the place in `children` at which the count of children stands.
    rest: u32,
}

const SORT_BITS: u32 = 3;
const PLAIN: u32 = 0;
const QUOTED: u32 = 1;
const LOOSE: u32 = 2;
const LIST: u32 = 3;
const MAP: u32 = 4;
const ALIAS: u32 = 5;

/// In place of the number of a text: it stands at the node's place as it is.
const IN_PLACE: u32 = u32::MAX;

impl Node {
    fn new(place: Place, sort: u32, rest: u32) -> Self {
        Self { start: place.start, end: place.end, head: place.file << SORT_BITS | sort, rest }
    }

    const fn place(self) -> Place {
        Place { file: self.head >> SORT_BITS, start: self.start, end: self.end }
    }

    const fn sort(self) -> u32 {
        self.head & ((1 << SORT_BITS) - 1)
    }

    const fn kind(self) -> Kind {
        let text = if self.rest == IN_PLACE { None } else { Some(self.rest) };
        match self.sort() {
            PLAIN => Kind::Scalar { text, style: Style::Plain },
            QUOTED => Kind::Scalar { text, style: Style::Quoted },
            LOOSE => Kind::Scalar { text, style: Style::Loose },
            LIST => Kind::List { first: self.rest },
            MAP => Kind::Map { first: self.rest },
            _ => Kind::Alias(self.rest),
        }
    }
}

/// What a node is, aliases followed.
#[derive(Debug, Clone, Copy)]
pub(super) enum View<'a> {
    Null,
    Scalar(&'a str, Style),
    List(&'a [Id]),
    Map,
}

/// An entry of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub key: Id,
    pub value: Id,
    /// The merge key or alias through which it came, if any.
    pub via: Option<Id>,
    /// Whether its key is misspelt, and only probably means what it is taken for.
    pub guessed: bool,
}

/// All nodes, and the texts that they stand in.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub files: Files,
    nodes: Vec<Node>,
    /// The children of each list and map, behind their count.
    children: Vec<Id>,
    texts: Vec<Box<str>>,
    /// The file that stands in place of a map, such as `{file: a.kql}`.
    bodies: HashMap<Id, u32>,
}

impl Tree {
    /// A tree without any node over some texts.
    pub(super) fn over(files: Files) -> Self {
        Self { files, ..Self::default() }
    }

    fn add(&mut self, place: Place, sort: u32, rest: u32) -> Id {
        self.nodes.push(Node::new(place, sort, rest));
        offset(self.nodes.len() - 1)
    }

    /// Where the tree stands, for [`Self::back_to`].
    pub(super) const fn mark(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.children.len(), self.texts.len())
    }

    /// Forgets the nodes since a mark.
    pub(super) fn back_to(&mut self, (nodes, children, texts): (usize, usize, usize)) {
        self.nodes.truncate(nodes);
        self.children.truncate(children);
        self.texts.truncate(texts);
    }

    /// Makes room for what a text of some bytes holds as a rule.
    pub(super) fn expect(&mut self, bytes: usize) {
        self.nodes.reserve(bytes / 12);
        self.children.reserve(bytes / 12);
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub(super) const fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Makes room for the nodes of other trees.
    pub(super) fn reserve<'a>(&mut self, others: impl Iterator<Item = &'a Self>) {
        let add =
            |(nodes, children), other: &Self| (nodes + other.nodes.len(), children + other.children.len());
        let (nodes, children) = others.fold((0, 0), add);
        self.nodes.reserve_exact(nodes);
        self.children.reserve_exact(children);
    }

    /// Takes the nodes of another tree over the same texts over, and returns the new number of one of them.
    pub(super) fn absorb(&mut self, other: Self, root: Option<Id>) -> Option<Id> {
        if self.mark() == (0, 0, 0) && self.nodes.capacity() < other.nodes.len() {
            let files = std::mem::take(&mut self.files);
            *self = Self { files, ..other };
            return root;
        }
        let (nodes, children, texts) =
            (offset(self.nodes.len()), offset(self.children.len()), offset(self.texts.len()));
        let start = self.children.len();
        self.children.extend(&other.children);
        for node in &other.nodes {
            let rest = match node.kind() {
                Kind::Scalar { text: None, .. } => IN_PLACE,
                Kind::Scalar { text: Some(text), .. } => text + texts,
                Kind::List { first } | Kind::Map { first } => {
                    let at = start + first as usize;
                    let count = self.children[at] as usize;
                    self.children[at + 1..=at + count].iter_mut().for_each(|child| *child += nodes);
                    first + children
                }
                Kind::Alias(of) => of + nodes,
            };
            self.nodes.push(Node { rest, ..*node });
        }
        self.texts.extend(other.texts);
        self.bodies.extend(other.bodies.into_iter().map(|(node, file)| (node + nodes, file)));
        root.map(|root| root + nodes)
    }

    /// Gives back memory that was held for more nodes.
    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.children.shrink_to_fit();
    }

    /// Adds a scalar; its text is kept apart only when it differs from what stands at its place.
    pub(super) fn scalar(&mut self, place: Place, text: &str, style: Style) -> Id {
        let sort = match style {
            Style::Plain => PLAIN,
            Style::Quoted => QUOTED,
            Style::Loose => LOOSE,
        };
        let rest = if self.files.slice(place) == text {
            IN_PLACE
        } else {
            self.texts.push(text.into());
            offset(self.texts.len() - 1)
        };
        self.add(place, sort, rest)
    }

    /// Adds a plain scalar that stands at its place as it is.
    pub(super) fn bare(&mut self, place: Place) -> Id {
        self.add(place, PLAIN, IN_PLACE)
    }

    fn held(&mut self, items: &[Id]) -> u32 {
        let first = offset(self.children.len());
        self.children.push(offset(items.len()));
        self.children.extend_from_slice(items);
        first
    }

    /// Adds a list of nodes.
    pub(super) fn list(&mut self, place: Place, items: &[Id]) -> Id {
        let first = self.held(items);
        self.add(place, LIST, first)
    }

    /// Adds a map of keys and values in turn.
    pub(super) fn map(&mut self, place: Place, pairs: &[Id]) -> Id {
        let first = self.held(pairs);
        self.add(place, MAP, first)
    }

    /// Adds an alias of a node.
    pub(super) fn alias(&mut self, place: Place, of: Id) -> Id {
        self.add(place, ALIAS, of)
    }

    /// Where a node stands.
    pub(super) fn place(&self, id: Id) -> Place {
        self.nodes[id as usize].place()
    }

    /// The node behind an alias, or the node itself.
    pub(super) fn resolve(&self, mut id: Id) -> Id {
        while let Kind::Alias(of) = self.nodes[id as usize].kind() {
            id = of;
        }
        id
    }

    /// What a node is, aliases followed.
    pub(super) fn view(&self, id: Id) -> View<'_> {
        let id = self.resolve(id);
        let node = self.nodes[id as usize];
        match node.kind() {
            Kind::Scalar { text, style } => {
                let text = text.map_or_else(|| self.files.slice(node.place()), |at| &self.texts[at as usize]);
                let null = style == Style::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
                if null { View::Null } else { View::Scalar(text, style) }
            }
            Kind::List { first } => View::List(self.range(first)),
            Kind::Map { .. } => View::Map,
            Kind::Alias(_) => View::Null,
        }
    }

    fn range(&self, first: u32) -> &[Id] {
        let first = first as usize;
        let count = self.children[first] as usize;
        &self.children[first + 1..=first + count]
    }

    /// The text of a scalar, `null` included; `""` for anything else.
    pub(super) fn text(&self, id: Id) -> &str {
        match self.view(id) {
            View::Scalar(text, _) => text,
            View::Null => match self.nodes[self.resolve(id) as usize].kind() {
                Kind::Scalar { text: None, .. } => self.files.slice(self.place(self.resolve(id))),
                _ => "",
            },
            View::List(_) | View::Map => "",
        }
    }

    /// Whether a node is the key `<<` of YAML's merge.
    pub(super) fn is_merge_key(&self, key: Id) -> bool {
        matches!(self.view(key), View::Scalar("<<", Style::Plain))
    }

    /// The keys and values of a map as they are written, in turn; nothing for what is not a map.
    pub(super) fn pairs(&self, id: Id) -> &[Id] {
        match self.nodes[self.resolve(id) as usize].kind() {
            Kind::Map { first } => self.range(first),
            _ => &[],
        }
    }

    /// The entries of a map with its merge keys followed: first what it merges, then its own, which win in place. Those
    /// whose key is no text are left out.
    pub(super) fn members(&self, id: Id) -> Vec<Member> {
        let pairs = self.pairs(id);
        let mut own = Vec::with_capacity(pairs.len() / 2);
        let mut merged = Vec::new();
        for pair in pairs.chunks_exact(2) {
            if self.is_merge_key(pair[0]) {
                self.merged(pair[1], &mut merged);
            } else if matches!(self.view(pair[0]), View::Scalar(..)) {
                own.push(Member { key: pair[0], value: pair[1], via: None, guessed: false });
            }
        }
        if merged.is_empty() {
            return own;
        }
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut found: Vec<Member> = Vec::with_capacity(own.len() + merged.len());
        let own = own.into_iter().map(|member| (member, true));
        for (member, wins) in merged.into_iter().map(|member| (member, false)).chain(own) {
            match places.entry(self.text(member.key)) {
                Entry::Vacant(place) => {
                    place.insert(found.len());
                    found.push(member);
                }
                Entry::Occupied(place) if wins => found[*place.get()] = member,
                Entry::Occupied(_) => {}
            }
        }
        found
    }

    /// The entries of the map or maps that a merge key names, in order.
    fn merged(&self, merge: Id, found: &mut Vec<Member>) {
        let sources = match self.view(merge) {
            View::List(items) => items,
            _ => &[merge][..],
        };
        for source in sources {
            found.extend(self.members(*source).into_iter().map(|m| Member { via: Some(*source), ..m }));
        }
    }

    /// Lays one node over another: maps entry by entry, everything else as a whole.
    pub(super) fn overlay(&mut self, under: Id, over: Id) -> Id {
        if !matches!((self.view(under), self.view(over)), (View::Map, View::Map)) {
            return over;
        }
        let members = self.overlay_members(self.members(under), &self.members(over));
        let pairs: Vec<Id> = members.iter().flat_map(|member| [member.key, member.value]).collect();
        self.map(self.place(self.resolve(over)), &pairs)
    }

    /// Lays some entries over others.
    pub(super) fn overlay_members(&mut self, mut under: Vec<Member>, over: &[Member]) -> Vec<Member> {
        for member in over {
            match under.iter().position(|m| self.text(m.key) == self.text(member.key)) {
                Some(at) => {
                    let value = self.overlay(under[at].value, member.value);
                    under[at] = Member { value, ..*member };
                }
                None => under.push(*member),
            }
        }
        under
    }

    /// Says that a file stands in place of a map.
    pub(super) fn set_body(&mut self, id: Id, file: u32) {
        let id = self.resolve(id);
        self.bodies.insert(id, file);
    }

    /// Where some bytes of a node's text stand, given as it is kept: without the blanks around it and at line ends, and
    /// without braces around it. None when that cannot be told.
    pub(super) fn inside(&self, id: Id, kept: &str, span: &Range<usize>) -> Option<Place> {
        let id = self.resolve(id);
        let body = self.bodies.get(&id).copied();
        let text = body.map_or_else(|| self.text(id), |file| &self.files.get(file).text);
        let marks = |text: &str| text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        let braces = marks(text).checked_sub(marks(kept))? / 2;
        let before = marks(kept.get(..span.start)?) + braces;
        let mut all = text.bytes().enumerate().filter(|(_, byte)| !byte.is_ascii_whitespace());
        let (start, _) = all.nth(before)?;
        let place = match body {
            Some(file) => Place { file, start: offset(start), end: offset(start + 1) },
            None => self.place_in(id, start),
        };
        let exact = Place { end: place.start + offset(span.len()), ..place };
        Some(if self.files.slice(exact) == kept.get(span.clone())? { exact } else { place })
    }

    /// Where a byte of a scalar's text stands: exactly when the text stands there as it is or as a literal block, else
    /// the whole scalar.
    pub(super) fn place_in(&self, id: Id, at: usize) -> Place {
        let id = self.resolve(id);
        let place = self.place(id);
        let (text, source) = (self.text(id), self.files.slice(place));
        let exact =
            |at: usize| Place { start: place.start + offset(at), end: place.start + offset(at + 1), ..place };
        if let Some(quote) = source.find(text).filter(|_| !text.is_empty()) {
            return exact(quote + at);
        }
        let line = text[..at.min(text.len())].matches('\n').count();
        let column = at - text[..at.min(text.len())].rfind('\n').map_or(0, |end| end + 1);
        let (Some(words), Some((before, shown))) = (text.lines().nth(line), nth_line(source, line)) else {
            return place;
        };
        match shown.trim_end_matches('\r').strip_suffix(words) {
            Some(indent) if indent.trim().is_empty() => exact(before + indent.len() + column),
            _ => place,
        }
    }
}

/// A line of a text with the bytes before it.
fn nth_line(text: &str, n: usize) -> Option<(usize, &str)> {
    let mut start = 0;
    for (i, line) in text.split('\n').enumerate() {
        if i == n {
            return Some((start, line));
        }
        start += line.len() + 1;
    }
    None
}
