//! Payload formats: where a declared field is in the bytes of a body. A policy only names fields; this room finds
//! them, hands each to a [`Visitor`], and writes the body anew with every untouched byte as it came.
//!
//! A body comes in by [`read::capped`], is unpacked by [`coding::decode`], and is walked by the format that the policy
//! declares and [`media`] recognises: a [`Walker`] has the declared fields compiled for it. Each format is a file or
//! folder of its own beside [`json`].

pub mod coding;
pub mod files;
pub mod json;
pub mod media;
pub mod read;

#[cfg(test)]
mod acting;
mod caps;
mod csv;
mod flat;
mod form;
mod format;
mod kserve;
mod layout;
mod mlflow;
mod multipart;
mod ndjson;
mod openai_chat;
mod path;
mod shapes;
mod spelled;
mod stop;
mod text;
mod tf_serving;
mod value;
mod walker;

#[cfg(test)]
mod tests_shapes;

pub use caps::{Cap, Caps};
pub use flat::flat_name;
pub use format::Format;
pub use layout::{Clash, FieldId, Layout, Undeclared};
pub use media::Envelope;
pub use multipart::is_media_type;
pub use path::{Path, PathError, Step};
pub use stop::{Malformed, Stop};
pub use value::{Kind, Row, Treated, Value, Visitor};
pub use walker::{Declared, Direction, Walker};
