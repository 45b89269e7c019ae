//! What a command sees of the state, and how it changes it.
//!
//! Invariant: a command that fails has changed nothing; one that changes a database moves its version
//! (tests: `tests/wire/kusto/errors.txt`, `tests/wire/kusto/versions.txt`).

use super::{
    Assignment, Caller, Cluster, Database, Document, Event, ExternalTable, Function, MaterializedView, Role,
    State, Table, folded,
};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::frame::{Frame, Schema};
use crate::emulator::kusto::names;
use crate::emulator::kusto::syntax::shown;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The characters of a command that its journal entries keep.
const LONGEST_JOURNAL_COMMAND: usize = 500;

/// Bounds of the service that tests may narrow (section "Service limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Tables of one database.
    pub(crate) tables: usize,
    /// Columns of one table.
    pub(crate) columns: usize,
    /// Materialized views of one database.
    pub(crate) views: usize,
    /// How long the backfill of a view lasts, in ticks.
    pub(crate) backfill: i64,
    /// External tables of one database.
    pub(crate) external_tables: usize,
}

/// A request, without its text.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The folded name of the cluster.
    pub(crate) cluster: String,
    /// The database of the request; empty when none was given.
    pub(crate) database: String,
    /// Whether commands that change anything are refused.
    pub(crate) read_only: bool,
    /// The client's own id of the request.
    pub(crate) client_request_id: String,
    /// The server's id of the request.
    pub(crate) activity: Uuid,
    /// When it arrived, in ticks.
    pub(crate) now: i64,
    /// Who sent it.
    pub(crate) caller: Caller,
    /// The bounds in force.
    pub(crate) limits: Limits,
}

/// The state as one request sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The whole state.
    pub(crate) state: &'a State,
    /// The request.
    pub(crate) request: &'a Request,
}

impl<'a> View<'a> {
    /// The cluster of the request.
    pub(crate) fn cluster(&self) -> Result<&'a Cluster, Fault> {
        let name = &self.request.cluster;
        self.state.clusters.get(name).ok_or_else(|| Fault::not_found("Cluster", name))
    }

    /// The database that a command names, or the one of the request.
    pub(crate) fn database(&self, named: Option<&str>) -> Result<&'a Database, Fault> {
        let name = named.unwrap_or(&self.request.database);
        self.cluster()?.databases.get(&folded(name)).ok_or_else(|| Fault::no_database(name))
    }

    /// A table of the database that a command names, or of the request's.
    pub(crate) fn table(&self, database: Option<&str>, name: &str) -> Result<&'a Table, Fault> {
        self.database(database)?.table(name)
    }
}

impl Database {
    /// The table of this name.
    pub(crate) fn table(&self, name: &str) -> Result<&Table, Fault> {
        self.tables.get(name).ok_or_else(|| Fault::not_found("Table", name))
    }

    /// The materialized view of this name.
    pub(crate) fn view(&self, name: &str) -> Result<&MaterializedView, Fault> {
        self.views.get(name).ok_or_else(|| Fault::not_found("MaterializedView", name))
    }

    /// The external table of this name.
    pub(crate) fn external(&self, name: &str) -> Result<&ExternalTable, Fault> {
        self.external_tables.get(name).ok_or_else(|| Fault::not_found("ExternalTable", name))
    }

    /// The function of this name.
    pub(crate) fn function(&self, name: &str) -> Result<&Function, Fault> {
        self.functions.get(name).ok_or_else(|| Fault::not_found("ExpressionFunction", name))
    }
}

/// The state as one request changes it.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    state: &'a mut State,
    request: &'a Request,
    changed: BTreeSet<Document>,
    command: String,
    quiet: bool,
}

impl<'a> Transaction<'a> {
    /// A transaction that has changed nothing.
    pub(crate) fn new(state: &'a mut State, request: &'a Request) -> Self {
        Self { state, request, changed: BTreeSet::new(), command: String::new(), quiet: false }
    }

    /// A transaction whose commands' own answers are not wanted, as in a script.
    pub(crate) fn quiet(state: &'a mut State, request: &'a Request) -> Self {
        Self { quiet: true, ..Self::new(state, request) }
    }

    /// An answer whose rows are made only when they are wanted, for answers that grow with the database.
    pub(crate) fn answer(
        &self,
        schema: Schema,
        rows: impl FnOnce(&View<'_>) -> Result<Vec<Vec<Value>>, Fault>,
    ) -> Result<Frame, Fault> {
        Ok(Frame::new(schema, if self.quiet { Vec::new() } else { rows(&self.view())? }))
    }

    /// Names the command that changes follow from, for the journal.
    pub(crate) fn begin(&mut self, command: &str) {
        self.command = shown(command).chars().take(LONGEST_JOURNAL_COMMAND).collect();
    }

    /// The state as it is now.
    pub(crate) fn view(&self) -> View<'_> {
        View { state: self.state, request: self.request }
    }

    /// The request.
    pub(crate) fn request(&self) -> &'a Request {
        self.request
    }

    /// The documents that differ from the store, once.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Document> {
        std::mem::take(&mut self.changed)
    }

    /// The cluster, to change it.
    pub(crate) fn cluster_mut(&mut self) -> Result<&mut Cluster, Fault> {
        let name = &self.request.cluster;
        self.changed.insert(Document::Cluster(name.clone()));
        self.state.clusters.get_mut(name).ok_or_else(|| Fault::not_found("Cluster", name))
    }

    /// The database that a command names, or the request's, to change it.
    pub(crate) fn edit(&mut self, named: Option<&str>) -> Result<Editor<'_>, Fault> {
        let cluster = &self.request.cluster;
        let name = named.unwrap_or(&self.request.database);
        let key = folded(name);
        let found = self.state.clusters.get_mut(cluster).and_then(|found| found.databases.get_mut(&key));
        let database = found.ok_or_else(|| Fault::no_database(name))?;
        let command = &self.command;
        Ok(Editor { database, changed: &mut self.changed, request: self.request, key, command })
    }

    /// Marks a document as changed.
    pub(super) fn touch(&mut self, document: Document) {
        self.changed.insert(document);
    }
}

/// One database under change.
#[derive(Debug)]
pub(crate) struct Editor<'a> {
    /// The database.
    pub(crate) database: &'a mut Database,
    changed: &'a mut BTreeSet<Document>,
    request: &'a Request,
    key: String,
    command: &'a str,
}

/// What a command did to an entity, for the journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deed<'a> {
    /// `CREATE-TABLE` and its like.
    pub(crate) event: &'a str,
    /// The entity.
    pub(crate) entity: &'a str,
    /// Its name afterwards, when that changed.
    pub(crate) renamed: Option<&'a str>,
    /// The entity before, as text.
    pub(crate) before: String,
    /// The entity after, as text.
    pub(crate) after: String,
    /// Whether an entity appeared, went, or got another name or schema.
    pub(crate) schema: bool,
}

impl Editor<'_> {
    /// The request.
    pub(crate) fn request(&self) -> &Request {
        self.request
    }

    /// A document of this database.
    fn place(&self) -> (String, String) {
        (self.request.cluster.clone(), self.key.clone())
    }

    /// Marks the database's own document as changed.
    pub(crate) fn touch(&mut self) {
        let (cluster, database) = self.place();
        self.changed.insert(Document::Database(cluster, database));
    }

    /// Marks a table, present or gone, as changed.
    pub(crate) fn touch_table(&mut self, name: &str) {
        let (cluster, database) = self.place();
        self.changed.insert(Document::Table(cluster, database, name.to_owned()));
    }

    /// Marks a function, present or gone, as changed.
    pub(crate) fn touch_function(&mut self, name: &str) {
        let (cluster, database) = self.place();
        self.changed.insert(Document::Function(cluster, database, name.to_owned()));
    }

    /// Marks a materialized view, present or gone, as changed.
    pub(crate) fn touch_view(&mut self, name: &str) {
        let (cluster, database) = self.place();
        self.changed.insert(Document::View(cluster, database, name.to_owned()));
    }

    /// Marks an external table, present or gone, as changed.
    pub(crate) fn touch_external(&mut self, name: &str) {
        let (cluster, database) = self.place();
        self.changed.insert(Document::External(cluster, database, name.to_owned()));
    }

    /// Marks the last drop of a table name as changed.
    pub(crate) fn touch_dropped(&mut self, name: &str) {
        let (cluster, database) = self.place();
        self.changed.insert(Document::Dropped(cluster, database, name.to_owned()));
    }

    /// Marks extents of a table, present or gone, as changed.
    pub(crate) fn touch_extents(&mut self, table: Uuid, extents: &[Uuid]) {
        let (cluster, database) = self.place();
        let place = |id: &Uuid| Document::Extent(cluster.clone(), database.clone(), table, *id);
        self.changed.extend(extents.iter().map(place));
    }

    /// A table, to change it.
    pub(crate) fn table_mut(&mut self, name: &str) -> Result<&mut Table, Fault> {
        self.touch_table(name);
        self.database.tables.get_mut(name).ok_or_else(|| Fault::not_found("Table", name))
    }

    /// A materialized view, to change it.
    pub(crate) fn view_mut(&mut self, name: &str) -> Result<&mut MaterializedView, Fault> {
        self.touch_view(name);
        self.database.views.get_mut(name).ok_or_else(|| Fault::not_found("MaterializedView", name))
    }

    /// An external table, to change it.
    pub(crate) fn external_mut(&mut self, name: &str) -> Result<&mut ExternalTable, Fault> {
        self.touch_external(name);
        self.database.external_tables.get_mut(name).ok_or_else(|| Fault::not_found("ExternalTable", name))
    }

    /// A function, to change it.
    pub(crate) fn function_mut(&mut self, name: &str) -> Result<&mut Function, Fault> {
        self.touch_function(name);
        self.database.functions.get_mut(name).ok_or_else(|| Fault::not_found("ExpressionFunction", name))
    }

    /// Adds a table under its own name; the caller becomes its admin.
    pub(crate) fn insert_table(&mut self, mut table: Table) -> Result<(), Fault> {
        names::check("Table", &table.name)?;
        if self.database.tables.len() >= self.request.limits.tables {
            return Err(Fault::bad_request(format!(
                "Database '{}' holds {} tables, which is the limit; table '{}' was not created.",
                self.database.name, self.request.limits.tables, table.name
            )));
        }
        if choices::CREATOR_BECOMES_ADMIN && table.principals.is_empty() {
            table.principals.push(Assignment::by_creation(Role::Admin, &self.request.caller.holder));
        }
        self.touch_table(&table.name);
        self.database.tables.insert(table.name.clone(), table);
        Ok(())
    }

    /// Lets the views over a table take in its columns as they are now.
    fn views_follow(&mut self, table: &str) {
        for name in self.database.views_over(table) {
            self.touch_view(&name);
            if let (Some(table), Some(view)) =
                (self.database.tables.get(table), self.database.views.get_mut(&name))
            {
                view.follow(table);
            }
        }
    }

    /// Records a deed in the journal and moves the version of the database.
    pub(crate) fn record(&mut self, mut deed: Deed<'_>) {
        if deed.event == "ALTER-TABLE" && deed.schema {
            self.views_follow(deed.entity);
        }
        for state in [&mut deed.before, &mut deed.after] {
            if state.len() > choices::LONGEST_JOURNAL_STATE {
                *state = String::new();
            }
        }
        let original = self.database.version;
        self.database.version = choices::next_version(original, deed.schema);
        let event = Event {
            number: self.database.next_event,
            event: deed.event.to_owned(),
            at: self.request.now,
            entity: deed.entity.to_owned(),
            updated_entity: deed.renamed.unwrap_or(deed.entity).to_owned(),
            version: self.database.version,
            original_version: original,
            container: self.database.name.clone(),
            before: deed.before,
            after: deed.after,
            command: self.command.to_owned(),
            principal: self.request.caller.holder.fqn(),
            activity: self.request.activity,
            client_request_id: self.request.client_request_id.clone(),
        };
        self.database.next_event += 1;
        let mut numbers = vec![event.number];
        self.database.journal.push_back(event);
        if self.database.journal.len() > choices::JOURNAL_KEPT {
            numbers.extend(self.database.journal.pop_front().map(|oldest| oldest.number));
        }
        let (cluster, database) = self.place();
        self.changed.extend(
            numbers.into_iter().map(|number| Document::Event(cluster.clone(), database.clone(), number)),
        );
        self.touch();
    }
}
