//! What is checked of every request before its handler: the things that HTTP/1.1 and HTTP/2 say in two ways, and those
//! that are never served here.

use http::header::{EXPECT, HOST, UPGRADE};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Uri};

use crate::net::{Waits, headers};
use crate::problem::{Problem, Rejection};

/// The methods that routes may have.
pub(super) const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Refuses what must not reach a handler, and removes what no handler may believe. `secure` says whether the connection
/// has TLS; `fields` is how many header fields there may be.
pub(super) fn pass<B>(request: &mut Request<B>, secure: bool, fields: usize) -> Result<(), Rejection> {
    // In HTTP/1.1 they have been counted.
    if request.headers().len() > fields {
        return Err(Problem::HeaderTooLarge.into());
    }
    method(request.method())?;
    authority(request.uri(), request.headers(), secure)?;
    upgrade(request.headers())?;
    if request.headers().contains_key(EXPECT) {
        request.extensions_mut().insert(Waits);
    }
    headers::at_the_door(request.headers_mut())
        .map_err(|error| Rejection::new(Problem::RequestMalformed).detail(error.to_string()))
}

fn method(method: &Method) -> Result<(), Rejection> {
    if METHODS.contains(method) {
        return Ok(());
    }
    Err(Rejection::new(Problem::MethodNotPermitted)
        .detail("This method is never served here.")
        .allow(METHODS.map(|method| method.to_string()).join(", ")))
}

/// RFC 9112 section 3.2 and RFC 9113 section 8.3.1: who is meant is said exactly once, or twice alike.
fn authority(uri: &Uri, headers: &HeaderMap, secure: bool) -> Result<(), Rejection> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        // Most requests: a path, and one host that has only one reading.
        (Some(host), None) if uri.authority().is_none() && is_plain(host.as_bytes()) => {
            return scheme(uri, secure);
        }
        (_, Some(_)) => return Err(malformed("There is more than one Host header.")),
        (None, None) => None,
        (Some(host), None) => Some(
            Authority::try_from(host.as_bytes()).map_err(|_| malformed("The Host header is not a host."))?,
        ),
    };
    for named in [uri.authority(), host.as_ref()].into_iter().flatten() {
        if named.as_str().contains('@') {
            return Err(malformed("An authority has no user or password."));
        }
        if !is_host_and_port(named) {
            return Err(malformed("The host or its port is not well formed."));
        }
    }
    match (uri.authority(), &host) {
        (None, None) => return Err(malformed("The request names no host.")),
        (Some(one), Some(other)) if !same(one, other, secure) => {
            return Err(Rejection::new(Problem::Misdirected).detail("Authority and Host header differ."));
        }
        _ => {}
    }
    scheme(uri, secure)
}

fn scheme(uri: &Uri, secure: bool) -> Result<(), Rejection> {
    match uri.scheme_str() {
        Some(scheme) if scheme != if secure { "https" } else { "http" } => {
            Err(Rejection::new(Problem::Misdirected).detail("The request is for another scheme."))
        }
        _ => Ok(()),
    }
}

/// A name or an IPv4 address, and perhaps a port: what needs no closer look.
fn is_plain(host: &[u8]) -> bool {
    let colon = host.iter().position(|byte| *byte == b':');
    let (name, port) = host.split_at_checked(colon.unwrap_or(host.len())).unwrap_or_default();
    let named =
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(byte));
    let digits = port.get(1..).unwrap_or_default();
    let number = || digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let numbered = (1..=5).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && u16::try_from(number()).is_ok();
    named && (port.is_empty() || numbered)
}

/// A name or address and perhaps a port. RFC 3986 lets a name hold more than this; a comma in one has only ever been an
/// attack.
fn is_host_and_port(authority: &Authority) -> bool {
    let host = authority.host();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    let port = authority.as_str().strip_prefix(host).unwrap_or("?");
    !host.is_empty() && host.bytes().all(plain) && (port.is_empty() || authority.port_u16().is_some())
}

fn same(one: &Authority, other: &Authority, secure: bool) -> bool {
    let usual = if secure { 443 } else { 80 };
    one.host().eq_ignore_ascii_case(other.host())
        && one.port_u16().unwrap_or(usual) == other.port_u16().unwrap_or(usual)
}

/// Nothing is upgraded. An offer of `h2c` is let pass unheeded (RFC 9110 section 7.8), since some client libraries make
/// it with every first request; whoever asks for a websocket wants an answer.
fn upgrade(headers: &HeaderMap) -> Result<(), Rejection> {
    let unheeded = headers.get_all(UPGRADE).iter().all(|offer| offer.as_bytes().eq_ignore_ascii_case(b"h2c"));
    if unheeded { Ok(()) } else { Err(malformed("Upgrades and websockets are not served here.")) }
}

fn malformed(detail: &'static str) -> Rejection {
    Rejection::new(Problem::RequestMalformed).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Option<Problem> {
        let mut request = build(Request::builder()).body(()).unwrap();
        pass(&mut request, true, 10).err().map(|rejection| rejection.problem)
    }

    #[test]
    fn an_ordinary_request_passes_in_either_version() {
        assert_eq!(refused(|r| r.uri("/a").header("host", "api.example")), None);
        assert_eq!(refused(|r| r.uri("https://api.example/a")), None);
        assert_eq!(refused(|r| r.uri("https://API.example:443/a").header("host", "api.example")), None);
    }

    #[test]
    fn a_host_that_is_missing_doubled_or_not_one_is_refused() {
        for hosts in [
            vec![],
            vec!["a", "a"],
            vec![""],
            vec!["u@a"],
            vec!["a b"],
            vec!["a:b"],
            vec!["a/b"],
            vec!["a,b"],
        ] {
            let problem = refused(|r| hosts.iter().fold(r.uri("/"), |r, host| r.header("host", *host)));
            assert_eq!(problem, Some(Problem::RequestMalformed), "{hosts:?}");
        }
    }

    #[test]
    fn what_needs_no_closer_look_stands_it() {
        let parts = [
            "",
            "a",
            "A9",
            "-",
            ".",
            "..",
            "_",
            "[::1]",
            ":",
            ":0",
            ":8443",
            ":65535",
            ":65536",
            ":99999",
            ":x",
            ":123456",
            ":99999999999999999999",
            "@",
            ",",
            "%41",
        ];
        let mut plain = 0;
        for name in parts.iter().flat_map(|one| parts.iter().map(move |other| format!("{one}{other}"))) {
            for port in parts {
                let host = format!("{name}{port}");
                if is_plain(host.as_bytes()) {
                    plain += 1;
                    let authority: Authority = host.parse().unwrap();
                    assert!(is_host_and_port(&authority) && !host.contains('@'), "{host}");
                }
            }
        }
        assert!(plain > 100 && is_plain(b"127.0.0.1:8443") && is_plain(b"api.example"));
    }

    #[test]
    fn a_request_for_another_host_port_or_scheme_is_misdirected() {
        for (uri, host) in [("https://a/", "b"), ("https://a:444/", "a"), ("http://a/", "a")] {
            assert_eq!(
                refused(|r| r.uri(uri).header("host", host)),
                Some(Problem::Misdirected),
                "{uri} {host}"
            );
        }
        assert_eq!(refused(|r| r.uri("https://u:p@a/")), Some(Problem::RequestMalformed));
    }

    #[test]
    fn only_the_methods_of_routes_pass() {
        for method in ["CONNECT", "TRACE", "PROPFIND", "get", "M-SEARCH"] {
            let uri = if method == "CONNECT" { "a:443" } else { "/" };
            let problem = refused(|r| r.method(method).uri(uri).header("host", "a"));
            assert_eq!(problem, Some(Problem::MethodNotPermitted), "{method}");
        }
    }

    #[test]
    fn websockets_are_refused_and_an_offer_of_h2c_is_unheeded() {
        let upgrade =
            |to: &'static str| refused(move |r| r.uri("/").header("host", "a").header("upgrade", to));
        assert_eq!(upgrade("websocket"), Some(Problem::RequestMalformed));
        assert_eq!(upgrade("h2c, websocket"), Some(Problem::RequestMalformed));
        assert_eq!(upgrade("h2c"), None);
    }
}
