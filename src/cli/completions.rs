//! `completions`: a completion script for a shell.

use super::args::{Cli, CompletionsArgs};
use super::exit::Exit;
use super::terminal::Terminal;
use clap::CommandFactory;

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs, terminal: &Terminal) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "adxform", &mut script);
    terminal.result(&String::from_utf8_lossy(&script));
    Exit::Done
}
