//! The sharding policy: how large a new extent may become.

use super::{BASE, Policy};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};
use crate::model::body::{Body, Value};

const ABOUT: About = About {
    name: "shardingPolicy",
    keyed: Keyed::Fixed("sharding"),
    parents: &["cluster", "database", "table"],
    doc: "How large a new extent may become. On a database the defaults and no policy are the same.",
    page: "https://learn.microsoft.com/kusto/management/sharding-policy",
    example: "policies:\n  sharding: {shardEngineMaxRowCount: 750000}\n",
    fields: &[
        Field::new("shardEngineMaxRowCount", Shape::Int(1, i64::MAX), "The most rows; default 1048576."),
        Field::new(
            "shardEngineMaxExtentSizeInMb",
            Shape::Int(1, i64::MAX),
            "The most compressed data, in MB; default 8192.",
        ),
        Field::new(
            "shardEngineMaxOriginalSizeInMb",
            Shape::Int(1, i64::MAX),
            "The most original data, in MB; default 3072.",
        ),
        Field::new("maxRowCount", Shape::Int(1, i64::MAX), "The most rows, of the engine before this one."),
        Field::new(
            "maxExtentSizeInMb",
            Shape::Int(1, i64::MAX),
            "The most compressed data, in MB, likewise.",
        ),
        Field::new(
            "maxOriginalSizeInMb",
            Shape::Int(1, i64::MAX),
            "The most original data, in MB, likewise.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || {
        Body::new()
            .with("shardEngineMaxRowCount", 1_048_576)
            .with("shardEngineMaxExtentSizeInMb", 8_192)
            .with("shardEngineMaxOriginalSizeInMb", 3_072)
    },
    complete,
    shows: &[".show cluster policy sharding"],
    is_absence: |policy, scope, body| {
        let legacy = LEGACY
            .iter()
            .all(|(name, usual)| body.get(name).is_none_or(|value| *value == Value::from(*usual)));
        legacy && policy.is_default_of_database(scope, body)
    },
    ..Policy::of(&ABOUT, "sharding")
};

/// What the engine before this one used, with the defaults: given back, and of no effect any more.
const LEGACY: [(&str, i64); 3] =
    [("maxRowCount", 750_000), ("maxExtentSizeInMb", 1_024), ("maxOriginalSizeInMb", 2_048)];

/// Leaves out what is as everywhere and means nothing.
fn complete(body: Body) -> Body {
    let usual = |name: &str, value: &Value| {
        LEGACY.iter().any(|(known, usual)| *known == name && *value == Value::from(*usual))
    };
    body.into_iter().filter(|(name, value)| !usual(name, value)).collect()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn keeps_what_is_not_given() {
        let live = json!({"shardEngineMaxRowCount": 5, "shardEngineMaxExtentSizeInMb": 6, "shardEngineMaxOriginalSizeInMb": 7});
        assert_eq!(
            steps("shardingPolicy", "policies.sharding", live, json!({"shardEngineMaxRowCount": 8}))[0],
            r#".alter database d policy sharding '{"ShardEngineMaxExtentSizeInMb":6,"ShardEngineMaxOriginalSizeInMb":7,"ShardEngineMaxRowCount":8}'"#
        );
    }
}
