//! `graph`: what must be done before what, of a spec or of a saved plan.

use super::args::{Global, GraphArgs, GraphFormat};
use super::exit::{Exit, Failure};
use super::session;
use super::terminal::Terminal;
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::{Address, LossClass};
use crate::plan::diff::Inputs;
use crate::plan::{self, MaxDeletes, Plan, drawing, graph, scope};
use crate::spec::Spec;

/// Prints the graph of a saved plan, or of a spec as if none of it were there yet.
///
/// # Errors
/// An invalid spec, or one whose things need one another.
pub(super) fn run(args: &GraphArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    let plan = match super::plan::saved(&args.spec)? {
        Some(saved) => saved.plan,
        None => from_nothing(&session::load(&args.spec, global, terminal)?, global),
    };
    if let (true, Some(refusal)) = (plan.steps.is_empty(), plan.refusals.first()) {
        return Err(Failure::new(Exit::Refused, refusal.message.clone(), refusal.help.clone()));
    }
    let found = graph::of(&plan);
    terminal.result(&match args.format {
        GraphFormat::Dot => graph::dot(&found),
        GraphFormat::Mermaid => graph::mermaid(&found),
        GraphFormat::Svg => drawing::svg(&found),
    });
    Ok(Exit::Done)
}

/// The plan of a spec where only what it takes for existing is there.
fn from_nothing(spec: &Spec, global: &Global) -> Plan {
    let mut live = Inventory::new();
    for (address, thing) in spec.desired.inventory.iter().filter(|(_, thing)| thing.mode == Mode::Existing) {
        live.insert(address.clone(), Resource { is_live: true, ..thing.clone() });
    }
    let origin = |address: &Address| spec.origins.get(address);
    let inputs = Inputs {
        desired: &spec.desired,
        live: &live,
        references: &spec.references,
        destroy: false,
        targets: &global.targets,
        excludes: &global.excludes,
        hidden: &[],
        origin: &origin,
    };
    let options =
        plan::Options { allow: LossClass::Irreversible, max_deletes: MaxDeletes::Any, lock_out: true };
    plan::make(&inputs, scope::of(&spec.desired), options)
}
