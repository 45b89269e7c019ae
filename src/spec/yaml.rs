//! YAML 1.2 text to nodes.
//!
//! Invariant: linear in the text, whatever it holds: what an alias stands for is counted and never copied
//! (test: `hostile_documents_are_refused_quickly`).

use super::diagnostic::{Code, Diagnostic};
use super::files::{Place, offset};
use super::plain;
use super::suggest;
use super::syntax::Trouble;
use super::tree::{Id, Style, Tree, View};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};
use std::collections::HashMap;
use std::sync::Arc;

/// How deep lists and maps may be nested, aliases followed.
pub(super) const MAX_DEPTH: usize = 64;

/// How many nodes a document may stand for beyond those that its bytes pay for.
const FREE_NODES: u64 = 1_000_000;

/// What came of reading one text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document {
    /// The outermost node; none when the text holds none, or was given up.
    pub root: Option<Id>,
    /// Whether the text was read to its end.
    pub complete: bool,
}

/// Reads a text that the tree holds into its nodes. After a syntax error what stands before it is kept.
pub(super) fn read(tree: &mut Tree, file: u32, report: &mut Vec<Diagnostic>) -> Document {
    match plain::read(tree, file) {
        Some(root) => Document { root: Some(root), complete: true },
        None => read_all(tree, file, report),
    }
}

/// The same by the parser of the whole language.
pub(super) fn read_all(tree: &mut Tree, file: u32, report: &mut Vec<Diagnostic>) -> Document {
    let held = Arc::clone(tree.files.get(file));
    let mut options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        simple_key_max_lookahead: 8192,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    options.set_emit_comments(false);
    let mut reader = Reader::new(tree, file, report, held.text().len());
    for event in Parser::new_from_str_with_options(held.text(), options) {
        let going = match event {
            Ok((event, span)) => reader.event(event, span),
            Err(error) => {
                let trouble = Trouble {
                    error: &error,
                    text: held.text(),
                    last: reader.place(reader.last.0, reader.last.1),
                    bracket: reader.stack.iter().rfind(|frame| frame.is_flow).map(|frame| frame.start),
                };
                let diagnostic = trouble.explain();
                let refused = diagnostic.code == Code::TooLarge;
                reader.report.push(diagnostic);
                Err(if refused { Stop::Refused } else { Stop::Broken })
            }
        };
        if let Err(stop) = going {
            return Document { root: reader.cut(stop), complete: false };
        }
    }
    Document { root: reader.root, complete: !reader.lacks }
}

/// Why reading ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// What stands before is sound.
    Here,
    /// What stands before is sound, but for what is still open in brackets, and the last entry.
    Broken,
    /// The document may not be looked at.
    Refused,
}

/// What a node stands for once aliases are followed.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    nodes: u64,
    depth: usize,
}

/// A list or map that is still open.
struct Frame {
    is_map: bool,
    is_flow: bool,
    start: u32,
    /// Where its children start in the scratch list.
    first: usize,
    weight: Weight,
    anchor: usize,
}

struct Anchor {
    name: String,
    /// None while the node is still open.
    node: Option<(Id, Weight)>,
}

struct Reader<'a> {
    tree: &'a mut Tree,
    report: &'a mut Vec<Diagnostic>,
    file: u32,
    budget: u64,
    stack: Vec<Frame>,
    scratch: Vec<Id>,
    anchors: HashMap<usize, Anchor>,
    root: Option<Id>,
    documents: usize,
    /// The bytes of the last scalar, for the explanation of syntax errors.
    last: (u32, u32),
    /// Whether a node stands for another that is not there.
    lacks: bool,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a mut Tree, file: u32, report: &'a mut Vec<Diagnostic>, bytes: usize) -> Self {
        let budget = FREE_NODES + 4 * bytes as u64;
        let (stack, scratch, anchors) = (Vec::new(), Vec::new(), HashMap::new());
        let (root, documents, last, lacks) = (None, 0, (0, 0), false);
        Self { tree, report, file, budget, stack, scratch, anchors, root, documents, last, lacks }
    }

    const fn place(&self, start: u32, end: u32) -> Place {
        Place { file: self.file, start, end }
    }

    fn span(&self, span: &Span) -> Place {
        let at = |marker: granit_parser::Marker| offset(marker.byte_offset().unwrap_or_default());
        self.place(at(span.start), at(span.end))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let place = self.span(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let text = "a file holds one document, and another starts here";
                    let help = "put the second document into a file of its own, or remove the `---`";
                    self.report.push(Diagnostic::error(Code::ManyDocuments, text).at(place, "").help(help));
                    return Err(Stop::Here);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.last = (place.start, place.end);
                let style = self.style(style, tag.as_deref(), &span);
                let node = self.tree.scalar(place, if place.start == place.end { "" } else { &text }, style);
                return self.attach(node, Weight { nodes: 1, depth: 0 }, anchor);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.known_tag(tag.as_deref(), &span);
                self.open(false, style, place, anchor)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.known_tag(tag.as_deref(), &span);
                self.open(true, style, place, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(place.end),
            Event::Anchor(id, name) => {
                self.anchors.entry(id).or_insert(Anchor { name: String::new(), node: None }).name =
                    name.into();
            }
            Event::Alias(id) => return self.alias(id, place),
            Event::UnresolvedAlias(name) => return self.unknown_alias(&name, place),
            _ => {}
        }
        Ok(())
    }

    /// How a scalar may be read; the tag `!!str` makes it text, YAML's other own tags change nothing here.
    fn style(&mut self, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Style {
        let quoted = style != ScalarStyle::Plain;
        let is_text = self.known_tag(tag, span).is_some_and(|word| word == "str");
        if quoted || is_text { Style::Quoted } else { Style::Plain }
    }

    fn known_tag(&mut self, tag: Option<&Tag>, span: &Span) -> Option<String> {
        let tag = tag?;
        let own = tag.handle() == "tag:yaml.org,2002:";
        if own && ["str", "int", "float", "bool", "null", "map", "seq"].contains(&tag.suffix()) {
            return Some(tag.suffix().to_owned());
        }
        let place = span.tag_span().map_or_else(|| self.span(span), |span| self.span(&span));
        let message = format!("a spec has no use for the tag `{}`", self.tree.files.slice(place));
        let found = Diagnostic::error(Code::Unsupported, message).at(place, "").help("remove the tag");
        self.report.push(found);
        None
    }

    fn open(&mut self, is_map: bool, style: StructureStyle, place: Place, anchor: usize) -> Result<(), Stop> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.too_deep(place));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { name: String::new(), node: None });
        }
        let (first, weight) = (self.scratch.len(), Weight { nodes: 1, depth: 1 });
        let is_flow = style == StructureStyle::Flow;
        self.stack.push(Frame { is_map, is_flow, start: place.start, first, weight, anchor });
        Ok(())
    }

    fn too_deep(&mut self, place: Place) -> Stop {
        let text = format!("lists and maps are nested more than {MAX_DEPTH} deep here");
        self.report.push(Diagnostic::error(Code::TooLarge, text).at(place, ""));
        Stop::Refused
    }

    fn close(&mut self, end: u32) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let place = self.place(frame.start, end.max(frame.start));
        let children: Vec<Id> = self.scratch.drain(frame.first..).collect();
        let node = if frame.is_map {
            self.check_keys(&children);
            self.tree.map(place, &children)
        } else {
            self.tree.list(place, &children)
        };
        self.attach(node, frame.weight, frame.anchor)
    }

    /// Gives a finished node to the list or map that holds it.
    fn attach(&mut self, node: Id, weight: Weight, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            let name = self.anchors.remove(&anchor).map(|anchor| anchor.name).unwrap_or_default();
            self.anchors.insert(anchor, Anchor { name, node: Some((node, weight)) });
        }
        let depth = self.stack.len();
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        self.scratch.push(node);
        frame.weight.nodes = frame.weight.nodes.saturating_add(weight.nodes);
        frame.weight.depth = frame.weight.depth.max(weight.depth + 1);
        let place = self.tree.place(node);
        if frame.weight.nodes > self.budget {
            let text = "the aliases of this document make it grow beyond all bounds";
            let found = Diagnostic::error(Code::TooLarge, text).at(place, "it is too much here");
            self.report.push(found.help("write out what is needed instead of nesting aliases"));
            return Err(Stop::Refused);
        }
        if depth + weight.depth > MAX_DEPTH {
            return Err(self.too_deep(place));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<(), Stop> {
        self.last = (place.start, place.end);
        if let Some((node, weight)) = self.anchors.get(&id).and_then(|anchor| anchor.node) {
            let alias = self.tree.alias(place, node);
            return self.attach(alias, weight, 0);
        }
        let text = format!("the alias `{}` stands inside of what it repeats", self.tree.files.slice(place));
        self.report.push(Diagnostic::error(Code::Alias, text).at(place, "this would never end"));
        Err(Stop::Refused)
    }

    fn unknown_alias(&mut self, name: &str, place: Place) -> Result<(), Stop> {
        let names = self.anchors.values().map(|anchor| anchor.name.as_str()).collect();
        let mut found =
            Diagnostic::error(Code::Alias, format!("no anchor `&{name}` stands before this alias"));
        found = found.at(place, "");
        let near = suggest::nearest(name, &sorted(names)).map(str::to_owned);
        let meant = self.anchors.values().filter(|anchor| Some(&anchor.name) == near.as_ref());
        let meant = meant.filter_map(|anchor| anchor.node).max_by_key(|(node, _)| *node);
        found = match near {
            Some(near) => found.help(format!("did you mean `*{near}`?")).patch(place, format!("*{near}")),
            None => found.help(format!("mark what is to be repeated with `&{name}`, above its first use")),
        };
        self.report.push(found);
        if let Some((node, weight)) = meant {
            let alias = self.tree.alias(place, node);
            return self.attach(alias, weight, 0);
        }
        self.lacks = true;
        let node = self.tree.scalar(place, "", Style::Plain);
        self.attach(node, Weight { nodes: 1, depth: 0 }, 0)
    }

    /// Reports keys that are not text, keys that stand twice, and merges of what is not a map.
    fn check_keys(&mut self, children: &[Id]) {
        let mut seen: HashMap<&str, Id> = HashMap::with_capacity(children.len() / 2);
        for pair in children.chunks_exact(2) {
            let place = self.tree.place(pair[0]);
            if !matches!(self.tree.view(pair[0]), View::Scalar(..)) {
                let found = Diagnostic::error(Code::Unsupported, "a key must be text").at(place, "");
                self.report.push(found.help("give it a name before the `:`, in quotes where need be"));
                continue;
            }
            let key = self.tree.text(pair[0]);
            if let Some(first) = seen.insert(key, pair[0]) {
                let message = format!("the key {} stands twice in one map", quoted(key));
                let found = Diagnostic::error(Code::DuplicateKey, message).at(place, "again here");
                let found = found.at(self.tree.place(first), "first here");
                self.report.push(found.help("keep one of them"));
                seen.insert(key, first);
            }
            if self.tree.is_merge_key(pair[0]) && !self.can_merge(pair[1]) {
                let found = Diagnostic::error(Code::Alias, "`<<` merges a map, or a list of maps");
                let found = found.at(self.tree.place(pair[1]), "this is none");
                self.report.push(found.help("give it an alias such as `*defaults`"));
            }
        }
    }

    fn can_merge(&self, value: Id) -> bool {
        match self.tree.view(value) {
            View::Map => true,
            View::List(items) => items.iter().all(|item| matches!(self.tree.view(*item), View::Map)),
            _ => false,
        }
    }

    /// Closes everything that is open, leaving out what may be garbled, and a key without its value.
    fn cut(&mut self, stop: Stop) -> Option<Id> {
        if stop == Stop::Refused {
            return None;
        }
        let mut garbled = stop == Stop::Broken;
        while let Some(frame) = self.stack.pop_if(|frame| frame.is_flow) {
            self.scratch.truncate(frame.first);
            garbled = false;
        }
        while let Some(frame) = self.stack.last() {
            let (first, is_map) = (frame.first, frame.is_map);
            if std::mem::take(&mut garbled) && self.scratch.len() > first {
                self.scratch.pop();
            }
            if is_map && !(self.scratch.len() - first).is_multiple_of(2) {
                self.scratch.pop();
            }
            let end = self.last.1;
            self.close(end).ok()?;
        }
        self.root
    }
}

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}

/// A key as messages show it.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() > 60 {
        let start: String = text.chars().take(57).collect();
        return format!("`{start}…`");
    }
    if text.is_empty() || text.chars().any(|c| c.is_control() || c == '`') {
        return format!("{text:?}");
    }
    format!("`{text}`")
}
