//! The caching policy: how much data is kept hot.

use super::{BASE, Policy};
use crate::kind::shape::{Field, Shape, canonical_body};
use crate::kind::{About, At, Finding, Keyed};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::duration::Ticks;
use crate::model::kql::{self, TokenKind};
use serde_json::Value as Json;

const WINDOW: Shape = Shape::object(&[
    Field::new("from", Shape::DateTime, "The start of the window.").required(),
    Field::new("to", Shape::DateTime, "The end of the window.").required(),
]);

const ABOUT: About = About {
    name: "cachingPolicy",
    keyed: Keyed::Fixed("caching"),
    parents: &["cluster", "database", "table", "materializedView", "graphModel"],
    short: &["hot"],
    doc: "How far back data is kept hot, on local disks. A table without one uses its database's, and that its cluster's; with none at all \
          everything is hot.",
    page: "https://learn.microsoft.com/kusto/management/cache-policy",
    example: "policies:\n  caching: 31d\n",
    fields: &[
        Field::new(
            "hot",
            Shape::Duration,
            "How far back data and indexes are hot; default everything (36500 d).",
        ),
        Field::new("hotIndex", Shape::Duration, "How far back indexes are hot; default as `hot`."),
        Field::new(
            "hotWindows",
            Shape::List(&WINDOW),
            "Further windows of time that are hot, each `{from, to}`.",
        ),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("hot", Ticks::days(36_500)),
    imply: |wanted| match (wanted.get("hot"), wanted.get("hotIndex")) {
        (Some(_), None) => wanted.with("hotIndex", Value::Null),
        _ => wanted,
    },
    complete: |body| match body.get("hotIndex") {
        Some(index) if *index == Value::Null || Some(index) == body.get("hot") => body.without("hotIndex"),
        _ => body,
    },
    from_json: |_, json| from_json(json),
    from_words,
    write,
    check,
    shows: &[".show cluster policy caching"],
    ..Policy::of(&ABOUT, "caching")
};

fn check(at: &At<'_>) -> Vec<Finding> {
    let windows = at.resource.body.get("hotWindows").and_then(Value::as_list).unwrap_or_default();
    let windows = windows.iter().filter_map(Value::as_map);
    let empty = windows.filter(|window| match (window.text("from"), window.text("to")) {
        (Some(from), Some(to)) => from >= to,
        _ => false,
    });
    let finding = |window: &Body| {
        let message =
            format!("a hot window ends at {}, before it begins", window.text("to").unwrap_or_default());
        Finding::new(&["hotWindows"], message, "let `to` be later than `from`")
    };
    empty.map(finding).collect()
}

fn write(command: Command, body: &Body) -> Command {
    let hot = body.get("hot").and_then(Value::as_time).unwrap_or(Ticks::days(36_500));
    let windows = body.get("hotWindows").and_then(Value::as_list).unwrap_or_default();
    let windows = windows.iter().filter_map(Value::as_map);
    let command = match body.get("hotIndex").and_then(Value::as_time) {
        Some(index) => command.word("hotdata =").time(hot).word("hotindex =").time(index),
        None => command.word("hot =").time(hot),
    };
    windows.fold(command, |command, window| {
        let moment = |command: Command, name| command.moment(window.text(name).unwrap_or_default());
        let command = moment(command.word(", hot_window ="), "from");
        moment(command.word(".."), "to")
    })
}

/// Reads `hot = 31d`, or `hotdata = time(…) hotindex = time(…)`, and hot windows behind either.
fn from_words(argument: &str) -> Result<Body, String> {
    let mut raw = Body::new();
    let mut windows = Vec::new();
    for (word, value) in settings(argument) {
        match word.as_str() {
            "hot" | "hotdata" => raw.set("hot", value.as_str()),
            "hotindex" => raw.set("hotIndex", value.as_str()),
            "hot_window" => {
                let (from, to) = value.split_once("..").ok_or("a hot window without an end")?;
                windows.push(Value::Map(Body::new().with("from", from).with("to", to)));
            }
            _ => {}
        }
    }
    if !windows.is_empty() {
        raw.set("hotWindows", windows);
    }
    if raw.get("hot").is_none() {
        return Err("no hot span".to_owned());
    }
    canonical_body(ABOUT.fields, &raw)
}

/// The `word = value` pairs of an argument, `time(…)` and `datetime(…)` unwrapped.
fn settings(argument: &str) -> Vec<(String, String)> {
    let Ok(tokens) = kql::tokens(argument) else { return Vec::new() };
    let mut settings: Vec<(String, String)> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let text = &argument[token.span.clone()];
        let before_equals = tokens.get(i + 1).is_some_and(|next| next.kind == TokenKind::Mark('='));
        match settings.last_mut() {
            _ if before_equals => settings.push((text.to_lowercase(), String::new())),
            Some((_, value)) if !matches!(text, "=" | "(" | ")" | "," | "time" | "timespan" | "datetime") => {
                value.push_str(text.trim_matches(['"', '\'']));
            }
            _ => {}
        }
    }
    settings
}

/// `{"DataHotSpan":{"Value":"30.00:00:00"},…}`, the spans as objects or plain texts.
fn from_json(json: &Json) -> Result<Body, String> {
    let span = |name: &str| json[name].as_str().or_else(|| json[name]["Value"].as_str());
    let mut raw = Body::new().with("hot", span("DataHotSpan").ok_or("no DataHotSpan")?);
    if let Some(index) = span("IndexHotSpan") {
        raw.set("hotIndex", index);
    }
    let windows: Vec<Value> = json["HotWindows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|w| {
            let text = |name: &str| w[name].as_str().unwrap_or_default();
            Value::Map(Body::new().with("from", text("MinValue")).with("to", text("MaxValue")))
        })
        .collect();
    if !windows.is_empty() {
        raw.set("hotWindows", windows);
    }
    canonical_body(ABOUT.fields, &raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn reads_every_form_of_the_service() {
        let window = json!([{"from": "2021-01-01T00:00:00Z", "to": "2021-02-01T00:00:00Z"}]);
        for (argument, hot, windows) in [
            ("hot = 31d", "31.00:00:00", None),
            ("hotdata = time(31.00:00:00) hotindex = time(31.00:00:00)", "31.00:00:00", None),
            (
                "hot = time(12:00:00), hot_window = datetime(2021-01-01) .. datetime(2021-02-01)",
                "12:00:00",
                Some(&window),
            ),
            (
                r#"'{"DataHotSpan":{"Value":"1.00:00:00"},"HotWindows":[{"MinValue":"2021-01-01T00:00:00Z","MaxValue":"2021-02-01T00:00:00Z"}]}'"#,
                "1.00:00:00",
                Some(&window),
            ),
            (r#""{\"DataHotSpan\":\"7.00:00:00\"}""#, "7.00:00:00", None),
        ] {
            let scope = crate::kind::policy::Scope::of_words("table").unwrap();
            let body = POLICY.read(scope, argument, true).unwrap().unwrap().shown();
            assert_eq!((&body["hot"], body.get("hotWindows")), (&json!(hot), windows), "{argument}");
        }
    }

    #[test]
    fn writes_spans_and_windows() {
        let after =
            json!({"hot": "31d", "hotWindows": [{"from": "2021-01-01", "to": "2021-02-01T08:00:00Z"}]});
        assert_eq!(
            steps("cachingPolicy", "policies.caching", json!({"hot": "12h"}), after),
            [
                ".alter database d policy caching hot = 31d, hot_window = datetime(2021-01-01T00:00:00Z)..datetime(2021-02-01T08:00:00Z)",
                "  undo .alter database d policy caching hot = time(12:00:00)",
            ]
        );
    }
}
