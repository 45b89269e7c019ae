//! The restricted view access policy: whether a table is hidden from plain viewers.

use super::{BASE, Policy, flag, of};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::Address;
use crate::model::body::Body;
use crate::model::inventory::Inventory;

const KEY: &str = "restrictedViewAccess";

const ABOUT: About = About {
    name: "restrictedViewAccessPolicy",
    keyed: Keyed::Fixed(KEY),
    parents: &["table"],
    short: &["isEnabled"],
    doc: "Whether only principals with the role of unrestricted viewer see the table's rows. It cannot stand beside \
          row level security. `false` and no policy are the same.",
    page: "https://learn.microsoft.com/kusto/management/restricted-view-access-policy",
    example: "policies:\n  restrictedViewAccess: true\n",
    fields: &[Field::new(
        "isEnabled",
        Shape::Bool,
        "Whether access is restricted; default true once the policy is given.",
    )],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("isEnabled", true),
    from_words: super::switched,
    write: |command, body| command.flag(flag(Some(body), "isEnabled")),
    is_absence: |_, _, body| !flag(Some(body), "isEnabled"),
    waits,
    check,
    ..Policy::of(&ABOUT, "restricted_view_access")
};

/// Whether a table, as it stands in some world, has restricted view access.
pub(super) fn restricts(world: &Inventory, table: &Address) -> bool {
    of(world, table, KEY)
        .is_some_and(|(_, policy)| policy.body.is_empty() || flag(Some(&policy.body), "isEnabled"))
}

fn waits(at: &At<'_>, live: &Inventory) -> Vec<Address> {
    let security = at.address.parent().and_then(|table| of(live, &table, "rowLevelSecurity"));
    security
        .filter(|(_, security)| flag(Some(&security.body), "isEnabled"))
        .map(|(at, _)| at)
        .into_iter()
        .collect()
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let Some(table) = at.address.parent().filter(|table| restricts(at.world, table)) else {
        return Vec::new();
    };
    let Some(database) = table.parent() else { return Vec::new() };
    let mut views = at.world.children(&database, "materializedViews");
    let reading = views.find(|(_, view)| view.body.text("source") == Some(table.key()));
    let finding = |(view, _): (&Address, _)| {
        let message = format!(
            "the materialized view {:?} reads this table, which must not be restricted then",
            view.key()
        );
        Finding::new(&[], message, "restrict access otherwise, for example by row level security")
    };
    reading.map(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_switched_on_and_deleted() {
        assert_eq!(
            steps(
                "restrictedViewAccessPolicy",
                "tables.T.policies.restrictedViewAccess",
                json!(null),
                json!({})
            ),
            [
                ".alter table T policy restricted_view_access true",
                "  undo .delete table T policy restricted_view_access",
            ]
        );
    }
}
