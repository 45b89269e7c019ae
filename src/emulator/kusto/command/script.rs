//! `.execute [database] script` (`M:execute-database-script.md`) and `.execute cluster script`, which runs commands
//! about the cluster alone (`M:execute-cluster-script.md`).
//!
//! Commands run one after the other and nothing is undone when one fails; the answer is 200 all the same, unless
//! `ThrowOnErrors` asks otherwise.

use super::{Action, Command, Parsed};
use crate::emulator::kusto::catalog::Transaction;
use crate::emulator::kusto::choices;
use crate::emulator::kusto::columns::SCRIPT;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::Frame;
use crate::emulator::kusto::syntax::{Cursor, shown, split};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the first failure does to the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnError {
    /// The rest is not run.
    Stop,
    /// The rest is run.
    Continue,
    /// The request fails.
    Throw,
}

/// A script that was read; its commands are not, because each fails on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    of_cluster: bool,
    on_error: OnError,
    pieces: Vec<String>,
}

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb != "execute" {
        return Ok(None);
    }
    let of_cluster = cursor.eat("cluster");
    if !of_cluster {
        cursor.eat("database");
    }
    cursor.expect("script")?;
    let properties = cursor.properties()?;
    properties.only(&["ContinueOnErrors", "ThrowOnErrors"])?;
    let on_error = match (properties.flag("ContinueOnErrors")?, properties.flag("ThrowOnErrors")?) {
        (Some(true), Some(true)) => {
            return Err(Fault::bad_request("ContinueOnErrors and ThrowOnErrors exclude each other."));
        }
        (Some(true), _) => OnError::Continue,
        (_, Some(true)) => OnError::Throw,
        _ => OnError::Stop,
    };
    cursor.expect_mark("<|")?;
    let start = cursor.position();
    let at = cursor.clone();
    let pieces = split(cursor.rest()).map_err(|offset| {
        at.fault_at(
            "SYN0002",
            start + offset,
            "expected a command, which begins with '.' at the start of a line",
        )
    })?;
    if pieces.is_empty() {
        return Err(at.expected("a command"));
    }
    let pieces = pieces.into_iter().map(|piece| piece.text.to_owned()).collect();
    let kind = if of_cluster { "ExecuteClusterScript" } else { "ExecuteDatabaseScript" };
    let action = Action::Script(Script { of_cluster, on_error, pieces });
    Ok(Some(Command { kind: kind.to_owned(), action, then: None }))
}

impl Script {
    /// Runs the commands; a command that is not modelled refuses the whole script before any of it runs.
    pub(crate) fn run(&self, transaction: &mut Transaction<'_>) -> Result<Frame, Fault> {
        if !self.of_cluster {
            transaction.view().database(None)?;
        }
        let mut commands = Vec::new();
        for text in &self.pieces {
            match super::parse(text) {
                Err(fault) if fault.status == 501 => return Err(fault),
                Ok(_) if self.of_cluster && !is_of_cluster(text) => {
                    let why = "This command is not about the cluster, and a cluster script runs no other.";
                    commands.push((text, Err(Fault::bad_request(why))));
                }
                read => commands.push((text, read)),
            }
        }
        let mut rows = Vec::new();
        let mut stopped = false;
        for (text, read) in commands {
            if stopped {
                if choices::SCRIPT_LISTS_COMMANDS_NOT_RUN {
                    let kind = read.map_or_else(|_| String::new(), |command| command.kind);
                    rows.push(row(&kind, text, "Skipped", ""));
                }
                continue;
            }
            let (row, failed) = run_one(transaction, text, read);
            rows.push(row);
            match (failed, self.on_error) {
                (Some(fault), OnError::Throw) => return Err(fault),
                (Some(_), OnError::Stop) => stopped = true,
                _ => {}
            }
        }
        Ok(Frame::new(SCRIPT, rows))
    }
}

/// Whether a command is about the cluster: its policies and its workload groups.
fn is_of_cluster(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    let verb = |cursor: &mut Cursor<'_>| cursor.keyword().is_some_and(|verb| cursor.eat(verb));
    cursor.eat_mark(".")
        && verb(&mut cursor)
        && (cursor.at("cluster") || cursor.at("workload_group") || cursor.at("workload_groups"))
}

fn run_one(
    transaction: &mut Transaction<'_>,
    text: &str,
    read: Result<Command, Fault>,
) -> (Vec<Value>, Option<Fault>) {
    let command = match read {
        Ok(command) => command,
        Err(fault) => return (row("", text, "Failed", &fault.text), Some(fault)),
    };
    transaction.begin(text);
    let result = match &command.action {
        Action::Read(_) => return (row(&command.kind, text, "Skipped", ""), None),
        Action::Change(change) => change(transaction),
        Action::Script(_) => Err(Fault::bad_request("A script cannot run another script.")),
    };
    match result {
        Ok(_) => (row(&command.kind, text, "Completed", ""), None),
        Err(fault) => (row(&command.kind, text, "Failed", &fault.text), Some(fault)),
    }
}

fn row(kind: &str, text: &str, result: &str, reason: &str) -> Vec<Value> {
    vec![
        json!(Uuid::new_v4()),
        json!(kind),
        json!(choices::collapsed(&shown(text))),
        json!(result),
        json!(reason),
    ]
}
