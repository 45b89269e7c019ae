//! Entities of a database: tables, mappings, functions and more; and the one of a cluster, workload groups.

mod continuous_export;
mod entity_group;
mod external_mapping;
mod external_table;
mod function;
mod graph_model;
mod mapping;
mod materialized_view;
pub(super) mod principals;
mod table;
mod uses;
mod workload_group;

pub use mapping::{Family, family_of};
pub use uses::{Missing, missing, texts, used, uses};

use super::replies::{DatabaseReplies, Reply};
use super::{At, Kind, Undo};
use crate::model::request::{KustoRequest, Request};
use crate::model::{Change, Command};

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[
    &table::Table,
    &mapping::Mapping,
    &function::Function,
    &entity_group::EntityGroup,
    &external_table::ExternalTable,
    &external_mapping::ExternalMapping,
    &graph_model::GraphModel,
    &materialized_view::MaterializedView,
    &principals::Principals,
    &continuous_export::ContinuousExport,
    &workload_group::WorkloadGroup,
];

/// The database's replies out of a reply; entities are read from nothing else.
pub(super) fn database<'a>(reply: &Reply<'a>) -> Result<&'a DatabaseReplies, String> {
    match reply {
        Reply::Database(replies) => Ok(replies),
        Reply::Arm(_) | Reply::Cluster(_) => {
            Err("an entity is read from its database and from nothing else".to_owned())
        }
    }
}

/// A command in the database that contains the thing, or in none: then it travels alone, for scripts run in
/// databases.
pub(super) fn in_database(at: &At<'_>, command: Command) -> Request {
    let (cluster, database) = (at.cluster(), at.database().to_owned());
    let alone = database.is_empty();
    Request::Kusto(KustoRequest { cluster, database, command, lookup: None, alone, begins: None })
}

/// The requests that make everything again that stood directly below a thing, by the plans of its children.
pub(super) fn children_again(at: &At<'_>) -> Vec<Request> {
    let depth = at.address.depth() + 1;
    let children = at.world.below(at.address).filter(|(address, _)| address.depth() == depth);
    let again = children.filter(|(_, resource)| resource.is_live).filter_map(|(address, resource)| {
        let kind = super::by_name(resource.kind)?;
        let child = At { address, resource, world: at.world };
        kind.requests(&child, &Change::new(None, Some(resource.body.clone()))).ok()
    });
    again.flatten().collect()
}

/// The undo that sends `first` and then makes the thing's children again.
pub(super) fn with_children(at: &At<'_>, first: Request) -> Undo {
    Undo::By(std::iter::once(first).chain(children_again(at)).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::kind::{by_name, shape};
    use crate::model::body::Body;
    use crate::model::inventory::{Inventory, Resource};
    use crate::model::{Address, LossClass};

    /// Reads a body as a spec would give it.
    pub(crate) fn body(kind: &str, json: &impl ToString) -> Body {
        let raw = serde_json::from_str(&json.to_string()).unwrap();
        shape::canonical_body(by_name(kind).unwrap().about().fields, &raw).unwrap()
    }

    fn resource(kind: &'static str, name: &str, body: Body) -> Resource {
        Resource { kind, name: name.into(), body, ..Resource::default() }
    }

    /// The steps of a change of the thing named by `path` below `clusters.c.databases.d`, each as its command,
    /// its class of loss where there is one, and its undo.
    pub(crate) fn steps(
        kind: &'static str,
        path: &str,
        before: impl ToString,
        after: impl ToString,
    ) -> Vec<String> {
        steps_at(kind, &format!("clusters.c.databases.d.{path}"), before, after)
    }

    /// The steps of a change of the thing named by `path` below `clusters.c`.
    pub(crate) fn cluster_steps(
        kind: &'static str,
        path: &str,
        before: impl ToString,
        after: impl ToString,
    ) -> Vec<String> {
        steps_at(kind, &format!("clusters.c.{path}"), before, after)
    }

    fn steps_at(kind: &'static str, path: &str, before: impl ToString, after: impl ToString) -> Vec<String> {
        let about = by_name(kind).unwrap();
        let read = |json: String| (json != "null").then(|| body(kind, &json));
        let (before, after) = (read(before.to_string()), read(after.to_string()));
        let address: Address = path.parse().unwrap();
        let mut world = Inventory::new();
        let containers = address.depth() - 1;
        for (i, word) in ["cluster", "database", "table"].iter().enumerate().take(containers) {
            let at = address.prefix(i + 1);
            world.insert(at.clone(), resource(word, at.key(), Body::new()));
        }
        let live = before.clone().map(|body| resource(kind, address.key(), body));
        let settled = after.as_ref().map(|wanted| about.settle(live.as_ref(), wanted));
        world.insert(
            address.clone(),
            resource(kind, address.key(), settled.clone().or_else(|| before.clone()).unwrap()),
        );
        let at = At { address: &address, resource: world.get(&address).unwrap(), world: &world };
        let change = Change::new(before.clone(), settled.clone());
        let ends = about.stages(&at, &change).into_iter().map(Some).chain([settled]);
        let mut from = before;
        let mut lines = Vec::new();
        for to in ends {
            let change = Change::new(from, to.clone());
            let loss = about.loss(&at, &change);
            let class = if loss.class == LossClass::None {
                String::new()
            } else {
                format!(" [{}]", loss.class.word())
            };
            let request = about.request(&at, &change).unwrap();
            lines.push(format!("{}{class}", request.shown()));
            match about.undo(&at, &change) {
                Undo::By(requests) => lines.extend(requests.iter().map(|r| format!("  undo {}", r.shown()))),
                Undo::Never(why) => lines.push(format!("  never: {why}")),
            }
            from = to;
        }
        lines
    }
}
