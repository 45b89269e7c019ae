//! Proof: live compared with what a step, or the whole plan, says it must be.
//!
//! Pure; the driver brings the inventory. A reference that nothing answers, and a secret, match anything, for live
//! does not show them.

use super::event::{Difference, Verdict, Way};
use crate::kind::{self, At, Kind};
use crate::model::body::{Body, Value};
use crate::model::change::Rename;
use crate::model::{Address, Change, Inventory, Resource, parallel};
use crate::plan::{Plan, Step};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// What answers references by now.
pub trait Known: Fn(&Address, &[String]) -> Option<Value> + Sync {}
impl<F: Fn(&Address, &[String]) -> Option<Value> + Sync> Known for F {}

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

    /// Whether a thing is never absent, so that finding it says nothing of who made it so.
    fn stays(self, address: &Address, live: &Inventory) -> bool {
        let (Some(kind), Some(resource)) = (self.0, live.get(address)) else { return false };
        kind.stays(&At { address, resource, world: live }).is_some()
    }

    /// Whether the service does not tell a body from absence.
    fn is_absence(self, address: &Address, body: &Body, live: &Inventory) -> bool {
        let Some(kind) = self.0 else { return false };
        let resource = Resource {
            kind: kind.about().name,
            name: address.key().into(),
            body: body.clone(),
            ..Resource::default()
        };
        kind.is_absence(&At { address, resource: &resource, world: live }, body)
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

    /// Whether nothing of a body is in live, although a thing of that name is: others made it meanwhile.
    fn is_without(self, live: &Resource, body: Option<&Body>) -> bool {
        let (Some(kind), Some(body)) = (self.0, body) else { return false };
        kind.remains(live, body).is_some_and(|rest| self.differing(&live.body, &rest).is_empty())
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
    let Change { before, after, rename } = &step.change;
    if let (Some(rename), Some(found)) = (rename, found) {
        return match &*found.name {
            name if name == rename.to => (Verdict::After, Vec::new()),
            name if name == rename.from => (Verdict::Before, Vec::new()),
            name => (Verdict::Neither, vec![misnamed(&step.address, rename, name)]),
        };
    }
    let before = before.as_ref().map(|body| answered(body, known));
    let after = after.as_ref().map(|body| answered(body, known));
    let from = |end: &Body, found: &Resource| {
        if was_read { rules.unrestored(end, &found.body) } else { rules.missing(found, end) }
    };
    let is_before = match (&before, found) {
        (None, found) => {
            found.is_none_or(|found| rules.is_without(found, after.as_ref()))
                || rules.stays(&step.address, live)
        }
        (Some(before), None) => rules.is_absence(&step.address, before, live),
        (Some(before), Some(found)) => from(before, found).is_empty(),
    };
    let is_after = match (&after, found) {
        (None, found) => found.is_none_or(|found| rules.is_without(found, before.as_ref())),
        (Some(after), None) => rules.is_absence(&step.address, after, live),
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
    let changes: Vec<_> = plan.changes.iter().collect();
    let found = parallel::map(&changes, parallel::AT_A_TIME, |(address, resolution)| {
        let mut all = Vec::new();
        let rules = Rules::of(&resolution.kind);
        let before = resolution.change.before.as_ref().map(|body| answered(body, known));
        let after = resolution.change.after.as_ref().map(|body| answered(body, known));
        let found = live.get(address);
        let body = found.map(|found| &found.body);
        let ends = Ends { address, before: before.as_ref(), after: after.as_ref(), found: body };
        let wanted = if way == Way::Apply { ends.after } else { ends.before };
        let names = match (wanted, found) {
            (None, None) => return all,
            (None, Some(_)) if rules.stays(address, live) => return all,
            (None, Some(found)) if rules.is_without(found, ends.after.or(ends.before)) => return all,
            (None, Some(_)) | (Some(_), None) => BTreeSet::from([String::new()]),
            (Some(wanted), Some(found)) if way == Way::Apply => rules.missing(found, wanted),
            (Some(wanted), Some(found)) if strict => rules.differing(&found.body, wanted),
            (Some(wanted), Some(found)) => rules.unrestored(wanted, &found.body),
        };
        all.extend(ends.differences(names));
        if let (Some(rename), Some(found)) = (&resolution.change.rename, found) {
            let name = if way == Way::Apply { &rename.to } else { &rename.from };
            if *found.name != **name {
                all.push(misnamed(address, rename, &found.name));
            }
        }
        all
    });
    found.into_iter().flatten().collect()
}

/// A thing whose name is not the one that it must have.
fn misnamed(address: &Address, rename: &Rename, found: &str) -> Difference {
    Difference {
        address: address.clone(),
        property: "name".to_owned(),
        before: Json::from(&*rename.from),
        after: Json::from(&*rename.to),
        found: Json::from(found),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::body::{Expr, Piece, SecretRef};
    use crate::run::testing::plan;
    use serde_json::json;

    fn body(json: &Json) -> Option<Body> {
        json.as_object().map(Body::from_json)
    }

    fn live(address: &Address, found: &Json) -> Inventory {
        let mut live = Inventory::new();
        if let Some(body) = body(found) {
            live.insert(address.clone(), Resource { body, ..Resource::default() });
        }
        live
    }

    const fn nothing(_: &Address, _: &[String]) -> Option<Value> {
        None
    }

    #[test]
    fn live_stands_at_an_end_or_between() {
        let none = Json::Null;
        let (p1, p2) = (json!({"p": 1}), json!({"p": 2}));
        let both = json!({"p": 1, "q": 1});
        let cases = [
            // before, after, found, verdict when the before-state was read, and when an earlier step made it
            (&none, &p1, &none, "Before", "Before"),
            (&none, &p1, &p1, "After", "After"),
            (&none, &p1, &both, "After", "After"),
            (&none, &p1, &p2, "Neither", "Neither"),
            (&p1, &none, &none, "After", "After"),
            (&p1, &none, &p1, "Before", "Before"),
            (&p1, &none, &both, "Neither", "Before"),
            (&p1, &none, &p2, "Neither", "Neither"),
            (&p1, &p2, &p1, "Before", "Before"),
            (&p1, &p2, &p2, "After", "After"),
            (&p1, &p2, &none, "Neither", "Neither"),
            (&p1, &p2, &json!({"p": 3}), "Neither", "Neither"),
            (&p1, &p1, &p1, "Either", "Either"),
            (&p1, &both, &both, "After", "After"),
            (&p1, &both, &p1, "Before", "Before"),
            (&p1, &both, &json!({"p": 1, "q": 9}), "Neither", "Before"),
            (&both, &json!({"p": 1, "q": null}), &p1, "After", "After"),
        ];
        for (before, after, found, read, made) in cases {
            let mut step = plan(1).steps.remove(0);
            step.change = Change::new(body(before), body(after));
            let live = live(&step.address, found);
            for (was_read, expected) in [(true, read), (false, made)] {
                let (verdict, differences) = verdict(&step, was_read, &live, &nothing);
                let case = format!("{before} -> {after}, found {found}, read {was_read}");
                assert_eq!(format!("{verdict:?}"), expected, "{case}");
                assert_eq!(verdict == Verdict::Neither, !differences.is_empty(), "{case}");
            }
        }
    }

    #[test]
    fn what_is_never_absent_stands_before_until_it_is_as_wanted() {
        let number =
            |most: i64| json!({"graphSnapshotsCapacity": {"clusterMaximumConcurrentOperations": most}});
        let mut step = plan(1).steps.remove(0);
        step.kind = "capacityPolicy".into();
        step.change = Change::new(None, body(&number(2)));
        let mut other = live(&step.address, &number(5));
        if let Some(mut resource) = other.remove(&step.address) {
            resource.kind = "capacityPolicy";
            other.insert(step.address.clone(), resource);
        }
        assert_eq!(verdict(&step, true, &other, &nothing).0, Verdict::Before);
        assert_eq!(verdict(&step, true, &live(&step.address, &number(2)), &nothing).0, Verdict::After);
    }

    #[test]
    fn differences_are_sentences() {
        let address = || "clusters.a.databases.d".parse().unwrap();
        let of = |property: &str, before, after, found| {
            Difference { address: address(), property: property.to_owned(), before, after, found }.to_string()
        };
        assert_eq!(
            of("hotCachePeriod", json!("7d"), json!("31d"), json!(null)),
            "clusters.a.databases.d: `hotCachePeriod` is unset in live; it was \"7d\" before the run and was to be \
             \"31d\" after it"
        );
        assert_eq!(
            of("", json!(null), json!({}), json!(null)),
            "clusters.a.databases.d does not exist in live; it did not exist before the run and was to exist after it"
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let mut step = plan(1).steps.remove(0);
        let secret = Value::Secret(SecretRef::Env("TOKEN".into()));
        let after = Body::new().with("p", 1).with("key", secret.clone()).with("list", vec![secret]);
        step.change = Change::new(None, Some(after));
        let same = live(&step.address, &json!({"p": 1, "key": "what the service shows"}));
        assert_eq!(verdict(&step, true, &same, &nothing).0, Verdict::After);
        let other = live(&step.address, &json!({"p": 2}));
        let (verdict, differences) = verdict(&step, true, &other, &nothing);
        assert_eq!(verdict, Verdict::Neither);
        let text = serde_json::to_string(&differences).unwrap();
        assert!(!text.contains("TOKEN") && !text.contains("$secret"), "{text}");
    }

    #[test]
    fn what_is_known_after_apply_is_compared_once_it_is_known() {
        let mut step = plan(1).steps.remove(0);
        let of = Piece::Of { address: "clusters.z".parse().unwrap(), path: vec!["id".to_owned()] };
        let after = Body::new().with("p", 1).with("ref", Value::Unknown(Expr(vec![of].into())));
        step.change = Change::new(None, Some(after));
        let found = live(&step.address, &json!({"p": 1, "ref": "z1"}));
        let answers = |id: &'static str| move |_: &Address, _: &[String]| Some(Value::from(id));
        assert_eq!(verdict(&step, true, &found, &nothing).0, Verdict::After);
        assert_eq!(verdict(&step, true, &found, &answers("z1")).0, Verdict::After);
        assert_eq!(verdict(&step, true, &found, &answers("z2")).0, Verdict::Neither);
    }
}
