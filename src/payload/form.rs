//! `application/x-www-form-urlencoded`, as the URL standard has it (<https://url.spec.whatwg.org/>, section 5), read
//! strictly: what its serialiser never writes and readers take differently is refused. Nothing but `&` separates pairs.

use std::str::from_utf8;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::caps::{Caps, Tally};
use super::flat::{Names, Seen, index, visit};
use super::stop::{Malformed, Stop};
use super::value::{Kind, Treated, Visitor};

/// What the serialiser leaves alone, but for the space, which is a `+`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Walks the pairs of a body. A left-out pair goes with one `&`; a replaced value is encoded anew behind its name.
pub(super) fn walk<V: Visitor>(
    body: &[u8],
    names: &Names,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<(), Stop<V::Error>> {
    let mut tally = Tally::of(body, caps)?;
    let mut seen = Seen::new(names);
    let (mut name, mut value, mut replacement) = (String::new(), String::new(), String::new());
    let mut written = false;
    let mut rest = plain(body)?;
    let mut offset = 0;
    while !rest.is_empty() {
        let (pair, behind) = rest.split_once('&').unwrap_or((rest, ""));
        if pair.is_empty() || pair.len() + 1 == rest.len() {
            return Err(Malformed { offset, reason: "a pair is empty" }.into());
        }
        tally.member()?;
        let Some((raw_name, raw_value)) = pair.split_once('=') else {
            return Err(Malformed { offset, reason: "a name has no `=` behind it" }.into());
        };
        decode(raw_name, offset, &mut name)?;
        decode(raw_value, offset + raw_name.len() + 1, &mut value)?;
        let treated = match names.named(&name) {
            None => {
                names.undeclared(visitor)?;
                seen.other(&name, offset);
                Treated::LeftOut
            }
            Some(declared) => {
                let before = seen.again(declared, offset)?;
                tally.rows(before + 1)?;
                let at = [index(before)];
                let at = if declared.many { &at[..] } else { &[] };
                visit(visitor, declared.field, at, &value, true, &mut replacement)?
            }
        };
        if treated != Treated::LeftOut {
            if written {
                out.push(b'&');
            }
            written = true;
        }
        match treated {
            Treated::LeftOut => {}
            Treated::Kept => out.extend_from_slice(pair.as_bytes()),
            Treated::Replaced(kind) => {
                out.extend_from_slice(raw_name.as_bytes());
                out.push(b'=');
                encode(kind, &replacement, out);
            }
        }
        offset += pair.len() + 1;
        rest = behind;
    }
    seen.close(visitor)
}

/// A body of the bytes that a serialiser writes.
fn plain(body: &[u8]) -> Result<&str, Malformed> {
    let wrong = body.iter().position(|byte| !byte.is_ascii_graphic() || *byte == b';');
    if let Some(offset) = wrong {
        let reason = if body.get(offset) == Some(&b';') {
            "a semicolon is not escaped, and some readers take it for the end of a pair"
        } else {
            "a byte that must be escaped is not"
        };
        return Err(Malformed { offset, reason });
    }
    from_utf8(body).map_err(|error| Malformed {
        offset: error.valid_up_to(),
        reason: "a byte that must be escaped is not",
    })
}

/// What a name or a value means. `offset` is where it stands.
fn decode(raw: &str, offset: usize, into: &mut String) -> Result<(), Malformed> {
    into.clear();
    if !raw.contains(['%', '+']) {
        into.push_str(raw);
        return Ok(());
    }
    let mut decoded = std::mem::take(into).into_bytes();
    let mut bytes = raw.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|(_, byte)| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err(Malformed {
                        offset: offset + at,
                        reason: "an escape is not two hexadecimal digits",
                    });
                };
                match u8::try_from(high * 16 + low) {
                    Ok(byte) if byte > 0 => byte,
                    _ => return Err(Malformed { offset: offset + at, reason: "an escaped NUL" }),
                }
            }
            plain => plain,
        });
    }
    *into = String::from_utf8(decoded)
        .map_err(|_| Malformed { offset, reason: "an escaped text is not valid UTF-8" })?;
    Ok(())
}

fn encode(kind: Kind, text: &str, out: &mut Vec<u8>) {
    if kind == Kind::Null {
        return;
    }
    for (number, word) in text.split(' ').enumerate() {
        if number > 0 {
            out.push(b'+');
        }
        utf8_percent_encode(word, ESCAPED).for_each(|piece| out.extend_from_slice(piece.as_bytes()));
    }
}

#[cfg(test)]
mod tests;
