use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::net::Certificates;
use crate::net::tls::{self, Authorities, Protocols};
use crate::net::{ConnectionInfo, Content};
use crate::problem::Rejection;
use crate::proxy::{Handler, ListenerConfig, Listeners, ServerHandle};

/// Longer than anything here takes, shorter than patience.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// What reached the handler, and when it may answer.
pub(super) struct Seen {
    pub(super) requests: Mutex<Vec<(String, Bytes)>>,
    pub(super) connections: Mutex<Vec<Arc<ConnectionInfo>>>,
    /// One permit for each request to `/held`.
    pub(super) release: Semaphore,
    /// One permit for each request to `/held` that has arrived.
    pub(super) arrived: Semaphore,
}

struct Teller(Arc<Seen>);

impl Handler for Teller {
    async fn handle(&self, request: Request<Content>, connection: &Arc<ConnectionInfo>) -> Response<Content> {
        let line = format!("{} {}", request.method(), request.uri().path());
        self.0.connections.lock().unwrap().push(Arc::clone(connection));
        match request.uri().path() {
            "/unread" => return Response::new(Content::full("no")),
            "/large" => return Response::new(Content::full(vec![b'x'; 64 * 1024 * 1024])),
            "/held" => {
                self.0.arrived.add_permits(1);
                self.0.release.acquire().await.unwrap().forget();
            }
            path => {
                if let Some(response) = self.special(path) {
                    return response;
                }
            }
        }
        let mut body = request.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => bytes.extend_from_slice(&data),
                Ok(Err(_)) => {}
                Err(_) => {
                    let mut response = Response::new(Content::full("broken"));
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                    return response;
                }
            }
        }
        let bytes = Bytes::from(bytes);
        self.0.requests.lock().unwrap().push((line, bytes.clone()));
        Response::new(Content::full(bytes))
    }

    fn refuse(&self, rejection: Rejection) -> Response<Content> {
        let mut response = Response::new(Content::full(rejection.problem.slug()));
        *response.status_mut() = rejection.status;
        response
    }
}

/// A stream of these bytes.
fn pieces(stream: impl Stream<Item = Result<&'static str, &'static str>> + 'static) -> Content {
    Content::stream(StreamBody::new(stream.map_ok(|text| Frame::data(Bytes::from_static(text.as_bytes())))))
}

impl Teller {
    /// Answers whose length is told in one way or another.
    fn special(&self, path: &str) -> Option<Response<Content>> {
        let stream = |parts: &'static [&'static str]| pieces(stream::iter(parts.iter().copied().map(Ok)));
        let response = Response::builder();
        let response = match path {
            "/stream" => response.body(stream(&["one", "", "two"])),
            "/announced" => response.header("content-length", 6).body(stream(&["one", "two"])),
            "/short" => response.header("content-length", 7).body(stream(&["one", "two"])),
            "/longer" => response.header("content-length", 3).body(stream(&["one", "two"])),
            "/long" => response.header("content-length", 5).body(stream(&["one", "two"])),
            "/broken" => response.body(pieces(stream::iter([Ok("one"), Err("broken")]))),
            "/no-content" => response.status(204).header("content-length", 7).body(Content::full("content")),
            "/not-modified" => {
                response.status(304).header("content-length", 7).body(Content::full("content"))
            }
            "/dated" => response.header("date", "Sun, 06 Nov 1994 08:49:37 GMT").body(Content::empty()),
            "/until" => {
                let endless = stream::repeat(Bytes::from(vec![b'x'; 64 * 1024]));
                let endless = endless.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
                let until = Instant::now() + Duration::from_millis(60);
                response.body(Content::stream_until(StreamBody::new(endless), until))
            }
            "/slow" => {
                let seen = Arc::clone(&self.0);
                response.body(pieces(stream::once(async move {
                    seen.release.acquire().await.unwrap().forget();
                    Ok("late")
                })))
            }
            _ => return None,
        };
        Some(response.unwrap())
    }
}

/// A listener under test.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    pub(super) seen: Arc<Seen>,
    pub(super) down: watch::Sender<bool>,
    pub(super) handle: Option<ServerHandle>,
}

pub(super) fn config() -> ListenerConfig {
    let mut config = ListenerConfig::new("127.0.0.1:0".parse().unwrap(), None);
    config.threads = Some(2);
    config.timers.linger = Duration::from_millis(20);
    config
}

impl Server {
    pub(super) fn start(config: &ListenerConfig) -> Self {
        let seen = Arc::new(Seen {
            requests: Mutex::default(),
            connections: Mutex::default(),
            release: Semaphore::new(0),
            arrived: Semaphore::new(0),
        });
        let bound = Listeners::bind(config).unwrap();
        let addr = bound.local_addr();
        let (down, listening) = watch::channel(false);
        let told = Arc::clone(&seen);
        let handle = bound.serve(move |_| Teller(Arc::clone(&told)), listening).unwrap();
        Self { addr, seen, down, handle: Some(handle) }
    }

    pub(super) fn plain() -> Self {
        Self::start(&config())
    }

    /// The requests that reached the handler, and forgets them.
    pub(super) fn taken(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().drain(..).map(|(line, _)| line).collect()
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends `bytes` and reads until the server closes.
    pub(super) async fn say(&self, bytes: &[u8]) -> String {
        let mut socket = self.connect().await;
        let _ = socket.write_all(bytes).await;
        hear(&mut socket).await
    }

    /// A clean request still works.
    pub(super) async fn is_well(&self) {
        let answer = self.say(b"GET /well HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(self.taken(), ["GET /well"]);
    }

    pub(super) async fn stop(mut self) -> crate::proxy::Drained {
        self.down.send(true).unwrap();
        let handle = self.handle.take().unwrap();
        tokio::task::spawn_blocking(move || handle.join().unwrap()).await.unwrap()
    }
}

/// All that comes until the end, or what there is when the connection breaks.
pub(super) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let _ =
        timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the server neither answers nor closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer with a length, on a connection that goes on.
pub(super) async fn hear_one(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|l| l.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return String::from_utf8_lossy(&answer).into_owned();
            }
        }
        let mut byte = [0];
        let read = timeout(SOON, stream.read(&mut byte)).await.expect("no answer").unwrap_or(0);
        assert_ne!(read, 0, "closed after {text}");
        answer.push(byte[0]);
    }
}

pub(super) async fn tell(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// Writes a new certificate for `localhost` into `dir`.
pub(super) fn certify(dir: &Path) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    fs::write(dir.join("tls.crt"), cert.pem()).unwrap();
    fs::write(dir.join("tls.key"), signing_key.serialize_pem()).unwrap();
}

pub(super) fn certificates(dir: &Path) -> Arc<Certificates> {
    certify(dir);
    Certificates::load(dir.join("tls.crt"), dir.join("tls.key")).unwrap()
}

pub(super) fn secure(certificates: &Arc<Certificates>, protocols: Protocols) -> ListenerConfig {
    let mut config = config();
    config.tls = Some(tls::server(Arc::clone(certificates), protocols).unwrap());
    config
}

/// A caller who believes the certificate in `dir` and offers `alpn`.
pub(super) fn caller(dir: &Path, alpn: &[&str]) -> ClientConfig {
    let config = tls::client(&Authorities::File(dir.join("tls.crt"))).unwrap();
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

pub(super) async fn shake(addr: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}
