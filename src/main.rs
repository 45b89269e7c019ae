//! The `adxform` program; everything it does is in the library.

use std::process::ExitCode;

/// Plans are made of many small things that live long: this one packs them tighter and hands them out faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    adxform::cli::main()
}
