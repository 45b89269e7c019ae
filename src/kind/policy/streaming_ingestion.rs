//! The streaming ingestion policy: whether data may be streamed in, row by row.

use super::{BASE, Policy, flag};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Keyed};
use crate::model::body::Body;
use crate::model::{Change, Loss, LossClass};

const ABOUT: About = About {
    name: "streamingIngestionPolicy",
    keyed: Keyed::Fixed("streamingIngestion"),
    parents: &["cluster", "database", "table"],
    short: &["isEnabled"],
    doc: "Whether data may be streamed into a table, or into every table of a database. The cluster must have \
          `enableStreamingIngest` on.",
    page: "https://learn.microsoft.com/kusto/management/streaming-ingestion-policy",
    example: "policies:\n  streamingIngestion: true\n",
    fields: &[
        Field::new(
            "isEnabled",
            Shape::Bool,
            "Whether streaming is on; default true once the policy is given.",
        ),
        Field::new("hintAllocatedRate", Shape::Real, "The expected rate in GB an hour."),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("isEnabled", true),
    from_words: |words| match words {
        "enable" | "disable" => Ok(Body::new().with("isEnabled", words == "enable")),
        _ => Err("it is neither enabled nor disabled".to_owned()),
    },
    loss,
    shows: &[".show cluster policy streamingingestion"],
    ..Policy::of(&ABOUT, "streamingingestion")
};

/// What is not said here is said by the database's policy, which is not asked: off by the word of one of them is a
/// gap at worst.
fn loss(_: &At<'_>, change: &Change) -> Loss {
    if flag(change.before.as_ref(), "isEnabled") && !flag(change.after.as_ref(), "isEnabled") {
        return Loss::new(LossClass::IngestionGap, "streamed rows are refused from now on");
    }
    Loss::none()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_switched_on_and_off() {
        let on = r#".alter table T policy streamingingestion '{"IsEnabled":true}'"#;
        let off = ".delete table T policy streamingingestion";
        let at = "tables.T.policies.streamingIngestion";
        assert_eq!(
            steps("streamingIngestionPolicy", at, json!(null), json!({})),
            [on.to_owned(), format!("  undo {off}")]
        );
        assert_eq!(
            steps("streamingIngestionPolicy", at, json!({"isEnabled": true}), json!(null)),
            [format!("{off} [ingestion-gap]"), format!("  undo {on}")]
        );
    }
}
