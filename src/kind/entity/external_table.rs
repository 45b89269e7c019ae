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

use super::{database, in_database};
use crate::kind::replies::Reply;
use crate::kind::script::Says;
use crate::kind::shape::{self, differing};
use crate::kind::{About, At, Finding, Found, Kind, Source, Undo};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::command::Command;
use crate::model::request::Request;
use crate::model::{Change, Loss};
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
            let body =
                read::definition(&statement.text).map_err(|why| format!("{why}, in `{}`", statement.text))?;
            found.push(Found {
                path: vec![("externalTables", name.clone())],
                body: complete(body),
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

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        if let Some(why) = change.after.as_ref().and_then(check::impossible) {
            return Err(why);
        }
        let command = match (&change.before, &change.after) {
            (_, None) => Command::new(".drop external table").name(at.name()).word("ifexists"),
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

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        self.request(at, &change.invert()).map_or_else(Undo::Never, |request| Undo::By(vec![request]))
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        check::findings(&at.resource.body)
    }
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
    let address = |connection: &Body| match connection::url(connection) {
        Some(url) => connection.clone().with("url", connection::canonical_url(&kind, url)),
        None => connection.clone(),
    };
    if body.get("connectionStrings").is_some() {
        let connections: Vec<Value> = connection::of(&body).map(|known| Value::Map(address(known))).collect();
        body.set("connectionStrings", connections);
    }
    body
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
        let secret = Value::Secret(crate::model::body::SecretRef::Env("K".to_owned()));
        let known = Body::new().with("url", "https://a/c").with("secret", secret);
        let wanted = wanted.with("folder", "f").with("connectionStrings", vec![Value::Map(known)]);
        let Undo::By(requests) = at_work(&live, Some(&wanted)) else { panic!("the reference is known") };
        assert!(requests[0].shown().contains("${secret.env.K}"), "{}", requests[0].shown());
        assert!(shape::same_bodies(ABOUT.fields, &live, &wanted.without("folder")));
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
