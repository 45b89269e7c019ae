//! The management endpoint of a cluster: single commands, and scripts of them.
//!
//! <https://learn.microsoft.com/kusto/api/rest/request>,
//! <https://learn.microsoft.com/kusto/management/execute-database-script>

use super::Cloud;
use super::error::{Class, CloudError};
use super::fault;
use super::frames::{self, Unread};
use super::retry::{After, Again};
use super::wire::{Answer, Call, Plane, below};
use crate::model::kql::{self, TokenKind};
use crate::model::{Command, Rows};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// How much longer than the service the client waits.
const GRACE: Duration = Duration::from_secs(30);

/// What clients name as the database of a command that concerns none.
const NO_DATABASE: &str = "NetDefaultDB";

/// How much of a command stands in messages.
const SHOWN: usize = 160;

/// The code of a command of a script that was not run, because one before it failed.
pub const NOT_RUN: &str = "NotRun";

/// What became of one command of a script: done, or the error that it alone ended in.
pub type CommandResult = Result<(), CloudError>;

impl Cloud {
    /// Runs one management command in a database of a cluster and returns its result tables, mostly one.
    ///
    /// A `.show` command is tried again when its answer is lost; any other only when the service says that
    /// nothing happened.
    ///
    /// # Errors
    /// With the class that tells whether anything may have happened; also for a failure within a successful
    /// answer.
    pub async fn command(&self, uri: &str, database: &str, csl: &str) -> Result<Vec<Rows>, CloudError> {
        let write = !csl.trim_start().starts_with(".show");
        self.run(uri, database, csl, shown(csl), write).await
    }

    /// Runs commands in one request, in their order, until one fails.
    ///
    /// The results are as many as the commands, in their order; those behind one that failed were not run
    /// ([`NOT_RUN`]). Another command that the answer does not mention is in doubt ([`Class::Lost`]).
    ///
    /// # Errors
    /// When the script as a whole was not run, or its fate is unknown.
    pub async fn script(
        &self,
        uri: &str,
        database: &str,
        commands: &[Command],
    ) -> Result<Vec<CommandResult>, CloudError> {
        let mut csl = ".execute database script with (ContinueOnErrors=false) <|".to_owned();
        for command in commands {
            csl.push('\n');
            csl.push_str(command.as_str().trim());
        }
        let label = format!(".execute database script of {} commands", commands.len());
        let tables = self.run(uri, database, &csl, label, true).await?;
        Ok(results(commands, tables.first().unwrap_or(&Rows::default())))
    }

    async fn run(
        &self,
        uri: &str,
        database: &str,
        csl: &str,
        label: String,
        write: bool,
    ) -> Result<Vec<Rows>, CloudError> {
        let named = |error: CloudError| CloudError { request: label.as_str().into(), ..error };
        let cluster = self.wire.trust.cluster(uri).map_err(named)?;
        let url = below(&cluster, &["v1", "rest", "mgmt"]).map_err(named)?;
        let config = &self.wire.config;
        let mut call = self.call(reqwest::Method::POST, url, label);
        call.plane = Plane::Kusto { cluster };
        call.write = write;
        call.timeout = config.pace.kusto + GRACE;
        if self.id.is_none() {
            call.id = format!("adxform;{}", call.id);
        }
        call.headers.push(("x-ms-app", "adxform".to_owned()));
        let database = if database.is_empty() { NO_DATABASE } else { database };
        let properties = json!({"Options": {"servertimeout": time_span(config.pace.kusto)}}).to_string();
        call.body =
            Some(json!({"db": database, "csl": csl, "properties": properties}).to_string().into_bytes());
        let mut patience = self.patience();
        loop {
            let answer = self.send(&call).await?;
            match frames::read(&answer.body) {
                Ok(tables) => return Ok(tables),
                Err(unread) => {
                    let error = unread_error(&call, &answer, unread);
                    if !patience.wait(&error).await {
                        return Err(error);
                    }
                }
            }
        }
    }
}

/// The error of a successful answer that gives no tables.
fn unread_error(call: &Call, answer: &Answer, unread: Unread) -> CloudError {
    let mut error = match unread {
        Unread::Fault(fault) => {
            let (class, again) = match call.write {
                // It began as a success, so that part of the effect may be there.
                true => (Class::Lost, Again::Never),
                false => fault::judge_command(false, &fault, answer.retry_after.into()),
            };
            CloudError {
                id: fault.activity.map(Into::into),
                ..CloudError::new(class, &fault.code, fault.message, &call.label)
            }
            .again(again)
        }
        Unread::Garbled(why) => {
            let class = if call.write { Class::Lost } else { Class::Garbled };
            let said = fault::excerpt(&answer.body);
            let message = format!("the answer cannot be read as tables ({why}); it begins: {said}");
            CloudError::new(class, "InvalidAnswer", message, &call.label)
        }
    };
    error.status = Some(answer.status);
    error.id = error.id.or_else(|| answer.id().map(Into::into));
    error
}

/// A length of time as the service writes it: `01:00:00`.
fn time_span(length: Duration) -> String {
    let seconds = length.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A command as it stands in messages: on one line, cut, and without the texts that are marked as hidden.
fn shown(csl: &str) -> String {
    let Ok(tokens) = kql::tokens(csl) else { return "a command that is not KQL".to_owned() };
    let mut line = String::new();
    let mut end = 0;
    for token in tokens {
        if line.len() > SHOWN {
            line.push('…');
            break;
        }
        if token.span.start > end && end > 0 {
            line.push(' ');
        }
        let piece = &csl[token.span.clone()];
        match token.kind {
            TokenKind::Text if piece.starts_with(['h', 'H']) => line.push_str("h\"…\""),
            TokenKind::Comment => {}
            _ => line.extend(piece.chars().filter(|c| !c.is_control()).take(SHOWN)),
        }
        end = token.span.end;
    }
    line
}

/// What the rows of a script's answer say of each of its commands.
fn results(commands: &[Command], rows: &Rows) -> Vec<CommandResult> {
    // As many rows as commands stand in the order of the commands, however the service writes them.
    let in_turn = rows.rows.len() == commands.len();
    let texts: Vec<String> = match in_turn {
        true => Vec::new(),
        false => rows.iter().map(|row| folded(row.text("CommandText"))).collect(),
    };
    let mut next = 0;
    let mut find = |(at, command): (usize, &Command)| {
        if in_turn {
            return Some(at);
        }
        let text = folded(command.as_str());
        let found = next + texts.iter().skip(next).position(|row| *row == text)?;
        next = found + 1;
        Some(found)
    };
    let places: Vec<Option<usize>> = commands.iter().enumerate().map(&mut find).collect();
    let mut failed = false;
    let result = |(command, place): (&Command, Option<usize>)| match place.and_then(|at| rows.at(at)) {
        Some(row) => {
            failed |= row.text("Result") == "Failed";
            outcome(command, row.text("Result"), row.text("Reason"), row.get("OperationId"))
        }
        None if failed => Err(not_run(command)),
        None => {
            let message = "the service's answer does not mention this command";
            Err(CloudError::new(Class::Lost, "NoResult", message, shown(command.as_str())))
        }
    };
    commands.iter().zip(places).map(result).collect()
}

fn not_run(command: &Command) -> CloudError {
    let message = "the service did not run this command";
    CloudError::new(Class::Refused, NOT_RUN, message, shown(command.as_str()))
}

fn outcome(command: &Command, result: &str, reason: &str, id: Option<&Json>) -> CommandResult {
    let error = |class, code: &str, message: &str| {
        let id = id.and_then(Json::as_str).filter(|id| !id.is_empty()).map(Into::into);
        CloudError { id, ..CloudError::new(class, code, message, shown(command.as_str())) }
    };
    match result {
        "Completed" => Ok(()),
        "Failed" if fault::throttled(reason) => {
            Err(error(Class::Busy, "Throttled", reason).again(Again::Throttled(After::default())))
        }
        "Failed" if reason.contains("was not found") => Err(error(Class::Missing, "EntityNotFound", reason)),
        "Failed" => Err(error(Class::Refused, "Failed", reason)),
        "Skipped" => Err(not_run(command)),
        other => {
            let message = format!("the service says `{other}` of this command {reason}");
            Err(error(Class::Lost, "UnknownResult", message.trim_end()))
        }
    }
}

/// A command without white space: the service gives it back with lines joined.
fn folded(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(texts: &[String], results: &[String]) -> Rows {
        let row = |(text, result): (&String, &String)| {
            vec![Json::from(&**text), Json::from(&**result), Json::from("")]
        };
        let columns = ["CommandText", "Result", "Reason"].map(str::to_owned).to_vec();
        Rows { columns, rows: texts.iter().zip(results).map(row).collect() }
    }

    proptest! {
        #[test]
        fn every_command_has_one_result(
            commands in prop::collection::vec("\\.[ab] ?[ab]", 0..5),
            texts in prop::collection::vec("\\.[ab] ?[ab]", 0..7),
            results_ in prop::collection::vec("Completed|Failed|Skipped|x", 7),
        ) {
            let commands: Vec<Command> = commands.iter().map(|text| serde_json::from_value(Json::from(&**text)).unwrap()).collect();
            let found = results(&commands, &rows(&texts, &results_));
            prop_assert_eq!(found.len(), commands.len());
            let told = results_.iter().take(texts.len()).filter(|result| *result == "Completed").count();
            prop_assert!(found.iter().filter(|result| result.is_ok()).count() <= told);
        }

        #[test]
        fn hidden_texts_never_show(text in "[a-z]{4,9}", before in "\\PC{0,9}", quote in "h'|H@'|h@'") {
            let csl = format!(".x {before}\n {quote}SECRET{text}' end");
            prop_assert!(!shown(&csl).contains("SECRET") || before.contains(['"', '\'', '`', '~', '/']));
        }
    }
}
