//! The declared columns of a table.

use std::collections::HashMap;

use super::{Clash, FieldId};
use crate::payload::format::Format;
use crate::payload::path::{Path, Step};

/// Columns by name.
#[derive(Clone, Debug, Default)]
pub(in crate::payload) struct Table {
    columns: HashMap<Box<str>, FieldId>,
    fields: Vec<FieldId>,
}

impl Table {
    /// The columns that fields name: `customer.email` is the column of that name, and so is `['customer.email']`.
    ///
    /// # Errors
    /// Where a field would be more than one cell of a row, or two fields are one column.
    pub(in crate::payload) fn new(
        paths: &[Path],
        fields: impl Iterator<Item = FieldId>,
        format: Format,
    ) -> Result<Self, Clash> {
        let mut table = Self::default();
        for field in fields {
            let path = paths.get(field.index()).ok_or(Clash::TooMany)?;
            let Some(name) = flat(path) else {
                let reason = "a column is one value of each row, so its name has no `[*]`";
                return Err(Clash::NoPlace { path: path.clone(), field, format, reason });
            };
            if let Some(first) = table.columns.insert(name.into(), field) {
                return Err(Clash::Twice { path: path.clone(), first, second: field });
            }
            table.fields.push(field);
        }
        Ok(table)
    }

    /// The field of a column.
    pub(in crate::payload) fn column(&self, name: &str) -> Option<FieldId> {
        self.columns.get(name).copied()
    }

    /// All fields, in the order in which they are declared.
    pub(in crate::payload) fn fields(&self) -> impl Iterator<Item = FieldId> {
        self.fields.iter().copied()
    }
}

/// The name that a path is in a flat list of names: its members with dots between them.
fn flat(path: &Path) -> Option<String> {
    let members: Option<Vec<&str>> = path
        .steps()
        .iter()
        .map(|step| match step {
            Step::Member(name) => Some(&**name),
            Step::Every => None,
        })
        .collect();
    members.map(|members| members.join("."))
}
