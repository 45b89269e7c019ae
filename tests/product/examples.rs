//! Every example: the plan it prints is the one beside it, it converges, a second plan is empty, and it goes away
//! again without a trace.

use crate::support::{complain, entries, expect_file, load};
use crate::world::World;
use adxform::model::Request;
use adxform::plan::text;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_example_is_planned_applied_and_destroyed() {
    let (mut complaints, mut commands) = (Vec::new(), BTreeSet::new());
    for folder in entries("examples").into_iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for file in ["adxform.toml", "README.md"] {
            if !folder.join(file).exists() {
                complaints.push(format!("{name}: {file} is missing"));
            }
        }
        let spec = load(&folder);
        let world = World::new(None).await;
        let plan = world.plan(&spec, false).await;
        let printed = text::plan(&plan, text::Style::default());
        complaints.extend(expect_file(&folder.join("plan.txt"), &printed).err());
        commands.extend(plan.steps.iter().filter_map(|step| match &step.request {
            Request::Kusto(kusto) => Some(kusto.command.to_string()),
            Request::Arm(_) => None,
        }));
        let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
        if report.outcome != Outcome::Done {
            complaints.push(format!(
                "{name}: {:?} {:#?}\n{}",
                report.outcome,
                report.troubles,
                report.sentences.join("\n")
            ));
            continue;
        }
        let second = world.plan(&spec, false).await;
        if !second.is_empty() {
            complaints.push(format!(
                "{name}: the second plan is not empty:\n{}",
                text::plan(&second, text::Style::default())
            ));
        }
        let destroy = world.plan(&spec, true).await;
        let (report, _) = world.apply(&destroy, OnFailure::Rollback).await;
        let left: BTreeSet<String> =
            world.look(&plan.scope).await.inventory.iter().map(|(a, _)| a.to_string()).collect();
        if report.outcome != Outcome::Done || !left.is_empty() {
            complaints.push(format!("{name}: destroy ends as {:?} and leaves {left:?}", report.outcome));
        }
        world.emulator.stop().await;
    }
    complain(&complaints);
    crate::kql::check(&commands);
}
