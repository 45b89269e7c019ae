//! The callout policy: which targets queries may call out to.

use super::{BASE, Policy, json};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};
use crate::model::body::Body;

const TYPES: &[&str] = &[
    "kusto",
    "sql",
    "mysql",
    "postgresql",
    "azure_digital_twins",
    "cosmosdb",
    "sandbox_artifacts",
    "external_data",
    "webapi",
    "azure_openai",
];

const ENTRY: &[Field] = &[
    Field::new("calloutType", Shape::OpenEnum(TYPES), "What kind of target it is about.").required(),
    Field::new("calloutUriRegex", Shape::Text, "A regular expression that the target's URI matches.")
        .required(),
    Field::new(
        "canCall",
        Shape::Bool,
        "Whether such targets may be called; one that says no wins over the others.",
    )
    .required(),
];

const ABOUT: About = About {
    name: "calloutPolicy",
    keyed: Keyed::Fixed("callout"),
    parents: &["cluster"],
    short: &["entries"],
    doc: "Which targets outside the cluster queries and plugins may call. The list replaces the one that stands there; \
          what the service itself allows or denies stands beside it, and no command changes that. A cluster's \
          `calloutPolicies` set the same through Azure's control plane; use one of the two.",
    page: "https://learn.microsoft.com/kusto/management/callout-policy",
    example: "policies:\n  callout: [{calloutType: sql, calloutUriRegex: 'plant\\.database\\.windows\\.net/?$', canCall: true}]\n",
    fields: &[Field::new(
        "entries",
        Shape::Set(&Shape::object(ENTRY)),
        "The targets, each `{calloutType, calloutUriRegex, canCall}`, in any order.",
    )],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("entries", Vec::new()),
    from_json: |policy, json| json::list(ABOUT.fields, "entries", policy.numbered, json),
    write: |command, body| command.json_of(&json::entries(body)),
    shows: &[".show cluster policy callout"],
    ..Policy::of(&ABOUT, "callout")
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::kind::entity::tests::{body, cluster_steps};
    use crate::kind::replies::{Reply, Rows};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn is_a_list_that_is_replaced() {
        let sql = json!({"entries": [{"calloutType": "SQL", "calloutUriRegex": r"a\.b", "canCall": true}]});
        let set = r#".alter cluster policy callout "[{\"CalloutType\":\"sql\",\"CalloutUriRegex\":\"a\\\\.b\",\"CanCall\":true}]""#;
        assert_eq!(
            cluster_steps("calloutPolicy", "policies.callout", json!(null), sql.clone()),
            [set.to_owned(), "  undo .delete cluster policy callout".to_owned()]
        );
        assert_eq!(
            cluster_steps("calloutPolicy", "policies.callout", sql, json!({})),
            [".alter cluster policy callout '[]'".to_owned(), format!("  undo {set}")]
        );
    }

    #[test]
    fn what_the_service_sets_itself_is_no_part_of_it() {
        let columns =
            ["PolicyName", "EntityName", "Policy", "ChildEntities", "EntityType"].map(str::to_owned);
        let own = r#"[{"CalloutType":"webapi","CalloutUriRegex":"x","CanCall":false}]"#;
        let row =
            |policy: &str, of: &str| ["CalloutPolicy", "", policy, "", of].map(|cell| json!(cell)).to_vec();
        let rows = Rows {
            columns: columns.to_vec(),
            rows: vec![row("[1]", "Cluster immutable policy"), row(own, "Cluster")],
        };
        let replies = BTreeMap::from([(POLICY.shows[0].to_owned(), rows)]);
        let found = POLICY.found(&Reply::Cluster(&replies)).unwrap();
        let expected =
            json!({"entries": [{"calloutType": "webapi", "calloutUriRegex": "x", "canCall": false}]});
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].body, body("calloutPolicy", &expected));
    }
}
