//! Path formats: how the partitions' values make the path of a file.
//!
//! Invariant: a path format enters a command rebuilt from its tokens only, never as text, and two spellings of one
//! are equal (test: `spellings_are_one`).

use crate::model::command::{Command, quoted_name, quoted_text};
use crate::model::kql::{self, Token, TokenKind};

/// One piece of a path format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A text between partitions.
    Text(String),
    /// A partition's value.
    Name(String),
    /// A partition's moment in a format.
    Pattern(String, String),
}

/// The pieces of a path format.
///
/// # Errors
/// What is expected, as a sentence without its place.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let tokens = kql::tokens(text).map_err(|error| error.to_string())?;
    let mut reader = Reader { text, tokens: &tokens, at: 0 };
    let mut pieces = Vec::new();
    while reader.at < tokens.len() {
        let piece = reader.piece();
        pieces.push(piece.ok_or_else(|| {
            "a path format is a row of texts, partitions and `datetime_pattern(\"yyyy\", Partition)`"
                .to_owned()
        })?);
    }
    Ok(pieces)
}

/// The one form in which a path format is compared; what is none stays as it is.
pub(super) fn canonical(text: &str) -> String {
    let Ok(pieces) = pieces(text) else { return text.to_owned() };
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quoted_text(text),
        Piece::Name(name) => quoted_name(name).into_owned(),
        Piece::Pattern(format, name) => {
            format!("datetime_pattern({}, {})", quoted_text(format), quoted_name(name))
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Adds the pieces to a command.
pub(super) fn write(command: Command, pieces: &[Piece]) -> Command {
    pieces.iter().fold(command, |command, piece| match piece {
        Piece::Text(text) => command.text(text),
        Piece::Name(name) => command.name(name),
        Piece::Pattern(format, name) => {
            command.word("datetime_pattern (").text(format).word(",").name(name).word(")")
        }
    })
}

/// The partitions that a path format names.
pub(super) fn partitions(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Name(name) | Piece::Pattern(_, name) => Some(name.as_str()),
    })
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    fn piece(&mut self) -> Option<Piece> {
        if let Some(text) = self.literal() {
            return Some(Piece::Text(text));
        }
        let called = self.slice(self.at) == Some("datetime_pattern") && self.slice(self.at + 1) == Some("(");
        if !called {
            return self.name().map(Piece::Name);
        }
        self.at += 2;
        let format = self.literal()?;
        self.mark(',')?;
        let name = self.name()?;
        self.mark(')')?;
        Some(Piece::Pattern(format, name))
    }

    fn name(&mut self) -> Option<String> {
        if self.mark('[').is_some() {
            let name = self.literal()?;
            self.mark(']')?;
            return Some(name);
        }
        let token = self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Word)?;
        self.at += 1;
        Some(self.text[token.span.clone()].to_owned())
    }

    fn literal(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Text)?;
        self.at += 1;
        kql::unquoted(&self.text[token.span.clone()])
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Mark(mark))?;
        self.at += 1;
        Some(())
    }

    fn slice(&self, at: usize) -> Option<&'a str> {
        self.tokens.get(at).map(|token| &self.text[token.span.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one() {
        let canonical_form = r#""dt=" datetime_pattern("yyyy", Day) "/" ['my id']"#;
        for text in [
            r"'dt='datetime_pattern('yyyy',Day) @'/'['my id']",
            canonical_form,
            "\"dt=\"\n datetime_pattern ( \"yyyy\" , ['Day'] ) \"/\" [\"my id\"]",
        ] {
            assert_eq!(canonical(text), canonical_form, "{text}");
        }
        let command = write(Command::new(".x ("), &pieces(canonical_form).unwrap()).word(")");
        assert_eq!(command.as_str(), r#".x ("dt=" datetime_pattern ("yyyy", Day) "/" ['my id'])"#);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["Day) .drop table T", "datetime_pattern(Day)", "1", "'a", "Day // x", "a | b"] {
            assert!(pieces(text).is_err(), "{text}");
        }
    }
}
