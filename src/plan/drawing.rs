//! A drawing of a dependency graph: columns by how long the way there is, the things of a column in an order that
//! crosses few lines.
//!
//! Invariants: every thing stands right of all that it needs, and no two overlap (test:
//! `all_stand_right_of_their_needs`).

use super::graph::Graph;
use crate::model::change::Action;
use std::fmt::Write;

const BOX: (usize, usize) = (8, 38);
const GAP: (usize, usize) = (48, 14);
const MARGIN: usize = 16;
/// How wide a letter is drawn, in pixels.
const LETTER: usize = 7;
/// How often the columns are sorted by their neighbours.
const SWEEPS: usize = 6;

/// Where a thing is drawn, in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
}

/// The graph as an SVG document.
pub fn svg(graph: &Graph) -> String {
    let labels: Vec<String> = graph.nodes.iter().map(|node| node.address.to_string()).collect();
    let places = places(graph, &labels);
    let width = places.iter().map(|place| place.x + place.width).max().unwrap_or(0) + MARGIN;
    let height = places.iter().map(|place| place.y + BOX.1).max().unwrap_or(0) + MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, monospace\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (from, to) in &graph.edges {
        let (from, to) = (places[*from], places[*to]);
        let (x1, y1) = (from.x + from.width, from.y + BOX.1 / 2);
        let (x2, y2) = (to.x, to.y + BOX.1 / 2);
        let half = GAP.0 / 2;
        let _ = writeln!(
            text,
            "<path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#8a8f98\"/>",
            x1 + half,
            x2.saturating_sub(half)
        );
    }
    for ((node, place), label) in graph.nodes.iter().zip(&places).zip(&labels) {
        let colour = match node.action {
            Action::Create => "#e6f4ea",
            Action::Update => "#fff4d6",
            Action::Delete => "#fde7e7",
        };
        let (x, y) = (place.x + BOX.0, place.y + 16);
        let _ = writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"{colour}\" stroke=\"#5f6368\"/>\n\
             <text x=\"{x}\" y=\"{y}\">{}</text>\n<text x=\"{x}\" y=\"{}\" fill=\"#5f6368\">{}</text>",
            place.x,
            place.y,
            place.width,
            BOX.1,
            escaped(label),
            y + 15,
            escaped(&node.kind)
        );
    }
    text + "</svg>\n"
}

fn escaped(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The column of each thing: one more than the farthest of its needs.
fn columns(graph: &Graph) -> Vec<usize> {
    let mut columns = vec![0; graph.nodes.len()];
    // A way visits each thing once at most, so that so many rounds are enough.
    for _ in 0..graph.nodes.len() {
        let mut moved = false;
        for (from, to) in &graph.edges {
            if columns[*to] <= columns[*from] {
                columns[*to] = columns[*from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    columns
}

fn places(graph: &Graph, labels: &[String]) -> Vec<Place> {
    let columns = columns(graph);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); columns.iter().max().map_or(0, |last| last + 1)];
    columns.iter().enumerate().for_each(|(at, column)| rows[*column].push(at));
    let mut order: Vec<usize> = vec![0; columns.len()];
    let number = |rows: &[Vec<usize>], order: &mut Vec<usize>| {
        rows.iter().for_each(|row| row.iter().enumerate().for_each(|(i, at)| order[*at] = i));
    };
    let mut beside: Vec<Vec<usize>> = vec![Vec::new(); columns.len()];
    for (from, to) in &graph.edges {
        beside[*from].push(*to);
        beside[*to].push(*from);
    }
    number(&rows, &mut order);
    for _ in 0..SWEEPS {
        for row in &mut rows {
            // Thousandths of the mean place of the neighbours, so that the order does not hang on rounding.
            let mean = |at: usize| {
                let sum: usize = beside[at].iter().map(|other| order[*other] * 1_000).sum();
                sum.checked_div(beside[at].len()).unwrap_or(order[at] * 1_000)
            };
            row.sort_by_cached_key(|at| (mean(*at), order[*at]));
        }
        number(&rows, &mut order);
    }
    let mut places = vec![Place::default(); columns.len()];
    let mut x = MARGIN;
    for row in &rows {
        let width = |at: &usize| {
            let longest = labels[*at].chars().count().max(graph.nodes[*at].kind.chars().count());
            longest * LETTER + 2 * BOX.0 + LETTER
        };
        for (i, at) in row.iter().enumerate() {
            places[*at] = Place { x, y: MARGIN + i * (BOX.1 + GAP.1), width: width(at) };
        }
        x += row.iter().map(width).max().unwrap_or(0) + GAP.0;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::graph::Node;
    use super::*;
    use crate::model::Address;
    use proptest::prelude::*;

    fn graph(count: usize, pairs: &[(usize, usize)]) -> Graph {
        let node = |n: usize| Node {
            address: Address::root()
                .child("tables", &"x".repeat(1 + n % 7))
                .child("policies", &n.to_string()),
            kind: "retentionPolicy".into(),
            action: Action::Create,
        };
        let edges = pairs.iter().map(|(a, b)| (a % count, b % count)).filter(|(a, b)| a < b).collect();
        Graph { nodes: (0..count).map(node).collect(), edges }
    }

    proptest! {
        #[test]
        fn all_stand_right_of_their_needs(
            count in 1_usize..30,
            pairs in proptest::collection::vec((0_usize..30, 0_usize..30), 0..60),
        ) {
            let graph = graph(count, &pairs);
            let labels: Vec<String> = graph.nodes.iter().map(|node| node.address.to_string()).collect();
            let places = places(&graph, &labels);
            for (from, to) in &graph.edges {
                prop_assert!(places[*from].x + places[*from].width < places[*to].x);
            }
            for (i, one) in places.iter().enumerate() {
                for other in &places[i + 1..] {
                    let beside = one.x + one.width <= other.x || other.x + other.width <= one.x;
                    prop_assert!(beside || one.y.abs_diff(other.y) >= BOX.1);
                }
            }
            prop_assert_eq!(svg(&graph), svg(&graph.clone()));
        }
    }

    #[test]
    fn names_do_not_break_the_document() {
        assert_eq!(escaped("a<b>&\"c\"\n"), "a&lt;b&gt;&amp;&quot;c&quot; ");
    }
}
