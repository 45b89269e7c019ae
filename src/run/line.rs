//! A line of a journal: the CRC-32 of the rest in eight hexadecimal digits, a blank, one JSON document.

use super::journal::{Header, JournalError, made};
use super::schemas::Violations;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::io;

/// A document as a line of the journal.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn line(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = b"00000000 ".to_vec();
    serde_json::to_writer(&mut line, document).map_err(io::Error::other)?;
    Ok(ended(line))
}

/// A line with its checksum and its end.
fn ended(mut line: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&line[9..]);
    line[..8].copy_from_slice(format!("{sum:08x}").as_bytes());
    line.push(b'\n');
    line
}

/// The document of a line without its end, or what is wrong with it.
pub(super) fn document(line: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    let (crc, json) = text.split_once(' ').ok_or_else(|| "it has no checksum".to_owned())?;
    let sum = u32::from_str_radix(crc, 16).ok().filter(|_| crc.len() == 8);
    let sum = sum.ok_or_else(|| "it has no checksum".to_owned())?;
    if sum == crc32fast::hash(json.as_bytes()) { Ok(json) } else { Err("its checksum is wrong".to_owned()) }
}

/// Whether a line is two intact ones whose separation is damaged.
pub(super) fn holds_two(line: &[u8]) -> bool {
    let mut stream =
        line.get(9..).map(serde_json::Deserializer::from_slice).map(|all| all.into_iter::<IgnoredAny>());
    let Some(Some(Ok(_))) = stream.as_mut().map(Iterator::next) else { return false };
    let end = 9 + stream.map_or(0, |stream| stream.byte_offset());
    document(&line[..end]).is_ok() && line.get(end + 1..).is_some_and(|rest| document(rest).is_ok())
}

/// The first line of a new journal before it is written. A plan of thousands of steps takes megabytes, which are made while
/// the service is still asked what is wrong already (test: `what_is_learnt_last_is_in_its_place`).
#[derive(Debug)]
pub struct Opening(Vec<u8>);

impl Opening {
    /// The line of a header.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(header: &Header) -> Result<Self, JournalError> {
        line(header).map(Self).map_err(made)
    }

    /// The same with what the service found wrong.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn with(self, violations: &Violations) -> Result<Self, JournalError> {
        if violations.is_empty() {
            return Ok(self);
        }
        let mut bytes = self.0;
        // The end of the document and that of the line.
        bytes.truncate(bytes.len() - 2);
        bytes.extend_from_slice(b",\"violations\":");
        serde_json::to_writer(&mut bytes, violations).map_err(|error| made(io::Error::other(error)))?;
        bytes.push(b'}');
        Ok(Self(ended(bytes)))
    }

    /// The bytes of the line.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::{FORMAT, Recorded};
    use crate::run::machine::Policy;
    use crate::run::testing::plan;
    use std::sync::Arc;

    #[test]
    fn what_is_learnt_last_is_in_its_place() {
        let header = |violations| Header {
            format: FORMAT,
            run: "r1".to_owned(),
            tool: "adxform".to_owned(),
            target: "here".to_owned(),
            who: "me".to_owned(),
            started: String::new(),
            policy: Policy::default(),
            plan: Arc::new(plan(3)),
            violations,
        };
        let found = Violations::from([("clusters.c.databases.d".parse().unwrap(), vec!["wrong".to_owned()])]);
        for violations in [Violations::new(), found] {
            let late = Opening::of(&header(Violations::new())).unwrap().with(&violations).unwrap();
            let whole = header(violations);
            assert_eq!(late.bytes(), Opening::of(&whole).unwrap().bytes());
            assert_eq!(Recorded::read(late.bytes()).unwrap().header, whole);
        }
    }
}
