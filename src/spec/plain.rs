//! The plain part of YAML, read straight to nodes: maps and lists in blocks and in brackets, of words and texts.
//!
//! Large specs are written, or made, in nothing else, and reading them costs a tenth of what all of YAML does. Whatever
//! is not surely of this part is left to the parser of the whole language, from the first byte: anchors and aliases,
//! tags, merge keys, rare escapes and blocks, keys that stand twice, and all mistakes, so that there is one place that
//! explains them.
//!
//! Invariant: what is read here gives the nodes and places that the parser of the whole language gives (tests:
//! `the_plain_part_reads_as_all_of_yaml`, `what_reads_as_plain_reads_so_as_all_of_yaml`).

mod words;

use super::files::{Place, offset};
use super::tree::{Id, Tree};
use rustc_hash::FxHasher;
use std::borrow::Cow;
use std::hash::Hasher;
use std::sync::Arc;

/// How deep lists and maps may be nested here; less than what documents may.
const MAX_DEPTH: usize = 48;

/// How many bytes a key may have here; less than what the parser looks ahead.
const MAX_KEY: usize = 512;

/// Reads a text that the tree holds, when all of it is of the plain part; the tree is as it was otherwise.
pub(super) fn read(tree: &mut Tree, file: u32) -> Option<Id> {
    let held = Arc::clone(tree.files.get(file));
    if !held.text().is_ascii() && held.text().chars().any(is_odd) {
        return None;
    }
    let mark = tree.mark();
    tree.expect(held.text().len());
    let mut reader = Reader {
        tree,
        file,
        text: held.text(),
        bytes: held.text().as_bytes(),
        at: 0,
        scratch: Vec::new(),
        keys: Vec::new(),
        depth: 0,
        left: 0,
    };
    let root = reader.document();
    if root.is_none() {
        tree.back_to(mark);
    }
    root
}

/// Whether a character beyond ASCII is a blank, a line end or unprintable to some reader of YAML.
fn is_odd(c: char) -> bool {
    !c.is_ascii()
        && (c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{fff0}'..='\u{ffff}'))
}

/// The next word of a block: where its line puts it, and where it starts. The end of the text is left of everything.
#[derive(Clone, Copy)]
struct Next {
    column: Option<usize>,
    at: usize,
}

impl Next {
    /// Whether it is further right than a column.
    fn is_within(self, column: usize) -> bool {
        self.column.is_some_and(|own| own > column)
    }
}

struct Reader<'a> {
    tree: &'a mut Tree,
    file: u32,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The nodes of lists and maps that are still open.
    scratch: Vec<Id>,
    /// The keys of maps that are still open, as numbers that equal keys share.
    keys: Vec<u64>,
    depth: usize,
    /// The first column in which the value at hand may go on: right of the block that holds it.
    left: usize,
}

// `None` always means: not surely plain.
impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<Id> {
        let mut first = self.next_line()?;
        if first.column == Some(0) && self.bytes[first.at..].starts_with(b"---\n") {
            self.at += 4;
            first = self.next_line()?;
        }
        if first.column != Some(0) || self.is_item(first.at) {
            return None;
        }
        let (root, next) = match self.byte(first.at) {
            b'{' => (self.bracket_map()?, self.end_of_line()?),
            _ => self.block_map(0, first.at)?,
        };
        next.column.is_none().then_some(root)
    }

    fn byte(&self, at: usize) -> u8 {
        // The end of the text ends its last line too.
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    fn place(&self, start: usize, end: usize) -> Place {
        Place { file: self.file, start: offset(start), end: offset(end) }
    }

    /// From the start of a line to the next word, over blank lines and comments.
    fn next_line(&mut self) -> Option<Next> {
        loop {
            let start = self.at;
            while self.bytes.get(self.at) == Some(&b' ') {
                self.at += 1;
            }
            match self.bytes.get(self.at) {
                None => return Some(Next { column: None, at: self.at }),
                Some(b'\n') => self.at += 1,
                Some(b'#') => self.comment()?,
                Some(_) => return Some(Next { column: Some(self.at - start), at: self.at }),
            }
        }
    }

    /// Over a comment and the end of its line.
    fn comment(&mut self) -> Option<()> {
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\n' => break,
                b' '..=b'~' | 0x80.. => {}
                _ => return None,
            }
        }
        Some(())
    }

    /// From behind a value to the next word; nothing but blanks and a comment may stand on the rest of the line.
    fn end_of_line(&mut self) -> Option<Next> {
        self.rest_of_line()?;
        self.next_line()
    }

    fn rest_of_line(&mut self) -> Option<()> {
        let end = self.at;
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
        match self.byte(self.at) {
            b'\n' => self.at = (self.at + 1).min(self.bytes.len()),
            b'#' if self.at > end => self.comment()?,
            _ => return None,
        }
        Some(())
    }

    /// Whether an item of a list starts here.
    fn is_item(&self, at: usize) -> bool {
        self.byte(at) == b'-' && matches!(self.byte(at + 1), b' ' | b'\n')
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < MAX_DEPTH).then_some(())
    }

    /// A map whose first key stands at `self.at`, and what comes behind the map.
    fn block_map(&mut self, column: usize, start: usize) -> Option<(Id, Next)> {
        self.deeper()?;
        let (first, keys) = (self.scratch.len(), self.keys.len());
        let mut next = Next { column: Some(column), at: start };
        loop {
            self.at = next.at;
            let key = self.key(false)?;
            self.scratch.push(key);
            let (value, behind) = self.block_value(column)?;
            self.scratch.push(value);
            next = behind;
            if next.column != Some(column) {
                break;
            }
        }
        if next.is_within(column) {
            return None;
        }
        let map = self.map(first, keys, start, next.at)?;
        Some((map, next))
    }

    /// What stands behind the colon of a key in a block.
    fn block_value(&mut self, column: usize) -> Option<(Id, Next)> {
        let colon = self.at;
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
        if !matches!(self.byte(self.at), b'\n' | b'#') {
            let (value, next) = self.line_value(column)?;
            // Further right, a word goes on.
            return (!next.is_within(column)).then_some((value, next));
        }
        self.at = colon;
        let next = self.end_of_line()?;
        self.at = next.at;
        match next.column {
            Some(own) if own > column && self.is_item(next.at) => self.block_list(own, next.at),
            Some(own) if own > column => self.block_map(own, next.at),
            Some(own) if own == column && self.is_item(next.at) => {
                let start = self.item(next.at)?;
                self.block_list(own, start)
            }
            _ => Some((self.tree.bare(self.place(colon - 1, colon - 1)), next)),
        }
    }

    /// What stands behind a key or a dash, of a block in some column, and what comes behind it.
    fn line_value(&mut self, column: usize) -> Option<(Id, Next)> {
        self.left = column + 1;
        match self.byte(self.at) {
            b'|' | b'>' => self.block_text(),
            b'{' | b'[' | b'"' | b'\'' => {
                let value = self.value(false)?;
                Some((value, self.end_of_line()?))
            }
            _ => {
                let value = self.words()?;
                Some((value, self.end_of_line()?))
            }
        }
    }

    /// Where the text of an item starts, for one whose line is at `at`.
    fn item(&self, at: usize) -> Option<usize> {
        let mut text = at + 1;
        while self.byte(text) == b' ' {
            text += 1;
        }
        (!matches!(self.byte(text), b'\n' | b'#')).then_some(text)
    }

    /// A list whose first item is the line at `self.at`, and what comes behind the list.
    fn block_list(&mut self, column: usize, start: usize) -> Option<(Id, Next)> {
        self.deeper()?;
        let first = self.scratch.len();
        let mut line = self.at;
        let next = loop {
            let text = self.item(line)?;
            let own = column + (text - line);
            self.at = text;
            if self.is_item(text) {
                return None;
            }
            let (value, next) =
                if self.starts_map(text) { self.block_map(own, text)? } else { self.line_value(column)? };
            self.scratch.push(value);
            if next.is_within(column) {
                return None;
            }
            if next.column != Some(column) || !self.is_item(next.at) {
                break next;
            }
            line = next.at;
        };
        self.depth -= 1;
        let list = self.tree.list(self.place(start, next.at), &self.scratch[first..]);
        self.scratch.truncate(first);
        Some((list, next))
    }

    /// Whether a key stands here: a word with a colon behind it on its line.
    fn starts_map(&self, at: usize) -> bool {
        if matches!(self.byte(at), b'{' | b'[') {
            return false;
        }
        let mut end = at;
        if let quote @ (b'"' | b'\'') = self.byte(at) {
            end += 1;
            while self.byte(end) != quote && self.byte(end) != b'\n' {
                end += 1;
            }
            return self.byte(end + 1) == b':';
        }
        while self.byte(end) != b'\n' {
            if self.byte(end) == b':' && matches!(self.byte(end + 1), b' ' | b'\n') {
                return true;
            }
            end += 1;
        }
        false
    }

    /// A key and its colon.
    fn key(&mut self, in_brackets: bool) -> Option<Id> {
        let start = self.at;
        let (node, text) = match self.byte(start) {
            b'"' | b'\'' => {
                let found = self.quoted()?;
                // A key stands on one line.
                (!self.bytes[start..self.at].contains(&b'\n')).then_some(found)?
            }
            _ => {
                let end = self.word(in_brackets)?;
                let text = &self.text[start..end];
                if matches!(text, "~" | "null" | "Null" | "NULL") {
                    return None;
                }
                (self.tree.bare(self.place(start, end)), Cow::Borrowed(text))
            }
        };
        let mut hash = FxHasher::default();
        hash.write(text.as_bytes());
        self.keys.push(hash.finish());
        let colon = self.byte(self.at) == b':' && matches!(self.byte(self.at + 1), b' ' | b'\n');
        if !colon || self.at - start > MAX_KEY {
            return None;
        }
        self.at += 1;
        Some(node)
    }

    /// A value that starts on its key's line.
    fn value(&mut self, in_brackets: bool) -> Option<Id> {
        let start = self.at;
        match self.byte(start) {
            b'{' => self.bracket_map(),
            b'[' => self.bracket_list(),
            b'"' | b'\'' => self.quoted().map(|(node, _)| node),
            _ => {
                let end = self.word(in_brackets)?;
                if self.byte(self.at) == b':' {
                    return None;
                }
                Some(self.tree.bare(self.place(start, end)))
            }
        }
    }

    /// Over blanks and line ends inside of brackets. What stands on a further line is further right than the block.
    fn blanks(&mut self) -> Option<u8> {
        let mut line = None;
        loop {
            match self.bytes.get(self.at)? {
                b' ' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    line = Some(self.at);
                }
                byte => {
                    let is_right = line.is_none_or(|line| self.at - line >= self.left);
                    return is_right.then_some(*byte);
                }
            }
        }
    }

    fn bracket_map(&mut self) -> Option<Id> {
        self.deeper()?;
        let (start, first, keys) = (self.at, self.scratch.len(), self.keys.len());
        self.at += 1;
        if self.blanks()? != b'}' {
            loop {
                let key = self.key(true)?;
                self.scratch.push(key);
                if matches!(self.blanks()?, b',' | b'}') {
                    return None;
                }
                let value = self.value(true)?;
                self.scratch.push(value);
                match self.blanks()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
                self.blanks()?;
            }
        }
        self.at += 1;
        self.map(first, keys, start, self.at)
    }

    fn bracket_list(&mut self) -> Option<Id> {
        self.deeper()?;
        let (start, first) = (self.at, self.scratch.len());
        self.at += 1;
        if self.blanks()? != b']' {
            loop {
                let value = self.value(true)?;
                self.scratch.push(value);
                match self.blanks()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return None,
                }
                self.blanks()?;
            }
        }
        self.at += 1;
        self.depth -= 1;
        let list = self.tree.list(self.place(start, self.at), &self.scratch[first..]);
        self.scratch.truncate(first);
        Some(list)
    }

    /// A map of what was read since, unless one of its keys stands twice.
    fn map(&mut self, first: usize, keys: usize, start: usize, end: usize) -> Option<Id> {
        self.depth -= 1;
        self.keys[keys..].sort_unstable();
        if self.keys[keys..].windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        self.keys.truncate(keys);
        let map = self.tree.map(self.place(start, end), &self.scratch[first..]);
        self.scratch.truncate(first);
        Some(map)
    }
}
