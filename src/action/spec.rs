//! Actions as a policy writes them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::detect::Wanted;

/// As many characters at one end as are usually shown of a payment card.
pub(super) const FEW: u32 = 4;

/// What a policy says is done to a value for one destination. `Display` is how the policy writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spec {
    /// `unchanged`
    Unchanged,
    /// `leave_out`
    LeaveOut,
    /// `refuse_if_present`
    RefuseIfPresent,
    /// `redact: TEXT`
    Redact(String),
    /// `mask: { keep_last: 4 }`
    Mask {
        /// How many characters at the end stay.
        keep_last: u32,
    },
    /// `pseudonymize`, or `pseudonymize: { as: integer }`
    Pseudonymize {
        /// Whether the pseudonym is an integer instead of `p1_…`.
        as_integer: bool,
    },
    /// `encrypt: { key: NAME }`
    Encrypt {
        /// The interchange key's name in consentry.yaml.
        key: String,
    },
    /// `generalize: …`
    Generalize(Generalize),
    /// `detect: { kinds: [email, phone], replace_by: mask }`
    Detect(Box<DetectSpec>),
}

/// What is looked for in a text, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DetectSpec {
    /// What is looked for.
    pub wanted: Wanted,
    /// What an outside analyser is asked for beside it.
    pub ask: Option<Arc<Ask>>,
    /// What takes the place of each find.
    pub replace_by: ReplaceBy,
}

/// What an outside analyser is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The analyser's name in consentry.yaml.
    pub analyzer: String,
    /// What is to be found, as the analyser names it: `PERSON`. At least one.
    pub entities: Vec<String>,
    /// How certain a find must be, in hundredths.
    pub score: u8,
}

/// What takes the place of what is found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplaceBy {
    /// `••••`
    Mask,
    /// The name of what was found: `[email]`
    Redact,
    /// Its pseudonym in the activity's domain.
    Pseudonymize,
    /// Nothing.
    LeaveOut,
    /// The exchange is refused.
    Refuse,
}

/// How coarse a value is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Generalize {
    /// `{ bands_of: 10 }`, or `{ bands_of: 10, as: label }`
    BandsOf {
        /// How many units a band has.
        width: u64,
        /// Whether the band is named (`30-39`) instead of given by its lower bound (`30`).
        label: bool,
    },
    /// `{ date_to: month }`
    DateTo(DateTo),
    /// `{ prefix: 2 }`: the first characters.
    Prefix(u32),
}

/// What of a date stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateTo {
    /// `year`
    Year,
    /// `month`
    Month,
}

impl Spec {
    /// Every word that an action is written with.
    pub const WORDS: &'static [&'static str] = &[
        "unchanged",
        "leave_out",
        "refuse_if_present",
        "redact",
        "mask",
        "pseudonymize",
        "encrypt",
        "generalize",
        "detect",
    ];

    /// The word that the policy writes, without options.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::LeaveOut => "leave_out",
            Self::RefuseIfPresent => "refuse_if_present",
            Self::Redact(_) => "redact",
            Self::Mask { .. } => "mask",
            Self::Pseudonymize { .. } => "pseudonymize",
            Self::Encrypt { .. } => "encrypt",
            Self::Generalize(_) => "generalize",
            Self::Detect(_) => "detect",
        }
    }

    /// How the destination still sees an identifier, for a sentence, or `None` where what it sees no longer is one. What detectors find
    /// is not all that a name or a number may be, and more than a few characters in a row lead back to who has them.
    pub fn shows(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unchanged => Some("unchanged".into()),
            Self::Detect(_) => Some("as it came but for what detectors find in it".into()),
            Self::Mask { keep_last } if *keep_last > FEW => {
                Some(format!("with its last {keep_last} characters").into())
            }
            Self::Generalize(Generalize::Prefix(count)) if *count > FEW => {
                Some(format!("with its first {count} characters").into())
            }
            _ => None,
        }
    }

    /// What the destination sees, in a few words for a table.
    pub fn describe(&self) -> String {
        match self {
            Self::Unchanged => "the value as it is".into(),
            Self::LeaveOut => "nothing".into(),
            Self::RefuseIfPresent => "nothing: the exchange is refused".into(),
            Self::Redact(text) => format!("the text {text:?}"),
            Self::Mask { keep_last: 0 } => "a mask".into(),
            Self::Mask { keep_last: 1 } => "a mask and the last character".into(),
            Self::Mask { keep_last } => format!("a mask and the last {keep_last} characters"),
            Self::Pseudonymize { as_integer: false } => "a pseudonym of this domain".into(),
            Self::Pseudonymize { as_integer: true } => "a pseudonym of this domain, as an integer".into(),
            Self::Encrypt { key } => format!("a Fernet token under the key {key}"),
            Self::Generalize(Generalize::BandsOf { width, label: false }) => {
                format!("the lower bound of its band of {width}")
            }
            Self::Generalize(Generalize::BandsOf { width, label: true }) => {
                format!("the name of its band of {width}")
            }
            Self::Generalize(Generalize::DateTo(DateTo::Year)) => "the first day of its year".into(),
            Self::Generalize(Generalize::DateTo(DateTo::Month)) => "the first day of its month".into(),
            Self::Generalize(Generalize::Prefix(1)) => "its first character".into(),
            Self::Generalize(Generalize::Prefix(count)) => format!("its first {count} characters"),
            Self::Detect(detect) => detect.describe(),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged | Self::LeaveOut | Self::RefuseIfPresent => f.write_str(self.word()),
            Self::Redact(text) => write!(f, "redact: {text:?}"),
            Self::Mask { keep_last } => write!(f, "mask: {{ keep_last: {keep_last} }}"),
            Self::Pseudonymize { as_integer: false } => f.write_str("pseudonymize"),
            Self::Pseudonymize { as_integer: true } => f.write_str("pseudonymize: { as: integer }"),
            Self::Encrypt { key } => write!(f, "encrypt: {{ key: {key} }}"),
            Self::Generalize(how) => write!(f, "generalize: {{ {how} }}"),
            Self::Detect(detect) => write!(f, "detect: {{ {detect} }}"),
        }
    }
}

impl fmt::Display for Generalize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BandsOf { width, label: false } => write!(f, "bands_of: {width}"),
            Self::BandsOf { width, label: true } => write!(f, "bands_of: {width}, as: label"),
            Self::DateTo(to) => write!(f, "date_to: {}", to.word()),
            Self::Prefix(count) => write!(f, "prefix: {count}"),
        }
    }
}

impl DateTo {
    /// As a policy writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Kind, Named};

    #[test]
    fn a_spec_reads_as_the_policy_writes_it() {
        let cases = [
            (Spec::LeaveOut, "leave_out"),
            (Spec::Redact("a \"b\"".into()), r#"redact: "a \"b\"""#),
            (Spec::Mask { keep_last: 4 }, "mask: { keep_last: 4 }"),
            (Spec::Pseudonymize { as_integer: true }, "pseudonymize: { as: integer }"),
            (Spec::Encrypt { key: "model-host-2026".into() }, "encrypt: { key: model-host-2026 }"),
            (
                Spec::Generalize(Generalize::BandsOf { width: 10, label: true }),
                "generalize: { bands_of: 10, as: label }",
            ),
            (Spec::Generalize(Generalize::DateTo(DateTo::Month)), "generalize: { date_to: month }"),
            (
                Spec::Detect(Box::new(DetectSpec {
                    wanted: Wanted {
                        kinds: vec![Kind::Email, Kind::NationalId, Kind::Phone],
                        countries: vec!["DE".into(), "FR".into()],
                        regions: vec!["DE".into()],
                        patterns: vec![Named { name: "number".into(), pattern: "K-[0-9]{6}".into() }],
                    },
                    ask: Some(Arc::new(Ask {
                        analyzer: "local".into(),
                        entities: vec!["PERSON".into()],
                        score: 60,
                    })),
                    replace_by: ReplaceBy::LeaveOut,
                })),
                "detect: { kinds: [email, { national_id: [DE, FR] }, phone], region: [DE], patterns: { number: \"K-[0-9]{6}\" }, analyzer: local, entities: [PERSON], score: 0.6, replace_by: leave_out }",
            ),
        ];
        for (spec, written) in cases {
            assert_eq!(spec.to_string(), written);
            assert!(written.starts_with(spec.word()) && Spec::WORDS.contains(&spec.word()));
            assert!(!spec.describe().is_empty());
        }
    }
}
