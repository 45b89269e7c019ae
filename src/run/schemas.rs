//! Schema violations: what the service itself finds wrong with a database after a run, and did not before.
//!
//! A command can be accepted and still leave something broken behind, such as a function whose table has lost a
//! column. After apply nothing new may be wrong (test: `tests/scenarios/schema-violations`).
//!
//! <https://learn.microsoft.com/kusto/management/show-schema-database>

use super::event::Difference;
use crate::kind;
use crate::model::body::Value;
use crate::model::{Address, Request};
use crate::plan::Plan;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is wrong, by database: one sentence each.
pub type Violations = BTreeMap<Address, Vec<String>>;

/// A database whose schema a plan changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// Where it stands.
    pub address: Address,
    /// The cluster's URI.
    pub uri: String,
    /// The service's name.
    pub name: String,
}

/// The databases whose schemas a plan changes, as far as it is known where they are, without those that go.
pub fn touched(plan: &Plan, known: &impl Fn(&Address, &[String]) -> Option<Value>) -> BTreeSet<Touched> {
    let commands = plan.steps.iter().filter_map(|step| match &step.request {
        Request::Kusto(kusto) if !kusto.database.is_empty() => Some((&kusto.cluster, &kusto.database)),
        _ => None,
    });
    let pairs: BTreeSet<(&Address, &String)> = commands.collect();
    let folded = |parent: &Address, name: &str| (parent.clone(), name.to_ascii_lowercase());
    let containers = plan.scope.containers.iter();
    let places = containers.filter_map(|(at, found)| Some((folded(&at.parent()?, &found.name), at)));
    let places: BTreeMap<(Address, String), &Address> = places.collect();
    let of = |(cluster, name): (&Address, &String)| {
        let uri = known(cluster, &["uri".to_owned()])?.as_text()?.to_owned();
        let address = *places.get(&folded(cluster, name))?;
        let goes = plan.changes.get(address).is_some_and(|change| change.change.after.is_none());
        // What the run puts out of reach answers no more.
        let closes = plan.changes.get(cluster).is_some_and(|change| {
            let after = change.change.after.as_ref();
            let kind = kind::by_name(&change.kind);
            kind.zip(after).is_some_and(|(kind, after)| kind.closed(after).is_some())
        });
        let goes = goes || closes;
        (!goes).then(|| Touched { address: address.clone(), uri, name: name.clone() })
    };
    pairs.into_iter().filter_map(of).collect()
}

/// What a [`Difference`] by new violations names in place of a property; [`told`] says it in words.
pub(super) const PROPERTY: &str = "schema violations";

/// What such a difference says: the violations that were not there before.
pub(super) fn told(f: &mut fmt::Formatter<'_>, difference: &Difference) -> fmt::Result {
    let texts = |json: &Json| -> Vec<String> {
        json.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let before = texts(&difference.before);
    let fresh: Vec<String> =
        texts(&difference.found).into_iter().filter(|text| !before.contains(text)).collect();
    let address = &difference.address;
    write!(
        f,
        "{address}: the service finds its schema wrong, and did not before the run: {}",
        fresh.join("; ")
    )
}

/// What is wrong now and was not before the run.
pub(super) fn fresh(before: &Violations, now: &Violations) -> Vec<Difference> {
    let none = Vec::new();
    let fresh = now.iter().filter_map(|(address, now)| {
        let before = before.get(address).unwrap_or(&none);
        let fresh: Vec<&String> = now.iter().filter(|text| !before.contains(text)).collect();
        let shown = |texts: &[&String]| texts.iter().map(|text| Json::from(text.as_str())).collect::<Json>();
        let was: Vec<&String> = before.iter().collect();
        (!fresh.is_empty()).then(|| Difference {
            address: address.clone(),
            property: PROPERTY.to_owned(),
            before: shown(&was),
            after: shown(&was),
            found: shown(&now.iter().collect::<Vec<_>>()),
        })
    });
    fresh.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Command;
    use crate::model::scope::Container;

    #[test]
    fn a_database_is_told_from_a_cluster_of_its_name() {
        let cluster: Address = "clusters.telemetry".parse().unwrap();
        let database = cluster.child("databases", "main");
        let mut plan = crate::run::testing::plan(1);
        plan.steps[0].request = Request::kusto(&cluster, "Telemetry", Command::new(".write"));
        for (address, kind) in [(&cluster, "cluster"), (&database, "database")] {
            let (kind, name) = (kind.to_owned(), "telemetry".to_owned());
            plan.scope.containers.insert(address.clone(), Container { kind, name, ..Container::default() });
        }
        let known = |_: &Address, _: &[String]| Some(Value::from("https://telemetry"));
        let found: Vec<Address> = touched(&plan, &known).into_iter().map(|touched| touched.address).collect();
        assert_eq!(found, [database]);
    }

    #[test]
    fn only_what_is_new_counts() {
        let at: Address = "clusters.c.databases.d".parse().unwrap();
        let of = |texts: &[&str]| {
            Violations::from([(at.clone(), texts.iter().map(ToString::to_string).collect())])
        };
        assert!(fresh(&of(&["a", "b"]), &of(&["b"])).is_empty());
        assert!(fresh(&Violations::new(), &of(&[])).is_empty());
        let found = fresh(&of(&["a"]), &of(&["a", "c"]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].found, serde_json::json!(["a", "c"]));
    }
}
