//! Cases: `policies/NAME.cases.yaml`.

use super::{DURATION, Is, Rule, Shape, TOKEN_OF_HTTP, form, list, may, must, some, words};
use crate::problem::Problem;

/// A call, and what must come of it.
pub const CASE: Shape = Shape {
    id: "case",
    what: "a case",
    says: "A call, and what must come of it. A case looks at what it names, and compares that whole.",
    keys: &[
        must("case", Is::Text, "What it shows."),
        may("given", Is::Keys(&GIVEN), "What holds before the call."),
        must("send", Is::Keys(&CALL), "The call."),
        may(
            "upstream_answers",
            Is::Keys(&UPSTREAM_ANSWERS),
            "What the upstream of the test answers. Not said: an answer made up from the response's fields.",
        ),
        may(
            "upstream_sees",
            Is::Expected,
            "The body that reaches the upstream, or `nothing`. `{ matches: REGEX }`, `any` and `absent` stand for values.",
        ),
        may(
            "upstream_asked",
            Is::Keys(&UPSTREAM_ASKED),
            "With what path, query and headers the upstream is asked.",
        ),
        may("caller_gets", Is::Keys(&CALLER_GETS), "What the caller gets."),
        may(
            "stored",
            Is::Expected,
            "The record that the call leaves, by field. `{ matches: REGEX }`, `any` and `absent` stand for values.",
        ),
    ],
    rules: &[Rule::AtLeastOne(&["upstream_sees", "upstream_asked", "caller_gets", "stored"])],
};

/// What holds before the call.
pub(crate) const GIVEN: Shape = Shape {
    id: "given",
    what: "what is given",
    says: "What holds before the call.",
    keys: &[
        may("consent", some(&Is::Text), "Purposes that the person of the token has agreed to."),
        may("withdrawn", some(&Is::Text), "Purposes whose consent was given and taken back."),
        may("objected", some(&Is::Text), "Purposes that the person objects to."),
        may("restricted", Is::Boolean, "Whether the person's data is restricted (GDPR Art. 18)."),
        may(
            "persons",
            list(&Is::Keys(&SAID)),
            "What persons have said whose data the body holds, row by row.",
        ),
        may("token", Is::Keys(&TOKEN), "The credential. Not said: the call carries none."),
        may("clock", form("^[0-9]{4}-", "2026-11-23T08:00:00Z"), "When it is, as RFC 3339 has it."),
        may(
            "analyzer_finds",
            list(&Is::Keys(&FIND)),
            "What the outside analyser finds in the texts of the call.",
        ),
        may("exchanges", list(&Is::Keys(&EXCHANGE)), "Calls made before."),
        may("advance", DURATION, "What passes between those calls and this one; retention runs then."),
    ],
    rules: &[],
};

/// What a person has said whose data the body holds.
pub(crate) const SAID: Shape = Shape {
    id: "said",
    what: "a person",
    says: "What a person has said whose data the body holds.",
    keys: &[
        must("sub", Is::Text, "Who it is, as the body names them."),
        may("consent", some(&Is::Text), "Purposes that they have agreed to."),
        may("withdrawn", some(&Is::Text), "Purposes whose consent they have taken back."),
        may("objected", some(&Is::Text), "Purposes that they object to."),
        may("restricted", Is::Boolean, "Whether their data is restricted (GDPR Art. 18)."),
    ],
    rules: &[],
};

/// What an outside analyser finds.
pub(crate) const FIND: Shape = Shape {
    id: "find",
    what: "a find",
    says: "What an outside analyser finds.",
    keys: &[
        must("entity", Is::Text, "What it is, in the analyser's words."),
        must("text", Is::Text, "Where: the text that it is."),
    ],
    rules: &[],
};

/// A call made before.
pub(crate) const EXCHANGE: Shape = Shape {
    id: "exchange",
    what: "an exchange",
    says: "A call made before.",
    keys: &[
        may("consent", some(&Is::Text), "Purposes that its person has agreed to by then."),
        may("withdrawn", some(&Is::Text), "Purposes whose consent its person withdraws after it."),
        must("token", Is::Keys(&TOKEN), "Whose call it was."),
        must("send", Is::Keys(&CALL), "The call."),
    ],
    rules: &[],
};

/// A credential.
pub(crate) const TOKEN: Shape = Shape {
    id: "token",
    what: "a token",
    says: "What the token of a call says.",
    keys: &[
        may("sub", Is::Text, "Who holds it."),
        may("scopes", list(&Is::Text), "What it allows."),
        may("client_id", Is::Text, "The program that calls; equal to `sub`, it is nobody's token."),
        may("namespace", Is::Text, "The namespace of its issuer. Default: the first issuer's."),
        may("purpose", Is::Text, "The claim `purpose`."),
        may("reason", Is::Text, "The claim `reason`."),
        may("claims", Is::Entries(&Is::Anything), "Further claims."),
    ],
    rules: &[],
};

/// A call.
pub(crate) const CALL: Shape = Shape {
    id: "call",
    what: "a call",
    says: "A call.",
    keys: &[
        must("method", TOKEN_OF_HTTP, "`POST`, `GET` or another method."),
        must("path", Is::Text, "Path and query."),
        may("headers", Is::Entries(&Is::Text), "Headers."),
        may("json", Is::Anything, "The body."),
        may("text", Is::Single, "The body as it stands, sent as what the route reads."),
        may("parts", list(&Is::Keys(&PART)), "The body as the parts of `multipart/form-data`."),
    ],
    rules: &[
        Rule::NotAll(&["json", "text"]),
        Rule::NotAll(&["json", "parts"]),
        Rule::NotAll(&["text", "parts"]),
    ],
};

/// A part of a call's body.
pub(crate) const PART: Shape = Shape {
    id: "part",
    what: "a part",
    says: "A part of `multipart/form-data`. With `media` or `base64` it is a file.",
    keys: &[
        must("name", Is::Text, "The field's name."),
        may("text", Is::Single, "What is in it."),
        may("base64", BASE64, "What is in it, where it is no text: bytes in base64."),
        may(
            "media",
            Is::Text,
            "Its media type. Not said: `application/octet-stream` of `base64`, none of `text`.",
        ),
    ],
    rules: &[Rule::One(&["text", "base64"])],
};

/// Four characters for three bytes, and padding (RFC 4648 section 4); white space stands anywhere.
const BASE64: Is = form(
    r"^(((\s*[A-Za-z0-9+/]){4})+((\s*[A-Za-z0-9+/]){2}(\s*=){2}|(\s*[A-Za-z0-9+/]){3}\s*=)?|(\s*[A-Za-z0-9+/]){2}(\s*=){2}|(\s*[A-Za-z0-9+/]){3}\s*=)\s*$",
    "iVBORw0KGgo=",
);

/// What the upstream of the test answers.
pub(crate) const UPSTREAM_ANSWERS: Shape = Shape {
    id: "upstream-answers",
    what: "an answer of the upstream",
    says: "What the upstream of the test answers.",
    keys: &[
        may("status", Is::Integer(100, 599), "Default: 200."),
        may("json", Is::Anything, "The body."),
        may("text", Is::Single, "The body as it stands."),
    ],
    rules: &[Rule::NotAll(&["json", "text"])],
};

/// How the upstream is asked.
pub(crate) const UPSTREAM_ASKED: Shape = Shape {
    id: "upstream-asked",
    what: "how the upstream is asked",
    says: "With what path, query and headers the upstream is asked.",
    keys: &[
        may("path", Is::Expected, "The path."),
        may("query", Is::Expected, "The query's parameters."),
        may("headers", Is::Expected, "The headers that travel."),
    ],
    rules: &[],
};

/// What the caller gets.
pub(crate) const CALLER_GETS: Shape = Shape {
    id: "caller-gets",
    what: "what the caller gets",
    says: "What the caller gets.",
    keys: &[
        may("status", Is::Integer(100, 599), "The status."),
        may(
            "problem",
            Is::Words(|| words(Problem::ALL, Problem::slug)),
            "The problem that is told (RFC 9457).",
        ),
        may("text", Is::Expected, "The body as it stands."),
        may("json", Is::Expected, "The body. `{ matches: REGEX }`, `any` and `absent` stand for values."),
    ],
    rules: &[],
};
