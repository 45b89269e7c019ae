//! Growth: what tables cost up to a size, and the largest size beside a tenth of it.

use crate::bars::{Costs, Session, World};
use crate::draw::{self, Curve};
use crate::generate::Size;
use crate::lab::text;
use crate::measure::in_turns;
use std::io;
use std::path::Path;

impl Session<'_> {
    /// Growth up to a size, and the picture of it.
    ///
    /// # Errors
    /// When a program fails.
    pub(crate) fn growth(&mut self, most: usize, seed: u64, picture: Option<&Path>) -> io::Result<()> {
        let sizes: Vec<usize> = [1000, 300, 100, 30, 10, 3, 1].iter().map(|part| most / part).collect();
        let (mut costs, mut tenth): (Vec<(usize, Costs)>, Option<World>) = (Vec::new(), None);
        for tables in sizes.into_iter().filter(|tables| *tables >= 10) {
            let (found, world) = self.converging(Size::of(tables, seed), false)?;
            eprintln!(
                "{tables} tables: plan {:?}, floor {:?}, apply {:?}",
                found.plan, found.floor, found.apply
            );
            costs.push((tables, found));
            if tables == most / 10 {
                tenth = Some(world);
            } else if tables == most
                && let Some(tenth) = &tenth
            {
                self.in_tenths(most, tenth, &world)?;
            }
        }
        match picture {
            Some(path) => std::fs::write(path, drawn(&costs)),
            None => Ok(()),
        }
    }

    /// An unchanged plan of one world in plans of a tenth of it, side by side.
    #[expect(clippy::cast_precision_loss, reason = "bytes to be read by people")]
    fn in_tenths(&mut self, most: usize, tenth: &World, whole: &World) -> io::Result<()> {
        let lab = self.lab;
        let plan = |world: &World| lab.tool(&["plan", text(&world.specs.full)?], &world.emulator.url, None);
        let (small, large) = in_turns(lab.runs, || plan(tenth), || plan(whole))?;
        eprintln!("{} tables: plan {small:?}, {most} tables: plan {large:?}", most / 10);
        let what = format!("plan of {most} tables, in plans of a tenth");
        self.table.always(&what, large.wall / small.wall, "x", 11.0);
        let memory = large.peak as f64 / small.peak as f64;
        self.table.always(&format!("{what}: memory"), memory, "x", 11.0);
        self.table.always(&format!("{what}: CPU"), large.cpu / small.cpu, "x", 11.0);
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of tables are small")]
fn drawn(costs: &[(usize, Costs)]) -> String {
    let curve = |name: &str, colour, of: &dyn Fn(&Costs) -> f64| Curve {
        name: name.to_owned(),
        colour,
        points: costs.iter().map(|(tables, costs)| (*tables as f64, of(costs))).collect(),
    };
    let curves = [
        curve("apply", "#b5541c", &|costs| costs.apply.cpu),
        curve("plan, unchanged", "#1c5fb5", &|costs| costs.plan.cpu),
        curve("floor of the plan", "#777777", &|costs| costs.floor.cpu),
    ];
    draw::svg("Processor time, emulator in another process", "s", &curves)
}
