//! What is done to a value for a destination.

use super::{Is, Key, Rule, SCOPE, Shape, Test, form, may, must, some, words};
use crate::action::ReplaceBy;
use crate::detect::{self, Kind};

const UNCHANGED: Key = may("unchanged", Is::Nothing, "The value, byte for byte.");
const LEAVE_OUT: Key = may("leave_out", Is::Nothing, "Nothing: the field is not there.");
const REFUSE: Key =
    may("refuse_if_present", Is::Nothing, "The call is refused if the field is there, null too.");
const REDACT_KEY: Key = may("redact", Is::Text, "A fixed text: `[redacted]`, or the one that is written.");
const MASK_KEY: Key =
    may("mask", Is::Options(&MASK), "Dots, and with `keep_last` so many characters of the end.");
const PSEUDONYMIZE: Key = may(
    "pseudonymize",
    Is::Options(&PSEUDONYM),
    "A keyed hash (HMAC-SHA-256) under the domain's secret: the same for the same value in one domain.",
);
const ENCRYPT_KEY: Key =
    may("encrypt", Is::Keys(&ENCRYPT), "A Fernet token under an interchange key of consentry.yaml.");
const GENERALIZE_KEY: Key =
    may("generalize", Is::Keys(&GENERALIZE), "A coarser value: a band, a month, a prefix.");
const DETECT: Key = may("detect", Is::Keys(&DETECTION), "Free text, with what the detectors find replaced.");
const ENCRYPTED: Key = may("encrypted", Is::Nothing, "Sealed as it came, under the person's own key.");

/// What the upstream may see.
pub(crate) const UPSTREAM: Shape = Shape {
    id: "upstream-action",
    what: "an action",
    says: "What is done to a value: one word, or one word with its options.",
    keys: &[
        UNCHANGED,
        LEAVE_OUT,
        REFUSE,
        REDACT_KEY,
        MASK_KEY,
        PSEUDONYMIZE,
        ENCRYPT_KEY,
        GENERALIZE_KEY,
        DETECT,
    ],
    rules: &[],
};

/// What the caller may get.
pub(crate) const CALLER: Shape = Shape { id: "caller-action", ..UPSTREAM };

/// What some callers may get: nobody is refused for what the upstream answers.
const GATED: Shape = Shape {
    id: "gated-caller-action",
    keys: &[UNCHANGED, LEAVE_OUT, REDACT_KEY, MASK_KEY, PSEUDONYMIZE, ENCRYPT_KEY, GENERALIZE_KEY, DETECT],
    ..UPSTREAM
};

/// What some callers get.
pub(crate) const GATE: Shape = Shape {
    id: "gate",
    what: "what some callers get",
    says: "What some callers get, who they are, and what the others get.",
    keys: &[
        may("all_scopes", some(&SCOPE), "Scopes that such a caller must all have."),
        may("any_scope", some(&SCOPE), "Scopes of which such a caller must have one."),
        may("when", Is::Text, "A condition (CEL) of caller, call and time."),
        may("then", Is::Action(&GATED), "What such a caller gets. Default: unchanged."),
        may("otherwise", Is::Action(&GATED), "What the others get. Default: nothing."),
    ],
    rules: &[Rule::AtLeastOne(&["all_scopes", "any_scope", "when"])],
};

/// What may be kept.
pub(crate) const STORED: Shape = Shape {
    id: "stored-action",
    keys: &[ENCRYPTED, LEAVE_OUT, PSEUDONYMIZE, GENERALIZE_KEY, DETECT],
    ..UPSTREAM
};

/// What an export may show.
pub(crate) const EXPORT: Shape = Shape {
    id: "export-action",
    keys: &[UNCHANGED, LEAVE_OUT, REDACT_KEY, MASK_KEY, PSEUDONYMIZE, ENCRYPT_KEY, GENERALIZE_KEY, DETECT],
    ..UPSTREAM
};

/// The options of `mask`.
pub(crate) const MASK: Shape = Shape {
    id: "mask",
    what: "a mask",
    says: "What a mask leaves.",
    keys: &[must("keep_last", Is::Integer(0, 64), "How many characters at the end stay.")],
    rules: &[],
};

/// The options of `pseudonymize`.
pub(crate) const PSEUDONYM: Shape = Shape {
    id: "pseudonym",
    what: "a pseudonym",
    says: "What a pseudonym looks like.",
    keys: &[may(
        "as",
        Is::Words(|| vec!["string", "integer"]),
        "`integer`: a number below 2^53, for models that need one; it collides sooner.",
    )],
    rules: &[],
};

/// The options of `encrypt`.
pub(crate) const ENCRYPT: Shape = Shape {
    id: "encryption",
    what: "an encryption",
    says: "Under which key.",
    keys: &[must("key", Is::Name, "An interchange key of consentry.yaml.")],
    rules: &[],
};

/// The options of `generalize`.
pub(crate) const GENERALIZE: Shape = Shape {
    id: "generalisation",
    what: "a generalisation",
    says: "How coarse a value is made: one of `bands_of`, `date_to` and `prefix`.",
    keys: &[
        may("bands_of", Is::Integer(1, u32::MAX), "How many units a band has: with 10, 36 becomes 30."),
        may("as", Is::Words(|| vec!["label"]), "`label`: the band is named, `30-39`."),
        may(
            "date_to",
            Is::Words(|| vec!["year", "month"]),
            "What of a date stays: the first day of its year or month.",
        ),
        may("prefix", Is::Integer(1, 256), "How many characters at the beginning stay."),
    ],
    rules: &[
        Rule::One(&["bands_of", "date_to", "prefix"]),
        Rule::Where(Test::Has("date_to"), &[], &["as"]),
        Rule::Where(Test::Has("prefix"), &[], &["as"]),
    ],
};

/// The options of `detect`.
pub(crate) const DETECTION: Shape = Shape {
    id: "detection",
    what: "a detection",
    says: "What is looked for in a text, and what takes its place.",
    keys: &[
        may(
            "kinds",
            some(&Is::Either(&[Is::Words(|| words(Kind::ALL, Kind::word)), Is::Keys(&NATIONAL_ID)])),
            "What is looked for, by form, check digits and words beside it.",
        ),
        may(
            "region",
            some(&Is::Words(|| detect::regions().collect())),
            "Where phone numbers are written that have no country code, ISO 3166-1.",
        ),
        may(
            "patterns",
            Is::Named(&Is::Text, 1),
            "Patterns of your own by name: regular expressions of bounded length.",
        ),
        may("analyzer", Is::Name, "An analyser of consentry.yaml that is asked besides."),
        may(
            "entities",
            some(&form("^[A-Za-z0-9_-]{1,64}$", "PERSON")),
            "What the analyser is asked for, in its own words.",
        ),
        may(
            "score",
            Is::Either(&[Is::Number(0, 1), form(r"^(0(\.[0-9]{1,2})?|1(\.0{1,2})?)$", "0.6")]),
            "How certain the analyser must be, from 0 to 1. Default: 0.5.",
        ),
        must(
            "replace_by",
            Is::Words(|| words(ReplaceBy::ALL, ReplaceBy::word)),
            "What takes the place of each find.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne(&["kinds", "patterns", "analyzer"]),
        Rule::Where(Test::Has("analyzer"), &["entities"], &[]),
        Rule::Where(Test::HasNot("analyzer"), &[], &["entities", "score"]),
        Rule::Where(Test::Lacks("kinds", "phone"), &[], &["region"]),
    ],
};

/// National identification numbers of some states only. The reader takes it apart itself.
const NATIONAL_ID: Shape = Shape {
    id: "national-id",
    what: "a kind",
    says: "National identification numbers of some states only.",
    keys: &[must(
        "national_id",
        some(&Is::Words(|| detect::countries().collect())),
        "The states, ISO 3166-1.",
    )],
    rules: &[],
};

const UPSTREAM_SAYS: &str =
    "What the upstream sees. Not named: nothing; a field that identifies must name it.";
const CALLER_SAYS: &str = "What the caller gets. Not named: nothing.";
const STORED_SAYS: &str = "What is kept, sealed under the person's own key. Not named: nothing; a field that identifies must name it.";
const EXPORT_SAYS: &str = "What a page of records shows of what is kept. Not named: nothing.";

/// The destinations of a field, by the side that has them.
pub(crate) struct Destinations {
    /// `upstream`
    pub upstream: Key,
    /// `caller`
    pub caller: Key,
    /// `caller` of a category, which knows no callers.
    pub caller_of_category: Key,
    /// `stored`
    pub stored: Key,
    /// `export`
    pub export: Key,
}

/// The four destinations.
pub(crate) const DESTINATIONS: Destinations = Destinations {
    upstream: may("upstream", Is::Action(&UPSTREAM), UPSTREAM_SAYS),
    caller: may("caller", Is::Either(&[Is::Action(&CALLER), Is::Keys(&GATE)]), CALLER_SAYS),
    caller_of_category: may("caller", Is::Action(&CALLER), CALLER_SAYS),
    stored: may("stored", Is::Action(&STORED), STORED_SAYS),
    export: may("export", Is::Action(&EXPORT), EXPORT_SAYS),
};

/// `0..130`
pub(crate) const RANGE: Is =
    form(r"^(-?[0-9][0-9.eE+-]*\.\.(-?[0-9][0-9.eE+-]*)?|\.\.-?[0-9][0-9.eE+-]*)$", "0..130");
/// `1..5MiB`: of a file.
pub(crate) const FILE_LENGTH: Is = Is::Either(&[
    form(
        r"^((0|[1-9][0-9]*(B|KiB|MiB|GiB)?)(\.\.([1-9][0-9]*(B|KiB|MiB|GiB)?)?)?|\.\.[1-9][0-9]*(B|KiB|MiB|GiB)?)$",
        "1..5MiB",
    ),
    Is::Integer(0, u32::MAX),
]);
/// `1..100`
pub(crate) const LENGTH: Is = Is::Either(&[
    form(r"^((0|[1-9][0-9]*)(\.\.(0|[1-9][0-9]*)?)?|\.\.(0|[1-9][0-9]*))$", "1..100"),
    Is::Integer(0, u32::MAX),
]);
