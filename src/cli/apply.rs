//! `apply` and `destroy`: plan, ask, converge, prove.

use super::args::{Allow, ApplyArgs, DestroyArgs, Global, Running};
use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::session::{self, Planned, Session};
use super::terminal::Terminal;
use super::{plan, runs};
use crate::kind;
use crate::model::{Address, parallel};
use crate::plan::text::Long;
use crate::plan::{Plan, scope};
use crate::run::event::Difference;
use crate::run::place::Place;
use crate::run::proof;
use crate::run::whereabouts::Whereabouts;
use std::path::Path;

/// Applies a spec or a saved plan.
///
/// # Errors
/// Whatever keeps it from starting; nothing is changed then.
pub(super) async fn run(args: &ApplyArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    may_ask(&args.running, terminal, "apply")?;
    match plan::saved(&args.spec)? {
        Some(saved) => apply_saved(saved, args, global, terminal).await,
        None => converge(&args.spec, args.allow, &args.running, global, terminal, false).await,
    }
}

/// Takes away everything a spec declares.
///
/// # Errors
/// Whatever keeps it from starting; nothing is changed then.
pub(super) async fn destroy(
    args: &DestroyArgs,
    global: &Global,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    may_ask(&args.running, terminal, "destroy")?;
    converge(&args.spec.spec, args.allow, &args.running, global, terminal, true).await
}

/// Without a terminal and without approval nothing is read, let alone changed.
pub(super) fn may_ask(running: &Running, terminal: Terminal, command: &str) -> Result<(), Failure> {
    if running.auto_approve || terminal.can_ask() {
        return Ok(());
    }
    let message = format!("{command} asks before it changes anything, and there is no terminal to ask at");
    Err(Failure::error(
        message,
        "say --auto-approve (-y), or apply a plan that was saved with `plan --out` and read",
    ))
}

async fn converge(
    path: &Path,
    allow: Allow,
    running: &Running,
    global: &Global,
    terminal: Terminal,
    destroy: bool,
) -> Result<Exit, Failure> {
    // The program ends with this: the system takes its memory back at once.
    let spec = session::load(path, global, terminal)?;
    let scope = scope::of(&spec.desired);
    let desk = Desk::of(path, global, terminal).await?;
    let mut lock = runs::lock(&desk, running, if destroy { "destroy" } else { "apply" }, terminal).await?;
    let ended = async {
        nothing_pending(&desk.place, &desk.whereabouts).await?;
        let session = Session::at(desk, &scope).await?.changing();
        let ended = match session::plan(&session, &spec, scope, global, allow, destroy, plan::style(terminal))
            .await
        {
            Ok(Planned { plan, long, live }) => {
                // From here on the plan is all that counts, and it may be large itself.
                parallel::let_go((spec, live));
                carry_out(&session, (plan, long), &mut lock, running, terminal, destroy).await
            }
            Err(failure) => Err(failure),
        };
        session.close().await;
        ended
    };
    let ended = ended.await;
    lock.release().await;
    ended
}

/// Prints a plan, asks, and carries it out.
async fn carry_out(
    session: &Session,
    (plan, long): (Plan, Option<Long>),
    lock: &mut runs::Locked,
    running: &Running,
    terminal: Terminal,
    destroy: bool,
) -> Result<Exit, Failure> {
    if !terminal.json {
        plan::print(&plan, long, terminal);
    } else if !plan.refusals.is_empty() {
        terminal.say(&crate::plan::text::refusals(&plan.refusals));
    }
    if let Some(exit) = session::refused(&plan) {
        return Ok(exit);
    }
    if plan.is_empty() {
        if terminal.json {
            let nothing =
                serde_json::json!({"type": "change_summary", "applied": [], "undone": [], "notRun": []});
            terminal.result(&format!("{nothing}\n"));
        }
        return Ok(Exit::Done);
    }
    if !running.auto_approve {
        if !ask(&plan, session, terminal, destroy) {
            terminal.say(
                "Nothing was changed. The plan stands as it is: give the command again to be asked again.",
            );
            return Ok(Exit::Error);
        }
        // Whoever reads a plan takes their time, and colleagues do not wait.
        let live = session.read(&plan.scope).await?;
        let differences = proof::stale(&plan, &live.inventory);
        if !differences.is_empty() {
            return Err(stale(&differences, "give the command again to see the plan from here"));
        }
    }
    runs::begin(session, plan, lock, running, terminal).await
}

fn ask(plan: &Plan, session: &Session, terminal: Terminal, destroy: bool) -> bool {
    let behind = plan.steps.iter().filter(|step| step.behind_line).count();
    if behind > 0 {
        terminal.say(&format!("{behind} of {} steps stand behind the point of no return.", plan.steps.len()));
    }
    let what = if destroy { "Destroy all this" } else { "Do this" };
    terminal.ask(&format!("{what} on {}? Only `yes` will do it:", session.target), "yes")
        && confirm(&deleted(plan), terminal)
}

/// The clusters and databases that a plan deletes, with their names.
fn deleted(plan: &Plan) -> Vec<(&Address, &str)> {
    let gone = plan.changes.iter().filter(|(_, c)| c.change.after.is_none() && c.with.is_none());
    gone.filter(|(_, change)| holds_data(&change.kind))
        .map(|(address, c)| (address, c.name.as_str()))
        .collect()
}

/// Whether things of a kind hold everything that somebody may have put into them: clusters and databases.
pub(super) fn holds_data(kind: &str) -> bool {
    kind::by_name(kind).is_some_and(|kind| kind.about().may_exist)
}

/// Has the name of each thing typed that goes with all its data.
pub(super) fn confirm(gone: &[(&Address, &str)], terminal: Terminal) -> bool {
    gone.iter().all(|(address, name)| {
        let question =
            format!("{address} is deleted with everything in it. Type its name, {name}, to confirm:");
        terminal.ask(&question, name)
    })
}

async fn apply_saved(
    saved: plan::Saved,
    args: &ApplyArgs,
    global: &Global,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let plan::Saved { plan, spec, seen, .. } = saved;
    let desk = Desk::of(&spec, global, terminal).await?;
    let mut lock = runs::lock(&desk, &args.running, "apply", terminal).await?;
    let ended = async {
        nothing_pending(&desk.place, &desk.whereabouts).await?;
        let session = Session::at(desk, &plan.scope).await?.changing();
        let ended = match session.read(&plan.scope).await {
            Ok(live) => match proof::stale(&plan, &live.inventory).as_slice() {
                [] => {
                    terminal.say(&plan::moved(&seen, &plan, &live.inventory));
                    carry_out(&session, (plan, None), &mut lock, &args.running, terminal, false).await
                }
                differences => Err(stale(differences, "make the plan again with `adxform plan --out`")),
            },
            Err(failure) => Err(failure),
        };
        session.close().await;
        ended
    };
    let ended = ended.await;
    lock.release().await;
    ended
}

fn stale(differences: &[Difference], then: &str) -> Failure {
    let lines: Vec<String> = differences.iter().map(super::report::difference).collect();
    let message = format!("the plan is stale: live has changed since it was made\n{}", lines.join("\n"));
    Failure::new(Exit::Stale, message, format!("nothing was changed; {then}"))
}

/// An interrupted run comes first: its plan and this one must not mix.
async fn nothing_pending(place: &Place, whereabouts: &Whereabouts) -> Result<(), Failure> {
    let Some(known) = runs::unfinished(place).await? else { return Ok(()) };
    let message =
        format!("the run {} of {} did not come to its end", known.id, known.recorded.header.started);
    Err(Failure::new(Exit::NeedsPerson, message, whereabouts.onwards(&known.id, "it")))
}
