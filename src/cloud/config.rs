//! What a [`super::Cloud`] is told: where, as whom, and how patiently.

use super::auth::Issuer;
use super::retry::{Clock, SystemClock};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A reader of environment variables.
pub type Env = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A listener to what is being waited for.
pub type Progress = Arc<dyn Fn(&Waiting) + Send + Sync>;

/// Something that is being waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The request that waits: verb and path, or the command.
    pub request: String,
    /// What it waits for, as a clause such as `the cluster to finish its maintenance`.
    pub what: String,
    /// How long, before it is tried or looked at again.
    pub length: Duration,
}

/// Where to connect to, as whom, and how patiently.
#[derive(Clone)]
pub struct Config {
    /// The control plane's address, such as `https://management.azure.com`.
    pub arm: String,
    /// Where tokens come from; `None` for the host that belongs to `arm`.
    pub login: Option<String>,
    /// What tokens for the control plane are asked for; `None` for what belongs to `arm`.
    pub audience: Option<String>,
    /// The tenant to sign in to; `None` for the credential's own.
    pub tenant: Option<String>,
    /// The application or user-assigned identity to sign in as; `None` for what `AZURE_CLIENT_ID` says.
    pub client: Option<String>,
    /// Hosts and suffixes of hosts that the user trusts with tokens, beyond those of the cloud.
    pub trusted: Vec<String>,
    /// As whom.
    pub auth: Auth,
    /// How patiently.
    pub pace: Pace,
    /// The environment that credentials are looked for in.
    pub env: Env,
    /// The environment that secrets are looked for in (`${secret.env.NAME}`).
    pub secret_env: Env,
    /// Where relative paths of secrets start (`${secret.file.PATH}`).
    pub secret_root: PathBuf,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// A number from 0 up to 1 for each wait that is to be spread.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// Who is told what is being waited for.
    pub progress: Progress,
}

impl Config {
    /// A cloud reached with real credentials, found as [`Auth::Chain`] says.
    pub fn azure(arm: impl Into<String>, env: Env) -> Self {
        Self {
            arm: arm.into(),
            login: None,
            audience: None,
            tenant: None,
            client: None,
            trusted: Vec::new(),
            auth: Auth::Chain,
            pace: Pace::azure(),
            secret_env: Arc::clone(&env),
            secret_root: PathBuf::new(),
            env,
            clock: Arc::new(SystemClock::start()),
            jitter: Arc::new(random),
            progress: Arc::new(|_| {}),
        }
    }

    /// The emulator on this machine.
    pub fn local(arm: impl Into<String>) -> Self {
        Self { auth: Auth::Local, pace: Pace::local(), ..Self::azure(arm, Arc::new(|_| None)) }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("arm", &self.arm).field("auth", &self.auth).finish_non_exhaustive()
    }
}

fn random() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// As whom requests are sent.
#[derive(Clone)]
pub enum Auth {
    /// A fixed bearer that means nothing; it never leaves this machine.
    Local,
    /// The first credential found, in the order of [`Credential::ALL`].
    Chain,
    /// One kind of credential, by the user's choice.
    Only(Credential),
    /// Tokens from elsewhere.
    Issued(Arc<dyn Issuer>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("Local"),
            Self::Chain => f.write_str("Chain"),
            Self::Only(credential) => write!(f, "Only({credential})"),
            Self::Issued(_) => f.write_str("Issued"),
        }
    }
}

/// A kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A service principal's secret: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`.
    Environment,
    /// A federated token in a file: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity,
    /// The identity of a GitHub Actions job with `id-token: write`, with `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`.
    GitHub,
    /// The managed identity of this machine, or the one that `AZURE_CLIENT_ID` names.
    ManagedIdentity,
    /// Who is signed in to the Azure CLI.
    AzureCli,
    /// Who is signed in to the Azure Developer CLI.
    AzureDeveloperCli,
}

impl Credential {
    /// Every kind, in the order in which they are tried.
    pub const ALL: [Self; 6] = [
        Self::Environment,
        Self::WorkloadIdentity,
        Self::GitHub,
        Self::ManagedIdentity,
        Self::AzureCli,
        Self::AzureDeveloperCli,
    ];

    /// The word that chooses it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::WorkloadIdentity => "workload-identity",
            Self::GitHub => "github",
            Self::ManagedIdentity => "managed-identity",
            Self::AzureCli => "azure-cli",
            Self::AzureDeveloperCli => "azd",
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Credential {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = || Self::ALL.map(Self::word).join(", ");
        let found = Self::ALL.into_iter().find(|credential| credential.word() == text);
        found.ok_or_else(|| format!("`{text}` is not a kind of credential; known are {}", words()))
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// For a connection to be made.
    pub connect: Duration,
    /// For the control plane's answer to one request.
    pub arm: Duration,
    /// For the management endpoint to carry out one command; it is told so, and given 30 s more.
    pub kusto: Duration,
    /// Whether `Retry-After` counts; the emulator's is for other clients.
    pub heeds_retry_after: bool,
    /// The first wait after a passing failure; it doubles up to [`Pace::cap`], each wait drawn from zero to it.
    pub first: Duration,
    /// The longest such wait.
    pub cap: Duration,
    /// How long a host that cannot be reached is tried.
    pub unreachable: Duration,
    /// How long a read is tried after replies that say nothing.
    pub transient: Duration,
    /// How long a throttled request is tried.
    pub throttled: Duration,
    /// Between two tries while the cluster is busy with something else.
    pub conflict_step: Duration,
    /// How long that is borne.
    pub conflict: Duration,
    /// Between two tries while the directory does not know a new principal.
    pub directory_step: Duration,
    /// How long that is borne.
    pub directory: Duration,
    /// The first wait for a long-running operation; it doubles.
    pub poll_first: Duration,
    /// The longest wait for an operation on a child of a top-level resource.
    pub poll_cap: Duration,
    /// The longest wait for an operation on a top-level resource, such as a cluster.
    pub poll_cap_root: Duration,
    /// How long a long-running operation is followed.
    pub operation: Duration,
}

impl Pace {
    /// For the real services.
    pub const fn azure() -> Self {
        Self {
            connect: Duration::from_secs(10),
            arm: Duration::from_secs(120),
            kusto: Duration::from_secs(600),
            heeds_retry_after: true,
            first: Duration::from_secs(2),
            cap: Duration::from_secs(60),
            unreachable: Duration::from_secs(8),
            transient: Duration::from_secs(120),
            throttled: Duration::from_secs(300),
            conflict_step: Duration::from_secs(30),
            conflict: Duration::from_secs(900),
            directory_step: Duration::from_secs(10),
            directory: Duration::from_secs(300),
            poll_first: Duration::from_secs(1),
            poll_cap: Duration::from_secs(10),
            poll_cap_root: Duration::from_secs(30),
            operation: Duration::from_secs(3600),
        }
    }

    /// For the emulator on this machine, which needs no sparing.
    pub const fn local() -> Self {
        Self {
            connect: Duration::from_secs(2),
            heeds_retry_after: false,
            first: Duration::from_millis(20),
            cap: Duration::from_millis(500),
            unreachable: Duration::from_secs(1),
            transient: Duration::from_secs(5),
            throttled: Duration::from_secs(10),
            conflict_step: Duration::from_millis(100),
            conflict: Duration::from_secs(30),
            directory_step: Duration::from_millis(100),
            directory: Duration::from_secs(10),
            poll_first: Duration::from_millis(2),
            poll_cap: Duration::from_millis(200),
            poll_cap_root: Duration::from_millis(200),
            operation: Duration::from_secs(600),
            ..Self::azure()
        }
    }
}
