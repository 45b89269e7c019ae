//! Microsoft's own parser over every command that the tests print, where the machine has it
//! (`ADXFORM_PROBES=1`, Node, and the checker beside the checkout).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Stdio};

/// Fails when Microsoft's parser objects to any of the commands.
pub(crate) fn check(commands: &BTreeSet<String>) {
    let checker = crate::support::root().join("../shared/tools/kql-check.mjs");
    if std::env::var_os("ADXFORM_PROBES").is_none() || !checker.exists() {
        println!(
            "skipped: Microsoft's parser does not look at these {} commands (ADXFORM_PROBES=1)",
            commands.len()
        );
        return;
    }
    let mut lines = String::new();
    for command in commands {
        let _ = writeln!(lines, "{}", serde_json::json!({"csl": command}));
    }
    let mut child = Command::new("node")
        .arg(checker)
        .args(["--format=jsonl", "--summary", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let objections: Vec<&str> = said.lines().filter(|line| is_objection(line)).collect();
    assert!(said.contains("\"summary\""), "the checker did not come to its end:\n{said}");
    assert!(objections.is_empty(), "Microsoft's parser objects:\n{}", objections.join("\n"));
    println!(
        "Microsoft's parser over {} commands: {}",
        commands.len(),
        said.lines().last().unwrap_or_default()
    );
}

/// Whether a line of the checker is an objection to a command of ours, not one of two habits of the checker itself.
///
/// It takes every text inside of a policy's or a mapping's command that begins like JSON for JSON, be it a bracketed
/// name or a query that begins with one; and it knows that the grammar lacks the policies of materialized views, but
/// not where the view's name has a blank.
fn is_objection(line: &str) -> bool {
    let Ok(said) = serde_json::from_str::<serde_json::Value>(line) else { return !line.is_empty() };
    let Some(diagnostics) = said["diagnostics"].as_array().filter(|_| said["ok"] != true) else {
        return false;
    };
    let command = said["command"].as_str().unwrap_or_default();
    diagnostics.iter().any(|found| {
        let (code, text) = (found["code"].as_str(), found["text"].as_str().unwrap_or_default());
        let literal = text.trim_start_matches(['h', '@', '\'', '"']).trim_start();
        let bracketed = literal.starts_with("['") || literal.starts_with("[\"") || literal.starts_with("[\\");
        let is_name = code == Some("X-JSON") && bracketed;
        let of_view = code == Some("KS005")
            && matches!(text, "merge" | "retention")
            && command.split_whitespace().nth(1) == Some("materialized-view");
        !is_name && !of_view
    })
}
