//! Specs from a seed: databases of tables with columns, a mapping and two policies each.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

/// The name of the only cluster.
pub(crate) const CLUSTER: &str = "benchmark";

/// The subscription and the resource group of everything.
pub(crate) const PLACE: (&str, &str) = ("00000000-0000-0000-0000-000000000000", "rg-bench");

/// How much to generate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Tables in all databases together.
    pub tables: usize,
    /// Databases in the cluster.
    pub databases: usize,
    /// Columns of a table.
    pub columns: usize,
    /// What the names and types are drawn from.
    pub seed: u64,
}

impl Size {
    /// Thirty columns a table, and a database for every five hundred tables from the second thousand on, as the
    /// bars have it: 20 for 10,000, and 100 for 100,000.
    pub(crate) const fn of(tables: usize, seed: u64) -> Self {
        let databases = match tables {
            0..=1_000 => 4,
            1_001..=10_000 => 20,
            _ => 100,
        };
        Self { tables, databases, columns: 30, seed }
    }
}

/// A small generator of numbers (SplitMix64): the same on every machine.
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = self.next() % words.len() as u64;
        words.get(usize::try_from(at).unwrap_or_default()).copied().unwrap_or_default()
    }
}

const TYPES: [&str; 8] = ["string", "long", "datetime", "real", "int", "dynamic", "bool", "timespan"];
const WORDS: [&str; 16] = [
    "Pump", "Valve", "Meter", "Engine", "Line", "Boiler", "Panel", "Motor", "Gate", "Cell", "Probe", "Drive",
    "Tank", "Rack", "Node", "Fan",
];
const PARTS: [&str; 16] = [
    "Temp", "Flow", "State", "Load", "Speed", "Level", "Volt", "Amp", "Time", "Code", "Mode", "Unit", "Rate",
    "Zone", "Step", "Mark",
];

/// The tables of one database, as columns by name and type.
pub(crate) fn tables(
    size: Size,
    database: usize,
) -> impl Iterator<Item = (String, Vec<(String, &'static str)>)> {
    let mut dice = Dice(size.seed ^ (database as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let first = database * size.tables / size.databases;
    let last = (database + 1) * size.tables / size.databases;
    (first..last).map(move |number| {
        let name = format!("{}{number}", dice.pick(&WORDS));
        let columns = (0..size.columns).map(|at| (format!("{}{at}", dice.pick(&PARTS)), dice.pick(&TYPES)));
        (name, columns.collect())
    })
}

/// Writes the spec: one file for the cluster, and one for each database.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write(folder: &Path, size: Size) -> io::Result<u64> {
    fs::create_dir_all(folder)?;
    let (subscription, group) = PLACE;
    let head = format!(
        "version: 1\nazure: {{subscriptionId: {subscription}, resourceGroup: {group}, location: westeurope}}\n\
         clusters:\n  {CLUSTER}:\n    sku: {{name: Standard_E8ads_v5, tier: Standard, capacity: 2}}\n"
    );
    let mut bytes = head.len() as u64;
    fs::write(folder.join("cluster.yaml"), head)?;
    for database in 0..size.databases {
        let text = of_database(size, database, false);
        bytes += text.len() as u64;
        fs::write(folder.join(format!("db{database:03}.yaml")), text)?;
    }
    Ok(bytes)
}

/// Writes a spec that has the cluster and its databases, and nothing in them.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_empty(folder: &Path, size: Size) -> io::Result<()> {
    write(folder, Size { tables: 0, ..size }).map(|_| ())
}

/// Writes the whole spec as one file, and returns its bytes.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_one(file: &Path, size: Size) -> io::Result<u64> {
    let (subscription, group) = PLACE;
    let mut text = format!(
        "version: 1\nazure: {{subscriptionId: {subscription}, resourceGroup: {group}, location: westeurope}}\n\
         clusters:\n  {CLUSTER}:\n    sku: {{name: Standard_E8ads_v5, tier: Standard, capacity: 2}}\n    databases:\n"
    );
    (0..size.databases).for_each(|database| text += &of_database(size, database, true));
    fs::write(file, &text)?;
    Ok(text.len() as u64)
}

fn of_database(size: Size, database: usize, inner: bool) -> String {
    let mut text = if inner { String::new() } else { format!("clusters:\n  {CLUSTER}:\n    databases:\n") };
    let _ =
        writeln!(text, "      db{database:03}:\n        softDeletePeriod: 365d\n        hotCachePeriod: 31d");
    if size.tables > 0 {
        text += "        tables:\n";
    }
    for (name, columns) in tables(size, database) {
        let _ = writeln!(text, "          {name}:\n            columns:");
        for (column, sort) in &columns {
            let _ = writeln!(text, "              {column}: {sort}");
        }
        let _ = writeln!(text, "            mappings:\n              {name}_csv: {{kind: csv, columns: {{");
        for (at, (column, _)) in columns.iter().enumerate() {
            let comma = if at + 1 == columns.len() { "}}" } else { "," };
            let _ = writeln!(text, "                {column}: {at}{comma}");
        }
        let days = 30 + database;
        let _ =
            writeln!(text, "            policies:\n              retention: {{softDeletePeriod: {days}d}}");
        let _ = writeln!(text, "              caching: 3d");
    }
    text
}
