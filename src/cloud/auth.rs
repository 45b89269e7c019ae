//! Tokens: one per audience, kept until five minutes before they expire.
//!
//! Invariant: a token's text is in a [`SecretString`] or in a header marked sensitive, neither of which prints
//! (test: `tokens_do_not_print`).

use super::config::{Auth, Config};
use super::credential::Chain;
use super::error::{Class, CloudError};
use super::retry::Clock;
use super::trust::Trust;
use super::wire::Clients;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use time::{Duration, OffsetDateTime};
use tokio::sync::OnceCell;

/// How long before its end a token is renewed: longer than any single request takes to arrive.
const EARLY: Duration = Duration::minutes(5);

/// The emulator's bearer. It means nothing and opens nothing.
const LOCAL: &str = "local-emulator";

/// A bearer token and until when it holds.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub secret: SecretString,
    /// When it expires.
    pub expires: OffsetDateTime,
}

/// A token on its way.
pub type Issuing<'a> = Pin<Box<dyn Future<Output = Result<Token, CloudError>> + Send + 'a>>;

/// Something that tokens come from.
pub trait Issuer: Send + Sync {
    /// A token for a scope, such as `https://management.azure.com/.default`.
    fn issue<'a>(&'a self, scope: &'a str) -> Issuing<'a>;

    /// Forgets what it keeps: a token of its was not accepted.
    fn forget(&self) {}
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens in use.
pub(super) struct Tokens {
    issuer: Option<Arc<dyn Issuer>>,
    clock: Arc<dyn Clock>,
    slots: Mutex<BTreeMap<String, Slot>>,
    audiences: Mutex<BTreeMap<String, Arc<OnceCell<String>>>>,
}

impl Tokens {
    pub(super) fn new(config: &Arc<Config>, trust: &Trust, clients: &Arc<Clients>) -> Self {
        let issuer: Option<Arc<dyn Issuer>> = match &config.auth {
            Auth::Local => None,
            Auth::Issued(issuer) => Some(Arc::clone(issuer)),
            Auth::Chain => Some(Arc::new(Chain::new(config, None, trust, clients))),
            Auth::Only(one) => Some(Arc::new(Chain::new(config, Some(*one), trust, clients))),
        };
        let clock = Arc::clone(&config.clock);
        Self { issuer, clock, slots: Mutex::default(), audiences: Mutex::default() }
    }

    /// Whether there are better tokens to be had than the one that was refused.
    pub(super) const fn renewable(&self) -> bool {
        self.issuer.is_some()
    }

    /// Where the audience of a cluster is kept once it is known.
    pub(super) fn audience_of(&self, cluster: &str) -> Arc<OnceCell<String>> {
        let mut audiences = self.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(audiences.entry(cluster.to_owned()).or_default())
    }

    /// A new token for an audience; the caller keeps it.
    pub(super) async fn token(&self, audience: &str) -> Result<Token, CloudError> {
        let Some(issuer) = &self.issuer else {
            let message = "the emulator's bearer opens nothing else";
            return Err(CloudError::new(Class::Denied, "NoCredentials", message, String::new()));
        };
        issuer.issue(&format!("{}/.default", audience.trim_end_matches('/'))).await
    }

    /// The `Authorization` header for an audience; `refused` is the header that was not accepted.
    pub(super) async fn bearer(
        &self,
        audience: &str,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, CloudError> {
        let Some(issuer) = &self.issuer else { return Ok(header(LOCAL)) };
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(audience.to_owned()).or_default())
        };
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        // Of many requests with one stale token, only the first renews it.
        if slot.as_ref().is_some_and(|token| refused == Some(&header(token.secret.expose_secret()))) {
            issuer.forget();
            *slot = None;
        }
        if let Some(token) = slot.as_ref().filter(|token| token.expires - EARLY > now) {
            return Ok(header(token.secret.expose_secret()));
        }
        let scope = format!("{}/.default", audience.trim_end_matches('/'));
        match (issuer.issue(&scope).await, slot.as_ref()) {
            (Ok(token), _) => {
                let bearer = header(token.secret.expose_secret());
                *slot = Some(token);
                Ok(bearer)
            }
            (Err(_), Some(token)) if token.expires > now => Ok(header(token.secret.expose_secret())),
            (Err(error), _) => Err(error),
        }
    }
}

fn header(token: &str) -> HeaderValue {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap_or(HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_print() {
        let token = Token { secret: "s3cret".to_owned().into(), expires: OffsetDateTime::UNIX_EPOCH };
        let printed = format!("{token:?} {:?}", header("s3cret"));
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}
