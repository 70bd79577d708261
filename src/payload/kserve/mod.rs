//! The Open Inference Protocol over HTTP, which KServe, Triton, MLServer and others call V2: a JSON object that has
//! tensors by name, with their data in it or, in Triton's binary extension, behind it.
//!
//! A field is a tensor by its name, `NAME` where each row has one value and `NAME[*]` where it has several; the first
//! dimension are the rows. `parameters.NAME` is a parameter of the call or of one of its tensors, `request.id` the call's
//! own number. Names, shapes and types of tensors are the protocol's; so are the parameters that say how data is written.
//! Everything else is undeclared. The call's number never travels undeclared, and is no reason to refuse a call.
//!
//! A body is read twice: once for what tensors there are ([`index`]), strictly and to its end, and once for their values
//! ([`walk`](self::walk())). What is written is written anew around the values: they are copied.

mod column;
mod datatype;
mod elements;
mod index;
mod reader;
mod walk;

#[cfg(test)]
mod generated;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub(super) use walk::walk;

use super::format::Format;
use super::layout::{Clash, FieldId, Layout, Undeclared};
use super::path::{Path, Step};
use super::walker::{Declared, Direction};

/// The declared fields of one direction.
#[derive(Clone, Debug)]
pub(super) struct Tensors {
    direction: Direction,
    undeclared: Undeclared,
    /// Whether all tensors must have as many rows as the others.
    level: bool,
    fields: usize,
    /// Ordered by name.
    tensors: Box<[Named]>,
    parameters: Box<[Named]>,
    id: Option<FieldId>,
    /// The tensors that a caller may ask for, ordered.
    answers: Box<[Box<str>]>,
}

#[derive(Clone, Debug)]
struct Named {
    name: Box<str>,
    field: FieldId,
    /// Whether a row has several values.
    many: bool,
}

/// What fields are.
const PLACES: &str = "a field is a tensor, `NAME` or with several values a row `NAME[*]`, a parameter, `parameters.NAME`, or the call's `request.id`";
/// Why some parameters are none.
const WRITTEN: &str = "the gateway writes this parameter itself";

/// Parameters that say where data is, or is to be.
const BINARY_SIZE: &str = "binary_data_size";
const BINARY: &str = "binary_data";
const BINARY_OUTPUT: &str = "binary_data_output";

impl Tensors {
    /// With, for each field, whether it is of a row.
    pub(super) fn compile(
        direction: Direction,
        declared: Declared<'_>,
    ) -> Result<(Self, Box<[bool]>), Clash> {
        let Declared { paths, undeclared, rows } = declared;
        Layout::compile(paths, undeclared)?;
        let (mut tensors, mut parameters, mut id) = (Vec::new(), Vec::new(), None);
        for (field, path) in (0..=u16::MAX).map(FieldId).zip(paths) {
            let no_place =
                |reason| Err(Clash::NoPlace { path: path.clone(), field, format: Format::KserveV2, reason });
            let named = |name: &str, many| Named { name: name.into(), field, many };
            match path.steps() {
                [Step::Member(name)] => tensors.push(named(name, false)),
                [Step::Member(name), Step::Every] => tensors.push(named(name, true)),
                [Step::Member(of), Step::Member(name)] if &**of == "parameters" => {
                    if [BINARY_SIZE, BINARY, BINARY_OUTPUT].contains(&&**name) {
                        return no_place(WRITTEN);
                    }
                    parameters.push(named(name, false));
                }
                [Step::Member(of), Step::Member(name)] if (&**of, &**name) == ("request", "id") => {
                    id = Some(field);
                }
                _ => return no_place(PLACES),
            }
        }
        let in_row = paths.iter().map(|path| tensor(path).is_some()).collect();
        let ordered = |mut list: Vec<Named>| {
            list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            list.into_boxed_slice()
        };
        let compiled = Self {
            direction,
            undeclared,
            level: rows.is_some(),
            fields: paths.len(),
            tensors: ordered(tensors),
            parameters: ordered(parameters),
            id,
            answers: Box::default(),
        };
        Ok((compiled, in_row))
    }

    /// These are the fields of the answer: a caller may ask for their tensors, by name, and for no other.
    pub(super) fn may_ask_for(&mut self, answer: &[Path]) {
        let mut names: Vec<Box<str>> = answer.iter().filter_map(tensor).map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        self.answers = names.into();
    }
}

/// The tensor that a field is, or whose elements it is.
fn tensor(path: &Path) -> Option<&str> {
    match path.steps() {
        [Step::Member(name)] | [Step::Member(name), Step::Every] => Some(name),
        _ => None,
    }
}

fn find<'n>(list: &'n [Named], name: &str) -> Option<&'n Named> {
    let place = list.binary_search_by(|named| (*named.name).cmp(name)).ok()?;
    list.get(place)
}
