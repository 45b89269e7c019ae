//! The arena of a spec's nodes: what was parsed by itself, file by file, becomes a part of the whole without being copied.
//!
//! Invariant: the numbers of what was there before stay as they were when something is added, and what was parsed by
//! itself is found behind its new numbers as it was (test: `parts_keep_what_they_held`). A part that was let go comes
//! back as it was when somebody looks (test: `what_was_let_go_comes_back`).

use super::files::{Files, Place, offset};
use std::sync::OnceLock;

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

/// A node, with numbers as its part knows them.
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

/// What a node is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sight<'a> {
    /// The text, where it does not stand at the node's place as it is.
    Scalar(Option<&'a str>, Style),
    List(&'a [Id]),
    /// Keys and values in turn.
    Map(&'a [Id]),
    Alias,
}

/// A node in twelve bytes, for large specs have millions: where it stands in its file, its sort, and the rest.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    /// The length in the upper bits, the sort in the lower [`SORT_BITS`]: no text has more bytes than the rest can count
    /// (`source::MAX_BYTES`).
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

const _: () = assert!(super::source::MAX_BYTES < 1 << (u32::BITS - SORT_BITS));

/// In place of the number of a text: it stands at the node's place as it is.
const IN_PLACE: u32 = u32::MAX;

impl Node {
    const fn place(self, file: u32) -> Place {
        Place { file, start: self.start, end: self.start + (self.head >> SORT_BITS) }
    }

    const fn kind(self) -> Kind {
        let text = if self.rest == IN_PLACE { None } else { Some(self.rest) };
        match self.head & ((1 << SORT_BITS) - 1) {
            PLAIN => Kind::Scalar { text, style: Style::Plain },
            QUOTED => Kind::Scalar { text, style: Style::Quoted },
            LOOSE => Kind::Scalar { text, style: Style::Loose },
            LIST => Kind::List { first: self.rest },
            MAP => Kind::Map { first: self.rest },
            _ => Kind::Alias(self.rest),
        }
    }
}

/// Nodes that were parsed together.
#[derive(Debug, Clone, Default)]
struct Part {
    nodes: Vec<Node>,
    /// The children of each list and map, behind their count.
    children: Vec<Id>,
    texts: Vec<Box<str>>,
    has_aliases: bool,
    /// From which node on the nodes stand in which file.
    files: Vec<(u32, u32)>,
}

impl Part {
    /// The file in which a node stands.
    fn file(&self, at: u32) -> u32 {
        let after = self.files.partition_point(|(first, _)| *first <= at);
        self.files.get(after.wrapping_sub(1)).map_or(0, |(_, file)| *file)
    }

    /// Notes the file of the nodes that are added from here on.
    fn goes_on_in(&mut self, file: u32) {
        if self.files.last().is_none_or(|(_, last)| *last != file) {
            self.files.push((offset(self.nodes.len()), file));
        }
    }

    /// The same with numbers that begin elsewhere.
    fn moved(mut self, start: Id) -> Self {
        let mut rest = self.children.as_mut_slice();
        while let Some((count, behind)) = rest.split_first_mut() {
            let (children, others) = behind.split_at_mut(*count as usize);
            children.iter_mut().for_each(|child| *child += start);
            rest = others;
        }
        if self.has_aliases {
            let is_alias = |node: &&mut Node| matches!(node.kind(), Kind::Alias(_));
            self.nodes.iter_mut().filter(is_alias).for_each(|node| node.rest += start);
        }
        self
    }
}

/// What was parsed by itself: there, or to be parsed again.
#[derive(Debug, Clone)]
struct Taken {
    file: u32,
    start: Id,
    part: OnceLock<Part>,
}

/// How many bits of a number tell nodes of one block apart.
const BLOCK_BITS: u32 = 10;
const BLOCK: usize = 1 << BLOCK_BITS;

/// The nodes that share the upper bits of their numbers: their part, and the place of the first in it.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Which of those that were parsed by themselves, or [`OWN`].
    part: u32,
    first: u32,
}

/// In place of the number of a part: what is added one by one.
const OWN: u32 = u32::MAX;

/// How a file is parsed by itself.
pub(super) type Parse = fn(&Files, u32) -> Nodes;

/// All nodes by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Nodes {
    /// What is added one by one.
    own: Part,
    /// The blocks of that, in order.
    own_blocks: Vec<u32>,
    taken: Vec<Taken>,
    blocks: Vec<Block>,
    /// How what was let go is parsed again.
    again: Option<(Files, Parse)>,
}

/// How far nodes were added, for [`Nodes::back_to`].
pub(super) type Mark = (usize, usize, usize);

impl Nodes {
    fn add(&mut self, place: Place, sort: u32, rest: u32) -> Id {
        let at = self.own.nodes.len();
        if at.is_multiple_of(BLOCK) {
            self.own_blocks.push(offset(self.blocks.len()));
            self.blocks.push(Block { part: OWN, first: offset(at) });
        }
        let head = place.end.saturating_sub(place.start) << SORT_BITS | sort;
        self.own.goes_on_in(place.file);
        self.own.nodes.push(Node { start: place.start, head, rest });
        self.own_blocks[at >> BLOCK_BITS] << BLOCK_BITS | offset(at % BLOCK)
    }

    /// Where the nodes that are added one by one stand.
    pub(super) fn mark(&self) -> Mark {
        (self.own.nodes.len(), self.own.children.len(), self.own.texts.len())
    }

    /// Forgets the nodes that were added since a mark, when nothing else was taken in since.
    pub(super) fn back_to(&mut self, (nodes, children, texts): Mark) {
        self.own.nodes.truncate(nodes);
        self.own.children.truncate(children);
        self.own.texts.truncate(texts);
        let gone = self.own.files.partition_point(|(first, _)| (*first as usize) < nodes);
        self.own.files.truncate(gone);
        let blocks = nodes.div_ceil(BLOCK);
        self.blocks.truncate(self.blocks.len() - self.own_blocks.len().saturating_sub(blocks));
        self.own_blocks.truncate(blocks);
    }

    /// Makes room for what a text of some bytes holds as a rule.
    pub(super) fn expect(&mut self, bytes: usize) {
        self.own.nodes.reserve(bytes / 12);
        self.own.children.reserve(bytes / 12);
    }

    /// Takes in what was parsed of a file by itself, and returns what its numbers begin with here.
    pub(super) fn take_in(&mut self, file: u32, other: Self) -> Id {
        let start = offset(self.blocks.len() * BLOCK);
        let number = offset(self.taken.len());
        let firsts = (0..other.own.nodes.len()).step_by(BLOCK);
        self.blocks.extend(firsts.map(|first| Block { part: number, first: offset(first) }));
        self.taken.push(Taken { file, start, part: other.own.moved(start).into() });
        start
    }

    /// Lets go what was parsed by itself; what is looked at again is parsed again.
    pub(super) fn let_go(&mut self, files: &Files, parse: Parse) {
        self.taken.iter_mut().for_each(|taken| drop(taken.part.take()));
        self.again = Some((files.clone(), parse));
    }

    fn part(&self, taken: &Taken) -> Part {
        let parsed = self.again.as_ref().map(|(files, parse)| parse(files, taken.file));
        parsed.unwrap_or_default().own.moved(taken.start)
    }

    /// Adds a scalar, with its text where that does not stand at its place as it is.
    pub(super) fn scalar(&mut self, place: Place, text: Option<&str>, style: Style) -> Id {
        let sort = match style {
            Style::Plain => PLAIN,
            Style::Quoted => QUOTED,
            Style::Loose => LOOSE,
        };
        let rest = text.map_or(IN_PLACE, |text| {
            let texts = &mut self.own.texts;
            texts.push(text.into());
            offset(texts.len() - 1)
        });
        self.add(place, sort, rest)
    }

    fn held(&mut self, items: &[Id]) -> u32 {
        let children = &mut self.own.children;
        let first = offset(children.len());
        children.push(offset(items.len()));
        children.extend_from_slice(items);
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
        self.own.has_aliases = true;
        self.add(place, ALIAS, of)
    }

    fn node(&self, id: Id) -> (&Part, Node, u32) {
        let block = self.blocks[(id >> BLOCK_BITS) as usize];
        let part = match self.taken.get(block.part as usize) {
            Some(taken) => taken.part.get_or_init(|| self.part(taken)),
            None => &self.own,
        };
        let at = block.first + (id & (offset(BLOCK) - 1));
        (part, part.nodes[at as usize], at)
    }

    /// Where a node stands.
    pub(super) fn place(&self, id: Id) -> Place {
        let (part, node, at) = self.node(id);
        node.place(part.file(at))
    }

    /// What a node is, with its place.
    pub(super) fn sight(&self, id: Id) -> (Sight<'_>, Place) {
        let (part, node, at) = self.node(id);
        let range = |first: u32| {
            let count = part.children[first as usize] as usize;
            &part.children[first as usize + 1..=first as usize + count]
        };
        let sight = match node.kind() {
            Kind::Scalar { text, style } => Sight::Scalar(text.map(|at| &*part.texts[at as usize]), style),
            Kind::List { first } => Sight::List(range(first)),
            Kind::Map { first } => Sight::Map(range(first)),
            Kind::Alias(_) => Sight::Alias,
        };
        (sight, node.place(part.file(at)))
    }

    /// The node behind an alias, or the node itself.
    pub(super) fn resolve(&self, mut id: Id) -> Id {
        while let Kind::Alias(of) = self.node(id).1.kind() {
            id = of;
        }
        id
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        let taken = self.taken.iter().filter_map(|taken| taken.part.get());
        self.own.nodes.len() + taken.map(|part| part.nodes.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A list of scalars, an alias of it and a map of the alias; the numbers of all.
    fn grown(nodes: &mut Nodes, file: u32, count: u32) -> Vec<Id> {
        let at = |start| Place { file, start, end: start + 1 };
        let text = |n: u32| format!("{file}.{n}");
        let mut ids: Vec<Id> = (0..count)
            .map(|n| {
                nodes.scalar(at(n), Some(&text(n)).filter(|_| n % 2 == 0).map(String::as_str), Style::Plain)
            })
            .collect();
        let list = nodes.list(at(count), &ids);
        let alias = nodes.alias(at(count + 1), list);
        ids.extend([list, alias, nodes.map(at(count + 2), &[list, alias])]);
        ids
    }

    fn check(nodes: &Nodes, ids: &[Id], file: u32, count: u32) -> Result<(), TestCaseError> {
        let (scalars, others) = ids.split_at(count as usize);
        for (n, id) in (0..).zip(scalars) {
            let (sight, place) = nodes.sight(*id);
            prop_assert_eq!((place.file, place.start), (file, n));
            let text = format!("{file}.{n}");
            let expected = Some(text.as_str()).filter(|_| n % 2 == 0);
            prop_assert!(matches!(sight, Sight::Scalar(text, Style::Plain) if text == expected));
        }
        prop_assert!(matches!(nodes.sight(others[0]).0, Sight::List(items) if items == scalars));
        prop_assert_eq!(nodes.resolve(others[1]), others[0]);
        prop_assert!(matches!(nodes.sight(others[2]).0, Sight::Map(pairs) if pairs == &others[..2]));
        Ok(())
    }

    proptest! {
        #[test]
        fn parts_keep_what_they_held(acts in prop::collection::vec((0..3_u8, 0..2_500_u32), 0..12)) {
            let mut all = Nodes::default();
            let mut known: Vec<(Vec<Id>, u32, u32)> = Vec::new();
            for (file, (act, count)) in (0..).zip(acts) {
                match act {
                    0 => known.push((grown(&mut all, file, count), file, count)),
                    1 => {
                        let mut other = Nodes::default();
                        let ids = grown(&mut other, file, count);
                        let start = all.take_in(file, other);
                        known.push((ids.into_iter().map(|id| id + start).collect(), file, count));
                    }
                    _ => {
                        let (mark, before) = (all.mark(), all.count());
                        grown(&mut all, file, count);
                        all.back_to(mark);
                        prop_assert_eq!(all.count(), before);
                    }
                }
                for (ids, file, count) in &known {
                    check(&all, ids, *file, *count)?;
                }
            }
        }
    }
}
