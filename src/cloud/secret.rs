//! Secrets, read where they are kept at the moment in which they are needed.
//!
//! Invariant: a secret lives in memory only, in a type that does not print, and goes only into the request that
//! needs it (test: `secrets_do_not_print`).
//!
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret>

use super::Cloud;
use super::error::{Class, CloudError};
use super::trust::origin;
use super::wire::{Call, Plane};
use crate::model::body::SecretRef;
use crate::model::{Command, Value};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

const VAULT_VERSION: &str = "7.4";

/// The secrets read so far, by where they are kept.
#[derive(Default)]
pub(super) struct Secrets(Mutex<BTreeMap<String, SecretString>>);

impl Secrets {
    fn get(&self, place: &SecretRef) -> Option<SecretString> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place.to_string()).cloned()
    }

    fn keep(&self, place: &SecretRef, secret: SecretString) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place.to_string(), secret);
    }
}

impl Cloud {
    /// Reads secrets, so that one that is missing is found before anything is written.
    ///
    /// # Errors
    /// The first that cannot be read, by where it is kept.
    pub async fn read_secrets(&self, places: &[&SecretRef]) -> Result<(), CloudError> {
        for place in places {
            if self.wire.secrets.get(place).is_none() {
                // Whatever went wrong in reading it, the request that needs it was not sent.
                let refused = |error| CloudError { class: Class::Refused, ..error };
                let secret = self.read_secret(place).await.map_err(refused)?;
                self.wire.secrets.keep(place, secret);
            }
        }
        Ok(())
    }

    /// A command with its secrets in their places; it is to be sent, and neither kept nor shown.
    ///
    /// # Errors
    /// The first secret that cannot be read.
    pub async fn filled(&self, command: &Command) -> Result<Command, CloudError> {
        self.read_secrets(&command.secrets()).await?;
        Ok(command.filled(&|place| self.known_secret(place)))
    }

    /// A value with its secrets in their places; it is to be sent, and neither kept nor shown.
    ///
    /// # Errors
    /// The first secret that cannot be read.
    pub(super) async fn filled_value(&self, value: &Value) -> Result<Value, CloudError> {
        let secrets = value.secrets();
        if secrets.is_empty() {
            return Ok(value.clone());
        }
        self.read_secrets(&secrets).await?;
        Ok(value.with_secrets(&|place| self.known_secret(place)))
    }

    pub(super) fn known_secret(&self, place: &SecretRef) -> Option<String> {
        self.wire.secrets.get(place).map(|secret| secret.expose_secret().to_owned())
    }

    async fn read_secret(&self, place: &SecretRef) -> Result<SecretString, CloudError> {
        let missing = |why: String, hint: &str| {
            let message = format!("the secret {place} cannot be read: {why}");
            CloudError::new(Class::Refused, "SecretMissing", message, String::new()).hint(hint)
        };
        match place {
            SecretRef::Env(name) => {
                let value = (self.wire.config.secret_env)(name).filter(|value| !value.is_empty());
                let unset = || missing(format!("the variable {name} is not set"), "set it and start again");
                value.map(SecretString::from).ok_or_else(unset)
            }
            SecretRef::File(path) => {
                let path = self.wire.config.secret_root.join(path.as_str());
                let read = tokio::fs::read_to_string(&path).await;
                let text = read.map_err(|error| {
                    missing(format!("{}: {error}", path.display()), "the path starts at the spec's folder")
                })?;
                Ok(text.trim_end_matches(['\r', '\n']).into())
            }
            SecretRef::KeyVault(uri) => {
                let url = Url::parse(uri).map_err(|why| missing(why.to_string(), "it is a secret's URI"))?;
                self.vault_secret(url).await
            }
        }
    }

    async fn vault_secret(&self, mut url: Url) -> Result<SecretString, CloudError> {
        let audience = self.wire.trust.vault(&url)?;
        let label = format!("GET {}{}", origin(&url), url.path());
        url.query_pairs_mut().clear().append_pair("api-version", VAULT_VERSION);
        let call = Call::arm(&self.wire.config, Method::GET, url, label.clone());
        let answer = self.send(&Call { plane: Plane::Vault { audience }, ..call }).await?;
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let value = json.get("value").and_then(serde_json::Value::as_str);
        value
            .map(SecretString::from)
            .ok_or_else(|| CloudError::new(Class::Garbled, "InvalidAnswer", "the vault gave no value", label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Config;
    use std::sync::Arc;

    fn cloud() -> Cloud {
        let env: crate::cloud::Env = Arc::new(|name| (name == "KEY").then(|| "s3cret".to_owned()));
        let secret_root = std::env::temp_dir();
        Cloud::new(Config { secret_env: env, secret_root, ..Config::local("http://127.0.0.1:1") }).unwrap()
    }

    #[tokio::test]
    async fn secrets_do_not_print() {
        let cloud = cloud();
        let key = Value::Secret(SecretRef::Env("KEY".into()));
        let command = Command::new(".x").composed(&["u;".into(), key.clone()], true);
        assert_eq!(cloud.filled(&command).await.unwrap().as_str(), ".x h\"u;s3cret\"");
        assert_eq!(
            cloud.filled_value(&Value::from(vec![key])).await.unwrap(),
            Value::from(vec!["s3cret".into()])
        );
        assert!(
            !format!("{cloud:?} {command:?} {:?}", cloud.wire.secrets.get(&SecretRef::Env("KEY".into())))
                .contains("s3cret")
        );
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        for (place, said) in [
            (SecretRef::Env("NO".into()), "${secret.env.NO} cannot be read: the variable NO is not set"),
            (SecretRef::File("no/such".into()), "${secret.file.no/such} cannot be read: "),
            (SecretRef::KeyVault("https://v.vault.azure.net/secrets/k".into()), "the emulator's token"),
        ] {
            let error = cloud().read_secrets(&[&place]).await.unwrap_err();
            assert!(error.message.contains(said), "{}", error.message);
        }
    }
}
