//! Query text as a list of tokens, with bracketed names taken together.

use crate::emulator::kusto::syntax::Kind;
use crate::emulator::kusto::syntax::lexer;

/// A token of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, or a name in brackets; the flag tells the second.
    Name(String, bool),
    /// A number.
    Literal,
    /// A string.
    Text(String),
    /// Punctuation.
    Mark(String),
}

impl Token {
    pub(super) fn is_mark(&self, mark: &str) -> bool {
        matches!(self, Self::Mark(found) if found == mark)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Name(found, false) if found == word)
    }
}

/// The tokens of a query, up to a literal that does not end.
pub(super) fn of(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Ok(token) = lexer::next(text, at) {
        let slice = &text[token.start..token.end];
        let adjacent = token.start == at && at > 0;
        at = token.end;
        match token.kind {
            Kind::End => break,
            Kind::Word => out.push(Token::Name(slice.to_owned(), false)),
            Kind::Number => out.push(Token::Literal),
            Kind::Text { value, .. } => out.push(Token::Text(value)),
            Kind::Mark => {
                match bracketed(text, token.start).filter(|_| slice == "[" && !(adjacent && indexes(&out))) {
                    Some((name, end)) => {
                        out.push(Token::Name(name, true));
                        at = end;
                    }
                    None => out.push(Token::Mark(slice.to_owned())),
                }
            }
        }
    }
    out
}

/// Whether a bracket right after these tokens takes an element: `d['x']`, `f()['x']`.
fn indexes(before: &[Token]) -> bool {
    match before.last() {
        Some(Token::Name(..)) => true,
        Some(Token::Mark(mark)) => mark == ")" || mark == "]",
        _ => false,
    }
}

/// The name in brackets at this position, and where it ends.
fn bracketed(text: &str, at: usize) -> Option<(String, usize)> {
    let inner = lexer::next(text, at + 1).ok()?;
    let Kind::Text { value, hidden: false } = inner.kind else { return None };
    let close = lexer::next(text, inner.end).ok()?;
    if &text[close.start..close.end] == "]" { Some((value, close.end)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_names_or_indexes() {
        let name = |text: &str, bracketed| Token::Name(text.to_owned(), bracketed);
        let mark = |text: &str| Token::Mark(text.to_owned());
        assert_eq!(of("['a b'] | x"), [name("a b", true), mark("|"), name("x", false)]);
        assert_eq!(of("join ['a b']")[1], name("a b", true));
        let text = Token::Text("x".to_owned());
        assert_eq!(of("d['x']"), [name("d", false), mark("["), text, mark("]")]);
        assert_eq!(of("[1]"), [mark("["), Token::Literal, mark("]")]);
    }
}
