//! Every diagnostic there is: its code, its weight, what it is about, and the article that asks for it. A code never
//! changes its meaning; a number that is given up is not used again.

use std::fmt;

/// Whether a set with this diagnostic may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is served from the set.
    Error,
    /// The set is served; somebody should look.
    Warning,
}

/// Writes the enum and its tables from one list.
macro_rules! codes {
    ($($name:ident $code:literal $severity:ident $title:literal $($article:literal)?;)+) => {
        /// What a diagnostic is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// Whether it keeps the set from being served.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),+ }
            }

            /// What it is about, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// Its page: what it says, why, and how it is mended.
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("../../docs/reference/diagnostics/", $code, ".md"))),+
                }
            }

            /// The article of the GDPR that asks for it.
            pub const fn article(self) -> Option<&'static str> {
                match self { $(Self::$name => article!($($article)?)),+ }
            }
        }
    };
}

macro_rules! article {
    () => {
        None
    };
    ($article:literal) => {
        Some($article)
    };
}

codes! {
    FolderUnreadable      "CP0001" Error   "a folder that cannot be read";
    FolderEmpty           "CP0002" Error   "a folder without an activity";
    FileUnreadable        "CP0003" Error   "a file that cannot be read";
    FileTooLarge          "CP0004" Error   "a file that is too large";
    NotUtf8               "CP0005" Error   "a file that is not UTF-8";
    NotYaml               "CP0006" Error   "a file that is not YAML";
    KeyTwice              "CP0007" Error   "a key that stands twice in one place";
    YamlFeature           "CP0008" Error   "a part of YAML that policies do not use";
    TooDeep               "CP0009" Error   "too many levels";
    FileName              "CP0010" Error   "a file name that says something else";
    NotCompiled           "CP0011" Error   "a policy that could not be compiled";
    PolicyBelow           "CP0012" Warning "a policy in a folder below";

    UnknownKey            "CP0101" Error   "an unknown key";
    Missing               "CP0102" Error   "a key that is missing";
    WrongShape            "CP0103" Error   "another shape than expected";
    WrongValue            "CP0104" Error   "a value that cannot stand here";
    UnknownWord           "CP0105" Error   "an unknown word";
    RulesContradict       "CP0106" Error   "rules for a value that make no sense";
    ActionUnfit           "CP0107" Error   "an action that does not fit its field";
    DetectCountry         "CP0108" Error   "a country that no detector knows";
    DetectPattern         "CP0109" Error   "a pattern that cannot be looked for";
    Proposed              "CP0110" Error   "a value that is only proposed";

    UnknownName           "CP0201" Error   "a name that is not declared";
    FieldPath             "CP0202" Error   "a field name that cannot be read";
    FieldClash            "CP0203" Error   "fields that contradict each other";
    RouteTwice            "CP0204" Error   "a route that is declared twice";
    RouteAmbiguous        "CP0205" Error   "routes of which neither goes first";
    Parameter             "CP0206" Error   "parameters that do not fit the path";
    DestinationNotHere    "CP0207" Error   "a destination that this side does not have";
    NotHere               "CP0208" Error   "a word that does not belong here";
    HeaderNotAllowed      "CP0209" Error   "a header that no policy may pass";
    NothingToExport       "CP0210" Error   "an export of what is not stored";
    DataSubjectField      "CP0211" Error   "a field that cannot name a person";
    NameTwice             "CP0212" Error   "a name that is given twice";
    Schema                "CP0213" Error   "a schema that cannot be used";
    Condition             "CP0214" Error   "a condition that makes no sense";
    ParameterAction       "CP0215" Error   "what cannot be done to a parameter";
    FileNotHere           "CP0217" Error   "a file where none can come";
    StreamAsked           "CP0218" Error   "a call for an answer that is streamed";

    NoPurpose             "CP0301" Error   "no purpose" "Art. 5(1)(b)";
    NoLegalBasis          "CP0302" Error   "no legal basis" "Art. 6(1)";
    SpecialCategory       "CP0303" Error   "a special category without a condition" "Art. 9(2)";
    CriminalData          "CP0304" Error   "criminal-offence data without a reference" "Art. 10";
    ThirdCountry          "CP0305" Error   "a third-country recipient without a transfer instrument" "Art. 44 to 49";
    RecipientUnbound      "CP0306" Error   "a recipient without role or agreement" "Art. 28(3)";
    NoAssessment          "CP0307" Error   "legitimate interests without an assessment" "Art. 6(1)(f)";
    NoNoticeText          "CP0308" Error   "a consent without a notice text" "Art. 7 and 13";
    AutomatedDecision     "CP0309" Error   "an automated decision without a ground or a way to contest it" "Art. 22";
    NoRetention           "CP0310" Error   "no retention" "Art. 5(1)(e)";
    IdentifierUnchanged   "CP0311" Error   "a direct identifier that leaves unchanged without a justification" "Art. 5(1)(c)";
    DestinationNotNamed   "CP0312" Error   "an identifying field whose destinations are not named" "Art. 25";
    UnknownCategory       "CP0313" Error   "an unknown category of personal data" "Art. 30(1)(c)";
    TransferIdentifies    "CP0314" Error   "an identifier that goes to a recipient who may have pseudonyms only" "Art. 44 to 49";
    FurtherProcessing     "CP0315" Error   "a re-use without a ground that carries it" "Art. 6(4)";
    NoDataSubjectCategory "CP0316" Error   "no categories of data subjects" "Art. 30(1)(c)";
    NoCategory            "CP0317" Warning "a field without a category" "Art. 30(1)(c)";
    PassUnjustified       "CP0318" Error   "a body that passes unread without a cap or a justification" "Art. 5(2)";
    ReIdentifyUnreasoned  "CP0319" Error   "a re-identification without a scope or a reason" "Art. 5(2)";
    AccessOpen            "CP0320" Warning "a route that asks for no scope" "Art. 32";
    NoController          "CP0321" Error   "no controller" "Art. 13(1)(a) and 30(1)(a)";
    ChildConsent          "CP0322" Error   "children too young to consent alone, without a parent's authorisation" "Art. 8(1)";
    ChildAgeUnsaid        "CP0323" Warning "an age that may be a child's, and nothing said of children" "Art. 8(1)";
    ChildAgeAdmitted      "CP0324" Error   "an age below the one that the service is offered from" "Art. 8(1)";
    DecisionSpecial       "CP0325" Error   "an automated decision on a special category whose condition does not permit it" "Art. 22(4)";
    DecisionUnsaid        "CP0326" Warning "a rating of a person, and nothing said of decisions" "Art. 22(1)";
    ConsentNotAsked       "CP0327" Warning "an explicit consent that nobody is asked for" "Art. 7(1)";
    HashWithoutKey        "CP0328" Error   "a hash without a key" "Art. 4(5) and 32(1)(a)";
    PersonsMixed          "CP0329" Warning "persons of two activities who may be different people under one number" "Art. 5(1)(f)";

    TransferExpired       "CP0330" Error   "a transfer instrument that no longer holds" "Art. 44 to 49";
    TransferExpires       "CP0331" Warning "a transfer instrument that soon holds no more" "Art. 44 to 49";
    TransferConsent       "CP0332" Error   "a transfer by consent that nobody is asked for" "Art. 49(1)(a)";

    ShadowRoute           "CP0340" Error   "a shadow's route that what it shadows does not serve" "Art. 5(2)";
    ShadowOfShadow        "CP0341" Error   "a shadow of what is not in force" "Art. 5(2)";
    ShadowOfRecords       "CP0342" Error   "a shadow of what has no exchanges" "Art. 5(2)";

    NotImplementedYet     "CP0401" Error   "a word that is not implemented yet";

    CaseTwice             "CP0501" Error   "two cases of one name";
    CaseExpectsNothing    "CP0502" Error   "a case that checks nothing";

    KeyNotHere            "CP0601" Error   "key material in a configuration";
    InsecureSetting       "CP0602" Error   "a setting that is not safe";
    SameFile              "CP0603" Error   "one file for two things";
    UpstreamInTheClear    "CP0604" Warning "an upstream without encryption";
    TokenTypeUnusual      "CP0605" Warning "a type that tokens seldom have";
    NeverOccurred         "CP0701" Warning "something declared that nobody sends" "Art. 5(1)(c)";
    SentUndeclared        "CP0702" Warning "something sent that nobody declared" "Art. 5(1)(c)";
}

impl Code {
    /// The code that is written so: `CP0303`, `cp303`, `303`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches(['C', 'c']).trim_start_matches(['P', 'p']);
        let number: u32 = digits.parse().ok()?;
        Self::ALL.iter().copied().find(|code| code.code() == format!("CP{number:04}"))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        self.article().iter().try_for_each(|article| write!(f, " (GDPR {article})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_in_order() {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.code()).collect();
        assert!(codes.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_page_begins_with_what_the_code_is() {
        for code in Code::ALL {
            let weight = match code.severity() {
                Severity::Error => "Error",
                Severity::Warning => "Warning",
            };
            let article = code.article().map(|article| format!(" · GDPR {article}")).unwrap_or_default();
            let head = format!("# {}: {}\n\n{weight}{article}\n\n", code.code(), code.title());
            assert!(code.page().starts_with(&head), "the page of {code:?} does not begin with\n{head}");
            for heading in ["\n## Why\n", "\n## Wrong\n", "\n## Right\n"] {
                assert_eq!(code.page().matches(heading).count(), 1, "{code:?}: {heading}");
            }
        }
    }

    #[test]
    fn codes_are_found_as_people_write_them() {
        for text in ["CP0303", "cp0303", "CP303", "303", "0303"] {
            assert_eq!(Code::parse(text), Some(Code::SpecialCategory), "{text}");
        }
        for text in ["", "CP", "CP9999", "x", "-1"] {
            assert_eq!(Code::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_law_stands_behind_each_code_of_its_hundreds() {
        for code in Code::ALL {
            let of_law = ["CP03", "CP07"].iter().any(|hundred| code.code().starts_with(hundred));
            assert_eq!(code.article().is_some(), of_law, "{code:?}");
        }
    }
}
