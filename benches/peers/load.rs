//! What is sent to a target, how fast it answers and what that costs it. Every answer is compared with the one that is due.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::cores::{Cores, on};
use crate::http::{Reader, Side};
use crate::http2::{self, Sender};
use crate::paced::Pace;

/// The longest latency that is told apart, in nanoseconds, and the digits that are.
const LONGEST: u64 = 60_000_000_000;
const DIGITS: u8 = 3;
/// When a target that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// When one that does not come to so many answers as are due.
const MUCH_PATIENCE: Duration = Duration::from_secs(300);

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// Each caller sends the next one when the last is answered.
    Closed,
    /// The same, each over a connection of its own.
    Handshakes,
    /// As closed, over HTTP/2: so many callers share a connection, each with a stream of its own.
    Multiplexed(usize),
    /// So many in a second, whether answers come or not.
    Paced(f64),
}

/// When a stretch of load ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Until {
    /// After this time, or after so many requests: with the first of the two.
    Either {
        /// The time.
        time: Duration,
        /// The requests.
        count: u64,
    },
    /// After so many requests and as many whole steps more as begin in the time. Nobody keeps a pace meanwhile.
    Count {
        /// The requests.
        count: u64,
        /// Those of a step.
        step: u64,
        /// The time.
        least: Duration,
    },
}

impl Until {
    /// After this time, however many there were.
    pub(crate) fn time(time: Duration) -> Self {
        Self::Either { time, count: u64::MAX }
    }

    /// After so many requests, however long they take.
    pub(crate) fn count(count: u64) -> Self {
        Self::Count { count, step: 0, least: Duration::ZERO }
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
    /// How many callers there are; each has a connection, unless they share it.
    pub(crate) callers: usize,
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

/// What a caller sends through.
enum Connection {
    Http1(Box<Stream>),
    Http2(Sender),
}

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
                let mut connections = self.connections().await?;
                let mut before = 0;
                for warm in warm {
                    let (kept, warmed) = Round::new(self, &next, *warm)?.drive(connections).await?;
                    connections = kept;
                    before += warmed.requests;
                }
                let from = look()?;
                let (_, outcome) = Round::new(self, &next, until)?.drive(connections).await?;
                Ok((Outcome { before, ..outcome }, from, look()?))
            })
        })
    }

    /// What is there before anything is sent: a connection for each caller, unless each request has one of its own.
    async fn connections(&self) -> anyhow::Result<Vec<Connection>> {
        let mut connections = Vec::new();
        match self.order {
            Order::Closed | Order::Paced(_) => {
                for _ in 0..self.callers {
                    connections.push(Connection::http1(self).await?);
                }
            }
            Order::Multiplexed(callers) => {
                while connections.len() < self.callers {
                    let sender = http2::connect(self.address, &self.tls).await?;
                    let more = callers.min(self.callers - connections.len());
                    connections.extend((0..more).map(|_| Connection::Http2(sender.clone())));
                }
            }
            Order::Handshakes => {}
        }
        Ok(connections)
    }
}

impl Connection {
    async fn http1(load: &Load<'_>) -> anyhow::Result<Self> {
        Ok(Self::Http1(Box::new(connect(load.address, &load.tls).await?)))
    }
}

/// A stretch of load.
struct Round<'a> {
    load: &'a Load<'a>,
    next: &'a Cell<usize>,
    until: Until,
    left: Cell<u64>,
    begun: Instant,
    ends: Instant,
    latencies: RefCell<Histogram<u64>>,
}

impl<'a> Round<'a> {
    fn new(load: &'a Load<'a>, next: &'a Cell<usize>, until: Until) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let (time, count) = match until {
            Until::Either { time, count } => (time, count),
            Until::Count { count, .. } => (MUCH_PATIENCE, count),
        };
        let latencies = RefCell::new(Histogram::new_with_bounds(1, LONGEST, DIGITS)?);
        Ok(Self { load, next, until, left: Cell::new(count), begun, ends: begun + time, latencies })
    }

    async fn drive(self, connections: Vec<Connection>) -> anyhow::Result<(Vec<Connection>, Outcome)> {
        let mut connections: Vec<Option<Connection>> = connections.into_iter().map(Some).collect();
        connections.resize_with(self.load.callers, || None);
        let callers =
            connections.into_iter().enumerate().map(|(number, connection)| self.caller(number, connection));
        let patience = self.ends.saturating_duration_since(self.begun) + PATIENCE;
        let done = tokio::time::timeout(patience, futures_util::future::try_join_all(callers)).await;
        let connections = done.context("the target does not answer")??;
        if let Until::Count { .. } = self.until {
            ensure!(self.left.get() == 0, "the target takes too long: {} requests are left", self.left.get());
        }
        let took = self.begun.elapsed();
        let latencies = self.latencies.into_inner();
        let outcome = Outcome { requests: latencies.len(), before: 0, took, latencies };
        Ok((connections.into_iter().flatten().collect(), outcome))
    }

    async fn caller(
        &self,
        number: usize,
        mut connection: Option<Connection>,
    ) -> anyhow::Result<Option<Connection>> {
        let mut reader = Reader::new(Side::Answer);
        let mut pace = match (self.load.order, self.until) {
            (Order::Paced(rate), Until::Either { .. }) => {
                Some(Pace::new(rate, number, self.load.callers, self.begun)?)
            }
            _ => None,
        };
        loop {
            let due = match &mut pace {
                Some(pace) => pace.next(self.ends).await?,
                None => Some(Instant::now()).filter(|now| *now < self.ends),
            };
            let (Some(due), Some(request)) = (due, self.request()) else { return Ok(connection) };
            let connected = match &mut connection {
                Some(connected) => connected,
                None => connection.insert(Connection::http1(self.load).await?),
            };
            let keeps = exchange(connected, &mut reader, request, self.load.answer).await?;
            let nanos = u64::try_from(due.elapsed().as_nanos())?;
            self.latencies.borrow_mut().saturating_record(nanos);
            if let (Order::Handshakes, Connection::Http1(stream)) = (self.load.order, connected) {
                // The target hears of it; how it takes its leave is its own affair.
                let _ = stream.shutdown().await;
                connection = None;
            } else {
                ensure!(keeps, "the target does not keep its connections");
            }
        }
    }

    fn request(&self) -> Option<&'a [u8]> {
        if let (0, Until::Count { step, least, .. }) = (self.left.get(), self.until)
            && self.begun.elapsed() < least
        {
            self.left.set(step);
        }
        self.left.set(self.left.get().checked_sub(1)?);
        let next = self.next.get();
        self.next.set((next + 1) % self.load.requests.len());
        self.load.requests.get(next).map(Vec::as_slice)
    }
}

/// Whether the connection is kept.
async fn exchange(
    connection: &mut Connection,
    reader: &mut Reader,
    request: &[u8],
    due: &[u8],
) -> anyhow::Result<bool> {
    let right = |status: u16, body: &[u8]| {
        let said = String::from_utf8_lossy(body);
        ensure!(status == 200 && body == due, "under load the target answered {status} with {said}");
        Ok(())
    };
    match connection {
        Connection::Http1(stream) => {
            let message = reader.ask(stream, request).await?;
            right(message.status, reader.body(&message))?;
            Ok(message.keeps)
        }
        Connection::Http2(sender) => {
            let answer = http2::exchange(sender, request).await?;
            right(answer.status, &answer.body)?;
            Ok(true)
        }
    }
}

/// Connects over TLS.
pub(crate) async fn connect(address: SocketAddr, tls: &Arc<ClientConfig>) -> anyhow::Result<Stream> {
    let stream = TcpStream::connect(address).await.context("the target does not accept")?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.context("the target's handshake")
}
