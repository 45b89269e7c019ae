//! A team's journals in storage that is opened by tokens: the binary against Azurite over https, where the certificate is
//! vouched for by an authority that only this machine's settings know, and a managed identity gives the tokens.

use crate::azurite::Azurite;
use crate::support::root;
use crate::world::World;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// What the identity is asked with, so that nobody else's pages are taken for it.
const HEADER: &str = "the header of the identity";

/// What the identity was asked for, and how many seconds from now its tokens end.
#[derive(Debug, Default)]
struct Identity {
    asked: Mutex<Vec<String>>,
    lasts: Mutex<i64>,
}

/// A token without a signature: Azurite looks at whom it is made out to, by whom, and when.
fn token(audience: &str, from: i64, to: i64) -> String {
    let claims = json!({
        "aud": audience, "iss": "https://sts.windows-ppe.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
        "iat": from, "nbf": from, "exp": to,
    });
    let part = |value: &Value| base64(value.to_string().as_bytes());
    format!("{}.{}.c2ln", part(&json!({"typ": "JWT", "alg": "RS256"})), part(&claims))
}

/// As tokens are written: without padding, and fit for URLs.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, at| word << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        (0..=three.len()).for_each(|at| text.push(char::from(LETTERS[word >> (18 - 6 * at) & 63])));
    }
    text
}

/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
async fn identify(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    assert_eq!(headers.get("x-identity-header").unwrap(), HEADER);
    let resource = query["resource"].clone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let lasts = *identity.lasts.lock().unwrap();
    let token = token(&resource, now - 86_400, now + lasts);
    identity.asked.lock().unwrap().push(resource.clone());
    Json(
        json!({"access_token": token, "expires_on": (now + 86_400).to_string(), "resource": resource, "token_type": "Bearer"}),
    )
}

/// A machine in Azure with an identity of its own.
struct Machine {
    folder: TempDir,
    identity: Arc<Identity>,
    endpoint: String,
}

impl Machine {
    async fn new(azurite: &Azurite, world: &World) -> Self {
        let identity = Arc::new(Identity { lasts: Mutex::new(3600), ..Identity::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/token", listener.local_addr().unwrap());
        let router = Router::new().route("/token", get(identify)).with_state(Arc::clone(&identity));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(root().join("tests/product/pairs/before.yaml"), folder.path().join("adx.yaml"))
            .unwrap();
        let settings = format!(
            "[azure]\narm = \"{}\"\ntrusted-hosts = [\"127.0.0.1\"]\n[auth]\nmethod = \"managed-identity\"\n\
             [journal]\ncontainer = \"{}\"\nlease = \"15s\"\n",
            world.emulator.arm_url(),
            azurite.url
        );
        std::fs::write(folder.path().join("adxform.toml"), settings).unwrap();
        Self { folder, identity, endpoint }
    }

    /// Runs the tool; gives its exit code and everything it said.
    async fn run(&self, words: &[&str], authority: Option<&Path>) -> (Option<i32>, String) {
        let mut command = Command::new(crate::support::binary());
        command.args(words).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("IDENTITY_ENDPOINT", &self.endpoint).env("IDENTITY_HEADER", HEADER);
        command.env("USER", "anna").env("HOSTNAME", "desk-7");
        command.envs(authority.map(|authority| ("SSL_CERT_FILE", authority)));
        let output = spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("eyJ"), "a token was printed: {said}");
        (output.status.code(), said)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_open_the_storage_of_a_team() {
    let Some(azurite) = Azurite::secure("tokens_open_the_storage_of_a_team") else { return };
    let world = World::new(None).await;
    let machine = Machine::new(&azurite, &world).await;
    let known = Some(azurite.authority());
    for (words, code, wanted) in [
        (&["apply", "-y"][..], 0, "Proved: live is as planned"),
        (&["show"], 0, "live was proved to be as planned"),
        (&["unlock"], 0, "Nobody holds the lock"),
        (&["rollback", "-y", "--allow-data-loss", "irreversible"], 0, "Proved"),
        (&["plan", "--detailed-exitcode"], 2, "to add"),
    ] {
        let (found, said) = machine.run(words, known).await;
        assert!(found == Some(code) && said.contains(wanted), "{words:?}: {found:?} {said}");
    }
    let asked = machine.identity.asked.lock().unwrap().clone();
    assert!(
        asked.iter().any(|resource| resource.trim_end_matches('/') == "https://storage.azure.com"),
        "{asked:?}"
    );
    // Nobody vouches for the certificate.
    let (found, said) = machine.run(&["apply", "-y"], None).await;
    assert!(found == Some(1) && said.contains("SSL_CERT_FILE"), "{found:?} {said}");
    // The service does not take a token that is over.
    *machine.identity.lasts.lock().unwrap() = -10;
    let (found, said) = machine.run(&["apply", "-y"], known).await;
    assert!(found == Some(1) && said.contains("AuthenticationFailed"), "{found:?} {said}");
    world.emulator.stop().await;
}
