//! From the service's names to addresses: keys of the spec may differ from names, and some names from
//! themselves in case.

use crate::kind::{self, Found, Kind};
use crate::model::address::ByAddress;
use crate::model::scope::Alias;
use crate::model::{Address, Inventory, Resource, Scope};
use std::collections::BTreeMap;

/// Keys by the service's name, for everything whose key is known.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By parent, then by collection and name in lower case: the names with their keys.
    known: ByAddress<Names>,
    /// What is probably found.
    like: Inventory,
}

type Names = BTreeMap<(String, String), Vec<Known>>;

#[derive(Debug)]
struct Known {
    name: String,
    /// What it is told by from others of its name, where that is known.
    told_by: Option<String>,
    key: String,
}

impl Places {
    pub(super) fn new(scope: &Scope, like: &Inventory) -> Self {
        let mut places = Self { like: like.clone(), ..Self::default() };
        for (address, container) in &scope.containers {
            let parent = address.parent().unwrap_or_default();
            places.add(parent, address.collection(), &container.name, None, address.key());
        }
        for alias in scope.aliases.iter().filter(|alias| !alias.former) {
            if let Some(kind) = kind::by_name(&alias.kind) {
                let (parent, told_by) = (alias.parent.clone(), alias.told_by.clone());
                places.add(parent, kind.about().collection, &alias.name, told_by, &alias.key);
            }
        }
        places
    }

    fn add(&mut self, parent: Address, collection: &str, name: &str, told_by: Option<String>, key: &str) {
        let entry = (collection.to_owned(), name.to_lowercase());
        if !self.known.contains(&parent) {
            self.known.insert(parent.clone(), Names::new());
        }
        let Some(names) = self.known.get_mut(&parent) else { return };
        let names = names.entry(entry).or_default();
        names.push(Known { name: name.to_owned(), told_by, key: key.to_owned() });
    }

    /// The address of what was found of a kind in a container, beside what was found before.
    pub(super) fn of(
        &self,
        container: &Address,
        within: &str,
        kind: &'static dyn Kind,
        found: &Found,
        before: &Inventory,
    ) -> Address {
        let about = kind.about();
        let told_by = found.body.text(about.told_by);
        let address = self.address(container, within, &found.path, told_by, before);
        let other = before.get(&address).filter(|other| other.kind == about.name);
        let is_other = other.is_some_and(|other| other.body.text(about.told_by) != told_by);
        match (is_other, told_by, address.parent()) {
            (true, Some(told_by), Some(parent)) => {
                parent.child(address.collection(), &beside(address.key(), told_by))
            }
            _ => address,
        }
    }

    /// A thing at its address, both in the memory of what is probably found there.
    pub(super) fn shared(&self, at: Address, thing: Resource) -> (Address, Resource) {
        match self.like.entry(&at) {
            Some((known, like)) => (known.clone(), thing.sharing(like)),
            None => (at, thing),
        }
    }

    /// The address of a path of collections and names below a container of a kind; its end may be told from others of
    /// its name by a property.
    pub(super) fn address(
        &self,
        container: &Address,
        kind: &str,
        path: &[(&'static str, String)],
        told_by: Option<&str>,
        before: &Inventory,
    ) -> Address {
        let mut address = container.clone();
        let mut parent = kind::by_name(kind).map(|kind| kind.about().name);
        for (step, (collection, name)) in path.iter().enumerate() {
            let told_by = told_by.filter(|_| step + 1 == path.len());
            let mut here =
                kind::within(parent).map(kind::Kind::about).filter(|about| about.collection == *collection);
            let first = here.next();
            let ignore_case = first.is_some_and(|about| about.names_ignore_case);
            let key = self.key(&address, collection, name, ignore_case, told_by);
            // What stands in one thing shares the address of that.
            let known = before.address(&address, collection, &key);
            let known = known.or_else(|| self.like.address(&address, collection, &key));
            address = known.cloned().unwrap_or_else(|| address.child(collection, &key));
            parent = first.map(|about| about.name);
        }
        address
    }

    /// Where a thing that may still have its former name is in live, and where the spec declares it.
    pub(super) fn former(&self, alias: &Alias) -> Option<(Address, Address)> {
        let about = kind::by_name(&alias.kind)?.about();
        let key = self.key(&alias.parent, about.collection, &alias.name, about.names_ignore_case, None);
        let was = alias.parent.child(about.collection, &key);
        Some((was, alias.parent.child(about.collection, &alias.key)))
    }

    fn key(
        &self,
        parent: &Address,
        collection: &str,
        name: &str,
        ignore_case: bool,
        told_by: Option<&str>,
    ) -> String {
        let names = || self.known.get(parent)?.get(&(collection.to_owned(), name.to_lowercase()));
        let Some(names) = names() else { return name.to_owned() };
        let mut fitting = names.iter().filter(|known| match (told_by, &known.told_by) {
            (Some(told_by), Some(known)) => told_by == known,
            _ => true,
        });
        let exact = fitting.clone().find(|known| known.name == name);
        if let Some(found) = exact.or_else(|| fitting.next().filter(|_| ignore_case)) {
            return found.key.clone();
        }
        match told_by {
            Some(told_by) if names.iter().any(|known| known.key == name) => beside(name, told_by),
            _ => name.to_owned(),
        }
    }
}

/// The key of a thing that shares its name with another one, which has that name for its key.
fn beside(name: &str, told_by: &str) -> String {
    format!("{name} ({told_by})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scope::Container;

    #[test]
    fn what_shares_a_name_is_told_apart() {
        let parent: Address = "clusters.c.databases.d.tables.T".parse().unwrap();
        let of = |declared: &[(&str, &str)], told_by: &str| {
            let mut scope = Scope::default();
            for (key, told_by) in declared {
                let (parent, kind, name) = (parent.clone(), "mapping".to_owned(), "m".to_owned());
                let (key, told_by) = ((*key).to_owned(), Some((*told_by).to_owned()));
                scope.aliases.push(Alias { parent, kind, name, key, told_by, former: false });
            }
            let path = [("tables", "T".to_owned()), ("mappings", "m".to_owned())];
            let database = parent.parent().unwrap();
            let before = Inventory::new();
            let at =
                Places::new(&scope, &before).address(&database, "database", &path, Some(told_by), &before);
            at.key().to_owned()
        };
        assert_eq!(of(&[], "csv"), "m");
        assert_eq!(
            (of(&[("m", "csv")], "csv"), of(&[("m", "csv")], "json")),
            ("m".to_owned(), "m (json)".to_owned())
        );
        assert_eq!(of(&[("a", "csv"), ("b", "json")], "json"), "b");
    }

    #[test]
    fn keys_stand_for_names_on_every_level() {
        let mut scope = Scope::default();
        let at = |text: &str| text.parse::<Address>().unwrap();
        for (address, kind, name) in
            [("clusters.c", "cluster", "adxprod"), ("clusters.c.databases.d", "database", "Main")]
        {
            let (kind, name) = (kind.to_owned(), name.to_owned());
            scope.containers.insert(at(address), Container { kind, name, ..Container::default() });
        }
        for (parent, kind, name, key) in [
            ("clusters.c.databases.d", "table", "Storm Events", "storms"),
            ("clusters.c.databases.d", "eventHubDataConnection", "Hub", "in"),
            ("clusters.c.databases.d", "no such kind", "x", "y"),
        ] {
            let (kind, name, key) = (kind.to_owned(), name.to_owned(), key.to_owned());
            scope.aliases.push(Alias { parent: at(parent), kind, name, key, told_by: None, former: false });
        }
        let places = Places::new(&scope, &Inventory::new());
        for (container, kind, path, expected) in [
            ("clusters.c", "cluster", &[("databases", "MAIN")][..], "clusters.c.databases.d"),
            ("clusters.c", "cluster", &[("databases", "other")], "clusters.c.databases.other"),
            (
                "clusters.c.databases.d",
                "database",
                &[("tables", "Storm Events"), ("policies", "retention")],
                "clusters.c.databases.d.tables.storms.policies.retention",
            ),
            (
                "clusters.c.databases.d",
                "database",
                &[("dataConnections", "hub")],
                "clusters.c.databases.d.dataConnections.in",
            ),
            // Names of tables do count their case.
            (
                "clusters.c.databases.d",
                "database",
                &[("tables", "storm events")],
                "clusters.c.databases.d.tables[\"storm events\"]",
            ),
        ] {
            let path: Vec<_> =
                path.iter().map(|(collection, name)| (*collection, (*name).to_owned())).collect();
            let found = places.address(&at(container), kind, &path, None, &Inventory::new());
            assert_eq!(found.to_string(), expected);
        }
    }
}
