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

    /// What live would be if `wanted` were applied to it: equal to live when it is satisfied already.
    fn settled(self, live: &Body, wanted: &Body) -> Body {
        match self.0 {
            Some(kind) => kind.settle(Some(&Resource { body: live.clone(), ..Resource::default() }), wanted),
            None => {
                let mut body = live.clone();
                wanted.iter().for_each(|(name, value)| body.set(name, value.clone()));
                body
            }
        }
    }

    /// The properties of `wanted` that live does not satisfy.
    fn missing(self, live: &Body, wanted: &Body) -> BTreeSet<String> {
        self.differing(live, &self.settled(live, wanted))
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
/// Only what the step changes is looked at: a property that it does not touch tells nothing about it.
pub fn verdict(step: &Step, live: &Inventory, known: &impl Known) -> (Verdict, Vec<Difference>) {
    let rules = Rules::of(&step.kind);
    let found = live.get(&step.address).map(|resource| &resource.body);
    let Change { before, after } = &step.change;
    let before = before.as_ref().map(|body| answered(body, known));
    let after = after.as_ref().map(|body| answered(body, known));
    let (is_before, is_after) = match (&before, &after, found) {
        (None, None, found) => (found.is_none(), found.is_none()),
        (None, Some(_), None) => (true, false),
        (None, Some(after), Some(found)) => (false, rules.missing(found, after).is_empty()),
        (Some(_), None, None) => (false, true),
        (Some(before), None, Some(found)) => (rules.differing(found, before).is_empty(), false),
        (Some(_), Some(_), None) => (false, false),
        (Some(before), Some(after), Some(found)) => {
            let touched = rules.differing(before, after);
            let free = |names: BTreeSet<String>| names.is_disjoint(&touched);
            (free(rules.differing(found, before)), free(rules.missing(found, after)))
        }
    };
    let verdict = match (is_before, is_after) {
        (true, true) => Verdict::Either,
        (true, false) => Verdict::Before,
        (false, true) => Verdict::After,
        (false, false) => Verdict::Neither,
    };
    if verdict != Verdict::Neither {
        return (verdict, Vec::new());
    }
    let ends = Ends { address: &step.address, before: before.as_ref(), after: after.as_ref(), found };
    let names = match (ends.before, ends.after, found) {
        (Some(before), Some(after), Some(found)) => {
            let touched = rules.differing(before, after);
            touched.into_iter().filter(|name| found.get(name) != after.get(name)).collect()
        }
        (None, Some(end), Some(found)) => rules.missing(found, end),
        (Some(end), None, Some(found)) => rules.differing(found, end),
        _ => BTreeSet::from([String::new()]),
    };
    (verdict, ends.differences(names))
}

/// What of the whole plan is not in live as it must be: as after, or as before.
///
/// After: what the plan wants, laid over live, must leave live as it is, so that a second plan is empty. Before:
/// every property must be as it was read.
pub fn residue(plan: &Plan, way: Way, live: &Inventory, known: &impl Known) -> Vec<Difference> {
    let mut all = Vec::new();
    for (address, resolution) in &plan.changes {
        let rules = Rules::of(&resolution.kind);
        let before = resolution.change.before.as_ref().map(|body| answered(body, known));
        let after = resolution.change.after.as_ref().map(|body| answered(body, known));
        let found = live.get(address).map(|resource| &resource.body);
        let ends = Ends { address, before: before.as_ref(), after: after.as_ref(), found };
        let wanted = if way == Way::Apply { ends.after } else { ends.before };
        let names = match (wanted, found) {
            (None, None) => continue,
            (None, Some(_)) | (Some(_), None) => BTreeSet::from([String::new()]),
            (Some(wanted), Some(found)) if way == Way::Apply => rules.missing(found, wanted),
            (Some(wanted), Some(found)) => rules.differing(found, wanted),
        };
        all.extend(ends.differences(names));
    }
    all
}

/// What of live is not as it was when the plan was made, for the things that the plan changes.
pub fn stale(plan: &Plan, live: &Inventory) -> Vec<Difference> {
    residue(plan, Way::Undo, live, &|_: &Address, _: &[String]| None)
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
