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

    /// A key that is not declared. `Ok` leaves it out with all that it holds.
    fn undeclared(&mut self) -> Result<(), Self::Error>;

    /// A declared field, or an object or array on the way to one, that has another shape than declared.
    fn misshapen(&mut self, field: FieldId) -> Self::Error;
}
