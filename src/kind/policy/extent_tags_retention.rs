//! The extent tags retention policy: how long the tags of extents are kept.

use super::{BASE, Policy, json};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};

const ENTRY: &[Field] = &[
    Field::new("tagPrefix", Shape::Text, "The beginning of the tags, which ends with its only colon.")
        .required(),
    Field::new("retentionPeriod", Shape::Duration, "How long such tags are kept.").required(),
];

const ABOUT: About = About {
    name: "extentTagsRetentionPolicy",
    keyed: Keyed::Fixed("extentTagsRetention"),
    parents: &["database", "table"],
    short: &["entries"],
    doc: "How long the tags of extents are kept, by how the tags begin; the data itself stays. Without one all tags \
          are kept.",
    page: "https://learn.microsoft.com/kusto/management/extent-tags-retention-policy",
    example: "policies:\n  extentTagsRetention: [{tagPrefix: \"drop-by:\", retentionPeriod: 3d}]\n",
    fields: &[Field::new(
        "entries",
        Shape::Set(&Shape::object(ENTRY)),
        "The entries, each a prefix and a period.",
    )],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("entries", Vec::new()),
    from_json: |_, json| json::list(ABOUT.fields, "entries", &[], json),
    write: |command, body| command.json_of(&json::entries(body)),
    check,
    ..Policy::of(&ABOUT, "extent_tags_retention")
};

fn check(at: &At<'_>) -> Vec<Finding> {
    let entries = at.resource.body.get("entries").and_then(Value::as_list).unwrap_or_default();
    let prefixes = entries.iter().filter_map(|entry| entry.as_map()?.text("tagPrefix"));
    let wrong = prefixes.filter(|prefix| prefix.find(':') != Some(prefix.len() - 1));
    let finding = |prefix: &str| {
        let message = format!("{prefix:?} does not end with its only colon");
        Finding::new(&["entries"], message, "write the prefix as in `drop-by:`")
    };
    wrong.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_as_a_list() {
        let wanted = json!({"entries": [{"tagPrefix": "drop-by:", "retentionPeriod": "3d"}]});
        assert_eq!(
            steps(
                "extentTagsRetentionPolicy",
                "policies.extentTagsRetention",
                json!({"entries": []}),
                wanted
            ),
            [
                r#".alter database d policy extent_tags_retention '[{"RetentionPeriod":"3.00:00:00","TagPrefix":"drop-by:"}]'"#,
                "  undo .alter database d policy extent_tags_retention '[]'",
            ]
        );
    }
}
