//! The control plane over HTTP: transcripts of our own in `tests/wire/arm`, and what a transcript cannot say.
//!
//! A transcript is a list of JSON objects, one a line: `send` (a method) with `path`, `body`, `headers`, `api` and
//! what must come back: `status`, `like` (a part of the body; `~text` is a substring), `lacks` (JSON pointers),
//! `head` (headers; null: absent), `until` (it is asked again until that comes) and `end` (how the operation ends: `Succeeded`, or an error code and a part of
//! its message). `kusto` sends the command `csl` to a cluster's own endpoint. `options` (`pace`, `faults`, `age` in days) stand first.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use adxform::emulator::{Emulator, Exchange, Fault, Hook, Options};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const SUBSCRIPTION: &str = "22222222-2222-4222-8222-222222222222";
const API: &str = "2024-04-13";

fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

fn options() -> Options {
    Options { groups: vec![(SUBSCRIPTION.to_owned(), "rg".to_owned())], ..Options::default() }
}

/// `{S}`, `{G}` and `{K}` stand for the subscription, the group and the Kusto provider in it.
fn full(text: &str) -> String {
    text.replace("{K}", "{G}/providers/Microsoft.Kusto")
        .replace("{G}", "{S}/resourceGroups/rg")
        .replace("{S}", &format!("/subscriptions/{SUBSCRIPTION}"))
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

struct Wire {
    client: reqwest::Client,
    url: String,
}

impl Wire {
    fn to(emulator: &Emulator) -> Self {
        Self { client: client(), url: emulator.arm_url().to_owned() }
    }

    async fn ask(&self, method: &str, url: &str, body: &Value, headers: &Value) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method.parse().unwrap(), url);
        if headers.get("authorization").is_none() {
            request = request.bearer_auth("opaque");
        }
        for (name, value) in headers.as_object().into_iter().flatten() {
            if let Some(value) = value.as_str() {
                request = request.header(name, value);
            }
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text =
            |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body })
    }

    /// Calls the control plane with the usual api-version.
    async fn arm(&self, method: &str, path: &str, body: &Value) -> Answer {
        let url = format!("{}{}?api-version={API}", self.url, full(path));
        self.ask(method, &url, body, &Value::Null).await.unwrap()
    }

    /// Writes and waits; gives back the end of the operation.
    async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let first = self.arm(method, path, body).await;
        assert!(first.status < 300, "{method} {path}: {} {}", first.status, first.body);
        self.end(&first).await
    }

    /// Follows the operation of an answer to its end.
    async fn end(&self, first: &Answer) -> Value {
        let url = first.headers.get("azure-asyncoperation").expect("an operation").replace(' ', "%20");
        for _ in 0..1000 {
            let poll = self.ask("GET", &url, &Value::Null, &Value::Null).await.unwrap();
            assert_eq!(poll.status, 200, "{}", poll.body);
            if poll.body["status"] != "Running" {
                return poll.body;
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        panic!("the operation {url} did not end");
    }

    /// A command or query to a cluster's own endpoint.
    async fn kusto(&self, cluster: &str, database: &str, csl: &str) -> Answer {
        let found = self.arm("GET", &format!("{{K}}/clusters/{cluster}"), &Value::Null).await;
        let uri = found.body["properties"]["uri"].as_str().expect("a cluster's URL").to_owned();
        let verb = if csl.starts_with('.') { "mgmt" } else { "query" };
        let url = format!("{uri}/v1/rest/{verb}");
        self.ask("POST", &url, &json!({"db": database, "csl": csl}), &Value::Null).await.unwrap()
    }

    async fn cluster(&self, name: &str) {
        let body = json!({"location": "westeurope", "sku": {"name": "Standard_E2a_v4", "tier": "Standard", "capacity": 2}});
        assert_eq!(self.done("PUT", &format!("{{K}}/clusters/{name}"), &body).await["status"], "Succeeded");
    }

    async fn database(&self, cluster: &str, name: &str) {
        let body = json!({"location": "westeurope", "kind": "ReadWrite"});
        let path = format!("{{K}}/clusters/{cluster}/databases/{name}");
        assert_eq!(self.done("PUT", &path, &body).await["status"], "Succeeded");
    }
}

/// What `got` lacks of `want`.
fn unlike(at: &str, want: &Value, got: &Value, out: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            for (name, value) in want {
                unlike(&format!("{at}/{name}"), value, got.get(name).unwrap_or(&json!("(absent)")), out);
            }
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (index, (want, got)) in want.iter().zip(got).enumerate() {
                unlike(&format!("{at}/{index}"), want, got, out);
            }
        }
        (Value::String(want), Value::String(got))
            if want.strip_prefix('~').is_some_and(|part| got.contains(&full(part))) || full(want) == *got => {
        }
        (want, got) if want == got => {}
        (want, got) => out.push(format!("{at}: {got}, want {want}")),
    }
}

async fn step(wire: &Wire, line: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let answer = if line.get("kusto").is_some() {
        wire.kusto(text("kusto"), text("db"), text("csl")).await
    } else {
        let path = full(text("path"));
        let api = line.get("api").map_or(Some(API), Value::as_str);
        let mark = if path.contains('?') { '&' } else { '?' };
        let query = api.map(|api| format!("{mark}api-version={api}")).unwrap_or_default();
        let body: Value = serde_json::from_str(&full(&line["body"].to_string())).unwrap();
        let url = format!("{}{}{query}", wire.url, path.replace(' ', "%20"));
        wire.ask(text("send"), &url, &body, &line["headers"]).await.unwrap()
    };
    if json!(answer.status) != line["status"] {
        return vec![format!("status {}, want {}: {}", answer.status, line["status"], answer.body)];
    }
    if let Some(like) = line.get("like") {
        unlike("", like, &answer.body, &mut out);
    }
    for at in line["lacks"].as_array().into_iter().flatten() {
        if let Some(found) = answer.body.pointer(at.as_str().unwrap()) {
            out.push(format!("{at}: {found}, want it absent"));
        }
    }
    for (name, want) in line["head"].as_object().into_iter().flatten() {
        let got = answer.headers.get(name).map_or(Value::Null, |value| json!(value));
        unlike(name, want, &got, &mut out);
    }
    match line.get("end") {
        None => {}
        Some(Value::String(status)) => {
            let end = wire.end(&answer).await;
            unlike("end", &json!({"status": status}), &end, &mut out);
        }
        Some(failure) => {
            let end = wire.end(&answer).await;
            unlike("end", &json!({"status": "Failed", "error": failure}), &end, &mut out);
        }
    }
    out
}

/// A step, or where it is to be taken until what comes is as it should be, as many as that takes.
async fn steps(wire: &Wire, line: &Value) -> Vec<String> {
    for _ in 0..if line["until"] == true { 400 } else { 0 } {
        if step(wire, line).await.is_empty() {
            return Vec::new();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    step(wire, line).await
}

fn transcripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/arm");
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[tokio::test]
async fn transcripts_hold() {
    let mut faults = Vec::new();
    let found = transcripts();
    assert!(found.len() >= 6, "{found:?}");
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let pace = lines[0]["options"]["pace"].as_f64().unwrap_or(0.0);
        let faults_asked = lines[0]["options"].get("faults").cloned().unwrap_or_else(|| json!([]));
        let faults_asked = serde_json::from_value(faults_asked).unwrap();
        let age_in_days =
            lines[0]["options"]["age"].as_u64().and_then(|days| days.try_into().ok()).unwrap_or(0);
        let asked = Options { pace, faults: faults_asked, age_in_days, ..options() };
        let emulator = Emulator::start(asked).await.unwrap();
        let wire = Wire::to(&emulator);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.get("options").is_none()) {
            let found = steps(&wire, line).await;
            faults.extend(found.into_iter().map(|fault| format!("{name}:{}: {fault}", index + 1)));
        }
        emulator.stop().await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn an_operation_ends_without_being_polled() {
    let emulator = Emulator::start(options()).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    wire.database("adxone", "db").await;
    assert_eq!(wire.arm("DELETE", "{K}/clusters/adxone/databases/db", &Value::Null).await.status, 202);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(wire.arm("GET", "{K}/clusters/adxone/databases/db", &Value::Null).await.status, 404);
    // Neither is the other plane told by a request: the timer did it.
    assert_eq!(wire.kusto("adxone", "db", ".show tables").await.status, 400);
}

#[tokio::test]
async fn a_cluster_has_its_own_endpoint() {
    let emulator = Emulator::start(options()).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    wire.cluster("adxtwo").await;
    wire.database("adxone", "db").await;
    let uri = |answer: Answer| answer.body["properties"]["uri"].as_str().unwrap().to_owned();
    let one = uri(wire.arm("GET", "{K}/clusters/adxone", &Value::Null).await);
    let two = uri(wire.arm("GET", "{K}/clusters/adxtwo", &Value::Null).await);
    assert_ne!(one, two);
    assert_eq!(wire.kusto("adxone", "db", ".show tables").await.status, 200);
    assert_eq!(wire.kusto("adxtwo", "db", ".show tables").await.status, 400);
    wire.done("POST", "{K}/clusters/adxone/stop", &Value::Null).await;
    let stopped = wire.kusto("adxone", "db", ".show tables").await;
    assert_eq!((stopped.status, &stopped.body["error"]["@permanent"]), (503, &json!(false)));
    wire.done("POST", "{K}/clusters/adxone/start", &Value::Null).await;
    assert_eq!(wire.kusto("adxone", "db", ".show tables").await.status, 200);
    wire.done("DELETE", "{K}/clusters/adxone", &Value::Null).await;
    let body = json!({"db": "db", "csl": ".show tables"});
    let closed = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{one}/v1/rest/mgmt"))
        .json(&body);
    assert!(closed.send().await.is_err(), "the endpoint of a deleted cluster still answers");
}

#[tokio::test]
async fn periods_are_the_policies_of_the_database() {
    let emulator = Emulator::start(options()).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    let path = "{K}/clusters/adxone/databases/db";
    let body = json!({"location": "westeurope", "kind": "ReadWrite", "properties": {"softDeletePeriod": "P10D", "hotCachePeriod": "PT36H"}});
    wire.done("PUT", path, &body).await;
    let shown = wire.kusto("adxone", "db", ".show database db policy retention").await;
    assert!(shown.body.to_string().contains("10.00:00:00"), "{}", shown.body);
    let alter = ".alter-merge database db policy retention softdelete = 5d";
    assert_eq!(wire.kusto("adxone", "db", alter).await.status, 200);
    let now = wire.arm("GET", path, &Value::Null).await.body;
    assert_eq!(
        (&now["properties"]["softDeletePeriod"], &now["properties"]["hotCachePeriod"]),
        (&json!("P5D"), &json!("P1DT12H"))
    );
    wire.done("PATCH", path, &json!({"kind": "ReadWrite", "properties": {"hotCachePeriod": null}})).await;
    let now = wire.arm("GET", path, &Value::Null).await.body;
    assert_eq!(
        (&now["properties"]["softDeletePeriod"], now["properties"].get("hotCachePeriod")),
        (&json!("P5D"), None)
    );
}

#[tokio::test]
async fn a_script_runs_on_the_cluster() {
    let emulator = Emulator::start(options()).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    wire.database("adxone", "db").await;
    let path = "{K}/clusters/adxone/databases/db/scripts/first";
    let body = |content: &str| json!({"properties": {"scriptContent": content, "continueOnErrors": false}});
    assert_eq!(wire.done("PUT", path, &body(".create table T (a:string)")).await["status"], "Succeeded");
    let tables = wire.kusto("adxone", "db", ".show tables").await;
    assert!(tables.body["Tables"][0]["Rows"].to_string().contains("\"T\""), "{}", tables.body);
    let failed = wire.done("PUT", path, &body(".drop table Absent")).await;
    assert_eq!(failed["status"], "Failed", "{failed}");
    let now = wire.arm("GET", path, &Value::Null).await.body;
    assert_eq!(now["properties"]["provisioningState"], "Failed");
    assert!(now["properties"].get("scriptContent").is_none(), "{now}");
}

#[tokio::test]
async fn an_operation_in_flight_completes_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Options { state: Some(folder.path().join("state")), ..options() };
    let emulator = Emulator::start(kept.clone()).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    wire.database("adxone", "before").await;
    assert_eq!(wire.kusto("adxone", "before", ".create table T (a:string)").await.status, 200);
    let uri = wire.arm("GET", "{K}/clusters/adxone", &Value::Null).await.body["properties"]["uri"].clone();
    emulator.stop().await;
    // A database takes 2.7 s in Azure; the emulator is stopped before that.
    let emulator = Emulator::start(Options { pace: 0.2, ..kept.clone() }).await.unwrap();
    let wire = Wire::to(&emulator);
    assert_eq!(wire.arm("GET", "{K}/clusters/adxone", &Value::Null).await.body["properties"]["uri"], uri);
    let body = json!({"location": "westeurope", "kind": "ReadWrite"});
    let first = wire.arm("PUT", "{K}/clusters/adxone/databases/during", &body).await;
    assert_eq!(first.status, 201);
    emulator.stop().await;
    let emulator = Emulator::start(kept).await.unwrap();
    let mut wire = Wire::to(&emulator);
    let before = first.headers["azure-asyncoperation"].clone();
    let path = before.split_once("/subscriptions").unwrap().1;
    let mut moved = first;
    moved
        .headers
        .insert("azure-asyncoperation".to_owned(), format!("{}/subscriptions{path}", emulator.arm_url()));
    assert_eq!(wire.end(&moved).await["status"], "Succeeded");
    assert_eq!(wire.kusto("adxone", "during", ".show tables").await.status, 200);
    let tables = wire.kusto("adxone", "before", ".show tables").await;
    assert!(tables.body["Tables"][0]["Rows"].to_string().contains("\"T\""), "{}", tables.body);
    wire.url = String::new();
}

/// Gives one fault to the first call that matches.
struct Once(&'static str, &'static str, Fault);

impl Hook for Once {
    fn before(&self, exchange: &Exchange) -> Fault {
        let matches = exchange.method == self.0 && exchange.path.contains(self.1);
        if matches { self.2.clone() } else { Fault::None }
    }
}

#[tokio::test]
async fn a_lost_reply_had_its_effect() {
    let hook = Arc::new(Once("PUT", "/databases/lost", Fault::LoseReply));
    let emulator = Emulator::start(Options { hook: Some(hook), ..options() }).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    let url = format!("{}{}?api-version={API}", wire.url, full("{K}/clusters/adxone/databases/lost"));
    let body = json!({"location": "westeurope", "kind": "ReadWrite"});
    assert!(wire.ask("PUT", &url, &body, &Value::Null).await.is_err(), "a reply came");
    tokio::time::sleep(Duration::from_millis(40)).await;
    let now = wire.arm("GET", "{K}/clusters/adxone/databases/lost", &Value::Null).await;
    assert_eq!((now.status, &now.body["properties"]["provisioningState"]), (200, &json!("Succeeded")));
    let log = emulator.requests();
    let lost: Vec<_> =
        log.iter().filter(|entry| entry.method == "PUT" && entry.path.contains("lost")).collect();
    assert_eq!((lost.len(), lost[0].status), (1, Some(201)));
    assert!(log.iter().enumerate().all(|(index, entry)| entry.number == index + 1));
}

#[tokio::test]
async fn a_call_dropped_before_has_no_effect() {
    let hook = Arc::new(Once("PUT", "/databases/never", Fault::DropBefore));
    let emulator = Emulator::start(Options { hook: Some(hook), ..options() }).await.unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    let url = format!("{}{}?api-version={API}", wire.url, full("{K}/clusters/adxone/databases/never"));
    let body = json!({"location": "westeurope", "kind": "ReadWrite"});
    assert!(wire.ask("PUT", &url, &body, &Value::Null).await.is_err(), "a reply came");
    assert_eq!(wire.arm("GET", "{K}/clusters/adxone/databases/never", &Value::Null).await.status, 404);
}

#[tokio::test]
async fn an_operation_fails_when_asked_to() {
    let fault = Fault::FailOperation {
        code: "InternalError".to_owned(),
        message: "[InternalServerError] later".to_owned(),
    };
    let emulator =
        Emulator::start(Options { hook: Some(Arc::new(Once("PUT", "/databases/bad", fault))), ..options() })
            .await
            .unwrap();
    let wire = Wire::to(&emulator);
    wire.cluster("adxone").await;
    let body = json!({"location": "westeurope", "kind": "ReadWrite"});
    let end = wire.done("PUT", "{K}/clusters/adxone/databases/bad", &body).await;
    assert_eq!((&end["status"], &end["error"]["code"]), (&json!("Failed"), &json!("InternalError")));
    let now = wire.arm("GET", "{K}/clusters/adxone/databases/bad", &Value::Null).await;
    assert_eq!(now.body["properties"]["provisioningState"], "Failed");
}
