//! What the reading of one spec holds while it goes on.

use super::diagnostic::{Code, Diagnostic, Severity};
use super::files::Place;
use super::kinds::{Each, Kinds};
use super::suggest;
use super::tree::{Id, Member, Style, Tree};
use super::variables::Variable;
use super::yaml::quoted;
use super::{Options, source};
use crate::kind::shape::Field;
use crate::model::body::{Expr, Piece};
use crate::model::inventory::{Lifecycle, Places};
use crate::model::{Address, Mode, Value, parallel, word};
use arcstr::ArcStr;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many words a message lists at most.
pub(super) const MANY: usize = 16;

/// An entry of the spec before its values are read.
pub(super) struct Draft {
    pub address: Address,
    pub kind: Each,
    /// Where its key stands, or its address in `removed`.
    pub key_at: Place,
    /// The service's name.
    pub name: ArcStr,
    /// Where that name is given.
    pub name_at: Place,
    pub mode: Mode,
    pub lifecycle: Lifecycle,
    pub given: Given,
    /// The values, field by field; none before any is read.
    pub slots: Vec<Slot>,
}

/// What stands in place of an entry's body.
pub(super) enum Given {
    /// `null`.
    Nothing,
    /// A bare scalar or list.
    Short(Member),
    /// Properties by name.
    Members(Vec<(&'static str, Member)>),
}

/// How far one property of an entry is read.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Unread,
    /// Being read: a reference that arrives here goes round in circles.
    Busy,
    Absent,
    /// Read in vain; the mistake is reported.
    Failed,
    Done(Value),
}

impl Slot {
    /// Whether a property that must be given is not.
    pub(super) const fn lacks(&self, field: &Field) -> bool {
        field.required && matches!(self, Self::Absent | Self::Done(Value::Null))
    }
}

/// A reference from one entry to another.
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub place: Place,
    /// Whether the value is known only after apply.
    pub unknown: bool,
}

/// What a `${…}` may ask for where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the value of a variable: nothing but the environment and secrets.
    Variable,
    /// Where the entries themselves are found: variables and the environment.
    Setting,
    /// In a property: everything.
    Property,
}

pub(super) struct Loader<'a> {
    /// The texts and their nodes; those who read what stands alone share it.
    pub tree: Arc<Tree>,
    pub report: Vec<Diagnostic>,
    pub kinds: Arc<Kinds>,
    pub source: &'a dyn source::Source,
    pub options: &'a Options<'a>,
    pub layout: source::Layout,
    pub variables: BTreeMap<String, Variable>,
    pub drafts: Vec<Draft>,
    /// The places of the entries by their addresses; what is found out of where they stand shares it, and so does the
    /// inventory.
    pub places: Arc<Places>,
    pub prune: BTreeMap<Address, BTreeSet<String>>,
    pub exact: BTreeSet<Address>,
    /// Entries inside of which something could not be told apart, so that what seems missing there may stand there.
    pub torn: BTreeSet<Address>,
    pub edges: Vec<Edge>,
    /// The keys of `azure:`, which roots take over.
    pub inherited: Vec<Id>,
    /// Whether some file could not be read to its end, so that what seems missing may stand there.
    pub partial: bool,
    /// Mistakes so far, and values that were not read because of an earlier one.
    pub faults: usize,
    /// The alias or reference through which the nodes at hand are looked at.
    pub via: Option<Id>,
    pub scope: Scope,
    /// The key of the property being read.
    pub key: Option<Id>,
    /// The properties being read, each because of a reference in the one before it.
    pub trail: Vec<(usize, usize, Place)>,
    /// Parts of those properties that are read for the sake of other parts.
    pub looked_into: Vec<Id>,
    pub depth: usize,
    /// How many more words may be compared to find out what was meant, so that a thousand slips do not take a minute.
    pub patience: usize,
    /// What bare scalars stand for where an object is wanted, by the object's fields, the short ones among
    /// them, and how the scalars are written.
    pub shorts: FxHashMap<(usize, usize, Style), FxHashMap<Box<str>, Value>>,
    /// Whether it reads only what stands alone, and then whether something did not.
    pub alone: bool,
    pub gave_up: bool,
    /// How many entries of a collection it takes to hand those that stand alone on to others.
    pub hands_on_from: usize,
}

/// What those who read what stands alone begin with.
#[derive(Clone)]
pub(super) struct Seed<'a> {
    tree: Arc<Tree>,
    kinds: Arc<Kinds>,
    source: &'a dyn source::Source,
    options: &'a Options<'a>,
    partial: bool,
}

impl<'a> Loader<'a> {
    pub(super) fn new(options: &'a Options<'a>, source: &'a dyn source::Source, kinds: &[Each]) -> Self {
        let (tree, kinds) = (Arc::default(), Arc::new(Kinds::new(kinds)));
        Self {
            alone: false,
            hands_on_from: parallel::AT_A_TIME,
            ..Self::grown(&Seed { tree, kinds, source, options, partial: false })
        }
    }

    /// What others begin with, to read what stands alone.
    pub(super) fn seed(&self) -> Seed<'a> {
        let (tree, kinds) = (Arc::clone(&self.tree), Arc::clone(&self.kinds));
        Seed { tree, kinds, source: self.source, options: self.options, partial: self.partial }
    }

    /// One that reads what stands alone.
    pub(super) fn grown(seed: &Seed<'a>) -> Self {
        let Seed { tree, kinds, source, options, partial } = seed.clone();
        Self {
            tree,
            report: Vec::new(),
            kinds,
            source,
            options,
            layout: source::Layout::default(),
            variables: BTreeMap::new(),
            drafts: Vec::new(),
            places: Arc::default(),
            prune: BTreeMap::new(),
            exact: BTreeSet::new(),
            torn: BTreeSet::new(),
            edges: Vec::new(),
            inherited: Vec::new(),
            partial,
            faults: 0,
            via: None,
            scope: Scope::Property,
            key: None,
            trail: Vec::new(),
            looked_into: Vec::new(),
            depth: 0,
            patience: 300_000,
            shorts: FxHashMap::default(),
            alone: true,
            gave_up: false,
            hands_on_from: usize::MAX,
        }
    }

    /// Forgets what was found out about something that does not stand alone.
    pub(super) fn forget(&mut self) {
        *self = Self::grown(&self.seed());
    }

    /// Whether it must leave this to the one that reads in turn, because something is to be looked up for it.
    pub(super) const fn gives_up(&mut self) -> bool {
        self.gave_up |= self.alone;
        self.alone
    }

    /// The nodes, to be added to; who reads what stands alone leaves that to the one that reads in turn.
    pub(super) fn tree_mut(&mut self) -> &mut Tree {
        self.gives_up();
        Arc::make_mut(&mut self.tree)
    }

    /// Reports something; a mistake that is seen through an alias shows that alias too.
    pub(super) fn push(&mut self, mut diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.faults += 1;
        }
        if let Some(via) = self.via.map(|via| self.tree.place(via)) {
            let first = diagnostic.labels.first().map(|label| label.place);
            if first.is_some_and(|first| first != via) {
                diagnostic = diagnostic.at(via, "used here");
            }
        }
        self.report.push(diagnostic);
    }

    /// Does something with what is seen through an alias or reference, unless it is already seen through another.
    pub(super) fn through<T>(&mut self, via: Option<Id>, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.via;
        self.via = before.or(via);
        let found = act(self);
        self.via = before;
        found
    }

    /// The word most like another one, while there is patience to look.
    pub(super) fn nearest<S: AsRef<str>>(&mut self, word: &str, words: &[S]) -> Option<String> {
        if words.len() > self.patience {
            return None;
        }
        self.patience -= words.len();
        suggest::nearest(word, words).map(str::to_owned)
    }

    /// What to say about a value that does not fit the property being read.
    pub(super) fn mismatch(&self, expects: &str, found: &str) -> String {
        match self.key {
            Some(key) => format!("{}: expected {expects}, found {found}", quoted(self.tree.text(key))),
            None => format!("expected {expects}, found {found}"),
        }
    }

    /// An error at a node.
    pub(super) fn error(&mut self, code: Code, message: impl Into<String>, at: Id, help: impl Into<String>) {
        let place = self.tree.place(self.tree.resolve(at));
        self.push(Diagnostic::error(code, message).at(place, "").help(help));
    }

    /// A key as a property's name; keys come again and again, such as the columns of like tables.
    pub(super) fn key_name(&self, key: Id) -> ArcStr {
        word(self.tree.text(key))
    }

    /// What the entries of a map stand for: each with its word. Unknown keys are reported, and taken for the word
    /// that was probably meant, so that one slip gives one message.
    pub(super) fn claim(
        &mut self,
        members: &[Member],
        words: &[&'static str],
        explain: &dyn Fn(&str) -> Option<Diagnostic>,
        what: &str,
    ) -> Vec<(&'static str, Member)> {
        let mut found: Vec<(&'static str, Member)> = Vec::with_capacity(members.len());
        let mut unknown = Vec::new();
        for member in members {
            let key = self.tree.text(member.key);
            match words.iter().find(|word| **word == key) {
                Some(word) => found.push((word, *member)),
                None => unknown.push(*member),
            }
        }
        for member in unknown {
            let key = self.tree.text(member.key).to_owned();
            let free = words.iter().filter(|word| !found.iter().any(|(taken, _)| taken == *word)).copied();
            let free: Vec<&'static str> = free.collect();
            let meant =
                suggest::nearest(&key, &free).and_then(|near| free.iter().find(|word| **word == near));
            let place = self.tree.place(self.tree.resolve(member.key));
            let base = Diagnostic::error(Code::UnknownKey, format!("{what} has no {}", quoted(&key)));
            let diagnostic = match (meant, explain(&key)) {
                (_, Some(explained)) => explained.at(place, ""),
                (Some(meant), None) => {
                    base.at(place, "").help(format!("did you mean `{meant}`?")).patch(place, *meant)
                }
                (None, None) => base.at(place, "").help(listed(what, words)),
            };
            let recovered = meant.filter(|_| diagnostic.patch.is_some());
            let member = Member { guessed: true, ..member };
            self.through(member.via, |loader| loader.push(diagnostic));
            found.extend(recovered.map(|word| (*word, member)));
        }
        found
    }

    /// Takes up an entry.
    pub(super) fn add(&mut self, draft: Draft) {
        Arc::make_mut(&mut self.places).push(draft.address.clone());
        self.drafts.push(draft);
    }

    /// Which of the entries stands at an address.
    pub(super) fn index(&self, address: &Address) -> Option<usize> {
        self.places.get(address).map(|place| place as usize)
    }

    /// The entry at an address.
    pub(super) fn declared(&self, address: &Address) -> Option<&Draft> {
        self.drafts.get(self.index(address)?)
    }

    /// The fields of an entry.
    pub(super) fn fields(&self, draft: usize) -> &'static [Field] {
        self.drafts[draft].kind.about().fields
    }
}

/// What there is to choose from, when that is not too much to read.
fn listed(what: &str, words: &[&str]) -> String {
    match words {
        [] => String::new(),
        words if words.len() > MANY => {
            format!("{what} has {}, and {} more", words[..MANY].join(", "), words.len() - MANY)
        }
        words => format!("{what} has {}", words.join(", ")),
    }
}

/// What stands for a value that could not be read: something that nobody knows yet.
pub(super) fn unreadable() -> Value {
    let of = Piece::Of { address: Address::root(), path: Vec::new() };
    Value::Unknown(Expr(vec![of].into()))
}
