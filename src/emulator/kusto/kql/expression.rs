//! Scalar expressions: reading them, by precedence.
//!
//! Invariant: nesting is bounded, so that no text exhausts the stack (test: `nesting_is_bounded`).

use super::value::Datum;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::{Cursor, Kind};
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde_json::Value;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// A literal.
    Literal(Datum, Type),
    /// A column.
    Column(String),
    /// A member of a dynamic value, by name or by place.
    Member(Box<Expression>, Box<Expression>),
    /// A function.
    Call(String, Vec<Expression>),
    /// `not(…)` and the `!` of operators.
    Not(Box<Expression>),
    /// `-…`
    Minus(Box<Expression>),
    /// Two operands.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `in`, and without case `in~`.
    In(Box<Expression>, Vec<Expression>, bool),
    /// `between (a .. b)`
    Between(Box<Expression>, Box<Expression>, Box<Expression>),
}

/// An operator of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    EqualFolded,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// A comparison of text; the flag tells whether case counts.
    Text(TextOperator, bool),
}

/// A comparison of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextOperator {
    Contains,
    Has,
    StartsWith,
    EndsWith,
}

const DEEPEST: usize = 64;

const COMPARISONS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=~", Operator::EqualFolded),
];

const TEXT_OPERATORS: &[(&str, TextOperator, bool)] = &[
    ("contains_cs", TextOperator::Contains, true),
    ("contains", TextOperator::Contains, false),
    ("has_cs", TextOperator::Has, true),
    ("has", TextOperator::Has, false),
    ("startswith_cs", TextOperator::StartsWith, true),
    ("startswith", TextOperator::StartsWith, false),
    ("endswith_cs", TextOperator::EndsWith, true),
    ("endswith", TextOperator::EndsWith, false),
];

impl Expression {
    /// Reads an expression.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        Reader { cursor, depth: 0 }.any()
    }

    /// The name of the column that the expression makes when it is given none.
    pub(super) fn own_name(&self) -> Option<String> {
        match self {
            Self::Column(name) => Some(name.clone()),
            Self::Member(of, member) => match (of.own_name(), member.as_ref()) {
                (Some(of), Self::Literal(Datum::Text(member), _)) => Some(format!("{of}_{member}")),
                _ => None,
            },
            _ => None,
        }
    }
}

struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    depth: usize,
}

impl Reader<'_, '_> {
    fn any(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.cursor.expected("an expression of less depth"));
        }
        let mut left = self.all()?;
        while self.cursor.eat("or") {
            left = binary(Operator::Or, left, self.all()?);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        let mut left = self.comparison()?;
        while self.cursor.eat("and") {
            left = binary(Operator::And, left, self.comparison()?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, Fault> {
        let left = self.sum()?;
        for (mark, operator) in COMPARISONS {
            if self.cursor.eat_mark(mark) {
                return Ok(binary(*operator, left, self.sum()?));
            }
        }
        if self.cursor.eat_mark("!~") {
            return Ok(Expression::Not(Box::new(binary(Operator::EqualFolded, left, self.sum()?))));
        }
        let before = self.cursor.position();
        let negated = self.cursor.eat_mark("!");
        let found = self.word_operator(left.clone())?;
        match found {
            Some(found) if negated => Ok(Expression::Not(Box::new(found))),
            Some(found) => Ok(found),
            None => {
                self.cursor.move_to(before);
                Ok(left)
            }
        }
    }

    fn word_operator(&mut self, left: Expression) -> Result<Option<Expression>, Fault> {
        if self.cursor.eat("in") {
            let folded = self.cursor.eat_mark("~");
            self.cursor.expect_mark("(")?;
            let mut items = vec![self.any()?];
            while self.cursor.eat_mark(",") {
                items.push(self.any()?);
            }
            self.cursor.expect_mark(")")?;
            return Ok(Some(Expression::In(Box::new(left), items, folded)));
        }
        if self.cursor.eat("between") {
            self.cursor.expect_mark("(")?;
            let from = self.sum()?;
            self.cursor.expect_mark("..")?;
            let to = self.sum()?;
            self.cursor.expect_mark(")")?;
            return Ok(Some(Expression::Between(Box::new(left), Box::new(from), Box::new(to))));
        }
        for (word, operator, case) in TEXT_OPERATORS {
            if self.cursor.eat(word) {
                return Ok(Some(binary(Operator::Text(*operator, *case), left, self.sum()?)));
            }
        }
        for word in ["matches", "hasprefix", "hassuffix", "has_any", "has_all"] {
            if self.cursor.at(word) {
                return Err(Fault::not_modelled(&format!("operator {word}")));
            }
        }
        Ok(None)
    }

    fn sum(&mut self) -> Result<Expression, Fault> {
        let mut left = self.product()?;
        loop {
            let operator = if self.cursor.eat_mark("+") {
                Operator::Add
            } else if self.cursor.eat_mark("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.product()?);
        }
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        let mut left = self.factor()?;
        loop {
            let operator = if self.cursor.eat_mark("*") {
                Operator::Multiply
            } else if self.cursor.eat_mark("/") {
                Operator::Divide
            } else if self.cursor.eat_mark("%") {
                Operator::Modulo
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.factor()?);
        }
    }

    fn factor(&mut self) -> Result<Expression, Fault> {
        if self.cursor.eat_mark("-") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(self.cursor.expected("an expression of less depth"));
            }
            let inner = self.factor()?;
            self.depth -= 1;
            return Ok(Expression::Minus(Box::new(inner)));
        }
        let mut found = self.primary()?;
        loop {
            if self.cursor.eat_mark(".") {
                let name = self.cursor.name("a member name")?;
                let name = Expression::Literal(Datum::Text(name), Type::String);
                found = Expression::Member(Box::new(found), Box::new(name));
            } else if self.cursor.eat_mark("[") {
                let index = self.any()?;
                self.cursor.expect_mark("]")?;
                found = Expression::Member(Box::new(found), Box::new(index));
            } else {
                return Ok(found);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        if self.cursor.eat_mark("(") {
            let inner = self.any()?;
            self.cursor.expect_mark(")")?;
            return Ok(inner);
        }
        let token = self.cursor.peek()?;
        let text = self.cursor.slice(&token).to_owned();
        match token.kind {
            Kind::Text { .. } => {
                Ok(Expression::Literal(Datum::Text(self.cursor.joined_text("a string")?), Type::String))
            }
            Kind::Number => {
                self.cursor.move_to(token.end);
                number(&text).ok_or_else(|| self.cursor.expected("a number"))
            }
            Kind::Word if matches!(text.as_str(), "true" | "false") => {
                self.cursor.move_to(token.end);
                Ok(Expression::Literal(Datum::Bool(text == "true"), Type::Bool))
            }
            Kind::Word => {
                self.cursor.move_to(token.end);
                if self.cursor.eat_mark("(") {
                    return self.call(&text);
                }
                Ok(Expression::Column(text))
            }
            Kind::Mark if text == "[" => Ok(Expression::Column(self.cursor.name("a column name")?)),
            Kind::Mark | Kind::End => Err(self.cursor.expected("an expression")),
        }
    }

    /// What follows a word and `(`: a typed literal or a function's arguments.
    fn call(&mut self, word: &str) -> Result<Expression, Fault> {
        if let Some(of) = Type::parse(word).filter(|_| word != "bool") {
            let wrong = self.cursor.expected(&format!("a literal of type {word}"));
            let raw = self.cursor.raw_until_close()?.trim().to_owned();
            return typed(of, &raw).map(|value| Expression::Literal(value, of)).ok_or(wrong);
        }
        let mut arguments = Vec::new();
        if !self.cursor.eat_mark(")") {
            loop {
                arguments.push(self.any()?);
                if self.cursor.eat_mark(")") {
                    break;
                }
                self.cursor.expect_mark(",")?;
            }
        }
        match (word, arguments.len()) {
            ("not", 1) => Ok(Expression::Not(Box::new(arguments.swap_remove(0)))),
            _ => Ok(Expression::Call(word.to_owned(), arguments)),
        }
    }
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Binary(operator, Box::new(left), Box::new(right))
}

/// A number, whole or not, or a timespan such as `1d`.
fn number(text: &str) -> Option<Expression> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Expression::Literal(Datum::Long(whole), Type::Long));
    }
    if let Some(ticks) = time::unit_timespan(text) {
        return Some(Expression::Literal(Datum::TimeSpan(ticks), Type::TimeSpan));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return Some(Expression::Literal(Datum::Long(i64::from_str_radix(hex, 16).ok()?), Type::Long));
    }
    let real = text.parse::<f64>().ok().filter(|real| real.is_finite())?;
    Some(Expression::Literal(Datum::Real(real), Type::Real))
}

/// The value between the parentheses of `type(…)`.
fn typed(of: Type, raw: &str) -> Option<Datum> {
    let bare = raw.trim_matches(|letter| matches!(letter, '"' | '\''));
    if raw == "null" {
        return Some(Datum::Null);
    }
    Some(match of {
        Type::Bool => Datum::Bool(bare.parse().ok()?),
        Type::DateTime => Datum::DateTime(time::any_datetime(bare)?),
        Type::TimeSpan => Datum::TimeSpan(time::any_timespan(bare)?),
        Type::Guid => Datum::Text(uuid::Uuid::try_parse(bare).ok()?.to_string()),
        Type::Int | Type::Long => Datum::Long(bare.parse().ok()?),
        Type::Real | Type::Decimal => Datum::Real(bare.parse().ok()?),
        Type::String => Datum::Text(bare.to_owned()),
        Type::Dynamic => Datum::Dynamic(serde_json::from_str::<Value>(&raw.replace('\'', "\"")).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Expression> {
        let mut cursor = Cursor::new(text);
        Expression::read(&mut cursor).ok().filter(|_| cursor.at_end())
    }

    #[test]
    fn precedence() {
        assert_eq!(read("a or b and c"), read("a or (b and c)"));
        assert_eq!(read("a + b * c == d"), read("(a + (b * c)) == d"));
        assert_eq!(read("a !in ('x')"), read("not(a in ('x'))"));
        assert_eq!(read("a !contains 'x'"), read("not(a contains 'x')"));
        assert!(read("a.b['c'].d[0]").is_some());
        assert!(read("datetime(2020-01-01) > d and t < 1d").is_some());
        for text in ["", "a ==", "(a", "a in ()", "f(a", "1a", "a b", "datetime(x)"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(read(&"(".repeat(100_000)).is_none());
        assert!(read(&"-".repeat(100_000)).is_none());
        assert!(read(&"f(".repeat(100_000)).is_none());
        assert!(read(&"a[".repeat(100_000)).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s)[a-c0-9()'\"+*/.,=!<>~\\[\\] -]{0,60}") {
            let _ = read(&text);
        }
    }
}
