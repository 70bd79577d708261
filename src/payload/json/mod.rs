//! JSON (RFC 8259), read strictly: what two readers could understand differently is refused. Duplicate keys (compared
//! after unescaping), invalid UTF-8, lone surrogates, a byte order mark, text after the end, and anything beyond the
//! grammar stop a walk.
//!
//! There is no document tree: a walk copies spans of the body and treats single values between them.

mod encode;
mod find;
mod keys;
mod lexer;
mod scratch;
mod skip;
mod walk;

#[cfg(test)]
mod generated;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use find::{Found, Unfound, find};
pub use walk::walk;
