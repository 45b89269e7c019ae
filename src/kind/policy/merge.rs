//! The merge policy: how small extents are merged into larger ones.

use super::{BASE, Policy};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};
use crate::model::body::{Body, Value};

const KINDS: &[&str] = &["Default", "All", "HotCache", "Custom"];

const LOOKBACK: Shape = Shape::Object {
    fields: &[
        Field::new("kind", Shape::Enum(KINDS), "How far back extents are merged."),
        Field::new("customPeriod", Shape::Duration, "The time, for the kind `Custom`."),
    ],
    short: &["kind"],
};

const ABOUT: About = About {
    name: "mergePolicy",
    keyed: Keyed::Fixed("merge"),
    parents: &["database", "table", "materializedView"],
    doc: "How extents are merged. The service's own choice is right for nearly everybody; change it only when its \
          support says so. On a database the defaults and no policy are the same.",
    page: "https://learn.microsoft.com/kusto/management/merge-policy",
    example: "policies:\n  merge: {maxRangeInHours: 8, lookback: HotCache}\n",
    fields: &[
        Field::new(
            "rowCountUpperBoundForMerge",
            Shape::Int(0, i64::MAX),
            "The most rows in a merged extent; default 16000000.",
        ),
        Field::new(
            "originalSizeMBUpperBoundForMerge",
            Shape::Int(0, i64::MAX),
            "The most original data in a merged extent, in MB; default 30000.",
        ),
        Field::new(
            "maxExtentsToMerge",
            Shape::Int(0, i64::MAX),
            "The most extents in one merge; default 100.",
        ),
        Field::new(
            "maxRangeInHours",
            Shape::Int(0, i64::MAX),
            "The most hours between the extents of one merge; default 24, 336 on views.",
        ),
        Field::new("allowRebuild", Shape::Bool, "Whether extents may be rebuilt; default true."),
        Field::new("allowMerge", Shape::Bool, "Whether extents may be merged; default true."),
        Field::new("lookback", LOOKBACK, "How far back extents are merged; default `Default`."),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || {
        Body::new()
            .with("rowCountUpperBoundForMerge", 16_000_000)
            .with("originalSizeMBUpperBoundForMerge", 30_000)
            .with("maxExtentsToMerge", 100)
            .with("maxRangeInHours", 24)
            .with("allowRebuild", true)
            .with("allowMerge", true)
            .with("lookback", Body::new().with("kind", "Default"))
    },
    // A custom period goes with its kind alone.
    imply: |wanted| match wanted.at(&["lookback", "kind"]).and_then(Value::as_text) {
        Some(kind) if kind != "Custom" => {
            let lookback = Body::new().with("kind", kind).with("customPeriod", Value::Null);
            wanted.with("lookback", lookback)
        }
        _ => wanted,
    },
    numbered: &[("kind", KINDS)],
    is_absence: Policy::is_default_of_database,
    ..Policy::of(&ABOUT, "merge")
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_whole() {
        assert_eq!(
            steps("mergePolicy", "tables.T.policies.merge", json!(null), json!({"lookback": "HotCache"})),
            [
                r#".alter table T policy merge '{"AllowMerge":true,"AllowRebuild":true,"Lookback":{"Kind":"HotCache"},"MaxExtentsToMerge":100,"MaxRangeInHours":24,"OriginalSizeMBUpperBoundForMerge":30000,"RowCountUpperBoundForMerge":16000000}'"#,
                "  undo .delete table T policy merge",
            ]
        );
    }

    #[test]
    fn reads_numbers_for_words() {
        let json =
            json!({"LoopPeriod": "01:00:00", "Origin": 1, "Lookback": {"Kind": 2, "CustomPeriod": null}});
        let body = (POLICY.from_json)(&POLICY, &json).unwrap();
        assert_eq!(body.shown(), json!({"lookback": {"kind": "HotCache"}}));
    }
}
