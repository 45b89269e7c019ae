//! The definition of an external table as the schema script prints it, read into a body.
//!
//! Invariant: a property that is not known is named, never fatal; a definition of another form gives nothing (test:
//! `what_is_strange_is_not_fatal`).

use super::{EXTRA, FLAGS, KINDS, PROPERTIES};
use crate::kind::script::Reader;
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::kql::{self, TokenKind};
use std::sync::Arc;

/// A definition.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Definition {
    /// What is known of it, not yet canonical.
    pub body: Body,
    /// The properties that are not known.
    pub unknown: Vec<String>,
}

/// Reads everything behind the name of an external table.
pub(super) fn read(definition: &str) -> Option<Definition> {
    let mut tokens = kql::tokens(definition).ok()?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    let reader = Reader { text: definition, tokens: &tokens, at: 0 };
    Parser { reader, found: Definition::default() }.definition()
}

struct Parser<'a> {
    reader: Reader<'a>,
    found: Definition,
}

impl Parser<'_> {
    fn definition(mut self) -> Option<Definition> {
        if self.is_at(&TokenKind::Mark('(')) {
            let columns = self.columns()?;
            self.found.body.set("columns", columns);
        }
        self.keyword("kind")?;
        let kind = match self.reader.word()? {
            "storage" | "blob" | "adl" => "storage",
            word => KINDS.iter().find(|kind| **kind == word)?,
        };
        self.found.body.set("kind", kind);
        while !self.is_at(&TokenKind::Mark('(')) {
            self.clause()?;
        }
        let connections = self.list(|this| this.reader.literal())?;
        let connections: Vec<Value> =
            connections.iter().map(|text| super::connection::of_live(kind, text).into()).collect();
        self.found.body.set("connectionStrings", connections);
        self.properties()?;
        (self.reader.at == self.reader.tokens.len()).then_some(self.found)
    }

    /// `table = T`, `partition by (…)`, `pathformat = (…)` or `dataformat = word`.
    fn clause(&mut self) -> Option<()> {
        match self.reader.word()? {
            "table" => {
                self.reader.mark('=')?;
                let name = self.reader.literal().or_else(|| self.reader.name())?;
                self.found.body.set("table", name);
            }
            "partition" => {
                (self.reader.word()? == "by").then_some(())?;
                let partitions: Body = self.list(Self::partition)?.into_iter().collect();
                self.found.body.set("partitions", partitions);
            }
            "pathformat" => {
                self.reader.mark('=')?;
                let start = self.next()?;
                self.skip_parentheses()?;
                let end = self.reader.tokens.get(self.reader.at - 1)?.span.start;
                self.found.body.set("pathFormat", self.reader.text[start + 1..end].trim());
            }
            "dataformat" => {
                self.reader.mark('=')?;
                let format = self.reader.word()?.to_owned();
                self.found.body.set("dataFormat", format);
            }
            _ => return None,
        }
        Some(())
    }

    fn columns(&mut self) -> Option<Body> {
        let columns = self.list(|this| {
            let name = this.reader.name()?;
            this.reader.mark(':')?;
            Some((Arc::from(name), Value::from(this.reader.word()?)))
        })?;
        Some(columns.into_iter().collect())
    }

    /// `P:type`, or with `= column` or `= function(column, …)` behind it.
    fn partition(&mut self) -> Option<(Arc<str>, Value)> {
        let name = self.reader.name()?;
        self.reader.mark(':')?;
        let mut body = Body::new().with("type", self.reader.word()?);
        if self.reader.mark('=').is_some() {
            let start = self.reader.at;
            let function = self.reader.word();
            match function.filter(|_| self.is_at(&TokenKind::Mark('('))) {
                Some(function) => self.function(&function.to_owned(), &mut body)?,
                None => {
                    self.reader.at = start;
                    body.set("column", self.reader.name()?);
                }
            }
        }
        Some((name.into(), body.into()))
    }

    fn function(&mut self, function: &str, body: &mut Body) -> Option<()> {
        self.reader.mark('(')?;
        body.set("function", function);
        body.set("column", self.reader.name()?);
        if self.reader.mark(',').is_some() {
            let start = self.next()?;
            if function == "hash" {
                self.reader.at += 1;
                body.set("modulus", self.reader.text[start..self.end()?].parse::<i64>().ok()?);
            } else {
                let mut depth = 0_usize;
                while depth > 0 || !self.is_at(&TokenKind::Mark(')')) {
                    match self.reader.tokens.get(self.reader.at)?.kind {
                        TokenKind::Mark('(') => depth += 1,
                        TokenKind::Mark(')') => depth -= 1,
                        _ => {}
                    }
                    self.reader.at += 1;
                }
                body.set("size", span(&self.reader.text[start..self.end()?])?);
            }
        }
        self.reader.mark(')')
    }

    /// `with (name = value, …)`.
    fn properties(&mut self) -> Option<()> {
        if self.reader.at == self.reader.tokens.len() {
            return Some(());
        }
        (self.reader.word()? == "with").then_some(())?;
        let pairs = self.list(|this| {
            let name = this.reader.word()?.to_owned();
            this.reader.mark('=')?;
            let value = match this.reader.literal() {
                Some(text) => text,
                None => this.reader.word()?.to_owned(),
            };
            Some((name, value))
        })?;
        for (word, value) in pairs {
            let known = PROPERTIES.iter().chain(EXTRA).find(|p| p.eq_ignore_ascii_case(&word));
            let Some(name) = known else {
                self.found.unknown.push(word);
                continue;
            };
            let value = match FLAGS.contains(name) {
                true => Value::from(value.eq_ignore_ascii_case("true")),
                false => Value::from(value),
            };
            self.found.body.set(name, value);
        }
        Some(())
    }

    /// `(item, item …)`
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.reader.mark('(')?;
        let mut items = vec![item(self)?];
        while self.reader.mark(',').is_some() {
            items.push(item(self)?);
        }
        self.reader.mark(')')?;
        Some(items)
    }

    fn keyword(&mut self, word: &str) -> Option<()> {
        (self.reader.word()? == word).then_some(())?;
        self.reader.mark('=')
    }

    fn skip_parentheses(&mut self) -> Option<()> {
        self.reader.mark('(')?;
        let mut depth = 1;
        while depth > 0 {
            match self.reader.tokens.get(self.reader.at)?.kind {
                TokenKind::Mark('(') => depth += 1,
                TokenKind::Mark(')') => depth -= 1,
                _ => {}
            }
            self.reader.at += 1;
        }
        Some(())
    }

    fn is_at(&self, kind: &TokenKind) -> bool {
        self.reader.tokens.get(self.reader.at).is_some_and(|token| token.kind == *kind)
    }

    /// Where the token ahead starts.
    fn next(&self) -> Option<usize> {
        self.reader.tokens.get(self.reader.at).map(|token| token.span.start)
    }

    /// Where the token behind ends.
    fn end(&self) -> Option<usize> {
        self.reader.tokens.get(self.reader.at.checked_sub(1)?).map(|token| token.span.end)
    }
}

/// A length of time as a literal: `1d`, `time(1.00:00:00)`.
fn span(literal: &str) -> Option<Ticks> {
    let inner = ["timespan", "time"].iter().find_map(|word| literal.strip_prefix(word));
    let inner = inner.map_or(literal, |text| text.trim().trim_start_matches('(').trim_end_matches(')'));
    Ticks::parse(inner.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_the_service_prints() {
        let text = "(Timestamp:datetime, ['b c']:string)\nkind = storage\npartition by (C:long = hash(['b c'], 10), \
                    D:datetime = startofday(Timestamp), B:datetime = bin(Timestamp, time(1.00:00:00)), \
                    S:string = ['b c'], ['V 1']:string)\npathformat = (\"c=\" C \"/(\" \
                    datetime_pattern(\"yyyy\",D))\ndataformat = csv\n(\n    h@\"https://a/c;*******\",\n    \
                    h@\"https://b/c;impersonate\"\n)\nwith (folder = \"f\", docstring = \"true\", compressed = true, \
                    strange = \"x\")";
        let found = read(text).unwrap();
        assert_eq!(found.unknown, ["strange"]);
        assert_eq!(
            found.body.shown(),
            json!({
                "columns": {"Timestamp": "datetime", "b c": "string"},
                "kind": "storage",
                "partitions": {
                    "C": {"type": "long", "function": "hash", "column": "b c", "modulus": 10},
                    "D": {"type": "datetime", "function": "startofday", "column": "Timestamp"},
                    "B": {"type": "datetime", "function": "bin", "column": "Timestamp", "size": "1.00:00:00"},
                    "S": {"type": "string", "column": "b c"},
                    "V 1": {"type": "string"},
                },
                "pathFormat": "\"c=\" C \"/(\" datetime_pattern(\"yyyy\",D)",
                "dataFormat": "csv",
                "connectionStrings": [
                    {"url": "https://a/c", "credential": "*******"},
                    {"url": "https://b/c", "credential": "impersonate"},
                ],
                "folder": "f",
                "docString": "true",
                "compressed": true,
            })
        );
        let sql = "(a:long) kind=sql table=['my t'] (\"Server=s;Password=*******;Encrypt=true\") with (firetriggers=true)";
        assert_eq!(
            read(sql).unwrap().body.shown(),
            json!({
                "columns": {"a": "long"},
                "kind": "sql",
                "table": "my t",
                "connectionStrings": [{"url": "Server=s;Encrypt=true;Password=", "credential": "*******"}],
                "fireTriggers": true,
            })
        );
    }

    #[test]
    fn what_is_strange_is_not_fatal() {
        for text in [
            "",
            "(a:long)",
            "(a:long) kind = other ('x')",
            "(a:long) kind = storage catalog = 'x' dataformat = csv ('x')",
            "(a:long) kind = storage dataformat = csv ('x'",
            "(a:long) kind = storage dataformat = csv ('x') with (a)",
            "(a:long) kind = storage pathformat = (",
            "(a) kind = delta ('x')",
            "kind = delta ('x') more",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read("kind = delta ('x')").is_some());
    }
}
