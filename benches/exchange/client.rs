//! Callers: keep-alive connections that send one request after the other.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Callers of one gateway, each with a connection and a request of its own, on the thread that uses them.
pub(crate) struct Callers {
    runtime: Runtime,
    callers: Vec<Caller>,
}

struct Caller {
    stream: TcpStream,
    request: Rc<[u8]>,
    buffer: Vec<u8>,
}

impl Callers {
    /// Connects one caller for each request.
    pub(crate) fn connect(gateway: SocketAddr, requests: &[Vec<u8>]) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut callers = Vec::new();
        for request in requests {
            let stream = runtime.block_on(TcpStream::connect(gateway))?;
            stream.set_nodelay(true)?;
            callers.push(Caller { stream, request: request.as_slice().into(), buffer: vec![0; 128 * 1024] });
        }
        Ok(Self { runtime, callers })
    }

    /// `exchanges` of them, shared out evenly, and how long they took.
    pub(crate) fn send(&mut self, exchanges: u64) -> anyhow::Result<Duration> {
        let count = self.callers.len() as u64;
        let tasks = LocalSet::new();
        let started = Instant::now();
        let running: Vec<_> = (0..count)
            .zip(self.callers.drain(..))
            .map(|(number, mut caller)| {
                let share = exchanges / count + u64::from(number < exchanges % count);
                tasks.spawn_local(async move {
                    for _ in 0..share {
                        caller.exchange().await?;
                    }
                    anyhow::Ok(caller)
                })
            })
            .collect();
        self.callers = self.runtime.block_on(tasks.run_until(async move {
            let mut callers = Vec::new();
            for caller in running {
                callers.push(caller.await??);
            }
            anyhow::Ok(callers)
        }))?;
        Ok(started.elapsed())
    }
}

impl Caller {
    async fn exchange(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..).context("an answer is larger than any here")?;
            let read = self.stream.read(room).await?;
            ensure!(read > 0, "the gateway closed the connection");
            filled += read;
            let answer = self.buffer.get(..filled).unwrap_or_default();
            if message(answer).is_some() {
                ensure!(answer.starts_with(b"HTTP/1.1 200 "), "refused: {}", String::from_utf8_lossy(answer));
                return Ok(());
            }
        }
    }
}

/// The length of the message that stands at the beginning of `bytes`, if it is whole.
pub(crate) fn message(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}
