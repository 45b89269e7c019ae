//! Lives of single things as acceptance tests of other tools lead them: created, updated in place, updated again,
//! destroyed.
//!
//! Each folder of `tests/chains/` holds whole specs in their order. The first line says what a step is about; one that
//! begins with `# Anew` may delete what it makes again, every other one deletes nothing; one that begins with `# The same`
//! changes nothing.

use crate::import::round_trip;
use crate::support::{complain, entries, load};
use crate::world::World;
use adxform::model::Request;
use adxform::model::request::Method;
use adxform::plan::{Plan, text};
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use adxform::spec::Spec;
use std::path::Path;

fn shown(plan: &Plan) -> String {
    format!("{}{}", text::plan(plan, text::Style { verbose: true }), text::refusals(&plan.refusals))
}

fn deletes(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(&step.request, Request::Arm(arm) if arm.method == Method::Delete))
}

async fn converge(world: &World, spec: &Spec, about: &str) -> Result<(), String> {
    let (may_delete, same) = (about.starts_with("# Anew"), about.starts_with("# The same"));
    let plan = world.plan(spec, false).await;
    if plan.is_empty() != same || !plan.refusals.is_empty() || deletes(&plan) && !may_delete {
        return Err(format!("it is planned as\n{}", shown(&plan)));
    }
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    if report.outcome != Outcome::Done {
        return Err(format!("{:?} {:#?}\n{}", report.outcome, report.troubles, report.sentences.join("\n")));
    }
    let second = world.plan(spec, false).await;
    if !second.is_empty() {
        return Err(format!("its second plan is not empty:\n{}", shown(&second)));
    }
    round_trip(world, spec).await
}

async fn live(folder: &Path) -> Result<(), String> {
    let world = World::new(None).await;
    let mut last = None;
    let mut steps: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    steps.sort();
    for path in steps {
        let text = std::fs::read_to_string(&path).unwrap();
        let about = text.lines().next().unwrap_or_default();
        let spec = load(&path);
        let done = converge(&world, &spec, about).await;
        done.map_err(|why| format!("{} ({about}): {why}", path.display()))?;
        last = Some(spec);
    }
    let spec = last.ok_or("there is no step")?;
    let plan = world.plan(&spec, true).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    let left = world.look(&plan.scope).await.inventory;
    let is_clean = report.outcome == Outcome::Done && left.is_empty();
    world.emulator.stop().await;
    if is_clean { Ok(()) } else { Err(format!("destroy ends as {:?}\n{}", report.outcome, shown(&plan))) }
}

#[tokio::test]
async fn lives_are_led_to_their_end() {
    let only = std::env::var("ADXFORM_CHAIN").ok();
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for folder in entries("tests/chains") {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        seen += 1;
        complaints.extend(live(&folder).await.err().map(|why| format!("{name}: {why}")));
    }
    assert!(seen > 0);
    complain(&complaints);
}
