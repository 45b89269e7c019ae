//! Words and texts: bare, in quotes, and as blocks.

use super::{Next, Reader};
use crate::spec::tree::{Id, Style};
use std::borrow::Cow;

/// What a byte may be in a word: anything else is left to the other parser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A letter, a digit or harmless: may start a word.
    Letter,
    /// Harmless inside of a word.
    Inner,
    /// A bracket or comma, which ends a word in brackets.
    Bracket,
    Other,
}

const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut all = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = match byte as u8 {
            letter if letter.is_ascii_alphanumeric() => Class::Letter,
            b'_' | b'$' | b'/' | b'.' | b'+' | b'(' | b')' | b'~' | b'=' | b';' | b'^' => Class::Letter,
            b'{' | b'}' | b'[' | b']' | b',' => Class::Bracket,
            // What of other alphabets is no harmless letter was looked for before.
            0x80.. => Class::Letter,
            b' '..=b'~' => Class::Inner,
            _ => Class::Other,
        };
        byte += 1;
    }
    all
}

// `None` always means: not surely plain.
impl<'a> Reader<'a> {
    /// A word without quotes: where it ends, without the blanks behind it.
    pub(super) fn word(&mut self, in_brackets: bool) -> Option<usize> {
        let start = self.at;
        let class = |byte: u8| CLASSES[byte as usize];
        let is_negative = self.byte(start) == b'-' && self.byte(start + 1).is_ascii_alphanumeric();
        if class(self.byte(start)) != Class::Letter && !is_negative {
            return None;
        }
        if self.bytes[start..].starts_with(b"...") {
            return None;
        }
        let mut end = start + 1;
        self.at = end;
        loop {
            let byte = self.byte(self.at);
            match class(byte) {
                Class::Letter => {}
                Class::Inner => match byte {
                    b' ' => {
                        self.at += 1;
                        continue;
                    }
                    b'#' if end < self.at => break,
                    b':' if matches!(self.byte(self.at + 1), b' ' | b'\n') => break,
                    b':' if in_brackets && class(self.byte(self.at + 1)) == Class::Bracket => return None,
                    _ => {}
                },
                Class::Bracket if in_brackets => break,
                Class::Bracket => {}
                Class::Other if byte == b'\n' => break,
                Class::Other => return None,
            }
            self.at += 1;
            end = self.at;
        }
        // Behind a word stands what ends it: its colon must follow at once.
        if self.byte(self.at) != b':' {
            self.at = end;
        } else if self.at > end {
            return None;
        }
        Some(end)
    }

    /// Words without quotes, which may go on on further lines.
    pub(super) fn words(&mut self) -> Option<Id> {
        let start = self.at;
        let mut end = self.word(false)?;
        let mut text: Option<String> = None;
        loop {
            if self.byte(self.at) == b':' {
                return None;
            }
            let Some((breaks, next)) = self.goes_on(end) else { break };
            self.at = next;
            let text = text.get_or_insert_with(|| self.text[start..end].to_owned());
            fold(text, breaks);
            end = self.word(false)?;
            text.push_str(&self.text[next..end]);
        }
        let place = self.place(start, end);
        Some(match text {
            Some(text) => self.tree.scalar(place, &text, Style::Plain),
            None => self.tree.bare(place),
        })
    }

    /// Where the words that end here go on on another line, and over how many blank lines.
    fn goes_on(&self, end: usize) -> Option<(usize, usize)> {
        let blanks = self.bytes[end..].iter().take_while(|byte| **byte == b' ').count();
        let line = self.bytes.get(end + blanks + 1..)?;
        // Mostly the next line is not that far right, which is all that is to be known.
        let early = line.iter().take(self.left).find(|byte| **byte != b' ');
        if early.is_some_and(|byte| *byte != b'\n') {
            return None;
        }
        let (breaks, next) = self.over_breaks(end + blanks)?;
        let is_word = next < self.bytes.len() && self.byte(next) != b'#';
        (is_word && self.column(next) >= self.left).then_some((breaks, next))
    }

    /// From the end of a line to the next thing that is no blank, and over how many blank lines.
    fn over_breaks(&self, end: usize) -> Option<(usize, usize)> {
        if self.bytes.get(end) != Some(&b'\n') {
            return None;
        }
        let rest = &self.bytes[end + 1..];
        let white = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n')).count();
        Some((rest[..white].iter().filter(|byte| **byte == b'\n').count(), end + 1 + white))
    }

    /// In which column of its line something stands.
    fn column(&self, at: usize) -> usize {
        self.bytes[..at].iter().rev().take_while(|byte| **byte != b'\n').count()
    }

    /// A text in quotes.
    pub(super) fn quoted(&mut self) -> Option<(Id, Cow<'a, str>)> {
        let start = self.at;
        let quote = self.byte(start);
        let mut end = start + 1;
        while self.byte(end) != quote {
            match self.byte(end) {
                b'\\' if quote == b'"' => return self.quoted_otherwise(),
                b' '..=b'~' | 0x80.. => end += 1,
                b'\n' => return self.quoted_otherwise(),
                _ => return None,
            }
        }
        if quote == b'\'' && self.byte(end + 1) == quote {
            return self.quoted_otherwise();
        }
        self.at = end + 1;
        let text = &self.text[start + 1..end];
        let node = self.tree.scalar(self.place(start, end + 1), text, Style::Quoted);
        Some((node, Cow::Borrowed(text)))
    }

    /// A text in quotes that does not stand there as it is: with escapes, or on several lines.
    fn quoted_otherwise(&mut self) -> Option<(Id, Cow<'a, str>)> {
        let start = self.at;
        let quote = self.byte(start);
        let (mut text, mut at) = (String::new(), start + 1);
        // Up to where blanks stay at the end of a line.
        let mut solid = 0;
        loop {
            let run = self.bytes[at..].iter().take_while(|byte| {
                matches!(byte, b' '..=b'~' | 0x80..) && **byte != quote && (**byte != b'\\' || quote == b'\'')
            });
            let from = at;
            at += run.count();
            text.push_str(&self.text[from..at]);
            match (*self.bytes.get(at)?, self.byte(at + 1)) {
                (b'\'', b'\'') if quote == b'\'' => {
                    text.push('\'');
                    at += 2;
                }
                (byte, _) if byte == quote => break,
                (b'\n', _) => {
                    text.truncate(solid.max(text.trim_end_matches(' ').len()));
                    let (breaks, next) = self.over_breaks(at)?;
                    fold(&mut text, breaks);
                    at = self.is_further(next)?;
                }
                (b'\\', b'\n') => {
                    let (breaks, next) = self.over_breaks(at + 1)?;
                    text.extend(std::iter::repeat_n('\n', breaks));
                    solid = text.len();
                    at = self.is_further(next)?;
                }
                (b'\\', _) => {
                    let (character, length) = self.escape(at + 1)?;
                    text.push(character);
                    solid = text.len();
                    at += 1 + length;
                }
                _ => return None,
            }
        }
        self.at = at + 1;
        let node = self.tree.scalar(self.place(start, self.at), &text, Style::Quoted);
        Some((node, text.into()))
    }

    /// A place on a further line, when it is far enough right.
    fn is_further(&self, at: usize) -> Option<usize> {
        (self.column(at) >= self.left.max(1)).then_some(at)
    }

    /// The character of an escape, and how many bytes it takes behind its backslash.
    fn escape(&self, at: usize) -> Option<(char, usize)> {
        let of_number = |digits: usize| {
            let text = self.text.get(at + 1..at + 1 + digits)?;
            let number = u32::from_str_radix(text, 16).ok().filter(|_| !text.starts_with('+'))?;
            Some((char::from_u32(number)?, digits + 1))
        };
        match self.byte(at) {
            same @ (b'"' | b'\\' | b'/' | b' ') => Some((same.into(), 1)),
            b'n' => Some(('\n', 1)),
            b't' => Some(('\t', 1)),
            b'x' => of_number(2),
            b'u' => of_number(4),
            _ => None,
        }
    }

    /// A text as a block, and what comes behind it. Lines that are further right than the first stay as they are; so a
    /// block that is folded has none.
    pub(super) fn block_text(&mut self) -> Option<(Id, Next)> {
        let start = self.at;
        let is_folded = self.byte(start) == b'>';
        let is_stripped = self.byte(start + 1) == b'-';
        let head = start + 1 + usize::from(is_stripped);
        self.at = head;
        self.rest_of_line()?;
        let (_, first) = self.over_breaks(self.at - 1)?;
        let indent = self.column(first);
        if first >= self.bytes.len() || indent < self.left {
            return None;
        }
        let (mut text, mut line, mut breaks) = (String::new(), self.at, 0);
        let mut end = self.bytes.len();
        while line < self.bytes.len() {
            let length = self.bytes[line..].iter().position(|byte| *byte == b'\n')?;
            let own = &self.text[line..line + length];
            let content = own.trim_start_matches(' ');
            let blanks = length - content.len();
            if content.is_empty() {
                // More blanks than the text is indented by are a part of it, or a mistake above it.
                if blanks > indent {
                    return None;
                }
                breaks += 1;
                line += length + 1;
                continue;
            }
            if blanks < indent {
                end = line + blanks;
                break;
            }
            let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | 0x80..);
            if !content.bytes().all(is_plain) || is_folded && (blanks > indent || content.starts_with('\t')) {
                return None;
            }
            match (text.is_empty(), is_folded) {
                (false, true) => fold(&mut text, breaks),
                (is_first, _) => text.extend(std::iter::repeat_n('\n', breaks + usize::from(!is_first))),
            }
            text.push_str(&own[indent..]);
            breaks = 0;
            line += length + 1;
        }
        if !is_stripped {
            text.push('\n');
        }
        self.at = line;
        let node = self.tree.scalar(self.place(first, end), &text, Style::Quoted);
        Some((node, self.next_line()?))
    }
}

/// Ends a line that goes on behind some blank lines.
fn fold(text: &mut String, breaks: usize) {
    match breaks {
        0 => text.push(' '),
        breaks => text.extend(std::iter::repeat_n('\n', breaks)),
    }
}
