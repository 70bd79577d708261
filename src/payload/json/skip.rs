//! Values that are stepped over: checked as strictly as any other.

use super::keys::Keys;
use super::lexer::Cursor;
use crate::payload::caps::Tally;
use crate::payload::stop::Fault;

/// What is open within the value that is stepped over.
#[derive(Default)]
pub(in crate::payload) struct Skipper {
    open: Vec<Open>,
}

#[derive(Clone, Copy)]
enum Open {
    /// With the mark of its keys.
    Object(usize),
    /// With the number of its elements so far.
    Array(usize),
}

impl Skipper {
    /// Steps over the value at the cursor, within `depth` open objects and arrays.
    pub(in crate::payload) fn skip(
        &mut self,
        cursor: &mut Cursor<'_>,
        body: &[u8],
        depth: usize,
        tally: &mut Tally<'_>,
        keys: &mut Keys,
    ) -> Result<(), Fault> {
        self.open.clear();
        let mut opened = match cursor.peek() {
            Some(b'{' | b'[') => true,
            _ => {
                cursor.scalar()?;
                false
            }
        };
        loop {
            if opened {
                let object = cursor.peek() == Some(b'{');
                tally.depth(depth + self.open.len() + 1)?;
                cursor.at += 1;
                cursor.space();
                match (object, cursor.peek()) {
                    (true, Some(b'}')) | (false, Some(b']')) => cursor.at += 1,
                    (true, _) => {
                        self.open.push(Open::Object(keys.mark()));
                        key(cursor, body, tally, keys)?;
                        opened = value(cursor)?;
                        continue;
                    }
                    (false, _) => {
                        tally.rows(1)?;
                        self.open.push(Open::Array(1));
                        opened = value(cursor)?;
                        continue;
                    }
                }
            }
            // A value has ended.
            let Some(top) = self.open.last_mut() else { return Ok(()) };
            cursor.space();
            opened = match (top, cursor.peek()) {
                (Open::Object(_), Some(b',')) => {
                    cursor.at += 1;
                    cursor.space();
                    key(cursor, body, tally, keys)?;
                    value(cursor)?
                }
                (Open::Array(rows), Some(b',')) => {
                    *rows += 1;
                    tally.rows(*rows)?;
                    cursor.at += 1;
                    cursor.space();
                    value(cursor)?
                }
                (Open::Object(mark), Some(b'}')) => {
                    keys.close(*mark, body)?;
                    cursor.at += 1;
                    self.open.pop();
                    false
                }
                (Open::Array(_), Some(b']')) => {
                    cursor.at += 1;
                    self.open.pop();
                    false
                }
                (Open::Object(_), _) => return Err(cursor.wrong(Cursor::AFTER_MEMBER).into()),
                (Open::Array(_), _) => return Err(cursor.wrong(Cursor::AFTER_ELEMENT).into()),
            };
        }
    }

    /// Forgets what is open, and gives back what is beyond `most` bytes.
    pub(in crate::payload) fn clear(&mut self, most: usize) {
        self.open.clear();
        self.open.shrink_to(most / size_of::<Open>());
    }
}

#[inline]
fn key(cursor: &mut Cursor<'_>, body: &[u8], tally: &mut Tally<'_>, keys: &mut Keys) -> Result<(), Fault> {
    let at = cursor.at + 1;
    let key = cursor.key()?;
    tally.member()?;
    keys.push(at, key, body)?;
    Ok(())
}

/// Steps over a scalar; `true`, and nothing done, where an object or array begins.
#[inline]
fn value(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    if let Some(b'{' | b'[') = cursor.peek() {
        return Ok(true);
    }
    cursor.scalar()?;
    Ok(false)
}
