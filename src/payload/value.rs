//! A located value, and what a visitor says is to become of it.

use super::FieldId;

/// What a value is, in JSON's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A string; `Value::text` is what it means, unescaped.
    String,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// A file of `multipart`; `Value::text` is its data URL (RFC 2397), `data:image/png;base64,…`. It cannot be replaced.
    File,
    /// A text of a format that knows no types, a CSV cell for example: it is read as the type that is declared for it.
    Untyped,
}

/// A scalar at the place of a declared field.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it means: a string without quotes and escapes, anything else as it is spelled.
    pub text: &'a str,
}

/// Hides the text: a value is somebody's.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({:?}, …)", self.kind)
    }
}

/// What becomes of a value in the body that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treated {
    /// Copied byte for byte.
    Kept,
    /// Left out with its key and separator.
    LeftOut,
    /// Replaced by the text that the visitor wrote, as a value of this kind; the format encodes it.
    Replaced(Kind),
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Its values are visited.
    Visited,
    /// It is left out, unvisited; rows keep their numbers.
    LeftOut,
    /// It is visited, and this many empty rows are written before it.
    After(u32),
}

/// Decides over the values that a walk finds. One call per value, in the order of the body.
pub trait Visitor {
    /// Why a visitor stops a walk.
    type Error;

    /// A declared field. `at` holds the index of each `[*]` on the way to it; a replacement is written to `out`, which
    /// comes empty.
    fn value(
        &mut self,
        field: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Self::Error>;

    /// A declared field that the body, or this element of an array, does not have.
    fn missing(&mut self, field: FieldId) -> Result<(), Self::Error>;

    /// The name of the undeclared key that is told next, where its format has one that can be read as it stands. It is the
    /// sender's text, and may be somebody's data.
    fn undeclared_name(&mut self, _name: &str) {}

    /// A key that is not declared. `Ok` leaves it out with all that it holds.
    fn undeclared(&mut self) -> Result<(), Self::Error>;

    /// A declared field, or an object or array on the way to one, that has another shape than declared.
    fn misshapen(&mut self, field: FieldId) -> Self::Error;

    /// What becomes of the row with this number, counted from 0. Where a body has its rows in columns this is asked for
    /// each column, and the answer must be the same.
    fn row(&mut self, _row: u32) -> Row {
        Row::Visited
    }

    /// The body has this many rows: called at the end of a list of rows, or of each column. `Ok` is how many empty rows
    /// are written behind the last.
    ///
    /// # Errors
    /// Where the body must have another number of them.
    fn rows(&mut self, _count: u32) -> Result<u32, Self::Error> {
        Ok(0)
    }

    /// Whether the field may be missing. In a format that writes what is not there as an empty text, an empty text of such
    /// a field is not there, and [`Visitor::missing`] is called instead of [`Visitor::value`].
    fn may_lack(&self, _field: FieldId) -> bool {
        false
    }

    /// Whether this field is left out wherever it occurs, so that a column of it goes as a whole.
    fn leaves_out(&self, _field: FieldId) -> bool {
        false
    }
}
