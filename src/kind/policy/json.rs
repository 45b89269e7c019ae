//! The JSON of policies: Pascal case outside, the fields' own names inside.
//!
//! Invariant: a body written and read again is the same body, enums given as numbers and unknown members included
//! (test: `what_is_written_is_read`).

use crate::kind::shape::{self, Field, Shape};
use crate::model::body::{Body, Value};
use serde_json::Value as Json;

/// Members that the service gives as numbers: the name of each, and the words by their number.
pub(in crate::kind) type Numbered = &'static [(&'static str, &'static [&'static str])];

/// Reads a JSON object into a body with these fields; unknown members and nulls are left out.
pub(in crate::kind) fn read(fields: &[Field], numbered: Numbered, json: &Json) -> Result<Body, String> {
    let body =
        object(fields, numbered, json).ok_or_else(|| format!("a JSON object was expected, found {json}"))?;
    shape::canonical_body(fields, &body)
}

/// Reads a JSON list into a body whose one property is the list.
pub(super) fn list(fields: &[Field], name: &str, numbered: Numbered, json: &Json) -> Result<Body, String> {
    if !json.is_array() {
        return Err(format!("a JSON list was expected, found {json}"));
    }
    let mut object = serde_json::Map::new();
    object.insert(name.to_owned(), json.clone());
    read(fields, numbered, &Json::Object(object))
}

/// The list of a body whose one property is a list, as policies are written.
pub(super) fn entries(body: &Body) -> Value {
    body.iter().next().map_or_else(|| Value::from(Vec::new()), |(_, entries)| of(entries))
}

fn object(fields: &[Field], numbered: Numbered, json: &Json) -> Option<Body> {
    let members = json.as_object()?;
    let found = fields.iter().filter_map(|f| {
        let (_, value) = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(f.name))?;
        let word = numbered.iter().find(|(name, _)| *name == f.name).and_then(|(_, words)| {
            let number = usize::try_from(value.as_u64()?).ok()?;
            words.get(number).map(|word| Value::from(*word))
        });
        (!value.is_null())
            .then(|| (crate::model::word(f.name), word.unwrap_or_else(|| inner(&f.shape, numbered, value))))
    });
    Some(found.collect())
}

fn inner(shape: &Shape, numbered: Numbered, json: &Json) -> Value {
    match (shape, json) {
        (Shape::Object { fields, .. }, Json::Object(_)) => {
            object(fields, numbered, json).map_or(Value::Null, Value::Map)
        }
        (Shape::List(item) | Shape::Set(item), Json::Array(items)) => {
            Value::List(items.iter().map(|json| inner(item, numbered, json)).collect())
        }
        // A number where a text is wanted, and the other way round, as older services give them.
        (Shape::Real, Json::String(text)) => {
            text.parse().map_or_else(|_| Value::from_json(json), Value::Real)
        }
        _ => Value::from_json(json),
    }
}

/// A body with the names in Pascal case, as policies are written; what is null is left out.
pub(in crate::kind) fn written(body: &Body) -> Value {
    let given = body.iter().filter(|(_, value)| **value != Value::Null);
    Value::Map(given.map(|(name, value)| (pascal(name).into(), of(value))).collect())
}

fn of(value: &Value) -> Value {
    match value {
        Value::Map(body) => written(body),
        Value::List(items) => Value::List(items.iter().map(of).collect()),
        other => other.clone(),
    }
}

fn pascal(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const INNER: Shape = Shape::object(&[
        Field::new("kind", Shape::Enum(&["One", "Two"]), ""),
        Field::new("period", Shape::Duration, ""),
    ]);
    const FIELDS: &[Field] = &[
        Field::new("maxSizeMB", Shape::Int(0, 9), ""),
        Field::new("rate", Shape::Real, ""),
        Field::new("inner", INNER, ""),
        Field::new("list", Shape::List(&INNER), ""),
    ];

    #[test]
    fn what_is_written_is_read() {
        let json = json!({
            "MaxSizeMB": 3, "Rate": 2.5,
            "Inner": {"Kind": "Two", "Period": "1.00:00:00"},
            "List": [{"Kind": "One"}],
        });
        let body = read(FIELDS, &[], &json).unwrap();
        assert_eq!(written(&body).shown(), json);
        let old = json!({
            "maxsizemb": 3, "Rate": "2.5", "Origin": 1, "List": [{"Kind": 0, "Period": null}],
            "Inner": {"Kind": 1, "Period": "1.00:00:00"},
        });
        assert_eq!(read(FIELDS, &[("kind", &["One", "Two"])], &old).unwrap(), body);
        assert!(read(FIELDS, &[], &json!([])).is_err());
    }
}
