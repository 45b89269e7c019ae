//! Requests: the exact effect of one step, before references are resolved.

use super::address::Address;
use super::body::{SecretRef, Value};
use super::command::Command;
use serde::{Deserialize, Serialize};

/// One request to one of the two planes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// To the control plane, Azure Resource Manager.
    Arm(ArmRequest),
    /// To a cluster's management endpoint.
    Kusto(KustoRequest),
}

/// The verb of a control-plane request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Create, or replace.
    Put,
    /// Change what is named.
    Patch,
    /// Delete.
    Delete,
    /// An action.
    Post,
}

impl Method {
    /// The verb on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Post => "POST",
        }
    }
}

/// A write to the control plane; long-running ones are followed to their end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmRequest {
    /// The verb.
    pub method: Method,
    /// The resource id, with the action's name at the end for a POST; not percent-encoded.
    pub path: String,
    /// The `api-version` to ask for.
    pub api_version: String,
    /// The body, references unresolved; `Null` sends none.
    pub body: Value,
    /// The etag to send as `If-Match`, so that a change by somebody else is refused. [`ArmRequest::AS_SEEN`] stands for
    /// the one that is seen right before, which takes the place of any other too; it is never sent itself.
    pub if_match: Option<String>,
    /// `If-None-Match: *`: only create.
    pub create_only: bool,
}

impl ArmRequest {
    /// Stands for the etag that is seen right before the request is sent.
    pub const AS_SEEN: &str = "*";
}

/// A management command to a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KustoRequest {
    /// The cluster's address; its `uri` attribute says where to send.
    pub cluster: Address,
    /// The database to run in.
    pub database: String,
    /// The command.
    pub command: Command,
    /// A value to look up right before, appended to the command as a text literal.
    pub lookup: Option<Box<Lookup>>,
    /// Whether the command must travel by itself and not in a script.
    pub alone: bool,
    /// For a command that answers with the id of an operation, which is then followed to its end: how the service's
    /// names of such operations begin, by which one is found whose id was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
}

/// A value that a command needs and only the service knows at that moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lookup {
    /// The reading command.
    pub command: Command,
    /// The column whose value is taken, from the last row.
    pub column: String,
    /// What to say when there is no row.
    pub missing: String,
}

impl Request {
    /// A management command that may travel in a script.
    pub fn kusto(cluster: &Address, database: &str, command: Command) -> Self {
        Self::Kusto(KustoRequest {
            cluster: cluster.clone(),
            database: database.to_owned(),
            command,
            lookup: None,
            alone: false,
            begins: None,
        })
    }

    /// A management command that begins an operation; see [`KustoRequest::begins`].
    pub fn kusto_operation(cluster: &Address, database: &str, command: Command, operation: &str) -> Self {
        let (cluster, database) = (cluster.clone(), database.to_owned());
        let begins = Some(operation.to_owned());
        Self::Kusto(KustoRequest { cluster, database, command, lookup: None, alone: true, begins })
    }

    /// A control-plane request without conditions.
    pub fn arm(method: Method, path: String, api_version: &str, body: Value) -> Self {
        let api_version = api_version.to_owned();
        Self::Arm(ArmRequest { method, path, api_version, body, if_match: None, create_only: false })
    }

    /// Where the secrets are kept that it needs.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Arm(arm) => arm.body.secrets(),
            Self::Kusto(kusto) => kusto.command.secrets(),
        }
    }

    /// The references that it needs answered, each an address and the path of an attribute.
    pub fn references(&self) -> Vec<(&Address, &[String])> {
        match self {
            Self::Arm(arm) => {
                let mut found = Vec::new();
                arm.body.collect_references(&mut found);
                found
            }
            Self::Kusto(kusto) => kusto.command.references(),
        }
    }

    /// The request as it is sent: the method and path, or the whole command, with `…` for what is looked up first.
    pub fn text(&self) -> String {
        match self {
            Self::Kusto(kusto) => match &kusto.lookup {
                None => kusto.command.to_string(),
                Some(lookup) => format!("{}\"…{}\"", kusto.command, lookup.column),
            },
            Self::Arm(_) => self.shown(),
        }
    }

    /// The request on one line, as plans show it.
    pub fn shown(&self) -> String {
        self.shown_to(usize::MAX)
    }

    /// The beginning of [`Request::shown`]: so many characters at least, where it has them.
    pub fn shown_to(&self, enough: usize) -> String {
        match self {
            Self::Arm(arm) => format!("{} {}", arm.method.word(), arm.path),
            Self::Kusto(kusto) => match &kusto.lookup {
                None => kusto.command.line_to(enough),
                Some(lookup) => format!("{}\"…{}\"", kusto.command.one_line(), lookup.column),
            },
        }
    }
}
