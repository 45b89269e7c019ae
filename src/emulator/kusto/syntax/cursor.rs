//! A cursor over command text, with the pieces of grammar that commands share.

use super::lexer::{self, Kind, Token, within_word};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::names;

/// A position in a command's text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the beginning of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The text that this cursor reads.
    pub(crate) fn source(&self) -> &'a str {
        self.text
    }

    /// The byte position, before any blanks that follow.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Moves to a byte position on a character boundary.
    pub(crate) fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The token ahead.
    pub(crate) fn peek(&self) -> Result<Token, Fault> {
        lexer::next(self.text, self.at).map_err(|bad| self.fault_at("SYN0002", bad.at, bad.why))
    }

    /// The text of a token.
    pub(crate) fn slice(&self, token: &Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// Takes the token ahead.
    pub(crate) fn take(&mut self) -> Result<Token, Fault> {
        let token = self.peek()?;
        self.at = token.end;
        Ok(token)
    }

    /// Whether only blanks and comments remain.
    pub(crate) fn at_end(&self) -> bool {
        matches!(self.peek(), Ok(token) if token.kind == Kind::End)
    }

    /// Refuses text after a complete command.
    pub(crate) fn expect_end(&self) -> Result<(), Fault> {
        if self.at_end() { Ok(()) } else { Err(self.expected("the end of the command")) }
    }

    /// A syntax fault at the token ahead.
    pub(crate) fn expected(&self, what: &str) -> Fault {
        let start = lexer::skip_blanks(self.text, self.at);
        let found = match lexer::next(self.text, start) {
            Ok(token) if token.kind == Kind::End => "the end of the text".to_owned(),
            Ok(token) => format!("'{}'", shortened(&self.text[token.start..token.end])),
            Err(bad) => return self.fault_at("SYN0002", bad.at, bad.why),
        };
        self.fault_at("SYN0002", start, &format!("expected {what}, found {found}"))
    }

    /// A syntax fault at a byte position.
    pub(crate) fn fault_at(&self, code: &'static str, at: usize, why: &str) -> Fault {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]).chars().count() + 1;
        Fault::syntax(code, why, (line, column))
    }

    /// The byte position after `keyword`, when it stands ahead; hyphens belong to a keyword.
    fn after_keyword(&self, keyword: &str) -> Option<usize> {
        let start = lexer::skip_blanks(self.text, self.at);
        let rest = self.text[start..].strip_prefix(keyword)?;
        let mut letters = rest.chars();
        let next = letters.next();
        let goes_on = match next {
            Some('-') => letters.next().is_some_and(lexer::begins_word),
            Some(letter) => within_word(letter),
            None => false,
        };
        if goes_on { None } else { Some(self.text.len() - rest.len()) }
    }

    /// Whether the keyword stands ahead.
    pub(crate) fn at(&self, keyword: &str) -> bool {
        self.after_keyword(keyword).is_some()
    }

    /// Takes the keyword when it stands ahead.
    pub(crate) fn eat(&mut self, keyword: &str) -> bool {
        match self.after_keyword(keyword) {
            Some(after) => {
                self.at = after;
                true
            }
            None => false,
        }
    }

    /// Takes all the keywords, or none.
    pub(crate) fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let before = self.at;
        let taken = keywords.iter().all(|keyword| self.eat(keyword));
        if !taken {
            self.at = before;
        }
        taken
    }

    /// Takes the keyword, or fails.
    pub(crate) fn expect(&mut self, keyword: &str) -> Result<(), Fault> {
        if self.eat(keyword) { Ok(()) } else { Err(self.expected(&format!("'{keyword}'"))) }
    }

    /// Takes one of the keywords, or fails.
    pub(crate) fn expect_one(&mut self, keywords: &[&'static str]) -> Result<&'static str, Fault> {
        let found = keywords.iter().copied().find(|keyword| self.eat(keyword));
        found.ok_or_else(|| self.expected(&format!("one of {}", keywords.join(", "))))
    }

    /// Reads a hyphenated keyword, whatever it is.
    pub(crate) fn keyword(&self) -> Option<&'a str> {
        let start = lexer::skip_blanks(self.text, self.at);
        let rest = &self.text[start..];
        rest.chars().next().filter(|letter| lexer::begins_word(*letter))?;
        let end = rest.find(|letter: char| !within_word(letter) && letter != '-').unwrap_or(rest.len());
        Some(rest[..end].trim_end_matches('-'))
    }

    /// Whether the mark stands ahead.
    pub(crate) fn at_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Ok(token) if token.kind == Kind::Mark && self.slice(&token) == mark)
    }

    /// Takes the mark when it stands ahead.
    pub(crate) fn eat_mark(&mut self, mark: &str) -> bool {
        match self.peek() {
            Ok(token) if token.kind == Kind::Mark && self.slice(&token) == mark => {
                self.at = token.end;
                true
            }
            _ => false,
        }
    }

    /// Takes the mark, or fails.
    pub(crate) fn expect_mark(&mut self, mark: &str) -> Result<(), Fault> {
        if self.eat_mark(mark) { Ok(()) } else { Err(self.expected(&format!("'{mark}'"))) }
    }

    /// Reads an entity name: a plain word that is no keyword, or a literal in brackets.
    pub(crate) fn name(&mut self, what: &str) -> Result<String, Fault> {
        let token = self.peek()?;
        let text = self.slice(&token);
        match token.kind {
            Kind::Word if !names::is_reserved(text) => {
                self.at = token.end;
                Ok(text.to_owned())
            }
            Kind::Word => {
                Err(self.expected(&format!("{what} (a keyword as a name needs brackets: ['{text}'])")))
            }
            Kind::Mark if text == "[" => {
                let before = self.at;
                self.at = token.end;
                let inner = self.take()?;
                match inner.kind {
                    Kind::Text { value, hidden: false } if self.eat_mark("]") => Ok(value),
                    _ => {
                        self.at = before;
                        Err(self.expected(&format!("{what} in brackets, such as ['my name']")))
                    }
                }
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Reads names with dots between them.
    pub(crate) fn dotted(&mut self, what: &str, most: usize) -> Result<Vec<String>, Fault> {
        let mut parts = vec![self.name(what)?];
        while parts.len() < most && self.eat_mark(".") {
            parts.push(self.name(what)?);
        }
        Ok(parts)
    }

    /// Reads one string literal.
    pub(crate) fn text(&mut self, what: &str) -> Result<String, Fault> {
        match self.peek()? {
            Token { kind: Kind::Text { value, .. }, end, .. } => {
                self.at = end;
                Ok(value)
            }
            _ => Err(self.expected(&format!("{what} as a string literal"))),
        }
    }

    /// Reads a string literal and those adjacent to it, which continue it; in queries, and for mappings.
    pub(crate) fn joined_text(&mut self, what: &str) -> Result<String, Fault> {
        let mut whole = self.text(what)?;
        while matches!(self.peek()?.kind, Kind::Text { .. }) {
            whole.push_str(&self.text(what)?);
        }
        Ok(whole)
    }

    /// Reads `( item, item … )`; at least one item.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        self.expect_mark("(")?;
        let mut items = vec![item(self)?];
        while self.eat_mark(",") {
            items.push(item(self)?);
        }
        self.expect_mark(")")?;
        Ok(items)
    }

    /// Everything that remains, unread.
    pub(crate) fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        self.at = self.text.len();
        rest
    }

    /// The raw text up to the `)` that matches an opening one already taken, which is taken too.
    pub(crate) fn raw_until_close(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        let mut depth = 1_usize;
        loop {
            let token = self.take()?;
            match (&token.kind, self.slice(&token)) {
                (Kind::Mark, "(") => depth += 1,
                (Kind::Mark, ")") => depth -= 1,
                (Kind::End, _) => return Err(self.expected("')'")),
                _ => {}
            }
            if depth == 0 {
                return Ok(&self.text[start..token.start]);
            }
        }
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keywords_end_where_words_end() {
        let mut cursor = Cursor::new(" create-merge table-x");
        assert!(!cursor.eat("create"));
        assert!(cursor.eat("create-merge"));
        assert!(!cursor.eat("table"));
        assert_eq!(cursor.keyword(), Some("table-x"));
    }

    #[test]
    fn names_in_every_quoting() {
        for (text, name) in [("T", "T"), ("['a b']", "a b"), ("[\"it's\"]", "it's"), ("[ @'x' ]", "x")] {
            assert_eq!(Cursor::new(text).name("a name").as_deref(), Ok(name), "{text}");
        }
        for text in ["where", "1a", "[a]", "['a'", "[h'a']", "'a'", "", "-"] {
            assert!(Cursor::new(text).name("a name").is_err(), "{text}");
        }
        assert_eq!(
            Cursor::new("a.['b c'].d").dotted("a name", 3),
            Ok(vec!["a".into(), "b c".into(), "d".into()])
        );
    }

    #[test]
    fn adjacent_literals_are_one() {
        let mut cursor = Cursor::new("'a' \"b\" // c\n 'd' x");
        assert_eq!(cursor.joined_text("a text").as_deref(), Ok("abd"));
        assert!(cursor.eat("x") && cursor.at_end());
    }

    #[test]
    fn faults_say_where() {
        let fault = Cursor::new("\n  ,").name("a table").unwrap_err();
        assert_eq!(fault.inner.and_then(|inner| inner.place), Some((2, 3)));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,60}") {
            let mut cursor = Cursor::new(&text);
            let _ = cursor.keyword();
            let _ = cursor.clone().name("a name");
            let _ = cursor.clone().joined_text("a text");
            let _ = cursor.clone().raw_until_close();
            let _ = cursor.clone().list(|inner| inner.name("a name"));
            let _ = cursor.expect_end();
            let _ = cursor.rest();
        }
    }
}
