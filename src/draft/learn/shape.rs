//! The shapes of the bodies of one call: which members were there how often, and what single values stood in them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stats::Stats;
use crate::check::Format;
use crate::draft::model::{Blocked, Field};
use crate::draft::yaml::LONGEST_NAME;
use crate::draft::{category, numbered};
use crate::payload::{Path, Step};
use crate::policy::categories;

/// Most places of one body.
const PLACES: usize = 500;
const DEPTH: usize = 16;
/// More names than these, of which none is in most of the objects, are data: nobody gives so many fields by turns alone.
const NAMES: usize = 8;
const IN_DOUBT: &str = "names beside it came by turns and hold what it holds, as those of persons would: where it names somebody, take \
                        all of them out";

/// What the names of an object's members are, as far as one can tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Fields,
    /// Data: whom or what each member is about.
    Data,
    /// One or the other.
    InDoubt,
}

/// Bodies that were seen.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    root: Node,
    places: usize,
    /// What was beyond a bound.
    over: bool,
}

#[derive(Debug, Default)]
struct Node {
    /// How often it was there.
    present: u64,
    nulls: u64,
    objects: u64,
    arrays: u64,
    stats: Stats,
    members: BTreeMap<Box<str>, Node>,
    /// Member names that look like values were left aside.
    odd: u64,
    element: Option<Box<Node>>,
}

/// What became of bodies.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) fields: Vec<Field>,
    /// What could not be made a field.
    pub(super) notes: Vec<String>,
    /// What of that was always there.
    pub(super) blocked: Vec<Blocked>,
}

impl Found {
    fn missing(&mut self, path: &Path, required: bool, why: &str) {
        if required {
            self.blocked.push(Blocked { path: path.clone(), why: why.to_owned(), by_hand: false });
        }
        self.notes.push(format!("`{path}`: {why}"));
    }
}

impl Bodies {
    pub(super) fn count(&self) -> u64 {
        self.root.present
    }

    pub(super) fn add(&mut self, body: &Value) {
        self.root.add(body, 0, &mut self.places, &mut self.over);
    }

    /// Fields, and what could not be made one.
    pub(super) fn fields(&self) -> Found {
        let mut found = Found::default();
        let start = At { required: true, of: self.root.present, doubt: false };
        self.root.fields(&mut Vec::new(), start, &mut found);
        if self.over {
            found.notes.push("bodies had more than 500 fields or 16 levels: the rest is not drafted".into());
        }
        found
    }
}

impl Node {
    fn add(&mut self, value: &Value, depth: usize, places: &mut usize, over: &mut bool) {
        self.present += 1;
        match value {
            Value::Null => self.nulls += 1,
            Value::String(text) => self.stats.text(text),
            Value::Number(number) => self.stats.number(number),
            Value::Bool(_) => self.stats.boolean(),
            Value::Array(_) | Value::Object(_) if depth >= DEPTH => *over = true,
            Value::Array(elements) => {
                self.arrays += 1;
                let Some(node) = room(&mut self.element, places, over) else { return };
                elements.iter().for_each(|element| node.add(element, depth + 1, places, over));
            }
            Value::Object(members) => {
                self.objects += 1;
                for (name, value) in members {
                    if is_value(name) {
                        self.odd += 1;
                        continue;
                    }
                    if !self.members.contains_key(name.as_str()) {
                        if *places >= PLACES {
                            *over = true;
                            continue;
                        }
                        *places += 1;
                    }
                    self.members.entry(name.as_str().into()).or_default().add(value, depth + 1, places, over);
                }
            }
        }
    }

    fn fields(&self, steps: &mut Vec<Step>, at: At, out: &mut Found) {
        let At { required, of, doubt } = at;
        let Some(path) = Path::of(steps.clone()) else {
            self.inner(steps, true, doubt, out);
            if self.stats.total() > 0 {
                out.notes.push("the body was a single value, and a policy names fields".into());
            }
            return;
        };
        let required = required && self.present >= of;
        let kinds = [self.objects > 0, self.arrays > 0, self.stats.total() > 0];
        if kinds.iter().filter(|kind| **kind).count() > 1 {
            let why = "it was an object, a list or a single value by turns: a field is one";
            out.missing(&path, required, why);
            return;
        }
        if self.objects + self.arrays > 0 {
            if self.nulls > 0 {
                let but = match (steps.last(), self.arrays) {
                    (Some(Step::Every), _) => ", but not as a row",
                    (_, 1..) => ", but not as the list of rows",
                    _ => "",
                };
                out.notes.push(format!(
                    "`{path}`: it was null as a whole at times; null passes{but}, and nothing below it has to be there"
                ));
            }
            self.inner(steps, required && self.nulls == 0, doubt, out);
            return;
        }
        let found = category::category(&path, None, "");
        let facts = found.and_then(|found| categories::facts(&found.category)).unwrap_or_default();
        // Values of what may identify are not written down, however few there are.
        let list = !facts.identifying && !facts.special && !facts.criminal;
        match self.stats.rules(self.nulls > 0, list) {
            Ok(rules) => {
                let mut because = format!("{} of {of} have it; {}", self.present, self.stats.distinct());
                if rules.format.is_none() && rules.one_of.is_empty() && self.stats.fixed_length().is_some() {
                    because.push_str(" of one form, so all of one length");
                }
                let tenths = match self.present {
                    0..10 => 4,
                    10..50 => 6,
                    _ => 8,
                };
                let (tenths, because) = match doubt {
                    true => (2, vec![because, IN_DOUBT.to_owned()]),
                    false => (tenths, vec![because]),
                };
                out.fields.push(Field { because, tenths, seen: true, ..Field::of(path, rules, required) });
            }
            // Nothing but null came: without it the API may do as well.
            Err(why) => out.missing(&path, required && self.stats.total() > 0, why),
        }
    }

    fn inner(&self, steps: &mut Vec<Step>, required: bool, doubt: bool, out: &mut Found) {
        if self.odd > 0 {
            let name =
                Path::of(steps.clone()).map_or_else(|| "the body".to_owned(), |path| format!("`{path}`"));
            out.notes.push(format!("{name}: some of its names look like values, and are not written down: declare those that may come"));
        }
        let names = self.names(steps.last());
        if names == Names::Data {
            let why = "its names differ from body to body, as those of persons would, and are not written down: a policy names fields, so \
                       let the API take a list whose elements say whom each is about";
            match Path::of(steps.clone()) {
                Some(path) => out.missing(&path, required, why),
                None => out.notes.push(format!("the body: {why}")),
            }
            return;
        }
        let doubt = doubt || names == Names::InDoubt;
        for (name, member) in &self.members {
            steps.push(Step::Member(name.clone()));
            member.fields(steps, At { required, of: self.objects, doubt }, out);
            steps.pop();
        }
        if let Some(element) = &self.element {
            steps.push(Step::Every);
            element.fields(steps, At { required, of: element.present, doubt }, out);
            steps.pop();
        }
    }

    /// What the names of the members are. Fields have names that are there, and mostly differ in what they hold; names that are data come
    /// by turns, and all hold the same. `below` is what the object is called.
    fn names(&self, below: Option<&Step>) -> Names {
        let mut kinds = self.members.values().map(Node::kind);
        let Some(first) = kinds.next() else { return Names::Fields };
        if first.is_none() || kinds.any(|kind| kind != first) {
            return Names::Fields;
        }
        let of_persons = matches!(below, Some(Step::Member(name)) if names_persons(name));
        if of_persons && first == Some(Kind::Object) && self.members.len() > 1 {
            return Names::Data;
        }
        let most = self.members.values().map(|member| member.present).max().unwrap_or(0);
        match self.members.len() {
            many if many > NAMES && most.saturating_mul(2) <= self.objects => Names::Data,
            several if several > 1 && (most < self.objects || of_persons) => Names::InDoubt,
            _ => Names::Fields,
        }
    }

    /// What stood here; `None` where it was several things by turns, or nothing but null.
    fn kind(&self) -> Option<Kind> {
        let Stats { texts, integers, numbers, booleans, .. } = &self.stats;
        let seen = [
            (Kind::Object, self.objects),
            (Kind::Array, self.arrays),
            (Kind::Text, *texts),
            (Kind::Number, integers + numbers),
            (Kind::Boolean, *booleans),
        ];
        let mut kinds = seen.into_iter().filter(|(_, count)| *count > 0).map(|(kind, _)| kind);
        kinds.next().filter(|_| kinds.next().is_none())
    }
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct At {
    /// Whether every node above was always there.
    required: bool,
    /// How often this one could have been.
    of: u64,
    /// Whether the name of a node above may be data.
    doubt: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    Text,
    Number,
    Boolean,
}

/// Whether a name is a word for several persons: what stands below it may be called after each.
fn names_persons(name: &str) -> bool {
    let words = category::tokens(name);
    words.last().is_some_and(|last| {
        numbered::is_person(last)
            && (last == "people" || ["s", "en", "es"].iter().any(|many| last.ends_with(many)))
    })
}

fn room<'n>(element: &'n mut Option<Box<Node>>, places: &mut usize, over: &mut bool) -> Option<&'n mut Node> {
    if element.is_none() {
        if *places >= PLACES {
            *over = true;
            return None;
        }
        *places += 1;
    }
    Some(element.get_or_insert_default())
}

/// Whether a member's name is data: an object keyed by addresses or numbers would write persons into the policy.
pub(super) fn is_value(name: &str) -> bool {
    let formats = [
        Format::Email,
        Format::Uuid,
        Format::Date,
        Format::DateTime,
        Format::Ipv4,
        Format::Ipv6,
        Format::Phone,
    ];
    let digits = name.chars().filter(char::is_ascii_digit).count();
    name.is_empty()
        || name.chars().count() > LONGEST_NAME
        || name.contains('@')
        || digits >= 5
        || name.chars().all(|c| c.is_ascii_digit())
        || formats.iter().any(|format| format.matches(name))
}
