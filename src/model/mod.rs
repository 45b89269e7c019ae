//! The nouns: what is declared, what is live, what changes, and what is sent.
//!
//! Invariant: nothing here performs I/O, reads a clock or depends on another module of ours
//! (test: `tests/tidy.rs`, `layers`).

pub mod address;
pub mod body;
pub mod change;
pub mod command;
pub mod duration;
pub mod inventory;
pub mod kql;
pub mod origin;
pub mod parallel;
pub mod request;
pub mod rows;
pub mod scope;
mod stored;
pub mod words;

pub use address::Address;
pub use body::{Body, Value};
pub use change::{Change, Loss, LossClass};
pub use command::Command;
pub use inventory::{Inventory, Mode, Resource};
pub use origin::Origin;
pub use request::Request;
pub use rows::Rows;
pub use scope::Scope;
pub use words::word;
