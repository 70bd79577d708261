//! What of a plan its cases have shown: routes that were called, fields that were sent, what was done to them, refusals
//! that were met. Only what a case looked at counts, and only if the case passed.
//!
//! - A route is covered by a call that was answered with success; of a closed activity, by its refusal.
//! - A field of a governed route is covered by a body that has it and was let through.
//! - An action is covered where such a field's destination was looked at: `upstream_sees`, `caller_gets: { json: … }`,
//!   `stored`. `leave_out` counts like any other: an expected value is compared whole. A pattern for a parameter that fits
//!   what was sent shows nothing.
//! - A refusal is what the policy says is refused: calls without credential, scope, purpose or reason; persons who have not agreed,
//!   have withdrawn, have objected, are restricted; values that a field's or a parameter's rules do not let through;
//!   undeclared fields; answers of the upstream that are not as declared; records that there are not.
//!
//! Limits of rate and size, which take many calls or large bodies, are left to the gateway's own tests.

mod parameters;

use std::sync::Arc;

use serde_json::Value;

use super::sent::{Body, has};
use super::{Activity, DataSubject, Field, Gate, Plan, Route, RouteKind, Sent, Side};
use crate::action::Spec;
use crate::payload::{Direction, Format, Step, Undeclared};
use crate::policy::cases::{Case, Expected, UpstreamSees};
use crate::policy::{Answer, LegalBasis, Mode};
use crate::problem::Problem;

/// A kind of thing to be covered, in the order of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Covers {
    /// A call that the gateway serves.
    Route,
    /// A declared field.
    Field,
    /// What becomes of a field for one destination.
    Action,
    /// A refusal that the policy asks for.
    Refusal,
}

/// One thing to be covered.
#[derive(Clone, Debug)]
pub struct Item {
    /// What kind of thing.
    pub covers: Covers,
    /// Whose activity it is.
    pub activity: Arc<str>,
    /// What it is: `email to the upstream: pseudonymize`.
    pub what: String,
    /// How a case covers it.
    pub how: &'static str,
    /// Whether one has.
    pub covered: bool,
    target: Target,
}

/// What came of a case's call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome<'a> {
    /// The caller's status.
    pub status: u16,
    /// The caller's body.
    pub body: Option<&'a Value>,
    /// What the upstream replied; `None` where it was not asked.
    pub answered: Option<&'a Value>,
    /// Which gates of the answer stood open for the caller.
    pub opened: &'a [bool],
}

/// What a plan's cases have shown so far.
#[derive(Clone, Debug)]
pub struct Coverage {
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Route(usize),
    /// A field of an activity's request (or response).
    Field {
        activity: usize,
        direction: Direction,
        field: usize,
    },
    Outward {
        activity: usize,
        direction: Direction,
        field: usize,
    },
    /// What some callers get of a field of the response, and what others.
    Gated {
        activity: usize,
        field: usize,
        open: bool,
    },
    /// A parameter of a route, on its way or (`kept`) in the record.
    Parameter {
        route: usize,
        name: Arc<str>,
        kept: bool,
    },
    Stored {
        activity: usize,
        direction: Direction,
        field: usize,
    },
    /// A field that an answer of kept records shows, or does not.
    Shown {
        route: usize,
        direction: Direction,
        field: usize,
    },
    /// A refusal by one route, `field` at fault.
    ByRoute {
        route: usize,
        problem: Problem,
        field: Option<Arc<str>>,
    },
    /// A refusal by any route of an activity.
    ByActivity {
        activity: usize,
        problem: Problem,
        field: Option<Arc<str>>,
    },
}

impl Covers {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Route, Self::Field, Self::Action, Self::Refusal];

    /// One of it, as a table says.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Field => "field",
            Self::Action => "action",
            Self::Refusal => "refusal",
        }
    }
}

impl Coverage {
    /// Everything of a plan, none of it covered.
    pub fn of(plan: &Plan) -> Self {
        let mut all = Self { items: Vec::new() };
        for activity in &plan.activities {
            let routes = || plan.routes.iter().filter(|route| route.activity.index == activity.index);
            for route in routes() {
                all.route(plan, route);
            }
            if activity.mode == Mode::Enforce && routes().any(|route| route.kind == RouteKind::Governed) {
                all.governed(activity);
            }
        }
        all.items.sort_by_key(|item| item.covers);
        all
    }

    /// Counts a case that passed.
    pub fn count(&mut self, plan: &Plan, case: &Case, outcome: Outcome<'_>) {
        let path = case.send.path.value.split('?').next().unwrap_or_default();
        let Ok(found) = plan.route(&case.send.method, path) else { return };
        let route = found.route;
        let activity = route.activity.index;
        if !(200..300).contains(&outcome.status) {
            self.refusal(route, outcome);
            return;
        }
        self.cover(|target| *target == Target::Route(route.index));
        match route.kind {
            RouteKind::Open { .. } => {}
            RouteKind::Answer(answer) => self.answered(plan, route, answer, case, outcome),
            RouteKind::Governed => {
                parameters::count(self, &found, case);
                let Some(payload) = &route.payload else { return };
                let sent = Sent::of(&case.send, payload.request.format());
                let sent = sent.and_then(|sent| Body::of(&payload.request, &sent));
                let answered = outcome.answered.and_then(|answer| {
                    let format = payload.response.format();
                    let sent = match answer {
                        Value::String(text) if !format.is_json() => Sent::text(text, format),
                        json => Sent::text(&json.to_string(), Format::Json),
                    };
                    Body::of(&payload.response, &sent)
                });
                let sees = match &case.upstream_sees {
                    Some(UpstreamSees::Body(expected)) => Some(expected),
                    Some(UpstreamSees::Nothing) | None => None,
                };
                let gets =
                    case.caller_gets.as_ref().and_then(|gets| gets.json.as_ref().or(gets.text.as_ref()));
                let stored = case.stored.as_ref();
                let (request, response) = (&route.activity.request, &route.activity.response);
                self.side((activity, Direction::Request), request, &[], sent.as_ref(), sees, stored);
                let opened = outcome.opened;
                self.side((activity, Direction::Response), response, opened, answered.as_ref(), gets, stored);
            }
        }
    }

    /// Everything, in the order of kinds and activities.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many of a kind are covered, and how many there are.
    pub fn ratio(&self, covers: Covers) -> (usize, usize) {
        let of = || self.items.iter().filter(|item| item.covers == covers);
        (of().filter(|item| item.covered).count(), of().count())
    }

    /// What is not covered.
    pub fn short(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.covered)
    }

    fn cover(&mut self, is: impl Fn(&Target) -> bool) {
        self.items.iter_mut().filter(|item| is(&item.target)).for_each(|item| item.covered = true);
    }

    fn side(
        &mut self,
        (activity, direction): (usize, Direction),
        side: &Side,
        opened: &[bool],
        body: Option<&Body>,
        outward: Option<&Expected>,
        stored: Option<&Expected>,
    ) {
        for (index, field) in side.fields.iter().enumerate() {
            let steps = field.path.steps();
            let Some(body) = body.filter(|body| body.has(index, steps)) else { continue };
            let looked = |expected: &Expected| body.is_looked_at(expected, steps);
            self.cover(|target| *target == Target::Field { activity, direction, field: index });
            if outward.is_some_and(looked) {
                self.cover(|target| *target == Target::Outward { activity, direction, field: index });
            }
            if let Some((gate, _)) = &field.gate
                && outward.is_some_and(looked)
            {
                let open = opened.get(*gate) == Some(&true);
                self.cover(|target| *target == Target::Gated { activity, field: index, open });
            }
            if stored.is_some_and(|expected| expected.looks_at(steps)) {
                self.cover(|target| *target == Target::Stored { activity, direction, field: index });
            }
        }
    }

    /// An answer from what is kept shows something only where there is a record.
    fn answered(&mut self, plan: &Plan, route: &Route, answer: Answer, case: &Case, outcome: Outcome<'_>) {
        let gets = case.caller_gets.as_ref().and_then(|gets| gets.json.as_ref());
        let (Some(expected), Some(body)) = (gets, outcome.body) else { return };
        let before: &[Step] = match answer {
            Answer::PseudonymizedRecords => &[Step::Member("records".into()), Step::Every],
            Answer::ReIdentifiedRecord => &[],
        };
        if !has(Some(body), before) {
            return;
        }
        let Some(source) = source(plan, &route.activity) else { return };
        for (direction, side) in source.sides() {
            for (index, field) in side.fields.iter().enumerate() {
                let steps: Vec<Step> = before.iter().chain(field.path.steps()).cloned().collect();
                if expected.looks_at(&steps) {
                    let shown = Target::Shown { route: route.index, direction, field: index };
                    self.cover(|target| *target == shown);
                }
            }
        }
    }

    fn refusal(&mut self, route: &Route, outcome: Outcome<'_>) {
        let text = |member: &str| outcome.body.and_then(|body| body.get(member)).and_then(Value::as_str);
        let slug = text("type").and_then(|kind| kind.rsplit('/').next()).unwrap_or_default();
        let Some(met) = Problem::ALL.iter().copied().find(|problem| problem.slug() == slug) else { return };
        let at = text("field");
        self.cover(|target| match target {
            Target::ByRoute { route: index, problem, field } => {
                *index == route.index && *problem == met && field.as_deref() == at
            }
            Target::ByActivity { activity, problem, field } => {
                *activity == route.activity.index && *problem == met && field.as_deref() == at
            }
            Target::Route(index) => *index == route.index && met == Problem::ActivityClosed,
            _ => false,
        });
    }

    fn add(&mut self, covers: Covers, activity: &Activity, what: String, how: &'static str, target: Target) {
        let activity = Arc::clone(&activity.name);
        self.items.push(Item { covers, activity, what, how, covered: false, target });
    }

    fn route(&mut self, plan: &Plan, route: &Route) {
        let activity = &route.activity;
        let index = route.index;
        let how = "a call that is answered with success";
        self.add(Covers::Route, activity, route.text.to_string(), how, Target::Route(index));
        if matches!(route.kind, RouteKind::Open { .. }) || activity.mode == Mode::Closed {
            return;
        }
        let access = &route.access;
        let scoped = !access.all_scopes.is_empty() || !access.any_scope.is_empty();
        let mut refusals = vec![(Problem::AuthenticationRequired, "a call without `token`")];
        if scoped {
            refusals.push((Problem::ScopeMissing, "a token without the scope"));
        }
        if route.when.is_some() {
            refusals.push((Problem::AccessNotPermitted, "a call for which the condition does not hold"));
        }
        refusals.push((Problem::PurposeNotPermitted, "a token whose `purpose` is another"));
        if access.reason_required {
            refusals.push((Problem::ReasonRequired, "a call without a reason"));
        }
        if route.kind == RouteKind::Answer(Answer::ReIdentifiedRecord) {
            refusals.push((Problem::RecordUnknown, "a number that no record has"));
        }
        for (problem, how) in refusals {
            let target = Target::ByRoute { route: index, problem, field: None };
            self.add(Covers::Refusal, activity, format!("{}: {problem}", route.text), how, target);
        }
        for param in route.path.iter().chain(&route.query).chain(&route.headers) {
            // A text without a rule lets everything through.
            if param.check.is_open() && !param.required {
                continue;
            }
            let problem = Problem::FieldInvalid;
            let target = Target::ByRoute { route: index, problem, field: Some(Arc::clone(&param.name)) };
            let what = format!("{}: {problem}, {}", route.text, param.name);
            self.add(Covers::Refusal, activity, what, "a value that its rules do not let through", target);
        }
        parameters::add(self, route);
        if let RouteKind::Answer(answer) = route.kind
            && let Some(source) = source(plan, activity)
        {
            self.shown(route, answer, source);
        }
    }

    fn shown(&mut self, route: &Route, answer: Answer, source: &Activity) {
        for (direction, side) in source.sides() {
            for (field, declared) in side.fields.iter().enumerate() {
                let form = match answer {
                    Answer::PseudonymizedRecords => declared.specs.export.to_string(),
                    Answer::ReIdentifiedRecord if declared.stored.is_some() => "as stored".to_owned(),
                    Answer::ReIdentifiedRecord => Spec::LeaveOut.to_string(),
                };
                let what = format!("{}: {} to the caller: {form}", route.text, declared.name);
                let how = "`caller_gets: { json: … }` of an answer with a record";
                let target = Target::Shown { route: route.index, direction, field };
                self.add(Covers::Action, &route.activity, what, how, target);
            }
        }
    }

    fn governed(&mut self, activity: &Activity) {
        let index = activity.index;
        let mut refusals = Vec::new();
        if activity.legal_basis == LegalBasis::Consent {
            refusals.push((Problem::ConsentMissing, "a person without `consent`"));
            refusals.push((Problem::ConsentWithdrawn, "a person who has `withdrawn`"));
        }
        if activity.legal_basis.may_be_objected_to() || activity.purpose.direct_marketing {
            refusals.push((Problem::ObjectionRaised, "a person who has `objected`"));
        }
        refusals.push((Problem::ProcessingRestricted, "a person who is `restricted`"));
        if let Some(recipient) = &activity.recipient
            && (recipient.transfer_consent.is_some() || recipient.transfer_ends.is_some())
        {
            let how = match recipient.transfer_consent {
                Some(_) => "a person without `consent` to the transfer",
                None => "a `clock` past the day until which the transfer's instrument holds",
            };
            refusals.push((Problem::TransferNotPermitted, how));
        }
        if activity.request.schema.is_some() {
            refusals
                .push((Problem::FieldInvalid, "a body that fits its fields and as a whole not the schema"));
        }
        match &activity.data_subject {
            Some(DataSubject::Body(..) | DataSubject::Rows(..) | DataSubject::Parameter(..)) => {
                refusals.push((Problem::SubjectMismatch, "a call about another person than the token"));
            }
            Some(DataSubject::Claim(_)) => {
                refusals.push((Problem::SubjectMismatch, "a token of a program: `sub` equals `client_id`"));
            }
            None => {}
        }
        if activity.request.unknown_fields == Undeclared::Refuse {
            refusals.push((Problem::FieldNotPermitted, "a body with a field that is not declared"));
        }
        if activity.response.unknown_fields == Undeclared::Refuse || activity.response.schema.is_some() {
            let how = match activity.response.schema {
                Some(_) => "an answer that fits its fields and as a whole not the schema",
                None => "an answer with a field that is not declared",
            };
            refusals.push((Problem::UpstreamAnswerRefused, how));
        }
        for (problem, how) in refusals {
            let target = Target::ByActivity { activity: index, problem, field: None };
            self.add(Covers::Refusal, activity, problem.to_string(), how, target);
        }
        for (direction, side) in activity.sides() {
            for (field, declared) in side.fields.iter().enumerate() {
                self.field(activity, direction, field, declared);
            }
        }
    }

    fn field(&mut self, activity: &Activity, direction: Direction, field: usize, declared: &Field) {
        let (index, name) = (activity.index, &declared.name);
        let refuses = declared.specs.outward == Spec::RefuseIfPresent;
        let (problem, how) = match (direction, refuses) {
            (Direction::Request, false) => (Problem::FieldInvalid, "a body in which its rules are broken"),
            (Direction::Request, true) => (Problem::FieldNotPermitted, "a body that has it"),
            (Direction::Response, _) => {
                (Problem::UpstreamAnswerRefused, "`upstream_answers` in which its rules are broken")
            }
        };
        // There is always a value that is refused: the type is declared, if nothing else.
        let target = Target::ByActivity { activity: index, problem, field: Some(Arc::clone(name)) };
        self.add(Covers::Refusal, activity, format!("{problem}, {name}"), how, target);
        if refuses {
            // No body that has it is ever let through.
            return;
        }
        if direction == Direction::Request && declared.outward.is_guarded() {
            let problem = Problem::TransferNotPermitted;
            let target = Target::ByActivity { activity: index, problem, field: Some(Arc::clone(name)) };
            let how = "a text in which something tells who somebody is";
            self.add(Covers::Refusal, activity, format!("{problem}, {name}"), how, target);
        }
        let (from, to, how) = match direction {
            Direction::Request => {
                ("sent by the caller", "to the upstream", "`upstream_sees` of a body that has it")
            }
            Direction::Response => (
                "answered by the upstream",
                "to the caller",
                "`caller_gets: { json: … }` of an answer that has it",
            ),
        };
        let there = "a body that has it, let through";
        let target = Target::Field { activity: index, direction, field };
        self.add(Covers::Field, activity, format!("{name}, {from}"), there, target);
        match (&declared.gate, &declared.specs.otherwise) {
            (Some((gate, _)), Some(otherwise)) => {
                let who = activity.response.gates.get(*gate).map(Gate::describe).unwrap_or_default();
                for (open, form) in [(true, &declared.specs.outward), (false, otherwise)] {
                    let (whom, how) = match open {
                        true => (who.clone(), "`caller_gets: { json: … }` of a caller for whom it is open"),
                        false => ("to others".to_owned(), "`caller_gets: { json: … }` of another caller"),
                    };
                    let target = Target::Gated { activity: index, field, open };
                    self.add(Covers::Action, activity, format!("{name} {to} ({whom}): {form}"), how, target);
                }
            }
            _ => {
                let target = Target::Outward { activity: index, direction, field };
                let what = format!("{name} {to}: {}", declared.specs.outward);
                self.add(Covers::Action, activity, what, how, target);
            }
        }
        let stored = match &declared.specs.stored {
            Spec::Unchanged => "encrypted".to_owned(),
            spec => spec.to_string(),
        };
        let target = Target::Stored { activity: index, direction, field };
        self.add(
            Covers::Action,
            activity,
            format!("{name} stored: {stored}"),
            "`stored` of a body that has it",
            target,
        );
    }
}

fn source<'p>(plan: &'p Plan, activity: &Activity) -> Option<&'p Activity> {
    plan.activities.get(activity.records_of?).map(|source| &**source)
}
