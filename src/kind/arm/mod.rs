//! Kinds of the control plane: clusters, databases and who may use them.
//!
//! A kind here is mostly its table of fields: [`wire`] turns bodies into Azure Resource Manager's JSON and back.

pub mod cluster;
pub mod database;
#[cfg(test)]
mod laws;
pub mod place;
pub mod principal_assignment;
#[cfg(test)]
pub(crate) mod testing;
pub mod wire;

use super::Kind;

/// The kinds of this family.
pub const KINDS: &[&dyn Kind] = &[
    &cluster::Cluster,
    &database::Database,
    &principal_assignment::CLUSTER,
    &principal_assignment::DATABASE,
];
