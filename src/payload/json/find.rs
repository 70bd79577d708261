//! One value, found before the walk: whose data a body holds is asked before anything else is done with it.

use std::borrow::Cow;
use std::fmt;

use super::lexer::{Cursor, Text, unescape};
use super::scratch::Scratch;
use crate::payload::caps::{Caps, Tally};
use crate::payload::{Kind, Path, Step, Stop, Value};

/// A scalar that [`find`] found.
#[derive(Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it means, as in [`Value::text`].
    pub text: Cow<'a, str>,
}

impl Found<'_> {
    /// The same as a walk shows it.
    pub fn value(&self) -> Value<'_> {
        Value { kind: self.kind, text: &self.text }
    }
}

/// Hides the text: a value is somebody's.
impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({:?}, …)", self.kind)
    }
}

/// Why a value cannot be found in a well-formed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfound {
    /// The value, or an object on the way to it, has another shape than declared.
    #[error("the body has another shape at the place that is asked for")]
    Misshapen,
    /// The path has a `[*]`: it names many values.
    #[error("the path names more than one value")]
    Many,
}

/// The value at `path` in a JSON body; `None` where it is absent, as it is below `null`. The whole body is read as strictly
/// as [`walk`](super::walk()) reads it, so that the two can never see different values: what one refuses as malformed or too
/// large, so does the other.
///
/// # Errors
/// [`Stop::Malformed`], [`Stop::TooLarge`], or [`Stop::Visitor`] with the reason why there can be no value.
pub fn find<'a>(body: &'a [u8], path: &Path, caps: &Caps) -> Result<Option<Found<'a>>, Stop<Unfound>> {
    let tally = Tally::of(body, caps)?;
    let cursor = Cursor::new(body)?;
    let mut names = Vec::with_capacity(path.steps().len());
    for step in path.steps() {
        match step {
            Step::Member(name) => names.push(&**name),
            Step::Every => return Err(Stop::Visitor(Unfound::Many)),
        }
    }
    Scratch::lend(|scratch| {
        let mut search = Search { body, cursor, tally, names: &names, scratch, found: None };
        search.run()?;
        Ok(search.found)
    })
}

struct Search<'a, 's> {
    body: &'a [u8],
    cursor: Cursor<'a>,
    tally: Tally<'s>,
    names: &'s [&'s str],
    /// INVARIANT: `marks` has one for each open object, and these are the objects on the way, so the name that is looked
    /// for in the innermost is the one at `marks.len() - 1`.
    scratch: &'s mut Scratch,
    found: Option<Found<'a>>,
}

impl<'a> Search<'a, '_> {
    fn run(&mut self) -> Result<(), Stop<Unfound>> {
        self.cursor.space();
        let mut entering = true;
        loop {
            if entering {
                entering = match self.enter()? {
                    false => false,
                    true if self.cursor.peek() == Some(b'}') => self.leave()?,
                    true => self.member()?,
                };
            } else if self.scratch.marks.is_empty() {
                return Ok(self.cursor.end()?);
            } else {
                self.cursor.space();
                entering = match self.cursor.peek() {
                    Some(b'}') => self.leave()?,
                    Some(b',') => {
                        self.cursor.at += 1;
                        self.cursor.space();
                        self.member()?
                    }
                    _ => return Err(self.cursor.wrong(Cursor::AFTER_MEMBER).into()),
                };
            }
        }
    }

    /// `false`: there is none but `null`, and the cursor stands behind it.
    fn enter(&mut self) -> Result<bool, Stop<Unfound>> {
        match self.cursor.peek() {
            Some(b'{') => {}
            Some(b'[') => return Err(Stop::Visitor(Unfound::Misshapen)),
            _ => {
                let null = self.cursor.scalar()?.kind == Kind::Null;
                // Of the body as a whole there is always one.
                let within = !self.scratch.marks.is_empty();
                return if null && within { Ok(false) } else { Err(Stop::Visitor(Unfound::Misshapen)) };
            }
        }
        self.tally.depth(self.scratch.marks.len() + 1)?;
        self.cursor.at += 1;
        self.cursor.space();
        let mark = self.scratch.keys.mark();
        self.scratch.marks.push(mark);
        Ok(true)
    }

    /// `false`: what follows is no object on the way.
    fn leave(&mut self) -> Result<bool, Stop<Unfound>> {
        let mark = self.scratch.marks.pop().unwrap_or(0);
        self.scratch.keys.close(mark, self.body)?;
        self.cursor.at += 1;
        Ok(false)
    }

    /// Reads a member; `true`, and its value not read, where that is the next object on the way.
    fn member(&mut self) -> Result<bool, Stop<Unfound>> {
        let at = self.cursor.at + 1;
        let key = self.cursor.key()?;
        self.tally.member()?;
        self.scratch.keys.push(at, key, self.body)?;
        let name = self.names.get(self.scratch.marks.len() - 1).copied();
        if !name.is_some_and(|name| self.is(key, name)) {
            let Scratch { marks, keys, skipper, .. } = &mut *self.scratch;
            skipper.skip(&mut self.cursor, self.body, marks.len(), &mut self.tally, keys)?;
            return Ok(false);
        }
        if self.scratch.marks.len() < self.names.len() {
            return Ok(true);
        }
        if let Some(b'{' | b'[') = self.cursor.peek() {
            return Err(Stop::Visitor(Unfound::Misshapen));
        }
        let scalar = self.cursor.scalar()?;
        let text = if scalar.text.escaped {
            let mut text = String::new();
            let fault = self.cursor.wrong("the string cannot be read");
            unescape(scalar.text.raw, &mut text).ok_or(fault)?;
            Cow::Owned(text)
        } else {
            Cow::Borrowed(scalar.text.raw)
        };
        // A second value is a duplicate key, at the latest when its object is closed.
        self.found = Some(Found { kind: scalar.kind, text });
        Ok(false)
    }

    fn is(&mut self, key: Text<'_>, name: &str) -> bool {
        if !key.escaped {
            return key.raw == name;
        }
        self.scratch.unescaped.clear();
        unescape(key.raw, &mut self.scratch.unescaped).is_some() && self.scratch.unescaped == name
    }
}
