//! What a walk tells of fields that are not there, or not as declared.

use super::walk::{Frame, Walk};
use crate::payload::layout::{Members, NodeId, Rows, Shape};
use crate::payload::{Kind, Stop, Visitor};

impl<V: Visitor> Walk<'_, V> {
    /// At the end of an object.
    #[inline]
    pub(super) fn report_missing(
        &mut self,
        members: Members,
        seen: u64,
        more: usize,
    ) -> Result<(), Stop<V::Error>> {
        let count = members.count();
        if count >= 64 || seen != (1 << count) - 1 {
            self.report_unseen(members, seen, more)?;
        }
        self.scratch.seen.truncate(more);
        Ok(())
    }

    fn report_unseen(&mut self, members: Members, seen: u64, more: usize) -> Result<(), Stop<V::Error>> {
        for number in 0..members.count() {
            let word = match number.checked_sub(64) {
                None => seen,
                Some(beyond) => self.scratch.seen.get(more + beyond as usize / 64).copied().unwrap_or(0),
            };
            if word & (1 << (number % 64)) == 0
                && let Some(node) = self.layout.nth(members, number)
            {
                self.report_missing_all(node)?;
            }
        }
        Ok(())
    }

    pub(super) fn report_missing_all(&mut self, node: NodeId) -> Result<(), Stop<V::Error>> {
        self.layout
            .below(node)
            .iter()
            .try_for_each(|&field| self.visitor.missing(field))
            .map_err(Stop::Visitor)
    }

    /// Steps over a single value in the place of an object or array. `null` says that there is none, but for the body as a
    /// whole, a row and a column: of these as many are counted as come. Anything else is another shape.
    #[cold]
    pub(super) fn absent(&mut self, node: NodeId, within: Option<&Frame>) -> Result<(), Stop<V::Error>> {
        // What is no JSON at all (`first_name=Ada` begins like `false`) is said to be that.
        let scalar = self.cursor.scalar()?;
        let container = matches!(self.layout.shape(node), Shape::Object(_) | Shape::Array(_, Rows::None));
        if scalar.kind == Kind::Null && container && within.is_some_and(Frame::has_no_rows) {
            return self.report_missing_all(node);
        }
        Err(self.misshapen(node))
    }

    /// At the end of a list of parts: one without the field in any of them lacks it.
    pub(super) fn end_parts(&mut self) -> Result<(), Stop<V::Error>> {
        match self.scratch.lacking.pop().flatten() {
            Some(field) => self.visitor.missing(field).map_err(Stop::Visitor),
            None => Ok(()),
        }
    }

    /// A value of another shape than the layout has, told by the first field under it.
    pub(super) fn misshapen(&mut self, node: NodeId) -> Stop<V::Error> {
        match self.layout.below(node).first() {
            Some(&field) => Stop::Visitor(self.visitor.misshapen(field)),
            None if node == self.layout.root() => self.cursor.wrong("the body is not an object").into(),
            // A part of a format's own, whose fields are those of what it is a part of.
            None => self.cursor.wrong("an object is expected").into(),
        }
    }
}
