//! The walk: one pass over a body, treating what a layout declares and copying the spans between.

use super::encode::encode;
use super::keys::DUPLICATE;
use super::lexer::{Cursor, Text, unescape};
use super::rows::Column;
use super::scratch::Scratch;
use crate::payload::caps::{Caps, Tally};
use crate::payload::layout::{Layout, Members, NodeId, Rows, Shape, Undeclared};
use crate::payload::stop::Fault;
use crate::payload::{FieldId, Malformed, Row, Stop, Treated, Value, Visitor};

/// Walks a JSON body and writes it anew to the end of `out`: every untouched byte as it came, a left-out member without
/// its key and with one separator less, a replaced value encoded. A body that nothing is done to is one copy.
///
/// The visitor sees each declared scalar in the order of the body; at the end of each object, [`Visitor::missing`] for
/// each declared field that it lacks (for an absent container, and for `null` in its place, all fields below it; an empty
/// array lacks nothing). Undeclared keys go with all they hold, which is checked as strictly as the rest.
///
/// # Errors
/// See [`Stop`]. Nothing is added to `out` then.
pub fn walk<V: Visitor>(
    body: &[u8],
    layout: &Layout,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<(), Stop<V::Error>> {
    let mut tally = Tally::of(body, caps)?;
    let written = out.len();
    let result = document(body, layout, &mut tally, &[], visitor, out);
    if result.is_err() {
        out.truncate(written);
    }
    result
}

/// Walks one document of several that are counted together. `at` are the indices before those of its own arrays. What
/// was written before an error stays in `out`.
pub(in crate::payload) fn document<V: Visitor>(
    body: &[u8],
    layout: &Layout,
    tally: &mut Tally<'_>,
    at: &[u32],
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<(), Stop<V::Error>> {
    let cursor = Cursor::new(body)?;
    Scratch::lend(|scratch| {
        scratch.indices.extend_from_slice(at);
        let (tally_so_far, copied, column, parts) = (*tally, 0, None, None);
        let mut walk =
            Walk { body, layout, tally: tally_so_far, cursor, visitor, out, copied, column, parts, scratch };
        let result = walk.run();
        tally.counts(&walk.tally);
        result
    })
}

/// Steps over one document of several, checked as strictly as if it were walked.
pub(in crate::payload) fn skip(body: &[u8], tally: &mut Tally<'_>) -> Result<(), Fault> {
    let mut cursor = Cursor::new(body)?;
    Scratch::lend(|scratch| {
        let Scratch { skipper, keys, .. } = scratch;
        cursor.space();
        skipper.skip(&mut cursor, body, 0, tally, keys)?;
        Ok(cursor.end()?)
    })
}

/// An open object or array that the layout knows.
#[derive(Clone, Copy)]
pub(super) enum Frame {
    Object(Object),
    Array(Array),
}

impl Frame {
    /// Whether what is directly within it is no row and no cell of a column.
    pub(super) fn has_no_rows(&self) -> bool {
        match self {
            Self::Object(_) => true,
            Self::Array(array) => array.kind == Rows::None,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Object {
    members: Members,
    /// A bit for each of the first 64 members.
    seen: u64,
    /// Where the bits of the others begin in the scratch.
    more: usize,
    /// The mark of the undeclared keys.
    keys: usize,
    /// The member that is expected next: bodies mostly have their keys in the order of the policy.
    next: u32,
    pub(super) trail: Trail,
}

#[derive(Clone, Copy)]
pub(super) struct Array {
    element: NodeId,
    kind: Rows,
    rows: usize,
    trail: Trail,
    /// Where a column that is left out whole began.
    column: Option<Column>,
    /// Whether it is a list of parts, in which a field may be that is elsewhere a single value.
    parts: bool,
}

/// What has become of the members or elements so far.
#[derive(Clone, Copy)]
pub(super) struct Trail {
    pub(super) lead: Lead,
    /// Where the last comma stands.
    pub(super) comma: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// There was none.
    Fresh,
    /// There were some, and all were left out.
    Dropped,
    /// One is in the output: the next needs its comma.
    Kept,
}

impl Trail {
    pub(super) const NEW: Self = Self { lead: Lead::Fresh, comma: 0 };
}

/// Why the members or elements of a frame are left for now.
enum Pause {
    /// The value at the cursor is an object or array on the way to a field.
    Inner(NodeId),
    /// The frame has ended; the cursor stands behind it.
    End,
}

pub(super) struct Walk<'a, V> {
    pub(super) body: &'a [u8],
    pub(super) layout: &'a Layout,
    pub(super) tally: Tally<'a>,
    /// Where the walk stands between frames. Within one, a copy of it is used, which the compiler keeps in registers.
    pub(super) cursor: Cursor<'a>,
    pub(super) visitor: &'a mut V,
    pub(super) out: &'a mut Vec<u8>,
    /// Bytes of the body that are written or left out.
    pub(super) copied: usize,
    /// The column about to be entered, or just left, that goes with its key.
    pub(super) column: Option<Column>,
    /// The field whose list of parts is about to be entered.
    pub(super) parts: Option<FieldId>,
    pub(super) scratch: &'a mut Scratch,
}

impl<'a, V: Visitor> Walk<'a, V> {
    fn run(&mut self) -> Result<(), Stop<V::Error>> {
        self.run_from(self.layout.root())
    }

    pub(super) fn run_from(&mut self, root: NodeId) -> Result<(), Stop<V::Error>> {
        self.cursor.space();
        let Some(mut frame) = self.enter(root, 1, None)? else { return self.finish() };
        // Whether a value of the frame has just ended, and a comma or the end must follow.
        let mut after = false;
        loop {
            let pause = match &mut frame {
                Frame::Object(object) => self.members(object, after)?,
                Frame::Array(array) => self.elements(array, after)?,
            };
            after = true;
            match pause {
                Pause::Inner(node) => match self.enter(node, self.scratch.parents.len() + 2, Some(&frame))? {
                    Some(inner) => {
                        self.scratch.parents.push(std::mem::replace(&mut frame, inner));
                        after = false;
                    }
                    None => self.drop_column(&mut frame),
                },
                Pause::End => match self.scratch.parents.pop() {
                    Some(parent) => {
                        if let Frame::Array(array) = frame {
                            self.column = array.column;
                        }
                        frame = parent;
                        self.drop_column(&mut frame);
                    }
                    None => return self.finish(),
                },
            }
        }
    }

    fn finish(&mut self) -> Result<(), Stop<V::Error>> {
        self.cursor.end()?;
        self.flush(self.body.len());
        Ok(())
    }

    /// Enters the object or array at the cursor, the `depth`th that is open, within another if there is one; `None` where
    /// it is empty or `null`, and behind it.
    fn enter(
        &mut self,
        node: NodeId,
        depth: usize,
        within: Option<&Frame>,
    ) -> Result<Option<Frame>, Stop<V::Error>> {
        let shape = self.layout.shape(node);
        match (self.cursor.peek(), shape) {
            (Some(b'{'), Shape::Object(_)) | (Some(b'['), Shape::Array(..)) => {}
            (Some(b'{' | b'['), _) => return Err(self.misshapen(node)),
            _ => return self.absent(node, within).map(|()| None),
        }
        self.tally.depth(depth)?;
        self.cursor.at += 1;
        self.cursor.space();
        let trail = Trail::NEW;
        Ok(Some(match shape {
            Shape::Object(members) => {
                if self.cursor.peek() == Some(b'}') {
                    self.cursor.at += 1;
                    self.report_missing_all(node)?;
                    return Ok(None);
                }
                let more = self.scratch.seen.len();
                self.scratch.seen.resize(more + (members.count() as usize / 64), 0);
                Frame::Object(Object {
                    members,
                    seen: 0,
                    more,
                    keys: self.scratch.keys.mark(),
                    next: 0,
                    trail,
                })
            }
            Shape::Array(element, kind) => {
                let parts = self.parts.take();
                if self.cursor.peek() == Some(b']') {
                    self.end_rows(kind, 0, trail)?;
                    parts.map_or(Ok(()), |field| self.visitor.missing(field)).map_err(Stop::Visitor)?;
                    self.cursor.at += 1;
                    return Ok(None);
                }
                self.scratch.indices.push(0);
                self.scratch.lacking.extend(parts.map(Some));
                let (column, parts) = (self.column.take(), parts.is_some());
                Frame::Array(Array { element, kind, rows: 0, trail, column, parts })
            }
            // Whoever enters has looked at the shape, and at the bracket that goes with it.
            _ => return Err(self.misshapen(node)),
        }))
    }

    /// Treats members up to one on the way to a field, or to the object's end.
    #[inline]
    fn members(&mut self, object: &mut Object, mut after: bool) -> Result<Pause, Stop<V::Error>> {
        let Object { members, mut seen, more, keys, mut next, mut trail } = *object;
        let mut cursor = self.cursor;
        loop {
            if after {
                cursor.space();
                match cursor.peek() {
                    Some(b',') => {
                        trail.comma = cursor.at;
                        cursor.at += 1;
                        cursor.space();
                    }
                    Some(b'}') => {
                        self.scratch.keys.close(keys, self.body)?;
                        self.report_missing(members, seen, more)?;
                        cursor.at += 1;
                        self.cursor = cursor;
                        return Ok(Pause::End);
                    }
                    _ => return Err(cursor.wrong(Cursor::AFTER_MEMBER).into()),
                }
            }
            after = true;
            let start = cursor.at;
            self.drop_comma(trail, start);
            self.tally.member()?;
            let (number, node) = match self.layout.spelled(members, next) {
                Some((key, node)) if cursor.expected_key(key) => (next, node),
                _ => {
                    let key = cursor.key()?;
                    match self.member(members, key, start)? {
                        Some(known) => known,
                        None => {
                            self.cursor = cursor;
                            self.undeclared(start, key)?;
                            cursor = self.cursor;
                            self.leave_out(&mut trail, start, cursor.at);
                            continue;
                        }
                    }
                }
            };
            next = number + 1;
            let word = match number.checked_sub(64) {
                None => Some(&mut seen),
                Some(beyond) => self.scratch.seen.get_mut(more + beyond as usize / 64),
            };
            let bit = 1 << (number % 64);
            match word {
                Some(word) if *word & bit == 0 => *word |= bit,
                _ => return Err(Malformed { offset: start + 1, reason: DUPLICATE }.into()),
            }
            let shape = self.layout.shape(node);
            let Shape::Field(field) = shape else {
                let Some(node) = self.special(&mut cursor, &mut trail, start, node, shape)? else { continue };
                self.column = self.column_to_drop(node, start);
                if self.column.is_none() {
                    trail.lead = Lead::Kept;
                }
                *object = Object { members, seen, more, keys, next, trail };
                self.cursor = cursor;
                return Ok(Pause::Inner(node));
            };
            self.field::<false>(&mut cursor, &mut trail, start, field)?;
        }
    }

    /// Treats elements up to one on the way to a field, or to the array's end.
    #[inline]
    fn elements(&mut self, array: &mut Array, mut after: bool) -> Result<Pause, Stop<V::Error>> {
        let Array { element, kind, mut rows, mut trail, column, parts } = *array;
        let shape = self.layout.shape(element);
        let mut cursor = self.cursor;
        loop {
            if after {
                cursor.space();
                match cursor.peek() {
                    Some(b',') => {
                        trail.comma = cursor.at;
                        cursor.at += 1;
                        cursor.space();
                    }
                    Some(b']') => {
                        self.scratch.indices.pop();
                        self.cursor = cursor;
                        self.end_rows(kind, rows, trail)?;
                        if parts {
                            self.end_parts()?;
                        }
                        self.cursor.at += 1;
                        *array = Array { element, kind, rows, trail, column, parts };
                        return Ok(Pause::End);
                    }
                    _ => return Err(cursor.wrong(Cursor::AFTER_ELEMENT).into()),
                }
            }
            after = true;
            let start = cursor.at;
            self.drop_comma(trail, start);
            let index = u32::try_from(rows).unwrap_or(u32::MAX);
            if let Some(last) = self.scratch.indices.last_mut() {
                *last = index;
            }
            rows += 1;
            self.tally.rows(rows)?;
            if kind != Rows::None {
                match self.visitor.row(index) {
                    Row::Visited => {}
                    Row::LeftOut => {
                        let Scratch { parents, keys, skipper, .. } = &mut *self.scratch;
                        skipper.skip(&mut cursor, self.body, parents.len() + 1, &mut self.tally, keys)?;
                        self.leave_out(&mut trail, start, cursor.at);
                        continue;
                    }
                    Row::After(count) => self.empty_rows(&mut trail, start, count),
                }
            }
            let Shape::Field(field) = shape else {
                let node = self.special(&mut cursor, &mut trail, start, element, shape)?;
                let Some(inner) = node else { continue };
                trail.lead = Lead::Kept;
                *array = Array { element, kind, rows, trail, column, parts };
                self.cursor = cursor;
                return Ok(Pause::Inner(inner));
            };
            if kind == Rows::None {
                self.field::<false>(&mut cursor, &mut trail, start, field)?;
            } else {
                self.field::<true>(&mut cursor, &mut trail, start, field)?;
            }
        }
    }

    /// Where all before are gone, so is the comma behind them.
    #[inline(always)]
    pub(super) fn drop_comma(&mut self, trail: Trail, start: usize) {
        if trail.lead == Lead::Dropped {
            self.copied = start;
        }
    }

    /// The number and place of the member with this key.
    fn member(
        &mut self,
        members: Members,
        key: Text<'_>,
        start: usize,
    ) -> Result<Option<(u32, NodeId)>, Malformed> {
        if !key.escaped {
            return Ok(self.layout.member(members, key.raw.as_bytes()));
        }
        let name = &mut self.scratch.unescaped;
        name.clear();
        unescape(key.raw, name).ok_or(Malformed { offset: start, reason: "the key cannot be read" })?;
        Ok(self.layout.member(members, name.as_bytes()))
    }

    /// Steps over an undeclared member's value, at the cursor.
    pub(super) fn undeclared(&mut self, start: usize, key: Text<'_>) -> Result<(), Stop<V::Error>> {
        if !key.escaped {
            self.visitor.undeclared_name(key.raw);
        }
        self.visitor.undeclared().map_err(Stop::Visitor)?;
        if self.layout.undeclared() == Undeclared::Refuse {
            return Err(Stop::Undeclared);
        }
        let Scratch { parents, keys, skipper, .. } = &mut *self.scratch;
        keys.push(start + 1, key, self.body)?;
        skipper.skip(&mut self.cursor, self.body, parents.len() + 1, &mut self.tally, keys)?;
        Ok(())
    }

    /// Treats a declared value. Where its place counts (`GAP`), `null` stands for one that is left out.
    #[inline(always)]
    pub(super) fn field<const GAP: bool>(
        &mut self,
        cursor: &mut Cursor<'a>,
        trail: &mut Trail,
        start: usize,
        field: FieldId,
    ) -> Result<(), Stop<V::Error>> {
        if let Some(b'{' | b'[') = cursor.peek() {
            return Err(Stop::Visitor(self.visitor.misshapen(field)));
        }
        let from = cursor.at;
        let scalar = cursor.scalar()?;
        let Scratch { indices, unescaped, replacement, .. } = &mut *self.scratch;
        let text = if scalar.text.escaped {
            unescaped.clear();
            unescape(scalar.text.raw, unescaped)
                .ok_or(Malformed { offset: from, reason: "the string cannot be read" })?;
            &*unescaped
        } else {
            scalar.text.raw
        };
        replacement.clear();
        let value = Value { kind: scalar.kind, text };
        match self.visitor.value(field, indices, value, replacement).map_err(Stop::Visitor)? {
            Treated::Kept => trail.lead = Lead::Kept,
            Treated::LeftOut if GAP => {
                trail.lead = Lead::Kept;
                self.flush(from);
                self.out.extend_from_slice(b"null");
                self.copied = cursor.at;
            }
            Treated::LeftOut => self.leave_out(trail, start, cursor.at),
            Treated::Replaced(kind) => {
                trail.lead = Lead::Kept;
                self.flush(from);
                encode(kind, &self.scratch.replacement, self.out).ok_or(Stop::Unfit(field))?;
                self.copied = cursor.at;
            }
        }
        Ok(())
    }

    /// Leaves out what stands from `start` up to `to`, with one comma: the one before it if something stands before that,
    /// else the one after it.
    #[inline]
    pub(super) fn leave_out(&mut self, trail: &mut Trail, start: usize, to: usize) {
        if trail.lead == Lead::Kept {
            self.flush(trail.comma);
            if trail.comma == start {
                // The comma behind the empty rows before it.
                self.out.pop();
            }
        } else {
            trail.lead = Lead::Dropped;
            self.flush(start);
        }
        self.copied = to;
    }

    /// Copies what has not been copied yet, up to `to`.
    #[inline]
    pub(super) fn flush(&mut self, to: usize) {
        self.out.extend_from_slice(self.body.get(self.copied..to).unwrap_or_default());
    }
}
