//! Rows of a walk: columns that go with their key, and empty rows that are written in the place of others.

use super::walk::{Frame, Lead, Trail, Walk};
use crate::payload::layout::{NodeId, Rows, Shape};
use crate::payload::{Stop, Visitor};

/// A column that is left out with its key, once it has been visited.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Where its key begins.
    pub(super) start: usize,
    /// What had been written by then, and up to where the body had.
    pub(super) written: usize,
    pub(super) copied: usize,
}

impl<V: Visitor> Walk<'_, V> {
    /// Where a column begins that is left out whole.
    pub(super) fn column_to_drop(&self, node: NodeId, start: usize) -> Option<Column> {
        let Shape::Array(_, Rows::Column) = self.layout.shape(node) else { return None };
        let dropped = self.layout.below(node).iter().all(|&field| self.visitor.leaves_out(field));
        dropped.then_some(Column { start, written: self.out.len(), copied: self.copied })
    }

    /// Takes back what was written of a column that has just been visited and is left out.
    pub(super) fn drop_column(&mut self, parent: &mut Frame) {
        let (Some(column), Frame::Object(object)) = (self.column.take(), parent) else { return };
        self.out.truncate(column.written);
        self.copied = column.copied;
        self.leave_out(&mut object.trail, column.start, self.cursor.at);
    }

    /// Writes rows of nothing before the element that begins at `start`.
    pub(super) fn empty_rows(&mut self, trail: &mut Trail, start: usize, count: u32) {
        if trail.lead == Lead::Kept {
            self.flush(trail.comma);
            (0..count).for_each(|_| self.out.extend_from_slice(b",null"));
            self.copied = trail.comma;
        } else {
            self.flush(start);
            (0..count).for_each(|_| self.out.extend_from_slice(b"null,"));
            self.copied = start;
            // There is no comma in the body that would have to go with the element: see `leave_out`.
            *trail = Trail { lead: Lead::Kept, comma: start };
        }
    }

    /// At the end of an array, at its bracket.
    pub(super) fn end_rows(&mut self, kind: Rows, rows: usize, trail: Trail) -> Result<(), Stop<V::Error>> {
        if kind == Rows::None {
            return Ok(());
        }
        let more = self.visitor.rows(u32::try_from(rows).unwrap_or(u32::MAX)).map_err(Stop::Visitor)?;
        if more > 0 {
            self.flush(self.cursor.at);
            self.copied = self.cursor.at;
            for number in 0..more {
                let first = number == 0 && trail.lead != Lead::Kept;
                self.out.extend_from_slice(if first { b"null" } else { b",null" });
            }
        }
        Ok(())
    }
}
