//! What becomes of each value of a body: checked, treated for where it goes, and sealed for what is kept.

use std::borrow::Cow;
use std::sync::Arc;

use crate::action::{Action, Analyses, Refused};
use crate::check::Checked;
use crate::drift::{RouteDrift, Seen, SideDrift};
use crate::payload::{FieldId, Kind, Row, Treated, Undeclared, Value, Visitor, Walker};
use crate::pipeline::analysis::Question;
use crate::pipeline::authorize::Permit;
use crate::pipeline::batch;
use crate::pipeline::drafts::{Drafts, Rows};
use crate::pipeline::materials::Materials;
use crate::pipeline::parameters::sentence;
use crate::pipeline::shadow::Trace;
use crate::plan::{Field, Side};
use crate::problem::{Problem, Rejection};

/// Applies the rules of one side of an exchange.
pub(super) struct Treat<'a> {
    side: &'a Side,
    pub(super) walker: &'a Walker,
    /// Whether each gate of the side stands open.
    opened: &'a [bool],
    pub(super) rows: Rows<'a>,
    /// Whether the rows of an answer have been counted.
    pub(super) counted: bool,
    /// The row that is being walked, where one is.
    row: Option<u32>,
    materials: &'a Materials,
    pub(super) kept: Keeping<'a>,
    stored: String,
    pub(super) watch: Watch<'a>,
}

/// What a walk leaves behind.
pub(super) struct Looks<'a> {
    pub(super) kept: Keeping<'a>,
    pub(super) watch: Watch<'a>,
}

impl<'a> Looks<'a> {
    /// Values in the records, and counts of what occurred.
    pub(super) fn keeping(drafts: &'a mut Drafts, watch: Watch<'a>) -> Self {
        Self { kept: Keeping::In(drafts), watch }
    }

    /// Nothing yet.
    pub(super) fn rehearsal(watch: Watch<'a>) -> Self {
        Self { kept: Keeping::Rehearsal, watch }
    }

    /// A note of what would become of each field.
    pub(super) fn on_paper(trace: &'a mut Trace) -> Self {
        Self::rehearsal(Watch { seen: None, trace: Some(trace) })
    }

    /// What analysers must be asked.
    pub(super) fn asking(questions: &'a mut Vec<Question>) -> Self {
        Self { kept: Keeping::Questions(questions), watch: Watch::default() }
    }
}

/// Who looks on.
#[derive(Default)]
pub(super) struct Watch<'a> {
    /// Counts what occurs.
    pub(super) seen: Option<Seen<'a>>,
    /// Notes what becomes of it.
    pub(super) trace: Option<&'a mut Trace>,
}

impl<'a> Watch<'a> {
    /// Counts for one side of an exchange.
    pub(super) fn of(permit: &'a Permit, side: impl Fn(&'a RouteDrift) -> &'a SideDrift) -> Self {
        Self { seen: permit.drift().map(|drift| side(drift).watch(permit.tag())), trace: None }
    }
}

/// Where kept values go.
pub(in crate::pipeline) enum Keeping<'a> {
    /// Into the records.
    In(&'a mut Drafts),
    /// Nowhere yet: whether they could be kept is all that is asked.
    Rehearsal,
    /// Nowhere, and nothing is treated: what analysers must be asked is gathered.
    Questions(&'a mut Vec<Question>),
}

impl<'a> Treat<'a> {
    pub(super) fn new(
        side: &'a Side,
        walker: &'a Walker,
        rows: Rows<'a>,
        materials: &'a Materials,
        Looks { kept, watch }: Looks<'a>,
    ) -> Self {
        Self {
            side,
            walker,
            opened: &[],
            rows,
            counted: false,
            row: None,
            materials,
            kept,
            stored: String::new(),
            watch,
        }
    }

    /// With the gates of its side, each open or shut.
    pub(super) fn behind(self, opened: &'a [bool]) -> Self {
        Self { opened, ..self }
    }

    fn field(&self, id: FieldId) -> Result<&'a Field, Rejection> {
        // INVARIANT: the layout was compiled from these fields, so every number it hands out is one of theirs.
        self.side.fields.get(usize::from(id.0)).ok_or_else(|| Problem::InternalError.into())
    }

    pub(super) fn invalid(field: &Field, detail: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection::new(Problem::FieldInvalid).field(Arc::clone(&field.name)).detail(detail)
    }

    /// Says where the value is that is refused, or the row that lacks one: nobody finds it among thousands.
    #[cold]
    fn placed(&self, id: FieldId, at: &[u32], rejection: Rejection) -> Rejection {
        let (row, _) = self.walker.row(id, at);
        match (row.or(self.row), self.field(id)) {
            _ if rejection.field.is_none() => rejection,
            (Some(row), _) => batch::at(format_args!("Row {row}"), rejection),
            (None, Ok(field)) if !at.is_empty() => {
                batch::at(format_args!("`{}`", field.path.at(at)), rejection)
            }
            _ => rejection,
        }
    }

    /// What becomes of a field on its way out, for this caller.
    fn outward(&self, field: &'a Field) -> &'a Action {
        match &field.gate {
            // A gate that was not looked at is shut.
            Some((gate, otherwise)) if self.opened.get(*gate) != Some(&true) => otherwise,
            _ => &field.outward,
        }
    }

    /// Checks a value, and does to it what the policy says.
    #[inline(always)]
    fn treat(
        &mut self,
        id: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Rejection> {
        let field = self.field(id)?;
        if let Some(seen) = &self.watch.seen {
            seen.field(id.index());
        }
        // By reference: moving it would read in one piece what was just written in smaller ones, and the processor waits for
        // that.
        let checked = field.check.run(value);
        let checked = checked.as_ref().map_err(|invalid| Self::invalid(field, sentence(invalid)))?;
        let outward = self.outward(field);
        if let Keeping::Questions(questions) = &mut self.kept {
            let text = checked.value();
            if text.kind == Kind::String && Analyses::needs(text.text) {
                let asks =
                    [Some(outward), field.stored.as_ref()].into_iter().flatten().filter_map(Action::asks);
                questions.extend(asks.map(|ask| (Arc::clone(ask), text.text.to_owned())));
            }
            return Ok(Treated::Kept);
        }
        let treated = outward.apply(checked.value(), &self.materials.actions(), out);
        let treated = treated.map_err(|refused| unfit(field, refused))?;
        self.keep(id, at, checked)?;
        if let Some(trace) = &mut self.watch.trace {
            trace.note(id, at, checked.value(), treated, out);
        }
        Ok(checked.settle(treated, out))
    }

    /// Seals what the policy says is kept of a value.
    fn keep(&mut self, id: FieldId, at: &[u32], checked: &Checked<'_>) -> Result<(), Rejection> {
        let field = self.field(id)?;
        let Some(stored) = &field.stored else { return Ok(()) };
        self.stored.clear();
        let treated = stored.apply(checked.value(), &self.materials.actions(), &mut self.stored);
        let value = match treated.map_err(|refused| unfit(field, refused))? {
            Treated::Kept => checked.value(),
            Treated::Replaced(kind) => Value { kind, text: &self.stored },
            Treated::LeftOut => return Ok(()),
        };
        match &mut self.kept {
            Keeping::In(drafts) => {
                let (row, within) = self.walker.row(id, at);
                let row = match (self.rows, row) {
                    (Rows::Incoming(batch), Some(row)) => {
                        Some(batch.answered(row).ok_or_else(batch::surplus)?)
                    }
                    (_, row) => row,
                };
                // A field that is to be kept, in an exchange that has no record for it, would be lost in silence.
                let kept = drafts.keep(&field.name, at, (row, within), value);
                kept.map_err(Rejection::unavailable)
            }
            Keeping::Rehearsal | Keeping::Questions(_) => Ok(()),
        }
    }
}

impl Visitor for Treat<'_> {
    type Error = Rejection;

    fn value(
        &mut self,
        id: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Rejection> {
        self.treat(id, at, value, out).map_err(|rejection| self.placed(id, at, rejection))
    }

    fn missing(&mut self, id: FieldId) -> Result<(), Rejection> {
        let field = self.field(id)?;
        if !field.required {
            return Ok(());
        }
        Err(self.placed(id, &[], Self::invalid(field, "The field is missing.")))
    }

    fn undeclared_name(&mut self, name: &str) {
        if let Some(seen) = &mut self.watch.seen {
            seen.name(name);
        }
    }

    fn undeclared(&mut self) -> Result<(), Rejection> {
        if let Some(seen) = &mut self.watch.seen {
            seen.undeclared();
        }
        match self.side.unknown_fields {
            Undeclared::LeaveOut => Ok(()),
            // The name of an undeclared field is the sender's own text, so it is not repeated.
            Undeclared::Refuse => Err(Rejection::new(Problem::FieldNotPermitted)
                .detail("The body has a field that the policy does not declare.")),
        }
    }

    fn row(&mut self, row: u32) -> Row {
        self.row = Some(row);
        match self.rows {
            Rows::Plain => Row::Visited,
            Rows::Outgoing(batch) => batch.outgoing(row),
            Rows::Incoming(batch) => batch.incoming(row),
        }
    }

    fn rows(&mut self, count: u32) -> Result<u32, Rejection> {
        self.row = None;
        match self.rows {
            Rows::Plain => Ok(0),
            Rows::Outgoing(batch) if batch.is_whole(count) => Ok(0),
            // The column in which the persons stand has as many values as there are rows; this one has not.
            Rows::Outgoing(_) => {
                Err(Rejection::new(Problem::FieldInvalid).detail("A column has not one value for each row."))
            }
            Rows::Incoming(batch) => {
                self.counted = true;
                batch.behind(count).ok_or_else(batch::surplus)
            }
        }
    }

    fn leaves_out(&self, id: FieldId) -> bool {
        self.field(id).is_ok_and(|field| self.outward(field).leaves_out())
    }

    fn may_lack(&self, id: FieldId) -> bool {
        self.field(id).is_ok_and(|field| !field.required)
    }

    fn misshapen(&mut self, id: FieldId) -> Rejection {
        match self.field(id) {
            Ok(field) => {
                let shape = "The value, or what holds it, is of another shape than declared.";
                self.placed(id, &[], Self::invalid(field, shape))
            }
            Err(rejection) => rejection,
        }
    }
}

const IDENTIFYING: &str = "The text tells who somebody is, and its recipient may not learn that. Take out addresses, numbers and dates of birth.";

/// What an action that could not be done means for the caller.
pub(in crate::pipeline) fn unfit(field: &Field, refused: Refused) -> Rejection {
    let rejection = Rejection::new(refused.problem()).field(Arc::clone(&field.name)).because(refused);
    match refused {
        Refused::Identifying => rejection.detail(IDENTIFYING),
        _ => rejection,
    }
}
