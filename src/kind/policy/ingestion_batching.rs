//! The ingestion batching policy: when queued data is sealed and ingested.

use super::{BASE, Policy};
use crate::kind::shape::{self, Field, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;

const ABOUT: About = About {
    name: "ingestionBatchingPolicy",
    keyed: Keyed::Fixed("ingestionBatching"),
    parents: &["cluster", "database", "table"],
    doc: "When queued data is sealed into a batch and ingested. A table without one uses its database's, and that its cluster's. On a cluster the defaults and no policy \
          are the same.",
    page: "https://learn.microsoft.com/kusto/management/batching-policy",
    example: "policies:\n  ingestionBatching: {maximumBatchingTimeSpan: 30s, maximumNumberOfItems: 500, maximumRawDataSizeMB: 1024}\n",
    fields: &[
        Field::new(
            "maximumBatchingTimeSpan",
            Shape::Duration,
            "The longest wait, 10 s to 30 min; default 5 min.",
        ),
        Field::new("maximumNumberOfItems", Shape::Int(1, 25_000), "The most items in a batch; default 500."),
        Field::new(
            "maximumRawDataSizeMB",
            Shape::Int(100, 4_096),
            "The most uncompressed data in a batch, in MB; default 1024.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults,
    check,
    is_absence: |_, scope, body| {
        scope.kind == "cluster" && shape::same_bodies(ABOUT.fields, body, &defaults())
    },
    shows: &[".show cluster policy ingestionbatching"],
    ..Policy::of(&ABOUT, "ingestionbatching")
};

fn defaults() -> Body {
    Body::new()
        .with("maximumBatchingTimeSpan", Ticks::seconds(300))
        .with("maximumNumberOfItems", 500)
        .with("maximumRawDataSizeMB", Value::Int(1024))
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let span = at.resource.body.get("maximumBatchingTimeSpan").and_then(Value::as_time);
    let wrong = span.filter(|span| *span < Ticks::seconds(10) || *span > Ticks::seconds(1_800));
    let finding = |span| {
        let message = format!("a batch waits from 10 s to 30 min, and this is {span}");
        Finding::new(&["maximumBatchingTimeSpan"], message, "choose a time in between")
    };
    wrong.map(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::{cluster_steps, steps};
    use serde_json::json;

    #[test]
    fn on_a_cluster_the_defaults_are_absence() {
        let (kind, at) = ("ingestionBatchingPolicy", "policies.ingestionBatching");
        assert_eq!(
            cluster_steps(kind, at, json!(null), json!({"maximumNumberOfItems": 5}))[1],
            r#"  undo .alter cluster policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:05:00","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024}'"#
        );
    }

    #[test]
    fn fills_what_a_new_policy_leaves_out_and_keeps_what_a_live_one_has() {
        let json = r#"'{"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024}'"#;
        assert_eq!(
            steps(
                "ingestionBatchingPolicy",
                "tables.T.policies.ingestionBatching",
                json!(null),
                json!({"maximumBatchingTimeSpan": "30s"})
            ),
            [
                format!(".alter table T policy ingestionbatching {json}"),
                "  undo .delete table T policy ingestionbatching".to_owned()
            ]
        );
        let live =
            json!({"maximumBatchingTimeSpan": "1m", "maximumNumberOfItems": 7, "maximumRawDataSizeMB": 100});
        assert_eq!(
            steps(
                "ingestionBatchingPolicy",
                "policies.ingestionBatching",
                live,
                json!({"maximumNumberOfItems": 8})
            )[0],
            r#".alter database d policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:01:00","MaximumNumberOfItems":8,"MaximumRawDataSizeMB":100}'"#
        );
    }
}
