//! Bodies: the properties of a thing, in canonical form.

mod expression;

use super::address::Address;
use super::duration::Ticks;
use super::words::word;
use arcstr::ArcStr;
use std::fmt;
use std::sync::Arc;
use thin_vec::ThinVec;

pub use expression::{Expr, Piece, SecretRef};

/// One value of a property.
///
/// The stored form (serde) is JSON and lossless: times, references and secrets are one-entry maps whose key
/// starts with `$` (test: `stored_form_is_lossless`). For people and for `--json` use [`Value::shown`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Explicitly nothing: the property is to be unset.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Real(f64),
    /// Text; enums and dates are texts in the service's own spelling.
    Text(ArcStr),
    /// A length of time.
    Time(Ticks),
    /// An ordered list; sets are sorted lists.
    List(ThinVec<Value>),
    /// Named values in a fixed order: that of the kind's fields, or of the spec where order means something.
    Map(Body),
    /// A value that depends on an attribute of another address.
    Unknown(Expr),
    /// A secret by where it is kept; the value itself never stands in a body.
    Secret(SecretRef),
}

/// Properties by name, in a fixed order. Clones share what they hold until one of them is changed.
#[derive(Clone, Default)]
pub struct Body(Option<Arc<Entries>>);

type Entries = Vec<(ArcStr, Value)>;

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Body").field(&self.entries()).finish()
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || self.entries() == other.entries()
    }
}

impl Body {
    /// An empty body.
    pub const fn new() -> Self {
        Self(None)
    }

    fn is_shared_with(&self, other: &Self) -> bool {
        matches!((&self.0, &other.0), (Some(own), Some(other)) if Arc::ptr_eq(own, other))
    }

    fn entries(&self) -> &[(ArcStr, Value)] {
        self.0.as_ref().map_or(&[], |entries| entries)
    }

    /// The entries to be changed: its own, so that no clone changes with it.
    fn own(&mut self) -> &mut Entries {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// The value of a property, if it is given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries().iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    /// The value of a property that probably stands at a place, as in a body that is much like another.
    pub fn near(&self, at: usize, name: &ArcStr) -> Option<&Value> {
        match self.entries().get(at) {
            Some((key, value)) if ArcStr::ptr_eq(key, name) || **key == **name => Some(value),
            _ => self.get(name),
        }
    }

    /// The text of a property, if it is given and is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text)
    }

    /// The value at a path of names through nested maps.
    pub fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let value = self.get(first.as_ref())?;
        if rest.is_empty() { Some(value) } else { value.as_map()?.at(rest) }
    }

    /// Sets a property in place, or adds it at the end.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let own = self.own();
        match own.iter_mut().find(|(key, _)| &**key == name) {
            Some((_, old)) => *old = value,
            None => own.push((word(name), value)),
        }
    }

    /// Adds a property at the end without looking for an older one of that name.
    pub fn push(&mut self, name: ArcStr, value: Value) {
        self.own().push((name, value));
    }

    /// Removes a property and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.entries().iter().position(|(key, _)| &**key == name)?;
        Some(self.own().remove(at).1)
    }

    /// The same body with one property set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// The same body with one property taken away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.remove(name);
        self
    }

    /// The properties in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&ArcStr, &Value)> + ExactSizeIterator {
        self.entries().iter().map(|(key, value)| (key, value))
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|(key, _)| &**key)
    }

    /// Every value by its dotted path, at every depth: a map before what is in it.
    pub fn paths(&self) -> Vec<(String, &Value)> {
        let mut all = Vec::new();
        for (name, value) in self.iter() {
            all.push((name.to_string(), value));
            if let Value::Map(inner) = value {
                all.extend(inner.paths().into_iter().map(|(path, value)| (format!("{name}.{path}"), value)));
            }
        }
        all
    }

    /// How many properties there are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Shares what is equal in another body, as a whole or value by value; what it holds stays the same
    /// (test: `what_is_equal_is_shared`).
    pub fn share(&mut self, other: &Self) {
        if self == other {
            *self = other.clone();
            return;
        }
        let in_common = |(at, (name, own)): (usize, (&ArcStr, &Value))| {
            let other = other.near(at, name).filter(|other| *other == own && !own.is_shared_with(other))?;
            Some((at, other.clone()))
        };
        let in_common: Vec<_> = self.iter().enumerate().filter_map(in_common).collect();
        for (at, value) in in_common {
            self.own()[at].1 = value;
        }
    }

    /// Orders the properties by name.
    pub fn sort(&mut self) {
        self.own().sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The references in all values.
    pub fn references(&self) -> Vec<(&Address, &[String])> {
        let mut found = Vec::new();
        self.entries().iter().for_each(|(_, value)| value.collect_references(&mut found));
        found
    }

    /// The same body with every reference replaced that `known` can answer.
    #[must_use]
    pub fn resolved(&self, known: &impl Fn(&Address, &[String]) -> Option<Value>) -> Self {
        if !self.entries().iter().any(|(_, value)| value.has(&|_| true)) {
            return self.clone();
        }
        self.entries().iter().map(|(key, value)| (key.clone(), value.resolved(known))).collect()
    }
}

impl FromIterator<(ArcStr, Value)> for Body {
    fn from_iter<I: IntoIterator<Item = (ArcStr, Value)>>(entries: I) -> Self {
        let mut entries: Entries = entries.into_iter().collect();
        entries.shrink_to_fit();
        if entries.is_empty() { Self(None) } else { Self(Some(Arc::new(entries))) }
    }
}

impl IntoIterator for Body {
    type Item = (ArcStr, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default().into_iter()
    }
}

impl Value {
    /// Whether two maps, or two texts, are equal because they are one in memory; that they are not says nothing.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Map(own), Self::Map(other)) => own.is_shared_with(other),
            (Self::Text(own), Self::Text(other)) => ArcStr::ptr_eq(own, other),
            _ => false,
        }
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The map, if this is one.
    pub fn as_map(&self) -> Option<&Body> {
        if let Self::Map(body) = self { Some(body) } else { None }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The length of time, if this is one.
    pub fn as_time(&self) -> Option<Ticks> {
        if let Self::Time(ticks) = self { Some(*ticks) } else { None }
    }

    /// Whether the service would show this as unset: null, empty text, empty list or a map of such.
    pub fn is_unset(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(body) => body.iter().all(|(_, value)| value.is_unset()),
            _ => false,
        }
    }

    /// Whether a reference stands anywhere in this value.
    pub fn has_unknown(&self) -> bool {
        self.has(&|expr| expr.references().next().is_some())
    }

    /// Whether some expression in this value is of a sort.
    fn has(&self, sort: &dyn Fn(&Expr) -> bool) -> bool {
        match self {
            Self::Unknown(expr) => sort(expr),
            Self::List(items) => items.iter().any(|item| item.has(sort)),
            Self::Map(body) => body.entries().iter().any(|(_, value)| value.has(sort)),
            _ => false,
        }
    }

    pub(super) fn collect_references<'a>(&'a self, found: &mut Vec<(&'a Address, &'a [String])>) {
        match self {
            Self::Unknown(expr) => found.extend(expr.references()),
            Self::List(items) => items.iter().for_each(|item| item.collect_references(found)),
            Self::Map(body) => body.entries().iter().for_each(|(_, value)| value.collect_references(found)),
            _ => {}
        }
    }

    pub(super) fn collect_secrets<'a>(&'a self, found: &mut Vec<&'a SecretRef>) {
        match self {
            Self::Secret(place) => found.push(place),
            Self::List(items) => items.iter().for_each(|item| item.collect_secrets(found)),
            Self::Map(body) => body.entries().iter().for_each(|(_, value)| value.collect_secrets(found)),
            _ => {}
        }
    }

    /// The secrets in this value, by where they are kept.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let mut found = Vec::new();
        self.collect_secrets(&mut found);
        found
    }

    /// The same value with every secret in its place that `secret` gives: to be sent, and neither kept nor shown.
    #[must_use]
    pub fn with_secrets(&self, secret: &impl Fn(&SecretRef) -> Option<String>) -> Self {
        match self {
            Self::Secret(place) => secret(place).map_or_else(|| self.clone(), Self::from),
            Self::List(items) => Self::List(items.iter().map(|item| item.with_secrets(secret)).collect()),
            Self::Map(body) => {
                Self::Map(body.iter().map(|(key, value)| (key.clone(), value.with_secrets(secret))).collect())
            }
            other => other.clone(),
        }
    }

    /// The same value with every reference replaced that `known` can answer.
    #[must_use]
    pub fn resolved(&self, known: &impl Fn(&Address, &[String]) -> Option<Self>) -> Self {
        match self {
            Self::Unknown(expr) => expr.resolved(known),
            Self::List(items) => Self::List(items.iter().map(|item| item.resolved(known)).collect()),
            Self::Map(body) => Self::Map(body.resolved(known)),
            other => other.clone(),
        }
    }

    /// The value as people and `--json` see it: times in the canonical spelling, `null` for what is known only
    /// after apply, secrets as `(sensitive)`.
    pub fn shown(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null | Self::Unknown(_) => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Real(value) => Json::from(*value),
            Self::Text(text) => Json::from(&**text),
            Self::Time(ticks) => Json::from(ticks.canonical()),
            Self::List(items) => Json::Array(items.iter().map(Self::shown).collect()),
            Self::Map(body) => body.shown(),
            Self::Secret(_) => Json::from("(sensitive)"),
        }
    }

    /// Reads a service's JSON as it is, without canonical forms.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::Real(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::Text(text.as_str().into()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => Self::Map(Body::from_json(map)),
        }
    }
}

impl Body {
    /// See [`Value::shown`].
    pub fn shown(&self) -> serde_json::Value {
        self.iter().map(|(key, value)| (key.to_string(), value.shown())).collect()
    }

    /// See [`Value::from_json`].
    pub fn from_json(map: &serde_json::Map<String, serde_json::Value>) -> Self {
        map.iter().map(|(key, value)| (key.as_str().into(), Value::from_json(value))).collect()
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}
impl From<ArcStr> for Value {
    fn from(text: ArcStr) -> Self {
        Self::Text(text)
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}
impl From<Ticks> for Value {
    fn from(ticks: Ticks) -> Self {
        Self::Time(ticks)
    }
}
impl From<Body> for Value {
    fn from(body: Body) -> Self {
        Self::Map(body)
    }
}
impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_form_is_lossless() {
        let address = Address::root().child("clusters", "a b");
        let expr = Expr(
            vec![
                Piece::Text("x-".to_owned()),
                Piece::Of { address, path: vec!["identity".to_owned(), "principalId".to_owned()] },
            ]
            .into(),
        );
        let body = Body::new()
            .with("z", Value::Null)
            .with("a", Value::from(vec![Value::from(1), Value::Real(1.5), Value::from("t")]))
            .with("m", Body::new().with("period", Ticks::days(3)).with("on", true))
            .with("u", Value::Unknown(expr))
            .with("s", Value::Secret(SecretRef::Env("KEY".into())));
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<Body>(&text).unwrap(), body);
        assert!(
            text.starts_with(r#"{"z":null,"a":[1,1.5,"t"],"m":{"period":{"$time":"3.00:00:00"}"#),
            "{text}"
        );
    }

    #[test]
    fn what_is_equal_is_shared() {
        let columns = |types: &[&str]| -> Body {
            types.iter().enumerate().map(|(at, of)| (word(&format!("c{at}")), Value::from(*of))).collect()
        };
        let table = |types: &[&str]| Body::new().with("columns", columns(types)).with("folder", "f");
        let spec = table(&["int", "long"]);
        for (types, equal) in [(&["int", "long"][..], true), (&["int", "real"], false), (&["int"], false)] {
            for live in [table(types), table(types).with("docString", "d")] {
                let mut shared = live.clone();
                shared.share(&spec);
                assert_eq!(shared, live);
                let of = |body: &Body| body.get("columns").cloned().unwrap();
                assert_eq!(of(&shared).is_shared_with(&of(&spec)), equal, "{types:?}");
                assert!(shared.get("folder").unwrap().is_shared_with(spec.get("folder").unwrap()));
            }
        }
    }

    #[test]
    fn values_are_small() {
        assert_eq!((size_of::<Value>(), size_of::<(ArcStr, Value)>()), (16, 24));
    }

    #[test]
    fn references_resolve_whole_and_within_text() {
        let of = |key: &str| Piece::Of {
            address: Address::root().child("clusters", key),
            path: vec!["id".to_owned()],
        };
        let known = |address: &Address, _: &[String]| (address.key() == "a").then(|| Value::from("ID"));
        let resolve = |pieces: Vec<Piece>| Value::Unknown(Expr(pieces.into())).resolved(&known);
        assert_eq!(resolve(vec![of("a")]), Value::from("ID"));
        assert_eq!(resolve(vec![Piece::Text("x/".to_owned()), of("a")]), Value::from("x/ID"));
        let Value::Unknown(half) = resolve(vec![of("a"), of("b")]) else { panic!("b is not known") };
        assert_eq!(half.to_string(), "ID${clusters.b.id}");
    }
}
