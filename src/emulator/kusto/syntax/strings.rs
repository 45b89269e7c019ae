//! String literals: simple, verbatim, multi-line and obfuscated (`Q:scalar-data-types/string.md`).
//!
//! Invariant: whatever [`quote`] prints reads back to the same characters (test: `literals_round_trip`).

use crate::emulator::kusto::text;

/// A literal at the beginning of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Literal {
    /// The characters that it stands for.
    pub(crate) value: String,
    /// Whether it is marked with `h`, and so is never shown again.
    pub(crate) hidden: bool,
    /// Its length in bytes, marks and quotes included.
    pub(crate) length: usize,
}

/// Why a text that begins like a literal is none; `at` is in bytes from its beginning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bad {
    pub(crate) at: usize,
    pub(crate) why: &'static str,
}

const FENCES: &[&str] = &["```", "~~~"];

/// Reads the literal at the beginning of `text`; `None` when it does not begin like one.
pub(crate) fn literal(text: &str) -> Option<Result<Literal, Bad>> {
    for fence in FENCES {
        if let Some(body) = text.strip_prefix(fence) {
            let found = body.find(fence).map(|end| Literal {
                value: body[..end].to_owned(),
                hidden: false,
                length: end + 2 * fence.len(),
            });
            return Some(found.ok_or(Bad { at: 0, why: "a multi-line string does not end" }));
        }
    }
    let (hidden, rest) = match text.strip_prefix(['h', 'H']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (verbatim, rest) = match rest.strip_prefix('@') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let quote = rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let body = &rest[1..];
    let before = text.len() - body.len();
    let found = if verbatim { verbatim_body(body, quote) } else { simple_body(body, quote) };
    Some(match found {
        Ok((value, length)) => Ok(Literal { value, hidden, length: before + length }),
        Err(bad) => Err(Bad { at: before + bad.at, why: bad.why }),
    })
}

const OPEN: &str = "a string literal does not end on its line";

fn verbatim_body(body: &str, quote: char) -> Result<(String, usize), Bad> {
    let mut value = String::new();
    let mut letters = body.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            if letters.peek().is_none_or(|(_, next)| *next != quote) {
                return Ok((value, at + 1));
            }
            letters.next();
        } else if matches!(letter, '\n' | '\r') {
            return Err(Bad { at, why: OPEN });
        }
        value.push(letter);
    }
    Err(Bad { at: body.len(), why: OPEN })
}

fn simple_body(body: &str, quote: char) -> Result<(String, usize), Bad> {
    let mut value = String::new();
    let mut at = 0;
    while let Some(letter) = body[at..].chars().next() {
        if letter == quote {
            return Ok((value, at + 1));
        }
        if matches!(letter, '\n' | '\r') {
            return Err(Bad { at, why: OPEN });
        }
        if letter == '\\' {
            let (meant, length) = escape(&body[at..])
                .ok_or(Bad { at, why: "a string literal holds an escape that means nothing" })?;
            value.push(meant);
            at += length;
        } else {
            value.push(letter);
            at += letter.len_utf8();
        }
    }
    Err(Bad { at: body.len(), why: OPEN })
}

/// The character of the escape at the beginning of `text`, and the escape's length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let letter = text.chars().nth(1)?;
    let plain = |meant: char| Some((meant, 2));
    match letter {
        '\'' | '"' | '\\' => plain(letter),
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\u{b}'),
        'x' => Some((char::from_u32(hex(text, 2, 2)?)?, 4)),
        'u' => utf16(text),
        'U' => Some((char::from_u32(hex(text, 2, 8)?)?, 10)),
        '0'..='7' => {
            let octal = text[1..].bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            Some((char::from_u32(u32::from_str_radix(text.get(1..=octal)?, 8).ok()?)?, octal + 1))
        }
        _ => None,
    }
}

/// A `\uXXXX` escape, or two of them that make one character.
fn utf16(text: &str) -> Option<(char, usize)> {
    let high = hex(text, 2, 4)?;
    if let Some(alone) = char::from_u32(high) {
        return Some((alone, 6));
    }
    let low = text.get(6..8).filter(|mark| *mark == "\\u").and_then(|_| hex(text, 8, 4))?;
    let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    Some((char::decode_utf16(pair).next()?.ok()?, 12))
}

fn hex(text: &str, from: usize, length: usize) -> Option<u32> {
    let digits = text.get(from..from + length)?;
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// Prints `value` as a literal in double quotes, as `schema as csl script` does.
pub(crate) fn quote(value: &str) -> String {
    if let Some(plain) = text::backslashed(value) {
        return plain;
    }
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    let mut rest = value;
    while let Some(at) = rest.find(|letter: char| matches!(letter, '"' | '\\') || letter.is_control()) {
        out.push_str(&rest[..at]);
        let letter = rest[at..].chars().next().unwrap_or_default();
        rest = &rest[at + letter.len_utf8()..];
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{:04x}", u32::from(control))),
        }
    }
    out.push_str(rest);
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Option<(String, bool)> {
        literal(text)?.ok().map(|found| (found.value, found.hidden))
    }

    #[test]
    fn reads_every_form() {
        let cases = [
            (r#""it's""#, "it's"),
            (r"'it\'s'", "it's"),
            (r"@'it''s\n'", r"it's\n"),
            (r#"@"a""b""#, r#"a"b"#),
            ("```a\n\\n'\"```", "a\n\\n'\""),
            ("~~~x~~~", "x"),
            (r"'\x41\u0042\U00000043\104\t'", "ABCD\t"),
            (r"'\ud83d\ude00'", "😀"),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some((expected.to_owned(), false)), "{text}");
        }
        assert_eq!(value("h'x'"), Some(("x".to_owned(), true)));
        assert_eq!(value("H@\"y\""), Some(("y".to_owned(), true)));
    }

    #[test]
    fn refuses_what_does_not_end_or_escape() {
        for text in ["'a", "'a\nb'", "@'a\nb'", "```a", r"'\q'", r"'\ud83d'", r"'\u12'", "'\\"] {
            assert!(matches!(literal(text), Some(Err(_))), "{text}");
        }
        for text in ["a", "h", "@", "", "123"] {
            assert_eq!(literal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn literals_round_trip(text in "(?s).{0,60}") {
            prop_assert_eq!(value(&quote(&text)), Some((text, false)));
        }

        #[test]
        fn never_panics(text in "(?s)[h@]{0,2}['\"].{0,20}") {
            let _ = literal(&text);
        }
    }
}
