//! How things are said.

use std::fmt::Display;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::plan::Recipient;
pub(super) use crate::plan::prose::{quoted, text};
use crate::policy::units::show_duration;

/// The same where it may be missing.
pub(super) fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "none".to_owned(), text)
}

/// Several names.
pub(super) fn names<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| quoted(name.as_ref())).collect();
    names.join(", ")
}

/// A word or a number, and what it was.
pub(super) fn instead(after: impl Display, before: impl Display) -> String {
    format!("{after} (before: {before})")
}

/// Who somebody is, and where.
pub(super) fn whose(recipient: &Recipient) -> String {
    format!("{} ({})", quoted(&recipient.id), recipient.country)
}

/// A term, or none.
pub(super) fn term(term: Duration) -> String {
    if term.is_zero() { "not at all".to_owned() } else { format!("for {}", show_duration(term)) }
}

/// The last day (UTC) before a moment.
pub(super) fn last_day(ends: Timestamp) -> String {
    let last = Timestamp::from_millis(ends.millis().saturating_sub(1));
    last.to_string().split('T').next().unwrap_or_default().to_owned()
}
