//! What a program asks the emulator: every request in between, counted, with what it waited for.
//!
//! It stands between the program and the emulator, for each of the emulator's ports on a port of its own, and writes
//! its own ports into what passes.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// One request as it was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The method.
    pub method: String,
    /// The emulator's own address.
    pub url: String,
    /// The headers that matter to the emulator.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The position of its beginning among all beginnings and ends.
    pub started: u64,
    /// The position of its end, likewise.
    pub ended: u64,
    /// How many requests it waited for, one after the other, itself included.
    pub depth: usize,
}

#[derive(Default)]
struct Book {
    asked: Vec<Asked>,
    order: u64,
    /// The emulator's origins, by ours.
    origins: BTreeMap<String, String>,
}

/// A recorder that is serving.
#[derive(Clone)]
pub(crate) struct Recorder {
    book: Arc<Mutex<Book>>,
    client: reqwest::Client,
}

#[derive(Clone)]
struct Door {
    recorder: Recorder,
    upstream: String,
}

impl Recorder {
    /// Serves in front of an emulator; the address to give to the program.
    pub(crate) async fn start(emulator: &str) -> std::io::Result<(Self, String)> {
        let client = client().map_err(std::io::Error::other)?;
        let recorder = Self { book: Arc::default(), client };
        let own = recorder.door(emulator).await?;
        Ok((recorder, own))
    }

    /// Forgets what was asked so far, and returns it in the order in which it was asked.
    pub(crate) fn take(&self) -> Vec<Asked> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asked = std::mem::take(&mut book.asked);
        drop(book);
        asked.sort_by_key(|asked| asked.started);
        for at in 0..asked.len() {
            let started = asked[at].started;
            let before = asked[..at].iter().filter(|before| before.ended < started);
            asked[at].depth = 1 + before.map(|before| before.depth).max().unwrap_or(0);
        }
        asked
    }

    // Boxed, because what is served at a door may open another one.
    fn door<'a>(
        &'a self,
        upstream: &'a str,
    ) -> Pin<Box<dyn Future<Output = std::io::Result<String>> + Send + 'a>> {
        Box::pin(self.opened(upstream))
    }

    async fn opened(&self, upstream: &str) -> std::io::Result<String> {
        let known = {
            let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            book.origins.iter().find(|(_, theirs)| *theirs == upstream).map(|(ours, _)| ours.clone())
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = format!("http://{}", listener.local_addr()?);
        let door = Door { recorder: self.clone(), upstream: upstream.to_owned() };
        let router = Router::new().fallback(pass).with_state(door);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.origins.insert(own.clone(), upstream.to_owned());
        Ok(own)
    }

    fn tick(&self) -> u64 {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.order += 1;
        book.order
    }

    /// A text with the emulator's addresses in place of ours.
    fn theirs(&self, text: &str) -> String {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.origins.iter().fold(text.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs))
    }

    /// A text with our addresses in place of the emulator's.
    async fn ours(&self, text: String) -> std::io::Result<String> {
        const LOCAL: &str = "http://127.0.0.1:";
        let mut found: Vec<String> = Vec::new();
        for (at, _) in text.match_indices(LOCAL) {
            let port: String = text[at + LOCAL.len()..].chars().take_while(char::is_ascii_digit).collect();
            let origin = format!("{LOCAL}{port}");
            if !port.is_empty() && !found.contains(&origin) {
                found.push(origin);
            }
        }
        let mut text = text;
        for origin in found {
            text = text.replace(&origin, &self.door(&origin).await?);
        }
        Ok(text)
    }
}

async fn pass(State(door): State<Door>, request: Request<Body>) -> Response<Body> {
    let answer = door.pass(request).await;
    answer.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = axum::http::StatusCode::BAD_GATEWAY;
        response
    })
}

impl Door {
    async fn pass(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let body = self.recorder.theirs(std::str::from_utf8(&body)?);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", self.upstream);
        let headers = kept(&parts.headers);
        let started = self.recorder.tick();
        let mut sent = self.recorder.client.request(parts.method.clone(), &url).body(body.clone());
        for (name, value) in &headers {
            sent = sent.header(name, self.recorder.theirs(value));
        }
        let answer = sent.send().await?;
        let (status, given) = (answer.status(), answer.headers().clone());
        let bytes: Bytes = answer.bytes().await?;
        let ended = self.recorder.tick();
        let method = parts.method.to_string();
        let asked = Asked { method, url, headers, body, started, ended, depth: 0 };
        self.recorder.book.lock().unwrap_or_else(PoisonError::into_inner).asked.push(asked);
        // Only answers of the control plane hold addresses, and theirs are small.
        let bytes = match std::str::from_utf8(&bytes) {
            Ok(text) if bytes.len() < 1 << 20 => Bytes::from(self.recorder.ours(text.to_owned()).await?),
            _ => bytes,
        };
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = status;
        for (name, value) in &given {
            let hop = [
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
                header::CONTENT_ENCODING,
                header::CONNECTION,
            ];
            if !hop.contains(name) {
                let value = self.recorder.ours(value.to_str()?.to_owned()).await?;
                response.headers_mut().append(name, value.parse()?);
            }
        }
        Ok(response)
    }
}

/// The headers to be sent on: not those of the connection, nor what is made again.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let own = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::ACCEPT_ENCODING,
    ];
    let kept = headers.iter().filter(|(name, _)| !own.contains(name));
    kept.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

/// A client for this machine.
///
/// # Errors
/// When the library cannot make one.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build()
}
