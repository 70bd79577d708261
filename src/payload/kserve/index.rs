//! What a body has: read strictly and to its end, before any value is looked at.

use std::borrow::Cow;

use super::datatype::Datatype;
use super::reader::{Of, Read, Reader};
use super::{Named, Tensors, find};
use crate::payload::caps::{Caps, Tally};
use crate::payload::json::keys::Keys;
use crate::payload::json::lexer::Cursor;
use crate::payload::json::skip::Skipper;
use crate::payload::walker::Direction;
use crate::payload::{FieldId, Kind, Malformed, Stop, Visitor};

/// What of a body is known before its values.
pub(super) struct Index<'a> {
    /// Where the call's number stands.
    pub(super) id: Option<usize>,
    /// What an answer says of its model: its name, its version.
    pub(super) model: [Option<Cow<'a, str>>; 2],
    pub(super) parameters: Vec<Parameter>,
    pub(super) tensors: Vec<Tensor>,
    /// What a caller asks for, where they say so.
    pub(super) outputs: Option<Vec<Output>>,
    /// Whether all declared tensors have as many rows as the first.
    pub(super) level: bool,
}

/// A declared tensor.
pub(super) struct Tensor {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) field: FieldId,
    pub(super) many: bool,
    pub(super) datatype: Datatype,
    pub(super) shape: Vec<u64>,
    pub(super) rows: u32,
    pub(super) per_row: usize,
    pub(super) parameters: Vec<Parameter>,
    pub(super) data: Data,
}

#[derive(Clone, Copy)]
pub(super) enum Data {
    /// Begins here, in one array or in one for each dimension.
    Json { at: usize, nested: bool },
    /// Behind the JSON, from here on.
    Binary { from: usize, size: usize },
}

/// A parameter that may travel.
#[derive(Clone, Copy)]
pub(super) enum Parameter {
    /// A declared one, whose value stands here.
    Field(FieldId, usize),
    /// Of the protocol: how the tensor is coded.
    ContentType(&'static str),
    /// Of the protocol: whether an answer is to be binary.
    Flag(&'static str, bool),
}

/// A tensor that a caller asks for: its place among those that may be asked for.
pub(super) struct Output {
    pub(super) answer: usize,
    pub(super) parameters: Vec<Parameter>,
}

/// Objects and arrays about a member of the root, an element of a list, and a member of that.
const IN_ROOT: usize = 1;
const IN_LIST: usize = 2;
pub(super) const IN_TENSOR: usize = 3;

const NAME_TWICE: &str = "two tensors have one name";
const TOO_LARGE: &str = "a shape is too large";

/// Reads the JSON of a body, with `binary` bytes behind it.
pub(super) fn read<'a, V: Visitor>(
    json: &'a [u8],
    binary: Option<usize>,
    tensors: &Tensors,
    caps: &Caps,
    visitor: &mut V,
) -> Result<Index<'a>, Stop<V::Error>> {
    let mut reader = Reader {
        declared: tensors,
        json,
        cursor: Cursor::new(json)?,
        tally: Tally::of(json, caps)?,
        keys: Keys::default(),
        names: Keys::default(),
        skipper: Skipper::default(),
        binary: 0,
        visitor,
        index: Index {
            id: None,
            model: [None, None],
            parameters: Vec::new(),
            tensors: Vec::new(),
            outputs: None,
            level: true,
        },
    };
    reader.root()?;
    let Reader { binary: announced, mut index, cursor, .. } = reader;
    let fault = |reason| Malformed { offset: cursor.at, reason };
    match binary {
        None if announced > 0 => return Err(fault("no head says where the binary data begins").into()),
        Some(rest) if announced < rest => {
            return Err(fault("there is more binary data than the tensors have").into());
        }
        Some(rest) if announced > rest => {
            return Err(fault("there is less binary data than the tensors have").into());
        }
        _ => {}
    }
    let rows = index.tensors.first().map(|tensor| tensor.rows);
    index.level = index.tensors.iter().all(|tensor| Some(tensor.rows) == rows);
    if tensors.level && !index.level {
        return Err(fault("the tensors have different numbers of rows").into());
    }
    Ok(index)
}

impl<'a, V: Visitor> Reader<'a, '_, V> {
    fn root(&mut self) -> Read<(), V> {
        self.cursor.space();
        let direction = self.declared.direction;
        let mut listed = false;
        self.object(IN_ROOT, |this, key| match (key, direction) {
            ("id", _) => this.id(),
            ("parameters", _) => {
                if !this.null()? {
                    this.index.parameters = this.parameters(Of::Call, IN_ROOT + 1)?.0;
                }
                Ok(())
            }
            ("inputs", Direction::Request) | ("outputs", Direction::Response) => {
                listed = true;
                this.list(Self::tensor)
            }
            ("outputs", Direction::Request) => {
                if this.null()? {
                    return Ok(());
                }
                this.index.outputs = Some(Vec::new());
                this.list(Self::output)
            }
            ("model_name", Direction::Response) => this.model(0),
            ("model_version", Direction::Response) => this.model(1),
            _ => this.undeclared(IN_ROOT),
        })?;
        self.cursor.end()?;
        if !listed {
            let reason = match direction {
                Direction::Request => "the body has no `inputs`",
                Direction::Response => "the body has no `outputs`",
            };
            return Err(Malformed { offset: self.cursor.at, reason }.into());
        }
        Ok(())
    }

    /// A list of things with names, no two of them the same.
    fn list(&mut self, element: impl FnMut(&mut Self) -> Read<(), V>) -> Read<(), V> {
        let mark = self.names.mark();
        self.array(IN_LIST, element)?;
        let twice = |fault: Malformed| Malformed { reason: NAME_TWICE, ..fault };
        Ok(self.names.close(mark, self.json).map_err(twice)?)
    }

    fn id(&mut self) -> Read<(), V> {
        let at = self.cursor.at;
        if let (Some(b'{' | b'['), Some(field)) = (self.cursor.peek(), self.declared.id) {
            return Err(Stop::Visitor(self.visitor.misshapen(field)));
        }
        let scalar = self.cursor.scalar()?;
        if self.declared.id.is_none() && !matches!(scalar.kind, Kind::String | Kind::Null) {
            return Err(Malformed { offset: at, reason: "the id is no string" }.into());
        }
        self.index.id = Some(at);
        Ok(())
    }

    /// An upstream's name for its model, which travels where it is a plain name and nobody's text.
    fn model(&mut self, which: usize) -> Read<(), V> {
        if self.null()? {
            return Ok(());
        }
        let before = self.cursor;
        if self.cursor.peek() == Some(b'"') {
            let name = self.string()?.1;
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
            if (1..=64).contains(&name.len()) && name.bytes().all(good) {
                if let Some(place) = self.index.model.get_mut(which) {
                    *place = Some(name);
                }
                return Ok(());
            }
            self.cursor = before;
        }
        self.undeclared(IN_ROOT)
    }

    /// A tensor that a caller asks for. One that the answer may not have is left out of the question: its name would be
    /// a way for any text to the upstream.
    fn output(&mut self) -> Read<(), V> {
        let at = self.cursor.at;
        let (mut name, mut parameters) = (None, Vec::new());
        self.object(IN_TENSOR, |this, key| {
            match key {
                "name" => name = Some(this.name()?),
                "parameters" => {
                    if !this.null()? {
                        parameters = this.parameters(Of::Output, IN_TENSOR + 1)?.0;
                    }
                }
                _ => this.undeclared(IN_TENSOR)?,
            }
            Ok(())
        })?;
        let name = name.ok_or(Malformed { offset: at, reason: "an output has no name" })?;
        match self.declared.answers.binary_search_by(|answer| (**answer).cmp(&*name)) {
            Ok(answer) => {
                self.index.outputs.get_or_insert_default().push(Output { answer, parameters });
                Ok(())
            }
            Err(_) => self.let_go(),
        }
    }

    fn tensor(&mut self) -> Read<(), V> {
        let at = self.cursor.at;
        let fault = |reason| Err(Malformed { offset: at, reason }.into());
        let (mut name, mut shape, mut datatype) = (None, None, None);
        let (mut parameters, mut binary, mut json) = (Vec::new(), None, None);
        self.object(IN_TENSOR, |this, key| {
            match key {
                "name" => name = Some(this.name()?),
                "shape" => shape = Some(this.shape()?),
                "datatype" => {
                    let at = this.cursor.at;
                    let unknown = Malformed { offset: at, reason: "there is no such datatype" };
                    datatype = Some(Datatype::named(&this.string()?.1).ok_or(unknown)?);
                }
                "parameters" => {
                    if !this.null()? {
                        (parameters, binary) = this.parameters(Of::Tensor, IN_TENSOR + 1)?;
                    }
                }
                "data" => json = Some((this.cursor.at, this.data()?)),
                _ => this.undeclared(IN_TENSOR)?,
            }
            Ok(())
        })?;
        let Some(name) = name else { return fault("a tensor has no name") };
        let Some(shape) = shape else { return fault("a tensor has no shape") };
        let Some(datatype) = datatype else { return fault("a tensor has no datatype") };
        if shape.is_empty() {
            return fault("a tensor has no dimension");
        }
        let Some(per_row) = product(shape.get(1..).unwrap_or_default()) else { return fault(TOO_LARGE) };
        let Some(count) = product(&shape) else { return fault(TOO_LARGE) };
        let data = match (json, binary) {
            (Some((at, (elements, nested))), None) if elements == count && !(nested && shape.len() == 1) => {
                Data::Json { at, nested }
            }
            (None, Some(size))
                if datatype.width().is_none_or(|width| count.checked_mul(width) == Some(size)) =>
            {
                let from = self.binary;
                let Some(to) = from.checked_add(size) else { return fault(TOO_LARGE) };
                self.binary = to;
                Data::Binary { from, size }
            }
            (Some(_), Some(_)) => return fault("a tensor has data in JSON and in binary"),
            // In shared memory, for example, where nobody looks at it.
            (None, None) => return fault("a tensor has no data"),
            _ => return fault("a tensor has another number of elements than its shape says"),
        };
        let Some(Named { field, many, .. }) = find(&self.declared.tensors, &name) else {
            return self.let_go();
        };
        let rows = usize::try_from(shape.first().copied().unwrap_or(0)).unwrap_or(usize::MAX);
        self.tally.rows(rows)?;
        let Ok(rows) = u32::try_from(rows) else { return fault(TOO_LARGE) };
        if !many && per_row != 1 && rows > 0 {
            return Err(Stop::Visitor(self.visitor.misshapen(*field)));
        }
        let (field, many) = (*field, *many);
        self.index.tensors.push(Tensor { at, field, many, datatype, shape, rows, per_row, parameters, data });
        Ok(())
    }
}

fn product(sizes: &[u64]) -> Option<usize> {
    sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?))
}
