//! `plan`, and saved plans.

use super::args::{Global, PlanArgs};
use super::exit::{Exit, Failure};
use super::session::{self, Planned, Session};
use super::terminal::Terminal;
use crate::model::inventory::Inventory;
use crate::model::{Address, Body};
use crate::plan::{FORMAT, Plan, scope, text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// A saved plan, as it stands in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    /// Tells the file from a spec; the version of this form.
    pub(super) adxform_plan: u32,
    /// The spec as `plan` was given it: `adxform.toml`, journals and local state stand beside it.
    pub(super) spec: PathBuf,
    /// SHA-256 of the plan, so that a damaged or edited file is refused.
    pub(super) digest: String,
    /// Checksums of everything that was live then, so that what has changed beside the plan can be told.
    #[serde(default)]
    pub(super) seen: Seen,
    /// The plan.
    pub(super) plan: Plan,
}

/// A checksum of each live thing.
type Seen = BTreeMap<Address, String>;

fn seen(live: &Inventory) -> Seen {
    let sum = |body: &Body| format!("{:08x}", crc32fast::hash(body.shown().to_string().as_bytes()));
    live.iter().map(|(address, thing)| (address.clone(), sum(&thing.body))).collect()
}

/// What has changed in live beside the things that a saved plan changes, as a note; empty when nothing has.
pub(super) fn moved(then: &Seen, plan: &Plan, live: &Inventory) -> String {
    const SHOWN: usize = 5;
    let now = seen(live);
    let all: BTreeSet<&Address> = then.keys().chain(now.keys()).collect();
    let moved = all.into_iter().filter(|at| then.get(*at) != now.get(*at) && !plan.changes.contains_key(*at));
    let moved: Vec<String> = moved.map(ToString::to_string).collect();
    if then.is_empty() || moved.is_empty() {
        return String::new();
    }
    let more = moved.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let names = moved.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    format!("Note: since the plan was made, live has changed in what it does not touch: {names}{more}.")
}

/// Reads live and prints what apply would do.
///
/// # Errors
/// A spec with mistakes, a target that cannot be read, or a plan that cannot be saved.
pub(super) async fn run(args: &PlanArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    // The program ends with this: the system takes its memory back at once.
    let spec = ManuallyDrop::new(session::load(&args.spec.spec, global, terminal)?);
    let scope = scope::of(&spec.desired);
    let session = Session::open(&args.spec.spec, global, &scope, terminal).await?;
    let planned =
        session::plan(&session, &spec, scope, global, args.allow, args.destroy, style(terminal)).await;
    let whereabouts = session.whereabouts.clone();
    session.close().await;
    let Planned { plan, long, live } = planned?;
    let (plan, live) = (&*ManuallyDrop::new(plan), &*ManuallyDrop::new(live));
    print(plan, long, terminal);
    if let Some(exit) = session::refused(plan) {
        return Ok(exit);
    }
    if let Some(path) = &args.out {
        save(plan, live, &args.spec.spec, path)?;
        let command = whereabouts.of("apply", &path.to_string_lossy());
        terminal.say(&format!("The plan is saved; apply it with: {command}"));
    }
    let doing = if args.destroy { "destroy" } else { "apply" };
    if args.detailed_exitcode && !plan.is_empty() {
        terminal.say(&format!("There are changes; `{}` makes them.", whereabouts.on_spec(doing)));
        return Ok(Exit::Changes);
    }
    Ok(Exit::Done)
}

/// How a plan is printed as text, if it is.
pub(super) const fn style(terminal: Terminal) -> Option<text::Style> {
    if terminal.json { None } else { Some(text::Style { verbose: terminal.verbose > 0 }) }
}

/// Prints a plan as text or JSON, and why it is refused. The long part of the text may be written already.
pub(super) fn print(plan: &Plan, long: Option<text::Long>, terminal: Terminal) {
    let long = long.or_else(|| style(terminal).map(|style| text::Long::of(plan, style)));
    match long {
        None => terminal.document(&plan.document()),
        Some(long) => terminal.results(&text::with(plan, long)),
    }
    terminal.say(&text::refusals(&plan.refusals));
}

fn save(plan: &Plan, live: &Inventory, spec: &Path, path: &Path) -> Result<(), Failure> {
    let (spec, seen) = (spec.to_owned(), seen(live));
    let saved = Saved { adxform_plan: FORMAT, spec, digest: plan.digest(), seen, plan: plan.clone() };
    let text = serde_json::to_vec_pretty(&saved).map_err(|error| Failure::error(error.to_string(), ""))?;
    super::files::write_private(path, &text)
}

/// Reads a saved plan; `None` when the path is no saved plan but may be a spec.
///
/// # Errors
/// A file that is a saved plan, and damaged or of another version.
pub(super) fn saved(path: &Path) -> Result<Option<Saved>, Failure> {
    if path.is_dir() {
        return Ok(None);
    }
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
    if !text.trim_start().starts_with('{') || !text.contains("\"adxform_plan\"") {
        return Ok(None);
    }
    let name = path.display();
    let again = "make the plan again with `adxform plan --out`";
    let version =
        serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|v| v["adxform_plan"].as_u64());
    if version != Some(u64::from(FORMAT)) {
        let message = format!("{name} is a plan of another version of adxform, or it is cut off");
        return Err(Failure::new(Exit::Stale, message, again));
    }
    let saved: Saved = serde_json::from_str(&text).map_err(|error| {
        Failure::new(Exit::Stale, format!("{name} is no plan that can be read: {error}"), again)
    })?;
    if saved.digest != saved.plan.digest() {
        return Err(Failure::new(Exit::Stale, format!("{name} was changed after it was saved"), again));
    }
    Ok(Some(saved))
}
