//! Another name for a view: it keeps its records.
//!
//! <https://learn.microsoft.com/kusto/management/materialized-views/materialized-view-rename>

use crate::kind::At;
use crate::model::Address;
use crate::model::change::Rename;
use crate::model::command::Command;
use crate::model::inventory::Inventory;

/// The command.
pub(super) fn command(Rename { from, to }: &Rename) -> Command {
    Command::new(".rename materialized-view").name(from).word("to").name(to)
}

/// The views that read this one under its former name: while they do, it keeps that name.
pub(super) fn readers(at: &At<'_>, live: &Inventory) -> Vec<Address> {
    let former = at.resource.lifecycle.renamed_from.as_deref();
    let (Some(former), Some((database, _))) = (former, at.ancestor("database")) else { return Vec::new() };
    let views = live.children(&database, "materializedViews");
    let reading = views.filter(|(_, view)| view.body.text("source") == Some(former));
    reading.map(|(address, _)| address.clone()).collect()
}
