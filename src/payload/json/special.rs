//! What formats that are written in JSON have beside fields, objects and arrays.

use super::encode::encode;
use super::lexer::{Cursor, unescape};
use super::scratch::Scratch;
use super::walk::{Lead, Trail, Walk};
use crate::payload::layout::{NodeId, Shape};
use crate::payload::{Kind, Malformed, Stop, Visitor};

impl<'a, V: Visitor> Walk<'a, V> {
    /// Treats what is at the cursor where it is something special, and gives nothing; else the place of the object or
    /// array that has to be entered.
    #[inline]
    pub(super) fn special(
        &mut self,
        cursor: &mut Cursor<'a>,
        trail: &mut Trail,
        start: usize,
        node: NodeId,
        shape: Shape,
    ) -> Result<Option<NodeId>, Stop<V::Error>> {
        match shape {
            Shape::Object(_) | Shape::Array(..) => return Ok(Some(node)),
            Shape::Either(field, array) if cursor.peek() == Some(b'[') => {
                self.parts = Some(field);
                return Ok(Some(array));
            }
            Shape::Part(field) => {
                self.scratch.has_part();
                self.field::<false>(cursor, trail, start, field)?
            }
            Shape::Either(field, _) | Shape::Field(field) => {
                self.field::<false>(cursor, trail, start, field)?
            }
            Shape::Embedded(document) => self.embedded(cursor, trail, document)?,
            Shape::Fixed(texts) => self.fixed(cursor, trail, texts)?,
            Shape::Apart(reason) => return Err(Malformed { offset: start, reason }.into()),
            Shape::Table(table) => self.table(cursor, trail, table)?,
        }
        Ok(None)
    }

    /// A string that the format itself knows: anything else there is something that no policy declares.
    fn fixed(
        &mut self,
        cursor: &mut Cursor<'a>,
        trail: &mut Trail,
        texts: &[&str],
    ) -> Result<(), Stop<V::Error>> {
        if !matches!(cursor.peek(), Some(b'{' | b'[')) {
            let scalar = cursor.scalar()?;
            if scalar.kind == Kind::String && texts.contains(&scalar.text.raw) {
                trail.lead = Lead::Kept;
                return Ok(());
            }
        }
        self.visitor.undeclared().map_err(Stop::Visitor)?;
        // It cannot be left out by itself: what it is said of would be something else then.
        Err(Stop::Undeclared)
    }

    /// A document within a string: walked as the body is, with the same indices before its own, and a string again.
    fn embedded(
        &mut self,
        cursor: &mut Cursor<'a>,
        trail: &mut Trail,
        document: NodeId,
    ) -> Result<(), Stop<V::Error>> {
        if let Some(b'{' | b'[') = cursor.peek() {
            return Err(self.misshapen(document));
        }
        let from = cursor.at;
        let scalar = cursor.scalar()?;
        if scalar.kind != Kind::String {
            return Err(self.misshapen(document));
        }
        trail.lead = Lead::Kept;
        let mut text = String::new();
        let unreadable = Malformed { offset: from, reason: "the string cannot be read" };
        unescape(scalar.text.raw, &mut text).ok_or(unreadable)?;
        let mut out = Vec::new();
        let (layout, indices) = (self.layout, &self.scratch.indices);
        // The document lies within what is open here, and its keys are the body's.
        let tally = self.tally.within(self.scratch.parents.len() + 1);
        let visitor = &mut *self.visitor;
        let counted = &mut self.tally;
        let walked = Scratch::lend(|scratch| {
            scratch.indices.extend_from_slice(indices);
            let cursor = Cursor::new(text.as_bytes())?;
            let body = text.as_bytes();
            let out = &mut out;
            let (copied, column, parts) = (0, None, None);
            let mut walk = Walk { body, layout, tally, cursor, visitor, out, copied, column, parts, scratch };
            let walked = walk.run_from(document);
            counted.counts(&walk.tally);
            walked
        });
        walked.map_err(|stop| match stop {
            // Its own offsets say nothing to whoever sees the body.
            Stop::Malformed(_) => {
                Stop::Malformed(Malformed { offset: from, reason: "a string that must hold JSON does not" })
            }
            other => other,
        })?;
        if out != text.as_bytes() {
            self.flush(from);
            // What a walk writes is UTF-8, as what it reads.
            let written =
                std::str::from_utf8(&out).ok().and_then(|text| encode(Kind::String, text, self.out));
            written.ok_or(Stop::Undeclared)?;
            self.copied = cursor.at;
        }
        Ok(())
    }
}
