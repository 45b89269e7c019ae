//! Long texts in double quotes: a schema is nothing but texts within texts, in which every tenth character is a quote or
//! a backslash.
//!
//! Invariant: what is printed is what the slow way prints (test: `both_ways_print_the_same`).

/// Adds a text as JSON.
pub(crate) fn push_json(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < b' ') {
        // Writing to memory does not fail.
        drop(serde_json::to_writer(out, text));
    } else {
        push(out, text.as_bytes());
    }
}

/// A text in double quotes, with a backslash before quotes and backslashes; nothing when it holds other characters that
/// do not stand for themselves.
pub(crate) fn backslashed(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let mut out = Vec::new();
    push(&mut out, text.as_bytes());
    String::from_utf8(out).ok()
}

/// Every byte is written behind a backslash that stays only where it is needed: there is nothing to be guessed.
fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + 2 * bytes.len() + 3, b'\\');
    let room = &mut out[start..];
    room[0] = b'"';
    let mut at = 1;
    for byte in bytes {
        at += usize::from(matches!(byte, b'"' | b'\\'));
        // Behind it there is nothing yet but backslashes.
        room[at] = *byte;
        at += 1;
    }
    room[at] = b'"';
    out.truncate(start + at + 1);
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
