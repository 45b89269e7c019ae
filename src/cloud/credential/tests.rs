//! Each case: an environment, what hosts and tools answer, and the one line that comes of it.

use super::*;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, StatusCode};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

const TENANT: &str = "22222222-2222-2222-2222-222222222222";
const SCOPE: &str = "https://management.azure.com/.default";

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Hosts by the beginning of their URLs, with status and body; any other host cannot be reached.
#[derive(Debug, Default)]
struct Hosts {
    answers: BTreeMap<&'static str, (u16, String)>,
    asked: Mutex<Vec<String>>,
}

impl HttpClient for Hosts {
    fn execute_request<'a, 'b, 'c>(
        &'a self,
        request: &'b Request,
    ) -> Boxed<'c, azure_core::Result<AsyncRawResponse>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let body = if let Body::Bytes(bytes) = request.body() {
            String::from_utf8_lossy(bytes).into()
        } else {
            String::new()
        };
        self.asked.lock().unwrap().push(format!("{} {body}", request.url()));
        let found = self.answers.iter().find(|(url, _)| request.url().as_str().starts_with(**url));
        let answer = match found {
            Some((_, (status, body))) => {
                let status = StatusCode::from(*status);
                Ok(AsyncRawResponse::from_bytes(status, Headers::default(), body.clone()))
            }
            None => Err(azure_core::Error::with_message(ErrorKind::Connection, "no route to host")),
        };
        Box::pin(async move { answer })
    }
}

/// Command-line tools by a word of their command, with exit code, output and complaint.
#[derive(Debug, Default)]
struct Tools(BTreeMap<&'static str, (i32, String, String)>);

impl Executor for Tools {
    fn run<'a, 'b, 'c, 'd, 'e>(
        &'a self,
        _: &'b OsStr,
        args: &'c [&'d OsStr],
    ) -> Boxed<'e, std::io::Result<Output>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
        'd: 'e,
        Self: 'e,
    {
        let command = args.last().map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default();
        let found = self.0.iter().find(|(tool, _)| command.contains(&format!("&& {tool} ")));
        let (code, out, complaint) =
            found.map_or((127, String::new(), String::new()), |(_, answer)| answer.clone());
        let status = ExitStatus::from_raw(code << 8);
        Box::pin(
            async move { Ok(Output { status, stdout: out.into_bytes(), stderr: complaint.into_bytes() }) },
        )
    }
}

#[derive(Default)]
struct Case {
    env: &'static [(&'static str, &'static str)],
    only: Option<Credential>,
    tenant: Option<&'static str>,
    hosts: &'static [(&'static str, u16, &'static str)],
    tools: &'static [(&'static str, i32, &'static str, &'static str)],
}

impl Case {
    /// The token, or the error with its remedy; and what the hosts were asked.
    async fn play(self) -> (String, Vec<String>) {
        let answers = self.hosts.iter().map(|(url, status, body)| (*url, (*status, (*body).to_owned())));
        let hosts = Arc::new(Hosts { answers: answers.collect(), asked: Mutex::default() });
        let tools = self
            .tools
            .iter()
            .map(|(tool, code, out, complaint)| (*tool, (*code, (*out).to_owned(), (*complaint).to_owned())));
        let env: BTreeMap<&str, &str> = self.env.iter().copied().collect();
        let reached = Arc::clone(&hosts);
        let chain = Chain {
            order: self.only.map_or_else(|| Credential::ALL.to_vec(), |one| vec![one]),
            env: Arc::new(move |name| env.get(name).map(|value| (*value).to_owned())),
            login: Some("https://login.microsoftonline.com".to_owned()),
            tenant: self.tenant.map(str::to_owned),
            client: None,
            reach: Box::new(move |_| Ok(Arc::<Hosts>::clone(&reached) as Arc<dyn HttpClient>)),
            executor: Arc::new(Tools(tools.collect())),
            chosen: Mutex::new(None),
        };
        let line = match chain.issue(SCOPE).await {
            Ok(token) => format!("token {}", token.secret.expose_secret()),
            Err(error) => {
                format!(
                    "{:?} {}: {} | {}",
                    error.class,
                    error.code,
                    error.message,
                    error.hint.unwrap_or_default()
                )
            }
        };
        let asked = hosts.asked.lock().unwrap().clone();
        (line, asked)
    }
}

const SECRET: &[(&str, &str)] =
    &[("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", "s3cret")];
const LOGIN: &str =
    "https://login.microsoftonline.com/22222222-2222-2222-2222-222222222222/oauth2/v2.0/token";
const GRANTED: &str =
    r#"{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":"t1"}"#;

#[tokio::test(start_paused = true)]
async fn nothing_is_found() {
    let (line, _) = Case::default().play().await;
    assert_eq!(
        line,
        "Denied NoCredentials: no credentials for Azure were found; tried environment (AZURE_CLIENT_SECRET is not set), \
         workload-identity (AZURE_FEDERATED_TOKEN_FILE is not set), github (ACTIONS_ID_TOKEN_REQUEST_URL is not set), \
         managed-identity (this machine has none), azure-cli (az not found on PATH), azd (azd not found on PATH) \
         | run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; `--local` needs no account"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_principal_signs_in() {
    let (line, asked) = Case { env: SECRET, hosts: &[(LOGIN, 200, GRANTED)], ..Case::default() }.play().await;
    assert_eq!(line, "token t1");
    let scope = "scope=https%3A%2F%2Fmanagement.azure.com%2F.default";
    assert_eq!(
        asked,
        [format!("{LOGIN} client_id=app&client_secret=s3cret&grant_type=client_credentials&{scope}")]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_set_on_purpose_is_not_passed_over() {
    let az: &[_] = &[("az", 0, r#"{"accessToken":"cli","expires_on":4102444800,"tokenType":"Bearer"}"#, "")];
    for (status, body, expected) in [
        (
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}"#,
            "Denied AADSTS7000215: signing in (environment) failed: AADSTS7000215: Invalid client secret provided. | check \
             AZURE_CLIENT_SECRET: it must be the secret's value, not its id",
        ),
        (
            400,
            r#"{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'x' not found.","error_codes":[90002]}"#,
            "Denied AADSTS90002: signing in (environment) failed: AADSTS90002: Tenant 'x' not found. | check \
             AZURE_TENANT_ID: there is no such tenant, or the identity is not in it",
        ),
    ] {
        let hosts: &'static [_] = Box::leak(Box::new([(LOGIN, status, body)]));
        let (line, _) = Case { env: SECRET, hosts, tools: az, ..Case::default() }.play().await;
        assert_eq!(line, expected);
    }
    let (line, _) = Case { env: SECRET, tools: az, ..Case::default() }.play().await;
    assert_eq!(
        line,
        "Unreachable Unreachable: the host that signs in (environment) cannot be reached: no route to host \
         | check the network, and any proxy in between"
    );
}

#[tokio::test(start_paused = true)]
async fn tools_are_tried_one_after_the_other() {
    let az = ("az", 1, "", "ERROR: Please run 'az login' to setup account.");
    let azd = ("azd", 0, r#"{"token":"dev","expiresOn":"2099-01-01T00:00:00Z"}"#, "");
    let tools: &'static [_] = Box::leak(Box::new([az, azd]));
    assert_eq!(Case { tools, ..Case::default() }.play().await.0, "token dev");
    let only = Some(Credential::AzureCli);
    assert_eq!(
        Case { tools, only, ..Case::default() }.play().await.0,
        "Denied SignIn: signing in (azure-cli) failed: ERROR: Please run 'az login' to setup account. | run `az login`"
    );
    let (line, _) = Case { only: Some(Credential::Environment), ..Case::default() }.play().await;
    assert_eq!(
        line,
        "Denied NoCredentials: no credentials for Azure were found; tried environment (AZURE_CLIENT_SECRET is not set) \
         | set up that kind of credential, or let adxform look for another"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_of_github_exchanges_its_identity() {
    let env = &[
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://pipelines.example/token?api=1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job"),
        ("AZURE_CLIENT_ID", "app"),
    ];
    let hosts = &[("https://pipelines.example/", 200, r#"{"value":"jwt"}"#), (LOGIN, 200, GRANTED)];
    let (line, asked) = Case { env, hosts, tenant: Some(TENANT), ..Case::default() }.play().await;
    assert_eq!(line, "token t1");
    assert_eq!(asked[0], "https://pipelines.example/token?api=1&audience=api%3A%2F%2FAzureADTokenExchange ");
    assert!(asked[1].contains("client_assertion=jwt&"), "{}", asked[1]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_has_an_identity() {
    const TOKEN: &str =
        r#"{"access_token":"mi","expires_on":"4102444800","resource":"r","token_type":"Bearer"}"#;
    let hosts = &[
        ("http://169.254.169.254/metadata/instance", 400, r#"{"error":"Bad request"}"#),
        ("http://169.254.169.254/metadata/identity/oauth2/token", 200, TOKEN),
    ];
    let (line, asked) =
        Case { env: &[("AZURE_CLIENT_ID", "user-assigned")], hosts, ..Case::default() }.play().await;
    assert_eq!(line, "token mi");
    let last = asked.last().unwrap();
    assert!(last.contains("resource=https%3A%2F%2Fmanagement.azure.com&client_id=user-assigned"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_workload_has_a_token_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "federated").unwrap();
    let path: &'static str = Box::leak(file.path().to_string_lossy().into_owned().into_boxed_str());
    let env: &'static [_] = Box::leak(Box::new([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_FEDERATED_TOKEN_FILE", path),
    ]));
    let (line, asked) = Case { env, hosts: &[(LOGIN, 200, GRANTED)], ..Case::default() }.play().await;
    assert_eq!(line, "token t1");
    assert!(asked[0].contains("client_assertion=federated&"), "{}", asked[0]);
}
