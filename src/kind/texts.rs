//! Texts that stand for something: types, regions, resource ids, moments, KQL.

use crate::model::kql;

/// Which piece of KQL a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KqlForm {
    /// A function's body; braces are added when missing.
    Body,
    /// A function's parameter list in parentheses.
    Parameters,
    /// A query.
    Query,
}

impl KqlForm {
    /// The text in the form in which two texts are compared.
    pub fn canonical(self, text: &str) -> String {
        let text = kql::canonical(text);
        match self {
            Self::Body => {
                kql::canonical(text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(&text))
            }
            Self::Parameters => {
                let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(&text);
                parameters(inner)
            }
            Self::Query => text,
        }
    }
}

/// A parameter list without the blanks that the service adds or drops: `(a:long, b:string)`.
fn parameters(inner: &str) -> String {
    let Ok(tokens) = kql::tokens(inner) else { return format!("({})", inner.trim()) };
    let mut list = String::from("(");
    for token in tokens {
        let piece = &inner[token.span];
        let words =
            list.ends_with(|c: char| c.is_alphanumeric()) && piece.starts_with(|c: char| c.is_alphanumeric());
        if words {
            list.push(' ');
        }
        list.push_str(piece);
        if piece == "," {
            list.push(' ');
        }
    }
    list.push(')');
    list
}

/// The service's word for each column type, with the aliases it accepts (.NET names as old services give them).
///
/// <https://learn.microsoft.com/kusto/query/scalar-data-types/>
const SCALAR_TYPES: [(&str, &[&str]); 10] = [
    ("bool", &["boolean", "sbyte"]),
    ("datetime", &["date"]),
    ("decimal", &["sqldecimal"]),
    ("dynamic", &["object"]),
    ("guid", &["uuid", "uniqueid"]),
    ("int", &["int8", "int16", "int32", "uint", "uint8", "uint16", "uint32"]),
    ("long", &["int64", "uint64", "ulong"]),
    ("real", &["double", "float"]),
    ("string", &[]),
    ("timespan", &["time"]),
];

/// The service's own words for column types.
pub fn scalar_types() -> impl Iterator<Item = &'static str> {
    SCALAR_TYPES.iter().map(|(word, _)| *word)
}

/// The service's own word for a column type in any accepted spelling, `System.Int32` included.
pub fn scalar_type(text: &str) -> Option<&'static str> {
    if let Some((word, _)) = SCALAR_TYPES.iter().find(|(word, _)| *word == text) {
        return Some(word);
    }
    let word = text.rsplit('.').next().unwrap_or(text).to_ascii_lowercase();
    let found = SCALAR_TYPES.iter().find(|(name, aliases)| *name == word || aliases.contains(&word.as_str()));
    found.map(|(name, _)| *name)
}

/// A region as it is compared: lower case without blanks.
pub fn location(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Whether a text is a resource id of a type; the empty type stands for any.
pub(super) fn is_arm_id(text: &str, of: &str) -> bool {
    let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
    let ["", subscriptions, _, rest @ ..] = parts.as_slice() else { return false };
    if !subscriptions.eq_ignore_ascii_case("subscriptions")
        || parts[2..].iter().any(|part| part.trim().is_empty())
    {
        return false;
    }
    let provider = rest.iter().rposition(|part| part.eq_ignore_ascii_case("providers"));
    let Some(provider) = provider else { return of.is_empty() };
    let tail = &rest[provider + 1..];
    let types: Vec<&str> = tail.iter().take(1).chain(tail.iter().skip(1).step_by(2)).copied().collect();
    of.is_empty() || (types.join("/").eq_ignore_ascii_case(of) && tail.len() == 2 * types.len() - 1)
}

/// A moment in UTC, `yyyy-MM-ddTHH:mm:ss[.fffffff]Z`.
pub(super) fn date_time(text: &str) -> Option<String> {
    use time::format_description::well_known::Rfc3339;
    let text = text.trim().replacen(' ', "T", 1);
    let text = if text.contains('T') { text } else { format!("{text}T00:00:00") };
    let parsed = time::OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| time::OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()?;
    let utc = parsed.to_offset(time::UtcOffset::UTC);
    let fraction = match utc.nanosecond() / 100 {
        0 => String::new(),
        ticks => format!(".{ticks:07}").trim_end_matches('0').to_owned(),
    };
    let (hour, minute, second) = utc.to_hms();
    Some(format!("{}T{hour:02}:{minute:02}:{second:02}{fraction}Z", utc.date()))
}
