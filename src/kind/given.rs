//! Values of which only what is given counts: the service adds to them as it likes.
//!
//! Invariant: laying a value over what it was laid over changes nothing (test: `laying_over_twice_is_once`).

use crate::model::body::{Body, Value};

/// Whether two values are the same to the service: the case of resource ids does not count, null is absence.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => {
            let is =
                |name: &str| same(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null));
            a.names().chain(b.names()).all(is)
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Text(a), Value::Text(b)) if is_id(a) => {
            a.trim_end_matches('/').eq_ignore_ascii_case(b.trim_end_matches('/'))
        }
        (Value::Int(whole), Value::Real(real)) | (Value::Real(real), Value::Int(whole)) => {
            whole.to_string() == real.to_string()
        }
        (a, b) => a == b || (a.is_unset() && b.is_unset()),
    }
}

fn is_id(text: &str) -> bool {
    text.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("/subscriptions/"))
}

/// What stands when something is given: what is not given of a map stays, and so it is for the maps of a list that
/// stays as long as it was; a null takes away.
pub fn overlay(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Map(live), Value::Map(wanted)) => Value::Map(maps(live, wanted)),
        (Value::List(live), Value::List(wanted)) if live.len() == wanted.len() => {
            Value::List(live.iter().zip(wanted).map(|(live, wanted)| overlay(live, wanted)).collect())
        }
        (live, wanted) if same(live, wanted) => live.clone(),
        _ => wanted.clone(),
    }
}

fn maps(live: &Body, wanted: &Body) -> Body {
    let mut all = live.clone();
    for (name, value) in wanted.iter() {
        // The service may spell the members of a map in another case than the spec does.
        let known = live.names().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name).to_owned();
        match (value, all.get(&known)) {
            (Value::Null, _) => drop(all.remove(&known)),
            (value, Some(old)) => {
                let value = overlay(old, value);
                all.set(&known, value);
            }
            (value, None) => all.set(name, value.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(json: &serde_json::Value) -> Value {
        Value::from_json(json)
    }

    #[test]
    fn laying_over_twice_is_once() {
        let cases = [
            (
                json!({"a": 1, "b": {"c": 2, "d": [1, 2]}}),
                json!({"b": {"d": [3]}}),
                json!({"a": 1, "b": {"c": 2, "d": [3]}}),
            ),
            (json!({"a": [{"x": 1, "id": 7}]}), json!({"a": [{"x": 2}]}), json!({"a": [{"x": 2, "id": 7}]})),
            (json!({"a": 1, "b": 2}), json!({"b": null}), json!({"a": 1})),
            (json!({"sku": {"Name": "S1"}}), json!({"sku": {"name": "S1"}}), json!({"sku": {"Name": "S1"}})),
            (
                json!({"of": "/subscriptions/S/x"}),
                json!({"of": "/Subscriptions/s/X/"}),
                json!({"of": "/subscriptions/S/x"}),
            ),
        ];
        for (live, wanted, expected) in cases {
            let once = overlay(&value(&live), &value(&wanted));
            assert_eq!(once, value(&expected), "{wanted} over {live}");
            assert_eq!(overlay(&once, &value(&wanted)), once, "{wanted} over {live}, twice");
        }
    }
}
