//! Reading command text: the lexer, a cursor with the grammar's common pieces, scripts and function bodies.
//!
//! Invariant: nothing here panics, whatever the text (test: `never_panics`).

mod cursor;
mod declaration;
pub(crate) mod lexer;
mod literals;
mod script;
mod strings;

pub(crate) use cursor::Cursor;
pub(crate) use declaration::{Declaration, Parameter, ParameterType, mask_hidden, shown};
pub(crate) use lexer::{Kind, begins_word, within_word};
pub(crate) use literals::{Properties, Property};
pub(crate) use script::split;
pub(crate) use strings::quote;
