//! `schema`: JSON Schema of the documents that people and programs exchange with the tool.

use super::args::{SchemaArgs, SchemaOf};
use super::exit::Exit;
use super::terminal::Terminal;
use crate::plan::document::Document;
use crate::run::journal::Frame;
use crate::run::notice::Notice;
use serde_json::Value as Json;

/// Prints a schema.
pub(super) fn run(args: &SchemaArgs, terminal: &Terminal) -> Exit {
    terminal.document(&of(args.of));
    Exit::Done
}

/// The schema of a document; those of `schemas/` are these (test: `tests/schemas.rs`).
pub fn of(document: SchemaOf) -> Json {
    match document {
        SchemaOf::Spec => crate::spec::json_schema(),
        SchemaOf::Plan => schemars::schema_for!(Document).to_value(),
        SchemaOf::Event => schemars::schema_for!(Notice).to_value(),
        SchemaOf::Journal => schemars::schema_for!(Frame).to_value(),
    }
}
