//! Bearer tokens: what the front end reads from them, and the unsigned ones that the emulator hands out.
//!
//! A token that is not a JWT is accepted; whoever calls with it is the developer of the emulated directory.

use super::front::Caller;
use super::reply::Reply;
use crate::emulator::clock::{Clock, stamp};
use serde_json::{Value, json};

/// The tenant of the emulated directory.
pub(super) const TENANT: &str = "5b0e4d6a-3c1f-4f7e-9b58-6d1a2c3e4f50";

/// A stable id in the emulated directory.
pub(super) fn directory_id(of: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, of.to_lowercase().as_bytes()).to_string()
}

/// Reads the `Authorization` header.
pub(super) fn caller(header: Option<&str>, origin: &str) -> Result<Caller, Reply> {
    let challenge = format!("Bearer authorization_uri=\"{origin}/{TENANT}\", error=\"invalid_token\"");
    let refuse = |code: &str, message: &str| {
        Reply::gateway(401, code, message).with("www-authenticate", challenge.clone())
    };
    let Some(header) = header else {
        return Err(refuse(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ));
    };
    let token = header
        .split_once(' ')
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty());
    let Some((_, token)) = token else {
        return Err(refuse(
            "AuthenticationFailedInvalidHeader",
            "Authentication failed. The 'Authorization' header is provided in an invalid format.",
        ));
    };
    let Some(claims) = claims(token.trim()) else { return Ok(developer()) };
    let now = Clock::now();
    if let Some(expiry) =
        claims.get("exp").and_then(Value::as_i64).filter(|expiry| *expiry < now / 1_000_000_000)
    {
        let message = format!(
            "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
            stamp(expiry.saturating_mul(1_000_000_000)),
            stamp(now)
        );
        return Err(refuse("ExpiredAuthenticationToken", &message));
    }
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let app = claim("appid").or_else(|| claim("azp"));
    let user = claim("upn").or_else(|| claim("unique_name")).or_else(|| claim("preferred_username"));
    let Some(id) = user.clone().or_else(|| app.clone()).or_else(|| claim("oid")) else {
        return Ok(developer());
    };
    Ok(Caller {
        object_id: claim("oid").unwrap_or_else(|| directory_id(&id)),
        tenant: claim("tid").unwrap_or_else(|| TENANT.to_owned()),
        is_user: user.is_some(),
        is_named: true,
        id,
    })
}

/// Who calls with a token that says nothing.
fn developer() -> Caller {
    let id = "developer@example.com".to_owned();
    Caller { object_id: directory_id(&id), tenant: TENANT.to_owned(), is_user: true, is_named: false, id }
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&decode(payload)?).ok()
}

/// The answer of the token endpoint: a JWT without a signature for this client.
pub(super) fn issue(tenant: &str, form: &str) -> Value {
    let field = |name: &str| super::path::parameter(form, name);
    let client = field("client_id").unwrap_or_else(|| directory_id("client"));
    let audience = field("resource").or_else(|| field("scope")).unwrap_or_default().replace("/.default", "");
    let now = Clock::now() / 1_000_000_000;
    let claims = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{tenant}/"), "iat": now, "nbf": now, "exp": now + 3600,
        "appid": client, "oid": directory_id(&client), "tid": tenant, "ver": "1.0",
    });
    let header = json!({"typ": "JWT", "alg": "none"});
    let token =
        format!("{}.{}.", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * index) & 63) as usize]));
        }
    }
    out
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for letter in text.trim_end_matches('=').bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 255).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn an_issued_token_names_its_client() {
        let issued =
            issue("t", "grant_type=client_credentials&client_id=abc&scope=https%3A%2F%2Fx%2F.default");
        let header = format!("Bearer {}", issued["access_token"].as_str().unwrap());
        let caller = caller(Some(&header), "http://x").unwrap();
        assert_eq!((caller.id.as_str(), caller.tenant.as_str(), caller.is_user), ("abc", "t", false));
    }
}
