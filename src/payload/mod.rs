//! Payload formats: where a declared field is in the bytes of a body. A policy only names fields; this room finds
//! them, hands each to a [`Visitor`], and writes the body anew with every untouched byte as it came.
//!
//! A body comes in by [`read::capped`], is unpacked by [`coding::decode`], and is walked by the format that the policy
//! declares and [`media`] recognises. Each format is a file of its own beside [`json`]; a [`Layout`] serves them all.

pub mod coding;
pub mod json;
pub mod media;
pub mod read;

mod caps;
mod layout;
mod path;
mod spelled;
mod stop;
mod value;

pub use caps::{Cap, Caps};
pub use layout::{Clash, FieldId, Layout, Undeclared};
pub use path::{Path, PathError, Step};
pub use stop::{Malformed, Stop};
pub use value::{Kind, Treated, Value, Visitor};
