//! Both sides of an exchange, their fields, and parameters.

use super::action::{DESTINATIONS, FILE_LENGTH, LENGTH, RANGE};
use super::{Is, Key, Rule, Shape, TOKEN_OF_HTTP, Test, form, list, may, must, some, words};
use crate::check::{Format, RefuseKind, RuleKind, Sanitize};
use crate::policy::categories;

const TYPE: Key = must(
    "type",
    Is::Words(|| words(RuleKind::ALL, RuleKind::word)),
    "What a value is; `integer` is spelled without fraction and exponent; `file` is a part of a `multipart` body.",
);
const TYPE_OF_PARAMETER: Key = must(
    "type",
    Is::Words(|| {
        words(RuleKind::ALL, RuleKind::word)
            .into_iter()
            .filter(|word| *word != RuleKind::File.word())
            .collect()
    }),
    "What a value is; `integer` is spelled without fraction and exponent.",
);
const MEDIA: Key = may(
    "media",
    some(&form("^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$", "image/png")),
    "Media types that a file may have: `image/png`.",
);
const LENGTH_KEY: Key =
    may("length", FILE_LENGTH, "Characters of a string: `1..100`, `1..` or `5`; bytes of a file: `1..5MiB`.");
const RANGE_KEY: Key = may("range", RANGE, "The least and the most, both included: `0..130`, `1..`.");
const ONE_OF: Key = may("one_of", some(&Is::Single), "The values that are possible.");
const PATTERN: Key = may(
    "pattern",
    Is::Text,
    "A regular expression for the whole value, without look-around and back-references.",
);
const FORMAT: Key =
    may("format", Is::Words(|| words(Format::ALL, Format::word)), "What a text must be; `phone` is E.164.");
const NULLABLE: Key = may("nullable", Is::Boolean, "Whether `null` may stand there. Default: false.");
const SANITIZE: Key = may(
    "sanitize",
    Is::Words(|| words(Sanitize::ALL, Sanitize::word)),
    "`text`: no markup survives; `html`: harmless elements only. The value may change.",
);
const REFUSE: Key = may(
    "refuse",
    list(&Is::Words(|| words(RefuseKind::ALL, RefuseKind::word))),
    "What makes the value refused, looked at as it came.",
);
const REQUIRED: Key =
    may("required", Is::Boolean, "Whether a body without the field is refused. Default: true.");
const CATEGORY: Key = may(
    "category",
    category(),
    "What the value is: a term of the Data Privacy Vocabulary, https://w3id.org/dpv/pd (GDPR Art. 30(1)(c)).",
);
const JUSTIFICATION: Key =
    may("justification", Is::Text, "Why a field that identifies must leave unchanged (GDPR Art. 5(1)(c)).");

/// A text in `one_of` is written as one.
const OF_VALUES: &[Rule] = &[
    Rule::Then(Test::Fits("type", "^string$"), "one_of", &list(&form("^", "Red"))),
    Rule::Then(Test::Fits("type", "^(string|integer|number|boolean)$"), "length", &LENGTH),
];

/// A category of personal data.
pub(super) const fn category() -> Is {
    Is::Words(categories::terms)
}

/// A field of a request.
pub(crate) const REQUEST_FIELD: Shape = Shape {
    id: "request-field",
    what: "a field",
    says: "A field: what a value must look like, and where it goes.",
    keys: &[
        CATEGORY,
        TYPE,
        LENGTH_KEY,
        RANGE_KEY,
        ONE_OF,
        PATTERN,
        FORMAT,
        NULLABLE,
        SANITIZE,
        REFUSE,
        MEDIA,
        REQUIRED,
        DESTINATIONS.upstream,
        DESTINATIONS.stored,
        DESTINATIONS.export,
        JUSTIFICATION,
    ],
    rules: OF_VALUES,
};

/// A field of a response.
pub(crate) const RESPONSE_FIELD: Shape = Shape {
    id: "response-field",
    keys: &[
        CATEGORY,
        TYPE,
        LENGTH_KEY,
        RANGE_KEY,
        ONE_OF,
        PATTERN,
        FORMAT,
        NULLABLE,
        SANITIZE,
        REFUSE,
        MEDIA,
        REQUIRED,
        DESTINATIONS.caller,
        DESTINATIONS.stored,
        DESTINATIONS.export,
        JUSTIFICATION,
    ],
    ..REQUEST_FIELD
};

/// A parameter of a query.
pub(crate) const QUERY_PARAMETER: Shape = Shape {
    id: "query-parameter",
    what: "a query parameter",
    says: "A parameter: it passes as it came or treated, or the call is refused.",
    keys: &[
        CATEGORY,
        TYPE_OF_PARAMETER,
        LENGTH_KEY,
        RANGE_KEY,
        ONE_OF,
        PATTERN,
        FORMAT,
        REFUSE,
        PARAMETER_REQUIRED,
        DESTINATIONS.upstream,
        DESTINATIONS.stored,
        JUSTIFICATION,
    ],
    rules: OF_VALUES,
};

const PARAMETER_REQUIRED: Key =
    may("required", Is::Boolean, "Whether a call without it is refused. Default: true, for a header false.");

/// A parameter of a path.
pub(crate) const PATH_PARAMETER: Shape =
    Shape { id: "path-parameter", what: "a path parameter", ..QUERY_PARAMETER };

/// A header of a call.
pub(crate) const REQUEST_HEADER: Shape = Shape {
    id: "request-header",
    what: "a header",
    says: "A request header that travels to the upstream.",
    ..QUERY_PARAMETER
};

/// A header of an answer.
pub(crate) const RESPONSE_HEADER: Shape = Shape {
    id: "response-header",
    what: "a header",
    says: "A header of the answer that the caller gets as it came.",
    keys: &[TYPE_OF_PARAMETER, LENGTH_KEY, RANGE_KEY, ONE_OF, PATTERN, FORMAT, REFUSE, PARAMETER_REQUIRED],
    rules: OF_VALUES,
};

const UNKNOWN_FIELDS: Key = may(
    "unknown_fields",
    Is::Words(|| vec!["refuse", "leave_out"]),
    "What becomes of what is not declared. Default: refuse.",
);
const SCHEMA: Key = may(
    "schema",
    Is::Text,
    "A JSON Schema (2020-12) that the whole body is held against: a `.json` file of the policies folder.",
);
/// Query parameters.
pub(super) const QUERY: Key = may(
    "query",
    Is::Entries(&Is::Keys(&QUERY_PARAMETER)),
    "Query parameters that may come; any other is refused.",
);
/// Path parameters.
pub(super) const PATH: Key =
    may("path", Is::Entries(&Is::Keys(&PATH_PARAMETER)), "A declaration for each `{name}` of the path.");
/// Headers.
pub(super) const HEADERS: Key = may(
    "headers",
    Is::Either(&[list(&TOKEN_OF_HTTP), Is::Entries(&Is::Keys(&REQUEST_HEADER))]),
    "Headers that pass: names, or names with rules; any other stays behind.",
);
const HEADERS_OF_ANSWER: Key = may(
    "headers",
    Is::Either(&[list(&TOKEN_OF_HTTP), Is::Entries(&Is::Keys(&RESPONSE_HEADER))]),
    "Headers that pass: names, or names with rules; any other stays behind.",
);

/// What may come.
pub(crate) const REQUEST: Shape = Shape {
    id: "request",
    what: "a request",
    says: "What may come, for all governed routes of the activity.",
    keys: &[
        UNKNOWN_FIELDS,
        SCHEMA,
        must(
            "fields",
            Is::Entries(&Is::Keys(&REQUEST_FIELD)),
            "Fields by name: `customer.email`, `usage[*].hours`. What is not declared goes nowhere.",
        ),
        QUERY,
        PATH,
        HEADERS,
    ],
    rules: &[],
};

/// What the caller may get.
pub(crate) const RESPONSE: Shape = Shape {
    id: "response",
    what: "a response",
    says: "What the caller may get.",
    keys: &[
        UNKNOWN_FIELDS,
        SCHEMA,
        must(
            "fields",
            Is::Entries(&Is::Keys(&RESPONSE_FIELD)),
            "Fields of the answer by name. What is not declared goes nowhere.",
        ),
        HEADERS_OF_ANSWER,
    ],
    rules: &[],
};
