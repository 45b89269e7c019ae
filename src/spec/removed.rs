//! `removed`: addresses of what must not exist.

use super::diagnostic::{Code, Diagnostic};
use super::entry::inherit;
use super::files::Place;
use super::kinds::Each;
use super::loader::{Draft, Given, Loader, Scope};
use super::outline::Azure;
use super::read::Root;
use super::suggest;
use super::tree::{Id, Member, View};
use super::yaml::quoted;
use crate::model::inventory::Lifecycle;
use crate::model::{Address, Mode};
use std::sync::Arc;

impl Loader<'_> {
    /// Adds what `removed` lists to the entries.
    pub(super) fn removed(&mut self, given: &[(Root, Member)], azure: &Azure) {
        let mut listed: Vec<(Address, Id, Each)> = Vec::new();
        for (_, member) in given {
            let items = match self.tree.view(member.value) {
                View::Null => continue,
                View::List(items) => items.to_vec(),
                View::Scalar(..) | View::Map => {
                    let help = "write `removed: [clusters.a.databases.b]`";
                    self.error(Code::WrongValue, "`removed` is a list of addresses", member.value, help);
                    continue;
                }
            };
            for item in items {
                let via = std::mem::replace(&mut self.via, member.via);
                listed.extend(self.removed_address(item).map(|(address, kind)| (address, item, kind)));
                self.via = via;
            }
        }
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        for (address, item, kind) in listed {
            self.remove(address, item, kind, azure);
        }
    }

    fn removed_address(&mut self, item: Id) -> Option<(Address, Each)> {
        let text =
            self.within(Scope::Setting, |loader| loader.decode(item, &crate::kind::shape::Shape::Text))?;
        let text = text.as_text().unwrap_or_default().to_owned();
        let address = match text.parse::<Address>() {
            Ok(address) => address,
            Err(error) => {
                let help = "write the path through the spec, as in clusters.a.databases.b";
                self.error(Code::Removed, error.to_string(), item, help);
                return None;
            }
        };
        let kinds = Arc::clone(&self.kinds);
        let mut parents = vec![""];
        let mut found = None;
        for segment in address.segments() {
            let words: Vec<&str> =
                parents.iter().flat_map(|parent| kinds.below(parent)).map(|below| below.word).collect();
            let Some(collection) =
                parents.iter().find_map(|parent| kinds.collection(parent, &segment.collection))
            else {
                self.no_such(item, &segment.collection, &words);
                return None;
            };
            let word = || {
                let is_near = suggest::nearest(&segment.key, &collection.fixed_keys()).is_some();
                collection.of_word(&segment.key).filter(|_| !is_near)
            };
            let Some(kind) = collection.of_key(&segment.key).or_else(word) else {
                self.no_such(item, &segment.key, &collection.fixed_keys());
                return None;
            };
            parents = collection.kinds().map(|kind| kind.about().name).collect();
            found = Some(kind);
        }
        found.map(|kind| (address, kind))
    }

    fn no_such(&mut self, item: Id, word: &str, words: &[&str]) {
        let place = self.tree.place(self.tree.resolve(item));
        let message = format!("this address leads nowhere: there is no {}", quoted(word));
        let found = Diagnostic::error(Code::Removed, message).at(place, "");
        self.push(match suggest::nearest(word, words) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("there are {}", words.join(", "))),
        });
    }

    fn remove(&mut self, address: Address, item: Id, kind: Each, azure: &Azure) {
        let place = self.tree.place(self.tree.resolve(item));
        if let Some(other) = self.declared(&address) {
            let (other_at, absent) = (other.key_at, other.mode == Mode::Absent);
            let found = if absent {
                Diagnostic::warning(Code::Redundant, format!("{address} is said twice to be absent"))
            } else {
                Diagnostic::error(Code::Removed, format!("{address} is both declared and removed"))
            };
            let label = if absent { "here too" } else { "declared here" };
            return self.push(found.at(place, "").at(other_at, label).help("keep one of them"));
        }
        let parent = address.parent().filter(|parent| !parent.is_root());
        if let Some(parent) = parent {
            match self.declared(&parent) {
                Some(above) if above.mode == Mode::Absent => {
                    let above_at = above.key_at;
                    let found = Diagnostic::warning(Code::Redundant, format!("{address} goes with {parent}"));
                    let found = found.at(place, "").at(above_at, "removed here");
                    return self.push(found.help("remove it from the list"));
                }
                Some(_) => {}
                None if self.partial => return,
                None => {
                    let message = format!("{parent}, which holds {}, is not declared", quoted(address.key()));
                    let help = "declare it, with `existing: true` where the spec shall not manage it";
                    return self.push(Diagnostic::error(Code::Removed, message).at(place, "").help(help));
                }
            }
        }
        self.absent(address, place, kind, azure);
    }

    fn absent(&mut self, address: Address, place: Place, kind: Each, azure: &Azure) {
        let about = kind.about();
        let mut given = Given::Members(Vec::new());
        if address.depth() == 1 {
            inherit(about, &mut given, azure);
        }
        self.add(Draft {
            name: address.key().into(),
            address,
            kind,
            key_at: place,
            name_at: place,
            mode: Mode::Absent,
            lifecycle: Lifecycle::default(),
            given,
            slots: Vec::new(),
        });
    }
}
