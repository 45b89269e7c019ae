//! Laws of a run, under a simulated cloud, clock and scheduler from one seed.
//!
//! `cargo test --test laws` runs a few thousand seeds; `ADXFORM_SEEDS=100000 cargo test --release --test laws` any
//! number, and `ADXFORM_SEED=N` one again, exactly. What the laws do not notice when the code is changed at random stands
//! in `tests/laws/mutants.md`, with the command that finds it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod big;
mod decisions;
mod dice;
mod exhaustive;
mod faults;
mod judge;
mod makespan;
mod plans;
mod random;
mod scripts;
mod session;
mod world;

/// Runs a future on a runtime of its own whose clock stands still while anything can be done.
fn simulate<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}
