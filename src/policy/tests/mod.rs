//! Golden tests: message, help and underlined text of every diagnostic, as people read them.

mod beyond;
mod formats;
mod detect;
mod golden;
mod shadows;
mod support;
