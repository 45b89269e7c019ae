//! Encoding: how the values of a column are stored (`M:encoding-policy.md`).
//!
//! The profile's name is what commands give; how it comes back is open. Here it comes back as an object that names
//! the profile in `Type`, beside what it stands for.

use super::fields::{Fields, printed};
use super::{Policy, Scope, Verb, json_argument};
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::{Cursor, quote};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct Encoding;

/// Each profile with the largest value that it stores, in bytes.
const PROFILES: &[(&str, u64)] = &[
    ("BigObject", 2 << 20),
    ("BigObject32", 32 << 20),
    ("Identifier", 1 << 20),
    ("Null", 1 << 20),
    ("Vector16", 1 << 20),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    r#type: &'static str,
    max_value_size: u64,
}

impl Policy for Encoding {
    fn word(&self) -> &'static str {
        "encoding"
    }

    fn title(&self) -> &'static str {
        "EncodingPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Column, Scope::Table, Scope::Database]
    }

    /// `[type='…']` of a column, or a JSON text; without either the policy is reset.
    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        if cursor.eat("type") {
            cursor.expect_mark("=")?;
            return Ok(json!({"Type": cursor.text("the type")?}));
        }
        if cursor.at_end() { Ok(json!({"Type": "Null"})) } else { json_argument(self.title(), cursor) }
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let fields = Fields::new(self.title(), given, before)?;
        let word = fields.text("Type")?.ok_or_else(|| fields.wrong("Type", "is missing"))?;
        let known = PROFILES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        match known.ok_or_else(|| fields.wrong("Type", &format!("is no profile: '{word}'")))? {
            ("Null", _) => Ok("null".to_owned()),
            (name, size) => printed(&Canonical { r#type: name, max_value_size: *size }),
        }
    }

    fn statement(&self, entity: &str, text: &str) -> String {
        format!(".alter {entity} policy encoding {}", quote(text))
    }
}
