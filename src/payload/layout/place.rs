//! Where a format has fields, and what it has beside them.

use super::{FieldId, Table};
use crate::payload::path::{Path, Step};

/// Where a format has a field in its bodies.
pub(in crate::payload) struct Place {
    /// The field.
    pub(in crate::payload) field: FieldId,
    /// The way from the root of a body.
    pub(in crate::payload) steps: Vec<Step>,
    /// The array on the way whose elements are the rows of the body: which step is its `[*]`, and how rows lie in it.
    pub(in crate::payload) rows: Option<(usize, Rows)>,
    /// A step behind which the value is a string that holds a document of its own, in which the way goes on.
    pub(in crate::payload) embedded: Option<usize>,
    /// Whether the field is at another place too, where it counts as missing.
    pub(in crate::payload) alias: bool,
}

impl Place {
    /// Where the path itself says.
    pub(in crate::payload) fn of(field: FieldId, path: &Path) -> Self {
        Self { field, steps: path.steps().to_vec(), rows: None, embedded: None, alias: false }
    }
}

/// Whether the elements of an array are rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::payload) enum Rows {
    /// No.
    #[default]
    None,
    /// Each element is a row.
    Each,
    /// Each element is what one column has of a row. The array goes with its key where the column is left out.
    Column,
}

/// What a format has at a place beside declared fields.
pub(in crate::payload) struct Extra {
    /// The way from the root of a body.
    pub(in crate::payload) steps: Vec<Step>,
    /// What is there.
    pub(in crate::payload) part: Part,
}

/// Something of a format's own.
pub(in crate::payload) enum Part {
    /// A string, one of these.
    Fixed(&'static [&'static str]),
    /// Columns, and rows of cells in their order.
    Table(Table),
    /// Something that a body with the rest does not have: it is refused with this reason.
    Apart(&'static str),
}

impl Extra {
    pub(super) fn table(&self) -> Option<Table> {
        match &self.part {
            Part::Table(table) => Some(table.clone()),
            Part::Fixed(_) | Part::Apart(_) => None,
        }
    }
}
