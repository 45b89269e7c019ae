//! Every bar of speed and size, measured and printed: `cargo bench`.
//!
//! `cargo bench -- --size 300` runs all of it at a small size. Figures that miss their bars are printed; only counts
//! (requests, steps) fail the run, because only they are the same on every machine.
//!
//! Nothing here shares code with the tool: it is run as a program, beside a floor program that sends the same
//! requests and parses the same replies.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table goes to stdout, progress to stderr"
)]

mod bars;
mod draw;
mod floor;
mod generate;
mod growth;
mod lab;
mod measure;
mod recorder;
mod table;
mod terraform;

use clap::Parser;
use generate::Size;
use lab::Lab;
use recorder::Asked;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use table::Table;

/// Measures every bar and prints it with its figure, its ratio, and whether it passes.
#[derive(Debug, Parser)]
#[command(name = "bars")]
struct Words {
    /// How many tables
    #[arg(long, default_value_t = 10_000)]
    size: usize,
    /// What the names of the specs are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The tool to be measured, in place of the one just built
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How often a short run is repeated; the least counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Write the bars to this file as JSON too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure growth up to so many tables; 0 leaves it out
    #[arg(long, default_value_t = 0)]
    growth: usize,
    /// Draw growth into this file
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Run Terraform at these numbers of resources where its program is present
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,10000")]
    terraform: Vec<usize>,
    /// How many seconds each of its commands may take
    #[arg(long, default_value_t = 900)]
    terraform_limit: u64,
    /// Leave everything else out
    #[arg(long)]
    only_growth: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("timed") => measure::timed(&words[1..]).map(|()| true),
        Some("floor") => replay(&words[1..]).map(|()| true),
        _ => measured(&Words::parse()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bars: {error}");
            ExitCode::from(2)
        }
    }
}

fn replay(words: &[String]) -> io::Result<()> {
    let [way, file] = words else { return Err(io::ErrorKind::InvalidInput.into()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(floor::run(file, way == "parse")).map_err(io::Error::other)
}

/// Measures; whether every count holds.
fn measured(words: &Words) -> io::Result<bool> {
    let folder = tempfile::tempdir()?;
    let binary = words.binary.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_adxform")));
    let lab = Lab { binary, folder: folder.path().to_owned(), runs: words.runs.max(1) };
    let runtime = tokio::runtime::Runtime::new()?;
    let mut table = Table { whole: words.size == 10_000, ..Table::default() };
    let mut session = bars::Session { lab: &lab, runtime: &runtime, table: &mut table };
    if !words.only_growth {
        session.all(Size::of(words.size, words.seed))?;
    }
    if words.growth > 0 {
        session.growth(words.growth, words.seed, words.svg.as_deref())?;
    }
    if !words.only_growth {
        let limit = Duration::from_secs(words.terraform_limit);
        terraform::run(&lab, &runtime, &words.terraform, limit, &mut table)?;
    }
    print!("\n{}", table.text());
    if let Some(path) = &words.json {
        std::fs::write(path, serde_json::to_vec_pretty(&table)?)?;
    }
    Ok(!table.fails())
}

/// A file of requests for the floor program.
fn floor_file(folder: &Path, asked: &[Asked]) -> io::Result<PathBuf> {
    let path = folder.join("asked.json");
    std::fs::write(&path, serde_json::to_vec(asked)?)?;
    Ok(path)
}
