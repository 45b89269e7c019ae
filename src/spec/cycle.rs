//! References as a graph: which thing must be there before which, and where that goes round in circles.

use super::diagnostic::{Code, Diagnostic};
use super::files::Place;
use super::loader::Loader;
use crate::model::Address;
use std::collections::{BTreeSet, VecDeque};

/// How many circles are looked for.
const LOOKS: usize = 100;

/// A step of the graph: to which entry, where that is said, and whether by a reference or by standing inside.
#[derive(Clone, Copy)]
struct Step {
    to: usize,
    place: Place,
    contained: bool,
}

impl Loader<'_> {
    /// Which thing refers to which. A value that is known from a thing's own inside does not count.
    pub(super) fn references(&self) -> Vec<(Address, Address)> {
        let address = |at: usize| self.drafts[at].address.clone();
        let pairs = self.edges.iter().filter(|edge| self.counts(edge.from, edge.to, edge.unknown));
        let found: BTreeSet<_> = pairs.map(|edge| (address(edge.from), address(edge.to))).collect();
        found.into_iter().filter(|(from, to)| from != to).collect()
    }

    fn counts(&self, from: usize, to: usize, unknown: bool) -> bool {
        unknown || !self.drafts[to].address.is_within(&self.drafts[from].address)
    }

    /// Reports circles of references; a thing also needs what contains it.
    pub(super) fn cycles(&mut self) {
        let mut steps: Vec<Vec<Step>> = vec![Vec::new(); self.drafts.len()];
        for edge in self.edges.iter().filter(|edge| self.counts(edge.from, edge.to, edge.unknown)) {
            steps[edge.from].push(Step { to: edge.to, place: edge.place, contained: false });
        }
        if steps.iter().all(Vec::is_empty) {
            return;
        }
        for (at, draft) in self.drafts.iter().enumerate() {
            let above = draft.address.parent().and_then(|parent| self.index(&parent));
            steps[at].extend(above.map(|to| Step { to, place: draft.key_at, contained: true }));
        }
        let mut left = core(&steps);
        let mut looks = LOOKS;
        while let Some(start) = left.first().copied().filter(|_| looks > 0) {
            looks -= 1;
            left.remove(&start);
            if let Some(circle) = circle(&steps, start) {
                circle.iter().for_each(|(from, _)| {
                    left.remove(from);
                });
                self.report_circle(&circle);
            }
        }
    }

    fn report_circle(&mut self, circle: &[(usize, Step)]) {
        let first = circle.iter().position(|(_, step)| !step.contained).unwrap_or_default();
        let turned = || circle[first..].iter().chain(&circle[..first]);
        let mut names: Vec<String> =
            turned().map(|(from, _)| self.drafts[*from].address.to_string()).collect();
        names.push(names[0].clone());
        let message = match circle {
            [_] => format!("{} refers to itself", names[0]),
            _ => format!("these need each other: {}", names.join(" → ")),
        };
        let mut found = Diagnostic::error(Code::Cycle, message);
        for (_, step) in turned() {
            let to = &self.drafts[step.to].address;
            let text = if step.contained { format!("stands inside of {to}") } else { format!("needs {to}") };
            found = found.at(step.place, text);
        }
        self.push(found.help("write out one of the values, or leave one reference away"));
    }
}

/// The entries that are on circles or between them: what is left once those without steps out or in are taken away.
fn core(steps: &[Vec<Step>]) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> = (0..steps.len()).collect();
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (from, out) in steps.iter().enumerate() {
        out.iter().for_each(|step| back[step.to].push(from));
    }
    let forth: Vec<Vec<usize>> = steps.iter().map(|out| out.iter().map(|step| step.to).collect()).collect();
    for (ahead, behind) in [(&forth, &back), (&back, &forth)] {
        let mut degree: Vec<usize> =
            ahead.iter().map(|next| next.iter().filter(|to| left.contains(to)).count()).collect();
        let mut free: Vec<usize> = left.iter().copied().filter(|at| degree[*at] == 0).collect();
        while let Some(at) = free.pop() {
            left.remove(&at);
            for other in &behind[at] {
                degree[*other] = degree[*other].saturating_sub(1);
                if degree[*other] == 0 && left.contains(other) {
                    free.push(*other);
                }
            }
        }
    }
    left
}

/// The shortest way from an entry back to itself.
fn circle(steps: &[Vec<Step>], start: usize) -> Option<Vec<(usize, Step)>> {
    let mut came: Vec<Option<(usize, Step)>> = vec![None; steps.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for step in &steps[at] {
            if step.to == start {
                let mut path = vec![(at, *step)];
                let mut back = at;
                while let Some(before) = came[back].filter(|_| back != start) {
                    path.push(before);
                    back = before.0;
                }
                path.reverse();
                return Some(path);
            }
            if came[step.to].is_none() {
                came[step.to] = Some((at, *step));
                queue.push_back(step.to);
            }
        }
    }
    None
}
