//! The Kusto plane: clusters with databases that answer management commands over `/v1/rest/mgmt`.
//!
//! Every answer follows the documentation of the service (`M:` pages are `kusto/management/…`, `Q:` are
//! `kusto/query/…`, `R:` are `kusto/api/rest/…` of Microsoft's documentation); what it leaves open is decided in
//! `choices` alone. Commands are parsed, never searched; one that the service has and the emulator does not model
//! answers 501 and is named.
//!
//! Not modelled at all: permissions (every caller may do everything), the data management endpoint, and the passing
//! of time (retention deletes nothing, views are not filled).

mod catalog;
mod choices;
mod columns;
mod command;
mod engine;
mod error;
mod frame;
mod kql;
mod names;
mod policy;
mod server;
mod show;
mod syntax;
mod text;
mod time;
mod types;

pub(crate) use engine::BACKFILL_MILLISECONDS;
pub use engine::{Engine, EngineError, Periods, Principal};
