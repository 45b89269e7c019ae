//! The Kusto endpoint against transcripts: commands sent over its HTTP routes, and what must come back.
//!
//! A case is text in `tests/wire/kusto/*.txt`; adding one adds no code:
//!
//! ```text
//! # a remark
//! @database D          the database of the requests that follow; `db` at first
//! @readonly on|off     whether requests are sent as read-only
//! @path /v1/rest/query where requests go; `/v1/rest/mgmt` at first
//! @tables 3            the most tables of a database
//! @views 3             the most materialized views of a database
//! @backfill 60         how many seconds the backfill of a view lasts; 30 ms at first
//! @pass 60             lets so many seconds pass
//! @keep id             the first cell of the last answer stands for `$id` in commands from here on
//! @reopen              stop the engine and start it again on the same file
//!
//! >>> .show tables                        a command, to the next line that begins with `<<<`
//! <<< TableName Folder:string             columns to compare, with their types if given; rows follow as JSON
//! ["T", "*"]                              `*` stands for anything
//! <<< = TableName:string DatabaseName:string …    these columns and no others, then rows; none means no rows
//! <<< ok                                  any answer that is no refusal
//! <<< 400 BadRequest_EntityNotFound Entity ID 'T' of kind*   a refusal: status, code, text (with `*`)
//! ```
//!
//! A cell that is written as an object or array is compared with the JSON text of the answer. After every request the
//! state in memory must equal what the store holds, a refused one must not have moved the version of a database, and
//! after every transcript the same state must load again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "wire/kusto/transcript.rs"]
mod transcript;

use adxform::emulator::kusto::{Periods, Principal};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tower::ServiceExt;
use transcript::{Step, World, difference, read_transcript, transcripts};

#[tokio::test]
async fn transcripts_agree() {
    let mut failures = Vec::new();
    let mut commands = 0;
    for path in transcripts() {
        let mut world = World::new();
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        let mut last = Value::Null;
        for step in read_transcript(&path) {
            let (line, text, expected, rows) = match step {
                Step::Set(name, value) => {
                    match name.as_str() {
                        "database" => world.database = value,
                        "path" => world.path = value,
                        "readonly" => world.read_only = value == "on",
                        "tables" => world.engine.set_table_limit(value.parse().unwrap()),
                        "external_tables" => world.engine.set_external_table_limit(value.parse().unwrap()),
                        "views" => world.engine.set_view_limit(value.parse().unwrap()),
                        "backfill" => world.engine.set_backfill(Duration::from_secs(value.parse().unwrap())),
                        "pass" => world.engine.pass(Duration::from_secs(value.parse().unwrap())),
                        "keep" => drop(kept.insert(format!("${value}"), first_cell(&last))),
                        "reopen" => world = world.reopen(),
                        _ => panic!("{}: @{name} means nothing", path.display()),
                    }
                    continue;
                }
                Step::Send { line, text, expected, rows } => (line, text, expected, rows),
            };
            commands += 1;
            let text = kept.iter().fold(text, |text, (name, value)| text.replace(name, value));
            let before = world.versions().await;
            let (status, _, body) = world.send(&text).await;
            let unchanged =
                status.is_success() || text.contains("ThrowOnErrors") || before == world.versions().await;
            assert!(unchanged, "{}:{line}: refused, and yet something changed: {text}", path.display());
            if let Some(found) = difference(status, &body, &expected, &rows) {
                failures.push(format!(
                    "{}:{line}: {text}\n  expected: {expected}\n  found: {found}",
                    path.display()
                ));
            }
            assert!(world.engine.agrees_with_store().unwrap(), "{}:{line}: {text}", path.display());
            last = body;
        }
        let world = world.reopen();
        assert!(world.engine.agrees_with_store().unwrap(), "{}", path.display());
    }
    assert!(
        failures.is_empty(),
        "{} of {commands} commands differ:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    assert!(commands > 0, "no transcript was found");
}

fn first_cell(body: &Value) -> String {
    body["Tables"][0]["Rows"][0][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_answer_is_traceable() {
    let world = World::new();
    let bodies =
        [json!({"db": "db", "csl": ".show tables"}).to_string(), "not json".to_owned(), "{}".to_owned()];
    for body in bodies {
        for given in [Some("client;1"), None] {
            let mut request = Request::post("/v1/rest/mgmt");
            if let Some(id) = given {
                request = request.header("x-ms-client-request-id", id);
            }
            let request = request.body(Body::from(body.clone())).unwrap();
            let headers = world.router.clone().oneshot(request).await.unwrap().headers().clone();
            let echoed = headers["x-ms-client-request-id"].to_str().unwrap();
            assert!(given.map_or_else(|| echoed.starts_with("unspecified;"), |given| echoed == given));
            assert_eq!(headers["x-ms-activity-id"].to_str().unwrap().len(), 36);
        }
    }
}

#[tokio::test]
async fn refusals_have_the_shape_that_clients_read() {
    let world = World::new();
    let (status, _, body) = world.send(".create table T (a:strng)").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let error = &body["error"];
    assert_eq!(error["code"], "BadRequest_SyntaxError");
    assert_eq!(error["message"], "Request is invalid and cannot be executed.");
    assert_eq!(error["@type"], "Kusto.Data.Exceptions.SyntaxException");
    assert_eq!(error["@permanent"], true);
    assert_eq!(error["innererror"]["code"], "SYN0002");
    assert_eq!((&error["innererror"]["@line"], &error["innererror"]["@pos"]), (&json!(1), &json!(20)));
    assert!(error["@context"]["activityId"].is_string());
    let (_, _, body) = world.send(".show table T cslschema").await;
    assert_eq!(body["error"]["@type"], "Kusto.Data.Exceptions.EntityNotFoundException");
}

#[tokio::test]
async fn a_token_is_asked_for_only_when_required() {
    let world = World::new();
    let send = |token: Option<&'static str>| {
        let mut request = Request::post("/v1/rest/mgmt");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let body = json!({"db": "db", "csl": ".show tables"}).to_string();
        world.router.clone().oneshot(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(send(None).await.unwrap().status(), StatusCode::OK);
    assert_eq!(send(Some("Basic eDp5")).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    world.engine.require_token(true);
    assert_eq!(send(None).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(Some("Bearer fake")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn queries_answer_in_both_versions() {
    let mut world = World::new();
    let (_, _, plain) = world.send(".show tables").await;
    assert_eq!(plain["Tables"].as_array().unwrap().len(), 1);
    let (_, _, queried) = world.send(".show tables | count").await;
    let tables = queried["Tables"].as_array().unwrap();
    assert_eq!(tables.len(), 4);
    assert_eq!(tables[3]["Rows"][0][2], "PrimaryResult");
    world.path = "/v2/rest/query".to_owned();
    let (_, _, frames) = world.send("print a = 1").await;
    let kinds: Vec<&str> =
        frames.as_array().unwrap().iter().map(|frame| frame["FrameType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["DataSetHeader", "DataTable", "DataTable", "DataTable", "DataSetCompletion"]);
    assert_eq!(frames[2]["Rows"], json!([[1]]));
}

/// The script of a database, run in an empty one, makes the same schema and the same script.
#[tokio::test]
async fn scripts_rebuild_databases() {
    for path in transcripts() {
        let mut world = World::new();
        for step in read_transcript(&path) {
            if let Step::Send { text, .. } = step {
                world.send(&text).await;
            }
        }
        let script = rebuilding_script(&world).await;
        let schema = world.rows(".show database db schema as json with (Tables=true, Functions=true)").await;
        world.engine.drop_database("c", "db").unwrap();
        world.engine.create_database("c", "db", Periods::default()).unwrap();
        world.database = "db".to_owned();
        let script = script.join("\n\n");
        let rows = if script.is_empty() {
            Vec::new()
        } else {
            world.rows(&format!(".execute database script with (ContinueOnErrors=true) <|\n{script}")).await
        };
        for row in rows {
            assert_eq!(row[3], "Completed", "{}: {row}", path.display());
        }
        assert_eq!(rebuilding_script(&world).await.join("\n\n"), script, "{}", path.display());
        let again = world.rows(".show database db schema as json with (Tables=true, Functions=true)").await;
        assert_eq!(without_version(&again), without_version(&schema), "{}", path.display());
    }
}

/// The commands of `schema as csl script`, without policies that refer to views, which the script does not make.
async fn rebuilding_script(world: &World) -> Vec<String> {
    let rows = world.rows(".show database db schema as csl script with (ShowObfuscatedStrings=true)").await;
    rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

fn without_version(rows: &[Value]) -> Value {
    let mut schema: Value = serde_json::from_str(rows[0][0].as_str().unwrap()).unwrap();
    for part in ["MajorVersion", "MinorVersion"] {
        schema["Databases"]["db"].as_object_mut().unwrap().remove(part);
    }
    schema
}

#[tokio::test]
async fn arm_and_commands_share_one_store() {
    const DAY: i64 = 864_000_000_000;
    let world = World::new();
    let engine = &world.engine;
    let periods = Periods { soft_delete: Some(365 * DAY), hot_cache: Some(31 * DAY) };
    engine.set_periods("C", "DB", periods).unwrap();
    assert_eq!(engine.periods("c", "db"), Some(periods));
    let rows = world.rows(".show database db policy retention").await;
    assert_eq!(rows[0][2], r#"{"SoftDeletePeriod":"365.00:00:00","Recoverability":"Enabled"}"#);
    world.rows(".alter database db policy caching hot = 7d").await;
    world.rows(".alter-merge database db policy retention recoverability = disabled").await;
    assert_eq!(engine.periods("c", "db").unwrap().hot_cache, Some(7 * DAY));
    engine.set_periods("c", "db", Periods { soft_delete: Some(DAY), hot_cache: None }).unwrap();
    let rows = world.rows(".show database db policy retention").await;
    assert_eq!(rows[0][2], r#"{"SoftDeletePeriod":"1.00:00:00","Recoverability":"Disabled"}"#);
    assert_eq!(world.rows(".show database db policy caching").await[0][2], "null");

    let principal = Principal {
        role: "Admin".to_owned(),
        principal_type: "App".to_owned(),
        principal_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        tenant_id: "99999999-8888-7777-6666-555555555555".to_owned(),
        object_id: "77777777-2222-3333-4444-555555555555".to_owned(),
        name: "iot".to_owned(),
    };
    engine.add_principal("c", Some("db"), &principal).unwrap();
    engine.add_principal("c", Some("db"), &principal).unwrap();
    assert_eq!(engine.principals("c", Some("DB")), std::slice::from_ref(&principal));
    let rows = world.rows(".show database db principals").await;
    assert_eq!(
        rows[0][4],
        "aadapp=11111111-2222-3333-4444-555555555555;99999999-8888-7777-6666-555555555555"
    );
    world.rows(".drop database db admins ('aadapp=11111111-2222-3333-4444-555555555555;99999999-8888-7777-6666-555555555555')").await;
    assert!(engine.principals("c", Some("db")).is_empty());
    let everywhere = Principal { role: "AllDatabasesViewer".to_owned(), ..principal };
    engine.add_principal("c", None, &everywhere).unwrap();
    assert_eq!(world.rows(".show database db principals").await[0][0], "AllDatabasesViewer");
    engine.drop_principal("c", None, &everywhere).unwrap();
    assert!(engine.add_principal("c", None, &Principal::default()).is_err());
    assert!(engine.add_principal("c", Some("absent"), &everywhere).is_err());

    world.rows(".create table T (a:long)").await;
    world.rows(r#".create table T ingestion json mapping "m" '[{"column":"a","path":"$.a"}]'"#).await;
    assert!(engine.has_table("C", "DB", "T") && !engine.has_table("c", "db", "t"));
    assert!(engine.has_mapping("c", "db", "T", "m", None));
    assert!(engine.has_mapping("c", "db", "T", "m", Some("MULTIJSON")));
    assert!(!engine.has_mapping("c", "db", "T", "m", Some("CSV")));
    world.rows(r#".create database db ingestion csv mapping "d" '[{"column":"a","Properties":{"Ordinal":"0"}}]'"#).await;
    assert!(engine.has_mapping("c", "db", "T", "d", Some("csv")));
    let world = world.reopen();
    assert!(world.engine.has_table("c", "db", "T"));
    world.engine.drop_cluster("c").unwrap();
    let world = world.reopen();
    assert!(!world.engine.has_table("c", "db", "T") && world.engine.periods("c", "db").is_none());
    let (status, _, body) = world.send(".show tables").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("BadRequest_EntityNotFound"))
    );
}

/// Ten times the tables costs about ten times the work: no command rewrites the database.
#[tokio::test]
async fn ten_thousand_tables() {
    const TABLES: usize = 10_000;
    let world = World::new();
    let columns: Vec<String> = (0..30).map(|at| format!("column_{at}:string")).collect();
    let columns = columns.join(", ");
    let commands: Vec<String> = (0..TABLES).map(|at| format!(".create table T{at:05} ({columns})")).collect();
    let started = std::time::Instant::now();
    let rows = world.rows(&format!(".execute database script <|\n{}", commands.join("\n"))).await;
    assert_eq!(rows.len(), TABLES);
    assert!(rows.iter().all(|row| row[3] == "Completed"));
    let scripted = started.elapsed();
    let started = std::time::Instant::now();
    let schema = world.rows(".show database db schema as json").await;
    assert!(schema[0][0].as_str().unwrap().contains("\"T09999\""));
    let read = started.elapsed();
    let (status, _, body) = world.send(".create table OneMore (a:long)").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    // Generous on purpose: an unoptimised build on a busy machine must pass, a quadratic one must not.
    assert!(scripted.as_secs() < 120, "{TABLES} tables took {scripted:?}");
    assert!(read.as_secs() < 30, "the schema of {TABLES} tables took {read:?}");
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_legal_name_is_created_and_read_back(
        table in "[\\p{L}\\p{Nd}_ .-]{1,30}",
        column in "[\\p{L}\\p{Nd}_ .-]{1,30}",
        doc in "(?s).{0,40}",
    ) {
        let reserved = |name: &str| name.starts_with("__") || name.ends_with("__");
        prop_assume!(!reserved(&table) && !reserved(&column));
        block(async {
            let world = World::new();
            let text = json!(doc).to_string();
            world.rows(&format!(".create table ['{table}'] (['{column}']:long) with (docstring={text})")).await;
            let rows = world.rows(&format!(".show tables (['{table}'])")).await;
            assert_eq!(rows, [json!([table, "db", "", doc])]);
            let rows = world.rows(&format!(".show table ['{table}'] schema as json")).await;
            let schema: Value = serde_json::from_str(rows[0][1].as_str().unwrap()).unwrap();
            assert_eq!(schema["OrderedColumns"][0]["Name"], json!(column));
            let script = world.rows(".show database db schema as csl script").await;
            world.rows(&format!(".drop table ['{table}']")).await;
            world.rows(script[0][0].as_str().unwrap()).await;
            assert_eq!(world.rows(&format!(".show tables (['{table}'])")).await, [json!([table, "db", "", doc])]);
        });
    }

    #[test]
    fn no_text_in_a_literal_changes_anything_else(text in "(?s)[\"'|;/\n\\\\a.{}\\[\\]@h`-]{0,40}") {
        block(async {
            let world = World::new();
            world.rows(".create table Kept (a:long)").await;
            let literal = json!(text).to_string();
            world.rows(&format!(".alter table Kept docstring {literal}")).await;
            world.rows(&format!(".execute database script <|\n.alter table Kept folder {literal}\n.create table After (a:long)")).await;
            let rows = world.rows(".show tables").await;
            assert_eq!(rows, [json!(["After", "db", "", ""]), json!(["Kept", "db", text, text])]);
        });
    }
}
