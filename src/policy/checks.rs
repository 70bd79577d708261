//! What must fit together for a set to make sense: names and fields. Routes are in `check_routes`,
//! what the law asks in `law`.

use super::codes::Code;
use super::diagnostics::Spanned;
use super::model::{Activity, DataSubject, Destinations, Field, PolicySet, RouteKind, Side};
use super::read_field::{FILES, check_action};
use super::reader::{Reader, capital};
use super::spelling::did_you_mean;
use super::{check_routes, check_rows, conditions, parameters, shadows};
use crate::action::{Action, Spec, SpecError};
use crate::check::RuleKind;
use crate::payload::{Clash, Declared, Direction, FieldId, Format, Kind, Path, Step, Walker};

pub(super) fn run(set: &PolicySet, reader: &mut Reader) {
    for activity in set.all() {
        names(set, activity, reader);
        for (side, direction) in sides(activity) {
            clashes(activity, side, direction, reader);
            schemas(activity, side, direction, reader);
            files(activity, side, direction, reader);
            if direction == Direction::Request {
                streams(set, activity, side, reader);
            }
            exports(set, side, reader);
        }
        kept_twice(set, activity, reader);
        data_subject(activity, reader);
        category_actions(set, activity, reader);
        check_routes::of_activity(set, activity, reader);
        check_rows::of_activity(set, activity, reader);
        conditions::check(set, activity, reader);
        parameters::check(set, activity, reader);
    }
    check_routes::overlaps(set, &set.activities, reader);
    for shadow in &set.shadows {
        shadows::check(set, shadow, reader);
        check_routes::overlaps(set, std::slice::from_ref(shadow), reader);
    }
    for file in &set.cases {
        super::cases::check(file, set, reader);
    }
}

/// Reports a name that nothing declares. `place` says where it should be: " in consentry.yaml", or nothing.
pub(crate) fn unknown<'a>(
    name: &Spanned<String>,
    what: &str,
    place: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    reader: &mut Reader,
) {
    let mut help = did_you_mean(&name.value, known);
    let list =
        [("purpose", "purposes"), ("recipient", "recipients")].into_iter().find(|(one, _)| *one == what);
    if let Some((_, list)) = list {
        help.push_str(&format!(" A new one is declared under `{list}` in organisation.yaml."));
    }
    reader.report(Code::UnknownName, name.span, format!("There is no {what} `{}`{place}.", name.value), help);
}

fn names(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    if let Some(organisation) = &set.organisation {
        let known = || organisation.purposes.iter().map(|purpose| purpose.name.value.as_str());
        if let Some(purpose) = &activity.purpose
            && !known().any(|name| name == purpose.value)
        {
            unknown(purpose, "purpose", "", known(), reader);
        }
        let known = || organisation.recipients.iter().map(|recipient| recipient.id.value.as_str());
        for recipient in &activity.other_recipients {
            if !known().any(|name| name == recipient.value) {
                unknown(recipient, "recipient", "", known(), reader);
            }
        }
    }
    let Some(source) = &activity.records_of else { return };
    match set.activities.iter().find(|other| other.name == source.value) {
        None if set.unread.contains(&source.value) => {}
        None => {
            let known = set
                .activities
                .iter()
                .filter(|other| other.name != activity.name && other.records_of.is_none());
            unknown(source, "activity", "", known.map(|other| other.name.as_str()), reader);
        }
        Some(other) if other.records_of.is_some() => {
            let help = "Name the activity that keeps the records itself.";
            reader.report(
                Code::UnknownName,
                source.span,
                format!("`{}` keeps no records of its own.", source.value),
                help,
            );
        }
        Some(_) => {}
    }
}

pub(super) fn sides(activity: &Activity) -> impl Iterator<Item = (&Side, Direction)> {
    let sides = [(&activity.request, Direction::Request), (&activity.response, Direction::Response)];
    sides.into_iter().filter_map(|(side, direction)| Some((side.as_ref()?, direction)))
}

/// The formats in which the bodies of one direction come, each once.
fn formats(activity: &Activity, direction: Direction) -> Vec<Format> {
    let governed = activity.routes.iter().filter(|route| {
        route.kind == RouteKind::Governed && !(route.bodyless && direction == Direction::Request)
    });
    let mut formats: Vec<_> = governed
        .map(|route| match direction {
            Direction::Request => route.payload.value.request,
            Direction::Response => route.payload.value.response,
        })
        .collect();
    formats.sort_unstable();
    formats.dedup();
    formats
}

/// Every field that contradicts an earlier one in a format, or has no place there, not only the first.
fn clashes(activity: &Activity, side: &Side, direction: Direction, reader: &mut Reader) {
    let formats = formats(activity, direction);
    // What cannot stand in one format is reported once, and a side that no route uses is checked as JSON.
    let first = formats.first().copied().unwrap_or_default();
    for format in std::iter::once(first).chain(formats.into_iter().skip(1)) {
        let before = reader.found.len();
        clashes_in(format, direction, side, reader);
        if reader.found.len() > before {
            return;
        }
    }
}

/// A JSON Schema is for JSON.
fn schemas(activity: &Activity, side: &Side, direction: Direction, reader: &mut Reader) {
    let Some(schema) = &side.schema else { return };
    if let Some(format) = formats(activity, direction).iter().find(|format| !format.is_json()) {
        let message =
            format!("A body of `{}` is no JSON document that a schema could describe.", format.word());
        let help = "Say with `type`, `length`, `range` and their like what each field must be.";
        reader.report(Code::NotHere, schema.file.span, message, help);
    }
}

/// A file comes in a part of a body, and nowhere else.
fn files(activity: &Activity, side: &Side, direction: Direction, reader: &mut Reader) {
    let formats = formats(activity, direction);
    let Some(other) = formats.iter().find(|format| **format != Format::Multipart) else { return };
    for field in side.fields.iter().filter(|field| field.rules.kind == Some(RuleKind::File)) {
        let message = format!("`{}` is a file, and a body of `{}` has none.", field.name.value, other.word());
        reader.report(Code::FileNotHere, field.name.span, message, FILES);
    }
}

/// Of a chat's answer nothing can be looked at before it is whole. A value that is no boolean is not believed to be none:
/// upstreams take `"true"` and 1 for one.
fn streams(set: &PolicySet, activity: &Activity, side: &Side, reader: &mut Reader) {
    if !formats(activity, Direction::Request).contains(&Format::OpenaiChat) {
        return;
    }
    let asks = |path: &Path| matches!(path.steps(), [Step::Member(name)] if **name == *"stream");
    let Some(field) = side.fields.iter().find(|field| field.path.as_ref().is_some_and(asks)) else { return };
    let upstream =
        field.destinations.upstream.as_ref().or_else(|| defaults_of(set, field)?.upstream.as_ref());
    let goes = upstream.is_some_and(|spec| !matches!(spec.value, Spec::LeaveOut | Spec::RefuseIfPresent));
    let values = &field.rules.one_of;
    if goes && (values.is_empty() || values.iter().any(|value| value != "false")) {
        let message = format!(
            "`{}` may ask the upstream for an answer that is streamed, which cannot be looked at: such a call would end with 502.",
            field.name.value
        );
        let help = "Say `type: boolean, one_of: [\"false\"]`, so that who asks for a stream is told why they get none, or `upstream: leave_out`.";
        reader.report(Code::StreamAsked, field.name.span, message, help);
    }
}

/// The path whose first `[*]` is the array of rows in a JSON body, where all that have one agree on it.
pub(crate) fn json_rows<'a>(mut paths: impl Iterator<Item = &'a Path>) -> Option<&'a Path> {
    let rows = |path: &'a Path| path.steps().split(|step| *step == Step::Every).next();
    let first = paths.by_ref().find(|path| path.is_many())?;
    let same = |path: &Path| !path.is_many() || path.steps().starts_with(rows(first).unwrap_or_default());
    paths.all(same).then_some(first)
}

fn clashes_in(format: Format, direction: Direction, side: &Side, reader: &mut Reader) {
    let mut fields: Vec<_> =
        side.fields.iter().filter_map(|field| Some((field, field.path.clone()?))).collect();
    loop {
        let paths: Vec<_> = fields.iter().map(|(_, path)| path.clone()).collect();
        let declared = Declared { paths: &paths, undeclared: side.unknown_fields, rows: None };
        let Err(clash) = Walker::compile(format, direction, declared) else { return };
        let FieldId(second) = match clash {
            Clash::Twice { second, .. } | Clash::Within { second, .. } => second,
            Clash::Shape { field, .. } | Clash::NoPlace { field, .. } => field,
            Clash::TooMany => {
                reader.report(
                    Code::FieldClash,
                    side.span,
                    format!("{}.", capital(&clash.to_string())),
                    "Declare fewer fields.",
                );
                return;
            }
        };
        if usize::from(second) >= fields.len() {
            return;
        }
        let (field, _) = fields.remove(usize::from(second));
        let help = match clash {
            Clash::NoPlace { .. } => "Name it as this format has it, or say another `payload`.",
            _ => "Declare either the whole as one value, or its parts.",
        };
        reader.report(Code::FieldClash, field.name.span, format!("{}.", capital(&clash.to_string())), help);
    }
}

/// What the organisation says of a field's category.
pub(super) fn defaults_of<'a>(set: &'a PolicySet, field: &Field) -> Option<&'a Destinations> {
    super::law::defaults(set.organisation.as_ref()?, field)
}

/// A record holds the fields of both sides under their names, so no name may be kept from both.
fn kept_twice(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let default = |field: &Field| defaults_of(set, field)?.stored.as_ref();
    let kept = |field: &&Field| {
        let stored = field.destinations.stored.as_ref().or_else(|| default(field));
        stored.is_some_and(|stored| stored.value != Spec::LeaveOut)
    };
    let (Some(request), Some(response)) = (&activity.request, &activity.response) else { return };
    for field in response.fields.iter().filter(kept) {
        if request.fields.iter().filter(kept).any(|asked| asked.path == field.path) {
            let help = "Keep one of the two: leave `stored` out on the other side.";
            let message = format!("`{}` is kept from the request already.", field.name.value);
            reader.report(Code::FieldClash, field.name.span, message, help);
        }
    }
}

fn exports(set: &PolicySet, side: &Side, reader: &mut Reader) {
    let nothing = |spec: &Option<Spanned<Spec>>| !matches!(spec, Some(spec) if spec.value != Spec::LeaveOut);
    for field in &side.fields {
        let own = &field.destinations;
        if let Some(export) = &own.export
            && export.value != Spec::LeaveOut
            && own.stored.is_some()
            && nothing(&own.stored)
        {
            let help = "Store it, or leave `export` out.";
            reader.report(
                Code::NothingToExport,
                export.span,
                "An export shows what is kept, and this field is not.",
                help,
            );
        }
        let default = defaults_of(set, field);
        let stored = own.stored.as_ref().or_else(|| default?.stored.as_ref());
        let export = own.export.as_ref().or_else(|| default?.export.as_ref());
        if let (Some(stored), Some(export)) = (stored, export)
            && let Some(error) = export_unfit(&stored.value, &export.value, field)
        {
            let span = own.export.as_ref().map_or(field.name.span, |own| own.span);
            let message = format!("What is kept of `{}` is something else: {error}.", field.name.value);
            let help = "An export treats what `stored` kept: say `unchanged` or `pseudonymize`, or store it otherwise.";
            reader.report(Code::ActionUnfit, span, message, help);
        }
    }
}

/// Why an export cannot treat what is kept, where it could treat what came.
fn export_unfit(stored: &Spec, export: &Spec, field: &Field) -> Option<SpecError> {
    let came = field.rules.kind.map(RuleKind::kind);
    let compile = |spec, kind| Action::compile(spec, kind, |_| Some(0));
    let kept = match stored {
        Spec::Unchanged | Spec::LeaveOut => came,
        stored => compile(stored, came).ok()?.output_kind(came.unwrap_or(Kind::String)),
    };
    compile(export, came).ok()?;
    compile(export, kept).err()
}

/// Whether a field belongs to the rows of a format.
fn in_rows(format: Format, side: &Side, path: &Path) -> bool {
    let paths: Vec<_> = side.fields.iter().filter_map(|field| field.path.clone()).collect();
    let field = paths.iter().position(|other| other == path).and_then(|place| u16::try_from(place).ok());
    let declared = Declared { paths: &paths, undeclared: side.unknown_fields, rows: None };
    let walker = Walker::compile(format, Direction::Request, declared);
    matches!((walker, field), (Ok(walker), Some(field)) if walker.row(FieldId(field), &[0]).0.is_some())
}

/// A category's default must fit every field that takes it.
fn category_actions(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let asked = activity.request.iter().flat_map(|side| &side.fields);
    let answered = activity.response.iter().flat_map(|side| &side.fields);
    let treated = parameters::treated(activity).map(|(_, field)| field);
    let fields = asked.map(|field| (field, Direction::Request));
    let fields = fields.chain(answered.map(|field| (field, Direction::Response)));
    for (field, direction) in fields.chain(treated.map(|field| (field, Direction::Request))) {
        let Some(default) = defaults_of(set, field) else { continue };
        let own = &field.destinations;
        if direction == Direction::Request {
            number_becomes_text(field, default, reader);
        }
        for (own, default) in [
            (own.outward(direction), default.outward(direction)),
            (own.stored.as_ref(), default.stored.as_ref()),
            (own.export.as_ref(), default.export.as_ref()),
        ] {
            if let (None, Some(default)) = (own, default) {
                let default = Spanned::new(default.value.clone(), field.name.span);
                check_action(&default, field.rules.kind, reader);
            }
        }
    }
}

/// A category does not know that the upstream expects a number: whether it gets one, the field says.
fn number_becomes_text(field: &Field, default: &Destinations, reader: &mut Reader) {
    let number = matches!(field.rules.kind, Some(RuleKind::Integer | RuleKind::Number));
    let text = default
        .upstream
        .as_ref()
        .is_some_and(|default| default.value == (Spec::Pseudonymize { as_integer: false }));
    if number && text && field.destinations.upstream.is_none() {
        let message = format!(
            "`{}` is a number, and its category makes a text of it for the upstream.",
            field.name.value
        );
        let help =
            "Say at the field which it is: `upstream: { pseudonymize: { as: integer } }`, or `as: string`.";
        reader.report(Code::ActionUnfit, field.name.span, message, help);
    }
}

fn data_subject(activity: &Activity, reader: &mut Reader) {
    let Some(Spanned { value: DataSubject::Body(path) | DataSubject::Rows(path), span }) =
        &activity.data_subject
    else {
        return;
    };
    let Some(request) = &activity.request else { return };
    let Some(field) = request.fields.iter().find(|field| field.path.as_ref() == Some(path)) else {
        let name = Spanned::new(path.to_string(), *span);
        unknown(
            &name,
            "request field",
            "",
            request.fields.iter().map(|field| field.name.value.as_str()),
            reader,
        );
        return;
    };
    let rows =
        matches!(&activity.data_subject, Some(subject) if matches!(subject.value, DataSubject::Rows(_)));
    let json = formats(activity, Direction::Request).iter().any(|format| !format.has_rows());
    let many = path.steps().iter().filter(|step| **step == Step::Every).count();
    let of_each_row =
        !rows && formats(activity, Direction::Request).iter().any(|&format| in_rows(format, request, path));
    let fault = if !rows && many > 0 || rows && many > usize::from(json) {
        Some("it can name several persons")
    } else if rows && many == 0 && json {
        Some(
            "in a format without rows of its own the path has the `[*]` of the array whose elements are the rows",
        )
    } else if rows
        && many == 1
        && formats(activity, Direction::Request).iter().any(|format| format.has_rows())
    {
        Some("it can name several persons of one row")
    } else if of_each_row {
        Some("each row of this format has one")
    } else if rows
        && formats(activity, Direction::Request)
            .iter()
            .any(|&format| format.has_rows() && !in_rows(format, request, path))
    {
        Some("it is of the whole body, and not of each row")
    } else if formats(activity, Direction::Request).contains(&Format::KserveV2)
        && matches!(path.steps(), [Step::Member(of), Step::Member(_)] if &**of == "parameters")
    {
        Some("a parameter may stand in several places of a call")
    } else if !field.required || field.rules.nullable {
        Some("it may be missing")
    } else if !matches!(field.rules.kind, None | Some(RuleKind::String | RuleKind::Integer)) {
        Some("it is neither text nor a whole number")
    } else if field.rules.sanitize.is_some() {
        Some("sanitising may change who it names after the person was looked up")
    } else {
        None
    };
    let bodyless = activity.routes.iter().any(|route| route.bodyless);
    let fault = fault.or(bodyless.then_some("a route with `payload: none` has no body"));
    if let Some(fault) = fault {
        let help = if bodyless {
            "Find the person in the call's head: `data_subject: path.NAME`, `query.NAME`, `header.NAME` or `token.CLAIM`.".into()
        } else if of_each_row {
            format!("Name it of each row: `data_subject: rows.{path}`.")
        } else {
            let of = if rows { "each row" } else { "the body" };
            format!(
                "Name a required field of type string or integer that stands once in {of} and is not sanitised."
            )
        };
        reader.report(
            Code::DataSubjectField,
            *span,
            format!("`{path}` cannot say whose data it is: {fault}."),
            help,
        );
    }
}
