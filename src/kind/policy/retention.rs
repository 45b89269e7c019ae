//! The retention policy: how long data is kept, and whether it can be recovered.

use super::{BASE, Policy, of, update};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Keyed, Need};
use crate::model::body::{Body, Value};
use crate::model::duration::Ticks;
use crate::model::inventory::Inventory;
use crate::model::{Address, Change, Loss, LossClass};

const ABOUT: About = About {
    name: "retentionPolicy",
    keyed: Keyed::Fixed("retention"),
    parents: &["database", "table", "materializedView", "graphModel"],
    short: &["softDeletePeriod"],
    doc: "How long data is kept. A table without one uses its database's. Shortening it deletes data, which the \
          service can bring back for 14 days while `recoverability` is `Enabled`.",
    page: "https://learn.microsoft.com/kusto/management/retention-policy",
    example: "policies:\n  retention: {softDeletePeriod: 90d, recoverability: Enabled}\n",
    fields: &[
        Field::new("softDeletePeriod", Shape::Duration, "How long data can be queried; default 365000 days."),
        Field::new(
            "recoverability",
            Shape::Enum(&["Enabled", "Disabled"]),
            "Whether deleted data can be recovered for 14 days; default `Enabled`.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults,
    // A graph model's policy cannot be deleted, only be set to the defaults.
    unset: |scope| if scope.kind == "graphModel" { (".alter", "'{}'") } else { (".delete", "") },
    is_absence: |_, scope, body| scope.kind == "graphModel" && *body == defaults(),
    numbered: &[("recoverability", &["Enabled", "Enabled", "Disabled"])],
    loss,
    needs,
    check,
    ..Policy::of(&ABOUT, "retention")
};

const FOREVER: Ticks = Ticks::days(365_000);
const RECOVERABLE: Ticks = Ticks::days(14);

fn defaults() -> Body {
    Body::new().with("softDeletePeriod", FOREVER).with("recoverability", "Enabled")
}

/// The loss of dropping a thing with data: recoverable for 14 days unless its retention policy says otherwise.
pub fn drop_loss(at: &At<'_>, what: &str) -> Loss {
    let own = at.world.child(at.address, "policies", "retention").map(|policy| &policy.body);
    if effective(at, own).1 {
        let loss = Loss::new(LossClass::Recoverable, format!("{what} are dropped"));
        return Loss { recoverable_for: Some(RECOVERABLE), ..loss };
    }
    Loss::new(LossClass::Irreversible, format!("{what} are dropped, and recoverability is Disabled"))
}

/// What holds for a thing: the period, and whether deleted data can be recovered. An absent policy inherits.
fn effective(at: &At<'_>, own: Option<&Body>) -> (Ticks, bool) {
    let inherited = || {
        let (address, database) = at.ancestor("database")?;
        let explicit = at.world.child(&address, "policies", "retention").filter(|_| address != *at.address);
        let period = database.body.get("softDeletePeriod").and_then(Value::as_time).unwrap_or(FOREVER);
        Some(explicit.map_or((period, true), |policy| figures(&policy.body)))
    };
    own.map(figures).or_else(inherited).unwrap_or((FOREVER, true))
}

fn figures(policy: &Body) -> (Ticks, bool) {
    let period = policy.get("softDeletePeriod").and_then(Value::as_time).unwrap_or(FOREVER);
    (period, policy.text("recoverability") != Some("Disabled"))
}

/// Whether a table, as it stands in some world, keeps nothing of what comes in.
pub(super) fn keeps_nothing(world: &Inventory, table: &Address) -> bool {
    of(world, table, "retention").is_some_and(|(_, policy)| is_zero(&policy.body))
}

fn is_zero(policy: &Body) -> bool {
    policy.get("softDeletePeriod").and_then(Value::as_time) == Some(Ticks::days(0))
}

/// A table that keeps nothing needs the update policies that read it.
fn needs(at: &At<'_>) -> Vec<Need> {
    let Some(table) = at.address.parent().filter(|_| is_zero(&at.resource.body)) else { return Vec::new() };
    let need = |read: update::Reading| Need {
        parent: read.table,
        collection: "policies",
        name: read.policy.key().to_owned(),
        field: vec!["softDeletePeriod".to_owned()],
        required: false,
    };
    update::reading(at.world, &table).map(need).collect()
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let (Some((owner, parent)), true) = (at.parent(), is_zero(&at.resource.body)) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut complain = |message: String, help: &str| {
        findings.push(Finding::new(&["softDeletePeriod"], message, help));
    };
    if parent.kind != "table" {
        complain("only tables may keep nothing".to_owned(), "choose a longer time");
        return findings;
    }
    if at.resource.body.text("recoverability").is_some_and(|word| word != "Disabled") {
        complain(
            "a table that keeps nothing cannot recover anything".to_owned(),
            "say `recoverability: Disabled`",
        );
    }
    let views = owner.parent().map(|database| at.world.children(&database, "materializedViews"));
    for (view, _) in
        views.into_iter().flatten().filter(|(_, view)| view.body.text("source") == Some(&parent.name))
    {
        complain(
            format!("{view} reads this table, so that it must keep what comes in"),
            "choose a longer time",
        );
    }
    findings
}

fn loss(at: &At<'_>, change: &Change) -> Loss {
    let Some((_, owner)) = at.parent() else { return Loss::none() };
    let is_live = owner.rows.is_some() || !owner.attributes.is_empty() || change.before.is_some();
    let ((before, _), (after, recoverable)) =
        (effective(at, change.before.as_ref()), effective(at, change.after.as_ref()));
    if !is_live || after >= before {
        return Loss::none();
    }
    let what = format!("data older than {after} is deleted (was {before})");
    if recoverable {
        let loss = Loss::new(LossClass::Recoverable, what);
        return Loss { recoverable_for: Some(RECOVERABLE), ..loss }.of(owner.rows, owner.bytes);
    }
    Loss::new(LossClass::Irreversible, format!("{what}, and recoverability is Disabled"))
        .of(owner.rows, owner.bytes)
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_set_for_a_new_table_without_loss() {
        assert_eq!(
            steps(
                "retentionPolicy",
                "tables.T.policies.retention",
                json!(null),
                json!({"softDeletePeriod": "90d"})
            ),
            [
                r#".alter table T policy retention '{"Recoverability":"Enabled","SoftDeletePeriod":"90.00:00:00"}'"#,
                "  undo .delete table T policy retention",
            ]
        );
    }

    #[test]
    fn an_empty_policy_is_every_default() {
        assert_eq!(
            steps("retentionPolicy", "policies.retention", json!({"softDeletePeriod": "1d"}), json!({}))[0],
            r#".alter database d policy retention '{"Recoverability":"Enabled","SoftDeletePeriod":"365000.00:00:00"}'"#
        );
    }
}
