//! What must hold where each row of a body is its own person's: nothing of one person may travel or be kept with another's.

use super::checks::{defaults_of, json_rows, sides};
use super::codes::Code;
use super::model::{Activity, DataSubject, Field, PolicySet, Route, RouteKind, Side};
use super::reader::Reader;
use crate::action::Spec;
use crate::payload::{Declared, Direction, FieldId, Format, Path, Step, Walker};

pub(super) fn of_activity(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let Some(DataSubject::Rows(subject)) = activity.data_subject.as_ref().map(|subject| &subject.value)
    else {
        return;
    };
    let side = activity.request.iter().flat_map(|side| [&side.path, &side.query, &side.headers]);
    let routes = activity.routes.iter().flat_map(|route| [&route.path, &route.query, &route.headers]);
    for field in side.chain(routes).flatten().filter_map(|param| param.treated.as_ref()) {
        of_the_whole(set, field, reader);
    }
    let mut told: Vec<(Direction, Format)> = Vec::new();
    for route in activity.routes.iter().filter(|route| route.kind == RouteKind::Governed) {
        for (side, direction) in sides(activity) {
            let format = format(route, direction);
            // A person who cannot be found in rows has been reported.
            let lost = !format.has_rows() && !subject.is_many();
            if lost && direction == Direction::Request || told.contains(&(direction, format)) {
                continue;
            }
            told.push((direction, format));
            let paths: Vec<Path> = side.fields.iter().filter_map(|field| field.path.clone()).collect();
            let rows = match direction {
                Direction::Request => Some(subject),
                Direction::Response => json_rows(paths.iter()),
            };
            let declared = Declared { paths: &paths, undeclared: side.unknown_fields, rows };
            // What cannot be compiled has been reported.
            if let Ok(walker) = Walker::compile(format, direction, declared) {
                one_side(set, side, &walker, reader);
            }
        }
    }
}

fn format(route: &Route, direction: Direction) -> Format {
    match direction {
        Direction::Request => route.payload.value.request,
        Direction::Response => route.payload.value.response,
    }
}

fn one_side(set: &PolicySet, side: &Side, walker: &Walker, reader: &mut Reader) {
    let fields = side.fields.iter().filter(|field| field.path.is_some());
    for (id, field) in (0..).map(FieldId).zip(fields) {
        let in_row = walker.row(id, &[0]).0.is_some();
        let list = field.path.as_ref().is_some_and(|path| path.steps().contains(&Step::Every));
        if in_row {
            continue;
        }
        if list && !walker.format().has_rows() {
            let message = format!(
                "`{}` is a list of its own beside the rows, and nobody knows whose its elements are.",
                field.name.value
            );
            let help = "Declare it within the rows, `rows[*].NAME`, or leave it out.";
            reader.report(Code::NotHere, field.name.span, message, help);
        } else {
            of_the_whole(set, field, reader);
        }
    }
}

fn of_the_whole(set: &PolicySet, field: &Field, reader: &mut Reader) {
    if is_kept(set, field) {
        let message = format!(
            "`{}` is of the whole batch: kept, it would be kept of every person in it.",
            field.name.value
        );
        reader.report(Code::NotHere, field.name.span, message, "Say `stored: leave_out`.");
    }
}

fn is_kept(set: &PolicySet, field: &Field) -> bool {
    let own = field.destinations.stored.as_ref();
    let stored = own.or_else(|| defaults_of(set, field)?.stored.as_ref());
    stored.is_some_and(|stored| stored.value != Spec::LeaveOut)
}
