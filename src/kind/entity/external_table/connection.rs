//! Connection strings: an address, and a credential right behind it.
//!
//! Between the two stands a `;`, unless the address ends where the secret begins: in `?` for a shared access
//! signature, in `=` for the value of a key.
//!
//! Invariant: what is composed of an address and a secret, starred by the service and read back is the same address
//! (test: `addresses_come_back`).
//!
//! <https://learn.microsoft.com/kusto/api/connection-strings/storage-connection-strings>

use crate::kind::shape::{Field, Shape};
use crate::model::body::{Body, Value};
use crate::model::command::Command;

/// Credentials that are no secrets.
const PLAIN: &[&str] = &["impersonate", "managed_identity="];

/// What a database's connection string keeps secret.
const SECRET_KEYS: [&str; 4] = ["password", "pwd", "accountkey", "access token"];

/// One connection string; a text is its address.
pub(super) const SHAPE: Shape = Shape::Object {
    fields: &[
        Field::new(
            "url",
            Shape::Text,
            "Where the data is; no secret stands in it. A secret credential goes right behind it, after a `;` unless \
             this ends in `?` (a shared access signature follows) or in `=` (a value follows, as behind `Password=`).",
        )
        .required(),
        Field::new(
            "credential",
            Shape::Credential(PLAIN),
            "`impersonate`, `managed_identity=system`, `managed_identity=ID`, or a secret by reference. The service \
             does not give a secret back, so another secret for the same address is not noticed.",
        ),
    ],
    short: &["url"],
};

/// A connection string as the service shows it, or as a spec gives it in one text.
pub(super) fn of_live(kind: &str, text: &str) -> Body {
    let text = text.trim().trim_end_matches(';');
    let body = |url: &str, credential: &str| Body::new().with("url", url).with("credential", credential);
    let stars = || text.find("***").map(|at| &text[at..]);
    let stars = || stars().map(|rest| &rest[..rest.find(|c| c != '*').unwrap_or(rest.len())]);
    if kind == "sql" {
        let Some(stars) = stars() else { return Body::new().with("url", text) };
        let hides = |part: &&str| part.split_once('=').is_some_and(|(_, value)| value == stars);
        let (hidden, mut open): (Vec<&str>, Vec<&str>) = text.split(';').partition(|part| hides(part));
        let Some((key, _)) = hidden.first().and_then(|part| part.split_once('=')) else {
            return Body::new().with("url", text);
        };
        let key = format!("{key}=");
        open.push(&key);
        return body(&open.join(";"), stars);
    }
    if let Some((url, plain)) = text.split_once(';').filter(|(_, credential)| is_plain(credential)) {
        return body(url, plain);
    }
    match stars() {
        Some(stars) => body(text.split(stars).next().unwrap_or_default().trim_end_matches(';'), stars),
        None => Body::new().with("url", text),
    }
}

fn is_plain(credential: &str) -> bool {
    PLAIN.iter().any(|word| credential == *word || (word.ends_with('=') && credential.starts_with(word)))
}

/// The one form of a connection string of a spec or of live.
pub(super) fn normal(kind: &str, item: &Value) -> Value {
    match item.as_map() {
        Some(body) if body.get("credential").is_none_or(|value| *value == Value::Null) => {
            body.text("url").map_or_else(|| item.clone(), |url| of_live(kind, url).into())
        }
        _ => item.clone(),
    }
}

/// Adds a connection string to a command.
pub(super) fn write(command: Command, item: &Value) -> Command {
    let Some(body) = item.as_map() else { return command };
    let url = body.get("url").cloned().unwrap_or(Value::Null);
    let Some(credential) = body.get("credential").filter(|value| **value != Value::Null) else {
        return command.composed(&[url], false);
    };
    let joined = url.as_text().is_some_and(|url| url.ends_with(['?', '=']));
    let between = Value::from(if joined { "" } else { ";" });
    command.composed(&[url, between, credential.clone()], matches!(credential, Value::Secret(_)))
}

/// What is wrong with a connection string, and what to do.
pub(super) fn objection(kind: &str, item: &Body) -> Option<(&'static str, &'static str)> {
    let url = item.text("url").unwrap_or_default();
    let credential = item.get("credential");
    let keep = "keep it elsewhere and write it as `credential: ${secret.env.NAME}`";
    if credential.is_some_and(crate::kind::shape::is_hidden) {
        return Some(("`credential` is what the service shows in place of a secret", keep));
    }
    let secret = matches!(credential, Some(Value::Secret(_)));
    if kind == "sql" {
        let literal = url.split(';').filter_map(|part| part.split_once('=')).any(|(key, value)| {
            !value.trim().is_empty() && SECRET_KEYS.iter().any(|known| key.trim().eq_ignore_ascii_case(known))
        });
        return match (literal, secret && !url.ends_with('=')) {
            (true, _) => Some(("`url` holds a secret", keep)),
            (_, true) => Some(("`credential` has no key", "end `url` with the key of the secret, such as `Password=`")),
            _ => None,
        };
    }
    let (address, rest) = url.split_once(';').unwrap_or((url, ""));
    let literal = address.to_ascii_lowercase().split(['?', '&']).any(|part| part.starts_with("sig="))
        || !(rest.is_empty() || is_plain(rest) || (rest.ends_with('=') && rest.matches('=').count() == 1));
    match (literal, secret, url.ends_with(['?', '='])) {
        (true, ..) => Some(("`url` holds a secret", keep)),
        (_, false, true) => Some(("`url` ends where a secret begins, and `credential` gives none", keep)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::body::SecretRef;

    #[test]
    fn addresses_come_back() {
        let secret = Value::Secret(SecretRef::Env("K".to_owned()));
        for (kind, url, sent, shown) in [
            ("storage", "https://a/c", "h\"https://a/c;${secret.env.K}\"", "https://a/c;*******"),
            ("storage", "https://a/c?", "h\"https://a/c?${secret.env.K}\"", "https://a/c?*******"),
            ("delta", "https://b/x;token=", "h\"https://b/x;token=${secret.env.K}\"", "https://b/x;token=*****"),
            ("sql", "Server=s;Password=", "h\"Server=s;Password=${secret.env.K}\"", "Server=s;Password=*****;"),
        ] {
            let item = Body::new().with("url", url).with("credential", secret.clone());
            assert_eq!(objection(kind, &item), None, "{url}");
            let command = write(Command::new(".x"), &item.into());
            assert_eq!(command.as_str(), format!(".x {sent}"));
            assert_eq!(of_live(kind, shown).text("url"), Some(url));
        }
        let plain = of_live("delta", "https://a/c;managed_identity=system");
        assert_eq!(write(Command::new(".x"), &plain.into()).as_str(), ".x \"https://a/c;managed_identity=system\"");
        assert_eq!(of_live("sql", "Server=s;").shown(), serde_json::json!({"url": "Server=s"}));
    }

    #[test]
    fn secrets_in_addresses_are_found() {
        for (kind, url) in [
            ("storage", "https://a/c?sv=1&sig=abc"),
            ("storage", "https://a/c;k3yk3yk3y=="),
            ("delta", "https://a/c;AccountKey=x"),
            ("delta", "https://a/c;token=x"),
            ("sql", "Server=s;User ID=u;Password=p"),
            ("sql", "AccountEndpoint=e;AccountKey=k"),
            ("storage", "https://a/c?"),
        ] {
            assert!(objection(kind, &Body::new().with("url", url)).is_some(), "{url}");
        }
        for (kind, url) in [
            ("storage", "https://a/c"),
            ("storage", "abfss://c@a.dfs.core.windows.net/x;impersonate"),
            ("delta", "https://a/c;managed_identity=1d4c5f4e-0000-0000-0000-000000000000"),
            ("sql", "Server=s;Authentication=Active Directory Integrated;Initial Catalog=d"),
        ] {
            assert_eq!(objection(kind, &Body::new().with("url", url)), None, "{url}");
        }
    }
}
