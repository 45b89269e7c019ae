//! A world for tests: an emulator in memory, a cloud that talks to it over HTTP, and runs with real journals.

use adxform::cloud::{Cloud, Config};
use adxform::emulator::{Emulator, Hook, Options};
use adxform::live::{self, Endpoints, Live};
use adxform::model::{Address, Inventory, LossClass, Scope};
use adxform::plan::diff::Inputs;
use adxform::plan::{self, MaxDeletes, Plan, scope};
use adxform::run::Timing;
use adxform::run::azure::Azure;
use adxform::run::driver::Run;
use adxform::run::event::Intent;
use adxform::run::journal::{self, Header, Recorded};
use adxform::run::machine::{OnFailure, Policy};
use adxform::run::report::Report;
use adxform::run::store::FileStore;
use adxform::spec::Spec;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use time::OffsetDateTime;

/// An emulator and what talks to it.
pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) cloud: Cloud,
    endpoints: Endpoints,
    folder: TempDir,
    /// How many commands go in one script, where a test says so.
    pub(crate) script_commands: Option<usize>,
    runs: AtomicUsize,
}

impl World {
    /// An empty subscription with the resource group of the states and those of the examples.
    pub(crate) async fn new(hook: Option<Arc<dyn Hook>>) -> Self {
        Self::with(Options { hook, ..Options::default() }).await
    }

    /// As [`World::new`], on an emulator with other options.
    pub(crate) async fn with(options: Options) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let group = |name: &str| ("00000000-0000-0000-0000-000000000000".to_owned(), name.to_owned());
        let groups = ["rg", "rg-states", "rg-storms", "rg-smartvitals", "rg-shared"].map(group).to_vec();
        let emulator = Emulator::start(Options { groups, ..options }).await.unwrap();
        let secret_env: adxform::cloud::Env = std::sync::Arc::new(|name| Some(format!("secret-of-{name}")));
        let cloud = Cloud::new(Config { secret_env, ..Config::local(emulator.arm_url()) }).unwrap();
        let (endpoints, folder) = (Endpoints::default(), tempfile::tempdir().unwrap());
        Self { emulator, cloud, endpoints, folder, script_commands: None, runs: AtomicUsize::new(0) }
    }

    /// Reads everything in a scope.
    pub(crate) async fn look(&self, scope: &Scope) -> Live {
        self.look_like(scope, &Inventory::new()).await
    }

    /// The same where live is probably much like something.
    pub(crate) async fn look_like(&self, scope: &Scope, like: &Inventory) -> Live {
        let live = live::read_like(&self.cloud, scope, &self.endpoints, like, false).await;
        live.unwrap_or_else(|error| panic!("live cannot be read: {error}"))
    }

    /// The plan of a spec, every class of data loss allowed.
    pub(crate) async fn plan(&self, spec: &Spec, destroy: bool) -> Plan {
        let scope = scope::of(&spec.desired);
        let live = self.look_like(&scope, &spec.desired.inventory).await;
        let origin = |address: &Address| spec.origins.get(address);
        let inputs = Inputs {
            desired: &spec.desired,
            live: &live.inventory,
            references: &spec.references,
            destroy,
            targets: &[],
            excludes: &[],
            hidden: &live.unreadable,
            origin: &origin,
        };
        let options =
            plan::Options { allow: LossClass::Irreversible, max_deletes: MaxDeletes::Any, lock_out: true };
        plan::make(&inputs, scope, options)
    }

    /// Carries a plan out and gives the report with the journal's path.
    pub(crate) async fn apply(&self, plan: &Plan, on_failure: OnFailure) -> (Report, PathBuf) {
        let run = format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed));
        let path = self.folder.path().join(format!("{run}.journal"));
        let header = Header {
            format: journal::FORMAT,
            run,
            tool: "test".to_owned(),
            target: "the emulator".to_owned(),
            who: "test".to_owned(),
            started: String::new(),
            policy: Policy {
                on_failure,
                script_commands: self.script_commands.unwrap_or(Policy::default().script_commands),
                ..Policy::default()
            },
            plan: Arc::new(plan.clone()),
        };
        let store = FileStore::create(&path).unwrap();
        let effects = Arc::new(Azure::new(self.cloud.clone(), self.endpoints.clone()));
        let mut run = Run::begin(&header, store, OffsetDateTime::now_utc, effects).await.unwrap();
        run.timing = Timing::local();
        (run.to_end().await, path)
    }

    /// The journal of the newest run.
    pub(crate) fn newest(&self) -> PathBuf {
        let run = self.runs.load(Ordering::Relaxed).saturating_sub(1);
        self.folder.path().join(format!("run-{run}.journal"))
    }

    /// Takes a run up again from its journal.
    pub(crate) async fn take_up(&self, path: &PathBuf, intent: Intent) -> Report {
        let store = reopened(path).await;
        let recorded = Recorded::read(&std::fs::read(path).unwrap()).unwrap();
        let effects = Arc::new(Azure::new(self.cloud.clone(), self.endpoints.clone()));
        let mut run = Run::take_up(&recorded, intent, store, OffsetDateTime::now_utc, effects).await.unwrap();
        run.timing = Timing::local();
        run.to_end().await
    }
}

/// The journal of a run that was dropped in this process: its last write may still hold the file for a moment, which a
/// killed process would not.
async fn reopened(path: &std::path::Path) -> FileStore {
    for _ in 0..400 {
        match FileStore::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            opened => return opened.unwrap(),
        }
    }
    panic!("{} is held for two seconds", path.display());
}
