//! The only outbound I/O: Azure Resource Manager and the Kusto management endpoint.
//!
//! Everything here is thin: it sends what it is given, waits as the service asks, and says what came of it in
//! words a plan can act on ([`Class`]).
//!
//! Invariant: a write whose fate is unknown is never sent again; it ends in [`Class::Lost`] (test: `tests/cloud/doubt`).
//! Invariant: a token goes only to a host that `trust` admits, redirects are never followed, and plain http
//! stays on this machine (test: `only_known_hosts_are_trusted`).
//! Invariant: nothing here prints, and no error, log or `Debug` form holds a token, a request body or a signed
//! URL (test: `tokens_do_not_print`).
//! Invariant: the environment is read only through [`Config::env`], save for what `azure_identity` itself reads
//! about a managed identity (`IDENTITY_ENDPOINT` and its like).

mod arm;
mod auth;
mod blob;
mod command_operation;
mod config;
mod credential;
mod error;
mod fault;
mod frames;
mod kusto;
mod log;
mod operation;
mod retry;
mod secret;
mod trust;
mod wire;

pub use arm::Begun;
pub use auth::{Issuer, Issuing, Token};
pub use blob::{Container, Listed, Metadata, Seen};
pub use command_operation::CommandOperation;
pub use config::{Auth, Config, Credential, Env, Pace, Progress, Waiting};
pub use error::{Class, CloudError};
pub use kusto::{CommandResult, NOT_RUN};
pub use log::Sent;
pub use operation::Operation;
pub use retry::{Clock, Patience, SystemClock};

use std::sync::Arc;

/// A connection to one cloud: the control plane and every cluster that belongs to it. Clones share everything.
#[derive(Clone)]
pub struct Cloud {
    wire: Arc<wire::Wire>,
    progress: Progress,
    id: Option<Arc<str>>,
}

impl Cloud {
    /// Prepares the connection; nothing is sent yet.
    ///
    /// # Errors
    /// When the control plane's address is not a URL, or not one that tokens may be sent to.
    pub fn new(config: Config) -> Result<Self, CloudError> {
        let progress = Arc::clone(&config.progress);
        Ok(Self { wire: Arc::new(wire::Wire::new(config)?), progress, id: None })
    }

    /// The same connection, telling another listener what it waits for.
    #[must_use]
    pub fn reporting(&self, progress: Progress) -> Self {
        Self { progress, ..self.clone() }
    }

    /// The same connection, under whose requests the service logs an id (`x-ms-client-request-id`); without one,
    /// each request gets its own.
    #[must_use]
    pub fn under(&self, id: &str) -> Self {
        Self { id: Some(id.into()), ..self.clone() }
    }

    /// Every request sent so far, oldest first, retries included and tokens left out.
    pub fn log(&self) -> Vec<Sent> {
        self.wire.log.sent()
    }

    /// The longest chain of requests each of which began after the one before had ended.
    pub fn depth(&self) -> usize {
        log::depth(&self.log())
    }

    /// How long to go on trying one write, from now; see [`Patience::wait`].
    pub fn patience(&self) -> Patience {
        Patience::new(Arc::clone(&self.wire.config), Arc::clone(&self.progress))
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").field("arm", &self.wire.config.arm).finish_non_exhaustive()
    }
}
