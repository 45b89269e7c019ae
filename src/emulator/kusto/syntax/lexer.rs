//! The lexer of commands and queries: words, numbers, strings in all their forms, and marks
//! (`Q:schema-entities/entity-names.md`, `Q:scalar-data-types/string.md`).
//!
//! It reads one token at a time from a position, so that raw text (inline data, datetime literals) is never
//! forced through it. Invariant: it never panics, and every token but the last moves forward
//! (test: `never_panics`).

use super::strings;

/// What a token is; its text is the span's text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A letter, `_` or `$`, then letters, digits and `_`.
    Word,
    /// A number, with the letters that follow it at once: `30d`, `1.5h`, `0x1F`.
    Number,
    /// A string literal: its value, and whether it is obfuscated (`h'…'`).
    Text {
        /// The characters that the literal stands for.
        value: String,
        /// Whether the literal is marked with `h`.
        hidden: bool,
    },
    /// Punctuation of one or two characters.
    Mark,
    /// The end of the text.
    End,
}

/// A token and where it stands, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// The first byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
}

/// A string literal that does not end, or an escape that means nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BadLiteral {
    /// Where, in bytes.
    pub(crate) at: usize,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

const DOUBLE_MARKS: &[&str] = &["<|", "..", "==", "!=", "<=", ">=", "=~", "!~", "=>"];

/// The position after blanks and `//` comments.
pub(crate) fn skip_blanks(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with("//") {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

/// Whether `letter` may begin a word.
pub(crate) fn begins_word(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_' || letter == '$'
}

/// Whether `letter` may go on within a word.
pub(crate) fn within_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Reads the token at or after `from`.
///
/// # Errors
/// When a string literal does not end or holds an escape that means nothing.
pub(crate) fn next(text: &str, from: usize) -> Result<Token, BadLiteral> {
    let start = skip_blanks(text, from);
    let rest = &text[start..];
    let token = |kind, length: usize| Token { kind, start, end: start + length };
    let Some(first) = rest.chars().next() else { return Ok(token(Kind::End, 0)) };
    if let Some(literal) = strings::literal(rest) {
        return match literal {
            Ok(found) => Ok(token(Kind::Text { value: found.value, hidden: found.hidden }, found.length)),
            Err(bad) => Err(BadLiteral { at: start + bad.at, why: bad.why }),
        };
    }
    if begins_word(first) {
        let length = rest
            .char_indices()
            .skip(1)
            .find(|(_, letter)| !within_word(*letter))
            .map_or(rest.len(), |(at, _)| at);
        return Ok(token(Kind::Word, length));
    }
    if first.is_ascii_digit() {
        return Ok(token(Kind::Number, number(rest)));
    }
    let double = DOUBLE_MARKS.iter().any(|mark| rest.starts_with(mark));
    Ok(token(Kind::Mark, if double { 2 } else { first.len_utf8() }))
}

/// The length of a number with the letters at its end; `1..2` ends before the dots.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let letters = |from: usize| {
        bytes[from..]
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
            .map_or(bytes.len(), |at| from + at)
    };
    let exponent = |end: usize| {
        let signed = end < bytes.len() && matches!(bytes[end], b'+' | b'-');
        let mantissa = &bytes[..end.saturating_sub(1)];
        let plain = mantissa.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        if signed && plain && matches!(bytes[end - 1], b'e' | b'E') { letters(end + 1) } else { end }
    };
    let mut end = letters(0);
    let fraction = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    if fraction {
        end = letters(end + 1);
    }
    exponent(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut at = 0;
        let mut found = Vec::new();
        loop {
            let token = next(text, at).unwrap();
            if token.kind == Kind::End {
                return found;
            }
            found.push(text[token.start..token.end].to_owned());
            at = token.end;
        }
    }

    #[test]
    fn splits_as_the_service_does() {
        let cases = [
            (".create-merge table T", vec![".", "create", "-", "merge", "table", "T"]),
            ("a //b\n c", vec!["a", "c"]),
            ("30d 1.5h 0x1F 1e-5 1..2", vec!["30d", "1.5h", "0x1F", "1e-5", "1", "..", "2"]),
            ("'a//b' \"c;d\"", vec!["'a//b'", "\"c;d\""]),
            ("h'x' h@'y' h", vec!["h'x'", "h@'y'", "h"]),
            ("```a\n'b``` ~~~c~~~", vec!["```a\n'b```", "~~~c~~~"]),
            ("<| a==b|c", vec!["<|", "a", "==", "b", "|", "c"]),
            ("größe_1 日本", vec!["größe_1", "日本"]),
            ("2021-01-01T00:00:00Z", vec!["2021", "-", "01", "-", "01T00", ":", "00", ":", "00Z"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,80}") {
            let mut at = 0;
            while let Ok(token) = next(&text, at) {
                if token.kind == Kind::End {
                    break;
                }
                prop_assert!(token.end > at);
                at = token.end;
            }
        }
    }
}
