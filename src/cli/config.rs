//! `adxform.toml`: how the tool works, never what it makes.
//!
//! Precedence: flag, `ADXFORM_*` variable, file, default (clap joins the first two).

use super::args::Global;
use super::exit::Failure;
use crate::model::body::SecretRef;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE: &str = "adxform.toml";

/// The settings of one directory.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Where to work: `azure` (default) or `local`.
    pub target: Option<TargetWord>,
    /// The ARM URL of an emulator that is already serving.
    pub endpoint: Option<String>,
    /// How many requests run at a time; default 10.
    pub parallelism: Option<usize>,
    /// Which Azure, and how to reach it.
    pub azure: Azure,
    /// How to sign in.
    pub auth: Auth,
    /// Where local state is kept, and without a container journals and the lock too, relative to this file; default
    /// `.adxform`.
    pub state_directory: Option<PathBuf>,
    /// Where a team keeps its journals and the lock.
    pub journal: Journal,
}

/// Where a team keeps its journals and the lock: in Azure Blob Storage, so that whoever may use the container sees
/// who is at work, and can show, resume and roll back every run. Not used with `--local`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Journal {
    /// The container's URL, such as `https://account.blob.core.windows.net/adxform`; it must exist. Flag
    /// `--journal-container`, variable `ADXFORM_JOURNAL_CONTAINER`; empty there means the local directory.
    pub container: Option<String>,
    /// What the names of its blobs begin with, such as `telemetry/prod`: runs under one prefix go one at a time.
    /// Flag `--journal-prefix`, variable `ADXFORM_JOURNAL_PREFIX`; default none.
    pub prefix: Option<String>,
    /// A shared access signature by reference, such as `${secret.env.NAME}`; default the credential that is used for
    /// Azure itself, which needs the role Storage Blob Data Contributor. Variable `ADXFORM_JOURNAL_SAS` (the
    /// signature itself).
    pub sas: Option<String>,
    /// How long after a crash the lock stays, and how long a run bears that the storage account does not answer:
    /// `15s` to `60s`, the default.
    pub lease: Option<String>,
}

/// Where to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetWord {
    /// Azure itself.
    Azure,
    /// The embedded emulator.
    Local,
}

/// Which Azure, and how to reach it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Azure {
    /// `public` (default), `usgovernment` or `china`.
    pub cloud: Option<String>,
    /// Another ARM endpoint, such as `https://management.example`.
    pub arm: Option<String>,
    /// Another login endpoint.
    pub login: Option<String>,
    /// Host suffixes beyond the cloud's own that may be sent tokens.
    pub trusted_hosts: Vec<String>,
}

/// How to sign in.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Auth {
    /// One way only: `environment`, `workload-identity`, `managed-identity`, `azure-cli`, `azd`; default all in turn.
    pub method: Option<String>,
    /// The tenant to sign in to.
    pub tenant_id: Option<String>,
    /// The client id of a user-assigned managed identity.
    pub client_id: Option<String>,
}

/// Where the tool works, all sources of settings joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Azure itself.
    Azure,
    /// The embedded emulator.
    Local,
    /// An emulator that is already serving, by its ARM URL.
    Endpoint(String),
}

impl Config {
    /// Reads `adxform.toml` beside a spec; absent is empty.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake, with its line.
    pub fn beside(spec: &Path) -> Result<Self, Failure> {
        let path = directory(spec).join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(Failure::error(format!("{}: {error}", path.display()), "make the file readable"));
            }
        };
        toml::from_str(&text).map_err(|error| {
            Failure::new(
                super::exit::Exit::InvalidSpec,
                format!("{}: {error}", path.display()),
                "correct the setting",
            )
        })
    }

    /// Where the tool works: flags and variables first, then the file.
    pub fn target(&self, global: &Global) -> Target {
        match (&global.endpoint, global.local, &self.endpoint, self.target) {
            (Some(url), _, _, _) => Target::Endpoint(url.clone()),
            (None, true, _, _) => Target::Local,
            (None, false, Some(url), _) => Target::Endpoint(url.clone()),
            (None, false, None, Some(TargetWord::Local)) => Target::Local,
            (None, false, None, _) => Target::Azure,
        }
    }

    /// How many requests run at a time, where a flag, a variable or the file says so.
    pub fn parallelism(&self, global: &Global) -> Option<usize> {
        global.parallelism.or(self.parallelism).map(|given| given.max(1))
    }

    /// The directory of local state, and without a container of journals and the lock.
    pub fn state_directory(&self, spec: &Path) -> PathBuf {
        directory(spec).join(self.state_directory.as_deref().unwrap_or(Path::new(".adxform")))
    }
}

/// The secret that a text such as `${secret.env.NAME}` refers to.
pub fn secret(text: &str) -> Option<SecretRef> {
    let place = text.trim().strip_prefix("${secret.")?.strip_suffix('}')?;
    let (way, rest) = place.split_once('.').filter(|(_, rest)| !rest.is_empty())?;
    match way {
        "env" => Some(SecretRef::Env(rest.into())),
        "file" => Some(SecretRef::File(rest.into())),
        "keyVault" => Some(SecretRef::KeyVault(rest.into())),
        _ => None,
    }
}

/// The directory of a spec that is a directory or a file in it.
pub fn directory(spec: &Path) -> PathBuf {
    if spec.is_dir() {
        return spec.to_path_buf();
    }
    match spec.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let file: Config =
            toml::from_str("target = \"local\"\nparallelism = 3\n[azure]\ncloud = \"china\"\n").unwrap();
        let mut global = Global::default();
        assert_eq!((file.target(&global), file.parallelism(&global)), (Target::Local, Some(3)));
        global.endpoint = Some("http://127.0.0.1:1".to_owned());
        global.parallelism = Some(1);
        assert_eq!(file.target(&global), Target::Endpoint("http://127.0.0.1:1".to_owned()));
        assert_eq!(file.parallelism(&global), Some(1));
        assert_eq!(Config::default().parallelism(&Global::default()), None);
    }

    #[test]
    fn a_signature_is_a_reference() {
        for (text, read) in [
            ("${secret.env.SAS}", Some("${secret.env.SAS}")),
            (" ${secret.file.keys/sas.txt} ", Some("${secret.file.keys/sas.txt}")),
            ("${secret.keyVault.https://v/secrets/s}", Some("${secret.keyVault.https://v/secrets/s}")),
            ("sv=2021-12-02&sig=x", None),
            ("${secret.env.}", None),
            ("${env.SAS}", None),
        ] {
            assert_eq!(secret(text).map(|place| place.to_string()).as_deref(), read, "{text}");
        }
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(toml::from_str::<Config>("targets = \"local\"").is_err());
    }
}
