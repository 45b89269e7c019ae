//! The mirroring policy: a copy of a table in Delta files (Eventhouses of Fabric only).

use super::{BASE, Policy, json};
use crate::kind::shape::{Field, Role, Shape};
use crate::kind::{About, At, Keyed};
use crate::model::body::Body;
use crate::model::{Change, Loss, LossClass};

const ABOUT: About = About {
    name: "mirroringPolicy",
    keyed: Keyed::Fixed("mirroring"),
    parents: &["table"],
    short: &["isEnabled"],
    doc: "Whether the table is copied to Delta files in OneLake; there are none outside of Fabric. Deleting the policy \
          destroys the copy, switching it off does not. A table with a copy cannot be renamed.",
    page: "https://learn.microsoft.com/kusto/management/mirroring-policy",
    example: "policies:\n  mirroring: {isEnabled: true, targetLatencyInMinutes: 15}\n",
    fields: &[
        Field::new("isEnabled", Shape::Bool, "Whether the copy is kept up; default true."),
        Field::new(
            "targetLatencyInMinutes",
            Shape::Int(5, 180),
            "How far behind the copy may be, 5 to 180 minutes.",
        )
        .role(Role::Filled),
        Field::new(
            "effectiveDateTime",
            Shape::DateTime,
            "From when on data is copied; the present when left out.",
        )
        .role(Role::Start),
        Field::new("backfill", Shape::Bool, "Whether older data is copied too; written, never compared.")
            .role(Role::CreateOnly),
    ],
    ..BASE
};

/// Partitions are not managed, so that it is merged into what is there.
pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("isEnabled", true),
    verb: ".alter-merge",
    write: |command, body| command.json_of(&json::written(&body.clone().with("format", "parquet"))),
    loss,
    ..Policy::of(&ABOUT, "mirroring")
};

fn loss(_: &At<'_>, change: &Change) -> Loss {
    match (&change.before, &change.after) {
        (Some(_), None) => {
            Loss::new(LossClass::Irreversible, "the copy of the table in OneLake is destroyed")
        }
        _ => Loss::none(),
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn deleting_it_destroys_the_copy() {
        let at = "tables.T.policies.mirroring";
        assert_eq!(
            steps(
                "mirroringPolicy",
                at,
                json!({"isEnabled": true}),
                json!({"isEnabled": false, "targetLatencyInMinutes": 30})
            )[0],
            r#".alter-merge table T policy mirroring '{"Format":"parquet","IsEnabled":false,"TargetLatencyInMinutes":30}'"#
        );
        assert_eq!(
            steps("mirroringPolicy", at, json!({"isEnabled": true}), json!(null)),
            [
                ".delete table T policy mirroring [irreversible]",
                "  never: the copy of the table in OneLake is destroyed",
            ]
        );
    }
}
