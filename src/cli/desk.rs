//! A desk: all settings joined, the target as far as it can be reached before a spec is read, and the place of
//! journals and the lock.

use super::args::Global;
use super::config::{self, Config, Target};
use super::exit::{Exit, Failure};
use super::session::{environment, unreachable};
use super::terminal::Terminal;
use crate::cloud::{self, Cloud, Credential};
use crate::model::body::SecretRef;
use crate::run::Timing;
use crate::run::lease::Length;
use crate::run::place::{Blobs, Place};
use crate::run::whereabouts::Whereabouts;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The variable that holds the signature of a journal's container.
const SIGNATURE: &str = "ADXFORM_JOURNAL_SAS";

/// Everything that is known before a spec is read.
pub(super) struct Desk {
    /// Where journals and the lock are kept.
    pub(super) place: Place,
    /// The directory of local state.
    pub(super) state: PathBuf,
    /// The spec, as the command line names it.
    pub(super) spec: PathBuf,
    /// What a later command must be told to look at the same place.
    pub(super) whereabouts: Whereabouts,
    /// How many requests run at a time, where anybody says so.
    pub(super) parallelism: Option<usize>,
    /// How long runs wait for what.
    pub(super) timing: Timing,
    /// Where the work goes, for people: `Azure`, or the emulator's URL; `None` for the embedded emulator, which is
    /// not started yet.
    pub(super) target: Option<String>,
    /// How to connect; for the embedded emulator without its address.
    pub(super) connect: cloud::Config,
    /// The connection, unless it is to the embedded emulator.
    pub(super) cloud: Option<Cloud>,
}

impl Desk {
    /// How the real service is called, in messages and in journals.
    pub(super) const AZURE: &str = "Azure";
    /// How the embedded emulator is called there.
    pub(super) const LOCAL: &str = "the local emulator";

    /// What it works on, as journals name it.
    pub(super) fn target_name(&self) -> &str {
        self.target.as_deref().unwrap_or(Self::LOCAL)
    }

    /// Joins flags, variables and the `adxform.toml` beside a spec. Nothing is sent, save for a signature in a key vault.
    ///
    /// # Errors
    /// Settings that are wrong, or a signature that cannot be read.
    pub(super) async fn of(spec: &Path, global: &Global, terminal: Terminal) -> Result<Self, Failure> {
        let config = Config::beside(spec)?;
        let (state, target) = (config.state_directory(spec), config.target(global));
        let timing = if target == Target::Azure { Timing::default() } else { Timing::local() };
        let (connect, name) = match &target {
            Target::Azure => (azure(&config)?, Some(Self::AZURE.to_owned())),
            Target::Endpoint(url) => (cloud::Config::local(url), Some(url.clone())),
            Target::Local => (cloud::Config::local(""), None),
        };
        let talk = move |waiting: &cloud::Waiting| {
            if waiting.length.as_secs() >= 2 {
                terminal.say(&format!("waiting {} s for {}", waiting.length.as_secs(), waiting.what));
            }
        };
        let root = if spec.is_dir() { Some(spec) } else { spec.parent() };
        let connect = cloud::Config {
            progress: Arc::new(talk),
            secret_env: environment(),
            secret_root: root.unwrap_or_else(|| Path::new("")).to_path_buf(),
            ..connect
        };
        let cloud = match &name {
            Some(_) => Some(Cloud::new(connect.clone()).map_err(|error| unreachable(&error))?),
            None => None,
        };
        let place = match &cloud {
            Some(cloud) => place(cloud, &config, global, &state).await?,
            // What the embedded emulator holds is this machine's alone, and so are its journals.
            None => Place::Folder(state.clone()),
        };
        let parallelism = config.parallelism(global);
        let (spec, whereabouts) = (spec.to_path_buf(), whereabouts(spec, global));
        Ok(Self { place, state, spec, whereabouts, parallelism, timing, target: name, connect, cloud })
    }
}

fn whereabouts(spec: &Path, global: &Global) -> Whereabouts {
    let mut whereabouts = Whereabouts::default();
    if let Some(directory) = &global.directory {
        whereabouts.option("-C", &directory.to_string_lossy());
    }
    if global.local {
        whereabouts.flag("--local");
    }
    let options = [
        ("--endpoint", &global.endpoint),
        ("--journal-container", &global.journal_container),
        ("--journal-prefix", &global.journal_prefix),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            whereabouts.option(name, value);
        }
    }
    whereabouts.spec(&spec.to_string_lossy());
    whereabouts
}

async fn place(cloud: &Cloud, config: &Config, global: &Global, state: &Path) -> Result<Place, Failure> {
    let journal = &config.journal;
    let given = |flag: &Option<String>, file: &Option<String>| flag.clone().or_else(|| file.clone());
    let url = given(&global.journal_container, &journal.container).filter(|url| !url.trim().is_empty());
    let Some(url) = url else { return Ok(Place::Folder(state.to_path_buf())) };
    let prefix = given(&global.journal_prefix, &journal.prefix).unwrap_or_default();
    let prefix = prefix.trim_matches('/').to_owned();
    let usage = |message: String, help: &str| Failure::new(Exit::InvalidSpec, message, help);
    if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains(|c: char| c.is_control()) {
        let message = format!("`{prefix}` cannot stand before the names of blobs");
        return Err(usage(message, "give a prefix such as `telemetry/prod`"));
    }
    let signature = match (environment()(SIGNATURE), &journal.sas) {
        (Some(set), _) if !set.trim().is_empty() => Some(SecretRef::Env(SIGNATURE.into())),
        (_, Some(text)) => Some(config::secret(text).ok_or_else(|| {
            let message = format!("{}: `sas` is a secret and cannot be written there", config::FILE);
            usage(message, "write ${secret.env.NAME}, ${secret.file.PATH} or ${secret.keyVault.URI}")
        })?),
        (_, None) => None,
    };
    let length = match &journal.lease {
        None => Length::default(),
        Some(text) => super::args::time(text).ok().and_then(whole).ok_or_else(|| {
            let message = format!("{}: a lease cannot last `{text}`", config::FILE);
            usage(message, "say a time from 15s to 60s, in whole seconds")
        })?,
    };
    let container = cloud.container(&url, signature.as_ref()).await.map_err(|error| unreachable(&error))?;
    Ok(Place::Blobs(Blobs { container, prefix, length }))
}

fn whole(time: Duration) -> Option<Length> {
    Length::new(time.as_secs()).filter(|_| time.subsec_nanos() == 0)
}

/// The clouds by their word, with the control plane of each.
const CLOUDS: [(&str, &str); 3] = [
    ("public", "https://management.azure.com"),
    ("usgovernment", "https://management.usgovcloudapi.net"),
    ("china", "https://management.chinacloudapi.cn"),
];

fn azure(config: &Config) -> Result<cloud::Config, Failure> {
    let word = config.azure.cloud.as_deref().unwrap_or("public");
    let usage = |message: String, words: Vec<&str>| {
        Failure::new(
            Exit::InvalidSpec,
            message,
            format!("in {}, say one of {}", config::FILE, words.join(", ")),
        )
    };
    let known = CLOUDS.iter().find(|(name, _)| *name == word);
    let (_, arm) =
        known.ok_or_else(|| usage(format!("there is no cloud `{word}`"), CLOUDS.map(|(w, _)| w).to_vec()))?;
    let auth = match config.auth.method.as_deref() {
        None | Some("auto") => cloud::Auth::Chain,
        Some(word) => {
            let words = Credential::ALL.map(Credential::word);
            let found = Credential::ALL.into_iter().find(|credential| credential.word() == word);
            cloud::Auth::Only(found.ok_or_else(|| {
                usage(format!("there is no way to sign in called `{word}`"), words.to_vec())
            })?)
        }
    };
    Ok(cloud::Config {
        login: config.azure.login.clone(),
        tenant: config.auth.tenant_id.clone(),
        client: config.auth.client_id.clone(),
        trusted: config.azure.trusted_hosts.clone(),
        auth,
        ..cloud::Config::azure(config.azure.arm.clone().unwrap_or_else(|| (*arm).to_owned()), environment())
    })
}
