//! As much of the query language as management needs: names in bodies, a few operators after commands, and small
//! queries.
//!
//! Names are read by token, never by text search. Operators: `where`, `project`, `project-away`, `project-rename`,
//! `extend`, `take`, `limit`, `order by`, `sort by`, `top`, `count`, `distinct`, `summarize`, `as`; sources: a table,
//! a view of nothing but columns, `print`, `range`, `datatable`. Anything else is refused by its name.
//!
//! Invariant: what is not understood is refused or left alone, never guessed (tests: `tests/wire/kusto/queries.txt`,
//! `common_queries_pass`).

mod aggregate;
mod evaluate;
mod expression;
mod functions;
mod operators;
mod pipeline;
mod references;
mod source;
mod tokens;
mod value;
mod view;

pub(crate) use pipeline::Pipeline;
pub(crate) use references::{check as check_names, refuse_recursion, tables};
pub(crate) use source::{Query, fitted, output};
pub(crate) use view::{ViewQuery, read as read_view};
