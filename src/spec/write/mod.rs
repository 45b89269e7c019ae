//! A spec of what is live: the files that say exactly what an inventory holds.
//!
//! Nothing here knows a kind by name: what stands where, and how it is written, comes from the kinds' own tables, so
//! that a kind which can be read can be written.
//!
//! Invariants: what is written reads back as what it was written from, whatever the names and texts hold
//! (test: `any_name_and_text_reads_back`); the same inventory gives the same files.

mod paths;
mod value;
mod yaml;

#[cfg(test)]
mod tests;

use super::kinds::{Collection, Kinds};
use crate::kind::{self, At, Keyed, Kind, Plane};
use crate::model::Address;
use crate::model::inventory::{Inventory, Resource};
use std::collections::BTreeMap;
use value::{Extras, Writer, literal};
use yaml::{Map, Node};

/// The name of the first file.
pub const MAIN: &str = "adx.yaml";

/// The name of the file with the schema of all others, for editors.
pub const SCHEMA: &str = "adxform.schema.json";

/// From how many lines on a thing has a file of its own.
const LARGE: usize = 40;

/// From how many lines on what is left of a collection, or of a container, has a file of its own.
const MANY: usize = 200;

/// A spec as it is to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The files by their paths in the spec's folder, `/` between the parts.
    pub files: BTreeMap<String, String>,
    /// What is not in them, and what is to be done before they can be used, as sentences.
    pub notes: Vec<String>,
    /// Environment variables that are to hold secrets.
    pub secrets: Vec<String>,
}

/// What a spec says about what it leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is all that there is: the innermost containers say `exact: true`.
    Exact,
    /// It may stay as it is.
    Additive,
}

/// Writes a spec of everything in an inventory.
pub fn spec(inventory: &Inventory, claim: Claim) -> Written {
    spec_with(inventory, claim, &kind::all().collect::<Vec<_>>())
}

fn spec_with(inventory: &Inventory, claim: Claim, kinds: &[&'static dyn Kind]) -> Written {
    let kinds = Kinds::new(kinds);
    let mut writing = Writing {
        inventory,
        kinds: &kinds,
        extras: Extras::default(),
        notes: Vec::new(),
        unwritten: Vec::new(),
        files: BTreeMap::new(),
    };
    let main = writing.extras.paths.take("", MAIN.trim_end_matches(".yaml"), "yaml");
    let mut root = Entry::default();
    writing.collections(&mut root, &Address::root(), "", "");
    writing.unwritten();
    if claim == Claim::Exact {
        writing.exact(&mut root, &Address::root());
    }
    writing.split(&mut root, &Address::root(), "");
    writing.file(&main, &root.nodes());
    writing.finish()
}

/// An entry of the spec while it is being put together.
#[derive(Debug, Default)]
struct Entry {
    key: String,
    /// Its own properties.
    own: Map,
    /// What stands for the whole entry when nothing is inside of it.
    short: Option<Node>,
    /// Whether files are made for what is inside of it.
    is_container: bool,
    inside: Vec<(&'static str, Vec<Entry>)>,
}

impl Entry {
    /// The entry as it stands in a file.
    fn node(&self) -> Node {
        match &self.short {
            Some(short) if self.inside.is_empty() => short.clone(),
            _ => self.nodes().into(),
        }
    }

    fn nodes(&self) -> Map {
        let mut map = self.own.clone();
        for (word, entries) in &self.inside {
            let mut inner = Map { block: true, ..Map::default() };
            entries.iter().for_each(|entry| inner.push(&literal(&entry.key), entry.node()));
            map.push(word, inner);
        }
        map
    }

    fn lines(&self) -> usize {
        let mut map = Map { block: true, ..Map::default() };
        map.push(&self.key, self.node());
        yaml::document(&map, "").lines().count()
    }
}

struct Writing<'a> {
    inventory: &'a Inventory,
    kinds: &'a Kinds,
    extras: Extras,
    notes: Vec<String>,
    /// What is live and has no place in the spec.
    unwritten: Vec<Address>,
    files: BTreeMap<String, String>,
}

impl Writing<'_> {
    /// The containers that hold no other ones: files stand in folders of theirs when there are several.
    fn containers(&self) -> Vec<&Address> {
        let containers = self.inventory.iter().filter(|(_, resource)| self.is_container(resource));
        let all: Vec<&Address> = containers.map(|(at, _)| at).collect();
        let holds = |at: &Address| all.iter().any(|other| *other != at && other.is_within(at));
        all.iter().copied().filter(|at| !holds(at)).collect()
    }

    /// Whether a thing is one of the control plane that holds others.
    fn is_container(&self, resource: &Resource) -> bool {
        let kind = self.kinds.all.iter().find(|kind| kind.about().name == resource.kind);
        let arm = kind.is_some_and(|kind| kind.about().plane == Plane::Arm);
        arm && !self.kinds.below(resource.kind).is_empty()
    }

    /// Puts the collections inside of an entry together, in the order of the kinds.
    fn collections(&mut self, entry: &mut Entry, at: &Address, folder: &str, stem: &str) {
        let parent = self.inventory.get(at).map_or("", |resource| resource.kind);
        let kinds = self.kinds;
        for collection in kinds.below(parent) {
            let here: Vec<_> = self.inventory.children(at, collection.word).collect();
            let mut entries = Vec::with_capacity(here.len());
            for (address, resource) in here {
                entries.extend(self.entry(collection, address, resource, folder, stem));
            }
            if !entries.is_empty() {
                entry.inside.push((collection.word, entries));
            }
        }
    }

    fn entry(
        &mut self,
        collection: &Collection,
        address: &Address,
        resource: &Resource,
        folder: &str,
        stem: &str,
    ) -> Option<Entry> {
        let kind = collection.kinds().find(|kind| kind.about().name == resource.kind)?;
        if let Some(why) = unspeakable(collection, kind, address, resource) {
            self.notes.push(format!("{address} is not imported: {why}"));
            self.unwritten.push(address.clone());
            return None;
        }
        let is_container = self.is_container(resource);
        let key = paths::part(address.key());
        let (folder, stem) = match (is_container, stem) {
            (true, _) => (self.folder_of(address, folder), key),
            (false, "") => (joined(folder, collection.word), key),
            (false, stem) => (folder.to_owned(), format!("{stem}.{key}")),
        };
        let mut writer =
            Writer { extras: &mut self.extras, address: address.to_string(), folder: &folder, stem: &stem };
        let (own, short) =
            value::properties(&mut writer, kind, &At { address, resource, world: self.inventory });
        let mut entry = Entry { key: address.key().to_owned(), own, short, is_container, inside: Vec::new() };
        if !address.has_key(&resource.name) {
            entry
                .own
                .entries
                .insert(0, ("name".to_owned(), Node::Scalar(yaml::scalar(&literal(&resource.name)))));
            entry.short = None;
        }
        self.collections(&mut entry, address, &folder, if is_container { "" } else { &stem });
        Some(entry)
    }

    /// The folder of what a container holds: the spec's own unless there are several to be told apart.
    fn folder_of(&self, address: &Address, folder: &str) -> String {
        let all = self.containers();
        if all.len() > 1 && all.contains(&address) {
            joined(folder, &paths::part(address.key()))
        } else {
            folder.to_owned()
        }
    }

    /// Takes what is large out of a container into files of its own.
    fn split(&mut self, entry: &mut Entry, at: &Address, folder: &str) {
        for (word, entries) in &mut entry.inside {
            let mut rest = Vec::new();
            for mut inner in std::mem::take(entries) {
                let address = at.child(word, &inner.key);
                let here =
                    if inner.is_container { self.folder_of(&address, folder) } else { joined(folder, word) };
                if inner.is_container {
                    self.split(&mut inner, &address, &here);
                }
                let large = if inner.is_container { MANY } else { LARGE };
                if !at.is_root() && inner.lines() > large {
                    let beside = if inner.is_container { folder } else { &here };
                    self.apart(at, word, vec![inner], beside);
                } else {
                    rest.push(inner);
                }
            }
            if entry.is_container && rest.iter().map(Entry::lines).sum::<usize>() > MANY {
                self.apart(at, word, std::mem::take(&mut rest), folder);
            }
            *entries = rest;
        }
        entry.inside.retain(|(_, entries)| !entries.is_empty());
    }

    /// Writes some entries of a collection into a file of its own.
    fn apart(&mut self, at: &Address, word: &'static str, entries: Vec<Entry>, folder: &str) {
        let stem = match entries.as_slice() {
            [only] => paths::part(&only.key),
            _ => word.to_owned(),
        };
        let path = self.extras.paths.take(folder, &stem, "yaml");
        let mut map = Entry { inside: vec![(word, entries)], ..Entry::default() }.nodes();
        for segment in at.segments().iter().rev() {
            let mut key = Map { block: true, ..Map::default() };
            key.push(&literal(&segment.key), map);
            map = Map::default();
            map.push(&segment.collection, key);
        }
        self.file(&path, &map);
    }

    fn file(&mut self, path: &str, map: &Map) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let schema = yaml::relative(folder, SCHEMA);
        let document = yaml::document(map, folder);
        let text = format!("# yaml-language-server: $schema={schema}\nversion: 1\n\n{document}");
        self.files.insert(path.to_owned(), text);
    }

    /// Says what has no place in a spec because what contains it has none.
    fn unwritten(&mut self) {
        let orphans = self.inventory.iter().filter(|(at, _)| {
            at.parent().is_some_and(|above| !above.is_root() && self.inventory.get(&above).is_none())
        });
        for (at, resource) in orphans {
            let why = format!("the {} stands in something that was not found", resource.kind);
            self.notes.push(format!("{at} is not imported: {why}"));
            self.unwritten.push(at.clone());
        }
    }

    /// Claims what the innermost containers hold, unless something in there could not be written.
    fn exact(&mut self, entry: &mut Entry, at: &Address) {
        for (word, entries) in &mut entry.inside {
            for inner in entries.iter_mut().filter(|inner| inner.is_container) {
                let address = at.child(word, &inner.key);
                self.exact(inner, &address);
                if !self.containers().contains(&&address) {
                    continue;
                }
                if self.unwritten.iter().any(|left| left.is_within(&address)) {
                    self.notes
                        .push(format!("{address} is not `exact`, because not everything in it is imported"));
                    continue;
                }
                let claim = "true # what is not declared in here is dropped, and what is left out is unset";
                inner.own.entries.push(("exact".to_owned(), Node::Scalar(claim.to_owned())));
                inner.own.block = true;
                inner.short = None;
            }
        }
    }

    fn finish(mut self) -> Written {
        self.files.extend(self.extras.kql);
        for (why, places) in &self.extras.left_out {
            let rest = places.len().saturating_sub(3);
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            self.notes.push(format!("{}{more}: {why}", places[..places.len() - rest].join(", ")));
        }
        let secrets = self.extras.secrets;
        self.notes.extend(secrets.iter().map(|(name, property)| {
            format!("{property} is a secret, which cannot be read: set the environment variable {name}")
        }));
        let secrets = secrets.into_iter().map(|(name, _)| name).collect();
        Written { files: self.files, notes: self.notes, secrets }
    }
}

/// Why a thing cannot be written into a spec.
fn unspeakable(
    collection: &Collection,
    kind: &dyn Kind,
    address: &Address,
    resource: &Resource,
) -> Option<String> {
    let about = kind.about();
    let key = address.key();
    let read_as = collection.of_key(key).or_else(|| collection.of_word(key)).map(|kind| kind.about().name);
    if collection.tagged.is_empty() && read_as != Some(about.name) {
        return Some(format!("the key {key:?} does not stand for a {} in a spec", about.name));
    }
    let is_word = matches!(about.keyed, Keyed::Fixed(_) | Keyed::Other(_));
    if is_word || resource.mode == crate::model::Mode::Existing {
        return None;
    }
    let objection = about.names.objection(&resource.name)?;
    Some(format!("{:?} cannot be the name of a {} in a spec: {objection}", &*resource.name, about.name))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
