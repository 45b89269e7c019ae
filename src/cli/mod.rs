//! The command line: the only terminal, environment and exit code. One file per command.

pub mod args;
mod census;
mod checks;
pub mod config;
pub mod exit;
pub mod schema;

mod apply;
mod completions;
mod desk;
mod emulator;
mod explain;
mod files;
mod fmt;
mod graph;
mod health;
mod import;
mod interrupt;
mod plan;
mod previous;
mod progress;
mod report;
mod resume;
mod runs;
mod session;
mod show;
mod terminal;
mod unlock;
mod validate;

use crate::run::event::Intent;
use args::{Cli, Command, Global};
use clap::Parser;
use exit::{Exit, Failure};
use std::process::ExitCode;
use terminal::Terminal;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(args::double_dashed(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked = !error.use_stderr();
            return ExitCode::from(if asked { Exit::Done as u8 } else { Exit::Usage as u8 });
        }
    };
    let terminal = Terminal::new(&cli.global);
    let exit = dispatch(&cli, terminal).unwrap_or_else(|failure| {
        terminal.say(&failure.to_string());
        failure.exit
    });
    ExitCode::from(exit as u8)
}

fn dispatch(cli: &Cli, terminal: Terminal) -> Result<Exit, Failure> {
    if let Some(directory) = &cli.global.directory {
        std::env::set_current_dir(directory).map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("-C {}: {error}", directory.display()),
                "name a directory that exists",
            )
        })?;
    }
    match &cli.command {
        Command::Validate(args) => validate::run(args, &cli.global, terminal),
        Command::Graph(args) => graph::run(args, &cli.global, terminal),
        Command::Fmt(args) => fmt::run(args, terminal),
        Command::Explain(args) => explain::run(args, &terminal),
        Command::Schema(args) => Ok(schema::run(args, &terminal)),
        Command::Completions(args) => Ok(completions::run(args, &terminal)),
        command => connected(command, &cli.global, terminal),
    }
}

/// The commands that talk to a service.
fn connected(command: &Command, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    // Only a second provider in one process could refuse this, and there is none.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::error(format!("no threads can be started: {error}"), ""))?;
    runtime.block_on(async {
        interrupt::survive_full_files();
        match command {
            Command::Plan(args) => plan::run(args, global, terminal).await,
            Command::Apply(args) => apply::run(args, global, terminal).await,
            Command::Destroy(args) => apply::destroy(args, global, terminal).await,
            Command::Import(args) => import::run(args, global, terminal).await,
            Command::Resume(args) => resume::run(args, Intent::Resume, global, terminal).await,
            Command::Rollback(args) => resume::run(args, Intent::Rollback, global, terminal).await,
            Command::Unlock(args) => unlock::run(args, global, terminal).await,
            Command::Show(args) => show::run(args, global, terminal).await,
            Command::Emulator(args) => emulator::run(args, terminal).await,
            Command::Validate(_)
            | Command::Graph(_)
            | Command::Fmt(_)
            | Command::Explain(_)
            | Command::Schema(_)
            | Command::Completions(_) => Ok(Exit::Done),
        }
    })
}
