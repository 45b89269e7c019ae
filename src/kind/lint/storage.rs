//! Rules about how data is kept: retention, caching, order, partitions, deletion.

use super::facts::{columns, hot, items, kept};
use super::{Lint, Rule};
use crate::kind::At;
use crate::model::body::Value;
use crate::model::duration::Ticks;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L031",
        title: "the hot cache is longer than the retention",
        doc: "Data that is deleted is no longer hot, so the longer time has no effect; mostly one of the two numbers is \
              a slip. Let the cache be at most as long as the retention.",
        page: "https://learn.microsoft.com/kusto/management/cache-policy",
        of: &["table", "materializedView"],
        finds: hotter_than_kept,
    },
    Rule {
        code: "L032",
        title: "more than two columns order the rows",
        doc: "The row order sorts every extent as it is made, which slows ingestion down, and a third column hardly ever \
              helps a query. Keep the one or two columns by which most queries filter.",
        page: "https://learn.microsoft.com/kusto/management/row-order-policy",
        of: &["rowOrderPolicy"],
        finds: many_orders,
    },
    Rule {
        code: "L033",
        title: "a partition key is of a type that cannot be one",
        doc: "Data is split by hash on columns of type string or guid, and by range on datetime. The service refuses \
              other types.",
        page: "https://learn.microsoft.com/kusto/management/partitioning-policy",
        of: &["partitioningPolicy"],
        finds: partition_types,
    },
    Rule {
        code: "L034",
        title: "many partitions",
        doc: "Every partition is written again whenever data comes in, and leaves files to be cleaned up. The more there \
              are, the more that costs; a partition should hold about 1 GB of compressed data. 128 is what the \
              documentation starts with.",
        page: "https://learn.microsoft.com/kusto/management/partitioning-policy",
        of: &["partitioningPolicy"],
        finds: many_partitions,
    },
    Rule {
        code: "L036",
        title: "a table that is filled goes away on a date",
        doc: "An auto delete policy with `deleteIfNotEmpty: true` drops the table with its data. Data connections and \
              update policies that fill it fail from that day on, and the next plan creates it anew, empty.",
        page: "https://learn.microsoft.com/kusto/management/auto-delete-policy",
        of: &["autoDeletePolicy"],
        finds: deleted_while_filled,
    },
    Rule {
        code: "L037",
        title: "data that is kept for long cannot be recovered",
        doc: "With `recoverability: Disabled`, a dropped table or a shortened retention is final at once. That fits \
              data that is only passed on; for what is kept for more than a week, two weeks of recovery cost little.",
        page: "https://learn.microsoft.com/kusto/management/retention-policy",
        of: &["retentionPolicy"],
        finds: not_recoverable,
    },
];

fn hotter_than_kept(at: &At<'_>) -> Vec<Lint> {
    let world = at.world;
    let given = |key: &str, part: &str| {
        let policy = world.child(at.address, "policies", key);
        policy.is_some_and(|policy| policy.body.get(part).is_some())
    };
    let own = given("caching", "hot") || given("retention", "softDeletePeriod");
    let (Some(hot), Some(kept)) = (hot(world, at.address), kept(world, at.address)) else {
        return Vec::new();
    };
    let told = kept > Ticks::days(0) && hot > kept && hot < Ticks::days(36_500) && own;
    if !told {
        return Vec::new();
    }
    let message = format!("the last {hot} are hot, and only the last {kept} are kept");
    let help = "let the cache be at most as long as the retention";
    let (key, part) =
        if given("caching", "hot") { ("caching", "hot") } else { ("retention", "softDeletePeriod") };
    let (address, field) = (at.address.child("policies", key), vec![part.to_owned()]);
    vec![Lint { address, field, ..Lint::new(at, &[], message, help) }]
}

fn many_orders(at: &At<'_>) -> Vec<Lint> {
    let count = at.resource.body.get("keys").and_then(Value::as_list).map_or(0, <[Value]>::len);
    let message = || format!("{count} columns order the rows");
    let found = (count > 2).then(|| Lint::new(at, &["keys"], message(), "keep the first one or two"));
    found.into_iter().collect()
}

fn partition_types(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    let Some((_, table)) = at.parent() else { return found };
    for (i, key) in items(&at.resource.body, "partitionKeys") {
        let column = key.text("columnName").unwrap_or_default();
        let of = columns(table).find(|(name, _)| *name == column).map(|(_, of)| of);
        let fit: &[&str] = if key.text("kind") == Some("Hash") { &["string", "guid"] } else { &["datetime"] };
        if let Some(of) = of.filter(|of| !fit.contains(of)) {
            let message = format!("`{column}` is of type {of}, and this key takes {}", fit.join(" or "));
            let path = ["partitionKeys", &i.to_string(), "columnName"];
            found.push(Lint::new(at, &path, message, "choose another column or kind"));
        }
    }
    found
}

fn many_partitions(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (i, key) in items(&at.resource.body, "partitionKeys") {
        let path = ["partitionKeys", &i.to_string(), "properties", "maxPartitionCount"];
        if let Some(Value::Int(count @ 257..)) = key.at(&["properties", "maxPartitionCount"]) {
            let message = format!("data is split into up to {count} partitions");
            found.push(Lint::new(at, &path, message, "start with 128, and raise it when queries gain by it"));
        }
    }
    found
}

fn deleted_while_filled(at: &At<'_>) -> Vec<Lint> {
    let (Some((table, thing)), Some((database, _))) = (at.parent(), at.ancestor("database")) else {
        return Vec::new();
    };
    let drops = at.resource.body.get("deleteIfNotEmpty") == Some(&Value::Bool(true));
    let names = |body: &crate::model::Body| body.text("tableName") == Some(&thing.name);
    let filled =
        at.world.children(&database, "dataConnections").any(|(_, connection)| names(&connection.body));
    let updated = at.world.child(&table, "policies", "update").is_some();
    if !drops || !(filled || updated) {
        return Vec::new();
    }
    let by = if filled { "a data connection" } else { "an update policy" };
    let message = format!("{by} fills this table, which is dropped with its data on a date");
    vec![Lint::new(
        at,
        &["deleteIfNotEmpty"],
        message,
        "remove the policy, or what fills the table before the date",
    )]
}

fn not_recoverable(at: &At<'_>) -> Vec<Lint> {
    let long =
        at.parent().and_then(|(owner, _)| kept(at.world, &owner)).filter(|kept| *kept > Ticks::days(7));
    let disabled = at.resource.body.text("recoverability") == Some("Disabled");
    let lint = |kept: Ticks| {
        let message = format!("data is kept for {kept}, and nothing of it can be recovered");
        Lint::new(at, &["recoverability"], message, "say `recoverability: Enabled`")
    };
    long.filter(|_| disabled).map(lint).into_iter().collect()
}
