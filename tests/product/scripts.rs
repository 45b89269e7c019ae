//! Database scripts of other projects: the target is imported, and the current database becomes the same.
//!
//! A folder of `tests/scripts/` is a pair of `current.kql` and `target.kql`; adding one adds no Rust. More pairs are
//! looked at where `ADXFORM_SCRIPTS` names a folder of them.

use crate::import::{everything, save};
use crate::support::{complain, entries, load};
use crate::world::World;
use adxform::kind::replies::Row;
use adxform::plan::text;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use adxform::spec::write::{self, Claim};
use std::path::{Path, PathBuf};

const MADE: &str = "version: 1
azure: {subscriptionId: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, location: westeurope}
clusters:
  scripted:
    sku: {name: Standard_E8ads_v5, tier: Standard, capacity: 2}
    enableStreamingIngest: true
    databases: {current: {}, target: {}}
";

/// The cluster with both databases, by its endpoint.
async fn endpoint(world: &World) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("adx.yaml"), MADE).unwrap();
    let spec = load(folder.path());
    let plan = world.plan(&spec, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let live = world.look(&plan.scope).await.inventory;
    let cluster = live.iter().next().unwrap().1;
    cluster.attributes.text("uri").unwrap().to_owned()
}

/// Runs a script's commands; those that fail are told.
async fn run(world: &World, uri: &str, database: &str, script: &Path) -> Result<(), String> {
    let script = std::fs::read_to_string(script).map_err(|why| format!("{}: {why}", script.display()))?;
    if !script.lines().any(|line| line.starts_with('.')) {
        return Ok(());
    }
    let command = format!(".execute database script with (ContinueOnErrors=true) <|\n{script}");
    let tables = world.cloud.command(uri, database, &command).await.map_err(|why| why.to_string())?;
    let failed = tables[0].iter().filter(|row| row.text("Result") != "Completed");
    let failed: Vec<String> =
        failed.map(|row| format!("{}\n  {}", row.text("CommandText"), row.text("Reason"))).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("commands of the script fail:\n{}", failed.join("\n")))
    }
}

/// The schema script of a database, its own name and what is between words left out: bodies that differ in white space
/// around them are the same.
async fn schema(world: &World, uri: &str, database: &str) -> Vec<String> {
    let command = format!(".show database {database} schema as csl script");
    let tables = world.cloud.command(uri, database, &command).await.unwrap();
    let words =
        |row: Row<'_>| row.text("DatabaseSchemaScript").split_whitespace().collect::<Vec<_>>().join(" ");
    let nameless = |text: String| text.replace(&format!(" database {database} "), " database _ ");
    let mut lines: Vec<String> = tables[0].iter().map(|row| nameless(words(row))).collect();
    lines.sort();
    lines
}

async fn pair(folder: &Path) -> Result<usize, String> {
    let world = World::new(None).await;
    let uri = endpoint(&world).await;
    for database in ["current", "target"] {
        run(&world, &uri, database, &folder.join(database).with_extension("kql")).await?;
    }
    let spec_of = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("adx.yaml"), text).unwrap();
        (load(folder.path()), folder)
    };
    let (target, _) = spec_of(&format!(
        "version: 1\nclusters: {{scripted: {{uri: '{uri}', databases: {{target: {{}}}}}}}}\n"
    ));
    let live = world.look(&everything(&target)).await;
    let mut written = write::spec(&live.inventory, Claim::Exact);
    for text in written.files.values_mut() {
        *text = text.replace("\n      target:", "\n      current:");
    }
    let folder = tempfile::tempdir().unwrap();
    save(&written, folder.path());
    let spec = std::panic::catch_unwind(|| load(folder.path()));
    let spec = spec.map_err(|why| why.downcast_ref::<String>().cloned().unwrap_or_default())?;
    let plan = world.plan(&spec, false).await;
    let shown =
        format!("{}{}", text::plan(&plan, text::Style { verbose: true }), text::refusals(&plan.refusals));
    if !plan.refusals.is_empty() {
        return Err(shown);
    }
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    if report.outcome != Outcome::Done {
        return Err(format!(
            "{shown}{:?}\n{:#?}\n{}",
            report.outcome,
            report.troubles,
            report.sentences.join("\n")
        ));
    }
    let (now, wanted) = (schema(&world, &uri, "current").await, schema(&world, &uri, "target").await);
    if now != wanted {
        let (now, wanted) = (now.join("\n"), wanted.join("\n"));
        let diff = similar::TextDiff::from_lines(&wanted, &now);
        let diff = diff.unified_diff().context_radius(1).header("wanted", "became").to_string();
        return Err(format!("{diff}\n{shown}{:?}", written.notes));
    }
    let count = wanted.len();
    world.emulator.stop().await;
    Ok(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn current_databases_become_their_targets() {
    let more = std::env::var_os("ADXFORM_SCRIPTS").map(PathBuf::from);
    let more = more.into_iter().flat_map(|folder| {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        found.sort();
        found
    });
    let mut complaints = Vec::new();
    for folder in entries("tests/scripts").into_iter().chain(more) {
        match pair(&folder).await {
            Ok(statements) => println!("{}: {statements} statements", folder.display()),
            Err(why) => complaints.push(format!("== {}: {why}", folder.display())),
        }
    }
    complain(&complaints);
}
