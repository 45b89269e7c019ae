//! Import: what is live becomes a spec whose plan is empty.

use crate::support::{complain, entries, load};
use crate::world::World;
use adxform::live::Live;
use adxform::model::inventory::Mode;
use adxform::model::{Inventory, Scope};
use adxform::plan::{Plan, scope, text};
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use adxform::spec::Spec;
use adxform::spec::write::{self, Claim, Written};
use std::collections::BTreeMap;
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

/// How many things of each kind there are.
fn census(inventory: &Inventory) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (_, resource) in inventory.iter().filter(|(_, resource)| resource.mode != Mode::Absent) {
        *counts.entry(resource.kind).or_default() += 1;
    }
    counts
}

/// What the program says.
fn said(world: &World, folder: &Path, words: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(crate::support::binary());
    command
        .args(["-C", &folder.display().to_string()])
        .args(words)
        .args(["--endpoint", world.emulator.arm_url()]);
    let output = command.env_clear().env("HOME", folder).env("NO_COLOR", "1").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Applies a spec to a new world, imports its group by the program, and tells what is missing or differs.
async fn imported_whole(source: &Path) -> Result<(), String> {
    let world = World::new(None).await;
    let spec = load(source);
    let plan = world.plan(&spec, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    if report.outcome != Outcome::Done {
        return Err(format!("{:?} {:#?}", report.outcome, report.troubles));
    }
    let live = world.look(&everything(&spec)).await.inventory;
    let group = live.iter().find_map(|(_, root)| root.body.text("resourceGroup").map(str::to_owned)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let subscription = "00000000-0000-0000-0000-000000000000";
    let words = ["import", "--subscription", subscription, "--resource-group", &group, "--out", "whole"];
    let (good, text) = said(&world, folder.path(), &words);
    if !good {
        return Err(text);
    }
    let (good, planned) = said(&world, folder.path(), &["plan", "--detailed-exitcode", "whole"]);
    if !good {
        return Err(format!("{text}{planned}"));
    }
    let read = load(&folder.path().join("whole"));
    let (mut there, here) = (census(&live), census(&read.desired.inventory));
    // The group is left out on purpose, and so is what the import says.
    there.remove("resourceGroup");
    let left = text.lines().filter(|line| line.starts_with("note: /") && line.contains(" is not imported: "));
    if let Some(others) = there.get_mut("resource") {
        *others -= left.count();
    }
    world.emulator.stop().await;
    if there == here { Ok(()) } else { Err(format!("{there:#?}\nis imported as\n{here:#?}\n{text}")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_imported_whole() {
    let only = std::env::var("ADXFORM_IMPORT").ok();
    let folders = [entries("examples"), entries("tests/imports")].concat();
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for folder in folders.into_iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        seen += 1;
        if let Err(why) = imported_whole(&folder).await {
            complaints.push(format!("{name}: {why}"));
        }
    }
    assert!(seen > 0);
    complain(&complaints);
}
