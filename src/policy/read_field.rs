//! Reads fields, parameters, and the rules for their values.

use super::codes::Code;
use super::diagnostics::Spanned;
use super::model::{Field, HeadPart, Param, Side, WholeBody};
use super::read_action::{Of, destinations, said_which};
use super::reader::{Map, Reader, capital};
use super::shape;
use super::units::{digits, size};
use super::yaml::{Content, Entry, Meaning, Node};
use crate::action::{Action, Spec};
use crate::check::{Check, Format, Length, Range, RefuseKind, RuleKind, Rules, Sanitize};
use crate::net::headers::why_not_declared;
use crate::payload::{Direction, Path, Undeclared, is_media_type};

/// What stands in `request` or `response`.
pub(super) fn side(node: &Node, direction: Direction, reader: &mut Reader) -> Option<Side> {
    let request = direction == Direction::Request;
    let mut map = reader.map(node, if request { &shape::REQUEST } else { &shape::RESPONSE })?;
    let span = map.span;
    let unknown_fields = map.take("unknown_fields").and_then(|node| {
        reader.word(node, &[("refuse", Undeclared::Refuse), ("leave_out", Undeclared::LeaveOut)])
    });
    let fields =
        map.must("fields", "List the fields under `fields`, or write `fields: {}` where there are none.");
    let fields = fields.and_then(|node| reader.names(node, "fields")).unwrap_or_default();
    let fields = fields.iter().filter_map(|entry| field(entry, direction, reader)).collect();
    let (mut query, mut path) = (Vec::new(), Vec::new());
    if request {
        query = map.take("query").map(|node| params(node, HeadPart::Query, reader)).unwrap_or_default();
        path = map.take("path").map(|node| params(node, HeadPart::Path, reader)).unwrap_or_default();
    } else {
        map.not_here("query", "Declare it under `request` or at the route.", reader);
        map.not_here("path", "Declare it under `request` or at the route.", reader);
    }
    let headers = map.take("headers").map(|node| self::headers(node, direction, reader)).unwrap_or_default();
    let schema = map.take("schema").and_then(|node| reader.text(node));
    let schema = schema.map(|file| WholeBody { file, compiled: None });
    map.finish(reader);
    Some(Side {
        span,
        unknown_fields: unknown_fields.unwrap_or(Undeclared::Refuse),
        fields,
        query,
        path,
        headers,
        schema,
    })
}

fn field(entry: &Entry, direction: Direction, reader: &mut Reader) -> Option<Field> {
    let path = match Path::parse(&entry.key) {
        Ok(path) => Some(path),
        Err(error) => {
            let help = "Write member names with dots between them, `[*]` for every element: `customer.addresses[*].zip`.";
            reader.report(
                Code::FieldPath,
                entry.at,
                format!("`{}` cannot be read as a field name: {error}.", entry.key),
                help,
            );
            None
        }
    };
    let mut map = reader.map(
        &entry.value,
        if direction == Direction::Request { &shape::REQUEST_FIELD } else { &shape::RESPONSE_FIELD },
    )?;
    map.span = entry.at;
    let category = map.take("category").and_then(|node| reader.text(node));
    let rules = rules(&mut map, reader);
    let required = map.take("required").and_then(|node| reader.boolean(node)).unwrap_or(true);
    if direction == Direction::Request {
        said_which(&map, rules.kind, reader);
    }
    let destinations = destinations(&mut map, Of::Field(direction), reader);
    let justification = map.take("justification").and_then(|node| reader.text(node)).map(|text| text.value);
    map.finish(reader);
    let kind = rules.kind;
    let otherwise = destinations.gate.as_ref().and_then(|gate| gate.value.otherwise.as_ref());
    for spec in destinations.all().chain(otherwise) {
        check_action(spec, kind, reader);
    }
    let name = Spanned::new(entry.key.clone(), entry.at);
    Some(Field { name, path, category, rules, required, destinations, justification })
}

/// Where files can be.
pub(super) const FILES: &str =
    "Files come as fields of bodies with `payload: multipart`; say another `type` or another `payload`.";

/// Reports an action that makes no sense for values of the type; whether its key exists is the deployment's matter.
pub(super) fn check_action(spec: &Spanned<Spec>, kind: Option<RuleKind>, reader: &mut Reader) {
    if let Err(error) = Action::compile(&spec.value, kind.map(RuleKind::kind), |_| Some(0)) {
        reader.report(
            Code::ActionUnfit,
            spec.span,
            format!("{}.", capital(&error.to_string())),
            error.mend(),
        );
    }
}

/// Query or path parameters.
pub(super) fn params(node: &Node, place: HeadPart, reader: &mut Reader) -> Vec<Param> {
    let entries = reader.names(node, "parameters").unwrap_or_default();
    entries.iter().filter_map(|entry| param(entry, Some(place), reader)).collect()
}

/// A parameter of a call; without a place, a header of an answer.
fn param(entry: &Entry, place: Option<HeadPart>, reader: &mut Reader) -> Option<Param> {
    let shape = match place {
        Some(HeadPart::Path) => &shape::PATH_PARAMETER,
        Some(HeadPart::Query) => &shape::QUERY_PARAMETER,
        Some(HeadPart::Header) => &shape::REQUEST_HEADER,
        None => &shape::RESPONSE_HEADER,
    };
    if entry.key.is_empty() || entry.key.chars().any(char::is_control) {
        reader.report(
            Code::WrongValue,
            entry.at,
            "A parameter has a name.",
            "Write the name before the colon.",
        );
        return None;
    }
    let before = reader.found.len();
    let mut map = reader.map(&entry.value, shape)?;
    map.span = entry.at;
    let words = ["category", "upstream", "stored", "justification"];
    let treated = words.iter().any(|word| map.has(word));
    if place.is_none() {
        let help = "Leave it out: a header of an answer passes as it came.";
        words.into_iter().for_each(|word| map.not_here(word, help, reader));
    }
    map.not_yet(&["export"], reader);
    let category = map.take_known("category").and_then(|node| reader.text(node));
    for word in ["nullable", "sanitize"] {
        let help = "Leave it out: a parameter passes as it came, or the call is refused.";
        map.not_here(word, help, reader);
    }
    let rules = rules(&mut map, reader);
    if rules.kind == Some(RuleKind::File) {
        reader.report(
            Code::FileNotHere,
            map.place_of("type"),
            format!("{} is never a file.", capital(shape.what)),
            FILES,
        );
    }
    if place.is_some() {
        said_which(&map, rules.kind, reader);
    }
    let always = matches!(place, Some(HeadPart::Path | HeadPart::Query));
    let required = map.take("required").and_then(|node| reader.boolean(node)).unwrap_or(always);
    let destinations = destinations(&mut map, Of::Field(Direction::Request), reader);
    let justification =
        map.take_known("justification").and_then(|node| reader.text(node)).map(|text| text.value);
    map.finish(reader);
    for spec in [&destinations.upstream, &destinations.stored].into_iter().flatten() {
        check_action(spec, rules.kind, reader);
    }
    let treated = place.filter(|_| treated).map(|place| {
        let name = match place {
            HeadPart::Header => entry.key.to_ascii_lowercase(),
            HeadPart::Path | HeadPart::Query => entry.key.clone(),
        };
        let path = Path::within(place.word(), &name);
        Box::new(Field {
            name: Spanned::new(path.to_string(), entry.at),
            path: Some(path),
            category,
            rules: rules.clone(),
            required,
            destinations,
            justification,
        })
    });
    let sound = reader.found.len() == before;
    Some(Param { name: Spanned::new(entry.key.clone(), entry.at), rules, required, sound, treated })
}

/// An allow-list of headers: names, or names with rules.
pub(super) fn headers(node: &Node, direction: Direction, reader: &mut Reader) -> Vec<Param> {
    let mut headers: Vec<Param> = match &node.content {
        Content::List(nodes) => nodes
            .iter()
            .filter_map(|node| {
                let rules = Rules { kind: Some(RuleKind::String), ..Rules::default() };
                Some(Param { name: reader.text(node)?, rules, required: false, sound: true, treated: None })
            })
            .collect(),
        _ => {
            let entries = reader.names(node, "headers").unwrap_or_default();
            let place = (direction == Direction::Request).then_some(HeadPart::Header);
            entries.iter().filter_map(|entry| param(entry, place, reader)).collect()
        }
    };
    for header in &mut headers {
        let Ok(name) = http::HeaderName::try_from(header.name.value.as_str()) else {
            reader.report(
                Code::WrongValue,
                header.name.span,
                format!("`{}` cannot be the name of a header.", header.name.value),
                "Use letters, digits and `-`.",
            );
            continue;
        };
        if let Some(why) = why_not_declared(&name) {
            let message = format!("The header `{name}` never passes: {why}.");
            reader.report(Code::HeaderNotAllowed, header.name.span, message, "Leave it out.");
            header.sound = false;
        }
        header.name.value = name.as_str().to_owned();
    }
    let mut seen: Vec<&str> = Vec::new();
    for header in &headers {
        if seen.contains(&header.name.value.as_str()) {
            reader.report(
                Code::NameTwice,
                header.name.span,
                format!("The header `{}` is listed twice.", header.name.value),
                "Leave one of them out; upper and lower case are the same.",
            );
        }
        seen.push(&header.name.value);
    }
    headers
}

/// The words that say what a value must look like, checked together.
fn rules(map: &mut Map<'_>, reader: &mut Reader) -> Rules {
    let before = reader.found.len();
    let kinds = words(RuleKind::ALL, RuleKind::word);
    let kind = map.must("type", "Say `type: string`, `integer`, `number`, `boolean` or `file`.");
    let kind = kind.and_then(|node| reader.word(node, &kinds));
    let length = map.take("length").and_then(|node| length(node, kind, reader));
    let range = map.take("range").and_then(|node| range(node, reader));
    let one_of = map.take("one_of").and_then(|node| one_of(node, kind, reader)).unwrap_or_default();
    let pattern = map.take("pattern").and_then(|node| reader.text(node)).map(|text| text.value);
    let formats = words(Format::ALL, Format::word);
    let format = map.take("format").and_then(|node| reader.word(node, &formats));
    let nullable = map.take_known("nullable").and_then(|node| reader.boolean(node)).unwrap_or(false);
    let sanitize =
        map.take_known("sanitize").and_then(|node| reader.word(node, &words(Sanitize::ALL, Sanitize::word)));
    let refuse = map.take("refuse").and_then(|node| {
        let nodes = reader.list(node, "things to refuse")?;
        let kinds = words(RefuseKind::ALL, RefuseKind::word);
        Some(nodes.iter().filter_map(|node| reader.word(node, &kinds)).collect())
    });
    let refuse = refuse.unwrap_or_default();
    let media = map.take_known("media").map(|node| media(node, reader)).unwrap_or_default();
    let rules = Rules { kind, length, range, one_of, pattern, format, nullable, sanitize, refuse, media };
    // What could not be read would only be reported once more.
    if kind.is_some()
        && reader.found.len() == before
        && let Err(error) = Check::compile(&rules)
    {
        let span = map.place_of(error.word());
        reader.report(
            Code::RulesContradict,
            span,
            format!("{}.", capital(&with_cause(&error))),
            error.mend(),
        );
    }
    rules
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => {
            let cause = cause.to_string();
            let last = cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("{error}: {last}")
        }
        None => error.to_string(),
    }
}

/// A closed list as [`Reader::word`] takes it.
pub(super) fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|one| (word(*one), *one)).collect()
}

/// The media types that a file may have.
fn media(node: &Node, reader: &mut Reader) -> Vec<String> {
    let texts = reader.texts(node, "Media types").unwrap_or_default();
    let mut media = Vec::with_capacity(texts.len());
    for text in texts {
        if !is_media_type(&text.value) || text.value.starts_with("multipart/") {
            let message = format!("`{}` is no media type of a file.", text.value);
            let help = "Write type and subtype in lower case, without parameters: `image/png`.";
            reader.report(Code::WrongValue, text.span, message, help);
        }
        media.push(text.value);
    }
    media
}

fn length(node: &Node, kind: Option<RuleKind>, reader: &mut Reader) -> Option<Length> {
    let file = kind == Some(RuleKind::File);
    let end = |text: &str| digits(text).or_else(|| size(text).filter(|_| file));
    let parse = |text: &str| match text.split_once("..") {
        Some((min, max)) => {
            let min = if min.is_empty() { 0 } else { end(min)? };
            let max = if max.is_empty() { None } else { Some(end(max)?) };
            (text != "..").then_some(Length { min, max })
        }
        None => end(text).map(|exact| Length { min: exact, max: Some(exact) }),
    };
    if file {
        let help = "Write the smallest and the largest, in bytes: `1..5MiB`, `..512KiB`.";
        return reader.parsed(node, parse, "a length of files", help);
    }
    reader.parsed(
        node,
        parse,
        "a length",
        "Write the shortest and the longest, in characters: `1..100`, `1..` or `5`.",
    )
}

fn range(node: &Node, reader: &mut Reader) -> Option<Range> {
    let parse = |text: &str| {
        let (min, max) = text.split_once("..")?;
        let end = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (text != "..").then(|| Range { min: end(min), max: end(max) })
    };
    reader.parsed(
        node,
        parse,
        "a range",
        "Write the least and the most, both included: `0..130`, `1..` or `-0.5..0.5`.",
    )
}

fn one_of(node: &Node, kind: Option<RuleKind>, reader: &mut Reader) -> Option<Vec<String>> {
    let nodes = reader.list(node, "possible values")?;
    if nodes.is_empty() {
        reader.report(
            Code::WrongValue,
            node.span,
            "No value would be possible.",
            "List the values, or leave `one_of` out.",
        );
    }
    let mut values = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(scalar) = reader.scalar(node) else { continue };
        let text = scalar.meaning == Meaning::Text;
        if kind == Some(RuleKind::String) && !text {
            reader.report(
                Code::WrongValue,
                node.span,
                format!("A text is expected, and `{}` is none.", scalar.text),
                format!("Put it in quotes if the text is meant: \"{}\".", scalar.text),
            );
        }
        values.push(scalar.text.clone());
    }
    Some(values)
}
