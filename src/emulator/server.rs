//! Sockets: one loopback listener for the control plane and one for each cluster, with the request log, latency
//! and faults around both.
//!
//! Invariant: a lost reply is a closed connection, never half an answer
//! (test: `tests/wire.rs`, `a_lost_reply_had_its_effect`).

use super::faults::{Exchange, Fault, Faults};
use super::log::Log;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The longest request body that is read.
const LONGEST_BODY: usize = 64 << 20;

/// What every exchange passes through.
pub(crate) struct Front {
    pub(crate) log: Log,
    pub(crate) faults: Faults,
    pub(crate) latency: Duration,
}

/// The failure a fault asks of the operation that this request begins.
#[derive(Debug, Clone)]
pub(crate) struct FailOperation {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Cuts one connection: once set, nothing more is written to it or read from it.
#[derive(Debug, Clone, Default)]
struct Cut(Arc<AtomicBool>);

struct Gated {
    stream: TcpStream,
    cut: Cut,
}

impl Gated {
    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.cut.0.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct GatedListener(TcpListener);

impl Listener for GatedListener {
    type Io = Gated;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Gated, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // An answer is small and complete: waiting to fill a packet would only add latency.
        let _ = stream.set_nodelay(true);
        (Gated { stream, cut: Cut::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, GatedListener>> for Cut {
    fn connect_info(stream: IncomingStream<'_, GatedListener>) -> Self {
        stream.io().cut.clone()
    }
}

/// Which plane a listener serves.
#[derive(Debug, Clone)]
pub(crate) enum Plane {
    Arm,
    Kusto { cluster: String },
}

#[derive(Clone)]
struct Watch {
    front: Arc<Front>,
    plane: Plane,
}

/// Serves `router` on `listener` until `stop`; the task ends when the last connection has.
///
/// # Errors
/// When the socket cannot be handed to the runtime.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    router: axum::Router,
    front: Arc<Front>,
    plane: Plane,
    stop: CancellationToken,
) -> io::Result<tokio::task::JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let listener = GatedListener(TcpListener::from_std(listener)?);
    let service = router
        .layer(from_fn_with_state(Watch { front, plane }, exchange))
        .into_make_service_with_connect_info::<Cut>();
    Ok(tokio::spawn(async move {
        let _ = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
    }))
}

/// One exchange: log, fault, latency, effect, reply.
async fn exchange(State(watch): State<Watch>, request: Request, next: Next) -> Response {
    let cut = request.extensions().get::<ConnectInfo<Cut>>().map(|info| info.0.clone()).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LONGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let mut exchange = describe(&watch.plane, &parts.method, &parts.uri, &bytes);
    watch.front.log.begin(&mut exchange);
    let fault = watch.front.faults.decide(&exchange);
    tokio::time::sleep(watch.front.latency).await;
    let mut request = Request::from_parts(parts, Body::from(bytes));
    let mut lose = false;
    match fault {
        Fault::None => {}
        Fault::Refuse { status, headers, body } => {
            watch.front.log.end(exchange.number, Some(status));
            return refusal(status, &headers, &body);
        }
        Fault::ReplaceReply { status, headers, body } => {
            next.run(request).await;
            watch.front.log.end(exchange.number, Some(status));
            return refusal(status, &headers, &body);
        }
        Fault::LoseReply => lose = true,
        Fault::DropBefore => {
            watch.front.log.end(exchange.number, None);
            cut.0.store(true, Ordering::Release);
            return plain(StatusCode::OK);
        }
        Fault::Delay(time) => tokio::time::sleep(time).await,
        Fault::FailOperation { code, message } => {
            request.extensions_mut().insert(FailOperation { code, message });
        }
    }
    let response = next.run(request).await;
    watch.front.log.end(exchange.number, Some(response.status().as_u16()));
    if lose {
        cut.0.store(true, Ordering::Release);
    }
    response
}

fn describe(plane: &Plane, method: &Method, uri: &axum::http::Uri, body: &Bytes) -> Exchange {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let (plane, cluster) = match plane {
        Plane::Arm => ("arm", None),
        Plane::Kusto { cluster } => ("kusto", Some(cluster.clone())),
    };
    let csl = cluster.is_some().then(|| serde_json::from_slice::<serde_json::Value>(body).ok()).flatten();
    let csl = csl.and_then(|body| body.get("csl").and_then(|csl| csl.as_str()).map(str::to_owned));
    let is_write = match &csl {
        Some(csl) => {
            csl.trim_start().starts_with('.') && !csl.trim_start().to_lowercase().starts_with(".show")
        }
        None => cluster.is_none() && writes(method, uri.path()),
    };
    Exchange {
        number: 0,
        plane: plane.to_owned(),
        method: method.as_str().to_owned(),
        path,
        cluster,
        csl,
        is_write,
    }
}

/// Whether a call to the control plane may change something: POST also carries questions.
fn writes(method: &Method, path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_lowercase();
    let question = last.starts_with("list")
        || last.starts_with("check")
        || last.ends_with("checknameavailability")
        || matches!(last.as_str(), "token" | "dataconnectionvalidation" | "diagnosevirtualnetwork");
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::POST => !question,
        _ => true,
    }
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn refusal(status: u16, headers: &[(String, String)], body: &serde_json::Value) -> Response {
    let (kind, text) = match body {
        serde_json::Value::String(html) => ("text/html", html.clone()),
        other => ("application/json; charset=utf-8", other.to_string()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
