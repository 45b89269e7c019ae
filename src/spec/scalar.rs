//! Scalars: YAML 1.2's core types, read as the property asks, and advice for those that do not fit.

use super::diagnostic::{Code, Diagnostic};
use super::loader::Loader;
use super::suggest;
use super::template;
use super::tree::{Id, Style, View};
use super::yaml::quoted;
use crate::kind::shape::{Shape, describe, scalar_types};
use crate::model::{Body, Value};

/// Where a value comes from, for what messages may say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whence {
    /// It stands in the spec.
    Written,
    /// A reference gave it.
    Referred,
    /// The environment gave it, so that it is not to be shown.
    Hidden,
}

impl Loader<'_> {
    /// Reads a scalar.
    pub(super) fn scalar(&mut self, id: Id, shape: &Shape) -> Option<Value> {
        let View::Scalar(text, style) = self.tree.view(id) else { return self.unfit(id, shape) };
        if template::is_template(text) {
            let text = text.to_owned();
            return self.templated(id, &text, shape);
        }
        if matches!(shape, Shape::Secret) {
            return self.literal_secret(id);
        }
        let value = typed(text, style, shape);
        self.fit(id, value, shape, Whence::Written)
    }

    /// Brings a value to its canonical form, or reports why it does not fit; what it was probably meant to be then
    /// stands for it.
    pub(super) fn fit(&mut self, id: Id, value: Value, shape: &Shape, whence: Whence) -> Option<Value> {
        match shape.canonical(&value) {
            Ok(value) => {
                self.remarks(id, &value, shape);
                match (shape, value) {
                    (Shape::Enum(_) | Shape::ScalarType, Value::Text(word)) => {
                        Some(Value::Text(crate::model::word(&word)))
                    }
                    (_, value) => Some(value),
                }
            }
            Err(_) if matches!(shape, Shape::Secret) => self.literal_secret(id),
            Err(_) => {
                let found = match whence {
                    Whence::Written => describe(&value),
                    Whence::Referred => format!("a reference to {}", describe(&value)),
                    Whence::Hidden => "something else in the environment".to_owned(),
                };
                let message = self.mismatch(&shape.expects(), &found);
                let place = self.tree.place(self.tree.resolve(id));
                let found = Diagnostic::error(Code::WrongValue, message).at(place, "");
                let advice = if whence == Whence::Written { self.advice(id, &value, shape) } else { None };
                let meant = advice.as_ref().and_then(|(_, edit)| edit.as_ref()).and_then(|edit| {
                    let quoted = edit.strip_prefix('"').and_then(|edit| edit.strip_suffix('"'));
                    let value = quoted.map_or_else(|| typed(edit, Style::Plain, shape), Value::from);
                    shape.canonical(&value).ok()
                });
                self.push(match advice {
                    Some((help, Some(edit))) => found.help(help).patch(place, edit),
                    Some((help, None)) => found.help(help),
                    None => found,
                });
                meant
            }
        }
    }

    /// What is said about a value that fits.
    fn remarks(&mut self, id: Id, value: &Value, shape: &Shape) {
        let Some(text) = value.as_text() else { return };
        let place = self.tree.place(self.tree.resolve(id));
        match shape {
            Shape::OpenEnum(words) if !words.contains(&text) => {
                let message = format!("{} is not a word that this version knows here", quoted(text));
                let found = Diagnostic::warning(Code::NewWord, message).at(place, "");
                self.push(match suggest::nearest(text, words) {
                    Some(near) => found.help(format!("did you mean `{near}`?")).patch(place, near),
                    None => found.help(format!("known are {}", words.join(", "))),
                });
            }
            Shape::Name(rule) => {
                if let Some(objection) = rule.objection(text) {
                    let message =
                        format!("{} names nothing that the service could have: {objection}", quoted(text));
                    self.push(Diagnostic::error(Code::Name, message).at(place, ""));
                }
            }
            _ => {}
        }
    }

    /// What to do about a value that does not fit, with the text to write instead where that is plain.
    fn advice(&self, id: Id, value: &Value, shape: &Shape) -> Option<(String, Option<String>)> {
        let text = self.tree.text(id);
        let meant = |word: &str| Some((format!("did you mean `{word}`?"), Some(word.to_owned())));
        match (shape, value) {
            (Shape::Bool, Value::Text(_)) if matches!(text, "true" | "false") => {
                Some(("write it without quotes".to_owned(), Some(text.to_owned())))
            }
            (Shape::Bool, Value::Text(_)) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "y" | "1" => meant("true"),
                "false" | "no" | "off" | "n" | "0" => meant("false"),
                _ => None,
            },
            (Shape::Int(..) | Shape::Real, Value::Text(_)) if number(text).is_some() => {
                Some(("write the number without quotes".to_owned(), Some(text.to_owned())))
            }
            (Shape::Text | Shape::Name(_), Value::Bool(_)) => {
                Some(("put it in quotes to make it a text".to_owned(), Some(format!("\"{text}\""))))
            }
            (Shape::Enum(words), _) => suggest::nearest(text, words).and_then(meant),
            (Shape::ScalarType, _) => {
                let words: Vec<&str> = scalar_types().collect();
                suggest::nearest(text, &words).and_then(meant)
            }
            (Shape::Duration, Value::Int(n)) => Some((format!("add its unit, as in `{n}d` or `{n}h`"), None)),
            _ => None,
        }
    }

    fn literal_secret(&mut self, id: Id) -> Option<Value> {
        let help =
            "keep it elsewhere and write ${secret.env.NAME}, ${secret.file.PATH} or ${secret.keyVault.URI}";
        self.error(Code::Secret, "a secret cannot be written into a spec", id, help);
        None
    }

    /// Reports a secret that stands where none belongs.
    pub(super) fn stray_secret(&mut self, diagnostic: Diagnostic) {
        self.push(diagnostic.help("a secret is read only by properties that are secret themselves"));
    }
}

/// A scalar as the type that it is written as, where the property wants that, else as text.
pub(super) fn typed(text: &str, style: Style, shape: &Shape) -> Value {
    let as_text = || Value::from(text);
    match (shape, style) {
        (_, Style::Quoted) | (Shape::Secret | Shape::Kql(_), _) => as_text(),
        (Shape::Int(..) | Shape::Real | Shape::Bool | Shape::Any | Shape::Given, _) => {
            core(text).unwrap_or_else(as_text)
        }
        (_, Style::Loose) => as_text(),
        (Shape::Enum(words) | Shape::OpenEnum(words), Style::Plain) => {
            let known = words.iter().any(|word| word.eq_ignore_ascii_case(text));
            core(text).filter(|_| !known).unwrap_or_else(as_text)
        }
        (Shape::Text | Shape::Name(_) | Shape::Location, Style::Plain) => {
            core(text).filter(|value| matches!(value, Value::Bool(_))).unwrap_or_else(as_text)
        }
        _ => core(text).unwrap_or_else(as_text),
    }
}

/// A plain scalar of YAML's core schema that is not text; `null` is told apart by the tree.
fn core(text: &str) -> Option<Value> {
    match text {
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => number(text),
    }
}

/// A number of YAML's core schema; infinities and what is no number stay text.
fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = unsigned.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Value::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Value::Int);
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = text.strip_prefix('+').unwrap_or(text).parse().ok().map(Value::Int);
        return whole.or_else(|| text.parse().ok().map(Value::Real));
    }
    let is_real = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let has_digit = unsigned.bytes().any(|byte| byte.is_ascii_digit());
    if !is_real || !has_digit {
        return None;
    }
    text.parse().ok().filter(|real: &f64| real.is_finite()).map(Value::Real)
}

/// A value as it stands inside a text; none for what has no such form.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Time(ticks) => Some(ticks.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Unknown(_) | Value::Secret(_) => None,
    }
}

/// A value's sort in words.
pub(super) fn sort(value: &Value) -> String {
    match value {
        Value::Map(body) if *body == Body::new() => "an empty map".to_owned(),
        other => describe(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_types() {
        for (text, value) in [
            ("true", Some(Value::Bool(true))),
            ("yes", None),
            ("12", Some(Value::Int(12))),
            ("-3", Some(Value::Int(-3))),
            ("+3", Some(Value::Int(3))),
            ("0x1F", Some(Value::Int(31))),
            ("0o17", Some(Value::Int(15))),
            ("1.5", Some(Value::Real(1.5))),
            ("1e3", Some(Value::Real(1000.0))),
            (".5", Some(Value::Real(0.5))),
            (".inf", None),
            ("99999999999999999999", Some(Value::Real(1e20))),
            ("1.2.3", None),
            ("12:30", None),
            ("90d", None),
            ("-", None),
            (".", None),
            ("2026-01-31", None),
        ] {
            assert_eq!(core(text), value, "{text}");
        }
    }
}
