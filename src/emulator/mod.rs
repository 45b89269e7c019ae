//! A small, strict Azure: the control plane and the Kusto endpoint over real HTTP, for tests and for `--local`.
//!
//! It is a second opinion on the tool. It shares evidence with the tool (recorded traffic, documentation) and
//! never code: the tool prints commands, the emulator parses them (test: `tests/tidy.rs`).
//!
//! Resources that a request names and that the emulator does not host (an event hub in another subscription, a
//! private link target) are taken on trust; those it hosts are checked.
//!
//! Invariant: nothing under `emulator/` imports anything else of this crate.

mod arm;
mod bridge;
mod clock;
pub mod faults;
pub mod kusto;
pub mod kusto_port;
pub mod log;
mod server;
pub mod store;

pub use faults::{Exchange, Fault, Hook};

use bridge::Bridge;
use faults::{Faults, Rule};
use kusto::Engine;
use kusto_port::KustoPlane;
use server::Front;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How an emulator serves.
#[derive(Clone)]
pub struct Options {
    /// Where the control plane listens; only loopback addresses are accepted. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The state file; `None` keeps the state in memory.
    pub state: Option<PathBuf>,
    /// Added to every exchange.
    pub latency: Duration,
    /// Faults by rule.
    pub faults: Vec<Rule>,
    /// Scale of the durations that operations have in Azure; 0 makes each last about 5 ms.
    pub pace: f64,
    /// How long the backfill of a materialized view lasts; by the pace when it is not given.
    pub backfill: Option<Duration>,
    /// Faults decided by the process that embeds the emulator.
    pub hook: Option<Arc<dyn Hook>>,
    /// Resource groups that exist from the start: (subscription id, group name).
    pub groups: Vec<(String, String)>,
    /// Whether identities need roles at the hubs and accounts that they read and send to.
    pub roles: bool,
    /// By how many days a cluster counts as older than it is: from 14 days on, its deletion leaves its name taken.
    pub age_in_days: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
            pace: 0.0,
            backfill: None,
            hook: None,
            groups: Vec::new(),
            roles: false,
            age_in_days: 0,
        }
    }
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not a loopback address.
    #[error("the emulator listens on loopback addresses only, not on {0}; use 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The address is taken or not ours.
    #[error("the emulator cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StoreError),
}

/// A serving emulator. Dropping it stops it; [`Emulator::stop`] also waits and releases the state file.
pub struct Emulator {
    url: String,
    front: Arc<Front>,
    plane: Arc<arm::Plane>,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Emulator {
    /// Opens the state file and serves both planes.
    ///
    /// # Errors
    /// [`StartError`], when the address or the state file cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let store = Arc::new(Store::open(options.state.as_deref())?);
        let engine = Engine::open(Arc::clone(&store))?;
        let paced = clock::Clock::new(options.pace).lasting(kusto::BACKFILL_MILLISECONDS);
        engine.set_backfill(options.backfill.unwrap_or(Duration::from_nanos(paced.unsigned_abs())));
        Self::start_on(options, store, Arc::new(Bridge(engine))).await
    }

    /// Opens the state file and serves the control plane over the given Kusto plane.
    ///
    /// # Errors
    /// [`StartError`], when the address or the state file cannot be used.
    pub async fn start_with(options: Options, kusto: Arc<dyn KustoPlane>) -> Result<Self, StartError> {
        let store = Arc::new(Store::open(options.state.as_deref())?);
        Self::start_on(options, store, kusto).await
    }

    /// As [`Emulator::start_with`], on a store that is already open: a Kusto plane that keeps its state in the
    /// same file shares it. `options.state` is not read.
    ///
    /// # Errors
    /// [`StartError`], when the address or the state file cannot be used.
    pub async fn start_on(
        options: Options,
        store: Arc<Store>,
        kusto: Arc<dyn KustoPlane>,
    ) -> Result<Self, StartError> {
        if !options.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.listen));
        }
        let refused = |source| StartError::Listen { address: options.listen, source };
        let listener = tokio::net::TcpListener::bind(options.listen).await.map_err(refused)?;
        let listener = listener.into_std().map_err(refused)?;
        let url = format!("http://{}", listener.local_addr().map_err(refused)?);
        let front = Arc::new(Front {
            log: log::Log::default(),
            faults: Faults::new(options.faults, options.hook),
            latency: options.latency,
        });
        let stop = CancellationToken::new();
        let ports = arm::Ports::new(Arc::clone(&front), Arc::clone(&kusto), stop.clone());
        let clock = clock::Clock::new(options.pace);
        let manner = arm::Manner { roles: options.roles, age_in_days: options.age_in_days };
        let plane = arm::Plane::open(store, kusto, ports, clock, &options.groups, manner)?;
        let router = arm::router(Arc::clone(&plane));
        let served = server::serve(listener, router, Arc::clone(&front), server::Plane::Arm, stop.clone());
        let tasks = vec![served.map_err(refused)?, arm::keep_time(Arc::clone(&plane), stop.clone())];
        Ok(Self { url, front, plane, stop, tasks })
    }

    /// The control plane's URL, for example `http://127.0.0.1:41234`.
    #[must_use]
    pub fn arm_url(&self) -> &str {
        &self.url
    }

    /// Every exchange so far, in the order in which they began.
    #[must_use]
    pub fn requests(&self) -> Vec<log::Entry> {
        self.front.log.entries()
    }

    /// Stops serving, lets exchanges under way end for up to two seconds, and releases the state file.
    /// Operations under way complete when an emulator is started again on the same file.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut self.tasks);
        let ended = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), ended).await;
        self.plane.close();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
