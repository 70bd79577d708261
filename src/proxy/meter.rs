//! How long a connection has been waiting for its other end, and for what.

use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::Timers;
use super::patience::{Alarm, Patience};

/// What a connection is doing, kept by the parts of it that see it. All on one thread.
#[derive(Debug)]
pub(super) struct Meter {
    /// What the caller is expected to send.
    awaits: Cell<Awaits>,
    since: Cell<Instant>,
    /// Since when a body that is wanted has not come.
    wanting: Cell<Option<Instant>>,
    /// With the socket, where something is to be written.
    socket: Patience,
    /// Handlers at work.
    handling: Cell<usize>,
    /// Answers of HTTP/2 that are not over, and pieces of them that have not left.
    answering: Cell<usize>,
    /// The last time that an exchange got further, as far as it was noted.
    progress: Cell<Instant>,
    /// Whether one has since. The clock is read once each time the connection was worked on, and not at every step of it.
    progressed: Cell<bool>,
}

/// What is to come from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    /// The first byte of the first request.
    First,
    /// The first byte of another request.
    Next,
    /// The rest of a head.
    Head,
    /// The rest of a body, if the handler wants it.
    Body,
}

impl Meter {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            awaits: Cell::new(Awaits::First),
            since: Cell::new(now),
            wanting: Cell::new(None),
            socket: Patience::default(),
            handling: Cell::new(0),
            answering: Cell::new(0),
            progress: Cell::new(now),
            progressed: Cell::new(false),
        }
    }

    /// The handshake is over: from now on a request is awaited.
    pub(super) fn shaken(&self) {
        let now = Instant::now();
        self.since.set(now);
        self.progress.set(now);
    }

    pub(super) fn awaits(&self, what: Awaits) {
        if self.awaits.replace(what) != what {
            self.since.set(Instant::now());
        }
        self.wanting.set(None);
    }

    /// Somebody wants to read, and nothing is there.
    pub(super) fn nothing_came(&self) {
        if self.awaits.get() == Awaits::Body && self.wanting.get().is_none() {
            self.wanting.set(Some(Instant::now()));
        }
    }

    /// The socket takes nothing of what is to be written.
    pub(super) fn blocked(&self) {
        self.socket.waits();
    }

    /// The socket took so many bytes.
    pub(super) fn took(&self, bytes: usize) {
        self.socket.took(bytes);
    }

    /// What the socket is given next is to be taken by then.
    pub(super) fn bound(&self, until: Option<Instant>) {
        self.socket.bound(until);
    }

    pub(super) fn handling(&self, change: isize) {
        if self.is_new() {
            // In HTTP/2 nobody else says so.
            self.awaits(Awaits::Next);
        }
        self.handling.set(self.handling.get().saturating_add_signed(change));
        self.progressed();
    }

    /// An end as such is no progress: an answer may have been given up.
    pub(super) fn answering(&self, change: isize) {
        self.answering.set(self.answering.get().saturating_add_signed(change));
    }

    /// An answer got further.
    pub(super) fn progressed(&self) {
        self.progressed.set(true);
    }

    /// Notes when an exchange got further, if one did. To be called whenever the connection was worked on.
    fn note(&self) {
        if self.progressed.take() {
            self.progress.set(Instant::now());
        }
    }

    /// True before anything of a first request has come.
    pub(super) fn is_new(&self) -> bool {
        self.awaits.get() == Awaits::First
    }

    /// Exchanges that have begun and are not over.
    pub(super) fn is_busy(&self) -> bool {
        self.handling.get() + self.answering.get() > 0
    }

    /// When the caller will have kept us waiting too long, if it goes on as it does.
    fn deadline(&self, timers: &Timers, http2: bool) -> Option<Instant> {
        let stalled = self.socket.end(timers.stalled);
        let waited = self.patience(timers, http2).map(|(since, patience)| since + patience);
        match (stalled, waited) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn patience(&self, timers: &Timers, http2: bool) -> Option<(Instant, Duration)> {
        let since = self.since.get();
        let busy = self.is_busy();
        match self.awaits.get() {
            // In HTTP/2 a caller may keep a connection busy without an exchange getting further (pings, windows that
            // never open, heads that never end), so only exchanges count.
            _ if http2 && self.handling.get() > 0 => None,
            _ if http2 && busy => Some((self.progress.get(), timers.stalled)),
            Awaits::First => Some((since, timers.head)),
            Awaits::Next if http2 => Some((self.progress.get(), timers.idle)),
            // The exchange before is still being worked on.
            Awaits::Next if busy => None,
            Awaits::Next => Some((since.max(self.progress.get()), timers.idle)),
            // A next head may come early, and is not read while the exchange before is worked on.
            Awaits::Head if busy => None,
            Awaits::Head => Some((since.max(self.progress.get()), timers.head)),
            // Time counts while a handler would read, and not before.
            Awaits::Body => self.wanting.get().map(|since| (since, timers.stalled)),
        }
    }
}

/// Ends a connection whose other end is too slow. One timer per connection, which moves only when it must.
pub(super) struct Watchdog {
    alarm: Alarm,
    timers: Timers,
    http2: bool,
}

impl Watchdog {
    pub(super) fn new(timers: Timers, http2: bool) -> Self {
        Self { alarm: Alarm::new(Instant::now() + timers.head), timers, http2 }
    }

    /// Ready when the connection is to be ended, since its other end is too slow.
    pub(super) fn poll(&mut self, meter: &Meter, cx: &mut Context<'_>) -> Poll<()> {
        meter.note();
        self.alarm.poll(meter.deadline(&self.timers, self.http2), self.timers.stalled, cx)
    }
}
