//! Commands about the cluster itself: version, nodes, operations, cluster policies, the caller's roles.

use super::{Command, Parsed, database, policy, principal};
use crate::emulator::kusto::catalog::Operation;
use crate::emulator::kusto::columns::{CANCELED, CLUSTER, OPERATIONS, VERSION};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::policy::Scope;
use crate::emulator::kusto::syntax::Cursor;
use crate::emulator::kusto::time;
use serde_json::json;

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.eat("cluster") {
        return about_cluster(verb, cursor);
    }
    if verb == "cancel" {
        cursor.expect("operation")?;
        return cancel(cursor).map(Some);
    }
    if verb != "show" {
        return Ok(None);
    }
    if cursor.eat("version") {
        return Ok(Some(version()));
    }
    if cursor.eat("operations") {
        return operations(cursor).map(Some);
    }
    if cursor.eat("schema") {
        return database::schema_of_all(cursor).map(Some);
    }
    if cursor.at("principal") {
        return principal::show(principal::Of::Cluster, cursor).map(Some);
    }
    Ok(None)
}

fn about_cluster(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.eat("policy") {
        return policy::parse(verb, Scope::Cluster, Vec::new(), cursor).map(Some);
    }
    if verb != "show" {
        return Ok(None);
    }
    if cursor.eat("databases") {
        return database::show_many(cursor).map(Some);
    }
    if cursor.eat("schema") {
        return database::schema_of_all(cursor).map(Some);
    }
    if cursor.eat("principals") || cursor.at("principal") {
        return principal::show(principal::Of::Cluster, cursor).map(Some);
    }
    if cursor.at_end() || cursor.at_mark("|") {
        return Ok(Some(nodes()));
    }
    Ok(None)
}

/// `.show version`.
fn version() -> Command {
    Command::read("VersionShow", |_| {
        let row = vec![
            json!("1.0.9000.0"),
            json!("2026-01-01T00:00:00Z"),
            json!("Engine"),
            json!(concat!("adxform-emulator ", env!("CARGO_PKG_VERSION"))),
        ];
        Ok(Frame::new(VERSION, vec![row]))
    })
}

/// `.show cluster`: one node.
fn nodes() -> Command {
    Command::read("ClusterShow", |view| {
        let name = &view.cluster()?.name;
        let row = vec![
            json!("KEngine000000"),
            json!(format!("net.tcp://{name}:23107/")),
            json!("KEngine000000"),
            json!("2026-01-01T00:00:00Z"),
            json!(true),
            json!(17_179_869_184_i64),
            json!(8_589_934_592_i64),
            json!(2),
            json!("{\"Emulator\":true}"),
        ];
        Ok(Frame::new(CLUSTER, vec![row]))
    })
}

/// `.show operations [id | (id, id)]`.
fn operations(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let wanted = if cursor.at_mark("(") {
        Some(cursor.list(Cursor::guid)?)
    } else if cursor.at_end() || cursor.at_mark("|") {
        None
    } else {
        Some(vec![cursor.guid()?])
    };
    Ok(Command::read("OperationsShow", move |view| {
        let found = view.cluster()?.operations.iter();
        let found = found.filter(|one| wanted.as_ref().is_none_or(|wanted| wanted.contains(&one.id)));
        Ok(Frame::new(OPERATIONS, found.map(|one| row(one, view.request.now)).collect()))
    }))
}

/// `.cancel operation id [with (reason='…')]`: a backfill stops, and its view never appears.
fn cancel(cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    let id = cursor.guid()?;
    cursor.properties()?.only(&["reason"])?;
    Ok(Command::change("OperationCancel", move |transaction| {
        let cluster = transaction.view().cluster()?;
        let found = cluster.operations.iter().find(|known| known.id == id).cloned();
        let Some(mut operation) = found.filter(Operation::is_running) else {
            return Err(Fault::bad_request(format!("Operation '{id}' is not in progress.")));
        };
        let (kind, started) = (operation.kind.clone(), json!(time::datetime(operation.at)));
        (operation.until, operation.fills) = (transaction.request().now, None);
        (operation.state, operation.status) = ("Canceled".to_owned(), "Canceled by the user.".to_owned());
        transaction.put_operation(operation)?;
        let row = vec![json!(id), json!(kind), started, json!("Canceled successfully"), json!("")];
        Ok(Frame::new(CANCELED, vec![row]))
    }))
}

fn row(operation: &Operation, now: i64) -> Vec<serde_json::Value> {
    let at = json!(time::datetime(operation.at));
    let updated = if operation.is_running() { now } else { operation.until.max(operation.at) };
    vec![
        json!(operation.id),
        json!(operation.kind),
        json!("KEngine000000"),
        at.clone(),
        json!(time::datetime(updated)),
        json!(time::timespan(updated - operation.at)),
        json!(operation.state),
        json!(operation.status),
        json!(operation.activity),
        json!(false),
        json!(operation.database),
        json!(operation.principal),
        json!(operation.principal),
        at,
        json!(""),
    ]
}
