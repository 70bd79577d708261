//! Golden tests: message, help and underlined text of every diagnostic, as people read them.

mod beyond;
mod detect;
mod formats;
mod golden;
mod identifiers;
mod people;
mod populations;
mod shadows;
mod support;
