//! Long-running operations of the control plane, followed to their end.
//!
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>
//!
//! Invariant: an operation can be followed again by another process, from its stored form alone (test:
//! `tests/cloud/operation`).

use super::Cloud;
use super::arm::parsed;
use super::config::Waiting;
use super::error::{Class, CloudError};
use super::fault::{self, Fault};
use super::retry::{Again, doubled};
use super::wire::{Answer, Call};
use crate::model::request::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::fmt;
use std::time::Duration;

/// How many looks in a row may fail before the operation counts as lost from sight.
pub(super) const FAILURES: u32 = 10;
/// How many looks in a row may find nothing at the operation's address: it may not be there yet, or no more.
pub(super) const ABSENCES: u32 = 5;

/// A write that the service is working on, as a journal keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// The verb of the write.
    pub method: Method,
    /// The path of the write.
    pub path: String,
    /// The `api-version` of the write.
    pub api_version: String,
    /// Where its status stands (`azure-asyncoperation`), verbatim; it may end in a signature.
    pub status: Option<String>,
    /// Where its result will stand (`location`), likewise.
    pub location: Option<String>,
    /// How many seconds to wait before the first look, when the service said so.
    pub wait: Option<u64>,
}

impl Operation {
    /// An operation known by its resource alone, for a write whose reply was lost and of which live shows that it
    /// is under way.
    pub fn of_resource(method: Method, path: &str, api_version: &str) -> Self {
        let (path, api_version) = (path.to_owned(), api_version.to_owned());
        Self { method, path, api_version, status: None, location: None, wait: None }
    }

    fn label(&self) -> String {
        format!("{} {}", self.method.word(), self.path)
    }

    /// Whether it concerns a resource directly below a resource group, which takes minutes instead of seconds.
    fn is_root(&self) -> bool {
        let (_, below) = self.path.rsplit_once("/providers/").unwrap_or_default();
        below.split('/').count() <= if self.method == Method::Post { 4 } else { 3 }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsigned =
            |url: &Option<String>| Some(url.as_deref()?.split('?').next().unwrap_or_default().to_owned());
        f.debug_struct("Operation")
            .field("request", &self.label())
            .field("status", &unsigned(&self.status))
            .field("location", &unsigned(&self.location))
            .finish_non_exhaustive()
    }
}

/// How far something has come, by the word that the service uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Succeeded,
    Failed,
    Canceled,
    /// Any other word; new ones may come.
    Running,
}

impl State {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Running,
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        self != Self::Running
    }

    pub(super) const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled)
    }

    /// The error of a body that says that its operation, or its resource, has failed.
    pub(super) fn error(self, body: &Json, label: &str) -> CloudError {
        let said = body.get("error").filter(|error| error.is_object()).and_then(|_| fault::read(body));
        let unsaid = || {
            let end = if self == Self::Canceled { "cancelled" } else { "given up" };
            let message = format!("the service has {end} the operation and does not say why");
            Fault { code: format!("{self:?}"), message, ..Fault::default() }
        };
        let fault = said.unwrap_or_else(unsaid);
        let again = fault::passing(&fault.code, &fault.message).unwrap_or(Again::Never);
        CloudError::new(Class::Failed, &fault.code, fault.message, label).again(again)
    }
}

/// The state in a resource's `provisioningState`, if it has one.
pub(super) fn state(resource: &Json) -> Option<State> {
    resource.pointer("/properties/provisioningState").and_then(Json::as_str).map(State::of)
}

/// What one look at an operation shows.
enum Look {
    Running,
    Ended(Json),
    Failed(CloudError),
    /// Nothing stands at its address, or nothing for us.
    Absent,
    /// No usable answer.
    Unseen(CloudError),
}

/// The waits between looks at one operation, and how long they may go on.
pub(super) struct Watch<'a> {
    cloud: &'a Cloud,
    label: String,
    cap: Duration,
    until: Duration,
    looks: u32,
    next: Option<Duration>,
}

impl<'a> Watch<'a> {
    /// A watch that begins now, for something that takes seconds.
    pub(super) fn new(cloud: &'a Cloud, label: String) -> Self {
        let pace = &cloud.wire.config.pace;
        let until = cloud.wire.config.clock.elapsed() + pace.operation;
        Watch { cloud, label, cap: pace.poll_cap, until, looks: 0, next: None }
    }

    /// Waits before the next look.
    pub(super) async fn wait(&mut self) -> Result<(), CloudError> {
        let config = &self.cloud.wire.config;
        let usual = doubled(config.pace.poll_first, self.looks, self.cap);
        let length = self.next.take().filter(|_| config.pace.heeds_retry_after).unwrap_or(usual);
        if config.clock.elapsed() + length > self.until {
            let message = format!("the operation has not ended within {} s", config.pace.operation.as_secs());
            let error = CloudError::new(Class::Lost, "StillRunning", message, &self.label);
            return Err(error.hint("it goes on in Azure; look at the resource before anything else"));
        }
        let (request, what) = (self.label.clone(), "the operation to end".to_owned());
        (self.cloud.progress)(&Waiting { request, what, length });
        self.looks += 1;
        config.clock.sleep(length).await;
        Ok(())
    }
}

impl Cloud {
    /// Waits for an operation to end and returns what it led to: the resource after PUT and PATCH, the result
    /// after POST, `null` after DELETE.
    ///
    /// # Errors
    /// [`Class::Failed`] with the service's own reason, or [`Class::Lost`] when it could not be followed to an end.
    pub async fn follow(&self, operation: &Operation) -> Result<Json, CloudError> {
        let mut watch = Watch::new(self, operation.label());
        if operation.is_root() {
            watch.cap = self.wire.config.pace.poll_cap_root;
        }
        watch.next = operation.wait.map(Duration::from_secs);
        let ended = match (&operation.status, &operation.location) {
            (Some(url), _) => self.watch(&mut watch, operation, url, true).await?,
            (None, Some(url)) => self.watch(&mut watch, operation, url, false).await?,
            (None, None) => None,
        };
        match (operation.method, ended) {
            (Method::Delete, Some(_)) => Ok(Json::Null),
            (Method::Post, Some(ended)) => self.result(&mut watch, operation, ended).await,
            (Method::Post, None) => {
                let message = "the operation can no longer be found, and with it its result";
                Err(CloudError::new(Class::Lost, "OperationNotFound", message, &watch.label))
            }
            (_, seen) => self.resource(&mut watch, operation, seen.is_some()).await,
        }
    }

    /// The resource at a path once nothing is under way on it, or `None` when there is none.
    ///
    /// # Errors
    /// As for [`Cloud::get`], or [`Class::Lost`] when it does not come to rest.
    pub async fn settled(&self, path: &str, api_version: &str) -> Result<Option<Json>, CloudError> {
        let mut watch = Watch::new(self, format!("GET {path}"));
        loop {
            match self.get(path, api_version).await? {
                Some(resource) if state(&resource) == Some(State::Running) => watch.wait().await?,
                found => return Ok(found),
            }
        }
    }

    /// Looks at an operation's own address until it has ended; `None` when it is not to be found there.
    async fn watch(
        &self,
        watch: &mut Watch<'_>,
        operation: &Operation,
        url: &str,
        is_status: bool,
    ) -> Result<Option<Json>, CloudError> {
        let url = self.wire.trust.onward(url, None).map_err(|error| {
            let request = operation.label().into();
            CloudError { class: Class::Lost, request, ..error }
        })?;
        let mut call = self.call(reqwest::Method::GET, url, operation.label());
        call.label = format!("GET the operation of {}", operation.label());
        let (mut absences, mut failures) = (0, 0);
        loop {
            watch.wait().await?;
            let look = match self.wire.once(&call).await {
                Ok(answer) => {
                    watch.next = answer.retry_after;
                    look(&call, &answer, is_status, &watch.label)
                }
                Err(error) => Look::Unseen(error),
            };
            (absences, failures) = match look {
                Look::Ended(json) => return Ok(Some(json)),
                Look::Failed(error) => return Err(error),
                Look::Running => (0, 0),
                Look::Absent if absences + 1 >= ABSENCES => return Ok(None),
                Look::Absent => (absences + 1, 0),
                Look::Unseen(error) if failures + 1 >= FAILURES => return Err(lost(error, watch)),
                Look::Unseen(_) => (0, failures + 1),
            };
        }
    }

    /// The result of an action.
    async fn result(
        &self,
        watch: &mut Watch<'_>,
        operation: &Operation,
        ended: Json,
    ) -> Result<Json, CloudError> {
        match (&operation.status, &operation.location) {
            (Some(_), Some(location)) => {
                let url = self.wire.trust.onward(location, None)?;
                let label = format!("GET the result of {}", operation.label());
                let call = self.call(reqwest::Method::GET, url, label);
                loop {
                    let answer = self.send(&call).await?;
                    if answer.status != 202 {
                        return parsed(&answer, &call.label, Class::Garbled);
                    }
                    watch.next = answer.retry_after;
                    watch.wait().await?;
                }
            }
            (Some(_), None) => Ok(ended.get("properties").cloned().unwrap_or(Json::Null)),
            (None, _) => Ok(ended),
        }
    }

    /// Looks at the resource itself until it is at rest; `ended` when its operation is known to have succeeded.
    async fn resource(
        &self,
        watch: &mut Watch<'_>,
        operation: &Operation,
        ended: bool,
    ) -> Result<Json, CloudError> {
        let gone = operation.method == Method::Delete;
        let mut absences = 0;
        if !ended {
            watch.wait().await?;
        }
        loop {
            let found = self.get(&operation.path, &operation.api_version).await;
            let found = found.map_err(|error| lost(error, watch))?;
            match found.as_ref().map(|resource| state(resource).unwrap_or(State::Succeeded)) {
                None if gone => return Ok(Json::Null),
                None if absences + 1 >= ABSENCES => {
                    let message = "the service accepted the request, and the resource is not there";
                    return Err(CloudError::new(Class::Lost, "ResourceNotFound", message, &watch.label));
                }
                None => absences += 1,
                Some(State::Succeeded) if !gone => return Ok(found.unwrap_or_default()),
                Some(state) if state.is_failure() => {
                    return Err(state.error(&found.unwrap_or_default(), &watch.label));
                }
                Some(_) => absences = 0,
            }
            watch.wait().await?;
        }
    }
}

pub(super) fn lost(error: CloudError, watch: &Watch<'_>) -> CloudError {
    let message = format!("what became of the operation cannot be seen: {}", error.message);
    let request = watch.label.as_str().into();
    CloudError { class: Class::Lost, message, request, again: Again::Never, ..error }
}

/// The end rules that Azure's servers have taught their clients: 202 goes on, and so does 404 for a while; 200
/// without a body is success; else `status` decides, then `properties.provisioningState`.
fn look(call: &Call, answer: &Answer, is_status: bool, label: &str) -> Look {
    match answer.status {
        202 => return Look::Running,
        401 | 403 | 404 | 410 => return Look::Absent,
        200..300 => {}
        _ => return Look::Unseen(fault::error(&call.plane, false, answer, label)),
    }
    let body = match parsed(answer, label, Class::Garbled) {
        Ok(Json::Null) => return Look::Ended(Json::Null),
        Ok(body) => body,
        Err(error) => return Look::Unseen(error),
    };
    let word = body.get("status").and_then(Json::as_str).map(State::of);
    // A result may have a `status` of its own, so there only a final word counts.
    let word = if is_status { word } else { word.filter(|state| state.is_terminal()) };
    match word.or_else(|| state(&body)).unwrap_or(State::Succeeded) {
        State::Running => Look::Running,
        State::Succeeded => Look::Ended(body),
        failure => {
            let mut error = failure.error(&body, label);
            error.id = answer.id().map(Into::into);
            Look::Failed(error)
        }
    }
}
