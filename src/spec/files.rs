//! The texts that a spec was read from, and places in them.
//!
//! Invariant: a text that was packed is the one that was given (test: `what_is_packed_is_kept`).

use crate::model::{Origin, parallel};
use arcstr::ArcStr;
use lz4_flex::block::{compress, decompress};
use memchr::memchr_iter;
use std::sync::{Arc, OnceLock};

/// Some bytes of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which of the [`Files`].
    pub file: u32,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last one.
    pub end: u32,
}

/// One text: a file of the spec, or what the command line gave.
#[derive(Debug)]
pub struct File {
    /// The file relative to the spec's folder, with `/` between its parts.
    pub name: ArcStr,
    /// The file as the user can open it from where the program runs.
    pub shown: String,
    text: Text,
    /// Where its lines start; found when first asked for.
    lines: OnceLock<Vec<u32>>,
}

/// What a file holds. The texts of a large spec are packed when it is read: most are never looked at again.
#[derive(Debug)]
struct Text {
    /// As it is; of a packed one only when somebody has asked for it.
    plain: OnceLock<String>,
    /// Packed, and how long it is as it is.
    packed: Option<(Vec<u8>, usize)>,
}

/// How long a text is that is worth packing, in bytes.
const LONG: usize = 1 << 16;

impl Text {
    fn packed(text: &str) -> Self {
        let mut packed = compress(text.as_bytes());
        packed.shrink_to_fit();
        Self { plain: OnceLock::new(), packed: Some((packed, text.len())) }
    }

    fn get(&self) -> &str {
        self.plain.get_or_init(|| {
            let unpacked = self.packed.as_ref().and_then(|(packed, length)| decompress(packed, *length).ok());
            unpacked.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        })
    }
}

/// Every text that was read, in the order of reading. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Files {
    list: Vec<Arc<File>>,
}

impl File {
    /// What it holds.
    pub fn text(&self) -> &str {
        self.text.get()
    }

    fn packed(&self) -> Self {
        let (name, shown) = (self.name.clone(), self.shown.clone());
        Self { name, shown, text: Text::packed(self.text()), lines: OnceLock::new() }
    }

    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = memchr_iter(b'\n', self.text().as_bytes());
            std::iter::once(0).chain(ends.map(|at| offset(at + 1))).collect()
        })
    }

    /// The line (from 0) that holds a byte.
    pub fn line(&self, at: u32) -> usize {
        self.lines().partition_point(|start| *start <= at) - 1
    }

    /// The bytes of some lines (from 0, both included), without the last line end.
    pub fn range(&self, first: usize, last: usize) -> std::ops::Range<usize> {
        let lines = self.lines();
        let start = lines[first.min(lines.len() - 1)] as usize;
        let end = lines.get(last + 1).map_or(self.text().len(), |next| *next as usize - 1);
        start..end.max(start)
    }
}

impl Files {
    /// Adds a text and returns its number.
    pub fn add(&mut self, name: String, shown: String, text: String) -> u32 {
        let name = name.into();
        let text = Text { plain: text.into(), packed: None };
        self.list.push(Arc::new(File { name, shown, text, lines: OnceLock::new() }));
        offset(self.list.len() - 1)
    }

    /// The same texts, the long ones packed until somebody looks at them.
    #[must_use]
    pub(super) fn packed(&self) -> Self {
        let packed = |file: &Arc<File>| {
            if file.text().len() < LONG { Arc::clone(file) } else { Arc::new(file.packed()) }
        };
        Self { list: parallel::map(&self.list, 1, packed) }
    }

    /// The text with a number.
    pub fn get(&self, file: u32) -> &Arc<File> {
        &self.list[file as usize]
    }

    /// The texts in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &File> {
        self.list.iter().map(|file| &**file)
    }

    /// The text at a place.
    pub fn slice(&self, place: Place) -> &str {
        self.get(place.file).text().get(place.start as usize..place.end as usize).unwrap_or_default()
    }

    /// The line and the column of a byte, both from 1; the column counts characters.
    pub fn position(&self, file: u32, at: u32) -> (u32, u32) {
        let file = self.get(file);
        let line = file.line(at);
        let start = file.range(line, line).start;
        let column = file.text().get(start..at as usize).map_or(0, |before| before.chars().count());
        (offset(line + 1), offset(column + 1))
    }

    /// Where a place starts, as plans and messages give it.
    pub fn origin(&self, place: Place) -> Origin {
        let (line, column) = self.position(place.file, place.start);
        Origin { file: self.get(place.file).name.clone(), line, column }
    }
}

/// A byte offset or count in 32 bits; no text is longer (`source::MAX_BYTES`).
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_is_kept(lines in prop::collection::vec("\\PC{0,20}", 1..20), times in 0..4_000_usize) {
            let text = lines.join("\n").repeat(times);
            let mut files = Files::default();
            let file = files.add("a".into(), "b".into(), text.clone());
            let packed = files.packed();
            prop_assert_eq!(packed.get(file).text.plain.get().is_none(), text.len() >= LONG);
            prop_assert_eq!(packed.get(file).text(), text.as_str());
            prop_assert_eq!(packed.position(file, offset(text.len())), files.position(file, offset(text.len())));
        }
    }

    #[test]
    fn columns_count_characters() {
        let mut files = Files::default();
        let file = files.add("a".into(), "a".into(), "x: 1\r\näöü: y\n".into());
        assert_eq!(files.position(file, 0), (1, 1));
        assert_eq!(files.position(file, 6), (2, 1));
        assert_eq!(files.position(file, 14), (2, 6));
        assert_eq!(files.position(file, 16), (3, 1));
        assert_eq!(&files.get(file).text()[files.get(file).range(1, 1)], "äöü: y");
        assert_eq!(&files.get(file).text()[files.get(file).range(2, 2)], "");
    }
}
