//! The real world: [`Effects`] by way of the cloud and the live reader.
//!
//! Invariant: an answer says *refused* only when the service surely did nothing; whatever else goes wrong with a
//! write is *lost* and is settled by looking (test: `only_sure_refusals_count`).

use super::effects::{Answer, Effects, Look, LookError, Outgoing};
use super::event::{Attributes, Operation};
use super::looking::attributes;
use super::schemas::{Touched, Violations};
use crate::cloud::{self, Begun, Class, Cloud, CloudError, CommandOperation};
use crate::kind::replies::Reply;
use crate::kind::{self, DELETED_AT};
use crate::live::{self, Endpoints};
use crate::model::body::Value;
use crate::model::request::{ArmRequest, KustoRequest, Lookup, Method};
use crate::model::{Address, Command, Request, Resource, Scope};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;

/// The planes of one target.
#[derive(Debug, Clone)]
pub struct Azure {
    cloud: Cloud,
    endpoints: Endpoints,
}

impl Azure {
    /// The planes that a cloud reaches, with the endpoints that are known by now.
    pub const fn new(cloud: Cloud, endpoints: Endpoints) -> Self {
        Self { cloud, endpoints }
    }

    async fn begin(&self, of: &Outgoing, request: &ArmRequest) -> Answer {
        let moment = now();
        match self.cloud.begin(request).await {
            Ok(Begun::Done(json)) => done(of, request, &json, &moment),
            Ok(Begun::Operation(operation)) => begun(&operation),
            Err(error) => failed(&error),
        }
    }

    async fn commands(&self, batch: &[Outgoing]) -> Vec<Answer> {
        let all: Option<Vec<(&KustoRequest, &str)>> = batch.iter().map(command).collect();
        let Some(((first, uri), commands)) = all.as_ref().and_then(|all| Some((all.first()?, all))) else {
            return batch.iter().map(|_| Answer::NotRun).collect();
        };
        self.endpoints.note(&first.cluster, uri);
        let cloud = batch.first().map_or_else(|| self.cloud.clone(), |first| self.cloud.under(&first.id));
        let mut texts: Vec<Command> = Vec::with_capacity(commands.len());
        for (kusto, _) in commands {
            match cloud.filled(&kusto.command).await {
                Ok(command) => texts.push(command),
                Err(error) => return batch.iter().map(|_| failed(&error)).collect(),
            }
        }
        if let ([(only, uri)], [command]) = (commands.as_slice(), texts.as_slice()) {
            if only.begins.is_some() {
                let began = cloud.begin_command(uri, &only.database, command.as_str()).await;
                return vec![began.map_or_else(|error| failed(&error), |operation| begun(&operation))];
            }
            let ran = cloud.command(uri, &only.database, command.as_str()).await;
            return vec![ran.map_or_else(|error| failed(&error), |_| finished(Attributes::new()))];
        }
        match cloud.script(uri, &first.database, &texts).await {
            Ok(results) => {
                let answer = |result: cloud::CommandResult| match result {
                    Ok(()) => finished(Attributes::new()),
                    Err(error) if &*error.code == cloud::NOT_RUN => Answer::NotRun,
                    Err(error) => failed(&error),
                };
                results.into_iter().map(answer).collect()
            }
            Err(error) => batch.iter().map(|_| failed(&error)).collect(),
        }
    }
}

impl Azure {
    async fn follow_command(&self, operation: Operation) -> Answer {
        match serde_json::from_value::<CommandOperation>(operation.0) {
            Ok(operation) => match self.cloud.follow_command(&operation).await {
                Ok(()) => finished(Attributes::new()),
                Err(error) => failed(&error),
            },
            Err(error) => unread(&error),
        }
    }
}

fn unread(error: &serde_json::Error) -> Answer {
    Answer::Lost { why: format!("its operation cannot be read: {error}") }
}

impl Effects for Azure {
    async fn send(&self, batch: Vec<Outgoing>) -> Vec<Answer> {
        match batch.as_slice() {
            [of] => match &of.request {
                Request::Arm(request) => vec![self.begin(of, request).await],
                Request::Kusto(_) => self.commands(&batch).await,
            },
            _ => self.commands(&batch).await,
        }
    }

    /// Follows to the end, beginning anew while the service says that something else is in the way.
    async fn follow(&self, of: Outgoing, operation: Operation) -> Answer {
        let Request::Arm(request) = &of.request else { return self.follow_command(operation).await };
        let mut following = match serde_json::from_value::<cloud::Operation>(operation.0) {
            Ok(operation) => operation,
            Err(error) => return unread(&error),
        };
        let mut patience = self.cloud.patience();
        let moment = now();
        loop {
            let error = match self.cloud.follow(&following).await {
                Ok(json) => return done(&of, request, &json, &moment),
                Err(error) => error,
            };
            if !patience.wait(&error).await {
                return failed(&error);
            }
            match self.cloud.begin(request).await {
                Ok(Begun::Done(json)) => return done(&of, request, &json, &moment),
                Ok(Begun::Operation(next)) => following = next,
                // The first try may have left something behind, whatever becomes of the second.
                Err(again) => return Answer::Failed { message: again.message.to_string(), trace: None },
            }
        }
    }

    async fn check(&self, of: Outgoing) -> Answer {
        let Request::Arm(request) = &of.request else { return finished(Attributes::new()) };
        match self.cloud.perform(request, |_| {}).await {
            Ok(json) => match findings(&json) {
                found if found.is_empty() => finished(Attributes::new()),
                found => Answer::Refused { message: found.join("; "), trace: None },
            },
            Err(error) => failed(&error),
        }
    }

    async fn lookup(&self, of: &Outgoing, lookup: &Lookup) -> Result<String, Answer> {
        let missing = || Answer::Refused { message: lookup.missing.clone(), trace: None };
        let (kusto, uri) = command(of).ok_or_else(missing)?;
        let tables = self.cloud.command(uri, &kusto.database, lookup.command.as_str()).await;
        let tables = tables.map_err(|error| Answer::Refused { message: error.to_string(), trace: None })?;
        let value =
            tables.first().and_then(|rows| rows.iter().last().map(|row| row.text(&lookup.column).to_owned()));
        value.filter(|text| !text.is_empty()).ok_or_else(missing)
    }

    async fn look(&self, scope: &Scope) -> Result<Look, LookError> {
        let read = live::read(&self.cloud, scope, &self.endpoints).await.map_err(unseen)?;
        let busy = read
            .inventory
            .iter()
            .filter(|(_, thing)| is_busy(thing))
            .map(|(address, _)| address.clone())
            .collect();
        let hidden = read.unreadable.into_iter().collect();
        Ok(Look { live: read.inventory, busy, hidden, ..Look::default() })
    }

    async fn working(&self, doubts: Vec<Outgoing>) -> Result<BTreeSet<Address>, LookError> {
        let mut busy = BTreeSet::new();
        for of in doubts {
            let Some((KustoRequest { database, begins: Some(begins), .. }, uri)) = command(&of) else {
                continue;
            };
            if self.cloud.is_working(uri, database, begins).await.map_err(unseen)? {
                busy.insert(of.address);
            }
        }
        Ok(busy)
    }

    async fn violations(&self, of: BTreeSet<Touched>) -> Result<Violations, LookError> {
        let mut asked = JoinSet::new();
        for Touched { address, uri, name } in of {
            let cloud = self.cloud.clone();
            asked.spawn(async move { (address, live::violations(&cloud, &uri, &name).await) });
        }
        let mut found = Violations::new();
        // In the order of the databases, so that of several errors the same one is told.
        let answers: BTreeMap<Address, _> = asked.join_all().await.into_iter().collect();
        for (address, sentences) in answers {
            found.insert(address, sentences.map_err(unseen)?);
        }
        Ok(found)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unseen(error: CloudError) -> LookError {
    let transient = matches!(error.class, Class::Busy | Class::Lost | Class::Unreachable | Class::Garbled);
    LookError { message: error.to_string(), transient }
}

/// Whether the service is still working on a thing; a state that is not known counts as such.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations#provisioningstate-values>
fn is_busy(thing: &Resource) -> bool {
    let state = thing.attributes.text("provisioningState").unwrap_or("Succeeded");
    !["Succeeded", "Failed", "Canceled", "Cancelled"].iter().any(|end| state.eq_ignore_ascii_case(end))
}

/// A command and where it goes.
fn command(of: &Outgoing) -> Option<(&KustoRequest, &str)> {
    let Request::Kusto(kusto) = &of.request else { return None };
    Some((kusto, of.endpoint.as_deref()?))
}

const fn finished(outputs: Attributes) -> Answer {
    Answer::Done { outputs, trace: None }
}

/// A write that succeeded, with what its reply tells of the thing.
fn done(of: &Outgoing, request: &ArmRequest, json: &Json, moment: &str) -> Answer {
    let mut outputs = Attributes::new();
    if request.method == Method::Delete {
        outputs.insert(DELETED_AT.to_owned(), Value::from(moment));
    } else if let Some(kind) = kind::by_name(&of.kind) {
        let found = kind.found(&Reply::Arm(json)).unwrap_or_default();
        outputs.extend(found.iter().flat_map(|found| attributes(&found.attributes)));
    }
    finished(outputs)
}

fn begun(operation: &impl Serialize) -> Answer {
    match serde_json::to_value(operation) {
        Ok(json) => Answer::Begun(Operation(json)),
        Err(error) => Answer::Lost { why: format!("its operation cannot be kept: {error}") },
    }
}

/// What an error of a write means.
fn failed(error: &CloudError) -> Answer {
    let trace = error.id.as_ref().map(ToString::to_string);
    let said = if error.code.is_empty() {
        error.message.to_string()
    } else {
        format!("{}: {}", error.code, error.message)
    };
    let hint = error.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    let message = format!("{said}{hint}");
    match error.class {
        Class::Refused if error.status == Some(412) => {
            Answer::Stale { message, differences: Vec::new(), trace }
        }
        Class::Refused | Class::Denied | Class::Missing | Class::Busy | Class::Unreachable => {
            Answer::Refused { message, trace }
        }
        Class::Failed => Answer::Failed { message, trace },
        Class::Lost | Class::Garbled => Answer::Lost { why: message },
    }
}

/// The findings of a `dataConnectionValidation`; the service spells the members in two ways.
pub fn findings(json: &Json) -> Vec<String> {
    let list = ["Value", "value"].iter().find_map(|name| json[*name].as_array());
    let text = |finding: &Json| {
        ["ErrorMessage", "errorMessage"].iter().find_map(|name| Some(finding[*name].as_str()?.to_owned()))
    };
    list.into_iter().flatten().filter_map(text).collect()
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sure_refusals_count() {
        use crate::cloud::Class::{Busy, Denied, Failed, Garbled, Lost, Missing, Refused, Unreachable};
        for (class, refused) in [
            (Refused, true),
            (Denied, true),
            (Missing, true),
            (Busy, true),
            (Unreachable, true),
            (Failed, false),
            (Lost, false),
            (Garbled, false),
        ] {
            let error = CloudError::new(class, "Code", "why", "PUT /x");
            assert_eq!(matches!(failed(&error), Answer::Refused { .. }), refused, "{class:?}");
        }
    }

    #[test]
    fn findings_are_read_in_both_spellings() {
        let json = serde_json::json!({"Value": [{"ErrorMessage": "a"}, {"errorMessage": "b"}]});
        assert_eq!(findings(&json), ["a", "b"]);
        assert_eq!(findings(&serde_json::json!({"value": []})), Vec::<String>::new());
        assert_eq!(findings(&Json::Null), Vec::<String>::new());
    }
}
