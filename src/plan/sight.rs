//! What is out of sight: the things declared in something that cannot be read, such as a cluster that is stopped.
//!
//! Nothing is planned for them, for nobody knows what is there; either the spec wants it so, or the plan opens what
//! holds them, or it is refused (test: the scenario `tests/scenarios/stopped`).

use super::Rule;
use super::diff::{Differences, Inputs};
use crate::kind;
use crate::model::Address;
use crate::model::inventory::Mode;
use std::collections::BTreeMap;

/// The things that are declared out of sight, by what hides them.
pub(super) type Unseen = BTreeMap<Address, usize>;

impl Inputs<'_> {
    /// What hides a thing.
    pub(super) fn hidden_by(&self, address: &Address) -> Option<&Address> {
        let holds = |hidden: &&Address| address != *hidden && address.is_within(hidden);
        self.hidden.iter().map(|(hidden, _)| hidden).find(holds)
    }

    /// Says what is not looked at, and refuses the plan where that is not what the spec wants.
    pub(super) fn unseen(&self, found: &mut Differences, unseen: &Unseen) {
        for (hidden, why) in self.hidden {
            let count = unseen.get(hidden).copied().unwrap_or_default();
            let things = super::text::counted(count, "thing");
            let message = format!("{hidden} could not be read: {why}");
            let resolution = found.changes.get(hidden);
            if resolution.is_some_and(|resolution| resolution.change.after.is_none()) {
                continue;
            }
            if count == 0 {
                found.notes.push(message);
            } else if resolution.is_some_and(opens) {
                found.notes.push(format!(
                    "{message}; this plan opens it, and leaves the {things} declared in it for the next plan: plan again \
                     afterwards"
                ));
            } else if self.is_closed(hidden) {
                found.notes.push(format!(
                    "{message}; the spec wants it so, and nobody looks at the {things} declared in it"
                ));
            } else {
                let unknown =
                    "what is live there is unknown, so nothing in it is planned; make it readable first";
                let help = self.closed(hidden).unwrap_or(unknown);
                let message = format!("{message}; {things} declared in it cannot be planned");
                self.refuse(found, hidden, Rule::Missing, message, help);
            }
        }
    }

    /// Whether the spec itself says that a thing is to be out of reach.
    fn is_closed(&self, address: &Address) -> bool {
        let wanted = self.desired.inventory.get(address).filter(|wanted| wanted.mode == Mode::Managed);
        wanted.is_some_and(|wanted| {
            kind::by_name(wanted.kind).is_some_and(|kind| kind.closed(&wanted.body).is_some())
        })
    }

    /// What opens a thing that is out of reach as it stands in live.
    fn closed(&self, address: &Address) -> Option<&'static str> {
        let live = self.live.get(address)?;
        kind::by_name(live.kind)?.closed(&live.body)
    }
}

/// Whether a change brings what is inside of a thing into reach.
fn opens(resolution: &super::Resolution) -> bool {
    kind::by_name(&resolution.kind).is_some_and(|kind| kind.closes(&resolution.change.invert()))
}
