//! Payload formats: where a declared field is in the bytes of a body. A policy only names fields; this room finds
//! them, hands each to a [`Visitor`], and writes the body anew with every untouched byte as it came.

mod layout;
mod path;
mod value;

pub use layout::{FieldId, Layout};
pub use path::{Path, Step};
pub use value::{Kind, Treated, Value, Visitor};
