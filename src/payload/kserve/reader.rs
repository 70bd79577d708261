//! The parts of which a body consists, read as strictly as any JSON.

use std::borrow::Cow;

use super::index::{IN_TENSOR, Index, Parameter};
use super::{BINARY, BINARY_OUTPUT, BINARY_SIZE, Tensors, find};
use crate::payload::caps::Tally;
use crate::payload::json::keys::Keys;
use crate::payload::json::lexer::{Cursor, Text, unescape};
use crate::payload::json::skip::Skipper;
use crate::payload::walker::Direction;
use crate::payload::{Kind, Malformed, Stop, Undeclared, Visitor};

pub(super) struct Reader<'a, 't, V> {
    pub(super) declared: &'t Tensors,
    pub(super) json: &'a [u8],
    pub(super) cursor: Cursor<'a>,
    pub(super) tally: Tally<'t>,
    pub(super) keys: Keys,
    /// Of tensors.
    pub(super) names: Keys,
    pub(super) skipper: Skipper,
    /// Bytes of binary data that tensors have so far.
    pub(super) binary: usize,
    pub(super) visitor: &'t mut V,
    pub(super) index: Index<'a>,
}

pub(super) type Read<T, V> = Result<T, Stop<<V as Visitor>::Error>>;

/// Where parameters stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Call,
    Tensor,
    Output,
}

/// Codings that leave a text as it is, so that whoever reads by them reads what was checked here. Base64, and JSON in
/// strings, do not.
const CONTENT_TYPES: [&str; 4] = ["np", "pd", "str", "datetime"];

/// More dimensions than any library has.
const DIMENSIONS: usize = 64;

impl<'a, V: Visitor> Reader<'a, '_, V> {
    /// Hands each key of the object at the cursor to `member`, which reads the value. `depth` objects and arrays are open
    /// within it.
    pub(super) fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, &str) -> Read<(), V>,
    ) -> Read<(), V> {
        if !self.opens(b'{', depth)? {
            return Err(self.cursor.wrong("an object is expected").into());
        }
        let mark = self.keys.mark();
        let mut first = true;
        while self.goes_on(b'}', Cursor::AFTER_MEMBER, &mut first)? {
            let at = self.cursor.at + 1;
            let key = self.cursor.key()?;
            self.tally.member()?;
            self.keys.push(at, key, self.json)?;
            let key = meaning(key, at)?;
            member(self, &key)?;
        }
        Ok(self.keys.close(mark, self.json)?)
    }

    /// Hands the place of each element of the array at the cursor to `element`, which reads it.
    pub(super) fn array(
        &mut self,
        depth: usize,
        mut element: impl FnMut(&mut Self) -> Read<(), V>,
    ) -> Read<(), V> {
        if !self.opens(b'[', depth)? {
            return Err(self.cursor.wrong("an array is expected").into());
        }
        let mut first = true;
        while self.goes_on(b']', Cursor::AFTER_ELEMENT, &mut first)? {
            self.tally.member()?;
            element(self)?;
        }
        Ok(())
    }

    fn opens(&mut self, bracket: u8, depth: usize) -> Read<bool, V> {
        if self.cursor.peek() != Some(bracket) {
            return Ok(false);
        }
        self.tally.depth(depth)?;
        self.cursor.at += 1;
        self.cursor.space();
        Ok(true)
    }

    /// Steps to the next member or element, or behind the end.
    fn goes_on(&mut self, end: u8, wrong: &'static str, first: &mut bool) -> Read<bool, V> {
        self.cursor.space();
        let first = std::mem::replace(first, false);
        match self.cursor.peek() {
            Some(byte) if byte == end => {
                self.cursor.at += 1;
                Ok(false)
            }
            _ if first => Ok(true),
            Some(b',') => {
                self.cursor.at += 1;
                self.cursor.space();
                Ok(true)
            }
            _ => Err(self.cursor.wrong(wrong).into()),
        }
    }

    pub(super) fn string(&mut self) -> Read<(Text<'a>, Cow<'a, str>), V> {
        if self.cursor.peek() != Some(b'"') {
            return Err(self.cursor.wrong("a string is expected").into());
        }
        let at = self.cursor.at;
        let text = self.cursor.string()?;
        Ok((text, meaning(text, at)?))
    }

    /// The name of a tensor, remembered with those of its list.
    pub(super) fn name(&mut self) -> Read<Cow<'a, str>, V> {
        let at = self.cursor.at + 1;
        let (text, name) = self.string()?;
        self.names.push(at, text, self.json)?;
        Ok(name)
    }

    /// Steps over `null`, if it is there: what may be left out may be null.
    pub(super) fn null(&mut self) -> Read<bool, V> {
        if self.cursor.peek() != Some(b'n') {
            return Ok(false);
        }
        self.cursor.scalar()?;
        Ok(true)
    }

    /// Steps over a value that is not declared, within `depth` objects and arrays.
    pub(super) fn undeclared(&mut self, depth: usize) -> Read<(), V> {
        self.let_go()?;
        let Self { cursor, json, tally, keys, skipper, .. } = self;
        Ok(skipper.skip(cursor, json, depth, tally, keys)?)
    }

    /// Whether something that is not declared may be left out.
    pub(super) fn let_go(&mut self) -> Read<(), V> {
        self.visitor.undeclared().map_err(Stop::Visitor)?;
        match self.declared.undeclared {
            Undeclared::Refuse => Err(Stop::Undeclared),
            Undeclared::LeaveOut => Ok(()),
        }
    }

    pub(super) fn shape(&mut self) -> Read<Vec<u64>, V> {
        let mut shape = Vec::new();
        self.array(IN_TENSOR + 1, |this| {
            let size = this.whole("a size is no whole number")?;
            shape.push(size);
            if shape.len() > DIMENSIONS {
                return Err(this.cursor.wrong("a tensor has too many dimensions").into());
            }
            Ok(())
        })?;
        Ok(shape)
    }

    fn whole(&mut self, reason: &'static str) -> Read<u64, V> {
        let fault = Malformed { offset: self.cursor.at, reason };
        let scalar = self.cursor.scalar()?;
        let number = scalar.text.raw.parse().ok().filter(|_| scalar.kind == Kind::Integer);
        Ok(number.ok_or(fault)?)
    }

    /// Steps over data: how many elements there are, and whether any are in arrays within the outermost.
    pub(super) fn data(&mut self) -> Read<(usize, bool), V> {
        // A copy, which the compiler keeps in registers.
        let mut cursor = self.cursor;
        if cursor.peek() != Some(b'[') {
            return Err(cursor.wrong("an array is expected").into());
        }
        let (mut open, mut elements, mut nested) = (0, 0, false);
        loop {
            if cursor.peek() == Some(b'[') {
                open += 1;
                nested |= open > 1;
                self.tally.depth(IN_TENSOR + open)?;
                cursor.at += 1;
                cursor.space();
                if cursor.peek() != Some(b']') {
                    continue;
                }
            } else {
                cursor.scalar()?;
                elements += 1;
            }
            loop {
                cursor.space();
                match cursor.peek() {
                    Some(b',') => {
                        cursor.at += 1;
                        cursor.space();
                        break;
                    }
                    Some(b']') => {
                        cursor.at += 1;
                        open -= 1;
                        if open == 0 {
                            self.cursor = cursor;
                            return Ok((elements, nested));
                        }
                    }
                    _ => return Err(cursor.wrong(Cursor::AFTER_ELEMENT).into()),
                }
            }
        }
    }

    /// Parameters, and how many bytes of binary data they announce.
    pub(super) fn parameters(&mut self, of: Of, depth: usize) -> Read<(Vec<Parameter>, Option<usize>), V> {
        let (mut parameters, mut size) = (Vec::new(), None);
        let asks = self.declared.direction == Direction::Request;
        self.object(depth, |this, key| {
            let at = this.cursor.at;
            match (key, of) {
                (BINARY_SIZE, Of::Tensor) => {
                    let bytes = this.whole("binary_data_size is no whole number")?;
                    size = Some(usize::try_from(bytes).unwrap_or(usize::MAX));
                }
                (BINARY, Of::Output) => parameters.push(Parameter::Flag(BINARY, this.flag()?)),
                (BINARY_OUTPUT, Of::Call) if asks => {
                    parameters.push(Parameter::Flag(BINARY_OUTPUT, this.flag()?));
                }
                _ => match find(&this.declared.parameters, key) {
                    Some(named) => {
                        if let Some(b'{' | b'[') = this.cursor.peek() {
                            return Err(Stop::Visitor(this.visitor.misshapen(named.field)));
                        }
                        this.cursor.scalar()?;
                        parameters.push(Parameter::Field(named.field, at));
                    }
                    None if key == "content_type" => parameters.extend(this.content_type(depth)?),
                    None => this.undeclared(depth)?,
                },
            }
            Ok(())
        })?;
        Ok((parameters, size))
    }

    fn flag(&mut self) -> Read<bool, V> {
        let fault = self.cursor.wrong("true or false is expected");
        let scalar = self.cursor.scalar()?;
        if scalar.kind == Kind::Boolean { Ok(scalar.text.raw == "true") } else { Err(fault.into()) }
    }

    fn content_type(&mut self, depth: usize) -> Read<Option<Parameter>, V> {
        let before = self.cursor;
        if self.cursor.peek() == Some(b'"') {
            let (_, text) = self.string()?;
            if let Some(known) = CONTENT_TYPES.iter().find(|known| **known == text) {
                return Ok(Some(Parameter::ContentType(known)));
            }
            self.cursor = before;
        }
        self.undeclared(depth)?;
        Ok(None)
    }
}

fn meaning(text: Text<'_>, at: usize) -> Result<Cow<'_, str>, Malformed> {
    if !text.escaped {
        return Ok(Cow::Borrowed(text.raw));
    }
    let mut meaning = String::new();
    unescape(text.raw, &mut meaning).ok_or(Malformed { offset: at, reason: "the string cannot be read" })?;
    Ok(Cow::Owned(meaning))
}
