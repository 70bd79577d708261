//! How a body begins: which of a few keys it has, and what stands there. Formats whose bodies come in several shapes tell
//! them apart by that.

use super::lexer::{Cursor, unescape};
use super::scratch::Scratch;
use crate::payload::Malformed;
use crate::payload::caps::{Caps, Tally};
use crate::payload::stop::Fault;

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::payload) enum Opening {
    /// An object.
    Object,
    /// An array whose first element is an object.
    Objects,
    /// An array of anything else.
    Values,
    /// An array of nothing.
    Nothing,
}

/// The first of `keys` that the object of a body has, and what stands there; `None` where it has none of them. What is
/// stepped over on the way is checked as strictly as if it were walked.
pub(in crate::payload) fn opening(
    body: &[u8],
    caps: &Caps,
    keys: &[&str],
) -> Result<Option<(usize, Opening)>, Fault> {
    let mut tally = Tally::of(body, caps)?;
    let mut cursor = Cursor::new(body)?;
    cursor.space();
    if cursor.peek() != Some(b'{') {
        return Err(cursor.wrong("the body is not an object").into());
    }
    cursor.at += 1;
    cursor.space();
    Scratch::lend(|scratch| {
        while cursor.peek() == Some(b'"') {
            let start = cursor.at;
            let key = cursor.key()?;
            scratch.unescaped.clear();
            unescape(key.raw, &mut scratch.unescaped)
                .ok_or(Malformed { offset: start, reason: "the key cannot be read" })?;
            if let Some(place) = keys.iter().position(|known| *known == scratch.unescaped) {
                let opening = match cursor.peek() {
                    Some(b'{') => Opening::Object,
                    Some(b'[') => {
                        cursor.at += 1;
                        cursor.space();
                        match cursor.peek() {
                            Some(b'{') => Opening::Objects,
                            Some(b']') => Opening::Nothing,
                            _ => Opening::Values,
                        }
                    }
                    _ => return Err(cursor.wrong("an array or an object is expected").into()),
                };
                return Ok(Some((place, opening)));
            }
            let Scratch { skipper, keys, .. } = scratch;
            skipper.skip(&mut cursor, body, 1, &mut tally, keys)?;
            cursor.space();
            if cursor.peek() != Some(b',') {
                break;
            }
            cursor.at += 1;
            cursor.space();
        }
        Ok(None)
    })
}
