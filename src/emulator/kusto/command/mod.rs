//! Management commands: each is read into a closure that answers from the state or changes it.
//!
//! A command family is one file with the grammar of its commands beside what they do. Reading is strict: text after
//! a complete command, an unknown verb or a second command is a syntax error; a command that the service has and
//! the emulator does not model is refused by its name.
//!
//! Invariant: a command is read whole before any of it runs (test: `tests/wire/kusto/syntax.txt`).

mod cluster;
mod column;
mod data;
mod database;
mod entity_group;
pub(crate) mod export;
mod external;
mod function;
mod graph_model;
mod mapping;
mod policy;
mod principal;
mod script;
mod table;
mod unmodelled;
mod view;
mod workload;

pub(crate) use script::Script;

use super::catalog::{Transaction, View};
use super::error::Fault;
use super::frame::Frame;
use super::kql::Pipeline;
use super::syntax::Cursor;
use std::fmt;

type Reads = Box<dyn Fn(&View<'_>) -> Result<Frame, Fault> + Send>;
type Changes = Box<dyn Fn(&mut Transaction<'_>) -> Result<Frame, Fault> + Send>;

/// What a command does.
pub(crate) enum Action {
    /// It answers from the state.
    Read(Reads),
    /// It changes the state.
    Change(Changes),
    /// It runs other commands, one after the other.
    Script(Script),
}

/// A command that was read.
pub(crate) struct Command {
    /// The service's name for it, as scripts report it: `TableCreate`.
    pub(crate) kind: String,
    /// What it does.
    pub(crate) action: Action,
    /// The query operators after it.
    pub(crate) then: Option<Pipeline>,
}

impl fmt::Debug for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Command").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Command {
    fn read(
        kind: impl Into<String>,
        run: impl Fn(&View<'_>) -> Result<Frame, Fault> + Send + 'static,
    ) -> Self {
        Self { kind: kind.into(), action: Action::Read(Box::new(run)), then: None }
    }

    fn change(
        kind: impl Into<String>,
        run: impl Fn(&mut Transaction<'_>) -> Result<Frame, Fault> + Send + 'static,
    ) -> Self {
        Self { kind: kind.into(), action: Action::Change(Box::new(run)), then: None }
    }
}

/// What reading a family's commands gives: `None` when the command is not of the family.
type Parsed = Result<Option<Command>, Fault>;

/// A family: reads what follows the verb.
type Family = fn(&str, &mut Cursor<'_>) -> Parsed;

/// The families, in the order in which they are asked.
const FAMILIES: &[Family] = &[
    script::parse,
    data::parse,
    table::parse,
    column::parse,
    function::parse,
    view::parse,
    database::parse,
    entity_group::parse,
    export::parse,
    external::parse,
    graph_model::parse,
    workload::parse,
    cluster::parse,
];

/// Reads one command with the query operators after it.
pub(crate) fn parse(text: &str) -> Result<Command, Fault> {
    let known = |fault: Fault| match unmodelled::find(text) {
        Some(name) if fault.code == "BadRequest_SyntaxError" => Fault::not_modelled(&name),
        _ => fault,
    };
    parse_modelled(text).map_err(known)
}

fn parse_modelled(text: &str) -> Result<Command, Fault> {
    let mut cursor = Cursor::new(text);
    if !cursor.eat_mark(".") {
        return Err(cursor.expected("a management command, which begins with '.'"));
    }
    let Some(verb) = cursor.keyword().filter(|verb| cursor.eat(verb)) else {
        return Err(cursor.expected("a command's verb"));
    };
    for family in FAMILIES {
        let mut ahead = cursor.clone();
        if let Some(mut command) = family(verb, &mut ahead)? {
            if ahead.at_mark("|") {
                command.then = Some(Pipeline::read(&mut ahead)?);
            }
            refuse_follow_up(&ahead)?;
            return match (&command.action, &command.then) {
                (Action::Change(_), Some(_)) => {
                    Err(Fault::not_modelled("query operators after a command that changes something"))
                }
                _ => Ok(command),
            };
        }
    }
    let words: Vec<&str> = std::iter::once(verb).chain(cursor.keyword()).collect();
    Err(cursor.fault_at("SYN0001", 0, &format!("'.{}' is not a management command", words.join(" "))))
}

/// Refuses whatever stands after a complete command; `; query` is a form of the service that is not modelled.
fn refuse_follow_up(cursor: &Cursor<'_>) -> Result<(), Fault> {
    let mut ahead = cursor.clone();
    if ahead.eat_mark(";") && !ahead.at_end() && !ahead.at_mark(".") {
        return Err(Fault::not_modelled("a query after ';' that uses $command_results"));
    }
    cursor.expect_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(text in "(?s)\\.?.{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_near_commands(
            verb in "(show|create|create-merge|alter|alter-merge|drop|delete|rename|undo drop|add|set|execute script)",
            noun in "(tables?|columns?|databases?|functions?|database D|table T|<\\||cluster|materialized-view V)",
            rest in "(?s)[a-z(){}\\[\\]'\":,=.*|<; `\n@h0-9-]{0,40}",
        ) {
            let _ = parse(&format!(".{verb} {noun} {rest}"));
        }
    }
}
