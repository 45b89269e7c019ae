//! Shapes: what a property may hold, how it is read, and when two values of it are equal.
//!
//! One table of fields per kind gives the reader, the differ, the JSON Schema and `explain`.
//!
//! Invariant: [`Shape::canonical`] is idempotent, and the spec and the live reader both go through it, so two
//! spellings of one value compare equal (test: `canonical_is_idempotent`).

use super::given;
use super::texts::{date_time, is_arm_id};
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::word;
use arcstr::ArcStr;
use std::cmp::Ordering;

pub use super::names::NameRule;
pub use super::texts::{KqlForm, location, scalar_type, scalar_types};

/// What a property may hold.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Int(i64, i64),
    /// Any number.
    Real,
    /// Any text, compared exactly.
    Text,
    /// A GUID, compared in lower case.
    Guid,
    /// A length of time, compared by value.
    Duration,
    /// A moment in time (RFC 3339 or a date), kept in UTC.
    DateTime,
    /// One of some words, read in any case and kept in the service's own spelling.
    Enum(&'static [&'static str]),
    /// One of some words, or another that a newer service may know; read as [`Shape::Enum`] with a warning.
    OpenEnum(&'static [&'static str]),
    /// An ARM resource id of a type such as `Microsoft.EventHub/namespaces/eventhubs`; case does not count.
    ArmId(&'static str),
    /// An Azure region: case and blanks do not count.
    Location,
    /// The name of a thing that the service names, compared exactly.
    Name(NameRule),
    /// A piece of KQL: text, or `{file: path}` in the spec.
    Kql(KqlForm),
    /// A list without order or repetition.
    Set(&'static Self),
    /// A list whose order means something.
    List(&'static Self),
    /// Values by name; the order is that of the names.
    Map(&'static Self),
    /// Values by name whose order means something.
    OrderedMap(&'static Self),
    /// Named properties; a bare scalar or list stands for the first property of `short` that can hold it.
    Object {
        /// The properties.
        fields: &'static [Field],
        /// The properties that a bare scalar or list may give, in the order in which they are tried.
        short: &'static [&'static str],
    },
    /// A column's type; aliases are read and the service's own word is kept.
    ScalarType,
    /// A secret by reference; a literal is refused.
    Secret,
    /// Anything, compared as JSON.
    Any,
    /// Anything, of which only what is given counts; see [`super::given`].
    Given,
}

/// What a property is to the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Written and compared.
    Managed,
    /// Written at creation and compared; a change is refused, naming it.
    Immutable,
    /// Written at creation, never compared: the service does not give it back.
    CreateOnly,
    /// Written, and compared where both sides give it; where the spec does not, the service's own choice stands
    /// and is not carried over (an instance count under autoscale, a tenant filled in).
    Filled,
    /// Like [`Role::Filled`], a moment from which on the thing works: what is put back may start later, so that
    /// nothing is read twice.
    Start,
    /// Says where the thing is, and so is neither written nor compared; inherited from `azure:`.
    Place,
    /// Directs the tool; neither written nor compared.
    Setting,
}

/// A property of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The service's own name.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// What it stands for, in Markdown; units and defaults included.
    pub doc: &'static str,
    /// What it is to the tool.
    pub role: Role,
    /// Whether it must be given.
    pub required: bool,
}

impl Field {
    /// An optional property that is written and compared.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, role: Role::Managed, required: false }
    }

    /// The same property, required.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same property in another role.
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }
}

/// Finds a field by its name.
pub fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name == name)
}

impl Shape {
    /// A plain object without a short form.
    pub const fn object(fields: &'static [Field]) -> Self {
        Self::Object { fields, short: &[] }
    }

    /// What a person is asked for, as in "expected *a length of time such as 90d*".
    pub fn expects(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int(i64::MIN, i64::MAX) => "a whole number".to_owned(),
            Self::Int(min, i64::MAX) => format!("a whole number from {min}"),
            Self::Int(min, max) => format!("a whole number from {min} to {max}"),
            Self::Real => "a number".to_owned(),
            Self::Text | Self::Name(_) => "text".to_owned(),
            Self::Guid => "a GUID such as 00000000-0000-0000-0000-000000000000".to_owned(),
            Self::Duration => "a length of time such as 90d, 12h, 365.00:00:00 or P90D".to_owned(),
            Self::DateTime => "a moment in time such as 2026-01-31T08:00:00Z".to_owned(),
            Self::Enum(words) | Self::OpenEnum(words) if words.len() <= 12 => {
                let words: Vec<String> = words.iter().map(|word| alone(word)).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Enum(_) | Self::OpenEnum(_) => "one of the service's words".to_owned(),
            Self::ArmId("") => "a resource id that starts with /subscriptions/".to_owned(),
            Self::ArmId(of) => format!("the resource id of a {of}"),
            Self::Location => "an Azure region such as westeurope".to_owned(),
            Self::Kql(_) => "KQL text, or {file: PATH} of a .kql file".to_owned(),
            Self::Set(item) | Self::List(item) => format!("a list, each item {}", item.expects()),
            Self::Map(item) | Self::OrderedMap(item) => format!("a map, each value {}", item.expects()),
            Self::Object { fields, short } => {
                let shorts = short.iter().filter_map(|short| field(fields, short));
                shorts.fold("a map".to_owned(), |text, short| format!("{text}, or {}", short.shape.expects()))
            }
            Self::ScalarType => {
                format!("one of the column types {}", scalar_types().collect::<Vec<_>>().join(", "))
            }
            Self::Secret => "a secret by reference, such as ${secret.env.NAME}".to_owned(),
            Self::Any | Self::Given => "any value".to_owned(),
        }
    }

    /// Brings one value to the form in which it is kept and compared. References and secrets pass unchanged; a
    /// null passes wherever it stands.
    ///
    /// # Errors
    /// What is wrong, as a sentence without its place.
    pub fn canonical(&self, value: &Value) -> Result<Value, String> {
        if matches!(value, Value::Unknown(_) | Value::Null)
            || matches!((self, value), (Self::Secret, Value::Secret(_)))
        {
            return Ok(value.clone());
        }
        let wrong = || Err(format!("{} was expected, found {}", self.expects(), describe(value)));
        match (self, value) {
            (Self::Any | Self::Given, _) | (Self::Bool, Value::Bool(_)) => Ok(value.clone()),
            (Self::Int(min, max), Value::Int(n)) if min <= n && n <= max => Ok(value.clone()),
            (Self::Real, Value::Int(n)) => Ok(real(*n)),
            (Self::Real, Value::Real(_)) | (Self::Duration, Value::Time(_)) => Ok(value.clone()),
            (Self::Set(item), Value::List(items)) => {
                let mut items = items.iter().map(|i| item.canonical(i)).collect::<Result<Vec<_>, _>>()?;
                items.sort_by(order);
                items.dedup();
                Ok(Value::from(items))
            }
            (Self::List(item), Value::List(items)) => {
                Ok(Value::List(items.iter().map(|i| item.canonical(i)).collect::<Result<_, _>>()?))
            }
            (Self::Map(item) | Self::OrderedMap(item), Value::Map(body)) => {
                let mut body: Body = body
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), item.canonical(value)?)))
                    .collect::<Result<_, String>>()?;
                if matches!(self, Self::Map(_)) {
                    body.sort();
                }
                Ok(Value::Map(body))
            }
            // What is canonical already goes on sharing its memory.
            (Self::Object { fields, .. }, Value::Map(body)) => {
                let found = canonical_body(fields, body)?;
                Ok(if found == *body { value.clone() } else { Value::Map(found) })
            }
            (Self::Object { fields, short }, _) if !short.is_empty() => {
                short_form(fields, short, value).map_or_else(wrong, |body| Ok(Value::Map(body)))
            }
            (Self::Text, Value::Int(n)) => Ok(Value::from(n.to_string())),
            (Self::Enum(_) | Self::OpenEnum(_), Value::Int(n)) => {
                self.canonical_text(&n.to_string()).map_or_else(wrong, Ok)
            }
            (_, Value::Text(text)) => self.canonical_text(text).map_or_else(wrong, Ok),
            _ => wrong(),
        }
    }

    fn canonical_text(&self, text: &str) -> Option<Value> {
        match self {
            Self::Text | Self::Name(_) | Self::Location => Some(Value::from(text)),
            Self::Guid => uuid::Uuid::try_parse(text).ok().map(|guid| Value::from(guid.to_string())),
            Self::Duration => Ticks::parse(text).map(Value::Time),
            Self::DateTime => date_time(text).map(Value::from),
            Self::Enum(words) => words.iter().find(|w| w.eq_ignore_ascii_case(text)).map(|w| Value::from(*w)),
            Self::OpenEnum(words) => {
                Some(Value::from(words.iter().find(|w| w.eq_ignore_ascii_case(text)).map_or(text, |w| *w)))
            }
            Self::ArmId(of) => is_arm_id(text, of).then(|| Value::from(text)),
            Self::Kql(form) => Some(Value::from(form.canonical(text))),
            Self::ScalarType => scalar_type(text).map(Value::from),
            _ => None,
        }
    }

    /// Whether two canonical values are the same to the service; unset in any form equals absent.
    pub fn same(&self, a: Option<&Value>, b: Option<&Value>) -> bool {
        let (Some(a), Some(b)) = (a, b) else {
            return a.is_none_or(Value::is_unset) && b.is_none_or(Value::is_unset);
        };
        if a.is_shared_with(b) || (a.is_unset() && b.is_unset()) {
            return true;
        }
        match (self, a, b) {
            (Self::ArmId(_), Value::Text(a), Value::Text(b)) => {
                a.trim_end_matches('/').eq_ignore_ascii_case(b.trim_end_matches('/'))
            }
            (Self::Location, Value::Text(a), Value::Text(b)) => location(a) == location(b),
            (Self::Set(item), Value::List(a), Value::List(b)) => {
                let within = |x: &[Value], y: &[Value]| {
                    x.iter().all(|v| y.iter().any(|w| item.same(Some(v), Some(w))))
                };
                within(a, b) && within(b, a)
            }
            (Self::List(item), Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| item.same(Some(a), Some(b)))
            }
            (Self::Map(item), Value::Map(a), Value::Map(b)) => {
                let all = |a: &Body, b: &Body| {
                    a.iter().enumerate().all(|(at, (name, value))| item.same(Some(value), b.near(at, name)))
                };
                all(a, b) && all(b, a)
            }
            (Self::OrderedMap(item), Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|((n, v), (m, w))| n == m && item.same(Some(v), Some(w)))
            }
            (Self::Object { fields, .. }, Value::Map(a), Value::Map(b)) => {
                a == b || same_bodies(fields, a, b)
            }
            (Self::Real, a, b) => order(a, b) == Ordering::Equal,
            (Self::Given, a, b) => given::same(a, b),
            _ => a == b,
        }
    }

    /// See [`recalled`].
    fn recalled(&self, live: &Value, wanted: &Value) -> Value {
        match (self, live, wanted) {
            (Self::Secret, _, Value::Secret(_)) => wanted.clone(),
            (Self::Object { fields, .. }, Value::Map(live), Value::Map(wanted)) => {
                Value::Map(recalled(fields, live, wanted))
            }
            (Self::List(item) | Self::Set(item), Value::List(live), Value::List(wanted)) => {
                let one = |live: &Value| {
                    let same = wanted.iter().find(|wanted| item.same(Some(live), Some(wanted)));
                    same.map_or_else(|| live.clone(), |wanted| item.recalled(live, wanted))
                };
                Value::List(live.iter().map(one).collect())
            }
            _ => live.clone(),
        }
    }

    /// What stands after a change: `wanted` laid over `live`, object by object; everything else as a whole.
    pub fn overlay(&self, live: Option<&Value>, wanted: &Value) -> Value {
        match (self, live, wanted) {
            (Self::Object { fields, .. }, Some(Value::Map(live)), Value::Map(wanted)) => {
                Value::Map(overlay(fields, live, wanted))
            }
            (Self::Given, Some(live), wanted) => given::overlay(live, wanted),
            (_, Some(live), wanted) if self.same(Some(live), Some(wanted)) => live.clone(),
            _ => wanted.clone(),
        }
    }
}

/// A live body with the secrets that `wanted` has for the same things, of which live shows only that there are some.
pub fn recalled(fields: &[Field], live: &Body, wanted: &Body) -> Body {
    let one = |(name, value): (&ArcStr, &Value)| {
        let found = field(fields, name).zip(wanted.get(name));
        let value =
            found.map_or_else(|| value.clone(), |(field, wanted)| field.shape.recalled(value, wanted));
        (name.clone(), value)
    };
    live.iter().map(one).collect()
}

/// Lays `wanted` over `live`, property by property in the order of the fields: what is not wanted stays, except
/// what the service fills in by itself.
pub fn overlay(fields: &[Field], live: &Body, wanted: &Body) -> Body {
    let known = fields.iter().filter(|f| f.role != Role::Setting).filter_map(|f| {
        let value = match (live.get(f.name), wanted.get(f.name)) {
            (live, Some(wanted)) => f.shape.overlay(live, wanted),
            (Some(_), None) if matches!(f.role, Role::Filled | Role::Start) => return None,
            (Some(live), None) => live.clone(),
            (None, None) => return None,
        };
        Some((word(f.name), value))
    });
    known.collect()
}

/// Whether two bodies agree on every property that is compared.
pub fn same_bodies(fields: &'static [Field], a: &Body, b: &Body) -> bool {
    differing(fields, a, b).is_empty()
}

/// The compared properties in which two bodies differ, in the order of the fields.
pub fn differing(fields: &'static [Field], a: &Body, b: &Body) -> Vec<&'static Field> {
    let differs = |f: &&Field| match f.role {
        Role::CreateOnly | Role::Setting | Role::Place => false,
        Role::Filled | Role::Start if a.get(f.name).is_none() || b.get(f.name).is_none() => false,
        _ => !f.shape.same(a.get(f.name), b.get(f.name)),
    };
    fields.iter().filter(differs).collect()
}

/// The properties in which what was put back differs from what stood before.
pub fn unrestored(fields: &'static [Field], before: &Body, live: &Body) -> Vec<&'static Field> {
    let mut fields = differing(fields, before, live);
    fields.retain(|f| f.role != Role::Start);
    fields
}

/// Brings every property of a body to its canonical form, in the order of the fields; properties that no field
/// describes are left out.
///
/// # Errors
/// The first property that cannot be read, with its name.
pub fn canonical_body(fields: &[Field], body: &Body) -> Result<Body, String> {
    let known = fields.iter().filter_map(|f| body.get(f.name).map(|value| (f, value)));
    known
        .map(|(f, value)| match f.shape.canonical(value) {
            Ok(value) => Ok((word(f.name), value)),
            Err(why) => Err(format!("`{}`: {why}", f.name)),
        })
        .collect()
}

/// The body for which a bare scalar or list stands, if one of the short properties can hold it.
pub fn short_form(fields: &[Field], short: &[&str], value: &Value) -> Option<Body> {
    let mut shorts = short.iter().filter_map(|name| field(fields, name));
    shorts.find_map(|f| f.shape.canonical(value).ok().map(|value| Body::new().with(f.name, value)))
}

/// A word as it stands in a list of words.
fn alone(word: &str) -> String {
    if word.contains(',') { format!("\"{word}\"") } else { word.to_owned() }
}

/// A value's kind in words, as in "found *a list*".
pub fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Int(value) => format!("the number {value}"),
        Value::Real(value) => format!("the number {value}"),
        Value::Text(text) if text.chars().count() <= 60 => format!("{:?}", &**text),
        Value::Text(_) => "a text".to_owned(),
        Value::Time(ticks) => format!("{ticks}"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Unknown(expr) => format!("{expr}"),
        Value::Secret(place) => format!("{place}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a real property beyond 53 bits does not occur")]
const fn real(n: i64) -> Value {
    Value::Real(n as f64)
}

/// A total order of values, numbers by their value.
fn order(a: &Value, b: &Value) -> Ordering {
    let number = |v: &Value| match v {
        Value::Int(n) => real(*n),
        other => other.clone(),
    };
    match (number(a), number(b)) {
        (Value::Real(a), Value::Real(b)) => a.total_cmp(&b),
        (Value::Text(a), Value::Text(b)) => a.cmp(&b),
        (a, b) => format!("{a:?}").cmp(&format!("{b:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::new("a", Shape::Duration, ""),
        Field::new("b", Shape::Set(&Shape::Enum(&["One", "Two"])), ""),
        Field::new(
            "c",
            Shape::Object { fields: &[Field::new("type", Shape::ScalarType, "")], short: &["type"] },
            "",
        ),
        Field::new("d", Shape::Kql(KqlForm::Parameters), ""),
        Field::new("e", Shape::DateTime, ""),
    ];

    fn body(json: serde_json::Value) -> Body {
        let Value::Map(body) = Value::from_json(&json) else { panic!("a map") };
        canonical_body(FIELDS, &body).unwrap()
    }

    #[test]
    fn canonical_is_idempotent() {
        let one = body(
            serde_json::json!({"e": "2026-01-31 08:00:00+01:00", "d": "( a : long,b:string='x' )", "c": "int64", "b": ["two", "one", "TWO"], "a": "36h"}),
        );
        assert_eq!(canonical_body(FIELDS, &one).unwrap(), one);
        assert_eq!(
            one.shown(),
            serde_json::json!({"a": "1.12:00:00", "b": ["One", "Two"], "c": {"type": "long"}, "d": "(a:long, b:string='x')", "e": "2026-01-31T07:00:00Z"})
        );
    }

    #[test]
    fn what_is_not_wanted_stays() {
        let live = body(serde_json::json!({"a": "1d", "b": ["one"], "c": "long"}));
        let after = overlay(FIELDS, &live, &body(serde_json::json!({"b": [], "c": "int"})));
        assert_eq!(after.shown(), serde_json::json!({"a": "1.00:00:00", "b": [], "c": {"type": "int"}}));
        let names: Vec<&str> = differing(FIELDS, &live, &after).iter().map(|f| f.name).collect();
        assert_eq!(names, ["b", "c"]);
    }

    #[test]
    fn what_the_service_fills_in_counts_only_where_it_is_given() {
        const FILLED: &[Field] = &[
            Field::new("count", Shape::Int(0, 9), "").role(Role::Filled),
            Field::new("since", Shape::Text, "").role(Role::Start),
        ];
        let live = Body::new().with("count", 3).with("since", "noon");
        assert!(overlay(FILLED, &live, &Body::new()).is_empty());
        assert!(same_bodies(FILLED, &live, &Body::new()));
        let other = Body::new().with("count", 4).with("since", "one");
        assert!(!same_bodies(FILLED, &live, &other));
        let names: Vec<&str> = unrestored(FILLED, &live, &other).iter().map(|f| f.name).collect();
        assert_eq!(names, ["count"]);
    }

    #[test]
    fn unset_in_any_form_is_equal() {
        let unset = body(serde_json::json!({"a": null, "b": [], "c": {"type": null}}));
        assert!(same_bodies(FIELDS, &unset, &Body::new()));
    }

    #[test]
    fn resource_ids_are_checked_by_type() {
        let hub = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/h";
        assert!(is_arm_id(hub, "Microsoft.EventHub/namespaces/eventhubs"));
        assert!(is_arm_id(&hub.to_uppercase(), "microsoft.eventhub/namespaces/eventhubs"));
        assert!(!is_arm_id(hub, "Microsoft.EventHub/namespaces"));
        assert!(!is_arm_id(&format!("{hub}/"), "Microsoft.Storage/storageAccounts"));
        assert!(is_arm_id("/subscriptions/s/resourceGroups/g", "") && !is_arm_id("h", ""));
    }
}
