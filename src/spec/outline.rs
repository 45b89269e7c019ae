//! Which entries a spec declares: the files laid together, the overlay on top, before any property is read.

use super::diagnostic::{Code, Diagnostic};
use super::entry::has_default;
use super::files::Place;
use super::kinds::{Collection, Kinds};
use super::loader::Loader;
use super::read::Root;
use super::suggest;
use super::tree::{Id, Member, View};
use super::yaml::quoted;
use crate::model::Address;
use indexmap::IndexMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one file says about one collection or entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Whether the file is the environment's overlay.
    pub over: bool,
    pub member: Member,
}

/// The address of an entry, and what the files say of it.
pub(super) type Entry = (Address, Vec<Part>);

/// The defaults that `azure:` gives to roots.
pub(super) type Azure = Vec<(&'static str, Member)>;

/// What all entries of a collection are given by the name around them, and what the files say of them.
type Apart = ((&'static str, Member), Vec<Part>);

/// A collection by its own word, the property that the name around it gives with that name, and the entries.
type Grouped = (&'static str, Option<(&'static str, Id)>, Member);

impl Loader<'_> {
    /// Finds every entry, and reads the variables first.
    pub(super) fn outline(&mut self, roots: &[Root]) {
        let kinds = Arc::clone(&self.kinds);
        let collections = kinds.below("");
        let own = ["version", "variables", "azure", "removed"];
        let groups: BTreeSet<&'static str> = kinds.spellings().map(|(spelling, _)| spelling.group).collect();
        let words = own.into_iter().chain(collections.iter().map(|c| c.word));
        let words: Vec<&'static str> = words.chain(groups.iter().copied()).collect();
        let mut found: IndexMap<&'static str, Vec<(Root, Member)>> = IndexMap::new();
        let mut apart: IndexMap<(&'static str, String), Apart> = IndexMap::new();
        for root in roots {
            let members = self.tree.members(root.map);
            let explain = |key: &str| root_word(&kinds, key);
            for (word, member) in self.claim(&members, &words, &explain, "a spec") {
                if groups.contains(word) {
                    for (collection, between, member) in self.grouped(&kinds, word, member) {
                        let Some((field, name)) = between else {
                            found.entry(collection).or_default().push((*root, member));
                            continue;
                        };
                        let key = (collection, self.tree.text(name).to_owned());
                        let given = Member { key: name, value: name, via: None, guessed: false };
                        let group = apart.entry(key).or_insert_with(|| ((field, given), Vec::new()));
                        group.1.push(Part { over: root.over, member });
                    }
                } else {
                    found.entry(word).or_default().push((*root, member));
                }
            }
        }
        let mut take = |word: &str| found.swap_remove(word).unwrap_or_default();
        self.version(&take("version"), roots);
        self.read_variables(&take("variables"));
        let azure = self.azure(&kinds, &take("azure"));
        self.inherited = azure.iter().map(|(_, member)| member.key).collect();
        for collection in collections {
            let parts: Vec<Part> = take(collection.word)
                .into_iter()
                .map(|(root, member)| Part { over: root.over, member })
                .collect();
            self.collection(&Address::root(), collection, &parts, &azure);
            for (_, (given, parts)) in apart.iter().filter(|((word, _), _)| *word == collection.word) {
                let others = azure.iter().filter(|(word, _)| *word != given.0).copied();
                let azure: Azure = others.chain([*given]).collect();
                self.inherited.push(given.1.key);
                self.collection(&Address::root(), collection, parts, &azure);
            }
        }
        self.removed(&take("removed"), &azure);
    }

    /// What stands in a word that only groups collections: by the collections' own words, with what the name between the
    /// two words gives.
    fn grouped(&mut self, kinds: &Kinds, group: &str, member: Member) -> Vec<Grouped> {
        let within: Vec<_> = kinds.spellings().filter(|(spelling, _)| spelling.group == group).collect();
        let Some(between) = within.first().map(|(spelling, _)| spelling.between) else { return Vec::new() };
        let words: Vec<&'static str> = within.iter().map(|(spelling, _)| spelling.word).collect();
        let start = if between.is_some() { format!("{group}: {{NAME: ") } else { format!("{group}: ") };
        let end = if between.is_some() { "}" } else { "" };
        let help = format!("write `{start}{{{}: …}}{end}`", words[0]);
        let holds = |this: &mut Self, what: String, value| {
            let is_map = matches!(this.tree.view(value), View::Map | View::Null);
            if !is_map {
                this.error(Code::WrongValue, what, value, help.clone());
            }
            is_map
        };
        let holders = match between {
            None => vec![(None, member)],
            Some(_) if !holds(self, format!("`{group}` is a map of names"), member.value) => Vec::new(),
            Some(field) => {
                self.tree.members(member.value).into_iter().map(|one| (Some((field, one.key)), one)).collect()
            }
        };
        let mut found = Vec::new();
        for (between, holder) in holders {
            if !holds(self, format!("`{group}` holds {}", words.join(", ")), holder.value) {
                continue;
            }
            let members = self.tree.members(holder.value);
            for (word, member) in self.claim(&members, &words, &|_| None, &format!("`{group}`")) {
                let own = within.iter().find(|(known, _)| known.word == word).map_or(word, |(_, own)| *own);
                found.push((own, between, member));
            }
        }
        found
    }

    /// Checks that the spec says which version of this form it follows.
    fn version(&mut self, given: &[(Root, Member)], roots: &[Root]) {
        for (_, member) in given {
            let place = self.tree.place(self.tree.resolve(member.value));
            let text = self.tree.text(member.value).to_owned();
            if text != "1" {
                let message = format!("version {} of specs is unknown", quoted(&text));
                let found = Diagnostic::error(Code::Version, message).at(place, "");
                self.push(found.help("this program reads version 1").patch(place, "1"));
            }
        }
        let first = roots.iter().find(|root| !root.over);
        if let Some(root) = first.filter(|_| given.is_empty() && !self.partial) {
            let start = Place { end: 0, start: 0, ..self.tree.place(root.map) };
            let (message, help) = match self.tree.pairs(root.map) {
                [] => ("the spec is empty", "start with its version, then name what is to exist"),
                _ => ("the spec does not say its version", "add this as the first line"),
            };
            let found = Diagnostic::error(Code::Version, message).at(start, "");
            self.push(found.help(help).patch(start, "version: 1\n"));
        }
    }

    /// The defaults for where things are.
    fn azure(&mut self, kinds: &Kinds, given: &[(Root, Member)]) -> Azure {
        let mut words: Vec<&'static str> = Vec::new();
        for about in kinds.all.iter().map(|kind| kind.about()) {
            for field in about.fields.iter().filter(|field| has_default(about, field)) {
                if !words.contains(&field.name) {
                    words.push(field.name);
                }
            }
        }
        let mut azure: Azure = Vec::new();
        for (root, member) in given {
            if !matches!(self.tree.view(member.value), View::Map | View::Null) {
                self.error(Code::WrongValue, "`azure` is a map of defaults", member.value, words.join(", "));
                continue;
            }
            let members = self.tree.members(member.value);
            for (word, member) in self.claim(&members, &words, &|_| None, "`azure`") {
                match azure.iter_mut().find(|(known, _)| *known == word) {
                    Some((_, known)) if root.over => *known = member,
                    Some((_, known)) => {
                        let message = format!("`azure` has two values for `{word}`");
                        let (first, again) = (self.tree.place(known.key), self.tree.place(member.key));
                        let found = Diagnostic::error(Code::DefinedTwice, message).at(again, "again here");
                        self.push(found.at(first, "first here").help("keep one of them"));
                    }
                    None => azure.push((word, member)),
                }
            }
        }
        azure
    }

    /// Lays the files' maps of one collection together and finds its entries.
    pub(super) fn collection(
        &mut self,
        at: &Address,
        collection: &Collection,
        parts: &[Part],
        azure: &Azure,
    ) {
        let mut entries: IndexMap<String, Vec<Part>> = IndexMap::new();
        for part in parts {
            match self.tree.view(part.member.value) {
                View::Null => {}
                View::Map => {
                    for member in self.tree.members(part.member.value) {
                        let via = part.member.via.or(member.via).or_else(|| self.alias(part.member.value));
                        let member = Member { via, ..member };
                        match self.key(collection, at, member) {
                            Some(key) => entries.entry(key).or_default().push(Part { member, ..*part }),
                            None => drop(self.torn.insert(at.clone())),
                        }
                    }
                }
                View::Scalar(..) | View::List(_) => {
                    let message = format!("`{}` is a map of names", collection.word);
                    let help = format!("write each of the {} as `NAME: …`", collection.word);
                    self.error(Code::WrongValue, message, part.member.value, help);
                    self.torn.insert(at.clone());
                }
            }
        }
        let entries: Vec<Entry> =
            entries.into_iter().map(|(key, parts)| (at.child(collection.word, &key), parts)).collect();
        let mut alone = self.outlined_alone(collection, &entries, azure).into_iter();
        for (address, parts) in entries {
            let alone = alone.next().flatten();
            // The same address by two spellings.
            if let Some(first) = self.declared(&address).map(|known| known.key_at) {
                let message = format!("{address} is defined twice");
                let again = self.tree.place(self.tree.resolve(parts[0].member.key));
                let found = Diagnostic::error(Code::DefinedTwice, message).at(again, "again here");
                self.push(
                    found
                        .at(first, "first here")
                        .help("give one of them another key, and say `name: …` inside of it"),
                );
                continue;
            }
            match alone {
                Some(alone) => self.take_over(alone),
                None => self.entry(&address, collection, &parts, azure),
            }
        }
    }

    /// Whether an entry goes by a word of the service: its value says so by the service's own form, and where it is
    /// nothing, no known word is near.
    fn is_other(&self, collection: &Collection, key: &str, member: Member) -> bool {
        if collection.of_word(key).is_none() {
            return false;
        }
        let is_raw = |map| {
            let named =
                |member: &Member| self.tree.text(member.key).starts_with(|c: char| c.is_ascii_uppercase());
            let members = self.tree.members(map);
            !members.is_empty() && members.iter().all(named)
        };
        match self.tree.view(member.value) {
            View::Null => suggest::nearest(key, &collection.fixed_keys()).is_none(),
            View::Scalar(text, _) => {
                text.trim_start().starts_with(['{', '['])
                    && serde_json::from_str::<serde_json::Value>(text).is_ok()
            }
            View::List(items) => {
                !items.is_empty()
                    && items.iter().all(|item| matches!(self.tree.view(*item), View::Map) && is_raw(*item))
            }
            View::Map => is_raw(member.value),
        }
    }

    /// The key of an entry; for collections whose keys are given, the one that was probably meant.
    fn key(&mut self, collection: &Collection, at: &Address, member: Member) -> Option<String> {
        let key = self.tree.text(member.key).to_owned();
        let place = self.tree.place(self.tree.resolve(member.key));
        let Some(key) = super::template::literal(&key) else {
            let message = "a key cannot hold a reference";
            let help = "give the entry a fixed key, and say `name: …` inside of it";
            self.push(Diagnostic::error(Code::Template, message).at(place, "").help(help));
            return None;
        };
        if collection.of_key(&key).is_some() || self.is_other(collection, &key, member) {
            return Some(key);
        }
        let keys = collection.fixed_keys();
        let message = if at.is_root() {
            format!("there is no {} {}", collection.word, quoted(&key))
        } else {
            format!("{} has no {} in its `{}`", quoted(at.key()), quoted(&key), collection.word)
        };
        let found = Diagnostic::error(Code::UnknownKey, message).at(place, "");
        let near = suggest::nearest(&key, &keys).map(str::to_owned);
        self.push(match &near {
            Some(near) => found.help(format!("did you mean `{near}`?")).patch(place, near.as_str()),
            None if collection.other.is_some() => found.help(format!(
                "there are {}; any other goes by the service's word, with JSON in the service's own names",
                keys.join(", ")
            )),
            None => found.help(format!("there are {}", keys.join(", "))),
        });
        near
    }
}

/// What to say about a word that is known, but not at the top of a spec.
fn root_word(kinds: &Kinds, key: &str) -> Option<Diagnostic> {
    if key == "environments" {
        let found = Diagnostic::error(Code::UnknownKey, "environments are files, not a part of the spec");
        return Some(found.help("write environments/NAME.yaml, and choose it with --env NAME"));
    }
    let kind = kinds.all.iter().find(|kind| kind.about().collection == key)?;
    let parent = kinds.all.iter().find(|parent| kind.about().parents.contains(&parent.about().name))?;
    let message = format!("`{key}` cannot stand at the top of a spec");
    let help = format!("put it into {} of `{}`", super::kinds::a(parent.about()), parent.about().collection);
    Some(Diagnostic::error(Code::UnknownKey, message).help(help))
}
