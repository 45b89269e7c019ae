//! Graph models: how nodes and edges come out of queries.
//!
//! Every alteration makes a version, so an equal model is never sent again; models are compared as parsed JSON
//! (test: `spellings_of_a_model_are_one`).

use super::uses::uses;
use super::{database, in_database};
use crate::kind::replies::Reply;
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Need, Plane, Source};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss, LossClass};

/// A graph model.
pub(super) struct GraphModel;

const SHOW: &str = ".show graph_models details";

const ABOUT: About = About {
    name: "graphModel",
    collection: "graphModels",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "A graph model: the queries that give a graph's nodes and edges. Every change adds a version; dropping it \
          drops all its versions and snapshots for good.",
    page: "https://learn.microsoft.com/kusto/management/graph/graph-model-overview",
    example: "graphModels:\n  Plant:\n    model:\n      Definition:\n        Steps:\n          - {Kind: AddNodes, Query: Machines, NodeIdColumn: Id, Labels: [Machine]}\n          - {Kind: AddEdges, Query: Pipes, SourceColumn: From, TargetColumn: To, Labels: [Pipe]}\n",
    short: &["model"],
    fields: &[Field::new(
        "model",
        Shape::Any,
        "The definition as the service has it, `Schema` and `Definition`: a tree, or a JSON text.",
    )
    .required()],
    ..About::BASE
};

/// A definition in the form in which two are compared: parsed, members by name, unset ones left out.
fn normal(value: &Value) -> Value {
    match value {
        Value::Text(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) if json.is_object() => sorted(&Value::from_json(&json)),
            _ => value.clone(),
        },
        other => sorted(other),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(body) => {
            let members = body.iter().filter(|(_, value)| **value != Value::Null);
            let mut body: Body = members.map(|(name, value)| (name.clone(), sorted(value))).collect();
            body.sort();
            Value::Map(body)
        }
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn with_model(body: &Body) -> Body {
    body.get("model").map_or_else(|| body.clone(), |model| body.clone().with("model", normal(model)))
}

/// The queries of the steps, with where each stands.
fn queries(body: &Body) -> Vec<(String, String)> {
    let model = body.get("model").map(normal);
    let steps = model.as_ref().and_then(Value::as_map);
    let steps = steps.and_then(|model| model.at(&["Definition", "Steps"])).and_then(Value::as_list);
    let query = |(i, step): (usize, &Value)| Some((i.to_string(), step.as_map()?.text("Query")?.to_owned()));
    steps.unwrap_or_default().iter().enumerate().filter_map(query).collect()
}

impl Kind for GraphModel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[SHOW] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Some(models) = database(reply)?.shows.get(SHOW) else { return Ok(Vec::new()) };
        let found = models.iter().map(|row| {
            let name = row.text("Name").to_owned();
            let json =
                row.get("Model").ok_or_else(|| format!("graph model {name:?} comes without its model"))?;
            let body = Body::new().with("model", normal(&Value::from_json(json)));
            Ok(Found { path: vec![("graphModels", name)], body, ..Found::default() })
        });
        found.collect()
    }

    fn settle(&self, _live: Option<&Resource>, wanted: &Body) -> Body {
        with_model(wanted)
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let Some(after) = &change.after else {
            return Ok(in_database(at, Command::new(".drop graph_model").name(at.name())));
        };
        let Some(model @ Value::Map(_)) = after.get("model").map(normal) else {
            return Err("`model` is not a JSON object".to_owned());
        };
        let command = Command::new(".create-or-alter graph_model").name(at.name()).json(&model.shown());
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, change: &Change) -> Loss {
        match change.after {
            Some(_) => Loss::none(),
            None => Loss::new(
                LossClass::Irreversible,
                "every version and snapshot of the graph model is dropped".to_owned(),
            ),
        }
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let of =
            |(i, query): (String, String)| uses(at, &["model", "Definition", "Steps", &i, "Query"], &query);
        queries(&at.resource.body).into_iter().flat_map(of).collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let finding = |field: &[&str], message: &str, help: &str| vec![Finding::new(field, message, help)];
        match at.resource.body.get("model").map(normal) {
            None | Some(Value::Unknown(_) | Value::Null) => Vec::new(),
            Some(Value::Map(model)) if model.at(&["Definition", "Steps"]).is_some() => Vec::new(),
            Some(Value::Map(_)) => finding(
                &["model"],
                "the graph model has no `Definition` with `Steps`",
                "add at least a step of `Kind: AddNodes`",
            ),
            Some(_) => finding(
                &["model"],
                "a graph model is a JSON object",
                "write it as a tree, or as the JSON text of one",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::{body, steps};
    use crate::kind::shape;
    use serde_json::json;

    fn model(query: &str) -> serde_json::Value {
        json!({"model": {"Definition": {"Steps": [{"Kind": "AddNodes", "Query": query, "NodeIdColumn": "a"}]}}})
    }

    #[test]
    fn spellings_of_a_model_are_one() {
        let tree = GraphModel.settle(None, &body("graphModel", &model("T")));
        let text = r#"{"Schema": null, "Definition": {"Steps": [{"NodeIdColumn":"a", "Kind":"AddNodes", "Query":"T"}]}}"#;
        let text = GraphModel.settle(None, &body("graphModel", &json!({"model": text})));
        assert!(shape::same_bodies(ABOUT.fields, &tree, &text));
        let other = GraphModel.settle(None, &body("graphModel", &model("U")));
        assert!(!shape::same_bodies(ABOUT.fields, &tree, &other));
    }

    #[test]
    fn is_written_whole_and_dropped_for_good() {
        let command = |query: &str| {
            format!(
                r#".create-or-alter graph_model G '{{"Definition":{{"Steps":[{{"Kind":"AddNodes","NodeIdColumn":"a","Query":"{query}"}}]}}}}'"#
            )
        };
        let at = "graphModels.G";
        assert_eq!(
            steps("graphModel", at, model("T"), model("U")),
            [command("U"), format!("  undo {}", command("T"))]
        );
        assert_eq!(
            steps("graphModel", at, model("T"), json!(null)),
            [
                ".drop graph_model G [irreversible]".to_owned(),
                "  never: every version and snapshot of the graph model is dropped".to_owned()
            ]
        );
    }
}
