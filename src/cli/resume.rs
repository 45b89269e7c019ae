//! `resume` and `rollback`: taking an earlier run up again.

use super::args::{Global, RunArgs};
use super::exit::{Exit, Failure};
use super::session::Session;
use super::terminal::Terminal;
use super::{apply, runs};
use crate::run::event::Intent;

/// Finishes or undoes a run.
///
/// # Errors
/// No such run, or one for which it makes no sense.
pub(super) async fn run(
    args: &RunArgs,
    intent: Intent,
    global: &Global,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let word = if matches!(intent, Intent::Rollback) { "rollback" } else { "resume" };
    apply::may_ask(&args.running, terminal, word)?;
    let state = super::config::Config::beside(&args.spec)?.state_directory(&args.spec);
    let _lock = runs::lock(&state, &args.running, word).await?;
    let known = match &args.run {
        Some(id) => runs::find(&state, Some(id))?,
        None => match runs::unfinished(&state)? {
            Some(known) => known,
            None => runs::find(&state, None)?,
        },
    };
    if !args.running.auto_approve {
        terminal.say(&super::report::standing(&known));
        if !terminal.ask(&format!("{word} the run {}? Only `yes` will do it:", known.id), "yes") {
            terminal.say("Nothing was changed.");
            return Ok(Exit::Error);
        }
    }
    let scope = known.recorded.header.plan.scope.clone();
    let session = Session::open(&args.spec, global, &scope, terminal).await?;
    let ended = runs::take_up(&session, &known, intent, terminal).await;
    session.close().await;
    ended
}
