//! Policies as written: what the files say, with places, before it is known to make sense together.
//!
//! INVARIANT: where something that must be written is `None`, an error was reported; a set with errors is never compiled
//! to a plan that is served.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::cases::CaseFile;
use super::diagnostics::{Sources, Span, Spanned};
use super::words::{
    Answer, Art9Condition, DecisionGround, DeniedRow, FurtherProcessing, JournalMode, LegalBasis, Mode, Per,
    Role, TransferInstrument,
};
use crate::action::Spec;
use crate::check::{Rules, Schema};
use crate::payload::{Direction, Format, Path, Undeclared};

/// All files of a policies folder.
#[derive(Clone, Debug)]
pub struct PolicySet {
    /// Their texts.
    pub sources: Arc<Sources>,
    /// `organisation.yaml`.
    pub organisation: Option<Organisation>,
    /// The activities, in the order of their names.
    pub activities: Vec<Activity>,
    /// Activities that are not in force and stand beside one that is, in the order of their names.
    pub shadows: Vec<Activity>,
    /// Activities whose files could not be read as such: others may name them.
    pub unread: Vec<String>,
    /// The cases, in the order of their files' names.
    pub cases: Vec<CaseFile>,
    /// SHA-256 of `organisation.yaml` and every activity, with their names, in the order of names, and then of the
    /// schemas that they use.
    pub digest: [u8; 32],
    /// The files of the folder itself by their names, with SHA-256 of what was read of each.
    pub files: Vec<(String, [u8; 32])>,
}

impl PolicySet {
    /// Every activity, in force or not.
    pub fn all(&self) -> impl Iterator<Item = &Activity> {
        self.activities.iter().chain(&self.shadows)
    }

    /// The domain in which an activity's pseudonyms are: a shadow's is that of what it shadows, unless it names another.
    pub fn domain<'a>(&'a self, activity: &'a Activity) -> &'a str {
        let beside = activity.shadows.as_ref();
        let beside = beside.and_then(|name| self.activities.iter().find(|other| other.name == name.value));
        let of = |activity: &'a Activity| activity.pseudonymization_domain.as_deref();
        let default = || beside.map_or(&*activity.name, |beside| of(beside).unwrap_or(&beside.name));
        of(activity).unwrap_or_else(default)
    }

    /// Puts a shadow in the place of what it shadows, under that one's name: as it would be in force. Where there is no
    /// such shadow nothing changes.
    pub fn promote(&mut self, shadow: &str) {
        let Some(place) = self.shadows.iter().position(|activity| activity.name == shadow) else { return };
        let mut next = self.shadows.remove(place);
        let domain = self.domain(&next).to_owned();
        let now = next
            .shadows
            .take()
            .and_then(|name| self.activities.iter_mut().find(|activity| activity.name == name.value));
        if let Some(now) = now {
            next.name.clone_from(&now.name);
            next.pseudonymization_domain = Some(domain);
            *now = next;
        }
    }
}

/// Who is responsible, for what, and who receives.
#[derive(Clone, Debug, Default)]
pub struct Organisation {
    /// The controller's name.
    pub name: Option<String>,
    /// Its postal address.
    pub address: Option<String>,
    /// Where to write to it.
    pub contact: Option<String>,
    /// The data protection officer's contact.
    pub dpo: Option<String>,
    /// The supervisory authority's name.
    pub supervisory_authority: Option<String>,
    /// Purposes, by name.
    pub purposes: Vec<Purpose>,
    /// How long a consent lasts; a year where it is not said.
    pub consent_expires: Option<Duration>,
    /// Categories that identify here, beside the shipped list.
    pub identifying: Vec<Spanned<String>>,
    /// Recipients, by name.
    pub recipients: Vec<Recipient>,
    /// Destinations of a category's fields where they have no words of their own.
    pub categories: Vec<(Spanned<String>, Destinations)>,
    /// Codes that a caller may give as a reason.
    pub reasons: Vec<Spanned<String>>,
}

/// The code of [`Organisation::reasons`] under which a person's own data is opened for them to have (Art. 15).
pub const DATA_SUBJECT_REQUEST: &str = "data-subject-request";

/// What personal data is processed for.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// Its name.
    pub name: Spanned<String>,
    /// What a data subject reads.
    pub says: Option<String>,
    /// The material version of the notice.
    pub notice_version: u32,
    /// Whether it is direct marketing (GDPR Art. 21(2)).
    pub direct_marketing: bool,
}

/// Who receives personal data.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Its name in the policies.
    pub id: Spanned<String>,
    /// Its name in the register.
    pub name: Option<String>,
    /// What it is in law.
    pub role: Option<Role>,
    /// The reference of the agreement.
    pub agreement: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Spanned<String>>,
    /// What a transfer rests on.
    pub transfer_instrument: Option<TransferInstrument>,
    /// Whether direct identifiers may go there only protected.
    pub pseudonymize_before_transfer: bool,
    /// The last day (UTC) on which the instrument holds.
    pub transfer_valid_until: Option<Spanned<time::Date>>,
    /// The purpose under which a person agrees to the transfer (GDPR Art. 49(1)(a)).
    pub transfer_consent: Option<Spanned<String>>,
}

/// To which children a service is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Children {
    /// Not directly to children.
    None,
    /// To those of an age, and older.
    From {
        /// The state whose law sets the age of consent, ISO 3166-1.
        member_state: Spanned<String>,
        /// Years.
        minimum_age: u32,
        /// How a parent's authorisation is obtained and verified, by reference.
        parental_authorisation: Option<String>,
    },
}

/// A row of the register.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The file's name without `.yaml`.
    pub name: String,
    /// SHA-256 of the file; with schemas, of that and of them.
    pub digest: [u8; 32],
    /// The activity beside which it is only looked at; `None` where it is in force itself.
    pub shadows: Option<Spanned<String>>,
    /// What the register calls it.
    pub title: Option<String>,
    /// A purpose of the organisation.
    pub purpose: Option<Spanned<String>>,
    /// What makes it lawful.
    pub legal_basis: Option<Spanned<LegalBasis>>,
    /// The reference of the balancing test.
    pub assessment: Option<String>,
    /// What lifts the prohibition of Art. 9.
    pub art9_condition: Option<Spanned<Art9Condition>>,
    /// What permits criminal-offence data (GDPR Art. 10).
    pub art10_reference: Option<String>,
    /// Ground, and how to contest.
    pub automated_decision: Option<(Spanned<DecisionGround>, String)>,
    /// Whether it is said if there are automated decisions, `none` too.
    pub decision_said: bool,
    /// Whether it is offered to children (GDPR Art. 8); `None` where nothing is said.
    pub offered_to_children: Option<Spanned<Children>>,
    /// Whose data, for the register.
    pub data_subject_categories: Vec<String>,
    /// How the person of an exchange is found.
    pub data_subject: Option<Spanned<DataSubject>>,
    /// How long after the exchange a record is kept.
    pub retention: Option<Duration>,
    /// A name of the deployment.
    pub upstream: Option<Spanned<String>>,
    /// Recipients beside the upstream's.
    pub other_recipients: Vec<Spanned<String>>,
    /// Default: the activity's name.
    pub pseudonymization_domain: Option<String>,
    /// When the intent is durable.
    pub journal: JournalMode,
    /// What becomes of a batch with a row that may not be processed, where the route does not say.
    pub on_denied_row: DeniedRow,
    /// Whether calls are served.
    pub mode: Mode,
    /// The activity whose records are used.
    pub records_of: Option<Spanned<String>>,
    /// What that re-use rests on.
    pub further_processing: Option<Spanned<FurtherProcessing>>,
    /// Whether records outlive the withdrawal of the source's consent for this activity.
    pub may_outlive_source: bool,
    /// Its routes.
    pub routes: Vec<Route>,
    /// What goes to the upstream.
    pub request: Option<Side>,
    /// What comes back.
    pub response: Option<Side>,
}

/// Whose data an exchange holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSubject {
    /// `token.CLAIM`
    Claim(String),
    /// `body.FIELD`
    Body(Path),
    /// `path.NAME`, `query.NAME`, `header.NAME`
    Parameter(HeadPart, String),
    /// `rows.FIELD`: each row of a batch is its own person's.
    Rows(Path),
}

/// One direction of an exchange.
#[derive(Clone, Debug)]
pub struct Side {
    /// Its place.
    pub span: Span,
    /// What becomes of a field that is not declared.
    pub unknown_fields: Undeclared,
    /// The declared fields.
    pub fields: Vec<Field>,
    /// Query parameters of every governed route.
    pub query: Vec<Param>,
    /// Path parameters of the routes that have them.
    pub path: Vec<Param>,
    /// Headers that pass.
    pub headers: Vec<Param>,
    /// What the body as a whole must be.
    pub schema: Option<WholeBody>,
}

/// A JSON Schema for a whole body.
#[derive(Clone, Debug)]
pub struct WholeBody {
    /// The file, from the policies folder on.
    pub file: Spanned<String>,
    /// As it is run; `None` where something was wrong with it, and reported.
    pub compiled: Option<Arc<Schema>>,
}

/// A declared field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Spanned<String>,
    /// The same as a path.
    pub path: Option<Path>,
    /// Its category.
    pub category: Option<Spanned<String>>,
    /// What a value must look like.
    pub rules: Rules,
    /// Whether a body without it is refused.
    pub required: bool,
    /// Where it goes, and how.
    pub destinations: Destinations,
    /// Why a direct identifier must leave unchanged.
    pub justification: Option<String>,
}

/// What is done to a field for each destination; `None` where the policy does not say.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    /// What the upstream sees.
    pub upstream: Option<Spanned<Spec>>,
    /// What the caller gets back.
    pub caller: Option<Spanned<Spec>>,
    /// What is sealed: `unchanged` stands for `encrypted`, `leave_out` for nothing.
    pub stored: Option<Spanned<Spec>>,
    /// What an export shows.
    pub export: Option<Spanned<Spec>>,
    /// Which callers get what `caller` says; the others get what the gate says.
    pub gate: Option<Spanned<Gate>>,
}

impl Destinations {
    /// What whoever is at the end of a side sees.
    pub fn outward(&self, direction: Direction) -> Option<&Spanned<Spec>> {
        match direction {
            Direction::Request => self.upstream.as_ref(),
            Direction::Response => self.caller.as_ref(),
        }
    }

    /// What is said of each, without the gate.
    pub fn all(&self) -> impl Iterator<Item = &Spanned<Spec>> {
        [&self.upstream, &self.caller, &self.stored, &self.export].into_iter().flatten()
    }
}

/// Who gets one thing, and what others get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Scopes that the caller must all have.
    pub all_scopes: Vec<Arc<str>>,
    /// Scopes of which the caller must have one; empty: none is asked for.
    pub any_scope: Vec<Arc<str>>,
    /// What else must hold: an expression.
    pub when: Option<Spanned<String>>,
    /// What the others get; `None` where that is nothing.
    pub otherwise: Option<Spanned<Spec>>,
}

/// A query or path parameter, or a header.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name; a header's in lower case.
    pub name: Spanned<String>,
    /// What a value must look like.
    pub rules: Rules,
    /// Whether a call without it is refused.
    pub required: bool,
    /// Whether nothing was wrong with it: what depends on it is not reported as well.
    pub sound: bool,
    /// What it is and where it goes, where the policy says so: it is then a field of the name `query.NAME`. Any other
    /// parameter passes as it came, and nothing of it is kept.
    pub treated: Option<Box<Field>>,
}

/// Where a parameter stands in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadPart {
    /// Between the slashes of the path.
    Path,
    /// Behind the `?`.
    Query,
    /// Among the headers.
    Header,
}

impl HeadPart {
    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// A route.
#[derive(Clone, Debug)]
pub struct Route {
    /// As written: `POST /predict/`.
    pub text: Spanned<String>,
    /// Its method.
    pub method: http::Method,
    /// What stands between the slashes.
    pub segments: Vec<Segment>,
    /// What a call is.
    pub kind: RouteKind,
    /// Whether a call of it has no body: `payload: none`.
    pub bodyless: bool,
    /// How the bodies of a governed route are written.
    pub payload: Spanned<Payload>,
    /// What becomes of a batch with a row that may not be processed.
    pub on_denied_row: Option<Spanned<DeniedRow>>,
    /// Who may call.
    pub access: Option<Spanned<Access>>,
    /// How often.
    pub rate_limit: Option<RateLimit>,
    /// How much at once.
    pub limits: Limits,
    /// Path parameters.
    pub path: Vec<Param>,
    /// Query parameters.
    pub query: Vec<Param>,
    /// Headers that pass.
    pub headers: Vec<Param>,
}

/// How bodies are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// What callers send.
    pub request: Format,
    /// What the upstream answers.
    pub response: Format,
}

/// A piece of a route's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Literal(Box<str>),
    /// Any text but none.
    Param(Arc<str>),
}

/// What a call of a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// An exchange with personal data, under the activity's rules.
    Governed,
    /// `personal_data: none`: forwarded without query, caller's headers and, unless `body: pass`, without a body.
    Open {
        /// The most bytes of a body that passes unread; `None` where no body may come.
        body: Option<u64>,
    },
    /// Answered by the gateway from what it keeps.
    Answer(Answer),
}

/// What a caller must hold.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Scopes that the caller must all have.
    pub all_scopes: Vec<Arc<str>>,
    /// Scopes of which the caller must have one; empty: none is asked for.
    pub any_scope: Vec<Arc<str>>,
    /// The scope that lets a caller act for another person.
    pub on_behalf_of: Option<Arc<str>>,
    /// Whether a reason code is asked for.
    pub reason_required: bool,
    /// What else must hold: an expression.
    pub when: Option<Spanned<String>>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls per `period`.
    pub calls: NonZeroU32,
    /// The time in which `calls` may come.
    pub period: Duration,
    /// Calls that may come at once.
    pub burst: NonZeroU32,
    /// Whose bucket it is.
    pub per: Per,
}

impl RateLimit {
    /// Whether a call takes at least a nanosecond of its bucket, and a full burst less than a century.
    pub fn is_countable(&self) -> bool {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
        let interval = self.period / self.calls.get();
        !interval.is_zero() && interval.checked_mul(self.burst.get()).is_some_and(|whole| whole < CENTURY)
    }
}

/// How much one call may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, after decoding.
    pub body: u64,
    /// Nested objects and arrays.
    pub depth: u32,
    /// Elements of an array.
    pub rows: u32,
}

impl Default for Limits {
    /// 64 KiB, 16 levels, 1000 rows.
    fn default() -> Self {
        Self { body: 64 << 10, depth: 16, rows: 1000 }
    }
}
