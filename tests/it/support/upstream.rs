//! The API behind the gateway: it records whatever reaches it, byte for byte, and answers as a test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use consentry::payload::read;
use http::{HeaderMap, Method, Request, Response};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::PACE;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A whole answer.
    Whole { status: u16, headers: Vec<(&'static str, String)>, body: Bytes },
    /// Announces more than it sends, and hangs up.
    Truncated(Bytes),
    /// Announces more than it sends, and sends nothing more.
    Stalled(Bytes),
    /// Takes the request, and says nothing.
    Never,
    /// Waits for [`Upstream::release`], then answers.
    Held(Box<Reply>),
    /// These bytes in place of HTTP.
    Raw(Bytes),
}

impl Reply {
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self::of(200, "application/json", body)
    }

    pub(crate) fn of(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self::Whole { status, headers: vec![("content-type", media_type.to_owned())], body: body.into() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

#[derive(Debug)]
struct State {
    seen: Vec<Seen>,
    reply: Reply,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
    released: Notify,
}

/// The API. It goes down with [`Upstream::down`] and comes up again at the same address.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start(reply: Reply) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { seen: Vec::new(), reply }),
            arrived: Notify::new(),
            released: Notify::new(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, serving }
    }

    /// Closes its listener and all its connections.
    pub(crate) async fn down(&mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = tokio::spawn(serve(listener, Arc::clone(&self.shared)));
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, reply: Reply) {
        self.shared.state.lock().unwrap().reply = reply;
    }

    /// What arrived since the last time.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.state.lock().unwrap().seen)
    }

    /// The one request that arrived since the last time.
    pub(crate) fn one(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.remove(0)
    }

    pub(crate) fn saw_nothing(&self) {
        let seen = self.take();
        assert!(seen.is_empty(), "the upstream saw {seen:#?}");
    }

    /// Waits until a request has arrived whose answer is [`Reply::Never`] or [`Reply::Held`].
    pub(crate) async fn arrival(&self) {
        self.shared.arrived.notified().await;
    }

    /// Lets one held answer go.
    pub(crate) fn release(&self) {
        self.shared.released.notify_one();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this future, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(connection(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let raw = match &shared.state.lock().unwrap().reply {
        Reply::Raw(bytes) => Some(bytes.clone()),
        _ => None,
    };
    if let Some(bytes) = raw {
        return answer_raw(stream, &bytes).await;
    }
    let service = service_fn(|request| answer(request, &shared));
    // A caller that goes away, or an answer that breaks off, is what some tests are about.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// Reads until the request's end has surely come, and answers with these bytes.
async fn answer_raw(mut stream: TcpStream, bytes: &[u8]) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let ended = |request: &[u8]| {
        request.ends_with(b"}") || request.starts_with(b"GET ") && request.ends_with(b"\r\n\r\n")
    };
    while !ended(&request) {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    drop(stream.write_all(bytes).await);
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Told>, Infallible> {
    let (head, body) = request.into_parts();
    let body = read::capped(body, usize::MAX, &PACE).await.unwrap_or_default();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let reply = {
        let mut state = shared.state.lock().unwrap();
        state.seen.push(Seen { method: head.method, target, headers: head.headers, body });
        state.reply.clone()
    };
    Ok(match reply {
        Reply::Held(reply) => {
            shared.arrived.notify_one();
            shared.released.notified().await;
            made(*reply)
        }
        Reply::Never => {
            shared.arrived.notify_one();
            std::future::pending().await
        }
        reply => made(reply),
    })
}

fn made(reply: Reply) -> Response<Told> {
    match reply {
        Reply::Whole { status, headers, body } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Told { body: Some(body), then: Then::Ends }).unwrap()
        }
        Reply::Truncated(body) => partly(body, Then::Breaks),
        Reply::Stalled(body) => partly(body, Then::Stalls),
        other => panic!("{other:?} is no answer of HTTP"),
    }
}

/// An answer that announces more than `body`.
fn partly(body: Bytes, then: Then) -> Response<Told> {
    Response::builder()
        .header("content-type", "application/json")
        .header("content-length", body.len() + 100)
        .body(Told { body: Some(body), then })
        .unwrap()
}

/// A body in one frame, and what comes after it.
struct Told {
    body: Option<Bytes>,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Ends,
    Breaks,
    Stalls,
}

impl Body for Told {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match (self.body.take(), self.then) {
            (Some(body), _) => Poll::Ready(Some(Ok(Frame::data(body)))),
            (None, Then::Ends) => Poll::Ready(None),
            (None, Then::Breaks) => Poll::Ready(Some(Err("broken off"))),
            (None, Then::Stalls) => Poll::Pending,
        }
    }
}
