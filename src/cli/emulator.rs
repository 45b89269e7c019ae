//! `emulator`: serves the local Azure until it is interrupted.

use super::args::EmulatorArgs;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::emulator::{Emulator, Options, faults};
use std::path::Path;
use std::time::Duration;

/// Serves, and prints one JSON line on stdout when ready.
///
/// # Errors
/// An address that cannot be listened on, or files that cannot be read.
pub(super) async fn run(args: &EmulatorArgs, terminal: Terminal) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() {
        let help = "listen on 127.0.0.1: whoever reaches the emulator may change everything in it";
        return Err(Failure::new(Exit::Usage, format!("{} is not a loopback address", args.listen), help));
    }
    let groups: Result<Vec<(String, String)>, Failure> =
        args.resource_groups.iter().map(|group| pair(group)).collect();
    let options = Options {
        listen: args.listen,
        state: args.state.clone(),
        latency: Duration::from_millis(args.latency),
        faults: args.faults.as_deref().map(rules).transpose()?.unwrap_or_default(),
        pace: args.pace,
        groups: groups?,
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.map_err(|error| {
        Failure::error(
            format!("the emulator does not start: {error}"),
            "choose another address or state file",
        )
    })?;
    let ready = serde_json::json!({"arm": emulator.arm_url(), "pid": std::process::id()});
    terminal.result(&format!("{ready}\n"));
    super::interrupt::Interrupts::caught().first().await;
    emulator.stop().await;
    Ok(Exit::Done)
}

fn pair(group: &str) -> Result<(String, String), Failure> {
    let (subscription, name) = group.split_once('/').ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{group}` is no resource group"), "give it as SUBSCRIPTION/NAME")
    })?;
    Ok((subscription.to_owned(), name.to_owned()))
}

fn rules(path: &Path) -> Result<Vec<faults::Rule>, Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, format!("{}: {why}", path.display()), "correct the file of faults")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}
