//! Stored functions.

use super::{database, in_database};
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, KqlForm, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source, Undo};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::kql::Block;
use crate::model::request::Request;
use crate::model::{Change, Loss};

/// A stored function: a named query with parameters.
pub(super) struct Function;

const SHOW: &str = ".show functions";

const ABOUT: About = About {
    name: "function",
    collection: "functions",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "A stored function: a named query with parameters. What its body names is created before it.",
    page: "https://learn.microsoft.com/kusto/query/schema-entities/stored-functions",
    example: "functions:\n  ByState: {parameters: \"(s: string)\", body: {file: functions/ByState.kql}}\n",
    fields: &[
        Field::new(
            "parameters",
            Shape::Kql(KqlForm::Parameters),
            "The parameters in parentheses, such as `(s: string)`; none when left out.",
        ),
        Field::new(
            "body",
            Shape::Kql(KqlForm::Body),
            "The query, with or without braces; text or `{file: PATH}`.",
        )
        .required(),
        Field::new("docString", Shape::Text, "What the function gives; unset when empty."),
        Field::new("folder", Shape::Text, "The folder in which tools show it; unset when empty."),
        Field::new(
            "view",
            Shape::Bool,
            "Whether it takes part in `union *` and `search *`; compared where the service gives it back.",
        )
        .role(Role::Filled),
        Field::new(
            "skipValidation",
            Shape::Bool,
            "Whether names in the body may be unknown when it is created; never compared.",
        )
        .role(Role::CreateOnly),
    ],
    ..About::BASE
};

impl Kind for Function {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[SHOW] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let replies = database(reply)?;
        let Some(functions) = replies.shows.get(SHOW) else { return Ok(Vec::new()) };
        let found = functions.iter().map(|row| {
            let raw = Body::new()
                .with("parameters", row.text("Parameters"))
                .with("body", row.text("Body"))
                .with("docString", row.text("DocString"))
                .with("folder", row.text("Folder"));
            let name = row.text("Name");
            let kind = replies.schema.functions.get(name).map(|schema| schema.function_kind.as_str());
            let raw = if kind == Some("ViewFunction") { raw.with("view", true) } else { raw };
            let body = shape::canonical_body(ABOUT.fields, &raw)?;
            Ok(Found { path: vec![("functions", name.to_owned())], body, ..Found::default() })
        });
        found.collect()
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let mut after = shape::overlay(ABOUT.fields, live.unwrap_or(&Body::new()), wanted);
        // A function is written whole, so what is to stay is written again.
        if let (Some(view), None) = (live.and_then(|live| live.get("view")), wanted.get("view")) {
            after.set("view", view.clone());
        }
        if after.get("parameters").is_some() { after } else { after.with("parameters", "()") }
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let Some(after) = &change.after else {
            return Ok(in_database(at, Command::new(".drop function").name(at.name()).word("ifexists")));
        };
        let text = |name| after.text(name).unwrap_or_default();
        let block = |name: &str, text: String| Block::new(&text).map_err(|why| format!("`{name}`: {why}"));
        let parameters = block(
            "parameters",
            if text("parameters").is_empty() { "()".to_owned() } else { text("parameters").to_owned() },
        )?;
        let body = block("body", format!("{{\n{}\n}}", text("body")))?;
        let mut command = Command::new(".create-or-alter function with (docstring =").text(text("docString"));
        command = command.word(", folder =").text(text("folder"));
        for (field, words) in [("view", ", view ="), ("skipValidation", ", skipvalidation =")] {
            if let Some(value) = after.get(field).and_then(Value::as_bool) {
                command = command.word(words).flag(value);
            }
        }
        let command = command.word(")").name(at.name()).block(&parameters).block(&body);
        Ok(in_database(at, command))
    }

    fn unvalidated(&self, at: &At<'_>, change: &Change) -> Option<Request> {
        let after = change.after.clone().map(|after| after.with("skipValidation", true));
        self.request(at, &Change::new(change.before.clone(), after)).ok()
    }

    /// What stood there may name what is long gone, so that it is put back without validation.
    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let request = self.unvalidated(at, &change.invert());
        request
            .map_or_else(|| Undo::Never("it cannot be written".to_owned()), |request| Undo::By(vec![request]))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let text = |name| at.resource.body.text(name).unwrap_or_default();
        let mut findings = Vec::new();
        for (field, text) in
            [("parameters", text("parameters").to_owned()), ("body", format!("{{\n{}\n}}", text("body")))]
        {
            if let Err(why) = Block::new(&text) {
                findings.push(Finding::new(&[field], format!("this is not KQL: {why}"), "correct the text"));
            }
        }
        if text("body").trim().is_empty() {
            findings.push(Finding::new(
                &["body"],
                "the body is empty",
                "write the query that the function stands for",
            ));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_replaced_whole_and_dropped() {
        let one = json!({"body": "{ T | take n }", "parameters": "(n:long=5)", "folder": "f"});
        let two = json!({"body": "T // all\n", "docString": "it's", "skipValidation": true});
        let at = "functions.F";
        let first =
            r#".create-or-alter function with (docstring = "", folder = "f") F (n:long=5) { T | take n }"#;
        assert_eq!(
            steps("function", at, json!(null), one.clone()),
            [first.to_owned(), "  undo .drop function F ifexists".to_owned()]
        );
        assert_eq!(
            steps("function", at, one, two),
            [
                r#".create-or-alter function with (docstring = "it's", folder = "f", skipvalidation = true) F (n:long=5) { T }"#.to_owned(),
                format!("  undo {}", first.replace("\"f\")", "\"f\", skipvalidation = true)")),
            ]
        );
    }
}
