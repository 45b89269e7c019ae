//! The sharding policy: how large a new extent may become.

use super::{BASE, Policy};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};
use crate::model::body::Body;

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
    is_absence: Policy::is_default_of_database,
    shows: &[".show cluster policy sharding"],
    ..Policy::of(&ABOUT, "sharding")
};

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
