//! Terraform's own numbers beside ours: built-in resources with the same graph, where its program is present.

use crate::lab::{Lab, text};
use crate::measure::{self, Cost};
use crate::table::Table;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is measured, one after the other.
const STEPS: [(&str, &[&str]); 3] = [
    ("plan", &["plan", "-input=false"]),
    ("apply", &["apply", "-auto-approve", "-input=false"]),
    ("unchanged plan", &["plan", "-input=false"]),
];

/// Measures plan, apply and the unchanged plan at each number of resources, each within a limit: an apply takes the square
/// of their number.
///
/// # Errors
/// When files cannot be written, or Terraform fails.
pub(crate) fn run(lab: &Lab, sizes: &[usize], limit: Duration, table: &mut Table) -> io::Result<()> {
    let Some(program) = program() else {
        table.skip("Terraform's numbers: there is no `terraform` in PATH".to_owned());
        return Ok(());
    };
    for size in sizes {
        let folder = lab.folder.join(format!("terraform-{size}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("main.tf"), of(*size))?;
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

/// Resources with the graph of a database: tables, each with a mapping and two policies that need it.
fn of(size: usize) -> String {
    let mut text = String::new();
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
