//! From a caller through a listener's thread to an upstream and back.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::watch;

use super::support::*;
use crate::net::headers;
use crate::net::{ConnectionInfo, Content};
use crate::problem::Rejection;
use crate::proxy::{Drained, Handler, Listeners};
use crate::upstream::{Upstream, UpstreamConfig, UpstreamError};

/// Forwards all that it gets.
struct Forwarder(Upstream);

impl Handler for Forwarder {
    async fn handle(&self, request: Request<Content>, _: &Arc<ConnectionInfo>) -> Response<Content> {
        match self.forward(request).await {
            Ok(response) => response,
            Err(_) => Response::builder().status(StatusCode::BAD_GATEWAY).body(Content::empty()).unwrap(),
        }
    }

    fn refuse(&self, rejection: Rejection) -> Response<Content> {
        Response::builder().status(rejection.status).body(Content::empty()).unwrap()
    }
}

impl Forwarder {
    async fn forward(&self, request: Request<Content>) -> Result<Response<Content>, UpstreamError> {
        let (parts, mut body) = request.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(UpstreamError::Broken)?;
            bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        let mut onward = Request::new(Full::new(Bytes::from(bytes)));
        *onward.method_mut() = parts.method;
        *onward.uri_mut() = parts.uri.path().parse().unwrap();
        *onward.headers_mut() = headers::to_upstream(&parts.headers, &[]);
        Ok(self.0.send(onward).await?.map(Content::stream))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_share_their_threads_connections_and_get_their_own_answers() {
    const CALLERS: usize = 16;
    const EXCHANGES: usize = 40;
    let api = Server::plain();
    let upstream =
        Upstream::new(UpstreamConfig::new(format!("http://{}", api.addr).parse().unwrap())).unwrap();
    let bound = Listeners::bind(&config()).unwrap();
    let addr = bound.local_addr();
    let (down, listening) = watch::channel(false);
    let handle = bound.serve(move |_| Forwarder(upstream.clone()), listening).unwrap();

    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            tokio::spawn(async move {
                let mut socket = tokio::net::TcpStream::connect(addr).await.unwrap();
                for exchange in 0..EXCHANGES {
                    // Of many lengths, so that answers come in one piece and in several.
                    let body = format!("{caller}-{exchange}-").repeat(1 + exchange * exchange);
                    let length = body.len();
                    let head = format!("POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
                    tell(&mut socket, &(head + &body)).await;
                    let answer = hear_one(&mut socket).await;
                    assert!(
                        answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n\r\n{body}"))
                    );
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(api.taken().len(), CALLERS * EXCHANGES);
    let mut peers: Vec<_> = api.seen.connections.lock().unwrap().iter().map(|info| info.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    // A few grow old unused meanwhile and are made anew.
    assert!(peers.len() <= 2 * CALLERS, "{} connections", peers.len());
    down.send(true).unwrap();
    assert_eq!(
        tokio::task::spawn_blocking(move || handle.join()).await.unwrap().unwrap(),
        Drained::default()
    );
}
