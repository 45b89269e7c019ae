//! `exact: true`: what an entry says is all that there is inside of it.
//!
//! Both halves are rules about what is wanted, not new ways of acting: a property that is left out is wanted unset, and
//! what is not declared is dropped as if its collection were pruned.
//!
//! Invariant: a spec that says `exact` leads from any live state to what it would make from nothing
//! (test: `leads_to_what_it_says_from_anything`).

use crate::kind::Kind;
use crate::kind::shape::{Field, Role, Shape};
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::inventory::{Desired, Inventory, Mode, Resource};

/// Whether an address stands somewhere inside of an entry that says `exact`.
pub(super) fn is_within(desired: &Desired, address: &Address) -> bool {
    !desired.exact.is_empty() && address.above().any(|above| desired.exact.contains(&above))
}

/// The live things that an exact entry leaves out, the highest of each branch.
pub(super) fn undeclared<'a>(desired: &Desired, live: &'a Inventory) -> Vec<(&'a Address, &'a Resource)> {
    let stays = |at: &Address| desired.inventory.get(at).is_some_and(|wanted| wanted.mode != Mode::Absent);
    let out =
        |at: &Address| desired.inventory.get(at).is_none() && at.parent().is_some_and(|above| stays(&above));
    desired.exact.iter().flat_map(|exact| live.below(exact)).filter(|(at, _)| out(at)).collect()
}

/// The names under which a declared thing leaves what it was beside itself.
pub(super) struct Left {
    parent: Address,
    collection: String,
    name: String,
}

impl Left {
    /// Whether a live thing was left so.
    pub(super) fn is(&self, at: &Address, live: &Resource) -> bool {
        let number = live.name.strip_prefix(self.name.as_str());
        let beside = at.collection() == self.collection && at.parent().as_ref() == Some(&self.parent);
        beside && number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// What declared things have left beside themselves: it stays until it is dropped by name.
pub(super) fn left_beside(desired: &Desired) -> Vec<Left> {
    let of = |(at, wanted): (&Address, &Resource)| {
        let name = crate::kind::by_name(wanted.kind)?.leaves(wanted)?;
        Some(Left { parent: at.parent()?, collection: at.collection().to_owned(), name })
    };
    desired.inventory.iter().filter_map(of).collect()
}

/// What is wanted of a thing when what it leaves out is to be unset: what it would be if it were made now, and
/// explicitly nothing wherever live has something beyond that.
pub(super) fn wanted(kind: &dyn Kind, live: Option<&Resource>, wanted: &Body) -> Body {
    let made = kind.settle(None, &kind.exactly(wanted));
    let Some(live) = live else { return made };
    let fields = kind.about().fields;
    let mut body = without(fields, &live.body, &made);
    // What the service fills in by itself stays, but not what the kind carries over.
    let carried = kind.settle(Some(live), &body);
    for field in fields.iter().filter(|f| f.role == Role::Filled && made.get(f.name).is_none()) {
        if carried.get(field.name).is_some_and(|value| !value.is_unset()) {
            body.set(field.name, Value::Null);
        }
    }
    body
}

fn without(fields: &[Field], live: &Body, wanted: &Body) -> Body {
    let mut body = wanted.clone();
    for field in fields.iter().filter(|field| field.role == Role::Managed) {
        match (live.get(field.name), wanted.get(field.name)) {
            (Some(live), None) if !live.is_unset() => body.set(field.name, Value::Null),
            (Some(live), Some(wanted)) => body.set(field.name, inside(&field.shape, live, wanted)),
            _ => {}
        }
    }
    body
}

/// The same for what stands in an object, and in each object of a map.
fn inside(shape: &Shape, live: &Value, wanted: &Value) -> Value {
    match (shape, live, wanted) {
        (Shape::Object { fields, .. }, Value::Map(live), Value::Map(wanted)) => {
            Value::Map(without(fields, live, wanted))
        }
        (Shape::Map(item) | Shape::OrderedMap(item), Value::Map(live), Value::Map(wanted)) => {
            let each = wanted.iter().map(|(key, value)| {
                let value = live.get(key).map_or_else(|| value.clone(), |live| inside(item, live, value));
                (key.clone(), value)
            });
            Value::Map(each.collect())
        }
        _ => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::shape;

    const FIELDS: &[Field] = &[
        Field::new("a", Shape::Text, ""),
        Field::new("b", Shape::OrderedMap(&Shape::object(INNER)), ""),
        Field::new("c", Shape::Int(0, 9), "").role(Role::Filled),
    ];
    const INNER: &[Field] = &[Field::new("x", Shape::Text, ""), Field::new("y", Shape::Text, "")];

    #[test]
    fn leads_to_what_it_says_from_anything() {
        let column = |x: &str, y: Option<&str>| {
            let body = Body::new().with("x", x);
            y.map_or_else(|| body.clone(), |y| body.clone().with("y", y))
        };
        let live = Body::new()
            .with("a", "text")
            .with("b", Body::new().with("one", column("1", Some("doc"))).with("gone", column("1", None)))
            .with("c", 3);
        let wanted =
            Body::new().with("b", Body::new().with("one", column("2", None)).with("new", column("3", None)));
        let exact = without(FIELDS, &live, &wanted);
        assert_eq!(
            exact.shown(),
            serde_json::json!({"a": null, "b": {"one": {"x": "2", "y": null}, "new": {"x": "3"}}})
        );
        assert!(shape::same_bodies(FIELDS, &shape::overlay(FIELDS, &live, &exact), &wanted));
    }
}
