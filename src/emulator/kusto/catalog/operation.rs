//! Commands that were run with `async`: most are complete at once; a backfill lasts.
//!
//! Invariant: a view that is being filled is not there before its operation ends, and its name is taken all the while
//! (test: `tests/wire/kusto/views_async.txt`).

use super::{Deed, Document, MaterializedView, State, Transaction};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A command that was run with `async`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Operation {
    /// Identifies the operation.
    pub(crate) id: Uuid,
    /// The kind of the command.
    pub(crate) kind: String,
    /// When it was sent, in ticks.
    pub(crate) at: i64,
    /// The database.
    pub(crate) database: String,
    /// `InProgress`, `Completed`, `Failed` or `Canceled`.
    pub(crate) state: String,
    /// The reason of a failure; empty otherwise.
    pub(crate) status: String,
    /// Who sent it.
    pub(crate) principal: String,
    /// The activity of the request.
    pub(crate) activity: Uuid,
    /// When it ends, or ended, in ticks.
    #[serde(default)]
    pub(crate) until: i64,
    /// The view that is there when it has ended well.
    #[serde(default)]
    pub(crate) fills: Option<MaterializedView>,
}

impl Operation {
    /// Ends it where it goes on, because its database is dropped: it does not go on in one that is made anew under the
    /// name. Gives whether it did.
    pub(crate) fn abandon(&mut self, database: &str) -> bool {
        let goes_on = self.is_running();
        if goes_on {
            self.state = "Failed".to_owned();
            self.status = format!("Database '{database}' was dropped.");
            self.fills = None;
        }
        goes_on
    }

    /// Whether it goes on.
    pub(crate) fn is_running(&self) -> bool {
        self.state == "InProgress"
    }

    /// Whether it fills a view of this name in a database.
    pub(crate) fn is_filling(&self, database: &str, view: &str) -> bool {
        self.is_running()
            && self.database == database
            && self.fills.as_ref().is_some_and(|filled| filled.name == view)
    }
}

impl State {
    /// Whether an operation of a cluster should have ended by now.
    pub(crate) fn is_due(&self, cluster: &str, now: i64) -> bool {
        let due = |operation: &Operation| operation.is_running() && operation.until <= now;
        self.clusters.get(cluster).is_some_and(|found| found.operations.iter().any(due))
    }
}

impl Transaction<'_> {
    /// Records an `async` command that is complete, and gives back the operation's id.
    pub(crate) fn complete(&mut self, kind: &str, database: &str) -> Result<Uuid, Fault> {
        let until = self.request().now;
        self.begin_operation(kind, database, "Completed", until, None)
    }

    /// Records that a view is being filled, and gives back the operation's id.
    pub(crate) fn fill(&mut self, kind: &str, database: &str, view: MaterializedView) -> Result<Uuid, Fault> {
        let until = self.request().now + self.request().limits.backfill;
        self.begin_operation(kind, database, "InProgress", until, Some(view))
    }

    fn begin_operation(
        &mut self,
        kind: &str,
        database: &str,
        state: &str,
        until: i64,
        fills: Option<MaterializedView>,
    ) -> Result<Uuid, Fault> {
        let (id, request) = (Uuid::new_v4(), self.request());
        let operation = Operation {
            id,
            kind: kind.to_owned(),
            at: request.now,
            database: database.to_owned(),
            state: state.to_owned(),
            status: String::new(),
            principal: request.caller.holder.fqn(),
            activity: request.activity,
            until,
            fills,
        };
        let cluster = self.cluster_mut()?;
        cluster.operations.push_back(operation);
        let forgotten = if cluster.operations.len() > choices::OPERATIONS_KEPT {
            cluster.operations.pop_front().map(|oldest| oldest.id)
        } else {
            None
        };
        for id in forgotten.into_iter().chain([id]) {
            self.touch_operation(id);
        }
        Ok(id)
    }

    /// Ends the operations that are due: their views appear, unless their source has gone or changed meanwhile.
    pub(crate) fn end_operations(&mut self) -> Result<(), Fault> {
        let now = self.request().now;
        let running = |one: &&Operation| one.is_running() && one.until <= now;
        let due: Vec<Operation> = self.view().cluster()?.operations.iter().filter(running).cloned().collect();
        for mut operation in due {
            (operation.state, operation.status) = match operation.fills.take() {
                Some(view) => match self.appear(&operation.database, view) {
                    Ok(()) => ("Completed".to_owned(), String::new()),
                    Err(fault) => ("Failed".to_owned(), fault.text),
                },
                None => ("Completed".to_owned(), String::new()),
            };
            self.put_operation(operation)?;
        }
        Ok(())
    }

    /// Writes an operation over what is known of it.
    pub(crate) fn put_operation(&mut self, operation: Operation) -> Result<(), Fault> {
        self.touch_operation(operation.id);
        let cluster = self.cluster_mut()?;
        if let Some(known) = cluster.operations.iter_mut().find(|known| known.id == operation.id) {
            *known = operation;
        }
        Ok(())
    }

    fn appear(&mut self, database: &str, view: MaterializedView) -> Result<(), Fault> {
        let mut edit = self.edit(Some(database))?;
        if view.over_view {
            edit.database.view(&view.source)?;
        } else if view.is_outdated(edit.database.table(&view.source)?) {
            return Err(Fault::bad_request(format!(
                "Materialized view '{}' was not created: the schema of '{}' changed during the backfill.",
                view.name, view.source
            )));
        }
        let (name, after) = (view.name.clone(), view.query.clone());
        edit.touch_view(&name);
        edit.database.views.insert(name.clone(), view);
        let event = "CREATE-MATERIALIZED-VIEW";
        edit.record(Deed { event, entity: &name, after, schema: true, ..Deed::default() });
        Ok(())
    }

    fn touch_operation(&mut self, id: Uuid) {
        let cluster = self.request().cluster.clone();
        self.touch(Document::Operation(cluster, id));
    }
}
