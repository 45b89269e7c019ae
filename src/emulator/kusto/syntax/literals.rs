//! Scalar literals in commands, and `with (name = value, …)` clauses.

use super::cursor::Cursor;
use super::lexer::Kind;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;

/// The value of one property of a `with` clause.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Property {
    /// A string literal.
    Text(String),
    /// Any other literal, as written: `true`, `5`, `1d`, `dynamic([…])`.
    Bare(String),
}

/// The properties of a `with` clause; names are compared without case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Properties(Vec<(String, Property)>);

impl Properties {
    /// The property of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Property> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A property that must be a string literal.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Property::Text(text)) => Ok(Some(text)),
            Some(Property::Bare(bare)) => {
                Err(Fault::bad_request(format!("Property '{name}' takes a string literal, not {bare}.")))
            }
        }
    }

    /// A property that must be true or false, quoted or not.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        let Some(Property::Text(text) | Property::Bare(text)) = self.get(name) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(Fault::bad_request(format!("Property '{name}' takes true or false, not '{text}'."))),
        }
    }

    /// A property that must be a timespan; `timespan(null)` is an explicit nothing.
    pub(crate) fn timespan(&self, name: &str) -> Result<Option<Option<i64>>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Property::Bare(literal)) => Cursor::new(literal).nullable_timespan().map(Some),
            Some(Property::Text(text)) => match time::any_timespan(text) {
                Some(ticks) => Ok(Some(Some(ticks))),
                None => Err(Fault::bad_request(format!("Property '{name}' takes a timespan, not '{text}'."))),
            },
        }
    }

    /// Refuses properties that the command does not know.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Fault> {
        let unknown =
            self.0.iter().find(|(name, _)| !known.iter().any(|known| name.eq_ignore_ascii_case(known)));
        match unknown {
            None => Ok(()),
            Some((name, _)) => Err(Fault::bad_request(format!(
                "Property '{name}' is not one of the command's: {}.",
                known.join(", ")
            ))),
        }
    }
}

impl Cursor<'_> {
    /// Reads `with (name = value, …)` when it stands ahead.
    pub(crate) fn properties(&mut self) -> Result<Properties, Fault> {
        if !self.eat("with") {
            return Ok(Properties::default());
        }
        let mut found: Vec<(String, Property)> = Vec::new();
        let pairs = self.list(|cursor| {
            let name = cursor.property_name()?;
            cursor.expect_mark("=")?;
            Ok((name, cursor.property_value()?))
        })?;
        for (name, value) in pairs {
            if found.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(Fault::bad_request(format!("Property '{name}' is given twice.")));
            }
            found.push((name, value));
        }
        Ok(Properties(found))
    }

    fn property_name(&mut self) -> Result<String, Fault> {
        let token = self.peek()?;
        if token.kind == Kind::Word {
            self.move_to(token.end);
            return Ok(self.slice(&token).to_owned());
        }
        self.name("a property name")
    }

    fn property_value(&mut self) -> Result<Property, Fault> {
        let token = self.peek()?;
        match token.kind {
            Kind::Text { .. } => self.text("a value").map(Property::Text),
            Kind::Word | Kind::Number => {
                self.move_to(token.end);
                if self.eat_mark("(") {
                    self.raw_until_close()?;
                }
                Ok(Property::Bare(self.source()[token.start..self.position()].to_owned()))
            }
            Kind::Mark if self.slice(&token) == "-" => {
                self.move_to(token.end);
                match self.property_value()? {
                    Property::Bare(number) => Ok(Property::Bare(format!("-{number}"))),
                    Property::Text(_) => Err(self.expected("a number")),
                }
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads a timespan literal in ticks: `30d`, `time(1.02:03:04)`, `timespan(15 seconds)`.
    pub(crate) fn timespan(&mut self) -> Result<i64, Fault> {
        let start = self.clone();
        self.nullable_timespan()?.ok_or_else(|| start.expected("a timespan that is not null"))
    }

    /// Reads a timespan literal in ticks; `timespan(null)` gives `None`.
    pub(crate) fn nullable_timespan(&mut self) -> Result<Option<i64>, Fault> {
        let start = self.clone();
        let wrong = || start.expected("a timespan, such as 30d or time(30.00:00:00)");
        let token = self.take()?;
        match token.kind {
            Kind::Number => time::unit_timespan(self.slice(&token)).map(Some).ok_or_else(wrong),
            Kind::Word if matches!(self.slice(&token), "time" | "timespan") && self.eat_mark("(") => {
                let inside = self.raw_until_close()?.trim();
                let inside = inside.trim_matches(|letter| matches!(letter, '"' | '\''));
                if inside == "null" {
                    return Ok(None);
                }
                time::any_timespan(inside).map(Some).ok_or_else(wrong)
            }
            Kind::Text { value, .. } => time::any_timespan(&value).map(Some).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    /// Reads a datetime literal in ticks: `datetime(2021-01-01)`.
    pub(crate) fn datetime(&mut self) -> Result<i64, Fault> {
        let start = self.clone();
        let wrong = || start.expected("a datetime, such as datetime(2021-01-01)");
        if !self.eat("datetime") || !self.eat_mark("(") {
            return Err(wrong());
        }
        let inside = self.raw_until_close()?.trim();
        time::any_datetime(inside.trim_matches(|letter| matches!(letter, '"' | '\''))).ok_or_else(wrong)
    }

    /// Reads `true` or `false`, in the spellings that commands accept.
    pub(crate) fn flag(&mut self) -> Result<bool, Fault> {
        let token = self.peek()?;
        let found = match (&token.kind, self.slice(&token)) {
            (Kind::Word, "true" | "True" | "TRUE") => true,
            (Kind::Word, "false" | "False" | "FALSE") => false,
            _ => return Err(self.expected("true or false")),
        };
        self.move_to(token.end);
        Ok(found)
    }

    /// Reads a GUID as it stands, without quotes.
    pub(crate) fn guid(&mut self) -> Result<uuid::Uuid, Fault> {
        let start = super::lexer::skip_blanks(self.source(), self.position());
        let rest = &self.source()[start..];
        let end =
            rest.find(|letter: char| !letter.is_ascii_hexdigit() && letter != '-').unwrap_or(rest.len());
        match uuid::Uuid::try_parse(&rest[..end]) {
            Ok(found) if end == 36 => {
                self.move_to(start + end);
                Ok(found)
            }
            _ => Err(self.expected("a GUID")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_properties() {
        let mut cursor =
            Cursor::new("with (docString='ab', skipvalidation=true, n=-5, l=time(1d), d=dynamic([1]))");
        let properties = cursor.properties().unwrap();
        assert_eq!(properties.text("docstring"), Ok(Some("ab")));
        assert_eq!(properties.flag("SkipValidation"), Ok(Some(true)));
        assert_eq!(properties.get("n"), Some(&Property::Bare("-5".to_owned())));
        assert_eq!(properties.get("d"), Some(&Property::Bare("dynamic([1])".to_owned())));
        assert_eq!(properties.timespan("l"), Ok(Some(Some(time::DAY))));
        assert!(properties.only(&["docstring", "skipvalidation", "n", "l"]).is_err());
        assert!(cursor.at_end());
    }

    #[test]
    fn refuses_properties_given_twice_or_without_value() {
        for text in ["with (a=1, A=2)", "with (a)", "with ()", "with (a=)", "with a=1"] {
            assert!(Cursor::new(text).properties().is_err(), "{text}");
        }
    }

    #[test]
    fn reads_scalars() {
        assert_eq!(Cursor::new("time(31.00:00:00)").timespan(), Ok(31 * time::DAY));
        assert_eq!(Cursor::new("timespan(null)").nullable_timespan(), Ok(None));
        assert!(Cursor::new("timespan(null)").timespan().is_err());
        assert!(Cursor::new("30").timespan().is_err());
        assert_eq!(Cursor::new("True").flag(), Ok(true));
        assert!(Cursor::new("datetime(2021-01-01T00:00:00Z)").datetime().is_ok());
        assert!(Cursor::new("9a1b2c3d-0000-0000-0000-000000000001 x").guid().is_ok());
    }
}
