//! The stored form of bodies: JSON, lossless, with `$`-tags for what JSON has no form for.
//!
//! Plans and journals keep bodies so (test: `stored_form_is_lossless`).

use super::body::{Body, Expr, Value};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const TIME: &str = "$time";
const UNKNOWN: &str = "$unknown";
const SECRET: &str = "$secret";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn tagged<S: Serializer>(
            serializer: S,
            tag: &str,
            value: &impl Serialize,
        ) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(tag, value)?;
            map.end()
        }
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Time(ticks) => tagged(serializer, TIME, ticks),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(body) => body.serialize(serializer),
            Self::Unknown(expr) => tagged(serializer, UNKNOWN, &expr.0),
            Self::Secret(place) => tagged(serializer, SECRET, place),
        }
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (&**key, value)))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Stored)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Map(body) => Ok(body),
            other => {
                Err(serde::de::Error::custom(format!("a map of properties was expected, found {other:?}")))
            }
        }
    }
}

struct Stored;

impl<'de> Visitor<'de> for Stored {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond 63 bits JSON numbers are reals")]
        Ok(i64::try_from(value).map_or(Value::Real(value as f64), Value::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::from(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut body = Body::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                TIME => return last(map.next_value().map(Value::Time)?, map),
                UNKNOWN => return last(map.next_value().map(|pieces| Value::Unknown(Expr(pieces)))?, map),
                SECRET => return last(map.next_value().map(Value::Secret)?, map),
                _ => body.push(key.into(), map.next_value()?),
            }
        }
        Ok(Value::Map(body))
    }
}

/// A tagged value is alone in its map.
fn last<'de, A: MapAccess<'de>>(value: Value, mut map: A) -> Result<Value, A::Error> {
    match map.next_key::<String>()? {
        None => Ok(value),
        Some(key) => Err(serde::de::Error::custom(format!("`{key}` stands beside a tagged value"))),
    }
}
