//! Memory that a thread keeps between bodies, so that a field costs no allocation.

use std::cell::Cell;

use super::keys::Keys;
use super::skip::Skipper;
use super::walk::Frame;
use crate::payload::FieldId;

thread_local! {
    static KEPT: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// What a walk or a search needs beside the body. Empty, but for its capacity, whenever it is lent.
#[derive(Default)]
pub(super) struct Scratch {
    /// The objects and arrays about the innermost.
    pub(super) parents: Vec<Frame>,
    /// The index in each open array.
    pub(super) indices: Vec<u32>,
    /// Members seen, beyond the first 64 of an object.
    pub(super) seen: Vec<u64>,
    /// The marks of the keys of the objects on the way.
    pub(super) marks: Vec<usize>,
    /// For each open list of parts its field, until it has come in one of them.
    pub(super) lacking: Vec<Option<FieldId>>,
    pub(super) keys: Keys,
    pub(super) skipper: Skipper,
    pub(super) unescaped: String,
    pub(super) replacement: String,
}

impl Scratch {
    /// More than this many bytes of each part are not kept.
    const MOST: usize = 16 * 1024;

    /// Lends the thread's scratch. A walk within a walk gets one of its own.
    pub(super) fn lend<T>(use_it: impl FnOnce(&mut Self) -> T) -> T {
        let mut scratch = KEPT.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let result = use_it(&mut scratch);
        scratch.clear();
        // Where the thread is ending there is nothing to keep it for.
        let _ = KEPT.try_with(|kept| kept.set(Some(scratch)));
        result
    }

    /// The field of the innermost list of parts has come.
    pub(super) fn has_part(&mut self) {
        if let Some(lacking) = self.lacking.last_mut() {
            *lacking = None;
        }
    }

    fn clear(&mut self) {
        let Self { parents, indices, seen, marks, lacking, keys, skipper, unescaped, replacement } = self;
        clear(parents);
        clear(indices);
        clear(seen);
        clear(marks);
        clear(lacking);
        keys.clear(Self::MOST);
        skipper.clear(Self::MOST);
        for text in [unescaped, replacement] {
            text.clear();
            if text.capacity() > Self::MOST {
                text.shrink_to(0);
            }
        }
    }
}

fn clear<T>(list: &mut Vec<T>) {
    list.clear();
    if list.capacity() * size_of::<T>() > Scratch::MOST {
        list.shrink_to(0);
    }
}
