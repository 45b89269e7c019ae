//! Rows survive what the plan says they survive: renames, changed types, drops that are taken back.
//!
//! A folder of `tests/rows/` is a case: from `before.yaml`, with the commands of `rows.kql` run in the database `d`, to
//! `after.yaml`, and back by rollback. `expected.txt` shows every row at each of the three moments; `BLESS=1 cargo
//! test --test product rows` writes it. Adding a case adds no Rust.

use crate::support::{complain, entries, expect_file, load};
use crate::world::World;
use adxform::model::Scope;
use adxform::model::body::Value;
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use std::fmt::Write;
use std::path::Path;

async fn ask(world: &World, uri: &str, path: &str, csl: &str) -> serde_json::Value {
    let client = reqwest::Client::new();
    let body = serde_json::json!({"db": "d", "csl": csl});
    let request =
        client.post(format!("{uri}/v1/rest/{path}")).header("Authorization", "Bearer t").json(&body);
    let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    assert!(answer.get("error").is_none(), "{csl}: {answer}");
    let _ = world;
    answer["Tables"][0]["Rows"].clone()
}

/// Every table of the database with its rows.
async fn shown(world: &World, scope: &Scope, title: &str) -> String {
    let uri = uri(world, scope).await;
    let mut text = format!("== {title}\n");
    let tables = ask(world, &uri, "mgmt", ".show tables | project TableName").await;
    let mut names: Vec<&str> =
        tables.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
    names.sort_unstable();
    for name in names {
        let _ = writeln!(text, "{name}");
        for row in ask(world, &uri, "query", &format!("['{name}']")).await.as_array().unwrap() {
            let _ = writeln!(text, "    {row}");
        }
    }
    text
}

async fn uri(world: &World, scope: &Scope) -> String {
    let live = world.look(scope).await.inventory;
    let cluster = live.iter().find(|(_, found)| found.kind == "cluster").unwrap().1;
    cluster.attributes.get("uri").and_then(Value::as_text).unwrap().to_owned()
}

async fn case(folder: &Path) -> Result<(), String> {
    let read = |name: &str| {
        let alone = tempfile::tempdir().unwrap();
        std::fs::copy(folder.join(name), alone.path().join(name)).unwrap();
        load(alone.path())
    };
    let (before, after) = (read("before.yaml"), read("after.yaml"));
    let world = World::new(None).await;
    let plan = world.plan(&before, false).await;
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{:#?}", report.troubles);
    let uri = uri(&world, &plan.scope).await;
    for command in std::fs::read_to_string(folder.join("rows.kql")).unwrap().lines() {
        ask(&world, &uri, "mgmt", command).await;
    }
    let mut text = shown(&world, &plan.scope, "before").await;
    let plan = world.plan(&after, false).await;
    for step in &plan.steps {
        let _ = writeln!(text, "-> {}", step.request.shown());
    }
    let (report, journal) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{}: {:#?}", folder.display(), report.troubles);
    text.push_str(&shown(&world, &plan.scope, "after").await);
    let report = world.take_up(&journal, Intent::Rollback).await;
    assert_eq!(report.outcome, Outcome::RolledBack, "{}: {:#?}", folder.display(), report.sentences);
    text.push_str(&shown(&world, &plan.scope, "rolled back").await);
    world.emulator.stop().await;
    expect_file(&folder.join("expected.txt"), &text)
}

#[tokio::test]
async fn rows_survive() {
    let mut complaints = Vec::new();
    for folder in entries("tests/rows") {
        complaints.extend(case(&folder).await.err());
    }
    complain(&complaints);
}
