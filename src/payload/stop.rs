//! Why a walk stops before the end of the body.

use super::caps::Cap;
use super::layout::FieldId;

/// Why a body is not walked to its end. No variant holds a byte of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop<E> {
    /// The body is not of its format.
    #[error(transparent)]
    Malformed(Malformed),
    /// The body exceeds a cap.
    #[error("the body has {0}")]
    TooLarge(Cap),
    /// A key is not declared, the layout refuses such keys, and yet the visitor let it be.
    #[error("the body has a key that is not declared")]
    Undeclared,
    /// What the visitor wrote in place of a field is not a value of the kind that it named.
    #[error("a replacement is not of the kind that it claims to be")]
    Unfit(FieldId),
    /// The visitor stopped the walk.
    #[error(transparent)]
    Visitor(E),
}

/// Where a body departs from its format, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct Malformed {
    /// Bytes before the fault.
    pub offset: usize,
    /// What is wrong there; never a part of the body.
    pub reason: &'static str,
}

/// What can go wrong without a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Malformed(Malformed),
    TooLarge(Cap),
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<E> From<Malformed> for Stop<E> {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<E> From<Fault> for Stop<E> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed(malformed) => Self::Malformed(malformed),
            Fault::TooLarge(cap) => Self::TooLarge(cap),
        }
    }
}
