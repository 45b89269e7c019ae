//! The documents of a spec as one arena of nodes, each with its place.
//!
//! Invariant: nothing recurses without bound: nodes refer to each other by number, an alias is a number and never a
//! copy, and `yaml` refuses documents deeper than `MAX_DEPTH` (test: `hostile_documents_are_refused_quickly`).

use super::files::{Files, Place, offset};
pub(super) use super::nodes::{Id, Style};
use super::nodes::{Mark, Nodes, Sight};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

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
    nodes: Nodes,
    /// The file that stands in place of a map, such as `{file: a.kql}`.
    bodies: HashMap<Id, u32>,
}

impl Tree {
    /// A tree without any node over some texts.
    pub(super) fn over(files: Files) -> Self {
        Self { files, ..Self::default() }
    }

    /// Where the tree stands, for [`Self::back_to`].
    pub(super) fn mark(&self) -> Mark {
        self.nodes.mark()
    }

    /// Forgets the nodes since a mark.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.nodes.back_to(mark);
    }

    /// Makes room for what a text of some bytes holds as a rule.
    pub(super) fn expect(&mut self, bytes: usize) {
        self.nodes.expect(bytes);
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.nodes.count()
    }

    /// Lets the nodes go that were parsed by themselves; whoever looks at one finds it as it was
    /// (test: `what_was_let_go_comes_back`).
    pub(super) fn let_go(&mut self, files: &Files) {
        self.files = files.clone();
        self.nodes.let_go(&self.files, |files, file| {
            let mut tree = Self::over(files.clone());
            super::yaml::read(&mut tree, file, &mut Vec::new());
            tree.nodes
        });
    }

    /// Takes the nodes of another tree, of one file of the same texts, over, and returns the new number of one of them.
    pub(super) fn absorb(&mut self, file: u32, other: Self, root: Option<Id>) -> Option<Id> {
        let start = self.nodes.take_in(file, other.nodes);
        self.bodies.extend(other.bodies.into_iter().map(|(node, file)| (node + start, file)));
        root.map(|root| root + start)
    }

    /// Adds a scalar; its text is kept apart only when it differs from what stands at its place.
    pub(super) fn scalar(&mut self, place: Place, text: &str, style: Style) -> Id {
        let apart = Some(text).filter(|text| self.files.slice(place) != *text);
        self.nodes.scalar(place, apart, style)
    }

    /// Adds a plain scalar that stands at its place as it is.
    pub(super) fn bare(&mut self, place: Place) -> Id {
        self.nodes.scalar(place, None, Style::Plain)
    }

    /// Adds a list of nodes.
    pub(super) fn list(&mut self, place: Place, items: &[Id]) -> Id {
        self.nodes.list(place, items)
    }

    /// Adds a map of keys and values in turn.
    pub(super) fn map(&mut self, place: Place, pairs: &[Id]) -> Id {
        self.nodes.map(place, pairs)
    }

    /// Adds an alias of a node.
    pub(super) fn alias(&mut self, place: Place, of: Id) -> Id {
        self.nodes.alias(place, of)
    }

    /// Where a node stands.
    pub(super) fn place(&self, id: Id) -> Place {
        self.nodes.place(id)
    }

    /// The node behind an alias, or the node itself.
    pub(super) fn resolve(&self, id: Id) -> Id {
        self.nodes.resolve(id)
    }

    /// What a node is, aliases followed.
    pub(super) fn view(&self, id: Id) -> View<'_> {
        match self.nodes.sight(id) {
            (Sight::Scalar(text, style), place) => {
                let text = text.unwrap_or_else(|| self.files.slice(place));
                let null = style == Style::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
                if null { View::Null } else { View::Scalar(text, style) }
            }
            (Sight::List(items), _) => View::List(items),
            (Sight::Map(_), _) => View::Map,
            (Sight::Alias, _) => self.view(self.resolve(id)),
        }
    }

    /// The text of a scalar, `null` included; `""` for anything else.
    pub(super) fn text(&self, id: Id) -> &str {
        match self.view(id) {
            View::Scalar(text, _) => text,
            View::Null => match self.nodes.sight(self.resolve(id)) {
                (Sight::Scalar(None, _), place) => self.files.slice(place),
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
        match self.nodes.sight(self.resolve(id)).0 {
            Sight::Map(pairs) => pairs,
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
        let text = body.map_or_else(|| self.text(id), |file| self.files.get(file).text());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A node with everything in it.
    fn shown(tree: &Tree, id: Id) -> String {
        let place = tree.place(id);
        let inner: Vec<String> = match tree.view(id) {
            View::Map => tree.pairs(id).iter().map(|inner| shown(tree, *inner)).collect(),
            View::List(items) => items.iter().map(|inner| shown(tree, *inner)).collect(),
            View::Null | View::Scalar(..) => vec![format!("{:?} {:?}", tree.view(id), tree.text(id))],
        };
        format!("{id} {place:?} {inner:?}")
    }

    #[test]
    fn what_was_let_go_comes_back() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs/valid");
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
        let texts = paths.filter_map(|path| std::fs::read_to_string(path).ok());
        let mut tree = Tree::default();
        let files: Vec<u32> = texts.map(|text| tree.files.add(String::new(), String::new(), text)).collect();
        let mut roots = Vec::new();
        for file in files {
            let mut other = Tree::over(tree.files.clone());
            let document = super::super::yaml::read(&mut other, file, &mut Vec::new());
            roots.extend(tree.absorb(file, other, document.root));
        }
        let all = |tree: &Tree| roots.iter().map(|root| shown(tree, *root)).collect::<Vec<_>>();
        let before = all(&tree);
        let count = tree.count();
        let files = tree.files.packed();
        tree.let_go(&files);
        assert!(tree.count() == 0 && count > 300, "{count}");
        assert_eq!(all(&tree), before);
        assert_eq!(tree.count(), count);
    }
}
