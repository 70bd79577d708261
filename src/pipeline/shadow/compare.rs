//! Two ends of one exchange, held against each other: the one that it had, and the one that a shadow would have made.

use std::sync::Arc;

use super::trace::{Mark, Trace};
use crate::action::Spec;
use crate::drift::{Place, Verdict};
use crate::pipeline::conditions::Opened;
use crate::plan::{Activity, Field, Side};
use crate::problem::Problem;
use crate::telemetry::Shadowed;

/// What the walks over an exchange's bodies saw.
#[derive(Default)]
pub(super) struct Seen {
    /// Of the request, if it was walked to its end.
    pub(super) request: Option<Trace>,
    /// Of the answer.
    pub(super) response: Option<Trace>,
    /// Which gates of the answer stood open.
    pub(super) opened: Opened,
}

/// How an exchange ends.
pub(super) struct Paper {
    /// Why it is refused, if it is.
    pub(super) problem: Option<Problem>,
    /// The field at fault.
    pub(super) field: Option<Arc<str>>,
    pub(super) seen: Seen,
}

/// Which way a difference goes.
#[derive(Clone, Copy, Default)]
struct Ways {
    stricter: bool,
    looser: bool,
    otherwise: bool,
}

/// What the shadow does otherwise. What is refused shows nothing, so between a refusal and an answer no field is compared.
pub(super) fn verdict((now, in_force): (&Activity, &Paper), (next, shadow): (&Activity, &Paper)) -> Verdict {
    let problems = |field: &Option<Arc<str>>| (in_force.problem, shadow.problem, field.clone());
    let refused = |outcome| Verdict { outcome, problems: problems(&shadow.field), fields: Vec::new() };
    match (in_force.problem, shadow.problem) {
        (None, Some(_)) => return refused(Shadowed::Stricter),
        (Some(_), None) => return refused(Shadowed::Looser),
        (Some(now), Some(next)) if now != next => return refused(Shadowed::Otherwise),
        _ => {}
    }
    let (mut ways, mut fields) = (Ways::default(), Vec::new());
    let (ours, theirs) = (&in_force.seen, &shadow.seen);
    if let (Some(came), Some(comes)) = (&ours.request, &theirs.request) {
        let (now, next): (&Side, &Side) = (&now.request, &next.request);
        side(Place::Upstream, (now, came, &[]), (next, comes, &[]), &mut ways, &mut fields);
    }
    if let (Some(came), Some(comes)) = (&ours.response, &theirs.response) {
        let (now, next) = ((&*now.response, came, &*ours.opened), (&*next.response, comes, &*theirs.opened));
        side(Place::Caller, now, next, &mut ways, &mut fields);
    }
    Verdict { outcome: ways.outcome(), problems: (None, None, None), fields }
}

/// The fields of one direction: each that occurred in either. Of both sides, what was seen and which gates stood open.
fn side(
    place: Place,
    (now, ours, opened): (&Side, &Trace, &[bool]),
    (next, theirs, opens): (&Side, &Trace, &[bool]),
    ways: &mut Ways,
    fields: &mut Vec<(Place, Arc<str>)>,
) {
    let new = next.fields.iter().filter(|field| !now.fields.iter().any(|other| other.name == field.name));
    for name in now.fields.iter().chain(new).map(|field| &field.name) {
        let find = |side: &Side| side.fields.iter().position(|field| field.name == *name);
        let (here, there) = (find(now), find(next));
        let (came, comes) = (here.and_then(|at| ours.of(at)), there.and_then(|at| theirs.of(at)));
        if came.is_none() && comes.is_none() {
            continue;
        }
        let (before, after) =
            (here.and_then(|at| now.fields.get(at)), there.and_then(|at| next.fields.get(at)));
        let (before_out, after_out) = (outward(before, opened), outward(after, opens));
        // What is random comes out otherwise each time, so the same treatment of the same value counts as the same.
        let random = matches!(before_out, Spec::Encrypt { .. }) && before_out == after_out;
        let ends = |mark: Option<Mark>| mark.map(|mark| (mark.came, mark.ends));
        let alike = random && ends(came) == ends(comes);
        let nothing = rank(&before_out) == 0 && rank(&after_out) == 0;
        if !alike && !nothing && came.map(|mark| mark.went) != comes.map(|mark| mark.went) {
            fields.push((place, Arc::clone(name)));
            ways.add(rank(&before_out), rank(&after_out));
        }
        let (before_kept, after_kept) = (stored(before), stored(after));
        if before_kept != after_kept {
            fields.push((Place::Stored, Arc::clone(name)));
            ways.add(rank(&before_kept), rank(&after_kept));
        }
    }
}

/// What became of a field's values for this caller.
fn outward(field: Option<&Field>, opened: &[bool]) -> Spec {
    let Some(Field { gate, specs, .. }) = field else { return Spec::LeaveOut };
    match (gate, &specs.otherwise) {
        // As in the walk, a gate that was not looked at is shut.
        (Some((gate, _)), Some(otherwise)) if opened.get(*gate) != Some(&true) => otherwise.clone(),
        _ => specs.outward.clone(),
    }
}

fn stored(field: Option<&Field>) -> Spec {
    field.map_or(Spec::LeaveOut, |field| field.specs.stored.clone())
}

/// How much of a value a treatment shows.
fn rank(spec: &Spec) -> u8 {
    match spec {
        Spec::LeaveOut | Spec::RefuseIfPresent => 0,
        Spec::Redact(_) => 1,
        Spec::Unchanged => 3,
        _ => 2,
    }
}

impl Ways {
    fn add(&mut self, before: u8, after: u8) {
        match after.cmp(&before) {
            std::cmp::Ordering::Less => self.stricter = true,
            std::cmp::Ordering::Greater => self.looser = true,
            std::cmp::Ordering::Equal => self.otherwise = true,
        }
    }

    fn outcome(self) -> Shadowed {
        match (self.stricter, self.looser, self.otherwise) {
            (false, false, false) => Shadowed::Same,
            (true, false, false) => Shadowed::Stricter,
            (false, true, false) => Shadowed::Looser,
            _ => Shadowed::Otherwise,
        }
    }
}
