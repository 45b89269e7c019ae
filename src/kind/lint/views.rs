//! Rules about materialized views.

use super::facts::{Text, hot, kept};
use super::{Lint, Rule};
use crate::kind::At;
use crate::model::Address;
use crate::model::body::Value;
use crate::model::duration::Ticks;

const PAGE: &str =
    "https://learn.microsoft.com/kusto/management/materialized-views/materialized-views-limitations";
const CREATE: &str =
    "https://learn.microsoft.com/kusto/management/materialized-views/materialized-view-create";

/// The kind that the rules look at.
const VIEW: &[&str] = &["materializedView"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L051",
        title: "a view depends on the time of the query",
        doc: "A materialized view is filled as data comes in, so `now()` and `ago()` in its query would mean another time \
              for each part of it. The service refuses them. Filter when the view is queried; what is old goes by its \
              retention.",
        page: PAGE,
        of: VIEW,
        finds: dependent_on_time,
    },
    Rule {
        code: "L052",
        title: "a backfill reads more than the hot cache",
        doc: "A backfill reads all of the source. What is not in its hot cache comes from storage, which takes many times \
              as long and slows other work down. Let it begin where the cache does by `effectiveDateTime`, or make the \
              cache longer for that time.",
        page: CREATE,
        of: VIEW,
        finds: cold_backfill,
    },
    Rule {
        code: "L053",
        title: "a view without duplicates looks at everything",
        doc: "`take_any`, `arg_max` and `arg_min` compare each new row with all of the view. Where the same key comes \
              again only within some time, `lookback` says so, and spares the rest of the view.",
        page: CREATE,
        of: VIEW,
        finds: no_lookback,
    },
    Rule {
        code: "L055",
        title: "a new column of the source disables the view",
        doc: "A view of `arg_max(…, *)`, `arg_min(…, *)` or `take_any(*)` has the columns of its source. When those change, \
              the service disables it. Say `autoUpdateSchema: true`, or name the columns.",
        page: PAGE,
        of: VIEW,
        finds: fixed_star,
    },
    Rule {
        code: "L056",
        title: "the columns of a view depend on its data",
        doc: "`bag_unpack` and `pivot` make columns of values. A value that is new makes a column that the view does not \
              have, and the service disables the view. Name the columns, by `extend` or by the plugin's schema.",
        page: PAGE,
        of: VIEW,
        finds: columns_of_data,
    },
];

fn dependent_on_time(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        for (name, span) in text.calls().filter(|(name, _)| matches!(*name, "now" | "ago")) {
            let message = format!("`{name}()` means another time for each part of the view");
            found.push(
                Lint::new(at, &text.path(), message, "filter when the view is queried")
                    .inside(text.text, span),
            );
        }
    }
    found
}

/// The table that a view reads, when it is declared.
fn source(at: &At<'_>) -> Option<Address> {
    let (database, _) = at.ancestor("database")?;
    let name = at.resource.body.text("source").or_else(|| at.resource.body.text("sourceTable"))?;
    at.named(&database, "tables", name).map(|(address, _)| address)
}

fn cold_backfill(at: &At<'_>) -> Vec<Lint> {
    let body = &at.resource.body;
    let all = body.get("backfill") == Some(&Value::Bool(true))
        && body.get("effectiveDateTime").is_none_or(Value::is_unset);
    let Some(source) = source(at).filter(|_| all) else { return Vec::new() };
    let (Some(hot), Some(kept)) = (hot(at.world, &source), kept(at.world, &source)) else {
        return Vec::new();
    };
    if hot >= kept {
        return Vec::new();
    }
    let message =
        format!("`{}` keeps {kept}, of which {hot} are hot, and the backfill reads it all", source.key());
    vec![Lint::new(at, &["backfill"], message, "give `effectiveDateTime`, or make the cache longer first")]
}

/// The aggregations that keep one row of several.
const ONE: [&str; 3] = ["take_any", "arg_max", "arg_min"];

fn no_lookback(at: &At<'_>) -> Vec<Lint> {
    if at.resource.body.get("lookback").is_some_and(|value| !value.is_unset()) {
        return Vec::new();
    }
    let one = |text: &Text<'_>| text.calls().find(|(name, _)| ONE.contains(name)).map(|(_, span)| span);
    let lint = |text: &Text<'_>| {
        let message = "every new row is compared with all of the view";
        let lint = Lint::new(at, &text.path(), message, "give `lookback`, such as 6h");
        Some(lint.inside(text.text, one(text)?))
    };
    let long = source(at).and_then(|source| kept(at.world, &source)).is_none_or(|kept| kept > Ticks::days(1));
    Text::all(at.resource).iter().filter(|_| long).filter_map(lint).collect()
}

fn fixed_star(at: &At<'_>) -> Vec<Lint> {
    if at.resource.body.get("autoUpdateSchema") == Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        for (name, span) in text.calls().filter(|(name, span)| ONE.contains(name) && text.is_of_all(span)) {
            let message = format!(
                "`{name}` takes every column, and the view is disabled when the source gets a new one"
            );
            let help = "say `autoUpdateSchema: true`, or name the columns";
            found.push(Lint::new(at, &text.path(), message, help).inside(text.text, span));
        }
    }
    found
}

fn columns_of_data(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        for (name, span) in text.calls().filter(|(name, _)| matches!(*name, "bag_unpack" | "pivot")) {
            let message = format!("`{name}` makes columns of what the data holds");
            found.push(Lint::new(at, &text.path(), message, "name the columns").inside(text.text, span));
        }
    }
    found
}
