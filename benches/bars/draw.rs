//! Growth as a picture: figures over the number of tables, both in powers of ten.

use std::fmt::Write;

/// One curve.
pub(crate) struct Curve {
    /// What it shows.
    pub name: String,
    /// Its colour.
    pub colour: &'static str,
    /// Tables and figure.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 48.0;

/// Draws curves; the unit stands at the left.
pub(crate) fn svg(title: &str, unit: &str, curves: &[Curve]) -> String {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let least = all().map(of).fold(f64::INFINITY, f64::min).log10().floor();
        let most = all().map(of).fold(f64::NEG_INFINITY, f64::max).log10().ceil();
        (least, if most > least { most } else { least + 1.0 })
    };
    let (across, up) = (range(|p| p.0), range(|p| p.1));
    let x = |v: f64| LEFT + (v.log10() - across.0) / (across.1 - across.0) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - (v.log10() - up.0) / (up.1 - up.0) * (HEIGHT - TOP - BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{title}</text>\n"
    );
    for power in powers(across) {
        let at = x(power);
        let _ = writeln!(text, "<path d=\"M{at:.1} {TOP}V{}\" stroke=\"#ddd\"/>", HEIGHT - BOTTOM);
        let below = HEIGHT - BOTTOM + 16.0;
        let _ = writeln!(text, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{power}</text>");
    }
    for power in powers(up) {
        let at = y(power);
        let _ = writeln!(text, "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/>", WIDTH - RIGHT);
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{power} {unit}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for curve in curves {
        let path: Vec<String> =
            curve.points.iter().map(|(a, b)| format!("{:.1} {:.1}", x(*a), y(*b))).collect();
        let colour = curve.colour;
        let _ = writeln!(
            text,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        if let Some((a, b)) = curve.points.last() {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                x(*a) + 6.0,
                y(*b) + 4.0,
                curve.name
            );
        }
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    let _ = writeln!(
        text,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">tables</text>\n</svg>",
        HEIGHT - 10.0
    );
    text
}

fn powers((least, most): (f64, f64)) -> impl Iterator<Item = f64> {
    let mut next = least;
    std::iter::from_fn(move || {
        let power = next;
        next += 1.0;
        (power <= most).then(|| 10_f64.powf(power))
    })
}
