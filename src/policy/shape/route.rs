//! Routes.

use super::field::{HEADERS, PATH, QUERY};
use super::{Is, Key, Rule, SCOPE, SIZE, Shape, Test, form, may, must, some, words};
use crate::payload::Format;
use crate::policy::words::{Answer, DeniedRow, Per};

/// The methods that can be served.
pub(crate) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const FORMAT_OR_NONE: Is =
    Is::Words(|| std::iter::once("none").chain(words(Format::ALL, Format::word)).collect());
const FORMAT: Is = Is::Words(|| words(Format::ALL, Format::word));

/// What becomes of a row whose person's data may not be processed.
pub(super) const DENIED_ROW: Key = may(
    "on_denied_row",
    Is::Words(|| words(DeniedRow::ALL, DeniedRow::word)),
    "What becomes of a row whose person may not be processed. Default: refuse.",
);

/// The formats of both directions.
pub(crate) const PAYLOAD: Shape = Shape {
    id: "payload",
    what: "a payload",
    says: "The formats of both directions.",
    keys: &[
        must("request", FORMAT_OR_NONE, "What callers send; `none`: calls have no body."),
        may(
            "response",
            FORMAT,
            "What the upstream answers. Default: what its servers answer to such a request.",
        ),
    ],
    rules: &[],
};

/// A call that the activity serves.
pub(crate) const ROUTE: Shape = Shape {
    id: "route",
    what: "a route",
    says: "A call that the activity serves.",
    keys: &[
        must(
            "match",
            form("^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /", "POST /predict/"),
            "A method and a path; `{name}` is one segment; `/a` and `/a/` differ.",
        ),
        may(
            "payload",
            Is::Either(&[FORMAT_OR_NONE, Is::Keys(&PAYLOAD)]),
            "The format in which the fields are found, `none` where calls have no body, or one for each direction.",
        ),
        may(
            "personal_data",
            Is::Words(|| vec!["none"]),
            "`none`: neither call nor answer holds any. Forwarded without query and the caller's headers, not journalled.",
        ),
        may(
            "body",
            Is::Words(|| vec!["pass"]),
            "`pass`: a body passes unread. Needs `justification` and `limits: { body: SIZE }`.",
        ),
        may("justification", Is::Text, "Why no body here holds personal data."),
        may(
            "answer",
            Is::Words(|| words(Answer::ALL, Answer::word)),
            "The gateway answers from kept records, in an activity with `records_of`.",
        ),
        DENIED_ROW,
        may("access", Is::Keys(&ACCESS), "Who may call. Not said: every authenticated caller."),
        may("rate_limit", Is::Keys(&RATE_LIMIT), "How often: beyond it, 429 with `Retry-After`."),
        may("limits", Is::Keys(&LIMITS), "How much one call may bring."),
        PATH,
        QUERY,
        HEADERS,
    ],
    rules: &[
        Rule::Where(
            Test::Has("personal_data"),
            &[],
            &["payload", "answer", "query", "headers", "on_denied_row"],
        ),
        Rule::Where(
            Test::All(&[Test::Has("personal_data"), Test::Has("body")]),
            &["justification", "limits"],
            &[],
        ),
        Rule::Where(Test::All(&[Test::Has("personal_data"), Test::HasNot("body")]), &[], &["justification"]),
        Rule::Where(Test::HasNot("personal_data"), &[], &["body", "justification"]),
        Rule::Where(Test::Has("answer"), &[], &["payload", "on_denied_row"]),
        Rule::Where(Test::All(&[Test::HasNot("personal_data"), Test::HasNot("answer")]), &["payload"], &[]),
    ],
};

/// What a caller must hold.
pub(crate) const ACCESS: Shape = Shape {
    id: "access",
    what: "an access rule",
    says: "What a caller must hold.",
    keys: &[
        may("all_scopes", some(&SCOPE), "Scopes that the caller must all have."),
        may("any_scope", some(&SCOPE), "Scopes of which the caller must have one."),
        may("when", Is::Text, "A condition (CEL) of caller, call and time that must hold besides."),
        may(
            "on_behalf_of",
            SCOPE,
            "The scope that lets a caller act for another person, who is named in the body.",
        ),
        may(
            "reason",
            Is::Words(|| vec!["required"]),
            "`required`: a code of organisation.yaml, in the token's `reason` claim or a `Consentry-Reason` header.",
        ),
    ],
    rules: &[],
};

/// A limit of calls.
pub(crate) const RATE_LIMIT: Shape = Shape {
    id: "rate-limit",
    what: "a rate limit",
    says: "How often may be called.",
    keys: &[
        must(
            "rate",
            form("^[1-9][0-9]*/(s|min|h|d)$", "60/min"),
            "How many calls in which time: `60/min`; s, min, h, d.",
        ),
        may("burst", Is::Integer(1, 1_000_000), "How many may come at once. Default: the rate."),
        must("per", Is::Words(|| words(Per::ALL, Per::word)), "Whose calls are counted."),
    ],
    rules: &[],
};

/// How much one call may bring.
pub(crate) const LIMITS: Shape = Shape {
    id: "limits",
    what: "limits",
    says: "How much one call may bring.",
    keys: &[
        may("body", SIZE, "Bytes of a body, after decoding. Default: 64KiB."),
        may("depth", Is::Integer(1, 128), "Nested objects and arrays. Default: 16."),
        may("rows", Is::Integer(1, 10_000_000), "Elements of an array. Default: 1000."),
    ],
    rules: &[],
};
