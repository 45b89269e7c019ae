//! Which collections may stand where, and which kind an entry of each is.

use super::entry::has_setting;
use crate::kind::{About, Keyed, Kind, Spelling};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A kind.
pub(super) type Each = &'static dyn Kind;

/// The words that mean the same in every entry.
pub(super) const SETTINGS: [&str; 7] =
    ["name", "existing", "preventDestroy", "renamedFrom", "ignore", "prune", "exact"];

/// One collection below a kind or at the root.
#[derive(Default, Clone)]
pub(super) struct Collection {
    /// Its word.
    pub word: &'static str,
    /// The kind of every entry.
    pub by_name: Option<Each>,
    /// The kind of the entry under each key.
    pub fixed: Vec<(&'static str, Each)>,
    /// The kind by the value of a property.
    pub tagged: Vec<(&'static str, Each)>,
    /// That property.
    pub tag: &'static str,
    /// The kind of what goes by a word of the service.
    pub other: Option<Each>,
}

/// What may stand in an entry of a kind.
#[derive(Default)]
pub(super) struct Words {
    /// Its properties, the collections in it, and its settings.
    pub all: Vec<&'static str>,
    /// The collections in it that are no properties.
    pub inside: Vec<&'static str>,
}

/// All kinds by where they may stand.
pub(super) struct Kinds {
    below: BTreeMap<&'static str, Vec<Collection>>,
    words: FxHashMap<&'static str, Words>,
    /// Every kind in the order of the families.
    pub all: Vec<Each>,
}

/// What follows the name that a path begins with, `.name` or `["name"]`.
fn after_name(path: &str) -> Option<&str> {
    match path.strip_prefix("[\"") {
        Some(quoted) => quoted.split_once("\"]").map(|(_, rest)| rest),
        None => {
            let name = path.strip_prefix('.')?;
            name.find(['.', '[']).map(|end| &name[end..])
        }
    }
}

impl Kinds {
    /// The other spellings of collections at the top, each with the collection's own word.
    pub(super) fn spellings(&self) -> impl Iterator<Item = (Spelling, &'static str)> {
        self.all.iter().filter_map(|kind| Some((kind.about().spelled?, kind.about().collection)))
    }

    /// The path of a reference with its collection's own word.
    pub(super) fn spelled<'a>(&self, path: &'a str) -> Cow<'a, str> {
        for (spelling, collection) in self.spellings() {
            let rest = path.strip_prefix(spelling.group);
            let rest =
                rest.and_then(|rest| if spelling.between.is_some() { after_name(rest) } else { Some(rest) });
            let rest = rest.and_then(|rest| rest.strip_prefix('.')?.strip_prefix(spelling.word));
            if let Some(rest) = rest.filter(|rest| rest.starts_with(['.', '['])) {
                return Cow::Owned(format!("{collection}{rest}"));
            }
        }
        Cow::Borrowed(path)
    }

    pub(super) fn new(all: &[Each]) -> Self {
        let mut below: BTreeMap<&'static str, Vec<Collection>> = BTreeMap::new();
        for kind in all {
            let about = kind.about();
            let roots = [""];
            let parents = if about.parents.is_empty() { &roots[..] } else { about.parents };
            for parent in parents {
                let collections = below.entry(parent).or_default();
                let at = collections.iter().position(|c| c.word == about.collection).unwrap_or_else(|| {
                    collections.push(Collection { word: about.collection, ..Collection::default() });
                    collections.len() - 1
                });
                collections[at].add(*kind);
            }
        }
        let words = all.iter().map(|kind| {
            let about = kind.about();
            (about.name, Words::of(about, below.get(about.name).map_or(&[], Vec::as_slice)))
        });
        Self { words: words.collect(), below, all: all.to_vec() }
    }

    /// What may stand in an entry of a kind.
    pub(super) fn words(&self, kind: Each) -> &Words {
        static NONE: Words = Words { all: Vec::new(), inside: Vec::new() };
        self.words.get(kind.about().name).unwrap_or(&NONE)
    }

    /// The collections that may stand in a kind, or at the root (`""`).
    pub(super) fn below(&self, parent: &str) -> &[Collection] {
        self.below.get(parent).map_or(&[], Vec::as_slice)
    }

    /// A collection in a kind, or at the root (`""`), by its word.
    pub(super) fn collection(&self, parent: &str, word: &str) -> Option<&Collection> {
        self.below(parent).iter().find(|collection| collection.word == word)
    }

    /// The collections that the last of some words may mean, when they are nested in each other from the root.
    pub(super) fn nested(&self, words: &[&str]) -> Vec<&Collection> {
        let mut parents = vec![""];
        let mut found = Vec::new();
        for word in words {
            found = parents.iter().filter_map(|parent| self.collection(parent, word)).collect();
            parents =
                found.iter().flat_map(|c: &&Collection| c.kinds()).map(|kind| kind.about().name).collect();
        }
        found
    }
}

impl Words {
    fn of(about: &About, below: &[Collection]) -> Self {
        let is_field = |word: &str| about.fields.iter().any(|field| field.name == word);
        let mut all: Vec<&'static str> = about.fields.iter().map(|field| field.name).collect();
        if let Keyed::Tagged(tag, _) = about.keyed {
            all.retain(|word| *word != tag);
            all.insert(0, tag);
        }
        let mut inside = Vec::new();
        for collection in below {
            if !all.contains(&collection.word) {
                all.push(collection.word);
            }
            if !is_field(collection.word) {
                inside.push(collection.word);
            }
        }
        all.extend(SETTINGS.iter().filter(|word| has_setting(about, !below.is_empty(), word)));
        Self { all, inside }
    }
}

impl Collection {
    fn add(&mut self, kind: Each) {
        match kind.about().keyed {
            Keyed::ByName => self.by_name = Some(kind),
            Keyed::Fixed(key) => self.fixed.push((key, kind)),
            Keyed::Other(_) => self.other = Some(kind),
            Keyed::Tagged(tag, value) => {
                self.tag = tag;
                self.tagged.push((value, kind));
            }
        }
    }

    /// Every kind that an entry may be of.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Each> {
        let others = self.fixed.iter().chain(&self.tagged).map(|(_, kind)| *kind);
        self.by_name.into_iter().chain(others).chain(self.other)
    }

    /// The kind of the entry under a key, where the key alone tells it, or any of those it may be of.
    pub(super) fn of_key(&self, key: &str) -> Option<Each> {
        let fixed = self.fixed.iter().find(|(word, _)| *word == key).map(|(_, kind)| *kind);
        fixed.or(self.by_name).or_else(|| self.tagged.first().map(|(_, kind)| *kind))
    }

    /// The kind of the entry under a key that may be a word of the service: none that is known, however it is written.
    pub(super) fn of_word(&self, key: &str) -> Option<Each> {
        let plain = |word: &str| word.replace('_', "").to_lowercase();
        let is_word = key.starts_with(|c: char| c.is_ascii_lowercase())
            && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        self.other.filter(|_| is_word && !self.fixed.iter().any(|(known, _)| plain(known) == plain(key)))
    }

    /// What the words under which this collection's kinds stand are called.
    pub(super) fn fixed_keys(&self) -> Vec<&'static str> {
        self.fixed.iter().map(|(key, _)| *key).collect()
    }
}

/// A kind's word with its article, as in "*a table*".
pub(super) fn a(about: &About) -> String {
    article(about.name)
}

/// A word with its article.
pub(super) fn article(word: &str) -> String {
    let vowel = word.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    format!("{} {word}", if vowel { "an" } else { "a" })
}
