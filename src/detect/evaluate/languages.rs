//! The ten languages.

use super::{northern, western};

/// Sentences of a language. `{}` is where a value goes; `{order}` and its like are what only looks like one.
#[derive(Debug)]
pub(super) struct Language {
    /// ISO 639-1.
    pub(super) code: &'static str,
    /// ISO 3166-1: whose numbers people who write it have.
    pub(super) country: &'static str,
    /// In the form in which they stand in a date.
    pub(super) months: &'static [&'static str],
    pub(super) neutral: &'static [&'static str],
    pub(super) email: &'static [&'static str],
    pub(super) phone: &'static [&'static str],
    pub(super) iban: &'static [&'static str],
    pub(super) card: &'static [&'static str],
    pub(super) ip: &'static [&'static str],
    pub(super) national_id: &'static [&'static str],
    /// The last two have no word for birth in them.
    pub(super) birth_date: &'static [&'static str],
    /// Dates of other things.
    pub(super) other_date: &'static [&'static str],
    pub(super) negative: &'static [&'static str],
}

pub(super) fn all() -> impl Iterator<Item = &'static Language> {
    western::LANGUAGES.iter().chain(northern::LANGUAGES)
}
