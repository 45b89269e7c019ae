//! A case as a whole: virtual time, tokens in order, and the transcript.

use super::calls;
use super::server::{Lines, Server};
use adxform::cloud::{Auth, Clock, Cloud, CloudError, Config, Issuer, Issuing, Pace, Token};
use serde_json::Value as Json;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::OffsetDateTime;

/// How long the tokens of a case hold, in seconds.
const TOKEN: i64 = 3600;

/// Time that passes only in waits, and by a nanosecond whenever somebody looks, so that order shows.
#[derive(Default)]
pub(crate) struct Virtual(AtomicU64);

impl Virtual {
    pub(crate) fn advance(&self, length: Duration) {
        self.0.fetch_add(u64::try_from(length.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Virtual {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.elapsed()
    }

    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.advance(length);
        Box::pin(tokio::task::yield_now())
    }
}

/// Gives out `token-1`, `token-2` and so on, each for one scope.
struct Numbered {
    clock: Arc<Virtual>,
    count: AtomicU64,
    lines: Lines,
}

impl Issuer for Numbered {
    fn issue<'a>(&'a self, scope: &'a str) -> Issuing<'a> {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        self.lines.lock().unwrap().push(format!(". token-{number} is asked for {scope}"));
        let expires = self.clock.now() + time::Duration::seconds(TOKEN);
        Box::pin(async move { Ok(Token { secret: format!("token-{number}").into(), expires }) })
    }
}

pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) clock: Arc<Virtual>,
    pub(crate) server: String,
    pub(crate) lines: Lines,
}

impl World {
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        self.lines.lock().unwrap().push(line.as_ref().replace(&self.server, "{server}"));
    }
}

/// Runs a case and returns its transcript.
pub(crate) fn run(script: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(play(script))
}

async fn play(script: &str) -> String {
    let (mut with, mut calls, mut replies) = (Json::Null, Vec::new(), Vec::new());
    for line in script.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (word, json) = line.split_once(' ').unwrap();
        let json: Json = serde_json::from_str(json).unwrap_or_else(|why| panic!("{why} in {line}"));
        match word {
            "with" => with = json,
            "call" => calls.push(json),
            "reply" => replies.push(json),
            other => panic!("`{other}` is not a word of transcripts"),
        }
    }
    let lines = Lines::default();
    let server = Server::start(replies, Arc::clone(&lines)).await;
    let clock = Arc::new(Virtual::default());
    let url = if with["refused"] == true { closed_port().await } else { server.url.clone() };
    match Cloud::new(config(&with, &url, &clock, &lines)) {
        Ok(cloud) => {
            let world = World { cloud, clock, server: url.clone(), lines: Arc::clone(&lines) };
            for call in &calls {
                calls::make(&world, call).await;
            }
        }
        Err(error) => lines.lock().unwrap().push(told(&error)),
    }
    let lines: Vec<String> = lines.lock().unwrap().drain(..).collect();
    lines.join("\n").replace(&url, "{server}") + "\n"
}

fn config(with: &Json, url: &str, clock: &Arc<Virtual>, lines: &Lines) -> Config {
    let mut config = Config::local(url);
    config.pace = Pace::azure();
    if with["pace"] == "local" {
        config.pace = Pace::local();
    }
    if let Some(millis) = with["timeout"].as_u64() {
        config.pace.arm = Duration::from_millis(millis);
    }
    if with["tokens"] == true {
        let (clock, lines) = (Arc::clone(clock), Arc::clone(lines));
        config.auth = Auth::Issued(Arc::new(Numbered { clock, count: AtomicU64::new(0), lines }));
        config.trusted = vec!["127.0.0.1".to_owned()];
    }
    config.clock = Arc::<Virtual>::clone(clock);
    config.jitter = Arc::new(|| 1.0);
    let lines: Arc<Mutex<Vec<String>>> = Arc::clone(lines);
    config.progress = Arc::new(move |waiting| {
        let seconds = waiting.length.as_millis() as f64 / 1000.0;
        lines.lock().unwrap().push(format!(". {seconds} s for {}", waiting.what));
    });
    config
}

/// An address at which nobody listens.
async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// An error with everything in it.
pub(crate) fn told(error: &CloudError) -> String {
    let mut error = error.clone();
    // How a connection breaks off is for the operating system to say.
    if let Some((what, _)) = error.message.split_once(" was lost: ") {
        error.message = format!("{what} was lost: …");
    }
    let hint = error.hint.as_deref().map(|hint| format!(" | {hint}")).unwrap_or_default();
    format!("= {:?}: {error}{hint}", error.class)
}
