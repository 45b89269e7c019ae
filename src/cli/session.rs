//! A session: a spec read, a target connected, live read, a plan made; what the commands share.

use super::args::{Allow, Global};
use super::checks;
use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::previous;
use super::runs;
use super::terminal::Terminal;
use crate::cloud::{self, Cloud, CloudError};
use crate::emulator::{self, Emulator};
use crate::live::{self, Endpoints, Live};
use crate::model::{Address, Inventory, Scope, parallel};
use crate::plan::diff::Inputs;
use crate::plan::text::{Long, Style};
use crate::plan::{self, Plan, Refusal, Rule};
use crate::run::Timing;
use crate::run::place::Place;
use crate::run::schemas::Violations;
use crate::run::whereabouts::Whereabouts;
use crate::spec::{self, Spec};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// A connection to a target, and where the tool keeps its own files for it.
pub(super) struct Session {
    /// The control and data planes.
    pub(super) cloud: Cloud,
    /// Where journals and the lock are kept.
    pub(super) place: Place,
    /// What a later command must be told to look at the same place.
    pub(super) whereabouts: Whereabouts,
    /// How many requests run at a time, where anybody says so; a run that is taken up keeps its own number otherwise.
    pub(super) parallelism: Option<usize>,
    /// Endpoints that were found by now.
    pub(super) endpoints: Endpoints,
    last: Mutex<Reading>,
    /// Whether something is to be changed by what is read.
    changes: bool,
    /// The spec, as the command line names it.
    pub(super) spec: PathBuf,
    /// How long runs wait for what.
    pub(super) timing: Timing,
    /// Where the work goes, for people: `Azure`, or the emulator's URL.
    pub(super) target: String,
    emulator: Option<Emulator>,
}

/// What the last reading of live leaves behind.
#[derive(Default)]
struct Reading {
    /// When it began.
    at: Option<Instant>,
    /// What the service found wrong with schemas, where it was asked.
    violations: Violations,
}

impl Session {
    /// Connects to the target that flags, variables and `adxform.toml` name.
    ///
    /// # Errors
    /// Settings that are wrong, no credentials, or local state that another program is using.
    pub(super) async fn open(
        spec: &Path,
        global: &Global,
        scope: &Scope,
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        Self::at(Desk::of(spec, global, terminal).await?, scope).await
    }

    /// Connects to the target of a desk.
    ///
    /// The embedded emulator gets the resource groups that the scope stands in: they are what a spec takes for
    /// granted.
    ///
    /// # Errors
    /// Local state that another program is using.
    pub(super) async fn at(desk: Desk, scope: &Scope) -> Result<Self, Failure> {
        let Desk { place, state, spec, whereabouts, parallelism, timing, target, connect, cloud } = desk;
        let (cloud, emulator) = if let Some(cloud) = cloud {
            (cloud, None)
        } else {
            let emulator = embedded(&state, scope).await?;
            let connect = cloud::Config { arm: emulator.arm_url().to_owned(), ..connect };
            (Cloud::new(connect).map_err(|error| unreachable(&error))?, Some(emulator))
        };
        let target = target.unwrap_or_else(|| Desk::LOCAL.to_owned());
        Ok(Self {
            cloud,
            place,
            whereabouts,
            parallelism,
            endpoints: Endpoints::default(),
            last: Mutex::default(),
            changes: false,
            spec,
            timing,
            target,
            emulator,
        })
    }

    /// Reads everything in a scope.
    ///
    /// # Errors
    /// What could not be read, and what to do.
    pub(super) async fn read(&self, scope: &Scope) -> Result<Live, Failure> {
        self.read_like(scope, &Inventory::new()).await
    }

    /// The same where live is probably much like something.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub(super) async fn read_like(&self, scope: &Scope, like: &Inventory) -> Result<Live, Failure> {
        let now = Instant::now();
        let live = live::read_like(&self.cloud, scope, &self.endpoints, like, self.changes).await;
        let live = live.map_err(|error| unreachable(&error))?;
        if let Ok(mut last) = self.last.lock() {
            *last = Reading { at: Some(now), violations: live.violations.clone() };
        }
        Ok(live)
    }

    /// The same session for whoever is about to change something.
    pub(super) const fn changing(mut self) -> Self {
        self.changes = true;
        self
    }

    /// What the last reading found wrong with schemas, where it was asked.
    pub(super) fn violations(&self) -> Violations {
        self.last.lock().map(|last| last.violations.clone()).unwrap_or_default()
    }

    /// When the last reading of live began.
    pub(super) fn read_at(&self) -> Option<Instant> {
        self.last.lock().ok().and_then(|last| last.at)
    }

    /// Whether it works on an emulator, in which only what somebody made is there.
    pub(super) fn is_emulated(&self) -> bool {
        self.target != Desk::AZURE
    }

    /// Ends the session; the embedded emulator writes its state and stops.
    pub(super) async fn close(self) {
        if let Some(emulator) = self.emulator {
            emulator.stop().await;
        }
    }
}

/// Reads a spec; its warnings are said, its mistakes are the failure.
///
/// # Errors
/// Every mistake, printed already.
pub(super) fn load(root: &Path, global: &Global, terminal: Terminal) -> Result<Spec, Failure> {
    let env = environment();
    let options = spec::Options {
        root: root.to_path_buf(),
        environment: global.environment.clone(),
        vars: global.vars.clone(),
        var_files: global.var_files.clone(),
        env: &*env,
    };
    match spec::load(&options) {
        Ok(spec) => {
            terminal.say(&spec.warnings.render(terminal.color));
            Ok(spec)
        }
        Err(mistakes) => {
            if terminal.json {
                terminal.document(&mistakes.to_json());
            }
            terminal.say(&mistakes.render(terminal.color));
            Err(Failure::told(Exit::InvalidSpec))
        }
    }
}

/// The process's environment, as a function; the only place that reads it beside clap.
pub(super) fn environment() -> cloud::Env {
    Arc::new(|name| std::env::var(name).ok())
}

/// What a plan is made of, and what it is made for.
pub(super) struct Planned {
    /// The plan.
    pub(super) plan: Plan,
    /// The long part of its text, where it is asked for.
    pub(super) long: Option<Long>,
    /// Live, as the plan found it.
    pub(super) live: Inventory,
}

/// Reads live and makes the plan of a spec.
///
/// # Errors
/// What could not be read, and every objection of a prerequisite at its place in the spec.
pub(super) async fn plan(
    session: &Session,
    spec: &Spec,
    scope: Scope,
    global: &Global,
    allow: Allow,
    destroy: bool,
    style: Option<Style>,
) -> Result<Planned, Failure> {
    let live = session.read_like(&scope, &spec.desired.inventory).await?;
    let origin = |address: &Address| spec.origins.get(address);
    let inputs = Inputs {
        desired: &spec.desired,
        live: &live.inventory,
        references: &spec.references,
        destroy,
        targets: &global.targets,
        excludes: &global.excludes,
        hidden: &live.unreadable,
        origin: &origin,
    };
    let options = plan::Options {
        allow: allow.data_loss.into(),
        max_deletes: allow.max_deletes,
        lock_out: allow.lock_out,
    };
    let mut plan = plan::make(&inputs, scope, options);
    plan.notes.extend(live.notes.iter().cloned());
    let (unknown, known) = parallel::both(
        || plan::names::unknown(&plan, &spec.desired, &live.inventory),
        || if plan.is_empty() { Inventory::new() } else { checks::known(spec, &live.inventory) },
    );
    for (name, refusal) in unknown.refusals {
        let place = spec.origins.inside(&refusal.address, &name.field, &name.text, &name.span);
        let origin = place.map(|place| spec.origins.origin(place)).or(refusal.origin);
        plan.refusals.push(Refusal { origin, ..refusal });
    }
    plan.notes.extend(unknown.notes);
    let written = |plan: &Plan| style.map(|style| Long::of(plan, style));
    let long = checks::all(session, spec, known, &mut plan, written).await?;
    plan.times = runs::times(&session.place, &session.target).await;
    previous::brake(&session.spec, global, &spec.desired.inventory, &mut plan);
    Ok(Planned { plan, long, live: live.inventory })
}

/// The code of a refused plan: 1 where the service or the spec is at odds with Azure, 6 for a safety rule.
pub(super) fn refused(plan: &Plan) -> Option<Exit> {
    let invalid = |refusal: &Refusal| matches!(refusal.rule, Rule::Invalid | Rule::Missing);
    match plan.refusals.as_slice() {
        [] => None,
        refusals if refusals.iter().any(invalid) => Some(Exit::Error),
        _ => Some(Exit::Refused),
    }
}

/// A failure to reach or to read, after which nothing has changed.
pub(super) fn unreachable(error: &CloudError) -> Failure {
    let help = error
        .hint
        .clone()
        .unwrap_or_else(|| "nothing was changed; try again when the cause is removed".to_owned());
    Failure::error(error.to_string(), help)
}

async fn embedded(state: &Path, scope: &Scope) -> Result<Emulator, Failure> {
    // A group that the spec makes is not there before it is made.
    let made: BTreeSet<String> = scope
        .containers
        .values()
        .filter(|c| !c.existing)
        .filter_map(|c| Some(c.id.as_ref()?.to_lowercase()))
        .collect();
    let groups: BTreeSet<(String, String)> = scope
        .containers
        .values()
        .filter_map(|c| Some((c.place.get("subscriptionId")?.clone(), c.place.get("resourceGroup")?.clone())))
        .filter(|(subscription, group)| {
            !made.contains(&format!("/subscriptions/{subscription}/resourcegroups/{group}").to_lowercase())
        })
        .collect();
    super::files::private_directory(state)?;
    let options = emulator::Options {
        state: Some(state.join("local.redb")),
        groups: groups.into_iter().collect(),
        ..emulator::Options::default()
    };
    let emulator = Emulator::start(options).await.map_err(|error| {
        let help = "another adxform may be using it; wait for it to end, or look at the file's permissions";
        Failure::new(Exit::Locked, format!("the local Azure does not start: {error}"), help)
    })?;
    super::files::make_private(&state.join("local.redb"))?;
    Ok(emulator)
}
