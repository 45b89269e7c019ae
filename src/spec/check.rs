//! The whole spec, once every value is read: names, lives, needs and claims, and what the kinds themselves find.
//!
//! Invariant: nothing is concluded from what is already known to be wrong: a value with a mistake counts as not yet
//! known, a place with a mistake gets no second one, and nothing counts as missing where something could not be told
//! apart or a file could not be read to its end.

use super::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use super::files::Place;
use super::kinds::Each;
use super::loader::{Draft, Given, Loader, Slot, unreadable};
use super::yaml::quoted;
use super::{Origins, Spec, suggest};
use crate::kind::shape::{Field, Role};
use crate::kind::{self, About, At, Claim, Finding, Keyed, Missing, Need, same_name};
use crate::model::inventory::Desired;
use crate::model::{Address, Body, Inventory, Mode, Resource, Value, parallel, word};
use arcstr::ArcStr;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the kind of an entry says of it.
struct Words {
    findings: Vec<Finding>,
    needs: Vec<Need>,
    missing: Vec<Missing>,
    claims: Vec<Claim>,
}

impl Words {
    /// Nothing where there is nothing to say, as of most entries.
    fn of(kind: Each, address: &Address, world: &Inventory) -> Option<Box<Self>> {
        let resource = world.get(address)?;
        let at = At { address, resource, world };
        let findings = if is_judgeable(kind.about(), resource) { kind.check(&at) } else { Vec::new() };
        let (needs, missing, claims) = (kind.needs(&at), kind::missing(&at), kind.claims(&at));
        let says = !(findings.is_empty() && needs.is_empty() && missing.is_empty() && claims.is_empty());
        says.then(|| Box::new(Self { findings, needs, missing, claims }))
    }
}

/// Entries by what contains them, their collection and their folded name.
type Names = FxHashMap<(Address, ArcStr), FxHashMap<ArcStr, usize>>;

impl Loader<'_> {
    /// Looks at the spec as a whole, and hands it over when it has no mistakes.
    pub(super) fn finish(mut self) -> Result<Spec, Diagnostics> {
        self.same_names();
        self.lives();
        let mut inventory = self.inventory();
        super::ids::settle(&mut inventory, &self.unsettled());
        let tree = std::mem::take(&mut self.tree);
        let mut origins = Origins::new(Arc::clone(&tree), Arc::clone(&self.places), &mut self.drafts);
        if !self.partial {
            self.ask_kinds(&inventory, &origins);
        }
        self.cycles();
        if self.faults == 0 {
            let judged: Vec<_> =
                inventory.iter().filter(|(_, resource)| resource.mode == Mode::Managed).collect();
            let found = parallel::map(&judged, parallel::AT_A_TIME, |(address, resource)| {
                super::lint::of(&At { address, resource, world: &inventory }, &origins, &tree.files)
            });
            self.report.extend(found.into_iter().flatten());
        }
        let references = self.references();
        let files = tree.files.clone();
        drop(tree);
        let mut diagnostics = Diagnostics::new(self.report, files.clone());
        if self.faults > 0 || diagnostics.errors() > 0 {
            return Err(diagnostics);
        }
        let files = files.packed();
        origins.let_go(&files);
        diagnostics.let_go(&files);
        let desired = Desired { inventory, prune: self.prune, exact: self.exact };
        Ok(Spec { desired, origins, references, files, warnings: diagnostics })
    }

    /// The entries by their names; of those that share one the first.
    fn names(&self) -> Names {
        let mut names = Names::default();
        for (at, draft) in self.drafts.iter().enumerate() {
            if let Some(name) = folded(draft) {
                names.entry(beside(draft)).or_default().entry(name).or_insert(at);
            }
        }
        names
    }

    /// Reports names that two entries of one collection share.
    fn same_names(&mut self) {
        // Two keys are never the same.
        let is_key = |draft: &Draft| folded(draft).is_none_or(|name| draft.address.has_key(&name));
        if self.drafts.iter().all(is_key) {
            return;
        }
        let names = self.names();
        let mut told: FxHashMap<(usize, String), usize> = FxHashMap::default();
        let mut found = Vec::new();
        for (at, draft) in self.drafts.iter().enumerate() {
            let Some(name) = folded(draft) else { continue };
            let namesake = names.get(&beside(draft)).and_then(|names| names.get(&name)).copied();
            let Some(namesake) = namesake.filter(|first| *first != at) else { continue };
            told.entry((namesake, self.told_by(namesake))).or_insert(namesake);
            let first = *told.entry((namesake, self.told_by(at))).or_insert(at);
            if first == at {
                continue;
            }
            let other = &self.drafts[first];
            let message = if other.name == draft.name {
                let collection = draft.kind.about().collection;
                format!("two of the `{collection}` are named {}", quoted(&draft.name))
            } else {
                format!("{} and {} are one name to the service", quoted(&other.name), quoted(&draft.name))
            };
            let diagnostic = Diagnostic::error(Code::NameTwice, message).at(draft.name_at, "again here");
            found.push(diagnostic.at(other.name_at, "first here").help("give one of them another name"));
        }
        found.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// What tells an entry from others of its name; for what stands in nothing else that is also where it is.
    fn told_by(&self, draft: usize) -> String {
        let (kind, is_root) = (self.drafts[draft].kind, self.drafts[draft].address.depth() == 1);
        let tells = |field: &Field| {
            field.name == kind.about().told_by || is_root && matches!(field.role, Role::Place | Role::Setting)
        };
        let slots = self.fields(draft).iter().zip(&self.drafts[draft].slots);
        let texts = slots.filter(|(field, _)| tells(field)).map(|(_, slot)| match slot {
            Slot::Done(Value::Text(text)) => text.to_ascii_lowercase(),
            Slot::Done(Value::Unknown(expr)) => expr.to_string(),
            _ => String::new(),
        });
        texts.collect::<Vec<_>>().join("|")
    }

    /// Checks what is said about the lives of entries.
    fn lives(&mut self) {
        let mut found = Vec::new();
        let goes = self.drafts.iter().any(|draft| draft.mode == Mode::Absent);
        for draft in &self.drafts {
            let above = draft.address.parent().filter(|_| goes).and_then(|parent| self.declared(&parent));
            if let Some(above) = above.filter(|above| above.mode == Mode::Absent) {
                let message = format!("{} stands inside of what must not exist", draft.address);
                let diagnostic = Diagnostic::error(Code::Below, message).at(draft.key_at, "");
                found.push(diagnostic.at(above.key_at, "this must not exist").help("remove one of them"));
            }
            if draft.mode == Mode::Existing && !self.is_placed(draft) {
                found.extend(self.not_written(draft));
            }
        }
        found.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Warnings about properties of an existing thing.
    fn not_written(&self, draft: &Draft) -> Vec<Diagnostic> {
        let Given::Members(members) = &draft.given else { return Vec::new() };
        let written = |word: &str| {
            let field = draft.kind.about().fields.iter().find(|field| field.name == word);
            field.is_some_and(|field| !matches!(field.role, Role::Place | Role::Setting))
        };
        let keys =
            members.iter().filter(|(word, member)| written(word) && !self.inherited.contains(&member.key));
        let keys = keys.map(|(word, member)| (*word, self.tree.place(self.tree.resolve(member.key))));
        let warn = |(word, place): (&str, Place)| {
            let message =
                format!("`{word}` is not written, because {} exists already", quoted(draft.address.key()));
            Diagnostic::warning(Code::NotWritten, message)
                .at(place, "")
                .help("remove it, or `existing: true`")
        };
        keys.map(warn).collect()
    }

    /// What the spec asks for; the values move out of the drafts.
    fn inventory(&mut self) -> Inventory {
        let resource = |draft: &mut Draft| {
            let slots = std::mem::take(&mut draft.slots);
            let fields = draft.kind.about().fields;
            let given = slots.iter().filter(|slot| matches!(slot, Slot::Done(_) | Slot::Failed)).count();
            let mut found = Vec::with_capacity(given);
            for (field, slot) in fields.iter().zip(slots) {
                match slot {
                    Slot::Done(value) => found.push((word(field.name), value)),
                    Slot::Failed => found.push((word(field.name), unreadable())),
                    Slot::Absent | Slot::Unread | Slot::Busy => {}
                }
            }
            Resource {
                kind: draft.kind.about().name,
                name: draft.name.clone(),
                body: found.into_iter().collect(),
                mode: draft.mode,
                lifecycle: std::mem::take(&mut draft.lifecycle),
                ..Resource::default()
            }
        };
        let resources = parallel::map_mut(&mut self.drafts, parallel::AT_A_TIME, resource);
        Inventory::of(Arc::clone(&self.places), resources)
    }

    /// The entries in which something is known only after apply.
    fn unsettled(&self) -> BTreeSet<Address> {
        let edges = self.edges.iter().filter(|edge| edge.unknown);
        edges.map(|edge| self.drafts[edge.from].address.clone()).collect()
    }

    /// Asks the kind of every entry what it finds, needs and claims.
    fn ask_kinds(&mut self, world: &Inventory, origins: &Origins) {
        let first = |d: &Diagnostic| d.labels.first().map(|label| (label.place.file, label.place.start));
        let errors = self.report.iter().filter(|d| d.severity == Severity::Error);
        let taken: FxHashSet<(u32, u32)> = errors.filter_map(first).collect();
        let mut claims: BTreeMap<String, (Place, Claim)> = BTreeMap::new();
        let words = parallel::map(&self.drafts, parallel::AT_A_TIME, |draft| {
            let asked = (draft.mode != Mode::Absent).then_some(draft);
            asked.and_then(|draft| Words::of(draft.kind, &draft.address, world))
        });
        let names = OnceCell::new();
        let doubt = crate::kind::text_of(&Body::new().with("", unreadable()), "");
        for (draft, words) in words.into_iter().enumerate() {
            let Some(words) = words else { continue };
            let (address, key_at) = (self.drafts[draft].address.clone(), self.drafts[draft].key_at);
            let Some(resource) = world.get(&address) else { continue };
            let here = At { address: &address, resource, world };
            let Words { findings, needs, missing, claims: own } = *words;
            let findings = findings.iter().filter(|finding| !is_doubtful(&resource.body, &finding.field));
            let mut found: Vec<Diagnostic> =
                findings.map(|finding| invalid(&address, finding, origins)).collect();
            let mut told = FxHashSet::default();
            for need in needs {
                if let Some(diagnostic) = self.dangling(&address, &need, origins, &names) {
                    found.push(diagnostic);
                    told.insert(need.name);
                }
            }
            for name in missing.into_iter().filter(|name| !told.contains(&name.name)) {
                found.extend(self.unknown(&here, &name, origins));
            }
            for claim in own.into_iter().filter(|claim| !claim.key.contains(&doubt)) {
                let place = origins.place(&address, &claim.field).unwrap_or(key_at);
                match claims.get(&claim.key) {
                    Some((first, _)) => found.push(claimed(&claim, place, *first)),
                    None => drop(claims.insert(claim.key.clone(), (place, claim))),
                }
            }
            found.retain(|d| first(d).is_none_or(|place| !taken.contains(&place)));
            found.into_iter().for_each(|diagnostic| self.push(diagnostic));
        }
    }

    /// What to say about a thing that is needed and not declared, where the spec declares everything.
    fn dangling(
        &mut self,
        address: &Address,
        need: &Need,
        origins: &Origins,
        names: &OnceCell<Names>,
    ) -> Option<Diagnostic> {
        if !need.required || need.name.is_empty() || super::template::is_template(&need.name) {
            return None;
        }
        let managed = |at: &Address| self.declared(at).is_some_and(|draft| draft.mode == Mode::Managed);
        let mut above = address.parent();
        while let Some(at) = above.filter(|at| at.is_within(&need.parent) && !at.is_root()) {
            if !managed(&at) {
                return None;
            }
            above = at.parent();
        }
        if !managed(&need.parent) || self.torn.contains(&need.parent) {
            return None;
        }
        let place = origins.place(address, &need.field)?;
        let siblings = names.get_or_init(|| self.names()).get(&(need.parent.clone(), need.collection.into()));
        let of = self.needed_kind(need)?;
        if let Some(found) = siblings.and_then(|names| names.get(&fold(of, &need.name.as_str().into()))) {
            let found = &self.drafts[*found];
            let message = format!("the {} {} must not exist, says the spec", of.name, quoted(&need.name));
            let diagnostic = Diagnostic::error(Code::Undeclared, message).at(place, "it is used here");
            return (found.mode == Mode::Absent).then(|| diagnostic.at(found.key_at, "said here"));
        }
        let message = format!("{} declares no {} {}", need.parent, of.name, quoted(&need.name));
        let found = Diagnostic::error(Code::Undeclared, message).at(place, "");
        let declared =
            siblings.filter(|names| names.len() <= self.patience).into_iter().flat_map(FxHashMap::values);
        let mut declared: Vec<ArcStr> = declared.map(|at| self.drafts[*at].name.clone()).collect();
        declared.sort_unstable();
        Some(match self.nearest(&need.name, &declared) {
            Some(near) if origins.text(address, &need.field) == need.name => {
                found.help(format!("did you mean `{near}`?")).patch(place, near)
            }
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("declare it in the `{}` of {}", need.collection, need.parent)),
        })
    }

    fn needed_kind(&self, need: &Need) -> Option<&'static About> {
        let parent = self.declared(&need.parent)?.kind.about().name;
        let collection = self.kinds.collection(parent, need.collection)?;
        let kind = collection.kinds().next()?;
        Some(kind.about())
    }
}

/// Whether what an entry must say is there, so that its kind can judge the rest.
fn is_judgeable(about: &About, resource: &Resource) -> bool {
    let unset = about.may_be_unset && resource.body.is_empty();
    let lacks = |field: &Field| match resource.body.get(field.name) {
        None | Some(Value::Null) => resource.mode == Mode::Managed && !unset,
        Some(value) => *value == unreadable(),
    };
    !about.fields.iter().any(|field| field.required && lacks(field))
}

/// Whether a property, or what holds it, could not be read.
fn is_doubtful(body: &Body, path: &[String]) -> bool {
    (1..=path.len()).any(|count| body.at(&path[..count]) == Some(&unreadable()))
}

/// What contains an entry, and its collection.
fn beside(draft: &Draft) -> (Address, ArcStr) {
    (draft.address.parent().unwrap_or_default(), draft.address.shared_collection())
}

/// The folded name of an entry; nothing where its kind gives it one.
fn folded(draft: &Draft) -> Option<ArcStr> {
    let about = draft.kind.about();
    (!matches!(about.keyed, Keyed::Fixed(_))).then(|| fold(about, &draft.name))
}

/// A name in the form in which equal names are equal.
fn fold(about: &About, name: &ArcStr) -> ArcStr {
    if same_name(about, "a", "A") { name.to_lowercase().into() } else { name.clone() }
}

fn invalid(address: &Address, finding: &Finding, origins: &Origins) -> Diagnostic {
    let found = Diagnostic::error(Code::Invalid, finding.message.as_str());
    let Some(place) = origins.place(address, &finding.field) else {
        return found.help(finding.help.as_str());
    };
    let found = found.at(place, "").help(finding.help.as_str());
    let text = origins.text(address, &finding.field);
    match suggest::nearest(text, &finding.candidates) {
        Some(near) if origins.is_exact(place, text) => {
            found.help(format!("did you mean `{near}`?")).patch(place, near)
        }
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}

fn claimed(claim: &Claim, place: Place, first: Place) -> Diagnostic {
    let message = format!("{} is used twice, and only one thing may use it", claim.what);
    let found = Diagnostic::error(Code::Claimed, message).at(place, "again here").at(first, "first here");
    found.help("give each its own")
}
