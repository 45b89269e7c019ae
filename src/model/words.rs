//! Texts that come again and again, each kept once: names of properties, collections and columns.
//!
//! Invariant: sharing shows nowhere but in memory: what is given back is equal to what was asked for
//! (test: `what_is_shared_is_equal`).

use arcstr::ArcStr;
use serde::de::{Deserialize, Deserializer, Visitor};
use std::cell::RefCell;
use std::fmt;

/// How many texts a thread keeps; a power of two.
const KEPT: usize = 4096;

/// The longest text worth keeping, in bytes.
const LONGEST: usize = 64;

thread_local! {
    /// Each text at the place that its bytes give; the last one there wins, so that it never grows.
    static WORDS: RefCell<Vec<Option<ArcStr>>> = const { RefCell::new(Vec::new()) };
}

/// A text, shared with the last equal one that this thread asked for where that is still kept.
pub fn word(text: &str) -> ArcStr {
    if text.len() > LONGEST {
        return text.into();
    }
    WORDS.with_borrow_mut(|words| {
        if words.is_empty() {
            words.resize(KEPT, None);
        }
        let place = &mut words[place(text)];
        match place {
            Some(kept) if **kept == *text => kept.clone(),
            _ => ArcStr::clone(place.insert(text.into())),
        }
    })
}

/// A text that is shared as soon as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(pub ArcStr);

impl Default for Word {
    fn default() -> Self {
        Self(word(""))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                Ok(Word(word(text)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What hashes begin with.
pub const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over eight bytes of a text at a time, with some bits set in each eight, going on from another hash.
pub fn hashed(from: u64, text: &str, bits: u64) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [0xff; 8];
    last[..rest.len()].copy_from_slice(rest);
    chunks.iter().chain([&last]).fold(from, |hash, chunk| {
        let hash = (hash ^ (u64::from_le_bytes(*chunk) | bits)).wrapping_mul(PRIME);
        hash ^ (hash >> 29)
    })
}

/// FNV-1a, folded.
fn place(text: &str) -> usize {
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 15)) as usize % KEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_shared_is_equal(texts in prop::collection::vec("\\PC{0,70}", 0..40)) {
            for text in texts.iter().chain(&texts) {
                prop_assert_eq!(&*word(text), text.as_str());
            }
        }
    }

    #[test]
    fn equal_texts_are_one() {
        assert!(ArcStr::ptr_eq(&word("softDeletePeriod"), &word("softDeletePeriod")));
    }
}
