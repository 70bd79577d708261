//! What may stand in `consentry.yaml` and `api-keys.yaml`: the table that the reader reads by and that editors get as a
//! schema.

use crate::admin::Role;
use crate::policy::shape::{
    DURATION, FILE, Is, Key, Rule, SCOPE, SIZE, Shape, Test, form, list, may, must, some, words,
};

const ADDRESS: Is = form(r"^\S+:[0-9]{1,5}$", "0.0.0.0:8443");
const URL: Is = form("^https?://[^@#?]+$", "https://model.example.org");
const HASH: Is = form("^sha256:[0-9a-fA-F]{64}$", "sha256:…");
/// Limits as the reader has them.
pub(super) const MOST_CONNECTIONS: u32 = 10_000_000;

/// One deployment.
pub(super) const CONFIGURATION: Shape = Shape {
    id: "configuration",
    what: "the configuration",
    says: "One deployment of Consentry. Paths start from this file's folder.",
    keys: &[
        must("listeners", some(&Is::Keys(&LISTENER)), "Where callers connect: TLS always."),
        may(
            "admin",
            Is::Keys(&ADMIN),
            "Where operators connect. Default: a Unix socket that its owner alone may use.",
        ),
        must(
            "upstreams",
            Is::Named(&Is::Keys(&UPSTREAM), 1),
            "The APIs behind the gateway, by the names that activities use.",
        ),
        may("issuers", list(&Is::Keys(&ISSUER)), "Who issues tokens (JWT)."),
        may("api_keys", FILE, "The file of API keys, for programs without an issuer."),
        must("keys", Is::Keys(&MASTER_KEY), "Where the master key is."),
        may(
            "interchange_keys",
            Is::Named(&Is::Keys(&INTERCHANGE_KEY), 0),
            "Fernet keys shared with the other side, by the names that policies use.",
        ),
        may(
            "problems",
            URL,
            "What stands before a problem's name in `type` (RFC 9457). Default: the gateway's own pages.",
        ),
        may(
            "store",
            Is::Keys(&STORE),
            "What is kept: two files, so that a backup of the data holds no keys.",
        ),
        may("policies", FILE, "The folder of policies. Default: policies."),
        may(
            "reload",
            Is::Words(|| vec!["on_save", "by_command"]),
            "What puts a changed policy in force: that it is saved, or `consentry reload` alone. Default: on_save.",
        ),
        may(
            "trusted_proxies",
            list(&Is::Text),
            "Proxies before the gateway whose word on a caller's address is taken: addresses and networks.",
        ),
        may(
            "analyzers",
            Is::Named(&Is::Keys(&ANALYZER), 0),
            "Who is asked about free text, by the names that policies use.",
        ),
        may("drift", Is::Keys(&DRIFT), "When something that is declared counts as missing."),
        may("log", Is::Keys(&LOG), "The log, on standard error. It holds no personal data."),
        may("threads", Is::Integer(1, 1024), "How many threads serve. Default: one per core."),
        may("connections", Is::Keys(&CONNECTIONS), "What each listener takes on, and how long it waits."),
    ],
    rules: &[Rule::AtLeastOne(&["issuers", "api_keys"])],
};

const HTTPS: Key = must("https", ADDRESS, "Address and port.");
const CERTIFICATE: Key = must("certificate", FILE, "The certificate chain, PEM.");
const KEY: Key = must("key", FILE, "Its private key, PEM, readable by its owner alone.");

/// Where callers connect.
pub(super) const LISTENER: Shape = Shape {
    id: "listener",
    what: "a listener",
    says: "Where callers connect.",
    keys: &[HTTPS, CERTIFICATE, KEY],
    rules: &[],
};

/// Where operators connect.
pub(super) const ADMIN: Shape = Shape {
    id: "admin",
    what: "administration",
    says: "Where operators connect: a Unix socket; over TCP with TLS and tokens besides.",
    keys: &[
        may("socket", FILE, "A Unix socket, or `none` where there is `https`. Default: run/admin.sock."),
        Key { needed: false, ..HTTPS },
        Key { needed: false, ..CERTIFICATE },
        Key { needed: false, ..KEY },
        may("tokens", some(&Is::Keys(&ADMIN_TOKEN)), "Bearer tokens, of which only hashes are kept."),
    ],
    rules: &[
        Rule::Where(Test::Has("https"), &["certificate", "key", "tokens"], &[]),
        Rule::Where(Test::Has("certificate"), &["https"], &[]),
        Rule::Where(Test::Has("key"), &["https"], &[]),
        Rule::Where(Test::Has("tokens"), &["https"], &[]),
        Rule::Where(Test::Fits("socket", "^none$"), &["https"], &[]),
    ],
};

/// A token of administration.
pub(super) const ADMIN_TOKEN: Shape = Shape {
    id: "admin-token",
    what: "a token",
    says: "A bearer token of administration.",
    keys: &[
        must("name", Is::Name, "Whose it is."),
        must("role", Is::Words(|| words(Role::ALL, Role::word)), "What it may do."),
        must("hash", HASH, "The token's hash: `sha256:` and 64 hexadecimal digits; never the token."),
    ],
    rules: &[],
};

/// An API behind the gateway.
pub(super) const UPSTREAM: Shape = Shape {
    id: "upstream",
    what: "an upstream",
    says: "An API behind the gateway.",
    keys: &[
        must("url", URL, "Its address; http:// to another host is a warning."),
        may("socket", FILE, "The unix socket that it listens at, instead of the host of `url`."),
        must("recipient", Is::Name, "Who runs it, as organisation.yaml declares it."),
        may("ca", FILE, "Certificates that are believed instead of the system's, PEM."),
        may("timeouts", Is::Keys(&UPSTREAM_TIMEOUTS), "How long is waited."),
    ],
    rules: &[],
};

/// How long an upstream may take.
pub(super) const UPSTREAM_TIMEOUTS: Shape = Shape {
    id: "upstream-timeouts",
    what: "the section `timeouts`",
    says: "How long is waited for an upstream.",
    keys: &[
        may("connect", DURATION, "TLS included. Default: 5s."),
        may("total", DURATION, "To the last byte of the answer. Default: 30s."),
        may("idle", DURATION, "How long an unused connection is kept. Default: 1500ms."),
    ],
    rules: &[],
};

/// Who issues tokens.
pub(super) const ISSUER: Shape = Shape {
    id: "issuer",
    what: "an issuer",
    says: "Who issues tokens: an issuer has its keys in one of three places.",
    keys: &[
        must("issuer", Is::Text, "The `iss` of its tokens."),
        must(
            "audience",
            Is::Either(&[Is::Text, some(&Is::Text)]),
            "The `aud` that its tokens must have, one of these.",
        ),
        must(
            "algorithms",
            some(&Is::Words(super::issuer::algorithm_words)),
            "Those it may use; HS… with a `secret_file` and nowhere else.",
        ),
        may("types", some(&Is::Text), "The `typ` that its tokens may have. Default: at+jwt and JWT."),
        must("namespace", Is::Name, "That in which its `sub` means a person."),
        may("jwks", form("^https?://[^@#]+$", "https://id.example.org/jwks"), "The address of its key set."),
        may("public_key", FILE, "A public key, PEM."),
        may("secret_file", FILE, "A secret for HMAC, 32 bytes or more, readable by its owner alone."),
    ],
    rules: &[Rule::One(&["jwks", "public_key", "secret_file"])],
};

const KEY_FILE: Key = may("file", FILE, "A file, readable by its owner alone.");
const KEY_VARIABLE: Key = may(
    "env",
    form("^[A-Za-z_][A-Za-z0-9_]{0,63}$", "ENCRYPTION_KEY"),
    "An environment variable; its name, never the key.",
);

/// Where the master key is.
pub(super) const MASTER_KEY: Shape = Shape {
    id: "master-key",
    what: "the master key",
    says: "Where the master key is: 32 bytes in URL-safe base64, as a Fernet key is written.",
    keys: &[
        KEY_FILE,
        KEY_VARIABLE,
        may(
            "previous",
            list(&Is::Keys(&PREVIOUS_KEY)),
            "Master keys before it, which only open what `consentry key rotate` has not wrapped anew yet.",
        ),
    ],
    rules: &[Rule::One(&["file", "env"])],
};

/// Where a master key of before is.
pub(super) const PREVIOUS_KEY: Shape = Shape {
    id: "previous-master-key",
    what: "a previous master key",
    says: "Where a master key is that was in use before.",
    keys: &[KEY_FILE, KEY_VARIABLE],
    rules: &[Rule::One(&["file", "env"])],
};

/// An interchange key.
pub(super) const INTERCHANGE_KEY: Shape = Shape {
    id: "interchange-key",
    what: "an interchange key",
    says: "A Fernet key shared with the other side.",
    keys: &[must("file", FILE, "Its file, readable by its owner alone.")],
    rules: &[],
};

/// What is kept where.
pub(super) const STORE: Shape = Shape {
    id: "store",
    what: "the store",
    says: "What is kept: two files.",
    keys: &[
        may("sqlite", FILE, "The data. Default: data/consentry.db."),
        may("keyring", FILE, "The keys. Default: data/keys.db."),
    ],
    rules: &[],
};

/// A server with the interface of Presidio's analyzer.
pub(super) const ANALYZER: Shape = Shape {
    id: "analyzer",
    what: "an analyser",
    says: "A server with the interface of Presidio's analyzer.",
    keys: &[
        must("url", URL, "Where texts are posted; http:// to another host is a warning."),
        must("recipient", Is::Name, "Who runs it, as organisation.yaml declares it."),
        must("language", Is::Name, "Of the texts, as the analyser names it."),
        may(
            "timeout",
            DURATION,
            "How long the texts of one exchange may take together, at most 60s. Default: 2s.",
        ),
        may("at_once", Is::Integer(1, 256), "How many texts are asked about at a time. Default: 8."),
    ],
    rules: &[],
};

/// When something that is declared counts as missing.
pub(super) const DRIFT: Shape = Shape {
    id: "drift",
    what: "the section `drift`",
    says: "When something that is declared counts as missing.",
    keys: &[may(
        "window",
        Is::Integer(10, 1_000_000_000),
        "In how many exchanges of its route it must not occur. Default: 10000.",
    )],
    rules: &[],
};

/// The log.
pub(super) const LOG: Shape = Shape {
    id: "log",
    what: "the log",
    says: "The log, on standard error.",
    keys: &[
        may(
            "filter",
            form(r"^.+$", "warn,consentry::store=debug"),
            "A level, or levels of targets. Default: info.",
        ),
        may(
            "format",
            Is::Words(|| vec!["auto", "human", "json"]),
            "`auto`: for people on a terminal, else json. Default: auto.",
        ),
    ],
    rules: &[],
};

/// What each listener takes on.
pub(super) const CONNECTIONS: Shape = Shape {
    id: "connections",
    what: "the section `connections`",
    says: "What each listener takes on, and how long it waits.",
    keys: &[
        may("max", Is::Integer(1, MOST_CONNECTIONS), "Open connections. Default: 10000."),
        may(
            "per_address",
            Is::Integer(1, MOST_CONNECTIONS),
            "Per IPv4 address or IPv6 /64, trusted proxies apart. Default: 200.",
        ),
        may(
            "head_size",
            SIZE,
            "Of a request, from 8KiB to 1MiB; trailers the same, but 16KiB at most. Default: 32KiB.",
        ),
        may(
            "head_fields",
            Is::Integer(1, 1_000),
            "Of a request; trailers the same, but 100 at most. Default: 100.",
        ),
        may("streams", Is::Integer(1, 10_000), "Open requests of an HTTP/2 connection. Default: 100."),
        may(
            "resets",
            Is::Integer(1, 10_000),
            "Streams that an HTTP/2 caller may reset before the connection ends. Default: 20.",
        ),
        may("timeouts", Is::Keys(&TIMEOUTS), "How long a listener waits."),
    ],
    rules: &[],
};

/// How long a listener waits.
pub(super) const TIMEOUTS: Shape = Shape {
    id: "timeouts",
    what: "the section `timeouts`",
    says: "How long a listener waits.",
    keys: &[
        may("handshake", DURATION, "Of TLS. Default: 5s."),
        may("head", DURATION, "For a request's head. Default: 10s."),
        may("idle", DURATION, "Between two requests. Default: 60s."),
        may("stalled", DURATION, "Without progress in a body. Default: 30s."),
        may("linger", DURATION, "For requests on their way while the gateway stops. Default: 500ms."),
        may("drain", DURATION, "For exchanges to end while the gateway stops. Default: 30s."),
    ],
    rules: &[],
};

/// The file of API keys.
pub(super) const API_KEYS: Shape = Shape {
    id: "api-keys",
    what: "the file of API keys",
    says: "API keys of programs without an issuer: hashes, never the keys.",
    keys: &[must("keys", list(&Is::Keys(&API_KEY)), "The keys; `[]` where there is none.")],
    rules: &[],
};

/// An API key.
pub(super) const API_KEY: Shape = Shape {
    id: "api-key",
    what: "an API key",
    says: "An API key.",
    keys: &[
        must("id", form("^[0-9a-f]{16}$", "0123456789abcdef"), "The 16 digits after `ck_`."),
        must("name", Is::Name, "Whose it is."),
        must("hash", HASH, "The key's hash: `sha256:` and 64 hexadecimal digits."),
        must("scopes", some(&SCOPE), "What it allows."),
        must("namespace", Is::Name, "That in which its holder speaks of persons."),
        must("expires", form("^[0-9]{4}-", "2027-06-30"), "A day in UTC or a moment; no key lives for ever."),
        may("revoked", Is::Boolean, "Whether it is refused from now on."),
    ],
    rules: &[],
};
