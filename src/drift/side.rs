//! What is counted of one direction of a route's exchanges.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::SideReport;
use super::marks::Marks;
use super::names::Names;
use crate::plan::Side;

/// How many names of one body are looked at, of those that are not declared.
const NAMES: u32 = 16;
/// Of a side that has seen so many bodies, only some are asked for names.
const ALL_AT_FIRST: u64 = 1024;
const ONE_IN: u64 = 16;

/// What is counted of one direction.
#[derive(Debug)]
pub struct SideDrift {
    /// Bodies that were walked to their end.
    bodies: AtomicU64,
    fields: Marks,
    /// Members that were not declared, and bodies that had some.
    undeclared: AtomicU64,
    with_undeclared: AtomicU64,
    names: Mutex<Names>,
}

impl SideDrift {
    pub(super) fn new(side: &Side, window: u64) -> Self {
        Self {
            bodies: AtomicU64::new(0),
            fields: Marks::new(side.fields.len(), window),
            undeclared: AtomicU64::new(0),
            with_undeclared: AtomicU64::new(0),
            names: Mutex::new(Names::new(window)),
        }
    }

    pub(super) fn renamed(&self, before: &Side, now: &Side, window: u64) -> Self {
        let names = |side: &Side| side.fields.iter().map(|field| Arc::clone(&field.name)).collect::<Vec<_>>();
        let bodies = self.bodies.load(Relaxed);
        let (before, now) = (names(before), names(now));
        // Names that were not declared may be so now: they are asked for anew.
        let kept = if before == now { self.names.lock().map(|names| names.clone()).ok() } else { None };
        Self {
            bodies: AtomicU64::new(bodies),
            fields: self.fields.renamed(&before, &now, bodies, window),
            undeclared: AtomicU64::new(self.undeclared.load(Relaxed)),
            with_undeclared: AtomicU64::new(self.with_undeclared.load(Relaxed)),
            names: Mutex::new(kept.unwrap_or_else(|| Names::new(window))),
        }
    }

    /// Begins to watch a walk over a body. `person` is a keyed tag of whose it is.
    pub fn watch(&self, person: u64) -> Seen<'_> {
        let body = self.bodies.load(Relaxed);
        let asks = body < ALL_AT_FIRST || body.is_multiple_of(ONE_IN);
        Seen { side: self, body, person, undeclared: 0, names: if asks { NAMES } else { 0 } }
    }

    /// How many members were not declared.
    pub(super) fn undeclared(&self) -> u64 {
        self.undeclared.load(Relaxed)
    }

    pub(super) fn report(&self, side: &Side, window: u64) -> SideReport {
        let name = |place: usize| side.fields.get(place).map(|field| Arc::clone(&field.name));
        let bodies = self.bodies.load(Relaxed);
        let (names, unnamed) = self.names.lock().map(|names| names.told(bodies)).unwrap_or_default();
        SideReport {
            bodies,
            missing: self.fields.missing(bodies, window, name),
            undeclared: self.undeclared(),
            bodies_with_undeclared: self.with_undeclared.load(Relaxed),
            names,
            names_are_data: unnamed,
        }
    }
}

/// One walk over a body, watched.
#[derive(Debug)]
pub struct Seen<'a> {
    side: &'a SideDrift,
    body: u64,
    person: u64,
    undeclared: u32,
    names: u32,
}

impl Seen<'_> {
    /// The declared field with this place occurred.
    #[inline]
    pub fn field(&self, place: usize) {
        self.side.fields.mark(place, self.body);
    }

    /// Something undeclared has this name.
    pub fn name(&mut self, name: &str) {
        let Some(left) = self.names.checked_sub(1) else { return };
        self.names = left;
        // Another thread is at it: nobody waits to be counted.
        if let Ok(mut names) = self.side.names.try_lock() {
            names.note(name, self.person, self.body);
        }
    }

    /// Something undeclared occurred.
    pub fn undeclared(&mut self) {
        self.undeclared = self.undeclared.saturating_add(1);
    }

    /// Counts what was seen, once for each body: `whole` where it was walked to its end.
    pub fn count(self, whole: bool) {
        if whole {
            self.side.bodies.fetch_add(1, Relaxed);
        }
        if self.undeclared > 0 {
            self.side.undeclared.fetch_add(u64::from(self.undeclared), Relaxed);
            self.side.with_undeclared.fetch_add(1, Relaxed);
        }
    }
}
