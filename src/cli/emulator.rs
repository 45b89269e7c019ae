//! `emulator`: serves the local Azure until it is interrupted.

use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::emulator::{Emulator, Options, faults};
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `emulator`
#[derive(Debug, Clone, Args)]
pub struct EmulatorArgs {
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keep the state in FILE; in memory when left out
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Wait so many milliseconds before each answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Inject the faults that a JSON file describes
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// The share of Azure's own time that a long-running operation takes, from 0 (at once) to 1 (as in Azure)
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub pace: f64,
    /// Create this resource group at the start, as SUBSCRIPTION/NAME; may be repeated
    #[arg(long = "resource-group", value_name = "SUBSCRIPTION/NAME")]
    pub resource_groups: Vec<String>,
    /// Have identities need their roles at what they read and send to
    #[arg(long)]
    pub roles: bool,
    /// Count clusters as DAYS older than they are: from 14 days on, deleting one leaves its name taken
    #[arg(long = "age", value_name = "DAYS", default_value_t = 0)]
    pub age_in_days: u16,
}

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
        roles: args.roles,
        age_in_days: args.age_in_days,
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
