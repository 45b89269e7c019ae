//! Proof: live compared with what a step, or the whole plan, says it must be.
//!
//! Pure; the driver brings the inventory. A reference that nothing answers, and a secret, match anything, for live
//! does not show them.

use super::event::{Difference, Verdict, Way};
use crate::kind::{self, Kind};
use crate::model::body::{Body, Value};
use crate::model::{Address, Change, Inventory, Resource};
use crate::plan::{Plan, Step};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// What answers references by now.
pub trait Known: Fn(&Address, &[String]) -> Option<Value> {}
impl<F: Fn(&Address, &[String]) -> Option<Value>> Known for F {}

/// How the properties of a thing are compared.
#[derive(Clone, Copy)]
struct Rules(Option<&'static dyn Kind>);

impl Rules {
    fn of(kind: &str) -> Self {
        Self(kind::by_name(kind))
    }

    /// The properties in which two bodies differ.
    fn differing(self, a: &Body, b: &Body) -> BTreeSet<String> {
        match self.0 {
            Some(kind) => {
                let fields = kind.about().fields;
                kind::shape::differing(fields, a, b).iter().map(|field| field.name.to_owned()).collect()
            }
            None => {
                let names = a.names().chain(b.names()).collect::<BTreeSet<_>>();
                let value = |body: &Body, name: &str| body.get(name).filter(|v| !v.is_unset()).cloned();
                let differs = |name: &&str| value(a, name) != value(b, name);
                names.into_iter().filter(differs).map(str::to_owned).collect()
            }
        }
    }

    /// The properties in which what was put back is not what it was.
    fn unrestored(self, before: &Body, live: &Body) -> BTreeSet<String> {
        match self.0 {
            Some(kind) => {
                let fields = kind.about().fields;
                kind::shape::unrestored(fields, before, live)
                    .iter()
                    .map(|field| field.name.to_owned())
                    .collect()
            }
            None => self.differing(before, live),
        }
    }

    /// What live would be if `wanted` were applied to it: equal to live when it is satisfied already.
    fn settled(self, live: &Resource, wanted: &Body) -> Body {
        match self.0 {
            Some(kind) => kind.settle(Some(live), wanted),
            None => {
                let mut body = live.body.clone();
                wanted.iter().for_each(|(name, value)| body.set(name, value.clone()));
                body
            }
        }
    }

    /// The properties of `wanted` that live does not satisfy.
    fn missing(self, live: &Resource, wanted: &Body) -> BTreeSet<String> {
        self.differing(&live.body, &self.settled(live, wanted))
    }
}

/// A body with its references answered, without the properties that stay open.
fn answered(body: &Body, known: &impl Known) -> Body {
    let open = |value: &Value| value.has_unknown() || has_secret(value);
    body.resolved(known).into_iter().filter(|(_, value)| !open(value)).collect()
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(body) => body.iter().any(|(_, value)| has_secret(value)),
        _ => false,
    }
}

/// Where live stands between the two ends of a step, and in what it differs when it stands at neither.
///
/// As after: what the step wants, laid over live, leaves live as it is. As before: live is what was read when the
/// plan was made (`was_read`), or holds everything that an earlier step of the same thing was to bring about.
pub fn verdict(
    step: &Step,
    was_read: bool,
    live: &Inventory,
    known: &impl Known,
) -> (Verdict, Vec<Difference>) {
    let rules = Rules::of(&step.kind);
    let found = live.get(&step.address);
    let Change { before, after } = &step.change;
    let before = before.as_ref().map(|body| answered(body, known));
    let after = after.as_ref().map(|body| answered(body, known));
    let from = |end: &Body, found: &Resource| {
        if was_read { rules.unrestored(end, &found.body) } else { rules.missing(found, end) }
    };
    let is_before = match (&before, found) {
        (None, found) => found.is_none(),
        (Some(_), None) => false,
        (Some(before), Some(found)) => from(before, found).is_empty(),
    };
    let is_after = match (&after, found) {
        (None, found) => found.is_none(),
        (Some(_), None) => false,
        (Some(after), Some(found)) => rules.missing(found, after).is_empty(),
    };
    let alike = match (&before, &after) {
        (Some(before), Some(after)) => was_read || rules.differing(before, after).is_empty(),
        (None, None) => true,
        _ => false,
    };
    let verdict = match (is_before, is_after) {
        (true, true) if alike => Verdict::Either,
        (_, true) => Verdict::After,
        (true, false) => Verdict::Before,
        (false, false) => Verdict::Neither,
    };
    if verdict != Verdict::Neither {
        return (verdict, Vec::new());
    }
    let body = found.map(|found| &found.body);
    let ends = Ends { address: &step.address, before: before.as_ref(), after: after.as_ref(), found: body };
    let whole = || BTreeSet::from([String::new()]);
    let mut names = match (&before, &after, found) {
        (_, Some(after), Some(found)) => rules.missing(found, after),
        (Some(before), None, Some(found)) => from(before, found),
        _ => whole(),
    };
    if let (Some(before), Some(_), Some(found)) = (&before, &after, found) {
        names.extend(from(before, found));
    }
    (verdict, ends.differences(names))
}

/// What of the whole plan is not in live as it must be: as after, or as before.
///
/// After: what the plan wants, laid over live, must leave live as it is, so that a second plan is empty. Before:
/// every property must be as it was read.
///
/// Before, after an undoing: what is put back may start later than it did, so that nothing is read twice.
pub fn residue(plan: &Plan, way: Way, live: &Inventory, known: &impl Known) -> Vec<Difference> {
    compared(plan, way, live, known, false)
}

fn compared(plan: &Plan, way: Way, live: &Inventory, known: &impl Known, strict: bool) -> Vec<Difference> {
    let mut all = Vec::new();
    for (address, resolution) in &plan.changes {
        let rules = Rules::of(&resolution.kind);
        let before = resolution.change.before.as_ref().map(|body| answered(body, known));
        let after = resolution.change.after.as_ref().map(|body| answered(body, known));
        let found = live.get(address);
        let body = found.map(|found| &found.body);
        let ends = Ends { address, before: before.as_ref(), after: after.as_ref(), found: body };
        let wanted = if way == Way::Apply { ends.after } else { ends.before };
        let names = match (wanted, found) {
            (None, None) => continue,
            (None, Some(_)) | (Some(_), None) => BTreeSet::from([String::new()]),
            (Some(wanted), Some(found)) if way == Way::Apply => rules.missing(found, wanted),
            (Some(wanted), Some(found)) if strict => rules.differing(&found.body, wanted),
            (Some(wanted), Some(found)) => rules.unrestored(wanted, &found.body),
        };
        all.extend(ends.differences(names));
    }
    all
}

/// What of live is not as it was when the plan was made, for the things that the plan changes.
pub fn stale(plan: &Plan, live: &Inventory) -> Vec<Difference> {
    compared(plan, Way::Undo, live, &|_: &Address, _: &[String]| None, true)
}

struct Ends<'a> {
    address: &'a Address,
    before: Option<&'a Body>,
    after: Option<&'a Body>,
    found: Option<&'a Body>,
}

impl Ends<'_> {
    fn differences(&self, names: BTreeSet<String>) -> Vec<Difference> {
        let shown = |body: Option<&Body>, name: &str| match body {
            None => Json::Null,
            Some(body) if name.is_empty() => body.shown(),
            Some(body) => body.get(name).map_or(Json::Null, Value::shown),
        };
        let difference = |name: String| Difference {
            address: self.address.clone(),
            before: shown(self.before, &name),
            after: shown(self.after, &name),
            found: shown(self.found, &name),
            property: name,
        };
        names.into_iter().map(difference).collect()
    }
}
