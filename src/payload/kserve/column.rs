//! What is written of one tensor while its elements are visited.

use super::datatype::{Class, Datatype};
use crate::payload::caps::Cap;
use crate::payload::json::encode::encode;
use crate::payload::json::lexer::number_kind;
use crate::payload::stop::Fault;
use crate::payload::{Kind, Treated};

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As JSON, in one array or in arrays within one another.
    Json,
    /// One after the other, little-endian.
    Binary,
}

/// An element as it came.
#[derive(Clone, Copy)]
pub(super) struct Came<'a> {
    pub(super) kind: Kind,
    /// What it means.
    pub(super) text: &'a str,
    /// Its bytes in the body.
    pub(super) raw: Raw<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// A token.
    Json(&'a [u8]),
    /// With the length before it, where it has one.
    Binary(&'a [u8]),
}

/// A tensor's data anew.
pub(super) struct Column<'s> {
    came: Datatype,
    /// What it has to be called now.
    pub(super) datatype: Datatype,
    pub(super) form: Form,
    /// The sizes of the arrays that a row consists of; of none where it is so many elements of the one array.
    nested: &'s [u64],
    /// How many elements a row has.
    per_row: usize,
    /// What the elements that are written are. A tensor holds one class.
    class: Option<Class>,
    pub(super) out: Vec<u8>,
    /// Rows that are written, empty ones included.
    pub(super) rows: u64,
    /// Whether an element was written, and whether one was left out.
    pub(super) wrote: bool,
    pub(super) left: bool,
    /// How many bytes of empty rows may still be written.
    pub(super) room: usize,
}

impl<'s> Column<'s> {
    pub(super) fn new(came: Datatype, form: Form, nested: &'s [u64], per_row: usize, room: usize) -> Self {
        Self {
            came,
            datatype: came,
            form,
            nested,
            per_row,
            class: None,
            out: if form == Form::Json { b"[".to_vec() } else { Vec::new() },
            rows: 0,
            wrote: false,
            left: false,
            room,
        }
    }

    /// Opens an array within a row.
    pub(super) fn open(&mut self) {
        self.comma();
        self.out.push(b'[');
    }

    pub(super) fn close(&mut self) {
        self.out.push(b']');
    }

    /// An element as the visitor wants it; `None` where it cannot stand beside the others.
    #[inline]
    pub(super) fn put(&mut self, came: Came<'_>, treated: Treated, replacement: &str) -> Option<()> {
        match (treated, self.form, came.raw) {
            (Treated::Kept, Form::Json, Raw::Json(raw)) => {
                self.with(came.kind, came.text, true)?;
                self.wrote = true;
                self.comma();
                self.out.extend_from_slice(raw);
                Some(())
            }
            _ => self.put_otherwise(came, treated, replacement),
        }
    }

    fn put_otherwise(&mut self, came: Came<'_>, treated: Treated, replacement: &str) -> Option<()> {
        let (kind, text) = match treated {
            Treated::LeftOut => {
                self.left = true;
                return Some(());
            }
            Treated::Kept => (came.kind, came.text),
            Treated::Replaced(kind) => (kind, replacement),
        };
        let kept = treated == Treated::Kept;
        let datatype = self.with(kind, text, kept)?;
        self.wrote = true;
        if self.form == Form::Binary {
            match came.raw {
                Raw::Binary(raw) if kept => {
                    self.out.extend_from_slice(raw);
                    return Some(());
                }
                _ if datatype == self.came && datatype.write(kind, text, &mut self.out).is_some() => {
                    return Some(());
                }
                _ => self.turn_to_json()?,
            }
        }
        self.datatype = datatype;
        self.comma();
        encode(kind, text, &mut self.out)
    }

    /// Writes rows of nothing.
    pub(super) fn empty(&mut self, rows: u32) -> Result<(), Fault> {
        for _ in 0..rows {
            self.empty_row()?;
            self.rows += 1;
        }
        Ok(())
    }

    fn empty_row(&mut self) -> Result<(), Fault> {
        if self.form == Form::Binary && self.per_row > 0 {
            let mut nothing = Vec::new();
            if self.came.write(Kind::Null, "", &mut nothing).is_some() {
                for _ in 0..self.per_row {
                    self.spend(nothing.len())?;
                    self.out.extend_from_slice(&nothing);
                }
                return Ok(());
            }
            // INVARIANT: what was written in binary was read from binary, so it can be read again.
            let _spelled = self.turn_to_json();
        }
        if self.nested.is_empty() {
            return (0..self.per_row).try_for_each(|_| self.nothing());
        }
        let nested = self.nested;
        self.spend(2)?;
        self.open();
        // How many elements each open array has so far.
        let mut open = vec![0_u64];
        while let Some(size) = nested.get(open.len().wrapping_sub(1)) {
            let deepest = open.len() == nested.len();
            match open.last_mut() {
                Some(begun) if *begun < *size => *begun += 1,
                _ => {
                    open.pop();
                    self.close();
                    continue;
                }
            }
            if !deepest {
                self.spend(2)?;
                self.open();
                open.push(0);
            } else {
                self.nothing()?;
            }
        }
        Ok(())
    }

    fn nothing(&mut self) -> Result<(), Fault> {
        self.spend(b",null".len())?;
        self.comma();
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    /// An answer's shape says how large a row is, and another's denial how many are empty: their product is nobody's plan.
    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.room = self.room.checked_sub(bytes).ok_or(Fault::TooLarge(Cap::Bytes))?;
        Ok(())
    }

    /// The datatype of the tensor with one more element.
    fn with(&mut self, kind: Kind, text: &str, kept: bool) -> Option<Datatype> {
        let class = match kind {
            Kind::Null => return Some(self.datatype),
            Kind::String => Class::Text,
            Kind::Boolean => Class::Truth,
            Kind::Integer | Kind::Number => Class::Number,
            Kind::Untyped | Kind::File => return None,
        };
        if *self.class.get_or_insert(class) != class {
            return None;
        }
        Some(match class {
            _ if kept => self.datatype,
            Class::Text => Datatype::Bytes,
            Class::Truth => Datatype::Bool,
            Class::Number => {
                number_kind(text)?;
                self.datatype.with(kind, text)
            }
        })
    }

    /// Writes as JSON what was written in binary: from here on the type may be another.
    fn turn_to_json(&mut self) -> Option<()> {
        let binary = std::mem::replace(&mut self.out, b"[".to_vec());
        self.form = Form::Json;
        let mut rest = &*binary;
        let mut text = String::new();
        while !rest.is_empty() {
            text.clear();
            let (kind, raw, behind) = element(self.came, rest, &mut text)?;
            self.comma();
            let text = match (kind, raw.get(4..)) {
                (Kind::String, Some(raw)) => std::str::from_utf8(raw).ok()?,
                _ => &text,
            };
            encode(kind, text, &mut self.out)?;
            rest = behind;
        }
        Some(())
    }

    /// No text begins with a bracket and ends there: texts are in quotes.
    fn comma(&mut self) {
        if self.out.last() != Some(&b'[') {
            self.out.push(b',');
        }
    }
}

/// The next binary element: its kind, its bytes, and what follows. Its text is written to `text`, unless it is a text
/// itself: that stands behind the four bytes of its length. `None` where there is no element.
pub(super) fn element<'b>(
    datatype: Datatype,
    bytes: &'b [u8],
    text: &mut String,
) -> Option<(Kind, &'b [u8], &'b [u8])> {
    match datatype.width() {
        Some(width) => {
            let (raw, behind) = bytes.split_at_checked(width)?;
            Some((datatype.spell(raw, text)?, raw, behind))
        }
        None => {
            let length = u32::from_le_bytes(*bytes.first_chunk::<4>()?);
            let (raw, behind) = bytes.split_at_checked(usize::try_from(length).ok()?.checked_add(4)?)?;
            Some((Kind::String, raw, behind))
        }
    }
}
