//! One request and its answer: clients, headers, tokens. No retry happens here but one after an expired token.

use super::Cloud;
use super::auth::{Token, Tokens};
use super::config::Config;
use super::error::{Class, CloudError};
use super::fault;
use super::log::Log;
use super::retry::{After, Again, Patience, retry_after};
use super::secret::Secrets;
use super::trust::{self, Trust};
use azure_core::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many requests are under way at once, all hosts together.
const AT_ONCE: u32 = 64;

/// How many bytes of answers are received at once: those of whole databases are large, and one is understood as soon as it
/// is there.
const RECEIVED_AT_ONCE: u32 = 8 << 20;

/// For how many bytes the largest answer counts, so that there is always another to be understood while some come in.
const SHARE: u32 = RECEIVED_AT_ONCE / 4;

/// How many an answer counts for that does not say how long it is, as those that travel packed.
const UNSAID: u64 = 1 << 20;

/// How many connections to a host stay open while nothing is asked.
const IDLE: usize = 8;

/// How many bytes of an answer come in before somebody reads them, where answers share a connection (HTTP/2).
const STREAM_WINDOW: u32 = 1 << 20;

/// The same for a whole connection, for all that are under way: those that wait for their turn never keep the others from
/// coming in.
const CONNECTION_WINDOW: u32 = AT_ONCE * STREAM_WINDOW;

/// Which plane a request is for, and so which token it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plane {
    Arm,
    /// The cluster's URL, which the token is asked for.
    Kusto {
        cluster: Url,
    },
    /// A key vault, and what its tokens are asked for.
    Vault {
        audience: String,
    },
    /// Another interface, and what its tokens are asked for.
    Rest {
        audience: String,
    },
}

/// A request that may be sent, as often as its fate allows.
pub(super) struct Call {
    pub(super) plane: Plane,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether its fate matters when the reply is lost.
    pub(super) write: bool,
    pub(super) timeout: Duration,
    /// Verb and path, or the command on one line.
    pub(super) label: String,
    /// The same for every try of one request.
    pub(super) id: String,
}

impl Call {
    pub(super) fn arm(config: &Config, method: Method, url: Url, label: String) -> Self {
        let write = method != Method::GET;
        let id = uuid::Uuid::new_v4().to_string();
        let timeout = config.pace.arm;
        Self { plane: Plane::Arm, method, url, headers: Vec::new(), body: None, write, timeout, label, id }
    }
}

/// An answer, complete.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: Bytes,
    /// The wait that the service asks for.
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        // Some headers hold raw blanks and other bytes that are not visible ASCII.
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// By what the service's support finds the request.
    pub(super) fn id(&self) -> Option<String> {
        let names = [
            "x-ms-operation-root-activity-id",
            "x-ms-activity-id",
            "x-ms-request-id",
            "x-ms-correlation-request-id",
        ];
        names.into_iter().find_map(|name| self.header(name)).map(str::to_owned)
    }

    pub(super) const fn is_success(&self) -> bool {
        matches!(self.status, 200..300)
    }
}

/// What every request shares.
pub(super) struct Wire {
    pub(super) config: Arc<Config>,
    pub(super) trust: Trust,
    pub(super) log: Log,
    pub(super) secrets: Secrets,
    tokens: Tokens,
    permits: Semaphore,
    receiving: Semaphore,
    clients: Arc<Clients>,
}

impl Wire {
    pub(super) fn new(config: Config) -> Result<Self, CloudError> {
        let config = Arc::new(config);
        let trust = Trust::new(&config)?;
        let clients = Arc::new(Clients { connect: config.pace.connect, ..Clients::default() });
        let tokens = Tokens::new(&config, &trust, &clients);
        let (permits, receiving) =
            (Semaphore::new(AT_ONCE as usize), Semaphore::new(RECEIVED_AT_ONCE as usize));
        let (log, secrets) = (Log::default(), Secrets::default());
        Ok(Self { config, trust, log, secrets, tokens, permits, receiving, clients })
    }

    /// The client for a URL, for libraries that bring their own requests.
    pub(super) fn client(&self, url: &Url) -> Result<Client, CloudError> {
        self.clients.of(url).cloned()
    }

    /// A token for an audience, for libraries that keep it themselves.
    pub(super) async fn token(&self, audience: &str) -> Result<Token, CloudError> {
        self.tokens.token(audience).await
    }

    /// Sends a request once, or twice when its token turned out to be stale.
    pub(super) async fn once(&self, call: &Call) -> Result<Answer, CloudError> {
        let _permit = self.permits.acquire().await;
        let bearer = self.bearer(call, None).await?;
        let answer = self.exchange(call, &bearer).await?;
        if answer.status == 401 && self.tokens.renewable() {
            let bearer = self.bearer(call, Some(&bearer)).await?;
            return self.exchange(call, &bearer).await;
        }
        Ok(answer)
    }

    async fn bearer(&self, call: &Call, refused: Option<&HeaderValue>) -> Result<HeaderValue, CloudError> {
        let audience = match &call.plane {
            Plane::Arm => self.trust.audience.clone(),
            Plane::Vault { audience } | Plane::Rest { audience } => audience.clone(),
            Plane::Kusto { cluster } if self.tokens.renewable() => self.kusto_audience(cluster).await?,
            Plane::Kusto { cluster } => trust::origin(cluster),
        };
        let named = |mut error: CloudError| {
            error.request = call.label.as_str().into();
            error
        };
        self.tokens.bearer(&audience, refused).await.map_err(named)
    }

    /// What tokens for a cluster are asked for, as the cluster itself says without authentication; what it says
    /// counts only when it is one of this cloud's clusters.
    ///
    /// <https://learn.microsoft.com/kusto/api/rest/authentication>
    async fn kusto_audience(&self, cluster: &Url) -> Result<String, CloudError> {
        let own = format!("{}://{}", cluster.scheme(), cluster.host_str().unwrap_or_default());
        let cell = self.tokens.audience_of(&own);
        let found = cell.get_or_try_init(|| async {
            let url = below(cluster, &["v1", "rest", "auth", "metadata"])?;
            let call = Call::arm(&self.config, Method::GET, url, format!("GET {own}/v1/rest/auth/metadata"));
            let answer = self.exchange(&call, &HeaderValue::from_static("")).await?;
            let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let said = json.pointer("/AzureAD/KustoServiceResourceId").and_then(serde_json::Value::as_str);
            let url = said.filter(|_| answer.is_success()).and_then(|said| Url::parse(said).ok());
            let usable = url.filter(|url| url.scheme() == "https" && self.trust.is_kusto(url));
            Ok(usable.map_or_else(|| own.clone(), |url| trust::origin(&url)))
        });
        found.await.cloned()
    }

    async fn exchange(&self, call: &Call, bearer: &HeaderValue) -> Result<Answer, CloudError> {
        let mut request = self
            .clients
            .of(&call.url)?
            .request(call.method.clone(), call.url.clone())
            .timeout(call.timeout)
            .header(ACCEPT, "application/json")
            .header("x-ms-client-request-id", &call.id);
        if !bearer.is_empty() {
            request = request.header(AUTHORIZATION, bearer);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body.clone());
        }
        let number = self.log.begin(&call.label, self.config.clock.elapsed());
        let response = request.send().await.map_err(|error| broken(call, error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.received(response).await.map_err(|error| broken(call, error))?;
        self.log.end(number, status, self.config.clock.elapsed());
        let now = self.config.clock.now();
        let asked = headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
        Ok(Answer { status, headers, body, retry_after: asked })
    }

    /// The body of an answer, in its turn and piece by piece: what is kept until all are there takes twice the memory.
    async fn received(&self, mut response: Response) -> Result<Bytes, reqwest::Error> {
        // Its length is only what it says of itself.
        let length = response.content_length();
        let share = u32::try_from(length.unwrap_or(UNSAID)).unwrap_or(u32::MAX).min(SHARE);
        let _receiving = self.receiving.acquire_many(share).await;
        let room = length.unwrap_or_default().min(RECEIVED_AT_ONCE.into());
        let mut body = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
        while let Some(piece) = response.chunk().await? {
            body.extend_from_slice(&piece);
        }
        Ok(body.into())
    }
}

impl Cloud {
    /// A request to the control plane.
    pub(super) fn call(&self, method: Method, url: Url, label: String) -> Call {
        let call = Call::arm(&self.wire.config, method, url, label);
        Call { id: self.id.as_deref().map_or(call.id, str::to_owned), ..call }
    }

    /// Sends a request until an answer is worth acting on: success, or a refusal that will not pass.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, CloudError> {
        let mut patience: Patience = self.patience();
        loop {
            let error = match self.wire.once(call).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                Ok(answer) => fault::error(&call.plane, call.write, &answer, &call.label),
                Err(error) => error,
            };
            if !patience.wait(&error).await {
                return Err(error);
            }
        }
    }
}

/// A URL with path segments added, each percent-encoded.
///
/// # Errors
/// For a segment that would lead elsewhere: `.`, `..` or nothing.
pub(super) fn below(base: &Url, segments: &[&str]) -> Result<Url, CloudError> {
    let mut url = base.clone();
    let wrong = segments.iter().find(|segment| matches!(**segment, "" | "." | ".."));
    let opened = url.path_segments_mut();
    match (wrong, opened) {
        (None, Ok(mut path)) => {
            path.pop_if_empty().extend(segments);
        }
        (wrong, _) => {
            let message =
                format!("`{}` cannot stand in a path as a name", wrong.copied().unwrap_or_default());
            return Err(CloudError::new(Class::Refused, "InvalidPath", message, segments.join("/")));
        }
    }
    Ok(url)
}

/// What a connection that failed means for the request.
fn broken(call: &Call, error: reqwest::Error) -> CloudError {
    let host = trust::origin(&call.url);
    let reasons = reasons(&error.without_url());
    let (timed_out, connecting, unbuilt) = (reasons.timed_out, reasons.connecting, reasons.unbuilt);
    if unbuilt {
        let message = format!("the request cannot be sent: {}", reasons.text);
        return CloudError::new(Class::Refused, "InvalidRequest", message, &call.label);
    }
    if connecting {
        let message = format!("{host} cannot be reached: {}", reasons.text);
        return CloudError::new(Class::Unreachable, "Unreachable", message, &call.label)
            .hint("check the name, the network, and any proxy or private endpoint in between")
            .again(Again::Unreachable);
    }
    let what = if timed_out {
        format!("{host} did not answer within {:?}", call.timeout)
    } else {
        format!("the reply of {host} was lost: {}", reasons.text)
    };
    let again = if call.write { Again::Never } else { Again::Transient(After::default()) };
    CloudError::new(Class::Lost, "ReplyLost", what, &call.label).again(again)
}

struct Reasons {
    timed_out: bool,
    connecting: bool,
    unbuilt: bool,
    text: String,
}

/// The causes of an error, the outermost left out when there are others: it only says that sending failed.
fn reasons(error: &reqwest::Error) -> Reasons {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(at) = cause {
        let text = at.to_string();
        // The client's own names for its phases say nothing to people.
        if !text.starts_with("client error (") && !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        cause = at.source();
    }
    let text = if texts.is_empty() { error.to_string() } else { texts.join(": ") };
    Reasons {
        timed_out: error.is_timeout(),
        connecting: error.is_connect(),
        unbuilt: error.is_builder(),
        text,
    }
}

/// The clients, made when first needed: reading the system's roots takes longer than most of our requests.
#[derive(Default)]
pub(super) struct Clients {
    connect: Duration,
    outside: OnceLock<Client>,
    machine: OnceLock<Client>,
}

impl Clients {
    /// The client for a URL: plain http stays on this machine, whatever the name resolves to and whatever proxy
    /// is set.
    fn of(&self, url: &Url) -> Result<&Client, CloudError> {
        if url.scheme() == "http" && trust::loopback(url) { self.machine() } else { self.outside() }
    }

    /// The client for other hosts, through the system's proxy.
    pub(super) fn outside(&self) -> Result<&Client, CloudError> {
        made(&self.outside, || builder(self.connect).build())
    }

    /// The client for plain http on this machine.
    fn machine(&self) -> Result<&Client, CloudError> {
        made(&self.machine, || {
            builder(self.connect).no_proxy().tls_certs_only([]).dns_resolver(Arc::new(Loopback)).build()
        })
    }
}

/// A client that goes past any proxy, for the metadata service of a virtual machine.
pub(super) fn direct(connect: Duration) -> Result<Client, CloudError> {
    builder(connect).no_proxy().build().map_err(unmade)
}

fn made(
    cell: &OnceLock<Client>,
    make: impl FnOnce() -> Result<Client, reqwest::Error>,
) -> Result<&Client, CloudError> {
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    let client = make().map_err(unmade)?;
    Ok(cell.get_or_init(|| client))
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unmade(error: reqwest::Error) -> CloudError {
    let message = format!("secure connections cannot be prepared: {}", reasons(&error).text);
    CloudError::new(Class::Unreachable, "Tls", message, String::new())
        .hint("the system's certificates may be missing; set SSL_CERT_FILE to a bundle of them")
}

fn builder(connect: Duration) -> reqwest::ClientBuilder {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("adxform/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .pool_idle_timeout(Duration::from_secs(30))
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        // Each that stays open keeps what it read with: after large answers that is half a megabyte.
        .pool_max_idle_per_host(IDLE)
}

/// Resolves every name to this machine.
struct Loopback;

impl reqwest::dns::Resolve for Loopback {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let found: reqwest::dns::Addrs = Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)));
        Box::pin(std::future::ready(Ok(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_stay_within_their_segment(names in prop::collection::vec("\\PC{0,9}|\\.{1,2}|%2e", 1..4)) {
            let base = Url::parse("https://management.azure.com/").unwrap();
            let segments: Vec<&str> = names.iter().map(String::as_str).collect();
            let dots = |name: &&str| matches!(*name, "" | "." | "..");
            match below(&base, &segments) {
                Ok(url) => {
                    prop_assert_eq!(url.path_segments().unwrap().count(), names.len());
                    prop_assert_eq!((url.host_str(), url.query()), (base.host_str(), None));
                }
                Err(_) => prop_assert!(segments.iter().any(dots)),
            }
        }
    }
}
