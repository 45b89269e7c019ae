//! A server that says what it is told to, one connection a request, and can break off at every point.

use serde_json::Value as Json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The headers of requests that a transcript shows.
const SHOWN: [&str; 3] = ["if-match", "if-none-match", "authorization"];

pub(crate) type Lines = Arc<Mutex<Vec<String>>>;

pub(crate) struct Server {
    pub(crate) url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(replies: Vec<Json>, lines: Lines) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script { url: url.clone(), queue: Mutex::new(replies.into()), lines });
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(Arc::clone(&script).serve(stream));
            }
        });
        Self { url, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Script {
    url: String,
    queue: Mutex<VecDeque<Json>>,
    lines: Lines,
}

impl Script {
    fn next(&self, request: &str) -> Json {
        let mut queue = self.queue.lock().unwrap();
        let to = |reply: &Json| reply["to"].as_str().is_none_or(|to| request.contains(to));
        let Some(at) = queue.iter().position(to) else {
            return serde_json::json!({"status": 418, "text": "no reply is scripted"});
        };
        if queue[at].get("to").is_some() { queue[at].clone() } else { queue.remove(at).unwrap() }
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let unread = self.queue.lock().unwrap().front().is_some_and(|reply| reply["drop"] == "unread");
        if unread {
            self.queue.lock().unwrap().pop_front();
            self.lines.lock().unwrap().push("> (a connection, closed at once)".to_owned());
            return;
        }
        let Some(request) = read(&mut stream).await else { return };
        self.lines.lock().unwrap().push(format!("> {request}").replace(&self.url, "{server}"));
        let reply = self.next(&request);
        if reply["drop"] == "read" {
            return;
        }
        if reply["stall"] == true {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            return;
        }
        let mut body = body(&reply);
        body = String::from_utf8(body.clone())
            .map_or(body, |text| text.replace("{server}", &self.url).into_bytes());
        let length = body.len() + if reply["cut"] == true { 10 } else { 0 };
        let mut head = format!(
            "HTTP/1.1 {} Status\r\nconnection: close\r\ncontent-length: {length}\r\n",
            reply["status"]
        );
        for (name, value) in reply["headers"].as_object().into_iter().flatten() {
            head.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap().replace("{server}", &self.url)));
        }
        let _ = stream.write_all(format!("{head}\r\n").as_bytes()).await;
        let _ = stream.write_all(&body).await;
        let _ = stream.shutdown().await;
    }
}

fn body(reply: &Json) -> Vec<u8> {
    if let Some(text) = reply["text"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(hex) = reply["hex"].as_str() {
        return (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
    }
    reply.get("json").map(Json::to_string).unwrap_or_default().into_bytes()
}

/// One request as a line: verb, target, the headers that matter, and the body.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
        }
    };
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let length: usize = header("content-length").map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < length {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    }
    let mut line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    for (name, value) in SHOWN.iter().filter_map(|name| header(name)) {
        if value != "Bearer local-emulator" {
            line.push_str(&format!(" {name}={value}"));
        }
    }
    let body = String::from_utf8(bytes).unwrap();
    let command = serde_json::from_str::<Json>(&body).ok().filter(|json| json.get("csl").is_some());
    match command {
        Some(json) => line.push_str(&format!(" {}: {}", json["db"], json["csl"])),
        None if body.is_empty() => {}
        None => line.push_str(&format!(" {body}")),
    }
    Some(line)
}
