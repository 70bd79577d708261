//! One processing activity as run.

use std::sync::Arc;
use std::time::Duration;

use super::{Param, Purpose, Recipient};
use crate::action::{Action, Ask, Spec};
use crate::check::{Check, Part, Schema};
use crate::condition::Condition;
use crate::payload::{Direction, Path, Step, Undeclared};
use crate::policy::{
    Art9Condition, DecisionGround, FurtherProcessing, HeadPart, JournalMode, LegalBasis, Mode,
};

/// A row of the register (GDPR Art. 30), compiled.
#[derive(Debug)]
pub struct Activity {
    /// Its place in [`super::Plan::activities`].
    pub index: usize,
    /// Its name: the file's.
    pub name: Arc<str>,
    /// What the register calls it.
    pub title: String,
    /// SHA-256 of its file.
    pub digest: [u8; 32],
    /// Why the data is processed.
    pub purpose: Arc<Purpose>,
    /// What makes it lawful.
    pub legal_basis: LegalBasis,
    /// The reference of the balancing test, where the basis is legitimate interests.
    pub assessment: Option<String>,
    /// The condition of GDPR Art. 9(2), where special categories are processed.
    pub art9_condition: Option<Art9Condition>,
    /// Whose data it is, as the register says (GDPR Art. 30(1)(c)).
    pub data_subject_categories: Vec<String>,
    /// How an exchange's data subject is found; `None` in a `records_of` activity, where each record is its own, and
    /// where no route is governed.
    pub data_subject: Option<DataSubject>,
    /// How long after the exchange a record is kept; in a `records_of` activity, the source's. Zero where no route is
    /// governed, for then nothing is kept.
    pub retention: Duration,
    /// The upstream's name in the deployment; `None` in a `records_of` activity.
    pub upstream: Option<Arc<str>>,
    /// Who runs the upstream.
    pub recipient: Option<Arc<Recipient>>,
    /// Who else receives the data.
    pub other_recipients: Vec<Arc<Recipient>>,
    /// Who runs the analysers that are asked about its texts.
    pub analysed_by: Vec<Arc<Recipient>>,
    /// The activity beside which it is looked at; `None` where it is in force.
    pub shadows: Option<Arc<str>>,
    /// Pseudonyms of two domains cannot be joined (EDPB 01/2025).
    pub pseudonymization_domain: Arc<str>,
    /// When the intent is durable.
    pub journal: JournalMode,
    /// Whether calls are served at all.
    pub mode: Mode,
    /// The activity whose records this one answers from, as its index in [`super::Plan::activities`].
    pub records_of: Option<usize>,
    /// What the re-use rests on (GDPR Art. 6(4)); present exactly where `records_of` is.
    pub further_processing: Option<FurtherProcessing>,
    /// Whether records outlive the withdrawal of the source's consent for this activity alone.
    pub may_outlive_source: bool,
    /// How long a consent to the purpose lasts.
    pub consent_expires: Duration,
    /// The ground of an automated decision and how to contest it (GDPR Art. 22).
    pub automated_decision: Option<(DecisionGround, String)>,
    /// What goes to the upstream; in a `records_of` activity, the source's.
    pub request: Arc<Side>,
    /// What comes back; in a `records_of` activity, the source's.
    pub response: Arc<Side>,
}

impl Activity {
    /// Both sides.
    pub fn sides(&self) -> [(Direction, &Side); 2] {
        [(Direction::Request, &self.request), (Direction::Response, &self.response)]
    }
}

/// One direction of an exchange.
#[derive(Debug)]
pub struct Side {
    /// What becomes of a field that is not declared.
    pub unknown_fields: Undeclared,
    /// The declared fields. INVARIANT: `FieldId(n)` of each walker of this side is `fields[n]`.
    pub fields: Vec<Field>,
    /// Response headers that go to the caller, if they are as declared; empty for a request, whose headers stand on the
    /// route.
    pub headers: Vec<Param>,
    /// Which callers get more than others, each once.
    pub gates: Vec<Gate>,
    /// What the body as a whole must be, and the name of the file that says it.
    pub schema: Option<(Arc<str>, Arc<Schema>)>,
}

impl Side {
    /// A place in a body, as far as the policy declares it: a JSON pointer (RFC 6901), and the field that it leads to, if
    /// it leads to one. What nobody declared may be anybody's text, and is not in it.
    pub fn place(&self, at: &[Part]) -> (String, Option<Arc<str>>) {
        let mut pointer = String::new();
        let mut fits: Vec<&Field> = self.fields.iter().collect();
        let mut depth = 0;
        for part in at {
            fits.retain(|field| match (field.path.steps().get(depth), part) {
                (Some(Step::Member(name)), Part::Member(came)) => **name == **came,
                (Some(Step::Every), Part::Element(_)) => true,
                _ => false,
            });
            if fits.is_empty() {
                return (pointer, None);
            }
            depth += 1;
            pointer.push('/');
            match part {
                Part::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Part::Element(index) => pointer.push_str(&index.to_string()),
            }
        }
        let whole = fits.into_iter().find(|field| field.path.steps().len() == depth);
        (pointer, whole.map(|field| Arc::clone(&field.name)))
    }
}

/// A declared field and its destinations.
#[derive(Debug)]
pub struct Field {
    /// Its name: the path as declared.
    pub name: Arc<str>,
    /// The same, parsed.
    pub path: Path,
    /// Its DPV category, `pd:EmailAddress`.
    pub category: Option<Arc<str>>,
    /// Whether the category tells who somebody is.
    pub identifying: bool,
    /// Whether a body without it is refused.
    pub required: bool,
    /// What it must look like.
    pub check: Check,
    /// What becomes of it on its way out: to the upstream in a request, to the caller in a response.
    pub outward: Action,
    /// Who gets that, as an index of [`Side::gates`], and what becomes of it for others; `None` where all get it.
    pub gate: Option<(usize, Action)>,
    /// What is sealed; `None` where nothing is kept, the action of `unchanged` where it is sealed as it came.
    pub stored: Option<Action>,
    /// What an export shows of the stored form; `None` where it shows nothing.
    pub export: Option<Action>,
    /// What it must look like, in a few words for people.
    pub rule: Arc<str>,
    /// Its destinations as the policy words them, for people: what is explained, registered and shown.
    pub specs: Specs,
}

impl Field {
    /// What is done to its values, on their way and where they are kept.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        let otherwise = self.gate.as_ref().map(|(_, otherwise)| otherwise);
        [Some(&self.outward), otherwise, self.stored.as_ref()].into_iter().flatten()
    }

    /// What outside analysers must be asked about them.
    pub fn asks(&self) -> impl Iterator<Item = &Arc<Ask>> {
        self.actions().filter_map(Action::asks)
    }
}

/// What a policy says of a field's destinations, defaults filled in. `leave_out` stands where nothing goes there, and
/// for `stored` `unchanged` means sealed as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specs {
    /// To the upstream in a request, to the caller in a response.
    pub outward: Spec,
    /// What is sealed.
    pub stored: Spec,
    /// What an export shows.
    pub export: Spec,
    /// What those get for whom the field's gate is shut.
    pub otherwise: Option<Spec>,
}

/// Which callers get what others do not.
#[derive(Debug)]
pub struct Gate {
    /// Scopes that the caller must all have.
    pub all_scopes: Vec<Arc<str>>,
    /// Scopes of which the caller must have one; empty: none is asked for.
    pub any_scope: Vec<Arc<str>>,
    /// What else must hold.
    pub when: Option<Condition>,
}

impl Gate {
    /// In a few words, for people.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if !self.all_scopes.is_empty() {
            parts.push(format!("all of {}", self.all_scopes.join(", ")));
        }
        if !self.any_scope.is_empty() {
            parts.push(format!("one of {}", self.any_scope.join(", ")));
        }
        parts.extend(self.when.as_ref().map(|when| when.text().to_string()));
        parts.join("; ")
    }
}

/// Where an exchange says whose data it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSubject {
    /// A claim of the token.
    Claim(Arc<str>),
    /// A parameter of the call: where it stands, and its name.
    Parameter(HeadPart, Arc<str>),
    /// A field of the request's body: its path, and its index in the request's fields.
    Body(Path, usize),
    /// The same in each row of a batch, each of which may be another person's.
    Rows(Path, usize),
}
