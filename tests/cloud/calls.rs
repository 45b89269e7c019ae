//! The calls that a transcript can make, and how their outcomes read.

use super::world::{World, told};
use adxform::cloud::{Begun, CloudError, CommandOperation, CommandResult, Operation};
use adxform::live::{self, Endpoints};
use adxform::model::request::ArmRequest;
use adxform::model::{Command, Rows, Scope, Value};
use serde_json::Value as Json;
use std::time::Duration;

pub(crate) async fn make(world: &World, call: &Json) {
    let cloud = &world.cloud;
    let text = |name: &str| call[name].as_str().unwrap_or_default().replace("{server}", &world.server);
    let (path, version) = (text("path"), "2024-04-13");
    let outcome = match call["do"].as_str().unwrap() {
        "get" => cloud.get(&path, version).await.map(|found| json(&found.into())),
        "list" => cloud.list(&path, version).await.map(|found| json(&found.into())),
        "settled" => cloud.settled(&path, version).await.map(|found| json(&found.into())),
        "begin" => cloud.begin(&request(call)).await.map(|begun| begun_line(&begun)),
        "perform" => {
            let begun = |operation: &Operation| world.say(format!("= {operation:?}"));
            cloud.perform(&request(call), begun).await.map(|found| json(&found))
        }
        "follow" => {
            let stored = call["operation"].to_string().replace("{server}", &world.server);
            let operation: Operation = serde_json::from_str(&stored).unwrap();
            cloud.follow(&operation).await.map(|found| json(&found))
        }
        "command" => {
            let uri = call["uri"].as_str().map_or_else(|| world.server.clone(), str::to_owned);
            cloud.command(&uri, &text("database"), &text("csl")).await.map(|tables| tables_line(&tables))
        }
        "beginCommand" => {
            let began = cloud.begin_command(&world.server, &text("database"), &text("csl")).await;
            began.map(|operation| serde_json::to_string(&operation).unwrap())
        }
        "followCommand" => {
            let stored = call["operation"].to_string().replace("{server}", &world.server);
            let operation: CommandOperation = serde_json::from_str(&stored).unwrap();
            cloud.follow_command(&operation).await.map(|()| "completed".to_owned())
        }
        "script" => {
            let commands: Vec<Command> = serde_json::from_value(call["commands"].clone()).unwrap();
            cloud
                .script(&world.server, &text("database"), &commands)
                .await
                .map(|results| results_lines(&results))
        }
        "live" => read(world, call).await,
        "wait" => {
            let seconds = call["seconds"].as_u64().unwrap();
            world.clock.advance(Duration::from_secs(seconds));
            Ok(format!("{seconds} s later"))
        }
        other => panic!("`{other}` is not a call"),
    };
    world.say(outcome.map_or_else(|error| told(&error), |line| format!("= {line}")));
}

fn request(call: &Json) -> ArmRequest {
    ArmRequest {
        method: serde_json::from_value(call["method"].clone()).unwrap(),
        path: call["path"].as_str().unwrap().to_owned(),
        api_version: "2024-04-13".to_owned(),
        body: Value::from_json(&call["body"]),
        if_match: call["ifMatch"].as_str().map(str::to_owned),
        create_only: call["createOnly"] == true,
    }
}

fn json(found: &Json) -> String {
    found.to_string()
}

fn begun_line(begun: &Begun) -> String {
    match begun {
        Begun::Done(json) => format!("done {json}"),
        Begun::Operation(operation) => serde_json::to_string(operation).unwrap(),
    }
}

fn tables_line(tables: &[Rows]) -> String {
    let table = |rows: &Rows| format!("{:?} {}", rows.columns, serde_json::to_string(&rows.rows).unwrap());
    tables.iter().map(table).collect::<Vec<_>>().join(" and ")
}

fn results_lines(results: &[CommandResult]) -> String {
    let result = |result: &CommandResult| match result {
        Ok(()) => "completed".to_owned(),
        Err(error) => told(error).replacen("= ", "", 1),
    };
    results.iter().map(result).collect::<Vec<_>>().join("\n= ")
}

/// Reads an inventory; requests of one round arrive in any order, so their lines are put in order.
async fn read(world: &World, call: &Json) -> Result<String, CloudError> {
    let scope: Scope = serde_json::from_value(call["scope"].clone()).unwrap();
    let scope = serde_json::to_string(&scope).unwrap().replace("{server}", &world.server);
    let endpoints = Endpoints::default();
    for (root, uri) in call["endpoints"].as_object().into_iter().flatten() {
        endpoints.note(&root.parse().unwrap(), &uri.as_str().unwrap().replace("{server}", &world.server));
    }
    let live = live::read(&world.cloud, &serde_json::from_str(&scope).unwrap(), &endpoints).await;
    world.lines.lock().unwrap().sort();
    let live = live?;
    let mut told = format!("{} requests, {} deep", world.cloud.log().len(), world.cloud.depth());
    for (address, thing) in live.inventory.iter() {
        let figures = thing.rows.map(|rows| format!(" {rows} rows")).unwrap_or_default();
        told.push_str(&format!("\n  {address}: {} {} {:?}{figures}", thing.kind, thing.name, thing.mode));
        if call["bodies"] == true {
            told.push_str(&format!(" {}", thing.body.shown()));
        }
    }
    let unreadable = live.unreadable.iter().map(|(address, why)| format!("\n  unreadable {address}: {why}"));
    let notes = live.notes.iter().map(|note| format!("\n  note {note}"));
    told.extend(unreadable.chain(notes));
    Ok(told)
}
