//! The capacity policy: how many operations of each kind a cluster runs at once.

use super::{BASE, Policy};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};

const COUNT: Shape = Shape::Int(1, i64::MAX);

const MOST: Field =
    Field::new("clusterMaximumConcurrentOperations", COUNT, "The most at once in the cluster.");
const LEAST: Field =
    Field::new("clusterMinimumConcurrentOperations", COUNT, "The least at once in the cluster.");
const MOST_PER_NODE: Field =
    Field::new("maximumConcurrentOperationsPerNode", COUNT, "The most at once on a node.");
const LEAST_PER_NODE: Field =
    Field::new("minimumConcurrentOperationsPerNode", COUNT, "The least at once on a node.");
const IN_ALL: Field =
    Field::new("maximumConcurrentOperationsPerCluster", COUNT, "The most at once in the cluster.");
const PER_ADMIN: Field = Field::new(
    "maximumConcurrentOperationsPerDbAdmin",
    COUNT,
    "The most at once on the node that holds the metadata.",
);
const SHARE: Field =
    Field::new("coreUtilizationCoefficient", Shape::Real, "The share of the cores, such as `0.75`.");

const BY_CORES: Shape = Shape::object(&[MOST, SHARE]);
const BY_NODE: Shape = Shape::object(&[MOST_PER_NODE]);
const BY_CLUSTER: Shape = Shape::object(&[IN_ALL]);
const REBUILD: Field = Field::new(
    "extentsRebuildCapacity",
    Shape::object(&[MOST, MOST_PER_NODE]),
    "Rebuilds of extents behind materialized views.",
);

const ABOUT: About = About {
    name: "capacityPolicy",
    keyed: Keyed::Fixed("capacity"),
    parents: &["cluster"],
    doc: "How many operations of each kind a cluster runs at once. Only the numbers that are given are written and \
          compared; a change may take an hour to show. The service has no command that unsets the policy: unset or \
          destroyed, it stays as it is.",
    page: "https://learn.microsoft.com/kusto/management/capacity-policy",
    example: "policies:\n  capacity:\n    exportCapacity: {clusterMaximumConcurrentOperations: 50}\n",
    fields: &[
        Field::new("ingestionCapacity", BY_CORES, "Ingestions."),
        Field::new(
            "extentsMergeCapacity",
            Shape::object(&[LEAST_PER_NODE, MOST_PER_NODE, MOST]),
            "Merges of extents.",
        ),
        Field::new("extentsPurgeRebuildCapacity", BY_NODE, "Rebuilds of extents for purges."),
        Field::new("exportCapacity", BY_CORES, "Exports, continuous ones included."),
        Field::new(
            "extentsPartitionCapacity",
            Shape::object(&[LEAST, MOST, MOST_PER_NODE]),
            "Partitionings of extents.",
        ),
        Field::new(
            "materializedViewsCapacity",
            Shape::object(&[MOST, REBUILD]),
            "Updates of materialized views.",
        ),
        Field::new(
            "storedQueryResultsCapacity",
            Shape::object(&[PER_ADMIN, SHARE]),
            "Creations of stored query results.",
        ),
        Field::new("streamingIngestionPostProcessingCapacity", BY_NODE, "Works behind streaming ingestion."),
        Field::new("purgeStorageArtifactsCleanupCapacity", BY_CLUSTER, "Clean-ups of storage after purges."),
        Field::new("periodicStorageArtifactsCleanupCapacity", BY_CLUSTER, "Periodic clean-ups of storage."),
        Field::new("queryAccelerationCapacity", BY_CORES, "Cachings for accelerated external tables."),
        Field::new("graphSnapshotsCapacity", Shape::object(&[MOST]), "Creations of graph snapshots."),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    verb: ".alter-merge",
    keeps: true,
    unset: |_| (".alter-merge", "'{}'"),
    stays: Some("the service has no command that unsets the capacity policy"),
    shows: &[".show cluster policy capacity"],
    ..Policy::of(&ABOUT, "capacity")
};

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::cluster_steps;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_written() {
        let live = json!({
            "exportCapacity": {"clusterMaximumConcurrentOperations": 100, "coreUtilizationCoefficient": 0.25},
            "graphSnapshotsCapacity": {"clusterMaximumConcurrentOperations": 5},
        });
        let wanted = json!({"exportCapacity": {"clusterMaximumConcurrentOperations": 50}});
        let set = |most| {
            format!(
                ".alter-merge cluster policy capacity '{{\"ExportCapacity\":{{\"ClusterMaximumConcurrentOperations\":{most},\"CoreUtilizationCoefficient\":0.25}}}}'"
            )
        };
        assert_eq!(
            cluster_steps("capacityPolicy", "policies.capacity", live, wanted),
            [set(50), format!("  undo {}", set(100))]
        );
    }
}
