//! A thread's connections on their way out.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;

use tokio::sync::Notify;

use super::meter::Meter;

/// How far a thread is in draining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Serving,
    /// Answers say that the connection closes; connections that wait for a request may still bring one.
    Lingering,
    /// Connections that wait for a request are closed.
    Closing,
}

/// The stage, and everybody who must hear of it. Looking at it costs a connection nothing but a read.
pub(super) struct Drain {
    stage: Cell<Stage>,
    connections: RefCell<HashMap<u64, Connection>>,
    next: Cell<u64>,
    emptied: Notify,
}

struct Connection {
    /// `None` until its task first runs; it will see the stage when it does.
    waker: Option<Waker>,
    meter: Rc<Meter>,
}

/// A connection that is being served; dropping it says that it is over.
pub(super) struct Served {
    drain: Rc<Drain>,
    number: u64,
}

impl Drain {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            stage: Cell::new(Stage::Serving),
            connections: RefCell::default(),
            next: Cell::new(0),
            emptied: Notify::new(),
        })
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Moves on, and tells every connection.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        for connection in self.connections.borrow().values() {
            connection.waker.iter().for_each(Waker::wake_by_ref);
        }
    }

    /// Adds a connection. INVARIANT: done when it is accepted, before its task first runs, or a drain that begins in
    /// between would not wait for it.
    pub(super) fn add(self: &Rc<Self>, meter: Rc<Meter>) -> Served {
        let number = self.next.get();
        self.next.set(number + 1);
        self.connections.borrow_mut().insert(number, Connection { waker: None, meter });
        Served { drain: Rc::clone(self), number }
    }

    /// When no connection is left.
    pub(super) async fn empty(&self) {
        while !self.connections.borrow().is_empty() {
            self.emptied.notified().await;
        }
    }

    /// Connections with an exchange that is not over.
    pub(super) fn busy(&self) -> usize {
        self.connections.borrow().values().filter(|connection| connection.meter.is_busy()).count()
    }
}

impl Served {
    /// Says how to wake the connection's task.
    pub(super) fn wake_by(&self, waker: Waker) {
        if let Some(connection) = self.drain.connections.borrow_mut().get_mut(&self.number) {
            connection.waker = Some(waker);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut connections = self.drain.connections.borrow_mut();
        connections.remove(&self.number);
        if connections.is_empty() {
            self.drain.emptied.notify_one();
        }
    }
}
