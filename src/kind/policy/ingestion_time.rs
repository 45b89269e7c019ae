//! The ingestion time policy: whether a table remembers when its rows came in.

use super::{BASE, Policy, flag};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Keyed};
use crate::model::body::Body;
use crate::model::{Change, Loss, LossClass};

const ABOUT: About = About {
    name: "ingestionTimePolicy",
    keyed: Keyed::Fixed("ingestionTime"),
    parents: &["table"],
    short: &["isEnabled"],
    doc: "Whether the table remembers when its rows came in. It is on for every new table, so that `true` and `null` \
          are the same. Materialized views, cursors and continuous exports need it.",
    page: "https://learn.microsoft.com/kusto/management/ingestion-time-policy",
    example: "policies:\n  ingestionTime: false\n",
    fields: &[Field::new("isEnabled", Shape::Bool, "Whether it is on; default true.")],
    ..BASE
};

/// On is absence: the schema script need not mention what every new table has. So the commands are the other way
/// round: absence is set by `true`, and deleting the policy turns it off.
pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("isEnabled", true),
    from_words: super::switched,
    verb: ".delete",
    write: |command, _| command,
    unset: |_| (".alter", "true"),
    is_absence: |_, _, body| flag(Some(body), "isEnabled"),
    loss,
    ..Policy::of(&ABOUT, "ingestiontime")
};

fn loss(_: &At<'_>, change: &Change) -> Loss {
    match &change.after {
        Some(after) if !flag(Some(after), "isEnabled") => {
            Loss::new(LossClass::IngestionGap, "rows that come in while it is off never get their time")
        }
        _ => Loss::none(),
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn on_is_what_a_table_has_without_being_asked() {
        let (off, on) = (".delete table T policy ingestiontime", ".alter table T policy ingestiontime true");
        let at = "tables.T.policies.ingestionTime";
        assert_eq!(
            steps("ingestionTimePolicy", at, json!(null), json!({"isEnabled": false})),
            [format!("{off} [ingestion-gap]"), format!("  undo {on}")]
        );
        assert_eq!(
            steps("ingestionTimePolicy", at, json!({"isEnabled": false}), json!(null)),
            [on.to_owned(), format!("  undo {off}")]
        );
    }
}
