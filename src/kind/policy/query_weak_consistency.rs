//! The query weak consistency policy: which nodes answer weakly consistent queries, and how old their answers may be.

use super::{BASE, Policy};
use crate::kind::shape::{self, Field, Shape};
use crate::kind::{About, Keyed};
use crate::model::body::{Body, Value};

const NUMBER: Shape = Shape::Int(-1, i64::MAX);

const ABOUT: About = About {
    name: "queryWeakConsistencyPolicy",
    keyed: Keyed::Fixed("queryWeakConsistency"),
    parents: &["cluster"],
    doc: "Which nodes of a cluster answer weakly consistent queries, and how old their view of the data may be. `-1` \
          leaves a number to the service. The service has no command that unsets the policy: unset and all left to \
          the service are the same.",
    page: "https://learn.microsoft.com/kusto/management/query-weak-consistency-policy",
    example: "policies:\n  queryWeakConsistency: {percentageOfNodes: 20, maximumLagAllowedInMinutes: 5}\n",
    fields: &[
        Field::new(
            "percentageOfNodes",
            Shape::Int(-1, 100),
            "The share of nodes that answer, in percent; default -1.",
        ),
        Field::new("minimumNumberOfNodes", NUMBER, "The least number of such nodes; default -1."),
        Field::new("maximumNumberOfNodes", NUMBER, "The greatest number of such nodes; default -1."),
        Field::new(
            "superSlackerNumberOfNodesThreshold",
            NUMBER,
            "The number of nodes from which on some of them do nothing else; default -1.",
        ),
        Field::new(
            "enableMetadataPrefetch",
            Shape::Bool,
            "Whether the nodes load a new version of a database's metadata before it is asked for; default false.",
        ),
        Field::new(
            "maximumLagAllowedInMinutes",
            NUMBER,
            "How old the metadata may be, in minutes; default -1.",
        ),
        Field::new(
            "refreshPeriodInSeconds",
            NUMBER,
            "How often the metadata is refreshed, in seconds; default -1.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults,
    is_absence: |_, _, body| shape::same_bodies(ABOUT.fields, body, &defaults()),
    shows: &[".show cluster policy query_weak_consistency"],
    ..Policy::of(&ABOUT, "query_weak_consistency")
};

fn defaults() -> Body {
    let default =
        |f: &Field| if matches!(f.shape, Shape::Bool) { Value::Bool(false) } else { Value::Int(-1) };
    ABOUT.fields.iter().map(|f| (f.name.into(), default(f))).collect()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::cluster_steps;
    use serde_json::json;

    #[test]
    fn unset_is_all_left_to_the_service() {
        let (kind, at) = ("queryWeakConsistencyPolicy", "policies.queryWeakConsistency");
        let set = |share: i64| {
            let rest = r#""EnableMetadataPrefetch":false,"MaximumLagAllowedInMinutes":-1,"MaximumNumberOfNodes":-1,"MinimumNumberOfNodes":-1"#;
            let last = r#""RefreshPeriodInSeconds":-1,"SuperSlackerNumberOfNodesThreshold":-1"#;
            format!(
                ".alter cluster policy query_weak_consistency '{{{rest},\"PercentageOfNodes\":{share},{last}}}'"
            )
        };
        assert_eq!(
            cluster_steps(kind, at, json!(null), json!({"percentageOfNodes": 20})),
            [set(20), format!("  undo {}", set(-1))]
        );
    }
}
