//! The second reading: values are visited where the index says that they stand, and written anew.

use super::column::{Column, Form};
use super::datatype::Datatype;
use super::index::{self, Data, Index, Output, Parameter, Tensor};
use super::{BINARY_SIZE, Named, Tensors};
use crate::payload::caps::{Caps, Tally};
use crate::payload::json::encode::{encode, quote};
use crate::payload::json::lexer::{Cursor, unescape};
use crate::payload::walker::Direction;
use crate::payload::{Envelope, FieldId, Malformed, Stop, Treated, Value, Visitor};

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
    out.reserve(body.len() + body.len() / 4);
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

pub(super) struct Walk<'a, 'v, V> {
    declared: &'v Tensors,
    pub(super) json: &'a [u8],
    binary: &'a [u8],
    /// Whether all tensors have the same rows.
    pub(super) level: bool,
    pub(super) cursor: Cursor<'a>,
    pub(super) visitor: &'v mut V,
    pub(super) text: String,
    pub(super) replacement: String,
    /// Fields that occurred.
    seen: Vec<bool>,
    /// How many bytes of empty rows may still be written.
    room: usize,
    /// What is written behind the JSON, if anything is.
    tail: Option<Vec<u8>>,
    out: &'v mut Vec<u8>,
}

pub(super) type Walked<T, V> = Result<T, Stop<<V as Visitor>::Error>>;

impl<'a, V: Visitor> Walk<'a, '_, V> {
    fn root(&mut self, index: &Index<'a>) -> Walked<(), V> {
        self.out.push(b'{');
        for (key, name) in ["model_name", "model_version"].into_iter().zip(&index.model) {
            if let Some(name) = name {
                self.key(key);
                quote(name, self.out);
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
            quote(name, self.out);
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
        quote(name.map_or("", |named: &Named| &named.name), self.out);
        self.key("shape");
        self.out.push(b'[');
        let sizes = tensor.shape.get(1..).unwrap_or_default();
        for size in std::iter::once(&column.rows).chain(sizes) {
            self.comma();
            self.out.extend_from_slice(size.to_string().as_bytes());
        }
        self.out.push(b']');
        self.key("datatype");
        quote(column.datatype.word(), self.out);
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
                    quote(word, self.out);
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
        quote(key, self.out);
        self.out.push(b':');
    }

    /// Before a member or an element, unless it is the first: what is written ends with no bracket otherwise.
    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }
}
