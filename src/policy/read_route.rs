//! Reads routes.

use std::num::NonZeroU32;
use std::sync::Arc;

use http::Method;

use super::codes::Code;
use super::diagnostics::{Span, Spanned};
use super::model::{Access, HeadPart, Limits, Payload, RateLimit, Route, RouteKind, Segment};
use super::read_field::{headers, params, words};
use super::reader::{Map, Reader};
use super::shape;
use super::units;
use super::words::{Answer, DeniedRow, Per};
use super::yaml::{Content, Node};
use crate::payload::{Direction, Format};

pub(super) fn route(node: &Node, reader: &mut Reader) -> Option<Route> {
    let mut map = reader.map(node, &shape::ROUTE)?;
    let text = map.must("match", "Say which calls it is: `match: POST /predict/`.");
    if let Some(node) = text {
        map.span = node.span;
    }
    let text = text.and_then(|node| reader.text(node));
    let target = text.as_ref().and_then(|text| target(text, reader));
    let mut payload = Spanned::new(Payload::default(), map.span);
    let mut bodyless = false;
    let kind = kind(&mut map, &mut payload, &mut bodyless, reader);
    let on_denied_row = match kind {
        RouteKind::Governed => map.take("on_denied_row").and_then(|node| {
            let word = reader.word(node, &words(DeniedRow::ALL, DeniedRow::word))?;
            Some(Spanned::new(word, node.span))
        }),
        _ => {
            map.not_here("on_denied_row", "Leave it out: this route forwards no rows.", reader);
            None
        }
    };
    let access = map.take("access").and_then(|node| access(node, reader));
    let rate_limit = map.take("rate_limit").and_then(|node| rate_limit(node, reader));
    let limits = map.take("limits").and_then(|node| limits(node, reader)).unwrap_or_default();
    let path = map.take("path").map(|node| params(node, HeadPart::Path, reader)).unwrap_or_default();
    let (mut query, mut heads) = (Vec::new(), Vec::new());
    if matches!(kind, RouteKind::Open { .. }) {
        let help =
            "Leave it out: a route without personal data passes no query and none of the caller's headers.";
        map.not_here("query", help, reader);
        map.not_here("headers", help, reader);
    } else {
        query = map.take("query").map(|node| params(node, HeadPart::Query, reader)).unwrap_or_default();
        heads = map.take("headers").map(|node| headers(node, Direction::Request, reader)).unwrap_or_default();
    }
    map.finish(reader);
    let (text, (method, segments)) = (text?, target?);
    Some(Route {
        text,
        method,
        segments,
        kind,
        bodyless,
        payload,
        on_denied_row,
        access,
        rate_limit,
        limits,
        path,
        query,
        headers: heads,
    })
}

fn kind(
    map: &mut Map<'_>,
    payload: &mut Spanned<Payload>,
    bodyless: &mut bool,
    reader: &mut Reader,
) -> RouteKind {
    let open = map.take("personal_data").and_then(|node| reader.word(node, &[("none", ())])).is_some();
    if open {
        map.not_here("payload", "Leave it out: what passes here is not read.", reader);
        map.not_here("answer", "Leave it out: an answer from what is kept holds personal data.", reader);
        return RouteKind::Open { body: passing_body(map, reader) };
    }
    map.not_here("body", "Only a route with `personal_data: none` lets a body pass unread.", reader);
    map.not_here("justification", "Only a body that passes unread is justified at a route.", reader);
    if let Some(node) = map.take("answer") {
        map.not_here("payload", "Leave it out: the gateway answers itself, in JSON.", reader);
        let answer = reader.word(node, &words(Answer::ALL, Answer::word));
        return RouteKind::Answer(answer.unwrap_or(Answer::PseudonymizedRecords));
    }
    let help = "Say `payload: json`, or `personal_data: none` where neither call nor answer holds any.";
    if let Some(node) = map.must("payload", help) {
        payload.span = node.span;
        payload.value = self::payload(node, bodyless, reader);
    }
    RouteKind::Governed
}

/// A format, or one for each direction.
fn payload(node: &Node, bodyless: &mut bool, reader: &mut Reader) -> Payload {
    let none = |node: &Node| matches!(&node.content, Content::Scalar(scalar) if scalar.text == "none");
    let Content::Map(_) = &node.content else {
        *bodyless = none(node);
        let request = if *bodyless { Format::default() } else { format(node, reader) };
        return Payload { request, response: request.answers() };
    };
    let Some(mut map) = reader.map(node, &shape::PAYLOAD) else { return Payload::default() };
    let help = "Say what callers send: `payload: { request: csv, response: json }`.";
    let request = map.must("request", help);
    *bodyless = request.is_some_and(none);
    let request = request.filter(|node| !none(node)).map(|node| format(node, reader)).unwrap_or_default();
    let response = map.take("response").map(|node| format(node, reader));
    map.finish(reader);
    Payload { request, response: response.unwrap_or(request.answers()) }
}

fn format(node: &Node, reader: &mut Reader) -> Format {
    reader.word(node, &words(Format::ALL, Format::word)).unwrap_or_default()
}

/// The cap of a body that passes unread.
fn passing_body(map: &mut Map<'_>, reader: &mut Reader) -> Option<u64> {
    let Some(node) = map.take("body") else {
        map.not_here("justification", "Only a body that passes unread is justified at a route.", reader);
        return None;
    };
    reader.word(node, &[("pass", ())])?;
    let at = node.span;
    if map.take("justification").and_then(|node| reader.text(node)).is_none() {
        let help = "Write `justification:` with the reason why no body here holds personal data.";
        reader.report(Code::PassUnjustified, at, "A body passes unread, and nobody says why it may.", help);
    }
    let capped = map.take("limits").filter(|node| matches!(&node.content, super::yaml::Content::Map(entries) if entries.iter().any(|entry| entry.key == "body")));
    let Some(node) = capped else {
        let help = "Write `limits: { body: 1MiB }`.";
        reader.report(Code::PassUnjustified, at, "A body passes unread without a size of its own.", help);
        return None;
    };
    // What is wrong with the limits is reported where the route reads them.
    limits(node, &mut Reader::default()).map(|limits| limits.body)
}

/// Why a text is not what a route matches, if it is not.
pub(crate) fn fault_of_route(text: &str) -> Option<String> {
    let mut reader = Reader::default();
    drop(target(&Spanned::new(text.to_owned(), Span::NOWHERE), &mut reader));
    reader.found.pop().map(|found| found.message)
}

fn target(text: &Spanned<String>, reader: &mut Reader) -> Option<(Method, Vec<Segment>)> {
    let help = "Write a method, a space and a path: `POST /predict/`, `GET /decrypt/{user_id}`.";
    let fault = |message: String, reader: &mut Reader| {
        reader.report(Code::WrongValue, text.span, message, help);
        None
    };
    let Some((method, path)) = text.value.split_once(' ') else {
        return fault(format!("`{}` is not a method and a path.", text.value), reader);
    };
    if !shape::METHODS.contains(&method) {
        return fault(format!("`{method}` is not a method that can be served."), reader);
    }
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let Some(path) = path.strip_prefix('/') else {
        return fault("The path does not begin with `/`.".into(), reader);
    };
    let pieces: Vec<&str> = path.split('/').collect();
    let mut segments: Vec<Segment> = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        if piece.is_empty() && index + 1 < pieces.len() {
            return fault("The path has two slashes in a row.".into(), reader);
        }
        if let Some(name) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) {
            let name: Arc<str> = name.into();
            if !reader.check_name(&name, text.span) {
                return None;
            }
            if segments.contains(&Segment::Param(Arc::clone(&name))) {
                return fault(format!("The path has two parameters `{name}`."), reader);
            }
            segments.push(Segment::Param(name));
            continue;
        }
        if matches!(*piece, "." | "..") || !is_canonical(piece) {
            return fault(
                format!("`{piece}` cannot stand between the slashes of a path as it is matched."),
                reader,
            );
        }
        segments.push(Segment::Literal((*piece).into()));
    }
    if path.starts_with(".well-known/consentry/") {
        return fault("Paths below `/.well-known/consentry/` are the gateway's own pages.".into(), reader);
    }
    Some((method, segments))
}

/// Whether a segment is spelled as the gateway spells a path before it is matched: RFC 3986 `pchar`, escapes in upper
/// case and only where needed. `*` is kept out, for it would look like a wildcard.
fn is_canonical(segment: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex = |byte: Option<u8>| match byte {
                Some(digit @ b'0'..=b'9') => Some(digit - b'0'),
                Some(digit @ b'A'..=b'F') => Some(digit - b'A' + 10),
                _ => None,
            };
            let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) else { return false };
            let escaped = high * 16 + low;
            if unreserved(escaped) || escaped == b'/' || escaped == 0 {
                return false;
            }
        } else if !unreserved(byte) && !b"!$&'()+,;=:@".contains(&byte) {
            return false;
        }
    }
    true
}

fn access(node: &Node, reader: &mut Reader) -> Option<Spanned<Access>> {
    let mut map = reader.map(node, &shape::ACCESS)?;
    let all_scopes = scopes(&mut map, "all_scopes", reader);
    let any_scope = scopes(&mut map, "any_scope", reader);
    let on_behalf_of = map.take("on_behalf_of").and_then(|node| reader.text(node));
    let on_behalf_of = on_behalf_of.filter(|text| is_scope(text, reader)).map(|text| text.value.into());
    let reason_required =
        map.take("reason").and_then(|node| reader.word(node, &[("required", true)])).unwrap_or(false);
    let when = map.take("when").and_then(|node| reader.text(node));
    map.finish(reader);
    Some(Spanned::new(Access { all_scopes, any_scope, on_behalf_of, reason_required, when }, node.span))
}

/// A list of scopes.
pub(super) fn scopes(map: &mut Map<'_>, key: &'static str, reader: &mut Reader) -> Vec<Arc<str>> {
    let texts = map.take(key).and_then(|node| reader.texts(node, "scopes")).unwrap_or_default();
    texts.into_iter().filter(|text| is_scope(text, reader)).map(|text| text.value.into()).collect()
}

/// RFC 6749 section 3.3: `scope-token`.
fn is_scope(text: &Spanned<String>, reader: &mut Reader) -> bool {
    let good = text.value.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    if !good {
        let help =
            "Write one scope as tokens have it: printable ASCII without spaces, quotes and backslashes.";
        reader.report(Code::WrongValue, text.span, format!("`{}` cannot be a scope.", text.value), help);
    }
    good
}

fn rate_limit(node: &Node, reader: &mut Reader) -> Option<RateLimit> {
    let mut map = reader.map(node, &shape::RATE_LIMIT)?;
    let rate = map.must("rate", "Say how many calls in which time: `rate: 60/min`.");
    let rate = rate.and_then(|node| {
        reader.parsed(node, units::rate, "a rate", "Write calls and s, min, h or d: `60/min`.")
    });
    let burst =
        map.take("burst").and_then(|node| reader.integer(node, 1, 1_000_000)).and_then(NonZeroU32::new);
    let per = map.must("per", "Say whose calls are counted: `per: caller`, `address` or `data_subject`.");
    let per = per.and_then(|node| reader.word(node, &words(Per::ALL, Per::word)));
    map.finish(reader);
    let (calls, period) = rate?;
    let limit = RateLimit { calls, period, burst: burst.unwrap_or(calls), per: per? };
    if !limit.is_countable() {
        let help = "Write fewer calls, a longer unit of time or a smaller burst.";
        let message = "This limit is beyond what can be counted: it would never hold anybody back.";
        reader.report(Code::WrongValue, node.span, message, help);
        return None;
    }
    Some(limit)
}

fn limits(node: &Node, reader: &mut Reader) -> Option<Limits> {
    let mut map = reader.map(node, &shape::LIMITS)?;
    let default = Limits::default();
    let body = map.take("body").and_then(|node| reader.size(node)).unwrap_or(default.body);
    let depth = map.take("depth").and_then(|node| reader.integer(node, 1, 128)).unwrap_or(default.depth);
    let rows = map.take("rows").and_then(|node| reader.integer(node, 1, 10_000_000)).unwrap_or(default.rows);
    map.finish(reader);
    Some(Limits { body, depth, rows })
}
