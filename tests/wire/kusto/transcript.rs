//! Transcripts of the Kusto endpoint: the world they run in, their text, and how answers are compared.

use adxform::emulator::kusto::{Engine, Periods};
use adxform::emulator::store::Store;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower::ServiceExt;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/kusto");

/// An endpoint with a cluster `c` and a database `db`, on a state file of its own.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) engine: Arc<Engine>,
    pub(crate) router: Router,
    pub(crate) database: String,
    pub(crate) path: String,
    pub(crate) read_only: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (engine, router) = open(folder.path());
        engine.create_cluster("c").unwrap();
        engine.create_database("c", "db", Periods::default()).unwrap();
        let (database, path) = ("db".to_owned(), "/v1/rest/mgmt".to_owned());
        Self { folder, engine, router, database, path, read_only: false }
    }

    /// Stops the engine and starts it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { folder, engine, router, database, path, read_only } = self;
        drop((engine, router));
        let (engine, router) = open(folder.path());
        Self { folder, engine, router, database, path, read_only }
    }

    pub(crate) async fn send(&self, text: &str) -> (StatusCode, HeaderMap, Value) {
        let body = json!({"db": self.database, "csl": text, "properties": {"Options": {"request_readonly": self.read_only}}});
        let request = Request::post(&self.path).body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// The versions of all databases.
    pub(crate) async fn versions(&self) -> Value {
        let body = json!({"csl": ".show databases | project DatabaseName, Version"}).to_string();
        let request = Request::post("/v1/rest/mgmt").body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["Tables"][0]["Rows"].clone()
    }

    /// The first table of an answer that is no refusal.
    pub(crate) async fn rows(&self, text: &str) -> Vec<Value> {
        let (status, _, body) = self.send(text).await;
        assert_eq!(status, StatusCode::OK, "{text}\n{body:#}");
        body["Tables"][0]["Rows"].as_array().unwrap().clone()
    }
}

fn open(folder: &Path) -> (Arc<Engine>, Router) {
    let store = Store::open(Some(&folder.join("state"))).unwrap();
    let engine = Engine::open(Arc::new(store)).unwrap();
    let router = engine.router("c");
    (engine, router)
}

/// One line of a transcript, or a command with what must come back.
pub(crate) enum Step {
    Set(String, String),
    Send { line: usize, text: String, expected: String, rows: Vec<Value> },
}

pub(crate) fn read_transcript(path: &Path) -> Vec<Step> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().enumerate().peekable();
    let mut steps = Vec::new();
    while let Some((at, line)) = lines.next() {
        if let Some(set) = line.strip_prefix('@') {
            let (name, value) = set.split_once(' ').unwrap_or((set, ""));
            steps.push(Step::Set(name.to_owned(), value.trim().to_owned()));
        } else if let Some(first) = line.strip_prefix(">>> ") {
            let mut text = first.to_owned();
            let expected = loop {
                let (_, line) = lines.next().expect("a command ends with a line that begins with <<<");
                if let Some(expected) = line.strip_prefix("<<<") {
                    break expected.trim().to_owned();
                }
                text.push('\n');
                text.push_str(line);
            };
            let mut rows = Vec::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('[')) {
                rows.push(
                    serde_json::from_str(line)
                        .unwrap_or_else(|error| panic!("{}: {line}: {error}", path.display())),
                );
            }
            steps.push(Step::Send { line: at + 1, text, expected, rows });
        } else {
            assert!(line.trim().is_empty() || line.starts_with('#'), "{}:{}: {line}", path.display(), at + 1);
        }
    }
    steps
}

/// Why an answer is not what was expected.
pub(crate) fn difference(status: StatusCode, body: &Value, expected: &str, rows: &[Value]) -> Option<String> {
    if expected == "ok" {
        return (status != StatusCode::OK).then(|| format!("{status}: {}", body["error"]["@message"]));
    }
    if let Some((wanted, rest)) = expected.split_once(' ').filter(|(word, _)| word.parse::<u16>().is_ok()) {
        let (code, text) = rest.split_once(' ').unwrap_or((rest, "*"));
        let found = (status.as_str(), body["error"]["code"].as_str(), body["error"]["@message"].as_str());
        let fits =
            found.0 == wanted && found.1 == Some(code) && found.2.is_some_and(|found| like(text, found));
        return (!fits).then(|| format!("{} {} {}", found.0, found.1.unwrap_or("-"), found.2.unwrap_or("-")));
    }
    if status != StatusCode::OK {
        return Some(format!("{status}: {}", body["error"]["@message"]));
    }
    let table = &body["Tables"][0];
    let columns: Vec<String> = table["Columns"]
        .as_array()?
        .iter()
        .map(|column| {
            format!("{}:{}", column["ColumnName"].as_str().unwrap(), column["ColumnType"].as_str().unwrap())
        })
        .collect();
    let exact = expected.starts_with('=');
    let wanted: Vec<&str> = expected.trim_start_matches('=').split_whitespace().collect();
    if exact && columns != wanted {
        return Some(format!("columns {}", columns.join(" ")));
    }
    let mut places = Vec::new();
    for wanted in wanted {
        let fits = |column: &String| column == wanted || column.split(':').next() == Some(wanted);
        match columns.iter().position(fits) {
            Some(place) => places.push(place),
            None => return Some(format!("no column {wanted} among {}", columns.join(" "))),
        }
    }
    let chosen = |row: &Value| places.iter().map(|place| row[*place].clone()).collect::<Vec<_>>();
    let found: Vec<Vec<Value>> = table["Rows"].as_array()?.iter().map(chosen).collect();
    let fits = found.len() == rows.len() && found.iter().zip(rows).all(|(found, row)| row_fits(found, row));
    (!fits).then(|| found.iter().map(|row| json!(row).to_string()).collect::<Vec<_>>().join("\n"))
}

fn row_fits(found: &[Value], wanted: &Value) -> bool {
    let wanted = wanted.as_array().unwrap();
    found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| cell_fits(found, wanted))
}

fn cell_fits(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (_, Value::String(any)) if any == "*" => true,
        (Value::String(text), Value::Object(_) | Value::Array(_)) => {
            serde_json::from_str::<Value>(text).is_ok_and(|found| cell_fits(&found, wanted))
        }
        (Value::Object(found), Value::Object(wanted)) => {
            found.len() == wanted.len()
                && wanted
                    .iter()
                    .all(|(key, wanted)| found.get(key).is_some_and(|found| cell_fits(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| cell_fits(found, wanted))
        }
        _ => found == wanted,
    }
}

/// Whether text is like a pattern in which `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

pub(crate) fn transcripts() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    found.sort();
    found
}
