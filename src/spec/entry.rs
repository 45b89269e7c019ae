//! One entry of a collection: of which kind it is, what each file says about it, and what stands inside of it.

use super::diagnostic::{Code, Diagnostic};
use super::kinds::{Collection, Each, Kinds, SETTINGS, a};
use super::loader::{Draft, Given, Loader, Scope};
use super::outline::{Azure, Part};
use super::suggest;
use super::tree::{Id, Member, Style, View};
use super::yaml::quoted;
use crate::kind::shape::{Field, Role, Shape};
use crate::kind::{About, Keyed};
use crate::model::inventory::Lifecycle;
use crate::model::{Address, Mode};
use std::sync::Arc;

/// What one file says about an entry: its own words, and the collections inside of it.
struct Share {
    part: Part,
    given: Given,
    inside: Vec<(&'static str, Member)>,
    /// Whether it says anything about the entry itself.
    defines: bool,
    /// Whether it says something that nothing is known about.
    torn: bool,
}

impl Loader<'_> {
    /// Reads the outline of one entry.
    pub(super) fn entry(
        &mut self,
        address: &Address,
        collection: &Collection,
        parts: &[Part],
        azure: &Azure,
    ) {
        let via = std::mem::replace(&mut self.via, parts[0].member.via);
        let faults = self.faults;
        let kind = self.kind_of(address, collection, parts);
        if kind.is_none() {
            self.torn.extend(address.parent());
        }
        if let Some(kind) = kind {
            let guessed = self.faults > faults;
            let shares: Vec<Share> = parts.iter().map(|part| self.share(kind, part, guessed)).collect();
            if shares.iter().any(|share| share.torn) {
                self.torn.insert(address.clone());
            }
            self.twice(address, &shares);
            let given = self.together(kind, &shares);
            self.draft(address, kind, &shares, given, azure);
            self.inside(address, kind, &shares);
        }
        self.via = via;
    }

    /// The alias that a node is, if it is one.
    pub(super) fn alias(&self, id: Id) -> Option<Id> {
        (self.tree.resolve(id) != id).then_some(id)
    }

    /// Of which kind an entry is: by its key, or by the property that says so.
    fn kind_of(&mut self, address: &Address, collection: &Collection, parts: &[Part]) -> Option<Each> {
        if collection.tagged.is_empty() {
            return collection.of_key(address.key()).or(collection.other);
        }
        let members = parts.iter().rev().flat_map(|part| self.tree.members(part.member.value));
        let tag = members.into_iter().find(|member| self.tree.text(member.key) == collection.tag);
        let values: Vec<&str> = collection.tagged.iter().map(|(value, _)| *value).collect();
        let Some(tag) = tag else {
            let message = format!("{} does not say its `{}`", quoted(address.key()), collection.tag);
            let help = format!("add `{}:`, one of {}", collection.tag, values.join(", "));
            self.error(Code::Tag, message, parts[0].member.key, help);
            return None;
        };
        let given = self.within(Scope::Setting, |loader| loader.decode(tag.value, &Shape::Text))?;
        let given = given.as_text().unwrap_or_default().to_owned();
        let kind = |word: &str| collection.tagged.iter().find(|(value, _)| value.eq_ignore_ascii_case(word));
        if let Some((_, kind)) = kind(&given) {
            return Some(*kind);
        }
        let place = self.tree.place(self.tree.resolve(tag.value));
        let message = format!("{} is no `{}` of {}", quoted(&given), collection.tag, collection.word);
        let found = Diagnostic::error(Code::Tag, message).at(place, "");
        let near = suggest::nearest(&given, &values);
        self.push(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")).patch(place, near),
            None => found.help(format!("there are {}", values.join(", "))),
        });
        near.and_then(kind).map(|(_, kind)| *kind)
    }

    /// Sorts what one file says about an entry; when its kind is a guess, it is taken to say that.
    fn share(&mut self, kind: Each, part: &Part, guessed: bool) -> Share {
        let member = part.member;
        let whole = |given| Share { part: *part, given, inside: Vec::new(), defines: true, torn: false };
        let is_whole = matches!(kind.about().keyed, Keyed::Other(_));
        match self.tree.view(member.value) {
            View::Null => return whole(Given::Nothing),
            View::Map if is_whole => return whole(Given::Short(member)),
            View::Scalar(..) | View::List(_) => return whole(Given::Short(member)),
            View::Map => {}
        }
        let kinds = Arc::clone(&self.kinds);
        let about = kind.about();
        let words = kinds.words(kind);
        let mut members = self.tree.members(member.value);
        let via = member.via.or_else(|| self.alias(member.value));
        members.iter_mut().for_each(|inner| inner.via = via.or(inner.via));
        if let (Keyed::Tagged(tag, value), true) = (about.keyed, guessed) {
            let found = members.iter_mut().find(|member| self.tree.text(member.key) == tag);
            if let Some(member) = found {
                let place = self.tree.place(member.value);
                member.value = self.tree_mut().scalar(place, value, Style::Quoted);
            }
        }
        let claimed = self.claim(&members, &words.all, &|key| elsewhere(&kinds, kind, key), &a(about));
        let torn = claimed.len() < members.len();
        let (inside, own): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|(word, _)| words.inside.contains(word));
        let defines = !own.is_empty() || inside.len() < members.len() || members.is_empty();
        Share { part: *part, given: Given::Members(own), inside, defines, torn }
    }

    /// Reports an entry that two files say something about; maps that only lead to other entries do not count.
    fn twice(&mut self, address: &Address, shares: &[Share]) {
        let mut defining = shares.iter().filter(|share| share.defines && !share.part.over);
        let Some(first) = defining.next() else { return };
        let file = |share: &Share| self.tree.place(share.part.member.key).file;
        let again: Vec<&Share> = defining.filter(|again| file(again) != file(first)).collect();
        for again in again {
            let message = format!("{address} is defined twice");
            let found = Diagnostic::error(Code::DefinedTwice, message)
                .at(self.tree.place(again.part.member.key), "again here")
                .at(self.tree.place(first.part.member.key), "first here");
            self.push(found.help("keep one of them, or give one of them another name"));
        }
    }

    /// What all files together say about an entry: the first that defines it, and the overlay laid over that.
    fn together(&mut self, kind: Each, shares: &[Share]) -> Given {
        let base = shares.iter().find(|share| share.defines && !share.part.over);
        let over = shares.iter().find(|share| share.defines && share.part.over);
        let copy = |share: &Share| match &share.given {
            Given::Nothing => Given::Nothing,
            Given::Short(member) => Given::Short(*member),
            Given::Members(members) => Given::Members(members.clone()),
        };
        let Some(over) = over.filter(|_| !self.gives_up()) else {
            return base.map_or_else(|| Given::Members(Vec::new()), copy);
        };
        match (base.map(|base| &base.given), &over.given) {
            (Some(Given::Members(under)), Given::Members(over)) => {
                let mut all = under.clone();
                for (word, member) in over {
                    match all.iter().position(|(known, _)| known == word) {
                        Some(at) => {
                            let value = self.tree_mut().overlay(all[at].1.value, member.value);
                            all[at].1 = Member { value, ..*member };
                        }
                        None => all.push((word, *member)),
                    }
                }
                Given::Members(all)
            }
            (Some(under), Given::Nothing) if !kind.about().may_be_unset => match under {
                Given::Short(member) => Given::Short(*member),
                Given::Members(members) => Given::Members(members.clone()),
                Given::Nothing => Given::Nothing,
            },
            _ => copy(over),
        }
    }

    fn draft(&mut self, address: &Address, kind: Each, shares: &[Share], given: Given, azure: &Azure) {
        let about = kind.about();
        let main = shares.iter().find(|share| share.defines).unwrap_or(&shares[0]);
        let key_at = self.tree.place(self.tree.resolve(main.part.member.key));
        let unset = matches!(given, Given::Nothing) && about.may_be_unset;
        let mut draft = Draft {
            address: address.clone(),
            kind,
            key_at,
            name: address.shared_key(),
            name_at: key_at,
            mode: if unset { Mode::Absent } else { Mode::Managed },
            lifecycle: Lifecycle::default(),
            given,
            slots: Vec::new(),
        };
        self.settings(&mut draft);
        if self.is_placed(&draft) {
            draft.mode = Mode::Existing;
        }
        inherit(about, &mut draft.given, azure);
        self.check_name(&draft);
        self.add(draft);
    }

    /// Whether an entry says where it is by what only a thing that exists has: a place that is also an output.
    pub(super) fn is_placed(&self, draft: &Draft) -> bool {
        let Given::Members(members) = &draft.given else { return false };
        let about = draft.kind.about();
        let given = |name: &str| {
            let member = members.iter().find(|(word, _)| *word == name);
            member.is_some_and(|(_, member)| !matches!(self.tree.view(member.value), View::Null))
        };
        about.may_exist && about.fields.iter().any(|field| is_own_place(about, field) && given(field.name))
    }

    /// Reports a name that the service would refuse.
    fn check_name(&mut self, draft: &Draft) {
        let about = draft.kind.about();
        if matches!(about.keyed, Keyed::Fixed(_)) || draft.mode == Mode::Existing {
            return;
        }
        if let Some(objection) = about.names.objection(&draft.name) {
            let message = format!("{} cannot be the name of {}: {objection}", quoted(&draft.name), a(about));
            let help = if draft.name_at == draft.key_at {
                "choose another key, or say `name: …` inside of it"
            } else {
                "choose another name"
            };
            self.push(Diagnostic::error(Code::Name, message).at(draft.name_at, "").help(help));
        }
    }

    /// Goes on with the collections inside of an entry.
    fn inside(&mut self, address: &Address, kind: Each, shares: &[Share]) {
        let kinds = Arc::clone(&self.kinds);
        for collection in kinds.below(kind.about().name) {
            let mut parts = Vec::new();
            for share in shares {
                let of = share.inside.iter().filter(|(word, _)| *word == collection.word);
                parts.extend(of.map(|(_, member)| Part { member: *member, ..share.part }));
            }
            if !parts.is_empty() {
                self.collection(address, collection, &parts, &Vec::new());
            }
        }
    }
}

/// Whether a property says where a thing is and comes from the thing itself, so that no default can stand for it.
pub(super) fn is_own_place(about: &About, field: &Field) -> bool {
    field.role == Role::Place && about.outputs.iter().any(|(output, _)| *output == field.name)
}

/// Whether `azure:` may give a property of a root.
pub(super) fn has_default(about: &About, field: &Field) -> bool {
    (field.role == Role::Place && !is_own_place(about, field)) || field.name == "location"
}

/// Gives a root the defaults of `azure:` for where it is.
pub(super) fn inherit(about: &About, given: &mut Given, azure: &Azure) {
    let wanted = azure.iter().filter(|(word, _)| {
        let field = about.fields.iter().find(|field| field.name == *word);
        field.is_some_and(|field| has_default(about, field))
    });
    for (word, member) in wanted {
        match given {
            Given::Members(members) if !members.iter().any(|(known, _)| known == word) => {
                members.push((word, *member));
            }
            Given::Nothing => *given = Given::Members(vec![(word, *member)]),
            _ => {}
        }
    }
}

/// Whether a setting makes sense for a kind.
pub(super) fn has_setting(about: &About, has_children: bool, word: &str) -> bool {
    match word {
        "name" => !matches!(about.keyed, Keyed::Fixed(_)),
        "existing" => about.may_exist,
        "renamedFrom" => about.may_rename,
        "prune" | "exact" => has_children,
        _ => true,
    }
}

/// What to say about a word that is known, but not here.
fn elsewhere(kinds: &Kinds, kind: Each, key: &str) -> Option<Diagnostic> {
    let about = kind.about();
    let unknown = || Diagnostic::error(Code::UnknownKey, format!("{} has no `{key}`", a(about)));
    if SETTINGS.contains(&key) {
        let has =
            |other: &&Each| has_setting(other.about(), !kinds.below(other.about().name).is_empty(), key);
        let names: Vec<&str> = kinds.all.iter().filter(has).map(|other| other.about().name).collect();
        let message = format!("{} has no setting `{key}`", a(about));
        let help = match names.as_slice() {
            [] => "remove it".to_owned(),
            names if names.len() <= 6 => format!("remove it; only these have it: {}", names.join(", ")),
            _ => "remove it".to_owned(),
        };
        return Some(Diagnostic::error(Code::Setting, message).help(help));
    }
    let holder = about.fields.iter().find(|field| match field.shape {
        Shape::Object { fields, .. } => fields.iter().any(|inner| inner.name == key),
        _ => false,
    });
    if let Some(holder) = holder {
        return Some(unknown().help(format!("put it into its `{}`", holder.name)));
    }
    for below in kinds.below(about.name) {
        if below.fixed.iter().any(|(word, _)| *word == key) {
            return Some(unknown().help(format!("put it into its `{}`", below.word)));
        }
    }
    let sibling = kinds.all.iter().find(|other| {
        let tagged = matches!(other.about().keyed, Keyed::Tagged(..)) && other.about().name != about.name;
        let beside = tagged && other.about().collection == about.collection;
        beside && other.about().fields.iter().any(|field| field.name == key)
    });
    if let (Some(Keyed::Tagged(_, other)), Keyed::Tagged(tag, value)) =
        (sibling.map(|kind| kind.about().keyed), about.keyed)
    {
        let help = format!("remove it; it is for `{tag}: {other}`, and this is `{tag}: {value}`");
        return Some(unknown().help(help));
    }
    let deeper = kinds.below(about.name).iter().find(|below| {
        let inner = below.kinds().any(|kind| kinds.collection(kind.about().name, key).is_some());
        inner && kinds.collection(about.name, key).is_none()
    })?;
    Some(unknown().help(format!("put it into one of its `{}`", deeper.word)))
}
