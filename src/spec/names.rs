//! Names in KQL that stand for nothing.
//!
//! Invariant: live may hold what a spec does not declare, so a name is a mistake only where the spec says that it
//! cannot be there: in collections that are all pruned, or by `removed` (tests: `tests/specs/valid/kql-names`, `tests/specs/invalid/kql-names`).

use super::Origins;
use super::diagnostic::{Code, Diagnostic};
use super::entry::is_own_place;
use super::loader::Loader;
use super::yaml::quoted;
use crate::kind::{self, About, At, Missing};
use crate::model::{Inventory, Mode, Resource};

impl Loader<'_> {
    /// What to say about a name that stands for nothing declared.
    pub(super) fn unknown(&mut self, at: &At<'_>, name: &Missing, origins: &Origins) -> Option<Diagnostic> {
        let place = origins.inside(at.address, &name.field, &name.text, &name.span)?;
        if let Some(removed) = &name.removed {
            let message = format!("{removed} must not exist, says the spec");
            let said = self.declared(removed)?.key_at;
            let found = Diagnostic::error(Code::Undeclared, message).at(place, "it is used here");
            return Some(found.at(said, "said here"));
        }
        if self.torn.contains(&name.database) {
            return None;
        }
        let (words, near) = (self.kinds_of(name), self.like(at.world, name));
        let message = format!("{} declares no {} {}", name.database, either(&words), quoted(&name.name));
        let pruned = self.prune.get(&name.database);
        let claimed = |collection: &str| pruned.is_some_and(|pruned| pruned.contains(collection));
        let impossible = name.certain && name.collections.iter().all(|collection| claimed(collection));
        let found = if impossible {
            Diagnostic::error(Code::Undeclared, message)
        } else if near.is_some() || is_whole(at.world, name) {
            Diagnostic::warning(Code::Unknown, message)
        } else {
            return None;
        };
        let found = found.at(place, "");
        Some(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None if impossible => found.help("declare it; what is not declared there is dropped"),
            None if name.certain => found.help("declare it, unless live holds it already"),
            None => found.help("declare it, unless live holds it already or it is a function of Kusto's own"),
        })
    }

    /// What the thing could be, in the kinds' own words.
    fn kinds_of(&self, name: &Missing) -> Vec<&'static str> {
        let database = self.declared(&name.database).map(|draft| draft.kind.about().name);
        let collection = |word| self.kinds.collection(database.unwrap_or_default(), word)?.kinds().next();
        name.collections.iter().filter_map(|word| collection(word)).map(|kind| kind.about().name).collect()
    }

    /// A declared name like it.
    fn like(&mut self, world: &Inventory, name: &Missing) -> Option<String> {
        let all = name.collections.iter().flat_map(|collection| world.children(&name.database, collection));
        let declared = all.filter(|(_, thing)| thing.mode != Mode::Absent);
        let names: Vec<&str> = declared.map(|(_, thing)| &*thing.name).take(self.patience + 1).collect();
        self.nearest(&name.name, &names)
    }
}

/// Whether the spec speaks for a whole database: it makes it, and so may be asked to declare what is in it.
fn is_whole(world: &Inventory, name: &Missing) -> bool {
    let managed = |above: &Resource| {
        let about = kind::by_name(above.kind).map(|kind| kind.about());
        let given = |about: &About| {
            about.fields.iter().any(|f| is_own_place(about, f) && above.body.get(f.name).is_some())
        };
        above.mode == Mode::Managed && !about.is_some_and(given)
    };
    (1..=name.database.depth()).all(|count| world.get(&name.database.prefix(count)).is_some_and(managed))
}

/// Some words, the last behind "or".
fn either(words: &[&str]) -> String {
    match words {
        [] => "entity".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
