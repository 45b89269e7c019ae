//! Microsoft's own Python client against the emulator's Kusto endpoint.
//!
//! The probe is not part of this repository: the test runs it when `ADXFORM_PROBES=1` is set and the file stands in
//! `../shared/tools`, and passes at once otherwise. It needs Python with network access for the first installation, and
//! compares result columns with Microsoft's parser when Node.js is there.


use adxform::emulator::kusto::{Engine, Periods};
use adxform::emulator::store::Store;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

/// Where the probes stand beside a working copy; nothing when they are not wanted or not there.
fn tools() -> Option<PathBuf> {
    if std::env::var("ADXFORM_PROBES").as_deref() != Ok("1") {
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = ["../shared/tools", "../../shared/tools"].map(|folder| root.join(folder));
    beside.into_iter().find(|folder| folder.join("kusto_client_probe.py").is_file())
}

fn probe(tools: &Path, endpoint: &str, auth: &str) -> Output {
    let mut command = Command::new("python3");
    command.arg(tools.join("kusto_client_probe.py"));
    command.args(["--install", "--endpoint", endpoint, "--database", "probes", "--auth", auth]);
    let parser = tools.join("kql-check.mjs");
    let installed = Command::new("node").arg(&parser).args(["--install", "--selftest"]).output();
    if installed.is_ok_and(|output| output.status.success()) {
        command.arg("--kql-check").arg(parser);
    }
    command.output().expect("python3 runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_is_content() {
    let Some(tools) = tools() else {
        return;
    };
    let engine = Engine::open(Arc::new(Store::open(None).unwrap())).unwrap();
    engine.create_cluster("probe").unwrap();
    engine.create_database("probe", "probes", Periods::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = engine.router("probe");
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    for auth in ["token", "none", "credential"] {
        let (tools, endpoint) = (tools.clone(), endpoint.clone());
        let output = tokio::task::spawn_blocking(move || probe(&tools, &endpoint, auth)).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the probe with --auth {auth} fails:\n{text}{errors}");
        let notes: Vec<&str> = text.lines().filter(|line| line.contains("NOTE")).collect();
        assert!(notes.is_empty(), "columns differ from what Microsoft's parser declares:\n{text}");
    }
    server.abort();
}
