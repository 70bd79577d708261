//! Finds personal data in free text: addresses, numbers and dates of birth, by their form, their check digits and, where
//! neither decides, the words around them. It knows nothing of policies, and names of persons are beyond it.
//!
//! [`Wanted`] is what is looked for as written, [`Detector`] the same as run. A text is looked at first: one that has nothing a
//! detector could begin with is passed after one look at each byte. Then it is brought to the form in which numbers are
//! commonly written ([`fold`]), and each detector looks from each place where its kind can begin, a bounded number of characters
//! far. So all of it takes time in proportion to the text.
//!
//! What is found is told by places in the text as it came. Places that overlap are made one.

mod birth_date;
mod card;
mod context;
mod email;
pub mod evaluate;
mod fold;
mod found;
mod iban;
mod ip;
mod national;
mod pattern;
mod phone;
mod run;
mod wanted;

use thiserror::Error;

pub use found::{Found, What, merge};
pub use pattern::PatternError;
pub use wanted::{Kind, Named, Wanted};

use context::Context;
use fold::Folded;
use pattern::Pattern;
use phone::Plan;
use run::Run;

/// The national identification numbers that are known: the country, and what people there call it.
pub fn national_ids() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut last = ("", "");
    national::SCHEMES.iter().copied().flatten().map(|scheme| (scheme.country, scheme.name)).filter(
        move |scheme| {
            let new = *scheme != last;
            last = *scheme;
            new
        },
    )
}

/// The countries whose national identification numbers are known, ISO 3166-1.
pub fn countries() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    national_ids().map(|(country, _)| country).filter(move |country| {
        let new = *country != last;
        last = country;
        new
    })
}

/// The regions whose national way to write phone numbers is known, ISO 3166-1.
pub fn regions() -> impl Iterator<Item = &'static str> {
    phone::plans().iter().map(|plan| plan.region).filter(|region| region.len() == 2)
}

/// What is looked for, compiled. Cheap to run from many threads.
#[derive(Clone, Debug)]
pub struct Detector {
    kinds: Vec<Kind>,
    countries: Vec<Box<str>>,
    plans: Vec<&'static Plan>,
    patterns: Vec<Pattern>,
    names: Vec<Box<str>>,
    context: &'static Context,
}

/// Why what is wanted cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DetectError {
    /// Nothing is.
    #[error("no kind and no pattern is named")]
    Nothing,
    /// No scheme of that country is known.
    #[error("no national identification number of `{0}` is known")]
    Country(String),
    /// No numbering plan of that region is known.
    #[error("no numbering plan of `{0}` is known")]
    Region(String),
    /// A pattern.
    #[error("the pattern `{0}` {1}")]
    Pattern(String, PatternError),
    /// A fault of this code.
    #[error("a detector's own expression does not compile")]
    Own,
}

impl DetectError {
    /// What to write instead.
    pub const fn mend(&self) -> &'static str {
        match self {
            Self::Nothing => "Name at least one kind: `kinds: [email, phone]`, or a pattern.",
            Self::Country(_) => {
                "Name a member state of the European Economic Area by its two letters (ISO 3166-1): `DE`."
            }
            Self::Region(_) => "Name a country by its two letters (ISO 3166-1): `DE`.",
            Self::Pattern(_, error) => error.mend(),
            Self::Own => "Report it as a fault of the gateway.",
        }
    }
}

/// The form of a value in which two spellings of it are one: an address in small letters, a number without what stands between its
/// parts, a phone number with `+` where it has its country's code.
pub fn canonical(what: What, value: &str) -> String {
    let folded = Folded::of(value, fold::look(value));
    let compact = || folded.text().chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    match what {
        What::Kind(Kind::Email) => email::canonical(folded.text()),
        What::Kind(Kind::Phone) => phone::canonical(folded.text()),
        What::Kind(Kind::Iban | Kind::Card | Kind::NationalId) => compact().to_ascii_uppercase(),
        What::Kind(Kind::Ip | Kind::BirthDate) => folded.text().to_lowercase(),
        What::Pattern(_) | What::Entity(_) => value.to_owned(),
    }
}

impl Detector {
    /// # Errors
    /// Where a country, region or pattern cannot be used, or nothing is wanted.
    pub fn compile(wanted: &Wanted) -> Result<Self, DetectError> {
        if wanted.kinds.is_empty() && wanted.patterns.is_empty() {
            return Err(DetectError::Nothing);
        }
        for country in &wanted.countries {
            if !countries().any(|known| known == country) {
                return Err(DetectError::Country(country.clone()));
            }
        }
        let plan = |region: &String| {
            let mut plans = phone::plans().iter();
            plans.find(|plan| plan.region == region).ok_or_else(|| DetectError::Region(region.clone()))
        };
        let pattern = |named: &Named| {
            Pattern::compile(&named.pattern).map_err(|error| DetectError::Pattern(named.name.clone(), error))
        };
        Ok(Self {
            kinds: wanted.kinds.clone(),
            countries: wanted.countries.iter().map(|country| country.as_str().into()).collect(),
            plans: wanted.regions.iter().map(plan).collect::<Result<_, _>>()?,
            patterns: wanted.patterns.iter().map(pattern).collect::<Result<_, _>>()?,
            names: wanted.patterns.iter().map(|named| named.name.as_str().into()).collect(),
            context: context::shared().ok_or(DetectError::Own)?,
        })
    }

    /// What is found, in the order of the text, no two overlapping. `found` comes empty.
    pub fn find(&self, text: &str, found: &mut Vec<Found>) {
        let look = fold::look(text);
        if look.may_hold_something() {
            let folded = Folded::of(text, look);
            let from = found.len();
            self.look_everywhere(folded.text(), found);
            for one in found.iter_mut().skip(from) {
                *one = Found { start: folded.start(one.start), end: folded.end(one.end), ..*one };
            }
        }
        for (place, pattern) in self.patterns.iter().enumerate() {
            pattern.find(text, u16::try_from(place).unwrap_or(u16::MAX), found);
        }
        found::merge(found);
    }

    /// What a find is called: the kind's word, or the pattern's name.
    pub fn label(&self, what: What) -> &str {
        match what {
            What::Kind(kind) => kind.word(),
            What::Pattern(place) => self.names.get(usize::from(place)).map_or("pattern", |name| name),
            What::Entity(_) => "entity",
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    fn look_everywhere(&self, text: &str, found: &mut Vec<Found>) {
        if self.wants(Kind::Email) {
            email::find(text, found);
        }
        if self.wants(Kind::Ip) {
            ip::find(text, self.context, found);
        }
        if self.wants(Kind::BirthDate) {
            birth_date::find(text, self.context, found);
        }
        if self.wants(Kind::Phone) {
            phone::find_international(text, found);
        }
        if [Kind::Iban, Kind::Card, Kind::NationalId].into_iter().any(|kind| self.wants(kind))
            || !self.plans.is_empty() && self.wants(Kind::Phone)
        {
            self.look_at_numbers(text, found);
        }
    }

    /// Numbers with check digits, and phone numbers as they are written within a country, from every word on that may begin
    /// one. Of those that begin at the same word the longest counts.
    fn look_at_numbers(&self, text: &str, found: &mut Vec<Found>) {
        let mut run = Run::default();
        let mut at = 0;
        while let Some(start) = run::next_word(text, at) {
            at = run::word_end(text, start);
            if !run::may_begin(text, start, at) {
                continue;
            }
            run.read(text, start);
            let mut best: Option<Found> = None;
            let mut offer = |kind: Kind, end: Option<usize>| {
                if let Some(end) = end
                    && best.is_none_or(|best| best.end < end)
                {
                    best = Some(Found { start, end, what: What::Kind(kind) });
                }
            };
            if self.wants(Kind::Iban) {
                offer(Kind::Iban, iban::at(&run));
            }
            if self.wants(Kind::Card) {
                offer(Kind::Card, card::at(&run));
            }
            if self.wants(Kind::NationalId) {
                offer(Kind::NationalId, national::at(&run, text, &self.countries, self.context));
            }
            if self.wants(Kind::Phone) {
                offer(Kind::Phone, phone::at(&run, text, &self.plans, self.context));
            }
            if let Some(mut one) = best {
                // What was taken for a number is not taken apart for others.
                at = at.max(one.end);
                if one.what == What::Kind(Kind::Phone) {
                    one.start = phone::with_bracket(text, one.start, one.end);
                }
                found.push(one);
            }
        }
    }
}

#[cfg(test)]
mod tests;
