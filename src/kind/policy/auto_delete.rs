//! The auto delete policy: the day on which a table disappears.

use super::{BASE, Policy, flag};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Keyed};
use crate::model::body::Body;
use crate::model::{Change, Loss, LossClass};

const ABOUT: About = About {
    name: "autoDeletePolicy",
    keyed: Keyed::Fixed("autoDelete"),
    parents: &["table"],
    short: &["expiryDate"],
    doc: "The day on which the service drops the table. The day must lie in the future when the policy is set.",
    page: "https://learn.microsoft.com/kusto/management/auto-delete-policy",
    example: "policies:\n  autoDelete: {expiryDate: 2030-02-01, deleteIfNotEmpty: true}\n",
    fields: &[
        Field::new("expiryDate", Shape::DateTime, "The moment from which on the table may be dropped.")
            .required(),
        Field::new(
            "deleteIfNotEmpty",
            Shape::Bool,
            "Whether it is dropped even if it holds data; default false.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("deleteIfNotEmpty", false),
    can_be_undone: true,
    loss,
    ..Policy::of(&ABOUT, "auto_delete")
};

/// Nothing goes before the day, so that setting it can be taken back until then.
fn loss(at: &At<'_>, change: &Change) -> Loss {
    let day = |body: &Option<Body>| {
        let body = body.as_ref().filter(|body| flag(Some(*body), "deleteIfNotEmpty"))?;
        body.text("expiryDate").map(str::to_owned)
    };
    match (day(&change.before), day(&change.after)) {
        (_, None) => Loss::none(),
        (Some(before), Some(after)) if before <= after => Loss::none(),
        (_, Some(after)) => {
            let owner = at.parent().map(|(_, owner)| (owner.rows, owner.bytes)).unwrap_or_default();
            let what = format!("the table and its data are dropped for good after {after}");
            Loss::new(LossClass::Irreversible, what).of(owner.0, owner.1)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn costs_the_data_only_when_there_may_be_any() {
        let at = "tables.T.policies.autoDelete";
        let (delete, early) =
            ("  undo .delete table T policy auto_delete", json!({"expiryDate": "2030-02-01"}));
        let set = |day: &str, full: bool| {
            format!(
                r#".alter table T policy auto_delete '{{"DeleteIfNotEmpty":{full},"ExpiryDate":"{day}T00:00:00Z"}}'"#
            )
        };
        assert_eq!(
            steps("autoDeletePolicy", at, json!(null), early),
            [set("2030-02-01", false), delete.to_owned()]
        );
        let full = json!({"expiryDate": "2030-02-01", "deleteIfNotEmpty": true});
        assert_eq!(
            steps("autoDeletePolicy", at, json!(null), full.clone()),
            [format!("{} [irreversible]", set("2030-02-01", true)), delete.to_owned()]
        );
        let later = json!({"expiryDate": "2031-02-01"});
        assert_eq!(
            steps("autoDeletePolicy", at, full, later),
            [set("2031-02-01", true), format!("  undo {}", set("2030-02-01", true))]
        );
    }
}
