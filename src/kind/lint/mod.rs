//! Lint: what is allowed and seldom meant, or costs more than it seems to.
//!
//! A rule is one entry of its family's list: a code, its documentation, the kinds of thing that it looks at, and a
//! pure function over what a spec declares. [`RULES`] joins the families. A comment `adxform: allow L012` on the line
//! concerned or the one above silences a rule there.
//!
//! Invariants: every finding is a warning; codes are unique, in order, and each is shown by a spec under
//! `tests/specs/valid` (tests: `codes_are_unique_and_sorted`, `every_code_is_shown`).

mod access;
mod facts;
mod functions;
mod ingestion;
mod names;
mod storage;
mod update;
mod views;

use super::At;
use crate::model::Address;
use std::ops::Range;

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its code, such as `L012`.
    pub code: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why that is worth a warning and what to do, in Markdown.
    pub doc: &'static str,
    /// The page of the service's documentation that says so.
    pub page: &'static str,
    /// The kinds of thing that it looks at.
    pub of: &'static [&'static str],
    /// What it finds in one of them.
    pub finds: fn(&At<'_>) -> Vec<Lint>,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The thing concerned.
    pub address: Address,
    /// The property to point at; empty for the entry's key.
    pub field: Vec<String>,
    /// The text of KQL that the property holds, and the bytes in it to point at.
    pub inside: Option<(String, Range<usize>)>,
    /// What was found, as a sentence without a full stop.
    pub message: String,
    /// What to do, likewise.
    pub help: String,
}

impl Lint {
    /// A finding at a property of a thing.
    fn new(at: &At<'_>, field: &[&str], message: impl Into<String>, help: &str) -> Self {
        let field = field.iter().map(|word| (*word).to_owned()).collect();
        let (address, help) = (at.address.clone(), help.to_owned());
        Self { address, field, inside: None, message: message.into(), help }
    }

    /// The same, inside of the text that the property holds.
    fn inside(mut self, text: &str, span: Range<usize>) -> Self {
        self.inside = Some((text.to_owned(), span));
        self
    }
}

/// Every family of rules.
pub const RULES: [&[Rule]; 7] = [
    names::RULES,
    functions::RULES,
    update::RULES,
    storage::RULES,
    ingestion::RULES,
    views::RULES,
    access::RULES,
];

/// Every rule, in the order of the codes.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.into_iter().flatten()
}

/// What all rules find in a thing.
pub fn of(at: &At<'_>) -> Vec<(&'static Rule, Lint)> {
    let concerned = rules().filter(|rule| rule.of.contains(&at.resource.kind));
    concerned.flat_map(|rule| (rule.finds)(at).into_iter().map(move |lint| (rule, lint))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_sorted() {
        let codes: Vec<&str> = rules().map(|rule| rule.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        assert!(codes.len() >= 22);
    }

    #[test]
    fn rules_are_documented() {
        for rule in rules() {
            assert!(rule.doc.ends_with('.') && !rule.title.ends_with('.'), "{}", rule.code);
            assert!(rule.page.starts_with("https://learn.microsoft.com/"), "{}", rule.code);
            assert!(!rule.of.is_empty(), "{}", rule.code);
        }
    }
}
