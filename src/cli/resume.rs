//! `resume` and `rollback`: taking an earlier run up again.

use super::args::{Global, RunArgs};
use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::runs::Known;
use super::session::Session;
use super::terminal::Terminal;
use super::{apply, runs};
use crate::kind::{self, At};
use crate::model::inventory::{Inventory, Resource};
use crate::model::{Address, Change, LossClass};
use crate::plan::{Plan, text};
use crate::run::event::Intent;
use crate::run::place::Place;

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
    let desk = Desk::of(&args.spec, global, terminal).await?;
    let mut lock = runs::lock(&desk, &args.running, word, terminal).await?;
    let ended = under_lock(args, intent, word, desk, &mut lock, terminal).await;
    lock.release().await;
    ended
}

async fn under_lock(
    args: &RunArgs,
    intent: Intent,
    word: &str,
    desk: Desk,
    lock: &mut runs::Locked,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let known = match &args.run {
        Some(id) => runs::find(&desk.place, Some(id)).await?,
        None => match runs::unfinished(&desk.place).await? {
            Some(known) => known,
            None => runs::find(&desk.place, None).await?,
        },
    };
    same_target(&desk, &known)?;
    if matches!(intent, Intent::Resume) && known.is_done() {
        terminal.result(&format!("The run {} is done; nothing is left to resume.\n", known.id));
        return Ok(Exit::Done);
    }
    if matches!(intent, Intent::Rollback) && known.is_undone() {
        terminal.result(&format!("The run {} is undone already; nothing is left to do.\n", known.id));
        return Ok(Exit::Done);
    }
    if matches!(intent, Intent::Rollback) && known.has_ended() {
        may_undo(&desk.place, &known, args.data_loss.into()).await?;
    }
    if !args.running.auto_approve {
        terminal.say(&super::report::standing(&known, None, &desk.whereabouts));
        if !terminal.ask(&format!("{word} the run {}? Only `yes` will do it:", known.id), "yes")
            || !apply::confirm(&deleted(&known, intent), terminal)
        {
            terminal.say("Nothing was changed; the run stands where it stood.");
            return Ok(Exit::Error);
        }
    }
    let scope = known.recorded.header.plan.scope.clone();
    let session = Session::at(desk, &scope).await?;
    let ended = runs::take_up(&session, &known, intent, lock, terminal).await;
    session.close().await;
    ended
}

/// A run goes on where it began: elsewhere its things are others, or not there. Two emulators count as one, for each
/// start may give it another port.
fn same_target(desk: &Desk, known: &Known) -> Result<(), Failure> {
    let (here, there) = (desk.target_name(), known.recorded.header.target.as_str());
    let served = |target: &str| target.starts_with("http://");
    if here == there || (served(here) && served(there)) {
        return Ok(());
    }
    let help = match there {
        Desk::AZURE => "nothing was done; leave `--local` and `--endpoint` out".to_owned(),
        Desk::LOCAL => "nothing was done; say `--local`".to_owned(),
        url => format!("nothing was done; say `--endpoint {url}`"),
    };
    let message =
        format!("the run {} works on {there}, and this command would go on with it on {here}", known.id);
    Err(Failure::new(Exit::Refused, message, help))
}

/// The clusters and databases that undoing a run that has ended deletes, with their names.
fn deleted(known: &Known, intent: Intent) -> Vec<(&Address, &str)> {
    if intent == Intent::Resume || !known.has_ended() {
        return Vec::new();
    }
    let made = known.recorded.header.plan.changes.iter().filter(|(_, c)| c.change.before.is_none());
    let made = made.filter(|(_, change)| apply::holds_data(&change.kind));
    made.map(|(address, change)| (address, change.name.as_str())).collect()
}

/// What a finished run made may hold data by now, and later runs may have built on it.
async fn may_undo(place: &Place, known: &Known, allow: LossClass) -> Result<(), Failure> {
    let plan = &known.recorded.header.plan;
    if let Some(newer) = runs::newest(place).await?.filter(|newest| *newest != known.id) {
        let message =
            format!("the run {} is not the newest; {newer} came after it and may build on it", known.id);
        return Err(Failure::new(
            Exit::Refused,
            message,
            format!("roll back {newer} first, or change the spec and apply it"),
        ));
    }
    let lossy = losses(plan).into_iter().filter(|(class, _)| *class > allow);
    let (worst, lines) = lossy.fold((LossClass::None, Vec::new()), |(worst, mut lines), (class, line)| {
        lines.push(line);
        (worst.max(class), lines)
    });
    if lines.is_empty() {
        return Ok(());
    }
    let message =
        format!("undoing the run {} may lose data that came in since:\n  {}", known.id, lines.join("\n  "));
    Err(Failure::new(Exit::Refused, message, format!("to allow it, say --allow-data-loss {}", worst.word())))
}

/// What the inverse of each change of a plan may cost.
fn losses(plan: &Plan) -> Vec<(LossClass, String)> {
    let mut world = Inventory::new();
    for (address, change) in &plan.changes {
        let Some(kind) = kind::by_name(&change.kind) else { continue };
        let body = change.change.after.clone().or_else(|| change.change.before.clone()).unwrap_or_default();
        let resource = Resource {
            kind: kind.about().name,
            name: change.name.as_str().into(),
            body,
            ..Resource::default()
        };
        world.insert(address.clone(), resource);
    }
    let inverse = plan.changes.iter().filter_map(|(address, change)| {
        let at = At { address, resource: world.get(address)?, world: &world };
        let loss = kind::by_name(&change.kind)?.loss(&at, &Change::invert(&change.change));
        (loss.class > LossClass::None).then(|| (loss.class, format!("{address}: {}", text::loss(&loss))))
    });
    inverse.collect()
}
