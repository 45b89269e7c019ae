//! A small, strict Azure: the control plane and the Kusto endpoint over real HTTP, for tests and for `--local`.
//!
//! It is a second opinion on the tool. It shares evidence with the tool (recorded traffic, documentation) and
//! never code: the tool prints commands, the emulator parses them (test: `tests/tidy.rs`).
//!
//! Invariant: nothing under `emulator/` imports anything else of this crate.

pub mod kusto;
pub mod store;
