//! An activity: `policies/NAME.yaml`.

use super::{Is, Rule, Shape, Test, form, list, may, must, some, words};
use crate::policy::words::{Art9Condition, DecisionGround, JournalMode, LegalBasis, Mode};

const GOVERNED: Test = Test::All(&[Test::HasNot("personal_data"), Test::HasNot("answer")]);
const WITH_BODY: Test = Test::All(&[
    Test::HasNot("personal_data"),
    Test::HasNot("answer"),
    Test::Fits("match", "^(POST|PUT|PATCH) "),
    Test::Not(&Test::Fits("payload", "^none$")),
    Test::Not(&Test::Within("payload", &Test::Fits("request", "^none$"))),
]);

/// A processing activity.
pub const ACTIVITY: Shape = Shape {
    id: "activity",
    what: "the activity",
    says: "A processing activity: one row of the register that GDPR Art. 30 asks for, and what is enforced.",
    keys: &[
        super::PROPOSED,
        must("activity", Is::Text, "The file's name without `.yaml`."),
        must("title", Is::Text, "What register and notice call it."),
        must("purpose", Is::Text, "A purpose of organisation.yaml (GDPR Art. 5(1)(b))."),
        must(
            "legal_basis",
            Is::Words(|| words(LegalBasis::ALL, LegalBasis::word)),
            "What makes it lawful (GDPR Art. 6(1)).",
        ),
        may("assessment", Is::Text, "The reference of the balancing test; needed for legitimate interests."),
        may(
            "art9_condition",
            Is::Words(|| words(Art9Condition::ALL, Art9Condition::word)),
            "What lifts the prohibition on special categories (GDPR Art. 9(2)).",
        ),
        may("art10_reference", Is::Text, "The law that permits criminal-offence data (GDPR Art. 10)."),
        may(
            "automated_decision",
            Is::Either(&[Is::Words(|| vec!["none"]), Is::Keys(&DECISION)]),
            "Whether the answer decides about a person without a human (GDPR Art. 22): `none`, or ground and way to contest.",
        ),
        may(
            "offered_to_children",
            Is::Either(&[Is::Words(|| vec!["none"]), Is::Keys(&CHILDREN)]),
            "Whether the service is offered directly to children, and to whom (GDPR Art. 8): `none`, or from which age on.",
        ),
        must(
            "data_subject_categories",
            some(&Is::Text),
            "Whose data, for the register (GDPR Art. 30(1)(c)).",
        ),
        may(
            "data_subject",
            form(r"^(token|body|rows|path|query|header)\..+$", "token.sub"),
            "Whose data a call holds: `token.CLAIM`, `body.FIELD`, `path.NAME`, `query.NAME`, `header.NAME`, or `rows.FIELD` in a batch.",
        ),
        may(
            "retention",
            form(r"^\s*[1-9][0-9]*(ms|s|min|h|d)\s+after\s+exchange\s*$", "30d after exchange"),
            "How long records are kept (GDPR Art. 5(1)(e)).",
        ),
        may("upstream", Is::Name, "An upstream of consentry.yaml."),
        may(
            "other_recipients",
            list(&Is::Text),
            "Recipients beside the upstream's, for notice and register.",
        ),
        may(
            "pseudonymization_domain",
            Is::Name,
            "Pseudonyms of two domains cannot be joined. Default: the activity's name.",
        ),
        may(
            "journal",
            Is::Words(|| words(JournalMode::ALL, JournalMode::word)),
            "When the intent of an exchange is durable. Default: before_forward.",
        ),
        may(
            "mode",
            Is::Words(|| words(Mode::ALL, Mode::word)),
            "`closed`: every call is refused with 503. Default: enforce.",
        ),
        super::route::DENIED_ROW,
        may(
            "shadows",
            Is::Name,
            "The activity in force that this file is held against, on its exchanges, without touching them.",
        ),
        may(
            "records_of",
            Is::Text,
            "Answers from what another activity keeps: fields, stored forms, persons and retention are that one's.",
        ),
        may(
            "further_processing",
            Is::Either(&[Is::Words(|| vec!["own_consent"]), Is::Keys(&FURTHER)]),
            "What the re-use rests on (GDPR Art. 6(4)).",
        ),
        may(
            "may_outlive_source",
            Is::Boolean,
            "Whether it may go on reading after the source's consent was withdrawn, as long as its own ground stands.",
        ),
        must("routes", list(&Is::Keys(&super::ROUTE)), "The calls that it serves."),
        may("request", Is::Keys(&super::REQUEST), "What may come."),
        may("response", Is::Keys(&super::RESPONSE), "What the caller may get."),
    ],
    rules: &[
        Rule::Where(
            Test::Has("records_of"),
            &["further_processing"],
            &["journal", "on_denied_row", "data_subject", "retention", "upstream", "request", "response"],
        ),
        Rule::Where(Test::HasNot("records_of"), &[], &["further_processing", "may_outlive_source"]),
        Rule::Where(
            Test::All(&[Test::HasNot("records_of"), Test::Element("routes", &GOVERNED)]),
            &["data_subject", "retention", "response"],
            &[],
        ),
        Rule::Where(
            Test::All(&[Test::HasNot("records_of"), Test::Element("routes", &WITH_BODY)]),
            &["request"],
            &[],
        ),
        Rule::Where(
            Test::All(&[Test::HasNot("records_of"), Test::Element("routes", &Test::HasNot("answer"))]),
            &["upstream"],
            &[],
        ),
    ],
};

/// An automated decision.
pub(crate) const DECISION: Shape = Shape {
    id: "automated-decision",
    what: "an automated decision",
    says: "What an automated decision rests on, and how it is contested (GDPR Art. 22(2) and (3)).",
    keys: &[
        must(
            "ground",
            Is::Words(|| words(DecisionGround::ALL, DecisionGround::word)),
            "What permits it (GDPR Art. 22(2)).",
        ),
        must("contest", Is::Text, "Where a person asks for a human to decide: an address or a URL."),
    ],
    rules: &[],
};

/// To which children a service is offered.
pub(crate) const CHILDREN: Shape = Shape {
    id: "children",
    what: "an offer to children",
    says: "To which children the service is offered (GDPR Art. 8).",
    keys: &[
        must(
            "member_state",
            form("^[A-Z]{2}$", "FR"),
            "The state whose law sets the age from which a child consents alone, ISO 3166-1.",
        ),
        must(
            "minimum_age",
            Is::Integer(1, 18),
            "From which age on it is offered; a declared age must begin there.",
        ),
        may(
            "parental_authorisation",
            Is::Text,
            "How the authorisation of a parent is obtained and verified, by reference; needed below the age of that state.",
        ),
    ],
    rules: &[],
};

/// What a re-use rests on.
pub(crate) const FURTHER: Shape = Shape {
    id: "further-processing",
    what: "a further processing",
    says: "What a re-use rests on, by reference (GDPR Art. 6(4)).",
    keys: &[
        may("art_89", Is::Text, "Research or statistics with the safeguards of Art. 89(1), by reference."),
        may("law", Is::Text, "Union or member state law, by reference."),
        may(
            "compatibility",
            Is::Text,
            "A compatibility assessment, by reference; not where the source rests on consent.",
        ),
    ],
    rules: &[Rule::One(&["art_89", "law", "compatibility"])],
};
