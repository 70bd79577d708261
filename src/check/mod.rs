//! What a value must be before anything is done to it: [`Rules`] as a policy writes them, [`Check`] as they are run.
//!
//! A check runs in this order, and stops at the first word that fails:
//!
//! 1. `nullable`: a null passes where it may stand, and nothing else is asked of it.
//! 2. `type`: a string, an integer (a number spelled without fraction and exponent: `1.0` and `1e2` are not integers),
//!    a number (which integers are too) or a boolean. Words that speak of text (`length`, `pattern`, `format`,
//!    `sanitize`, `refuse`) make a string of a field without `type`, and `range` a number.
//! 3. `refuse`, on the value as it came, and for SQL on the sanitised one too.
//! 4. `sanitize`, which may change the value: everything after it sees the changed one.
//! 5. `range`, `length` (in characters), `one_of`, `pattern` (the whole value), `format`.
//!
//! A whole body may be held against a JSON Schema too ([`Schema`]).
//!
//! What fails is told as an [`Invalid`], which names the word and what was declared, never the value.

mod compare;
mod compile;
mod decimal;
mod email;
mod format;
mod markup;
mod refuse;
mod rules;
mod run;
mod sanitize;
mod schema;

pub use compare::{Bearing, RuleChange};
pub use compile::RulesError;
pub use format::Format;
pub use rules::{Length, Range, RefuseKind, RuleKind, Rules, Sanitize};
pub use run::{Check, Checked, Invalid};
pub use schema::{Misfit, Other, Part, Schema, SchemaError};
