//! The partitioning policy: how extents are split by the values of columns.

use super::{BASE, Policy, absent_columns};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};

const PROPERTIES: &[Field] = &[
    Field::new(
        "function",
        Shape::Enum(&["XxHash64", "MurmurHash3"]),
        "The hash function; default `XxHash64`.",
    ),
    Field::new("maxPartitionCount", Shape::Int(2, 2048), "The most partitions of a hash key, 2 to 2048."),
    Field::new("seed", Shape::Int(i64::MIN, i64::MAX), "The seed of the hash; default 1."),
    Field::new(
        "partitionAssignmentMode",
        Shape::Enum(MODES),
        "How partitions go to nodes; default `Default`.",
    ),
    Field::new("reference", Shape::DateTime, "Where ranges are counted from; default 1970-01-01."),
    Field::new("rangeSize", Shape::Duration, "The size of a range."),
    Field::new(
        "overrideCreationTime",
        Shape::Bool,
        "Whether extents take the range for their age; default false.",
    ),
];

const MODES: &[&str] = &["Default", "Uniform", "ByPartition"];

const KEY: &[Field] = &[
    Field::new(
        "columnName",
        Shape::Name(NameRule::Entity),
        "The column: text or guid for a hash, datetime for ranges.",
    )
    .required(),
    Field::new("kind", Shape::Enum(&["Hash", "UniformRange"]), "By hash or by ranges of time.").required(),
    Field::new("properties", Shape::object(PROPERTIES), "How it is split.").required(),
];

const ABOUT: About = About {
    name: "partitioningPolicy",
    keyed: Keyed::Fixed("partitioning"),
    parents: &["table", "materializedView"],
    short: &["partitionKeys"],
    doc: "How extents are split by the values of one or two columns. Data that is split already stays so when the \
          policy goes.",
    page: "https://learn.microsoft.com/kusto/management/partitioning-policy",
    example: "policies:\n  partitioning:\n    partitionKeys:\n      - {columnName: TenantId, kind: Hash, properties: {maxPartitionCount: 128, partitionAssignmentMode: Uniform}}\n",
    fields: &[
        Field::new("partitionKeys", Shape::List(&Shape::object(KEY)), "One key of each kind at most.")
            .required(),
        Field::new(
            "effectiveDateTime",
            Shape::DateTime,
            "From when on data is split; when left out, the moment of the change, which is not compared.",
        )
        .role(Role::Start),
        Field::new(
            "minRowCountPerOperation",
            Shape::Int(0, i64::MAX),
            "The fewest rows in one operation; default 0, the service's choice.",
        ),
        Field::new(
            "maxRowCountPerOperation",
            Shape::Int(0, i64::MAX),
            "The most rows in one operation; default 0, the service's choice.",
        ),
        Field::new(
            "maxOriginalSizePerOperation",
            Shape::Int(0, i64::MAX),
            "The most original bytes in one operation; default 0, the service's choice.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || {
        let sizes = ["minRowCountPerOperation", "maxRowCountPerOperation", "maxOriginalSizePerOperation"];
        sizes.into_iter().fold(Body::new(), |body, size| body.with(size, 0))
    },
    complete: |body| {
        let keys: Vec<Value> = keys(&body).map(|key| Value::Map(filled(key))).collect();
        body.with("partitionKeys", keys)
    },
    numbered: &[("kind", &["", "Hash", "UniformRange"]), ("partitionAssignmentMode", MODES)],
    check,
    ..Policy::of(&ABOUT, "partitioning")
};

fn keys(body: &Body) -> impl Iterator<Item = &Body> {
    body.get("partitionKeys").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_map)
}

/// The key with the defaults of its kind, in the order of the fields.
fn filled(key: &Body) -> Body {
    let given = key.get("properties").and_then(Value::as_map).cloned().unwrap_or_default();
    let defaults = match key.text("kind") {
        Some("Hash") => Body::new()
            .with("function", "XxHash64")
            .with("seed", 1)
            .with("partitionAssignmentMode", "Default"),
        _ => Body::new().with("reference", "1970-01-01T00:00:00Z").with("overrideCreationTime", false),
    };
    let value = |f: &Field| {
        given.get(f.name).filter(|value| !value.is_unset()).or_else(|| defaults.get(f.name)).cloned()
    };
    let properties: Body = PROPERTIES.iter().filter_map(|f| Some((f.name.into(), value(f)?))).collect();
    key.clone().with("properties", properties)
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let columns = keys(body).filter_map(|key| key.text("columnName"));
    let mut findings = absent_columns(at, "partitionKeys", columns);
    let mut complain =
        |message: String, help: &str| findings.push(Finding::new(&["partitionKeys"], message, help));
    for (kind, property) in [("Hash", "maxPartitionCount"), ("UniformRange", "rangeSize")] {
        let of_kind: Vec<&Body> = keys(body).filter(|key| key.text("kind") == Some(kind)).collect();
        if of_kind.len() > 1 {
            complain(format!("there are {} keys of the kind {kind}", of_kind.len()), "keep one of them");
        }
        if of_kind.iter().any(|key| key.at(&["properties", property]).is_none()) {
            complain(format!("a key of the kind {kind} needs `{property}` in its properties"), "add it");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_with_the_defaults_of_each_kind() {
        let hash = json!({"columnName": "b", "kind": "Hash", "properties": {"maxPartitionCount": 8}});
        assert_eq!(
            steps(
                "partitioningPolicy",
                "tables.T.policies.partitioning",
                json!(null),
                json!({"partitionKeys": [hash]})
            )[0],
            r#".alter table T policy partitioning '{"MaxOriginalSizePerOperation":0,"MaxRowCountPerOperation":0,"MinRowCountPerOperation":0,"PartitionKeys":[{"ColumnName":"b","Kind":"Hash","Properties":{"Function":"XxHash64","MaxPartitionCount":8,"PartitionAssignmentMode":"Default","Seed":1}}]}'"#
        );
    }

    #[test]
    fn reads_numbers_for_words() {
        let json = json!({"PartitionKeys": [
            {"ColumnName": "b", "Kind": 1, "Properties": {"Function": "XxHash64", "MaxPartitionCount": 8, "Seed": 1, "PartitionAssignmentMode": 2}},
            {"ColumnName": "a", "Kind": 2, "Properties": {"Reference": "1970-01-01T00:00:00", "RangeSize": "1.00:00:00", "OverrideCreationTime": false}},
        ]});
        let body = (POLICY.from_json)(&POLICY, &json).unwrap();
        let kinds: Vec<_> = keys(&body)
            .map(|key| {
                (
                    key.text("kind"),
                    key.at(&["properties", "partitionAssignmentMode"]).and_then(Value::as_text),
                )
            })
            .collect();
        assert_eq!(kinds, [(Some("Hash"), Some("ByPartition")), (Some("UniformRange"), None)]);
    }
}
