//! After an apply: what works by itself once it stands is given a while to begin, and what does not is told.
//!
//! Invariant: waiting changes nothing of what the run has come to, and has an end (test: the scenario
//! `tests/scenarios/exports-begin`).

use super::interrupt::Interrupts;
use super::session::Session;
use super::terminal::Terminal;
use crate::kind::{self, Faring};
use crate::model::{Address, Scope};
use crate::plan::Plan;
use crate::run::whereabouts::Whereabouts;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often is looked, and how long in between, where operations take their time.
const LOOKS: (u32, Duration) = (24, Duration::from_secs(5));

/// The same on an emulator.
const EMULATED: (u32, Duration) = (100, Duration::from_millis(20));

/// What a run has made or changed that works by itself, and where it is read.
pub(super) struct Watch {
    scope: Scope,
    things: BTreeSet<Address>,
}

impl Watch {
    /// What of a plan is to be watched; `None` where nothing is.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let works = |word: &str| kind::by_name(word).is_some_and(|kind| kind.faring().is_some());
        let written = plan.changes.iter().filter(|(_, change)| change.change.after.is_some());
        let things: BTreeSet<Address> =
            written.filter(|(_, change)| works(&change.kind)).map(|(at, _)| at.clone()).collect();
        let mut scope = plan.scope.clone();
        let roots: BTreeSet<Address> = things.iter().map(|at| at.prefix(1)).collect();
        scope.kinds.retain(|word| works(word) || roots.iter().any(|at| is_of(plan, at, word)));
        scope.containers.retain(|at, _| roots.contains(&at.prefix(1)));
        scope.containers.values_mut().for_each(|container| container.commands.clear());
        (!things.is_empty()).then_some(Self { scope, things })
    }

    /// Waits until everything fares well or ill, or for as long as anybody would, and tells what does not fare well.
    pub(super) async fn wait(&self, session: &Session, terminal: Terminal) {
        let (looks, pause) = if session.is_emulated() { EMULATED } else { LOOKS };
        let mut interrupts = Interrupts::caught();
        let mut told = BTreeSet::new();
        for look in 1..=looks {
            let Ok(live) = session.read(&self.scope).await else { return };
            let of = |at: &&Address| {
                let thing = live.inventory.get(at)?;
                Some(((*at).clone(), kind::by_name(thing.kind)?.faring()?(thing)))
            };
            let faring: BTreeMap<Address, Faring> = self.things.iter().filter_map(|at| of(&at)).collect();
            let coming = faring.values().any(|faring| matches!(faring, Faring::Coming(_)));
            for (at, faring) in &faring {
                let Faring::Coming(how) = faring else { continue };
                if told.insert(at.clone()) {
                    terminal.say(&format!("Waiting for {at} to work: {how}"));
                }
            }
            if !coming || look == looks {
                faring.iter().for_each(|(at, faring)| {
                    tell(at, faring, told.contains(at), &session.whereabouts, terminal)
                });
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = interrupts.first() => return,
            }
        }
    }
}

fn is_of(plan: &Plan, root: &Address, word: &str) -> bool {
    plan.scope.containers.get(root).is_some_and(|container| container.kind == word)
}

fn tell(at: &Address, faring: &Faring, was_told: bool, whereabouts: &Whereabouts, terminal: Terminal) {
    match faring {
        Faring::Well if was_told => terminal.say(&format!("{at} works")),
        Faring::Well => {}
        Faring::Coming(how) => terminal.say(&format!(
            "warning: {at} does not work yet: {how}; look again with `{}`",
            whereabouts.about(&format!("show --live {at}"))
        )),
        Faring::Ill(why) => terminal.say(&format!("warning: {at} does not work: {why}")),
    }
}
