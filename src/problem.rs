//! The closed list of problems (RFC 9457): what a caller may know of a refusal. No member of a problem document ever
//! holds personal data: a field is named, its value never.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

/// Writes the enum, its list and its texts from one table, so that none of them can miss a row.
macro_rules! problems {
    ($($name:ident $slug:literal $status:ident $title:literal $mend:literal;)+) => {
        /// A kind of refusal. Its slug is part of the public interface and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Problem {
            $(#[doc = $title] $name,)+
        }

        impl Problem {
            /// Every problem there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The last segment of the problem's `type`.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug),+ }
            }

            /// The status that an answer with this problem has.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            /// What happened, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// What to do next.
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$name => $mend),+ }
            }
        }
    };
}

problems! {
    RequestMalformed "request-malformed" BAD_REQUEST "The request is not well formed."
        "Send a request that the HTTP and JSON specifications allow: one length, no duplicate keys, valid UTF-8.";
    AuthenticationRequired "authentication-required" UNAUTHORIZED "The request carries no credential."
        "Send `Authorization: Bearer TOKEN` with a token of an issuer that the operator has named, or an API key.";
    TokenInvalid "token-invalid" UNAUTHORIZED "The credential is not accepted."
        "Ask your issuer for a new token, or the operator for a new API key: what you sent may be expired, revoked, meant for another audience, or signed with a key that is not accepted here.";
    ScopeMissing "scope-missing" FORBIDDEN "The credential lacks a scope that this route needs."
        "Ask for a token with the scopes that the policy lists for the route.";
    AccessNotPermitted "access-not-permitted" FORBIDDEN "The policy does not permit this call to this caller."
        "Another scope does not help: the route asks for a condition of the credential, the call or the hour, which the operator can tell.";
    PurposeNotPermitted "purpose-not-permitted" FORBIDDEN "The purpose you name is not the purpose of this processing."
        "Use a token, or a Consentry-Purpose header, that names the activity's purpose, or call the route that serves yours.";
    ConsentMissing "consent-missing" FORBIDDEN "The person has not agreed to this processing."
        "Ask the person for consent to this purpose; an expired or refused consent counts as none.";
    ConsentWithdrawn "consent-withdrawn" FORBIDDEN "The person has withdrawn their consent."
        "Stop processing this person's data for this purpose. Only the person can agree anew.";
    ProcessingRestricted "processing-restricted" FORBIDDEN "The processing of this person's data is restricted."
        "Wait until the controller lifts the restriction (GDPR Art. 18).";
    ObjectionRaised "objection-raised" FORBIDDEN "The person has objected to this processing."
        "Stop processing this person's data for this purpose (GDPR Art. 21).";
    SubjectMismatch "subject-mismatch" FORBIDDEN "The data is about another person than the credential."
        "Send only the data of the person whom the token names, or ask for the scope to act on behalf of others.";
    TransferNotPermitted "transfer-not-permitted" FORBIDDEN "The data may not be sent to this recipient's country."
        "Ask the controller what the transfer rests on (GDPR Art. 44 to 49); where `field` is named, take out of it what tells who somebody is.";
    ReasonRequired "reason-required" FORBIDDEN "This act needs a reason."
        "Name one of the controller's reason codes in the token's `reason` claim or in a Consentry-Reason header.";
    RouteUnknown "route-unknown" NOT_FOUND "No policy governs this path."
        "Check the path; only routes that a policy names are served.";
    RecordUnknown "record-unknown" NOT_FOUND "There is no such record."
        "Check the number; a record that was erased is unknown too.";
    MethodNotPermitted "method-not-permitted" METHOD_NOT_ALLOWED "This path does not accept the method."
        "Use one of the methods in the Allow header.";
    RequestTimeout "request-timeout" REQUEST_TIMEOUT "The request did not arrive in time."
        "Send the request again, without pausing while its body is sent.";
    PayloadTooLarge "payload-too-large" PAYLOAD_TOO_LARGE "The body is larger than this route accepts."
        "Send less in one request, or ask the operator to raise the route's limits.";
    UriTooLong "uri-too-long" URI_TOO_LONG "The request target is too long."
        "Shorten the path and the query: a path has at most 4 KiB, a query 8 KiB and 100 parameters.";
    PayloadNotInspectable "payload-not-inspectable" UNSUPPORTED_MEDIA_TYPE "The body cannot be inspected as this route declares it."
        "Send the body as the policy declares it: its media type and its shape, in UTF-8, uncompressed or compressed once with gzip, deflate, br or zstd.";
    Misdirected "misdirected" MISDIRECTED_REQUEST "The request names two hosts, or another scheme than that of the connection."
        "Send one host: `:authority` or an absolute URL must be as the Host header, and its scheme that of the connection.";
    FieldNotPermitted "field-not-permitted" UNPROCESSABLE_ENTITY "The request has a field that this processing does not need."
        "Send only what the policy lists, without the field that `field` names, if it names one.";
    FieldInvalid "field-invalid" UNPROCESSABLE_ENTITY "A field is missing or not of the declared form."
        "Send the named field as the policy declares it.";
    RateLimited "rate-limited" TOO_MANY_REQUESTS "Too many requests."
        "Wait as long as Retry-After says.";
    HeaderTooLarge "header-too-large" REQUEST_HEADER_FIELDS_TOO_LARGE "The header section is too large."
        "Send fewer or shorter header fields.";
    InternalError "internal-error" INTERNAL_SERVER_ERROR "The gateway failed."
        "Try again; if it happens again, give the operator the decision id.";
    UpstreamUnavailable "upstream-unavailable" BAD_GATEWAY "The API behind the gateway does not answer."
        "Try again later; the status is 504 where it was too slow.";
    UpstreamAnswerRefused "upstream-answer-refused" BAD_GATEWAY "The answer of the API behind the gateway is not one that may be passed on."
        "Give the operator the decision id: the answer was an error, or not of the declared form.";
    DependencyUnavailable "dependency-unavailable" SERVICE_UNAVAILABLE "The gateway cannot reach a part that it needs to process data lawfully."
        "Try again later: without its store or its keys the gateway forwards nothing.";
    ActivityClosed "activity-closed" SERVICE_UNAVAILABLE "The controller has closed this processing."
        "Wait until the controller opens it again.";
}

/// What the caller sees as `problem.slug()`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// A refusal on its way out: what the caller may know, and, apart from it, what the log may say.
#[derive(Debug)]
pub struct Rejection {
    /// What the caller gets.
    pub problem: Problem,
    /// The status, where it is not the problem's own (504 for a slow upstream).
    pub status: StatusCode,
    /// One sentence for this occurrence; never holds a value that somebody sent.
    pub detail: Option<Cow<'static, str>>,
    /// The declared name of the field at fault.
    pub field: Option<Arc<str>>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
    /// What the `WWW-Authenticate` header says (RFC 6750 section 3.1): for 401, and for 403 `scope-missing`.
    pub challenge: Option<Challenge>,
    /// For 405: what the `Allow` header lists.
    pub allow: Option<String>,
    /// For the log. INVARIANT: holds no personal data either.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What a `WWW-Authenticate: Bearer` header says beside the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No credential came: no error is named.
    NoCredential,
    /// `error="invalid_token"`.
    InvalidToken,
    /// `error="insufficient_scope"` and the scopes needed.
    InsufficientScope(String),
}

impl Rejection {
    /// A refusal with nothing to add.
    pub fn new(problem: Problem) -> Self {
        Self {
            problem,
            status: problem.status(),
            detail: None,
            field: None,
            retry_after: None,
            challenge: None,
            allow: None,
            cause: None,
        }
    }

    /// What data cannot be processed lawfully without is not at hand, and so nothing is forwarded and nothing answered.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Problem::DependencyUnavailable).because(cause)
    }

    /// Adds a sentence about this occurrence.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names the field at fault as the policy declares it.
    pub fn field(mut self, field: impl Into<Arc<str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Keeps the cause for the log.
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Sets a status other than the problem's own.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Says when to try again.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Sets the `WWW-Authenticate` challenge.
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Says which methods there are.
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::new(problem)
    }
}

/// For the log: what a caller would be told of this occurrence, in one line.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, f)?;
        self.field.iter().try_for_each(|field| write!(f, " at `{field}`"))?;
        self.detail.iter().try_for_each(|detail| write!(f, ": {}", detail.trim_end_matches('.')))
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_distinct_and_statuses_are_errors() {
        let mut slugs: Vec<_> = Problem::ALL.iter().map(|problem| problem.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Problem::ALL.len());
        assert!(Problem::ALL.iter().all(|p| p.status().is_client_error() || p.status().is_server_error()));
    }
}
