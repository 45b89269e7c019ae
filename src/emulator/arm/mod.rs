//! The control plane: Microsoft.Kusto with what it stands on, as Azure Resource Manager serves it.
//!
//! Each kind of resource is one file, declared in `kind::KINDS`; `front` routes, `resource` and `write` do what is
//! common to all, `core` runs the operations.

mod cluster;
mod cluster_actions;
mod core;
mod data_connection;
mod database;
mod deleted;
mod diagnostics;
mod event_grid;
mod event_hub;
mod follower;
mod front;
mod generic;
mod group;
mod iot_app;
mod iot_data;
mod kind;
mod login;
mod member;
mod path;
mod ports;
mod principal;
mod private_endpoint;
mod private_link;
mod reply;
mod resource;
mod role;
mod script;
mod sku;
mod sources;
mod span;
mod state;
mod storage;
mod token;
mod write;

pub(super) use ports::Ports;

use super::clock::Clock;
use super::kusto_port::KustoPlane;
use super::server::FailOperation;
use super::store::{Store, StoreError};
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use front::Ask;
use path::Id;
use reply::Reply;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The longest that an answer about an operation waits for its end.
const PATIENCE: Duration = Duration::from_millis(10);

/// What the control plane takes for granted of its world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// See [`super::Options::roles`].
    pub(super) roles: bool,
    /// See [`super::Options::age_in_days`].
    pub(super) age_in_days: u16,
}

/// The serving control plane.
pub(super) struct Plane {
    core: Mutex<Option<core::Core>>,
    changed: Notify,
}

impl Plane {
    /// Reads the state, opens the endpoints of the clusters in it, and completes the groups that must exist.
    pub(super) fn open(
        store: Arc<Store>,
        kusto: Arc<dyn KustoPlane>,
        ports: Ports,
        clock: Clock,
        groups: &[(String, String)],
        manner: Manner,
    ) -> Result<Arc<Self>, StoreError> {
        let state = state::State::load(store)?;
        let Manner { roles, age_in_days } = manner;
        let aged = i64::from(age_in_days) * deleted::DAY;
        let mut core = core::Core { state, kusto, ports, clock, roles, aged };
        for (subscription, name) in groups {
            if core.state.get(&Id::of_group(subscription, name)).is_none() {
                core.state.put(group::at_start(subscription, name));
            }
        }
        host_again(&mut core);
        core.settle(Clock::now());
        core.state.write_through()?;
        Ok(Arc::new(Self { core: Mutex::new(Some(core)), changed: Notify::new() }))
    }

    fn core(&self) -> MutexGuard<'_, Option<core::Core>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one request: time first, then the request, then the store.
    fn serve(&self, ask: &mut Ask) -> Reply {
        let mut held = self.core();
        let Some(core) = held.as_mut() else {
            return Reply::gateway(503, "ServiceUnavailable", "The emulator is stopping.");
        };
        core.settle(Clock::now());
        let reply = front::handle(core, ask);
        let written = core.state.write_through();
        drop(held);
        self.changed.notify_one();
        match written {
            Ok(()) => reply,
            Err(error) => Reply::gateway(500, "InternalServerError", error.to_string()),
        }
    }

    /// How long a question about an operation is held back: one that ends within [`PATIENCE`] is awaited, so that
    /// nobody has to ask twice about work that takes no time.
    fn patience(&self, ask: &Ask) -> Duration {
        let guid = ask.segments.last().filter(|_| ask.method == "GET");
        let held = self.core();
        let operation = guid.zip(held.as_ref()).and_then(|(guid, core)| core.state.operation(guid));
        let Some(operation) = operation.filter(|operation| !operation.over) else { return Duration::ZERO };
        let left = Duration::from_nanos(u64::try_from(operation.ends - Clock::now()).unwrap_or(0));
        if left > PATIENCE { Duration::ZERO } else { left }
    }

    /// Releases the state file; whatever comes after is refused.
    pub(super) fn close(&self) {
        if let Some(mut core) = self.core().take() {
            core.state.close();
        }
    }
}

/// Tells the Kusto plane of everything that was there before, in the order of creation.
fn host_again(core: &mut core::Core) {
    let known: Vec<state::Resource> =
        core.state.find(|resource| resource.id.is_kusto()).into_iter().cloned().collect();
    for resource in known {
        let cluster = resource.id.ancestor(1);
        let unmade =
            resource.provisioning == "Creating" || resource.is_unborn() || database::follows(Some(&resource));
        let (name, made) = (cluster.name().to_owned(), !unmade);
        match resource.id.collections.len() {
            1 if made => {
                core.kusto.create_cluster(&name);
                cluster::host(core, resource);
                core.ports.note_call(&name);
            }
            2 if made
                && resource.id.collections[1] == "Databases"
                && core.kusto.periods(&name, resource.id.name()).is_none() =>
            {
                core.kusto.create_database(&name, resource.id.name(), database::periods(&resource));
            }
            _ if made && resource.id.type_text().ends_with("/PrincipalAssignments") => {
                principal::grant(core, &resource)
            }
            _ => {}
        }
    }
}

/// The control plane as an HTTP service.
pub(super) fn router(plane: Arc<Plane>) -> axum::Router {
    axum::Router::new().fallback(answer).with_state(plane)
}

async fn answer(State(plane): State<Arc<Plane>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let header = |name: header::HeaderName| text_of(&parts.headers, &name);
    let mut ask = Ask {
        method: parts.method.as_str().to_owned(),
        segments: path::segments(parts.uri.path()),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        api: String::new(),
        origin: format!("http://{}", header(header::HOST).unwrap_or_else(|| "127.0.0.1".to_owned())),
        authorization: header(header::AUTHORIZATION),
        if_match: header(header::IF_MATCH),
        if_none_match: header(header::IF_NONE_MATCH),
        body: serde_json::from_str(&text).ok(),
        text,
        caller: None,
        fail: parts.extensions.get::<FailOperation>().cloned(),
    };
    tokio::time::sleep(plane.patience(&ask)).await;
    // Serving writes to the disk before it answers, which must not hold up the other plane.
    let served = tokio::task::spawn_blocking(move || plane.serve(&mut ask)).await;
    served
        .unwrap_or_else(|error| {
            Reply::gateway(500, "InternalServerError", format!("The emulator failed: {error}"))
        })
        .into_response()
}

fn text_of(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Ends operations when their time comes, whether or not anybody asks.
pub(super) fn keep_time(plane: Arc<Plane>, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let next = plane.core().as_ref().and_then(core::Core::next_end);
            let wait = next.map_or(Duration::from_secs(3600), |end| {
                Duration::from_nanos(u64::try_from(end - Clock::now()).unwrap_or(0))
                    + Duration::from_millis(1)
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = plane.changed.notified() => continue,
                () = tokio::time::sleep(wait) => {}
            }
            if let Some(core) = plane.core().as_mut() {
                core.settle(Clock::now());
                // A failure to write shows at the next request, which writes the same documents again.
                let _ = core.state.write_through();
            }
        }
    })
}
