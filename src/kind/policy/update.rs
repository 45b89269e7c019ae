//! The update policy: queries that fill a table from what is ingested into another.

use super::{BASE, Policy, from_pascal, script, to_pascal};
use crate::kind::entity::uses;
use crate::kind::shape::{Field, KqlForm, NameRule, Shape};
use crate::kind::{About, At, Keyed, Need};
use crate::model::Loss;
use crate::model::body::{Body, Value};
use serde_json::Value as Json;

const ENTRY: &[Field] = &[
    Field::new("isEnabled", Shape::Bool, "Whether the entry is in force; default true."),
    Field::new("source", Shape::Name(NameRule::Entity), "The table whose ingestion triggers the query.")
        .required(),
    Field::new("query", Shape::Kql(KqlForm::Query), "The query whose result is appended to the table.")
        .required(),
    Field::new(
        "isTransactional",
        Shape::Bool,
        "Whether a failing query fails the ingestion too; default false.",
    ),
    Field::new(
        "propagateIngestionProperties",
        Shape::Bool,
        "Whether tags and creation time carry over; default false.",
    ),
    Field::new(
        "managedIdentity",
        Shape::Text,
        "The identity to run as: an object id or `system`; default none.",
    ),
];

const ABOUT: About = About {
    name: "updatePolicy",
    keyed: Keyed::Fixed("update"),
    parents: &["table"],
    short: &["entries"],
    doc: "Queries that fill this table from what is ingested into others of the same database. The list is complete.",
    page: "https://learn.microsoft.com/kusto/management/update-policy",
    example: "policies:\n  update:\n    - {source: Raw, query: \"Raw | project Time = todatetime(t)\", isTransactional: true}\n",
    fields: &[Field::new(
        "entries",
        Shape::List(&Shape::object(ENTRY)),
        "The entries, each a source and a query.",
    )],
    ..BASE
};

pub(super) static POLICY: Policy = Policy {
    about: &ABOUT,
    word: "update",
    defaults: || Body::new().with("entries", Vec::new()),
    complete: |body| {
        let entries: Vec<Value> = entries(&body).map(|entry| Value::Map(filled(entry))).collect();
        body.with("entries", entries)
    },
    read,
    write: |command, body| command.json(&entries(body).map(to_pascal).collect()),
    loss: |_, _| Loss::none(),
    needs,
};

fn entries(body: &Body) -> impl Iterator<Item = &Body> {
    body.get("entries").and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_map)
}

/// The entry with what the service would fill in, so that it is compared and sent whole.
fn filled(entry: &Body) -> Body {
    let default = |name: &str| match name {
        "isEnabled" => Some(Value::Bool(true)),
        "isTransactional" | "propagateIngestionProperties" => Some(Value::Bool(false)),
        _ => None,
    };
    let value = |f: &Field| entry.get(f.name).filter(|v| !v.is_unset()).cloned().or_else(|| default(f.name));
    ENTRY.iter().filter_map(|f| value(f).map(|value| (f.name.into(), value))).collect()
}

fn read(argument: &str) -> Result<Body, String> {
    let json = script::json_argument(argument).ok_or("its argument is not a JSON text")?;
    let read = |entry: &Json| from_pascal(ENTRY, entry).map(|entry| Value::Map(filled(&entry)));
    let entries: Result<Vec<Value>, String> = json.as_array().into_iter().flatten().map(read).collect();
    Ok(Body::new().with("entries", entries?))
}

fn needs(at: &At<'_>) -> Vec<Need> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let mut needs = Vec::new();
    for (i, entry) in entries(&at.resource.body).enumerate() {
        if let Some(source) = entry.text("source") {
            let field = vec!["entries".to_owned(), i.to_string(), "source".to_owned()];
            let (parent, name) = (database.clone(), source.to_owned());
            needs.push(Need { parent, collection: "tables", name, field, required: true });
        }
        let query = entry.text("query").unwrap_or_default();
        needs.extend(uses(at, &["entries", &i.to_string(), "query"], query));
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::steps;
    use serde_json::json;

    #[test]
    fn is_written_whole_and_unset_by_delete() {
        assert_eq!(
            steps(
                "updatePolicy",
                "tables.T.policies.update",
                json!(null),
                json!({"entries": [{"source": "Raw", "query": "Raw | extend a = 'x'"}]})
            ),
            [
                r#".alter table T policy update "[{\"IsEnabled\":true,\"IsTransactional\":false,\"PropagateIngestionProperties\":false,\"Query\":\"Raw | extend a = 'x'\",\"Source\":\"Raw\"}]""#,
                "  undo .delete table T policy update",
            ]
        );
    }

    #[test]
    fn reads_back_what_the_service_adds() {
        let read = read(r#"'[{"IsEnabled":true,"Source":"Raw","SourceIsWildCard":false,"Query":"Raw","ManagedIdentity":null}]'"#).unwrap();
        let entry = entries(&read).next().unwrap();
        assert_eq!(
            entry.shown(),
            json!({"isEnabled": true, "source": "Raw", "query": "Raw", "isTransactional": false, "propagateIngestionProperties": false})
        );
    }
}
