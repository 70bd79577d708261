//! A JSON Schema, flattened to the single values that it lets stand: OpenAPI 3.0's dialect and JSON Schema 2020-12.
//!
//! What a policy cannot say as one field of one type is not drafted but noted: a field that is not declared is refused, so
//! what is missing here never passes unseen.

use serde_json::{Map, Value};

use super::scalar;
use super::unsaid::unsaid;
use crate::draft::document::local;
use crate::draft::model::{Blocked, Field};
use crate::draft::yaml::LONGEST_NAME;
use crate::payload::{Path, Step};

/// Most fields of one body.
const FIELDS: usize = 500;
/// Most schemas that are looked at for one body: a description with cycles or wide unions has no end of them.
const VISITS: usize = 20_000;
/// Most levels of a body, as a policy's `limits` have it unless they say more.
const DEPTH: usize = 16;
/// Most references that are followed at one place.
const HOPS: usize = 32;

/// Which way a body goes: some fields are the server's to write, some the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Request,
    /// A request in parts, of which one may be a file.
    Form,
    Response,
}

/// What came of a schema.
#[derive(Debug, Default)]
pub(super) struct Flat {
    pub(super) fields: Vec<Field>,
    /// What could not be drafted, each with its place.
    pub(super) notes: Vec<String>,
    /// What of that must be there.
    pub(super) blocked: Vec<Blocked>,
}

/// Flattens the schema of a body. `example` is an example of the whole.
pub(super) fn flatten(document: &Value, schema: &Value, body: Body, example: Option<&Value>) -> Flat {
    let mut walk = Walk { document, body, flat: Flat::default(), visits: 0, stopped: false };
    let at = Place { steps: Vec::new(), required: true, example, describes: "" };
    walk.schema(schema, at, &mut Vec::new());
    walk.flat
}

struct Walk<'d> {
    document: &'d Value,
    body: Body,
    flat: Flat,
    visits: usize,
    stopped: bool,
}

/// Where a schema stands in the body.
#[derive(Clone)]
struct Place<'d> {
    steps: Vec<Step>,
    required: bool,
    example: Option<&'d Value>,
    describes: &'d str,
}

impl Place<'_> {
    fn name(&self) -> String {
        Path::of(self.steps.clone()).map_or_else(|| "the body".into(), |path| format!("`{path}`"))
    }
}

impl<'d> Walk<'d> {
    fn note(&mut self, at: &Place<'_>, why: &str) {
        self.noted(&at.name(), why);
    }

    fn noted(&mut self, name: &str, why: &str) {
        const NOTES: usize = 50;
        if self.flat.notes.len() < NOTES {
            self.flat.notes.push(format!("{name}: {why}"));
        }
    }

    /// Notes what no field can be. Where it must be there, no call can be made.
    fn missing(&mut self, at: &Place<'_>, why: &str) {
        self.lacks(at, why, false);
    }

    /// The same, and whether a person can declare it of one of its types.
    fn lacks(&mut self, at: &Place<'_>, why: &str, by_hand: bool) {
        const BLOCKED: usize = 20;
        if at.required
            && self.flat.blocked.len() < BLOCKED
            && let Some(path) = Path::of(at.steps.clone())
        {
            self.flat.blocked.push(Blocked { path, why: why.to_owned(), by_hand });
        }
        self.note(at, why);
    }

    /// Notes what becomes of `null` where an object, or a `list`, may stand.
    fn may_be_null(&mut self, at: &Place<'_>, list: bool) {
        let here = match (self.body, at.steps.last()) {
            (_, None) => "a body is refused that is null",
            (Body::Form, _) => "a form has no null, and it can be left out",
            (_, Some(Step::Member(_))) if list => {
                "null passes, but not as the list of rows, and nothing below it has to be there"
            }
            (_, Some(Step::Member(_))) => "null passes, and nothing below it has to be there",
            (_, Some(Step::Every)) => "null passes, but not as a row, and nothing below it has to be there",
        };
        self.note(at, &format!("it may be null as a whole in the API; here {here}"));
    }

    /// Whether a bound is reached; said once.
    fn over(&mut self, at: &Place<'_>) -> bool {
        self.visits += 1;
        let why = if self.visits > VISITS {
            "the description has no end: what lies further is not drafted"
        } else if self.flat.fields.len() >= FIELDS {
            "more than 500 fields: the rest is not drafted"
        } else {
            return self.stopped;
        };
        if !self.stopped {
            self.stopped = true;
            self.missing(at, why);
        }
        true
    }

    /// `open` holds the references that lead here, so that a cycle is seen.
    fn schema(&mut self, schema: &'d Value, mut at: Place<'d>, open: &mut Vec<&'d str>) {
        if self.over(&at) {
            return;
        }
        if at.steps.len() > DEPTH {
            self.missing(&at, "it lies more than 16 levels deep");
            return;
        }
        let entered = open.len();
        let Some(Merged { parts, nullable }) = self.merged(schema, &at, open) else {
            open.truncate(entered);
            return;
        };
        let find = |key: &str| parts.iter().find_map(|part| part.get(key));
        if let Some(text) = find("description").or_else(|| find("title")).and_then(Value::as_str) {
            at.describes = text;
        }
        if at.example.is_none() {
            let listed = find("examples").and_then(Value::as_array).and_then(|examples| examples.first());
            at.example = find("example").or(listed).or_else(|| find("default"));
        }
        let hidden = if self.body == Body::Response { "writeOnly" } else { "readOnly" };
        if find(hidden) == Some(&Value::Bool(true)) {
            open.truncate(entered);
            return;
        }
        let is_object = parts.iter().any(|part| part.contains_key("properties"));
        let kind = scalar::kind(&parts);
        let of_object = is_object.then_some("object");
        let told = of_object.or(kind.as_deref()).and_then(|kind| unsaid(&parts, kind));
        let told = told.map(|told| (at.name(), told));
        match kind.as_deref() {
            _ if is_object => self.object(&parts, &at, nullable, open),
            Some("object") => self.object(&parts, &at, nullable, open),
            Some("array") => self.array(&parts, &at, nullable, open),
            Some("string" | "integer" | "number" | "boolean") => self.value(&parts, at, nullable),
            Some("null") => self.missing(&at, "it can only be null"),
            Some(other) => {
                let why = format!("its type is {}: a field has one type", printable(other));
                self.lacks(&at, &why, other.split(", ").all(is_plain));
            }
            None => self.missing(&at, "the description does not say of what type it is"),
        }
        // Behind what is told of the same place: that may be why nothing of it can be declared.
        if let Some((name, told)) = told {
            self.noted(&name, &told);
        }
        open.truncate(entered);
    }

    fn object(
        &mut self,
        parts: &[&'d Map<String, Value>],
        at: &Place<'d>,
        nullable: bool,
        open: &mut Vec<&'d str>,
    ) {
        if nullable {
            self.may_be_null(at, false);
        }
        let mut names: Vec<(&'d str, &'d Value)> = Vec::new();
        for properties in parts.iter().filter_map(|part| part.get("properties")?.as_object()) {
            for (name, schema) in properties {
                if !names.iter().any(|(other, _)| other == name) {
                    names.push((name, schema));
                }
            }
        }
        if names.is_empty() {
            let why =
                "it is an object whose names the description does not give: declare those that may come";
            self.missing(at, why);
            return;
        }
        let free = parts.iter().find_map(|part| part.get("additionalProperties"));
        if free.is_some_and(|free| *free == Value::Bool(true) || free.is_object()) {
            self.note(at, "other names may come in the API; here they are refused until they are declared");
        }
        for (name, schema) in names {
            let required = |part: &&Map<String, Value>| {
                let names = part.get("required").and_then(Value::as_array);
                names.is_some_and(|names| names.iter().any(|other| other.as_str() == Some(name)))
            };
            let mut inner = at.clone();
            inner.steps.push(Step::Member(name.into()));
            inner.required = at.required && !nullable && parts.iter().any(required);
            inner.example = at.example.and_then(|example| example.get(name));
            inner.describes = "";
            if name.chars().count() > LONGEST_NAME {
                self.note(at, "one of its names is longer than 90 characters");
                continue;
            }
            self.schema(schema, inner, open);
        }
    }

    fn array(
        &mut self,
        parts: &[&'d Map<String, Value>],
        at: &Place<'d>,
        nullable: bool,
        open: &mut Vec<&'d str>,
    ) {
        if nullable {
            self.may_be_null(at, true);
        }
        if parts.iter().any(|part| part.contains_key("prefixItems")) {
            self.missing(at, "its elements differ by their place: a policy names all elements at once");
            return;
        }
        let Some(items) = parts.iter().find_map(|part| part.get("items")) else {
            self.missing(at, "the description does not say of what its elements are");
            return;
        };
        let mut inner = at.clone();
        inner.steps.push(Step::Every);
        inner.required = at.required && !nullable;
        inner.example = at.example.and_then(|example| example.get(0));
        self.schema(items, inner, open);
    }

    fn value(&mut self, parts: &[&'d Map<String, Value>], at: Place<'d>, nullable: bool) {
        let Some(path) = Path::of(at.steps.clone()) else {
            self.missing(&at, "it is a single value without a name, and a policy names fields");
            return;
        };
        if path.to_string().chars().count() > 4 * LONGEST_NAME {
            self.missing(&at, "its path is longer than 360 characters");
            return;
        }
        match scalar::rules(parts, nullable, self.body == Body::Form) {
            Ok((rules, because)) => self.flat.fields.push(Field {
                describes: at.describes.chars().take(300).collect(),
                example: at.example.cloned(),
                because,
                ..Field::of(path, rules, at.required)
            }),
            Err(why) => self.missing(&at, &why),
        }
    }

    /// A schema with what its references and `allOf` add, and the one alternative that is not null. `None` where it
    /// cannot be drafted; then that was noted.
    fn merged(&mut self, schema: &'d Value, at: &Place<'_>, open: &mut Vec<&'d str>) -> Option<Merged<'d>> {
        let mut merged = Merged { parts: Vec::new(), nullable: false };
        let mut waiting = vec![(schema, 0_usize)];
        while let Some((schema, hops)) = waiting.pop() {
            if self.over(at) {
                return None;
            }
            let Some(part) = schema.as_object() else {
                self.missing(at, "the description lets anything, or nothing, stand there");
                return None;
            };
            if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
                if open.contains(&reference) || hops >= HOPS {
                    self.missing(at, "it holds itself: deeper levels are not drafted");
                    return None;
                }
                let Some(target) = local(self.document, reference) else {
                    self.missing(
                        at,
                        "it is described in another document, or nowhere: nothing outside is fetched",
                    );
                    return None;
                };
                open.push(reference);
                waiting.push((target, hops + 1));
            }
            for inner in part.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                waiting.push((inner, hops + 1));
            }
            merged.nullable |= part.get("nullable") == Some(&Value::Bool(true)) || scalar::may_be_null(part);
            for word in ["anyOf", "oneOf"] {
                let Some(alternatives) = part.get(word).and_then(Value::as_array) else { continue };
                let (null, other): (Vec<&Value>, Vec<&Value>) =
                    alternatives.iter().partition(|one| is_null(one));
                merged.nullable |= !null.is_empty();
                match other.as_slice() {
                    [] => {}
                    [one] => waiting.push((one, hops + 1)),
                    several => {
                        let Some(common) = self.common(several) else {
                            let plain = several.iter().all(|one| is_of_plain_type(one));
                            self.lacks(
                                at,
                                "it can be one of several things: a field is one, of one type",
                                plain,
                            );
                            return None;
                        };
                        waiting.extend(common.into_iter().map(|one| (one, hops + 1)));
                    }
                }
            }
            merged.parts.push(part);
        }
        Some(merged)
    }

    /// Of alternatives, what stands for all of them: an integer or a number is a number. Anything else is not guessed.
    fn common(&self, alternatives: &[&'d Value]) -> Option<Vec<&'d Value>> {
        let kind = |one: &Value| one.get("type").and_then(Value::as_str).map(str::to_owned);
        let kinds: Vec<String> = alternatives.iter().filter_map(|one| kind(one)).collect();
        if kinds.len() != alternatives.len() {
            return None;
        }
        let plain = alternatives.iter().all(|one| {
            one.as_object().is_some_and(|one| {
                one.keys().all(|key| matches!(key.as_str(), "type" | "title" | "description"))
            })
        });
        let numbers = kinds.iter().all(|kind| kind == "integer" || kind == "number");
        let number = alternatives.iter().find(|one| kind(one).as_deref() == Some("number"));
        (plain && numbers).then(|| number.into_iter().copied().collect())
    }
}

struct Merged<'d> {
    parts: Vec<&'d Map<String, Value>>,
    nullable: bool,
}

/// Whether it is a value that a field can be, as pydantic's decimals are numbers or texts.
fn is_of_plain_type(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str).is_some_and(is_plain)
}

fn is_plain(kind: &str) -> bool {
    matches!(kind, "string" | "integer" | "number" | "boolean")
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null") || schema.get("const") == Some(&Value::Null)
}

/// A stranger's word, for a note.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
