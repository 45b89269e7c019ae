//! The Kusto endpoints: each cluster has a loopback port of its own.
//!
//! Invariant: a port is taken while its cluster exists, running or stopped, and closed when it is deleted; a
//! stopped cluster answers 503 (test: `tests/wire.rs`, `a_cluster_has_its_own_endpoint`).

use crate::emulator::kusto_port::KustoPlane;
use crate::emulator::server::{self, Front};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

struct Port {
    number: u16,
    gate: Gate,
    stop: CancellationToken,
}

/// What the endpoint and the control plane both know of a cluster.
#[derive(Clone)]
struct Gate {
    cluster: String,
    running: Arc<AtomicBool>,
    called: Arc<AtomicBool>,
}

/// The open endpoints by cluster name in lower case.
pub(crate) struct Ports {
    front: Arc<Front>,
    kusto: Arc<dyn KustoPlane>,
    stop: CancellationToken,
    open: BTreeMap<String, Port>,
}

impl Ports {
    /// No endpoints yet; all that come end with `stop`.
    pub(crate) fn new(front: Arc<Front>, kusto: Arc<dyn KustoPlane>, stop: CancellationToken) -> Self {
        Self { front, kusto, stop, open: BTreeMap::new() }
    }

    /// Opens the endpoint of a cluster, on `wanted` when that port is free, and gives the port back.
    /// `None` when the system has no port to give.
    pub(super) fn open(&mut self, cluster: &str, wanted: Option<u16>) -> Option<u16> {
        if let Some(port) = self.open.get(&cluster.to_lowercase()) {
            return Some(port.number);
        }
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        let listener = wanted.and_then(bind).or_else(|| bind(0))?;
        let number = listener.local_addr().ok()?.port();
        let stop = self.stop.child_token();
        let (running, called) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let gate = Gate { cluster: cluster.to_owned(), running, called };
        let router = self.kusto.router(cluster).layer(from_fn_with_state(gate.clone(), when_running));
        let plane = server::Plane::Kusto { cluster: cluster.to_owned() };
        server::serve(listener, router, Arc::clone(&self.front), plane, stop.clone()).ok()?;
        self.open.insert(cluster.to_lowercase(), Port { number, gate, stop });
        Some(number)
    }

    /// Lets the endpoint answer, or refuse every call.
    pub(super) fn set_running(&self, cluster: &str, running: bool) {
        if let Some(port) = self.open.get(&cluster.to_lowercase()) {
            port.gate.running.store(running, Ordering::Release);
        }
    }

    /// Whether anything was ever asked of the cluster's endpoint. A client that drives the control plane alone
    /// cannot have made a table, so for it the tables that a connection names are taken on trust.
    pub(super) fn was_called(&self, cluster: &str) -> bool {
        self.open.get(&cluster.to_lowercase()).is_some_and(|port| port.gate.called.load(Ordering::Acquire))
    }

    /// Notes that the cluster's databases may hold more than the control plane made.
    pub(super) fn note_call(&self, cluster: &str) {
        if let Some(port) = self.open.get(&cluster.to_lowercase()) {
            port.gate.called.store(true, Ordering::Release);
        }
    }

    /// Closes the endpoint.
    pub(super) fn close(&mut self, cluster: &str) {
        if let Some(port) = self.open.remove(&cluster.to_lowercase()) {
            port.stop.cancel();
        }
    }
}

async fn when_running(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    gate.called.store(true, Ordering::Release);
    if gate.running.load(Ordering::Acquire) {
        return next.run(request).await;
    }
    let cluster = gate.cluster;
    let message = format!("Cluster '{cluster}' is not running.");
    let body = json!({"error": {
        "code": "Service is unavailable",
        "message": "The service is unavailable; start the cluster and try again.",
        "@type": "Kusto.Common.Svc.Exceptions.ServiceUnavailableException",
        "@message": message,
        "@context": {"serviceAlias": cluster},
        "@permanent": false,
    }});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}
