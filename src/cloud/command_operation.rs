//! Operations of the management endpoint, which asynchronous commands begin, followed to their end.
//!
//! <https://learn.microsoft.com/kusto/management/show-operations>
//!
//! Invariant: an operation can be followed again by another process, from its stored form alone (test:
//! `tests/cloud/command-operation`).

use super::Cloud;
use super::error::{Class, CloudError};
use super::operation::{ABSENCES, FAILURES, Watch, lost};
use crate::model::{Command, Rows};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An asynchronous command that the service is working on, as a journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandOperation {
    /// The cluster's URI.
    pub uri: String,
    /// The database in which the command was run.
    pub database: String,
    /// The operation's id.
    pub operation: Uuid,
}

/// States of an operation that has ended without success; any other word but `Completed` means that it goes on.
const FAILED: [&str; 7] =
    ["Failed", "PartiallySucceeded", "Abandoned", "BadInput", "Throttled", "Canceled", "Skipped"];

impl Cloud {
    /// Runs a management command that answers with the id of an operation, once.
    ///
    /// # Errors
    /// As for [`Cloud::command`]; [`Class::Lost`] when the answer holds no id.
    pub async fn begin_command(
        &self,
        uri: &str,
        database: &str,
        csl: &str,
    ) -> Result<CommandOperation, CloudError> {
        let tables = self.command(uri, database, csl).await?;
        let id = tables.first().and_then(|rows| Uuid::try_parse(rows.at(0)?.text("OperationId")).ok());
        let none = || {
            let message = "the service accepted the command and gives no operation to follow";
            CloudError::new(Class::Lost, "NoOperation", message, "an asynchronous command")
        };
        let (uri, database) = (uri.to_owned(), database.to_owned());
        Ok(CommandOperation { uri, database, operation: id.ok_or_else(none)? })
    }

    /// Waits for an operation of the management endpoint to end well.
    ///
    /// # Errors
    /// [`Class::Failed`] with the service's own reason, or [`Class::Lost`] when it could not be followed to an end.
    pub async fn follow_command(&self, of: &CommandOperation) -> Result<(), CloudError> {
        let show = Command::new(".show operations").guid(of.operation);
        let mut watch = Watch::new(self, format!("operation {}", of.operation));
        let (mut absences, mut failures) = (0, 0);
        loop {
            watch.wait().await?;
            let tables = match self.command(&of.uri, &of.database, show.as_str()).await {
                Ok(tables) => tables,
                Err(error) if failures + 1 >= FAILURES => return Err(lost(error, &watch)),
                Err(_) => {
                    failures += 1;
                    continue;
                }
            };
            failures = 0;
            // One id may have several rows, the newest last.
            let Some(row) = tables.first().and_then(|rows| rows.iter().last()) else {
                absences += 1;
                if absences >= ABSENCES {
                    let message = "the service no longer knows the operation, so its end cannot be seen";
                    return Err(CloudError::new(Class::Lost, "OperationNotFound", message, show.as_str()));
                }
                continue;
            };
            match row.text("State") {
                "Completed" => return Ok(()),
                state if FAILED.contains(&state) => {
                    let said = match row.text("Status") {
                        "" => "the service does not say why",
                        status => status,
                    };
                    let message = format!("its operation ended as {state}: {said}");
                    return Err(CloudError::new(Class::Failed, state, message, show.as_str()));
                }
                _ => absences = 0,
            }
        }
    }

    /// Whether operations whose names begin so are under way in a database.
    ///
    /// # Errors
    /// As for [`Cloud::command`].
    pub async fn is_working(&self, uri: &str, database: &str, operation: &str) -> Result<bool, CloudError> {
        let show = Command::new(".show operations | where Database =~")
            .text(database)
            .word("and Operation startswith")
            .text(operation)
            .word("and State in (\"InProgress\", \"Scheduled\") | take 1");
        let tables = self.command(uri, database, show.as_str()).await?;
        Ok(tables.first().is_some_and(|rows: &Rows| rows.iter().next().is_some()))
    }
}
