//! The version of a database, and its journal.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The version of a database, `v24.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Moves when an entity is created, dropped, renamed or gets another schema.
    pub(crate) major: u32,
    /// Moves with every other change.
    pub(crate) minor: u32,
}

impl Version {
    /// The version of a new database.
    pub(crate) const FIRST: Self = Self { major: 1, minor: 0 };

    /// Reads `v24.3`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.strip_prefix('v')?.split_once('.')?;
        let number = |digits: &str| {
            if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
        };
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "v{}.{}", self.major, self.minor)
    }
}

/// One entry of the journal (`M:journal.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Orders the entries of a database.
    pub(crate) number: u64,
    /// What happened: `DROP-TABLE`.
    pub(crate) event: String,
    /// When, in ticks.
    pub(crate) at: i64,
    /// To what.
    pub(crate) entity: String,
    /// Its name afterwards.
    pub(crate) updated_entity: String,
    /// The version of the database after the change.
    pub(crate) version: Version,
    /// The version of the database just before the change.
    pub(crate) original_version: Version,
    /// What holds the entity: the database or the table.
    pub(crate) container: String,
    /// The entity before, as JSON text; empty when there was none.
    pub(crate) before: String,
    /// The entity after, as JSON text; empty when there is none.
    pub(crate) after: String,
    /// The command.
    pub(crate) command: String,
    /// Who sent it.
    pub(crate) principal: String,
    /// The activity of the request.
    pub(crate) activity: Uuid,
    /// The client's own id of the request.
    pub(crate) client_request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_back() {
        let version = Version { major: 24, minor: 3 };
        assert_eq!(version.to_string(), "v24.3");
        assert_eq!(Version::parse("v24.3"), Some(version));
        for text in ["24.3", "v24", "v.3", "v24.3.1", "v+1.2", ""] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
