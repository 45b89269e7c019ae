//! Credentials: looked for in a fixed order, one kept once found.
//!
//! What a deployment was given on purpose (a service principal, a workload identity) is not passed over when it
//! fails; what a person may or may not have signed in to (the command-line tools) is.

use super::auth::{Issuer, Issuing, Token};
use super::config::{Config, Credential, Env};
use super::error::{Class, CloudError};
use super::retry::Again;
use super::trust::Trust;
use super::wire::{self, Clients};
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{
    ClientMethodOptions, ClientOptions, HttpClient, Method, Request, StatusCode, Transport, Url,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions, Executor,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions, new_executor,
};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where a virtual machine's metadata service answers.
///
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
const METADATA: &str = "http://169.254.169.254/metadata/instance?api-version=2021-02-01";

/// How long that service is given to show that it is there.
const PROBE: Duration = Duration::from_secs(1);

/// What GitHub's tokens for Entra are made out to.
const EXCHANGE: &str = "api://AzureADTokenExchange";

/// How a credential reaches a host.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// As any other host, through a proxy where one is set.
    Outside,
    /// Past every proxy.
    Direct,
}

type Reach = Box<dyn Fn(Way) -> Result<Arc<dyn HttpClient>, CloudError> + Send + Sync>;

/// Why a kind of credential gives no token.
enum Unusable {
    /// It is not set up here.
    Absent(String),
    /// It is set up, and wrong.
    Broken(CloudError),
}

/// The kinds of credential to try, in order, and the one that worked.
pub(super) struct Chain {
    order: Vec<Credential>,
    env: Env,
    login: Option<String>,
    tenant: Option<String>,
    client: Option<String>,
    reach: Reach,
    executor: Arc<dyn Executor>,
    chosen: Mutex<Option<(Credential, Arc<dyn TokenCredential>)>>,
}

impl Chain {
    pub(super) fn new(
        config: &Config,
        only: Option<Credential>,
        trust: &Trust,
        clients: &Arc<Clients>,
    ) -> Self {
        let (clients, connect) = (Arc::clone(clients), config.pace.connect);
        let reach: Reach = Box::new(move |way| match way {
            Way::Outside => Ok(Arc::new(clients.outside()?.clone()) as Arc<dyn HttpClient>),
            Way::Direct => Ok(Arc::new(wire::direct(connect)?) as Arc<dyn HttpClient>),
        });
        Self {
            order: only.map_or_else(|| Credential::ALL.to_vec(), |one| vec![one]),
            env: Arc::clone(&config.env),
            login: trust.login.clone(),
            tenant: config.tenant.clone(),
            client: config.client.clone(),
            reach,
            executor: new_executor(),
            chosen: Mutex::new(None),
        }
    }

    async fn token(&self, scope: &str) -> Result<Token, CloudError> {
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((kind, credential)) = chosen {
            return fetch(kind, &*credential, scope).await;
        }
        let mut tried = Vec::new();
        for &kind in &self.order {
            let credential = match self.make(kind).await {
                Ok(credential) => credential,
                Err(Unusable::Absent(why)) => {
                    tried.push((kind, why));
                    continue;
                }
                Err(Unusable::Broken(error)) => return Err(error),
            };
            match fetch(kind, &*credential, scope).await {
                Ok(token) => {
                    *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some((kind, credential));
                    return Ok(token);
                }
                Err(error) if self.order.len() > 1 && is_tool(kind) => tried.push((kind, bare(kind, &error))),
                Err(error) => return Err(error),
            }
        }
        Err(none(&tried))
    }

    async fn make(&self, kind: Credential) -> Result<Arc<dyn TokenCredential>, Unusable> {
        match kind {
            Credential::Environment => self.environment(),
            Credential::WorkloadIdentity => self.workload_identity(),
            Credential::GitHub => self.github(),
            Credential::ManagedIdentity => self.managed_identity().await,
            Credential::AzureCli => {
                let (executor, tenant_id) = (Some(Arc::clone(&self.executor)), self.tenant.clone());
                let options = AzureCliCredentialOptions { executor, tenant_id, ..Default::default() };
                made(kind, AzureCliCredential::new(Some(options)))
            }
            Credential::AzureDeveloperCli => {
                let (executor, tenant_id) = (Some(Arc::clone(&self.executor)), self.tenant.clone());
                let options = AzureDeveloperCliCredentialOptions { executor, tenant_id };
                made(kind, AzureDeveloperCliCredential::new(Some(options)))
            }
        }
    }

    fn environment(&self) -> Result<Arc<dyn TokenCredential>, Unusable> {
        let secret = self.var("AZURE_CLIENT_SECRET")?;
        let (tenant, client) = (self.tenant()?, self.client()?);
        let options = ClientSecretCredentialOptions { client_options: self.options(Way::Outside)? };
        let made_of = ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options));
        made(Credential::Environment, made_of)
    }

    fn workload_identity(&self) -> Result<Arc<dyn TokenCredential>, Unusable> {
        let file = self.var("AZURE_FEDERATED_TOKEN_FILE")?;
        let options = WorkloadIdentityCredentialOptions {
            tenant_id: Some(self.tenant()?),
            client_id: Some(self.client()?),
            token_file_path: Some(file.into()),
            credential_options: ClientAssertionCredentialOptions {
                client_options: self.options(Way::Outside)?,
            },
        };
        made(Credential::WorkloadIdentity, WorkloadIdentityCredential::new(Some(options)))
    }

    fn github(&self) -> Result<Arc<dyn TokenCredential>, Unusable> {
        let (url, bearer) =
            (self.var("ACTIONS_ID_TOKEN_REQUEST_URL")?, self.var("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
        let (tenant, client) = (self.tenant()?, self.client()?);
        let absent = || Unusable::Absent("ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL".to_owned());
        let mut url = Url::parse(&url).ok().filter(|url| url.scheme() == "https").ok_or_else(absent)?;
        url.query_pairs_mut().append_pair("audience", EXCHANGE);
        let client_of = (self.reach)(Way::Outside).map_err(Unusable::Broken)?;
        let job = Job { url, bearer: Secret::new(bearer), client: client_of };
        let options = ClientAssertionCredentialOptions { client_options: self.options(Way::Outside)? };
        made(Credential::GitHub, ClientAssertionCredential::new(tenant, client, job, Some(options)))
    }

    async fn managed_identity(&self) -> Result<Arc<dyn TokenCredential>, Unusable> {
        let client = (self.reach)(Way::Direct).map_err(Unusable::Broken)?;
        if self.var("IDENTITY_ENDPOINT").is_err() && self.var("MSI_ENDPOINT").is_err() {
            let url = Url::parse(METADATA).map_err(|error| Unusable::Absent(error.to_string()))?;
            // Without the header `Metadata: true` the service answers 400, which shows that it is there; a proxy
            // in between answers something else.
            let request = Request::new(url, Method::Get);
            let answer = tokio::time::timeout(PROBE, client.execute_request(&request)).await;
            if !matches!(answer, Ok(Ok(found)) if found.status() == StatusCode::BadRequest) {
                return Err(Unusable::Absent("this machine has none".to_owned()));
            }
        }
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: self.client().ok().map(UserAssignedId::ClientId),
            client_options: ClientOptions {
                transport: Some(Transport::new(client)),
                ..ClientOptions::default()
            },
        };
        made(Credential::ManagedIdentity, ManagedIdentityCredential::new(Some(options)))
    }

    fn var(&self, name: &str) -> Result<String, Unusable> {
        let value = (self.env)(name).filter(|value| !value.trim().is_empty());
        value.ok_or_else(|| Unusable::Absent(format!("{name} is not set")))
    }

    fn client(&self) -> Result<String, Unusable> {
        self.client.clone().map_or_else(|| self.var("AZURE_CLIENT_ID"), Ok)
    }

    fn tenant(&self) -> Result<String, Unusable> {
        self.tenant.clone().map_or_else(|| self.var("AZURE_TENANT_ID"), Ok)
    }

    fn options(&self, way: Way) -> Result<ClientOptions, Unusable> {
        let login = self.login.clone().ok_or_else(|| {
            let message = "where tokens for this control plane come from is not known";
            let error = CloudError::new(Class::Denied, "NoLogin", message, String::new());
            Unusable::Broken(error.hint("set `login` under `[azure]` in adxform.toml"))
        })?;
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = login;
        let transport = Some(Transport::new((self.reach)(way).map_err(Unusable::Broken)?));
        let cloud = Some(Arc::new(CloudConfiguration::Custom(cloud)));
        Ok(ClientOptions { transport, cloud, ..ClientOptions::default() })
    }
}

impl Issuer for Chain {
    fn issue<'a>(&'a self, scope: &'a str) -> Issuing<'a> {
        Box::pin(self.token(scope))
    }

    fn forget(&self) {
        // Credentials keep tokens of their own, so only a new one gives a new token.
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The identity of a GitHub Actions job.
///
/// <https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect>
struct Job {
    url: Url,
    bearer: Secret,
    client: Arc<dyn HttpClient>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

impl Job {
    async fn assertion(&self) -> azure_core::Result<String> {
        let mut request = Request::new(self.url.clone(), Method::Get);
        request.insert_header("authorization", format!("bearer {}", self.bearer.secret()));
        request.insert_header("accept", "application/json");
        let answer = self.client.execute_request(&request).await?.try_into_raw_response().await?;
        let json: serde_json::Value = serde_json::from_slice(answer.body().as_ref()).unwrap_or_default();
        let token = json.get("value").and_then(serde_json::Value::as_str);
        token.map(str::to_owned).ok_or_else(|| {
            let message = format!("GitHub gave no identity token but answered {}", answer.status());
            azure_core::Error::with_message(ErrorKind::Credential, message)
        })
    }
}

impl ClientAssertion for Job {
    fn secret<'a, 'b, 'c>(
        &'a self,
        _: Option<ClientMethodOptions<'b>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(self.assertion())
    }
}

const fn is_tool(kind: Credential) -> bool {
    matches!(kind, Credential::AzureCli | Credential::AzureDeveloperCli)
}

fn made<C: TokenCredential + 'static>(
    kind: Credential,
    credential: azure_core::Result<Arc<C>>,
) -> Result<Arc<dyn TokenCredential>, Unusable> {
    match credential {
        Ok(credential) => Ok(credential),
        Err(error) => Err(Unusable::Broken(failed(kind, &error))),
    }
}

async fn fetch(kind: Credential, credential: &dyn TokenCredential, scope: &str) -> Result<Token, CloudError> {
    let token = credential.get_token(&[scope], None).await.map_err(|error| failed(kind, &error))?;
    Ok(Token { secret: token.token.secret().to_owned().into(), expires: token.expires_on })
}

fn none(tried: &[(Credential, String)]) -> CloudError {
    let list: Vec<String> = tried.iter().map(|(kind, why)| format!("{kind} ({why})")).collect();
    let message = format!("no credentials for Azure were found; tried {}", list.join(", "));
    let hint = match tried {
        [_] => "set up that kind of credential, or let adxform look for another",
        _ => {
            "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; `--local` needs no account"
        }
    };
    CloudError::new(Class::Denied, "NoCredentials", message, String::new()).hint(hint)
}

fn prefix(kind: Credential) -> String {
    format!("signing in ({kind}) failed: ")
}

/// What a failed sign-in says, for a list that names its kind already.
fn bare(kind: Credential, error: &CloudError) -> String {
    error.message.strip_prefix(&prefix(kind)).unwrap_or(&error.message).to_owned()
}

/// The error of a credential that was found and gave no token.
fn failed(kind: Credential, error: &azure_core::Error) -> CloudError {
    let whole = error.to_string();
    let said = whole.split("\nTo troubleshoot").next().unwrap_or_default();
    let said = said.split_once("authentication failed.").map_or(said, |(_, said)| said);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cause: &(dyn std::error::Error + 'static) = error;
    let mut unreachable = false;
    loop {
        if let Some(inner) = cause.downcast_ref::<azure_core::Error>() {
            unreachable |= matches!(inner.kind(), ErrorKind::Connection | ErrorKind::Io);
        }
        match cause.source() {
            Some(next) => cause = next,
            None => break,
        }
    }
    if unreachable {
        let message = format!("the host that signs in ({kind}) cannot be reached: {cause}");
        return CloudError::new(Class::Unreachable, "Unreachable", message, String::new())
            .hint("check the network, and any proxy in between")
            .again(Again::Unreachable);
    }
    let message = format!("{}{said}", prefix(kind));
    CloudError::new(Class::Denied, code(&said), message, String::new()).hint(remedy(kind, &said))
}

/// The directory's code in a message, such as `AADSTS90002`.
///
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
fn code(said: &str) -> &str {
    let Some(start) = said.find("AADSTS") else { return "SignIn" };
    let digits = said[start + 6..].bytes().take_while(u8::is_ascii_digit).count();
    &said[start..start + 6 + digits]
}

fn remedy(kind: Credential, said: &str) -> String {
    let remedy = match code(said) {
        "AADSTS90002" | "AADSTS900023" | "AADSTS50020" => {
            "check AZURE_TENANT_ID: there is no such tenant, or the identity is not in it"
        }
        "AADSTS700016" => {
            "check AZURE_CLIENT_ID and AZURE_TENANT_ID: the tenant does not know the application"
        }
        "AADSTS7000215" => "check AZURE_CLIENT_SECRET: it must be the secret's value, not its id",
        "AADSTS7000222" => "the client secret has expired: make a new one and set AZURE_CLIENT_SECRET",
        "AADSTS70021" | "AADSTS700213" => "add a federated credential with this subject to the application",
        _ => match kind {
            Credential::AzureCli => "run `az login`",
            Credential::AzureDeveloperCli => "run `azd auth login`",
            Credential::ManagedIdentity => {
                "assign an identity to this machine, and set AZURE_CLIENT_ID for a user-assigned one"
            }
            Credential::GitHub => "give the job `permissions: id-token: write`",
            Credential::Environment | Credential::WorkloadIdentity => {
                "check AZURE_TENANT_ID, AZURE_CLIENT_ID and what goes with them"
            }
        },
    };
    remedy.to_owned()
}

#[cfg(test)]
mod tests;
