//! An external table out of the command that makes it, as the schema script gives it.
//!
//! Words that this reader does not know are left out; what it cannot follow is said with the text
//! (test: `what_the_service_prints_is_read`).

use super::fields::{ABOUT, FUNCTIONS, SETTINGS};
use super::{connection, path};
use crate::kind::shape::{self, field};
use crate::model::body::{Body, Value};
use crate::model::kql::{self, Token, TokenKind};

/// The body of the table that a command makes.
///
/// # Errors
/// What could not be followed.
pub(super) fn definition(text: &str) -> Result<Body, String> {
    let tokens = kql::tokens(text).map_err(|error| error.to_string())?;
    let mut reader = Reader { text, tokens: &tokens, at: 0 };
    let body = reader.definition();
    let body = body.ok_or_else(|| format!("an external table was expected, found `{}`", reader.rest()))?;
    // Stars stand where a spec has a reference, so that no shape reads them.
    let connections = body.get("connectionStrings").cloned().unwrap_or(Value::Null);
    let canonical = shape::canonical_body(ABOUT.fields, &body.with("connectionStrings", Value::Null))?;
    Ok(canonical.with("connectionStrings", connections))
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Everything from the verb on.
    fn definition(&mut self) -> Option<Body> {
        while self.word_is("external").is_none() {
            self.at += 1;
            self.tokens.get(self.at)?;
        }
        self.word_is("table")?;
        self.name()?;
        let mut body = Body::new();
        let columns = if self.next() == Some("(") { Some(self.columns()?) } else { None };
        self.word_is("kind")?;
        self.mark('=')?;
        let kind = match self.word()?.to_ascii_lowercase().as_str() {
            "blob" | "adl" | "storage" => "storage",
            "delta" => "delta",
            "sql" => "sql",
            _ => return None,
        };
        body.set("kind", kind);
        if let Some(columns) = columns {
            body.set("columns", columns);
        }
        self.clauses(kind, &mut body)?;
        if self.word_is("with").is_some() {
            self.settings(&mut body)?;
        }
        // The columns follow the data, so that those of this moment say nothing.
        if body.get("autoUpdateSchema").and_then(Value::as_bool) == Some(true) {
            body.remove("columns");
        }
        Some(body)
    }

    /// The clauses in any order, up to the connection strings and with them.
    fn clauses(&mut self, kind: &str, body: &mut Body) -> Option<()> {
        loop {
            if self.mark('(').is_some() {
                let mut connections = Vec::new();
                while self.mark(')').is_none() {
                    connections.push(Value::Map(connection::read(kind, &self.literal()?)));
                    self.mark(',');
                }
                body.set("connectionStrings", connections);
                return Some(());
            }
            match self.word()?.to_ascii_lowercase().as_str() {
                "partition" => {
                    self.word_is("by")?;
                    let partitions = self.list(Self::partition)?;
                    body.set("partitions", partitions);
                }
                "pathformat" => {
                    self.mark('=')?;
                    body.set("pathFormat", path::canonical(self.inside()?));
                }
                "dataformat" => {
                    self.mark('=')?;
                    body.set("dataFormat", self.word()?.to_ascii_lowercase());
                }
                "table" => {
                    self.mark('=')?;
                    let table = self.literal().or_else(|| self.name())?;
                    body.set("table", table);
                }
                _ => return None,
            }
        }
    }

    fn columns(&mut self) -> Option<Body> {
        let columns = self.list(|reader| {
            let name = reader.name()?;
            reader.mark(':')?;
            Some((name.into(), Value::from(reader.word()?)))
        })?;
        Some(columns.into_iter().collect())
    }

    fn partition(&mut self) -> Option<Value> {
        let name = self.name()?;
        self.mark(':')?;
        let of = self.word()?;
        let mut body = Body::new().with("name", name).with("type", of);
        if self.mark('=').is_none() {
            return Some(Value::Map(body));
        }
        let called = self.tokens.get(self.at + 1).is_some_and(|token| token.kind == TokenKind::Mark('('));
        let word = self.next().unwrap_or_default();
        let function = FUNCTIONS.iter().find(|known| called && known.eq_ignore_ascii_case(word));
        let Some(function) = function else {
            body.set("column", self.name()?);
            return Some(Value::Map(body));
        };
        self.at += 2;
        body.set("column", self.name()?);
        body.set("function", *function);
        if *function == "Hash" {
            self.mark(',')?;
            body.set("modulus", self.word_or_number()?.parse::<i64>().ok()?);
        } else if *function == "Bin" {
            self.mark(',')?;
            let size = if self.word_is("time").or_else(|| self.word_is("timespan")).is_some() {
                let size = self.inside()?;
                kql::unquoted(size).unwrap_or_else(|| size.to_owned())
            } else {
                self.word_or_number()?.to_owned()
            };
            body.set("size", size);
        }
        self.mark(')')?;
        Some(Value::Map(body))
    }

    fn settings(&mut self, body: &mut Body) -> Option<()> {
        let settings = self.list(|reader| {
            let word = reader.word()?;
            reader.mark('=')?;
            let value = match reader.literal() {
                Some(text) => text,
                None => reader.word_or_number()?.to_owned(),
            };
            Some((word, value))
        })?;
        for (word, value) in settings {
            let is = |words: &str| words.trim_end_matches(" =").eq_ignore_ascii_case(word);
            let Some((name, _, _)) = SETTINGS.iter().find(|(_, words, _)| is(words)) else { continue };
            let flag =
                field(ABOUT.fields, name).is_some_and(|field| matches!(field.shape, shape::Shape::Bool));
            match (flag, value.to_ascii_lowercase().as_str()) {
                (true, "true") => body.set(name, true),
                (true, _) => body.set(name, false),
                (false, _) => body.set(name, value),
            }
        }
        Some(())
    }

    /// Items in parentheses, commas between them.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.mark('(')?;
        let mut items = Vec::new();
        while self.mark(')').is_none() {
            items.push(item(self)?);
            self.mark(',');
        }
        Some(items)
    }

    /// The text between a parenthesis and the one that closes it.
    fn inside(&mut self) -> Option<&'a str> {
        self.mark('(')?;
        let start = self.tokens.get(self.at)?.span.start;
        let mut depth = 1;
        loop {
            let token = self.tokens.get(self.at)?;
            self.at += 1;
            match token.kind {
                TokenKind::Mark('(') => depth += 1,
                TokenKind::Mark(')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(self.text[start..token.span.start].trim());
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        if self.mark('[').is_some() {
            let name = self.literal()?;
            self.mark(']')?;
            return Some(name);
        }
        self.word().map(str::to_owned)
    }

    fn literal(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Text)?;
        self.at += 1;
        kql::unquoted(&self.text[token.span.clone()])
    }

    fn word(&mut self) -> Option<&'a str> {
        let token = self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Word)?;
        self.at += 1;
        Some(&self.text[token.span.clone()])
    }

    fn word_is(&mut self, word: &str) -> Option<()> {
        let found = self.next().is_some_and(|found| found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found.then_some(())
    }

    fn word_or_number(&mut self) -> Option<&'a str> {
        let kinds = [TokenKind::Word, TokenKind::Number];
        let token = self.tokens.get(self.at).filter(|token| kinds.contains(&token.kind))?;
        self.at += 1;
        Some(&self.text[token.span.clone()])
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Mark(mark))?;
        self.at += 1;
        Some(())
    }

    /// The next token's text.
    fn next(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| &self.text[token.span.clone()])
    }

    fn rest(&self) -> String {
        let start = self.tokens.get(self.at).map_or(self.text.len(), |token| token.span.start);
        self.text[start..].chars().take(60).collect()
    }
}
