//! HTTP/2 towards a target: several callers share a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::ClientConfig;

use crate::http::Answer;
use crate::load;

/// A connection, for as many callers as clone it.
pub(crate) type Sender = SendRequest<Bytes>;

/// Connects with HTTP/2 as the only protocol that is offered.
pub(crate) async fn connect(address: SocketAddr, tls: &Arc<ClientConfig>) -> anyhow::Result<Sender> {
    let mut tls = ClientConfig::clone(tls);
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = load::connect(address, &Arc::new(tls)).await?;
    ensure!(stream.get_ref().1.alpn_protocol() == Some(b"h2"), "the target does not speak HTTP/2");
    let (sender, connection) = h2::client::handshake(stream).await?;
    // What goes wrong with it is told to whoever waits for an answer.
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends a request, which is given as it is over HTTP/1.1, and waits for the whole answer.
pub(crate) async fn exchange(sender: &Sender, request: &[u8]) -> anyhow::Result<Answer> {
    let (head, body) = translated(request)?;
    let (answer, mut sending) = sender.clone().ready().await?.send_request(head, false)?;
    sending.send_data(body, true)?;
    let (head, mut coming) = answer.await.context("no answer came")?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = coming.data().await {
        let data = data?;
        coming.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok(Answer { status: head.status.as_u16(), body })
}

/// The same request as HTTP/2 has it: the host is part of the target, and no field tells a length.
fn translated(request: &[u8]) -> anyhow::Result<(Request<()>, Bytes)> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(request)? else {
        anyhow::bail!("half a request");
    };
    let mut host = "localhost";
    let mut builder = Request::builder().method(parsed.method.context("a method")?);
    for field in parsed.headers.iter() {
        match field.name {
            name if name.eq_ignore_ascii_case("host") => host = std::str::from_utf8(field.value)?,
            name if name.eq_ignore_ascii_case("content-length") => {}
            name => builder = builder.header(name, field.value),
        }
    }
    let head = builder.uri(format!("https://{host}{}", parsed.path.context("a path")?)).body(())?;
    Ok((head, Bytes::copy_from_slice(request.get(length..).unwrap_or_default())))
}

/// That nothing of a request is lost on the way.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let request = crate::http::request("/plain", Some("a.b.c"), b"{}");
    let (head, body) = translated(&request)?;
    ensure!(head.method() == "POST" && head.uri().path() == "/plain", "{head:?}");
    ensure!(head.uri().authority().is_some(), "{head:?}");
    ensure!(head.headers().get("authorization").is_some_and(|token| token == "Bearer a.b.c"), "{head:?}");
    ensure!(head.headers().get("content-type").is_some_and(|kind| kind == "application/json"), "{head:?}");
    ensure!(!head.headers().contains_key("content-length") && body == "{}", "{head:?}");
    Ok(())
}
