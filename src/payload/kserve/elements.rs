//! The elements of a tensor, one after the other, row by row.

use super::column::{Came, Column, Raw, element};
use super::index::Tensor;
use super::walk::{Walk, Walked};
use crate::payload::json::lexer::unescape;
use crate::payload::{Kind, Malformed, Row, Stop, Value, Visitor};

const SHAPE: &str = "the data has another shape than the tensor says";

impl<V: Visitor> Walk<'_, '_, V> {
    pub(super) fn json(
        &mut self,
        tensor: &Tensor,
        at: usize,
        nested: &[u64],
        column: &mut Column<'_>,
    ) -> Walked<(), V> {
        self.cursor.at = at;
        self.step(b'[')?;
        let mut open = Vec::new();
        for row in 0..tensor.rows {
            let visited = self.row(tensor, row, column)?;
            if nested.is_empty() {
                for element in 0..tensor.per_row {
                    if row > 0 || element > 0 {
                        self.step(b',')?;
                    }
                    self.token(tensor, row, element, visited, column)?;
                }
            } else {
                if row > 0 {
                    self.step(b',')?;
                }
                self.arrays(tensor, row, nested, &mut open, visited, column)?;
            }
        }
        self.step(b']')
    }

    /// A row that consists of arrays.
    fn arrays(
        &mut self,
        tensor: &Tensor,
        row: u32,
        nested: &[u64],
        open: &mut Vec<u64>,
        visited: bool,
        column: &mut Column<'_>,
    ) -> Walked<(), V> {
        let mut element = 0;
        open.clear();
        open.push(0);
        self.step(b'[')?;
        if visited {
            column.open();
        }
        while let Some(size) = nested.get(open.len().wrapping_sub(1)) {
            let deepest = open.len() == nested.len();
            match open.last_mut() {
                Some(begun) if *begun < *size => {
                    *begun += 1;
                    if *begun > 1 {
                        self.step(b',')?;
                    }
                }
                _ => {
                    self.step(b']')?;
                    if visited {
                        column.close();
                    }
                    open.pop();
                    continue;
                }
            }
            if !deepest {
                self.step(b'[')?;
                if visited {
                    column.open();
                }
                open.push(0);
            } else {
                self.token(tensor, row, element, visited, column)?;
                element += 1;
            }
        }
        Ok(())
    }

    /// Steps over this byte, which the shape has here.
    #[inline]
    fn step(&mut self, byte: u8) -> Walked<(), V> {
        let mut cursor = self.cursor;
        cursor.space();
        if cursor.peek() != Some(byte) {
            return Err(Malformed { offset: cursor.at, reason: SHAPE }.into());
        }
        cursor.at += 1;
        cursor.space();
        self.cursor = cursor;
        Ok(())
    }

    #[inline]
    fn token(
        &mut self,
        tensor: &Tensor,
        row: u32,
        element: usize,
        visited: bool,
        column: &mut Column<'_>,
    ) -> Walked<(), V> {
        // A copy, which the compiler keeps in registers.
        let mut cursor = self.cursor;
        let from = cursor.at;
        if let Some(b'[') = cursor.peek() {
            return Err(Malformed { offset: from, reason: SHAPE }.into());
        }
        let scalar = cursor.scalar()?;
        self.cursor = cursor;
        if !tensor.datatype.reads(scalar.kind, scalar.text.raw) {
            return Err(
                Malformed { offset: from, reason: "an element is not of the tensor's datatype" }.into()
            );
        }
        if !visited {
            return Ok(());
        }
        let text = if scalar.text.escaped {
            self.text.clear();
            let fault = Malformed { offset: from, reason: "the string cannot be read" };
            unescape(scalar.text.raw, &mut self.text).ok_or(fault)?;
            &*self.text
        } else {
            scalar.text.raw
        };
        let raw = Raw::Json(self.json.get(from..cursor.at).unwrap_or_default());
        let came = Came { kind: scalar.kind, text, raw };
        visit(self.visitor, &mut self.replacement, tensor, row, element, came, column)
    }

    pub(super) fn binary(&mut self, tensor: &Tensor, bytes: &[u8], column: &mut Column<'_>) -> Walked<(), V> {
        let fault = |reason| Malformed { offset: tensor.at, reason };
        let mut rest = bytes;
        for row in 0..tensor.rows {
            let visited = self.row(tensor, row, column)?;
            for place in 0..tensor.per_row {
                self.text.clear();
                let none = fault("a binary element is none of the tensor's datatype, or has no end");
                let (kind, raw, behind) = element(tensor.datatype, rest, &mut self.text).ok_or(none)?;
                rest = behind;
                let text = match (kind, raw.get(4..)) {
                    (Kind::String, Some(text)) => {
                        std::str::from_utf8(text).map_err(|_| fault("a binary text is not valid UTF-8"))?
                    }
                    _ => &*self.text,
                };
                if visited {
                    let came = Came { kind, text, raw: Raw::Binary(raw) };
                    visit(self.visitor, &mut self.replacement, tensor, row, place, came, column)?;
                }
            }
        }
        if !rest.is_empty() {
            return Err(fault("a tensor has another number of elements than its shape says").into());
        }
        Ok(())
    }

    /// Asks for a row; whether it is visited.
    fn row(&mut self, tensor: &Tensor, row: u32, column: &mut Column<'_>) -> Walked<bool, V> {
        match self.visitor.row(row) {
            Row::Visited => {}
            Row::LeftOut => {
                self.must_be_level(tensor)?;
                return Ok(false);
            }
            Row::After(count) => self.empty(tensor, count, column)?,
        }
        column.rows += 1;
        Ok(true)
    }

    pub(super) fn empty(&mut self, tensor: &Tensor, rows: u32, column: &mut Column<'_>) -> Walked<(), V> {
        if rows > 0 {
            self.must_be_level(tensor)?;
            column.empty(rows)?;
        }
        Ok(())
    }

    /// Where rows come and go, every tensor must be known to have them.
    fn must_be_level(&self, tensor: &Tensor) -> Walked<(), V> {
        if self.level {
            return Ok(());
        }
        let reason = "the tensors have different numbers of rows";
        Err(Malformed { offset: tensor.at, reason }.into())
    }
}

#[inline]
fn visit<V: Visitor>(
    visitor: &mut V,
    replacement: &mut String,
    tensor: &Tensor,
    row: u32,
    element: usize,
    came: Came<'_>,
    column: &mut Column<'_>,
) -> Walked<(), V> {
    replacement.clear();
    let at = [row, u32::try_from(element).unwrap_or(u32::MAX)];
    let at = if tensor.many { &at[..] } else { &at[..1] };
    let value = Value { kind: came.kind, text: came.text };
    let treated = visitor.value(tensor.field, at, value, replacement).map_err(Stop::Visitor)?;
    column.put(came, treated, replacement).ok_or(Stop::Unfit(tensor.field))
}
