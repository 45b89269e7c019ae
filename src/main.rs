//! The `adxform` program; everything it does is in the library.

use adxform_allocator::MiMalloc;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A plan reads, understands and compares in turn, a tenth of a second or more each: what one lets go is given back while
/// the next goes on, because little of it would be used again as it lies.
const GIVE_BACK_AFTER: Duration = Duration::from_millis(40);

fn main() -> ExitCode {
    adxform_allocator::give_back_after(GIVE_BACK_AFTER);
    adxform::cli::main()
}
