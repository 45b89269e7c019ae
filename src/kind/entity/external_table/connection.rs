//! Connection strings: an address, and behind it a word that is no secret or a secret by reference.
//!
//! The service gives a secret back as stars. Invariant: what was read with stars is never written: it needs the
//! reference that the spec gives for the same address (test: `stars_are_never_written`).

use crate::model::body::{Body, Expr, Piece, Value};

/// What the service gives in place of a secret.
const STARS: &str = "*******";

/// The address of a connection, if it is known.
pub(super) fn url(connection: &Body) -> Option<&str> {
    connection.text("url")
}

/// The connections of a body.
pub(super) fn of(body: &Body) -> impl Iterator<Item = &Body> {
    body.get("connectionStrings")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_map)
}

/// Reads a connection string as the service shows it.
pub(super) fn read(kind: &str, text: &str) -> Body {
    let with = |url: String, rest: Option<(&str, &str)>| {
        let body = Body::new().with("url", url);
        rest.into_iter().fold(body, |body, (name, rest)| body.with(name, rest))
    };
    if kind == "sql" {
        let text = canonical_url(kind, text);
        return match text.strip_suffix(STARS) {
            Some(url) => with(url.to_owned(), Some(("secret", STARS))),
            None => with(text, None),
        };
    }
    match text.split_once(';') {
        Some((url, rest)) if is_plain(rest) => with(url.to_owned(), Some(("credential", rest))),
        Some((url, _)) => with(url.to_owned(), Some(("secret", STARS))),
        None => match text.split_once('?') {
            Some((url, _)) => with(format!("{url}?"), Some(("secret", STARS))),
            None => with(text.to_owned(), None),
        },
    }
}

/// Reads a connection string with references in it: what stands behind it in a word that is no secret is told apart, as
/// it will be once the references are answered.
pub(super) fn referring(kind: &str, text: &Expr) -> Body {
    let whole = || Body::new().with("url", Value::Unknown(text.clone()));
    let Some((Piece::Text(last), first)) = text.0.split_last() else { return whole() };
    let Some((url, rest)) = last.split_once(';').filter(|_| ends_plain(kind, last)) else { return whole() };
    let end = (!url.is_empty()).then(|| Piece::Text(url.to_owned()));
    let url = Value::Unknown(Expr(first.iter().cloned().chain(end).collect()));
    Body::new().with("url", url).with("credential", rest)
}

/// Whether an address says behind itself how to sign in, in a word that is no secret.
pub(super) fn ends_plain(kind: &str, url: &str) -> bool {
    kind != "sql" && url.split_once(';').is_some_and(|(_, rest)| is_plain(rest))
}

/// Whether what stands behind an address is no secret.
pub(super) fn is_plain(rest: &str) -> bool {
    rest == "impersonate" || rest.starts_with("managed_identity=")
}

/// The one form in which an address is compared: of a database, its parts without blanks around them, a secret last.
pub(super) fn canonical_url(kind: &str, url: &str) -> String {
    if kind != "sql" {
        return url.to_owned();
    }
    let parts = url.split(';').map(str::trim).filter(|part| !part.is_empty());
    let (last, mut first): (Vec<&str>, Vec<&str>) =
        parts.partition(|part| part.ends_with('=') || part.ends_with(STARS));
    first.extend(last);
    first.join(";")
}

/// The values that make the connection string; `None` when only stars are known of its secret.
pub(super) fn written(connection: &Body) -> Option<Vec<Value>> {
    let url = connection.get("url")?.clone();
    let joined = url.as_text().is_some_and(|url| url.ends_with(['=', '?']));
    let given = |name| connection.get(name).filter(|value| !value.is_unset());
    let rest = match given("secret") {
        Some(secret) if is_starred(secret) => return None,
        secret => secret.or_else(|| given("credential")).cloned(),
    };
    let semicolon = (rest.is_some() && !joined).then(|| Value::from(";"));
    Some(std::iter::once(url).chain(semicolon).chain(rest).collect())
}

/// Whether a secret is only known to be there.
fn is_starred(secret: &Value) -> bool {
    secret.as_text() == Some(STARS)
}

/// The same body with the secrets that another one gives for the same addresses in place of stars.
pub(super) fn with_secrets_of(body: &Body, other: &Body) -> Body {
    let filled = of(body).map(|connection| {
        let starred = connection.get("secret").is_some_and(is_starred);
        let same = of(other).find(|known| starred && known.get("url") == connection.get("url"));
        let secret = same.and_then(|known| known.get("secret")).cloned();
        Value::Map(secret.into_iter().fold(connection.clone(), |body, secret| body.with("secret", secret)))
    });
    let filled: Vec<Value> = filled.collect();
    body.clone().with("connectionStrings", filled)
}

/// The parts of a database's address that must be a reference.
pub(super) fn literal_secret(kind: &str, url: &str) -> bool {
    let secrets = ["password", "pwd", "accountkey", "access token"];
    match kind {
        "sql" => url.split(';').filter_map(|part| part.split_once('=')).any(|(key, value)| {
            !value.trim().is_empty() && secrets.iter().any(|secret| key.trim().eq_ignore_ascii_case(secret))
        }),
        kind if ends_plain(kind, url) => false,
        _ => url.contains(';') || url.split_once('?').is_some_and(|(_, query)| !query.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::body::SecretRef;

    #[test]
    fn what_the_service_shows_is_read() {
        for (kind, text, url, credential, starred) in [
            ("storage", "https://a/c", "https://a/c", None, false),
            ("storage", "https://a/c;impersonate", "https://a/c", Some("impersonate"), false),
            (
                "delta",
                "https://a/c;managed_identity=system",
                "https://a/c",
                Some("managed_identity=system"),
                false,
            ),
            ("storage", "https://a/c;*******", "https://a/c", None, true),
            ("storage", "https://a/c?*******", "https://a/c?", None, true),
            (
                "sql",
                "Server=s; Password=*******;Encrypt=true;",
                "Server=s;Encrypt=true;Password=",
                None,
                true,
            ),
            ("sql", "Server=s;Authentication=x;", "Server=s;Authentication=x", None, false),
        ] {
            let body = read(kind, text);
            let read = (body.text("url"), body.text("credential"), body.get("secret").is_some());
            assert_eq!(read, (Some(url), credential, starred), "{text}");
        }
    }

    #[test]
    fn stars_are_never_written() {
        let live =
            Body::new().with("connectionStrings", vec![Value::Map(read("storage", "https://a/c;*******"))]);
        assert_eq!(of(&live).next().and_then(written), None);
        let secret = Value::Secret(SecretRef::Env("KEY".into()));
        let known = Body::new().with("url", "https://a/c").with("secret", secret.clone());
        let wanted = Body::new().with("connectionStrings", vec![Value::Map(known)]);
        let filled = with_secrets_of(&live, &wanted);
        let parts = of(&filled).next().and_then(written).unwrap();
        assert_eq!(parts, [Value::from("https://a/c"), Value::from(";"), secret]);
    }
}
