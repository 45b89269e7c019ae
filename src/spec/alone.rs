//! Entries that can be found and read by themselves: they refer to nothing, and there is nothing to say about them. They
//! are nearly all of a large spec, and every processor takes some of them.
//!
//! Invariant: what is read here is what reading in turn would give, which takes up everything else
//! (test: `what_stands_alone_is_read_as_in_turn`).

use super::kinds::Collection;
use super::loader::{Draft, Given, Loader, Slot};
use super::outline::{Azure, Entry};
use crate::model::{Address, parallel};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many entries one reader takes on: what it learns of one is of use for the next.
const AT_A_TIME: usize = 512;

/// Of how many entries the first are handed on that stand right in a root: each may hold thousands of others, and those are
/// found at once when their containers are.
const HIGH: usize = 32;

/// What one entry and all that stands in it come to.
pub(super) struct Outlined {
    drafts: Vec<Draft>,
    prune: BTreeMap<Address, BTreeSet<String>>,
    exact: BTreeSet<Address>,
    torn: BTreeSet<Address>,
}

impl Loader<'_> {
    /// The entries of a collection with all that stands in them, those that stand alone; nothing where there are few.
    pub(super) fn outlined_alone(
        &self,
        collection: &Collection,
        entries: &[Entry],
        azure: &Azure,
    ) -> Vec<Option<Outlined>> {
        let is_high = entries.first().is_some_and(|(address, _)| address.depth() == 2);
        let enough = if is_high { self.hands_on_from / HIGH } else { self.hands_on_from };
        if entries.len() < enough {
            return Vec::new();
        }
        let at_a_time = if is_high { 1 } else { parallel::AT_A_TIME };
        let seed = self.seed();
        let found = parallel::parts(entries, at_a_time, |entries| {
            let mut reader = Loader::grown(&seed);
            let outlined = |(address, parts): &Entry| {
                reader.entry(address, collection, parts, azure);
                let drafts = std::mem::take(&mut reader.drafts);
                let prune = std::mem::take(&mut reader.prune);
                let exact = std::mem::take(&mut reader.exact);
                let torn = std::mem::take(&mut reader.torn);
                reader.places = Arc::default();
                if reader.is_at_a_loss() {
                    reader.forget();
                    return None;
                }
                Some(Outlined { drafts, prune, exact, torn })
            };
            entries.iter().map(outlined).collect::<Vec<_>>()
        });
        found.into_iter().flatten().collect()
    }

    /// Goes on with what was found of an entry.
    pub(super) fn take_over(&mut self, Outlined { drafts, prune, exact, torn }: Outlined) {
        let places = Arc::make_mut(&mut self.places);
        drafts.iter().for_each(|draft| places.push(draft.address.clone()));
        self.drafts.extend(drafts);
        self.prune.extend(prune);
        self.exact.extend(exact);
        self.torn.extend(torn);
    }

    /// Whether there is something to be looked up, or to be said.
    fn is_at_a_loss(&self) -> bool {
        self.gave_up || self.faults > 0 || !self.report.is_empty() || !self.edges.is_empty()
    }

    /// Reads the properties of the entries that stand alone; those of others stay unread.
    pub(super) fn read_alone(&mut self) {
        let seed = self.seed();
        let read = parallel::parts(&self.drafts, AT_A_TIME, |drafts| {
            let mut reader = Loader::grown(&seed);
            drafts.iter().map(|draft| reader.alone(draft)).collect::<Vec<_>>()
        });
        for (draft, slots) in self.drafts.iter_mut().zip(read.into_iter().flatten()) {
            if let Some(slots) = slots {
                draft.slots = slots;
            }
        }
    }

    /// The properties of an entry, if there is nothing to be looked up for them, nothing lacks and nothing is to be said.
    fn alone(&mut self, draft: &Draft) -> Option<Vec<Slot>> {
        let Given::Members(members) = &draft.given else { return None };
        let fields = draft.kind.about().fields;
        let mut slots = Vec::with_capacity(fields.len());
        for field in fields {
            let Some((_, member)) = members.iter().find(|(word, _)| *word == field.name) else {
                slots.push(Slot::Absent);
                continue;
            };
            let value = self.member(*member, &field.shape);
            if self.is_at_a_loss() {
                self.forget();
                return None;
            }
            slots.push(Slot::Done(value?));
        }
        let lacks = fields.iter().zip(&slots).any(|(field, slot)| slot.lacks(field));
        (!lacks).then_some(slots)
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::{self, Kind};
    use crate::spec::{Diagnostics, Options, Spec, loader, source};
    use std::path::{Path, PathBuf};

    fn read(root: &Path, alone: bool) -> Result<Spec, Diagnostics> {
        let env = |_: &str| Some("E".to_owned());
        let (root, vars, var_files) = (root.to_path_buf(), Vec::new(), Vec::new());
        let options = Options { root, environment: None, vars, var_files, env: &env };
        let kinds: Vec<&'static dyn Kind> = kind::all().collect();
        let mut loader = loader::Loader::new(&options, &source::Disk, &kinds);
        if let Some(roots) = loader.read_files() {
            // Specs of tests are small: a single entry is handed on.
            loader.hands_on_from = if alone { 1 } else { usize::MAX };
            loader.outline(&roots);
            if alone {
                loader.read_alone();
            }
            loader.read_values();
        }
        loader.finish()
    }

    #[test]
    fn what_stands_alone_is_read_as_in_turn() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut valid, mut invalid) = (0, 0);
        for folder in ["examples", "tests/specs/valid", "tests/specs/invalid", "tests/plans"] {
            let entries = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
            let is_spec = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|end| end == "yaml");
            for spec in entries.filter(is_spec) {
                match (read(&spec, true), read(&spec, false)) {
                    (Ok(alone), Ok(turn)) => {
                        valid += 1;
                        assert_eq!(alone.desired, turn.desired, "{}", spec.display());
                        assert_eq!(alone.references, turn.references, "{}", spec.display());
                        let warnings = |spec: Spec| spec.warnings.render(false);
                        assert_eq!(warnings(alone), warnings(turn), "{}", spec.display());
                    }
                    (Err(alone), Err(turn)) => {
                        invalid += 1;
                        assert_eq!(alone.render(false), turn.render(false), "{}", spec.display());
                    }
                    (alone, turn) => panic!("{}: {} and {}", spec.display(), alone.is_ok(), turn.is_ok()),
                }
            }
        }
        assert!(valid > 30 && invalid > 30, "{valid} and {invalid}");
    }
}
