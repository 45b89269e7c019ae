//! A plan becomes an outcome: the machine decides, the driver acts, the journal remembers.
//!
//! - [`machine`] is pure: where each step stands, what may be started, what an event changes.
//! - [`driver`] starts what the machine allows through [`effects`], and brings back what happened.
//! - [`journal`] holds every event before it counts; reading it back gives the same machine.
//! - [`proof`] compares live with what must be.
//!
//! Invariant: no effect starts before its record is synced, and a run that is cut off at any instant can be
//! resumed or rolled back from its journal (test: `tests/laws/main.rs`).

pub mod azure;
mod cut;
pub mod driver;
pub mod effects;
pub mod event;
mod guard;
mod held;
pub mod hold;
pub mod journal;
pub mod lease;
pub mod lock;
mod looking;
pub mod machine;
pub mod notice;
pub mod place;
pub mod proof;
pub mod report;
mod request;
pub mod schemas;
pub mod standing;
pub mod store;
#[cfg(test)]
mod testing;
pub mod times;
pub mod whereabouts;

pub use looking::Timing;
