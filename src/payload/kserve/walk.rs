//! The second reading: values are visited where the index says that they stand, and written anew.

use super::column::{Came, Column, Form, Raw, element};
use super::datatype::Datatype;
use super::index::{self, Data, Index, Output, Parameter, Tensor};
use super::{BINARY_SIZE, Named, Tensors};
use crate::payload::caps::{Caps, Tally};
use crate::payload::json::encode::encode;
use crate::payload::json::lexer::{Cursor, unescape};
use crate::payload::walker::Direction;
use crate::payload::{Envelope, FieldId, Kind, Malformed, Row, Stop, Treated, Value, Visitor};

/// Walks a body and writes it anew to the end of `out`, values that are kept byte for byte. A tensor whose values no longer
/// fit its type is given one that they fit: `BYTES` where they are texts now, a wider number where they are larger; one
/// that came in binary is written as JSON then.
///
/// # Errors
/// See [`Stop`].
pub(in crate::payload) fn walk<V: Visitor>(
    body: &[u8],
    envelope: &Envelope,
    tensors: &Tensors,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<Envelope, Stop<V::Error>> {
    Tally::of(body, caps)?;
    let (json, binary) = match envelope.json_length {
        None => (body, None),
        Some(length) => {
            let short = Malformed { offset: body.len(), reason: "the body ends before its JSON" };
            let (json, binary) = body.split_at_checked(length).ok_or(short)?;
            (json, Some(binary))
        }
    };
    let index = index::read(json, binary.map(<[u8]>::len), tensors, caps, visitor)?;
    out.reserve(body.len() + body.len() / 4 + 64);
    let mut walk = Walk {
        declared: tensors,
        json,
        binary: binary.unwrap_or_default(),
        level: index.level,
        cursor: Cursor::new(json)?,
        visitor,
        text: String::new(),
        replacement: String::new(),
        seen: vec![false; tensors.fields],
        room: caps.bytes,
        tail: None,
        out,
    };
    let from = walk.out.len();
    walk.root(&index)?;
    walk.missing()?;
    let tail = walk.tail.take();
    let json_length = tail.map(|tail| {
        let length = out.len() - from;
        out.extend_from_slice(&tail);
        length
    });
    Ok(Envelope { json_length, ..envelope.clone() })
}

struct Walk<'a, 'v, V> {
    declared: &'v Tensors,
    json: &'a [u8],
    binary: &'a [u8],
    /// Whether all tensors have the same rows.
    level: bool,
    cursor: Cursor<'a>,
    visitor: &'v mut V,
    text: String,
    replacement: String,
    /// Fields that occurred.
    seen: Vec<bool>,
    /// How many bytes of empty rows may still be written.
    room: usize,
    /// What is written behind the JSON, if anything is.
    tail: Option<Vec<u8>>,
    out: &'v mut Vec<u8>,
}

type Walked<T, V> = Result<T, Stop<<V as Visitor>::Error>>;

const SHAPE: &str = "the data has another shape than the tensor says";

impl<'a, V: Visitor> Walk<'a, '_, V> {
    fn root(&mut self, index: &Index<'a>) -> Walked<(), V> {
        self.out.push(b'{');
        for (key, name) in ["model_name", "model_version"].into_iter().zip(&index.model) {
            if let Some(name) = name {
                self.key(key);
                string(name, self.out);
            }
        }
        if let (Some(field), Some(at)) = (self.declared.id, index.id) {
            self.single(field, at, "id")?;
        }
        self.parameters(&index.parameters, |_| true, None)?;
        self.key(match self.declared.direction {
            Direction::Request => "inputs",
            Direction::Response => "outputs",
        });
        self.out.push(b'[');
        for tensor in &index.tensors {
            self.tensor(tensor)?;
        }
        self.out.push(b']');
        if let Some(outputs) = &index.outputs {
            self.outputs(outputs)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn outputs(&mut self, outputs: &[Output]) -> Walked<(), V> {
        self.key("outputs");
        self.out.push(b'[');
        for output in outputs {
            let Some(name) = self.declared.answers.get(output.answer) else { continue };
            self.comma();
            self.out.push(b'{');
            self.key("name");
            string(name, self.out);
            self.parameters(&output.parameters, |_| true, None)?;
            self.out.push(b'}');
        }
        self.out.push(b']');
        Ok(())
    }

    fn tensor(&mut self, tensor: &Tensor) -> Walked<(), V> {
        self.saw(tensor.field);
        let nested = match tensor.data {
            Data::Json { nested: true, .. } => tensor.shape.get(1..).unwrap_or_default(),
            _ => &[],
        };
        let form = if let Data::Binary { .. } = tensor.data { Form::Binary } else { Form::Json };
        let mut column = Column::new(tensor.datatype, form, nested, tensor.per_row, self.room);
        match tensor.data {
            Data::Json { at, .. } => self.json(tensor, at, nested, &mut column)?,
            Data::Binary { from, size } => {
                let bytes = from.checked_add(size).and_then(|to| self.binary.get(from..to));
                self.binary(tensor, bytes.unwrap_or_default(), &mut column)?;
            }
        }
        let more = self.visitor.rows(tensor.rows).map_err(Stop::Visitor)?;
        self.empty(tensor, more, &mut column)?;
        if column.form == Form::Json {
            column.close();
        }
        self.room = column.room;
        let all_left = column.left && !column.wrote || self.visitor.leaves_out(tensor.field);
        if column.left && !all_left {
            // A row cannot have less than the others.
            return Err(Stop::Unfit(tensor.field));
        }
        let start = self.out.len();
        self.comma();
        self.out.push(b'{');
        self.key("name");
        let name = self.declared.tensors.iter().find(|named| named.field == tensor.field);
        string(name.map_or("", |named: &Named| &named.name), self.out);
        self.key("shape");
        self.out.push(b'[');
        let sizes = tensor.shape.get(1..).unwrap_or_default();
        for size in std::iter::once(&column.rows).chain(sizes) {
            self.comma();
            self.out.extend_from_slice(size.to_string().as_bytes());
        }
        self.out.push(b']');
        self.key("datatype");
        string(column.datatype.word(), self.out);
        // A coding was chosen for what the tensor was.
        let recoded = (column.datatype == Datatype::Bytes) != (tensor.datatype == Datatype::Bytes);
        let stays = |parameter: &Parameter| !(recoded && matches!(parameter, Parameter::ContentType(_)));
        let size = (column.form == Form::Binary).then_some(column.out.len());
        self.parameters(&tensor.parameters, stays, size)?;
        if column.form == Form::Json {
            self.key("data");
            self.out.extend_from_slice(&column.out);
        }
        self.out.push(b'}');
        if all_left {
            self.out.truncate(start);
        } else if column.form == Form::Binary {
            self.tail.get_or_insert_default().extend_from_slice(&column.out);
        }
        Ok(())
    }

    fn json(&mut self, tensor: &Tensor, at: usize, nested: &[u64], column: &mut Column<'_>) -> Walked<(), V> {
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
    fn step(&mut self, byte: u8) -> Walked<(), V> {
        self.cursor.space();
        if self.cursor.peek() != Some(byte) {
            return Err(Malformed { offset: self.cursor.at, reason: SHAPE }.into());
        }
        self.cursor.at += 1;
        self.cursor.space();
        Ok(())
    }

    fn token(
        &mut self,
        tensor: &Tensor,
        row: u32,
        element: usize,
        visited: bool,
        column: &mut Column<'_>,
    ) -> Walked<(), V> {
        let from = self.cursor.at;
        if let Some(b'[') = self.cursor.peek() {
            return Err(Malformed { offset: from, reason: SHAPE }.into());
        }
        let scalar = self.cursor.scalar()?;
        if !tensor.datatype.reads(scalar.kind, scalar.text.raw) {
            return Err(
                Malformed { offset: from, reason: "an element is not of the tensor's datatype" }.into()
            );
        }
        if !visited {
            return Ok(());
        }
        self.text.clear();
        let text = if scalar.text.escaped {
            let fault = Malformed { offset: from, reason: "the string cannot be read" };
            unescape(scalar.text.raw, &mut self.text).ok_or(fault)?;
            &*self.text
        } else {
            scalar.text.raw
        };
        let raw = Raw::Json(self.json.get(from..self.cursor.at).unwrap_or_default());
        let came = Came { kind: scalar.kind, text, raw };
        visit(self.visitor, &mut self.replacement, tensor, row, element, came, column)
    }

    fn binary(&mut self, tensor: &Tensor, bytes: &[u8], column: &mut Column<'_>) -> Walked<(), V> {
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

    fn empty(&mut self, tensor: &Tensor, rows: u32, column: &mut Column<'_>) -> Walked<(), V> {
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

    /// Writes parameters, if there are any, and among them how much binary data there is.
    fn parameters(
        &mut self,
        parameters: &[Parameter],
        stays: impl Fn(&Parameter) -> bool,
        size: Option<usize>,
    ) -> Walked<(), V> {
        let start = self.out.len();
        self.key("parameters");
        self.out.push(b'{');
        let empty = self.out.len();
        for parameter in parameters.iter().filter(|parameter| stays(parameter)) {
            match *parameter {
                Parameter::Field(field, at) => {
                    let declared = self.declared;
                    let named = declared.parameters.iter().find(|named| named.field == field);
                    self.single(field, at, named.map_or("", |named| &named.name))?;
                }
                Parameter::ContentType(word) => {
                    self.key("content_type");
                    string(word, self.out);
                }
                Parameter::Flag(name, value) => {
                    self.key(name);
                    self.out.extend_from_slice(if value { b"true" } else { b"false" });
                }
            }
        }
        if let Some(size) = size {
            self.key(BINARY_SIZE);
            self.out.extend_from_slice(size.to_string().as_bytes());
        }
        if self.out.len() == empty {
            self.out.truncate(start);
        } else {
            self.out.push(b'}');
        }
        Ok(())
    }

    /// Visits a value that is of the whole body, and writes it with its key.
    fn single(&mut self, field: FieldId, at: usize, key: &str) -> Walked<(), V> {
        self.saw(field);
        self.cursor.at = at;
        let scalar = self.cursor.scalar()?;
        self.text.clear();
        let text = if scalar.text.escaped {
            let fault = Malformed { offset: at, reason: "the string cannot be read" };
            unescape(scalar.text.raw, &mut self.text).ok_or(fault)?;
            &*self.text
        } else {
            scalar.text.raw
        };
        self.replacement.clear();
        let value = Value { kind: scalar.kind, text };
        match self.visitor.value(field, &[], value, &mut self.replacement).map_err(Stop::Visitor)? {
            Treated::LeftOut => {}
            Treated::Kept => {
                let to = self.cursor.at;
                self.key(key);
                self.out.extend_from_slice(self.json.get(at..to).unwrap_or_default());
            }
            Treated::Replaced(kind) => {
                self.key(key);
                encode(kind, &self.replacement, self.out).ok_or(Stop::Unfit(field))?;
            }
        }
        Ok(())
    }

    fn missing(&mut self) -> Walked<(), V> {
        for (field, seen) in (0..=u16::MAX).map(FieldId).zip(&self.seen) {
            if !seen {
                self.visitor.missing(field).map_err(Stop::Visitor)?;
            }
        }
        Ok(())
    }

    fn saw(&mut self, field: FieldId) {
        if let Some(seen) = self.seen.get_mut(field.index()) {
            *seen = true;
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        string(key, self.out);
        self.out.push(b':');
    }

    /// Before a member or an element, unless it is the first: what is written ends with no bracket otherwise.
    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }
}

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

fn string(text: &str, out: &mut Vec<u8>) {
    // A text can always be written.
    let _written = encode(Kind::String, text, out);
}
