//! The product as its users meet it: plans, states, scenarios and examples, each a folder of data.

#![expect(clippy::print_stdout, reason = "a test says what it looked at, and what it skipped")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod azurite;
mod blobs;
mod chains;
#[path = "../laws/dice.rs"]
mod dice;
mod endpoint;
mod examples;
mod faults;
mod hostile;
mod import;
mod iot_central;
mod kills;
mod kql;
mod makespan;
mod meanwhile;
mod network;
mod pairs;
mod plans;
mod races;
mod random;
mod requests;
mod rows;
mod scenarios;
mod scripts;
mod states;
mod support;
mod tokens;
mod world;
