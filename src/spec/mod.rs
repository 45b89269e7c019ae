//! The spec: YAML files to a desired inventory, or to every mistake in them, each at its place.
//!
//! Nothing here knows a kind by name: what may stand where, and what it may hold, comes from the kinds' own tables.
//! A kind that is added to its family's list is read, checked and in the JSON Schema at once
//! (test: `reads_kinds_it_has_never_seen`).
//!
//! Invariants: all mistakes are found in one reading, and one mistake gives one message (`tests/specs.rs`); whatever
//! the bytes, reading neither panics nor runs away (`never_panics`); secrets stay where they are kept, only their
//! places are read (`secrets_are_places`).

mod alone;
mod check;
mod cycle;
mod decode;
pub mod diagnostic;
mod entry;
pub mod files;
pub mod format;
mod ids;
mod kinds;
mod kql;
mod lint;
mod loader;
mod names;
mod nodes;
mod origins;
mod outline;
mod plain;
mod read;
mod reference;
mod removed;
pub mod render;
mod scalar;
mod schema;
mod settings;
pub mod source;
mod suggest;
mod syntax;
mod template;
mod text;
mod tree;
mod variables;
pub mod write;
mod yaml;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use diagnostic::{Code, Diagnostic, Diagnostics, Severity};
pub use files::{Files, Place};
pub use origins::Origins;
pub use schema::json_schema;

use crate::kind::{self, Kind};
use crate::model::Address;
use crate::model::inventory::Desired;
use std::fmt;
use std::path::PathBuf;

/// What to read, and what the command line says about it.
pub struct Options<'a> {
    /// The file or the folder of the spec.
    pub root: PathBuf,
    /// The environment whose overlay in `environments/` is laid over the spec (`--env`).
    pub environment: Option<String>,
    /// Values of variables (`--var`), the last of a name wins.
    pub vars: Vec<(String, String)>,
    /// Files with values of variables (`--var-file`), relative to where the program runs; later ones win.
    pub var_files: Vec<PathBuf>,
    /// The only access to environment variables.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("root", &self.root).finish_non_exhaustive()
    }
}

/// A spec without mistakes.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What it asks for.
    pub desired: Desired,
    /// Where it says so.
    pub origins: Origins,
    /// Which thing refers to which, itself first: each is an edge of the graph, whether or not the value was already
    /// known. Sorted; without loops.
    pub references: Vec<(Address, Address)>,
    /// The texts it was read from.
    pub files: Files,
    /// What is worth knowing about it.
    pub warnings: Diagnostics,
}

/// Reads a spec with every kind there is.
///
/// # Errors
/// All mistakes in it, with the warnings.
pub fn load(options: &Options<'_>) -> Result<Spec, Diagnostics> {
    let kinds: Vec<&'static dyn Kind> = kind::all().collect();
    load_with(options, &source::Disk, &kinds)
}

/// Reads a spec from any source, with the kinds given.
///
/// # Errors
/// All mistakes in it, with the warnings.
pub fn load_with(
    options: &Options<'_>,
    source: &dyn source::Source,
    kinds: &[&'static dyn Kind],
) -> Result<Spec, Diagnostics> {
    let mut loader = loader::Loader::new(options, source, kinds);
    if let Some(roots) = loader.read_files() {
        loader.outline(&roots);
        loader.read_alone();
        loader.read_values();
    }
    loader.finish()
}
