//! `validate`: every mistake that can be found without a service.

use super::args::{Global, SpecArg};
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::plan::text::counted;

/// Reads the spec and says whether it is sound.
///
/// # Errors
/// Every mistake, printed already.
pub(super) fn run(args: &SpecArg, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    // The program ends with this: the system takes its memory back at once.
    let spec = std::mem::ManuallyDrop::new(super::session::load(&args.spec, global, terminal)?);
    if terminal.json {
        terminal.document(&spec.warnings.to_json());
    } else {
        let things = counted(spec.desired.inventory.len(), "thing");
        terminal.result(&format!("The spec is valid: {things} declared.\n"));
    }
    Ok(Exit::Done)
}
