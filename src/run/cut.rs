//! Cut marks: what takes bytes out of a journal where nothing can be taken out, as in an append blob.
//!
//! Invariant: JSON never holds the byte that a mark begins with, so that no record is taken for one (test:
//! `a_torn_tail_is_cut_by_a_mark_at_every_byte`).

use std::borrow::Cow;

/// The byte that begins a cut mark: `cancel`, which no line of a journal holds.
pub(super) const CUT: u8 = 0x18;

/// A mark that says: of everything before it, only so many bytes count.
pub(super) fn cut_mark(length: u64) -> Vec<u8> {
    let mut mark = vec![CUT];
    mark.extend_from_slice(format!("{length}\n").as_bytes());
    mark
}

/// The bytes without what marks cut off, and without the marks.
pub(super) fn uncut(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&CUT) {
        return Cow::Borrowed(bytes);
    }
    let mut kept: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == CUT) {
        kept.extend_from_slice(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.iter().position(|byte| *byte == b'\n');
        let number = end.and_then(|end| std::str::from_utf8(&after[..end]).ok()?.parse::<usize>().ok());
        rest = match (end, number.filter(|length| *length <= kept.len())) {
            (Some(end), Some(length)) => {
                kept.truncate(length);
                &after[end + 1..]
            }
            _ => {
                kept.push(CUT);
                after
            }
        };
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}
