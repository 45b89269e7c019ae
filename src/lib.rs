//! adxform manages Azure Data Explorer from files kept in version control.
//!
//! The modules and what each may import are fixed by the layers test in `tests/tidy.rs`.

pub mod cli;
pub mod cloud;
pub mod emulator;
pub mod kind;
pub mod live;
pub mod model;
pub mod plan;
pub mod run;
pub mod spec;
