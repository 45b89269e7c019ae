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
    let all: Vec<_> = desired.inventory.iter().collect();
    // There are many things of few kinds.
    let mut kinds: FxHashMap<&'static str, Sort> = FxHashMap::default();
    for (_, resource) in &all {
        kinds.entry(resource.kind).or_insert_with_key(|word| Sort::of(word));
    }
    scope.kinds.extend(kinds.keys().map(|word| (*word).to_owned()));
    let shares = parallel::map(&all, parallel::AT_A_TIME, |(address, resource)| {
        Share::of(kinds.get(resource.kind)?, address, resource, &desired.inventory)
    });
    let mut declared = Vec::new();
    for ((address, _), share) in all.iter().zip(shares) {
        let Some(share) = share else { continue };
        scope.containers.extend(share.container.map(|container| ((*address).clone(), container)));
        scope.aliases.extend(share.aliases);
        declared.extend(share.by_commands);
        scope.kinds.extend(share.doubtful);
    }
    for (address, word) in by_commands(desired, declared) {
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
    scope
}

/// What a kind's things matter for where live is read.
struct Sort {
    /// Whether they are read by themselves, or others are read below them.
    is_container: bool,
    /// The kind's word, where commands of the cluster read it.
    by_commands: Option<&'static str>,
}

impl Sort {
    fn of(word: &'static str) -> Self {
        let kind = kind::by_name(word).filter(|kind| !kind.cluster_shows().is_empty());
        Self { is_container: is_container(word), by_commands: kind.map(|kind| kind.about().name) }
    }
}

/// What one declared thing has to do with where live is read: nothing, as a rule.
struct Share {
    container: Option<Container>,
    aliases: Vec<Alias>,
    /// Where it is read by a cluster's own commands.
    by_commands: Option<(Address, &'static str)>,
    /// The kinds of what its queries name and the spec does not declare: only live can tell whether it is there.
    doubtful: Vec<String>,
}

impl Share {
    fn of(sort: &Sort, address: &Address, resource: &Resource, world: &Inventory) -> Option<Box<Self>> {
        let container = sort.is_container.then(|| container(address, resource, world));
        let aliases = aliases(address, resource);
        let by_commands = sort.by_commands.and_then(|word| Some((address.parent()?, word)));
        let doubtful =
            if resource.mode == Mode::Managed { doubtful(address, resource, world) } else { Vec::new() };
        let matters =
            container.is_some() || !aliases.is_empty() || by_commands.is_some() || !doubtful.is_empty();
        matters.then(|| Box::new(Self { container, aliases, by_commands, doubtful }))
    }
}

fn doubtful(address: &Address, resource: &Resource, world: &Inventory) -> Vec<String> {
    let missing = kind::missing(&At { address, resource, world }).into_iter();
    let kinds = missing.flat_map(|name| names::kinds(world, &name)).flatten();
    kinds.map(|kind| kind.about().name.to_owned()).collect()
}

/// The names by which a declared thing is found, where its key alone does not tell.
fn aliases(address: &Address, resource: &Resource) -> Vec<Alias> {
    let about = kind::by_name(resource.kind).map(kind::Kind::about);
    let ignores_case = about.is_some_and(|about| about.names_ignore_case);
    let present = ignores_case || !address.has_key(&resource.name);
    if !present && resource.lifecycle.renamed_from.is_none() {
        return Vec::new();
    }
    let told_by = about.and_then(|about| resource.body.text(about.told_by)).map(str::to_owned);
    let alias = |name: &str, former| Alias {
        parent: address.parent().unwrap_or_default(),
        kind: resource.kind.to_owned(),
        name: name.to_owned(),
        key: address.key().to_owned(),
        told_by: told_by.clone(),
        former,
    };
    let present = present.then(|| alias(&resource.name, false));
    present
        .into_iter()
        .chain(resource.lifecycle.renamed_from.as_deref().map(|name| alias(name, true)))
        .collect()
}

/// The names of live things that share them with others, each with what tells it apart: so that each is found at the
/// same address again when the others are gone.
pub(super) fn namesakes(live: &Inventory) -> Vec<Alias> {
    let apart = live.otherwise_named();
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
fn by_commands(desired: &Desired, declared: Vec<(Address, &'static str)>) -> Vec<(Address, &'static str)> {
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
    declared.into_iter().chain(pruned).chain(exact).filter(within).collect()
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
