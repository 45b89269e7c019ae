//! The lexical structure of KQL: enough to quote safely, to compare texts and to find the names a text uses.
//!
//! <https://learn.microsoft.com/kusto/query/scalar-data-types/string>,
//! <https://learn.microsoft.com/kusto/query/schema-entities/entity-names>

mod builtin;
mod operators;
mod reader;
mod uses;

pub use builtin::{is_builtin, is_function};
pub use uses::{Sure, Use, What, parameters, uses};

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A bare word: identifier, keyword or type.
    Word,
    /// A string literal in any form, obfuscated ones included.
    Text,
    /// A number or timespan literal such as `5`, `1.5h`, `0x1F`.
    Number,
    /// One character of punctuation.
    Mark(char),
    /// A `//` comment without its line end.
    Comment,
}

/// A token with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes in the text.
    pub span: Range<usize>,
}

/// Why a text is not lexically KQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct LexError {
    /// The byte where the trouble starts.
    pub at: usize,
    /// What is wrong.
    pub why: &'static str,
}

/// Splits a text into tokens, white space left out.
///
/// # Errors
/// At the first string literal that does not end (test: `unfinished_texts_are_refused`).
pub fn tokens(text: &str) -> Result<Vec<Token>, LexError> {
    tokens_of(text).collect()
}

/// The same, token by token; nothing comes behind an error.
pub fn tokens_of(text: &str) -> impl Iterator<Item = Result<Token, LexError>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(c) = text[at..].chars().next() {
            if c.is_whitespace() {
                at += c.len_utf8();
                continue;
            }
            let start = at;
            return Some(match token(&text[at..]) {
                Ok((kind, length)) => {
                    at += length;
                    Ok(Token { kind, span: start..at })
                }
                Err(why) => {
                    at = text.len();
                    Err(LexError { at: start, why })
                }
            });
        }
        None
    })
}

fn token(rest: &str) -> Result<(TokenKind, usize), &'static str> {
    let first = rest.chars().next().unwrap_or_default();
    if rest.starts_with("//") {
        return Ok((TokenKind::Comment, rest.find(['\n', '\r']).unwrap_or(rest.len())));
    }
    if let Some(length) = string(rest)? {
        return Ok((TokenKind::Text, length));
    }
    if first.is_ascii_digit() {
        return Ok(figure(rest));
    }
    if is_word_start(first) {
        let start = first.len_utf8();
        let end = rest[start..].find(|c: char| !is_word(c)).map_or(rest.len(), |end| start + end);
        return Ok((TokenKind::Word, end));
    }
    Ok((TokenKind::Mark(first), first.len_utf8()))
}

/// A number or a length of time; letters behind digits that are neither belong to a name, as in `2024_events`.
fn figure(rest: &str) -> (TokenKind, usize) {
    let whole = |text: &str, is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    let digits = whole(rest, |c| c.is_ascii_digit());
    let fraction = rest[digits..].strip_prefix('.').map_or(0, |f| whole(f, |c| c.is_ascii_digit()));
    let mut end = if fraction > 0 { digits + 1 + fraction } else { digits };
    if let Some(power) = rest[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(power.starts_with(['+', '-']));
        let power = whole(&power[sign..], |c| c.is_ascii_digit());
        end += if power > 0 { 1 + sign + power } else { 0 };
    }
    let letters = whole(&rest[end..], is_word);
    let suffix = &rest[end..end + letters];
    let hexadecimal = end == 1 && rest.starts_with('0') && suffix.starts_with(['x', 'X']);
    let number = letters == 0 || fraction > 0 || hexadecimal || SPANS.contains(&suffix);
    (if number { TokenKind::Number } else { TokenKind::Word }, end + letters)
}

/// What may stand behind the number of a length of time.
const SPANS: [&str; 31] = [
    "m",
    "min",
    "minute",
    "minutes",
    "s",
    "sec",
    "second",
    "seconds",
    "d",
    "day",
    "days",
    "h",
    "hr",
    "hrs",
    "hour",
    "hours",
    "ms",
    "milli",
    "millis",
    "millisec",
    "millisecond",
    "milliseconds",
    "micro",
    "micros",
    "microsecond",
    "microseconds",
    "nano",
    "nanosecond",
    "nanoseconds",
    "tick",
    "ticks",
];

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphanumeric())
}

/// The length of the string literal at the start of `rest`, if there is one.
fn string(rest: &str) -> Result<Option<usize>, &'static str> {
    let plain = rest.strip_prefix(['h', 'H']).unwrap_or(rest);
    let hidden = rest.len() - plain.len();
    for fence in ["```", "~~~"] {
        if let Some(body) = plain.strip_prefix(fence) {
            let end = body.find(fence).ok_or("a multi-line text that starts here does not end")?;
            return Ok(Some(hidden + end + 2 * fence.len()));
        }
    }
    let verbatim = plain.strip_prefix('@');
    let quoted = verbatim.unwrap_or(plain);
    let Some(quote) = quoted.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return Ok(None) };
    let length = closing(&quoted[1..], quote, verbatim.is_some())
        .ok_or("a text that starts here does not end on its line")?;
    Ok(Some(hidden + usize::from(verbatim.is_some()) + 1 + length))
}

/// The length up to and with the closing quote.
fn closing(body: &str, quote: char, verbatim: bool) -> Option<usize> {
    // Everything that counts is ASCII, which no other character has a byte of.
    let bytes = body.as_bytes();
    let counts = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'\\') || char::from(*byte) == quote;
    let mut at = 0;
    while let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(counts)) {
        at += skipped;
        let byte = bytes.get(at)?;
        at += 1;
        match byte {
            b'\n' | b'\r' => return None,
            b'\\' if !verbatim => {
                bytes.get(at).filter(|next| !matches!(next, b'\n' | b'\r'))?;
                at += 1;
            }
            byte if char::from(*byte) == quote => {
                if verbatim && bytes.get(at) == Some(byte) {
                    at += 1;
                } else {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The names that a text uses in any position, bare or in brackets, each once, with where each first stands.
pub fn names(text: &str) -> Vec<(String, Range<usize>)> {
    let Ok(tokens) = tokens(text) else { return Vec::new() };
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let name = match token.kind {
            TokenKind::Word => text[token.span.clone()].to_owned(),
            TokenKind::Text if in_brackets(&tokens, i) => match unquoted(&text[token.span.clone()]) {
                Some(name) => name,
                None => continue,
            },
            _ => continue,
        };
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, token.span.clone()));
        }
    }
    found
}

fn in_brackets(tokens: &[Token], i: usize) -> bool {
    let mark =
        |at: Option<usize>, c| at.and_then(|at| tokens.get(at)).is_some_and(|t| t.kind == TokenKind::Mark(c));
    mark(i.checked_sub(1), '[') && mark(Some(i + 1), ']')
}

/// The value of a string literal in any form; `None` when it is not one or an escape is unknown.
pub fn unquoted(literal: &str) -> Option<String> {
    let plain = literal.strip_prefix(['h', 'H']).unwrap_or(literal);
    for fence in ["```", "~~~"] {
        if let Some(body) = plain.strip_prefix(fence) {
            return Some(body.strip_suffix(fence)?.to_owned());
        }
    }
    if let Some(verbatim) = plain.strip_prefix('@') {
        let quote = verbatim.chars().next()?;
        let body = verbatim.get(1..verbatim.len().checked_sub(1)?)?;
        return Some(body.replace(&format!("{quote}{quote}"), &quote.to_string()));
    }
    unescaped(plain.get(1..plain.len().checked_sub(1)?)?)
}

fn unescaped(body: &str) -> Option<String> {
    // What is escaped and what is not are copied byte by byte: a text of JSON has an escape every few bytes.
    let mut value: Vec<u8> = Vec::with_capacity(body.len());
    let mut rest = body.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        match rest.next()? {
            quote @ (b'\'' | b'"' | b'\\') => value.push(quote),
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'a' => value.push(0x7),
            b'b' => value.push(0x8),
            b'f' => value.push(0xc),
            b'v' => value.push(0xb),
            b'x' => put(&mut value, number(&mut rest, 2, 16)?)?,
            b'u' => put(&mut value, number(&mut rest, 4, 16)?)?,
            b'U' => put(&mut value, number(&mut rest, 8, 16)?)?,
            digit @ b'0'..=b'7' => {
                let more = rest.clone().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
                let rest = if more == 0 { 0 } else { number(&mut rest, more, 8)? };
                put(&mut value, (u32::from(digit - b'0') << (3 * more)) + rest)?;
            }
            _ => return None,
        }
    }
    String::from_utf8(value).ok()
}

/// The number of so many digits.
fn number(rest: &mut std::str::Bytes<'_>, digits: usize, base: u32) -> Option<u32> {
    (0..digits).try_fold(0_u32, |number, _| {
        let digit = char::from(rest.next()?).to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })
}

fn put(value: &mut Vec<u8>, number: u32) -> Option<()> {
    let c = char::from_u32(number)?;
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

/// A text in the form in which two texts are compared: LF line ends, no blanks at line ends, trimmed. Blanks inside
/// of a text of several lines stay (test: `canonical_text_ignores_line_ends_only`).
pub fn canonical(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let fenced = text.contains("```") || text.contains("~~~");
    let texts: Vec<Range<usize>> = if fenced { tokens(&text).unwrap_or_default() } else { Vec::new() }
        .into_iter()
        .filter(|token| token.kind == TokenKind::Text)
        .map(|token| token.span)
        .collect();
    let mut kept = String::with_capacity(text.len());
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        // The line's end is inside of a text when the text goes on behind it.
        let inside = texts.partition_point(|span| span.end < end);
        if line.ends_with('\n') && texts.get(inside).is_some_and(|span| span.start < end - 1) {
            kept.push_str(line);
        } else {
            kept.push_str(line.trim_end());
            kept.push_str(if line.ends_with('\n') { "\n" } else { "" });
        }
    }
    kept.trim().to_owned()
}

/// A piece of KQL that stands in a command without being quoted, checked so that it can neither end that
/// command nor begin another (test: `a_block_cannot_escape`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block(String);

impl Block {
    /// Checks that brackets balance, that texts end, and that no line could be taken for a command.
    ///
    /// # Errors
    /// At the first byte that breaks one of these rules.
    pub fn new(text: &str) -> Result<Self, LexError> {
        let tokens = tokens(text)?;
        let mut open: Vec<(char, usize)> = Vec::new();
        for token in &tokens {
            let at = token.span.start;
            match token.kind {
                TokenKind::Mark(c @ ('{' | '(' | '[')) => open.push((c, at)),
                TokenKind::Mark(c @ ('}' | ')' | ']')) => match open.pop() {
                    Some(('{', _)) if c == '}' => {}
                    Some(('(', _)) if c == ')' => {}
                    Some(('[', _)) if c == ']' => {}
                    _ => return Err(LexError { at, why: "this bracket closes none" }),
                },
                TokenKind::Mark('.')
                    if text[..at].lines().next_back().is_none_or(|line| line.trim().is_empty())
                        || text[..at].ends_with('\n') =>
                {
                    return Err(LexError {
                        at,
                        why: "a line that starts with `.` would begin another command",
                    });
                }
                _ => {}
            }
        }
        if let Some((_, at)) = open.pop() {
            return Err(LexError { at, why: "this bracket is not closed" });
        }
        let comment_at_end = tokens.last().is_some_and(|t| t.kind == TokenKind::Comment);
        Ok(Self(if comment_at_end { format!("{}\n", text.trim_end()) } else { text.trim().to_owned() }))
    }

    /// The checked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<&str> {
        tokens(text).unwrap().into_iter().map(|t| &text[t.span]).collect()
    }

    #[test]
    fn knows_every_form_of_string() {
        for literal in [
            r#""a\"b""#,
            "'it\\'s'",
            r"@'C:\x'",
            "@'it''s'",
            "```a\n'b```",
            "~~~a~~~",
            "h'x'",
            "H@\"y\"",
            "h\"z\"",
        ] {
            assert_eq!(kinds(&format!("x {literal}|")), ["x", literal, "|"], "{literal}");
        }
        for number in ["5", "1.5", "0x1F", "1e10", "2.5e-3", "1.5h", "90d", "3microseconds"] {
            assert_eq!(tokens(number).unwrap()[0].kind, TokenKind::Number, "{number}");
            assert_eq!(kinds(&format!("{number}+a")), [number, "+", "a"]);
        }
        assert_eq!(tokens("2024_events").unwrap()[0].kind, TokenKind::Word);
        assert_eq!(kinds("a // \"b\n c"), ["a", "// \"b", "c"]);
        assert_eq!(kinds("hello ago(1.5h) 1..2"), ["hello", "ago", "(", "1.5h", ")", "1", ".", ".", "2"]);
    }

    #[test]
    fn unfinished_texts_are_refused() {
        for text in ["'a", "\"a\nb\"", "@'a''", "```a``", "'a\\'"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn finds_names_and_not_texts() {
        let found: Vec<String> = names("T | join (['my table']) on $left.a == 'NotMe' // Nor\n | f()")
            .into_iter()
            .map(|n| n.0)
            .collect();
        assert_eq!(found, ["T", "join", "my table", "on", "$left", "a", "f"]);
    }

    #[test]
    fn a_block_cannot_escape() {
        for text in [
            "{ T }",
            "{ print '}' }",
            "{ T // }\n }",
            "(a:long)",
            "{ print ```\n.drop table T``` }",
            "{ T | where a.b == 1 }",
        ] {
            assert!(Block::new(text).is_ok(), "{text}");
        }
        for text in [
            "{ T } }",
            "{ T",
            "{ T )",
            "{ T }\n.drop table T",
            "{ T\n  .drop table U }",
            ".show tables",
            "{ 'x }",
        ] {
            assert!(Block::new(text).is_err(), "{text}");
        }
        assert_eq!(Block::new("{ T } // why").unwrap().as_str(), "{ T } // why\n");
    }

    #[test]
    fn canonical_text_ignores_line_ends_only() {
        assert_eq!(canonical("\r\n  a  \r\n b\r\n\r\n"), canonical("a\n b"));
        assert_ne!(canonical("a  b"), canonical("a b"));
        assert_eq!(canonical("a ```x \r\n y ```  \r\n b"), "a ```x \n y ```\n b");
        assert_eq!(canonical("``` \n``` \n``` \n```"), "``` \n```\n``` \n```");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\PC|\n|```|'|\"|@|\\\\){0,40}") {
            let _ = tokens(&text);
            let _ = names(&text);
            let _ = Block::new(&text);
            let _ = unquoted(&text);
            prop_assert_eq!(canonical(&canonical(&text)), canonical(&text));
        }
    }
}
