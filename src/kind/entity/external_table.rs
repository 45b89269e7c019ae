//! External tables: data that stays where it is.
//!
//! Every change sends the whole definition. Secrets of connection strings are held by reference, are never read
//! back and never compared; a table whose secret is known to the service alone is never put back
//! (test: `a_secret_without_reference_is_never_put_back`).

mod check;
mod connection;
mod fields;
mod path;
mod read;
mod write;

use super::{database, in_database, with_children};
use crate::kind::replies::Reply;
use crate::kind::script::Says;
use crate::kind::shape::{self, differing};
use crate::kind::{About, At, Finding, Found, Kind, Need, Source, Undo};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss};
use arcstr::ArcStr;
use fields::ABOUT;

/// An external table.
pub(super) struct ExternalTable;

impl Kind for ExternalTable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        for statement in &database(reply)?.script {
            let Says::ExternalTable { name } = &statement.says else { continue };
            // What cannot be followed is reported with the statements that nobody reads.
            let Ok(body) = read::definition(&statement.text) else { continue };
            found.push(Found {
                path: vec![("externalTables", name.clone())],
                body: complete(body).into_iter().filter(|(_, value)| *value != Value::Null).collect(),
                ..Found::default()
            });
        }
        Ok(found)
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let none = Body::new();
        let live = live.map_or(&none, |live| &live.body);
        let mut after = shape::overlay(ABOUT.fields, live, wanted);
        if let Some(connections) = wanted.get("connectionStrings") {
            after.set("connectionStrings", connections.clone());
        }
        let mut after = complete(after);
        // A path format of live that no longer fits the partitions is not carried over.
        let stale = || {
            let pieces = path::pieces(after.text("pathFormat").unwrap_or_default()).unwrap_or_default();
            let known: Vec<&str> = write::partitions(&after).filter_map(|known| known.text("name")).collect();
            path::partitions(&pieces).any(|name| !known.contains(&name))
        };
        if wanted.get("pathFormat").is_none() && stale() {
            after.set("pathFormat", "");
        }
        after
    }

    /// Texts have commands of their own, which need no secret.
    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
        let both = TEXTS.iter().all(|(name, _)| !same(name, before, after));
        let next = || before.clone().with("docString", after.text("docString").unwrap_or_default());
        (both && only_texts(before, after)).then(next).into_iter().collect()
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        if let Some(why) = change.after.as_ref().and_then(check::impossible) {
            return Err(why);
        }
        let command = match (&change.before, &change.after) {
            (_, None) => Command::new(".drop external table").name(at.name()),
            (Some(before), Some(after)) if only_texts(before, after) => alter_text(at.name(), before, after),
            (Some(before), Some(after)) => {
                write::create_or_alter(at.name(), &connection::with_secrets_of(after, before))?
            }
            (None, Some(after)) => write::create_or_alter(at.name(), after)?,
        };
        Ok(in_database(at, command))
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    /// The service cannot change the columns of a table of another database.
    fn replaces(&self, change: &Change) -> bool {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
        let moved = || differing(ABOUT.fields, before, after).iter().any(|field| field.name == "columns");
        before.text("kind") == Some("sql") && after.text("kind") == Some("sql") && moved()
    }

    /// A definition is written back with the secrets that the spec knows; what stood in a dropped one, after it.
    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let known = |before: &Body| connection::with_secrets_of(before, &at.resource.body);
        let back = Change::new(change.after.clone(), change.before.as_ref().map(known));
        match self.request(at, &back) {
            Ok(request) if change.after.is_none() => with_children(at, request),
            Ok(request) => Undo::By(vec![request]),
            Err(why) => Undo::Never(why),
        }
    }

    /// An identity is of use only once the policy of the database allows it.
    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let credentials = connection::of(&at.resource.body).filter_map(|known| known.text("credential"));
        let used = credentials.into_iter().any(|credential| credential.starts_with("managed_identity="));
        let Some((parent, _)) = at.ancestor("database").filter(|_| used) else { return Vec::new() };
        let (name, field) = ("managedIdentity".to_owned(), vec!["connectionStrings".to_owned()]);
        vec![Need { parent, collection: "policies", name, field, required: false }]
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        check::findings(&at.resource.body)
    }
}

/// What is told about a table, and the word in its command.
const TEXTS: [(&str, &str); 2] = [("docString", "docstring"), ("folder", "folder")];

fn same(name: &str, before: &Body, after: &Body) -> bool {
    before.text(name).unwrap_or_default() == after.text(name).unwrap_or_default()
}

/// Whether nothing but texts differs.
fn only_texts(before: &Body, after: &Body) -> bool {
    let differing = differing(ABOUT.fields, before, after);
    !differing.is_empty() && differing.iter().all(|field| TEXTS.iter().any(|(name, _)| *name == field.name))
}

fn alter_text(table: &str, before: &Body, after: &Body) -> Command {
    let differs = TEXTS.iter().find(|(name, _)| !same(name, before, after));
    let (name, word) = *differs.unwrap_or(&TEXTS[0]);
    let command = Command::new(".alter external table").name(table).word(word);
    command.text(after.text(name).unwrap_or_default())
}

/// What the service takes where nothing is said, and so is the same as nothing.
const USUAL: [(&str, &str); 4] = [
    ("compressionType", "gzip"),
    ("includeHeaders", "None"),
    ("encoding", "UTF8NoBOM"),
    ("sqlDialect", "SqlServer"),
];

fn is_usual(name: &str, value: &Value) -> bool {
    *value == Value::Bool(false)
        || USUAL.iter().any(|(known, usual)| *known == name && value.as_text() == Some(usual))
}

/// Brings a body to the one form in which it is compared and written.
fn complete(mut body: Body) -> Body {
    if let Some(text) = body.text("pathFormat").map(path::canonical) {
        body.set("pathFormat", text);
    }
    if body.get("partitions").is_some() {
        let partitions: Vec<Value> = write::partitions(&body).map(|known| Value::Map(typed(known))).collect();
        body.set("partitions", partitions);
    }
    let kind = body.text("kind").unwrap_or_default().to_owned();
    let address = |connection: &Body| match connection.get("url") {
        Some(Value::Unknown(text)) if connection.len() == 1 => connection::referring(&kind, text),
        Some(Value::Text(url)) if connection::ends_plain(&kind, url) && connection.len() == 1 => {
            connection::read(&kind, url)
        }
        Some(Value::Text(url)) => connection.clone().with("url", connection::canonical_url(&kind, url)),
        _ => connection.clone(),
    };
    if body.get("connectionStrings").is_some() {
        let connections: Vec<Value> = connection::of(&body).map(|known| Value::Map(address(known))).collect();
        body.set("connectionStrings", connections);
    }
    let usual = |(name, value): (ArcStr, Value)| {
        let value = if is_usual(&name, &value) { Value::Null } else { value };
        (name, value)
    };
    body.into_iter().map(usual).collect()
}

/// A partition with its type, which follows from what it is made of.
fn typed(partition: &Body) -> Body {
    let of = match (partition.text("column"), partition.text("function")) {
        (None, _) => return partition.clone(),
        (Some(_), None) => "string",
        (Some(_), Some("Hash")) => "long",
        (Some(_), Some(_)) => "datetime",
    };
    let typed = partition.clone().with("type", of);
    let fields = ["name", "type", "column", "function", "modulus", "size"];
    fields.into_iter().filter_map(|name| Some((name.into(), typed.get(name)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::{body, steps};
    use serde_json::json;

    fn one(url: &str, more: serde_json::Value) -> serde_json::Value {
        let mut json = json!({"kind": "storage", "columns": {"a": "datetime"}, "dataFormat": "csv"});
        json["connectionStrings"] = json!([{"url": url}]);
        for (name, value) in more.as_object().unwrap() {
            json[name] = value.clone();
        }
        json
    }

    #[test]
    fn every_change_sends_the_whole() {
        let before = one("https://a/c", json!({"folder": "f", "compressed": true}));
        let after = one(
            "https://a/d",
            json!({"partitions": [{"name": "Day", "column": "a", "function": "StartOfDay"}], "pathFormat": "'d='Day"}),
        );
        let command = r#".create-or-alter external table E (a:datetime) kind = storage"#;
        assert_eq!(
            steps("externalTable", "externalTables.E", before, after),
            [
                format!(
                    r#"{command} partition by (Day:datetime = startofday (a)) pathformat = ("d=" Day) dataformat = csv (h"https://a/d") with (folder = "f", compressed = true)"#
                ),
                format!(
                    r#"  undo {command} dataformat = csv (h"https://a/c") with (folder = "f", compressed = true)"#
                ),
            ]
        );
    }

    fn at_work(before: &Body, after: Option<&Body>) -> Undo {
        let (address, world) =
            ("clusters.c.databases.d.externalTables.E".parse().unwrap(), Default::default());
        let resource = Resource { kind: "externalTable", name: "E".into(), ..Resource::default() };
        let at = At { address: &address, resource: &resource, world: &world };
        ExternalTable.undo(&at, &Change::new(Some(before.clone()), after.cloned()))
    }

    #[test]
    fn a_secret_without_reference_is_never_put_back() {
        let text =
            r#".create external table E (a:datetime) kind=storage dataformat=csv (h@"https://a/c;*******")"#;
        let live = read::definition(text).unwrap();
        assert_eq!(at_work(&live, None), Undo::Never(write::STARRED.to_owned()));
        let wanted = body("externalTable", &one("https://a/d", json!({})));
        assert_eq!(at_work(&live, Some(&wanted)), Undo::Never(write::STARRED.to_owned()));
        let secret = Value::Secret(crate::model::body::SecretRef::Env("K".into()));
        let known = Body::new().with("url", "https://a/c").with("secret", secret);
        let wanted = wanted.with("namePrefix", "f").with("connectionStrings", vec![Value::Map(known)]);
        let Undo::By(requests) = at_work(&live, Some(&wanted)) else { panic!("the reference is known") };
        assert!(requests[0].shown().contains("${secret.env.K}"), "{}", requests[0].shown());
        assert!(shape::same_bodies(ABOUT.fields, &live, &wanted.clone().without("namePrefix")));
        let told = live.clone().with("docString", "it's");
        let Undo::By(requests) = at_work(&live, Some(&told)) else { panic!("texts need no secret") };
        assert_eq!(requests[0].shown(), r#".alter external table E docstring """#);
    }

    #[test]
    fn what_the_service_prints_is_read() {
        let text = ".create-or-alter external table ['my E'] (a:datetime, ['b c']:string)\nkind=blob\npartition by (Who:string = ['b c'], Day:datetime = bin(a, time(1.00:00:00)), N:long=hash(a,3))\npathformat = (Who \"/\" datetime_pattern(\"yyyy\",Day))\ndataformat=CSV\n(\n   h@\"https://a/c;impersonate\",h'https://a/d?*******'\n)\nwith (folder=\"f\", docstring='', FireTriggers=false, unknown=5)";
        let read = complete(read::definition(text).unwrap());
        let wanted = one(
            "",
            json!({
                "columns": {"a": "datetime", "b c": "string"}, "folder": "f",
                "partitions": [
                    {"name": "Who", "column": "b c"}, {"name": "Day", "column": "a", "function": "Bin", "size": "1d"},
                    {"name": "N", "column": "a", "function": "Hash", "modulus": 3},
                ],
                "pathFormat": "Who '/' datetime_pattern('yyyy', Day)",
                "connectionStrings": [{"url": "https://a/c", "credential": "impersonate"}, "https://a/d?"],
            }),
        );
        let wanted = complete(body("externalTable", &wanted));
        let names: Vec<&str> = differing(ABOUT.fields, &read, &wanted).iter().map(|f| f.name).collect();
        assert!(names.is_empty(), "{names:?}");
        for text in [".create external table E", ".create external table E (a:long) kind=x ('')", "x"] {
            assert!(read::definition(text).is_err(), "{text}");
        }
    }
}
