//! The dependency graph of a plan, for people: what must be done before what.
//!
//! Invariants: an arrow leads from what is needed to what needs it, so that it points the way of the work; what is
//! reached over others has no arrow of its own; the same plan gives the same bytes (test: `an_arrow_points_the_way`,
//! and the scenario `tests/scenarios/graphs`).

use super::Plan;
use crate::model::Address;
use crate::model::change::Action;
use arcstr::ArcStr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A thing that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub address: Address,
    /// The kind's word.
    pub kind: ArcStr,
    /// What happens to it.
    pub action: Action,
}

/// Things and what they wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The things, by address.
    pub nodes: Vec<Node>,
    /// From what is needed to what needs it, by places in `nodes`; each once, and none that others imply.
    pub edges: Vec<(usize, usize)>,
}

/// The graph of a plan's steps; a thing of several steps is one node.
pub fn of(plan: &Plan) -> Graph {
    let nodes: Vec<Node> = plan
        .changes
        .iter()
        .map(|(address, resolution)| {
            let (address, kind) = (address.clone(), resolution.kind.clone());
            Node { address, kind, action: resolution.change.action() }
        })
        .collect();
    let places: BTreeMap<&Address, usize> = plan.changes.keys().zip(0..).collect();
    let place = |step: usize| plan.steps.get(step).and_then(|step| places.get(&step.address).copied());
    let all = plan.steps.iter().flat_map(|step| step.needs.iter().map(|need| (place(*need), place(step.id))));
    let pairs = all.filter_map(|(from, to)| Some((from?, to?))).filter(|(from, to)| from != to);
    Graph { edges: direct(nodes.len(), &pairs.collect()), nodes }
}

/// The edges that no longer way implies.
fn direct(count: usize, edges: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    edges.iter().for_each(|(from, to)| after[*from].push(*to));
    let implied = |from: usize, to: usize| {
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut next: Vec<usize> = after[from].iter().copied().filter(|at| *at != to).collect();
        while let Some(at) = next.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                next.extend(&after[at]);
            }
        }
        false
    };
    edges.iter().copied().filter(|(from, to)| !implied(*from, *to)).collect()
}

fn sign(action: Action) -> char {
    match action {
        Action::Create => '+',
        Action::Update => '~',
        Action::Delete => '-',
    }
}

/// The graph in the language of Graphviz.
///
/// <https://graphviz.org/doc/info/lang.html>
pub fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text =
        "digraph adxform {\n  rankdir=LR\n  node [shape=box, fontname=\"sans-serif\"]\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = quoted(&format!("{} {}", sign(node.action), node.address));
        let _ = writeln!(text, "  n{at} [label=\"{label}\\n{}\"]", node.kind);
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(text, "  n{from} -> n{to}");
    }
    text + "}\n"
}

/// The graph as a Mermaid flowchart, which code hosts draw in Markdown.
///
/// <https://mermaid.js.org/syntax/flowchart.html>
pub fn mermaid(graph: &Graph) -> String {
    let quoted = |text: &str| {
        let plain = |c: char| c.is_alphanumeric() || " ._-+~".contains(c);
        text.chars()
            .map(|c| if plain(c) { c.to_string() } else { format!("#{};", c as u32) })
            .collect::<String>()
    };
    let mut text = "flowchart LR\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = quoted(&format!("{} {}", sign(node.action), node.address));
        let _ = writeln!(text, "  n{at}[\"{label}<br/>{}\"]", node.kind);
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Change;
    use crate::model::body::Body;
    use crate::model::change::Loss;
    use crate::plan::{Reason, Resolution};

    fn graph(names: &[&str], edges: &[(usize, usize)]) -> Graph {
        let mut plan = Plan::default();
        for name in names {
            let resolution = Resolution {
                kind: "table".into(),
                name: (*name).into(),
                change: Change::new(None, Some(Body::new())),
                reason: Reason::Declared,
                loss: Loss::none(),
                origin: None,
                with: None,
            };
            plan.changes.insert(Address::root().child("tables", name), resolution);
        }
        let mut found = of(&plan);
        found.edges = direct(found.nodes.len(), &edges.iter().copied().collect());
        found
    }

    #[test]
    fn an_arrow_points_the_way() {
        let found = graph(&["a", "b \"c\"", "d"], &[(0, 1), (1, 2), (0, 2)]);
        assert_eq!(found.edges, [(0, 1), (1, 2)]);
        let dot = dot(&found);
        assert!(dot.contains("n1 [label=\"+ tables[\\\"b \\\\\\\"c\\\\\\\"\\\"]\\ntable\"]"), "{dot}");
        assert!(dot.ends_with("  n0 -> n1\n  n1 -> n2\n}\n"), "{dot}");
        let mermaid = mermaid(&found);
        assert!(mermaid.contains("n0[\"+ tables.a<br/>table\"]"), "{mermaid}");
        assert!(mermaid.ends_with("  n0 --> n1\n  n1 --> n2\n"), "{mermaid}");
    }

    #[test]
    fn what_others_imply_has_no_arrow() {
        let found = graph(&["a", "b", "c", "d"], &[(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)]);
        assert_eq!(found.edges, [(0, 1), (0, 2), (1, 3), (2, 3)]);
    }
}
