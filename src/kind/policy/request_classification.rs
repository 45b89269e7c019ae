//! The request classification policy: which workload group takes a request.

use super::{BASE, Policy};
use crate::kind::shape::{Field, KqlForm, Shape};
use crate::kind::{About, At, Finding, Keyed, Need};
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::kql::{self, Block, TokenKind};

const FUNCTION: &str = "classificationFunction";

const ABOUT: About = About {
    name: "requestClassificationPolicy",
    keyed: Keyed::Fixed("requestClassification"),
    parents: &["cluster"],
    doc: "Which workload group takes a request: a function that gives the name of a group. The groups that it names are \
          created before it and dropped after it; a request for which it names no group goes to `default`.",
    page: "https://learn.microsoft.com/kusto/management/request-classification-policy",
    example: "policies:\n  requestClassification:\n    classificationFunction: |\n      case(current_application == 'reports', 'Reports', 'default')\n",
    fields: &[
        Field::new("isEnabled", Shape::Bool, "Whether requests are classified; default true."),
        Field::new(
            FUNCTION,
            Shape::Kql(KqlForm::Query),
            "The body of the function, text or `{file: PATH}`. It may ask for `current_application`, \
             `current_database`, `current_principal`, `query_consistency`, `request_description`, `request_text` and \
             `request_type`.",
        )
        .required(),
    ],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    defaults: || Body::new().with("isEnabled", true),
    write,
    needs,
    check,
    shows: &[".show cluster policy request_classification"],
    ..Policy::of(&ABOUT, "request_classification")
};

fn write(command: Command, body: &Body) -> Command {
    let is_enabled = body.get("isEnabled").and_then(Value::as_bool).unwrap_or(true);
    let command = command.json(&serde_json::json!({"IsEnabled": is_enabled})).word("<|");
    // What is no KQL was refused by the check; as a text it can do no harm.
    let function = body.text(FUNCTION).unwrap_or_default();
    match Block::new(function) {
        Ok(block) => command.block(&block),
        Err(_) => command.text(function),
    }
}

/// The groups stand as texts in the function.
fn needs(at: &At<'_>) -> Vec<Need> {
    let function = at.resource.body.text(FUNCTION).unwrap_or_default();
    let tokens = kql::tokens(function).unwrap_or_default();
    let texts = tokens.iter().filter(|token| token.kind == TokenKind::Text);
    let names = texts.filter_map(|token| kql::unquoted(&function[token.span.clone()]));
    let need = |name| {
        let field = vec![FUNCTION.to_owned()];
        Need { parent: at.cluster(), collection: "workloadGroups", name, field, required: false }
    };
    names.map(need).collect()
}

fn check(at: &At<'_>) -> Vec<Finding> {
    let finding = |message: String, help: &str| vec![Finding::new(&[FUNCTION], message, help)];
    let function = at.resource.body.text(FUNCTION).unwrap_or_default();
    if function.is_empty() {
        return finding(
            "there is no function".to_owned(),
            "write the query that names the group of a request",
        );
    }
    match Block::new(function) {
        Ok(_) => Vec::new(),
        Err(why) => finding(format!("this is not KQL: {why}"), "correct the text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::cluster_steps;
    use crate::model::{Inventory, Resource};
    use serde_json::json;

    #[test]
    fn is_written_with_its_function() {
        let live = json!({"classificationFunction": "'A'"});
        let wanted = json!({"isEnabled": false, "classificationFunction": "case(current_application == 'x', 'B', // !\n'A')"});
        let at = "policies.requestClassification";
        assert_eq!(
            cluster_steps("requestClassificationPolicy", at, json!(null), live.clone()),
            [
                r#".alter cluster policy request_classification '{"IsEnabled":true}' <| 'A'"#,
                "  undo .delete cluster policy request_classification",
            ]
        );
        assert_eq!(
            cluster_steps("requestClassificationPolicy", at, live, wanted)[0],
            r#".alter cluster policy request_classification '{"IsEnabled":false}' <| case(current_application == 'x', 'B', 'A')"#
        );
    }

    #[test]
    fn groups_are_named_by_texts() {
        let address = "clusters.c.policies.requestClassification".parse().unwrap();
        let body = Body::new().with(FUNCTION, "iff(request_type == \"Query\", @'a b', 'default') // 'no'");
        let resource = Resource { body, ..Resource::default() };
        let world = Inventory::new();
        let needs = needs(&At { address: &address, resource: &resource, world: &world });
        let names: Vec<&str> = needs.iter().map(|need| need.name.as_str()).collect();
        assert_eq!(names, ["Query", "a b", "default"]);
        assert_eq!(needs[0].parent.to_string(), "clusters.c");
    }
}
