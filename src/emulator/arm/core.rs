//! The control plane's working state and its operations.
//!
//! Operations advance with time: [`Core::settle`] is called before every request and by a timer, and what it does
//! depends on the clock only (test: `tests/wire.rs`, `an_operation_ends_without_being_polled`).

use super::front::Ask;
use super::kind::kind_of;
use super::path::{Id, display_location};
use super::ports::Ports;
use super::reply::Reply;
use super::state::{Effect, Failure, Operation, Resource, State, Style};
use crate::emulator::clock::{Clock, stamp};
use crate::emulator::kusto_port::KustoPlane;
use serde_json::{Value, json};
use std::sync::Arc;

/// The lane of an operation that changes nothing, and so stands in nobody's way.
pub(super) const QUESTION: &str = "question";

const MAINTENANCE: &str = "ServiceIsInMaintenance";

/// How long work that other work excludes takes to fail, in milliseconds.
const REFUSAL: u64 = 2_000;

/// State, clock and the Kusto plane.
pub(super) struct Core {
    pub(super) state: State,
    pub(super) kusto: Arc<dyn KustoPlane>,
    pub(super) ports: Ports,
    pub(super) clock: Clock,
    /// Whether identities need roles at what they read and send to.
    pub(super) roles: bool,
    /// By how many nanoseconds a cluster counts as older than it is.
    pub(super) aged: i64,
}

/// An operation about to begin.
pub(super) struct Begin {
    pub(super) style: Style,
    /// `operationKind`.
    pub(super) kind: &'static str,
    /// The duration in Azure.
    pub(super) milliseconds: u64,
    pub(super) location: String,
    pub(super) on: Id,
    pub(super) lane: String,
    pub(super) effect: Effect,
    pub(super) failed: Option<Box<Resource>>,
    pub(super) failure: Option<Failure>,
    pub(super) result: Option<Value>,
}

impl Core {
    /// Ends every operation whose time has come, in the order of their ends.
    pub(super) fn settle(&mut self, now: i64) {
        let mut due: Vec<(i64, String)> = self
            .state
            .running()
            .filter(|operation| operation.ends <= now)
            .map(|operation| (operation.ends, operation.guid.clone()))
            .collect();
        due.sort();
        for (_, guid) in due {
            if let Some(mut operation) = self.state.operation(&guid).cloned() {
                operation.over = true;
                let ended = operation.clone();
                self.state.put_operation(operation);
                self.end(ended);
            }
        }
    }

    /// When the next operation ends, in nanoseconds since 1970.
    pub(super) fn next_end(&self) -> Option<i64> {
        self.state.running().map(|operation| operation.ends).min()
    }

    fn end(&mut self, operation: Operation) {
        if operation.failure.is_some() {
            self.fail(operation);
            return;
        }
        match operation.effect {
            Effect::Nothing => self.release(&operation.on, &operation.guid),
            Effect::Put(mut resource) => {
                resource.operation = None;
                "Succeeded".clone_into(&mut resource.provisioning);
                resource.etag = format!("\"{}\"", stamp(operation.ends));
                self.state.put((*resource).clone());
                if let Some(kind) = kind_of(&resource.id.provider, &resource.id.collections) {
                    kind.applied(self, &resource);
                }
            }
            Effect::Remove => self.remove(&operation.on),
        }
    }

    fn fail(&mut self, operation: Operation) {
        match operation.failed {
            Some(mut resource) => {
                resource.operation = None;
                if resource.id.is_cluster() {
                    let runs = matches!(resource.phase.as_str(), "Running" | "Updating");
                    self.ports.set_running(resource.id.name(), runs);
                }
                self.state.put(*resource);
            }
            None => self.release(&operation.on, &operation.guid),
        }
    }

    fn release(&mut self, on: &Id, guid: &str) {
        if let Some(mut resource) =
            self.state.get(on).filter(|now| now.operation.as_deref() == Some(guid)).cloned()
        {
            resource.operation = None;
            self.state.put(resource);
        }
    }

    /// Removes a resource with all below it, and lets each kind clean up.
    pub(super) fn remove(&mut self, id: &Id) {
        for gone in self.state.remove(id).into_iter().rev() {
            if let Some(kind) = kind_of(&gone.id.provider, &gone.id.collections) {
                kind.removed(self, &gone);
            }
        }
    }

    /// Begins an operation and gives back its guid.
    pub(super) fn begin(&mut self, ask: &Ask, begin: Begin) -> String {
        let started = Clock::now();
        let failure = ask.failure().or(begin.failure);
        let excluded = failure.as_ref().is_some_and(|failure| failure.code == MAINTENANCE);
        let milliseconds = if excluded { begin.milliseconds.min(REFUSAL) } else { begin.milliseconds };
        let guid = uuid::Uuid::new_v4().to_string();
        self.state.put_operation(Operation {
            guid: guid.clone(),
            subscription: begin.on.subscription.clone(),
            style: begin.style,
            kind: begin.kind.to_owned(),
            location: begin.location,
            started,
            ends: started.saturating_add(self.clock.lasting(milliseconds)),
            on: begin.on,
            lane: begin.lane,
            effect: begin.effect,
            failed: begin.failed,
            failure,
            result: begin.result,
            over: false,
        });
        guid
    }

    /// Why work on this cluster cannot go on now: other work excludes it.
    pub(super) fn maintenance(&self, cluster: &Id, lane: &str) -> Option<Failure> {
        let key = cluster.key();
        let works = |operation: &&Operation| {
            let doomed = operation.failure.as_ref().is_some_and(|failure| failure.code == MAINTENANCE);
            !doomed && operation.lane != QUESTION
        };
        let busy = self.state.running().filter(works).any(|operation| {
            let here = operation.on.collections.len() <= 1 && operation.on.key() == key;
            let below = operation.on.key().starts_with(&format!("{key}/"));
            match lane {
                "cluster" => here || below,
                "" => here,
                lane => here || (below && operation.lane == lane),
            }
        });
        busy.then(|| Failure {
            code: MAINTENANCE.to_owned(),
            message: format!(
                "[Conflict] Cluster '{}' is in process of maintenance for a short period. You may retry to invoke the operation in a few minutes.",
                cluster.name()
            ),
            state: "Conflict".to_owned(),
        })
    }

    /// The display name of a cluster's location.
    pub(super) fn cluster_location(&self, id: &Id) -> String {
        let cluster = self.state.get(&id.ancestor(1));
        let location = cluster.and_then(|cluster| cluster.body.get("location")?.as_str()).unwrap_or_default();
        display_location(location)
    }

    /// Adds the headers that lead to an operation.
    pub(super) fn follow(&self, ask: &Ask, reply: Reply, guid: &str, location: bool) -> Reply {
        let Some(operation) = self.state.operation(guid) else { return reply };
        let encoded = operation.location.replace(' ', "%20");
        // The blank stood raw in this header until the newer versions.
        let shown = if ask.api == "2022-02-01" { &operation.location } else { &encoded };
        let provider = operation.on.server();
        let root =
            format!("{}/subscriptions/{}/providers/{provider}/locations", ask.origin, operation.subscription);
        let query = format!("api-version={}{}", ask.api, signature(&ask.api, operation));
        let collection = match provider {
            "Microsoft.Network" => "operations",
            "Microsoft.EventHub" => "namespaceOperationResults",
            "Microsoft.EventGrid" => "operationsStatus",
            _ => "operationResults",
        };
        let reply = reply.with("azure-asyncoperation", format!("{root}/{shown}/{collection}/{guid}?{query}"));
        if !location {
            return reply;
        }
        let url =
            format!("{root}/{encoded}/{collection}/{guid}?{query}&operationResultResponseType=Location");
        reply.with("location", url)
    }
}

/// The newer front ends sign the URL; a client must carry it unchanged.
fn signature(api: &str, operation: &Operation) -> String {
    if api < "2024" {
        return String::new();
    }
    let seal = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, operation.guid.as_bytes()).simple().to_string();
    format!("&t={}&c={}&s={seal}&h={seal}", operation.started, seal.repeat(8))
}

/// The body of a status URL.
pub(super) fn status_body(operation: &Operation, now: i64) -> Value {
    let (status, done) = match (&operation.failure, operation.over) {
        (_, false) => ("Running", 0.5),
        (Some(_), true) => ("Failed", 1.0),
        (None, true) => ("Succeeded", 1.0),
    };
    if !operation.on.is_kusto() {
        return neighbour_status(operation, status);
    }
    let details = match (&operation.result, operation.over, operation.kind.as_str()) {
        (Some(result), true, "") if operation.failure.is_none() => result.clone(),
        (_, _, "") => json!({}),
        (_, false, kind) => {
            json!({"operationKind": kind, "provisioningState": "Running", "operationState": "InProgress"})
        }
        (_, true, kind) => match &operation.failure {
            Some(failure) => {
                json!({"operationKind": kind, "provisioningState": "Failed", "operationState": failure.state})
            }
            None => {
                json!({"operationKind": kind, "provisioningState": "Succeeded", "operationState": "Completed"})
            }
        },
    };
    let end = if operation.over { operation.ends } else { now.min(operation.ends) };
    let mut body = json!({
        "id": format!(
            "/subscriptions/{}/providers/{}/locations/{}/operationresults/{}",
            operation.subscription, operation.on.server(), operation.location, operation.guid
        ),
        "name": operation.guid,
        "status": status,
        "startTime": stamp(operation.started),
        "endTime": stamp(end),
        "percentComplete": done,
        "properties": details,
    });
    if let (Some(failure), true, Some(body)) = (&operation.failure, operation.over, body.as_object_mut()) {
        body.insert("error".to_owned(), json!({"code": failure.code, "message": failure.message}));
    }
    body
}

/// The neighbours say less about their operations.
fn neighbour_status(operation: &Operation, status: &str) -> Value {
    let network = operation.on.provider == "Microsoft.Network";
    let status = if network && status == "Running" { "InProgress" } else { status };
    let mut body =
        if network { json!({"status": status}) } else { json!({"name": operation.guid, "status": status}) };
    if let Some(failure) = operation.failure.as_ref().filter(|_| operation.over) {
        body["error"] = json!({"code": failure.code, "message": failure.message});
    }
    body
}
