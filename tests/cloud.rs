//! Transcripts of the outbound I/O: what is called, what a scripted server answers, and all that follows from it.
//!
//! Each file below `tests/cloud/` begins with comments that say why it exists, then one line each for the
//! settings (`with`), the calls (`call`) and the server's answers in the order in which requests arrive (`reply`;
//! one with `to` answers every request whose line contains that text), all in JSON. Behind the line `---` stands
//! what must happen: requests (`>`), waits (`.`) and outcomes (`=`). Time is virtual.
//!
//! To accept what happens now, run the test with `ADXFORM_BLESS=1` and read the difference before committing it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "cloud/calls.rs"]
mod calls;
#[path = "cloud/server.rs"]
mod server;
#[path = "cloud/world.rs"]
mod world;

use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(std::fs::read_dir(entry).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    found.sort();
    assert!(found.len() > 40, "most transcripts are gone: {} are left", found.len());
    found
}

#[test]
fn transcripts() {
    let bless = std::env::var_os("ADXFORM_BLESS").is_some();
    let mut complaints = Vec::new();
    for path in cases() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (script, expected) = text.split_once("---\n").unwrap_or((&text, ""));
        let happened = world::run(script);
        if bless {
            std::fs::write(&path, format!("{script}---\n{happened}")).unwrap();
        } else if happened != expected {
            let diff = similar::TextDiff::from_lines(expected, &happened).unified_diff().to_string();
            complaints.push(format!("{}:\n{diff}", path.display()));
        }
    }
    let cure = "if this is right, run `ADXFORM_BLESS=1 cargo test --test cloud`";
    assert!(complaints.is_empty(), "\n{}\n{cure}", complaints.join("\n"));
}
