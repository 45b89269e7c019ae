//! Azure Blob Storage, as far as a team's journals and its lock need it: append blobs and leases.
//!
//! The official client forms the requests; they go over our own connections with our own retries.
//!
//! Invariant: an append succeeds only when the blob holds exactly its bytes at its place. One whose reply was lost is
//! settled by reading the blob, so nothing stands there twice (test: `tests/product/blobs.rs`).
//! Invariant: a shared access signature appears in no error, log or `Debug` form (test: `a_signature_does_not_print`).
//!
//! <https://learn.microsoft.com/rest/api/storageservices/append-block>
//! <https://learn.microsoft.com/rest/api/storageservices/lease-blob>

mod reply;

use super::Cloud;
use super::error::{Class, CloudError};
use super::trust;
use super::wire::Wire;
use crate::model::body::SecretRef;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, HttpClient, RequestContent, RetryOptions, Transport};
use azure_storage_blob::models::{
    AppendBlobClientAppendBlockOptions, AppendBlobClientCreateOptions, BlobClientAcquireLeaseOptions,
    BlobClientBreakLeaseOptions, BlobClientBreakLeaseResultHeaders, BlobClientDownloadOptions,
    BlobClientGetPropertiesResultHeaders, BlobClientSetMetadataOptions, BlobContainerClientListBlobsOptions,
    BlockBlobClientUploadOptions, HttpRange, LeaseState, ListBlobsIncludeItem,
};
use azure_storage_blob::{BlobClient, BlobContainerClient, BlobContainerClientOptions};
use futures::TryStreamExt;
use reply::{absent, again, held, is_passing, within};
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The version of the service's interface that is spoken. From 2022-11-02 on one append may bring 100 MiB.
///
/// <https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services>
const VERSION: &str = "2023-11-03";

/// What tokens for storage are asked for, in every cloud.
///
/// <https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory>
const AUDIENCE: &str = "https://storage.azure.com";

/// The longest time for one small request; a lease of 60 s leaves room for several.
const REQUEST: Duration = Duration::from_secs(10);

/// How many bytes a second a slow line carries at least.
const SLOW: u64 = 256 * 1024;

/// Words about a blob that are kept with it.
pub type Metadata = BTreeMap<String, String>;

/// A container of blobs. Clones share the connection.
#[derive(Clone)]
pub struct Container {
    cloud: Cloud,
    client: Arc<BlobContainerClient>,
    shown: Arc<str>,
}

/// A blob as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its length in bytes.
    pub length: u64,
    /// For an append blob: of how many blocks it consists.
    pub blocks: u64,
    /// Whether somebody holds a lease on it, or held one that is still breaking.
    pub leased: bool,
    /// The words kept with it.
    pub metadata: Metadata,
}

/// A blob in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the container.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// The words kept with it.
    pub metadata: Metadata,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("url", &self.shown).finish_non_exhaustive()
    }
}

/// The connection's own tokens, for the official client.
struct Bearer(Arc<Wire>);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer")
    }
}

impl TokenCredential for Bearer {
    fn get_token<'a, 'b, 'c, 'd, 'e>(
        &'a self,
        _: &'b [&'c str],
        _: Option<TokenRequestOptions<'d>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AccessToken>> + Send + 'e>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
        'd: 'e,
        Self: 'e,
    {
        Box::pin(async {
            let token = self.0.token(AUDIENCE).await;
            let token = token.map_err(|error| azure_core::Error::new(ErrorKind::Credential, error))?;
            Ok(AccessToken::new(token.secret.expose_secret().to_owned(), token.expires))
        })
    }
}

impl Cloud {
    /// A blob container by its URL, such as `https://account.blob.core.windows.net/adxform`. With a shared access
    /// signature the requests carry that; otherwise the same tokens as for the control plane.
    ///
    /// # Errors
    /// A URL that is not a container's or not to be trusted, or a signature that cannot be read.
    pub async fn container(&self, url: &str, signature: Option<&SecretRef>) -> Result<Container, CloudError> {
        let mut url = trust::parse(url, "the journal's container")?;
        let wrong = |message: String| {
            CloudError::new(Class::Refused, "InvalidUrl", message, String::new())
                .hint("it looks like https://ACCOUNT.blob.core.windows.net/CONTAINER")
        };
        if url.query().is_some() {
            let message =
                "the container's URL holds a query; a signature is a secret and has a key of its own";
            return Err(wrong(message.to_owned()));
        }
        // Azurite and its like carry the account in the path.
        let wanted = if url.domain().is_some() && !trust::loopback(&url) { 1 } else { 2 };
        let depth = url.path_segments().map_or(0, |all| all.filter(|segment| !segment.is_empty()).count());
        if depth != wanted {
            return Err(wrong(format!("`{url}` is not the URL of a container")));
        }
        let shown: Arc<str> = url.as_str().trim_end_matches('/').into();
        self.wire.trust.storage(&url, signature.is_some())?;
        let credential: Option<Arc<dyn TokenCredential>> = if let Some(place) = signature {
            self.read_secrets(&[place]).await?;
            let secret = self.known_secret(place).unwrap_or_default();
            url.set_query(Some(secret.trim().trim_start_matches('?')));
            None
        } else {
            Some(Arc::new(Bearer(Arc::clone(&self.wire))))
        };
        let transport = Transport::new(Arc::new(self.wire.client(&url)?) as Arc<dyn HttpClient>);
        let client_options = ClientOptions {
            transport: Some(transport),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let options = BlobContainerClientOptions { client_options, version: VERSION.to_owned() };
        let client = BlobContainerClient::new(url, credential, Some(options));
        let client = client.map_err(|error| wrong(error.to_string()))?;
        Ok(Container { cloud: self.clone(), client: Arc::new(client), shown })
    }
}

impl Container {
    /// The URL without any secret.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Makes an append blob, unless it is there and empty already.
    ///
    /// # Errors
    /// When it is there with contents (`BlobAlreadyExists`), or the service does not answer.
    pub async fn create(&self, name: &str) -> Result<(), CloudError> {
        let once = || async {
            let options = AppendBlobClientCreateOptions {
                if_none_match: Some("*".into()),
                blob_content_type: Some("text/plain; charset=utf-8".to_owned()),
                ..Default::default()
            };
            self.blob(name).append_blob_client().create(Some(options)).await.map(|_| ())
        };
        match self.patiently("PUT", name, once).await {
            // A first delivery whose reply was lost made it.
            Err(error) if error.code == "BlobAlreadyExists" => match self.look(name).await? {
                Some(seen) if seen.length == 0 => Ok(()),
                _ => Err(error),
            },
            made => made,
        }
    }

    /// Adds bytes at a place that must be the end of an append blob; tried once, and settled by looking when the
    /// reply was lost or says that the place is taken.
    ///
    /// # Errors
    /// [`Class::Refused`] when somebody else has written there; [`Class::Lost`] or [`Class::Unreachable`] when the
    /// bytes are not there as far as can be seen, so that the same call may be made again.
    pub async fn append(&self, name: &str, at: u64, bytes: &[u8]) -> Result<(), CloudError> {
        let length = bytes.len() as u64;
        let options = AppendBlobClientAppendBlockOptions {
            append_position: Some(i64::try_from(at).unwrap_or(i64::MAX)),
            ..Default::default()
        };
        let client = self.blob(name).append_blob_client();
        let body = RequestContent::from(bytes.to_vec());
        let sent = client.append_block(body, length, Some(options));
        let limit = REQUEST + Duration::from_secs(length / SLOW);
        let label = self.label("PUT", name);
        let Err(error) = within(limit, &label, sent).await else { return Ok(()) };
        let taken =
            matches!(error.code.as_str(), "AppendPositionConditionNotMet" | "BlobModifiedWhileReading");
        if !taken && !is_passing(&error) {
            return Err(error);
        }
        let end = self.look(name).await?.map_or(0, |seen| seen.length);
        if end == at && !taken {
            return Err(error);
        }
        if end >= at + length && self.read(name, Some((at, length))).await?.as_deref() == Some(bytes) {
            return Ok(());
        }
        let message = format!("somebody else has written to {}/{name}", self.shown);
        Err(CloudError::new(Class::Refused, "Overtaken", message, label)
            .hint("another process works on the same run; `adxform unlock` says who holds the lock"))
    }

    /// Reads a blob, or so many bytes from a place on; `None` when it is not there.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn read(&self, name: &str, range: Option<(u64, u64)>) -> Result<Option<Vec<u8>>, CloudError> {
        let once = || async {
            let options = BlobClientDownloadOptions {
                range: range.map(|(from, length)| HttpRange::new(from, length)),
                ..Default::default()
            };
            let found = self.blob(name).download(Some(options)).await?;
            Ok(found.body.collect().await?.to_vec())
        };
        absent(self.patiently("GET", name, once).await)
    }

    /// Looks at a blob; `None` when it is not there.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn look(&self, name: &str) -> Result<Option<Seen>, CloudError> {
        let once = || async {
            let found = self.blob(name).get_properties(None).await?;
            let leased = matches!(found.lease_state()?, Some(LeaseState::Leased | LeaseState::Breaking));
            let metadata = found.metadata()?.into_iter().collect();
            let blocks = found.blob_committed_block_count()?.and_then(|count| u64::try_from(count).ok());
            let length = found.content_length()?.unwrap_or(0);
            Ok(Seen { length, blocks: blocks.unwrap_or(0), leased, metadata })
        };
        absent(self.patiently("HEAD", name, once).await)
    }

    /// All blobs whose names begin like this, by name.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, CloudError> {
        let once = || async {
            let options = BlobContainerClientListBlobsOptions {
                prefix: Some(prefix.to_owned()),
                include: Some(vec![ListBlobsIncludeItem::Metadata]),
                ..Default::default()
            };
            let items: Vec<_> = self.client.list_blobs(Some(options))?.try_collect().await?;
            let listed = items.into_iter().filter_map(|item| {
                let words = item.metadata.and_then(|metadata| metadata.values).unwrap_or_default();
                let length = item.properties.and_then(|about| about.content_length).unwrap_or(0);
                Some(Listed { name: item.name?, length, metadata: words.into_iter().collect() })
            });
            Ok(listed.collect())
        };
        self.patiently("LIST", prefix, once).await
    }

    /// Replaces the words kept with a blob; a leased one needs its lease.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn describe(
        &self,
        name: &str,
        words: &Metadata,
        lease: Option<&str>,
    ) -> Result<(), CloudError> {
        let words: HashMap<String, String> = words.clone().into_iter().collect();
        let once = || async {
            let options =
                BlobClientSetMetadataOptions { lease_id: lease.map(str::to_owned), ..Default::default() };
            self.blob(name).set_metadata(&words, Some(options)).await.map(|_| ())
        };
        self.patiently("PUT", name, once).await
    }

    /// Takes a lease of so many seconds (15 to 60) under an id of one's own; makes the blob when it is not there.
    /// `false` when somebody else holds one.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn lease(&self, name: &str, id: &str, seconds: u32) -> Result<bool, CloudError> {
        let once = || async {
            let options = BlobClientAcquireLeaseOptions {
                proposed_lease_id: Some(id.to_owned()),
                ..Default::default()
            };
            let seconds = i32::try_from(seconds).unwrap_or(60);
            self.blob(name).acquire_lease(seconds, Some(options)).await.map(|_| ())
        };
        let mut taken = self.patiently("LEASE", name, once).await;
        if taken.as_ref().is_err_and(|error| error.code == "BlobNotFound") {
            self.place(name).await?;
            taken = self.patiently("LEASE", name, once).await;
        }
        held(taken)
    }

    /// Renews a lease, once. `false` when it is no longer ours.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn renew(&self, name: &str, id: &str, limit: Duration) -> Result<bool, CloudError> {
        let client = self.blob(name);
        let sent = client.renew_lease(id.to_owned(), None);
        let renewed = within(limit.min(REQUEST), &self.label("RENEW", name), sent).await;
        match held(renewed.map(|_| ())) {
            Err(error) if error.code == "BlobNotFound" => Ok(false),
            other => other,
        }
    }

    /// Gives a lease back; one that is not ours any more is given back already.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn release(&self, name: &str, id: &str) -> Result<(), CloudError> {
        let once = || async { self.blob(name).release_lease(id.to_owned(), None).await.map(|_| ()) };
        held(self.patiently("RELEASE", name, once).await).map(|_| ())
    }

    /// Breaks whatever lease there is: from now on it cannot be renewed, and after so many seconds at the latest it
    /// is gone. Says how long that takes.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub async fn wrest(&self, name: &str, seconds: u32) -> Result<Duration, CloudError> {
        let once = || async {
            let period = i32::try_from(seconds).unwrap_or(60);
            let options = BlobClientBreakLeaseOptions { break_period: Some(period), ..Default::default() };
            let broken = self.blob(name).break_lease(Some(options)).await?;
            Ok(broken.lease_time()?.unwrap_or(0))
        };
        match self.patiently("BREAK", name, once).await {
            Ok(left) => Ok(Duration::from_secs(u64::try_from(left).unwrap_or(0))),
            Err(error)
                if matches!(error.code.as_str(), "LeaseNotPresentWithLeaseOperation" | "BlobNotFound") =>
            {
                Ok(Duration::ZERO)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes an empty blob to hang a lease on; one that is there stays as it is.
    async fn place(&self, name: &str) -> Result<(), CloudError> {
        let once = || async {
            let options =
                BlockBlobClientUploadOptions { if_none_match: Some("*".into()), ..Default::default() };
            let nothing = RequestContent::from(Vec::new());
            self.blob(name).block_blob_client().upload(nothing, Some(options)).await.map(|_| ())
        };
        match self.patiently("PUT", name, once).await {
            Err(error) if matches!(error.status, Some(409 | 412)) => Ok(()),
            placed => placed,
        }
    }

    fn blob(&self, name: &str) -> BlobClient {
        self.client.blob_client(name)
    }

    fn label(&self, verb: &str, name: &str) -> String {
        format!("{verb} {}/{name}", self.shown)
    }

    /// Sends a request that may be sent again whatever became of it, until it has an answer worth acting on.
    async fn patiently<T, F>(&self, verb: &str, name: &str, once: impl Fn() -> F) -> Result<T, CloudError>
    where
        F: Future<Output = azure_core::Result<T>>,
    {
        let label = self.label(verb, name);
        let mut patience = self.cloud.patience();
        loop {
            let error = match within(3 * REQUEST, &label, once()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => again(error),
            };
            if !patience.wait(&error).await {
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Config;

    fn cloud() -> Cloud {
        let env: crate::cloud::Env = Arc::new(|name| (name == "SAS").then(|| "?sig=s3cret".to_owned()));
        Cloud::new(Config { secret_env: env, ..Config::local("http://127.0.0.1:1") }).unwrap()
    }

    #[tokio::test]
    async fn a_signature_does_not_print() {
        let (cloud, place) = (cloud(), SecretRef::Env("SAS".into()));
        let container = cloud.container("http://127.0.0.1:1/acct/c", Some(&place)).await.unwrap();
        assert!(container.client.url().as_str().contains("sig=s3cret"));
        let error = container.renew("lock", "id", REQUEST).await.unwrap_err();
        assert_eq!((error.class, error.status), (Class::Unreachable, None));
        let told = format!("{container:?} {} {error} {error:?}", container.shown());
        assert!(!told.contains("s3cret"), "{told}");
    }

    #[tokio::test]
    async fn only_the_url_of_a_container_will_do() {
        let (cloud, place) = (cloud(), SecretRef::Env("SAS".into()));
        for (url, code) in [
            ("https://a.blob.core.windows.net/c", None),
            ("https://a.blob.core.windows.net/c/", None),
            ("http://127.0.0.1:1/acct/c", None),
            ("https://a.blob.core.windows.net", Some("InvalidUrl")),
            ("https://a.blob.core.windows.net/c/folder", Some("InvalidUrl")),
            ("https://a.blob.core.windows.net/c?sig=x", Some("InvalidUrl")),
            ("http://a.blob.core.windows.net/c", Some("UntrustedHost")),
            ("adxform", Some("InvalidUrl")),
        ] {
            let found = cloud.container(url, Some(&place)).await.err().map(|error| error.code);
            assert_eq!(found.as_deref(), code, "{url}");
        }
        let tokenless = cloud.container("https://a.blob.core.windows.net/c", None).await;
        assert_eq!(tokenless.unwrap_err().code, "UntrustedHost");
    }
}
