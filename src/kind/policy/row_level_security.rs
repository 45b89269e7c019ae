//! The row level security policy: a query that stands in for the rows.

use super::restricted_view_access::restricts;
use super::{BASE, Policy, flag, of, update};
use crate::kind::entity::uses;
use crate::kind::shape::{Field, KqlForm, Role, Shape};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};
use crate::model::inventory::Inventory;
use crate::model::{Address, kql};

const WITHOUT: &str = "allowMaterializedViewsWithoutRowLevelSecurity";

const ABOUT: About = About {
    name: "rowLevelSecurityPolicy",
    keyed: Keyed::Fixed("rowLevelSecurity"),
    parents: &["table", "materializedView", "externalTable"],
    short: &["query"],
    doc: "A query that stands in for the rows, for everybody, admins too. `isEnabled: false` keeps the query without \
          using it. It cannot stand beside restricted view access.",
    page: "https://learn.microsoft.com/kusto/management/row-level-security-policy",
    example: "policies:\n  rowLevelSecurity: {query: \"StormEvents | where State == 'TEXAS'\"}\n",
    fields: &[
        Field::new("isEnabled", Shape::Bool, "Whether it is in force; default true."),
        Field::new("query", Shape::Kql(KqlForm::Query), "The query, text or `{file: PATH}`.").required(),
        Field::new(
            WITHOUT,
            Shape::Bool,
            "Whether materialized views over the table may go without row level security; written, never compared.",
        )
        .role(Role::CreateOnly),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("isEnabled", true),
    from_words,
    write: |command, body| {
        let command = command.word(if flag(Some(body), "isEnabled") { "enable" } else { "disable" });
        let command = match body.get(WITHOUT).and_then(Value::as_bool) {
            Some(allowed) => {
                command.word("with (allowMaterializedViewsWithoutRowLevelSecurity =").flag(allowed).word(")")
            }
            None => command,
        };
        command.text(body.text("query").unwrap_or_default())
    },
    needs: |at| uses(at, &["query"], at.resource.body.text("query").unwrap_or_default()),
    waits,
    check,
    ..Policy::of(&ABOUT, "row_level_security")
};

/// Reads `enable "query"`.
fn from_words(words: &str) -> Result<Body, String> {
    let (word, query) = words.split_once(char::is_whitespace).ok_or("it has no query")?;
    let query = kql::unquoted(query.trim()).ok_or("its query is not a text")?;
    let body = Body::new().with("isEnabled", word == "enable").with("query", query);
    crate::kind::shape::canonical_body(ABOUT.fields, &body)
}

/// Whether a table, as it stands in some world, is secured.
pub(super) fn secures(world: &Inventory, table: &Address) -> bool {
    let policy = of(world, table, "rowLevelSecurity");
    policy.is_some_and(|(_, policy)| policy.body.get("isEnabled").and_then(Value::as_bool).unwrap_or(true))
}

/// Restricted view access and update policies that read the table without an identity go first.
fn waits(at: &At<'_>, live: &Inventory) -> Vec<Address> {
    let Some(table) = at.address.parent().filter(|table| secures(at.world, table)) else { return Vec::new() };
    let mut waits: Vec<Address> =
        of(live, &table, "restrictedViewAccess").map(|(at, _)| at).into_iter().collect();
    waits.extend(update::reading(live, &table).filter(|read| !read.is_identified).map(|read| read.policy));
    waits
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let Some(table) = at.address.parent().filter(|table| secures(at.world, table)) else { return Vec::new() };
    let message = "row level security and restricted view access cannot stand on one table";
    let finding = || Finding::new(&[], message, "keep one of them");
    restricts(at.world, &table).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn keeps_its_query_when_it_is_off() {
        let at = "tables.T.policies.rowLevelSecurity";
        let on = r#".alter table T policy row_level_security enable "T | where a == 'x'""#;
        assert_eq!(
            steps(
                "rowLevelSecurityPolicy",
                at,
                json!({"isEnabled": true, "query": "T | where a == 'x'"}),
                json!({"isEnabled": false})
            ),
            [
                r#".alter table T policy row_level_security disable "T | where a == 'x'""#.to_owned(),
                format!("  undo {on}"),
            ]
        );
        let read = from_words(r#"enable "T | where a == 'x'""#).unwrap();
        assert_eq!(read.shown(), json!({"isEnabled": true, "query": "T | where a == 'x'"}));
    }
}
