//! The API behind the gateway: as little work as there can be, on a thread of its own.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::client::message;
use crate::setting::ROWS;

/// What it answers to one record, and to a batch.
fn answers() -> [Vec<u8>; 2] {
    let rows = vec![r#""Telescope""#; ROWS].join(",");
    [r#"{"prediction":"Telescope"}"#.to_owned(), format!(r#"{{"predictions":[{rows}]}}"#)].map(|body| {
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        (head + &body).into_bytes()
    })
}

/// Serves on a free port of loopback until the process ends.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let address = listener.local_addr()?;
    let serve = async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    };
    std::thread::Builder::new().name("upstream".into()).spawn(move || runtime.block_on(serve))?;
    Ok(address)
}

async fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 128 * 1024];
    let mut filled = 0;
    let [one, batch] = answers();
    loop {
        let read =
            stream.read(buffer.get_mut(filled..).context("a request is larger than any here")?).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if let Some(length) = message(buffer.get(..filled).unwrap_or_default()) {
            anyhow::ensure!(length == filled, "one request at a time");
            filled = 0;
            stream.write_all(if buffer.starts_with(b"POST /invocations") { &batch } else { &one }).await?;
        }
    }
}
