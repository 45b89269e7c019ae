//! The commands of a view, as they are printed.

use super::*;
use crate::kind::entity::tests::steps;
use serde_json::json;

const AT: &str = "materializedViews.V";

#[test]
fn is_altered_property_by_property() {
    let one = json!({"source": "T", "query": "T | summarize arg_max(a, *) by b", "autoUpdateSchema": true, "lookback": "6h"});
    let two = json!({"source": "T", "query": "{ T | summarize max(a) by b }", "autoUpdateSchema": false, "lookback": null,
        "docString": "d", "dimensionTables": ["D"]});
    assert_eq!(
        steps("materializedView", AT, one, two),
        [
            ".alter materialized-view V autoUpdateSchema false",
            "  undo .alter materialized-view V autoUpdateSchema true",
            ".alter materialized-view V lookback timespan(null)",
            "  undo .alter materialized-view V lookback time(06:00:00)",
            r#".alter materialized-view with (dimensionTables = dynamic([ "D" ])) V on table T { T | summarize max(a) by b } [irreversible]"#,
            "  never: the values of `arg_max(a,*)` are gone for good",
            r#".alter materialized-view V docstring "d""#,
            r#"  undo .alter materialized-view V docstring """#,
        ]
    );
}

#[test]
fn is_altered_before_it_is_enabled() {
    let body = |on: bool| json!({"source": "T", "query": "T | summarize count() by b", "isEnabled": on});
    let alter = ".alter materialized-view V on table T { T | summarize count() by b }";
    assert_eq!(
        steps("materializedView", AT, body(false), body(true)),
        [
            alter.to_owned(),
            format!("  undo {alter}"),
            ".enable materialized-view V".to_owned(),
            "  undo .disable materialized-view V".to_owned(),
        ]
    );
}

#[test]
fn what_cannot_be_altered_is_dropped_and_made_again() {
    let read = |json: serde_json::Value| crate::kind::entity::tests::body("materializedView", &json);
    let live =
        read(json!({"source": "T", "query": "T | summarize n = count() by a, b", "lookbackColumn": "ts"}));
    for (property, value, replaced) in [
        ("source", "U", true),
        ("query", "T | summarize n = count() by a", true),
        ("query", "T | where a > 1 | summarize m = count() by b, a", false),
        ("lookbackColumn", "other", true),
        ("folder", "f", false),
    ] {
        let change = Change::new(Some(live.clone()), Some(live.clone().with(property, value)));
        assert_eq!(MaterializedView.replaces(&change), replaced, "{property}: {value}");
    }
    let given_once = Change::new(Some(live.clone().without("lookbackColumn")), Some(live));
    assert!(!MaterializedView.replaces(&given_once));
}

#[test]
fn reads_a_query_without_its_source() {
    assert_eq!(query_of("| summarize count()", "my T"), "['my T']\n| summarize count()");
    assert_eq!(query_of("{ T | summarize count() }", "T"), "T | summarize count()");
}
