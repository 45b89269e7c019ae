//! The bars with their figures: as text for people, as JSON for programs.

use serde::Serialize;
use std::fmt::Write;

/// What a bar is about, which says when its miss is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    /// A number that is the same on every machine: a miss fails the run.
    Count,
    /// A time, a ratio of times or memory: a miss is printed and no more.
    Figure,
}

/// One bar.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bar {
    /// What is measured.
    pub what: String,
    /// The figure.
    pub figure: f64,
    /// What the figure counts.
    pub unit: &'static str,
    /// The most that passes.
    pub limit: f64,
    /// The figure as a share of the limit.
    pub ratio: f64,
    /// Whether it passes; none where the size is not that of the bar.
    pub pass: Option<bool>,
    /// What it is about.
    pub sort: Sort,
}

/// All bars, in the order in which they were measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    /// The bars.
    pub bars: Vec<Bar>,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
    /// Whether the size is that of the bars.
    pub whole: bool,
}

impl Table {
    /// Notes a time, a ratio or memory.
    pub(crate) fn figure(&mut self, what: &str, figure: f64, unit: &'static str, limit: f64) {
        let judged = self.whole;
        self.add(what, (figure, unit, limit), Sort::Figure, judged);
    }

    /// Notes a figure whose bar does not depend on the size.
    pub(crate) fn always(&mut self, what: &str, figure: f64, unit: &'static str, limit: f64) {
        self.add(what, (figure, unit, limit), Sort::Figure, true);
    }

    /// Notes a count.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests and steps are small")]
    pub(crate) fn count(&mut self, what: &str, figure: usize, limit: usize) {
        self.add(what, (figure as f64, "", limit as f64), Sort::Count, true);
    }

    fn add(&mut self, what: &str, (figure, unit, limit): (f64, &'static str, f64), sort: Sort, judged: bool) {
        let pass = judged.then_some(figure <= limit);
        let bar = Bar { what: what.to_owned(), figure, unit, limit, ratio: figure / limit, pass, sort };
        eprintln!("{}", line(&bar));
        self.bars.push(bar);
    }

    /// Notes what cannot be measured here.
    pub(crate) fn skip(&mut self, why: String) {
        eprintln!("skipped: {why}");
        self.skipped.push(why);
    }

    /// Whether a count is over its bar.
    pub(crate) fn fails(&self) -> bool {
        self.bars.iter().any(|bar| bar.sort == Sort::Count && bar.pass == Some(false))
    }

    /// The table for people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.bars.iter().for_each(|bar| text += &(line(bar) + "\n"));
        self.skipped.iter().for_each(|why| {
            let _ = writeln!(text, "skipped: {why}");
        });
        let missed = self.bars.iter().filter(|bar| bar.pass == Some(false)).count();
        let judged = self.bars.iter().filter(|bar| bar.pass.is_some()).count();
        let _ = writeln!(text, "{} of {judged} bars pass", judged - missed);
        text
    }
}

fn line(bar: &Bar) -> String {
    let verdict = match bar.pass {
        Some(true) => "pass",
        Some(false) => "FAIL",
        None => "-",
    };
    let figure = format!("{} {}", short(bar.figure), bar.unit);
    let limit = format!("{} {}", short(bar.limit), bar.unit);
    format!("{verdict:4}  {figure:>12}  of {limit:>12}  ({:>5.2})  {}", bar.ratio, bar.what)
}

fn short(figure: f64) -> String {
    if figure.fract() == 0.0 { format!("{figure}") } else { format!("{figure:.3}") }
}
