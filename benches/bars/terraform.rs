//! Terraform's own numbers beside ours: built-in resources with the same graph, where its program is present.
//!
//! Its state is kept behind a URL, as teams keep theirs: a state in a file is written anew after every resource, which
//! takes the square of their number (33 minutes for 5,000, and not 1).

use crate::lab::{Lab, text};
use crate::measure::{self, Cost};
use crate::table::Table;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::get;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What is measured, one after the other.
const STEPS: [(&str, &[&str]); 3] = [
    ("plan", &["plan", "-input=false"]),
    ("apply", &["apply", "-auto-approve", "-input=false"]),
    ("unchanged plan", &["plan", "-input=false"]),
];

/// Measures plan, apply and the unchanged plan at each number of resources, each within a limit: an apply takes more than
/// its share of a larger number.
///
/// # Errors
/// When files cannot be written, or Terraform fails.
pub(crate) fn run(
    lab: &Lab,
    runtime: &Runtime,
    sizes: &[usize],
    limit: Duration,
    table: &mut Table,
) -> io::Result<()> {
    let Some(program) = program() else {
        table.skip("Terraform's numbers: there is no `terraform` in PATH".to_owned());
        return Ok(());
    };
    for size in sizes {
        let folder = lab.folder.join(format!("terraform-{size}"));
        std::fs::create_dir_all(&folder)?;
        let keeper = runtime.block_on(keep_state())?;
        std::fs::write(folder.join("main.tf"), of(*size, &keeper))?;
        let chdir = format!("-chdir={}", text(&folder)?);
        let run =
            |words: &[&str]| measure::run_within(limit, &program, &[&[chdir.as_str()], words].concat(), None);
        if let Err(error) = run(&["init", "-input=false"]) {
            table.skip(format!("Terraform's numbers: {error}"));
            return Ok(());
        }
        for (what, words) in STEPS {
            let what = format!("Terraform: {what} of {size} resources");
            let cost = run(words)?;
            if cost.late {
                table.skip(format!("{what} did not end within {} s", limit.as_secs()));
                break;
            }
            figures(table, &what, cost);
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "bytes to be read by people")]
fn figures(table: &mut Table, what: &str, cost: Cost) {
    table.always(what, cost.wall, "s", f64::INFINITY);
    table.always(&format!("{what}: memory"), cost.peak as f64 / 1e6, "MB", f64::INFINITY);
}

fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join("terraform"))
        .find(|path: &PathBuf| is_file(path))
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Keeps one state for as long as the runtime lives, without a lock; the URL of it.
///
/// <https://developer.hashicorp.com/terraform/language/backend/http>
async fn keep_state() -> io::Result<String> {
    type Kept = Arc<Mutex<Option<Bytes>>>;
    async fn given(State(kept): State<Kept>) -> Result<Bytes, StatusCode> {
        kept.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StatusCode::NOT_FOUND)
    }
    async fn taken(State(kept): State<Kept>, state: Bytes) {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(given).post(taken)).layer(DefaultBodyLimit::disable());
    tokio::spawn(async move { axum::serve(listener, router.with_state(Kept::default())).await });
    Ok(url)
}

/// Resources with the graph of a database: tables, each with a mapping and two policies that need it.
fn of(size: usize, keeper: &str) -> String {
    let mut text = format!("terraform {{\n  backend \"http\" {{\n    address = \"{keeper}\"\n  }}\n}}\n");
    for number in 0..size.div_ceil(4) {
        let columns: Vec<String> = (0..30).map(|at| format!("    Column{at} = \"string\"")).collect();
        let _ = writeln!(
            text,
            "resource \"terraform_data\" \"table{number}\" {{\n  input = {{\n{}\n  }}\n}}",
            columns.join("\n")
        );
        for child in ["mapping", "retention", "caching"] {
            let _ = writeln!(
                text,
                "resource \"terraform_data\" \"{child}{number}\" {{\n  input = {{ table = \
                 terraform_data.table{number}.id, value = {number} }}\n}}"
            );
        }
    }
    text
}
