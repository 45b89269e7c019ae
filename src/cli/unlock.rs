//! `unlock`: who holds the lock, since when, and taking it away.

use super::args::{Global, UnlockArgs};
use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::runs;
use super::terminal::Terminal;
use crate::run::lock::Holder;
use crate::run::place::Place;
use crate::run::whereabouts::Whereabouts;

/// Shows who holds the lock, asks, and takes it away.
///
/// # Errors
/// A lock that cannot be looked at or taken away.
pub(super) async fn run(args: &UnlockArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    let Desk { place, whereabouts, .. } = Desk::of(&args.spec, global, terminal).await?;
    let holder = place.holder().await.map_err(|error| runs::locked(&place, &whereabouts, &error))?;
    if terminal.json {
        terminal.document(&serde_json::json!({"place": place.to_string(), "holder": holder}));
    } else {
        match &holder {
            None => terminal.result(&format!("Nobody holds the lock of {place}.\n")),
            Some(holder) => terminal.result(&format!("The lock of {place} is held: {holder}.\n")),
        }
    }
    let Some(holder) = holder else { return Ok(Exit::Done) };
    if matches!(place, Place::Folder(_)) {
        return Err(bound_to_its_process(&holder));
    }
    if !args.auto_approve {
        if !terminal.can_ask() {
            let message = "unlock asks before it takes a lock away, and there is no terminal to ask at";
            return Err(Failure::error(
                message,
                "nothing was changed; say --auto-approve (-y) if you are sure",
            ));
        }
        let question =
            "If that run is alive, it stops before its next request. Only `yes` will take the lock away:";
        if !terminal.ask(question, "yes") {
            terminal.say("Nothing was changed.");
            return Ok(Exit::Error);
        }
    }
    let waiting = |left: std::time::Duration| {
        terminal.say(&format!(
            "The lock is taken away in {} s: until then the run, if it is alive, finds out and stops.",
            left.as_secs()
        ));
    };
    place.unlock(waiting).await.map_err(|error| runs::locked(&place, &whereabouts, &error))?;
    if place.holder().await.ok().flatten().is_some() {
        let message = "the lock was taken away, and somebody has taken it since";
        return Err(Failure::new(
            Exit::Locked,
            message,
            format!("`{}` says who", whereabouts.on_spec("unlock")),
        ));
    }
    if !terminal.json {
        terminal.result(&format!("The lock is free.{}\n", next(&holder, &whereabouts)));
    }
    Ok(Exit::Done)
}

fn next(holder: &Holder, whereabouts: &Whereabouts) -> String {
    let run = &holder.run;
    if run.is_empty() {
        return String::new();
    }
    format!(" {}.", whereabouts.onwards(run, "that run"))
}

/// A lock of this machine cannot be stuck: the operating system holds it for a process that lives.
fn bound_to_its_process(holder: &Holder) -> Failure {
    let message = "a lock of this machine is never taken away: it goes with its process, which is alive";
    let help = match holder.pid {
        0 => "wait for it to end".to_owned(),
        pid => format!(
            "wait for it to end, or interrupt it with `kill {pid}` on its machine: it then finishes its running steps and undoes the run"
        ),
    };
    Failure::new(Exit::Locked, message, help)
}
