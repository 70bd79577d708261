//! What is looked for, as written.

use std::fmt;

/// A kind of personal data that is known by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A phone number of a person or company; not one of a service (free, shared cost, premium).
    Phone,
    /// An international bank account number.
    Iban,
    /// A payment card's number.
    Card,
    /// An address of the Internet Protocol, version 4 or 6.
    Ip,
    /// A number that a state gives a person.
    NationalId,
    /// A date that a text calls a date of birth.
    BirthDate,
}

/// Everything that a [`Detector`](super::Detector) is to look for. `Display` is how a policy writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The kinds.
    pub kinds: Vec<Kind>,
    /// Of national identification numbers those of these countries, whether or not a word tells them; without any, those
    /// of all, and those that any number of the length could be only beside a word that tells them.
    pub countries: Vec<String>,
    /// Where phone numbers may be written without their country's code.
    pub regions: Vec<String>,
    /// What is found by patterns.
    pub patterns: Vec<Named>,
}

/// A pattern with the name of what it finds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    /// What it finds: `customer_number`.
    pub name: String,
    /// A regular expression whose matches have a greatest length.
    pub pattern: String,
}

impl Kind {
    /// Every one there is.
    pub const ALL: &'static [Self] =
        &[Self::Email, Self::Phone, Self::Iban, Self::Card, Self::Ip, Self::NationalId, Self::BirthDate];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::Ip => "ip",
            Self::NationalId => "national_id",
            Self::BirthDate => "birth_date",
        }
    }

    /// For a sentence: "payment card numbers".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Email => "e-mail addresses",
            Self::Phone => "phone numbers",
            Self::Iban => "bank accounts (IBAN)",
            Self::Card => "payment cards",
            Self::Ip => "IP addresses",
            Self::NationalId => "national identification numbers",
            Self::BirthDate => "dates of birth",
        }
    }
}

impl Wanted {
    /// Every kind, of every country.
    pub fn everything() -> Self {
        Self { kinds: Kind::ALL.to_vec(), ..Self::default() }
    }

    /// For a sentence: "e-mail addresses, phone numbers and customer_number".
    pub fn describe(&self) -> String {
        let kinds = self.kinds.iter().map(|kind| match kind {
            Kind::NationalId if !self.countries.is_empty() => {
                format!("{} ({})", kind.describe(), self.countries.join(", "))
            }
            kind => kind.describe().to_owned(),
        });
        let all: Vec<_> = kinds.chain(self.patterns.iter().map(|named| named.name.clone())).collect();
        match all.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self
            .kinds
            .iter()
            .map(|kind| match kind {
                Kind::NationalId if !self.countries.is_empty() => {
                    format!("{{ national_id: [{}] }}", self.countries.join(", "))
                }
                kind => kind.word().to_owned(),
            })
            .collect();
        let mut between = "";
        if !kinds.is_empty() {
            write!(f, "kinds: [{}]", kinds.join(", "))?;
            between = ", ";
        }
        if !self.regions.is_empty() {
            write!(f, "{between}region: [{}]", self.regions.join(", "))?;
            between = ", ";
        }
        if !self.patterns.is_empty() {
            let patterns: Vec<_> =
                self.patterns.iter().map(|named| format!("{}: {:?}", named.name, named.pattern)).collect();
            write!(f, "{between}patterns: {{ {} }}", patterns.join(", "))?;
        }
        Ok(())
    }
}
