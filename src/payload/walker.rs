//! Declared fields, compiled for the format that has them: the one thing that the rooms above ask to walk a body.

use super::caps::Caps;
use super::flat::Names;
use super::format::Format;
use super::kserve::{self, Tensors};
use super::layout::{Clash, FieldId, Layout, Undeclared};
use super::media::Envelope;
use super::path::{Path, Step};
use super::shapes::Shapes;
use super::stop::Stop;
use super::text::Whole;
use super::value::Visitor;
use super::{csv, form, json, mlflow, multipart, ndjson, openai_chat, text, tf_serving};

/// Which way a body goes. A format may be another in its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the caller to the upstream.
    Request,
    /// From the upstream to the caller.
    Response,
}

/// What is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// The fields' paths; the place in the list is the field's [`FieldId`].
    pub paths: &'a [Path],
    /// What becomes of everything else.
    pub undeclared: Undeclared,
    /// In JSON, a path whose first `[*]` is the array that has the rows, if rows matter. Formats that have rows of
    /// their own need none.
    pub rows: Option<&'a Path>,
}

/// Walks the bodies of one format and one direction.
#[derive(Clone, Debug)]
pub struct Walker {
    format: Format,
    /// For each field whether it belongs to a row; else it is of the whole body.
    in_row: Box<[bool]>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Json(Layout),
    KserveV2(Tensors),
    Shapes(Shapes),
    Ndjson(Layout),
    Csv(Names, Direction),
    Form(Names),
    Multipart(Names),
    Text(Whole),
}

impl Walker {
    /// Compiles declared fields for a format.
    ///
    /// # Errors
    /// The first path that contradicts an earlier one, or that the format has no place for.
    pub fn compile(format: Format, direction: Direction, declared: Declared<'_>) -> Result<Self, Clash> {
        let Declared { paths, undeclared, rows } = declared;
        let all = |in_row| vec![in_row; paths.len()].into_boxed_slice();
        let (kind, in_row) = match format {
            Format::Json => {
                let prefix = rows.and_then(row_prefix);
                let layout = json::layout(paths, undeclared, prefix)?;
                let under = |path: &Path| prefix.is_some_and(|prefix| path.steps().starts_with(prefix));
                (Kind::Json(layout), paths.iter().map(under).collect())
            }
            Format::KserveV2 => {
                let (tensors, in_row) = Tensors::compile(direction, declared)?;
                (Kind::KserveV2(tensors), in_row)
            }
            Format::Mlflow => {
                let (shapes, in_row) = mlflow::compile(direction, paths, undeclared)?;
                (Kind::Shapes(shapes), in_row)
            }
            Format::TfServing => {
                let (shapes, in_row) = tf_serving::compile(direction, paths, undeclared)?;
                (Kind::Shapes(shapes), in_row)
            }
            Format::OpenaiChat => {
                let layout = openai_chat::compile(paths, undeclared)?;
                (Kind::Json(layout), all(false))
            }
            Format::Ndjson => (Kind::Ndjson(Layout::compile(paths, undeclared)?), all(true)),
            Format::Csv => {
                (Kind::Csv(Names::compile(format, paths, undeclared, false)?, direction), all(true))
            }
            Format::Form => (Kind::Form(Names::compile(format, paths, undeclared, true)?), all(false)),
            Format::Multipart => (Kind::Multipart(multipart::compile(paths, undeclared)?), all(false)),
            Format::Text => (Kind::Text(Whole::compile(paths, undeclared)?), all(false)),
        };
        Ok(Self { format, in_row, kind })
    }

    /// Tells the walker of requests what the answer's fields are: where callers of a format say which parts of an answer
    /// they want, they may name these and nothing else. Without it, they may name none.
    #[must_use]
    pub fn answered_by(mut self, fields: &[Path]) -> Self {
        if let Kind::KserveV2(tensors) = &mut self.kind {
            tensors.may_ask_for(fields);
        }
        self
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether a field belongs to a row.
    pub fn has_rows(&self) -> bool {
        self.in_row.contains(&true)
    }

    /// The row that a value belongs to, and its indices within it; without a row it is of the whole body. `at` is what
    /// [`Visitor::value`] was given.
    pub fn row<'a>(&self, field: FieldId, at: &'a [u32]) -> (Option<u32>, &'a [u32]) {
        let in_row = self.in_row.get(field.index()).is_some_and(|in_row| *in_row);
        match at.split_first() {
            // In JSON the name has the `[*]` of the rows, so its index stays with the value.
            Some((row, _)) if in_row && self.format == Format::Json => (Some(*row), at),
            Some((row, within)) if in_row => (Some(*row), within),
            _ => (None, at),
        }
    }

    /// Walks a body and writes it anew to the end of `out`: every untouched byte as it came. What its head must say of
    /// it is the envelope that comes back.
    ///
    /// # Errors
    /// See [`Stop`]. Nothing is added to `out` then.
    pub fn walk<V: Visitor>(
        &self,
        body: &[u8],
        envelope: &Envelope,
        caps: &Caps,
        visitor: &mut V,
        out: &mut Vec<u8>,
    ) -> Result<Envelope, Stop<V::Error>> {
        let written = out.len();
        let same = |()| envelope.clone();
        let walked = match &self.kind {
            Kind::Json(layout) => json::walk(body, layout, caps, visitor, out).map(same),
            Kind::Ndjson(layout) => ndjson::walk(body, layout, caps, visitor, out).map(same),
            Kind::Csv(names, direction) => csv::walk(body, *direction, names, caps, visitor, out).map(same),
            Kind::Form(names) => form::walk(body, names, caps, visitor, out).map(same),
            Kind::Text(whole) => text::walk(body, *whole, caps, visitor, out).map(same),
            Kind::KserveV2(tensors) => kserve::walk(body, envelope, tensors, caps, visitor, out),
            Kind::Shapes(shapes) => shapes.walk(body, caps, visitor, out).map(|()| envelope.clone()),
            Kind::Multipart(names) => multipart::walk(body, envelope, names, caps, visitor, out),
        };
        if walked.is_err() {
            out.truncate(written);
        }
        walked
    }
}

/// The steps to the array that has the rows, its `[*]` included.
fn row_prefix(path: &Path) -> Option<&[Step]> {
    let every = path.steps().iter().position(|step| *step == Step::Every)?;
    path.steps().get(..=every)
}
