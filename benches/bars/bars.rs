//! The bars, each measured the same way: the tool and the floor side by side, the least of several runs.

use crate::floor_file;
use crate::generate::{self, Size};
use crate::lab::{self, Emulator, Lab, Specs, text};
use crate::measure::{self, Cost, in_turns, least};
use crate::recorder::Asked;
use crate::table::Table;
use serde_json::{Value as Json, json};
use std::io;
use std::path::Path;
use tokio::runtime::Runtime;

const MB: f64 = 1_000_000.0;

/// Milliseconds that a slow wire adds to each request.
const LATENCY: u64 = 50;

/// What a session of the harness measures with.
pub(crate) struct Session<'a> {
    pub lab: &'a Lab,
    pub runtime: &'a Runtime,
    pub table: &'a mut Table,
}

/// What one size costs.
pub(crate) struct Costs {
    pub plan: Cost,
    pub floor: Cost,
    pub apply: Cost,
}

/// A spec, and an emulator that it was applied to.
pub(crate) struct World {
    pub specs: Specs,
    pub emulator: Emulator,
}

impl Session<'_> {
    /// Every bar of one size.
    ///
    /// # Errors
    /// When a program fails: figures that miss their bars are no error.
    pub(crate) fn all(&mut self, size: Size) -> io::Result<()> {
        self.starting()?;
        self.validating(size)?;
        self.emulator(size)?;
        self.converging(size, true)?;
        self.latency(Size { tables: size.tables.min(400), databases: 4, ..size })
    }

    /// Start-up, and the size of the program.
    fn starting(&mut self) -> io::Result<()> {
        let lab = self.lab;
        let bytes = std::fs::metadata(&lab.binary)?.len();
        self.table.always("release binary", megabytes(bytes), "MB", 20.0);
        let version = least(5 * lab.runs, || measure::run(&lab.binary, &["--version"], None))?;
        self.table.always("--version", version.wall * 1e3, "ms", 10.0);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/event-hubs");
        let words = ["validate", text(&example)?];
        let validate = least(5 * lab.runs, || measure::run(&lab.binary, &words, None))?;
        self.table.always("validate an example", validate.wall * 1e3, "ms", 20.0);
        Ok(())
    }

    /// A spec in one file, of ten megabytes at the size of the bars.
    fn validating(&mut self, size: Size) -> io::Result<()> {
        let file = self.lab.folder.join("one.yaml");
        let first = generate::write_one(&file, size)?;
        let wanted = first.min(10_000_000);
        let tables = usize::try_from(size.tables as u64 * wanted / first).unwrap_or(size.tables);
        let bytes = generate::write_one(&file, Size { tables, ..size })?;
        let words = ["validate", text(&file)?];
        let cost = least(self.lab.runs, || measure::run(&self.lab.binary, &words, None))?;
        let what = format!("validate {:.1} MB", megabytes(bytes));
        self.table.figure(&what, cost.wall * 1e3, "ms", 300.0);
        self.table.figure(&format!("{what}: CPU"), cost.cpu * 1e3, "ms", 600.0);
        self.table.figure(&format!("{what}: memory"), megabytes(cost.peak), "MB", megabytes(bytes) * 10.0);
        Ok(())
    }

    /// How fast the emulator takes commands that do nothing but create tables.
    fn emulator(&mut self, size: Size) -> io::Result<()> {
        let specs = self.lab.specs(size)?;
        let emulator = Emulator::start(&self.lab.binary, 0)?;
        self.lab.apply(&specs.empty, &emulator.url)?;
        let asked = creates(&self.command(&specs, &emulator)?, size);
        let file = floor_file(&self.lab.folder, &asked)?;
        let cost = measure::run(&std::env::current_exe()?, &["floor", "parse", text(&file)?], None)?;
        self.table.figure(&format!("emulator: {} creates", size.tables), cost.wall, "s", 3.0);
        Ok(())
    }

    /// A request to the management endpoint of the cluster, as the tool sends one.
    fn command(&self, specs: &Specs, emulator: &Emulator) -> io::Result<Asked> {
        let words = ["plan", text(&specs.empty)?];
        let asked = self.lab.asked(self.runtime, &words, &emulator.url, None)?;
        let found = asked.into_iter().find(|asked| asked.url.ends_with("/v1/rest/mgmt"));
        found.ok_or_else(|| io::Error::other("a plan asked no command"))
    }

    /// Plan on nothing, apply, plan unchanged; and what came of it.
    ///
    /// # Errors
    /// When a program fails.
    pub(crate) fn converging(&mut self, size: Size, judge: bool) -> io::Result<(Costs, World)> {
        let (lab, runs) = (self.lab, self.lab.runs);
        let specs = lab.specs(size)?;
        let emulator = Emulator::start(&lab.binary, 0)?;
        lab.apply(&specs.empty, &emulator.url)?;
        let words = ["plan", text(&specs.full)?];
        if judge {
            let first = least(runs, || lab.tool(&words, &emulator.url, None))?;
            let what = format!("plan of {} tables, empty target", size.tables);
            self.table.figure(&what, first.wall, "s", 1.0);
            self.table.figure(&format!("{what}: memory"), megabytes(first.peak), "MB", f64::INFINITY);
        }
        let (apply, steps) = lab.apply(&specs.full, &emulator.url)?;
        if judge {
            self.applied(size, &specs, apply, steps)?;
        }
        let asked = lab.asked(self.runtime, &words, &emulator.url, None)?;
        let file = floor_file(&lab.folder, &asked)?;
        let harness = std::env::current_exe()?;
        let words_of = |way: &'static str| -> io::Result<[String; 3]> {
            Ok(["floor".to_owned(), way.to_owned(), text(&file)?.to_owned()])
        };
        let floor = |way: &'static str| {
            let words = words_of(way)?;
            measure::run(&harness, &[&words[0], &words[1], &words[2]], None)
        };
        let (plan, least_floor) =
            in_turns(runs, || lab.tool(&words, &emulator.url, None), || floor("parse"))?;
        if judge {
            let fetched = least(runs, || floor("fetch"))?;
            self.table.figure("emulator: read of everything", fetched.wall * 1e3, "ms", 300.0);
            self.planned(size, plan, least_floor, &asked);
        }
        Ok((Costs { plan, floor: least_floor, apply }, World { specs, emulator }))
    }

    #[expect(clippy::cast_precision_loss, reason = "steps are far fewer than a float can count")]
    fn applied(&mut self, size: Size, specs: &Specs, cost: Cost, steps: u64) -> io::Result<()> {
        let what = format!("apply of {} tables", size.tables);
        self.table.figure(&what, cost.wall, "s", 10.0);
        self.table.figure(&format!("{what}: CPU per step"), cost.cpu * 1e3 / steps as f64, "ms", 1.0);
        self.table.figure(&format!("{what}: memory"), megabytes(cost.peak), "MB", f64::INFINITY);
        let expected = size.tables * 4;
        let off = usize::try_from(steps).unwrap_or(0).abs_diff(expected);
        self.table.count(&format!("{what}: steps that are not one for each thing ({steps})"), off, 0);
        let emulator = Emulator::start(&self.lab.binary, 0)?;
        self.lab.apply(&specs.empty, &emulator.url)?;
        let _ = std::fs::remove_dir_all(specs.full.join(".adxform"));
        let words = ["apply", text(&specs.full)?, "-y"];
        let asked = self.lab.asked(self.runtime, &words, &emulator.url, None)?;
        let sent: usize = asked.iter().map(|asked| asked.body.len()).sum();
        // Two readings of live, and scripts of 256 kB, the last of each round and database not full.
        let limit = (2 * 12 + 4) * size.databases + 4 + sent / 256_000;
        self.table.count(&format!("{what}: requests ({:.1} MB sent)", sent as f64 / MB), asked.len(), limit);
        Ok(())
    }

    fn planned(&mut self, size: Size, plan: Cost, floor: Cost, asked: &[Asked]) {
        let what = format!("plan of {} tables, unchanged", size.tables);
        self.table.figure(&what, plan.wall, "s", 1.0);
        self.table.figure(&format!("{what}: memory"), megabytes(plan.peak), "MB", 150.0);
        self.table.figure(&format!("{what}: CPU"), plan.cpu, "s", f64::INFINITY);
        self.table.figure("floor of that plan", floor.wall, "s", f64::INFINITY);
        self.table.figure("floor of that plan: memory", megabytes(floor.peak), "MB", f64::INFINITY);
        self.table.figure("floor of that plan: CPU", floor.cpu, "s", f64::INFINITY);
        self.table.figure(&format!("{what}: wall, in floors"), plan.wall / floor.wall, "x", 2.0);
        self.table.figure(&format!("{what}: CPU, in floors"), plan.cpu / floor.cpu, "x", 2.0);
        let depth = asked.iter().map(|asked| asked.depth).max().unwrap_or(0);
        self.table.count(&format!("{what}: requests"), asked.len(), 12 * size.databases);
        self.table.count(&format!("{what}: requests, one after the other"), depth, 4);
    }

    /// Apply over a slow wire, beside the longest chain of requests that must wait for one another.
    #[expect(clippy::cast_precision_loss, reason = "a chain of requests is short")]
    fn latency(&mut self, size: Size) -> io::Result<()> {
        let lab = self.lab;
        let specs = lab.specs(size)?;
        let words = ["plan", text(&specs.full)?, "--json"];
        let plan_file = lab.folder.join("plan.json");
        let quick = Emulator::start(&lab.binary, 0)?;
        let before = lab.asked(self.runtime, &words, &quick.url, Some(&plan_file))?;
        let plan: Json = serde_json::from_slice(&std::fs::read(&plan_file)?)?;
        lab.apply(&specs.full, &quick.url)?;
        let after = lab.asked(self.runtime, &words, &quick.url, None)?;
        drop(quick);
        let depth = |asked: &[Asked]| asked.iter().map(|asked| asked.depth).max().unwrap_or(0);
        let critical = depth(&before) + lab::chain(&plan) + depth(&after);
        let seconds = critical as f64 * LATENCY as f64 / 1e3;
        let emulator = Emulator::start(&lab.binary, LATENCY)?;
        let (cost, _) = lab.apply(&specs.full, &emulator.url)?;
        let what = format!(
            "apply of {} tables and their cluster at {LATENCY} ms a request, in critical paths",
            size.tables
        );
        self.table.always(&what, cost.wall / seconds, "x", 1.2);
        // The same by the requests alone, whatever else the machine does meanwhile.
        let emulator = Emulator::start(&lab.binary, LATENCY)?;
        let _ = std::fs::remove_dir_all(specs.full.join(".adxform"));
        let words = ["apply", text(&specs.full)?, "-y"];
        let asked = lab.asked(self.runtime, &words, &emulator.url, None)?;
        let deep = depth(&asked) as f64 / critical as f64;
        self.table.always("its requests, one after the other, in critical paths", deep, "x", 1.2);
        self.table.always(&format!("its critical path: {critical} requests"), seconds, "s", f64::INFINITY);
        Ok(())
    }
}

/// Scripts that create the tables of a size, two hundred to a request.
fn creates(like: &Asked, size: Size) -> Vec<Asked> {
    let mut all = Vec::new();
    for database in 0..size.databases {
        let tables: Vec<_> = generate::tables(size, database).collect();
        for (place, part) in tables.chunks(200).enumerate() {
            let mut csl = ".execute database script with (ContinueOnErrors=true) <|".to_owned();
            for (name, columns) in part {
                let columns: Vec<String> =
                    columns.iter().map(|(name, sort)| format!("{name}:{sort}")).collect();
                csl += &format!("\n.create-merge table {name} ({})", columns.join(", "));
            }
            let body = json!({"db": format!("db{database:03}"), "csl": csl}).to_string();
            all.push(Asked { body, depth: place, ..like.clone() });
        }
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "bytes to be read by people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MB
}
