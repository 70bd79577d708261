//! One small document from a configured URL, got or posted for, bounded in every way: for key sets and analysers, not for exchanges.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::timeout;

use super::dial::{DialError, HeadCaps, Target, TargetError};

/// Why a document could not be had. Says nothing of what the server sent.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Not a URL to fetch from.
    #[error("the address cannot be used")]
    Target(#[from] TargetError),
    /// No connection.
    #[error("there is no connection")]
    Dial(#[from] DialError),
    /// The exchange broke off.
    #[error("the answer is not well formed")]
    Http(#[from] hyper::Error),
    /// Any status but 200; redirects are not followed.
    #[error("the answer has status {0}, not 200; redirects are not followed")]
    Status(StatusCode),
    /// More than the cap.
    #[error("the document is larger than {0} bytes")]
    TooLarge(usize),
    /// Too slow.
    #[error("the document did not arrive within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Gets `url`: at most `cap` bytes, all of it `within` the time, on a connection of its own, following nothing.
///
/// # Errors
/// If anything but a whole document with status 200 comes.
pub async fn fetch(
    url: &Uri,
    cap: usize,
    within: Duration,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Bytes, FetchError> {
    let target = Target::new(url, tls)?;
    let exchange = exchange(&target, url, None, cap, within);
    timeout(within, exchange).await.unwrap_or(Err(FetchError::TimedOut(within)))
}

/// Posts a JSON document to `url`, which `target` was made from, and gets what is answered, as [`fetch`] does.
///
/// # Errors
/// If anything but a whole document with status 200 comes.
pub async fn post(
    target: &Target,
    url: &Uri,
    document: Bytes,
    cap: usize,
    within: Duration,
) -> Result<Bytes, FetchError> {
    let exchange = exchange(target, url, Some(document), cap, within);
    timeout(within, exchange).await.unwrap_or(Err(FetchError::TimedOut(within)))
}

async fn exchange(
    target: &Target,
    url: &Uri,
    posted: Option<Bytes>,
    cap: usize,
    within: Duration,
) -> Result<Bytes, FetchError> {
    let (mut sender, connection) = target.http(within, HeadCaps::default()).await?;
    let mut request = Request::new(Full::new(Bytes::new()));
    if let Some(document) = posted {
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Full::new(document);
    }
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().unwrap_or_default();
    if let Some(host) = url.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));

    let exchange = async {
        let mut response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut document = BytesMut::new();
        while let Some(frame) = response.frame().await {
            if let Ok(data) = frame?.into_data() {
                if document.len().saturating_add(data.len()) > cap {
                    return Err(FetchError::TooLarge(cap));
                }
                document.extend_from_slice(&data);
            }
        }
        Ok(document.freeze())
    };
    // The connection is polled beside the exchange; when it ends first, the exchange still has what had arrived.
    let driven = async {
        let _ = connection.await;
        pending::<Infallible>().await
    };
    tokio::select! {
        document = exchange => document,
        never = driven => match never {},
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn answered(answer: &'static [u8], cap: usize) -> Result<Bytes, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json?a=b", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap();
            socket.write_all(answer).await.unwrap();
            String::from_utf8(head[..length].to_vec()).unwrap()
        });
        let document = fetch(&url, cap, Duration::from_secs(5), None).await;
        let head = server.await.unwrap();
        assert!(head.starts_with("GET /jwks.json?a=b HTTP/1.1\r\n"), "{head}");
        assert!(head.to_lowercase().contains("host: 127.0.0.1:"), "{head}");
        document
    }

    #[tokio::test]
    async fn a_whole_document_is_returned() {
        let document = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 2).await;
        assert_eq!(document.unwrap(), "{}");
    }

    #[tokio::test]
    async fn a_large_a_truncated_and_a_moved_document_are_refused() {
        let large = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{ }", 2).await;
        assert!(matches!(large, Err(FetchError::TooLarge(2))), "{large:?}");
        let short = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{ }", 9).await;
        assert!(matches!(short, Err(FetchError::Http(_))), "{short:?}");
        let moved = answered(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n", 9).await;
        assert!(matches!(moved, Err(FetchError::Status(StatusCode::FOUND))), "{moved:?}");
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let document = fetch(&url, 9, Duration::from_millis(30), None).await;
        assert!(matches!(document, Err(FetchError::TimedOut(_))), "{document:?}");
    }

    #[tokio::test]
    async fn other_schemes_users_and_https_without_authorities_are_refused() {
        for url in ["ftp://a/", "http://user@127.0.0.1/", "https://a/", "/only/a/path"] {
            let document = fetch(&url.parse().unwrap(), 9, Duration::from_secs(1), None).await;
            assert!(matches!(document, Err(FetchError::Target(_))), "{url}: {document:?}");
        }
    }
}
