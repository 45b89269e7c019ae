//! Import: what is live becomes a spec whose plan is empty.

use crate::support::load;
use crate::world::World;
use adxform::live::Live;
use adxform::model::{Inventory, Scope};
use adxform::plan::{Plan, scope, text};
use adxform::spec::Spec;
use adxform::spec::write::{self, Claim, Written};
use std::path::Path;

/// Where everything is read that stands in the clusters and databases of a spec, of every kind.
pub(crate) fn everything(spec: &Spec) -> Scope {
    let declared = scope::of(&spec.desired).containers;
    let mut containers = Inventory::new();
    for (address, resource) in spec.desired.inventory.iter().filter(|(at, _)| declared.contains_key(at)) {
        containers.insert(address.clone(), resource.clone());
    }
    scope::everything(containers)
}

/// Writes a spec into a folder.
pub(crate) fn save(written: &Written, folder: &Path) {
    for (path, text) in &written.files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Everything in a spec's clusters and databases, imported, read back and planned; what goes wrong is told with the
/// files and the plan.
pub(crate) async fn round_trip(world: &World, spec: &Spec) -> Result<(), String> {
    let live = world.look(&everything(spec)).await;
    let (written, imported) = imported(&live)?;
    let plan = world.plan(&imported, false).await;
    let left_out = written.notes.iter().find(|note| note.contains("is not imported"));
    if let (true, true, None) = (plan.is_empty(), plan.refusals.is_empty(), left_out) {
        return Ok(());
    }
    Err(format!(
        "the plan of an import is not empty:\n{}{:?}\n{}",
        shown(&plan),
        written.notes,
        files(&written)
    ))
}

/// The files and the spec of what is live.
pub(crate) fn imported(live: &Live) -> Result<(Written, Spec), String> {
    let written = write::spec(&live.inventory, Claim::Exact);
    let folder = tempfile::tempdir().unwrap();
    save(&written, folder.path());
    let read = std::panic::catch_unwind(|| load(folder.path()));
    let read = read.map_err(|why| {
        let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
        format!("an import cannot be read: {why}\n{}", files(&written))
    })?;
    Ok((written, read))
}

fn shown(plan: &Plan) -> String {
    format!("{}{}", text::plan(plan, text::Style { verbose: true }), text::refusals(&plan.refusals))
}

fn files(written: &Written) -> String {
    written.files.iter().map(|(path, text)| format!("== {path}\n{text}")).collect()
}
