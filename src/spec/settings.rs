//! The words that mean the same in every entry: `name`, `existing`, `preventDestroy`, `renamedFrom`, `ignore`, `prune`, `exact`.

use super::diagnostic::{Code, Diagnostic};
use super::kinds::{SETTINGS, a};
use super::loader::{Draft, Given, Loader, Scope};
use super::suggest;
use super::tree::{Id, View};
use super::yaml::quoted;
use crate::kind::shape::{Field, Shape, field};
use crate::model::Mode;
use std::sync::Arc;

impl Loader<'_> {
    /// Takes the settings out of what an entry gives, and reads them.
    pub(super) fn settings(&mut self, draft: &mut Draft) {
        let fields = draft.kind.about().fields;
        let is_setting = |word: &str| SETTINGS.contains(&word) && field(fields, word).is_none();
        let Given::Members(members) = &mut draft.given else { return };
        let (settings, rest): (Vec<_>, Vec<_>) = members.drain(..).partition(|(word, _)| is_setting(word));
        *members = rest;
        members.shrink_to_fit();
        let before = self.scope;
        self.scope = Scope::Setting;
        for (word, member) in settings {
            let key = self.key.replace(member.key);
            self.through(member.via, |loader| loader.setting(draft, word, member.value));
            self.key = key;
        }
        self.scope = before;
    }

    fn setting(&mut self, draft: &mut Draft, word: &str, value: Id) {
        match word {
            "name" => match self.given_text(word, value) {
                Some(name) => {
                    draft.name = name.into();
                    draft.name_at = self.tree.place(self.tree.resolve(value));
                }
                None => self.torn.extend(draft.address.parent()),
            },
            "existing" => {
                let existing = self.decode(value, &Shape::Bool).and_then(|v| v.as_bool());
                if existing == Some(true) {
                    draft.mode = Mode::Existing;
                }
            }
            "preventDestroy" => {
                let prevents = self.decode(value, &Shape::Bool).and_then(|v| v.as_bool());
                draft.lifecycle.prevent_destroy = prevents.unwrap_or_default();
            }
            "exact" => {
                if self.decode(value, &Shape::Bool).and_then(|v| v.as_bool()) == Some(true) {
                    self.exact.insert(draft.address.clone());
                }
            }
            "renamedFrom" => draft.lifecycle.renamed_from = self.given_text(word, value).map(Into::into),
            "ignore" => {
                let fields = draft.kind.about().fields;
                for (item, text) in self.words(word, value) {
                    if self.is_property(&a(draft.kind.about()), fields, item, &text) {
                        draft.lifecycle.ignore.push(text.into());
                    }
                }
            }
            _ => self.prunes(draft, value),
        }
    }

    fn given_text(&mut self, word: &str, value: Id) -> Option<String> {
        if matches!(self.tree.view(value), View::Null) {
            self.error(Code::WrongValue, format!("`{word}` is empty"), value, "give it a text, or remove it");
            return None;
        }
        self.decode(value, &Shape::Text)?.as_text().map(str::to_owned)
    }

    /// A list of words with their nodes; a single word stands for a list of one.
    fn words(&mut self, word: &str, value: Id) -> Vec<(Id, String)> {
        let items = match self.tree.view(value) {
            View::List(items) => items.to_vec(),
            View::Scalar(..) => vec![value],
            View::Null => Vec::new(),
            View::Map => {
                self.error(Code::WrongValue, format!("`{word}` is a list of words"), value, "write `[a, b]`");
                Vec::new()
            }
        };
        items.into_iter().filter_map(|item| Some((item, self.given_text(word, item)?))).collect()
    }

    /// Whether a dotted path names a property; reports it when not.
    fn is_property(&mut self, what: &str, fields: &'static [Field], item: Id, path: &str) -> bool {
        let mut fields = fields;
        for word in path.split('.') {
            let Some(found) = field(fields, word) else {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let message = format!("{what} has no property {}", quoted(path));
                let place = self.tree.place(self.tree.resolve(item));
                let diagnostic = Diagnostic::error(Code::UnknownKey, message).at(place, "");
                let near = suggest::nearest(word, &names);
                self.push(match near {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help(format!("it has {}", names.join(", "))),
                });
                return false;
            };
            match found.shape {
                Shape::Object { fields: inner, .. } => fields = inner,
                _ => return true,
            }
        }
        true
    }

    fn prunes(&mut self, draft: &mut Draft, value: Id) {
        let kinds = Arc::clone(&self.kinds);
        let words: Vec<&'static str> =
            kinds.below(draft.kind.about().name).iter().map(|below| below.word).collect();
        for (item, text) in self.words("prune", value) {
            if words.contains(&text.as_str()) {
                self.prune.entry(draft.address.clone()).or_default().insert(text);
                continue;
            }
            let message = format!("{} has no collection {}", a(draft.kind.about()), quoted(&text));
            let place = self.tree.place(self.tree.resolve(item));
            let diagnostic = Diagnostic::error(Code::UnknownKey, message).at(place, "");
            self.push(match suggest::nearest(&text, &words) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")).patch(place, near),
                None => diagnostic.help(format!("it has {}", words.join(", "))),
            });
        }
    }
}
