//! All that is proposed for an activity, so that its parts fit together.

use super::model::{Blocked, Body, Operation, Place, Scopes};
use super::select::Group;
use super::treat::{Proposal, Way, propose};
use crate::action::Spec;
use crate::check::RuleKind;
use crate::payload::{Declared, Direction, FieldId, Format, Path, Step, Undeclared, Walker};
use crate::policy::json_rows;

/// All that is proposed for an activity.
pub(super) struct Whole<'a> {
    pub(super) name: &'a str,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) request: Vec<Proposal>,
    pub(super) response: Vec<Proposal>,
    pub(super) subject: Subject,
}

/// A call, with what is proposed for its head.
pub(super) struct Call<'a> {
    pub(super) operation: &'a Operation,
    pub(super) parameters: Vec<HeadProposal>,
    /// What the API requires and no field can be.
    pub(super) blocked: Vec<Blocked>,
}

/// What is proposed for a parameter.
pub(super) struct HeadProposal {
    pub(super) place: Place,
    pub(super) name: String,
    /// Whether it is treated as a field is; else it passes as it comes.
    pub(super) treated: bool,
    pub(super) proposal: Proposal,
}

/// Whose data it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Who calls.
    Caller,
    /// Whom this field names.
    Body(Path),
    /// In each row whom this field names.
    Rows(Path),
    /// Whom this parameter names.
    Parameter(Place, String),
}

impl Whole<'_> {
    /// The scope with which a program acts for another.
    pub(super) fn on_behalf_of(&self) -> String {
        format!("{}-for-others", self.name)
    }

    pub(super) fn scopes(&self, operation: &Operation) -> Scopes {
        match &operation.scopes {
            Scopes::Unknown => Scopes::All(vec![self.name.to_owned()]),
            scopes => scopes.clone(),
        }
    }

    /// Whether anything is governed.
    pub(super) fn is_governed(&self) -> bool {
        self.calls.iter().any(|call| call.operation.payload.is_some())
    }

    /// Everything that is proposed for a value.
    pub(super) fn all(&self) -> impl Iterator<Item = &Proposal> {
        let heads = self.calls.iter().flat_map(|call| &call.parameters).filter(|head| head.treated);
        self.request.iter().chain(&self.response).chain(heads.map(|head| &head.proposal))
    }

    /// Who is named, in a call that is made of samples.
    pub(super) fn named<'w>(&'w self, call: &'w Call<'_>) -> Option<&'w Proposal> {
        match &self.subject {
            Subject::Caller => None,
            Subject::Body(path) | Subject::Rows(path) => {
                self.request.iter().find(|proposal| proposal.field.path == *path)
            }
            Subject::Parameter(place, name) => call
                .parameters
                .iter()
                .find(|head| head.place == *place && head.name == *name)
                .map(|head| &head.proposal),
        }
    }
}

/// Proposes all of an activity; what does not fit is noted.
pub(super) fn whole<'a>(group: &'a Group, notes: &mut Vec<String>) -> Whole<'a> {
    for operation in &group.operations {
        notes.extend(operation.notes.iter().map(|note| format!("{}: {note}", operation.route())));
    }
    let governed = group.operations.iter().find(|operation| operation.payload.is_some());
    let of = |fields: fn(&Operation) -> &[super::model::Field], way| -> Vec<Proposal> {
        governed.iter().flat_map(|first| fields(first)).map(|field| propose(field, way)).collect()
    };
    let mut request = of(|operation| &operation.request, Way::Request);
    let mut response = of(|operation| &operation.response, Way::Response);
    let (asked, answered) = formats(governed);
    let blocked = consistent(&mut request, asked, Direction::Request, notes);
    consistent(&mut response, answered, Direction::Response, notes);
    let mut calls: Vec<Call<'a>> =
        group.operations.iter().map(|operation| call(operation, &request, &response, notes)).collect();
    for call in calls.iter_mut().filter(|call| call.operation.payload.is_some()) {
        call.blocked.extend(blocked.iter().cloned());
    }
    let heads = || calls.iter().filter(|call| call.operation.payload.is_some()).map(|call| &call.parameters);
    let subject = subject(&request, &response, asked, heads().next().map_or(&[], Vec::as_slice));
    if let Subject::Rows(path) = &subject {
        not_of_the_whole(&mut request, asked, Direction::Request, Some(path));
        let paths: Vec<Path> = response.iter().map(|proposal| proposal.field.path.clone()).collect();
        not_of_the_whole(&mut response, answered, Direction::Response, json_rows(paths.iter()));
        for head in calls.iter_mut().flat_map(|call| &mut call.parameters) {
            leave_out(&mut head.proposal, "not kept: it is of the whole batch, and nobody's own");
        }
    }
    let of_many = |proposal: &Proposal| proposal.field.path.is_many();
    if subject == Subject::Caller && request.iter().any(|asked| of_many(asked) && rank(asked).is_some()) {
        notes.push("the elements of a list name persons, and no one list of body and answer can be taken for their rows: `data_subject` is who calls, and no list is kept".into());
        for proposal in request.iter_mut().chain(&mut response).filter(|proposal| of_many(proposal)) {
            leave_out(proposal, "not kept: it is of several persons, and nobody says whose");
        }
    }
    // A record holds each name once.
    for answer in &mut response {
        let kept =
            |asked: &&Proposal| asked.field.path == answer.field.path && asked.stored != Spec::LeaveOut;
        if request.iter().any(|asked| kept(&asked)) {
            leave_out(answer, "kept from the request already");
        }
    }
    Whole { name: &group.name, calls, request, response, subject }
}

fn formats(governed: Option<&Operation>) -> (Format, Format) {
    governed.and_then(|operation| operation.payload).unwrap_or(Body::None).formats()
}

fn leave_out(proposal: &mut Proposal, why: &str) {
    if proposal.stored != Spec::LeaveOut {
        proposal.stored = Spec::LeaveOut;
        proposal.because.push_str(&format!("; {why}"));
    }
}

/// Takes out what cannot stand beside the rest; gives what of that must be there.
fn consistent(
    proposals: &mut Vec<Proposal>,
    format: Format,
    direction: Direction,
    notes: &mut Vec<String>,
) -> Vec<Blocked> {
    let mut paths: Vec<Path> = Vec::new();
    let mut blocked = Vec::new();
    proposals.retain(|proposal| {
        let path = &proposal.field.path;
        paths.push(path.clone());
        let declared = Declared { paths: &paths, undeclared: Undeclared::Refuse, rows: None };
        let why = Walker::compile(format, direction, declared).err();
        if let Some(why) = &why {
            paths.pop();
            let told = why.to_string();
            notes.push(if told.starts_with('`') { told } else { format!("`{path}`: {told}") });
            if proposal.field.required {
                blocked.push(Blocked { path: path.clone(), why: why.to_string(), by_hand: false });
            }
        }
        why.is_none()
    });
    blocked
}

fn call<'a>(
    operation: &'a Operation,
    request: &[Proposal],
    response: &[Proposal],
    notes: &mut Vec<String>,
) -> Call<'a> {
    // A record holds parameters under `path`, `query` and `header`, and fields under their own names.
    let taken = |place: Place| {
        request.iter().chain(response).any(
            |proposal| matches!(proposal.field.path.steps(), [Step::Member(first), ..] if **first == *place.word()),
        )
    };
    let mut parameters = Vec::new();
    for parameter in &operation.parameters {
        let (place, name) = (parameter.place, parameter.name.clone());
        let mut proposal = propose(&parameter.field, Way::Head(place));
        let mut treated = parameter.is_treated() && proposal.category.is_some();
        if treated && taken(place) {
            let why = format!(
                "a field of the body is called `{}` too, and a record cannot hold both",
                place.word()
            );
            let route = operation.route();
            if place != Place::Path {
                notes
                    .push(format!("{route}: {} `{name}` looks personal: {why}; it is refused", place.word()));
                continue;
            }
            treated = false;
            proposal.tenths = 1;
            notes.push(format!(
                "{route}: path `{name}` looks personal and reaches the upstream as it came: {why}"
            ));
        }
        if treated && proposal.outward == Spec::LeaveOut && place == Place::Path {
            // Something must stand between the slashes.
            proposal.outward = Spec::Redact("0".into());
        }
        parameters.push(HeadProposal { place, name, treated, proposal });
    }
    Call { operation, parameters, blocked: operation.blocked.clone() }
}

/// Who is named best: by a field once in every body, by a parameter, by a field in each row.
fn subject(request: &[Proposal], response: &[Proposal], format: Format, heads: &[HeadProposal]) -> Subject {
    const SURE: u8 = 6;
    let by_parameter = heads.iter().filter(|head| head.treated && head.place != Place::Header);
    let by_parameter = by_parameter.filter_map(|head| {
        let known = head.proposal.field.known.as_ref().is_some_and(|known| known.tenths >= SURE);
        Some((rank(&head.proposal).filter(|_| known)?, Subject::Parameter(head.place, head.name.clone())))
    });
    let by_field = request.iter().filter(|proposal| !proposal.field.path.is_many()).filter_map(|proposal| {
        let path = proposal.field.path.clone();
        let subject = if format.has_rows() { Subject::Rows(path) } else { Subject::Body(path) };
        Some((rank(proposal)?, proposal.tenths, subject))
    });
    // Of two fields of one rank the surer: a person's number says more than that of their loan.
    let by_field: Vec<(u8, u8, Subject)> = by_field.collect();
    let surest = by_field.into_iter().rev().max_by_key(|(rank, tenths, _)| (*rank, *tenths));
    let by_field = surest.map(|(rank, _, subject)| (rank, subject));
    let all: Vec<(u8, Subject)> = by_field.into_iter().chain(by_parameter).collect();
    // Of equals the first.
    let best = all.into_iter().rev().max_by_key(|(rank, _)| *rank).map(|(_, subject)| subject);
    best.or_else(|| by_element(request, response, format)).unwrap_or(Subject::Caller)
}

fn rank(proposal: &Proposal) -> Option<u8> {
    let rules = &proposal.rules;
    let fits = proposal.field.required
        && !rules.nullable
        && rules.one_of.is_empty()
        && matches!(rules.kind, Some(RuleKind::String | RuleKind::Integer));
    match proposal.category.as_deref() {
        _ if !fits => None,
        Some("pd:Identifier") => Some(4),
        Some("pd:OfficialID") => Some(3),
        Some("pd:EmailAddress") => Some(2),
        Some("pd:Username") => Some(1),
        _ => None,
    }
}

/// In JSON the one list of a body whose elements each name somebody.
fn by_element(request: &[Proposal], response: &[Proposal], format: Format) -> Option<Subject> {
    if format != Format::Json {
        return None;
    }
    let paths = |proposals: &[Proposal]| -> Vec<Path> {
        proposals.iter().map(|proposal| proposal.field.path.clone()).collect()
    };
    let (asked, answered) = (paths(request), paths(response));
    json_rows(asked.iter())?;
    // Lists of an answer that are not of one array are nobody's rows.
    if answered.iter().any(Path::is_many) && json_rows(answered.iter()).is_none() {
        return None;
    }
    let once = |path: &Path| path.steps().iter().filter(|step| **step == Step::Every).count() == 1;
    let named = request.iter().filter(|proposal| once(&proposal.field.path));
    let named = named.filter_map(|proposal| Some((rank(proposal)?, proposal)));
    named.rev().max_by_key(|(rank, _)| *rank).map(|(_, proposal)| Subject::Rows(proposal.field.path.clone()))
}

/// What is of a whole batch is nobody's own, and is not kept.
fn not_of_the_whole(proposals: &mut [Proposal], format: Format, direction: Direction, rows: Option<&Path>) {
    let paths: Vec<Path> = proposals.iter().map(|proposal| proposal.field.path.clone()).collect();
    let declared = Declared { paths: &paths, undeclared: Undeclared::Refuse, rows };
    let Ok(walker) = Walker::compile(format, direction, declared) else { return };
    for (id, proposal) in (0..).map(FieldId).zip(proposals) {
        if walker.row(id, &[0]).0.is_none() {
            leave_out(proposal, "not kept: it is of the whole batch, and nobody's own");
        }
    }
}
