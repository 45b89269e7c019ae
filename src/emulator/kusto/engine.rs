//! The engine: state, the requests that reach it, and what the ARM plane asks of it.

use super::catalog::{
    Assignment, Caller, Database, Document, Holder, Limits, Mapping, Request, Role, State, Transaction, View,
    folded,
};
use super::command::{self, Action};
use super::error::Fault;
use super::frame::Frame;
use super::kql::Query;
use super::policy;
use super::time;
pub use crate::emulator::kusto_port::{Periods, Principal};
use crate::emulator::store::{Store, StoreError};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use uuid::Uuid;

/// Why a call from the ARM plane cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no cluster of this name.
    #[error("there is no cluster '{0}'")]
    NoCluster(String),
    /// There is no database of this name in the cluster.
    #[error("there is no database '{0}'")]
    NoDatabase(String),
    /// The role is none that the scope has.
    #[error("there is no role '{0}' at this scope")]
    NoRole(String),
    /// The state file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The Kusto plane of the emulator: every cluster, its databases, and the endpoint that serves them.
#[derive(Debug)]
pub struct Engine {
    store: Arc<Store>,
    state: RwLock<State>,
    limits: RwLock<Limits>,
    ahead: AtomicI64,
    token_required: AtomicBool,
}

/// Tables of one database (`Q:schema-entities/tables.md`).
const MOST_TABLES: usize = 10_000;
/// Columns of one table (`Q:schema-entities/columns.md`).
const MOST_COLUMNS: usize = 10_000;
/// Materialized views of one database (`data-explorer/kusto-emulator-overview.md`).
const MOST_VIEWS: usize = 1_000;
/// How long the backfill of a view lasts in the service: a minute, for a small table.
pub(crate) const BACKFILL_MILLISECONDS: u64 = 60_000;
/// The shortest backfill, so that it is never over when the next request comes.
const SHORTEST_BACKFILL: Duration = Duration::from_millis(30);
/// External tables of one database (`Q:schema-entities/external-tables.md`).
const MOST_EXTERNAL_TABLES: usize = 1_000;

impl Engine {
    /// Opens the engine on the state that the store holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(store: Arc<Store>) -> Result<Arc<Self>, StoreError> {
        let state = RwLock::new(State::load(&store)?);
        let limits = Limits {
            tables: MOST_TABLES,
            columns: MOST_COLUMNS,
            views: MOST_VIEWS,
            external_tables: MOST_EXTERNAL_TABLES,
            backfill: 0,
        };
        let (limits, ahead) = (RwLock::new(limits), AtomicI64::new(0));
        let engine = Self { store, state, limits, ahead, token_required: AtomicBool::new(false) };
        engine.set_backfill(Duration::ZERO);
        Ok(Arc::new(engine))
    }

    /// Narrows the number of tables that a database may hold; 10,000 at first.
    pub fn set_table_limit(&self, most: usize) {
        self.limits.write().unwrap_or_else(PoisonError::into_inner).tables = most;
    }

    /// Narrows the number of external tables that a database may hold; 1,000 at first.
    pub fn set_external_table_limit(&self, most: usize) {
        self.limits.write().unwrap_or_else(PoisonError::into_inner).external_tables = most;
    }

    /// Narrows the number of materialized views that a database may hold; 1,000 at first.
    pub fn set_view_limit(&self, most: usize) {
        self.limits.write().unwrap_or_else(PoisonError::into_inner).views = most;
    }

    /// Says how long the backfill of a view lasts, 30 ms at least.
    pub fn set_backfill(&self, length: Duration) {
        let ticks = time::ticks(length.max(SHORTEST_BACKFILL));
        self.limits.write().unwrap_or_else(PoisonError::into_inner).backfill = ticks;
    }

    /// Lets time pass without waiting for it.
    pub fn pass(&self, length: Duration) {
        self.ahead.fetch_add(time::ticks(length), Ordering::Relaxed);
    }

    /// Now, in ticks.
    pub(crate) fn now(&self) -> i64 {
        time::now() + self.ahead.load(Ordering::Relaxed)
    }

    /// Whether requests without a bearer token are refused; they are not at first.
    pub fn require_token(&self, required: bool) {
        self.token_required.store(required, Ordering::Relaxed);
    }

    pub(crate) fn is_token_required(&self) -> bool {
        self.token_required.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the state in memory is what the store would load; for tests.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn agrees_with_store(&self) -> Result<bool, StoreError> {
        Ok(*self.read() == State::load(&self.store)?)
    }

    /// Writes changed documents; when that fails, what the store holds is the state again.
    fn save(&self, state: &mut State, changed: &BTreeSet<Document>) -> Result<(), StoreError> {
        if changed.is_empty() || !self.store.is_kept() {
            return Ok(());
        }
        let documents =
            |source| StoreError::Document { table: "kusto".to_owned(), key: String::new(), source };
        let written = state.writes(changed).map_err(documents).and_then(|writes| self.store.commit(&writes));
        if written.is_err() {
            *state = State::load(&self.store)?;
        }
        written
    }

    /// Runs a management command.
    pub(crate) fn manage(&self, request: &Request, text: &str) -> Result<Answer, Fault> {
        let command = command::parse(text)?;
        self.keep_time(request)?;
        let frame = match &command.action {
            Action::Read(read) => read(&View { state: &self.read(), request })?,
            Action::Change(_) | Action::Script(_) if request.read_only => return Err(Fault::read_only()),
            Action::Change(change) => self.transact(|state| {
                let mut transaction = Transaction::new(state, request);
                transaction.begin(text);
                let result = change(&mut transaction);
                (result, transaction.take_changed())
            })?,
            Action::Script(script) => self.transact(|state| {
                let mut transaction = Transaction::quiet(state, request);
                let result = script.run(&mut transaction);
                (result, transaction.take_changed())
            })?,
        };
        match command.then {
            Some(then) => Ok(Answer { frame: then.apply(frame, request.now)?, queried: true }),
            None => Ok(Answer { frame, queried: false }),
        }
    }

    /// Ends the operations of a cluster that are due.
    fn keep_time(&self, request: &Request) -> Result<(), Fault> {
        if !self.read().is_due(&request.cluster, request.now) {
            return Ok(());
        }
        let ended = self.transact(|state| {
            let mut transaction = Transaction::new(state, request);
            let result = transaction.end_operations().map(|()| Frame::new(&[], Vec::new()));
            (result, transaction.take_changed())
        });
        ended.map(drop)
    }

    /// Changes the state and saves it, also when the change failed halfway, as scripts may.
    fn transact(
        &self,
        run: impl FnOnce(&mut State) -> (Result<Frame, Fault>, BTreeSet<Document>),
    ) -> Result<Frame, Fault> {
        let mut state = self.write();
        let (result, changed) = run(&mut state);
        self.save(&mut state, &changed).map_err(|error| Fault::internal(error.to_string()))?;
        result
    }

    /// Runs a query.
    pub(crate) fn query(&self, request: &Request, text: &str) -> Result<Frame, Fault> {
        let query = Query::read(text)?;
        let state = self.read();
        let view = View { state: &state, request };
        query.run(view.database(None)?, request.now)
    }

    /// Whether the cluster exists.
    pub(crate) fn has_cluster(&self, cluster: &str) -> bool {
        self.read().clusters.contains_key(&folded(cluster))
    }
}

/// The result of a management command.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) frame: Frame,
    /// Whether query operators followed the command.
    pub(crate) queried: bool,
}

/// What the ARM plane asks. Names of clusters and databases are found without case.
impl Engine {
    /// Makes a cluster, unless it exists.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub fn create_cluster(&self, cluster: &str) -> Result<(), EngineError> {
        let mut state = self.write();
        let key = folded(cluster);
        state.clusters.entry(key.clone()).or_default().name = cluster.to_owned();
        Ok(self.save(&mut state, &BTreeSet::from([Document::Cluster(key)]))?)
    }

    /// Removes a cluster with everything in it, if it exists.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub fn drop_cluster(&self, cluster: &str) -> Result<(), EngineError> {
        let mut state = self.write();
        let key = folded(cluster);
        let Some(gone) = state.clusters.remove(&key) else { return Ok(()) };
        let mut changed = BTreeSet::from([Document::Cluster(key.clone())]);
        changed
            .extend(gone.operations.iter().map(|operation| Document::Operation(key.clone(), operation.id)));
        for (name, database) in &gone.databases {
            changed.extend(database.documents(&key, name));
        }
        Ok(self.save(&mut state, &changed)?)
    }

    /// Makes a database with these periods, unless it exists; then its periods are set.
    ///
    /// # Errors
    /// When the cluster does not exist, or the state file cannot be written.
    pub fn create_database(
        &self,
        cluster: &str,
        database: &str,
        periods: Periods,
    ) -> Result<(), EngineError> {
        self.change_cluster(cluster, |found| {
            let known = found.databases.entry(folded(database));
            let known = known.or_insert_with(|| Database::new(database, policy::of_new_database()));
            apply_periods(known, periods);
            Ok(Some(folded(database)))
        })
    }

    /// Removes a database with everything in it, if it exists.
    ///
    /// # Errors
    /// When the cluster does not exist, or the state file cannot be written.
    pub fn drop_database(&self, cluster: &str, database: &str) -> Result<(), EngineError> {
        let mut state = self.write();
        let (cluster_key, key) = (folded(cluster), folded(database));
        let found =
            state.clusters.get_mut(&cluster_key).ok_or_else(|| EngineError::NoCluster(cluster.to_owned()))?;
        let Some(gone) = found.databases.remove(&key) else { return Ok(()) };
        let mut changed = gone.documents(&cluster_key, &key);
        let running = found.operations.iter_mut().filter(|one| folded(&one.database) == key);
        let ended = running.filter_map(|one| one.abandon(database).then_some(one.id));
        changed.extend(ended.map(|id| Document::Operation(cluster_key.clone(), id)));
        Ok(self.save(&mut state, &changed)?)
    }

    /// Sets the periods of a database; what is `None` is unset.
    ///
    /// # Errors
    /// When the database does not exist, or the state file cannot be written.
    pub fn set_periods(&self, cluster: &str, database: &str, periods: Periods) -> Result<(), EngineError> {
        self.change_cluster(cluster, |found| {
            let known = found.databases.get_mut(&folded(database));
            apply_periods(known.ok_or_else(|| EngineError::NoDatabase(database.to_owned()))?, periods);
            Ok(Some(folded(database)))
        })
    }

    /// The periods of a database as its policies stand now; `None` when there is no such database.
    #[must_use]
    pub fn periods(&self, cluster: &str, database: &str) -> Option<Periods> {
        let state = self.read();
        let found = state.clusters.get(&folded(cluster))?.databases.get(&folded(database))?;
        let ticks = |word: &str, path: &str| {
            let policy: Value = serde_json::from_str(found.policies.get(word)?).ok()?;
            time::dotnet_timespan(policy.pointer(path)?.as_str()?)
        };
        Some(Periods {
            soft_delete: ticks("retention", "/SoftDeletePeriod"),
            hot_cache: ticks("caching", "/DataHotSpan/Value"),
        })
    }

    /// Whether the database holds the table; table names are found with case.
    #[must_use]
    pub fn has_table(&self, cluster: &str, database: &str, table: &str) -> bool {
        let state = self.read();
        let found =
            state.clusters.get(&folded(cluster)).and_then(|found| found.databases.get(&folded(database)));
        found.is_some_and(|found| found.tables.contains_key(table))
    }

    /// Whether the table, or else its database, holds the mapping, and for data of this format when one is given.
    #[must_use]
    pub fn has_mapping(
        &self,
        cluster: &str,
        database: &str,
        table: &str,
        mapping: &str,
        data_format: Option<&str>,
    ) -> bool {
        let state = self.read();
        let found =
            state.clusters.get(&folded(cluster)).and_then(|found| found.databases.get(&folded(database)));
        let Some(found) = found else { return false };
        let of_table = found.tables.get(table).into_iter().flat_map(|table| &table.mappings);
        let fits = |known: &Mapping| {
            known.name == mapping && data_format.is_none_or(|format| known.kind.reads(format))
        };
        of_table.chain(&found.mappings).any(fits)
    }

    /// Gives a principal a role on a cluster, or on one of its databases; a role it holds stays as it is.
    ///
    /// # Errors
    /// When the cluster, the database or the role does not exist, or the state file cannot be written.
    pub fn add_principal(
        &self,
        cluster: &str,
        database: Option<&str>,
        principal: &Principal,
    ) -> Result<(), EngineError> {
        let wanted = assignment(principal)?;
        self.change_principals(cluster, database, |held| {
            if !held.iter().any(|known| known.role == wanted.role && known.holder == wanted.holder) {
                held.push(wanted);
            }
        })
    }

    /// Takes a role from a principal, if it holds it.
    ///
    /// # Errors
    /// When the cluster, the database or the role does not exist, or the state file cannot be written.
    pub fn drop_principal(
        &self,
        cluster: &str,
        database: Option<&str>,
        principal: &Principal,
    ) -> Result<(), EngineError> {
        let gone = assignment(principal)?;
        self.change_principals(cluster, database, |held| {
            held.retain(|known| known.role != gone.role || known.holder != gone.holder);
        })
    }

    /// Who holds which role on a cluster, or on one of its databases.
    #[must_use]
    pub fn principals(&self, cluster: &str, database: Option<&str>) -> Vec<Principal> {
        let state = self.read();
        let Some(found) = state.clusters.get(&folded(cluster)) else { return Vec::new() };
        let held = match database {
            None => Some(&found.principals),
            Some(database) => found.databases.get(&folded(database)).map(|found| &found.principals),
        };
        held.into_iter().flatten().map(spelled).collect()
    }

    fn change_principals(
        &self,
        cluster: &str,
        database: Option<&str>,
        change: impl FnOnce(&mut Vec<Assignment>),
    ) -> Result<(), EngineError> {
        self.change_cluster(cluster, |found| {
            let Some(database) = database else {
                change(&mut found.principals);
                return Ok(None);
            };
            let known = found.databases.get_mut(&folded(database));
            let known = known.ok_or_else(|| EngineError::NoDatabase(database.to_owned()))?;
            change(&mut known.principals);
            known.version = super::choices::next_version(known.version, false);
            Ok(Some(folded(database)))
        })
    }

    /// Changes a cluster, or the one of its databases whose key is given back, and saves it.
    fn change_cluster(
        &self,
        cluster: &str,
        change: impl FnOnce(&mut super::catalog::Cluster) -> Result<Option<String>, EngineError>,
    ) -> Result<(), EngineError> {
        let mut state = self.write();
        let key = folded(cluster);
        let found = state.clusters.get_mut(&key).ok_or_else(|| EngineError::NoCluster(cluster.to_owned()))?;
        let changed = match change(found)? {
            None => Document::Cluster(key),
            Some(database) => Document::Database(key, database),
        };
        Ok(self.save(&mut state, &BTreeSet::from([changed]))?)
    }
}

/// Writes periods as policies; a recoverability that is set stays.
fn apply_periods(database: &mut Database, periods: Periods) {
    let before = database.policies.clone();
    match periods.soft_delete {
        None => drop(database.policies.remove("retention")),
        Some(ticks) => {
            let kept = before.get("retention").is_some_and(|text| text.contains("Disabled"));
            let recoverability = if kept { "Disabled" } else { "Enabled" };
            let span = time::timespan(ticks);
            let text = format!(r#"{{"SoftDeletePeriod":"{span}","Recoverability":"{recoverability}"}}"#);
            database.policies.insert("retention".to_owned(), text);
        }
    }
    match periods.hot_cache {
        None => drop(database.policies.remove("caching")),
        Some(ticks) => {
            let span = serde_json::json!({"Value": time::timespan(ticks)});
            let given = serde_json::json!({"DataHotSpan": span, "IndexHotSpan": span});
            let before = before.get("caching").and_then(|text| serde_json::from_str(text).ok());
            let caching = policy::find("caching");
            let text = caching.and_then(|policy| policy.canonical(&given, before.as_ref(), 0).ok());
            database.policies.extend(text.map(|text| ("caching".to_owned(), text)));
        }
    }
    if database.policies != before {
        database.version = super::choices::next_version(database.version, false);
    }
}

fn assignment(principal: &Principal) -> Result<Assignment, EngineError> {
    let role = Role::of_name(&principal.role).ok_or_else(|| EngineError::NoRole(principal.role.clone()))?;
    let key = match principal.principal_type.to_ascii_lowercase().as_str() {
        "app" => "aadapp",
        "group" => "aadgroup",
        _ => "aaduser",
    };
    let mut holder = Holder::resolve(key, &principal.principal_id, &principal.tenant_id);
    if !principal.object_id.is_empty() {
        holder.object_id.clone_from(&principal.object_id);
    }
    let id = if principal.name.is_empty() { Uuid::new_v4().to_string() } else { principal.name.clone() };
    Ok(Assignment { role, holder, notes: String::new(), id, by_creation: false })
}

fn spelled(held: &Assignment) -> Principal {
    let principal_type = match held.holder.key.as_str() {
        "aadapp" => "App",
        "aadgroup" => "Group",
        _ => "User",
    };
    Principal {
        role: held.role.name().to_owned(),
        principal_type: principal_type.to_owned(),
        principal_id: held.holder.given.clone(),
        tenant_id: held.holder.tenant.clone(),
        object_id: held.holder.object_id.clone(),
        name: held.id.clone(),
    }
}

impl Caller {
    /// Who sends requests without a token, or with one that says nothing.
    pub(crate) fn unknown() -> Self {
        let holder = Holder::resolve("aadapp", "emulator-user", "");
        Self { holder, name: "emulator-user".to_owned() }
    }
}
