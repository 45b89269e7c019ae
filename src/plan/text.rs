//! The plan as people read it: what changes, by which requests, and the last lines.
//!
//! Readable without colour; the marks `+`, `~`, `-` and `-/+` carry the meaning.

use super::{Plan, Refusal, Resolution, Step};
use crate::kind::{self, Undo, shape};
use crate::model::body::{Body, Value};
use crate::model::change::{Loss, LossClass};
use crate::model::duration::Ticks;
use crate::model::{Address, Request, parallel};
use similar::{ChangeTag, TextDiff};
use std::fmt::Write;

/// How much of a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Every request with its undo, not only what changes.
    pub verbose: bool,
}

/// The long part of a plan's text: what changes, and by which steps. Notes, refusals and times are no part of it, so that
/// it can be written while others are still asked. It is kept in the parts in which it is written side by side.
#[derive(Debug)]
pub struct Long(Vec<String>);

impl Long {
    /// Writes the long part of a plan.
    pub fn of(plan: &Plan, style: Style) -> Self {
        let replaced = plan.replaced();
        let changes: Vec<_> = plan.changes.iter().collect();
        let mut text = parallel::parts(&changes, parallel::AT_A_TIME, |part| {
            let mut text = String::new();
            part.iter().for_each(|(at, change)| entry(&mut text, replaced.contains(at), at, change));
            text
        });
        text.extend(steps(plan, style));
        Self(text)
    }
}

/// Prints a plan.
pub fn plan(plan: &Plan, style: Style) -> String {
    with(plan, Long::of(plan, style)).concat()
}

/// Prints a plan of which the long part is written already: the parts of its text.
pub fn with(plan: &Plan, long: Long) -> Vec<String> {
    let Long(mut parts) = long;
    if plan.is_empty() {
        parts.insert(0, "No changes. Live matches the spec.\n".to_owned());
    }
    let mut text = String::new();
    for note in &plan.notes {
        let _ = writeln!(text, "Note: {note}.");
    }
    if !plan.notes.is_empty() {
        text.push('\n');
    }
    if !plan.is_empty() {
        last_lines(&mut text, plan);
    }
    parts.push(text);
    parts
}

/// Prints why a plan is refused, one paragraph each.
pub fn refusals(refusals: &[Refusal]) -> String {
    let mut text = String::new();
    for refusal in refusals {
        let _ = writeln!(text, "refused: {}", refusal.message);
        if let Some(origin) = &refusal.origin {
            let _ = writeln!(text, "  at {}:{}:{}", origin.file, origin.line, origin.column);
        }
        let _ = writeln!(text, "  help: {}", refusal.help);
    }
    text
}

fn entry(text: &mut String, replaced: bool, address: &Address, resolution: &Resolution) {
    let (mark, verb) = match (&resolution.change.before, &resolution.change.after) {
        (None, _) => ("+", "is created"),
        (_, None) => ("-", "is deleted"),
        _ if replaced => ("-/+", "is deleted and created again"),
        _ => ("~", "is changed"),
    };
    let with = resolution.with.as_ref().map_or(String::new(), |with| format!(" together with {with}"));
    let renamed = resolution.change.rename.as_ref();
    let renamed = renamed.map_or(String::new(), |names| format!(" (renamed from {:?})", names.from));
    let _ = writeln!(text, "{mark} {address} ({}) {verb}{with}{renamed}", resolution.kind);
    let fields = kind::by_name(&resolution.kind).map_or(&[][..], |kind| kind.about().fields);
    match (&resolution.change.before, &resolution.change.after) {
        (None, Some(after)) => {
            after.iter().filter(|(_, v)| !v.is_unset()).for_each(|(n, v)| given(text, &mut n.to_string(), v))
        }
        (Some(before), Some(after)) => {
            for field in shape::differing(fields, before, after) {
                differs(text, field.name, before.get(field.name), after.get(field.name));
            }
        }
        _ => {}
    }
    if resolution.loss.class > LossClass::None {
        let _ = writeln!(text, "    data loss: {}", loss(&resolution.loss));
    }
    text.push('\n');
}

/// A property by its path, which is as it was afterwards, and everything in it.
fn given(text: &mut String, name: &mut String, value: &Value) {
    match value {
        Value::Map(body) => {
            let own = name.len();
            for (inner, value) in body.iter() {
                name.push('.');
                name.push_str(inner);
                given(text, name, value);
                name.truncate(own);
            }
        }
        Value::Text(body) if body.contains('\n') => {
            let _ = writeln!(text, "    + {name}:");
            for line in body.lines() {
                let _ = writeln!(text, "        {line}");
            }
        }
        value => {
            for piece in ["    + ", name, ": ", &shown(value), "\n"] {
                text.push_str(piece);
            }
        }
    }
}

fn differs(text: &mut String, name: &str, before: Option<&Value>, after: Option<&Value>) {
    let before = before.filter(|value| !value.is_unset());
    match (before, after.filter(|value| !value.is_unset())) {
        (Some(Value::Map(old)), Some(Value::Map(new))) => maps(text, name, old, new),
        (Some(Value::Text(old)), Some(Value::Text(new))) if old.contains('\n') || new.contains('\n') => {
            let _ = writeln!(text, "    ~ {name}:");
            lines(text, old, new);
        }
        (Some(old), Some(new)) => drop(writeln!(text, "    ~ {name}: {} → {}", shown(old), shown(new))),
        (None, Some(new)) => given(text, &mut name.to_owned(), new),
        (Some(old), None) => drop(writeln!(text, "    - {name}: {}", shown(old))),
        (None, None) => {}
    }
}

fn maps(text: &mut String, name: &str, old: &Body, new: &Body) {
    let gone = old.names().filter(|inner| new.get(inner).is_none());
    let names: Vec<&str> = new.names().chain(gone).collect();
    for inner in &names {
        let (before, after) = (old.get(inner), new.get(inner));
        if before != after {
            differs(text, &format!("{name}.{inner}"), before, after);
        }
    }
    let order = |body: &Body, other: &Body| {
        body.names().filter(|n| other.get(n).is_some()).map(str::to_owned).collect::<Vec<_>>()
    };
    if order(old, new) != order(new, old) {
        let _ = writeln!(text, "    ~ {name}: order becomes {}", new.names().collect::<Vec<_>>().join(", "));
    }
}

/// A line diff with what stays around each change.
fn lines(text: &mut String, old: &str, new: &str) {
    let diff = TextDiff::from_lines(old, new);
    for (i, group) in diff.grouped_ops(2).iter().enumerate() {
        if i > 0 {
            text.push_str("        …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(text, "      {mark} {}", change.value().trim_end_matches('\n'));
        }
    }
}

/// A value on one line.
fn shown(value: &Value) -> String {
    match value {
        Value::Unknown(expr) => format!("(known after apply: {expr})"),
        Value::Time(ticks) => ticks.to_string(),
        Value::Map(body) => {
            let inner: Vec<String> =
                body.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        // What JSON writes as it is.
        Value::Text(text) if text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') => {
            ["\"", text, "\""].concat()
        }
        Value::Int(number) => number.to_string(),
        value => value.shown().to_string(),
    }
}

/// The parts of what says the steps; none where there are none.
fn steps(plan: &Plan, style: Style) -> Vec<String> {
    if plan.steps.is_empty() {
        return Vec::new();
    }
    let line = plan.steps.iter().position(|step| step.behind_line);
    let mut shown = parallel::parts(&plan.steps, parallel::AT_A_TIME, |part| {
        let mut text = String::new();
        for step in part {
            if Some(step.id) == line {
                text.push_str("  ──── point of no return: what follows cannot be undone ────\n");
            }
            shown_step(&mut text, step, style);
        }
        text
    });
    shown.insert(0, "Steps:\n".to_owned());
    shown.push("\n".to_owned());
    shown
}

fn shown_step(text: &mut String, step: &Step, style: Style) {
    let after =
        if step.needs.is_empty() { String::new() } else { format!("  after {}", numbers(&step.needs)) };
    let _ = writeln!(text, "  {:>3}. {}{after}", step.id + 1, request(&step.request, style));
    undo(text, step, style);
}

fn undo(text: &mut String, step: &Step, style: Style) {
    match &step.undo {
        Undo::Never(why) => drop(writeln!(text, "       no undo: {why}")),
        Undo::By(requests) if style.verbose => {
            for undo in requests {
                let _ = writeln!(text, "       undo {}", request(undo, style));
            }
        }
        Undo::By(_) => {}
    }
}

fn numbers(ids: &[usize]) -> String {
    ids.iter().map(|id| (id + 1).to_string()).collect::<Vec<_>>().join(", ")
}

/// A request on one line, cut unless everything is asked for.
fn request(request: &Request, style: Style) -> String {
    const WIDTH: usize = 140;
    let mut line = request.shown_to(if style.verbose { usize::MAX } else { 2 * WIDTH });
    if let Some((end, _)) = line.char_indices().nth(WIDTH).filter(|_| !style.verbose) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn last_lines(text: &mut String, plan: &Plan) {
    let (add, change, destroy) = plan.counts();
    let _ = writeln!(text, "Plan: {add} to add, {change} to change, {destroy} to destroy.");
    let worst = plan.steps.iter().map(|step| step.loss.class).max().unwrap_or(LossClass::None);
    let losing = plan.steps.iter().filter(|step| step.loss.class > LossClass::None).count();
    let _ = match worst {
        LossClass::None => writeln!(text, "Data loss: none."),
        worst => writeln!(text, "Data loss: {} at worst, in {}.", worst.word(), counted(losing, "step")),
    };
    let behind = plan.steps.iter().filter(|step| step.behind_line).count();
    let _ = match behind {
        0 => writeln!(text, "Rollback: every step can be undone."),
        n if n == plan.steps.len() => writeln!(text, "Rollback: no step can be undone once it is done."),
        n => writeln!(
            text,
            "Rollback: {} can be undone; {} behind the point of no return cannot.",
            counted(plan.steps.len() - n, "step"),
            n
        ),
    };
    let learned = plan.steps.iter().any(|step| plan.times.contains_key(&(step.kind.clone(), step.action)));
    let by = if learned { ", as past runs took" } else { " on Azure" };
    let _ = writeln!(text, "Time: about {}{by}.", duration(plan.seconds()));
}

/// A number with its noun, as in `1 step`, `2 steps`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A length of time in words, to the minute from one minute on.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => counted(usize::try_from(seconds).unwrap_or_default(), "second"),
        s => counted(usize::try_from(s.div_ceil(60)).unwrap_or_default(), "minute"),
    }
}

/// A loss as a clause with its figures: `the table and its data are dropped (irreversible; 12 rows, 3.4 MB)`.
pub fn loss(loss: &Loss) -> String {
    let mut facts = vec![loss.class.word().to_owned()];
    if let Some(period) = loss.recoverable_for {
        facts[0] = format!("recoverable for {}", days(period));
    }
    let figures: Vec<String> =
        [loss.rows.map(|rows| format!("{rows} rows")), loss.bytes.map(bytes)].into_iter().flatten().collect();
    if !figures.is_empty() {
        facts.push(figures.join(", "));
    }
    format!("{} ({})", loss.what, facts.join("; "))
}

fn days(period: Ticks) -> String {
    period.to_string().strip_suffix('d').map_or_else(|| period.to_string(), |days| format!("{days} days"))
}

fn bytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut size = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}
