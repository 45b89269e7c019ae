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
    assert!(output.status.success(), "Microsoft's parser objects:\n{said}");
    println!(
        "Microsoft's parser over {} commands: {}",
        commands.len(),
        said.lines().last().unwrap_or_default()
    );
}
