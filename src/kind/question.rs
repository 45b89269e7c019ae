//! Questions to the control plane that a kind wants answered before a thing is written.

use serde_json::Value as Json;

/// One question: a GET, or a POST that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The path; not percent-encoded.
    pub path: String,
    /// The `api-version`.
    pub api_version: &'static str,
    /// What is to be listed (`$filter`); empty for all.
    pub filter: String,
    /// The body of a POST, as JSON text; empty for a GET.
    pub body: String,
}

/// What the control plane said.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// This.
    There(Json),
    /// It does not exist.
    Missing,
    /// Nothing that helps: the caller may not see it, or nobody asked.
    Unknown,
}

/// The answers to what was asked.
pub type Seen<'a> = &'a dyn Fn(&Question) -> Answer;

impl Question {
    /// A resource by its id, or a list by its path.
    pub fn get(path: impl Into<String>, api_version: &'static str) -> Self {
        Self { path: path.into(), api_version, filter: String::new(), body: String::new() }
    }

    /// The same, as far as a filter lets it through.
    #[must_use]
    pub fn filtered(self, filter: impl Into<String>) -> Self {
        Self { filter: filter.into(), ..self }
    }

    /// Whether a name of a type is free.
    pub fn name(path: impl Into<String>, api_version: &'static str, name: &str, of: &str) -> Self {
        let body = serde_json::json!({"name": name, "type": of}).to_string();
        Self { body, ..Self::get(path, api_version) }
    }
}

impl Answer {
    /// Why a name is not free, where the answer says so.
    pub fn taken(&self) -> Option<String> {
        let Self::There(json) = self else { return None };
        let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
        let why = text("message").trim_end_matches('.');
        let why = if why.is_empty() { text("reason") } else { why };
        (json.get("nameAvailable") == Some(&Json::Bool(false))).then(|| why.to_owned())
    }
}
