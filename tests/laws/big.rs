//! Size: what a run costs must grow with its plan, not with its square.

use crate::dice::Dice;
use crate::faults::Faults;
use crate::plans;
use crate::session::{Disk, End, Shared, Start, Wishes, session};
use crate::simulate;
use crate::world::World;
use adxform::run::machine::Policy;
use adxform::run::report::Outcome;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A database with many tables, each of which has something that needs it.
#[test]
fn thousands_of_tables_are_a_few_dozen_scripts() {
    const TABLES: usize = 3000;
    let (plan, live) = plans::many(TABLES);
    let world = World::new(Arc::new(plan), live, Faults::Given(BTreeMap::new()), Dice::new(1, "delays"));
    let shared = Shared::new(world, Disk::default());
    let begin = Start::Begin(Policy::default());
    let end = simulate(session(&shared, begin, Wishes::default(), &mut Dice::new(1, "landings")));
    let End::Report(report) = end else { panic!("{end:?}") };
    assert_eq!(report.outcome, Outcome::Done, "{:?}", shared.world().breaches);
    assert_eq!(report.applied.len(), 1 + 2 * TABLES);
    let scripts = 2 * TABLES.div_ceil(Policy::default().script_commands);
    assert!(shared.disk().writes <= 2 * scripts + 4, "{} records", shared.disk().writes);
}
