//! Long texts in double quotes: a schema is nothing but texts within texts, in which every tenth character is a quote or
//! a backslash.
//!
//! Invariant: what is printed is what the slow way prints (test: `both_ways_print_the_same`).

/// Adds a text as JSON.
pub(crate) fn push_json(out: &mut Vec<u8>, text: &str) {
    if has_control(text) {
        // Writing to memory does not fail.
        drop(serde_json::to_writer(out, text));
    } else {
        push(out, text.as_bytes());
    }
}

/// A text in double quotes, with a backslash before quotes and backslashes; nothing when it holds other characters that
/// do not stand for themselves.
pub(crate) fn backslashed(text: &str) -> Option<String> {
    let is_odd = match text.is_ascii() {
        true => has_control(text) || text.contains('\u{7f}'),
        false => text.chars().any(char::is_control),
    };
    if is_odd {
        return None;
    }
    let mut out = Vec::new();
    push(&mut out, text.as_bytes());
    String::from_utf8(out).ok()
}

/// Whether some byte is a control character of ASCII; all are looked at, many at once.
fn has_control(text: &str) -> bool {
    text.as_bytes().chunks(256).any(|part| part.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ')
}

/// Eight times the same byte.
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Eight bytes at a time; what is behind the first that needs a backslash is taken again.
fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    // A bit in each byte that is zero, and perhaps in some above the first such.
    let zeros = |word: u64| word.wrapping_sub(eight(1)) & !word & eight(0x80);
    out.reserve(bytes.len() + bytes.len() / 8 + 2);
    out.push(b'"');
    let mut rest = bytes;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let marked = zeros(word ^ eight(b'"')) | zeros(word ^ eight(b'\\'));
        out.extend_from_slice(chunk);
        if marked == 0 {
            rest = behind;
            continue;
        }
        let plain = (marked.trailing_zeros() / 8) as usize;
        out.truncate(out.len() - chunk.len() + plain);
        out.extend_from_slice(&[b'\\', chunk[plain]]);
        rest = &rest[plain + 1..];
    }
    for byte in rest {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_print_the_same(text in "[\\\\\"a-c\u{0}\n\u{7f}é😀 ]{0,60}") {
            let mut out = b"x".to_vec();
            push_json(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("x{}", serde_json::to_string(&text).unwrap()));
            let expected = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(backslashed(&text), (!text.chars().any(char::is_control)).then_some(expected));
        }
    }
}
