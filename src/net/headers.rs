//! Which header fields may travel. Inwards, a few are refused and what no caller may say is removed; towards the
//! upstream only what is on a list passes.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    COOKIE, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};
use thiserror::Error;

use super::trace::{self, TRACEPARENT};

/// Why a header section is refused. Names a field at most, never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// A field that asks for another method than the request line.
    #[error("Method overrides are not served here.")]
    MethodOverride,
    /// A field that may stand once stands twice, and programs differ on which counts.
    #[error("The header field {0} is given twice.")]
    Doubled(&'static str),
    /// `Connection` names a field that is not for this connection alone (RFC 9110 section 7.6.1).
    #[error("The Connection header names a field that is not for the connection.")]
    ConnectionNames,
    /// `Connection` does not hold a list of names.
    #[error("The Connection header is not a list of names.")]
    Connection,
}

/// Fields of one connection, whether `Connection` names them or not (RFC 9110 section 7.6.1); `Expect` is answered here.
/// A `const` would make these names anew, and drop them, for each field that is looked at.
static HOP_BY_HOP: [HeaderName; 11] = [
    CONNECTION,
    EXPECT,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Fields that the gateway decides by: naming them in `Connection` must not make them vanish.
const NOT_FOR_CONNECTION: [&str; 14] = [
    "accept",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "forwarded",
    "host",
    "traceparent",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-proto",
];

const METHOD_OVERRIDES: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// What may stand once.
const SINGLE: [(HeaderName, &str); 6] = [
    (AUTHORIZATION, "Authorization"),
    (CONTENT_LENGTH, "Content-Length"),
    (CONTENT_TYPE, "Content-Type"),
    (HeaderName::from_static("consentry-api-key"), "Consentry-Api-Key"),
    (HeaderName::from_static("consentry-purpose"), "Consentry-Purpose"),
    (HeaderName::from_static("consentry-reason"), "Consentry-Reason"),
];

/// The gateway's own fields that a caller does send.
const FROM_CALLERS: [&str; 3] = ["consentry-api-key", "consentry-purpose", "consentry-reason"];

/// Beginnings of names by which programs behind a gateway are told who calls and what they agreed to, for names that begin with
/// this letter.
const fn reserved(letter: u8) -> &'static [&'static str] {
    match letter {
        b'c' => &["consentry-"],
        b'r' => &["remote-user"],
        b's' => &["ssl-client-"],
        b'x' => &[
            "x-amzn-oidc-",
            "x-auth-request-",
            "x-authenticated-",
            "x-client-cert",
            "x-consent",
            "x-forwarded-access-token",
            "x-forwarded-client-cert",
            "x-forwarded-email",
            "x-forwarded-groups",
            "x-forwarded-preferred-username",
            "x-forwarded-user",
            "x-remote-",
            "x-ssl-client-",
            "x-subject",
            "x-user",
        ],
        _ => &[],
    }
}

/// What no route can declare, since the gateway decides it.
static DECIDED_HERE: [HeaderName; 13] = [
    ACCEPT,
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    FORWARDED,
    HOST,
    SET_COOKIE,
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-api-key"),
];

/// What passes towards the upstream without being declared; `traceparent` does too, if it is well formed.
static TO_UPSTREAM: [HeaderName; 2] = [ACCEPT, CONTENT_TYPE];

/// Cleans a request's fields: those of the connection go, with those that `Connection` names; so do names with `_`
/// (which CGI-like servers cannot tell from `-`) and names by which an upstream is told who calls ([`is_reserved`]).
///
/// # Errors
/// If a field asks for another method, stands twice, or `Connection` names what is not its own.
pub fn at_the_door(headers: &mut HeaderMap) -> Result<(), HeaderError> {
    let mut gone = named_by_connection(headers)?;
    for name in headers.keys() {
        let text = name.as_str();
        if text.starts_with("x-") && METHOD_OVERRIDES.contains(&text) {
            return Err(HeaderError::MethodOverride);
        }
        if text.contains('_')
            || HOP_BY_HOP.contains(name)
            || is_reserved(name) && !FROM_CALLERS.contains(&text)
        {
            gone.push(name.clone());
        }
    }
    for name in gone {
        headers.remove(name);
    }
    // A map with as many keys as values doubles nothing.
    if headers.len() > headers.keys_len() {
        for (name, shown) in SINGLE {
            if headers.get_all(name).iter().nth(1).is_some() {
                return Err(HeaderError::Doubled(shown));
            }
        }
    }
    Ok(())
}

fn named_by_connection(headers: &HeaderMap) -> Result<Vec<HeaderName>, HeaderError> {
    let mut named = Vec::new();
    for list in headers.get_all(CONNECTION) {
        let list = list.to_str().map_err(|_| HeaderError::Connection)?;
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case("close") || name.eq_ignore_ascii_case("keep-alive") {
                continue;
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Connection)?;
            if NOT_FOR_CONNECTION.contains(&name.as_str()) || FROM_CALLERS.contains(&name.as_str()) {
                return Err(HeaderError::ConnectionNames);
            }
            named.push(name);
        }
    }
    Ok(named)
}

/// True for names by which identity, forwarding and consent are told to an upstream: a caller's are never believed, so
/// no route can declare one.
pub fn is_reserved(name: &HeaderName) -> bool {
    let name = name.as_str();
    let letter = name.bytes().next().unwrap_or_default();
    reserved(letter).iter().any(|reserved| name.starts_with(reserved))
}

/// Why a route cannot declare a header field, in a few words; `None` where it can.
pub fn why_not_declared(name: &HeaderName) -> Option<&'static str> {
    if name.as_str().contains('_') {
        Some("names with `_` are dropped, since many servers cannot tell `_` from `-`")
    } else if HOP_BY_HOP.contains(name) {
        Some("it belongs to a single connection")
    } else if is_reserved(name) || name.as_str().starts_with("x-forwarded-") || name == "x-real-ip" {
        Some("upstreams believe it to come from a gateway")
    } else if METHOD_OVERRIDES.contains(&name.as_str()) {
        Some("it changes the method that the route was chosen by")
    } else if DECIDED_HERE.contains(name) {
        Some("the gateway decides it")
    } else {
        None
    }
}

/// The fields of a request that travel to the upstream: `accept`, `content-type`, a well-formed `traceparent`, and
/// `declared`. A declared name that must not travel ([`why_not_declared`]) does not.
pub fn to_upstream(headers: &HeaderMap, declared: &[HeaderName]) -> HeaderMap {
    // With room for what the gateway adds, in no more than what an allocator has at hand.
    let mut out = HeaderMap::with_capacity(6);
    copy(headers, &mut out, &TO_UPSTREAM);
    if let Some(parent) = trace::parent(headers) {
        out.insert(TRACEPARENT, parent.clone());
    }
    let mays = |name: &&HeaderName| why_not_declared(name).is_none() && **name != TRACEPARENT;
    copy(headers, &mut out, declared.iter().filter(mays));
    out
}

fn copy<'a>(from: &HeaderMap, to: &mut HeaderMap, names: impl IntoIterator<Item = &'a HeaderName>) {
    for name in names {
        if !to.contains_key(name) {
            for value in from.get_all(name) {
                to.append(name, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_belongs_to_the_connection_goes_with_what_it_names() {
        let mut headers = map(&[
            ("host", "a"),
            ("connection", "close, X-Once"),
            ("connection", "te"),
            ("x-once", "1"),
            ("te", "trailers"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("x-other", "1"),
        ]);
        at_the_door(&mut headers).unwrap();
        assert_eq!(names(&headers), ["host", "x-other"]);
    }

    #[test]
    fn fields_of_the_connection_go_however_they_are_spelled() {
        for name in &HOP_BY_HOP {
            let upper = HeaderName::from_bytes(name.as_str().to_ascii_uppercase().as_bytes()).unwrap();
            let mut headers = map(&[("host", "a")]);
            headers.append(upper, "trailers".parse().unwrap());
            at_the_door(&mut headers).unwrap();
            assert_eq!(names(&headers), ["host"], "{name}");
        }
    }

    #[test]
    fn what_is_reserved_is_known_by_its_beginning() {
        for letter in 0..=u8::MAX {
            for name in reserved(letter) {
                assert_eq!(name.as_bytes()[0], letter);
                for longer in ["", "-of-others"] {
                    let longer = format!("{name}{longer}").to_ascii_uppercase();
                    // A name may end where its beginning does.
                    assert!(is_reserved(&HeaderName::from_bytes(longer.as_bytes()).unwrap()), "{longer}");
                }
                let shorter = name.strip_suffix(|_| true).unwrap();
                assert!(!is_reserved(&shorter.parse().unwrap()), "{shorter}");
            }
        }
        assert_eq!((0..=u8::MAX).map(|letter| reserved(letter).len()).sum::<usize>(), 18);
    }

    #[test]
    fn connection_never_removes_what_the_gateway_decides_by() {
        for named in
            ["Authorization", "x-forwarded-for", "Content-Type", "HOST", "consentry-purpose", "close, cookie"]
        {
            let mut headers = map(&[("host", "a"), ("connection", named)]);
            assert_eq!(at_the_door(&mut headers), Err(HeaderError::ConnectionNames), "{named}");
        }
        let mut headers = map(&[("connection", "a b")]);
        assert_eq!(at_the_door(&mut headers), Err(HeaderError::Connection));
    }

    #[test]
    fn what_no_caller_may_say_is_removed() {
        let mut headers = map(&[
            ("authorization", "Bearer x"),
            ("consentry-api-key", "ck_0"),
            ("consentry-purpose", "p"),
            ("consentry-subject", "s"),
            ("remote-user", "root"),
            ("remote_user", "root"),
            ("x_forwarded_for", "1.2.3.4"),
            ("x-user-id", "1"),
            ("x-consent-state", "given"),
            ("x-forwarded-user", "root"),
            ("x-ssl-client-s-dn", "root"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-request-id", "1"),
        ]);
        at_the_door(&mut headers).unwrap();
        assert_eq!(
            names(&headers),
            ["authorization", "consentry-api-key", "consentry-purpose", "x-forwarded-for", "x-request-id"]
        );
    }

    #[test]
    fn overrides_and_doubled_fields_are_refused() {
        for name in METHOD_OVERRIDES {
            assert_eq!(at_the_door(&mut map(&[(name, "DELETE")])), Err(HeaderError::MethodOverride));
        }
        for (name, shown) in SINGLE {
            let mut headers = HeaderMap::new();
            headers.append(&name, "1".parse().unwrap());
            headers.append(&name, "1".parse().unwrap());
            assert_eq!(at_the_door(&mut headers), Err(HeaderError::Doubled(shown)));
        }
        assert_eq!(at_the_door(&mut map(&[("accept", "a"), ("accept", "b")])), Ok(()));
    }

    #[test]
    fn only_listed_and_declared_fields_reach_the_upstream() {
        let headers = map(&[
            ("accept", "application/json"),
            ("authorization", "Bearer x"),
            ("content-type", "application/json"),
            ("content-length", "2"),
            ("cookie", "a=b"),
            ("referer", "https://a/?email=b"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("user-agent", "x"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-model", "a"),
            ("x-user", "root"),
        ]);
        let declared =
            ["x-model", "x-user", "cookie", "authorization", "host", "x-forwarded-for", "connection"];
        let sent = to_upstream(&headers, &declared.map(HeaderName::from_static));
        assert_eq!(names(&sent), ["accept", "content-type", "traceparent", "x-model"]);
        for declared in [&[][..], &["traceparent", "tracestate"].map(HeaderName::from_static)] {
            let bad = map(&[("traceparent", "ada@example.org"), ("tracestate", "a=b")]);
            assert!(to_upstream(&bad, declared).is_empty());
        }
    }
}
