//! What of live a plan reads, and what of the desired it takes on.
//!
//! Inputs are shaped here, so that the differ stays dumb: targets, existing things and references are settled
//! before anything is compared.

use super::names;
use crate::kind::{self, At, Plane, Source, shape::Role};
use crate::model::body::{Body, Value};
use crate::model::inventory::{Desired, Inventory, Mode, Resource};
use crate::model::scope::{Alias, Container, Scope};
use crate::model::{Address, parallel};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Where live must be read to plan for a desired inventory.
pub fn of(desired: &Desired) -> Scope {
    let mut scope = Scope::default();
    // There are many things of few kinds.
    let mut containers: FxHashMap<&'static str, bool> = FxHashMap::default();
    for (address, resource) in desired.inventory.iter() {
        let is_container = *containers.entry(resource.kind).or_insert_with_key(|word| {
            scope.kinds.insert((*word).to_owned());
            is_container(word)
        });
        if is_container {
            scope.containers.insert(address.clone(), container(address, resource, &desired.inventory));
        }
        scope.aliases.extend(aliases(address, resource));
    }
    for (address, word) in by_commands(desired) {
        if let Some(container) = scope.containers.get_mut(&address) {
            container.commands.insert(word.to_owned());
        }
    }
    let pruned: BTreeSet<&str> = desired.prune.values().flatten().map(String::as_str).collect();
    scope.kinds.extend(desired.exact.iter().filter_map(|at| desired.inventory.get(at)).flat_map(inside));
    let free = |source| matches!(source, Source::Database { shows } if shows.is_empty());
    let databases =
        scope.containers.values().any(|c| kind::within(by_static(&c.kind)).any(|k| free(k.source())));
    for kind in kind::all() {
        let about = kind.about();
        if pruned.contains(about.collection) || (databases && free(kind.source())) {
            scope.kinds.insert(about.name.to_owned());
        }
    }
    scope.kinds.extend(doubtful(desired));
    scope
}

/// The kinds of what queries name and the spec does not declare: only live can tell whether it is there.
fn doubtful(desired: &Desired) -> BTreeSet<String> {
    let world = &desired.inventory;
    let managed: Vec<_> = world.iter().filter(|(_, resource)| resource.mode == Mode::Managed).collect();
    let missing = parallel::map(&managed, parallel::AT_A_TIME, |(address, resource)| {
        kind::missing(&At { address, resource, world })
    });
    let kinds = missing.into_iter().flatten().flat_map(|name| names::kinds(world, &name));
    kinds.flatten().map(|kind| kind.about().name.to_owned()).collect()
}

/// The names by which a declared thing is found, where its key alone does not tell.
fn aliases(address: &Address, resource: &Resource) -> Vec<Alias> {
    let about = kind::by_name(resource.kind).map(kind::Kind::about);
    let told_by = about.and_then(|about| resource.body.text(about.told_by)).map(str::to_owned);
    let alias = |name: &str, former| Alias {
        parent: address.parent().unwrap_or_default(),
        kind: resource.kind.to_owned(),
        name: name.to_owned(),
        key: address.key().to_owned(),
        told_by: told_by.clone(),
        former,
    };
    let ignores_case = about.is_some_and(|about| about.names_ignore_case);
    let present = *resource.name != *address.key() || ignores_case;
    let present = present.then(|| alias(&resource.name, false));
    present
        .into_iter()
        .chain(resource.lifecycle.renamed_from.as_deref().map(|name| alias(name, true)))
        .collect()
}

/// The names of live things that share them with others, each with what tells it apart: so that each is found at the
/// same address again when the others are gone.
pub(super) fn namesakes(live: &Inventory) -> Vec<Alias> {
    let apart = live.iter().filter(|(address, resource)| *resource.name != *address.key());
    let apart =
        apart.filter(|(_, r)| kind::by_name(r.kind).is_some_and(|kind| !kind.about().told_by.is_empty()));
    let mut all: BTreeSet<Alias> = BTreeSet::new();
    for (address, resource) in apart {
        let Some(parent) = address.parent() else { continue };
        let same =
            live.children(&parent, address.collection()).filter(|(_, other)| other.name == resource.name);
        for (address, resource) in same {
            let about = kind::by_name(resource.kind).map(kind::Kind::about);
            let told_by = about.and_then(|about| resource.body.text(about.told_by)).map(str::to_owned);
            let (kind, name, key) =
                (resource.kind.to_owned(), resource.name.to_string(), address.key().to_owned());
            all.insert(Alias { parent: parent.clone(), kind, name, key, told_by, former: false });
        }
    }
    all.into_iter().collect()
}

/// Where live must be read to see everything, of every kind, in some containers.
pub fn everything(containers: Inventory) -> Scope {
    let all: BTreeSet<String> = kind::all().map(|kind| kind.about().collection.to_owned()).collect();
    let prune = containers.iter().map(|(address, _)| (address.clone(), all.clone())).collect();
    of(&Desired { inventory: containers, prune, ..Desired::default() })
}

/// The kinds that are declared, or pruned, directly in a cluster and read by its own commands.
fn by_commands(desired: &Desired) -> Vec<(Address, &'static str)> {
    let declared = desired.inventory.iter().filter_map(|(address, resource)| {
        let kind = kind::by_name(resource.kind).filter(|kind| !kind.cluster_shows().is_empty())?;
        Some((address.parent()?, kind.about().name))
    });
    let pruned = desired.prune.iter().flat_map(|(address, collections)| {
        let kinds = kind::all().filter(|kind| !kind.cluster_shows().is_empty());
        let kinds = kinds.filter(|kind| collections.contains(kind.about().collection));
        kinds.map(|kind| (address.clone(), kind.about().name)).collect::<Vec<_>>()
    });
    let within = |(address, word): &(Address, &str)| {
        if address.depth() != 1 {
            return false;
        }
        let parent = desired.inventory.get(address).map(|parent| parent.kind);
        parent.is_some_and(|parent| kind::within(Some(parent)).any(|kind| kind.about().name == *word))
    };
    let exact = desired.exact.iter().flat_map(|address| {
        let kinds = kind::all().filter(|kind| !kind.cluster_shows().is_empty());
        kinds.map(|kind| (address.clone(), kind.about().name))
    });
    declared.chain(pruned).chain(exact).filter(within).collect()
}

/// The words of all kinds that may stand somewhere inside of a thing.
fn inside(resource: &Resource) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![resource.kind];
    while let Some(parent) = open.pop() {
        let inner = kind::within(Some(parent)).map(|kind| kind.about().name);
        open.extend(inner.filter(|word| found.insert((*word).to_owned())));
    }
    found
}

fn by_static(kind: &str) -> Option<&'static str> {
    kind::by_name(kind).map(|kind| kind.about().name)
}

/// Whether it is read by itself, or others are read below it: a thing of the control plane that has children.
fn is_container(word: &'static str) -> bool {
    let Some(kind) = kind::by_name(word).filter(|kind| kind.about().plane == Plane::Arm) else {
        return false;
    };
    matches!(kind.source(), Source::ArmGet { .. }) || kind::within(Some(word)).next().is_some()
}

fn container(address: &Address, resource: &Resource, world: &Inventory) -> Container {
    let kind = kind::by_name(resource.kind);
    let fields = kind.map_or(&[][..], |kind| kind.about().fields);
    let places = fields.iter().filter(|field| matches!(field.role, Role::Place | Role::Setting));
    let place =
        places.filter_map(|f| Some((f.name.to_owned(), resource.body.text(f.name)?.to_owned()))).collect();
    Container {
        kind: resource.kind.to_owned(),
        name: resource.name.to_string(),
        existing: resource.mode == Mode::Existing,
        commands: BTreeSet::new(),
        id: kind.and_then(|kind| kind.resource_id(&At { address, resource, world }).ok()),
        api_version: kind.and_then(|kind| kind.read_version(&resource.body)),
        place,
    }
}

/// How the tool stands to a declared thing: what the control plane makes in a root that is known by its endpoint
/// alone cannot be written there, so it exists already.
pub fn mode(address: &Address, resource: &Resource, desired: &Inventory) -> Mode {
    let arm = kind::by_name(resource.kind).is_some_and(|kind| kind.about().plane == Plane::Arm);
    let root = || desired.get(&address.prefix(1));
    match resource.mode {
        Mode::Managed if arm && root().is_some_and(is_known_by_endpoint) => Mode::Existing,
        mode => mode,
    }
}

/// Whether a root is given by a place that others learn only from the control plane (`uri`).
fn is_known_by_endpoint(root: &Resource) -> bool {
    let Some(kind) = kind::by_name(root.kind) else { return false };
    let about = kind.about();
    let known = |name: &str| about.outputs.iter().any(|(path, _)| *path == name);
    about.fields.iter().any(|f| f.role == Role::Place && known(f.name) && root.body.text(f.name).is_some())
}

/// Whether an address is taken on, given `--target` and `--exclude` globs. A glob that names a thing takes in
/// everything below it.
pub fn is_targeted(address: &Address, targets: &[String], excludes: &[String]) -> bool {
    let hit = |globs: &[String]| {
        let mut depths = (1..=address.depth()).filter(|_| !globs.is_empty());
        depths.any(|depth| {
            let text = address.prefix(depth).to_string();
            globs.iter().any(|glob| matches(glob, &text))
        })
    };
    (targets.is_empty() || hit(targets)) && !hit(excludes)
}

/// Whether a glob matches a whole text: `*` within a segment, `**` anywhere.
fn matches(glob: &str, text: &str) -> bool {
    let Some(at) = glob.find('*') else { return glob == text };
    let Some(rest) = text.strip_prefix(&glob[..at]) else { return false };
    let (wide, tail) = glob[at..].strip_prefix("**").map_or((false, &glob[at + 1..]), |tail| (true, tail));
    let end = if wide { rest.len() } else { rest.find('.').unwrap_or(rest.len()) };
    let ends = (0..=end).filter(|end| rest.is_char_boundary(*end));
    ends.into_iter().any(|end| matches(tail, &rest[end..]))
}

/// The desired body with every reference replaced that live already answers.
pub fn resolved(body: &Body, live: &Inventory) -> Body {
    body.resolved(&|address, path| attribute(live.get(address)?, path))
}

/// An attribute of a live thing by its path: an output, a property, or `name`.
pub fn attribute(resource: &Resource, path: &[String]) -> Option<Value> {
    let dotted = path.join(".");
    let found = resource
        .attributes
        .get(&dotted)
        .or_else(|| resource.attributes.at(path))
        .or_else(|| resource.body.at(path));
    let found = found.filter(|value| !value.is_unset()).cloned();
    found.or_else(|| (dotted == "name").then(|| Value::from(&*resource.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_take_in_what_is_below() {
        let address: Address = "clusters.c.databases.d.tables.T".parse().unwrap();
        let globs = |text: &str| vec![text.to_owned()];
        for (glob, hit) in [
            ("clusters.c", true),
            ("clusters.*.databases.d", true),
            ("**.tables.T", true),
            ("clusters.*.tables.T", false),
            ("clusters.c.databases.*.tables.U*", false),
            ("clusters.c.databases", false),
        ] {
            assert_eq!(is_targeted(&address, &globs(glob), &[]), hit, "{glob}");
            assert_eq!(is_targeted(&address, &[], &globs(glob)), !hit, "not {glob}");
        }
    }
}
