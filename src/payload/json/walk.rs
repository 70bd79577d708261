//! The walk: one pass over a body, treating what a layout declares and copying the spans between.

use super::encode::encode;
use super::keys::DUPLICATE;
use super::lexer::{Cursor, Text, unescape};
use super::scratch::Scratch;
use crate::payload::caps::{Caps, Tally};
use crate::payload::layout::{Layout, Members, NodeId, Shape, Undeclared};
use crate::payload::{FieldId, Malformed, Stop, Treated, Value, Visitor};

/// Walks a JSON body and writes it anew to the end of `out`: every untouched byte as it came, a left-out member without
/// its key and with one separator less, a replaced value encoded. A body that nothing is done to is one copy.
///
/// The visitor sees each declared scalar in the order of the body; at the end of each object, [`Visitor::missing`] for
/// each declared field that it lacks (for an absent container, all fields below it; an empty array lacks nothing).
/// Undeclared keys go with all they hold, which is checked as strictly as the rest.
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
    let tally = Tally::of(body, caps)?;
    let cursor = Cursor::new(body)?;
    let written = out.len();
    let result =
        Scratch::lend(|scratch| Walk { body, layout, tally, cursor, visitor, out, copied: 0, scratch }.run());
    if result.is_err() {
        out.truncate(written);
    }
    result
}

/// An open object or array that the layout knows.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    inside: Inside,
    /// What has become of the members or elements so far.
    lead: Lead,
    /// Where the last comma stands.
    comma: usize,
}

#[derive(Clone, Copy)]
enum Inside {
    Object {
        members: Members,
        /// A bit for each of the first 64 members.
        seen: u64,
        /// Where the bits of the others begin in the scratch.
        more: usize,
        /// The mark of the undeclared keys.
        keys: usize,
        /// The member that is expected next: bodies mostly have their keys in the order of the policy.
        next: u32,
    },
    Array {
        element: NodeId,
        rows: usize,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// There was none.
    Fresh,
    /// There were some, and all were left out.
    Dropped,
    /// One is in the output: the next needs its comma.
    Kept,
}

struct Walk<'a, V> {
    body: &'a [u8],
    layout: &'a Layout,
    tally: Tally<'a>,
    cursor: Cursor<'a>,
    visitor: &'a mut V,
    out: &'a mut Vec<u8>,
    /// Bytes of the body that are written or left out.
    copied: usize,
    scratch: &'a mut Scratch,
}

impl<V: Visitor> Walk<'_, V> {
    fn run(&mut self) -> Result<(), Stop<V::Error>> {
        self.cursor.space();
        let Some(mut frame) = self.enter(self.layout.root(), 1)? else { return self.finish() };
        loop {
            // INVARIANT: the cursor stands where a member or an element must begin.
            if let Some(node) = self.step(&mut frame)? {
                // The value is an object or array on the way to a field, which is always kept.
                frame.lead = Lead::Kept;
                if let Some(inner) = self.enter(node, self.scratch.parents.len() + 2)? {
                    self.scratch.parents.push(frame);
                    frame = inner;
                    continue;
                }
            }
            loop {
                self.cursor.space();
                match (self.cursor.peek(), &frame.inside) {
                    (Some(b','), _) => {
                        frame.comma = self.cursor.at;
                        self.cursor.at += 1;
                        self.cursor.space();
                        break;
                    }
                    (Some(b'}'), &Inside::Object { members, seen, more, keys, .. }) => {
                        self.scratch.keys.close(keys, self.body)?;
                        self.report_missing(members, seen, more)?;
                    }
                    (Some(b']'), Inside::Array { .. }) => {
                        self.scratch.indices.pop();
                    }
                    (_, Inside::Object { .. }) => return Err(self.cursor.wrong(Cursor::AFTER_MEMBER).into()),
                    (_, Inside::Array { .. }) => return Err(self.cursor.wrong(Cursor::AFTER_ELEMENT).into()),
                }
                self.cursor.at += 1;
                match self.scratch.parents.pop() {
                    Some(parent) => frame = parent,
                    None => return self.finish(),
                }
            }
        }
    }

    fn finish(&mut self) -> Result<(), Stop<V::Error>> {
        self.cursor.end()?;
        self.flush(self.body.len());
        Ok(())
    }

    /// Enters the object or array at the cursor, the `depth`th that is open; `None` where it is empty, and behind it.
    fn enter(&mut self, node: NodeId, depth: usize) -> Result<Option<Frame>, Stop<V::Error>> {
        let shape = self.layout.shape(node);
        match (self.cursor.peek(), shape) {
            (Some(b'{'), Shape::Object(_)) | (Some(b'['), Shape::Array(_)) => {}
            (Some(b'{' | b'['), _) => return Err(self.misshapen(node)),
            _ => {
                // What is no JSON at all (`first_name=Ada` begins like `false`) is said to be that.
                self.cursor.scalar()?;
                return Err(self.misshapen(node));
            }
        }
        self.tally.depth(depth)?;
        self.cursor.at += 1;
        self.cursor.space();
        let inside = match shape {
            Shape::Object(members) => {
                if self.cursor.peek() == Some(b'}') {
                    self.cursor.at += 1;
                    self.report_missing_all(node)?;
                    return Ok(None);
                }
                let more = self.scratch.seen.len();
                self.scratch.seen.resize(more + (members.count() as usize / 64), 0);
                Inside::Object { members, seen: 0, more, keys: self.scratch.keys.mark(), next: 0 }
            }
            Shape::Array(element) => {
                if self.cursor.peek() == Some(b']') {
                    self.cursor.at += 1;
                    return Ok(None);
                }
                self.scratch.indices.push(0);
                Inside::Array { element, rows: 0 }
            }
            Shape::Field(field) => return Err(Stop::Visitor(self.visitor.misshapen(field))),
        };
        Ok(Some(Frame { inside, lead: Lead::Fresh, comma: 0 }))
    }

    /// Treats a member or element; `Some`, and its value not read, where that is on the way to a field.
    #[inline]
    fn step(&mut self, frame: &mut Frame) -> Result<Option<NodeId>, Stop<V::Error>> {
        let start = self.cursor.at;
        if frame.lead == Lead::Dropped {
            // Those before are gone, and so is the comma between.
            self.copied = start;
        }
        let node = match &mut frame.inside {
            Inside::Array { element, rows } => {
                *rows += 1;
                self.tally.rows(*rows)?;
                if let Some(index) = self.scratch.indices.last_mut() {
                    *index = u32::try_from(*rows - 1).unwrap_or(u32::MAX);
                }
                *element
            }
            Inside::Object { members, seen, more, next, .. } => {
                self.tally.member()?;
                let expected = self.layout.quoted(*members, *next);
                let known = match expected {
                    Some((quoted, node)) if self.cursor.expected_key(quoted)? => (*next, node),
                    _ => {
                        let key = self.cursor.key()?;
                        match self.member(*members, key, start)? {
                            Some(known) => known,
                            None => {
                                self.undeclared(frame, start, key)?;
                                return Ok(None);
                            }
                        }
                    }
                };
                let (number, node) = known;
                *next = number + 1;
                let word = match number.checked_sub(64) {
                    None => Some(seen),
                    Some(beyond) => self.scratch.seen.get_mut(*more + beyond as usize / 64),
                };
                let bit = 1 << (number % 64);
                match word {
                    Some(word) if *word & bit == 0 => *word |= bit,
                    _ => return Err(Malformed { offset: start + 1, reason: DUPLICATE }.into()),
                }
                node
            }
        };
        match self.layout.shape(node) {
            Shape::Field(field) => self.field(frame, start, field).map(|()| None),
            Shape::Object(_) | Shape::Array(_) => Ok(Some(node)),
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

    fn undeclared(&mut self, frame: &mut Frame, start: usize, key: Text<'_>) -> Result<(), Stop<V::Error>> {
        self.visitor.undeclared().map_err(Stop::Visitor)?;
        if self.layout.undeclared() == Undeclared::Refuse {
            return Err(Stop::Undeclared);
        }
        let Scratch { parents, keys, skipper, .. } = &mut *self.scratch;
        keys.push(start + 1, key, self.body)?;
        skipper.skip(&mut self.cursor, self.body, parents.len() + 1, &mut self.tally, keys)?;
        self.leave_out(frame, start);
        Ok(())
    }

    #[inline]
    fn field(&mut self, frame: &mut Frame, start: usize, field: FieldId) -> Result<(), Stop<V::Error>> {
        if let Some(b'{' | b'[') = self.cursor.peek() {
            return Err(Stop::Visitor(self.visitor.misshapen(field)));
        }
        let from = self.cursor.at;
        let scalar = self.cursor.scalar()?;
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
            Treated::Kept => frame.lead = Lead::Kept,
            Treated::LeftOut => self.leave_out(frame, start),
            Treated::Replaced(kind) => {
                frame.lead = Lead::Kept;
                self.flush(from);
                encode(kind, &self.scratch.replacement, self.out).ok_or(Stop::Unfit(field))?;
                self.copied = self.cursor.at;
            }
        }
        Ok(())
    }

    /// Leaves out what stands between `start` and the cursor, with one comma: the one before it if something stands
    /// before that, else the one after it.
    #[inline]
    fn leave_out(&mut self, frame: &mut Frame, start: usize) {
        if frame.lead == Lead::Kept {
            self.flush(frame.comma);
        } else {
            frame.lead = Lead::Dropped;
            self.flush(start);
        }
        self.copied = self.cursor.at;
    }

    /// Copies what has not been copied yet, up to `to`.
    #[inline]
    fn flush(&mut self, to: usize) {
        if self.copied == 0 {
            // One allocation for most bodies: replacements are mostly about as long as what they replace.
            self.out
                .reserve(self.body.len() + if to < self.body.len() { self.body.len() / 4 + 64 } else { 0 });
        }
        self.out.extend_from_slice(self.body.get(self.copied..to).unwrap_or_default());
    }

    /// At the end of an object.
    #[inline]
    fn report_missing(&mut self, members: Members, seen: u64, more: usize) -> Result<(), Stop<V::Error>> {
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

    fn report_missing_all(&mut self, node: NodeId) -> Result<(), Stop<V::Error>> {
        self.layout
            .below(node)
            .iter()
            .try_for_each(|&field| self.visitor.missing(field))
            .map_err(Stop::Visitor)
    }

    /// A value of another shape than the layout has, told by the first field under it.
    fn misshapen(&mut self, node: NodeId) -> Stop<V::Error> {
        match self.layout.below(node).first() {
            Some(&field) => Stop::Visitor(self.visitor.misshapen(field)),
            // Only the root of an empty layout has no field under it.
            None => self.cursor.wrong("the body is not an object").into(),
        }
    }
}
