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
