//! `.execute [database] script` (`M:execute-database-script.md`).
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
    on_error: OnError,
    pieces: Vec<String>,
}

pub(super) fn parse(verb: &str, cursor: &mut Cursor<'_>) -> Parsed {
    if verb != "execute" || cursor.at("cluster") {
        return Ok(None);
    }
    cursor.eat("database");
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
    let action = Action::Script(Script { on_error, pieces });
    Ok(Some(Command { kind: "ExecuteDatabaseScript".to_owned(), action, then: None }))
}

impl Script {
    /// Runs the commands; a command that is not modelled refuses the whole script before any of it runs.
    pub(crate) fn run(&self, transaction: &mut Transaction<'_>) -> Result<Frame, Fault> {
        transaction.view().database(None)?;
        let mut commands = Vec::new();
        for text in &self.pieces {
            match super::parse(text) {
                Err(fault) if fault.status == 501 => return Err(fault),
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
