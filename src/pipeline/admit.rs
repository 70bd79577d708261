//! Admit: whether this caller may make this call, settled before a byte of the body is read.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use http_body::Body as _;

use super::Gateway;
use super::account::Account;
use super::conditions::{self, Opened};
use super::identify;
use super::parameters::{check, invalid, text};
use super::route::Routed;
use crate::identity::Caller;
use crate::limits::Who;
use crate::net::chunks::ChunkFault;
use crate::net::{ConnectionInfo, Content, headers};
use crate::payload::{Caps, Envelope, coding, read};
use crate::plan::{Access, Activity, Payload, Per, Route};
use crate::problem::{Challenge, Problem, Rejection};

/// The header by which a caller names the purpose, where the token does not.
const PURPOSE: HeaderName = HeaderName::from_static("consentry-purpose");
/// The header by which a caller gives a reason code, where the token does not.
const REASON: HeaderName = HeaderName::from_static("consentry-reason");

/// How slowly a caller may send: ten seconds of grace for the slowest line, then a kilobyte a second.
pub(super) const PACE: read::Pace =
    read::Pace { grace: Duration::from_secs(10), bytes_per_second: 1024, total: Duration::from_secs(120) };
/// How much larger than it came a compressed body may be.
pub(super) const RATIO: usize = 100;
/// Keys that one body may have, in all its objects.
const MEMBERS: usize = 100_000;

/// In a `kserve-v2` body with binary tensors: how many bytes of JSON stand before them.
pub(super) const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// A call that may be made: its body may now be read.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) routed: Routed,
    pub(super) caller: Arc<Caller>,
    /// The request headers that the policy lets through, and nothing else.
    pub(super) headers: HeaderMap,
    /// The reason code, where the route asks for one.
    pub(super) reason: Option<Arc<str>>,
    /// Which gates of the answer stand open for this caller.
    pub(super) opened: Opened,
    /// Whether the token or a header names the purpose.
    names_purpose: bool,
    content_type: Option<String>,
    content_encoding: Option<String>,
    json_length: Option<String>,
}

/// A body, whole and decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    pub(super) bytes: Bytes,
    /// What the head said of it.
    pub(super) envelope: Envelope,
}

/// Counts the call against its address, before anything is spent on its credential.
pub(super) fn address(
    gateway: &Gateway,
    routed: &Routed,
    head: &Parts,
    connection: &ConnectionInfo,
    account: &mut Account,
) -> Result<(), Rejection> {
    let address = gateway.client_address(connection, &head.headers);
    limit(routed, Per::Address, Who::Address(address), account)
}

/// Whether a call without personal data may be made: where the policy says who may, or counts by caller, it needs a
/// credential as every other call does.
pub(super) async fn open(
    gateway: &Gateway,
    routed: &Routed,
    head: &Parts,
    account: &mut Account,
) -> Result<(), Rejection> {
    let Route { access, rate_limit, when, .. } = &*routed.route;
    let anybody = access.all_scopes.is_empty() && access.any_scope.is_empty() && when.is_none();
    if anybody && rate_limit.is_none_or(|limit| limit.per != Per::Caller) {
        return Ok(());
    }
    let caller = identify::caller(gateway, head, account).await?;
    limit(routed, Per::Caller, Who::Caller(caller.hash), account)?;
    scopes(access, &caller)?;
    conditions::access(gateway, routed, &caller, &head.headers)
}

/// Checks limits, scopes, purpose, reason, headers and conditions, in this order, and keeps of the head what later stages may see. A limit
/// comes before whatever it is that refuses a call: a refusal is evidence, which takes room.
pub(super) fn admit(
    gateway: &Gateway,
    routed: Routed,
    caller: Arc<Caller>,
    head: Parts,
    account: &mut Account,
) -> Result<Admitted, Rejection> {
    let route = &routed.route;
    limit(&routed, Per::Caller, Who::Caller(caller.hash), account)?;
    scopes(&route.access, &caller)?;
    purpose(&route.activity.purpose.name, &caller, &head.headers)?;
    let reason =
        if route.access.reason_required { Some(reason(&routed, &caller, &head.headers)?) } else { None };
    for (place, param) in route.headers.iter().enumerate() {
        match text(&head.headers, &*param.name)? {
            Some(value) => {
                routed.live.drift_of(route).iter().for_each(|drift| drift.header(place));
                check(param, value)?;
            }
            None if param.required => {
                return Err(invalid(param).detail("The header is missing."));
            }
            None => {}
        }
    }
    conditions::access(gateway, &routed, &caller, &head.headers)?;
    let opened = conditions::opened(gateway, &routed, &caller, &head.headers)?;
    let declared: Vec<HeaderName> =
        route.headers.iter().filter_map(|param| param.name.parse().ok()).collect();
    let passed = headers::to_upstream(&head.headers, &declared);
    let names_purpose = caller.purpose.is_some() || head.headers.contains_key(PURPOSE);
    let content_type = text(&head.headers, header::CONTENT_TYPE)?.map(str::to_owned);
    let content_encoding = text(&head.headers, header::CONTENT_ENCODING)?.map(str::to_owned);
    let json_length = text(&head.headers, JSON_LENGTH)?.map(str::to_owned);
    Ok(Admitted {
        caller,
        headers: passed,
        reason,
        opened,
        names_purpose,
        content_type,
        content_encoding,
        json_length,
        routed,
    })
}

impl Admitted {
    /// The same call on another route beside its own: to be looked at, not to be forwarded. Of its headers it has those that
    /// its own route lets through; gates stand as they do there until [`again`] is asked.
    pub(super) fn beside(&self, route: Arc<Route>) -> Self {
        let Routed { live, params, query, target, .. } = &self.routed;
        Self {
            routed: Routed {
                live: Arc::clone(live),
                route,
                params: params.clone(),
                query: query.clone(),
                target: target.clone(),
            },
            caller: Arc::clone(&self.caller),
            headers: self.headers.clone(),
            reason: None,
            opened: self.opened.clone(),
            names_purpose: self.names_purpose,
            content_type: None,
            content_encoding: None,
            json_length: None,
        }
    }

    /// What a body of this call may measure.
    pub(super) fn caps(&self) -> Caps {
        let limits = &self.routed.route.limits;
        Caps {
            bytes: usize::try_from(limits.body).unwrap_or(usize::MAX),
            depth: usize::try_from(limits.depth).unwrap_or(usize::MAX),
            rows: usize::try_from(limits.rows).unwrap_or(usize::MAX),
            members: MEMBERS,
        }
    }

    /// How the bodies of the call are read.
    pub(super) fn payload(&self) -> Result<&Payload, Rejection> {
        // The plan gives every governed route one.
        self.routed.route.payload.as_ref().ok_or_else(|| Problem::InternalError.into())
    }

    /// Reads the body, whole and decoded, under the route's caps; empty where there is none and none need be.
    pub(super) async fn read(&self, came: &mut Option<Content>) -> Result<Received, Rejection> {
        let none = came.as_ref().is_none_or(|body| body.is_end_stream());
        if self.routed.route.bodyless {
            return none.then(Received::default).ok_or_else(|| {
                Rejection::new(Problem::FieldNotPermitted).detail("This route takes no body.")
            });
        }
        if self.routed.route.may_lack_a_body() && none {
            return Ok(Received::default());
        }
        let format = self.payload()?.request.format();
        let envelope = Envelope::open(format, self.content_type.as_deref(), self.json_length.as_deref());
        let envelope =
            envelope.ok_or_else(|| Rejection::new(Problem::PayloadNotInspectable).detail(format.demand()))?;
        let cap = self.caps().bytes;
        let body = came.take().ok_or(Problem::InternalError)?;
        let body = read::capped(body, cap, &PACE).await.map_err(unread)?;
        let bytes = coding::decode(self.content_encoding.as_deref(), body, cap, RATIO).map_err(undecoded)?;
        Ok(Received { bytes, envelope })
    }
}

/// Asks of an admitted call what another route beside its own would have asked, as far as that can be known of the headers
/// that its own lets through: scopes, the purpose that was named for `own`, conditions, and which gates of the answer would
/// stand open. Limits are not asked: to ask is to count.
pub(super) fn again(gateway: &Gateway, admitted: &mut Admitted, own: &Activity) -> Result<(), Rejection> {
    let Admitted { routed, caller, headers, names_purpose, .. } = &*admitted;
    scopes(&routed.route.access, caller)?;
    if *names_purpose && routed.route.activity.purpose.name != own.purpose.name {
        return Err(Problem::PurposeNotPermitted.into());
    }
    conditions::access(gateway, routed, caller, headers)?;
    admitted.opened = conditions::opened(gateway, routed, caller, headers)?;
    Ok(())
}

/// Takes one call from the bucket of `who`, where the route limits `per` such.
pub(super) fn limit(routed: &Routed, per: Per, who: Who<'_>, account: &mut Account) -> Result<(), Rejection> {
    let Some(limiter) = routed.live.limiter(&routed.route, per) else { return Ok(()) };
    let checked = limiter.check(who);
    account.rate_limit = Some(checked.unwrap_or_else(|limited| limited.allowance));
    checked
        .map(drop)
        .map_err(|limited| Rejection::new(Problem::RateLimited).retry_after(limited.retry_after()))
}

/// What a body that was not unpacked is for the caller.
fn undecoded(error: coding::CodingError) -> Rejection {
    match error {
        coding::CodingError::TooLarge => Rejection::new(Problem::PayloadTooLarge)
            .detail("The body is larger than this route accepts once it is unpacked."),
        // No limit of the route moves this one.
        coding::CodingError::TooTight => Rejection::new(Problem::PayloadTooLarge).detail(format!(
            "The body unpacks to more than {RATIO} times its size, which no route accepts: send it uncompressed."
        )),
        coding::CodingError::Unsupported => Rejection::new(Problem::PayloadNotInspectable),
        coding::CodingError::Broken => Rejection::new(Problem::RequestMalformed).because(error).detail(
            "The compressed body is broken: it is not of its Content-Encoding, is cut short, or has something behind its end.",
        ),
    }
}

/// What a body that was not read is for the caller.
pub(super) fn unread(error: read::ReadError) -> Rejection {
    match error {
        read::ReadError::TooLarge => Rejection::new(Problem::PayloadTooLarge),
        read::ReadError::TooSlow => Rejection::new(Problem::RequestTimeout),
        read::ReadError::Broken(_) => {
            let chunks = error.source().and_then(|source| source.downcast_ref::<ChunkFault>());
            let told = chunks.map(|fault| format!("The body's chunks cannot be read: {fault}."));
            Rejection { detail: told.map(Cow::Owned), ..Rejection::new(Problem::RequestMalformed) }
                .because(error)
        }
    }
}

fn scopes(access: &Access, caller: &Caller) -> Result<(), Rejection> {
    if caller.scopes.meet(&access.all_scopes, &access.any_scope) {
        return Ok(());
    }
    let needed: Vec<&str> = access.all_scopes.iter().chain(&access.any_scope).map(|scope| &**scope).collect();
    Err(Rejection::new(Problem::ScopeMissing).challenge(Challenge::InsufficientScope(needed.join(" "))))
}

/// A token or a header that names a purpose must name the activity's (GDPR Art. 5(1)(b)); both may.
fn purpose(ours: &str, caller: &Caller, headers: &HeaderMap) -> Result<(), Rejection> {
    let named = [caller.purpose.as_deref(), text(headers, PURPOSE)?];
    if named.iter().flatten().all(|theirs| *theirs == ours) {
        Ok(())
    } else {
        Err(Problem::PurposeNotPermitted.into())
    }
}

/// One of the organisation's codes, from the token or from the header.
fn reason(routed: &Routed, caller: &Caller, headers: &HeaderMap) -> Result<Arc<str>, Rejection> {
    let given = caller.reason.as_deref().map_or_else(|| text(headers, REASON), |reason| Ok(Some(reason)))?;
    let codes = &routed.live.plan.organisation.reasons;
    given
        .and_then(|given| codes.iter().find(|code| &***code == given).cloned())
        .ok_or_else(|| Problem::ReasonRequired.into())
}
