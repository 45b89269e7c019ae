//! From the service's names to addresses: keys of the spec may differ from names, and some names from
//! themselves in case.

use crate::kind;
use crate::model::scope::Alias;
use crate::model::{Address, Scope};
use std::collections::BTreeMap;

/// Keys by the service's name, for everything whose key is known.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By parent, then by collection and name in lower case: the names with their keys.
    known: BTreeMap<Address, Names>,
}

type Names = BTreeMap<(String, String), Vec<(String, String)>>;

impl Places {
    pub(super) fn of(scope: &Scope) -> Self {
        let mut places = Self::default();
        for (address, container) in &scope.containers {
            let parent = address.parent().unwrap_or_default();
            places.add(parent, address.collection(), &container.name, address.key());
        }
        for alias in scope.aliases.iter().filter(|alias| !alias.former) {
            if let Some(kind) = kind::by_name(&alias.kind) {
                places.add(alias.parent.clone(), kind.about().collection, &alias.name, &alias.key);
            }
        }
        places
    }

    fn add(&mut self, parent: Address, collection: &str, name: &str, key: &str) {
        let entry = (collection.to_owned(), name.to_lowercase());
        let names = self.known.entry(parent).or_default().entry(entry).or_default();
        names.push((name.to_owned(), key.to_owned()));
    }

    /// The address of a path of collections and names below a container of a kind.
    pub(super) fn address(
        &self,
        container: &Address,
        kind: &str,
        path: &[(&'static str, String)],
    ) -> Address {
        let mut address = container.clone();
        let mut parent = kind::by_name(kind).map(|kind| kind.about().name);
        for (collection, name) in path {
            let mut here =
                kind::within(parent).map(kind::Kind::about).filter(|about| about.collection == *collection);
            let first = here.next();
            let ignore_case = first.is_some_and(|about| about.names_ignore_case);
            address = match self.key(&address, collection, name, ignore_case) {
                Some(key) => address.child(collection, key),
                None => address.child(collection, name),
            };
            parent = first.map(|about| about.name);
        }
        address
    }

    /// Where a thing that may still have its former name is in live, and where the spec declares it.
    pub(super) fn former(&self, alias: &Alias) -> Option<(Address, Address)> {
        let about = kind::by_name(&alias.kind)?.about();
        let key = self.key(&alias.parent, about.collection, &alias.name, about.names_ignore_case);
        let was = alias.parent.child(about.collection, key.unwrap_or(&alias.name));
        Some((was, alias.parent.child(about.collection, &alias.key)))
    }

    fn key(&self, parent: &Address, collection: &str, name: &str, ignore_case: bool) -> Option<&str> {
        let here = self.known.get(parent)?;
        let names = here.get(&(collection.to_owned(), name.to_lowercase()))?;
        let exact = names.iter().find(|(known, _)| known == name);
        let found = exact.or_else(|| names.first().filter(|_| ignore_case))?;
        Some(&found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scope::Container;

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
            scope.aliases.push(Alias { parent: at(parent), kind, name, key, former: false });
        }
        let places = Places::of(&scope);
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
            assert_eq!(places.address(&at(container), kind, &path).to_string(), expected);
        }
    }
}
