//! Function declarations: `(parameters) { body }` (`M:create-function.md`).
//!
//! Invariant: a printed parameter list reads back to itself (test: `parameters_round_trip`).

use super::cursor::Cursor;
use super::lexer::{self, Kind};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::names;
use crate::emulator::kusto::types::Type;
use serde::{Deserialize, Serialize};

/// What a function's parameter takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum ParameterType {
    /// A scalar, with the literal that stands in for an omitted argument.
    Scalar {
        /// The type.
        of: Type,
        /// The default, as written.
        default: Option<String>,
    },
    /// A table with at least these columns.
    Table {
        /// The columns that are named.
        columns: Vec<(String, Type)>,
        /// Whether others may follow (`*`).
        open: bool,
    },
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: String,
    /// What it takes.
    pub(crate) takes: ParameterType,
}

/// The parameters and the body of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Declaration {
    /// The parameters, in order.
    pub(crate) parameters: Vec<Parameter>,
    /// The body with its braces, as written.
    pub(crate) body: String,
}

impl Declaration {
    /// The parameter list as the service shows it: `(x:long, s:string="d")`.
    pub(crate) fn parameter_list(&self) -> String {
        let all: Vec<String> = self.parameters.iter().map(Parameter::print).collect();
        format!("({})", all.join(", "))
    }

    /// The names of the parameters.
    pub(crate) fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str())
    }
}

impl Parameter {
    fn print(&self) -> String {
        let name = names::print(&self.name);
        match &self.takes {
            ParameterType::Scalar { of, default: None } => format!("{name}:{}", of.name()),
            ParameterType::Scalar { of, default: Some(value) } => format!("{name}:{}={value}", of.name()),
            ParameterType::Table { columns, open } => {
                let mut parts: Vec<String> = columns
                    .iter()
                    .map(|(column, of)| format!("{}:{}", names::print(column), of.name()))
                    .collect();
                if *open {
                    parts.push("*".to_owned());
                }
                format!("{name}:({})", parts.join(", "))
            }
        }
    }
}

impl<'a> Cursor<'a> {
    /// Reads a type name.
    pub(crate) fn scalar_type(&mut self) -> Result<Type, Fault> {
        let token = self.peek()?;
        match Type::parse(self.slice(&token)).filter(|_| token.kind == Kind::Word) {
            Some(found) => {
                self.move_to(token.end);
                Ok(found)
            }
            None => Err(self.expected(
                "a type (bool, datetime, decimal, dynamic, guid, int, long, real, string, timespan)",
            )),
        }
    }

    /// Reads `name:type`.
    pub(crate) fn typed_name(&mut self, what: &str) -> Result<(String, Type), Fault> {
        let name = self.name(what)?;
        self.expect_mark(":")?;
        Ok((name, self.scalar_type()?))
    }

    /// Reads `(parameters) { body }`.
    pub(crate) fn declaration(&mut self) -> Result<Declaration, Fault> {
        let parameters = self.parameters()?;
        Ok(Declaration { parameters, body: self.braces()?.to_owned() })
    }

    fn parameters(&mut self) -> Result<Vec<Parameter>, Fault> {
        self.expect_mark("(")?;
        let mut found: Vec<Parameter> = Vec::new();
        if self.eat_mark(")") {
            return Ok(found);
        }
        loop {
            let start = self.clone();
            let parameter = self.parameter()?;
            if found.iter().any(|known| known.name == parameter.name) {
                return Err(start.expected("a parameter name that is not taken"));
            }
            let tabular = matches!(parameter.takes, ParameterType::Table { .. });
            if tabular && found.iter().any(|known| matches!(known.takes, ParameterType::Scalar { .. })) {
                return Err(start.expected("tabular parameters before scalar ones"));
            }
            found.push(parameter);
            if self.eat_mark(")") {
                return Ok(found);
            }
            self.expect_mark(",")?;
        }
    }

    fn parameter(&mut self) -> Result<Parameter, Fault> {
        let name = self.name("a parameter name")?;
        self.expect_mark(":")?;
        if self.at_mark("(") {
            return Ok(Parameter { name, takes: self.table_type()? });
        }
        let of = self.scalar_type()?;
        let default = if self.eat_mark("=") { Some(self.default_literal(of)?) } else { None };
        Ok(Parameter { name, takes: ParameterType::Scalar { of, default } })
    }

    /// Reads columns with their types, or a star alone, which stands for any columns.
    fn table_type(&mut self) -> Result<ParameterType, Fault> {
        self.expect_mark("(")?;
        let mut columns = Vec::new();
        if self.eat_mark("*") {
            self.expect_mark(")")?;
            return Ok(ParameterType::Table { columns, open: true });
        }
        loop {
            columns.push(self.typed_name("a column name")?);
            if self.eat_mark(")") {
                break;
            }
            self.expect_mark(",")?;
        }
        Ok(ParameterType::Table { columns, open: false })
    }

    /// Reads the literal of a default value, and keeps it as written.
    fn default_literal(&mut self, of: Type) -> Result<String, Fault> {
        let wrong = self.expected(&format!("a literal of type {}", of.name()));
        let token = self.peek()?;
        self.move_to(token.end);
        let fits = match (&token.kind, self.slice(&token)) {
            (Kind::Text { .. }, _) => of == Type::String,
            (Kind::Word, "true" | "false") => of == Type::Bool,
            (Kind::Word, _) if self.eat_mark("(") => {
                self.raw_until_close()?;
                true
            }
            (Kind::Number, _) => !matches!(of, Type::String | Type::Bool | Type::Guid),
            (Kind::Mark, "-") => self.take()?.kind == Kind::Number,
            _ => false,
        };
        if !fits {
            return Err(wrong);
        }
        Ok(self.source()[token.start..self.position()].to_owned())
    }

    /// Takes `{ … }` with its braces, aware of strings and comments.
    pub(crate) fn braces(&mut self) -> Result<&'a str, Fault> {
        let open = self.clone();
        let start = lexer::skip_blanks(self.source(), self.position());
        self.expect_mark("{")?;
        let mut depth = 1_usize;
        while depth > 0 {
            let token = self.take()?;
            match (&token.kind, self.slice(&token)) {
                (Kind::Mark, "{") => depth += 1,
                (Kind::Mark, "}") => depth -= 1,
                (Kind::End, _) => return Err(open.expected("a body whose braces close")),
                _ => {}
            }
        }
        Ok(&self.source()[start..self.position()])
    }
}

/// A command as it is shown again: its obfuscated strings are starred.
pub(crate) fn shown(command: &str) -> std::borrow::Cow<'_, str> {
    let may_hide = ["h\"", "h'", "h@", "H\"", "H'", "H@"].iter().any(|mark| command.contains(mark));
    if may_hide { mask_hidden(command).into() } else { command.into() }
}

/// Stars out the obfuscated strings (`h'…'`) of a text that is shown back.
pub(crate) fn mask_hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Ok(token) = lexer::next(text, at) {
        out.push_str(&text[at..token.start]);
        match token.kind {
            Kind::End => return out,
            Kind::Text { hidden: true, .. } => out.push_str("h\"*****\""),
            _ => out.push_str(&text[token.start..token.end]),
        }
        at = token.end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(String, String)> {
        let mut cursor = Cursor::new(text);
        let found = cursor.declaration().ok().filter(|_| cursor.at_end())?;
        Some((found.parameter_list(), found.body))
    }

    #[test]
    fn parameters_round_trip() {
        let cases = [
            ("() { T }", "()"),
            ("(x:long,s:string='d'){x}", "(x:long, s:string='d')"),
            ("(T:(a:string), ['b c']:int32 = -5) { T }", "(T:(a:string), ['b c']:int=-5)"),
            ("(T:(*)) { T }", "(T:(*))"),
            (
                "(t:timespan=time(1d), d:datetime=datetime(2020-01-01)) { 1 }",
                "(t:timespan=time(1d), d:datetime=datetime(2020-01-01))",
            ),
        ];
        for (text, list) in cases {
            let (found, _) = read(text).unwrap();
            assert_eq!(found, list);
            assert_eq!(read(&format!("{list} {{ 1 }}")).map(|(again, _)| again).as_deref(), Some(list));
        }
    }

    #[test]
    fn bodies_end_at_their_own_brace() {
        let body = "{ T | where a == '}' // }\n | extend b = dynamic({\"x\":1}) }";
        assert_eq!(read(&format!("() {body}")).map(|(_, found)| found).as_deref(), Some(body));
        for text in ["() { T", "() T }", "() { T } }", "(x:strng) { 1 }", "(x:long='5') { 1 }", "(x) { 1 }"] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in ["(x:long, x:int) { 1 }", "(x:long, T:(*)) { 1 }", "(T:(*)=1) { 1 }"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn hidden_strings_are_starred() {
        assert_eq!(mask_hidden("{ x(h'secret', 'open') /*é*/ }"), "{ x(h\"*****\", 'open') /*é*/ }");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s)[(){}a:long,*='\"/ \n]{0,60}") {
            let _ = read(&text);
            let _ = mask_hidden(&text);
        }
    }
}
