//! What is sent to a target, how fast it answers and what that costs it. Every answer is compared with the one that is due.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hdrhistogram::Histogram;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::cores::{Cores, on};
use crate::http::{Reader, Side};
use crate::paced::Pace;

/// The longest latency that is told apart, in nanoseconds, and the digits that are.
const LONGEST: u64 = 60_000_000_000;
const DIGITS: u8 = 3;
/// When a target that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// Each caller sends the next one when the last is answered.
    Closed,
    /// The same, each over a connection of its own.
    Handshakes,
    /// So many in a second, whether answers come or not.
    Paced(f64),
}

/// When a stretch of load ends: with the first of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    /// After this time.
    pub(crate) time: Duration,
    /// After so many requests.
    pub(crate) count: u64,
}

impl Until {
    /// After this time, however many there were.
    pub(crate) fn time(time: Duration) -> Self {
        Self { time, count: u64::MAX }
    }

    /// After so many requests, unless a target does not answer.
    pub(crate) fn count(count: u64) -> Self {
        Self { time: PATIENCE, count }
    }
}

/// Whom and what to load.
pub(crate) struct Load<'a> {
    /// The target.
    pub(crate) address: SocketAddr,
    /// How to connect.
    pub(crate) tls: Arc<ClientConfig>,
    /// What is sent, one after the other, and from the beginning again.
    pub(crate) requests: &'a [Vec<u8>],
    /// The body of every answer.
    pub(crate) answer: &'a [u8],
    /// How many connections there are.
    pub(crate) connections: usize,
    /// In which order.
    pub(crate) order: Order,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests that were answered, all as they should.
    pub(crate) requests: u64,
    /// The same, before anything was counted.
    pub(crate) before: u64,
    /// From the first to the last.
    pub(crate) took: Duration,
    /// In nanoseconds. Of a paced load from the moment when a request was due, so that a target that stalls is not
    /// excused from what waited meanwhile.
    pub(crate) latencies: Histogram<u64>,
}

/// A connection to a target.
pub(crate) type Stream = TlsStream<TcpStream>;

impl Load<'_> {
    /// Loads without measuring, perhaps more than once, looks, loads and measures, and looks again.
    ///
    /// # Errors
    /// Where an answer is not the one that is due.
    pub(crate) fn run<T: Send>(
        &self,
        warm: &[Until],
        until: Until,
        look: impl Fn() -> anyhow::Result<T> + Sync,
    ) -> anyhow::Result<(Outcome, T, T)> {
        on(Cores::Load, "load", || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let next = Cell::new(0);
                let mut streams = Vec::new();
                if self.order != Order::Handshakes {
                    for _ in 0..self.connections {
                        streams.push(connect(self.address, &self.tls).await?);
                    }
                }
                let mut before = 0;
                for warm in warm {
                    let (kept, warmed) = Round::new(self, &next, *warm)?.drive(streams).await?;
                    streams = kept;
                    before += warmed.requests;
                }
                let from = look()?;
                let (_, outcome) = Round::new(self, &next, until)?.drive(streams).await?;
                Ok((Outcome { before, ..outcome }, from, look()?))
            })
        })
    }
}

/// A stretch of load.
struct Round<'a> {
    load: &'a Load<'a>,
    next: &'a Cell<usize>,
    left: Cell<u64>,
    begun: Instant,
    ends: Instant,
    latencies: RefCell<Histogram<u64>>,
}

impl<'a> Round<'a> {
    fn new(load: &'a Load<'a>, next: &'a Cell<usize>, until: Until) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let Until { time, count } = until;
        let (ends, left) = (begun + time, count);
        let latencies = RefCell::new(Histogram::new_with_bounds(1, LONGEST, DIGITS)?);
        Ok(Self { load, next, left: Cell::new(left), begun, ends, latencies })
    }

    async fn drive(self, streams: Vec<Stream>) -> anyhow::Result<(Vec<Stream>, Outcome)> {
        let mut streams: Vec<Option<Stream>> = streams.into_iter().map(Some).collect();
        streams.resize_with(self.load.connections, || None);
        let callers = streams.into_iter().enumerate().map(|(number, stream)| self.caller(number, stream));
        let done = tokio::time::timeout(PATIENCE * 2, futures_util::future::try_join_all(callers)).await;
        let streams = done.context("the target does not answer")??;
        let took = self.begun.elapsed();
        let latencies = self.latencies.into_inner();
        let outcome = Outcome { requests: latencies.len(), before: 0, took, latencies };
        Ok((streams.into_iter().flatten().collect(), outcome))
    }

    async fn caller(&self, number: usize, mut stream: Option<Stream>) -> anyhow::Result<Option<Stream>> {
        let mut reader = Reader::new(Side::Answer);
        let mut pace = match self.load.order {
            Order::Paced(rate) => Some(Pace::new(rate, number, self.load.connections, self.begun)?),
            Order::Closed | Order::Handshakes => None,
        };
        loop {
            let due = match &mut pace {
                Some(pace) => pace.next(self.ends).await?,
                None => Some(Instant::now()).filter(|now| *now < self.ends),
            };
            let (Some(due), Some(request)) = (due, self.request()) else { return Ok(stream) };
            if stream.is_none() {
                stream = Some(connect(self.load.address, &self.load.tls).await?);
            }
            let Some(connected) = &mut stream else { bail!("there is a connection") };
            let keeps = exchange(connected, &mut reader, request, self.load.answer).await?;
            let nanos = u64::try_from(due.elapsed().as_nanos())?;
            self.latencies.borrow_mut().saturating_record(nanos);
            if self.load.order == Order::Handshakes {
                // The target hears of it; how it takes its leave is its own affair.
                let _ = connected.shutdown().await;
                stream = None;
            } else if !keeps {
                stream = None;
            }
        }
    }

    fn request(&self) -> Option<&'a [u8]> {
        self.left.set(self.left.get().checked_sub(1)?);
        let next = self.next.get();
        self.next.set((next + 1) % self.load.requests.len());
        self.load.requests.get(next).map(Vec::as_slice)
    }
}

async fn exchange(
    stream: &mut Stream,
    reader: &mut Reader,
    request: &[u8],
    due: &[u8],
) -> anyhow::Result<bool> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let message = reader.next(stream).await?.context("the target closed the connection without an answer")?;
    let body = reader.body(&message);
    ensure!(
        message.status == 200 && body == due,
        "under load the target answered {} with {}",
        message.status,
        String::from_utf8_lossy(body)
    );
    Ok(message.keeps)
}

/// Connects over TLS.
pub(crate) async fn connect(address: SocketAddr, tls: &Arc<ClientConfig>) -> anyhow::Result<Stream> {
    let stream = TcpStream::connect(address).await.context("the target does not accept")?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.context("the target's handshake")
}
