//! What is wrong with an entry, and what only one entry may use.

/// A resource that only one thing may use, such as a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The thing claimed, in lower case; two equal claims are a mistake.
    pub key: String,
    /// The thing claimed, in words.
    pub what: String,
    /// The property to point at.
    pub field: Vec<String>,
}

/// A mistake in one entry that its shape does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The property to point at; empty for the entry's key.
    pub field: Vec<String>,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What to do, likewise; empty for none.
    pub help: String,
    /// Words that could have been meant, to be ranked by likeness to the value.
    pub candidates: Vec<String>,
    /// Whether it keeps the plan from being made.
    pub weight: Weight,
}

/// What a finding means for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// It is refused.
    #[default]
    Mistake,
    /// Something that the spec takes for granted is not in Azure: it is refused, but for the embedded emulator, which
    /// has nothing that no spec made.
    Absence,
    /// It is said.
    Warning,
}

impl Finding {
    /// A finding at a property.
    pub fn new(field: &[&str], message: impl Into<String>, help: impl Into<String>) -> Self {
        let field = field.iter().map(|s| (*s).to_owned()).collect();
        let (message, help, candidates) = (message.into(), help.into(), Vec::new());
        Self { field, message, help, candidates, weight: Weight::Mistake }
    }
}
