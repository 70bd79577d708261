//! A caller: HTTPS over a real socket, HTTP/1.1 or HTTP/2, every answer looked at for what no answer may say.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use consentry::net::dial::{Stream, Target};
use consentry::net::tls::{self, Authorities};
use consentry::payload::read;
use consentry::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::client::Resumption;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{PACE, canary};

/// One call, as it will be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<Bytes>,
    chunked: bool,
}

impl Call {
    pub(crate) fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: HeaderMap::new(), body: Vec::new(), chunked: false }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// A POST of a body that says it is JSON.
    pub(crate) fn json(target: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, target).header("content-type", "application/json").body(body)
    }

    /// The same call of another target.
    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = vec![body.into()];
        self
    }

    /// The body in chunks, without a length in front.
    pub(crate) fn chunks(mut self, chunks: Vec<Bytes>) -> Self {
        (self.body, self.chunked) = (chunks, true);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    fn request(self, authority: &str, http2: bool) -> Request<Sent> {
        let uri = if http2 { format!("https://{authority}{}", self.target) } else { self.target };
        let mut request = Request::builder().method(self.method).uri(uri);
        if !http2 {
            request = request.header(header::HOST, authority);
        }
        let mut request = request.body(Sent { chunks: self.body.into(), chunked: self.chunked }).unwrap();
        request.headers_mut().extend(self.headers);
        request
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    /// The answer is this problem's document (RFC 9457), whole, and tells nothing that somebody sent.
    #[track_caller]
    pub(crate) fn problem(self, problem: Problem) -> Self {
        self.problem_with(problem, problem.status())
    }

    #[track_caller]
    pub(crate) fn problem_with(self, problem: Problem, status: StatusCode) -> Self {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        let kind = document["type"].as_str().unwrap_or_default();
        assert_eq!(kind.rsplit('/').next(), Some(problem.slug()), "{self:?}");
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(document["status"], status.as_u16());
        assert_eq!(document["title"], problem.title());
        assert_eq!(document["next"], problem.mend());
        let known = ["type", "title", "status", "detail", "field", "next", "decision_id"];
        assert!(document.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{self:?}");
        assert_eq!(self.header("consentry-decision-id"), document["decision_id"].as_str(), "{self:?}");
        assert!(document["decision_id"].as_str().unwrap().len() >= 16, "{self:?}");
        assert!(self.header("link").unwrap().contains("rel=\"privacy-policy\""), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        canary::none_in("a problem", &self.body);
        canary::none_in("a problem's head", format!("{:?}", self.headers).as_bytes());
        self
    }

    #[track_caller]
    pub(crate) fn at(self, field: &str) -> Self {
        assert_eq!(self.json()["field"], field, "{self:?}");
        self
    }

    /// What is told of the occurrence has this in it.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.json()["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{self:?}");
        self
    }
}

/// An open connection, one call after the other.
#[derive(Debug)]
pub(crate) struct Http1 {
    sender: http1::SendRequest<Sent>,
    authority: String,
}

impl Http1 {
    pub(crate) async fn send(&mut self, call: Call) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        Ok(whole(self.sender.send_request(call.request(&self.authority, false)).await?).await)
    }
}

/// An open connection; its clones send upon it at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Http2 {
    sender: http2::SendRequest<Sent>,
    authority: String,
}

impl Http2 {
    pub(crate) async fn send(&mut self, call: Call) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        Ok(whole(self.sender.send_request(call.request(&self.authority, true)).await?).await)
    }
}

async fn whole(response: http::Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = read::capped(body, usize::MAX, &PACE).await.unwrap();
    Answer { status: head.status, headers: head.headers, body }
}

/// Who calls one gateway.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    authority: String,
    tls: Arc<ClientConfig>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, authority: &Path) -> Self {
        let tls = tls::client(&Authorities::File(authority.to_owned())).unwrap();
        Self { authority: format!("localhost:{}", address.port()), tls }
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.http1().await.send(call).await.unwrap()
    }

    pub(crate) async fn http1(&self) -> Http1 {
        let stream = self.stream(b"http/1.1").await;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Http1 { sender, authority: self.authority.clone() }
    }

    pub(crate) async fn http2(&self) -> Http2 {
        let stream = self.stream(b"h2").await;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Http2 { sender, authority: self.authority.clone() }
    }

    /// Sends these bytes, and reads until the other side hangs up.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.stream(b"http/1.1").await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A peer that closes without saying goodbye has still said what it had to say.
        drop(tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap());
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The certificate that the listener shows now.
    pub(crate) async fn certificate(&self) -> Vec<u8> {
        let Stream::Tls(stream) = self.stream(b"http/1.1").await else { panic!("TLS was asked for") };
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    pub(crate) async fn stream(&self, alpn: &[u8]) -> Stream {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![alpn.to_vec()];
        // A resumed session shows the certificate with which it began.
        tls.resumption = Resumption::disabled();
        let url = format!("https://{}", self.authority).parse().unwrap();
        Target::new(&url, Some(Arc::new(tls))).unwrap().connect(Duration::from_secs(20)).await.unwrap()
    }
}

/// A request's body.
#[derive(Debug)]
pub(crate) struct Sent {
    chunks: VecDeque<Bytes>,
    chunked: bool,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.chunks.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.chunks.iter().map(|chunk| chunk.len() as u64).sum())
        }
    }
}
